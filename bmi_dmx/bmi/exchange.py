"""Units in which a component exchanges its values with a host."""

from __future__ import annotations

from typing import Literal

from ..variables import Variable

__all__ = ["UnitSystem", "outside"]

UnitSystem = Literal["model", "ngen"]
"""``model``: mm and mm d-1, as declared; ``ngen``: m and mm h-1, as hourly hosts do."""

_FACTORS: dict[str, dict[str, tuple[str, float]]] = {
    "model": {},
    "ngen": {"mm d-1": ("mm h-1", 1.0 / 24.0), "mm": ("m", 1e-3)},
}


def outside(variable: Variable, system: UnitSystem) -> tuple[str, float]:
    """Return the units of a variable for the host, and the factor into them.

    Parameters
    ----------
    variable : Variable
        A forcing, flux or state.
    system : {"model", "ngen"}
        See :data:`UnitSystem`.
    """
    return _FACTORS[system].get(variable.units, (variable.units, 1.0))
