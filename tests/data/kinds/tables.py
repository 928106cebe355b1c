"""Tables of text as programs and people write them, and the ways they differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Change = Callable[["TextTable"], object]


@dataclass
class TextTable:
    """A column of keys, and others."""

    key: str
    keys: list[str]
    columns: dict[str, list[Any]]
    units: dict[str, str] = field(default_factory=dict)
    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"

    def write(self, path: Path) -> None:
        """Write the file."""
        titles = [
            f"{name}[{self.units[name]}]" if self.units.get(name) else name
            for name in self.columns
        ]
        rows = [[self.key, *titles]]
        for k, key in enumerate(self.keys):
            cells = [self._cell(values[k]) for values in self.columns.values()]
            rows.append([key, *cells])
        text = "".join(f"{self.separator.join(row)}\n" for row in rows)
        path.write_bytes(text.encode(self.encoding))

    def _cell(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        return f"{float(value):.9g}".replace(".", self.decimal)


def parted(separator: str, decimal: str = ".", encoding: str = "utf-8") -> Change:
    """Write with other marks."""

    def change(table: TextTable) -> None:
        table.separator, table.decimal, table.encoding = separator, decimal, encoding

    return change


def noted(table: TextTable) -> None:
    """Add a column of words that no old encoding of the West shares with UTF-8."""
    table.columns["note"] = ["Mühle"] * len(table.keys)
    table.encoding = "cp1252"


def in_units(name: str, text: str, factor: float = 1.0, more: float = 0.0) -> Change:
    """Write a column in other units; the text may be empty."""

    def change(table: TextTable) -> None:
        table.columns[name] = [x * factor + more for x in table.columns[name]]
        table.units[name] = text

    return change


def cell(name: str, value: Any, at: int = 1) -> Change:
    """Put something into a cell."""

    def change(table: TextTable) -> None:
        table.columns[name] = [*table.columns[name]]
        table.columns[name][at] = value

    return change


def copied(name: str, other: str) -> Change:
    """Give a column under a second name, with other numbers."""

    def change(table: TextTable) -> None:
        table.columns[other] = [x + x for x in table.columns[name]]
        table.units[other] = table.units.get(name, "")

    return change


def keyed(edit: Callable[[list[str]], list[str]]) -> Change:
    """Write the keys otherwise."""
    return lambda table: setattr(table, "keys", edit(list(table.keys)))


def repeated(keys: list[str]) -> list[str]:
    """Give the first key again at the end."""
    return [*keys[:-1], keys[0]]


def numbered(form: str) -> Callable[[list[str]], list[str]]:
    """Write keys by their numbers."""

    def edit(keys: list[str]) -> list[str]:
        return [
            form.format(name=k, number=int("".join(c for c in k if c.isdigit())))
            for k in keys
        ]

    return edit


def skipped(keys: list[str]) -> list[str]:
    """Leave out a time and go on after it: the last is one that was not there."""
    import numpy as np

    times = np.array([k.replace(" ", "T") for k in keys], dtype="datetime64[s]")
    times[3:] += times[1] - times[0]
    return [str(t).replace("T", " ")[: len(keys[0])] for t in times]
