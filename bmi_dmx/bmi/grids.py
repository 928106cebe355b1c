"""The grid of a component: one scalar, or points; all else does not apply."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from bmipy import Bmi

from ..errors import VariableError
from .filling import fill

__all__ = ["PointGrid"]

Array = np.ndarray[Any, np.dtype[Any]]


class PointGrid(Bmi):
    """The grid functions of BMI for locations that do not see each other.

    Grid 0 is ``scalar`` for one location, and ``points`` with longitude (x) and
    latitude (y) for more. Subclasses say how many there are and where.
    """

    def _locations(self) -> int:
        """Return the number of locations."""
        raise NotImplementedError

    def _coordinate(self, name: str) -> Array:
        """Return ``longitude`` or ``latitude`` of every location."""
        raise NotImplementedError

    def _size(self, grid: int) -> int:
        if grid != 0:
            raise VariableError(f"unknown grid {grid!r}; known: 0")
        return self._locations()

    def _does_not_apply(self, function: str, grid: int) -> NoReturn:
        kind = self.get_grid_type(grid)
        raise NotImplementedError(f"{function} does not apply to a grid of type {kind}")

    def get_grid_type(self, grid: int) -> str:
        """Return ``scalar`` or ``points``."""
        return "scalar" if self._size(grid) == 1 else "points"

    def get_grid_rank(self, grid: int) -> int:
        """Return 0 for a scalar, 2 for points."""
        return 0 if self._size(grid) == 1 else 2

    def get_grid_size(self, grid: int) -> int:
        """Return the number of locations."""
        return self._size(grid)

    def get_grid_x(self, grid: int, x: Array) -> Array:
        """Fill in the longitudes, degrees east."""
        return self._fill("get_grid_x", grid, "longitude", x)

    def get_grid_y(self, grid: int, y: Array) -> Array:
        """Fill in the latitudes, degrees north."""
        return self._fill("get_grid_y", grid, "latitude", y)

    def _fill(self, function: str, grid: int, name: str, dest: Array) -> Array:
        if self._size(grid) == 1:
            self._does_not_apply(function, grid)
        return fill(name, self._coordinate(name), dest)

    def get_grid_node_count(self, grid: int) -> int:
        """Return the number of points."""
        if self._size(grid) == 1:
            self._does_not_apply("get_grid_node_count", grid)
        return self._size(grid)

    def get_grid_z(self, grid: int, z: Array) -> Array:
        """Refuse: locations have no height in the grid."""
        self._does_not_apply("get_grid_z", grid)

    def get_grid_shape(self, grid: int, shape: Array) -> Array:
        """Refuse: there are no rows and columns."""
        self._does_not_apply("get_grid_shape", grid)

    def get_grid_spacing(self, grid: int, spacing: Array) -> Array:
        """Refuse: there are no rows and columns."""
        self._does_not_apply("get_grid_spacing", grid)

    def get_grid_origin(self, grid: int, origin: Array) -> Array:
        """Refuse: there are no rows and columns."""
        self._does_not_apply("get_grid_origin", grid)

    def get_grid_edge_count(self, grid: int) -> int:
        """Refuse: there are no edges."""
        self._does_not_apply("get_grid_edge_count", grid)

    def get_grid_face_count(self, grid: int) -> int:
        """Refuse: there are no faces."""
        self._does_not_apply("get_grid_face_count", grid)

    def get_grid_edge_nodes(self, grid: int, edge_nodes: Array) -> Array:
        """Refuse: there are no edges."""
        self._does_not_apply("get_grid_edge_nodes", grid)

    def get_grid_face_edges(self, grid: int, face_edges: Array) -> Array:
        """Refuse: there are no faces."""
        self._does_not_apply("get_grid_face_edges", grid)

    def get_grid_face_nodes(self, grid: int, face_nodes: Array) -> Array:
        """Refuse: there are no faces."""
        self._does_not_apply("get_grid_face_nodes", grid)

    def get_grid_nodes_per_face(self, grid: int, nodes_per_face: Array) -> Array:
        """Refuse: there are no faces."""
        self._does_not_apply("get_grid_nodes_per_face", grid)
