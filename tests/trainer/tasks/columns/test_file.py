"""Files of columns as others write them: read for what they say, or refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError, DataError, DmxError, UnitsError
from bmi_dmx.trainer.tasks.columns.experiment import Experiment
from bmi_dmx.trainer.tasks.columns.record import Record
from bmi_dmx.trainer.tasks.columns.task import modelled, opened

from . import made

Change = Callable[[netCDF4.Dataset], None]


def record_of(asked: dict[str, Any]) -> Record:
    experiment = convert(asked, Experiment)
    return opened(experiment, modelled(experiment))


def record(path: Path, surface: str) -> Record:
    return record_of(made.experiment(path, surface))


def altered(weather: Path, folder: Path, change: Change) -> Path:
    path = Path(shutil.copy(weather, folder / "altered.nc"))
    with netCDF4.Dataset(path, "a") as file:
        change(file)
    return path


def numbers(name: str, new: Callable[[Any], Any], units: str | None = None) -> Change:
    """Change the numbers of a variable, and perhaps the units that are said."""

    def change(file: netCDF4.Dataset) -> None:
        file[name][...] = new(file[name][...])
        if units is not None:
            file[name].units = units

    return change


def turned(dimension: str) -> Change:
    """Lay all that stands along a dimension the other way round."""

    def change(file: netCDF4.Dataset) -> None:
        for variable in file.variables.values():
            if dimension in variable.dimensions:
                at = variable.dimensions.index(dimension)
                variable[...] = np.flip(variable[...], at)

    return change


def with_place(name: str) -> Change:
    """Give a variable the dimensions of a place, of length one."""

    def change(file: netCDF4.Dataset) -> None:
        for one in ("row", "column"):
            file.createDimension(one, 1)
        old = file[name]
        axes, values, units = old.dimensions, old[...], old.units
        file.renameVariable(name, f"old_{name}")
        new = file.createVariable(name, "f8", (*axes, "row", "column"))
        new[...] = values[..., None, None]
        new.units = units

    return change


def july_first(file: netCDF4.Dataset) -> None:
    months = file.createVariable("month", "f8", ("month",))
    months[:] = (np.arange(12) + 6) % 12 + 1
    for name in ("usual_temperature", "usual_salinity"):
        file[name][:] = np.roll(file[name][:], 6, 0)


SAID_OTHERWISE = {
    "K": ("fluxes", numbers("sst", lambda x: x + 273.15, "K")),
    "kW": ("fluxes", numbers("net", lambda x: x / 1000.0, "kW m-2")),
    "hPa": ("weather", numbers("p", lambda x: x / 100.0, "hPa")),
    "percent": ("weather", numbers("c", lambda x: 100.0 * x, "%")),
    "parts of a thousand": ("weather", numbers("salinity", lambda x: x, "1e-3")),
    "grams": ("fluxes", numbers("usual_salinity", lambda x: x, "g kg-1")),
    "kilograms": ("weather", numbers("salinity", lambda x: x / 1000.0, "kg kg-1")),
    "practical": ("weather", numbers("salinity", lambda x: x, "psu")),
    "depths in cm": ("fluxes", numbers("depth", lambda x: 100.0 * x, "cm")),
    "heights": ("weather", numbers("depth", lambda x: -x, "m")),
    "upside down": ("fluxes", turned("depth")),
    "upside down, by months": ("weather", turned("depth")),
    "with a place": ("fluxes", with_place("usual_temperature")),
    "surface with a place": ("fluxes", with_place("sst")),
    "forcing with a place": ("fluxes", with_place("net")),
    "from July on": ("fluxes", july_first),
}


@pytest.mark.parametrize("name", SAID_OTHERWISE)
def test_what_is_said_otherwise_is_the_same(
    name: str, weather: Path, tmp_path: Path
) -> None:
    surface, change = SAID_OTHERWISE[name]
    expected = record(weather, surface)
    found = record(altered(weather, tmp_path, change), surface)
    for one, other in (
        (expected.forcing, found.forcing), (expected.profiles, found.profiles)
    ):  # fmt: skip
        assert list(one) == list(other)
        for key, x in one.items():
            np.testing.assert_allclose(other[key], x, rtol=1e-9)
    np.testing.assert_allclose(
        found.observed.values, expected.observed.values, rtol=1e-9
    )


def calendar(name: str, kind: str) -> Change:
    return lambda file: file[name].setncattr("calendar", kind)


def twice(file: netCDF4.Dataset) -> None:
    file["month_time"][20] = file["month_time"][19] + 24.0


def first_alone(file: netCDF4.Dataset) -> None:
    """Name the months of the usual profiles so that one comes twice."""
    file.createVariable("month", "f8", ("month",))[:] = [1, *range(1, 12)]


def one_depth(x: Any) -> Any:
    return np.array([2.5, 2.5, 25.0])


def no_middle(x: Any) -> Any:
    return np.where(np.arange(3) == 1, np.nan, x)


REFUSED = {
    "kelvin as degC": (
        "fluxes", numbers("sst", lambda x: x + 273.15), DataError,
        r"sst: found 287.\d+, expected -10 to 45 degC",
    ),
    "hPa as Pa": (
        "weather", numbers("p", lambda x: x / 100.0), DataError,
        "p: found 1013, expected 85000 to 110000 Pa",
    ),
    "percent as a share": (
        "weather", numbers("c", lambda x: 100.0 * x), DataError,
        "c: found 50, expected 0 to 1$",
    ),
    "salinity as a share": (
        "weather", numbers("salinity", lambda x: 1e3 * x), DataError,
        "salinity: found 33000, expected 0 to 50",
    ),
    "units of something else": (
        "fluxes", numbers("taux", lambda x: x, "W m-2"), UnitsError,
        "taux: units 'W m-2' cannot be converted into 'Pa'",
    ),
    "pressure as depth": (
        "fluxes", numbers("depth", lambda x: x, "dbar"), UnitsError, "depth: units",
    ),
    "no depth": (
        "fluxes", numbers("depth", no_middle), DataError, "depth: values are missing",
    ),
    "a depth twice": (
        "fluxes", numbers("depth", one_depth), DataError, "depth: .*each once",
    ),
    "no surface": (
        "fluxes", numbers("sst", lambda x: x * np.nan), DataError,
        "sst: found no number",
    ),
    "no latitude": (
        "fluxes", numbers("lat", lambda x: x * np.nan), DataError, "lat: is no number",
    ),
    "another planet": (
        "fluxes", numbers("lat", lambda x: 500.0), DataError,
        "lat: found 500, expected -90 to 90",
    ),
    "years of 365 days": (
        "fluxes", calendar("time", "noleap"), DataError, "time: calendar 'noleap'",
    ),
    "years of 360 days": (
        "weather", calendar("month_time", "360_day"), DataError,
        "month_time: calendar '360_day'",
    ),
    "falling time": (
        "fluxes", turned("time"), DataError, "time: the times do not increase",
    ),
    "falling months": (
        "weather", turned("month_time"), DataError,
        "month_time: .*found 2006-12 and then 2006-11",
    ),
    "a month twice": (
        "weather", twice, DataError, "month_time: expected a step for every month",
    ),
    "a usual month twice": (
        "fluxes", first_alone, DataError, "month: found .*, expected each month once",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused(name: str, weather: Path, tmp_path: Path) -> None:
    surface, change, kind, told = REFUSED[name]
    path = altered(weather, tmp_path, change)
    with pytest.raises(kind, match=f"altered.nc: {told}"):
        record(path, surface)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"surface": "usual_temperature"}, "month, depth, expected time"),
        ({"usual": {"temperature": "sst", "salinity": "usual_salinity"}},
         "sst: found dimensions time, expected months and depths"),
        ({"usual": {"temperature": "temperature", "salinity": "salinity"}},
         "temperature: found 72 months, expected twelve"),
        ({"forcing": {"heat": ["lat"]}}, "lat: found dimensions none, expected time"),
        ({"forcing": {"heat": []}}, "forcing.heat: found no variable"),
        ({"forcing": {}}, "forcing: found none"),
    ],
)  # fmt: skip
def test_variables_that_are_something_else_are_refused(
    weather: Path, data: dict[str, Any], told: str
) -> None:
    asked = made.experiment(weather)
    asked["data"] |= data
    with pytest.raises((ConfigError, DataError), match=told):
        record_of(asked)


@pytest.mark.parametrize("share", [0.1, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(
    weather: Path, tmp_path: Path, share: float
) -> None:
    whole = weather.read_bytes()
    path = tmp_path / "cut.nc"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DmxError, match=r"cut.nc"):
        record(path, "fluxes")
