"""The one table of everything a component answers for, by all its names.

What there is follows from the plan and is kept once for all who share it; a component
has an entry of its own only for what its host has asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..bundle.manifest import Variables
from ..errors import VariableError, suggestion
from ..variables import Forcing, Variable
from .attributes import ALIASES
from .exchange import UnitSystem, outside
from .operation import DAY_OF_YEAR
from .programs import Plan
from .serialization import Signal

__all__ = [
    "REPAIRED",
    "RUNOFF_VOLUME",
    "WATER_STORED",
    "Catalogue",
    "Entry",
    "Quantities",
    "Quantity",
    "Role",
    "Values",
    "catalogue",
    "published",
    "quantity",
    "time_series",
]

Array = np.ndarray[Any, np.dtype[np.float64]]

Role = Literal["forcing", "flux", "state", "parameter", "attribute", "diagnostic"]

RUNOFF_DEPTH = Variable(
    name="runoff_depth", units="m", about="runoff at the outlet in one step",
    standard_name="land_surface_water__runoff_depth",
)  # fmt: skip
RUNOFF_VOLUME = Variable(
    name="runoff_volume", units="m3 s-1", about="runoff at the outlet, of all the area",
    standard_name="land_surface_water__runoff_volume_flux",
)  # fmt: skip
STREAMFLOW = Variable(
    name="streamflow", units="mm d-1", about="runoff at the outlet, over the area"
)

_INPUT_NAMES = {
    "potential_evaporation": "land_surface_water__potential_evaporation_volume_flux"
}
"""Names under which hosts look for inputs, where the standard has another."""

_ALIASES = {
    **ALIASES,
    "water_potential_evaporation_flux": "potential_evaporation",
}
"""Other names of quantities, by which they are found but not published."""

REPAIRED = "repaired_"
"""Beginning of the names of counts of repaired forcings."""

_BALANCE = {
    "mass_in": "water that has entered since the start",
    "mass_out": "water that has left since the start",
    "mass_adjusted": "water added by setting states since the start",
    "mass_stored": "water stored now less that at the start",
}

WATER_STORED = Variable(
    name="water_stored",
    units="mm",
    about="all water stored, or on its way to the outlet",
)


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
    """

    name: str
    short: str
    units: str
    about: str
    role: Role


@dataclass(frozen=True, slots=True)
class Quantity(Entry):
    """One quantity and where its values are.

    Parameters
    ----------
    buffer : ndarray
        Its values, (location,); the same array for life.
    refresh : callable or None
        To be called before the values are read, where they are computed on demand.
    """

    buffer: Array
    refresh: Callable[[], object] | None

    @property
    def type(self) -> str:
        """NumPy's name of the type of a value."""
        return "float64"

    @property
    def itemsize(self) -> int:
        """Bytes of one value."""
        return self.buffer.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return self.buffer.nbytes


class Catalogue:
    """Everything there is, in order of publication, and by any of its names.

    Parameters
    ----------
    entries : iterable of Entry
        A name that is taken already stays with its first owner.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        self._named: dict[str, Entry] = {}
        for entry in self.entries:
            self._named.setdefault(entry.short, entry)
            self._named.setdefault(entry.name, entry)
        for alias, name in _ALIASES.items():
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
    ) -> None:
        super().__init__()
        self.catalogue = catalogue
        self._values = values
        self._others: Callable[[], Iterable[Quantity | Signal]] | None = others

    def __missing__(self, name: str) -> Quantity | Signal:
        entry = self.catalogue.get(name)
        if entry is not None:
            known = self.get(entry.short)
            self[name] = self.setdefault(
                entry.short, known or quantity(entry, *self._values(entry))
            )
        elif not self._complete() or name not in self:
            names = self.catalogue.names
            hint = suggestion(str(name), names)
            raise VariableError(f"unknown variable {name!r}{hint}")
        return self[name]

    def _complete(self) -> bool:
        """Take in what is looked for rarely; return whether that is news."""
        if self._others is None:
            return False
        more, self._others = self._others(), None
        self.update((entry.name, entry) for entry in more)
        return True

    def knows(self, name: str) -> bool:
        """Return whether there is such a name."""
        if name in self or self.catalogue.get(name) is not None:
            return True
        return self._complete() and name in self


def quantity(
    entry: Entry, buffer: Array, refresh: Callable[[], object] | None
) -> Quantity:
    """Return an entry with its values."""
    return Quantity(
        entry.name, entry.short, entry.units, entry.about, entry.role, buffer, refresh
    )


_catalogues: dict[tuple[str, ...], Catalogue] = {}


def catalogue(plan: Plan, attributes: Sequence[str]) -> Catalogue:
    """Return everything there is in a plan, made once per process.

    Parameters
    ----------
    plan : Plan
        What is run.
    attributes : sequence of str
        Names of those that the locations have.
    """
    key = (*plan.operation.key, *attributes)
    if key not in _catalogues:
        entries = (*_series(plan), *_constants(plan, attributes), *_diagnostics(plan))
        _catalogues[key] = Catalogue(entries)
    return _catalogues[key]


def _entry(variable: Variable, role: Role, system: UnitSystem = "model") -> Entry:
    name = published(variable)
    if role == "forcing":
        name = _INPUT_NAMES.get(variable.name, name)
    units, _ = outside(variable, system)
    return Entry(name, variable.name, units, variable.about, role)


def _series(plan: Plan) -> Iterator[Entry]:
    for variable, role in time_series(plan.variables, plan.forcings):
        yield _entry(variable, role, plan.operation.units)


def time_series(
    variables: Variables, forcings: Iterable[Forcing]
) -> Iterator[tuple[Variable, Role]]:
    """Yield everything of a model that changes with time, in order of publication.

    Parameters
    ----------
    variables : Variables
        Of the model.
    forcings : iterable of Forcing
        What the host gives.
    """
    for forcing in forcings:
        if forcing.name != DAY_OF_YEAR:
            yield forcing, "forcing"
    for forcing in variables.forcings:
        if forcing.name == DAY_OF_YEAR:
            # It is the clock's.
            yield forcing, "diagnostic"
    parts = (variables.process, variables.evaporation)
    fluxes = [flux for part in parts if part is not None for flux in part.fluxes]
    for flux in (RUNOFF_DEPTH, RUNOFF_VOLUME, STREAMFLOW, *fluxes):
        yield flux, "flux"
    for state in variables.process.states:
        if state.size == 1:
            yield state, "state"


def _constants(plan: Plan, attributes: Sequence[str]) -> Iterator[Entry]:
    for parameter in plan.parameters:
        yield _entry(parameter, "parameter")
    for name in attributes:
        yield _entry(plan.attributes[name], "attribute")


def _diagnostics(plan: Plan) -> Iterator[Entry]:
    if plan.variables.process.budget is not None:
        for name, about in _BALANCE.items():
            yield _entry(Variable(name=name, units="mm", about=about), "diagnostic")
        yield _entry(WATER_STORED, "diagnostic", plan.operation.units)
    for forcing in plan.forcings:
        name = f"{REPAIRED}{forcing.name}"
        about = f"number of steps with {forcing.name} replaced"
        yield _entry(Variable(name=name, about=about), "diagnostic")


def published(variable: Variable) -> str:
    """Return the name a variable is published under."""
    return variable.standard_name or variable.name
