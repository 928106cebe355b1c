"""The one table of everything a component answers for, by all its names.

What there is follows from the programs and is kept once for all who share them; a
component has an entry of its own only for what its host has asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from ..compose.part import Part
from ..errors import VariableError, suggestion
from ..operate.operation import Operation
from ..operate.spread import spreads
from ..operate.stages import Stages
from ..operate.storage import balance_names
from ..variables import Variable
from .filling import no_name
from .serialization import Signal

__all__ = [
    "REPAIRED",
    "Catalogue",
    "Entry",
    "Quantities",
    "Quantity",
    "Role",
    "Values",
    "catalogue",
    "quantity",
]

Array = np.ndarray[Any, np.dtype[np.float64]]

Role = Literal[
    "forcing", "flux", "state", "parameter", "attribute", "diagnostic", "observation"
]

REPAIRED = "repaired_"
"""Beginning of the names of counts of repaired forcings."""

_BALANCE = {
    "in": "{} that has entered since the start",
    "out": "{} that has left since the start",
    "adjusted": "{} added by setting states since the start",
    "stored": "{} stored now less that at the start",
    "total": "all {} stored",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a quantity without its values.

    Parameters
    ----------
    name : str
        Published name: the standard name, or else the short one.
    short : str
        Name inside the model.
    units : str
        UDUNITS.
    about : str
        One line of description.
    role : Role
        What it is to the model.
    variable : Variable
        Its declaration, which says where on a grid it stands.
    needs : str
        Property of the places without which there are no values; empty if there is
        none.
    """

    name: str
    short: str
    units: str
    about: str
    role: Role
    variable: Variable
    needs: str


@dataclass(frozen=True, slots=True)
class Quantity(Entry):
    """One quantity and where its values are.

    Parameters
    ----------
    buffer : ndarray
        Its values, (place,) or a flat field; the same array for life.
    refresh : callable or None
        To be called before the values are read, where they are computed on demand.
    type : str
        NumPy's name of the type of a value.
    itemsize, nbytes : int
        Bytes of one value and of all; known beforehand, for hosts ask at every step.
    """

    buffer: Array
    refresh: Callable[[], object] | None
    type: str = field(init=False, default="float64")
    itemsize: int = field(init=False, default=8)
    nbytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nbytes", self.buffer.nbytes)


class Catalogue:
    """Everything there is, in order of publication, and by any of its names.

    Parameters
    ----------
    entries : iterable of Entry
        A name that is taken already stays with its first owner.
    aliases : mapping of str to str
        More names, and the short ones they stand for.
    """

    def __init__(
        self, entries: Iterable[Entry], aliases: Mapping[str, str] | None = None
    ) -> None:
        self.entries = tuple(entries)
        self._named: dict[str, Entry] = {}
        for entry in self.entries:
            self._named.setdefault(entry.short, entry)
            self._named.setdefault(entry.name, entry)
        for alias, name in (aliases or {}).items():
            if name in self._named:
                self._named.setdefault(alias, self._named[name])

    def get(self, name: str) -> Entry | None:
        """Return an entry by any of its names."""
        return self._named.get(name)

    def of(self, *roles: Role) -> tuple[Entry, ...]:
        """Return the entries with one of these roles."""
        return tuple(entry for entry in self.entries if entry.role in roles)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all entries, short and published."""
        pairs = (dict.fromkeys((e.name, e.short)) for e in self.entries)
        return tuple(name for pair in pairs for name in pair)


Values = tuple[Array, Callable[[], object] | None]


def _nothing(name: str) -> Quantity | Signal | None:
    return None


class Quantities(dict[str, "Quantity | Signal"]):
    """The quantities of one component that were asked for, by any of their names.

    Parameters
    ----------
    catalogue : Catalogue
        What there is.
    values : callable
        Returns the buffer of an entry, and what refreshes it.
    others : callable
        Returns what is answered for beside the catalogue; called once a name is not
        found there.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        values: Callable[[Entry], Values],
        others: Callable[[], Iterable[Quantity | Signal]],
        derived: Callable[[str], Quantity | Signal | None] = _nothing,
    ) -> None:
        super().__init__()
        self.catalogue = catalogue
        self._values = values
        self._others: Callable[[], Iterable[Quantity | Signal]] | None = others
        self._derived = derived

    def __missing__(self, name: str) -> Quantity | Signal:
        if not isinstance(name, str):
            raise no_name(name)
        entry = self.catalogue.get(name)
        if entry is not None:
            previous = self.get(entry.short)
            self[name] = self.setdefault(
                entry.short, previous or quantity(entry, *self._values(entry))
            )
        elif self._made(name) or (self._complete() and name in self):
            return self[name]
        else:
            names = self.catalogue.names
            hint = suggestion(str(name), names)
            raise VariableError(f"unknown variable {name!r}{hint}")
        return self[name]

    def _made(self, name: str) -> bool:
        """Take in what is made of an entry; return whether that is what is named."""
        quantity = self._derived(name)
        if quantity is not None:
            self[name] = quantity
        return quantity is not None

    def _complete(self) -> bool:
        """Take in what is looked for rarely; return whether that is news."""
        if self._others is None:
            return False
        more, self._others = self._others(), None
        self.update((entry.name, entry) for entry in more)
        return True

    def knows(self, name: str) -> bool:
        """Return whether there is such a name."""
        if name in self or self.catalogue.get(name) is not None or self._made(name):
            return True
        return self._complete() and name in self


def quantity(
    entry: Entry, buffer: Array, refresh: Callable[[], object] | None
) -> Quantity:
    """Return an entry with its values."""
    return Quantity(
        entry.name, entry.short, entry.units, entry.about, entry.role, entry.variable,
        entry.needs, buffer, refresh,
    )  # fmt: skip


_catalogues: dict[tuple[str, ...], Catalogue] = {}


def catalogue(stages: Stages, attributes: Sequence[str]) -> Catalogue:
    """Return everything there is, made once per process.

    Parameters
    ----------
    stages : Stages
        What is run.
    attributes : sequence of str
        Names of those that the places have.
    """
    operation = stages.operation
    key = (*operation.key, *attributes)
    if key not in _catalogues:
        entries = (
            *_series(stages), *_constants(operation, attributes), *_diagnostics(stages)
        )  # fmt: skip
        _catalogues[key] = Catalogue(entries, operation.system.aliases)
    return _catalogues[key]


def _entry(
    operation: Operation,
    variable: Variable,
    role: Role,
    *,
    short: str = "",
    exchanged: bool = True,
    needs: str = "",
) -> Entry:
    name = variable.standard_name or short or variable.name
    if role == "forcing":
        name = operation.system.names.get(variable.name, name)
    units = variable.units
    if exchanged and role != "forcing":
        units, _ = operation.exchange(variable)
    return Entry(
        name, short or variable.name, units, variable.about, role, variable, needs
    )


def _series(stages: Stages) -> Iterator[Entry]:
    """Yield everything that changes with time; of what the last part gives first."""
    operation = stages.operation
    for forcing in operation.forcings:
        yield _entry(operation, forcing, "forcing")
    for forcing in operation.clocked:
        yield _entry(operation, forcing, "diagnostic")
    for part in reversed(operation.plan.processes):
        needs = _needs(operation, part)
        for flux in part.declared(operation.inner).fluxes:
            short = stages.buffers[part.name, flux.name]
            yield _entry(
                operation, _of_model(part, flux), "flux", short=short,
                needs=needs.get(flux.name, ""),
            )  # fmt: skip
    for short, (part, state) in stages.shown.items():
        yield _entry(operation, _of_model(part, state), "state", short=short)


def _of_model(part: Part, variable: Variable) -> Variable:
    """Return a variable, without standard name where it is of one of several models.

    That of all together has it, where there is one.
    """
    return variable if part.model is None else replace(variable, standard_name="")


def _needs(operation: Operation, part: Part) -> dict[str, str]:
    """Return the fluxes that follow from properties that places may lack."""
    needs: dict[str, str] = {}
    declared = part.declared(operation.inner)
    for p in declared.parameters:
        link = operation.plan.link(part, p.name)
        if link.giver == "attribute" and link.name in operation.plan.optional:
            program = operation.program(part)
            value = program.inputs[f"p.{p.name}"]
            for flux in declared.fluxes:
                rest = program.select([f"q.{flux.name}"])
                operands = {a for i in rest.instructions for a in i.args}
                if value in operands or rest.outputs[f"q.{flux.name}"] == value:
                    needs[flux.name] = link.name
    return needs


def _constants(operation: Operation, attributes: Sequence[str]) -> Iterator[Entry]:
    for short, (part, parameter) in operation.published.items():
        yield _entry(
            operation, _of_model(part, parameter), "parameter", short=short,
            exchanged=False,
        )  # fmt: skip
    for name in attributes:
        attribute = operation.understood[name]
        yield _entry(operation, attribute, "attribute", exchanged=False)


def _diagnostics(stages: Stages) -> Iterator[Entry]:
    operation = stages.operation
    for short, (part, p) in operation.told.items():
        yield _entry(
            operation, _of_model(part, p), "diagnostic", short=short, exchanged=False
        )
    for balance in stages.balances:
        for term, name in balance_names(stages, balance).items():
            about = _BALANCE[term].format(balance.budget)
            variable = Variable(name=name, units=balance.units, about=about)
            exchanged = term == "total"
            yield _entry(operation, variable, "diagnostic", exchanged=exchanged)
    for spread in spreads(stages):
        variable = replace(
            spread.variable, about=spread.about, standard_name=spread.standard_name
        )
        yield _entry(operation, variable, "diagnostic", short=spread.name)
    for forcing in operation.forcings:
        name = f"{REPAIRED}{forcing.name}"
        about = f"number of steps with {forcing.name} replaced"
        variable = Variable(name=name, about=about, axes=forcing.axes, at=forcing.at)
        yield _entry(operation, variable, "diagnostic")
