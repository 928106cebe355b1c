"""A trained model behind BMI 2.0."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..bundle import Bundle
from ..config import expanded
from ..conversion import shown
from ..errors import ConfigError, StateError, TimeError, suggestion
from ..operate.attributes import own_attributes
from ..operate.clock import Clock
from ..operate.operation import Operation
from ..operate.runner import Runner
from ..operate.screen import Screen
from ..operate.stages import stages
from ..space import GridDescription, Space
from .answers import Answers, not_yet
from .configuration import Configuration
from .ensembles import Ensemble, ensemble_of, published
from .locations import Locations, locations_of, refuse_unknown, tell_far_places
from .notebook import NotebookView
from .publication import contents
from .serialization import Serialization, Signal
from .settings import COLD, OF_STATE, Settings
from .state import States
from .steps import operation_of
from .table import Quantity
from .time_before import TimeBefore, time_before
from .turn import Turn
from .values import Values

__all__ = ["Component"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)


class Component(Answers, NotebookView):
    """Any bundle as a model that a host steps through time.

    All the variables are float64. Each has a standard name, which is published, and a
    short name, which serves as well; those without a standard name are published under
    their short one. Forcings stay as they are until they are set again, and there are
    none to begin with.

    Attributes
    ----------
    default_bundle : str or None
        The bundle of the class; None where the configuration must name one.
    ensemble : Ensemble or None
        Of a model that was configured to assimilate observations.

    Examples
    --------
    >>> model = Component()                             # doctest: +SKIP
    >>> model.initialize("model.yaml")                  # doctest: +SKIP
    >>> model.set_value(forcing, np.array([12.0]))      # doctest: +SKIP
    >>> model.update()                                  # doctest: +SKIP
    >>> model.get_value_ptr(name)                       # doctest: +SKIP
    """

    def __init__(self) -> None:
        self._turn = Turn(type(self).__name__)
        self._forget()

    def _forget(self) -> None:
        """Be without a model."""
        self._know_nothing()
        self._warm: Callable[[], None] | None = None
        self._later: list[tuple[str, Array, Array]] = []
        self.ensemble: Ensemble | None = None
        self._advance: Callable[[], None] = not_yet
        self._check: Callable[[], None] = not_yet

    # Control

    def initialize(self, config_file: str) -> None:
        """Read the configuration and make the model ready for its first step.

        Parameters
        ----------
        config_file : str
            A YAML file; see :class:`~bmi_dmx.bmi.settings.Settings`. Files of the
            dialects that are registered serve as well.

        Raises
        ------
        ConfigError, BundleError, DataError, StateError
            When something is wrong, naming the file and the key, variable or place; and
            when the model is ready already.
        """
        if not config_file or not isinstance(config_file, str | PathLike):
            text = shown(config_file) if config_file else "nothing"
            raise ConfigError(f"initialize(config_file): expected a file, found {text}")
        configuration = Configuration(Path(config_file))
        with self._making(), configuration.errors():
            settings, bundle = configuration.read(self.default_bundle)
            operation = operation_of(settings, bundle)
            places, space = configuration.locations(settings, operation)
            self._build(settings, operation, places, space, configuration.folder)
            self._start(settings, configuration.folder)

    def start(
        self,
        settings: Settings,
        bundle: Bundle,
        attributes: Mapping[str, Array] | None = None,
        folder: Path = Path(),
    ) -> None:
        """Make the model ready for its first step as settings say, without a file.

        Parameters
        ----------
        settings : Settings
            What a configuration would say, the bundle aside.
        bundle : Bundle
            The model.
        attributes : mapping of str to ndarray, optional
            (place,) attributes of the places, beside those in the settings.
        folder : Path
            What relative paths in the settings start from.

        Raises
        ------
        ConfigError, DataError, StateError
            When something is wrong, naming the key, variable or place; and when the
            model is ready already.
        """
        with self._making():
            operation = operation_of(settings, bundle)
            places, space = locations_of(settings, operation, folder)
            places = places.with_attributes(attributes or {})
            refuse_unknown(places.attributes, operation)
            self._build(settings, operation, places, space, folder)
            self._start(settings, folder)

    @contextmanager
    def _making(self) -> Iterator[None]:
        """Make a model where there is none; nothing stays of one that fails."""
        with self._turn.alone():
            if self._runner is not None:
                raise StateError(
                    f"{self._turn.name}: is initialized already; finalize() comes "
                    "before another initialize(config_file)"
                )
            try:
                yield
            except BaseException:
                self._forget()
                raise

    def _build(
        self,
        settings: Settings,
        operation: Operation,
        places: Locations,
        space: Space | None,
        folder: Path,
    ) -> None:
        attributes = own_attributes(
            operation.required,
            operation.plan.optional,
            operation.understood,
            places.attributes,
            settings.attribute_defaults,
            places.ids,
        )
        clock = Clock(
            settings.begins,
            settings.end_time,
            _whole(operation.seconds),
            settings.day_start_hour,
            operation.period if operation.gathers else None,
        )
        if operation.gathers:
            clock.refuse_unmet_periods()
        runner, self.ensemble = ensemble_of(
            settings,
            lambda kind: kind(stages(operation), places.ids, attributes, clock, space),
            folder,
        )
        tell_far_places(runner)
        screen = Screen(
            operation.forcings, runner.forcing, settings.forcing_policy, places.ids,
            clock, operation.system.shortening, operation.slack,
            runner.space if runner.is_field else None,
        )  # fmt: skip
        table = contents(runner, screen, self._signals, self._derived)
        catalogue = table.catalogue
        if self.ensemble is not None:
            self.ensemble.answer(catalogue, self._set_members)
        self._published = published(catalogue, settings, places, self.ensemble)
        for entry in catalogue.of("flux"):
            if entry.needs and entry.name in self._published[1]:
                runner.parameters.require(entry.needs)
        places.set_parameters(runner)
        runner.parameters.check_given()
        self._screen = screen
        self._turn.name = f"{type(self).__name__} at {runner.place}"
        self._answer_for(
            table,
            runner,
            screen,
            Values(table, runner, self._set_store, self._turn),
            States(
                runner,
                screen,
                self._warm_up,
                self._resumed,
                keep=settings.state_parameters == "configured",
            ),
        )

    def _derived(self, name: str) -> Quantity | Signal | None:
        """Return what is made of a quantity under a name of its own."""
        return None if self.ensemble is None else self.ensemble.find(name)

    def _other_grids(self) -> tuple[GridDescription, ...]:
        """Return the grid of values of all members, where there are any."""
        return () if self.ensemble is None else (self.ensemble.grid,)

    def _set_members(self, name: str, values: Array) -> None:
        with self._turn.alone():
            self._warm_up()
            assert self.ensemble is not None
            self.ensemble.runner.set_members(name, values)

    def _signals(self) -> Iterator[Signal]:
        """Yield what is answered for beside the quantities of the model."""
        return Serialization(self).signals()

    def _start(self, settings: Settings, folder: Path) -> None:
        """Choose what the first step starts from, and say so."""
        runner = self._model()
        if self.ensemble is not None:
            self.ensemble.begin(folder)
        self._check, self._advance = self._screen.check, self._stepping()
        starts = runner.operation.system.starts
        state, before = settings.state, None
        if state != COLD and state not in starts:
            file = expanded(state, "state", folder)
            if not file.is_file():
                hint = suggestion(state, (COLD, *starts))
                raise StateError(f"state: {file}: no such file{hint}")
            if settings.spin_up is not None:
                raise ConfigError("spin_up: does not follow a saved state; remove it")
            self._continued().start_from(file)
        elif settings.spin_up is not None:
            before = time_before(runner, settings.spin_up, folder)
        if state in starts or before is not None:
            self._warm = partial(self._begin, starts.get(state), before)
            self._advance = self._advance_first
            runner.storage.forget_means()
        if not self._clock.dated:
            # Nothing that depends on the date can be found before.
            self._warm, self._advance = _no_date, self._advance_first
            runner.storage.forget_means()
        origin = f"{state}, then {settings.spin_up.file}" if settings.spin_up else state
        _log.info("%s: starts from %s", runner.place, origin)

    def _begin(
        self,
        start: Callable[[Runner], None] | None,
        before: TimeBefore | None,
    ) -> None:
        runner = self._model()
        # What a host has set already is for the first step, not for the time before.
        forcing = {name: array.copy() for name, array in runner.forcing.items()}
        saved = runner.save()
        try:
            if before is not None:
                before.run(runner, start)
            elif start is not None:
                start(runner)
        except BaseException:
            # It has not happened.
            runner.restore(saved)
            runner.clock.set(0)
            raise
        for name, array in forcing.items():
            runner.forcing[name][:] = array

    def _warm_up(self) -> None:
        """Come to the state from which the first step is made."""
        warm, self._warm = self._warm, None
        if warm is not None:
            try:
                warm()
            except BaseException:
                self._warm = warm
                raise
            for name, values, at in self._later:
                self._model().set_store(name, values, at)
            self._begun()

    def _begun(self) -> None:
        """Start from the state there is now, and not from the one that was chosen."""
        self._warm, self._later = None, []
        self._advance = self._stepping()

    def _resumed(self) -> None:
        """Go on from a state that was restored."""
        self._begun()

    def _stepping(self) -> Callable[[], None]:
        """Return what makes one step."""
        return self._model().advance

    def _set_store(self, name: str, values: Array, at: Array) -> None:
        runner = self._model()
        if self._warm is None:
            runner.set_store(name, values, at)
            return
        # Attributes may follow yet, and what they lead to comes first.
        runner.storage.check_store(name, values, at)
        runner.output[name][at] = values
        self._later.append((name, values, at))

    def _advance_first(self) -> None:
        self._warm_up()
        self._advance()

    def settle(self) -> None:
        """Find parameters and the state from which the first step is made.

        The first step does so by itself; before it, what was set so far may be checked.

        Raises
        ------
        ConfigError, DataError, StateError
            When an attribute or parameter is not set or out of bounds, or there is no
            such state.
        """
        self._model().parameterize()
        self._warm_up()

    def update(self) -> None:
        """Advance one step.

        Raises
        ------
        DataError
            When forcing is missing or absurd, naming place, variable and time; no store
            has changed then.
        TimeError
            When the end has been reached, or the last year of the calendar.
        StateError
            When another call is inside the component, or there is no model.
        """
        # By hand, as explained in Turn: this is what a host waits for.
        turn = self._turn
        try:
            others, turn.taken = turn.taken, True
            if others:
                raise turn.refusal()
            clock = self._clock
            if clock.time > clock.last:
                self._steps_until(clock.time + clock.seconds)
            self._check()
            self._advance()
            clock.tick()
        finally:
            if not others:
                turn.taken = False

    def update_until(self, time: float) -> None:
        """Advance to a time, on the forcings as they are.

        Parameters
        ----------
        time : float
            Seconds since the start.

        Raises
        ------
        TimeError
            When that is not a whole number of steps from now, or after the end.
        DataError, StateError
            As of :meth:`update`.
        """
        turn = self._turn
        try:
            others, turn.taken = turn.taken, True
            if others:
                raise turn.refusal()
            for _ in range(self._steps_until(time)):
                self._check()
                self._advance()
                self._clock.tick()
        finally:
            if not others:
                turn.taken = False

    def _steps_until(self, time: float) -> int:
        """Return the number of steps to a time, and say whose time it is."""
        try:
            return self._clock.steps_until(time)
        except TimeError as error:
            raise TimeError(f"{self._model().place}: {error}") from None

    def finalize(self) -> None:
        """Let go of the model; never fails."""
        runner = self._runner
        try:
            report = self._screen.report() if runner is not None else ""
            if report and runner is not None:
                _log.warning("%s: forcings replaced: %s", runner.place, report)
            if self.ensemble is not None:
                self.ensemble.end()
        except OSError as error:
            _log.error("finalize: the report on the run failed: %s", error)
        except Exception:
            # A host would stop here, and lose the run that is over.
            _log.exception("finalize: the report on the run failed")
        self._forget()
        self._turn.name = type(self).__name__

    def __getstate__(self) -> dict[str, Any]:
        if self._runner is not None:
            raise StateError(
                f"a running {type(self).__name__} cannot be copied or pickled; "
                "initialize another and give it the state_bytes() of this one"
            )
        return self.__dict__


def _no_date() -> None:
    """Stand for the start of a run that is to go on from a state."""
    raise StateError(
        f"start_time: {OF_STATE}, but no state is there to go on from: name its file "
        "with the key state, let the host restore one, or give a date and time"
    )


def _whole(seconds: float) -> float:
    """Return whole seconds as a whole number, so that times stay exact."""
    return int(seconds) if float(seconds).is_integer() else seconds
