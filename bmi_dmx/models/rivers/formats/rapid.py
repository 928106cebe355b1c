"""Connectivity of RAPID: text without a header, a row for every reach.

Reach, reach below (0 at an outlet), number of reaches above, and their names, filled up
with zeros (David et al. 2011, doi:10.1175/2011JHM1345.1).
"""

from __future__ import annotations

from pathlib import Path

from ....data.table import read_table
from ....errors import DataError
from .assemble import assembled
from .river import River
from .rows import Rows

__all__ = ["read_rapid"]


def read_rapid(path: Path) -> River:
    """Read a table of connectivity; it knows neither lengths nor slopes.

    Raises
    ------
    ConfigError, DataError
        When it is not there, or what it says of the reaches above contradicts what it
        says of those below.
    """
    table = read_table(path, "a row for every reach", titled=False)
    if len(table.titles) < 3:
        raise DataError(
            f"{path}: found {len(table.titles)} columns, expected a reach, the one "
            "below, a number, and those above"
        )
    remarks = [f"{path}: {text}" for text in table.remarks]
    ids, below = table.cells(0), table.cells(1)
    rows = Rows(where=str(path), ids=ids, below=below).once(remarks.append)
    down = dict(zip(ids, below, strict=True))
    for line, row in zip(table.lines, table.rows, strict=True):
        reach, above = row[0].strip(), [cell.strip() for cell in row[3:]]
        for name in above:
            if name not in ("", "0") and down.get(name, reach) != reach:
                raise DataError(
                    f"{path}: row {line}: {name!r} is above {reach!r}, but its own row "
                    f"says that it drains into {down[name]!r}"
                )
    remarks.append(f"{path}: nothing is said of lengths and slopes")
    return assembled(
        rows,
        remarks=remarks,
    )
