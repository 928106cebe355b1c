"""A trained model behind BMI 2.0."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .. import config
from ..bundle import Bundle
from ..errors import (
    ConfigError,
    DataError,
    DmxError,
    StateError,
    TimeError,
    suggestion,
)
from ..files import atomic
from ..models.spec import TIME_STEPS
from .attributes import AREA, GRID_ATTRIBUTES
from .clock import Clock
from .locations import Locations, read_locations
from .persistence import pack, unpack
from .quantities import (
    DAY_OF_YEAR,
    RUNOFF_VOLUME,
    Quantities,
    published,
    quantities,
    time_series,
)
from .runner import Runner
from .screen import Screen
from .settings import Settings
from .shared import bundle_named
from .values import ValueAccess

__all__ = ["Component"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)
_DAY = 86400


def _not_initialized() -> None:
    raise StateError("initialize(config_file) has not been called")


class Component(ValueAccess):
    """Any bundle as a model that a host steps through time.

    All the variables are float64, one value per location, on grid 0. Each has a
    standard name, which is published, and a short name, which serves as well; those
    without a standard name are published under their short one. Forcings stay as they
    are until they are set again, and there are none to begin with.

    Attributes
    ----------
    default_bundle : str or None
        The bundle of the class; None where the configuration must name one.

    Examples
    --------
    >>> model = Component()                             # doctest: +SKIP
    >>> model.initialize("basin.yaml")                  # doctest: +SKIP
    >>> model.set_value("precipitation", np.array([12.0]))  # doctest: +SKIP
    >>> model.update()                                  # doctest: +SKIP
    >>> model.get_value_ptr("land_surface_water__runoff_depth")  # doctest: +SKIP
    """

    default_bundle: ClassVar[str | None] = None

    def __init__(self) -> None:
        super().__init__()
        self._published: tuple[tuple[str, ...], tuple[str, ...]] | None = None
        self._forget()

    def _forget(self) -> None:
        """Be without a model."""
        self._runner: Runner | None = None
        self._advance: Callable[[], None] = _not_initialized
        self._check: Callable[[], None] = _not_initialized

    # Control

    def initialize(self, config_file: str) -> None:
        """Read the configuration and make the model ready for its first step.

        Parameters
        ----------
        config_file : str
            A YAML file; see :class:`~bmi_dmx.bmi.settings.Settings`.

        Raises
        ------
        ConfigError, BundleError, DataError, StateError
            When something is wrong, naming the file and the key, variable or location.
        """
        if not config_file:
            raise ConfigError("initialize(config_file): expected a file, found nothing")
        path = Path(config_file)
        settings = config.load(path, Settings)
        try:
            self._build(settings, path.parent)
        except DmxError as error:
            self._forget()
            raise type(error)(f"{path}: {error}") from error

    def _build(self, settings: Settings, folder: Path) -> None:
        name = settings.bundle or self.default_bundle
        if name is None:
            raise ConfigError("bundle: missing; it has no default")
        bundle = bundle_named(name, folder)
        steps = bundle.spec.time_steps
        if settings.time_step not in steps:
            raise ConfigError(
                f"time_step: model {bundle.name!r} was trained at steps that are "
                f"{' or '.join(steps)} and cannot run {settings.time_step}"
            )
        places = _places(settings, folder, bundle)
        runner = Runner(bundle, places.ids, settings.time_step, places.attributes)
        clock = Clock(
            settings.start_time,
            settings.end_time,
            round(TIME_STEPS[settings.time_step] * _DAY),
            runner.forcing.get(DAY_OF_YEAR),
        )
        outside = [f for f in bundle.variables.forcings if f.name != DAY_OF_YEAR]
        policy = settings.forcing_policy
        screen = Screen(outside, runner.forcing, policy, places.ids, clock)
        table = quantities(runner, screen)
        self._published = _inputs(table), _outputs(table, settings.outputs)
        self._table, self._screen, self._clock = table, screen, clock
        self._runner = runner
        if settings.state != "cold":
            self.load_state(folder / settings.state)
        self._advance, self._check = runner.advance, screen.check

    def update(self) -> None:
        """Advance one step.

        Raises
        ------
        DataError
            When forcing is missing or absurd, naming location, variable and time; no
            store has changed then.
        TimeError
            When the end has been reached.
        """
        self._check()
        clock = self._clock
        if clock.time >= clock.end:
            clock.steps_until(clock.time + clock.seconds)
        self._advance()
        clock.tick()

    def update_until(self, time: float) -> None:
        """Advance to a time, on the forcings as they are.

        Parameters
        ----------
        time : float
            Seconds since the start.

        Raises
        ------
        TimeError
            When that is not a whole number of steps from now.
        """
        self._model()
        for _ in range(self._clock.steps_until(time)):
            self.update()

    def finalize(self) -> None:
        """Let go of the model; never fails."""
        if self._runner is not None:
            report = self._screen.report()
            if report:
                _log.warning("forcings replaced: %s", report)
        self._forget()

    def _model(self) -> Runner:
        if self._runner is None:
            _not_initialized()
        assert self._runner is not None
        return self._runner

    # What there is

    def get_component_name(self) -> str:
        """Return the name of the class, and of the bundle once it is known."""
        name = type(self).__name__
        return f"{name} ({self._runner.bundle.name})" if self._runner else name

    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if self._published is None:
            self._published = _default_names(self.default_bundle)
        return self._published

    @property
    def bundle(self) -> Bundle:
        """The bundle that is run."""
        return self._model().bundle

    # Time

    def get_start_time(self) -> float:
        """Return 0."""
        return 0.0

    def get_current_time(self) -> float:
        """Return the time at which the next step begins, seconds since the start."""
        self._model()
        return self._clock.time

    def get_end_time(self) -> float:
        """Return the configured end, or the largest number there is."""
        self._model()
        return self._clock.end

    def get_time_step(self) -> float:
        """Return the length of a step in seconds."""
        self._model()
        return float(self._clock.seconds)

    def get_time_units(self) -> str:
        """Return ``s``."""
        return "s"

    # State

    def state(self) -> dict[str, Array]:
        """Return all that a continuation needs, as new arrays by name.

        Names and shapes of stores and memories are those of a
        :class:`~bmi_dmx.models.delta.DeltaModel`. The others are the values of
        forcings, outputs and balances, counts of repairs, and the clock.
        """
        state: dict[str, Array] = dict(self._model().state())
        for group, arrays in self._screen_arrays().items():
            state |= {f"{group}.{name}": x.copy() for name, x in arrays.items()}
        state["clock"] = np.array([self._clock.seconds_since_1970()], dtype=np.int64)
        return state

    def state_bytes(self) -> bytes:
        """Return :meth:`state` packed; as long at any time of a run."""
        return pack(self.state(), self._owner())

    def set_state_bytes(self, content: bytes, where: str = "state") -> None:
        """Continue from a state of :meth:`state_bytes`, at the time it was saved.

        Parameters
        ----------
        content : bytes
            The state.
        where : str
            What messages begin with.

        Raises
        ------
        StateError
            When it is damaged, of another bundle, time step or locations, or of a time
            this component does not pass through.
        """
        runner = self._model()
        found = unpack(content, self.state(), self._owner(), where)
        try:
            self._clock.resume(int(found["clock"][0]))
        except TimeError as error:
            raise StateError(f"{where}: {error}") from None
        runner.restore(found)
        for group, arrays in self._screen_arrays().items():
            for name, array in arrays.items():
                array[...] = found[f"{group}.{name}"]

    def save_state(self, path: str | PathLike[str]) -> None:
        """Write the state to a file, which then exists whole or not at all."""
        with atomic(path) as temporary:
            temporary.write_bytes(self.state_bytes())

    def load_state(self, path: str | PathLike[str]) -> None:
        """Continue from a file of :meth:`save_state`; see :meth:`set_state_bytes`."""
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise StateError(f"{path}: cannot be read: {error.strerror}") from None
        self.set_state_bytes(content, str(path))

    def _screen_arrays(self) -> dict[str, dict[str, Array]]:
        return {"repaired": self._screen.repaired, "last": self._screen.last}

    def _owner(self) -> dict[str, str]:
        runner = self._model()
        names = "\n".join(runner.ids).encode()
        return {
            "bundle": runner.bundle.fingerprint,
            "time step": f"{self._clock.seconds} s",
            "set of locations": hashlib.sha256(names).hexdigest(),
        }

    # Grid

    def _locations(self) -> int:
        return len(self._model().ids)

    def _coordinate(self, name: str) -> Array:
        values = self._model().attribute.get(name)
        if values is None or not np.isfinite(values).all():
            raise DataError(f"attribute {name!r} of the locations is not known")
        return values


def _places(settings: Settings, folder: Path, bundle: Bundle) -> Locations:
    wanted = {name: variable.units for name, variable in GRID_ATTRIBUTES.items()}
    wanted |= {a.name: a.units for a in bundle.variables.attributes}
    places = read_locations(settings.locations, folder, wanted)
    for name in places.attributes:
        if name not in wanted:
            hint = suggestion(name, wanted)
            raise ConfigError(f"locations: attributes: unknown {name!r}{hint}")
    return places


def _inputs(table: Quantities) -> tuple[str, ...]:
    return tuple(quantity.name for quantity in table.of("forcing"))


def _outputs(table: Quantities, wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the published names of the configured outputs."""
    known = table.of("flux", "state")
    if wanted is None:
        return tuple(quantity.name for quantity in known)
    names = [name for q in known for name in (q.name, q.short)]
    for name in wanted:
        if name not in names:
            hint = suggestion(name, names)
            volume = name in (RUNOFF_VOLUME.name, RUNOFF_VOLUME.standard_name)
            reason = f"; it needs attribute {AREA.name!r}" if volume else hint
            raise ConfigError(f"outputs: no output {name!r}{reason}")
    return tuple(dict.fromkeys(table[name].name for name in wanted))


def _default_names(
    default_bundle: str | None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is published where the configuration does not change it.

    Hosts ask before there is a configuration.
    """
    if default_bundle is None:
        return (), ()
    variables = bundle_named(default_bundle, Path()).variables
    series = [(v, role) for v, role in time_series(variables) if v != RUNOFF_VOLUME]
    return (
        tuple(published(v) for v, role in series if role == "forcing"),
        tuple(published(v) for v, role in series if role in ("flux", "state")),
    )
