"""Repairs of raw forcing: what is filled, ordered, refused."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.trainer.tasks.basins.data.quality import (
    check_places,
    check_water,
    complete_forcing,
    observed,
    remark_far,
)

IDS = np.array(["a", "b"])
NAN = np.nan


def where(name, basin):
    return f"{basin}.nc: variable {name!r}"


def complete(forcing, gaps="refuse", max_gap=3):
    forcing = {n: np.array(v, dtype=np.float32) for n, v in forcing.items()}
    days = len(next(iter(forcing.values())))
    time = np.datetime64("2000-01-01") + np.arange(days)
    return complete_forcing(forcing, IDS, time, gaps=gaps, max_gap=max_gap, where=where)


def flow(values):
    """Streamflow of the two basins from 2000-01-01 on."""
    target = np.array(values, dtype=np.float32)
    time = np.datetime64("2000-01-01") + np.arange(len(target))
    return observed(target, IDS, time, where)


def rain(*series):
    """Two basins: the first complete, the second as given."""
    return {"precipitation": [[1.0, value] for value in series]}


def test_gaps_are_refused_by_default():
    message = r"^b.nc: variable.*precipitation.*'b'.*2000-01-02.*data.gaps"
    with pytest.raises(DataError, match=message):
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
    with pytest.raises(
        DataError, match=rf"^b.nc: .*{name}.*'b' is .* 2000-01-02.*units"
    ):
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
    assert "air_temperature_min exceeds air_temperature_max" in caplog.text
    assert "1 basin-days, most often in basin 'a' (0.5 % of its days)" in caplog.text


def test_extremes_that_often_cross_are_put_in_order_too(caplog):
    forcing = temperatures(0, 10)
    forcing["air_temperature_min"][:60, 1] = 12.0
    ordered = complete(forcing)
    assert (ordered["air_temperature_min"][:60, 1] == 10.0).all()
    assert "60 basin-days, most often in basin 'b' (30 % of its days)" in caplog.text


def test_extremes_exchanged_throughout_are_refused():
    forcing = temperatures(0, 10)
    swapped = dict(zip(forcing, reversed(forcing.values()), strict=True))
    message = "^a.nc.*'a' exceeds air_temperature_max on 100.0% .*variables exchanged"
    with pytest.raises(DataError, match=message):
        complete(swapped)


def test_extremes_exchanged_in_one_basin_are_refused():
    forcing = temperatures(0, 10)
    forcing["air_temperature_min"][:, 1] = 12.0
    with pytest.raises(DataError, match=r"^b.nc.*'b' exceeds .* \(1 such basins\)"):
        complete(forcing)


def test_mean_temperature_is_the_middle_unless_given():
    assert complete(temperatures(2, 5))["air_temperature"][0, 0] == 3.5
    forcing = {**temperatures(2, 5), "air_temperature": np.full((200, 2), 4.0)}
    assert (complete(forcing)["air_temperature"] == 4.0).all()


def test_extremes_without_a_range_are_left_out(caplog):
    mean = np.full((3, 2), 7.0)
    forcing = complete({"air_temperature_min": mean, "air_temperature_max": mean})
    assert set(forcing) == {"air_temperature"}
    assert "both left out" in caplog.text


def test_condensation_is_no_negative_evaporation(caplog):
    forcing = complete({"potential_evaporation": [[1.0, -0.2]]})
    assert forcing["potential_evaporation"].tolist() == [[1.0, 0.0]]
    assert "1 values of potential_evaporation slightly below 0" in caplog.text


def test_negative_streamflow_is_missing(caplog):
    streamflow = flow([[1.0, -0.1], [NAN, 0.0]])
    np.testing.assert_array_equal(streamflow, [[1.0, NAN], [NAN, 0.0]])
    assert streamflow.dtype == np.float32
    assert "b.nc: variable 'streamflow': 1 negative" in caplog.text
    assert "the first of basin 'b' on 2000-01-01" in caplog.text


@pytest.mark.parametrize("value", [1e20, 9999.0, np.inf])
def test_implausible_streamflow_is_refused(value):
    message = (
        r"^b.nc: variable 'streamflow': streamflow of basin 'b' .*2000-01-02.*3000"
    )
    with pytest.raises(DataError, match=message):
        flow([[1.0, 1.0], [1.0, value]])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("latitude", 410.0, "410 degrees_north, expected -90 to 90"),
        ("longitude", -200.0, "-200 degrees_east, expected -180 to 360"),
        ("area_km2", -4.0, "-4 km2, expected 1e-09 to 1e\\+09"),
        ("area_km2", 0.0, "0 km2, expected 1e-09 to 1e\\+09"),
        ("elevation_mean", 32767.0, "32767 m, expected -500 to 9000"),
    ],
)
def test_impossible_places_are_refused(name, value, expected):
    attributes = {name: np.array([np.nan, value])}
    with pytest.raises(DataError, match=f"^x.nc: {name} of basin 'b' is {expected}"):
        check_places(attributes, IDS, "x.nc")


def test_places_that_are_not_known_are_left_alone():
    check_places({"latitude": np.array([NAN, 40.0])}, IDS, "x.nc")


def test_water_that_does_not_come_from_precipitation_is_reported(caplog):
    rain_of_both = np.full((10, 2), 2.0, dtype=np.float32)
    runoff = rain_of_both * np.float32([0.4, 5.0])
    check_water(rain_of_both, runoff, IDS, where)
    assert "b.nc: variable 'streamflow': mean streamflow is 5 times" in caplog.text
    assert "in basin 'b'" in caplog.text
    caplog.clear()
    runoff[:, 1] = NAN
    check_water(rain_of_both, runoff, IDS, where)
    assert not caplog.text


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([0.3, 0.31, 0.32, 9.0], "x of 'd' is 9, others are 0.3 to 0.32"),
        ([-0.3, -0.31, -0.32, 9.0], "x of 'd' is 9, others are -0.32 to -0.3"),
        ([-0.3, -0.3000001, -0.3000001, -0.300001], ""),
        ([1.0, 1.1, 1.2, 3.0], ""),
    ],
    ids=["far", "of other sign", "rounding", "near"],
)
def test_what_is_far_from_all_others_is_told(caplog, values, told):
    remark_far({"x": np.array(values)}, np.array(["a", "b", "c", "d"]), "here")
    assert caplog.messages == ([f"here: far from all others: {told}"] if told else [])
