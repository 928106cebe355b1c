"""Where flow is written: at all reaches, some of them, gauges, or outlets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.identity import match
from ..data.table import read_table
from ..errors import ConfigError, suggestion
from ..models.rivers.formats import River

__all__ = ["ALL", "GAUGES", "OUTLETS", "Stations"]

ALL, GAUGES, OUTLETS = "all", "gauges", "outlets"


@dataclass(frozen=True)
class Stations:
    """Places of a river, by the names under which they are asked for.

    Parameters
    ----------
    names : tuple of str
        Of reaches or gauges.
    reaches : tuple of str
        The reach of each, whose lower end it is.
    positions : ndarray of int
        Of these in the tree.
    """

    names: tuple[str, ...]
    reaches: tuple[str, ...]
    positions: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def are_reaches(self) -> bool:
        """Whether they are called as their reaches."""
        return self.names == self.reaches

    @classmethod
    def of(cls, choice: str, river: River) -> Stations:
        """Return the places that are asked for.

        Parameters
        ----------
        choice : str
            ``gauges``, ``outlets``, ``all``, names with commas between them, or a file
            whose first column has them.
        river : River

        Raises
        ------
        ConfigError
            When there is no such reach or gauge.
        """
        tree = river.tree
        if choice == ALL:
            names: Sequence[str] = tree.ids
        elif choice == OUTLETS:
            names = [tree.ids[k] for k in np.flatnonzero(tree.downstream < 0)]
        elif choice == GAUGES:
            names = tuple(river.gauges)
            if not names:
                raise ConfigError(
                    f"--at: {river.path} has no gauges; --gauges TABLE names some, "
                    "--at all or outlets needs none"
                )
        else:
            names = _found(_named(choice), river)
        reaches = tuple(river.gauges.get(name, name) for name in names)
        return cls(tuple(names), reaches, tree.positions(reaches))


def _named(choice: str) -> list[str]:
    if Path(choice).is_file():
        table = read_table(Path(choice), "names of reaches or gauges")
        return list(table.places())
    return [name.strip() for name in choice.split(",") if name.strip()]


def _found(names: Sequence[str], river: River) -> list[str]:
    """Return names as the river has them."""
    places = (*river.gauges, *(r for r in river.tree.ids if r not in river.gauges))
    matched = match(names, places)
    if matched.lacking or not names:
        name = matched.lacking[0] if matched.lacking else ""
        raise ConfigError(
            f"--at: {river.path}: no reach or gauge {name!r}{suggestion(name, places)}"
        )
    return [places[matched.places[name]] for name in dict.fromkeys(names)]
