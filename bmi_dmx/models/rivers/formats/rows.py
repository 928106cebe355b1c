"""Rows of a file, one a reach: repeated ones, and which reach drains into which."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ....data.identity import listed, match
from ....errors import DataError
from ....space import Tree

__all__ = ["Column", "Remark", "Rows", "named", "tree_of"]

Array = NDArray[np.float64]

Remark = Callable[[str], object]

NOWHERE = frozenset({"", "0", "-1", "-9999", "-999", "nan", "none", "null", "na"})
"""What stands for no reach below, in small letters, unless a reach is called so."""


@dataclass(frozen=True)
class Column:
    """Numbers of one kind, (row,), and the units that the file states; or none."""

    values: Array
    units: str = ""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What a file says of reaches, as it says it.

    Parameters
    ----------
    where : str
        File, and layer if there are several, for messages.
    ids, below : sequence of str
        (row,) the reach, and the one that it drains into.
    columns : dict of str to Column
        Numbers.
    texts : dict of str to sequence of str
        (row,) other names, such as those of gauges and lakes.
    """

    where: str
    ids: Sequence[str]
    below: Sequence[str]
    columns: dict[str, Column] = field(default_factory=dict)
    texts: dict[str, Sequence[str]] = field(default_factory=dict)

    def at(self, rows: NDArray[np.int64]) -> Rows:
        """Return some of the rows."""
        some = rows.tolist()
        return replace(
            self,
            ids=[self.ids[k] for k in some],
            below=[self.below[k] for k in some],
            columns={n: Column(c.values[rows], c.units)
                     for n, c in self.columns.items()},
            texts={n: [t[k] for k in some] for n, t in self.texts.items()},
        )  # fmt: skip

    def once(self, remark: Remark) -> Rows:
        """Return every reach once; a repeated row that says the same is left out.

        Texts may differ: two gauges on one reach are two rows.

        Raises
        ------
        DataError
            When a name is missing, or rows of one reach contradict each other.
        """
        first: dict[str, int] = {}
        again: list[str] = []
        for k, name in enumerate(self.ids):
            if not name:
                raise DataError(f"{self.where}: row {k} is empty, expected a reach")
            before = first.setdefault(name, k)
            if before != k:
                self._refuse_contradiction(name, before, k)
                again.append(name)
        if not again:
            return self
        remark(
            f"{self.where}: rows that are repeated and left out: {len(again)} "
            f"({listed(again)})"
        )
        return self.at(np.fromiter(first.values(), np.int64, len(first)))

    def _refuse_contradiction(self, name: str, one: int, other: int) -> None:
        if self.below[one] != self.below[other]:
            raise DataError(
                f"{self.where}: {name!r} drains into two reaches, "
                f"{self.below[one]!r} in row {one} and {self.below[other]!r} in row "
                f"{other}"
            )
        for title, column in self.columns.items():
            a, b = column.values[one], column.values[other]
            if a != b and not (np.isnan(a) and np.isnan(b)):
                raise DataError(
                    f"{self.where}: {name!r} is given twice, in rows {one} and "
                    f"{other}, with {title} {a:g} and {b:g}"
                )


def tree_of(
    rows: Rows,
    remark: Remark,
    longitude: Array | None = None,
    latitude: Array | None = None,
) -> Tree:
    """Return the tree of reaches given once.

    A reach whose water goes to one that the file does not have is an outlet, as at the
    edge of a part that was cut out; it is remarked on.

    Parameters
    ----------
    rows : Rows
        Every reach once.
    remark : callable
        Takes what there is to say.
    longitude, latitude : ndarray, optional
        (reach,) degrees; not used unless all are known.

    Raises
    ------
    DataError
        When reaches drain into each other in a circle, naming them; or when none of
        many reaches below is in the file, as if they were called otherwise.
    """
    place = {name: k for k, name in enumerate(rows.ids)}
    rows = _spelt_as_above(rows, place, remark)
    downstream = [
        below if below in place else ""
        for below in rows.below
    ]  # fmt: skip
    absent = _lost(rows, place)
    if len(absent) > 1 and not any(downstream):
        name, below = absent[0]
        raise DataError(
            f"{rows.where}: none of the reaches below is in the file: {name!r} drains "
            f"into {below!r}, and {len(absent) - 1} more are so"
        )
    if absent:
        pairs = listed([f"{name} to {below}" for name, below in absent])
        remark(
            f"{rows.where}: reaches above one that the file does not have, which are "
            f"outlets: {len(absent)} of {len(place)} ({pairs})"
        )
    axes = [x for x in (longitude, latitude) if x is not None and np.isfinite(x).all()]
    here = axes if len(axes) == 2 else (None, None)
    try:
        return Tree(list(rows.ids), downstream, *here)
    except DataError as error:
        raise DataError(f"{rows.where}: {error}") from None


def _lost(rows: Rows, place: Container[str]) -> list[tuple[str, str]]:
    """Return the reaches above one that the file does not have, and that one."""
    return [
        (name, below)
        for name, below in zip(rows.ids, rows.below, strict=True)
        if below not in place and below.casefold() not in NOWHERE
    ]


def _spelt_as_above(rows: Rows, place: Container[str], remark: Remark) -> Rows:
    """Return rows whose reaches below are written as the reaches themselves are.

    As ``03`` and ``3``: two programs wrote the columns.
    """
    absent = dict.fromkeys(below for _, below in _lost(rows, place))
    # All of them: of two that differ in this alone one is another reach.
    named_below = [below for below in dict.fromkeys(rows.below) if below in place]
    matched = match([*named_below, *absent], rows.ids, by_number=False)
    places = matched.places
    spelling = {name: rows.ids[places[name]] for name in absent if name in places}
    if not spelling:
        return rows
    remark(f"{rows.where}: of the reaches below, {matched.remark}")
    return replace(rows, below=[spelling.get(below, below) for below in rows.below])


def named(names: Sequence[str] | None, reaches: Sequence[str]) -> list[tuple[str, str]]:
    """Return pairs of a name and its reach, without rows where there is no name."""
    if names is None:
        return []
    return [
        (name.strip(), reach)
        for name, reach in zip(names, reaches, strict=True)
        if name.strip().casefold() not in NOWHERE
    ]
