"""What trained models must beat, against the same written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bmi_dmx.bundle import load_bundle
from bmi_dmx.trainer.tasks.basins.baselines import (
    beside,
    climatology,
    climatology_of_other_years,
    persistence,
)
from bmi_dmx.trainer.tasks.basins.data import BasinData

Make = Callable[..., BasinData]


def days(first: str, last: str) -> np.ndarray:
    return np.arange(first, np.datetime64(last) + 1, dtype="datetime64[D]")


def expected_by_hand(
    time: np.ndarray, flow: np.ndarray, day: np.datetime64
) -> np.ndarray:
    """Mean of what was observed within 15 days of the day of the year, one by one."""

    def number(when: np.datetime64) -> int:
        return (when - when.astype("datetime64[Y]").astype("datetime64[D]")).astype(int)

    length = 366 if any(number(t) == 365 for t in time) else 365
    target = min(number(day), length - 1)
    near = []
    for t, row in zip(time, flow, strict=True):
        apart = abs(number(t) - target)
        if min(apart, length - apart) <= 15:
            near.append(row)
    return np.nanmean(near, axis=0)


def test_climatology_is_the_mean_around_the_date_in_a_circle_of_days() -> None:
    year = np.arange("1979-01-01", "1980-01-01", dtype="datetime64[D]")
    when = np.arange("1980-01-01", "1981-01-01", dtype="datetime64[D]")
    flow = np.random.default_rng(0).random((365, 2))
    flow[100, 0] = np.nan
    usual = climatology(year, flow, when)
    assert usual.shape == (366, 2)
    around = [(day % 365) for day in range(-15, 16)]
    np.testing.assert_allclose(usual[0], flow[around].mean(axis=0))
    np.testing.assert_allclose(usual[100], np.nanmean(flow[85:116], axis=0))
    np.testing.assert_array_equal(usual[365], usual[364])


def test_climatology_of_years_is_the_mean_of_all_of_them() -> None:
    time = days("1983-03-10", "1988-09-01")
    flow = np.random.default_rng(1).gamma(1.0, 2.0, (len(time), 3))
    flow[::7, 1] = np.nan
    when = days("1990-01-01", "1992-12-31")
    usual = climatology(time, flow, when)
    for at in (0, 100, 364, 365, 740, len(when) - 1):
        by_hand = expected_by_hand(time, flow, when[at])
        np.testing.assert_allclose(usual[at], by_hand, rtol=1e-12)


def test_where_nothing_was_observed_nothing_is_expected() -> None:
    time = days("1983-01-01", "1983-12-31")
    flow = np.ones((365, 2))
    flow[:, 1] = np.nan
    flow[100:200, 0] = np.nan
    usual = climatology(time, flow, time)
    assert np.isnan(usual[:, 1]).all()
    assert np.isnan(usual[116:184, 0]).all()
    assert (usual[:115, 0] == 1.0).all()


def test_a_year_is_expected_from_the_others_alone() -> None:
    time = days("1991-01-01", "1995-12-31")
    flow = np.random.default_rng(2).gamma(1.0, 2.0, (len(time), 2))
    usual = climatology_of_other_years(time, flow)
    years = time.astype("datetime64[Y]").astype(int) + 1970
    for year in (1991, 1992, 1995):
        same_year = years == year
        alone = climatology(time[~same_year], flow[~same_year], time[same_year])
        np.testing.assert_allclose(usual[same_year], alone, rtol=1e-9)
        changed = np.where(same_year[:, None], 1e3, flow)
        again = climatology_of_other_years(time, changed)
        np.testing.assert_allclose(again[same_year], usual[same_year], rtol=1e-9)
    one = climatology_of_other_years(time[:365], flow[:365])
    assert np.isnan(one).all()


def test_persistence_is_the_flow_of_the_day_before(make_data: Make) -> None:
    data = make_data(days=40)
    np.testing.assert_array_equal(persistence(data, 10), data.target[9:-1])
    first = persistence(data, 0)
    assert np.isnan(first[0]).all()
    np.testing.assert_array_equal(first[1:], data.target[:-1])


def test_persistence_of_hours_is_a_day_old(make_data: Make) -> None:
    data = make_data(days=96)
    hours = data.time[0].astype("datetime64[s]") + np.arange(96) * np.timedelta64(
        1, "h"
    )
    hourly = replace(data, time=hours)
    np.testing.assert_array_equal(persistence(hourly, 48), data.target[24:72])


@pytest.fixture
def known(make_data: Make) -> Callable[[int], BasinData]:
    """Years of two basins of which the shipped bundle knows all it wants."""
    model = load_bundle("dhbv-conus-daily").model()
    typical = {
        n: np.full(2, moments.typical) for n, moments in model.statistics.items()
    }

    def make(days: int) -> BasinData:
        data = make_data(basins=2, days=days)
        return replace(data, attributes={**typical, **data.attributes})

    return make


Known = Callable[[int], BasinData]


def beside_the_shipped(data: BasinData, first: str) -> tuple[dict, dict, BasinData]:
    start = int(np.searchsorted(data.time, np.datetime64(first)))
    part = data.part(slice(start - 365, None))
    model = load_bundle("dhbv-conus-daily").model()
    flows, about = beside(model, data, part, 365)
    return flows, about, part.part(slice(365, None))


@pytest.mark.parametrize(
    ("days", "first"), [(6 * 365 + 40, "2006-01-01"), (3 * 365, "2003-01-01")]
)
def test_the_climatology_is_of_the_days_before_where_they_suffice(
    known: Known, days: int, first: str
) -> None:
    data = known(days)
    flows, about, scored = beside_the_shipped(data, first)
    before = data.time < np.datetime64(first)
    expected = climatology(data.time[before], data.target[before], scored.time)
    np.testing.assert_array_equal(flows["climatology"], expected)
    last = np.datetime64(first) - 1
    assert about["climatology"].endswith(f"scored ones, 2001-01-01 to {last}")
    assert np.isfinite(flows["mid-range"]).all()


def test_where_little_lies_before_the_other_scored_years_serve(known: Known) -> None:
    flows, about, scored = beside_the_shipped(known(5 * 365 + 2), "2002-01-01")
    expected = climatology_of_other_years(scored.time, scored.target)
    np.testing.assert_array_equal(flows["climatology"], expected)
    assert (
        "but the own one (whole years before the scored ones: 1)"
        in about["climatology"]
    )


def test_a_single_year_has_no_climatology(known: Known) -> None:
    data = known(2 * 365)
    scored = data.part(slice(365, None))
    flows, about, _ = beside_the_shipped(data, "2002-01-01")
    assert np.isfinite(flows["climatology"]).all()
    model = load_bundle("dhbv-conus-daily").model()
    flows, about = beside(model, scored, scored, 0)
    assert np.isnan(flows["climatology"]).all()
    assert "takes a year before the scored days" in about["climatology"]
