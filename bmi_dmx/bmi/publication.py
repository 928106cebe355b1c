"""What a component publishes, before and after it has a model, and where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from math import fsum
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, StateError, suggestion
from ..operate.bundle_cache import bundle_named
from ..operate.field_parameters import FieldParameters
from ..operate.operation import Operation
from ..operate.runner import Runner
from ..operate.screen import Screen
from ..operate.spread import reader, spreads
from ..operate.stages import stages
from ..operate.storage import Storage, balance_names
from ..variables import Variable
from .filling import no_name
from .serialization import Signal
from .table import (
    REPAIRED,
    Catalogue,
    Entry,
    Quantities,
    Quantity,
    Values,
    catalogue,
    quantity,
)

__all__ = [
    "NoQuantities",
    "UsualQuantities",
    "contents",
    "inputs",
    "not_initialized",
    "outputs",
]

Array = np.ndarray[Any, np.dtype[Any]]


def not_initialized() -> StateError:
    """Return the error of a component that has no model."""
    return StateError("initialize(config_file) has not been called")


class NoQuantities(Quantities):
    """What a component without a model answers for: nothing."""

    def __init__(self) -> None:
        super().__init__(_NOTHING, _no_values, tuple)

    def __missing__(self, name: str) -> Quantity:
        raise not_initialized()

    def knows(self, name: str) -> bool:
        """Refuse to say."""
        raise not_initialized()


class UsualQuantities(Quantities):
    """What is known of a component before it is initialized: its usual variables.

    Parameters
    ----------
    default_bundle : str or None
        The bundle of its class.
    """

    def __init__(self, default_bundle: str | None) -> None:
        self._bundle = default_bundle

    @cached_property
    def catalogue(self) -> Catalogue:  # type: ignore[override]
        """The variables of the default bundle at its own step, for one place."""
        if self._bundle is None:
            return _NOTHING
        bundle = bundle_named(self._bundle, Path())
        seconds = bundle.manifest.seconds
        return catalogue(stages(Operation(bundle, seconds, seconds)), ())

    def __missing__(self, name: str) -> Quantity:
        if not isinstance(name, str):
            raise no_name(name)
        entry = self.catalogue.get(name)
        if entry is None:
            raise not_initialized()
        return quantity(entry, np.full(1, np.nan), None)


_NOTHING = Catalogue(())


def _no_values(entry: Entry) -> Values:
    raise not_initialized()


def inputs(catalogue: Catalogue) -> tuple[str, ...]:
    """Return the published names of the forcings."""
    return tuple(entry.name for entry in catalogue.of("forcing"))


def outputs(
    catalogue: Catalogue, names: tuple[str, ...] | None, properties: Iterable[str]
) -> tuple[str, ...]:
    """Return the published names of the outputs.

    Parameters
    ----------
    catalogue : Catalogue
        What there is.
    names : tuple of str or None
        Those configured, by either of their names, among them parameters and
        diagnostics; None for all fluxes and states.
    properties : iterable of str
        Properties of the places that are known, or will be.

    Raises
    ------
    ConfigError
        When there is no such output.
    """
    there = set(properties)
    usual, more = catalogue.of("flux", "state"), catalogue.of("parameter", "diagnostic")
    lacking = {n: e for e in usual if e.needs and e.needs not in there
               for n in (e.short, e.name)}  # fmt: skip
    usual = tuple(e for e in usual if e.short not in lacking)
    if names is None:
        return tuple(entry.name for entry in usual)
    published = {n: e.name for e in (*usual, *more) for n in (e.name, e.short)}
    for name in names:
        if name not in published:
            reason = suggestion(name, published)
            if name in lacking:
                reason = f"; it needs attribute {lacking[name].needs!r}"
            raise ConfigError(f"outputs: no output {name!r}{reason}")
    return tuple(dict.fromkeys(published[name] for name in names))


def contents(
    runner: Runner,
    screen: Screen,
    signals: Callable[[], Iterable[Signal]],
    derived: Callable[[str], Quantity | Signal | None],
) -> Quantities:
    """Return the table of a runner and of the screen before it.

    Parameters
    ----------
    runner : Runner
        Owner of the buffers.
    screen : Screen
        Owner of the counts of repaired forcings.
    signals : callable
        Returns signals of a host that are looked for rarely.
    derived : callable
        As of :class:`.table.Quantities`.
    """
    return Quantities(
        catalogue(runner.stages, tuple(runner.parameters.attribute)),
        partial(_values, runner, screen),
        lambda: (*_protocol(runner), *signals()),
        derived,
    )


def _values(runner: Runner, screen: Screen, entry: Entry) -> Values:
    name = entry.short
    if entry.role == "forcing":
        return runner.forcing[name], None
    if entry.role == "parameter":
        return runner.parameters.mean[name], runner.parameterize
    if entry.role == "attribute":
        return runner.parameters.attribute[name], None
    if entry.role == "diagnostic":
        return _diagnostic(runner, screen, name)
    refresh = partial(runner.check_attribute, entry.needs) if entry.needs else None
    return runner.output[name], refresh


def _diagnostic(runner: Runner, screen: Screen, name: str) -> Values:
    if name.startswith(REPAIRED):
        return screen.repaired[name.removeprefix(REPAIRED)], None
    if name in runner.operation.told:
        assert isinstance(runner.parameters, FieldParameters)
        diagnostic = runner.parameters.told(runner.operation.told[name][1])
        return diagnostic.reshape(-1), None
    if name in runner.dates:
        return runner.dates[name], None
    for spread in spreads(runner.stages):
        if spread.name == name:
            return reader(runner, spread)
    storage = runner.storage
    if name in storage.balance:
        return storage.balance[name], storage.close_balance
    for balance in runner.stages.balances:
        total = balance_names(runner.stages, balance)["total"]
        if name == total:
            variable = Variable(name=total, units=balance.units)
            factor = runner.operation.factor(variable)
            return storage.stored[total], partial(
                storage.add_up, balance.budget, factor
            )
    raise not_initialized()


def _protocol(runner: Runner) -> Iterator[Quantity]:
    """Yield NextGen's mass balance: in - out - stored - leaked is zero to rounding.

    Sums are with what rounding has taken from them. What was added by setting states
    did not come through the forcing, and so counts as a leak into the model. Where
    places hand on what they hold, there is one number for all of them, in which that
    counts once for each place it enters, and leaves.
    """
    storage: Storage = runner.storage
    if not runner.stages.balances:
        return
    first = runner.stages.balances[0]
    names = balance_names(runner.stages, first)
    stored = storage.balance[names["stored"]]
    entered, outflow, leaked = (np.zeros_like(stored) for _ in range(3))
    adjusted = storage.exact(names["adjusted"], leaked)

    def leak() -> None:
        adjusted()
        np.negative(leaked, leaked)

    terms: dict[str, tuple[Array, Callable[[], object]]] = {
        "in": (entered, storage.exact(names["in"], entered)),
        "out": (outflow, storage.exact(names["out"], outflow)),
        "stored": (stored, storage.close_balance),
        "leaked": (leaked, leak),
    }
    if any(part.coupling == "upstream" for part in runner.operation.plan.parts):
        terms = {term: _whole(*pair) for term, pair in terms.items()}
    for term, (buffer, refresh) in terms.items():
        whole = f"ngen::mass_{term}"
        about = "for the mass balance"
        variable = Variable(name=f"mass_{term}", units=first.units, about=about)
        yield Quantity(
            whole, whole, first.units, about, "diagnostic", variable, "",
            buffer, refresh,
        )  # fmt: skip


def _whole(
    each: Array, refresh: Callable[[], object]
) -> tuple[Array, Callable[[], object]]:
    """Return the sum of all places, and what brings it up to date."""
    total = np.zeros(1)

    def add_up() -> None:
        refresh()
        total[0] = fsum(each.tolist())

    return total, add_up
