"""Forcing files, looked up and converted as the framework does it."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..conversion import datetime_of, without_zone
from ..errors import DataError, TimeError, UnitsError, suggestion
from ..units import convert
from .fields import of_mass

__all__ = ["STEP", "Array", "ForcingProvider", "epoch", "moment", "moment_of"]

STEP = 3600
"""Seconds between two exchanges: the surface layer knows no other step."""

Array = NDArray[np.float64]

Provider = TypeVar("Provider", bound="ForcingProvider")

_log = logging.getLogger(__name__)


def moment(seconds: int) -> str:
    """Return a time as files write it."""
    return str(np.datetime64(seconds, "s")).replace("T", " ")


def moment_of(text: object) -> datetime | None:
    """Return the time, UTC, that a file of some module gives, or None.

    Days may be written with strokes, and parted from the hour by ``_``.
    """
    try:
        time = datetime_of(str(text).replace("/", "-").replace("_", " "))
    except ValueError:
        return None
    return without_zone(time)


def epoch(time: datetime) -> int:
    """Return a time (UTC) in seconds since 1970."""
    return round((time - datetime(1970, 1, 1)).total_seconds())


class ForcingProvider(ABC):
    """Hourly values of catchments, by the framework's names.

    Attributes
    ----------
    path : Path
        The file or folder.
    unconverted : dict of str to str
        What went wrong with the units of a variable, by its name: its values were
        passed on as they are, which is what the framework does.
    remarks : list of str
        What was assumed about the files.

    Parameters
    ----------
    path : Path
    strict : bool
        Whether files are read as the framework does, which passes on values in units
        that it cannot convert; otherwise these are refused.
    """

    def __init__(self, path: Path, *, strict: bool = True) -> None:
        self.path, self.strict = path, strict
        self.unconverted: dict[str, str] = {}
        self.remarks: list[str] = []

    @abstractmethod
    def names(self, catchment: str) -> Sequence[str]:
        """Return the variables there are at a catchment.

        Raises
        ------
        DataError
            When there is no forcing of the catchment.
        """

    @abstractmethod
    def units(self, catchment: str, name: str) -> str:
        """Return the units of a variable in the file; empty where not known."""

    @abstractmethod
    def states_units(self, catchment: str, name: str) -> bool:
        """Return whether a file gives units of a variable, or they are assumed."""

    @abstractmethod
    def span(self, catchment: str) -> tuple[int, int]:
        """Return when the first hour begins and the last ends, seconds since 1970."""

    @abstractmethod
    def value(self, catchment: str, name: str, units: str, time: int) -> float:
        """Return the value of the hour that begins at a time.

        Parameters
        ----------
        catchment, name, units : str
        time : int
            Seconds since 1970.

        Raises
        ------
        DataError
            When there is no such catchment or variable.
        TimeError
            When the file does not cover the time.
        """

    @abstractmethod
    def block(
        self, ids: Sequence[str], name: str, units: str, start: int, steps: int
    ) -> Array:
        """Return values of many catchments, (time, catchment); as :meth:`value`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the files."""

    def __enter__(self: Provider) -> Provider:
        """Return the provider, which closes its files at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self.close()

    def convert(self, values: Array, name: str, file_units: str, units: str) -> Array:
        """Return values in units; as they are, with one warning, where that fails.

        Raises
        ------
        UnitsError
            Where it fails, unless files are read as the framework does.
        """
        if file_units == units:
            return values
        try:
            return convert(values, file_units, units).astype(np.float64, copy=False)
        except UnitsError as error:
            if not self.strict:
                cure = of_mass(file_units, units)
                problem = f"{error}: {cure}" if cure else error
                raise UnitsError(f"{self.path}: {name}: {problem}") from None
            if name not in self.unconverted:
                self.unconverted[name] = str(error)
                _log.warning(
                    "%s: %s: %s; values are used as is", self.path, name, error
                )
            return values

    def no_variable(self, name: str, names: Sequence[str]) -> DataError:
        """Return the error for a variable that is not there."""
        return DataError(
            f"{self.path}: no variable for input {name!r}{suggestion(name, names)}"
        )

    def row(self, first: int, time: int) -> int:
        """Return the place of the hour that begins at a time in a series.

        Raises
        ------
        TimeError
            When no hour of the series begins then.
        """
        place, rest = divmod(time - first, STEP)
        if rest:
            raise TimeError(
                f"{self.path}: hours of the forcing begin at {moment(first)} and every "
                f"hour from then on; {moment(time)} is asked for"
            )
        return place

    def outside(self, catchment: str, time: int) -> TimeError:
        """Return the error for a time that is not covered."""
        start, end = self.span(catchment)
        return TimeError(
            f"{self.path}: forcing of {catchment!r} runs from {moment(start)} to the "
            f"hour before {moment(end)}; {moment(time)} is asked for"
        )
