"""What of the data is kept in the folder of a run, for people."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from ....files import atomic
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
    with (
        atomic(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", *heads])
        for at, basin in enumerate(data.ids.tolist()):
            row = [f"{data.attributes[name][at]:.9g}" for name in names]
            table.writerow([basin, *row])
