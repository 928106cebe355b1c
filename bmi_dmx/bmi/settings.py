"""The configuration file of a component, as typed data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from ..errors import ConfigError
from .exchange import UnitSystem
from .operation import Mode, TimeStep
from .screen import Policy

__all__ = ["STARTS", "LocationSettings", "Settings", "SpinUp"]

STARTS = ("cold", "equilibrium")
"""What to start from without a saved state."""

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
class SpinUp:
    """Forcing to run before the start.

    Parameters
    ----------
    file : path
        CSV with one row for each step: first the time, which is not read, then the
        forcings by standard or short name, with units in brackets; relative to the
        configuration file. It serves all locations.
    steps : int, optional
        How many of its first rows to run; default: all. Whole years keep the seasons
        where they are.
    repeat : int
        How often to run them.

    Raises
    ------
    ConfigError
        When a number is not positive.
    """

    file: Path
    steps: int | None = None
    repeat: int = 1

    def __post_init__(self) -> None:
        for key in ("steps", "repeat"):
            number = getattr(self, key)
            if number is not None and number < 1:
                raise ConfigError(f"{key}: expected at least 1, found {number}")


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
        Length of a step for the host.
    mode : {"daily", "hourly"}, optional
        Length of a step of the physics; default: that of ``time_step``. Daily physics
        at hourly steps runs a day when its last hour is there, and gives out what it
        answers evenly through 24 hours from then on, so everything is a day late; until
        then nothing flows.
    day_start_hour : int
        Hour, UTC, at which a day begins where hours are summed up to days.
    evaporation : str
        Potential evaporation: as the model was trained (``bundle``), by the formula of
        that name, or an input (``given``). It decides which inputs there are.
    units : {"model", "ngen"}
        Units of inputs, fluxes and states: mm and mm d-1, or m and mm h-1.
    attribute_defaults : mapping of str to number
        What to take for an attribute where none is given; otherwise it is an error.
    end_time : datetime, optional
        Last time that may be reached.
    outputs : sequence of str, optional
        Output variables to publish, by either of their names, parameters and
        diagnostics among them; default: all fluxes and states. Others can be read
        nevertheless.
    forcing_policy : "raise", "hold", or mapping of str to rule
        What to do with forcing that is missing or absurd; a rule is one of the words or
        the number to put in its place.
    state : "cold", "equilibrium" or path
        What to start from: declared initial values, the stores that the climate of the
        attributes leads to in the long run, or a state file.
    spin_up : SpinUp, optional
        Forcing to run before the start, from ``state`` on.

    Raises
    ------
    ConfigError
        When times carry an offset or do not follow each other, or an hour is none.
    """

    locations: LocationSettings
    start_time: datetime
    bundle: str | None = None
    time_step: TimeStep = "daily"
    mode: Mode | None = None
    day_start_hour: int = 0
    evaporation: str = "bundle"
    units: UnitSystem = "model"
    attribute_defaults: dict[str, float] = field(default_factory=dict)
    end_time: datetime | None = None
    outputs: tuple[str, ...] | None = None
    forcing_policy: Policy = "raise"
    state: Literal["cold", "equilibrium"] | Path = "cold"
    spin_up: SpinUp | None = None

    def __post_init__(self) -> None:
        for key in ("start_time", "end_time"):
            moment = getattr(self, key)
            if moment is not None and moment.tzinfo is not None:
                raise ConfigError(f"{key}: found {moment}, expected UTC with no offset")
        if not 0 <= self.day_start_hour <= 23:
            raise ConfigError(
                f"day_start_hour: expected 0 to 23, found {self.day_start_hour}"
            )
        if self.end_time is not None and self.end_time < self.start_time:
            raise ConfigError(
                f"end_time: {self.end_time} is before start_time {self.start_time}"
            )
