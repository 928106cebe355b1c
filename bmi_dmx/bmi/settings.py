"""The configuration file of a component, as typed data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from ..errors import ConfigError
from .screen import Policy

__all__ = ["LocationSettings", "Settings"]

Number = float | None


@dataclass(frozen=True, kw_only=True)
class LocationSettings:
    """Where the model runs.

    Parameters
    ----------
    ids : sequence of str, optional
        Names of the locations; needed without a ``file``, else a choice of its rows.
    attributes : mapping of str to number or list of numbers
        One value for all locations, or one for each in the order of ``ids``. Empty
        (null) is an attribute that will be set before the first step.
    file : path, optional
        CSV or NetCDF file with more attributes; relative to the configuration file.

    Raises
    ------
    ConfigError
        When there are no locations, or an identifier is given twice.
    """

    ids: tuple[str | int, ...] = ()
    attributes: dict[str, Number | tuple[Number, ...]] = field(default_factory=dict)
    file: Path | None = None

    def __post_init__(self) -> None:
        if not self.ids and self.file is None:
            raise ConfigError("ids: expected at least one, or a file with them")
        names = [str(i) for i in self.ids]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"ids: {name!r} is given twice")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a component runs, where, and when.

    Parameters
    ----------
    locations : LocationSettings
        Names and attributes.
    start_time : datetime
        Date and time, UTC, at BMI time 0.
    bundle : str, optional
        Name of a bundle that comes with the package, or a path relative to the
        configuration file; optional where the component has a bundle of its own.
    time_step : {"daily", "hourly"}
        Length of a step.
    end_time : datetime, optional
        Last time that may be reached.
    outputs : sequence of str, optional
        Output variables to publish, by either of their names; default: all. Others can
        be read nevertheless.
    forcing_policy : "raise", "hold", or mapping of str to rule
        What to do with forcing that is missing or absurd; a rule is one of the words or
        the number to put in its place.
    state : "cold" or path
        What to start from: declared initial values, or a state file.

    Raises
    ------
    ConfigError
        When times carry an offset or do not follow each other.
    """

    locations: LocationSettings
    start_time: datetime
    bundle: str | None = None
    time_step: Literal["daily", "hourly"] = "daily"
    end_time: datetime | None = None
    outputs: tuple[str, ...] | None = None
    forcing_policy: Policy = "raise"
    state: Literal["cold"] | Path = "cold"

    def __post_init__(self) -> None:
        for key in ("start_time", "end_time"):
            moment = getattr(self, key)
            if moment is not None and moment.tzinfo is not None:
                raise ConfigError(f"{key}: found {moment}, expected UTC with no offset")
        if self.end_time is not None and self.end_time < self.start_time:
            raise ConfigError(
                f"end_time: {self.end_time} is before start_time {self.start_time}"
            )
