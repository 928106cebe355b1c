"""A trained model behind BMI 2.0."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import numpy as np

from ..bundle import Bundle
from ..errors import (
    ConfigError,
    DataError,
    DmxError,
    StateError,
    suggestion,
)
from .attributes import AREA, own_attributes
from .clock import Clock
from .configuration import Configuration
from .contents import contents
from .forcing_file import read_series
from .operation import Operation
from .programs import plan
from .publication import Expected, Unready, inputs, not_initialized, outputs
from .quantities import RUNOFF_VOLUME
from .runner import Runner
from .screen import Rule, Screen
from .serialization import Serialization
from .settings import STARTS, Settings
from .shared import bundle_named
from .state import StateAccess
from .values import ValueAccess
from .warm_start import equilibrium, spin_up

__all__ = ["Component"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)


def _not_initialized() -> NoReturn:
    raise not_initialized()


class Component(StateAccess, ValueAccess):
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
        self._forget()

    def _forget(self) -> None:
        """Be without a model."""
        self._published: tuple[tuple[str, ...], tuple[str, ...]] | None = None
        self._runner: Runner | None = None
        self._warm: Callable[[], None] | None = None
        self._later: list[tuple[str, Array, Array]] = []
        self._advance: Callable[[], None] = _not_initialized
        self._check: Callable[[], None] = _not_initialized
        self._table = Unready()
        self._known = Expected(self.default_bundle)

    # Control

    def initialize(self, config_file: str) -> None:
        """Read the configuration and make the model ready for its first step.

        Parameters
        ----------
        config_file : str
            A YAML file; see :class:`~bmi_dmx.bmi.settings.Settings`. A file of one
            catchment that NGIAB writes for dHBV or LSTM serves as well.

        Raises
        ------
        ConfigError, BundleError, DataError, StateError
            When something is wrong, naming the file and the key, variable or location.
        """
        if not config_file:
            raise ConfigError("initialize(config_file): expected a file, found nothing")
        configuration = Configuration(Path(config_file))
        try:
            with configuration.errors():
                self._build(configuration.read(), configuration)
        except DmxError:
            self._forget()
            raise

    def _build(self, settings: Settings, configuration: Configuration) -> None:
        name = settings.bundle or self.default_bundle
        if name is None:
            raise ConfigError("bundle: missing; it has no default")
        made = plan(
            Operation(
                bundle_named(name, configuration.folder),
                settings.time_step,
                settings.mode or settings.time_step,
                settings.evaporation,
                settings.units,
            )
        )
        places = configuration.locations(settings, made)
        attributes = own_attributes(
            [a.name for a in made.variables.attributes],
            made.attributes,
            places.attributes,
            settings.attribute_defaults,
            places.ids,
        )
        clock = Clock(
            settings.start_time,
            settings.end_time,
            made.operation.seconds,
            settings.day_start_hour,
        )
        if made.operation.counts_days and not clock.meets_days():
            raise ConfigError(
                f"start_time: found {settings.start_time}; no step from then on begins "
                "with a day, of which the hours are counted: expected a full hour"
            )
        runner = Runner(made, places.ids, attributes, clock)
        policy = settings.forcing_policy
        screen = Screen(made.forcings, runner.forcing, policy, places.ids, clock)
        table = contents(runner, screen, Serialization(self).signals)
        known, with_area = table.catalogue, AREA.name in places.attributes
        self._published = inputs(known), outputs(known, settings.outputs, with_area)
        if RUNOFF_VOLUME.standard_name in self._published[1]:
            runner.parameters.require_area()
        runner.parameters.check_given()
        self._table = self._known = table
        self._screen, self._clock, self._runner = screen, clock, runner
        self._start(settings, configuration.folder)

    def _start(self, settings: Settings, folder: Path) -> None:
        """Choose what the first step starts from, and say so."""
        runner = self._model()
        self._check, self._advance = self._screen.check, runner.advance
        state, series = settings.state, None
        if isinstance(state, Path):
            if not (folder / state).is_file():
                hint = suggestion(str(state), STARTS)
                raise StateError(f"state: {folder / state}: no such file{hint}")
            self.load_state(folder / state)
            if self._clock.step:
                raise StateError(
                    f"state: {folder / state} is of {self._clock.now}, expected one of "
                    f"start_time, {self._clock.start}"
                )
        elif settings.spin_up is not None:
            series = read_series(
                folder / settings.spin_up.file,
                runner.plan.forcings,
                settings.spin_up.steps,
            )
        if state == "equilibrium" or series is not None:
            repeat = settings.spin_up.repeat if settings.spin_up else 0
            self._warm = partial(self._begin, state, series, repeat)
            self._advance = self._advance_first
            runner.storage.forget_means()
        told = f"{state}, then {settings.spin_up.file}" if settings.spin_up else state
        _log.info("%s: starts from %s", runner.place, told)

    def _begin(self, state: object, series: dict[str, Array] | None, n: int) -> None:
        runner = self._model()
        # What a host has set already is for the first step, not for the time before.
        given = {name: array.copy() for name, array in runner.forcing.items()}
        if state == "equilibrium":
            equilibrium(runner)
        if series is not None:
            spin_up(runner, series, n)
        for name, array in given.items():
            runner.forcing[name][:] = array

    def _warm_up(self) -> None:
        """Come to the state from which the first step is made."""
        warm, self._warm = self._warm, None
        if warm is not None:
            try:
                warm()
            except DmxError:
                # It has not happened.
                self._warm = warm
                raise
            for name, values, at in self._later:
                self._model().storage.set_store(name, values, at)
            self._begun()

    def _begun(self) -> None:
        """Start from the state there is now, and not from the one that was chosen."""
        self._warm, self._later = None, []
        self._advance = self._model().advance

    def _set_store(self, name: str, values: Array, at: Array) -> None:
        storage = self._model().storage
        if self._warm is None:
            storage.set_store(name, values, at)
            return
        # Attributes may follow yet, and what they lead to comes first.
        storage.check_store(name, values, at)
        self._model().output[name][at] = values
        self._later.append((name, values, at))

    def _advance_first(self) -> None:
        self._warm_up()
        self._model().advance()

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
        if clock.time > clock.last:
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
        runner = self._runner
        try:
            report = self._screen.report() if runner is not None else ""
            if report and runner is not None:
                _log.warning("%s: forcings replaced: %s", runner.place, report)
        except Exception:
            # A host would stop here, and lose the run that is over.
            _log.exception("finalize: the report on forcings failed")
        self._forget()

    def _model(self) -> Runner:
        if self._runner is None:
            raise not_initialized()
        return self._runner

    def __getstate__(self) -> dict[str, Any]:
        if self._runner is not None:
            raise StateError(
                f"a running {type(self).__name__} cannot be copied or pickled; "
                "initialize another and give it the state_bytes() of this one"
            )
        return self.__dict__

    # What there is

    def get_component_name(self) -> str:
        """Return the name of the class, and of the bundle once it is known."""
        name = type(self).__name__
        return f"{name} ({self.bundle.name})" if self._runner else name

    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if self._published is None:
            # Hosts ask before there is a configuration.
            known = Expected(self.default_bundle).catalogue
            self._published = inputs(known), outputs(known, None, False)
        return self._published

    @property
    def bundle(self) -> Bundle:
        """The bundle that is run."""
        return self._model().plan.operation.bundle

    def accepted(self) -> dict[str, tuple[float, float, Rule]]:
        """Return smallest and largest value of each input, and the rule for others.

        By published name, in the units of the host.
        """
        self._model()
        entries = self._table.catalogue.of("forcing")
        return {entry.name: self._screen.accepted(entry.short) for entry in entries}

    # Time

    @property
    def start_time(self) -> datetime:
        """Date and time, UTC, at BMI time 0, wherever it was configured."""
        self._model()
        return self._clock.start

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

    # Grid

    def _locations(self) -> int:
        return len(self._model().ids)

    def _coordinate(self, name: str) -> Array:
        values = self._model().parameters.attribute.get(name)
        if values is None or not np.isfinite(values).all():
            raise DataError(f"attribute {name!r} of the locations is not known")
        return values
