"""The Caravan tree, in miniature, as NetCDF and as CSV."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from bmi_dmx.errors import DataError, UnitsError
from bmi_dmx.trainer.tasks.basins.data import DataSpec, read

DAYS = 6
COLUMNS = {
    "total_precipitation_sum": 3.0,
    "temperature_2m_mean": 11.0,
    "temperature_2m_min": 4.0,
    "temperature_2m_max": 16.0,
    "potential_evaporation_sum_ERA5_LAND": 9.0,
    "potential_evaporation_sum_FAO_PENMAN_MONTEITH": 2.0,
    "streamflow": 1.5,
}
BASINS = {"camelsgb": "camelsgb_39001", "hysets": "hysets_01013500"}


def basin(start: str) -> xr.Dataset:
    date = np.datetime64(start) + np.arange(DAYS)
    rise = np.arange(DAYS) / 10
    series = {name: ("date", value + rise) for name, value in COLUMNS.items()}
    return xr.Dataset(series, coords={"date": date})


@pytest.fixture(params=["netcdf", "csv"])
def kind(request):
    return request.param


@pytest.fixture
def write(tmp_path, kind):
    """Write one basin's series as the tree has it."""

    def writer(source: str, data: xr.Dataset) -> None:
        folder = tmp_path / "timeseries" / kind / source
        folder.mkdir(parents=True, exist_ok=True)
        if kind == "netcdf":
            data.to_netcdf(folder / f"{BASINS[source]}.nc")
        else:
            data.to_dataframe().to_csv(folder / f"{BASINS[source]}.csv")

    return writer


@pytest.fixture
def tree(tmp_path, write):
    for source, gauge in BASINS.items():
        folder = tmp_path / "attributes" / source
        folder.mkdir(parents=True)
        tables = {
            "caravan": f"gauge_id,p_mean,aridity\n{gauge},3.2,0.8\n",
            "other": "gauge_id,gauge_lat,gauge_lon,gauge_name,country,area\n"
            f"{gauge},51.5,-0.3,Thames,United Kingdom,9948\n",
            "hydroatlas": f"gauge_id,ele_mt_sav,slp_dg_sav\n{gauge},110,25\n",
        }
        for name, text in tables.items():
            (folder / f"attributes_{name}_{source}.csv").write_text(text)
    write("camelsgb", basin("1981-01-01"))
    write("hysets", basin("1981-01-03"))
    return tmp_path


def read_tree(tree, **keys):
    keys = {"attributes": "file", **keys}
    return read(DataSpec(reader="caravan", path=".", **keys), tree)


def test_one_source_data_set(tree):
    data = read_tree(tree, product="camelsgb")
    assert list(data.ids) == ["camelsgb_39001"]
    rise = np.arange(DAYS, dtype=np.float32)[:, None] / 10
    for name, value in (
        ("precipitation", 3.0),
        ("air_temperature", 11.0),  # the mean as given, not the middle of the extremes
        ("air_temperature_max", 16.0),
        ("potential_evaporation", 2.0),
    ):
        np.testing.assert_allclose(data.forcing[name], value + rise, rtol=1e-6)
    np.testing.assert_allclose(data.target, 1.5 + rise, rtol=1e-6)


def test_all_source_data_sets_on_their_common_days(tree):
    data = read_tree(tree)
    assert list(data.ids) == ["camelsgb_39001", "hysets_01013500"]
    assert [str(day) for day in data.time[[0, -1]]] == ["1981-01-03", "1981-01-06"]
    np.testing.assert_allclose(data.target[0], [1.7, 1.5], rtol=1e-6)


def test_attributes_of_all_tables(tree):
    attributes = read_tree(tree).attributes
    assert attributes["area_km2"].tolist() == [9948.0, 9948.0]
    assert attributes["elevation_mean"].tolist() == [110.0, 110.0]
    slope = 1000 * math.tan(math.radians(2.5))
    np.testing.assert_allclose(attributes["slope_mean"], slope)
    assert attributes["p_mean"].tolist() == [3.2, 3.2]


def test_days_before_the_forcing_begins_are_left_out(tree, write):
    data = basin("1981-01-01")
    data["total_precipitation_sum"][:2] = np.nan
    data["streamflow"][3] = np.nan
    write("camelsgb", data)
    basins = read_tree(tree, product="camelsgb")
    assert str(basins.time[0]) == "1981-01-03"
    assert np.isnan(basins.target[:, 0]).tolist() == [False, True, False, False]


def test_other_evaporation_can_be_chosen(tree):
    names = {"potential_evaporation": "potential_evaporation_sum_ERA5_LAND"}
    data = read_tree(tree, product="hysets", forcings=names)
    assert data.forcing["potential_evaporation"][0, 0] == 9.0


def test_unknown_names_are_refused(tree):
    with pytest.raises(DataError, match=r"data.product.*hyset.*mean 'hysets'"):
        read_tree(tree, product="hyset")
    names = {"precipitation": "total_precipitation"}
    with pytest.raises(DataError, match="mean 'total_precipitation_sum'"):
        read_tree(tree, forcings=names)


def test_basins_without_a_common_day_are_refused(tree, write):
    write("hysets", basin("1990-01-01"))
    with pytest.raises(DataError, match="share no day"):
        read_tree(tree)


@pytest.mark.parametrize("kind", ["netcdf"], indirect=True)  # CSV states no units
def test_stated_units_are_held_to(tree, write):
    data = basin("1981-01-01")
    data["temperature_2m_mean"] += 273.15
    data["temperature_2m_mean"].attrs["units"] = "K"
    data["total_precipitation_sum"].attrs["units"] = "mm"
    write("camelsgb", data)
    forcing = read_tree(tree, product="camelsgb").forcing
    np.testing.assert_allclose(forcing["air_temperature"][0], 11.0, atol=1e-4)
    assert forcing["precipitation"][0, 0] == 3.0
    data["streamflow"].attrs["units"] = "m3 s-1"
    write("camelsgb", data)
    with pytest.raises(UnitsError, match=r"39001.nc: variable 'streamflow'.*m3 s-1"):
        read_tree(tree, product="camelsgb")


def test_basins_that_lack_something_are_named(tree, caplog, kind):
    folder = tree / "timeseries" / kind / "camelsgb"
    (series,) = folder.iterdir()
    series.rename(folder / f"camelsgb_39002{series.suffix}")
    assert list(read_tree(tree).ids) == ["hysets_01013500"]
    assert "1 basins are left out: no file of series (camelsgb_39001)" in caplog.text
    message = "1 basins are left out: no row in the attribute tables (camelsgb_39002)"
    assert message in caplog.text
    with pytest.raises(DataError, match="basin 'camelsgb_39001': no file of series"):
        read_tree(tree, basins=["camelsgb_39001"])


def test_a_gauge_twice_in_a_table_is_refused(tree):
    with (tree / "attributes/hysets/attributes_caravan_hysets.csv").open("a") as file:
        file.write("hysets_01013500,3.2,0.8\n")
    with pytest.raises(
        DataError, match=r"caravan_hysets.csv: .*'hysets_01013500' is given twice"
    ):
        read_tree(tree)


MEAN, FAO = "temperature_2m_mean", "potential_evaporation_sum_FAO_PENMAN_MONTEITH"


@pytest.mark.parametrize("source", BASINS)
def test_a_column_that_some_files_lack_is_refused(tree, write, source):
    write(source, basin("1981-01-03").drop_vars(MEAN))
    message = rf"hysets_.*: air_temperature is .* in .*camelsgb_39001.*{MEAN}"
    if source == "camelsgb":
        message = rf"hysets_.*: air_temperature is under '{MEAN}'.*camelsgb_39.*absent"
    with pytest.raises(DataError, match=message):
        read_tree(tree)


def test_evaporation_of_different_columns_is_refused(tree, write):
    other = basin("1981-01-03").rename({FAO: "potential_evaporation_sum"})
    write("hysets", other)
    with pytest.raises(DataError, match=r"data\.forcings\.potential_evaporation"):
        read_tree(tree)


def test_hole_in_time_is_refused_with_its_file(tree, write):
    write("hysets", basin("1981-01-03").isel(date=[0, 1, 3, 4, 5]))
    with pytest.raises(DataError, match=r"hysets_01013500.*1981-01-05 is missing"):
        read_tree(tree)


@pytest.mark.parametrize("order", [[3, 4, 5, 0, 1, 2], [0, 1, 1, 2, 3], [2, 1, 0]])
def test_disordered_days_are_refused_with_their_file(tree, write, order):
    write("hysets", basin("1981-01-03").isel(date=order))
    with pytest.raises(DataError, match=r"hysets_01013500.*the days do not increase"):
        read_tree(tree)


@pytest.mark.parametrize("kind", ["csv"], indirect=True)
@pytest.mark.parametrize("cell", ["", "NA", " nan "])
def test_missing_values_and_empty_lines_of_a_table(tree, kind, cell):
    file = tree / "timeseries" / kind / "hysets" / "hysets_01013500.csv"
    expected = read_tree(tree, product="hysets").target
    lines = file.read_text().splitlines()
    lines[3] = lines[3].rpartition(",")[0] + f",{cell}"
    file.write_text("\n".join([*lines, "", ""]))
    target = read_tree(tree, product="hysets").target
    assert np.isnan(target[2, 0])
    np.testing.assert_array_equal(np.delete(target, 2), np.delete(expected, 2))


@pytest.mark.parametrize("kind", ["csv"], indirect=True)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a header and one line for each day"),
        ("date,streamflow\n", "expected a header and one line for each"),
        ("date,streamflow\n1981-01-01,1.5\n1981-01-02\n", "row 3 has 1 cells, .* 2"),
    ],
)
def test_files_cut_short_are_refused(tree, kind, text, message):
    file = tree / "timeseries" / kind / "hysets" / "hysets_01013500.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=rf"hysets_01013500.csv: {message}"):
        read_tree(tree)
