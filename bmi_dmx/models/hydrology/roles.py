"""Which part of a model plays which role, also where several models run as one."""

from __future__ import annotations

from collections.abc import Iterable

from ...compose.part import Part

__all__ = ["EVAPORATION", "LAND", "OUTLET", "players", "plays"]

EVAPORATION, LAND, OUTLET = "evaporation", "land", "outlet"
"""Names that parts have in recipes."""


def plays(part: Part, role: str) -> bool:
    """Return whether a part plays a role, in its model or in one of several.

    Parameters
    ----------
    part : Part
        The part.
    role : str
        Name of the part where its model runs alone.
    """
    return part.name == (role if part.model is None else f"{part.model}_{role}")


def players(parts: Iterable[Part], role: str) -> list[str]:
    """Return the names of the parts that play a role."""
    return [part.name for part in parts if plays(part, role)]
