"""What a check finds: a problem, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "a_few", "a_warning", "an_error"]

_ENOUGH = 5
"""Findings of one kind that are told one by one."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Parameters
    ----------
    level : {"error", "warning"}
        Whether the run would fail or give wrong numbers, or is only odd.
    problem, cure : str
        What is wrong, and how to mend it.
    """

    level: Literal["error", "warning"]
    problem: str
    cure: str

    def __str__(self) -> str:
        """Return the finding on two lines."""
        return f"{self.level}: {self.problem}\n  -> {self.cure}"


def an_error(problem: object, cure: str) -> Finding:
    """Return what would make a run fail, or give wrong numbers."""
    return Finding("error", str(problem), cure)


def a_warning(problem: object, cure: str) -> Finding:
    """Return what is only odd."""
    return Finding("warning", str(problem), cure)


def a_few(findings: Sequence[Finding], what: str) -> Iterator[Finding]:
    """Yield the first of many findings of one kind, and say how many more there are."""
    yield from findings[:_ENOUGH]
    if len(findings) > _ENOUGH:
        rest = f"{len(findings) - _ENOUGH} more {what}"
        yield an_error(rest, "likely for the same reason")
