"""Where the numbers of a value stand while a program runs for some places at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import ScanError
from ..program import Program, evaluate

__all__ = ["Memory", "Slot", "fixed_and_shapes", "merged", "names_in"]

Array = np.ndarray[Any, np.dtype[Any]]
Shape = tuple[int | None, ...]

_ALIGNED = 16
"""Every value begins at a multiple of so many numbers."""

_FEW, _MORE = 7, 11
"""Numbers of places to try a program with; axes that differ between them are theirs."""


@dataclass(frozen=True)
class Slot:
    """A value, or a view of one.

    Parameters
    ----------
    base : str
        C name of the memory.
    shape : tuple of (int or None)
        Sizes of the axes; None is the axis of places.
    strides : tuple of int
        Numbers from one entry to the next along each axis; 0 along places.
    offset : int
        Numbers before the first.
    mask : bool
        Whether it is a truth, held as 1 and 0.
    """

    base: str
    shape: Shape
    strides: tuple[int, ...]
    offset: int = 0
    mask: bool = False

    @classmethod
    def new(cls, base: str, shape: Shape, mask: bool = False) -> Slot:
        """Return a value whose entries stand side by side."""
        return cls(base, shape, contiguous(shape), 0, mask)

    @property
    def fixed(self) -> bool:
        """Whether it is the same at all places."""
        return None not in self.shape

    @property
    def size(self) -> int:
        """Numbers for each place."""
        return int(np.prod([n for n in self.shape if n is not None], dtype=int))

    @property
    def whole(self) -> bool:
        """Whether its entries stand side by side, in order."""
        expected = contiguous(self.shape)
        triples = zip(self.shape, self.strides, expected, strict=True)
        return all(n in (1, None) or a == b for n, a, b in triples)

    def within(self, shape: Shape) -> tuple[int, ...]:
        """Return the strides with which it repeats along the axes of a shape.

        Raises
        ------
        ScanError
            When its places are on another axis.
        """
        missing = len(shape) - len(self.shape)
        sizes = (*(1,) * missing, *self.shape)
        strides = (*(0,) * missing, *self.strides)
        if any(n is None and m is not None for n, m in zip(sizes, shape, strict=True)):
            raise ScanError("places are on different axes of the values")
        return tuple(0 if n == 1 else k for n, k in zip(sizes, strides, strict=True))

    def transposed(self, axes: Sequence[int]) -> Slot:
        """Return it with its axes in another order."""
        pairs = [(self.shape[k], self.strides[k]) for k in axes]
        return replace(
            self, shape=tuple(n for n, _ in pairs), strides=tuple(k for _, k in pairs)
        )

    def with_ones(self, shape: Shape) -> Slot:
        """Return it with other axes of one entry."""
        steps = (k for n, k in zip(self.shape, self.strides, strict=True) if n != 1)
        strides = tuple(0 if n == 1 else next(steps) for n in shape)
        return replace(self, shape=shape, strides=strides)

    def sliced(self, axis: int, start: int, step: int, shape: Shape) -> Slot:
        """Return some of its entries along an axis, which then has another size.

        Raises
        ------
        ScanError
            When it is the axis of places.
        """
        size = self.shape[axis]
        if size is None:
            raise ScanError("some of the places are taken out")
        first = slice(start, None, step).indices(size)[0]
        strides = list(self.strides)
        offset = self.offset + first * strides[axis]
        strides[axis] *= step
        return replace(self, shape=shape, strides=tuple(strides), offset=offset)

    def entry(self, axis: int, index: int) -> Slot:
        """Return one of its entries along an axis, which then has that entry alone.

        Raises
        ------
        ScanError
            When it is the axis of places.
        """
        at = axis % len(self.shape)
        return self.sliced(at, index, 1, (*self.shape[:at], 1, *self.shape[at + 1 :]))

    def reshaped(self, shape: Shape) -> Slot:
        """Return it with other axes; its entries must stand side by side.

        Raises
        ------
        ScanError
            When places are folded into another axis.
        """
        slot = replace(self, shape=shape, strides=contiguous(shape))
        if slot.size != self.size or slot.fixed != self.fixed:
            raise ScanError("places are folded into another axis")
        return slot


class Memory:
    """What a block of places is worked on in, and what is done with it in turn.

    Attributes
    ----------
    tables : list of ndarray
        Numbers that are the same at all places.
    """

    def __init__(self, together: int) -> None:
        self._together = together
        self.tables: list[Array] = []
        self._tabled: dict[Any, str] = {}
        self._sizes: dict[str, int] = {}
        self._pieces: list[tuple[str, set[str]]] = []

    def new(self, shape: Shape, mask: bool = False, more: int = 0) -> Slot:
        """Return a new value; ``more`` entries may be written behind it."""
        slot = Slot.new(f"m{len(self._sizes)}", shape, mask)
        numbers = (slot.size + more) * self._together
        self._sizes[slot.base] = -(-numbers // _ALIGNED) * _ALIGNED
        return slot

    def table(self, key: Any, array: Array) -> str:
        """Return the C name of numbers that are the same at all places."""
        if key not in self._tabled:
            self._tabled[key] = f"w{len(self.tables)}"
            self.tables.append(np.ascontiguousarray(array, dtype=np.float64))
        return self._tabled[key]

    def piece(self, text: str, *bases: str) -> None:
        """Do something next, with some of the memory."""
        self._pieces.append((text, self._sizes.keys() & set(bases)))

    @cached_property
    def _offsets(self) -> dict[str, int]:
        """Where each value stands; the memory of what is done with is used again."""
        last = {base: k for k, (_, bases) in enumerate(self._pieces) for base in bases}
        offsets: dict[str, int] = {}
        free: list[tuple[int, int]] = []
        total = 0
        for k, (_, bases) in enumerate(self._pieces):
            for base in sorted(bases - offsets.keys()):
                size = self._sizes[base]
                fit = next((piece for piece in free if piece[0] == size), None)
                if fit is not None:
                    free.remove(fit)
                offsets[base] = total if fit is None else fit[1]
                total += size if fit is None else 0
            free += [
                (self._sizes[b], offsets[b]) for b in sorted(bases) if last[b] == k
            ]
        return offsets

    @property
    def total(self) -> int:
        """Numbers that are worked on."""
        ends = (k + self._sizes[base] for base, k in self._offsets.items())
        return max(ends, default=_ALIGNED)

    def text(self) -> str:
        """Return the C function of all that is done with a block."""
        names = [
            f"real *const {base} = memory + {k};" for base, k in self._offsets.items()
        ]
        names += [
            f"const real *const w{k} = call->fixed[{k}];"
            for k in range(len(self.tables))
        ]
        lines = [*names, *(text for text, _ in self._pieces)]
        body = "\n".join(lines)
        return (
            "static void work(const Call *call, real *memory, const Places *p)\n"
            f"{{\n{body}\n}}"
        )


def contiguous(shape: Shape) -> tuple[int, ...]:
    """Return the strides of entries that stand side by side."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(0 if n is None else step)
        step *= 1 if n is None else n
    return tuple(reversed(strides))


def merged(
    shape: Shape, strides: Sequence[tuple[int, ...]]
) -> list[tuple[int, tuple[int, ...]]]:
    """Return the fewest loops that visit all entries of some values in order.

    Parameters
    ----------
    shape : tuple of (int or None)
        Of all of them.
    strides : sequence of tuple of int
        Of each, along the axes.

    Returns
    -------
    list of (int, tuple of int)
        Length of a loop, and the step of each value along it; the innermost last.
    """
    loops: list[tuple[int, tuple[int, ...]]] = []
    for axis, n in enumerate(shape):
        if n is None or n == 1:
            continue
        steps = tuple(s[axis] for s in strides)
        if loops and all(
            before == step * n for before, step in zip(loops[-1][1], steps, strict=True)
        ):
            loops[-1] = (loops[-1][0] * n, steps)
        else:
            loops.append((n, steps))
    return loops


def fixed_and_shapes(
    program: Program, fixed: Mapping[str, Array], widths: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Array], dict[str, Shape]]:
    """Return the values that are the same at all places, and the shapes of all.

    Parameters
    ----------
    program : Program
        What is computed.
    fixed : mapping of str to ndarray
        Inputs that are the same at all places.
    widths : mapping of str to tuple of int
        The other inputs: their shape behind the axis of places.

    Raises
    ------
    ScanError
        When a value has no axis of places of its own.
    """
    names = [i.out for i in program.instructions]
    every = Program(
        program.inputs,
        program.instructions,
        {v: v for v in (*program.inputs.values(), *names)},
    )
    few, more = (
        evaluate(every, {**fixed, **{k: np.zeros((n, *w)) for k, w in widths.items()}})
        for n in (_FEW, _MORE)
    )
    free = set(_free(program, widths))
    shapes: dict[str, Shape] = {}
    for name, one in few.items():
        other = more[name].shape
        shape = tuple(
            None if (n, m) == (_FEW, _MORE) else n
            for n, m in zip(one.shape, other, strict=True)
        )
        differing = sum(n != m for n, m in zip(one.shape, other, strict=True))
        if name in free and (shape.count(None) != 1 or differing != 1):
            raise ScanError("places are folded into another axis")
        shapes[name] = shape
    return {name: few[name] for name in few if name not in free}, shapes


def _free(program: Program, widths: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values that differ from place to place."""
    names = {program.inputs[name] for name in widths}
    yield from names
    for instruction in program.instructions:
        if names & set(names_in(instruction.args)):
            names.add(instruction.out)
            yield instruction.out


def names_in(args: Iterable[Any]) -> Iterator[str]:
    """Yield the names among the arguments of an operation."""
    for arg in args:
        if isinstance(arg, str):
            yield arg
        elif isinstance(arg, list):
            yield from names_in(arg)
