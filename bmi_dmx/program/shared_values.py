"""What a step and its adjoint both compute, kept by the one for the other."""

from __future__ import annotations

from typing import Any, NamedTuple

from .ops import OPS
from .program import Arg, Program

__all__ = ["SharedStep", "shared_functions"]

_CHEAP = (
    "add", "sub", "mul", "neg", "abs", "maximum", "minimum", "where",
)  # fmt: skip
"""Sooner done again than kept."""


class SharedStep(NamedTuple):
    """A step that gives more, and an adjoint that computes less.

    Parameters
    ----------
    step : Program
        What is kept is among its outputs.
    adjoint : Program
        What is kept is among its inputs, by the same names.
    tape : tuple of str
        Those names.
    """

    step: Program
    adjoint: Program
    tape: tuple[str, ...]


def shared_functions(step: Program, adjoint: Program) -> SharedStep:
    """Return both with functions and divisions of the step computed by it alone.

    Parameters
    ----------
    step, adjoint : Program
        Elementwise arithmetic on inputs of the same names.
    """
    numbers: dict[Any, int] = {}
    by_number = {number: value for value, number in _numbered(step, numbers).items()}
    matches: dict[str, str] = {}
    for value, number in _numbered(adjoint, numbers).items():
        if number in by_number:
            matches.setdefault(by_number[number], value)
    costly = {
        i.out for i in step.instructions
        if i.op not in _CHEAP and not OPS[i.op].boolean
    }  # fmt: skip
    matches = {value: again for value, again in matches.items() if value in costly}
    names = {f"kept.{k}": value for k, value in enumerate(matches)}
    again = set(matches.values())
    without = Program(
        {**adjoint.inputs, **{name: matches[value] for name, value in names.items()}},
        tuple(i for i in adjoint.instructions if i.out not in again),
        adjoint.outputs,
    )
    inputs = without.read_for(adjoint.outputs)
    tape = {name: value for name, value in names.items() if name in inputs}
    outputs: dict[str, Arg] = {**step.outputs, **tape}
    return SharedStep(
        Program(step.inputs, step.instructions, outputs),
        without.select(adjoint.outputs),
        tuple(tape),
    )


def _numbered(program: Program, numbers: dict[Any, int]) -> dict[str, int]:
    """Return a number for every value; values made in the same way have the same.

    ``numbers`` are those given so far, which is added to.
    """
    by_value = {
        value: numbers.setdefault(("input", name), len(numbers))
        for name, value in program.inputs.items()
    }
    for i in program.instructions:
        args = tuple(
            by_value[a] if isinstance(a, str) else ("number", a) for a in i.args
        )
        by_value[i.out] = numbers.setdefault((i.op, args), len(numbers))
    return by_value
