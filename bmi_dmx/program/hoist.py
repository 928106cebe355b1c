"""Take out of a program what is the same at every step."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from .ops import OPS
from .program import Arg, Instruction, Program

__all__ = ["SplitProgram", "hoisted"]


class SplitProgram(NamedTuple):
    """A program in two.

    Parameters
    ----------
    once : Program
        From the inputs that do not change to what is made of them alone.
    step : Program
        The rest; what ``once`` gives is among its inputs, by the same names.
    """

    once: Program
    step: Program


def hoisted(program: Program, fixed: Collection[str], prefix: str) -> SplitProgram:
    """Return what a program makes of inputs that do not change apart from the rest.

    Parameters
    ----------
    program : Program
        Elementwise arithmetic.
    fixed : collection of str
        Names of the inputs that are the same at every step.
    prefix : str
        What the names of its results begin with.
    """
    constant = {value for name, value in program.inputs.items() if name in fixed}
    once: list[Instruction] = []
    rest: list[Instruction] = []
    masks = set()
    for instruction in program.instructions:
        operands = {a for a in instruction.args if isinstance(a, str)}
        if operands and operands <= constant:
            constant.add(instruction.out)
            once.append(instruction)
            if not OPS[instruction.op].boolean:
                continue
            # Masks are no numbers that can be kept.
            masks.add(instruction.out)
        rest.append(instruction)
    inputs = dict(program.inputs)
    step = Program(inputs, tuple(rest), program.outputs).select(program.outputs)
    live = {a for i in step.instructions for a in i.args if isinstance(a, str)}
    live |= {v for v in program.outputs.values() if isinstance(v, str)}
    values = [i.out for i in once if i.out in live - masks]
    outputs: dict[str, Arg] = {f"{prefix}{k}": value for k, value in enumerate(values)}
    return SplitProgram(
        Program(inputs, tuple(once), outputs).select(outputs),
        Program({**inputs, **outputs}, step.instructions, program.outputs),
    )
