"""Declarations and registries as text for people, from the objects themselves."""

from __future__ import annotations

import inspect
import platform
import re
import textwrap
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from . import __version__
from .process import Process, declaration_table
from .registry import Registry

__all__ = [
    "declarations",
    "documentation",
    "indented",
    "listing",
    "variables",
    "versions",
]

_ROLE = re.compile(r":\w+:`~?\.?([\w.]+)`")  # cross-references of docstrings
_GROUPS = ("forcings", "states", "parameters", "fluxes")


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Return the versions of this package, of Python, and of libraries.

    Parameters
    ----------
    libraries : iterable of str
        Names of distributions. None is imported; one that is not there, as PyTorch
        where models are only run, is ``not installed``.
    """
    found = {name: _version(name) for name in libraries}
    return {"bmi_dmx": __version__, "python": platform.python_version(), **found}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def declarations(kind: type[Process]) -> str:
    """Return what a process is and everything it declares."""
    process = kind()
    return f"{process.about}\n\n{declaration_table(process)}"


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


def documentation(item: Any) -> str:
    """Return what an object says about itself."""
    about = getattr(item, "about", "")
    # Of a class it may be what only its objects have to say.
    text = about if isinstance(about, str) else ""
    if not text and (inspect.isroutine(item) or inspect.isclass(item)):
        text = inspect.getdoc(item) or ""
    return _ROLE.sub(r"\1", text)


def _columns(rows: Iterable[Sequence[str]]) -> str:
    """Return rows of text with aligned columns."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in table
    )
    return "\n".join(line.rstrip() for line in lines)


def indented(text: str) -> str:
    """Return text with each line moved in by two spaces."""
    return textwrap.indent(text, "  ")
