"""CF NetCDF basin files: units, axes, names."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from bmi_dmx.errors import DataError, UnitsError
from bmi_dmx.trainer.tasks.basins.data import DataSpec, read

DAYS = 40


@pytest.fixture
def basins():
    """Two basins in awkward units: Kelvin, inches per day, ft3/s."""
    rng = np.random.default_rng(0)
    both = ("basin", "time")
    mean = 280.0 + rng.normal(0, 3, (2, DAYS))
    return xr.Dataset(
        {
            "prcp": (both, rng.gamma(0.5, 0.3, (2, DAYS)), {"units": "inch day-1"}),
            "tmin": (both, mean - 4, {"units": "K"}),
            "tmax": (both, mean + 4, {"units": "K"}),
            "qobs": (both, np.full((2, DAYS), 100.0), {"units": "ft3 s-1"}),
            "gauge_lat": ("basin", [45.0, -12.0], {"units": "degrees_north"}),
            "area": ("basin", [1e8, 2e8], {"units": "m2"}),
            "region": ("basin", ["New England", ""]),
        },
        coords={
            "basin": ("basin", ["0001", "0002"], {"cf_role": "timeseries_id"}),
            "time": np.datetime64("1999-12-01") + np.arange(DAYS),
        },
    )


@pytest.fixture
def read_file(tmp_path):
    def reader(data: xr.Dataset, **keys):
        data.to_netcdf(tmp_path / "basins.nc")
        return read(DataSpec(path="basins.nc", **keys), tmp_path)

    return reader


def test_units_are_converted(basins, read_file):
    data = read_file(basins, attributes="file")
    expected = basins["prcp"].values.T * 25.4
    np.testing.assert_allclose(data.forcing["precipitation"], expected, rtol=1e-6)
    expected = 0.5 * (basins["tmin"] + basins["tmax"]).values.T - 273.15
    np.testing.assert_allclose(data.forcing["air_temperature"], expected, atol=1e-4)
    # 100 ft3/s over 100 km2 and over 200 km2
    depth = 100 * 0.3048**3 * 86400 / np.array([1e8, 2e8]) * 1000
    np.testing.assert_allclose(data.target, np.tile(depth, (DAYS, 1)), rtol=1e-6)
    np.testing.assert_allclose(data.attributes["area_km2"], [100, 200])
    assert data.attributes["latitude"].tolist() == [45.0, -12.0]
    assert data.target.dtype == data.forcing["precipitation"].dtype == np.float32


def test_a_mass_of_water_is_its_depth(basins, read_file):
    expected = read_file(basins, attributes="file").forcing["precipitation"]
    mass = basins.assign(prcp=basins["prcp"] * (25.4 / 86400.0))
    mass["prcp"].attrs["units"] = "kg m-2 s-1"
    depth = read_file(mass, attributes="file").forcing["precipitation"]
    np.testing.assert_allclose(depth, expected, rtol=1e-6)


def test_text_attributes_become_classes(basins, read_file):
    data = read_file(basins, attributes="file")
    assert data.attributes["region__new_england"].tolist() == [1.0, 0.0]


def test_text_may_be_arrays_of_characters(basins, read_file):
    # As NetCDF-3 has it, and files of other languages than Python, filled with blanks.
    text = basins.drop_vars(["basin", "region"])
    text["gauge"] = ("basin", [b"0001  ", b"0002  "], {"cf_role": "timeseries_id"})
    text["rock"] = ("basin", [b"chalk ", "grès".encode("latin-1")])
    data = read_file(text, attributes="file")
    assert data.ids.tolist() == ["0001", "0002"]
    assert data.attributes["rock__chalk"].tolist() == [1.0, 0.0]


def test_identifiers_are_no_classes(basins, read_file):
    del basins["basin"].attrs["cf_role"]
    attributes = read_file(basins, attributes="file").attributes
    assert not [name for name in attributes if name.startswith("basin")]


@pytest.mark.parametrize("missing", [-999.0, -9999, np.nan])
def test_an_attribute_that_is_not_known_is_no_number(basins, read_file, missing):
    basins["slope"] = ("basin", [3, missing])
    data = read_file(basins, attributes="file")
    np.testing.assert_array_equal(data.attributes["slope"], [3.0, np.nan])
    with pytest.raises(DataError, match="'slope' is not known in 1 of 2 basins"):
        data.require((), ["slope"])


def test_portable_attributes_need_the_latitude(basins, read_file):
    basins["gauge_lat"][1] = np.nan
    message = r"basins.nc: portable attributes: attribute 'latitude' is not known in 1"
    with pytest.raises(DataError, match=message):
        read_file(basins)


@pytest.mark.parametrize(
    ("units", "slope"),
    [
        ("degrees", [10.0, 45.0]),
        ("radian", [np.pi / 18, np.pi / 4]),
        ("percent", [100 * np.tan(np.pi / 18), 100.0]),
        ("1", [np.tan(np.pi / 18), 1.0]),
    ],
)
def test_a_slope_is_the_rise_over_the_distance(basins, read_file, units, slope):
    basins["slope_mean"] = ("basin", slope, {"units": units})
    slopes = read_file(basins, attributes="file").attributes["slope_mean"]
    np.testing.assert_allclose(slopes, [1000 * np.tan(np.pi / 18), 1000.0], rtol=1e-12)


def test_units_of_attributes_are_kept(basins, read_file):
    basins["p_mean"] = ("basin", [0.1, 0.2], {"units": "inch day-1"})
    basins["soil_depth"] = ("basin", [1.0, 2.0], {"units": "m"})
    basins["roughness"] = ("basin", [1.0, 2.0])
    data = read_file(basins, attributes="file")
    np.testing.assert_allclose(data.attributes["p_mean"], [2.54, 5.08])
    units = {"area": "m2", "area_km2": "km2", "soil_depth": "m", "p_mean": "mm d-1"}
    assert units.items() <= data.units.items()
    assert "roughness" not in data.units
    basins["p_mean"].attrs["units"] = "K"
    with pytest.raises(UnitsError, match=r"basins.nc: attribute 'p_mean'.*'mm d-1'"):
        read_file(basins, attributes="file")


def test_text_with_many_values_is_a_name(basins, read_file):
    many = basins.isel(basin=np.zeros(25, dtype=int)).drop_vars("region")
    names = [f"River {number}" for number in range(25)]
    many = many.assign_coords(basin=("basin", names, {"cf_role": "timeseries_id"}))
    many["gauge_name"] = ("basin", names)
    data = read_file(many, attributes="file")
    assert not [name for name in data.attributes if "gauge_name" in name]


def test_attributes_of_the_file_and_computed_ones(basins, read_file):
    basins["p_mean"] = ("basin", [1.0, 2.0], {"units": "mm d-1"})
    basins["soil_depth"] = ("basin", [1.0, 2.0], {"units": "m"})
    from_file = read_file(basins, attributes="file").attributes
    computed = read_file(basins, attributes="portable").attributes
    both = read_file(basins, attributes="both").attributes
    assert from_file["p_mean"].tolist() == [1.0, 2.0]
    assert "soil_depth" not in computed
    assert both["soil_depth"].tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(both["p_mean"], computed["p_mean"])
    np.testing.assert_allclose(
        both["p_mean"], 25.4 * basins["prcp"].mean("time"), rtol=1e-6
    )


def test_portable_attributes_need_the_extremes_of_temperature(basins, read_file):
    basins["tmin"] = basins["tmax"]  # as in Maurer's forcing of CAMELS-US
    message = r"basins.nc: portable .*data.attributes to 'file'.*'oudin'"
    with pytest.raises(DataError, match=message):
        read_file(basins)
    assert "air_temperature" in read_file(basins, attributes="file").forcing


def test_period_and_selection_before_reading(basins, read_file):
    keys = {"period": ("2000-01-01", "2000-01-05"), "basins": ["0002"]}
    data = read_file(basins, attributes="file", **keys)
    assert data.target.shape == (5, 1)
    assert data.time[0] == np.datetime64("2000-01-01")
    expected = basins["prcp"].values[1, 31:36] * 25.4
    np.testing.assert_allclose(data.forcing["precipitation"][:, 0], expected, rtol=1e-6)


def test_period_must_be_covered(basins, read_file):
    with pytest.raises(DataError, match=r"1990-01-01 to 2000-01-05 is not covered"):
        read_file(basins, period=("1990-01-01", "2000-01-05"))


def test_missing_target_stays_missing_but_missing_forcing_is_refused(basins, read_file):
    basins["qobs"][0, 3] = np.nan
    data = read_file(basins, attributes="file")
    assert np.isnan(data.target[3, 0])
    assert np.isnan(data.target).sum() == 1
    basins["prcp"][1, 5] = np.nan
    with pytest.raises(DataError, match=r"precipitation.*'0002'.*1999-12-06"):
        read_file(basins, attributes="file")


@pytest.mark.parametrize("name", ["prcp", "tmin", "qobs"])
def test_absent_units_are_refused(basins, read_file, name):
    del basins[name].attrs["units"]
    with pytest.raises(UnitsError, match=rf"basins.nc: variable '{name}' has no units"):
        read_file(basins)


@pytest.mark.parametrize(
    ("name", "units"),
    [("prcp", "K"), ("prcp", "mm"), ("tmin", "mm d-1"), ("qobs", "m")],
)
def test_wrong_units_are_refused(basins, read_file, name, units):
    basins[name].attrs["units"] = units
    with pytest.raises(UnitsError, match=rf"basins.nc: variable '{name}'.*'{units}'"):
        read_file(basins)


def test_units_that_are_plausible_text_but_wrong_numbers_are_refused(basins, read_file):
    basins["tmin"].attrs["units"] = "degC"  # the numbers are Kelvin
    with pytest.raises(DataError, match=r"air_temperature_min.*are the units right"):
        read_file(basins)


def test_one_of_several_products_is_chosen(basins, read_file):
    both = basins.rename(prcp="prcp_daymet", tmin="tmin_daymet", tmax="tmax_daymet")
    for name in ("prcp", "tmin", "tmax"):
        both[f"{name}_maurer"] = both[f"{name}_daymet"] * (2 if name == "prcp" else 1)
        both[f"{name}_maurer"].attrs = both[f"{name}_daymet"].attrs
    with pytest.raises(DataError, match=r"data.product chooses one of daymet, maurer"):
        read_file(both, attributes="file")
    one, other = (
        read_file(both, attributes="file", product=product).forcing
        for product in ("daymet", "maurer")
    )
    np.testing.assert_allclose(
        other["precipitation"], 2 * one["precipitation"], rtol=1e-6
    )
    np.testing.assert_array_equal(other["air_temperature"], one["air_temperature"])


def test_what_is_implausible_is_named_with_the_units_of_the_file(basins, read_file):
    basins["prcp"][1, 5] = -4000.0
    message = (
        r"basins.nc: variable 'prcp' \(inch day-1\): precipitation of basin '0002'"
    )
    with pytest.raises(DataError, match=message):
        read_file(basins, attributes="file")


def test_impossible_places_are_refused(basins, read_file):
    basins["gauge_lat"][1] = 410.0
    with pytest.raises(DataError, match=r"basins.nc: latitude of basin '0002' is 410"):
        read_file(basins, attributes="file")
    assert read_file(basins, attributes="file", basins=["0001"]).ids.size == 1


def test_real_basins_whose_extremes_often_cross_can_be_read_alone(shared_data, caplog):
    path = shared_data / "camels_us_569_daymet_1980_2010.nc"
    if not path.is_file():
        pytest.skip(f"{path.name} is absent")
    spec = DataSpec(path=str(path), basins=["12054000"], attributes="file")
    assert read(spec).ids.tolist() == ["12054000"]
    assert "most often in basin '12054000' (4.9 % of its days)" in caplog.text


def test_volume_needs_areas(basins, read_file):
    with pytest.raises(UnitsError, match=r"'ft3 s-1' needs the area"):
        read_file(basins.drop_vars("area"))


def test_area_needs_units(basins, read_file):
    del basins["area"].attrs["units"]
    with pytest.raises(UnitsError, match=r"'area' has no units"):
        read_file(basins)


def test_numbers_are_identifiers_without_leading_zeros(basins, read_file, caplog):
    numbered = basins.assign_coords(
        basin=("basin", [1, 2], {"cf_role": "timeseries_id"})
    )
    assert read_file(numbered, attributes="file").ids.tolist() == ["1", "2"]
    assert "identifiers are numbers, which have no leading zeros" in caplog.text


@pytest.mark.parametrize("keys", [{}, {"basins": ["0001"]}])
def test_an_identifier_of_two_basins_is_refused(basins, read_file, keys):
    twice = basins.assign_coords(
        gauge=("basin", ["0001", "0001"], {"cf_role": "timeseries_id"})
    ).drop_vars("basin")
    with pytest.raises(
        DataError, match=r"nc: gauge: '0001' is given twice, in entry 0"
    ):
        read_file(twice, attributes="file", **keys)


def test_hole_in_time_is_refused(basins, read_file):
    with pytest.raises(
        DataError, match=r"nc: .*1999-12-10 00:00:00 is followed by 1999-12-1"
    ):
        read_file(basins.drop_isel(time=10), attributes="file")


@pytest.mark.parametrize("period", [None, ("1999-12-01", "1999-12-25")])
def test_disordered_days_are_refused(basins, read_file, period):
    moved = basins.isel(time=[*range(20), *range(30, DAYS), *range(20, 30)])
    message = r"basins.nc: .*not increase: 2000-01-09.* is followed by 1999-12-21"
    with pytest.raises(DataError, match=message):
        read_file(moved, attributes="file", period=period)


def test_another_calendar_is_named(basins, read_file):
    with pytest.raises(
        DataError, match=r"basins.nc: time: calendar 'noleap', expected"
    ):
        read_file(basins.convert_calendar("noleap"))


@pytest.mark.parametrize("hours", [1, 3, 24])
def test_time_steps_are_days_or_parts_of_them(basins, read_file, hours):
    steps = np.arange(DAYS) * np.timedelta64(hours, "h")
    # Some data sets give the middle of a day.
    time = basins["time"].values[0] + np.timedelta64(12, "h") + steps
    data = read_file(basins.assign_coords(time=time), attributes="file")
    assert data.seconds == hours * 3600
    first = "1999-12-01" if hours == 24 else "1999-12-01T12:00:00"
    assert str(data.time[0]) == first
    # Rates stay per day, however long a step is.
    expected = basins["prcp"].values.T * 25.4
    np.testing.assert_allclose(data.forcing["precipitation"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("minutes", "message"),
    [
        (np.r_[np.arange(DAYS - 1) * 60, DAYS * 60],
         "1999-12-02 14:00:00 is followed by 1999-12-02 16:00:00"),
        (np.arange(DAYS) * 300 * 5, "time steps of 90000 s, expected a day or a part"),
        (np.r_[0, 0, np.arange(1, DAYS - 1)] * 60, "12-01 00:00:00 is given twice"),
        (np.r_[0, 0, np.arange(1, DAYS - 1)] * 1440, "00:00:00 is given twice, in"),
    ],
)  # fmt: skip
def test_uneven_time_steps_are_refused(basins, read_file, minutes, message):
    time = basins["time"].values[0] + minutes.astype("timedelta64[m]")
    with pytest.raises(DataError, match=message):
        read_file(basins.assign_coords(time=time), attributes="file")


def test_other_names_are_given_in_the_block(basins, read_file):
    renamed = basins.rename({"prcp": "P", "qobs": "Q"})
    with pytest.raises(DataError, match=r"no precipitation.*data\.forcings"):
        read_file(renamed)
    with pytest.raises(DataError, match=r"no observed streamflow.*data\.target"):
        read_file(renamed, forcings={"precipitation": "P"})
    keys = {"forcings": {"precipitation": "P"}, "target": "Q", "attributes": "file"}
    data = read_file(renamed, **keys)
    np.testing.assert_array_equal(
        data.target, read_file(basins, attributes="file").target
    )


def test_misspelt_variable_is_refused(basins, read_file):
    with pytest.raises(DataError, match=r"no variable 'tmn' .*mean 'tmin'"):
        read_file(basins, forcings={"air_temperature_min": "tmn"})


def test_what_is_no_netcdf_is_refused(tmp_path):
    (tmp_path / "basins.nc").write_text("nothing of the kind")
    with pytest.raises(DataError, match=r"basins.nc: not a NetCDF file"):
        read(DataSpec(path="basins.nc"), tmp_path)


def test_camels_file_has_the_463_basins_of_the_benchmark(shared_data):
    path = shared_data / "camels_us_569_daymet_1980_2010.nc"
    if not path.is_file():
        pytest.skip(f"{path.name} is absent")
    spec = DataSpec(
        path=str(path),
        where={"in_benchmark531": True, "area_mismatch": (-0.1, 0.1)},
        period=("1999-10-01", "2000-09-30"),
        attributes="file",
    )
    data = read(spec)
    assert data.ids.size == 463
    assert data.time.size == 366
    assert np.isfinite(data.target).all()
    data.require(("air_temperature", "day_of_year"), ("frac_forest", "latitude"))
