"""Long tables of text, read some rows at a time; no file stays open."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from ..errors import ConfigError, DataError

__all__ = ["Lines"]


class Lines:
    """Rows of a table that a program wrote: UTF-8, cells parted by commas, none quoted.

    Parameters
    ----------
    path : Path
        The file.
    titled : bool
        Whether the first line says what the columns are.

    Attributes
    ----------
    titles : tuple of str
        Of the columns; numbers from 1 where there is no header.

    Raises
    ------
    ConfigError
        When there is no such file.
    DataError
        When it cannot be read, or has no rows.
    """

    def __init__(self, path: Path, *, titled: bool) -> None:
        self.path = path
        first = self._lines(0, 1)
        if not first:
            raise DataError(f"{path}: is empty, expected rows")
        text, begin = first[0]
        cells = [cell.strip() for cell in text.split(",")]
        self.titles = tuple(
            cells if titled else (str(k + 1) for k in range(len(cells)))
        )
        self._begin = begin if titled else 0
        self._at = (0, self._begin)

    def _lines(self, offset: int, count: int) -> list[tuple[str, int]]:
        """Return lines from a place in the file on, and where the next ones begin."""
        try:
            with open(self.path, "rb") as file:
                file.seek(offset)
                lines = []
                for line in islice(file, count):
                    offset += len(line)
                    lines.append((line.decode("utf-8"), offset))
                return lines
        except FileNotFoundError:
            raise ConfigError(f"{self.path}: no such file") from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise DataError(f"{self.path}: cannot be read: {reason}") from None
        except UnicodeDecodeError as error:
            raise DataError(f"{self.path}: not UTF-8 text: {error.reason}") from None

    def read(self, first: int, count: int) -> list[list[str]]:
        """Return the cells of some rows; fewer where there are no more.

        Rows that follow those read before are found at once, others by counting.

        Raises
        ------
        DataError
            When a row has another number of cells than the first line.
        """
        row, offset = self._at
        if first < row:
            row, offset = 0, self._begin
        while row < first:
            earlier = self._lines(offset, min(first - row, _FEW))
            if not earlier:
                return []
            row, offset = row + len(earlier), earlier[-1][1]
        lines = self._lines(offset, count)
        if lines:
            self._at = (first + len(lines), lines[-1][1])
        rows = [[cell.strip() for cell in text.split(",")] for text, _ in lines]
        while rows and rows[-1] == [""]:
            rows.pop()
        for k, cells in enumerate(rows):
            if len(cells) != len(self.titles):
                raise DataError(
                    f"{self.path}: row {first + k + 1} has {len(cells)} cells, the "
                    f"first line {len(self.titles)}"
                )
        return rows


_FEW = 1 << 14
"""Rows in memory where they are only counted."""
