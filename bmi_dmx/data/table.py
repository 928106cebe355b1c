"""Tables as programs, loggers and spreadsheets write them: a header, and rows below.

What stands between the cells, decimal commas, the encoding, and the words for what is
not known are recognised; what was recognised is remarked on.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError
from .file_kinds import foreign
from .fill_values import WORDS
from .identity import refuse_repeated

__all__ = [
    "ENDINGS",
    "Table",
    "heading",
    "is_table",
    "read_table",
    "stem_of",
    "text_of",
]

ENDINGS = (".csv", ".txt", ".tsv")
"""Of names of tables; ``.gz`` may follow."""

Array = np.ndarray[Any, np.dtype[np.float64]]

_HEADING = re.compile(r"\s*(.*?)\s*(?:\[([^\[\]]*)\]|\((.*)\))?\s*")
_COMMA = re.compile(r"[-+]?\d*,?\d+(?:[eE][-+]?\d+)?")

_BETWEEN = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SAMPLE = 50
"""Lines from which it is told what stands between the cells."""


@dataclass(frozen=True)
class Table:
    """What a file of text holds.

    Parameters
    ----------
    path : Path
        The file.
    titles : tuple of str
        Heads of the columns, without blanks around.
    rows : list of list of str
        Cells, as many in every row as there are titles.
    lines : list of int
        Where each row ends in the file, counted from 1.
    remarks : tuple of str
        What was recognised and is not the usual.
    separator : str
        What stands between the cells.
    """

    path: Path
    titles: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    remarks: tuple[str, ...] = ()
    separator: str = ","

    def cells(self, at: int) -> list[str]:
        """Return a column as text, without blanks around."""
        return [row[at].strip() for row in self.rows]

    def plain(self, at: int) -> list[str]:
        """Return a column as text, with points in numbers with decimal commas."""
        cells = self.cells(at)
        words = ["nan" if cell.casefold() in WORDS else cell for cell in cells]
        points = _points(words, sure=self.separator != ",")
        return [
            cell if word == "nan" else point
            for cell, word, point in zip(cells, words, points, strict=True)
        ]

    def places(self, at: int = 0) -> dict[str, int]:
        """Return the row of every name in a column.

        Raises
        ------
        DataError
            When a name is given twice, or is missing.
        """
        names = self.cells(at)
        where = f"{self.path}: column {self.titles[at]!r}"
        for name, line in zip(names, self.lines, strict=True):
            if not name:
                raise DataError(f"{where}: row {line} is empty, expected a name")
        try:
            return refuse_repeated(names, where)
        except DataError:
            rows: dict[str, int] = {}
            for name, line in zip(names, self.lines, strict=True):
                if name in rows:
                    raise DataError(
                        f"{where}: {name!r} is given twice, in rows {rows[name]} and "
                        f"{line}"
                    ) from None
                rows[name] = line
            raise

    def numbers(self, at: int, *, missing: bool = True) -> Array:
        """Return a column as numbers, (row,).

        Parameters
        ----------
        at : int
            The column.
        missing : bool
            Whether cells may be empty or hold a word for what is not known, which
            becomes NaN.

        Raises
        ------
        DataError
            Naming file, row and column of the first cell that is no number.
        """
        cells = self.cells(at)
        if missing:
            cells = ["nan" if cell.casefold() in WORDS else cell for cell in cells]
        try:
            return _floats(cells)
        except ValueError:
            pass
        plain = _points(cells, sure=self.separator != ",")
        try:
            return _floats(plain)
        except ValueError:
            wrong = [
                (line, cell)
                for line, cell in zip(self.lines, cells, strict=True)
                if not _is_number(cell)
            ]
            # Numbers with commas are no fault where others are none at all.
            line, cell = min(wrong, key=lambda found: bool(_COMMA.fullmatch(found[1])))
            rest = f", the first of {len(wrong)} such cells" if len(wrong) > 1 else ""
            raise DataError(
                f"{self.path}: row {line}, column {self.titles[at]!r}: found {cell!r}, "
                f"expected a number{rest}"
            ) from None

    def commas(self, at: int) -> bool:
        """Return whether the numbers of a column are written with decimal commas."""
        return any("," in cell for cell in self.cells(at))


def _points(cells: Sequence[str], *, sure: bool) -> Sequence[str]:
    """Return cells with points for decimal commas, where commas can be nothing else.

    Among commas between cells, a comma before three digits may part thousands.
    """
    numbers = [cell for cell in cells if cell != "nan"]
    if not all(_COMMA.fullmatch(cell) for cell in numbers):
        return cells
    fractions = [c.partition(",")[2] for c in numbers if "," in c]
    if not sure and all(len(fraction) == 3 for fraction in fractions):
        return cells
    return [cell.replace(",", ".") for cell in cells]


def _floats(cells: Sequence[str]) -> Array:
    """Return cells as numbers; those of Python's source code are none elsewhere."""
    if any("_" in cell for cell in cells):
        raise ValueError("an underscore")
    return np.array(cells, dtype=np.float64)


def _is_number(cell: str) -> bool:
    try:
        _floats([cell])
    except ValueError:
        return False
    return True


def read_table(path: Path, rows: str, *, titled: bool = True) -> Table:
    """Read a table of text.

    Parameters
    ----------
    path : Path
        Cells are parted by commas, semicolons, tabs or bars, whichever gives the same
        number in header and rows. Empty lines, lines of empty cells, and lines before
        the header that begin with ``#`` are passed over.
    rows : str
        What there must be below the header, for the message.
    titled : bool
        Whether there is a header; else columns are titled by their number from 1.

    Raises
    ------
    ConfigError
        When there is no such file.
    DataError
        When it cannot be read, has no row, or one that is longer or shorter than its
        header.
    """
    text, remarks = text_of(path)
    lines = list(io.StringIO(text, newline=""))
    begin = 0
    while begin < len(lines) and (
        not lines[begin].strip() or lines[begin].startswith("#")
    ):
        begin += 1
    separator = _separator([line for line in lines[begin:] if line.strip()])
    cells: list[list[str]] = []
    numbers: list[int] = []
    # A quotation mark that is not closed would swallow the rows below.
    reader = csv.reader(lines[begin:], delimiter=separator, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                cells.append(row)
                numbers.append(begin + reader.line_num)
    except csv.Error as error:
        raise DataError(
            f"{path}: line {begin + reader.line_num}: cannot be read: {error}"
        ) from None
    if len(cells) < (2 if titled else 1):
        raise DataError(f"{path}: expected {'a header and ' * titled}{rows}")
    if separator != ",":
        remarks = (*remarks, f"cells are parted by {_BETWEEN[separator]}")
    if titled and _indexed(cells):
        cells = [row[1:] for row in cells]
        remarks = (*remarks, "the first column numbers the rows and is left out")
    if not titled:
        cells.insert(0, [str(k + 1) for k in range(len(cells[0]))])
        numbers.insert(0, 0)
    titles = [title.strip() for title in cells[0]]
    while len(titles) > 1 and not titles[-1]:
        titles.pop()
    body = [
        _fitted(path, row, len(titles), line)
        for row, line in zip(cells[1:], numbers[1:], strict=True)
    ]
    table = Table(path, tuple(titles), body, numbers[1:], remarks, separator)
    if any(_decimal_commas(table, at) for at in range(len(titles))):
        remarks = (*remarks, "numbers are written with decimal commas")
    return Table(path, tuple(titles), body, numbers[1:], remarks, separator)


def _indexed(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether a program wrote the numbers of the rows before them.

    That column has no title, and what it stands before names the rows: text, or numbers
    that are titled as names or times are. Else the numbers could be the names.
    """
    title, *titles = (cell.strip() for cell in rows[0])
    if title not in _NO_TITLE or not titles or any(len(row) < 2 for row in rows):
        return False
    first, names = ([row[k].strip() for row in rows[1:]] for k in (0, 1))
    numberings = [[str(k + start) for k in range(len(first))] for start in (0, 1)]
    if first not in numberings or len(set(names)) < len(names):
        return False
    words = set(re.split(r"[\W_]+", heading(titles[0])[0].casefold()))
    return not all(map(_is_number, names)) or bool(words & _OF_NAMES)


_NO_TITLE = ("", "Unnamed: 0")
"""Titles of what pandas and R write before the rows."""

_OF_NAMES = frozenset({
    "id", "ids", "date", "day", "time", "datetime", "basin", "gauge", "gage", "staid",
})  # fmt: skip
"""Words in titles of columns that name rows."""


def _decimal_commas(table: Table, at: int) -> bool:
    """Return whether a column is one of numbers with decimal commas."""
    if not table.commas(at):
        return False
    try:
        table.numbers(at)
    except DataError:
        return False
    return True


def _fitted(path: Path, row: list[str], width: int, line: int) -> list[str]:
    """Return a row of the header's length; spreadsheets end rows with empty cells."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    if len(row) != width:
        raise DataError(f"{path}: row {line} has {len(row)} cells, the header {width}")
    return row


_GZIP = b"\x1f\x8b"
"""What files begin with that gzip compressed."""


def is_table(path: Path, endings: Sequence[str] = ENDINGS) -> bool:
    """Return whether a file is called as tables are, compressed or not."""
    return Path(_packed.sub("", path.name)).suffix.lower() in endings


def stem_of(path: Path) -> str:
    """Return what a table is called, without endings: the place that it is of."""
    return Path(_packed.sub("", path.name)).stem


_packed = re.compile(r"\.gz$", re.IGNORECASE)


def text_of(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the text of a file, whatever program encoded or compressed it."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{path}: cannot be read: {reason}") from None
    if data.startswith(_GZIP):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path}: cannot be unpacked by gzip: {error}") from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return data.decode("utf-16"), ("text is UTF-16",)
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: not UTF-16 text: {error}") from None
    kind = foreign(path, data)
    if kind:
        raise DataError(f"{path}: not a table of text: it is {kind}")
    if b"\0" in data:
        raise DataError(f"{path}: not text: found a zero byte at {data.index(0)}")
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        at = error.start
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode("cp1252")
    except UnicodeDecodeError:
        raise DataError(f"{path}: not text: byte {at} is no UTF-8") from None
    return text, ("text is not UTF-8, read as Windows-1252",)


def _separator(lines: Sequence[str]) -> str:
    """Return what parts the cells: what gives header and rows the same number."""
    some = lines[:_SAMPLE]
    if not some:
        return ","
    best, most = ",", (0.0, 0)
    for mark in _BETWEEN:
        try:
            counts = [len(row) for row in csv.reader(some, delimiter=mark) if row]
        except csv.Error:
            continue
        if not counts or counts[0] < 2:
            continue
        share = Counter(counts)[counts[0]] / len(counts)
        if (share, counts[0]) > most:
            best, most = mark, (share, counts[0])
    return best


def heading(title: str) -> tuple[str, str]:
    """Return name and units of a column titled ``name``, ``name[units]`` or so.

    Parameters
    ----------
    title : str
        Units may stand in square brackets or in parentheses.

    Returns
    -------
    name, units : str
        Units are empty where none are given.
    """
    match = _HEADING.fullmatch(title)
    assert match is not None  # every text matches
    return match[1], (match[2] or match[3] or "").strip()
