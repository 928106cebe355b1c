"""How rare peaks are."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.trainer.tasks.streamflow.frequency import (
    annual_peaks,
    return_periods,
    year_numbers,
)


def days(first: str, last: str) -> np.ndarray:
    return np.arange(np.datetime64(first), np.datetime64(last) + 1)


def test_a_year_is_named_after_its_end() -> None:
    time = np.array(["1980-09-30", "1980-10-01", "1981-09-30"], dtype="datetime64[D]")
    assert year_numbers(time).tolist() == [1980, 1981, 1981]
    assert year_numbers(time, 1).tolist() == [1980, 1980, 1981]


def test_peaks_are_those_of_whole_years() -> None:
    time = days("1980-10-01", "1982-12-31")
    flow = np.ones((len(time), 2))
    flow[time == np.datetime64("1981-03-05"), 0] = 9.0
    flow[time == np.datetime64("1982-03-05"), 0] = 7.0
    flow[400:440, 1] = np.nan
    years, peaks = annual_peaks(time, flow)
    assert years.tolist() == [1981, 1982, 1983]
    assert peaks[:2, 0].tolist() == [9.0, 7.0]
    assert peaks[0, 1] == 1.0
    assert np.isnan(peaks[1, 1])  # a tenth is missing
    assert np.isnan(peaks[2]).all()  # three months


def test_peaks_without_skew_return_as_a_normal_distribution_says() -> None:
    deviates = np.array([-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5])
    peaks = 10.0 ** (0.4 + 0.2 * deviates)[:, None]
    spread = 0.2 * deviates.std(ddof=1)
    expected = [1 / (1 - NormalDist().cdf(0.2 * z / spread)) for z in deviates.tolist()]
    np.testing.assert_allclose(return_periods(peaks, peaks)[:, 0], expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("skew", "years", "factor"),
    [  # frequency factors of Bulletin 17B, appendix 3
        (0.0, 10, 1.28155), (0.0, 100, 2.32635), (0.5, 10, 1.32309),
        (0.5, 100, 2.68572), (-0.5, 10, 1.21618), (-0.5, 100, 1.95472),
        (1.0, 50, 2.54206), (-1.0, 50, 1.49188),
    ],
)  # fmt: skip
def test_factors_are_those_of_the_bulletin(
    skew: float, years: float, factor: float
) -> None:
    from bmi_dmx.trainer.tasks.streamflow.frequency import _normal

    normal = float(_normal(np.array([factor]), np.array([skew]))[0])
    period = 1 / (0.5 * math.erfc(normal / math.sqrt(2)))
    # The approximation of Wilson and Hilferty, a hundredth of a factor off.
    assert period == pytest.approx(years, rel=0.06)


@given(st.integers(0, 60))
def test_higher_peaks_are_rarer_in_any_unit(seed: int) -> None:
    peaks = np.sort(np.random.default_rng(seed).gamma(2.0, 5.0, (30, 2)), axis=0)
    periods = return_periods(peaks, peaks)
    assert (np.diff(periods, axis=0) >= 0).all()
    assert (periods >= 1.0).all()
    np.testing.assert_allclose(return_periods(3 * peaks, 3 * peaks), periods, rtol=1e-6)


def test_a_few_peaks_have_no_distribution() -> None:
    peaks = np.array([[1.0], [2.0], [3.0], [4.0]])
    assert np.isnan(return_periods(peaks, peaks)).all()
    same = np.full((9, 1), 2.0)
    assert np.isnan(return_periods(same, same)).all()
