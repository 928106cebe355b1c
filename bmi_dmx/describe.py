"""Declarations and registries as text for people, from the objects themselves."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any

from .process import Process
from .registry import Registry
from .variables import Variable

__all__ = [
    "declarations",
    "documentation",
    "indented",
    "listing",
    "variables",
    "versions",
]

_LIBRARIES = ("torch", "numpy", "bmipy", "PyYAML", "netCDF4", "safetensors")

# Groups of variables, and what the number they may start from is called.
_GROUPS = {"forcings": "", "states": "initial", "parameters": "default", "fluxes": ""}


def versions() -> str:
    """Return the versions of the libraries underneath, without importing them."""
    return ", ".join(f"{library} {version(library)}" for library in _LIBRARIES)


def declarations(kind: type[Process]) -> str:
    """Return everything a process declares as one table per kind of variable."""
    process = kind()
    parts = [process.about]
    for group, start in _GROUPS.items():
        rows = [_row(variable) for variable in getattr(process, group)]
        if rows:
            heading = ("name", "symbol", "units", "bounds", start, "about")
            table = _columns(rows, heading)
            parts.append(f"{group}\n{indented(table)}")
    return "\n\n".join(part for part in parts if part)


def variables(registry: Registry[type[Process]]) -> str:
    """Return the processes in a registry, each with the names of its variables."""
    parts = []
    for name in registry:
        process = registry[name]()
        parts.append(f"{name}: {process.about}")
        for group in _GROUPS:
            found = ", ".join(variable.name for variable in getattr(process, group))
            if found:
                line = f"{group + ':':<12}{found}"
                parts.append(
                    indented(textwrap.fill(line, 84, subsequent_indent=" " * 12))
                )
    return "\n".join(parts)


def listing(registry: Registry[Any]) -> str:
    """Return the names in a registry, each with one line of description."""
    return _columns(
        (name, documentation(registry[name]).partition("\n")[0]) for name in registry
    )


def _row(variable: Variable) -> tuple[str, ...]:
    bounds = variable.bounds
    start = getattr(variable, "initial", getattr(variable, "default", None))
    size = getattr(variable, "size", 1)
    return (
        variable.name if size == 1 else f"{variable.name}[{size}]",
        variable.symbol,
        variable.units,
        "" if bounds is None else f"{bounds[0]:g} … {bounds[1]:g}",
        "" if start is None else f"{start:g}",
        variable.about,
    )


def documentation(item: Any) -> str:
    """Return what an object says about itself."""
    text = getattr(item, "about", "")
    if not text and (inspect.isroutine(item) or inspect.isclass(item)):
        text = inspect.getdoc(item) or ""
    return str(text)


def _columns(rows: Iterable[Sequence[str]], heading: Sequence[str] = ()) -> str:
    """Return rows of text with aligned columns; those without content are left out."""
    columns = [
        (*heading[index : index + 1], *column)
        for index, column in enumerate(zip(*rows, strict=True))
        if any(column)
    ]
    widths = [max(map(len, column)) for column in columns]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in zip(*columns, strict=True)
    )
    return "\n".join(line.rstrip() for line in lines)


def indented(text: str) -> str:
    """Return text with each line moved in by two spaces."""
    return textwrap.indent(text, "  ")
