"""What files of forcing may look like, and what is said of those that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError, UnitsError

from ..bmi.untrained import attributes
from .conftest import Ask, batch
from .files import write_csv, write_series, write_table

START = "1980-10-01"
CLOSE: Any = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture
def expected(bundle: Path, series: dict[str, Any]) -> Any:
    """Streamflow of the small model over the weather."""
    return batch(bundle, series, attributes(3), start=START)["streamflow"]


def test_places_are_matched_with_their_table_by_name(
    ask: Ask, tmp_path: Path, ids: list[str], expected: Any
) -> None:
    values = {name: x[::-1] for name, x in attributes(3).items()}
    write_table(tmp_path / "table.csv", ids[::-1], values)
    np.testing.assert_allclose(ask()["streamflow"], expected, **CLOSE)


def test_attributes_may_be_in_the_file_of_forcing(
    ask: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any], expected: Any
) -> None:
    columns = attributes(3)
    columns["lat"] = columns.pop("latitude")
    columns["height"] = columns.pop("elevation")
    write_series(tmp_path / "forcing.nc", series, ids=ids, constants=columns)
    outputs = ask(attributes=None, names={"elevation": "height"})
    np.testing.assert_allclose(outputs["streamflow"], expected, **CLOSE)


def test_a_table_goes_before_the_file_of_forcing(
    ask: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any], expected: Any
) -> None:
    wrong = {name: np.full(3, 2.0) for name in attributes(3)}
    write_series(tmp_path / "forcing.nc", series, ids=ids, constants=wrong)
    np.testing.assert_allclose(ask()["streamflow"], expected, **CLOSE)


def test_names_of_the_table_may_be_others(
    ask: Ask, tmp_path: Path, ids: list[str], expected: Any
) -> None:
    columns = attributes(3)
    columns["dryness"] = columns.pop("aridity")
    write_table(tmp_path / "table.csv", ids, columns)
    outputs = ask(names={"aridity": "dryness"})
    np.testing.assert_allclose(outputs["streamflow"], expected, **CLOSE)


def test_other_names_and_units(
    ask: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any], expected: Any
) -> None:
    theirs = {
        "rain": series["precipitation"] / 25.4,
        "tas": series["air_temperature"] + 273.15,
        "tasmin": series["air_temperature_min"] * 1.8 + 32.0,
        "tasmax": series["air_temperature_max"],
    }
    units = {"rain": "inch d-1", "tas": "K", "tasmin": "degF", "tasmax": ""}
    write_series(tmp_path / "forcing.nc", theirs, ids=ids, units=units)
    outputs = ask(names={"precipitation": "rain"})
    np.testing.assert_allclose(outputs["streamflow"], expected, rtol=1e-10, atol=1e-10)


def test_fluxes_of_water_may_be_masses(
    ask: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any], expected: Any
) -> None:
    theirs = {**series, "pr": series["precipitation"] / 86400.0}
    del theirs["precipitation"]
    write_series(tmp_path / "forcing.nc", theirs, ids=ids, units={"pr": "kg m-2 s-1"})
    np.testing.assert_allclose(ask()["streamflow"], expected, rtol=1e-10, atol=1e-10)


def test_units_that_are_assumed_are_said(
    ask: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    write_series(tmp_path / "forcing.nc", series, ids=ids, units={})
    ask()
    assert (
        "forcing.nc: precipitation is precipitation (mm d-1); units are assumed"
        in caplog.text
    )


def test_the_mean_may_be_that_of_the_extremes(
    ask: Ask, bundle: Path, tmp_path: Path, ids: list[str], series: dict[str, Any]
) -> None:
    low, high = series["air_temperature_min"], series["air_temperature_max"]
    middle = {**series, "air_temperature": 0.5 * (low + high)}
    del series["air_temperature"]
    write_series(tmp_path / "forcing.nc", series, ids=ids)
    expected = batch(bundle, middle, attributes(3), start=START)
    flow = ask()["streamflow"]
    np.testing.assert_allclose(flow, expected["streamflow"], **CLOSE)


def test_a_model_that_reads_the_mean_alone_finds_it_in_the_extremes(
    ask: Ask, tmp_path: Path, ids: list[str], series: dict[str, Any]
) -> None:
    low, high = series.pop("air_temperature_min"), series.pop("air_temperature_max")
    series["air_temperature"] = 0.5 * (low + high)
    write_series(tmp_path / "forcing.nc", series, ids=ids)
    expected = ask(parts={"evaporation": "oudin"})["streamflow"]
    ends = {"tmin": low, "tmax": high}
    rain = {"precipitation": series["precipitation"]}
    write_series(tmp_path / "forcing.nc", {**rain, **ends}, ids=ids)
    flow = ask(parts={"evaporation": "oudin"})["streamflow"]
    np.testing.assert_allclose(flow, expected, **CLOSE)


def test_places_without_names_are_numbered(
    ask: Ask, tmp_path: Path, series: dict[str, Any], expected: Any
) -> None:
    write_series(tmp_path / "forcing.nc", series)
    write_table(tmp_path / "table.csv", list("012"), attributes(3))
    outputs = ask()
    assert outputs["place_id"].tolist() == ["0", "1", "2"]
    np.testing.assert_allclose(outputs["streamflow"], expected, **CLOSE)


@pytest.mark.parametrize("kind", ["characters", "coordinate", "marked"])
def test_names_of_places_are_found(
    ask: Ask, tmp_path: Path, series: dict[str, Any], ids: list[str], kind: str
) -> None:
    path = write_series(tmp_path / "forcing.nc", series)
    with netCDF4.Dataset(path, "a") as file:
        if kind == "characters":
            file.createDimension("length", 6)
            variable = file.createVariable("station", "S1", ("place", "length"))
            variable.cf_role = "timeseries_id"
            variable[:] = netCDF4.stringtochar(np.array(ids, "S6"))
        else:
            name = "place" if kind == "coordinate" else "station"
            variable = file.createVariable(name, str, ("place",))
            variable[:] = np.array(ids, object)
            if kind == "marked":
                variable.cf_role = "timeseries_id"
    assert ask()["place_id"].tolist() == ids


def test_one_place_needs_no_dimension(
    ask: Ask, tmp_path: Path, series: dict[str, Any], expected: Any
) -> None:
    one = {name: x[:, 0] for name, x in series.items()}
    path = write_series(tmp_path / "station.nc", one, dims=())
    write_table(tmp_path / "table.csv", ["station", "other"],
                {n: x[:2] for n, x in attributes(3).items()})  # fmt: skip
    flow = ask(forcing=path)["streamflow"]
    np.testing.assert_allclose(flow, expected[:, :1], **CLOSE)


def test_a_table_of_one_place(
    ask: Ask, tmp_path: Path, series: dict[str, Any], expected: Any
) -> None:
    columns = ["precipitation", "tmin[K]", "tmax (K)", "air_temperature"]
    values = np.column_stack([
        series["precipitation"][:, 0],
        series["air_temperature_min"][:, 0] + 273.15,
        series["air_temperature_max"][:, 0] + 273.15,
        series["air_temperature"][:, 0],
    ])  # fmt: skip
    days = np.datetime64(START) + np.arange(40)
    rows = [[str(day), *map(repr, map(float, row))]
            for day, row in zip(days, values, strict=True)]  # fmt: skip
    path = write_csv(tmp_path / "station.csv", [["time", *columns], *rows])
    write_table(tmp_path / "table.csv", ["station"],
                {n: x[:1] for n, x in attributes(3).items()})  # fmt: skip
    outputs = ask(forcing=path)
    assert outputs["place_id"].tolist() == ["station"]
    np.testing.assert_allclose(outputs["streamflow"], expected[:, :1], rtol=1e-9)


@pytest.mark.parametrize("transposed", [False, True])
def test_times_may_be_repeated_for_every_place(
    ask: Ask, tmp_path: Path, series: dict[str, Any], ids: list[str], expected: Any,
    transposed: bool,
) -> None:  # fmt: skip
    path = write_series(tmp_path / "forcing.nc", series, ids=ids)
    dims = ("time", "place") if transposed else ("place", "time")
    with netCDF4.Dataset(path, "a") as file:
        file.renameVariable("time", "old")
        del file["old"].units
        variable = file.createVariable("Time", "f8", dims)
        variable.units = "days since 1980-10-01"
        days = np.arange(40.0)
        variable[:] = (
            np.repeat(days[:, None], 3, 1) if transposed else np.tile(days, (3, 1))
        )
    np.testing.assert_allclose(ask()["streamflow"], expected, **CLOSE)
    with netCDF4.Dataset(path, "a") as file:
        file["Time"][-1, -1] += 0.5
    with pytest.raises(DataError, match=r"forcing.nc: Time: places differ in their"):
        ask()


def test_bounds_say_when_a_step_begins(
    ask: Ask, tmp_path: Path, series: dict[str, Any], ids: list[str]
) -> None:
    noon = 24.0 * np.arange(40) + 12.0
    path = write_series(
        tmp_path / "forcing.nc", series, ids=ids, times=noon, time={"bounds": "edges"}
    )
    with netCDF4.Dataset(path, "a") as file:
        file.createDimension("two", 2)
        edges = file.createVariable("edges", "f8", ("time", "two"))
        edges[:] = np.column_stack((noon - 12.0, noon + 12.0))
    first = (np.datetime64(START) - np.datetime64("1970-01-01")) / np.timedelta64(
        1, "s"
    )
    assert ask()["time"][0] == first


@pytest.mark.parametrize("units", ["days since 1700-01-01", "hours since 1980-10-01",
                                   "minutes since 1900-01-01 00:30:00"])  # fmt: skip
def test_times_are_exact_whatever_they_count(
    ask: Ask, bundle: Path, tmp_path: Path, series: dict[str, Any], ids: list[str],
    units: str,
) -> None:  # fmt: skip
    begin = np.datetime64("1980-10-01T07:00")
    moments = begin + np.arange(40) * np.timedelta64(1, "h")
    since = np.datetime64(units.split("since ")[1].replace(" ", "T"))
    unit = np.timedelta64(1, units[0].replace("d", "D"))  # type: ignore[call-overload]
    write_series(tmp_path / "forcing.nc", series, ids=ids,
                 time={"units": units}, times=(moments - since) / unit)  # fmt: skip
    outputs = ask()
    seconds = moments.astype("datetime64[s]").astype(np.int64)
    np.testing.assert_array_equal(outputs["time"], seconds)


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "another calendar": (
        {"time": {"calendar": "noleap"}},
        DataError, r"forcing.nc: time: calendar 'noleap', expected one of standard",
    ),
    "no unit of time": (
        {"time": {"units": "fortnights since 1980-10-01"}},
        DataError, r"forcing.nc: time: units: .*fortnights",
    ),
    "no time": (
        {"time": {"units": "hours"}},
        DataError, r"forcing.nc: no coordinate of time.*found time, precipitation",
    ),
    "a time that is missing": (
        {"times": np.where(np.arange(40) == 7, -1.0, 24.0 * np.arange(40))},
        DataError, r"forcing.nc: time: time of entry 7 is missing",
    ),
    "a day that is missing": (
        {"times": 24.0 * (np.arange(40) + (np.arange(40) > 7))},
        DataError, r"forcing.nc: time: .*evenly: 1980-10-08 00:00:00 is followed by "
        r"1980-10-10 00:00:00 .*expected one 1 d later: 1 is missing",
    ),
    "times that fall": (
        {"times": -24.0 * np.arange(40) + 1e4},
        DataError, r"forcing.nc: time: the times do not increase: ",
    ),
    "a step that the model cannot make": (
        {"hours": 7.0},
        ConfigError, r"forcing.nc: steps of 7 h: mode: steps of 1 d",
    ),
    "a place twice": (
        {"ids": ["a", "b", "a"]},
        DataError, r"forcing.nc: place_id: 'a' is given twice, in entry 0 and entry 2",
    ),
    "a place that is not in the table": (
        {"ids": ["upper", "middle", "lowest"]},
        DataError, r"table.csv: location 'lowest' is not in it; did you mean 'lower'",
    ),
    "units of something else": (
        {"units": {"precipitation": "degC"}},
        UnitsError, r"forcing.nc: precipitation: units 'degC' cannot be converted",
    ),
    "units that are none": (
        {"units": {"precipitation": "buckets"}},
        UnitsError, r"forcing.nc: precipitation: units 'buckets' are not known",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_files_that_cannot_be_are_refused(
    ask: Ask, tmp_path: Path, series: dict[str, Any], ids: list[str], case: str
) -> None:
    changes, error, message = REFUSED[case]
    write_series(tmp_path / "forcing.nc", series, **{"ids": ids, **changes})
    with pytest.raises(error, match=message) as refusal:
        ask()
    assert "\n" not in str(refusal.value)
    assert not list(tmp_path.glob("out.nc")) + list(tmp_path.glob(".out*"))


def test_series_that_are_not_there_are_named(
    ask: Ask, tmp_path: Path, series: dict[str, Any], ids: list[str]
) -> None:
    del series["precipitation"], series["air_temperature_min"]
    write_series(tmp_path / "forcing.nc", series, ids=ids)
    message = (
        r"forcing.nc: no series of precipitation, air_temperature_min; found "
        r"air_temperature, air_temperature_max; --names precipitation=NAME says"
    )
    with pytest.raises(DataError, match=message):
        ask()
    with pytest.raises(DataError, match=r"no series 'rian'"):
        ask(names={"precipitation": "rian"})


def test_names_of_nothing_are_refused(ask: Ask) -> None:
    message = r"--names: no forcing or attribute 'precipitaton'; did you mean 'precipit"
    with pytest.raises(ConfigError, match=message):
        ask(names={"precipitaton": "rain"})
    with pytest.raises(DataError, match=r"table.csv, .*forcing.nc: no attribute 'dry'"):
        ask(names={"aridity": "dry"})


def test_attributes_that_are_not_there_are_named(ask: Ask, tmp_path: Path) -> None:
    message = r"forcing.nc: no .*aridity.* of the places.*--attributes TABLE gives them"
    with pytest.raises(DataError, match=message):
        ask(attributes=None)


def test_places_of_series_must_be_the_same(
    ask: Ask, tmp_path: Path, series: dict[str, Any], ids: list[str]
) -> None:
    path = write_series(tmp_path / "forcing.nc", series, ids=ids)
    with netCDF4.Dataset(path, "a") as file:
        file.renameVariable("precipitation", "old")
        file.createDimension("gauge", 2)
        file.createVariable("precipitation", "f8", ("gauge", "time"))
    message = r"forcing.nc: .* has dimensions .* besides time, .* has "
    with pytest.raises(DataError, match=message):
        ask()


@pytest.mark.parametrize("value", [np.nan, -9e9, 1e6, -3.0])
def test_forcing_that_is_missing_or_absurd(
    ask: Ask, tmp_path: Path, series: dict[str, Any], ids: list[str], value: float
) -> None:
    series["precipitation"][5, 1] = value
    write_series(tmp_path / "forcing.nc", series, ids=ids)
    message = (
        r"forcing.nc: forcing 'precipitation' at 'middle' is .* at 1980-10-06 00:00:00 "
        r"\(step 5\); expected 0 to 3000"
    )
    with pytest.raises(DataError, match=message):
        ask()
    assert np.isfinite(ask(policy="hold")["streamflow"]).all()


def crossed(tmp_path: Path, series: dict[str, Any], ids: list[str]) -> None:
    """Write weather with two lowest temperatures above the highest of their days."""
    low, high = series["air_temperature_min"], series["air_temperature_max"]
    for day, place in ((5, 1), (9, 2)):
        low[day, place], high[day, place] = 7.5, 3.25
    write_series(tmp_path / "forcing.nc", series, ids=ids)


CROSSED = (
    r"forcing.nc: air_temperature_min at 'middle' is 7.5 at 1980-10-06 00:00:00, above "
    r"air_temperature_max, 3.25, the first of {count} such values"
)


def test_a_lowest_value_above_the_highest_is_refused(
    ask: Ask, tmp_path: Path, series: dict[str, Any], ids: list[str]
) -> None:
    crossed(tmp_path, series, ids)
    with pytest.raises(DataError, match=CROSSED.format(count=2)):
        ask()
    # Of a piece of the places, these are called by their names as well.
    with pytest.raises(DataError, match=CROSSED.format(count=1)):
        ask(places=1, output=tmp_path / "pieces.nc")


def test_where_it_is_held_it_is_as_if_both_were_missing(
    ask: Ask, tmp_path: Path, series: dict[str, Any], ids: list[str]
) -> None:
    crossed(tmp_path, series, ids)
    flow = ask(policy="hold")["streamflow"]
    for name in ("air_temperature_min", "air_temperature_max"):
        series[name][5, 1] = series[name][9, 2] = np.nan
    write_series(tmp_path / "missing.nc", series, ids=ids)
    expected = ask(policy="hold", forcing=tmp_path / "missing.nc")["streamflow"]
    np.testing.assert_array_equal(flow, expected)


def test_the_middle_of_such_values_is_refused_too(
    ask: Ask, tmp_path: Path, series: dict[str, Any], ids: list[str]
) -> None:
    del series["air_temperature"]
    crossed(tmp_path, series, ids)
    with pytest.raises(DataError, match=CROSSED.format(count=2)):
        ask()


def test_rounding_of_a_file_is_no_contradiction(
    ask: Ask, tmp_path: Path, series: dict[str, Any], ids: list[str]
) -> None:
    series["air_temperature_min"][5, 1] = series["air_temperature_max"][5, 1]
    even = ask(forcing=write_series(tmp_path / "even.nc", series, ids=ids))
    series["air_temperature_min"][5, 1] += 3e-5
    odd = ask(forcing=write_series(tmp_path / "odd.nc", series, ids=ids))
    np.testing.assert_allclose(odd["streamflow"], even["streamflow"], rtol=1e-4)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["time", "a"], ["1. October", "1"]], "row 2: found '1. October', expected"),
        (
            [["time", "a"], ["1980-10-01T00:00 CET", "1"], ["1980-10-02", "1"]],
            r"row 2: found .*expected a time such as",
        ),
        ([["time", "a"], ["1980-10-01", "x"], ["1980-10-02", "1"]],
         "row 2, column 'a': found 'x', expected a number"),
        ([["time", "a", "a[K]"], ["1980-10-01", "", ""], ["1980-10-02", "1", "2"]],
         "column 'a' is given twice"),
        ([["time", "a"]], "expected a header and rows of forcing"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_are_refused(
    ask: Ask, tmp_path: Path, rows: list[list[str]], message: str
) -> None:
    path = write_csv(tmp_path / "station.csv", rows)
    with pytest.raises(DataError, match=rf"station.csv: {message}"):
        ask(forcing=path)


def test_what_is_no_file_of_forcing(ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.nc: no such file"):
        ask(forcing=tmp_path / "gone.nc")
    other = tmp_path / "text.nc"
    other.write_text("no data", encoding="utf-8")
    with pytest.raises(DataError, match=r"text.nc: not a NetCDF file"):
        ask(forcing=other)
