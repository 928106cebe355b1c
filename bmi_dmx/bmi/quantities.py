"""The one table of everything a component answers for, by short and standard name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..bundle.manifest import Variables
from ..errors import VariableError, suggestion
from ..variables import Variable
from .attributes import GRID_ATTRIBUTES
from .runner import Runner
from .screen import Screen

__all__ = [
    "DAY_OF_YEAR",
    "RUNOFF_VOLUME",
    "Quantities",
    "Quantity",
    "Role",
    "published",
    "quantities",
    "time_series",
]

Array = np.ndarray[Any, np.dtype[np.float64]]

Role = Literal["forcing", "flux", "state", "parameter", "attribute", "diagnostic"]

DAY_OF_YEAR = "day_of_year"
"""The forcing that comes from the clock."""

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

_BALANCE = {
    "mass_in": "water that has entered since the start",
    "mass_out": "water that has left since the start",
    "mass_adjusted": "water added by setting states since the start",
    "mass_stored": "water stored now less that at the start",
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity and where its values are.

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
    buffer : ndarray
        Its values, (location,); the same array for life.
    refresh : callable or None
        To be called before the values are read, where they are computed on demand.
    """

    name: str
    short: str
    units: str
    about: str
    role: Role
    buffer: Array
    refresh: Callable[[], object] | None = None


class Quantities:
    """Quantities by either of their names.

    Parameters
    ----------
    entries : iterable of Quantity
        In order of publication. A name that is taken already stays with its first
        owner.
    """

    def __init__(self, entries: Iterable[Quantity]) -> None:
        self._entries: dict[str, Quantity] = {}
        for entry in entries:
            self._entries.setdefault(entry.short, entry)
            self._entries.setdefault(entry.name, entry)

    def __getitem__(self, name: str) -> Quantity:
        try:
            return self._entries[name]
        except KeyError:
            hint = suggestion(str(name), self._entries)
            raise VariableError(f"unknown variable {name!r}{hint}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[Quantity]:
        return iter({id(entry): entry for entry in self._entries.values()}.values())

    def of(self, *roles: Role) -> tuple[Quantity, ...]:
        """Return the quantities with one of these roles."""
        return tuple(entry for entry in self if entry.role in roles)


def _entry(
    variable: Variable,
    role: Role,
    buffer: Array,
    refresh: Callable[[], object] | None = None,
) -> Quantity:
    return Quantity(
        published(variable), variable.name, variable.units, variable.about, role,
        buffer, refresh,
    )  # fmt: skip


def quantities(runner: Runner, screen: Screen) -> Quantities:
    """Return the table of a runner and of the screen before it.

    Parameters
    ----------
    runner : Runner
        Owner of the buffers.
    screen : Screen
        Owner of the counts of repaired forcings.
    """
    return Quantities(
        (*_series(runner), *_constants(runner), *_diagnostics(runner, screen))
    )


def _series(runner: Runner) -> Iterator[Quantity]:
    known = {**runner.output, **runner.forcing}
    for variable, role in time_series(runner.bundle.variables):
        if variable.name in known:
            yield _entry(variable, role, known[variable.name])


def time_series(variables: Variables) -> Iterator[tuple[Variable, Role]]:
    """Yield everything of a model that changes with time, in order of publication.

    Parameters
    ----------
    variables : Variables
        Of a bundle.

    Yields
    ------
    Variable, Role
        The volume of runoff is among them, whether or not the area is known.
    """
    for forcing in variables.forcings:
        # The day of the year is the clock's.
        yield forcing, "diagnostic" if forcing.name == DAY_OF_YEAR else "forcing"
    parts = (variables.process, variables.evaporation)
    fluxes = [flux for part in parts if part is not None for flux in part.fluxes]
    for flux in (RUNOFF_DEPTH, RUNOFF_VOLUME, STREAMFLOW, *fluxes):
        yield flux, "flux"
    for state in variables.process.states:
        if state.size == 1:
            yield state, "state"


def _constants(runner: Runner) -> Iterator[Quantity]:
    variables = runner.bundle.variables
    routing = variables.routing.parameters if variables.routing is not None else ()
    for parameter in (*variables.process.parameters, *routing):
        buffer = runner.parameter[parameter.name]
        yield _entry(parameter, "parameter", buffer, runner.parameterize)
    declared = {**GRID_ATTRIBUTES, **{a.name: a for a in variables.attributes}}
    for name, buffer in runner.attribute.items():
        yield _entry(declared[name], "attribute", buffer)


def _diagnostics(runner: Runner, screen: Screen) -> Iterator[Quantity]:
    for name, buffer in runner.balance.items():
        variable = Variable(name=name, units="mm", about=_BALANCE[name])
        yield _entry(variable, "diagnostic", buffer, runner.close_balance)
    for name, buffer in screen.repaired.items():
        variable = Variable(
            name=f"repaired_{name}", about=f"number of steps with {name} replaced"
        )
        yield _entry(variable, "diagnostic", buffer)


def published(variable: Variable) -> str:
    """Return the name a variable is published under."""
    return variable.standard_name or variable.name
