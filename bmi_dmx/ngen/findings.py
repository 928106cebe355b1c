"""What a check finds: a problem, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "a_few", "a_warning", "an_error", "fatal"]

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


def fatal(findings: Iterable[Finding]) -> bool:
    """Return whether there is an error among findings."""
    return any(finding.level == "error" for finding in findings)


def a_few(findings: Sequence[Finding], what: str) -> Iterator[Finding]:
    """Yield the first of many findings of one kind, and say how many more there are."""
    yield from findings[:_ENOUGH]
    rest = findings[_ENOUGH:]
    if rest:
        level: Literal["error", "warning"] = "error" if fatal(rest) else "warning"
        yield Finding(level, f"{len(rest)} more {what}", "likely for the same reason")
