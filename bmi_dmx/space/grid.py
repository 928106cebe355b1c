"""Cells in rows, columns and layers, with faces between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ..errors import DataError, VariableError
from ..variables import At
from .checks import MOST_PLACES, Numbers, listed, numbers, read_only
from .description import Array, GridDescription
from .places import Places

__all__ = ["Axis", "Grid", "Mask"]

Axis = Literal["x", "y", "z"]

Mask = (
    Sequence[str]
    | Sequence[Sequence[str]]
    | Sequence[Sequence[bool]]
    | Sequence[Sequence[Sequence[bool]]]
    | Array
)

BETWEEN: dict[At, str] = {
    "cell": "", "x_face": "x", "y_face": "y", "z_face": "z", "corner": "xy",
}  # fmt: skip
"""The axes along which what stands there stands between cells."""

ROUNDING = 1e-9
"""Share of a cell that edges may be off for cells to be all of one width."""


class Grid(Places):
    """Rectangular cells, and the faces and corners between them (Arakawa's C-grid).

    Fields are (row, column), or (level, row, column) with the axis ``level``. Along an
    axis with an end, n cells have n + 1 faces, and the first and last are walls; along
    a periodic one they have n, and face i is the one after cell i. Faces in z are
    those between levels and at both ends; they are never periodic. Corners are where
    faces in x and y meet.

    Parameters
    ----------
    x_edges, y_edges : sequence of float
        (column + 1,) and (row + 1,) where cells end, increasing: lengths, or degrees
        east and north if there is a radius.
    z_edges : sequence of float, optional
        (level + 1,) heights at which levels end, upwards or downwards; none: no levels.
    periodic : sequence of {"x", "y"}
        Axes whose end is their beginning.
    mask : array of bool, optional
        (row, column) or (level, row, column) which cells belong to the system; rows may
        be text, such as ``"0110"``.
    radius : float, optional
        Of the sphere whose longitudes and latitudes x and y are; none: a plane.

    Attributes
    ----------
    mask : ndarray of bool or None
        None where all cells belong to the system.

    Raises
    ------
    DataError
        When edges are not finite and in order, the sphere is left, the mask is not of
        the shape of the cells or without any, or an axis is not known.
    """

    kind = "grid"
    made_of = ("x_edges", "y_edges", "z_edges", "periodic", "mask", "radius")

    def __init__(
        self,
        x_edges: Numbers,
        y_edges: Numbers,
        z_edges: Numbers | None = None,
        *,
        periodic: Sequence[str] = (),
        mask: Mask | None = None,
        radius: float | None = None,
    ) -> None:
        self.radius = None if radius is None else _positive("radius", radius)
        self.periodic = _axes(periodic, self.radius)
        poles = (-math.inf, math.inf) if self.radius is None else (-90.0, 90.0)
        self.x_edges = _edges("x_edges", x_edges)
        self.y_edges = _edges("y_edges", y_edges, poles)
        self.z_edges = None if z_edges is None else _edges("z_edges", z_edges)
        cells = math.prod(self.field("cell", self._kinds_of_axes[-1]))
        if cells > MOST_PLACES:
            raise DataError(f"edges: {cells:g} cells, expected at most {MOST_PLACES}")
        turn = self.x_edges[-1] - self.x_edges[0]
        if self.radius is not None and turn > 360.0 * (1.0 + ROUNDING):
            raise DataError(f"x_edges: found {turn:g} degrees in all, expected 360")
        self.mask = None if mask is None else self._masked(mask)

    @classmethod
    def uniform(
        cls,
        shape: tuple[int, int],
        spacing: tuple[float, float] = (1.0, 1.0),
        origin: tuple[float, float] = (0.0, 0.0),
        *,
        z_edges: Numbers | None = None,
        periodic: Sequence[str] = (),
        mask: Mask | None = None,
        radius: float | None = None,
    ) -> Grid:
        """Return a grid whose cells are all of one width in x and in y.

        Parameters
        ----------
        shape : (int, int)
            Numbers of rows and columns.
        spacing : (float, float)
            Widths of rows and columns.
        origin : (float, float)
            Where the first row and column begin, which is not where they have their
            centres.
        z_edges, periodic, mask, radius
            As of the class.
        """
        y, x = (
            start + _positive("spacing", step) * np.arange(_count(count) + 1)
            for start, step, count in zip(origin, spacing, shape, strict=True)
        )
        return cls(x, y, z_edges, periodic=periodic, mask=mask, radius=radius)

    def _masked(self, mask: Mask) -> Array | None:
        try:
            array = np.array(mask)
        except ValueError as error:
            raise DataError(f"mask: {error}") from None
        if array.dtype.kind == "U" and array.ndim:
            array = _digits(array)
        shapes = {self.field("cell", axes) for axes in self._kinds_of_axes}
        if array.shape not in shapes:
            expected = " or ".join(map(str, sorted(shapes, key=len)))
            raise DataError(f"mask: found shape {array.shape}, expected {expected}")
        if array.dtype.kind not in "biu" or not np.isin(array, (0, 1)).all():
            raise DataError("mask: expected true or false for every cell")
        if not array.any():
            raise DataError("mask: expected at least one cell, found none")
        return None if array.all() else read_only(array.astype(bool))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; rows of the mask are text, for there may be many cells."""
        plain = super().to_dict()
        if self.mask is not None:
            plain["mask"] = _texts(self.mask)
        return plain

    @property
    def _kinds_of_axes(self) -> tuple[tuple[str, ...], ...]:
        return ((),) if self.z_edges is None else ((), ("level",))

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Row and column of every cell, row by row."""
        rows, columns = self.field("cell", ())
        return tuple(f"{j},{i}" for j in range(rows) for i in range(columns))

    def __len__(self) -> int:
        return (self.x_edges.size - 1) * (self.y_edges.size - 1)

    def field(self, at: At, axes: tuple[str, ...]) -> tuple[int, ...]:
        """Return the numbers of levels, if the field has them, rows and columns."""
        self._refuse(at, axes)
        along: tuple[Axis, ...] = ("z", "y", "x") if axes else ("y", "x")
        return tuple(self.nodes(axis, at).size for axis in along)

    def _refuse(self, at: At, axes: tuple[str, ...]) -> None:
        """Refuse a field that this grid does not have."""
        if axes not in self._kinds_of_axes:
            axis = "no levels" if self.z_edges is None else "the axis 'level' alone"
            raise VariableError(f"has the axes {', '.join(axes)}; the grid has {axis}")
        if at not in BETWEEN:
            raise VariableError(f"stands at {at!r}, expected {', '.join(BETWEEN)}")
        if at == "z_face" and not axes:
            raise VariableError("stands at 'z_face', expected the axis 'level'")

    def edges(self, axis: Axis) -> Array:
        """Return where cells end along an axis.

        Raises
        ------
        VariableError
            When it is z and the grid has no levels.
        """
        edges = {"x": self.x_edges, "y": self.y_edges, "z": self.z_edges}[axis]
        if edges is None:
            raise VariableError("the grid has no levels")
        return edges

    def nodes(self, axis: Axis, at: At = "cell") -> Array:
        """Return coordinates of values along an axis: one a column, row or level."""
        edges = self.edges(axis)
        if axis not in BETWEEN[at]:
            return (edges[:-1] + edges[1:]) / 2.0
        return edges[1:] if axis in self.periodic else edges

    def widths(self, axis: Axis, at: At = "cell") -> Array:
        """Return widths along an axis, in its units: one number a node.

        At cells, the width of the cell; at faces, the distance between the centres of
        the two cells beside it. A wall counts as if its cell were repeated behind it.
        """
        width = np.abs(np.diff(self.edges(axis)))
        if axis not in BETWEEN[at]:
            return width
        if axis in self.periodic:
            padded = np.append(width, width[0])
        else:
            padded = np.pad(width, 1, mode="edge")
        middle: Array = (padded[:-1] + padded[1:]) / 2.0
        return middle

    def sizes(self, at: At = "cell") -> tuple[Array, Array]:
        """Return the lengths in x and in y of what is around every node.

        Returns
        -------
        dx, dy : ndarray
            (row, column) in units of the radius, or of x and y on a plane.
        """
        dy, dx = np.meshgrid(self.widths("y", at), self.widths("x", at), indexing="ij")
        if self.radius is None:
            return dx, dy
        degree = self.radius * math.pi / 180.0
        parallel = degree * np.cos(np.radians(self.nodes("y", at)))
        return parallel[:, None] * dx, degree * dy

    @cached_property
    def areas(self) -> Array:
        """(row, column) areas of cells; exact on a sphere: R² Δλ (sin φₙ - sin φₛ)."""
        dx, y = np.diff(self.x_edges), self.y_edges
        if self.radius is not None:
            dx, y = np.radians(dx), self.radius**2 * np.sin(np.radians(y))
        areas: Array = np.diff(y)[:, None] * dx
        return read_only(areas)

    def open_at(self, at: At = "cell", axes: tuple[str, ...] = ()) -> Array:
        """Return where a field is part of the system.

        A face is where the cells on both sides are; a corner where all four are. A
        column is in the system if any of its levels is.

        Parameters
        ----------
        at : {"cell", "x_face", "y_face", "z_face", "corner"}
            Where the field stands.
        axes : tuple of str
            Its axes beyond place.

        Returns
        -------
        ndarray of bool
            Of the shape of the field.
        """
        self._refuse(at, axes)
        shape = self.field("cell", axes)
        cells: Array = np.ones((), bool) if self.mask is None else self.mask
        if cells.ndim > len(shape):
            cells = np.any(cells, axis=0)
        cells = np.broadcast_to(cells, shape).copy()
        for axis in BETWEEN[at]:
            cells = _both_sides(cells, "zyx".index(axis) - 3, axis in self.periodic)
        return cells

    def measure(self, what: str, at: At, axes: tuple[str, ...]) -> Array:
        """Return what the grid tells of every node of a field.

        Parameters
        ----------
        what : {"x", "y", "dx", "dy", "area", "thickness", "depth", "open"}
            Where nodes stand, lengths and area around them, thickness of their level,
            how far they are from where levels begin, and 1 where they are in the
            system, 0 elsewhere.
        at, axes
            As of the variable.

        Raises
        ------
        VariableError
            When the grid tells no such thing.
        """
        shape = self.field(at, axes)
        if what in ("x", "y"):
            nodes = self.nodes("x" if what == "x" else "y", at)
            values = nodes if what == "x" else nodes[:, None]
        elif what in ("dx", "dy"):
            values = self.sizes(at)[what == "dy"]
        elif what == "area":
            values = self.areas if at == "cell" else np.prod(self.sizes(at), axis=0)
        elif what == "thickness":
            values = self.widths("z", at)[:, None, None]
        elif what == "depth":
            values = np.abs(self.nodes("z", at) - self.edges("z")[0])[:, None, None]
        elif what == "open":
            values = self.open_at(at, axes).astype(float)
        else:
            names = "x, y, dx, dy, area, thickness, depth, open"
            raise VariableError(f"the grid tells no {what!r}; expected one of {names}")
        array: Array = np.broadcast_to(values, shape).copy()
        return array

    def grid(self, at: At = "cell", axes: tuple[str, ...] = ()) -> GridDescription:
        """Return a rectilinear grid; a uniform one without levels and of one width."""
        shape = self.field(at, axes)
        x, y = self.nodes("x", at), self.nodes("y", at)
        size = math.prod(shape)
        steps = (_step(self.y_edges), _step(self.x_edges))
        if axes or None in steps:
            z = self.nodes("z", at) if axes else None
            return GridDescription(
                type="rectilinear", rank=len(shape), size=size, shape=shape,
                x=x, y=y, z=z,
            )  # fmt: skip
        return GridDescription(
            type="uniform_rectilinear", rank=2, size=size, shape=shape, x=x, y=y,
            spacing=tuple(filter(None, steps)), origin=(float(y[0]), float(x[0])),
        )  # fmt: skip


def _digits(rows: Array) -> Array:
    """Return the digits of rows of text along one more axis."""
    signs = np.ascontiguousarray(rows).view("U1").reshape(*rows.shape, -1)
    if not np.isin(signs, ("0", "1")).all():
        raise DataError("mask: expected rows of as many 0 and 1 as there are columns")
    digits: Array = signs.astype(int)
    return digits


def _texts(mask: Array) -> Any:
    """Return a mask with its rows as text."""
    if mask.ndim == 1:
        return "".join("1" if cell else "0" for cell in mask.tolist())
    return [_texts(part) for part in mask]


def _both_sides(cells: Array, axis: int, periodic: bool) -> Array:
    """Return for every face along an axis whether both sides are in the system."""
    if periodic:
        return cells & np.roll(cells, -1, axis)
    ends = [(0, 0)] * cells.ndim
    ends[axis] = (1, 1)
    padded = np.moveaxis(np.pad(cells, ends), axis, 0)
    return np.ascontiguousarray(np.moveaxis(padded[:-1] & padded[1:], 0, axis))


def _step(edges: Array) -> float | None:
    """Return the width of cells, if they have one."""
    step = float(edges[-1] - edges[0]) / (edges.size - 1)
    even = edges[0] + step * np.arange(edges.size)
    return step if np.abs(edges - even).max() <= ROUNDING * step else None


def _edges(
    name: str, values: Numbers, bounds: tuple[float, float] = (-math.inf, math.inf)
) -> Array:
    """Return the ends of cells; increasing, but for heights."""
    edges = numbers(name, values, bounds=bounds)
    if edges.size < 2:
        raise DataError(f"{name}: expected the two ends of at least one cell")
    steps = np.diff(edges)
    falls = name == "z_edges" and steps[0] < 0.0
    bad = (steps if not falls else -steps) <= 0.0
    if bad.any():
        at = int(bad.argmax())
        raise DataError(
            f"{name}: expected them {'decreasing' if falls else 'increasing'}, found "
            f"{edges[at]:g} and then {edges[at + 1]:g} at position {at + 1}"
        )
    return edges


def _axes(periodic: Sequence[str], radius: float | None) -> tuple[str, ...]:
    for axis in listed("periodic", periodic):
        if axis not in ("x", "y"):
            raise DataError(f"periodic: found {axis!r}, expected x or y")
    if radius is not None and "y" in periodic:
        raise DataError("periodic: a sphere has no periodic y")
    return tuple(sorted(set(periodic)))


def _positive(name: str, value: float) -> float:
    (number,) = numbers(name, [value])
    if number <= 0.0:
        raise DataError(f"{name}: expected a number above 0, found {number:g}")
    return float(number)


def _count(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise DataError(f"shape: expected whole numbers above 0, found {value!r}")
    return int(value)
