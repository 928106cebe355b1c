"""Forcing files: layouts, units, times, and their faults."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError, TimeError, UnitsError
from bmi_dmx.ngen.csv_forcing import CsvForcing, matching, read_csv
from bmi_dmx.ngen.netcdf_forcing import NetcdfForcing

from .files import write_netcdf
from .modules import RAIN, WARMTH

START = 1448928000  # 2015-12-01 00:00:00
HOUR = 3600


def csv(text, name="cat-1.csv"):
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


GOOD = """Time,RAINRATE,TMP_2maboveground[degC]
2015-12-01 00:00:00,0.001, 4.5
2015-12-01 01:00:00,0.002,5.5
"""


def test_csv_columns_are_converted_by_name_and_heading():
    csv(GOOD)
    forcing = CsvForcing(Path(), lambda c: Path(f"{c}.csv"))
    assert forcing.value("cat-1", RAIN, "mm h-1", START) == pytest.approx(3.6)
    assert forcing.value("cat-1", WARMTH, "K", START + HOUR) == pytest.approx(278.65)
    assert forcing.span("cat-1") == (START, START + 2 * HOUR)
    block = forcing.block(["cat-1"], RAIN, "mm h-1", START, 2)
    np.testing.assert_allclose(block, [[3.6], [7.2]])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.002", "--", r"row 3, column 'RAINRATE': found '--', expected a number"),
        ("0.002", "", "row 3, column 'RAINRATE': found ''"),
        ("01:00:00", "02:00:00", "row 3: time .* is not one hour after"),
        ("2015-12-01 01", "01.12.2015 01", "row 3: time: found '01.12.2015 01:00:00'"),
        ("Time", "Date", "header: found 'Date', expected exactly 'Time'"),
        (",5.5", "", "row 3 has 2 cells, the header 3"),
        ("TMP_2maboveground[degC]", "precip_rate",
         "column 'precip_rate' gives .* a second"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_named(old, new, message):
    with pytest.raises(DataError, match=rf"cat-1\.csv: {message}"):
        read_csv(csv(GOOD.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Time", '"Time"', "found quotation marks"),
        ("2015-12-01 00:00:00", '"2015-12-01 00:00:00"', "found quotation marks"),
        ("Time", "\ufeffTime", r"header: found '\\ufeffTime', expected exactly 'Time'"),
        ("[degC]", "[ degC]", "header: units have blanks around"),
        ("Time,", "Time ,", "header: found 'Time ', expected exactly 'Time'"),
    ],
)
def test_what_only_other_readers_understand_is_refused(old, new, message):
    csv(GOOD.replace(old, new))
    with pytest.raises(DataError, match=message):
        CsvForcing(Path(), lambda c: Path(f"{c}.csv")).names("cat-1")
    kind = CsvForcing(Path(), lambda c: Path(f"{c}.csv"), strict=False)
    assert kind.value("cat-1", RAIN, "mm h-1", START) == pytest.approx(3.6)


def test_variables_are_known_by_their_names_in_the_file(forcing):
    csv(GOOD)
    table = CsvForcing(Path(), lambda c: Path(f"{c}.csv"))
    assert table.value("cat-1", "RAINRATE", "mm h-1", START) == pytest.approx(3.6)
    with NetcdfForcing(forcing) as reader:
        value = reader.value("cat-1", "precip_rate", "mm h-1", START)
        assert value == pytest.approx(1.0, rel=1e-6)


def test_units_that_are_not_given_are_the_usual_ones():
    rain = {"precip_rate": ("", np.ones((1, 4)))}
    write_netcdf(Path("f.nc"), ["cat-1"], rain)
    with NetcdfForcing(Path("f.nc")) as reader:
        assert reader.value("cat-1", RAIN, "mm h-1", START) == pytest.approx(3600.0)
    rain = {"precip_rate": ("mm s-1 ", np.ones((1, 4)))}
    write_netcdf(Path("blank.nc"), ["cat-1"], rain)
    with pytest.raises(DataError, match="units: found 'mm s-1 ', expected no blanks"):
        NetcdfForcing(Path("blank.nc"))


def test_packed_numbers_are_refused_where_the_framework_reads(forcing):
    with netCDF4.Dataset(forcing, "a") as file:
        file["precip_rate"].scale_factor = 0.5
    with pytest.raises(DataError, match="precip_rate: scale_factor: the framework"):
        NetcdfForcing(forcing)
    with NetcdfForcing(forcing, strict=False) as reader:
        value = reader.value("cat-1", RAIN, "mm h-1", START)
        assert value == pytest.approx(0.5, rel=1e-6)


def test_a_single_hour_is_no_series():
    rain = {"precip_rate": ("mm s-1", np.ones((1, 1)))}
    write_netcdf(Path("f.nc"), ["cat-1"], rain)
    with pytest.raises(DataError, match="found 1 times, expected at least 2"):
        NetcdfForcing(Path("f.nc"))


def test_the_file_of_a_catchment_is_the_one_that_matches():
    for name in ("cat-27.csv", "cat-270.csv", "notes.txt"):
        Path(name).touch()
    assert matching(Path(), r"cat-27\.csv", "cat-27").name == "cat-27.csv"
    with pytest.raises(ConfigError, match=r"one file .*'cat-27\.csv', 'cat-270"):
        matching(Path(), r".*cat-27.*\.csv", "cat-27")
    with pytest.raises(ConfigError, match=r"forcing of 'cat-3': .* found none"):
        matching(Path(), r"cat-3.*\.csv", "cat-3")
    with pytest.raises(ConfigError, match=r"file_pattern: '\(': "):
        matching(Path(), "(", "cat-3")
    with pytest.raises(ConfigError, match="csv: no such folder"):
        matching(Path("csv"), ".*", "cat-3")


def test_netcdf_values_are_those_of_the_hour(forcing):
    with NetcdfForcing(forcing) as reader:
        assert reader.span("cat-1") == (START, START + 6 * HOUR)
        for hour in (0, 5, 2):
            value = reader.value("cat-3", RAIN, "mm h-1", START + hour * HOUR)
            assert value == pytest.approx(3 * (hour + 1), rel=1e-6)
        block = reader.block(["cat-3", "cat-1"], WARMTH, "degC", START + HOUR, 2)
        np.testing.assert_allclose(block, np.full((2, 2), 5.0), rtol=1e-5)


def test_what_is_not_in_the_file_is_named(forcing):
    with NetcdfForcing(forcing) as reader:
        with pytest.raises(TimeError, match="2015-12-01 06:00:00 is asked for"):
            reader.value("cat-1", RAIN, "mm h-1", START + 6 * HOUR)
        with pytest.raises(
            DataError, match="no forcing of catchment 'cat-11'; did you"
        ):
            reader.value("cat-11", RAIN, "mm h-1", START)
        with pytest.raises(DataError, match="no variable for input 'rain'"):
            reader.value("cat-1", "rain", "mm h-1", START)


def test_hours_that_begin_between_those_of_the_run_are_refused(forcing):
    csv(GOOD)
    table = CsvForcing(Path(), lambda c: Path(f"{c}.csv"))
    message = "begin at 2015-12-01 00:00:00 and every hour from then on; .* 00:30:00 is"
    with pytest.raises(TimeError, match=message):
        table.value("cat-1", RAIN, "mm h-1", START + 1800)
    with NetcdfForcing(forcing) as reader, pytest.raises(TimeError, match=message):
        reader.block(["cat-1"], RAIN, "mm h-1", START + 1800, 2)


def test_units_that_do_not_convert_are_passed_on_with_one_warning(forcing, caplog):
    with NetcdfForcing(forcing) as reader:
        raw = reader.value("cat-1", RAIN, "mm s^-1", START)
        for hour in range(3):
            reader.value("cat-1", RAIN, "kg m-2 s-1", START + hour * HOUR)
        assert reader.value("cat-1", RAIN, "kg m-2 s-1", START) == raw
        assert reader.unconverted[RAIN] == (
            "units 'mm s^-1' cannot be converted into 'kg m-2 s-1'"
        )
    assert caplog.text.count("values are used as is") == 1


@pytest.mark.parametrize(
    ("units", "advised"),
    [("kg m-2 s-1", True), ("kg m-2 h-1", True), ("kg m-2", False), ("K", False)],
)
def test_of_a_mass_of_water_it_is_said_what_to_write(forcing, units, advised):
    with netCDF4.Dataset(forcing, "a") as file:
        file["precip_rate"].units = units
    refused = pytest.raises(UnitsError, match=f"'{units}' cannot be conv")
    with NetcdfForcing(forcing, strict=False) as reader, refused as error:
        reader.value("cat-1", RAIN, "mm h-1", START)
    assert ("1 kg m-2 is 1 mm, so write mm for" in str(error.value)) is advised


HOURS = np.arange(4.0)


@pytest.mark.parametrize(
    ("times", "units"),
    [
        (3600 * HOURS + START, "s"),
        (HOURS + START / 3600, "hours since 1970-01-01 00:00:00"),
        (60 * HOURS, "minutes since 2015-12-01T00:00:00Z"),
        (3.6e12 * HOURS, "ns since 2015-12-01 00:00:00 UTC"),
    ],
)
def test_units_of_time_are_those_the_framework_reads(times, units):
    rain = {"precip_rate": ("mm s-1", np.zeros((1, 4)))}
    write_netcdf(Path("f.nc"), ["cat-1"], rain, times=times, units=units)
    with NetcdfForcing(Path("f.nc")) as reader:
        assert reader.span("cat-1") == (START, START + 4 * HOUR)


@pytest.mark.parametrize(
    ("times", "units", "message"),
    [
        (
            HOURS / 24,
            "days since 2015-12-01",
            "found 'days since 2015-12-01', expected",
        ),
        (
            1800 * HOURS,
            "seconds since 2015-12-01 00:00:00",
            "found steps of 30 min",
        ),
        (HOURS, "hours since then", "found 'hours since then', expected a date"),
        (HOURS * np.nan, "s", "time of entry 0 is missing"),
    ],
)
def test_other_times_are_refused(times, units, message):
    rain = {"precip_rate": ("mm s-1", np.zeros((1, 4)))}
    write_netcdf(Path("f.nc"), ["cat-1"], rain, times=times, units=units)
    with pytest.raises(DataError, match=rf"f\.nc: Time: .*{message}"):
        NetcdfForcing(Path("f.nc"))


def test_other_layouts_are_refused(forcing):
    rain = {"precip_rate": ("mm s-1", np.zeros((1, 4)))}
    write_netcdf(Path("old.nc"), ["cat-1"], rain, kind="NETCDF3_CLASSIC")
    with pytest.raises(DataError, match=r"old\.nc: found NETCDF3_CLASSIC"):
        NetcdfForcing(Path("old.nc"))
    Path("text.nc").write_text("text", encoding="utf-8")
    with pytest.raises(DataError, match=r"text\.nc: not a NetCDF file"):
        NetcdfForcing(Path("text.nc"))
    with pytest.raises(ConfigError, match=r"none\.nc: no such file"):
        NetcdfForcing(Path("none.nc"))
    with netCDF4.Dataset(forcing, "a") as file:
        file.renameVariable("ids", "names")
    with pytest.raises(DataError, match="variable 'ids' is missing"):
        NetcdfForcing(forcing)


def test_a_plain_time_coordinate_will_do_where_it_may(forcing):
    with netCDF4.Dataset("plain.nc", "w") as file, netCDF4.Dataset(forcing) as source:
        for name, size in (("catchment-id", 3), ("time", 6)):
            file.createDimension(name, size)
        file.createVariable("ids", str, ("catchment-id",))[:] = source["ids"][:]
        time = file.createVariable("time", "i8", ("time",))
        time[:] = START + HOUR * np.arange(6)
        time.units = "seconds since 1970-01-01 00:00:00"
    with pytest.raises(DataError, match="no coordinate of time: found ids, time"):
        NetcdfForcing(Path("plain.nc"))
    with NetcdfForcing(Path("plain.nc"), strict=False) as reader:
        assert reader.span("cat-1") == (START, START + 6 * HOUR)


def test_a_crosswalk_renames_catchments(forcing):
    names = {"a": "cat-3", "b": "cat-9"}
    with NetcdfForcing(forcing, names=names) as reader:
        assert reader.ids == ("a",)
        value = reader.value("a", RAIN, "mm h-1", START)
        assert value == pytest.approx(3.0, rel=1e-6)
