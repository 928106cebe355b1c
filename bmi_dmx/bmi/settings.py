"""The configuration file of a component, as typed data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..conversion import MOST, convert, refuse_outside, shown, without_zone
from ..errors import ConfigError, suggestion
from ..operate.screen import Policy
from ..operate.system import System

if TYPE_CHECKING:
    from ..operate.operation import Operation
    from ..space import Space
    from .locations import Locations

__all__ = [
    "COLD",
    "OF_STATE",
    "LocationSettings",
    "Settings",
    "SpinUp",
    "settings_from",
]

COLD = "cold"
"""The start from declared initial values."""

OF_STATE = "state"
"""The ``start_time`` of a run that goes on from a saved state, at its time."""

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
        names: set[str] = set()
        for name in map(str, self.ids):
            if name in names:
                raise ConfigError(f"ids: {name!r} is given twice")
            names.add(name)


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
    step : str or number, optional
        Length of a step of the file, as of ``time_step``, where it is another: the
        model runs the file at such steps and hands over what it came to.

    Raises
    ------
    ConfigError
        When a number is not positive.
    """

    file: Path
    steps: int | None = None
    repeat: int = 1
    step: str | float | None = None

    def __post_init__(self) -> None:
        refuse_outside("steps", self.steps, 1)
        refuse_outside("repeat", self.repeat, 1, MOST)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a component runs, where, and when.

    Parameters
    ----------
    start_time : datetime or "state"
        Date and time, UTC, at BMI time 0; ``state``: those of the saved state that is
        begun with, in the file of ``state`` or brought by the host.
    locations : LocationSettings, optional
        Names and attributes; needed where neither ``space`` nor the bundle names them.
    space : mapping, optional
        How the places stand to each other, see :func:`bmi_dmx.space.space_from`;
        default: as in the bundle, or not at all.
    bundle : str, optional
        Name of a bundle that comes with the package, or a path relative to the
        configuration file; optional where the component has a bundle of its own.
    time_step : str or number, optional
        Length of a step for the host: seconds, a number with ``s``, ``min``, ``h`` or
        ``d``, or a word of the system of the bundle; default: as it was trained.
    mode : str or number, optional
        Length of a step of the physics; default: that of ``time_step``, or the shortest
        made of such steps that the bundle runs at. Physics of longer steps is run when
        the last step of the host is there, and what it answers is given out evenly
        through as many steps from then on, so everything is late by one; until then
        nothing flows.
    day_start_hour : int
        Hour, UTC, at which days begin where steps are summed up.
    parts : mapping of str to str
        What is run in place of parts of the bundle; ``bundle`` is its own.
    units : str
        Unit system of inputs, fluxes and states: ``model``, as declared, or another one
        of the system of the bundle.
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
    state : str
        What to start from: ``cold``, declared initial values; another start of the
        system of the bundle; or a state file, relative to the configuration file.
    state_parameters : {"saved", "configured"}
        Whose attributes and parameters hold once a state is restored, whether from a
        file or by the host: those of the state, with which a run continues as if it had
        not been interrupted, or those that are set here. What differs is said in the
        log.
    spin_up : SpinUp, optional
        Forcing to run before the start, from ``state`` on.
    assimilation : mapping, optional
        An ensemble of states, and observations that correct it, see
        :class:`bmi_dmx.assimilation.operation.settings.AssimilationSettings`.

    Raises
    ------
    ConfigError
        When times carry an offset or do not follow each other, or an hour is none.
    """

    start_time: datetime | Literal["state"]
    locations: LocationSettings | None = None
    space: dict[str, Any] | None = None
    bundle: str | None = None
    time_step: str | float | None = None
    mode: str | float | None = None
    day_start_hour: int = 0
    parts: dict[str, str] = field(default_factory=dict)
    units: str = "model"
    attribute_defaults: dict[str, float] = field(default_factory=dict)
    end_time: datetime | None = None
    outputs: tuple[str, ...] | None = None
    forcing_policy: Policy = "raise"
    state: str = COLD
    state_parameters: Literal["saved", "configured"] = "saved"
    spin_up: SpinUp | None = None
    assimilation: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        for key in ("start_time", "end_time"):
            moment = getattr(self, key)
            if isinstance(moment, datetime):
                object.__setattr__(self, key, without_zone(moment))
                if getattr(self, key) is None:
                    raise ConfigError(f"{key}: found {moment}, expected UTC")
        if not 0 <= self.day_start_hour <= 23:
            raise ConfigError(
                f"day_start_hour: expected 0 to 23, found {self.day_start_hour}"
            )
        start, end = self.begins, self.end_time
        if start is not None and end is not None and end < start:
            raise ConfigError(
                f"end_time: {self.end_time} is before start_time {self.start_time}"
            )

    @property
    def begins(self) -> datetime | None:
        """Date and time at BMI time 0; None where a state brings them."""
        return self.start_time if isinstance(self.start_time, datetime) else None

    def placed(
        self, operation: Operation, folder: Path
    ) -> tuple[Locations, Space | None] | None:
        """Return where the model runs if a key of its domain says it, else None.

        Parameters
        ----------
        operation : Operation
            The model.
        folder : Path
            What relative paths start from.
        """
        return None


def settings_from(data: Any, system: System, where: str = "") -> Settings:
    """Return plain data as settings.

    What is chosen for a part of the model may stand under the name of the part, beside
    the other keys.

    Parameters
    ----------
    data : object
        Plain data, as from a YAML file.
    system : System
        What is special about the model, the parts for which there is a choice among it.
    where : str
        What messages begin with, such as the name of the file.

    Raises
    ------
    ConfigError
        When data does not fit, naming the key.
    """
    begin = f"{where}: " if where else ""
    kind: type[Settings] = system.settings or Settings
    if isinstance(data, Mapping):
        keys = [f.name for f in fields(kind)]
        data, parts = dict(data), {}
        for key in [key for key in data if key not in keys]:
            if key not in system.choices:
                hint = suggestion(str(key), [*keys, *system.choices])
                raise ConfigError(f"{begin}{key}: unknown key{hint}")
            parts[key] = data.pop(key)
            if not isinstance(parts[key], str):
                raise ConfigError(
                    f"{begin}{key}: found {shown(parts[key])}, expected text"
                )
        others = data.get("parts") or {}
        if parts and isinstance(others, Mapping):
            for key in parts.keys() & others.keys():
                if parts[key] != others[key]:
                    raise ConfigError(
                        f"{begin}{key}: found {parts[key]!r}, and {others[key]!r} in "
                        "parts; expected one of them"
                    )
            data["parts"] = {**others, **parts}
    return convert(data, kind, where)
