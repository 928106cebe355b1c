"""Aligned plain-text tables for terminals and log files."""

from __future__ import annotations

import math
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TextIO

from .errors import DataError

__all__ = ["TERMINAL", "Column", "print_table", "render"]

TERMINAL = 80
"""Characters of a line, where nobody says how many there are."""

_GAP = "  "
"""Between columns."""

_LEAST = 10
"""Characters of a text that is cut for want of space."""

BAR_CELLS, NUMBER_CELLS = 10, 6
"""Characters of a full bar, and of the number before it."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    header : str
        Head, with units.
    values : sequence
        One cell per row. Numbers are aligned right, anything else left; None and NaN
        become a dash.
    format : str
        Format specification of the numbers, such as ``".2f"``.
    summary : object
        Cell of the last row, below a rule.
    width : int or None
        Longer texts are cut with an ellipsis: at the end, or in the middle where two
        that differ would look alike.
    bar : (float, float) or None
        If given, a bar over this range is drawn beside each number.
    """

    header: str
    values: Sequence[Any]
    format: str = ""
    summary: Any = None
    width: int | None = None
    bar: tuple[float, float] | None = None

    @property
    def numeric(self) -> bool:
        """Whether the column holds numbers."""
        return all(_is_number(value) for value in self.values)


def _is_number(value: Any) -> bool:
    return value is None or (hasattr(value, "__float__") and not isinstance(value, str))


@dataclass(frozen=True)
class _Marks:
    """Characters that a table is drawn with."""

    rule: str
    nothing: str
    ellipsis: str
    bar: str
    partial: str


_UNICODE = _Marks("─", "–", "…", "█", "▏▎▍▌▋▊▉")
_ASCII = _Marks("-", "-", "~", "#", "")


def render(
    columns: Sequence[Column],
    *,
    title: str = "",
    encoding: str = "utf-8",
    width: int = TERMINAL,
) -> str:
    """Return a table as text.

    Where it is too wide, its longest texts are cut; where that is not enough, columns
    that find no place are put below, each time after the first column.

    Parameters
    ----------
    columns : sequence of Column
        All of the same length. If any has a summary, a last row shows it.
    title : str
        Headline.
    encoding : str
        What the text must survive: where it lacks lines and blocks, ASCII is used;
        other characters it lacks become the nearest plain one, else question marks.
    width : int
        Most characters of a line.

    Returns
    -------
    str
        Lines without trailing blanks, ended by a newline.

    Raises
    ------
    DataError
        If the columns have different lengths.
    """
    lengths = {column.header: len(column.values) for column in columns}
    if len(set(lengths.values())) > 1:
        raise DataError(f"columns of a table differ in length: {lengths}")
    marks = _marks(encoding)
    blocks = _narrowed(columns, marks, width)
    if all(column.summary is None for column in columns):
        blocks = [block[:-2] for block in blocks]
    lines: list[str] = []
    for row in title.splitlines():
        lines += textwrap.wrap(row, width)
    for group in _side_by_side(blocks, width):
        lines += [""] if lines else []
        lines += [_GAP.join(cells).rstrip() for cells in zip(*group, strict=True)]
    text = "".join(f"{line}\n" for line in lines)
    return "".join(_plain(character, encoding) for character in text)


def _width(blocks: Sequence[Sequence[str]]) -> int:
    return sum(len(block[0]) for block in blocks) + len(_GAP) * (len(blocks) - 1)


def _narrowed(columns: Sequence[Column], marks: _Marks, width: int) -> list[list[str]]:
    """Return the cells of columns, the widest texts cut where that makes them fit."""
    most = width // 2
    columns = [
        column
        if column.numeric
        else replace(column, width=min(column.width or most, most))
        for column in columns
    ]
    whole = blocks = [_block(column, marks) for column in columns]
    while _width(blocks) > width:
        wide = {
            at: len(blocks[at][0])
            for at, column in enumerate(columns)
            if not column.numeric
            and len(blocks[at][0]) > max(_LEAST, len(column.header))
        }
        if not wide:
            return whole
        widest = max(wide, key=lambda at: wide[at])
        columns[widest] = replace(columns[widest], width=wide[widest] - 1)
        blocks = [
            *blocks[:widest],
            _block(columns[widest], marks),
            *blocks[widest + 1 :],
        ]
    return blocks


def _side_by_side(blocks: list[list[str]], width: int) -> list[list[list[str]]]:
    """Return groups of columns that fit, each after the first column."""
    groups = [blocks[:1]]
    for block in blocks[1:]:
        if len(groups[-1]) > 1 and _width([*groups[-1], block]) > width:
            groups.append(blocks[:1])
        groups[-1] = [*groups[-1], block]
    return groups


def _plain(character: str, encoding: str) -> str:
    """Return the character, or the nearest the encoding has: km² as km2, é as e."""
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        parts = unicodedata.normalize("NFKD", character)
        return parts.encode("ascii", "ignore").decode("ascii") or "?"
    return character


def _marks(encoding: str) -> _Marks:
    try:
        "".join(vars(_UNICODE).values()).encode(encoding)
    except UnicodeEncodeError:
        return _ASCII
    return _UNICODE


def _block(column: Column, marks: _Marks) -> list[str]:
    """Cells of a column from top to bottom, all of one width."""
    body = [_cell(column, value, marks) for value in column.values]
    last = "" if column.summary is None else _cell(column, column.summary, marks)
    if column.width is not None and not column.numeric:
        body = _cut(body, column.width, marks.ellipsis)
        last, *_ = _cut([last], column.width, marks.ellipsis)
    head = column.header
    if column.bar is not None:
        head = f"{head:>{NUMBER_CELLS}}"
    width = max(map(len, [head, *body, last]))
    rule = marks.rule * width
    side = ">" if column.numeric and column.bar is None else "<"
    cells = (head, rule, *body, rule, last)
    return [f"{cell:{side}{width}}" for cell in cells]


def _cell(column: Column, value: Any, marks: _Marks) -> str:
    if value is None or (_is_number(value) and math.isnan(value)):
        return (
            marks.nothing if column.bar is None else f"{marks.nothing:>{NUMBER_CELLS}}"
        )
    if not _is_number(value):
        return str(value)
    text = format(value, column.format)
    return (
        text
        if column.bar is None
        else f"{text:>{NUMBER_CELLS}} {_bar(value, column.bar, marks)}"
    )


def _cut(texts: list[str], width: int, ellipsis: str) -> list[str]:
    """Cut texts that are too long; those that differ still differ where they can."""

    def cut(text: str, end: int) -> str:
        if len(text) <= width:
            return text
        return text[: width - 1 - end] + ellipsis + text[len(text) - end :]

    at_the_end = {text: cut(text, 0) for text in texts}
    if len(set(at_the_end.values())) == len(at_the_end):
        return [at_the_end[text] for text in texts]
    return [cut(text, width // 2) for text in texts]


def _bar(value: float, limits: tuple[float, float], marks: _Marks) -> str:
    share = (value - limits[0]) / (limits[1] - limits[0])
    steps = len(marks.partial) + 1
    full, rest = divmod(round(min(max(share, 0.0), 1.0) * BAR_CELLS * steps), steps)
    return marks.bar * full + (marks.partial[rest - 1] if rest else "")


def print_table(
    columns: Sequence[Column], *, title: str = "", stream: TextIO | None = None
) -> None:
    """Write a table to a stream, in characters that the stream can show.

    Parameters
    ----------
    columns, title
        As for :func:`render`.
    stream : text stream, optional
        Standard output by default.
    """
    target = sys.stdout if stream is None else stream
    encoding = getattr(target, "encoding", None) or "utf-8"
    # Who reads a file later may have another terminal.
    shown = shutil.get_terminal_size().columns if target.isatty() else TERMINAL
    target.write(render(columns, title=title, encoding=encoding, width=shown))
