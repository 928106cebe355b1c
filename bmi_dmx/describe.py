"""Declarations and registries as text for people, from the objects themselves."""

from __future__ import annotations

import inspect
import json
import platform
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from . import __version__
from .compose.part import Declarations
from .conversion import plain
from .process import NoOptions, Process
from .variables import Variable

__all__ = [
    "Description",
    "declaration_table",
    "declarations",
    "described",
    "documentation",
    "filled",
    "indented",
    "listing",
    "text",
    "versions",
]

_ROLE = re.compile(r":\w+:`~?\.?([\w.]+)`")  # cross-references of docstrings
_GROUPS = ("forcings", "states", "parameters", "fluxes")


@dataclass(frozen=True, kw_only=True)
class Description:
    """What is told of something that configurations can name.

    Parameters
    ----------
    about : str
        What it is.
    options : str
        What it lets choose, of a process, and by default.
    variables : Declarations, optional
        What it declares, of a process.
    """

    about: str
    options: str = ""
    variables: Declarations | None = None


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Return the versions of this package, of Python, and of libraries.

    Parameters
    ----------
    libraries : iterable of str
        Names of distributions. None is imported; one that is not there, as PyTorch
        where models are only run, is ``not installed``.
    """
    entries = {name: _version(name) for name in libraries}
    return {"bmi_dmx": __version__, "python": platform.python_version(), **entries}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def described(item: Any) -> Description:
    """Return what a registered object says about itself."""
    if not (inspect.isclass(item) and issubclass(item, Process)):
        return Description(about=documentation(item))
    process, options = item(), item.Options
    return Description(
        about=documentation(process) or documentation(item),
        options="" if options is NoOptions else _choices(options),
        variables=Declarations.of(process),
    )


def _choices(options: type) -> str:
    """Return what options are for, and each with its default, as YAML has it."""
    defaults = (
        filled(f"{name}: {json.dumps(value)}", subsequent_indent="  ")
        for name, value in plain(options()).items()
    )
    return "\n".join((documentation(options), "", "Defaults", "--------", *defaults))


def text(entry: Description) -> str:
    """Return all that is told of an entry."""
    parts = [entry.about]
    if entry.variables is not None:
        parts.append(declarations(entry.variables))
    if entry.options:
        parts.append(f"options: {entry.options}")
    return "\n\n".join(parts)


def listing(entries: Mapping[str, Description]) -> str:
    """Return names, each with one line of description."""
    width = max(map(len, entries), default=0) + 2
    lines = (
        f"{name:<{width}}{entry.about.partition(chr(10))[0]}"
        for name, entry in entries.items()
    )
    return "\n".join(filled(line, 78, subsequent_indent=" " * width) for line in lines)


def documentation(item: Any) -> str:
    """Return what an object says about itself."""
    about = getattr(item, "about", "")
    # Of a class it may be what only its objects have to say.
    text = about if isinstance(about, str) else ""
    if not text and (inspect.isroutine(item) or inspect.isclass(item)):
        text = inspect.getdoc(item) or ""
    return _ROLE.sub(r"\1", text).replace("\\*", "*")


def filled(text: str, width: int = 80, **indents: Any) -> str:
    """Return text in lines of some width, names left whole."""
    return textwrap.fill(
        text, width, break_long_words=False, break_on_hyphens=False, **indents
    )


def indented(text: str) -> str:
    """Return text with each line moved in by two spaces."""
    return textwrap.indent(text, "  ")


def declarations(declared: Process | Declarations) -> str:
    """Return what a process declares for a terminal, by kind, in lines of 80.

    Parameters
    ----------
    declared : Process or Declarations
        A process, or what was kept of one.
    """
    parts = []
    for group in _GROUPS:
        rows = [_declaration(variable) for variable in getattr(declared, group)]
        if rows:
            parts.append(group)
        for _, symbol, name, units, bounds, meaning in rows:
            details = ", ".join(filter(None, (symbol, units, bounds)))
            line = f"{name} ({details}): {meaning}"
            parts.append(indented(filled(line, 78, subsequent_indent="    ")))
    return "\n".join(parts)


def declaration_table(declared: Process | Declarations) -> str:
    """Return what a process declares as a Markdown table, as for documentation.

    Parameters
    ----------
    declared : Process or Declarations
        A process, or what was kept of one.

    Returns
    -------
    str
        A heading, a rule, and one line per forcing, state, parameter and flux: kind,
        symbol, name, units, bounds and meaning. A variable of size > 1 shows its size
        after its name, a parameter its default after its meaning.
    """
    heading = ("kind", "symbol", "name", "units", "bounds", "meaning")
    rows: list[tuple[str, ...]] = [heading]
    for group in _GROUPS:
        rows += [_declaration(variable) for variable in getattr(declared, group)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = (
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(f"| {line} |" for line in lines)


def _declaration(variable: Variable) -> tuple[str, ...]:
    size = getattr(variable, "size", 1)
    default = getattr(variable, "default", None)
    bounds = variable.bounds
    return (
        variable.kind,
        variable.symbol,
        variable.name if size == 1 else f"{variable.name} [{size}]",
        variable.units,
        "" if bounds is None else f"{bounds[0]:g} to {bounds[1]:g}",
        variable.about if default is None else f"{variable.about}; default {default:g}",
    )
