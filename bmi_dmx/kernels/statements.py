"""Programs as statements of C, and as functions that loop over the lanes of a chunk."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import ScanError
from ..program import Arg, Program
from ..program.ops import OPS

__all__ = ["Write", "function", "literal", "slot", "statements", "writes_of"]


def literal(value: float, suffix: str) -> str:
    """Return a number as C, of the type that a suffix says."""
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "(-INFINITY)"
    return f"{float(value)!r}{suffix}"


class _Printer:
    """Prints the statements of one program."""

    def __init__(self, program: Program, suffix: str) -> None:
        self.program = program
        self.suffix = suffix
        self._text: dict[str, str] = {}

    def arg(self, arg: Arg) -> str:
        """Return an argument as C."""
        if isinstance(arg, str):
            return self._text.get(arg, arg)
        if isinstance(arg, (int, float)):
            return literal(arg, self.suffix)
        raise ScanError(f"argument {arg!r} has no C form")

    def body(self) -> list[str]:
        """Return one line per value that needs a variable."""
        lines = []
        for instruction in self.program.instructions:
            op = OPS[instruction.op]
            if op.c is None:
                raise ScanError(f"operation {instruction.op!r} is not elementwise")
            args = list(instruction.args)
            if instruction.op in ("maximum", "minimum"):
                args.sort(key=lambda arg: isinstance(arg, str))
            text = op.c.format(*map(self.arg, args))
            if op.boolean:
                self._text[instruction.out] = text
            else:
                lines.append(f"const real {instruction.out} = {text};")
        return lines


@dataclass(frozen=True)
class Write:
    """An output of a program, where it goes, and whether it is added there."""

    output: str
    array: str
    index: int
    operator: str = "="


def writes_of(
    names: Sequence[str], array: str, prefix: str = "", operator: str = "="
) -> list[Write]:
    """Return the writes of outputs, in this order, to the slots of an array."""
    return [Write(prefix + name, array, k, operator) for k, name in enumerate(names)]


def function(
    signature: str,
    program: Program,
    suffix: str,
    reads: dict[str, str],
    writes: Sequence[Write],
    loops: Sequence[str] = (),
    needed: Sequence[Arg] = (),
) -> str:
    """Return a C function that loops the program over lanes.

    ``reads`` gives the C expression of each input, and ``writes`` what becomes of the
    outputs. Of one lane, ``loops`` over entries may come before they are written, which
    read the values ``needed``.
    """
    body = "\n        ".join(statements(program, suffix, reads, writes, loops, needed))
    if loops:
        # A loop over the lane would be in the way of those.
        return (
            f"static inline void {signature}\n{{\n    enum {{ i = 0 }};\n"
            f"        {body}\n}}\n"
        )
    return (
        f"static inline void {signature}\n{{\n"
        "#pragma omp simd\n    for (int i = 0; i < LANES; i++) {\n"
        f"        {body}\n    }}\n}}\n"
    )


def statements(
    program: Program,
    suffix: str,
    reads: dict[str, str],
    writes: Sequence[Write],
    loops: Sequence[str] = (),
    needed: Sequence[Arg] = (),
    place: Callable[[str, int], str] | None = None,
) -> list[str]:
    """Return the statements of one lane, as for :func:`function`.

    ``place`` says where in an array a variable is written, :func:`slot` unless said.
    """
    at = place or slot
    held = {f"{k} of loops": value for k, value in enumerate(needed)}
    whole = Program(
        program.inputs, program.instructions, {**program.outputs, **held}
    )  # fmt: skip
    chosen = _used(whole, [*(w.output for w in writes), *held])
    printer = _Printer(chosen, suffix)
    lines = [f"const real {v} = {reads[n]};" for n, v in chosen.inputs.items()]
    lines += printer.body()
    lines += [f"#pragma omp simd\n        {loop}" for loop in loops]
    lines += [
        f"{at(w.array, w.index)} {w.operator} {printer.arg(chosen.outputs[w.output])};"
        for w in writes
    ]
    return lines


def slot(array: str, index: int) -> str:
    """Return the lane of a variable in an array."""
    return f"{array}[{index} * LANES + i]"


def _used(program: Program, outputs: Sequence[str]) -> Program:
    """Return the selected program with unused inputs left out."""
    chosen = program.select(outputs)
    text = {a for i in chosen.instructions for a in i.args if isinstance(a, str)}
    text |= {v for v in chosen.outputs.values() if isinstance(v, str)}
    inputs = {n: v for n, v in chosen.inputs.items() if v in text}
    return Program(inputs, chosen.instructions, chosen.outputs)
