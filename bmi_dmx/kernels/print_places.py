"""Print programs of arrays as C: blocks of places through networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import ScanError
from ..program import Arg, Instruction, Program
from ..program.ops import OPS
from .held import Held, Memory, Shape, fixed_and_shapes, merged, names_in
from .print_c import prelude, text_of
from .statements import literal

__all__ = ["ALONE", "TOGETHER", "Printed", "printed"]

Array = np.ndarray[Any, np.dtype[Any]]

ALONE, TOGETHER = 1, 16
"""Places that are worked on at once."""

_PANEL = {ALONE: 32, TOGETHER: 8}
"""Columns of a matrix that stand together."""

_MORE = {"trunc": "TRUNC({0})"}
"""C of operations that no step of a process has."""


@dataclass(frozen=True)
class Printed:
    """A program as C, and what it reads that is the same at all places.

    Parameters
    ----------
    source : str
        C text; it depends on the sizes of what is fixed, not on its numbers.
    inputs : tuple of str
        In the order in which their arrays are given.
    outputs : mapping of str to int
        In this order as well, with the number of entries for a place.
    fixed : tuple of ndarray
        In the order in which they are given.
    """

    source: str
    inputs: tuple[str, ...]
    outputs: Mapping[str, int]
    fixed: tuple[Array, ...]


def printed(
    program: Program,
    fixed: Mapping[str, Array],
    widths: Mapping[str, tuple[int, ...]],
    together: int,
) -> Printed:
    """Return a program as C.

    Parameters
    ----------
    program : Program
        From arrays whose first axis is that of places to others.
    fixed : mapping of str to ndarray
        Inputs that are the same at all places.
    widths : mapping of str to tuple of int
        The other inputs: their shape behind the axis of places.
    together : int
        Places that are worked on at once, :data:`ALONE` or :data:`TOGETHER`.

    Raises
    ------
    ScanError
        Naming the operation that has no C form.
    """
    known, shapes = fixed_and_shapes(program, fixed, widths)
    printer = _Printer(program, known, shapes, together)
    for k, (name, width) in enumerate(widths.items()):
        printer.read(k, name, (None, *width))
    for instruction in program.instructions:
        if instruction.out not in known:
            printer.add(instruction)
    outputs = {
        name: printer.write(k, value)
        for k, (name, value) in enumerate(program.outputs.items())
    }
    memory = printer.memory
    numbers = {
        "TOGETHER": together, "PANEL": _PANEL[together], "INPUTS": len(widths),
        "OUTPUTS": len(outputs), "FIXED": len(memory.tables), "MEMORY": memory.total,
    }  # fmt: skip
    text = (
        prelude(double=True, lanes=TOGETHER),
        *(f"#define {name} {n}" for name, n in numbers.items()),
        text_of("places.c"), memory.text(), text_of("places_loop.c"),
    )  # fmt: skip
    return Printed("\n".join(text), tuple(widths), outputs, tuple(memory.tables))


@dataclass
class _Group:
    """Elementwise operations on values of one shape, in one loop."""

    shape: Shape
    text: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    operands: list[Held] = field(default_factory=list)

    def operand(self, held: Held) -> str:
        """Return the C of an entry of a value that is read."""
        if held not in self.operands:
            self.operands.append(held)
        name = f"a{self.operands.index(held)}"
        return f"({name} != 0)" if held.mask else name


class _Printer:
    """Puts together what is done with a block of places."""

    def __init__(
        self,
        program: Program,
        known: Mapping[str, Array],
        shapes: Mapping[str, Shape],
        together: int,
    ) -> None:
        self._program, self._known, self._shapes = program, known, shapes
        self._together = together
        self._uses = _uses(program)
        self.memory = Memory(together)
        self._held: dict[str, Held] = {}
        self._group: _Group | None = None

    # What is read and written

    def read(self, k: int, name: str, shape: Shape) -> None:
        """Read the ``k``-th input of a block."""
        held = self.memory.new(shape)
        self._held[self._program.inputs[name]] = held
        line = f"load({held.base}, &call->input[{k}], {held.size}, p);"
        self.memory.piece(line, held.base)

    def write(self, k: int, value: Arg) -> int:
        """Write the ``k``-th output of a block; return how many entries it has."""
        held = self._operand(value)
        shape = (None, *held.shape) if held.fixed else held.shape
        if held.fixed or not held.whole:
            held = self._copied(held, shape)
        line = f"store(&call->output[{k}], {self._start(held)}, {held.size}, p);"
        self.memory.piece(line, held.base)
        return held.size

    def _start(self, held: Held) -> str:
        return f"{held.base} + {held.offset * self._together}"

    # Values

    def _operand(self, arg: Arg) -> Held:
        """Return where a value is in memory."""
        if not isinstance(arg, str):
            return Held.new(self.memory.table(("number", arg), np.array(arg)), ())
        if arg in self._known:
            array = self._known[arg]
            table = self.memory.table(arg, array)
            return Held.new(table, array.shape, array.dtype == np.bool_)
        if arg not in self._held:
            self._close()
        return self._held[arg]

    def _copied(self, held: Held, shape: Shape) -> Held:
        made = self.memory.new(shape, held.mask)
        self._copy(held, made)
        return made

    def _copy(self, source: Held, target: Held) -> None:
        strides = [source.within(target.shape), target.strides]
        line = f"{self._at(target, 1)} = {self._at(source, 0)};"
        self._loops(target.shape, strides, [line], source, target)

    def _whole(self, arg: Arg) -> Held:
        """Return where a value is whose entries stand side by side."""
        held = self._operand(arg)
        return held if held.whole else self._copied(held, held.shape)

    # Loops

    def _at(self, held: Held, k: int) -> str:
        """Return the C of an entry, ``ok`` numbers behind the first."""
        if held.fixed or self._together == 1:
            return f"{held.base}[{held.offset} + o{k}]"
        return f"{held.base}[({held.offset} + o{k}) * TOGETHER + i]"

    def _loops(
        self,
        shape: Shape,
        strides: Sequence[tuple[int, ...]],
        lines: Iterable[str],
        *used: Held,
        sums: bool = False,
    ) -> None:
        """Do something for all entries of a shape.

        In the lines ``ok`` is how many numbers behind its first entry that of the
        ``k``-th of the strides stands. ``sums`` tells that entries are not independent.
        """
        loops = merged(shape, strides)
        offsets = []
        for k in range(len(strides)):
            terms = [
                f"{step[k]} * e{d}" for d, (_, step) in enumerate(loops) if step[k]
            ]
            offsets.append(f"const int o{k} = {' + '.join(terms) or '0'};")
        simd = "#pragma omp simd\n"
        body = "\n".join((*offsets, *lines))
        if self._together > 1:
            body = f"{simd}for (int i = 0; i < TOGETHER; i++) {{\n{body}\n}}"
        for d, (n, _) in reversed([*enumerate(loops)]):
            vectors = self._together == 1 and d == len(loops) - 1 and not sums
            loop = f"for (int e{d} = 0; e{d} < {n}; e{d}++)"
            body = f"{simd if vectors else ''}{loop} {{\n{body}\n}}"
        self.memory.piece(f"{{\n{body}\n}}", *(held.base for held in used))

    def add(self, instruction: Instruction) -> None:
        """Add an operation."""
        op = instruction.op
        if OPS[op].c is not None or op in _MORE:
            self._elementwise(instruction)
            return
        handler = getattr(self, f"_{op}", None)
        if handler is None:
            raise ScanError(f"operation {op!r} has no C form for places")
        shape = self._shapes[instruction.out]
        self._held[instruction.out] = handler(shape, *instruction.args)

    def _elementwise(self, instruction: Instruction) -> None:
        op, shape = instruction.op, self._shapes[instruction.out]
        if self._group is not None and self._group.shape != shape:
            self._close()
        args = list(instruction.args)
        if op in ("maximum", "minimum"):
            args.sort(key=lambda arg: isinstance(arg, str))
        held = {a: self._operand(a) for a in args if self._in_memory(a)}
        if self._group is None:
            self._group = _Group(shape)
        group = self._group
        texts = [self._text(group, a, held) for a in args]
        text = (OPS[op].c or _MORE[op]).format(*texts)
        if not OPS[op].boolean:
            group.lines.append(f"const real {instruction.out} = {text};")
            text = instruction.out
        group.text[instruction.out] = text

    def _in_memory(self, arg: Arg) -> bool:
        group = self._group
        return isinstance(arg, str) and (group is None or arg not in group.text)

    @staticmethod
    def _text(group: _Group, arg: Arg, held: Mapping[str, Held]) -> str:
        if not isinstance(arg, str):
            return literal(arg, "")
        return group.text[arg] if arg in group.text else group.operand(held[arg])

    def _close(self) -> None:
        """End the loop that is open, and keep what is used outside of it."""
        group, self._group = self._group, None
        if group is None:
            return
        targets = {}
        for name, text in group.text.items():
            if self._uses.get(name, set()) - group.text.keys():
                mask = text != name
                targets[name] = self.memory.new(group.shape, mask)
        values = [*group.operands, *targets.values()]
        strides = [held.within(group.shape) for held in values]
        lines = [
            f"const real a{k} = {self._at(held, k)};"
            for k, held in enumerate(group.operands)
        ]
        lines += group.lines
        for k, (name, held) in enumerate(targets.items(), len(group.operands)):
            lines.append(f"{self._at(held, k)} = {group.text[name]};")
        self._held |= targets
        self._loops(group.shape, strides, lines, *values)

    # Operations on shapes: the shape of the result, and the arguments of the operation

    def _transpose(self, _: Shape, x: Arg, axes: list[int]) -> Held:
        return self._operand(x).transposed(axes)

    def _expand_dims(self, shape: Shape, x: Arg, _: Any) -> Held:
        return self._operand(x).with_ones(shape)

    def _squeeze(self, shape: Shape, x: Arg, _: Any) -> Held:
        return self._operand(x).with_ones(shape)

    def _expand(self, shape: Shape, x: Arg, _: Any) -> Held:
        held = self._operand(x)
        return replace(held, shape=shape, strides=held.within(shape))

    def _reshape(self, shape: Shape, x: Arg, _: Any) -> Held:
        return self._whole(x).reshaped(shape)

    def _slice(
        self, shape: Shape, x: Arg, axis: int, start: int, _: int, step: int = 1
    ) -> Held:
        return self._operand(x).sliced(axis, start, step, shape)

    def _cat(self, shape: Shape, parts: list[Arg], axis: int) -> Held:
        made = self.memory.new(shape)
        first = 0
        for part in parts:
            held = self._operand(part)
            size = held.shape[axis]
            if size is None:
                raise ScanError("places are added to others")
            some = (*shape[: axis % len(shape)], size, *shape[axis % len(shape) + 1 :])
            self._copy(held, made.sliced(axis, first, 1, some))
            first += size
        return made

    def _roll(self, shape: Shape, x: Arg, shifts: list[int], axes: list[int]) -> Held:
        held = self._operand(x)
        for shift, axis in zip(shifts, axes, strict=True):
            size, at = shape[axis], axis % len(shape)
            if size is None:
                raise ScanError("places change their order")
            made, first = self.memory.new(shape), shift % size
            for start, to, count in (
                (0, first, size - first),
                (size - first, 0, first),
            ):
                if count:
                    some = (*shape[:at], count, *shape[at + 1 :])
                    part = held.sliced(at, start, 1, some)
                    self._copy(part, made.sliced(at, to, 1, some))
            held = made
        return held

    def _take(self, shape: Shape, x: Arg, axis: int, index: int | list[int]) -> Held:
        held = self._operand(x)
        if isinstance(index, int):
            return held.taken(axis, index).with_ones(shape)
        made = self.memory.new(shape)
        for k, wanted in enumerate(index):
            self._copy(held.taken(axis, wanted), made.taken(axis, k))
        return made

    def _sum(self, shape: Shape, x: Arg, axes: list[int], _: int) -> Held:
        return self._reduced(shape, x, axes, "0", "{0} + {1}")

    def _amax(self, shape: Shape, x: Arg, axes: list[int], _: int) -> Held:
        return self._reduced(shape, x, axes, "-INFINITY", "MAXIMUM({1}, {0})")

    def _mean(self, shape: Shape, x: Arg, axes: list[int], _: int) -> Held:
        found = self._reduced(shape, x, axes, "0", "{0} + {1}")
        count = self._operand(x).size // found.size
        line = f"{self._at(found, 0)} /= {literal(count, '')};"
        self._loops(shape, [found.strides], [line], found)
        return found

    def _reduced(
        self, shape: Shape, x: Arg, axes: list[int], first: str, step: str
    ) -> Held:
        """Return the entries along some axes made one, in order."""
        held, made = self._operand(x), self.memory.new(shape)
        among = {axis % len(held.shape) for axis in axes or range(len(held.shape))}
        if any(held.shape[axis] is None for axis in among):
            raise ScanError("all places are made one")
        if len(shape) == len(held.shape):
            strides = made.within(held.shape)
        else:
            kept = iter(made.strides)
            strides = tuple(
                0 if axis in among else next(kept) for axis in range(len(held.shape))
            )
        start = f"{self._at(made, 0)} = {first};"
        self._loops(shape, [made.strides], [start], made)
        target, entry = self._at(made, 0), self._at(held, 1)
        line = f"{target} = {step.format(target, entry)};"
        self._loops(
            held.shape, [strides, held.strides], [line], made, held, sums=True
        )  # fmt: skip
        return made

    def _rows(self, shape: Shape, table: Arg, index: Arg) -> Held:
        rows, at, made = (
            self._operand(table),
            self._operand(index),
            self.memory.new(shape),
        )
        if not rows.fixed or len(rows.shape) != 2:
            raise ScanError("rows are taken out of a table that is not fixed")
        number, width = rows.shape
        strides = [(*at.strides, 0), (*(0,) * len(at.strides), 1), made.strides]
        row = f"row_of({self._at(at, 0)}, {number})"
        line = f"{self._at(made, 2)} = {rows.base}[{row} * {width} + o1];"
        self._loops(shape, strides, [line], at, made)
        return made

    def _matmul(self, shape: Shape, x: Arg, y: Arg) -> Held:
        if isinstance(x, str) and x in self._known:
            raise ScanError("a fixed matrix stands before what differs between places")
        if isinstance(y, str) and y in self._known and self._known[y].ndim == 2:
            return self._multiplied(shape, x, y)
        a, b, made = self._operand(x), self._operand(y), self.memory.new(shape)
        if len(a.shape) != 3 or len(b.shape) != 3:
            raise ScanError("matrices are multiplied that have no axis of places alone")
        (_, rows, inner), columns = a.shape, b.shape[2]
        first = f"{self._at(made, 0)} = 0;"
        self._loops(shape, [made.strides], [first], made)
        strides = [
            (0, a.strides[1], a.strides[2], 0),
            (0, 0, b.strides[1], b.strides[2]),
            (0, made.strides[1], 0, made.strides[2]),
        ]
        line = f"{self._at(made, 2)} += {self._at(a, 0)} * {self._at(b, 1)};"
        self._loops(
            (None, rows, inner, columns), strides, [line], a, b, made, sums=columns == 1
        )
        return made

    def _multiplied(self, shape: Shape, x: Arg, matrix: str) -> Held:
        """Return a product with a matrix that is the same at all places."""
        held, panel = self._whole(x), _PANEL[self._together]
        inner, columns = self._known[matrix].shape
        panels = -(-columns // panel)
        full = np.zeros((inner, panels * panel))
        full[:, :columns] = self._known[matrix]
        packed = full.reshape(inner, panels, panel).swapaxes(0, 1)
        table = self.memory.table(("panels", matrix), packed)
        made = self.memory.new(shape, more=panels * panel - columns)
        for row in range(held.size // inner):
            at = self._start(replace(held, offset=held.offset + row * inner))
            to = self._start(replace(made, offset=row * columns))
            line = f"multiply({at}, {table}, {to}, {inner}, {panels});"
            self.memory.piece(line, held.base, made.base)
        return made


def _uses(program: Program) -> dict[str, set[str]]:
    """Return which values each is used for; ``""`` stands for the outputs."""
    uses: dict[str, set[str]] = {}
    for instruction in program.instructions:
        for name in names_in(instruction.args):
            uses.setdefault(name, set()).add(instruction.out)
    for name in names_in(program.outputs.values()):
        uses.setdefault(name, set()).add("")
    return uses
