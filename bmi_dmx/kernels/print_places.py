"""Print programs of arrays as C: blocks of places through networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import ScanError
from ..program import Arg, Instruction, Program
from ..program.ops import OPS
from .print_c import prelude, text_of
from .slots import Memory, Shape, Slot, fixed_and_shapes, merged, names_in
from .statements import literal

__all__ = ["ALONE", "TOGETHER", "PrintedProgram", "printed"]

Array = np.ndarray[Any, np.dtype[Any]]

ALONE, TOGETHER = 1, 16
"""Places that are worked on at once."""

_PANEL = {ALONE: 32, TOGETHER: 8}
"""Columns of a matrix that stand together."""

_MORE = {"trunc": "TRUNC({0})"}
"""C of operations that no step of a process has."""


@dataclass(frozen=True)
class PrintedProgram:
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
) -> PrintedProgram:
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
    constants, shapes = fixed_and_shapes(program, fixed, widths)
    printer = _Printer(program, constants, shapes, together)
    for k, (name, width) in enumerate(widths.items()):
        printer.read(k, name, (None, *width))
    for instruction in program.instructions:
        if instruction.out not in constants:
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
    return PrintedProgram("\n".join(text), tuple(widths), outputs, tuple(memory.tables))


@dataclass
class _Group:
    """Elementwise operations on values of one shape, in one loop."""

    shape: Shape
    text: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    operands: list[Slot] = field(default_factory=list)

    def operand(self, slot: Slot) -> str:
        """Return the C of an entry of a value that is read."""
        if slot not in self.operands:
            self.operands.append(slot)
        name = f"a{self.operands.index(slot)}"
        return f"({name} != 0)" if slot.mask else name


class _Printer:
    """Puts together what is done with a block of places."""

    def __init__(
        self,
        program: Program,
        constants: Mapping[str, Array],
        shapes: Mapping[str, Shape],
        together: int,
    ) -> None:
        self._program, self._known, self._shapes = program, constants, shapes
        self._together = together
        self._uses = _uses(program)
        self.memory = Memory(together)
        self._held: dict[str, Slot] = {}
        self._group: _Group | None = None

    # What is read and written

    def read(self, k: int, name: str, shape: Shape) -> None:
        """Read the ``k``-th input of a block."""
        slot = self.memory.new(shape)
        self._held[self._program.inputs[name]] = slot
        line = f"load({slot.base}, &call->input[{k}], {slot.size}, p);"
        self.memory.piece(line, slot.base)

    def write(self, k: int, value: Arg) -> int:
        """Write the ``k``-th output of a block; return how many entries it has."""
        slot = self._operand(value)
        shape = (None, *slot.shape) if slot.fixed else slot.shape
        if slot.fixed or not slot.whole:
            slot = self._copied(slot, shape)
        line = f"store(&call->output[{k}], {self._start(slot)}, {slot.size}, p);"
        self.memory.piece(line, slot.base)
        return slot.size

    def _start(self, slot: Slot) -> str:
        return f"{slot.base} + {slot.offset * self._together}"

    # Values

    def _operand(self, arg: Arg) -> Slot:
        """Return where a value is in memory."""
        if not isinstance(arg, str):
            return Slot.new(self.memory.table(("number", arg), np.array(arg)), ())
        if arg in self._known:
            array = self._known[arg]
            table = self.memory.table(arg, array)
            return Slot.new(table, array.shape, array.dtype == np.bool_)
        if arg not in self._held:
            self._close()
        return self._held[arg]

    def _copied(self, slot: Slot, shape: Shape) -> Slot:
        output = self.memory.new(shape, slot.mask)
        self._copy(slot, output)
        return output

    def _copy(self, source: Slot, target: Slot) -> None:
        strides = [source.within(target.shape), target.strides]
        line = f"{self._at(target, 1)} = {self._at(source, 0)};"
        self._loops(target.shape, strides, [line], source, target)

    def _whole(self, arg: Arg) -> Slot:
        """Return where a value is whose entries stand side by side."""
        slot = self._operand(arg)
        return slot if slot.whole else self._copied(slot, slot.shape)

    # Loops

    def _at(self, slot: Slot, k: int) -> str:
        """Return the C of an entry, ``ok`` numbers behind the first."""
        if slot.fixed or self._together == 1:
            return f"{slot.base}[{slot.offset} + o{k}]"
        return f"{slot.base}[({slot.offset} + o{k}) * TOGETHER + i]"

    def _loops(
        self,
        shape: Shape,
        strides: Sequence[tuple[int, ...]],
        lines: Iterable[str],
        *slots: Slot,
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
        self.memory.piece(f"{{\n{body}\n}}", *(slot.base for slot in slots))

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
        slots = {a: self._operand(a) for a in args if self._in_memory(a)}
        if self._group is None:
            self._group = _Group(shape)
        group = self._group
        texts = [self._text(group, a, slots) for a in args]
        text = (OPS[op].c or _MORE[op]).format(*texts)
        if not OPS[op].boolean:
            group.lines.append(f"const real {instruction.out} = {text};")
            text = instruction.out
        group.text[instruction.out] = text

    def _in_memory(self, arg: Arg) -> bool:
        group = self._group
        return isinstance(arg, str) and (group is None or arg not in group.text)

    @staticmethod
    def _text(group: _Group, arg: Arg, slots: Mapping[str, Slot]) -> str:
        if not isinstance(arg, str):
            return literal(arg, "")
        return group.text[arg] if arg in group.text else group.operand(slots[arg])

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
        strides = [slot.within(group.shape) for slot in values]
        lines = [
            f"const real a{k} = {self._at(slot, k)};"
            for k, slot in enumerate(group.operands)
        ]
        lines += group.lines
        for k, (name, slot) in enumerate(targets.items(), len(group.operands)):
            lines.append(f"{self._at(slot, k)} = {group.text[name]};")
        self._held |= targets
        self._loops(group.shape, strides, lines, *values)

    # Operations on shapes: the shape of the result, and the arguments of the operation

    def _transpose(self, _: Shape, x: Arg, axes: list[int]) -> Slot:
        return self._operand(x).transposed(axes)

    def _expand_dims(self, shape: Shape, x: Arg, _: Any) -> Slot:
        return self._operand(x).with_ones(shape)

    def _squeeze(self, shape: Shape, x: Arg, _: Any) -> Slot:
        return self._operand(x).with_ones(shape)

    def _expand(self, shape: Shape, x: Arg, _: Any) -> Slot:
        slot = self._operand(x)
        return replace(slot, shape=shape, strides=slot.within(shape))

    def _reshape(self, shape: Shape, x: Arg, _: Any) -> Slot:
        return self._whole(x).reshaped(shape)

    def _slice(
        self, shape: Shape, x: Arg, axis: int, start: int, _: int, step: int = 1
    ) -> Slot:
        return self._operand(x).sliced(axis, start, step, shape)

    def _cat(self, shape: Shape, parts: list[Arg], axis: int) -> Slot:
        output = self.memory.new(shape)
        first = 0
        for part in parts:
            slot = self._operand(part)
            size = slot.shape[axis]
            if size is None:
                raise ScanError("places are added to others")
            some = (*shape[: axis % len(shape)], size, *shape[axis % len(shape) + 1 :])
            self._copy(slot, output.sliced(axis, first, 1, some))
            first += size
        return output

    def _roll(self, shape: Shape, x: Arg, shifts: list[int], axes: list[int]) -> Slot:
        slot = self._operand(x)
        for shift, axis in zip(shifts, axes, strict=True):
            size, at = shape[axis], axis % len(shape)
            if size is None:
                raise ScanError("places change their order")
            output, first = self.memory.new(shape), shift % size
            for start, to, count in (
                (0, first, size - first),
                (size - first, 0, first),
            ):
                if count:
                    some = (*shape[:at], count, *shape[at + 1 :])
                    part = slot.sliced(at, start, 1, some)
                    self._copy(part, output.sliced(at, to, 1, some))
            slot = output
        return slot

    def _take(self, shape: Shape, x: Arg, axis: int, index: int | list[int]) -> Slot:
        slot = self._operand(x)
        if isinstance(index, int):
            return slot.entry(axis, index).with_ones(shape)
        output = self.memory.new(shape)
        for k, source in enumerate(index):
            self._copy(slot.entry(axis, source), output.entry(axis, k))
        return output

    def _sum(self, shape: Shape, x: Arg, axes: list[int], _: int) -> Slot:
        return self._reduced(shape, x, axes, "0", "{0} + {1}")

    def _amax(self, shape: Shape, x: Arg, axes: list[int], _: int) -> Slot:
        return self._reduced(shape, x, axes, "-INFINITY", "MAXIMUM({1}, {0})")

    def _mean(self, shape: Shape, x: Arg, axes: list[int], _: int) -> Slot:
        output = self._reduced(shape, x, axes, "0", "{0} + {1}")
        count = self._operand(x).size // output.size
        line = f"{self._at(output, 0)} /= {literal(count, '')};"
        self._loops(shape, [output.strides], [line], output)
        return output

    def _reduced(
        self, shape: Shape, x: Arg, axes: list[int], first: str, step: str
    ) -> Slot:
        """Return the entries along some axes made one, in order."""
        slot, output = self._operand(x), self.memory.new(shape)
        among = {axis % len(slot.shape) for axis in axes or range(len(slot.shape))}
        if any(slot.shape[axis] is None for axis in among):
            raise ScanError("all places are made one")
        if len(shape) == len(slot.shape):
            strides = output.within(slot.shape)
        else:
            steps = iter(output.strides)
            strides = tuple(
                0 if axis in among else next(steps) for axis in range(len(slot.shape))
            )
        start = f"{self._at(output, 0)} = {first};"
        self._loops(shape, [output.strides], [start], output)
        target, entry = self._at(output, 0), self._at(slot, 1)
        line = f"{target} = {step.format(target, entry)};"
        both = [strides, slot.strides]
        self._loops(slot.shape, both, [line], output, slot, sums=True)
        return output

    def _rows(self, shape: Shape, table: Arg, index: Arg) -> Slot:
        rows, at, output = (
            self._operand(table),
            self._operand(index),
            self.memory.new(shape),
        )
        if not rows.fixed or len(rows.shape) != 2:
            raise ScanError("rows are taken out of a table that is not fixed")
        number, width = rows.shape
        strides = [(*at.strides, 0), (*(0,) * len(at.strides), 1), output.strides]
        row = f"row_of({self._at(at, 0)}, {number})"
        line = f"{self._at(output, 2)} = {rows.base}[{row} * {width} + o1];"
        self._loops(shape, strides, [line], at, output)
        return output

    def _matmul(self, shape: Shape, x: Arg, y: Arg) -> Slot:
        if isinstance(x, str) and x in self._known:
            raise ScanError("a fixed matrix stands before what differs between places")
        if isinstance(y, str) and y in self._known and self._known[y].ndim == 2:
            return self._multiplied(shape, x, y)
        a, b, output = self._operand(x), self._operand(y), self.memory.new(shape)
        if len(a.shape) != 3 or len(b.shape) != 3:
            raise ScanError("matrices are multiplied that have no axis of places alone")
        (_, rows, inner), columns = a.shape, b.shape[2]
        first = f"{self._at(output, 0)} = 0;"
        self._loops(shape, [output.strides], [first], output)
        strides = [
            (0, a.strides[1], a.strides[2], 0),
            (0, 0, b.strides[1], b.strides[2]),
            (0, output.strides[1], 0, output.strides[2]),
        ]
        line = f"{self._at(output, 2)} += {self._at(a, 0)} * {self._at(b, 1)};"
        self._loops(
            (None, rows, inner, columns), strides, [line], a, b, output,
            sums=columns == 1,
        )  # fmt: skip
        return output

    def _multiplied(self, shape: Shape, x: Arg, matrix: str) -> Slot:
        """Return a product with a matrix that is the same at all places."""
        slot, panel = self._whole(x), _PANEL[self._together]
        inner, columns = self._known[matrix].shape
        panels = -(-columns // panel)
        full = np.zeros((inner, panels * panel))
        full[:, :columns] = self._known[matrix]
        packed = full.reshape(inner, panels, panel).swapaxes(0, 1)
        table = self.memory.table(("panels", matrix), packed)
        output = self.memory.new(shape, more=panels * panel - columns)
        for row in range(slot.size // inner):
            at = self._start(replace(slot, offset=slot.offset + row * inner))
            to = self._start(replace(output, offset=row * columns))
            line = f"multiply({at}, {table}, {to}, {inner}, {panels});"
            self.memory.piece(line, slot.base, output.base)
        return output


def _uses(program: Program) -> dict[str, set[str]]:
    """Return which values each is used for; ``""`` stands for the outputs."""
    uses: dict[str, set[str]] = {}
    for instruction in program.instructions:
        for name in names_in(instruction.args):
            uses.setdefault(name, set()).add(instruction.out)
    for name in names_in(program.outputs.values()):
        uses.setdefault(name, set()).add("")
    return uses
