"""NetCDF files: opened and read with errors of one line, times and names told apart."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.data.netcdf import (
    identifiers,
    identifying,
    numbers,
    opened,
    stamps,
    time_axis,
    time_variable,
    units_of,
)
from bmi_dmx.data.table import read_table
from bmi_dmx.errors import ConfigError, DataError

DAYS = "days since 2000-01-01"


def written(
    path: Path, *variables: tuple[str, str, tuple[str, ...], Any], **of: Any
) -> Path:
    """Write (name, type, dimensions, values); ``of`` has attributes by name."""
    with netCDF4.Dataset(path, "w") as file:
        for name, kind, dims, values in variables:
            for d, size in zip(dims, np.shape(values), strict=True):
                if d not in file.dimensions:
                    file.createDimension(d, size)
            variable = file.createVariable(name, str if kind == "text" else kind, dims)
            variable.set_auto_maskandscale(False)
            variable.setncatts(of.get(name, {}))
            variable[:] = np.asarray(values, dtype=object) if kind == "text" else values
    return path


def axis(path: Path, name: str = "time", **more: Any):
    with opened(path) as file:
        return time_axis(path, file, file[name], **more)[0]


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"CDF\x01", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" * 99]
)
def test_what_is_no_netcdf_file_is_refused(tmp_path, data):
    path = tmp_path / "f.nc"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"f\.nc: not a NetCDF file: ") as error:
        opened(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "start", "told"),
    [
        ("a.parquet", b"PAR1\x15\x04", "it is a table of Parquet; write it as CSV"),
        ("a.xlsx", b"PK\x03\x04\x14", "it is a workbook of Excel; save the sheet"),
        ("a.zip", b"PK\x03\x04\x14", "it is an archive of ZIP; unpack it"),
        ("a.nc.gz", b"\x1f\x8b\x08", "it is compressed by gzip; unpack it"),
        ("a.nc", b"<!DOCTYPE html>", "it is a page of HTML"),
        ("a.nc", b"GRIB\0\0\0\2", "it is a file of GRIB"),
    ],
)
def test_files_of_other_kinds_are_called_so(tmp_path, name, start, told):
    path = tmp_path / name
    path.write_bytes(start + bytes(100))
    with pytest.raises(DataError, match=f"not a NetCDF file: {told}"):
        opened(path)
    if not name.endswith(".gz"):  # that is read
        with pytest.raises(DataError, match=f"not a table of text: {told}"):
            read_table(path, "a place")


def test_a_folder_and_nothing_are_refused(tmp_path):
    with pytest.raises(DataError, match="is a folder, expected a NetCDF file"):
        opened(tmp_path)
    with pytest.raises(ConfigError, match=r"gone.nc: no such file"):
        opened(tmp_path / "gone.nc")


def test_numbers_are_float64_and_nan_where_nothing_is_declared_known(tmp_path):
    attributes = {"missing_value": np.int16(2), "scale_factor": 0.5, "units": " m "}
    path = written(tmp_path / "f.nc", ("x", "i2", ("n",), [1, 2, 3]), x=attributes)
    with opened(path) as file:
        np.testing.assert_array_equal(numbers(path, file["x"]), [0.5, np.nan, 1.5])
        assert numbers(path, file["x"], slice(2, 3)).tolist() == [1.5]
        assert units_of(file["x"]) == "m"


def test_text_is_no_number(tmp_path):
    path = written(tmp_path / "f.nc", ("x", "text", ("n",), ["1", "2"]))
    with (
        opened(path) as file,
        pytest.raises(DataError, match="x: found text, expected"),
    ):
        numbers(path, file["x"])


def test_units_that_are_a_number_are_text(tmp_path):
    path = written(tmp_path / "f.nc", ("x", "f8", ("n",), [1.0]), x={"units": 1})
    with opened(path) as file:
        assert units_of(file["x"]) == "1"


def test_a_damaged_piece_is_named_with_its_variable(tmp_path):
    path = tmp_path / "f.nc"
    values = np.random.default_rng(0).random(20_000)
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("n", values.size)
        variable = file.createVariable("x", "f8", ("n",), zlib=True, fletcher32=True)
        variable[:] = values
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with opened(path) as file, pytest.raises(DataError) as error:
        numbers(path, file["x"])
    assert str(error.value).startswith(
        f"{path}: x: cannot be read, the file is damaged"
    )
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["i4", "i8", "f8", "text", "S1"])
def test_identifiers_of_all_kinds(tmp_path, kind):
    if kind == "S1":
        values: Any = netCDF4.stringtochar(np.array(["7", "12"], dtype="S5"))
        variable = ("ids", kind, ("n", "length"), values)
    else:
        values = ["7 ", "12"] if kind == "text" else [7, 12]
        variable = ("ids", kind, ("n",), values)
    path = written(tmp_path / "f.nc", variable)
    with opened(path) as file:
        assert identifiers(path, file["ids"]) == ("7", "12")


def test_the_coordinate_of_time_goes_before_other_times(tmp_path):
    path = written(
        tmp_path / "f.nc",
        ("made", "f8", ("time",), [9, 9, 9]), ("time", "f8", ("time",), [0, 1, 2]),
        made={"units": DAYS}, time={"units": DAYS},
    )  # fmt: skip
    with opened(path) as file:
        assert time_variable(path, file).name == "time"
        assert time_variable(path, file, ("made",)).name == "made"
        with pytest.raises(DataError, match="found made, time, expected 'Time' or 'T'"):
            time_variable(path, file, ("Time", "T"))


def test_a_file_without_times_is_refused(tmp_path):
    path = written(tmp_path / "f.nc", ("x", "f8", ("n",), [1.0]))
    with opened(path) as file, pytest.raises(DataError, match="no coordinate of time"):
        time_variable(path, file)


@pytest.mark.parametrize("dims", [("place", "time"), ("time", "place")])
def test_a_row_of_times_for_every_place_must_be_the_same(tmp_path, dims):
    values = np.tile(np.arange(5.0), (3, 1))

    def put() -> Path:
        shown = values if dims[0] == "place" else values.T
        return written(
            tmp_path / "f.nc", ("Time", "f8", dims, shown), Time={"units": DAYS}
        )

    timeline = axis(put(), "Time")
    assert (timeline.start, timeline.steps) == (datetime(2000, 1, 1), 5)
    values[2, 3] += 0.5
    with pytest.raises(DataError, match="Time: places differ in their times: entry 2"):
        axis(put(), "Time")


def test_bounds_of_a_file_are_read(tmp_path):
    edges = np.arange(4.0)
    path = written(
        tmp_path / "f.nc",
        ("time", "f8", ("time",), edges[1:]),
        ("time_bnds", "f8", ("time", "nv"), np.stack([edges[:-1], edges[1:]], axis=1)),
        time={"units": DAYS, "bounds": "time_bnds"},
    )
    timeline = axis(path)
    assert (timeline.start, timeline.remarks, timeline.assumption) == (
        datetime(2000, 1, 1),
        (),
        "",
    )


@pytest.mark.parametrize("bounds", ["gone", "flat", "single"])
def test_bounds_that_are_none_leave_it_to_the_times(tmp_path, bounds):
    path = written(
        tmp_path / "f.nc",
        ("time", "f8", ("time",), [1.0, 2.0]), ("flat", "f8", ("time",), [1.0, 2.0]),
        ("single", "f8", ("time", "one"), [[1.0], [2.0]]),
        time={"units": DAYS, "bounds": bounds},
    )  # fmt: skip
    timeline = axis(path)
    assert timeline.start == datetime(2000, 1, 2)
    assert "there are no bounds that say so" in timeline.assumption


def test_a_part_of_the_times_may_be_even_where_all_are_not(tmp_path):
    times = ("time", "f8", ("time",), [0, 1, 2, 5, 6])
    path = written(tmp_path / "f.nc", times, time={"units": DAYS})
    with opened(path) as file:
        moments = stamps(path, file, file["time"])
    with pytest.raises(DataError, match="expected one 1 d later: 2 are missing"):
        moments.axis()
    assert moments.axis(slice(3, 5)).start == datetime(2000, 1, 6)


def test_times_are_named_with_file_and_variable_where_they_are_none(tmp_path):
    times = ("time", "text", ("time",), ["a", "b"])
    path = written(tmp_path / "f.nc", times, time={"units": DAYS})
    with pytest.raises(DataError, match=r"f\.nc: time: found text, expected numbers"):
        axis(path)


@pytest.mark.parametrize("dims", [("place", "time"), ("time", "place")])
def test_bounds_may_stand_for_every_place(tmp_path, dims):
    edges = np.arange(4.0)
    ends = np.stack([edges[:-1], edges[1:]], axis=1)
    times = np.broadcast_to(edges[1:], (2, 3))
    bounds = np.broadcast_to(ends, (2, 3, 2))
    if dims[0] == "time":
        times, bounds = times.T, np.swapaxes(bounds, 0, 1)
    path = written(
        tmp_path / "f.nc",
        ("Time", "f8", dims, times), ("ends", "f8", (*dims, "nv"), bounds),
        Time={"units": DAYS, "bounds": "ends"},
    )  # fmt: skip
    timeline = axis(path, "Time")
    assert (timeline.start, timeline.steps) == (datetime(2000, 1, 1), 3)


def test_bounds_may_have_units_of_their_own(tmp_path):
    path = written(
        tmp_path / "f.nc",
        ("time", "f8", ("time",), [1.0, 2.0]),
        ("ends", "f8", ("time", "nv"), [[0.0, 24.0], [24.0, 48.0]]),
        time={"units": DAYS, "bounds": "ends"}, ends={"units": f"hours{DAYS[4:]}"},
    )  # fmt: skip
    assert axis(path).start == datetime(2000, 1, 1)


def test_packing_that_is_no_number_is_refused(tmp_path):
    packed, message = ("x", "i2", ("n",), [1]), "x: invalid scale_factor"
    path = written(tmp_path / "f.nc", packed, x={"scale_factor": "a"})
    with opened(path) as file, pytest.raises(DataError, match=message):
        numbers(path, file["x"])


def test_a_marker_that_cannot_be_a_number_of_its_variable_is_none(tmp_path):
    plain = ("x", "i2", ("n",), [1])
    path = written(tmp_path / "f.nc", plain, x={"missing_value": "a"})
    with opened(path) as file:
        assert numbers(path, file["x"]).tolist() == [1.0]


def test_variables_that_name_places_are_told_by_their_mark(tmp_path):
    path = written(
        tmp_path / "f.nc",
        ("a", "text", ("n",), ["x"]), ("b", "f8", ("n",), [1.0]),
        a={"cf_role": "timeseries_id"}, b={"cf_role": np.array([1.0, 2.0])},
    )  # fmt: skip
    with opened(path) as file:
        assert [variable.name for variable in identifying(file)] == ["a"]


@pytest.mark.parametrize("filled", [b"\0", b"\xff"])
def test_a_heap_that_the_library_would_not_leave_is_refused(tmp_path, filled):
    path = written(tmp_path / "f.nc", ("ids", "text", ("n",), ["cat-1", "cat-2"]))
    data = bytearray(path.read_bytes())
    heap = data.find(b"GCOL")
    data[heap + 16 : heap + 64] = 48 * filled
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"f\.nc: not a NetCDF file: a heap in it is"):
        opened(path)


def test_units_of_a_time_may_have_capitals(tmp_path):
    path = written(
        tmp_path / "t.nc", ("time", "f8", ("time",), [0, 1, 2]),
        time={"units": "Days Since 1980-10-01"},
    )  # fmt: skip
    with opened(path) as file:
        assert time_variable(path, file).name == "time"
    assert axis(path).start == datetime(1980, 10, 1)


def test_times_in_a_group_are_not_looked_for(tmp_path):
    path = tmp_path / "g.nc"
    with netCDF4.Dataset(path, "w") as file:
        inside = file.createGroup("weather")
        inside.createDimension("time", 2)
        inside.createVariable("time", "f8", ("time",)).units = "days since 1980-10-01"
    told = "found none beside its groups weather, in which nothing is looked for"
    with opened(path) as file, pytest.raises(DataError, match=told):
        time_variable(path, file)
