"""The numbered grids of a component, and all that BMI asks about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..conversion import shown
from ..errors import DataError, VariableError
from ..space import GridDescription, Space
from ..space.description import SCALAR
from ..variables import At, Variable
from .filling import fill, require_array

__all__ = ["Grids"]

Array = np.ndarray[Any, np.dtype[Any]]


class Grids:
    """The grids on which the variables of a model stand, by number.

    Grid 0 is that of the cells or places; every other combination of where variables
    stand and what axes they have is one more, in order of appearance.

    Parameters
    ----------
    space : Space
        Where the model lives.
    variables : iterable of Variable
        What the component exchanges.
    more : sequence of GridDescription
        Grids of what is exchanged beside; their numbers follow.
    whole : bool
        Whether there are single numbers of the whole space, such as sums of budgets;
        their grid is the last.

    Attributes
    ----------
    descriptions : tuple of GridDescription
        What there is to say about each.

    Raises
    ------
    VariableError
        When a variable stands where the space has nothing.
    """

    def __init__(
        self,
        space: Space,
        variables: Iterable[Variable] = (),
        more: Sequence[GridDescription] = (),
        *,
        whole: bool = False,
    ) -> None:
        kinds: dict[tuple[At, tuple[str, ...]], int] = {("cell", ()): 0}
        for variable in variables:
            space.shape(variable)  # which refuses by name what has no grid
            kinds.setdefault((variable.at, variable.axes), len(kinds))
        self._numbers = kinds
        grids = (space.grid(at, axes) for at, axes in kinds)
        last = (SCALAR,) if whole else ()
        self.descriptions = (*grids, *more, *last)
        self._whole = whole

    def number(self, variable: Variable, size: int | None = None) -> int:
        """Return the number of the grid of a variable.

        Parameters
        ----------
        variable : Variable
            Where it stands, and with what axes.
        size : int, optional
            How many values it has; default: as many as the grid where it stands.

        Raises
        ------
        VariableError
            When no variable like it was given.
        """
        key = variable.at, variable.axes
        one = size == 1 and self._whole
        if one and self.descriptions[self._numbers.get(key, 0)].size > 1:
            return len(self.descriptions) - 1
        try:
            return self._numbers[key]
        except KeyError:
            raise VariableError(
                f"{variable.name}: there is no grid at {variable.at!r} with axes "
                f"{variable.axes}"
            ) from None

    def _answer(self, name: str, grid: int) -> Any:
        """Return what a grid has under a name of its description."""
        numbers = range(len(self.descriptions))
        if not isinstance(grid, int | np.integer) or grid not in numbers:
            raise VariableError(
                f"unknown grid {shown(grid)}; known: {', '.join(map(str, numbers))}"
            )
        description = self.descriptions[int(grid)]
        answer = getattr(description, name)
        if answer is not None:
            return answer
        function = f"get_grid_{name}"
        if name in ("x", "y") and description.node_count is not None:
            what = "longitude" if name == "x" else "latitude"
            raise DataError(f"{function}: {what} of the places is not known")
        raise NotImplementedError(
            f"{function} does not apply to a grid of type {description.type}"
        )

    def _fill(self, name: str, grid: int, dest: Array) -> Array:
        """Copy what a grid has under a name, and return what it was copied into."""
        values = np.asarray(self._answer(name, grid))
        function = f"get_grid_{name}"
        require_array(function, dest)
        if dest.size != values.size:
            raise DataError(
                f"{function}: found room for {dest.size} values, expected {values.size}"
            )
        return fill(function, values, dest)

    def get_grid_type(self, grid: int) -> str:
        """Return the type of a grid, as BMI calls it."""
        return str(self._answer("type", grid))

    def get_grid_rank(self, grid: int) -> int:
        """Return the number of dimensions."""
        return int(self._answer("rank", grid))

    def get_grid_size(self, grid: int) -> int:
        """Return the number of values."""
        return int(self._answer("size", grid))

    def get_grid_shape(self, grid: int, shape: Array) -> Array:
        """Fill in the numbers of layers, rows and columns."""
        return self._fill("shape", grid, shape)

    def get_grid_spacing(self, grid: int, spacing: Array) -> Array:
        """Fill in the distances between layers, rows and columns."""
        return self._fill("spacing", grid, spacing)

    def get_grid_origin(self, grid: int, origin: Array) -> Array:
        """Fill in where the first node is, in the order of the shape."""
        return self._fill("origin", grid, origin)

    def get_grid_x(self, grid: int, x: Array) -> Array:
        """Fill in x, or degrees east: of every column, or node."""
        return self._fill("x", grid, x)

    def get_grid_y(self, grid: int, y: Array) -> Array:
        """Fill in y, or degrees north: of every row, or node."""
        return self._fill("y", grid, y)

    def get_grid_z(self, grid: int, z: Array) -> Array:
        """Fill in the height of every layer."""
        return self._fill("z", grid, z)

    def get_grid_node_count(self, grid: int) -> int:
        """Return the number of places."""
        return int(self._answer("node_count", grid))

    def get_grid_edge_count(self, grid: int) -> int:
        """Return the number of links between places."""
        return int(self._answer("edge_count", grid))

    def get_grid_face_count(self, grid: int) -> int:
        """Return the number of faces inside edges."""
        return int(self._answer("face_count", grid))

    def get_grid_edge_nodes(self, grid: int, edge_nodes: Array) -> Array:
        """Fill in the first and last place of every link."""
        return self._fill("edge_nodes", grid, edge_nodes)

    def get_grid_face_edges(self, grid: int, face_edges: Array) -> Array:
        """Fill in the edges around every face."""
        return self._fill("face_edges", grid, face_edges)

    def get_grid_face_nodes(self, grid: int, face_nodes: Array) -> Array:
        """Fill in the nodes around every face, counter-clockwise."""
        return self._fill("face_nodes", grid, face_nodes)

    def get_grid_nodes_per_face(self, grid: int, nodes_per_face: Array) -> Array:
        """Fill in the number of nodes of every face."""
        return self._fill("nodes_per_face", grid, nodes_per_face)
