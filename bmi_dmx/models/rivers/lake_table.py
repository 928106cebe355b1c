"""Lakes of a river as properties of the reaches they stand for."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .formats import Lakes, River
from .lake_kinds import INTERIOR, LEVEL_POOL

__all__ = ["LakeReaches", "lake_reaches"]

Array = NDArray[np.float64]

_NEEDED = {
    "area_km2": ("lake_area", 1.0),
    "orifice_elevation": ("orifice_elevation", 0.0),
    "orifice_coefficient": ("orifice_coefficient", 0.1),
    "orifice_area": ("orifice_area", 1.0),
    "weir_elevation": ("weir_elevation", 0.0),
    "weir_coefficient": ("weir_coefficient", 0.4),
    "weir_length": ("weir_length", 10.0),
}
_OPTIONAL = {
    "maximum_elevation": ("dam_elevation", 1e4),
    "Dam_Length": ("dam_length", 0.0),
}


class LakeReaches(NamedTuple):
    """Lakes, by reaches.

    Parameters
    ----------
    attributes : dict of str to ndarray
        (reach,) the parameters of lakes by name, ``lake`` among them, which says what a
        reach is; of reaches that are none, numbers that do no harm.
    elevation : ndarray
        (reach,) of the surface at the start, m; NaN where it is not known.
    """

    attributes: dict[str, Array]
    elevation: Array


def lake_reaches(river: River) -> LakeReaches:
    """Return level pools in place of the reaches that leave lakes.

    All other reaches of a lake pass on at once what enters them. A lake of which no dam
    is known flows over its weir, however high the water stands. Where the elevation at
    the start is not in the table, ``initial_fraction`` of the way from the orifice to
    the highest elevation is.

    Parameters
    ----------
    river : River
        As it was read.

    Raises
    ------
    DataError
        When what a lake needs is not known, or it has no area.
    """
    reaches, lakes = len(river), river.lakes
    names = {**_NEEDED, **_OPTIONAL}
    attributes = {ours: np.full(reaches, usual) for ours, usual in names.values()}
    attributes["lake"] = np.zeros(reaches)
    elevation = np.full(reaches, np.nan)
    if lakes is None:
        return LakeReaches(attributes, elevation)
    at = {name: k for k, name in enumerate(river.tree.ids)}
    for inside in lakes.reaches:
        attributes["lake"][[at[name] for name in inside]] = INTERIOR
    outlets = [at[name] for name in lakes.outlets]
    attributes["lake"][outlets] = LEVEL_POOL
    for theirs, (ours, _) in _NEEDED.items():
        attributes[ours][outlets] = _known(lakes, theirs)
    for theirs, (ours, usual) in _OPTIONAL.items():
        values = _values(lakes, theirs)
        attributes[ours][outlets] = np.where(np.isnan(values), usual, values)
    elevation[outlets] = _elevation(lakes)
    return LakeReaches(attributes, elevation)


def _values(lakes: Lakes, name: str) -> Array:
    missing = np.full(len(lakes), np.nan)
    return np.asarray(lakes.attributes.get(name, missing), dtype=float)


def _known(lakes: Lakes, name: str) -> Array:
    """Return numbers that no lake lacks."""
    values: Any = _values(lakes, name)
    least = 0.0 if name == "area_km2" else -np.inf
    wrong = ~(values > least)
    if wrong.any():
        k = int(wrong.argmax())
        expected = "a number above 0" if name == "area_km2" else "a number"
        raise DataError(
            f"lake {lakes.ids[k]!r}: {name}: found {values[k]:g}, expected {expected}"
        )
    return np.asarray(values, dtype=float)


def _elevation(lakes: Lakes) -> Array:
    """Return where surfaces are at the start, m; NaN where nothing says so."""
    orifice, highest, share, initial = (
        _values(lakes, name)
        for name in (
            "orifice_elevation", "maximum_elevation", "initial_fraction",
            "initial_elevation",
        )
    )  # fmt: skip
    filled = orifice + share * (highest - orifice)
    return np.where(np.isnan(initial), filled, initial)
