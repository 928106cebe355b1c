"""Programs as C functions that loop over the lanes of a chunk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from ..errors import ScanError
from ..program import Arg, Program
from ..program.ops import OPS

__all__ = ["Write", "function", "slot", "writes_of"]


def _literal(value: float, suffix: str) -> str:
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
            return _literal(arg, self.suffix)
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
    target: str
    operator: str = "="


def writes_of(
    names: Sequence[str], array: str, prefix: str = "", operator: str = "="
) -> list[Write]:
    """Return the writes of outputs, in this order, to the slots of an array."""
    return [
        Write(prefix + name, slot(array, k), operator) for k, name in enumerate(names)
    ]


def function(
    signature: str,
    program: Program,
    suffix: str,
    reads: dict[str, str],
    writes: Sequence[Write],
    abreast: int = 1,
) -> str:
    """Return a C function that loops the program over lanes.

    ``reads`` gives the C expression of each input, and ``writes`` what becomes of the
    outputs. Chunks that go ``abreast`` take turns at every statement: while one waits
    for a result the others go on.
    """
    chosen = _used(program, [w.output for w in writes])
    turns = [_lines(chosen, suffix, reads, writes, k) for k in range(abreast)]
    others = range(1, abreast if turns[0] else 1)
    lanes = [f"const int i{k} = i + {k} * LANES;" for k in others]
    lines = [*lanes, *chain.from_iterable(zip(*turns, strict=True))]
    body = "\n        ".join(lines)
    return (
        f"static inline void {signature}\n{{\n"
        "#pragma omp simd\n    for (int i = 0; i < LANES; i++) {\n"
        f"        {body}\n    }}\n}}\n"
    )


def _lines(
    program: Program,
    suffix: str,
    reads: dict[str, str],
    writes: Sequence[Write],
    chunk: int,
) -> list[str]:
    """Return the statements for the lanes of one of the chunks that go abreast."""
    mark = f"_{chunk}" if chunk else ""
    lane = f"i{chunk or ''}"
    printer = _Printer(program, suffix, mark)
    lines = [
        f"const real {v}{mark} = {reads[n].format(lane=lane)};"
        for n, v in program.inputs.items()
    ]
    lines += printer.body()
    lines += [
        f"{w.target.format(lane=lane)} {w.operator} "
        f"{printer.arg(program.outputs[w.output])};"
        for w in writes
    ]
    return lines


def slot(array: str, index: int) -> str:
    """Return the lane of a variable in an array, a format with the name of the lane."""
    return f"{array}[{index} * ROW + {{lane}}]"


def _used(program: Program, outputs: Sequence[str]) -> Program:
    """Return the selected program with unused inputs left out."""
    chosen = program.select(outputs)
    text = {a for i in chosen.instructions for a in i.args if isinstance(a, str)}
    text |= {v for v in chosen.outputs.values() if isinstance(v, str)}
    inputs = {n: v for n, v in chosen.inputs.items() if v in text}
    return Program(inputs, chosen.instructions, chosen.outputs)
