"""What a space answers to whoever asks: a protocol, and the description of a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from ..variables import At, Variable

__all__ = ["SCALAR", "Array", "GridDescription", "GridType", "Space"]

Array = np.ndarray[Any, np.dtype[Any]]

GridType = Literal[
    "scalar", "points", "unstructured", "uniform_rectilinear", "rectilinear"
]


@dataclass(frozen=True, kw_only=True, eq=False)
class GridDescription:
    """All that BMI asks about the grid of a variable; None is what does not apply.

    Parameters
    ----------
    type : str
        Type of grid of BMI.
    rank : int
        Number of dimensions.
    size : int
        Number of values of a variable on it.
    shape : tuple of int, optional
        Numbers of layers, rows and columns, in this order; what a grid of fewer
        dimensions lacks is left out at the front.
    spacing, origin : tuple of float, optional
        Distance between nodes, and where the first one is, in the order of ``shape``.
    x, y, z : ndarray, optional
        Of columns, rows and layers where there is a shape; else of nodes, where known.
    node_count, edge_count, face_count : int, optional
        Numbers of nodes, of the edges between them, and of the faces inside those.
    edge_nodes : ndarray of int, optional
        (2 * edge,) first and last node of every edge.
    face_edges, face_nodes, nodes_per_face : ndarray of int, optional
        Edges and nodes around the faces one after the other, and how many each has.
    """

    type: GridType
    rank: int
    size: int
    shape: tuple[int, ...] | None = None
    spacing: tuple[float, ...] | None = None
    origin: tuple[float, ...] | None = None
    x: Array | None = None
    y: Array | None = None
    z: Array | None = None
    node_count: int | None = None
    edge_count: int | None = None
    face_count: int | None = None
    edge_nodes: Array | None = None
    face_edges: Array | None = None
    face_nodes: Array | None = None
    nodes_per_face: Array | None = None


SCALAR = GridDescription(type="scalar", rank=0, size=1)
"""The grid of one value that stands nowhere in particular."""


class Space(Protocol):
    """Places and how they stand to each other."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Name of every place."""

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides which numbers belong where."""

    @property
    def bonds(self) -> str:
        """Hash of how the places stand to each other, by name."""

    def shape(self, variable: Variable) -> tuple[int, ...]:
        """Return the shape of a field of a variable."""

    def grid(self, at: At = "cell", axes: tuple[str, ...] = ()) -> GridDescription:
        """Return what BMI asks about the grid on which variables stand."""

    def to_dict(self) -> dict[str, Any]:
        """Return the space as plain data."""
