"""BasinData: validation, periods, selections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmi_dmx.errors import DataError


def test_period_includes_both_ends(make_data):
    data = make_data().period("2001-03-01", "2001-03-31")
    assert data.time[0] == np.datetime64("2001-03-01")
    assert data.time[-1] == np.datetime64("2001-03-31")
    assert data.target.shape == (31, 3)
    np.testing.assert_array_equal(
        data.forcing["precipitation"], make_data().forcing["precipitation"][59:90]
    )


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("2000-12-31", "2001-02-01", "not covered.*2001-01-01 to 2002-12-31"),
        ("2001-01-01", "2003-01-01", "not covered"),
        ("2001-02-01", "2001-01-01", "ends before it starts"),
        ("01.02.2001", "2001-01-01", "YYYY-MM-DD"),
    ],
)
def test_impossible_periods_are_refused(make_data, start, end, message):
    with pytest.raises(DataError, match=message):
        make_data().period(start, end)


def test_select_keeps_the_order_asked_for(make_data):
    data = make_data()
    picked = data.select(["00000002", "00000000"])
    assert list(picked.ids) == ["00000002", "00000000"]
    np.testing.assert_array_equal(picked.target, data.target[:, [2, 0]])
    np.testing.assert_array_equal(
        picked.attributes["latitude"], data.attributes["latitude"][[2, 0]]
    )


def test_unknown_basin_is_named_with_its_neighbour(make_data):
    with pytest.raises(DataError, match=r"'0000002' is not.*mean '00000002'"):
        make_data().select(["0000002"])


def test_hint_for_unknown_basin_does_not_list_hundreds(make_data):
    with pytest.raises(DataError, match="'x' is not in the data; there are 30"):
        make_data(basins=30, days=5).select(["x"])


def test_day_of_year_knows_leap_years(make_data):
    days = make_data(days=1461).day_of_year()
    assert days.dtype == np.float32
    assert days[0] == 1
    assert days[364] == 365
    assert days[365] == 1
    assert days[-1] == 366  # 2004-12-31


def test_missing_forcing_is_refused_with_place(make_data):
    data = make_data()
    rain = data.forcing["precipitation"].copy()
    rain[40, 1] = np.nan
    with pytest.raises(DataError, match=r"precipitation.*00000001.*2001-02-10"):
        replace(data, forcing={"precipitation": rain})


def test_hole_in_time_is_refused(make_data):
    data = make_data(days=10)
    time = data.time.copy()
    time[5:] += 1
    with pytest.raises(DataError, match="2001-01-05 is followed by 2001-01-07"):
        replace(data, time=time)


def test_repeated_basin_is_refused(make_data):
    with pytest.raises(DataError, match="'a' appears at positions 0 and 2"):
        replace(make_data(), ids=np.array(["a", "b", "a"]))


def test_wrong_shape_is_refused(make_data):
    data = make_data()
    with pytest.raises(DataError, match=r"'target'.*\(730, 2\).*\(730, 3\)"):
        replace(data, target=data.target[:, :2])


def test_double_precision_is_refused(make_data):
    data = make_data()
    with pytest.raises(DataError, match="'target' is float64, expected float32"):
        replace(data, target=data.target.astype(np.float64))


def test_requirements_are_checked(make_data):
    data = make_data()
    data.require(["precipitation", "day_of_year"], ["latitude"])
    with pytest.raises(DataError, match=r"'air_temperatur'.*mean 'air_temperature'"):
        data.require(["air_temperatur"])
    with pytest.raises(DataError, match=r"no attribute 'latitud'.*mean 'latitude'"):
        data.require((), ["latitud"])
    holes = {"latitude": np.array([40.0, np.nan, 50.0])}
    with pytest.raises(DataError, match=r"'latitude'.*1 of 3.*00000001"):
        replace(data, attributes=holes).require((), ["latitude"])
