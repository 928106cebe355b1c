"""Named places, and the two simplest ways in which they stand to each other."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ..errors import DataError, VariableError
from ..variables import At, Variable
from .checks import MOST_PLACES, Numbers, names, numbers, positions
from .description import SCALAR, Array, GridDescription

__all__ = ["Places", "Points", "Ring", "counted"]


class Places(ABC):
    """Base of spaces: equal, hashed and written by what they are made of.

    Attributes
    ----------
    kind : str
        Its name in plain data.
    made_of : tuple of str
        Arguments that make it, which are attributes as well.
    """

    kind: ClassVar[str]
    made_of: ClassVar[tuple[str, ...]]

    @property
    @abstractmethod
    def ids(self) -> tuple[str, ...]:
        """Name of every place."""

    @abstractmethod
    def grid(self, at: At = "cell", axes: tuple[str, ...] = ()) -> GridDescription:
        """Return what BMI asks about the grid on which variables stand.

        Parameters
        ----------
        at : {"cell", "x_face", "y_face", "z_face", "corner"}
            Where the variables stand.
        axes : tuple of str
            What axes they have beyond place.

        Raises
        ------
        VariableError
            When nothing can stand there.
        """

    @abstractmethod
    def field(self, at: At, axes: tuple[str, ...]) -> tuple[int, ...]:
        """Return the shape of a field; raise a VariableError where there is none."""

    def shape(self, variable: Variable) -> tuple[int, ...]:
        """Return the shape of a field of a variable.

        Raises
        ------
        VariableError
            When the variable stands where this space has nothing, or has axes whose
            lengths it does not know; names the variable.
        """
        try:
            return self.field(variable.at, variable.axes)
        except VariableError as error:
            raise VariableError(f"{variable.name}: {error}") from None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.ids)}

    def positions(self, ids: Iterable[str]) -> Array:
        """Return the positions of places by name.

        Raises
        ------
        DataError
            When there is no place of that name; suggests the nearest.
        """
        return positions(ids, self._place)

    def _parts(self) -> dict[str, Any]:
        """Return what it is made of, without what was not given."""
        parts = {name: getattr(self, name) for name in self.made_of}
        return {name: part for name, part in parts.items() if part is not None}

    @cached_property
    def fingerprint(self) -> str:
        """Hash (SHA-256) of all that decides which numbers belong where.

        The same for the same numbers in the same order, on any computer.
        """
        digest = hashlib.sha256(self.kind.encode())
        for name, part in self._parts().items():
            if isinstance(part, np.ndarray):
                digest.update(f"\n{name} {part.dtype.kind} {part.shape}\n".encode())
                digest.update(part.astype(part.dtype.newbyteorder("<")).tobytes())
            else:
                digest.update(f"\n{name} {json.dumps(part)}".encode())
        return digest.hexdigest()

    @property
    def bonds(self) -> str:
        """Hash of how the places stand to each other, by name.

        The same for places in another order where that is of no importance.
        """
        return self.fingerprint

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Places):
            return NotImplemented
        return self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {len(self)}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data of which :func:`space_from` makes an equal space."""
        plain = {
            name: part.tolist() if isinstance(part, np.ndarray)
            else list(part) if isinstance(part, tuple)
            else part
            for name, part in self._parts().items()
        }  # fmt: skip
        return {"kind": self.kind, **plain}


class Points(Places):
    """Places that do not see each other.

    Parameters
    ----------
    ids : sequence of str
        Their names; whole numbers are taken as text.
    longitude, latitude : sequence of float, optional
        Where they are, degrees east and north.

    Raises
    ------
    DataError
        When a name is empty or repeated, or coordinates are not finite, out of bounds
        or not one for each place.
    """

    kind = "points"
    made_of: ClassVar[tuple[str, ...]] = ("ids", "longitude", "latitude")

    def __init__(
        self,
        ids: Sequence[str] | Sequence[int] | Array,
        longitude: Numbers | None = None,
        latitude: Numbers | None = None,
    ) -> None:
        self._ids = names(ids)
        self.longitude = self._coordinate("longitude", longitude, (-180.0, 360.0))
        self.latitude = self._coordinate("latitude", latitude, (-90.0, 90.0))

    def _coordinate(
        self, name: str, values: Numbers | None, bounds: tuple[float, float]
    ) -> Array | None:
        if values is None:
            return None
        return numbers(name, values, len(self._ids), bounds)

    @property
    def ids(self) -> tuple[str, ...]:
        """Name of every place."""
        return self._ids

    def field(self, at: At, axes: tuple[str, ...]) -> tuple[int, ...]:
        """Return the number of places."""
        return counted(self, at, axes)

    def grid(self, at: At = "cell", axes: tuple[str, ...] = ()) -> GridDescription:
        """Return a grid of points; of one place a scalar."""
        (size,) = self.field(at, axes)
        if size == 1:
            return SCALAR
        return GridDescription(
            type="points", rank=2, size=size, x=self.longitude, y=self.latitude,
            node_count=size,
        )  # fmt: skip


class Ring(Places):
    """Places in a circle, each between two others.

    Parameters
    ----------
    size : int
        How many; they are named by their position.

    Raises
    ------
    DataError
        When it is not a positive whole number, or one of more places than there can be.
    """

    kind = "ring"
    made_of = ("size",)

    def __init__(self, size: int) -> None:
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise DataError(f"size: expected a whole number above 0, found {size!r}")
        if size > MOST_PLACES:
            raise DataError(f"size: found {size:g}, expected at most {MOST_PLACES}")
        self.size = int(size)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Name of every place."""
        return tuple(map(str, range(self.size)))

    def __len__(self) -> int:
        return self.size

    def field(self, at: At, axes: tuple[str, ...]) -> tuple[int, ...]:
        """Return the number of places."""
        return counted(self, at, axes)

    def grid(self, at: At = "cell", axes: tuple[str, ...] = ()) -> GridDescription:
        """Return a grid of one row, whose nodes are one apart."""
        shape = self.field(at, axes)
        return GridDescription(
            type="uniform_rectilinear", rank=1, size=self.size, shape=shape,
            spacing=(1.0,), origin=(0.0,), x=np.arange(self.size, dtype=np.float64),
        )  # fmt: skip


def counted(space: Places, at: At, axes: tuple[str, ...]) -> tuple[int]:
    """Return the shape of fields of one value a place; refuse all others."""
    if at != "cell":
        raise VariableError(f"stands at {at!r}, but {space.kind} have cells alone")
    if axes:
        raise VariableError(f"has the axis {axes[0]!r}, which {space.kind} do not have")
    return (len(space),)
