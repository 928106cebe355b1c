"""Programs as statements of C, and as functions that loop over the lanes of a chunk."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

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
    """Prints the statements of one program, for the lanes of one chunk."""

    def __init__(self, program: Program, suffix: str, mark: str) -> None:
        self.program = program
        self.suffix = suffix
        self.mark = mark
        self._text: dict[str, str] = {}

    def arg(self, arg: Arg) -> str:
        """Return an argument as C."""
        if isinstance(arg, str):
            return self._text.get(arg, f"{arg}{self.mark}")
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
                lines.append(f"const real {instruction.out}{self.mark} = {text};")
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
    *,
    abreast: int = 1,
    loops: Sequence[str] = (),
    operands: Sequence[Arg] = (),
) -> str:
    """Return a C function that loops the program over lanes.

    ``reads`` gives the C expression of each input, and ``writes`` what becomes of the
    outputs. Chunks that go ``abreast`` take turns at every statement: while one waits
    for a result the others go on. Of one lane alone, ``loops`` over entries may come
    before outputs are written, which read the values ``operands``.
    """
    turns = [
        statements(
            program, suffix, reads, writes, chunk=k, loops=loops, operands=operands
        )
        for k in range(abreast)
    ]
    others = range(1, abreast if turns[0] else 1)
    lanes = [f"const int i{k} = i + {k} * LANES;" for k in others]
    body = "\n        ".join([*lanes, *chain.from_iterable(zip(*turns, strict=True))])
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
    *,
    chunk: int = 0,
    loops: Sequence[str] = (),
    operands: Sequence[Arg] = (),
    place: Callable[[str, int], str] | None = None,
) -> list[str]:
    """Return the statements for the lanes of one of the chunks that go abreast.

    As for :func:`function`; ``place`` says where in an array a variable is written,
    :func:`slot` unless said.
    """
    at = place or slot
    mark, lane = f"_{chunk}" if chunk else "", f"i{chunk or ''}"
    loop_outputs = {f"{k} of loops": value for k, value in enumerate(operands)}
    whole = Program(
        program.inputs, program.instructions, {**program.outputs, **loop_outputs}
    )  # fmt: skip
    subprogram = _used(whole, [*(w.output for w in writes), *loop_outputs])
    printer = _Printer(subprogram, suffix, mark)
    lines = [
        f"const real {v}{mark} = {reads[n].format(lane=lane)};"
        for n, v in subprogram.inputs.items()
    ]
    lines += printer.body()
    lines += [f"#pragma omp simd\n        {loop}" for loop in loops]
    lines += [
        f"{at(w.array, w.index).format(lane=lane)} {w.operator} "
        f"{printer.arg(subprogram.outputs[w.output])};"
        for w in writes
    ]
    return lines


def slot(array: str, index: int) -> str:
    """Return the lane of a variable in an array, a format with the name of the lane."""
    return f"{array}[{index} * ROW + {{lane}}]"


def _used(program: Program, outputs: Sequence[str]) -> Program:
    """Return the selected program with unused inputs left out."""
    subprogram = program.select(outputs)
    text = {a for i in subprogram.instructions for a in i.args if isinstance(a, str)}
    text |= {v for v in subprogram.outputs.values() if isinstance(v, str)}
    inputs = {n: v for n, v in subprogram.inputs.items() if v in text}
    return Program(inputs, subprogram.instructions, subprogram.outputs)
