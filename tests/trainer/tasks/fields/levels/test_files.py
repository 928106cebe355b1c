"""CF files of an ocean as others write them: read for what they say, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.config import as_yaml
from bmi_dmx.errors import DataError, DmxError, UnitsError
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.tasks.fields.levels.samples import LevelSamples
from bmi_dmx.trainer.tasks.fields.levels.task import samples_of

from . import made

DAYS = 20
UNITS = {
    "temperature": "degC", "salinity": "1e-3", "u": "m s-1", "v": "m s-1",
    "elevation": "m", "eastward_wind": "m s-1", "northward_wind": "m s-1",
    "air_temperature": "K", "air_pressure": "Pa",
}  # fmt: skip

Change = Callable[[dict[str, Any]], None]


def contents(first: int = 0, days: int = DAYS) -> dict[str, Any]:
    """Return what a file holds: dimensions, values and attributes by name."""
    numbers = first + np.arange(days)
    whole = made.fields(numbers)
    found: dict[str, Any] = {
        "time": [("time",), numbers * 1.0, {"units": "days since 2019-01-01"}],
        "depth": [("depth",), np.array(made.DEPTHS), {"units": "m"}],
        "lat": [("lat",), 90.0 - made.DEGREES * np.arange(made.ROWS), {}],
        "lon": [("lon",), made.DEGREES * np.arange(made.COLUMNS), {}],
    }
    for name, (begin, end) in made.channels().items():
        x, axes = whole[:, begin:end], ("time", "depth", "lat", "lon")
        if end - begin == 1:
            x, axes = x[:, 0], ("time", "lat", "lon")
        found[name] = [axes, x, {"units": UNITS[name]}]
    return found


def written(path: Path, held: dict[str, Any]) -> Path:
    with netCDF4.Dataset(path, "w") as file:
        for axes, values, _ in held.values():
            for axis, size in zip(axes, values.shape, strict=True):
                if axis not in file.dimensions:
                    file.createDimension(axis, size)
        for name, (axes, values, attributes) in held.items():
            kind, packed = attributes.pop("kind", "f8"), attributes.pop("fill", None)
            variable = file.createVariable(name, kind, axes, fill_value=packed)
            variable.setncatts(attributes)
            variable[:] = np.ma.array(np.nan_to_num(values), mask=np.isnan(values))
    return path


def samples(source: Path, folder: Path) -> LevelSamples:
    plain = made.experiment(source)
    del plain["data"]["channels"]
    plain["data"]["variables"] = {name: name for name in UNITS}
    plain["periods"] = {
        "train": ["2019-01-01", "2019-01-12"],
        "validation": ["2019-01-13", "2019-01-16"],
        "test": ["2019-01-17", "2019-01-20"],
    }
    path = folder / "experiment.yaml"
    path.write_text(as_yaml(plain), encoding="utf-8")
    return samples_of(load_experiment(path))[1]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> LevelSamples:
    folder = tmp_path_factory.mktemp("levels")
    return samples(written(folder / "ocean.nc", contents()), folder)


def numbers(name: str, new: Callable[[Any], Any], **attributes: Any) -> Change:
    def change(held: dict[str, Any]) -> None:
        held[name][1] = new(held[name][1])
        held[name][2] |= attributes

    return change


def turned(axis: str) -> Change:
    """Lay all that stands along an axis the other way round."""

    def change(held: dict[str, Any]) -> None:
        for name, (axes, values, _) in held.items():
            if axis in axes:
                held[name][1] = np.flip(values, axes.index(axis))

    return change


def east_first(held: dict[str, Any]) -> None:
    """Let columns begin at 180 degrees west."""
    half = made.COLUMNS // 2
    for name, (axes, values, _) in held.items():
        if "lon" in axes:
            held[name][1] = np.roll(values, half, axes.index("lon"))
    lon = held["lon"][1]
    held["lon"][1] = np.where(lon >= 180.0, lon - 360.0, lon)


SAID_OTHERWISE = {
    "K": numbers("temperature", lambda x: x + 273.15, units="K"),
    "cm": numbers("u", lambda x: 100.0 * x, units="cm s-1"),
    "hPa": numbers("air_pressure", lambda x: x / 100.0, units="hPa"),
    "practical": numbers("salinity", lambda x: x, units="PSU"),
    "kilograms": numbers("salinity", lambda x: x / 1e3, units="kg kg-1"),
    "upside down": turned("depth"),
    "heights": numbers("depth", lambda x: -x, positive="up"),
    "from south to north": turned("lat"),
    "from west to east": east_first,
    "packed": numbers(
        "temperature", lambda x: x, kind="i4", fill=-(2**31), scale_factor=1e-7,
        add_offset=10.0,
    ),
    "marked": numbers("temperature", lambda x: np.where(np.isnan(x), -9999.0, x)),
    "enormous": numbers("salinity", lambda x: np.where(np.isnan(x), 1e20, x)),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID_OTHERWISE)
def test_what_is_said_otherwise_is_the_same(
    name: str, expected: LevelSamples, tmp_path: Path
) -> None:
    held = contents()
    SAID_OTHERWISE[name](held)
    found = samples(written(tmp_path / "ocean.nc", held), tmp_path)
    np.testing.assert_array_equal(found.sea, expected.sea)
    start = np.array([3, 7])
    one, other = expected.cut(start, 2), found.cut(start, 2)
    for part in ("state", "forcing", "targets"):
        assert list(one[part]) == list(other[part])
        for key, x in one[part].items():
            np.testing.assert_allclose(other[part][key], x, rtol=2e-6, atol=2e-6)


def missing_later(held: dict[str, Any]) -> None:
    held["salinity"][1][9, 1, 6, 0] = np.nan


def columns_first(held: dict[str, Any]) -> None:
    values = held["v"][1]
    held["v"][:2] = ["time", "depth", "lon", "lat"], values.swapaxes(-1, -2)


REFUSED = {
    "kelvin as degC": (
        numbers("temperature", lambda x: x + 273.15), DataError,
        r"temperature: found 29\d.*, expected -10 to 45 degC",
    ),
    "cm as m": (
        numbers("u", lambda x: 100.0 * x), DataError, r"u: found .*expected -5 to 5 m",
    ),
    "hPa as Pa": (
        numbers("air_pressure", lambda x: x / 100.0), DataError,
        "air_pressure: found .*expected 80000 to 110000 Pa",
    ),
    "units of something else": (
        numbers("elevation", lambda x: x, units="kg"), UnitsError,
        "elevation: units 'kg' cannot be converted into 'm'",
    ),
    "other levels": (
        numbers("depth", lambda x: 2.0 * x), DataError, "level 2 is at 240 m, that of",
    ),
    "years of 365 days": (
        numbers("time", lambda x: x, calendar="noleap"), DataError, "calendar 'noleap'",
    ),
    "years of 360 days": (
        numbers("time", lambda x: x, calendar="360_day"), DataError, "'360_day'",
    ),
    "falling time": (
        turned("time"), DataError,
        "time: the times do not increase: 2019-01-20 00:00:00 is followed by 2019-01-1",
    ),
    "a day twice": (
        numbers("time", lambda x: np.where(x == 8.0, 7.0, x)), DataError,
        "2019-01-08 00:00:00 is followed by 2019-01-08",
    ),
    "no time": (
        numbers("time", lambda x: np.where(x == 8.0, np.nan, x)), DataError,
        "time of entry 8 is missing",
    ),
    "columns before rows": (
        columns_first, DataError, "v: found dimensions time, depth, lon, lat, expected",
    ),
    "missing later": (
        missing_later, DataError, "salinity: is missing on 2019-01-10 at level",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    change, kind, told = REFUSED[name]
    held = contents()
    change(held)
    source = written(tmp_path / "ocean.nc", held)
    with pytest.raises(kind, match=f"ocean.nc: .*{told}"):
        samples(source, tmp_path).cells(np.arange(12), ("salinity",))


def test_a_day_that_is_missing_is_in_no_window(tmp_path: Path) -> None:
    held = contents()
    for name, (axes, values, _) in held.items():
        if "time" in axes:
            held[name][1] = np.delete(values, 5, 0)
    known = samples(written(tmp_path / "ocean.nc", held), tmp_path)
    found = known.starts(("2019-01-01", "2019-01-12"), 2)
    assert found.tolist() == [0, 1, 2, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (numbers("temperature", lambda x: x + 273.15, units="K"), "found units 'K'"),
        (numbers("depth", lambda x: 1.1 * x), "has other levels than"),
        (numbers("lat", lambda x: x + 1.0), "has other rows or columns than"),
        (numbers("time", lambda x: x - 3.0), "begins at 2019-01-08, but"),
    ],
)
def test_files_that_do_not_go_on_are_refused(
    tmp_path: Path, change: Change, told: str
) -> None:
    (tmp_path / "ocean").mkdir()
    written(tmp_path / "ocean" / "a.nc", contents(0, 10))
    held = contents(10, 10)
    change(held)
    written(tmp_path / "ocean" / "b.nc", held)
    with pytest.raises(DataError, match=rf"b\.nc: .*{told}"):
        samples(tmp_path / "ocean", tmp_path)


@pytest.mark.parametrize("share", [0.2, 0.95])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    path = written(tmp_path / "ocean.nc", contents())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DmxError, match=r"ocean.nc"):
        samples(path, tmp_path)
