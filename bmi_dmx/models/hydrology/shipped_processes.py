"""Processes to put before or behind a bundle, traced and shipped with the package."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...compose.part import Declarations, Part, step_key
from ...conversion import convert
from ...program import Program

__all__ = ["FILE", "NAMES", "STEPS", "ShippedProcess", "shipped"]

FILE = Path(__file__).with_name("programs.json")

NAMES = (
    "oudin", "hargreaves", "priestley_taylor", "penman_monteith",
    "depth_to_volume", "direct_outlet",
)  # fmt: skip
"""Registered processes that are shipped traced."""

STEPS = (86400.0, 3600.0)
"""Lengths of the steps they are traced for, in seconds."""


@dataclass(frozen=True)
class ShippedProcess:
    """A process without its Python code.

    Parameters
    ----------
    timed : bool
        Whether its program depends on the step.
    variables : dict of str to Declarations
        By step.
    programs : dict of str to Program
        By step.
    """

    timed: bool
    variables: dict[str, Declarations]
    programs: dict[str, Program]

    def part(self, name: str, seconds: float) -> Part:
        """Return it as a part of a model that was trained at steps of a length."""
        usual = self.variables[step_key(seconds)]
        others = {
            key: declared
            for key, declared in self.variables.items()
            if declared != usual
        }
        return Part(
            name=name, kind="process", timed=self.timed, variables=usual, at=others
        )

    def named(self, name: str) -> dict[str, Program]:
        """Return its programs by the names they have in a bundle."""
        if not self.timed:
            return {name: next(iter(self.programs.values()))}
        return {f"{name}@{key}": program for key, program in self.programs.items()}


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


@cache
def shipped(name: str) -> ShippedProcess:
    """Return a process of :data:`NAMES`, or ``daily_extremes`` for steps of an hour."""
    entry = _content()[name]
    steps = {
        key: (
            convert(at["variables"], Declarations, f"{FILE.name}: {name}"),
            Program.from_json(at["program"], f"{FILE.name}: {name}"),
        )
        for key, at in entry["steps"].items()
    }
    return ShippedProcess(
        entry["timed"],
        {key: declared for key, (declared, _) in steps.items()},
        {key: program for key, (_, program) in steps.items()},
    )
