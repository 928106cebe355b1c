"""Checks of programs: that they are some, and ask for no more than they may.

A program that comes from a file may be anything. What costs its reader time or memory
is counted before it is run, printed or compiled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import BundleError
from .ops import OPS

if TYPE_CHECKING:
    from .program import Instruction, Program

__all__ = ["MOST_INSTRUCTIONS", "MOST_NAMES", "MOST_TERMS", "refuse_unfit"]

MOST_INSTRUCTIONS = 1 << 13
"""Most instructions of a program; compilers take seconds for as many."""

MOST_NAMES = 1 << 13
"""Most inputs, and most outputs, of a program."""

MOST_TERMS = 1 << 16
"""Most operations on masks that C text repeats: each mask is printed where it is used,
with all that it is made of."""

MOST_NUMBERS = 1 << 20
"""Most numbers that an instruction may make of nothing."""

_LOGIC = ("and", "or")


def refuse_unfit(program: Program, source: str, *, bounded: bool = True) -> None:
    """Refuse what is no program, or a larger one than anybody runs.

    Parameters
    ----------
    program : Program
        As it was read: its parts are of any type.
    source : str
        What messages begin with.
    bounded : bool
        Whether its size is looked at.

    Raises
    ------
    BundleError
        Naming the operation, value or bound.
    """
    counts = {
        "instructions": (len(program.instructions), MOST_INSTRUCTIONS),
        "inputs": (len(program.inputs), MOST_NAMES),
        "outputs": (len(program.outputs), MOST_NAMES),
    }
    for what, (count, most) in counts.items():
        if bounded and count > most:
            raise BundleError(f"{source}: {count} {what}, expected at most {most}")
    check = _Check(source, MOST_TERMS if bounded else math.inf)
    for value in program.inputs.values():
        check.define(value)
    for instruction in program.instructions:
        check.operation(instruction)
    for value in program.outputs.values():
        if isinstance(value, (list, tuple)):
            raise BundleError(f"{source}: {value!r:.60} is not an output")
        check.use(value)


class _Check:
    """What is known of the values of a program so far."""

    def __init__(self, source: str, most: float) -> None:
        self._source, self._most = source, most
        self._known: set[str] = set()
        self._terms: dict[str, int] = {}
        self._printed = 0

    def define(self, value: Any) -> None:
        """Take in the name of a new value."""
        # As a regular expression would, but this is asked of every instruction.
        if not (isinstance(value, str) and value[:1] == "v" and _digits(value[1:])):
            raise BundleError(f"{self._source}: {value!r:.60} is not a value name")
        if value in self._known:
            raise BundleError(f"{self._source}: value {value} is assigned twice")
        self._known.add(value)

    def use(self, arg: Any) -> None:
        """Refuse what is neither a value that there is nor a finite number."""
        if isinstance(arg, str):
            if arg not in self._known:
                raise BundleError(
                    f"{self._source}: value {arg!r:.60} is used before assignment"
                )
        elif not isinstance(arg, (int, float)) or not _finite(arg):
            raise BundleError(f"{self._source}: {_short(arg)} is not an argument")

    def operation(self, instruction: Instruction) -> None:
        """Verify one instruction, and count what it adds to C text."""
        op, args = instruction.op, instruction.args
        if not isinstance(op, str) or op not in OPS:
            raise BundleError(f"{self._source}: unknown operation {op!r:.60}")
        least, most = OPS[op].arguments
        if not least <= len(args) <= most:
            raise BundleError(
                f"{self._source}: {op!r} with {len(args)} arguments, expected {most}"
            )
        terms = 1
        shaped = OPS[op].c is None
        for arg in args:
            # Lists are of values or whole numbers, and of operations on shapes alone.
            for one in arg if shaped and isinstance(arg, list) else (arg,):
                self.use(one)
            if isinstance(arg, str):
                terms += self._terms.get(arg, 0)
            if op in _LOGIC and not self._mask(arg):
                raise BundleError(f"{self._source}: {op!r} of {_short(arg)}, no mask")
        if op == "arange":
            self._range(args)
        self.define(instruction.out)
        if OPS[op].boolean:
            self._terms[instruction.out] = terms
        self._printed += terms - 1
        if max(terms, self._printed) > self._most:
            raise BundleError(
                f"{self._source}: masks within masks make more than {self._most} "
                f"operations by {instruction.out}, expected fewer"
            )

    def _range(self, args: Sequence[Any]) -> None:
        if any(isinstance(arg, str) for arg in args):
            return  # its size is seen when it is tried
        start, stop, step = args
        if not step or abs((stop - start) / step) > MOST_NUMBERS:
            raise BundleError(
                f"{self._source}: 'arange' of too many numbers: {list(args)}"
            )

    def _mask(self, arg: Any) -> bool:
        return isinstance(arg, bool) or (
            arg in self._terms if isinstance(arg, str) else arg in (0, 1)
        )


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _finite(number: int | float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number beyond what fractions can be
        return False


def _short(arg: Any) -> str:
    if isinstance(arg, int) and not _finite(arg):
        return f"a number of {arg.bit_length()} bits"
    return f"{arg!r:.60}"
