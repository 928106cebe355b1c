"""The log of all observations of a run, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...files import atomic, writing
from .inbox import STATUS, USED

__all__ = ["COLUMNS", "Innovations"]

Array = np.ndarray[Any, np.dtype[Any]]

COLUMNS = {
    "time": ("f8", "seconds since 1970-01-01", "end of the step after which it came"),
    "valid_time": ("f8", "seconds since 1970-01-01", "time at which it holds"),
    "place": ("i4", "1", "position among the places"),
    "quantity": ("i4", "1", "position among the quantities"),
    "status": ("i1", "1", "what became of it"),
    "observed": ("f8", "", "value as it came"),
    "error": ("f8", "", "standard deviation of its error, on the scale of comparison"),
    "innovation": ("f8", "", "observed less predicted, on the scale of comparison"),
    "spread": ("f8", "", "standard deviation of the predictions, on that scale"),
    "predicted": ("f8", "", "mean of the predictions"),
    "analysed": ("f8", "", "mean of the predictions after the analysis"),
    "chi_square": ("f8", "1", "squared innovation over the variance expected of it"),
}
"""Type, units (those of the quantity where empty), and meaning of what is logged."""


class Innovations:
    """Keeps a row for every value that came, until the end of the run.

    Parameters
    ----------
    ids, quantities : sequence of str
        Names of the places and of what is observed.
    """

    def __init__(self, ids: Sequence[str], quantities: Sequence[str]) -> None:
        self._ids, self._quantities = tuple(ids), tuple(quantities)
        self._rows: list[dict[str, Array]] = []
        self.counts = np.zeros((len(self._quantities), len(STATUS)), np.int64)

    def add(self, quantity: int, rows: dict[str, Array]) -> None:
        """Keep rows of one quantity, (row,) by column."""
        n = len(rows["status"])
        if n:
            codes, counts = np.unique(rows["status"], return_counts=True)
            self.counts[quantity, codes] += counts
            self._rows.append({**rows, "quantity": np.full(n, quantity)})

    def column(self, name: str) -> Array:
        """Return all rows of a column, in the order in which they came."""
        if not self._rows:
            return np.empty(0, COLUMNS[name][0])
        return np.concatenate([rows[name] for rows in self._rows])

    @property
    def in_vain(self) -> bool:
        """Whether values of a quantity came, and not one of them was used."""
        return bool(((self.counts.sum(1) > 0) & (self.counts[:, USED] == 0)).any())

    def report(self) -> str:
        """Return in words what became of the values, by quantity."""
        parts = []
        for name, counts in zip(self._quantities, self.counts, strict=True):
            some = [f"{n} {s}" for s, n in zip(STATUS, counts, strict=True) if n]
            parts.append(f"{name}: {', '.join(some) or 'none came'}")
        return "; ".join(parts)

    def write(self, path: Path) -> None:
        """Write a NetCDF file, which then exists whole or not at all."""
        import netCDF4

        with (
            writing(path),
            atomic(path) as temporary,
            netCDF4.Dataset(temporary, "w", format="NETCDF4") as file,
        ):
            file.Conventions = "CF-1.11"
            file.featureType = "point"
            file.createDimension("row", sum(len(r["status"]) for r in self._rows))
            _texts(file, "place_name", self._ids)
            _texts(file, "quantity_name", self._quantities)
            for name, (kind, units, about) in COLUMNS.items():
                variable = file.createVariable(name, kind, ("row",), zlib=True)
                variable.long_name = about
                if units:
                    variable.units = units
                if name == "status":
                    variable.flag_values = np.arange(len(STATUS), dtype="i1")
                    variable.flag_meanings = " ".join(STATUS)
                variable[:] = self.column(name)


def _texts(file: Any, name: str, texts: Sequence[str]) -> None:
    file.createDimension(name, len(texts))
    variable = file.createVariable(name, str, (name,))
    for k, text in enumerate(texts):
        variable[k] = text
