"""Processes to put before a bundle, traced and shipped with the package."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from ..bundle.manifest import Part
from ..conversion import convert
from ..models import registries
from ..program import Program

__all__ = ["EVAPORATIONS", "FILE", "hourly_form", "shipped"]

FILE = Path(__file__).with_name("processes.json")

EVAPORATIONS = (*registries.EVAPORATIONS, "given")
"""Where potential evaporation may come from, whatever a bundle was trained with."""


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


@cache
def shipped(name: str) -> tuple[Part, Program]:
    """Return the variables and the traced step of a process.

    Parameters
    ----------
    name : str
        One of :data:`EVAPORATIONS` but ``given``, one of these with ``_hourly`` (see
        :func:`hourly_form`), or ``daily_extremes``.
    """
    entry = _content()[name]
    part = convert(entry["part"], Part, f"{FILE.name}: {name}")
    return part, Program.from_json(entry["program"], f"{FILE.name}: {name}")


def hourly_form(name: str) -> str | None:
    """Return the name of an evaporation's form for hours, where it has one."""
    form = f"{name}_hourly"
    return form if form in _content() else None
