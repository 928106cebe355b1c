"""Divide once where several numbers are divided by the same one."""

from __future__ import annotations

from collections import Counter

from .program import Instruction, Program

__all__ = ["shared_divisions"]


def shared_divisions(program: Program) -> Program:
    """Return a program that multiplies by the inverse where a divisor is used again.

    Its results differ in the last place. Adjoints are full of such divisions, for the
    derivative of a quotient has two more by the same number.

    Parameters
    ----------
    program : Program
        Elementwise arithmetic.
    """
    by = Counter(i.args[1] for i in program.instructions if _divides(i))
    inverse = {value: f"{value}_inverse" for value, n in by.items() if n > 1}
    instructions: list[Instruction] = []
    names: set[str] = set()
    for instruction in program.instructions:
        divisor = instruction.args[1] if _divides(instruction) else None
        if divisor not in inverse:
            instructions.append(instruction)
            continue
        name = inverse[divisor]
        if name not in names:
            names.add(name)
            instructions.append(Instruction(name, "div", (1.0, divisor)))
        product = (instruction.args[0], name)
        instructions.append(Instruction(instruction.out, "mul", product))
    return Program(program.inputs, tuple(instructions), program.outputs)


def _divides(instruction: Instruction) -> bool:
    """Return whether something is divided by a number that is computed."""
    return instruction.op == "div" and isinstance(instruction.args[1], str)
