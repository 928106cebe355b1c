"""What of the data is kept in the folder of a run, for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...result_files import write_table
from .data.basins import BasinData

__all__ = ["ATTRIBUTES", "write_attributes"]

ATTRIBUTES = "attributes.csv"
"""Its name in the folder."""


def write_attributes(path: Path, data: BasinData, names: Sequence[str]) -> None:
    """Write the attributes that a model was trained with, one row for each basin.

    Operation reads such a table with ``--attributes``.

    Parameters
    ----------
    path : Path
        The table.
    data : BasinData
        What was read.
    names : sequence of str
        Attributes that the model reads.
    """
    units = {name: data.units.get(name, "1") for name in names}
    heads = [n if units[n] == "1" else f"{n} [{units[n]}]" for n in names]
    rows = (
        [basin, *(f"{data.attributes[name][at]:.9g}" for name in names)]
        for at, basin in enumerate(data.ids.tolist())
    )
    write_table(path, ["id", *heads], rows)
