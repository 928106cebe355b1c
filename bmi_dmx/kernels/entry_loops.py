"""Entries of long states that a program treats alike, printed as one loop.

A program has a statement of its own for each entry. Where the next entry of a state is
made as the one before it, of the next entries of what that was made of, both are turns
of one loop, which compilers make vectors of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..program import Arg, Program
from ..program.ops import OPS
from .statements import Write, literal

__all__ = ["RolledLoops", "rolled"]

_LONG = 32
"""Entries from which on a loop is worth it."""

_SAME = {"next": "s"}
"""The new states of a step may be written over the old ones."""

Places = Mapping[str, tuple[str, int]]
Pattern = tuple[Any, ...]
_Span = tuple[str, range]


class RolledLoops(NamedTuple):
    """Loops over entries, and what is left to be written.

    Parameters
    ----------
    loops : list of str
        C of each; they come before anything else is written.
    operands : list of Arg
        Values of the program that they read.
    writes : list of Write
        The rest.
    """

    loops: list[str]
    operands: list[Arg]
    writes: list[Write]


def rolled(
    program: Program, writes: Sequence[Write], places: Places, suffix: str
) -> RolledLoops:
    """Return the loops that take the place of writes to entries.

    Parameters
    ----------
    program : Program
        What is written.
    writes : sequence of Write
        Where its outputs go.
    places : mapping of str to (str, int)
        Array and place in it of each input.
    suffix : str
        Of numbers in C.
    """
    finder = _Finder(program, places)
    body = RolledLoops([], [], [])
    targets: list[_Span] = []
    inputs: list[_Span] = []
    for run, pattern in finder.runs(writes):
        first, size = run[0], len(run)
        target = _span(_SAME.get(first.array, first.array), first.index, size)
        sources = [_span(a, k + first.index, size) for a, k in _moving(pattern)]
        # Each may be made of those behind it, which are still the old ones.
        behind = all(a != target[0] or k.start >= target[1].start for a, k in sources)
        apart = not _meet([target], [*targets, *inputs]) and not _meet(sources, targets)
        if size < _LONG or not behind or not apart:
            body.writes.extend(run)
            continue
        targets.append(target)
        inputs += sources
        body.operands.extend(_fixed(pattern))
        body.loops.append(
            f"for (int k = {first.index}; k < {first.index + size}; k++) "
            f"{first.array}[k] {first.operator} {_text(pattern, suffix)};"
        )
    return body


def _span(array: str, first: int, size: int) -> _Span:
    return array, range(first, first + size)


def _meet(some: Sequence[_Span], others: Sequence[_Span]) -> bool:
    """Return whether some entries are among others."""
    return any(
        a == b and x.start < y.stop and y.start < x.stop
        for a, x in some
        for b, y in others
    )


class _Finder:
    """Finds entries that are made alike."""

    def __init__(self, program: Program, places: Places) -> None:
        self._outputs = program.outputs
        self._made = {i.out: i for i in program.instructions}
        self._places = {
            value: places[name]
            for name, value in program.inputs.items()
            if name in places
        }
        self._uses = Counter(
            arg for i in program.instructions for arg in i.args if isinstance(arg, str)
        )
        self._uses.update(v for v in program.outputs.values() if isinstance(v, str))

    def runs(self, writes: Sequence[Write]) -> Iterator[tuple[list[Write], Pattern]]:
        """Yield writes that follow each other and are alike, and how they are made."""
        run: list[Write] = []
        before: Pattern = ()
        for write in writes:
            pattern = self._after(run[-1], write) if run else None
            if pattern is None or (len(run) > 1 and pattern != before):
                if run:
                    yield run, before
                run, before = [write], ()
            else:
                run.append(write)
                before = pattern
        if run:
            yield run, before

    def _after(self, one: Write, next_one: Write) -> Pattern | None:
        """Return how an entry is made, if the next one is made alike."""
        alike = (one.array, one.operator, one.index + 1)
        if alike != (next_one.array, next_one.operator, next_one.index):
            return None
        a, b = (self._outputs[w.output] for w in (one, next_one))
        return self._pattern(a, b, one.index)

    def _pattern(self, a: Arg, b: Arg, index: int) -> Pattern | None:
        if a == b:
            instruction = self._made.get(a) if isinstance(a, str) else None
            mask = instruction is not None and OPS[instruction.op].boolean
            return None if mask else ("fixed", a)
        if a in self._places and b in self._places:
            (array, k), (other, n) = self._places[a], self._places[b]
            return (
                ("moving", array, k - index) if (array, k + 1) == (other, n) else None
            )
        if a not in self._made or b not in self._made:
            return None
        one, other_one = self._made[a], self._made[b]
        # What is used elsewhere, too, is computed there.
        if one.op != other_one.op or self._uses[a] > 1 or OPS[one.op].boolean:
            return None
        pairs = zip(one.args, other_one.args, strict=True)
        parts = [self._pattern(x, y, index) for x, y in pairs]
        return None if None in parts else ("op", one.op, *parts)


def _moving(pattern: Pattern) -> Iterator[tuple[str, int]]:
    """Yield the arrays that are read along with the entries, and how far from them."""
    if pattern and pattern[0] == "moving":
        yield pattern[1], pattern[2]
    elif pattern and pattern[0] == "op":
        for part in pattern[2:]:
            yield from _moving(part)


def _fixed(pattern: Pattern) -> Iterator[Arg]:
    """Yield the values that all entries are made of."""
    if pattern and pattern[0] == "fixed" and isinstance(pattern[1], str):
        yield pattern[1]
    elif pattern and pattern[0] == "op":
        for part in pattern[2:]:
            yield from _fixed(part)


def _text(pattern: Pattern, suffix: str) -> str:
    kind, *rest = pattern
    if kind == "fixed":
        value = rest[0]
        return value if isinstance(value, str) else literal(value, suffix)
    if kind == "moving":
        array, offset = rest
        return f"{array}[k + {offset}]"
    op, *parts = rest
    if op in ("maximum", "minimum"):
        parts.sort(key=lambda part: part[0] != "fixed" or isinstance(part[1], str))
    return (OPS[op].c or "").format(*(_text(part, suffix) for part in parts))
