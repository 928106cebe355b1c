"""What the places of one space give to those of another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import DataError
from .checks import Numbers, numbers, read_only, whole_numbers
from .description import Array
from .places import Places

__all__ = ["Map"]

ROUNDING = 1e-12
"""How far the sum of a place's shares may be from one, per share."""


class Map:
    """A sparse matrix between the places of two spaces.

    Parameters
    ----------
    source, target : Places
        Where values come from and where they go. Cells of grids are counted row by row.
    rows, columns : sequence of int
        (entry,) positions of places of the target, and of the source.
    weights : sequence of float
        (entry,) what a value of the source counts in that of the target.
    conserves : bool
        Whether all of every place of the source has to arrive: its weights sum to one,
        as those of amounts do. Means and interpolated values do not conserve.

    Attributes
    ----------
    rows, columns, weights : ndarray
        (entry,) ordered by target, then source, whatever order was given.

    Raises
    ------
    DataError
        When lengths differ, positions do not exist, or weights are not finite or do not
        conserve; names the place.
    """

    def __init__(
        self,
        source: Places,
        target: Places,
        rows: Sequence[int] | Array,
        columns: Sequence[int] | Array,
        weights: Numbers,
        *,
        conserves: bool = True,
    ) -> None:
        to = whole_numbers("rows", rows, 0, len(target) - 1)
        of = whole_numbers("columns", columns, 0, len(source) - 1)
        if to.size != of.size:
            raise DataError(f"columns: expected {to.size} positions, found {of.size}")
        share = numbers("weights", weights, to.size)
        order = np.lexsort((share, of, to))
        self.source, self.target, self.conserves = source, target, conserves
        self.rows, self.columns = read_only(to[order]), read_only(of[order])
        self.weights = read_only(share[order])
        if conserves:
            self._refuse_losses()

    @classmethod
    def by_id(
        cls,
        source: Places,
        target: Places,
        links: Iterable[tuple[str, str, float]],
        *,
        conserves: bool = True,
    ) -> Map:
        """Return the map of links between named places.

        Parameters
        ----------
        source, target : Places
            Where values come from and where they go.
        links : iterable of (str, str, float)
            Place of the source, place of the target, weight.
        conserves : bool
            As of the class.

        Raises
        ------
        DataError
            When there is no place of such a name, and as of the class.
        """
        entries = list(links)
        columns = source.positions(of for of, _, _ in entries)
        rows = target.positions(to for _, to, _ in entries)
        weights = [weight for _, _, weight in entries]
        return cls(source, target, rows, columns, weights, conserves=conserves)

    def _refuse_losses(self) -> None:
        size = len(self.source)
        total = np.bincount(self.columns, self.weights, size)
        entries = np.bincount(self.columns, minlength=size)
        unbalanced = np.abs(total - 1.0) > ROUNDING * np.maximum(entries, 1)
        if unbalanced.any():
            at = int(unbalanced.argmax())
            raise DataError(
                f"weights: those of {self.source.ids[at]!r} sum to {total[at]:.15g}, "
                f"expected 1 for nothing to be lost; so it is with "
                f"{np.count_nonzero(unbalanced)} of {size} places"
            )

    def __repr__(self) -> str:
        return f"Map from {self.source!r} to {self.target!r}"

    def apply(self, values: Array) -> Array:
        """Return the values of the target.

        Parameters
        ----------
        values : ndarray
            (..., place of the source), such as (time, place).

        Returns
        -------
        ndarray
            (..., place of the target) of the same floating type; 0 where nothing goes.

        Raises
        ------
        DataError
            When the last axis is not that of the source.
        """
        array = np.asarray(values)
        if array.ndim == 0 or array.shape[-1] != len(self.source):
            raise DataError(
                f"values: expected a last axis of {len(self.source)} places, found "
                f"shape {array.shape}"
            )
        kind = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
        result = np.zeros((*array.shape[:-1], len(self.target)), kind)
        if self.rows.size:
            shares = array[..., self.columns] * self.weights.astype(kind)
            first = np.flatnonzero(np.diff(self.rows, prepend=-1))
            result[..., self.rows[first]] = np.add.reduceat(shares, first, axis=-1)
        return result
