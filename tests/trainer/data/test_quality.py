"""Repairs of raw forcing: what is filled, ordered, refused."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.trainer.data.quality import complete_forcing, observed

IDS = np.array(["a", "b"])
NAN = np.nan


def complete(forcing, gaps="refuse", max_gap=3):
    forcing = {n: np.array(v, dtype=np.float32) for n, v in forcing.items()}
    days = len(next(iter(forcing.values())))
    time = np.datetime64("2000-01-01") + np.arange(days)
    return complete_forcing(forcing, IDS, time, gaps=gaps, max_gap=max_gap)


def rain(*series):
    """Two basins: the first complete, the second as given."""
    return {"precipitation": [[1.0, value] for value in series]}


def test_gaps_are_refused_by_default():
    with pytest.raises(DataError, match=r"precipitation.*'b'.*2000-01-02.*data.gaps"):
        complete(rain(1, NAN, 3))


def test_hold_repeats_the_last_value():
    filled = complete(rain(1, NAN, NAN, 4, NAN), gaps="hold")["precipitation"]
    assert filled[:, 1].tolist() == [1, 1, 1, 4, 4]
    assert filled[:, 0].tolist() == [1] * 5


def test_interpolation_goes_linearly_to_the_next():
    filled = complete(rain(1, NAN, NAN, 4), gaps="interpolate")["precipitation"]
    np.testing.assert_allclose(filled[:, 1], [1, 2, 3, 4], rtol=1e-6)


def test_filling_is_reported(caplog):
    with caplog.at_level(logging.WARNING):
        complete(rain(1, NAN, 3), gaps="hold")
    assert "1 missing values of precipitation filled (hold)" in caplog.text


@pytest.mark.parametrize(
    ("series", "gaps", "reason"),
    [
        ((1, NAN, NAN, NAN, 5), "hold", "2000-01-02 to 2000-01-04 is longer"),
        ((NAN, 2, 3), "hold", "no neighbour"),
        ((1, 2, NAN), "interpolate", "no neighbour"),
        ((NAN, NAN), "hold", "no neighbour"),
    ],
)
def test_gaps_that_cannot_be_filled_are_refused(series, gaps, reason):
    with pytest.raises(DataError, match=reason):
        complete(rain(*series), gaps=gaps, max_gap=2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("precipitation", -1.0),
        ("precipitation", -9999.0),
        ("precipitation", 1e20),
        ("air_temperature", 290.0),
        ("potential_evaporation", 400.0),
    ],
)
def test_implausible_values_are_refused(name, value):
    forcing = {"precipitation": [[1.0, 1.0]] * 2, name: [[1.0, 1.0], [1.0, value]]}
    with pytest.raises(DataError, match=rf"{name}.*'b' is .* on 2000-01-02.*units"):
        complete(forcing)


def temperatures(low, high, days=200):
    """``low`` and ``high`` on the first day of basin a, 0 and 10 otherwise."""
    minimum = np.zeros((days, 2))
    maximum = np.full((days, 2), 10.0)
    minimum[0, 0], maximum[0, 0] = low, high
    return {"air_temperature_min": minimum, "air_temperature_max": maximum}


def test_exchanged_extremes_are_put_in_order_and_counted(caplog):
    with caplog.at_level(logging.WARNING):
        forcing = complete(temperatures(5, 3))
    assert forcing["air_temperature_min"][0, 0] == 3
    assert forcing["air_temperature_max"][0, 0] == 5
    assert "exchanged on 1 basin-days" in caplog.text


def test_extremes_exchanged_throughout_are_refused():
    forcing = temperatures(0, 10)
    swapped = dict(zip(forcing, reversed(forcing.values()), strict=True))
    with pytest.raises(DataError, match="variables exchanged"):
        complete(swapped)


def test_mean_temperature_is_the_middle_unless_given():
    assert complete(temperatures(2, 5))["air_temperature"][0, 0] == 3.5
    given = {**temperatures(2, 5), "air_temperature": np.full((200, 2), 4.0)}
    assert (complete(given)["air_temperature"] == 4.0).all()


def test_extremes_without_a_range_are_left_out(caplog):
    mean = np.full((3, 2), 7.0)
    forcing = complete({"air_temperature_min": mean, "air_temperature_max": mean})
    assert set(forcing) == {"air_temperature"}
    assert "both left out" in caplog.text


def test_condensation_is_no_negative_evaporation(caplog):
    forcing = complete({"potential_evaporation": [[1.0, -0.2]]})
    assert forcing["potential_evaporation"].tolist() == [[1.0, 0.0]]
    assert "1 negative values" in caplog.text


def test_negative_streamflow_is_missing():
    flow = observed(np.array([[1.0, -0.1], [NAN, 0.0]], dtype=np.float32))
    np.testing.assert_array_equal(flow, [[1.0, NAN], [NAN, 0.0]])
    assert flow.dtype == np.float32
