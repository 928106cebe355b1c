"""Rivers as a component: water through the reaches of a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ...bmi.component import Component
from ...bmi.locations import Locations
from ...bmi.serialization import Signal
from ...bmi.settings import Settings
from ...bmi.table import quantity
from ...conversion import shown
from ...errors import ConfigError, DataError, StateError, VariableError, suggestion
from ...operate.operation import Operation
from ...operate.passages import Passages
from ...space import GridDescription, Space, Tree
from ...space.description import SCALAR
from .formats import River
from .formats.channel import UPSTREAM, upstream_length
from .numbers import have_numbers, numbers_of, refuse_others
from .settings import MISSING, REACHES
from .sources import Sources
from .tape import Tape

__all__ = ["MuskingumCunge"]

Array = np.ndarray[Any, np.dtype[Any]]

_LATERAL = "lateral_inflow"
_SOURCE_IDS, _IDS, _LENGTH = (
    "land_surface_water_source__id", "channel_water__id", "ngen_dt"
)  # fmt: skip


class MuskingumCunge(Component):
    """Flow through the reaches of a river, with channels learned or given.

    Without a ``bundle`` in its configuration it runs one that comes with the package,
    :attr:`default_bundle`. The reaches are those of a file (``tree``), or of a space of
    kind ``tree``. Names of reaches are text; where all end with a number of their own,
    hosts that know numbers alone find these as ``channel_water__id``.

    Beside the variables of the model it takes ``land_surface_water_source__id``, which
    says whose lateral inflow comes in which order, and ``ngen_dt``, the length of a
    step of the host, within which the lateral inflow stays as it is.
    """

    default_bundle = "rivers-delaware"

    METADATA: ClassVar[str] = "data/MuskingumCunge"
    """Folder of what pymt and bmi-tester want to know, beside this module."""

    def _forget(self) -> None:
        super()._forget()
        self._sources: Sources | None = None
        self._tape: Tape | None = None
        self._passages: tuple[tuple[tuple[str, ...], int], Passages] | None = None
        self._each = 1

    # Making

    def _build(
        self,
        settings: Settings,
        operation: Operation,
        places: Locations,
        space: Space | None,
        folder: Path,
    ) -> None:
        if not isinstance(space, Tree):
            raise ConfigError(MISSING)
        selection = settings.outputs
        if selection is not None:
            others = tuple(name for name in selection if name != _IDS)
            settings = replace(settings, outputs=others)
        super()._build(settings, operation, _with_lengths(places, space), space, folder)
        runner = self._model()
        sources = getattr(settings, "sources", REACHES)
        self._sources = Sources(
            places.origin, runner.ids, runner.forcing[_LATERAL], sources
        )
        self._show_sources()
        inputs, outputs = self._published or ((), ())
        numbers = (_IDS,) if have_numbers(runner.ids) else ()
        if selection is not None and _IDS in selection and not numbers:
            numbers_of(runner.ids, "reaches")
        if selection is not None and _IDS not in selection:
            numbers = ()
        self._published = (*inputs, *_own_inputs(self._sources)), (*outputs, *numbers)

    def _start(self, settings: Settings, folder: Path) -> None:
        super()._start(settings, folder)
        assert self._sources is not None
        if not self._sources.direct:
            self._check = partial(self._sources.checked, self._screen.check)

    def _show_sources(self) -> None:
        """Let the lateral inflow be the values of the sources."""
        sources = self._entering()
        entry = self._table.catalogue.get(_LATERAL)
        assert entry is not None
        inflow = quantity(entry, sources.values, None)
        for name in (entry.short, entry.name):
            self._table[name] = inflow

    def _entering(self) -> Sources:
        self._model()
        assert self._sources is not None
        return self._sources

    # Names

    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        published = self._published
        inputs, outputs = super()._names()
        if published is None:
            self._published = (*inputs, _SOURCE_IDS, _LENGTH), (*outputs, _IDS)
        return self._published or ((), ())

    @property
    def river(self) -> River | None:
        """What was read of the tree; None where a ``space`` says which reaches are."""
        return self._entering().river

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of what brings lateral inflow, in the order of its values."""
        return self._entering().names

    def get_var_grid(self, name: str) -> int:
        """Return the number of the grid that a variable is on."""
        if self._runner is not None and not self._entering().direct:
            entry = self._table.catalogue.get(name) if isinstance(name, str) else None
            short = name if entry is None else entry.short
            if short in (_LATERAL, _SOURCE_IDS):
                return self._other(1)
        return super().get_var_grid(name)

    def _other_grids(self) -> tuple[GridDescription, ...]:
        """Return the grid of single numbers, and that of the sources."""
        sources = self._entering()
        if sources.direct:
            return (SCALAR,)
        size = len(sources.names)
        points = GridDescription(type="points", rank=2, size=size, node_count=size)
        return SCALAR, points if size > 1 else SCALAR

    def _other(self, at: int) -> int:
        """Return the number of one of the grids beside those of the model."""
        count = len(self._located().descriptions)
        return count - len(self._other_grids()) + at

    def _signals(self) -> Iterator[Signal]:
        yield from super()._signals()
        one = self._other(0)
        yield Signal(
            _LENGTH, "s", "float64", lambda: 1,
            lambda: np.array([self.get_time_step()]), self._set_length, grid=one,
        )  # fmt: skip
        sources = self._entering()
        yield Signal(
            _SOURCE_IDS, "1", "int64", lambda: len(sources.names),
            lambda: sources.numbers, self._set_sources, grid=0,
        )  # fmt: skip
        yield from self._numbers()
        yield from self._banks()

    def _numbers(self) -> Iterator[Signal]:
        """Yield the numbers of the reaches, and of those below them."""
        runner = self._model()
        if not have_numbers(runner.ids):
            return
        assert isinstance(runner.space, Tree)
        ids = numbers_of(runner.ids, "reaches")
        below = np.where(runner.space.downstream >= 0, ids[runner.space.downstream], 0)
        for name, values in (
            (_IDS, ids), ("segment_id", ids), ("segment_toid", below)
        ):  # fmt: skip
            yield Signal(
                name, "1", "int64", partial(len, ids), partial(_same, values),
                partial(_told, name, values), grid=0,
            )  # fmt: skip

    def _banks(self) -> Iterator[Signal]:
        """Yield the slope of the banks as t-route has it, vertical per horizontal."""
        attributes = self._model().parameters.attribute
        if "side_slope" not in attributes:
            return

        def receive(values: Array) -> None:
            with np.errstate(divide="ignore"):
                self.set_value("side_slope", 1.0 / np.asarray(values, float))

        yield Signal(
            "cs", "1", "float64", lambda: len(attributes["side_slope"]),
            lambda: 1.0 / attributes["side_slope"], receive, grid=0,
        )  # fmt: skip

    # Lateral inflow

    def _set_sources(self, ids: Array) -> None:
        """Let lateral inflow come under other names, or in another order."""
        with self._turn.alone():
            sources = self._entering()
            sources.declare(ids)
            self._show_sources()
            self._grids = None
            check = self._screen.check
            self._check = check if sources.direct else partial(sources.checked, check)

    def _warm_up(self) -> None:
        self._entering().spread()
        super()._warm_up()

    def _resumed(self) -> None:
        super()._resumed()
        self._entering().forget()
        self._break_off("a state was restored")

    # Steps of the host

    def _set_length(self, values: Array) -> None:
        """Let a step of the host be as long as it says: so many of the model."""
        step = float(self._clock.seconds)
        numbers = np.asarray(values, float).reshape(-1)
        length = float(numbers[0]) if numbers.size == 1 else float("nan")
        count = length / step
        if not (count >= 1.0 and count.is_integer() and np.isfinite(count)):
            raise DataError(
                f"{_LENGTH}: found {shown(values)}, expected one number, a multiple of "
                f"the time_step of {step:g} s"
            )
        self._each = int(count)

    def get_time_step(self) -> float:
        """Return the length of a step of the host in seconds."""
        return self._each * super().get_time_step()

    def update(self) -> None:
        """Advance by a step of the host; see :meth:`.Component.update`.

        Of several steps of the model in it rates are means and amounts are sums; all
        else is of their end.
        """
        if self._each == 1:
            super().update()
            return
        self._steps_until(self.get_current_time() + self.get_time_step())
        flows = [
            (self._model().output[entry.short], entry.variable.per_step)
            for entry in self._table.catalogue.of("flux")
            if entry.variable.per_step != "none"
        ]
        sums = [np.zeros_like(buffer) for buffer, _ in flows]
        if self.ensemble is not None:
            now = self._clock.seconds_since_1970()
            self.ensemble.assimilation.hold(now + self.get_time_step())
        for _ in range(self._each):
            super().update()
            for total, (buffer, _) in zip(sums, flows, strict=True):
                total += buffer
        for total, (buffer, rule) in zip(sums, flows, strict=True):
            buffer[:] = total / self._each if rule == "rate" else total

    def pass_through(
        self, lateral_inflow: Array, outputs: Sequence[str], threads: int = 1
    ) -> dict[str, Array]:
        """Advance by many steps of the model at once, as by as many calls.

        Parameters
        ----------
        lateral_inflow : ndarray
            (step, source) m3 s-1, all of them there and none below 0.
        outputs : sequence of str
            Short names of what is wanted after every step.
        threads : int
            That share the work; the numbers do not depend on it.

        Returns
        -------
        dict of str to ndarray
            (step, reach) by name.

        Raises
        ------
        DataError
            When a number is missing or below 0; nothing has happened then.
        TimeError, StateError
            As :meth:`update`.
        """
        with self._turn.alone():
            runner, sources = self._model(), self._entering()
            flow = np.asarray(lateral_inflow, np.float64)
            if flow.ndim != 2 or flow.shape[1] != len(sources.names) or not len(flow):
                raise DataError(
                    f"{_LATERAL}: found shape {flow.shape}, expected one number for "
                    f"every step and each of {len(sources.names)} sources"
                )
            if not (flow >= 0.0).all():
                step, at = (int(k[0]) for k in np.nonzero(~(flow >= 0.0)))
                raise DataError(
                    f"{_LATERAL} of {sources.names[at]!r} in step {step} is "
                    f"{flow[step, at]:g} m3 s-1; expected 0 or more"
                )
            end = self._clock.step + len(flow)
            self._steps_until(end * float(self._clock.seconds))
            sources.values[:] = flow[0]
            self._warm_up()
            self._break_off("many steps were made at once")
            key = tuple(outputs), threads
            if self._passages is None or self._passages[0] != key:
                self._passages = key, Passages(runner, outputs, threads)
            series = self._passages[1].run({_LATERAL: sources.brought(flow)})
            sources.values[:] = flow[-1]
            self._clock.set(end)
            return series

    # Derivatives

    def mark(self) -> None:
        """Keep what the steps from here on are run with, for :meth:`gradient`.

        Until the next mark, or :meth:`release`; one number for each step and reach.

        Raises
        ------
        ConfigError
            When the model has other processes than that of the reaches.
        StateError
            When there is no model.
        """
        with self._turn.alone():
            self._tape = Tape(self._model())
            if self._warm is None:
                self._advance = self._stepping()

    def release(self) -> None:
        """Keep no steps any more."""
        with self._turn.alone():
            self._tape = None
            if self._warm is None:
                self._advance = self._stepping()

    def gradient(self, losses: Mapping[str, ArrayLike]) -> Array:
        """Return the derivatives of a loss by lateral inflow since :meth:`mark`.

        A model outside that gives the lateral inflow is trained by handing them on.
        The state at the mark is taken as given, whatever it followed from. PyTorch is
        needed, and loaded here.

        Parameters
        ----------
        losses : mapping of str to array_like
            (step, reach) derivatives of the loss by outputs, such as the discharge, at
            the end of every step of the model since the mark; by either of their names.

        Returns
        -------
        ndarray
            (step, source) derivatives by the lateral inflow of every step, per m3 s-1.

        Raises
        ------
        StateError
            When no step was run since, or a state, parameter or attribute was set or
            restored between.
        VariableError, DataError
            When there is no such output, or a shape is not that of the steps.
        """
        with self._turn.alone():
            if self._tape is None:
                raise StateError("gradient: mark() comes before the steps")
            derivatives = {
                self._output(name): np.asarray(values, np.float64)
                for name, values in losses.items()
            }
            if not derivatives:
                raise DataError("gradient: found no output, expected at least one")
            return self._entering().gathered(self._tape.gradient(derivatives))

    def _output(self, name: str) -> str:
        catalogue = self._table.catalogue
        entry = catalogue.get(name)
        if entry is None or entry.role not in ("flux", "state"):
            there = [e.short for e in catalogue.of("flux", "state")]
            raise VariableError(
                f"gradient: no output {name!r}{suggestion(str(name), there)}"
            )
        return entry.short

    def _stepping(self) -> Callable[[], None]:
        return super()._stepping() if self._tape is None else self._tape.advance

    def _set_store(self, name: str, values: Array, at: Array) -> None:
        super()._set_store(name, values, at)
        self._break_off("a state was set")

    def _break_off(self, why: str) -> None:
        if self._tape is not None and len(self._tape):
            self._tape.break_off(why)


def _with_lengths(places: Locations, tree: Tree) -> Locations:
    """Return places with what follows from their lengths on a tree."""
    attributes = places.attributes
    if UPSTREAM in attributes or "length" not in attributes:
        return places
    return places.with_attributes(
        {UPSTREAM: upstream_length(tree, np.asarray(attributes["length"], np.float64))}
    )


def _own_inputs(sources: Sources) -> tuple[str, ...]:
    """Return the names of what is taken beside the forcings of the model."""
    return (_SOURCE_IDS, _LENGTH) if have_numbers(sources.names) else (_LENGTH,)


def _same(values: Array) -> Array:
    return values


def _told(name: str, ids: Array, values: Array) -> None:
    """Take numbers that a host tells, which are the own ones."""
    refuse_others(name, values, ids)
