"""Fields of many files along time, read when they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.data.stored_fields import FieldFiles, YearFiles, evenly
from bmi_dmx.errors import ConfigError, DataError, UnitsError

CHANNELS = {"salt": (0, 2), "top": (2, 3)}


def year(
    folder: Path, name: str, days: int, *, rows: int = 3, channels: int = 4
) -> Any:
    """Write a file; return what is in it, (day, channel, row, column)."""
    values = np.arange(days * channels * rows * 5, dtype="f4").reshape(
        days, channels, rows, 5
    )
    with netCDF4.Dataset(folder / name, "w") as file:
        for axis, size in zip("tcyx", values.shape, strict=True):
            file.createDimension(axis, size)
        file.createVariable("fields", "f4", tuple("tcyx"))[:] = values
    return values


def opened(folder: Path) -> YearFiles:
    return YearFiles(folder, "fields", CHANNELS, (10.0, -5.0), (0.0, 72.0))


def test_files_of_years_follow_each_other_by_days(tmp_path: Path) -> None:
    later, first = year(tmp_path, "o2021.h5", 2), year(tmp_path, "o2020.h5", 366)
    store = opened(tmp_path)
    assert store.y.tolist() == [0.0, 5.0, 10.0]
    assert str(store.begins[59])[:10] == "2020-02-29"
    assert str(store.begins[366])[:10] == "2021-01-01"
    read = store.read(np.array([366, 365]), ["top", "salt"])
    assert read["salt"].shape == (2, 2, 3, 5)
    np.testing.assert_array_equal(read["salt"][1], first[365, :2, ::-1])
    np.testing.assert_array_equal(read["top"][0], later[0, 2:3, ::-1])


def test_windows_do_not_reach_over_a_gap_between_files(tmp_path: Path) -> None:
    year(tmp_path, "2018.h5", 365)
    year(tmp_path, "2020.h5", 2)
    store = opened(tmp_path)
    day = np.timedelta64(1, "D")
    starts = evenly(store.begins, np.arange(367), 1, day)
    assert starts.tolist() == [*range(364), 365]
    year(tmp_path, "2019.h5", 365)
    store = opened(tmp_path)
    assert len(evenly(store.begins, np.arange(732), 1, day)) == 731


def test_files_that_do_not_suit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no file with a year in its name"):
        opened(tmp_path)
    year(tmp_path, "2019.h5", 366)
    with pytest.raises(DataError, match="found 366 days, expected 365 of 2019"):
        opened(tmp_path)
    (tmp_path / "2019.h5").unlink()
    year(tmp_path, "2020.h5", 366, channels=2)
    with pytest.raises(
        DataError, match="found 2 channels, expected at least 3 for top"
    ):
        opened(tmp_path)
    year(tmp_path, "2020.h5", 366)
    year(tmp_path, "2019.h5", 3, rows=2)
    with pytest.raises(DataError, match="channels, rows and columns, expected"):
        opened(tmp_path)
    with pytest.raises(DataError, match="no dataset 'field'; did you mean 'fields'"):
        YearFiles(tmp_path, "field", CHANNELS, (0.0, 1.0), (0.0, 1.0))
    with pytest.raises(ConfigError, match="nowhere: no such folder"):
        opened(tmp_path / "nowhere")


def cf(path: Path, first: str, days: int, *, columns: int = 4) -> Any:
    rng = np.random.default_rng(days)
    values = {"thetao": rng.normal(size=(days, 2, 3, columns)),
              "zos": rng.normal(size=(days, 3, columns))}  # fmt: skip
    with netCDF4.Dataset(path, "w") as file:
        sizes = {"time": days, "depth": 2, "lat": 3, "lon": columns}
        for name, size in sizes.items():
            file.createDimension(name, size)
            file.createVariable(name, "f8", (name,))[:] = np.arange(size)
        file["lat"][:] = [20.0, 10.0, 0.0]
        file["time"].units = f"days since {first}"
        for name, x in values.items():
            axes = ("time", "depth", "lat", "lon") if x.ndim == 4 else (
                "time", "lat", "lon")  # fmt: skip
            file.createVariable(name, "f8", axes)[:] = x
    return values


def test_cf_files_are_read_by_name(tmp_path: Path) -> None:
    b = cf(tmp_path / "b.nc", "2001-01-03", 3)
    a = cf(tmp_path / "a.nc", "2001-01-01", 2)
    paths = [tmp_path / "b.nc", tmp_path / "a.nc"]
    store = FieldFiles(paths, {"temperature": "thetao", "elevation": "zos"})
    assert len(store.begins) == 5
    assert store.y.tolist() == [0.0, 10.0, 20.0]
    read = store.read(np.array([1, 4]), ["elevation", "temperature"])
    np.testing.assert_array_equal(read["temperature"][0], a["thetao"][1][:, ::-1])
    np.testing.assert_array_equal(read["elevation"][1], b["zos"][2][None, ::-1])


def test_cf_files_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    a, b = tmp_path / "a.nc", tmp_path / "b.nc"
    cf(a, "2001-01-01", 3)
    cf(b, "2001-01-03", 2)
    with pytest.raises(DataError, match=r"b.nc: begins at 2001-01-03, but .*a.nc"):
        FieldFiles([a, b], {"temperature": "thetao"})
    with pytest.raises(DataError, match="no variable 'theta'; did you mean 'thetao'"):
        FieldFiles([a], {"temperature": "theta"})
    cf(b, "2001-02-03", 2, columns=5)
    with pytest.raises(DataError, match="has other rows or columns than"):
        FieldFiles([a, b], {"temperature": "thetao"})


@pytest.mark.parametrize(
    ("wanted", "own", "factor", "offset"),
    [
        ("degC", "K", 1.0, -273.15),
        ("degC", "", 1.0, 0.0),
        ("1e-3", "g kg-1", 1.0, 0.0),
        ("1e-3", "kg kg-1", 1e3, 0.0),
        ("1e-3", "1", 1.0, 0.0),
        ("1e-3", "psu", 1.0, 0.0),
    ],
)
def test_cf_files_are_read_in_the_units_that_are_wanted(
    tmp_path: Path, wanted: str, own: str, factor: float, offset: float
) -> None:
    path = tmp_path / "a.nc"
    values = cf(path, "2001-01-01", 2)["zos"]
    with netCDF4.Dataset(path, "a") as file:
        file["zos"].units = own
    store = FieldFiles([path], {"state": "zos"}, {"state": wanted})
    read = store.read(np.array([1]), ["state"])["state"][0, 0]
    np.testing.assert_allclose(read, values[1, ::-1] * factor + offset, rtol=1e-12)


def test_cf_files_of_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    cf(path, "2001-01-01", 2)
    with netCDF4.Dataset(path, "a") as file:
        file["zos"].units = "W m-2"
    with pytest.raises(UnitsError, match=r"a\.nc: zos: units 'W m-2' cannot be conv"):
        FieldFiles([path], {"state": "zos"}, {"state": "degC"})
