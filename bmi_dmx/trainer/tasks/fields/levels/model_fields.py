"""Fields of files as a model has them: in its units, and levels in its order."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .....data.quantity import quantity, refuse_impossible
from .....data.stored_fields import StoredFields
from .....errors import DataError
from .....space import Grid
from .....variables import Variable

__all__ = ["ModelFields"]

Array = NDArray[np.float64]

_log = logging.getLogger(__name__)


class ModelFields:
    """Takes fields of files for those of a model.

    Parameters
    ----------
    source : str
        The files, for messages.
    store : StoredFields
        What they say of units and levels.
    variables : mapping of str to Variable
        What the model has, by name.
    grid : Grid
        Where it lives.

    Raises
    ------
    DataError
        Levels of the files are not those of the model.
    """

    def __init__(
        self,
        source: str,
        store: StoredFields,
        variables: Mapping[str, Variable],
        grid: Grid,
    ) -> None:
        self._source, self._units = source, store.units
        self._variables = dict(variables)
        self._upwards = {
            name: self._from_below(name, depths, grid)
            for name, depths in store.levels.items()
            if name in variables and variables[name].axes
        }
        self._said: set[str] = set()

    def __call__(self, name: str, values: Array) -> Array:
        """Return a field, (..., level, row, column), NaN where nothing is known.

        Raises
        ------
        DataError, UnitsError
            Units are of something else, or a number cannot be; names the file and what
            was found and expected.
        """
        variable, where = self._variables[name], f"{self._source}: {name}"
        if self._upwards.get(name):
            values = values[..., ::-1, :, :]
        converted = quantity(values, self._units[name], variable, where, self._say)
        refuse_impossible(converted, variable, where)
        return converted

    def _say(self, text: str) -> None:
        """Say what there is to say of files once, and not of every step."""
        kind = text.partition(" of ")[2] or text
        if kind not in self._said:
            self._said.add(kind)
            _log.warning("%s", text)

    def _from_below(self, name: str, depths: Array, grid: Grid) -> bool:
        """Return whether levels of a field are given from the lowest up.

        Raises
        ------
        DataError
            They do not lie in the levels of the model, one in each.
        """
        z = np.abs(depths)
        upwards = bool(z.size > 1 and z[0] > z[-1])
        z = z[::-1] if upwards else z
        assert grid.z_edges is not None
        edges = -np.asarray(grid.z_edges)
        if z.size != edges.size - 1:
            # How many there are is compared with the fields themselves.
            return upwards
        inside = (edges[:-1] <= z + 1e-3) & (z <= edges[1:] + 1e-3)
        if not inside.all():
            at = int(np.argmin(inside))
            raise DataError(
                f"{self._source}: {name}: level {at} is at {z[at]:g} m, that of the "
                f"model reaches from {edges[at]:g} to {edges[at + 1]:g} m"
            )
        if upwards:
            _log.info("%s: %s: levels are turned round", self._source, name)
        return upwards
