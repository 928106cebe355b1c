"""Series of forcing in files, at one place or many, read a piece at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..bmi.locations import IDENTIFIERS, in_units
from ..csv_table import heading, numbers, read_csv_table
from ..errors import DataError, UnitsError, suggestion
from ..operate.system import System
from ..units import convert
from ..variables import Forcing

__all__ = ["Series", "missing", "open_series"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")


class Series(ABC):
    """Forcing at places, on one regular axis of time.

    Parameters
    ----------
    path : Path
        The file.
    names : mapping of str to str
        Name in the file by short name, where somebody said it.
    system : System
        Says what files usually call forcings.

    Attributes
    ----------
    ids : tuple of str
        The places.
    start : datetime
        Beginning of the first step, UTC.
    seconds : float
        Length of a step.
    steps : int
        Number of steps.
    """

    ids: tuple[str, ...]
    start: datetime
    seconds: float
    steps: int

    def __init__(self, path: Path, names: Mapping[str, str], system: System) -> None:
        self.path, self._names, self._system = path, names, system

    @property
    @abstractmethod
    def variables(self) -> tuple[str, ...]:
        """Names of the series in the file."""

    @abstractmethod
    def units(self, name: str) -> str:
        """Return the units of a series as the file gives them; empty if it does not."""

    @abstractmethod
    def raw(self, name: str, first: int, count: int) -> Array:
        """Return numbers as they are in the file, (time, place); NaN where missing."""

    @abstractmethod
    def attributes(self, wanted: Mapping[str, str]) -> dict[str, Array]:
        """Return the constants of the places that the file has, (place,).

        Parameters
        ----------
        wanted : mapping of str to str
            Units by name.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    def find(self, forcing: Forcing) -> str | None:
        """Return the name of a forcing in the file, or None where it has none."""
        usual = [
            name
            for known in self._system.files
            if known.variable == forcing.name
            for name in known.names
        ]
        asked = self._names.get(forcing.name)
        if asked is not None:
            if asked not in self.variables:
                hint = suggestion(asked, self.variables)
                raise DataError(f"{self.path}: no series {asked!r}{hint}")
            return asked
        published = self._system.names.get(forcing.name, "")
        for name in (forcing.name, forcing.standard_name, published, *usual):
            if name and name in self.variables:
                return name
        return None

    def given_units(self, forcing: Forcing, name: str) -> tuple[str, bool]:
        """Return the units of a series, and whether they are assumed."""
        units = self.units(name)
        if units:
            return units, False
        for known in self._system.files:
            if known.variable == forcing.name and name in known.names:
                return known.units, True
        return forcing.units, True

    def read(self, forcing: Forcing, first: int, count: int) -> Array:
        """Return a forcing over some steps in its units, (time, place).

        Raises
        ------
        DataError
            When the file has no such series.
        UnitsError
            When its units cannot be converted.
        """
        name = self.find(forcing)
        if name is None:
            hint = suggestion(forcing.name, self.variables)
            raise DataError(
                f"{self.path}: no series of {forcing.name!r}{hint}; say which it is "
                f"with --names {forcing.name}=NAME"
            )
        values = self.raw(name, first, count)
        units, _ = self.given_units(forcing, name)
        if units == forcing.units:
            return values
        try:
            return np.asarray(convert(values, units, forcing.units), float)
        except UnitsError as error:
            raise UnitsError(f"{self.path}: {name}: {error}") from None


def open_series(path: Path, names: Mapping[str, str], system: System) -> Series:
    """Open a file of forcing: CSV of one place, or NetCDF of any number.

    Raises
    ------
    DataError
        When there is no such file, or it is not one of forcing.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    kind = _Csv if path.suffix.lower() in (".csv", ".txt") else _Netcdf
    return kind(path, names, system)


def _steps(path: Path, moments: Sequence[datetime]) -> tuple[datetime, float, int]:
    """Return the first of some times, the step between them, and their number."""
    if len(moments) < 2:
        raise DataError(f"{path}: found {len(moments)} times, expected at least 2")
    passed = np.array([(m - moments[0]).total_seconds() for m in moments])
    steps = np.diff(passed)
    bad = np.abs(steps - steps[0]) > 1e-6 * abs(steps[0])
    if steps[0] <= 0.0 or bad.any():
        at = int(np.argmax(bad)) if bad.any() else 0
        raise DataError(
            f"{path}: the times do not follow each other evenly: {moments[at]} is "
            f"followed by {moments[at + 1]}, expected {steps[0]:g} s later"
        )
    return moments[0], float(steps[0]), len(moments)


class _Csv(Series):
    """One place: the first column is the time at which a step begins."""

    def __init__(self, path: Path, names: Mapping[str, str], system: System) -> None:
        super().__init__(path, names, system)
        titles, rows = read_csv_table(path, "rows of forcing")
        self.ids = (path.stem,)
        moments = [self._moment(number, row[0]) for number, row in enumerate(rows, 2)]
        self.start, self.seconds, self.steps = _steps(path, moments)
        self._columns: dict[str, tuple[str, Array]] = {}
        for k, title in enumerate(titles[1:], 1):
            name, units = heading(title)
            cells = [row[k] or "nan" for row in rows]
            self._columns[name] = (units, numbers(path, title, cells))

    def _moment(self, row: int, text: str) -> datetime:
        try:
            found = datetime.fromisoformat(text.strip())
        except ValueError:
            raise DataError(
                f"{self.path}: row {row}: found {text!r}, expected a time such as "
                "1980-10-01 00:00"
            ) from None
        if found.tzinfo is not None:
            raise DataError(
                f"{self.path}: row {row}: found {text!r}, expected UTC with no offset"
            )
        return found

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def units(self, name: str) -> str:
        return self._columns[name][0]

    def raw(self, name: str, first: int, count: int) -> Array:
        return self._columns[name][1][first : first + count, None]

    def attributes(self, wanted: Mapping[str, str]) -> dict[str, Array]:
        return {}

    def close(self) -> None:
        """Nothing is open."""


class _Netcdf(Series):
    """Places along one dimension, or whole fields, with a CF time coordinate."""

    def __init__(self, path: Path, names: Mapping[str, str], system: System) -> None:
        import netCDF4

        super().__init__(path, names, system)
        try:
            self._file = netCDF4.Dataset(path)
        except OSError as error:
            raise DataError(f"{path}: not a CSV or NetCDF file: {error}") from None
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    def _open(self) -> None:
        time = self._time()
        self._axis = time.dimensions[-1]
        self.start, self.seconds, self.steps = _steps(self.path, self._moments(time))
        own = {
            name: variable
            for name, variable in self._file.variables.items()
            if self._axis in variable.dimensions
            and variable is not time
            and variable.ndim >= 2
            and variable.dtype.kind in "fiu"
        }
        if not own:
            raise DataError(
                f"{self.path}: no series along {self._axis!r} and a second dimension"
            )
        self._own = own
        first = next(iter(own.values()))
        self._dims = tuple(d for d in first.dimensions if d != self._axis)
        shape = [len(self._file.dimensions[d]) for d in self._dims]
        self.ids = self._identifiers(shape)

    def _time(self) -> Any:
        for variable in self._file.variables.values():
            units = str(getattr(variable, "units", ""))
            if " since " in units and variable.ndim in (1, 2):
                return variable
        names = ", ".join(self._file.variables) or "none"
        raise DataError(
            f"{self.path}: no coordinate of time, whose units would be such as 'days "
            f"since 1980-01-01'; found {names}"
        )

    def _moments(self, time: Any) -> list[datetime]:
        import netCDF4

        calendar = str(getattr(time, "calendar", "standard"))
        if calendar not in _CALENDARS:
            raise DataError(
                f"{self.path}: {time.name}: calendar {calendar!r}, expected one of "
                f"{', '.join(_CALENDARS)}"
            )
        values = time[:]
        if time.ndim == 2:
            # Files of some hosts repeat the time for every place.
            if (values != values[0]).any():
                raise DataError(
                    f"{self.path}: {time.name}: places differ in their times"
                )
            values = values[0]
        try:
            moments: Any = netCDF4.num2date(
                values, time.units, calendar, only_use_cftime_datetimes=True
            )
        except (ValueError, OverflowError) as error:
            raise DataError(f"{self.path}: {time.name}: {error}") from None
        if np.ma.getmaskarray(moments).any():
            raise DataError(f"{self.path}: {time.name}: found times that are missing")
        return [
            datetime(m.year, m.month, m.day, m.hour, m.minute, m.second, m.microsecond)
            for m in np.ma.getdata(moments)
        ]

    def _identifiers(self, shape: Sequence[int]) -> tuple[str, ...]:
        """Return the names of the places; their numbers where the file has none."""
        marked = self._file.get_variables_by_attributes(cf_role="timeseries_id")
        usual = [self._file[n] for n in IDENTIFIERS if n in self._file.variables]
        for variable in (*marked, *usual):
            if variable.dimensions == self._dims:
                return tuple(str(name) for name in np.asarray(variable[:]).tolist())
        return tuple(str(k) for k in range(int(np.prod(shape))))

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(self._own)

    def units(self, name: str) -> str:
        return str(getattr(self._own[name], "units", "")).strip()

    def raw(self, name: str, first: int, count: int) -> Array:
        variable = self._own[name]
        others = tuple(d for d in variable.dimensions if d != self._axis)
        if others != self._dims:
            raise DataError(
                f"{self.path}: {name} has dimensions {', '.join(others)} besides "
                f"{self._axis}, others have {', '.join(self._dims)}"
            )
        at = variable.dimensions.index(self._axis)
        index = [slice(None)] * variable.ndim
        index[at] = slice(first, first + count)
        read: Any = np.ma.asarray(variable[tuple(index)], float)
        values: Array = np.ma.filled(read, np.nan)
        moved = np.moveaxis(values, at, 0)
        return np.ascontiguousarray(moved.reshape(moved.shape[0], -1))

    def attributes(self, wanted: Mapping[str, str]) -> dict[str, Array]:
        found = {}
        for name, units in wanted.items():
            variable = self._file.variables.get(name)
            if variable is None or variable.dimensions != self._dims:
                continue
            found[name] = in_units(self.path, variable, units).reshape(-1)
        return found

    def close(self) -> None:
        if self._file.isopen():
            self._file.close()


def missing(series: Series, forcings: Iterable[Forcing]) -> list[str]:
    """Return the names of the forcings that a file does not have."""
    return [forcing.name for forcing in forcings if series.find(forcing) is None]
