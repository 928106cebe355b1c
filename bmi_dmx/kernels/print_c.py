"""Print programs as C: one step of LANES independent cells, around it the time loop."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from ..errors import ScanError
from ..program import Arg, Program
from ..program.divisions import shared_divisions
from ..program.hoist import hoisted
from ..program.ops import OPS

__all__ = ["LANES", "Layout", "source"]

LANES = 16
"""Cells worked on together: one AVX-512 register of float32."""

_CELLS = ("common.c", "cells.c", "loop.c")
_TREE = ("common.c", "slots.c", "tree.c")

_PRELUDE = """\
#include <math.h>
typedef {real} real;
#define LANES {lanes}
#define ONE ((real)1)
/* NaN if either is. Of a constant, which comes first, only one comparison is left. */
#define MAXIMUM(a, b) (((a) > (b)) | ((a) != (a)) ? (a) : (b))
#define MINIMUM(a, b) (((a) < (b)) | ((a) != (a)) ? (a) : (b))
{math}
#if LANES > 1 && defined(VECTOR_MATH) && defined(__GNUC__) && !defined(__clang__)
#define VECTOR __attribute__((simd("notinbranch"), const))
VECTOR {real} exp{f}({real});
VECTOR {real} log{f}({real});
#if defined(__GLIBC_PREREQ) && defined(__x86_64__)
#if __GLIBC_PREREQ(2, 35)
VECTOR {real} tanh{f}({real});
VECTOR {real} tan{f}({real});
VECTOR {real} acos{f}({real});
#endif
#endif
/* Under other names, lest a sine and cosine of one angle become one scalar call. */
VECTOR {real} sine({real}) __asm__("sin{f}");
VECTOR {real} cosine({real}) __asm__("cos{f}");
#undef SIN
#undef COS
#define SIN sine
#define COS cosine
#endif
"""

_MATH = (
    "fabs",
    "exp",
    "log",
    "log1p",
    "expm1",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "acos",
    "tanh",
)


@dataclass(frozen=True)
class Layout:
    """Order of the variables in the arrays of a kernel.

    Parameters
    ----------
    states, forcings, parameters : tuple of str
        Input names of the step program (``s.…``, ``f.…``, ``p.…``).
    outputs : tuple of str
        What is recorded: fluxes ``q.…`` or new states ``s.…``.
    together : bool
        Whether all the entries of a variable are one array, a run, and not one each.
    links : tuple of (str, str)
        A forcing, and the output of the cells upstream that is summed up for it; it
        stands among the outputs.
    """

    states: tuple[str, ...]
    forcings: tuple[str, ...]
    parameters: tuple[str, ...]
    outputs: tuple[str, ...]
    together: bool = False
    links: tuple[tuple[str, str], ...] = ()

    @cached_property
    def state_runs(self) -> dict[str, int]:
        """Names of the arrays of states, and how many entries each has."""
        return self._runs(self.states)

    @cached_property
    def parameter_runs(self) -> dict[str, int]:
        """Names of the arrays of parameters, and how many entries each has."""
        return self._runs(self.parameters)

    def _runs(self, names: Sequence[str]) -> dict[str, int]:
        if not self.together:
            return dict.fromkeys(names, 1)
        return dict(Counter(".".join(name.split(".")[:2]) for name in names))

    @classmethod
    def of(
        cls,
        step: Program,
        outputs: Sequence[str],
        *,
        together: bool = False,
        links: Mapping[str, str] | None = None,
    ) -> Layout:
        """Return the layout of a step program that records these outputs.

        What is passed on by ``links``, from forcing to output, follows what is
        recorded.
        """
        kinds = {
            kind: tuple(n for n in step.inputs if n.startswith(kind))
            for kind in ("s.", "f.", "p.")
        }
        passed = dict(links or {})
        made = tuple(dict.fromkeys((*outputs, *passed.values())))
        return cls(
            kinds["s."], kinds["f."], kinds["p."], made, together, tuple(passed.items())
        )


def _literal(value: float, suffix: str) -> str:
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
                lines.append(f"const real {instruction.out} = {text};")
        return lines


@dataclass(frozen=True)
class _Write:
    """An output of a program, where it goes, and whether it is added there."""

    output: str
    target: str
    operator: str = "="


def _writes(
    names: Sequence[str], array: str, prefix: str = "", operator: str = "="
) -> list[_Write]:
    """Return the writes of outputs, in this order, to the slots of an array."""
    return [
        _Write(prefix + name, _slot(array, k), operator) for k, name in enumerate(names)
    ]


def _function(
    signature: str,
    program: Program,
    suffix: str,
    reads: dict[str, str],
    writes: Sequence[_Write],
) -> str:
    """Return a C function that loops the program over lanes.

    ``reads`` gives the C expression of each input, and ``writes`` what becomes of the
    outputs.
    """
    chosen = _used(program, [w.output for w in writes])
    printer = _Printer(chosen, suffix)
    lines = [f"const real {v} = {reads[n]};" for n, v in chosen.inputs.items()]
    lines += printer.body()
    lines += [
        f"{w.target} {w.operator} {printer.arg(chosen.outputs[w.output])};"
        for w in writes
    ]
    body = "\n        ".join(lines)
    return (
        f"static inline void {signature}\n{{\n"
        "#pragma omp simd\n    for (int i = 0; i < LANES; i++) {\n"
        f"        {body}\n    }}\n}}\n"
    )


def _slot(array: str, index: int) -> str:
    return f"{array}[{index} * LANES + i]"


def _reads(layout: Layout) -> dict[str, str]:
    table = {}
    for array, names in (
        ("s", layout.states),
        ("f", layout.forcings),
        ("p", layout.parameters),
    ):
        table.update({n: _slot(array, k) for k, n in enumerate(names)})
    return table


def _used(program: Program, outputs: Sequence[str]) -> Program:
    """Return the selected program with unused inputs left out."""
    chosen = program.select(outputs)
    text = {a for i in chosen.instructions for a in i.args if isinstance(a, str)}
    text |= {v for v in chosen.outputs.values() if isinstance(v, str)}
    inputs = {n: v for n, v in chosen.inputs.items() if v in text}
    return Program(inputs, chosen.instructions, chosen.outputs)


def source(
    layout: Layout,
    step: Program,
    adjoint: Program | None,
    *,
    double: bool,
    forcing_gradient: bool = False,
    lanes: int = LANES,
    fixed: Collection[str] = (),
) -> str:
    """Return the C source of a kernel.

    Parameters
    ----------
    layout : Layout
        Order of the variables.
    step : Program
        One time step.
    adjoint : Program or None
        Its vector-Jacobian product for the recorded fluxes; None for a kernel that
        runs forward only.
    double : bool
        float64, else float32.
    forcing_gradient : bool
        Also compute the gradient with respect to the forcing.
    lanes : int
        Number of cells worked on together, a power of two.
    fixed : collection of str
        Of a tree, the parameters that do not change with time: what is made of them
        alone is computed once.
    """
    suffix = "" if double else "f"
    real = "double" if double else "float"
    math = "\n".join(f"#define {m.upper()} {m}{suffix}" for m in _MATH)
    parts = [_PRELUDE.format(real=real, lanes=lanes, f=suffix, math=math)]
    if layout.links and not double:
        parts.append(_text("math.c"))
    sizes = {
        "STATES": layout.states, "FORCINGS": layout.forcings,
        "PARAMETERS": layout.parameters, "OUTPUTS": layout.outputs,
    }  # fmt: skip
    parts += [f"#define {name} {len(names)}" for name, names in sizes.items()]
    for name, runs in {
        "STATE": layout.state_runs, "PARAMETER": layout.parameter_runs
    }.items():  # fmt: skip
        parts.append(f"#define {name}_RUNS {len(runs)}")
        # A constant lets the compiler do without the loop over entries.
        length = "1"
        if max(runs.values(), default=1) > 1:
            lengths = ", ".join(map(str, runs.values()))
            parts.append(f"static const int {name}_LENGTH[] = {{{lengths}}};")
            length = f"{name}_LENGTH[r]"
        parts.append(f"#define {name}_RUN(r) {length}")
    reads = _reads(layout)
    if layout.links:
        parts += _links(layout)
        if adjoint is not None:
            parts += _history(layout, step, adjoint)
        step, adjoint, texts = _once(layout, step, adjoint, fixed, suffix, reads)
        parts += texts
    parts += [
        _advance(layout, step, suffix, reads), _record(layout, step, suffix, reads)
    ]  # fmt: skip
    if adjoint is not None:
        index = {name: k for k, name in enumerate(layout.states)}
        owners = ", ".join(str(index.get(o, -1)) for o in layout.outputs) or "-1"
        parts.append(f"static const int OUTPUT_STATE[] = {{{owners}}};")
        parts.append(
            f"#define ADJOINT\n#define FORCING_GRADIENT {int(forcing_gradient)}"
        )
        parts.append(_adjoint(layout, adjoint, suffix, reads, forcing_gradient))
    for name in _TREE if layout.links else _CELLS:
        parts.append(_text(name))
    return "\n".join(parts)


@cache
def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _links(layout: Layout) -> list[str]:
    """Return which output each link passes on, and which forcing receives it."""
    receives = [forcing for forcing, _ in layout.links]
    index = [layout.outputs.index(output) for _, output in layout.links]
    tables = {
        "LINK_OUTPUT": index,
        "LINK_FORCING": [layout.forcings.index(f) for f in receives],
        "OUTPUT_LINK": [
            index.index(k) if k in index else -1 for k in range(len(layout.outputs))
        ],
        "FORCING_LINK": [
            receives.index(f) if f in receives else -1 for f in layout.forcings
        ],
    }
    return [f"#define LINKS {len(index)}"] + [
        f"static const int {name}[] = {{{', '.join(map(str, entries))}}};"
        for name, entries in tables.items()
    ]


def _history(layout: Layout, step: Program, adjoint: Program) -> list[str]:
    """Return where the states of a block are found that the way back reads.

    They need not be computed again where each is what a link passes on, or what a
    forcing was.
    """
    passed = [output for _, output in layout.links]
    gradients = [n for n in adjoint.outputs if n.startswith("g.")]
    read = adjoint.read_for(gradients)
    found: list[str] = []
    for name in layout.states:
        given = [
            k for k, f in enumerate(layout.forcings)
            if step.inputs[f] == step.outputs[name]
        ]  # fmt: skip
        if name in passed:
            found.append(f"{{BY_LINK, {passed.index(name)}}}")
        elif given:
            found.append(f"{{BY_FORCING, {given[0]}}}")
        elif name not in read:
            found.append("{UNREAD, 0}")
        else:
            return ["#define AT_HAND 0"]
    table = ", ".join(found)
    return [
        "#define AT_HAND 1",
        "enum { UNREAD, BY_LINK, BY_FORCING };",
        f"static const int HISTORY[][2] = {{{table}}};",
    ]


def _once(
    layout: Layout,
    step: Program,
    adjoint: Program | None,
    fixed: Collection[str],
    suffix: str,
    reads: dict[str, str],
) -> tuple[Program, Program | None, list[str]]:
    """Return programs without what is the same at every step, and C that makes it.

    Its results follow the parameters in their array, and are taken into ``reads``.
    """
    kept = step.select([*layout.states, *layout.outputs])
    there = hoisted(kept, fixed, f"{_AGAIN}s")
    back = None
    if adjoint is not None:
        back = hoisted(shared_divisions(adjoint), fixed, f"{_AGAIN}d")
    texts, first = [], len(layout.parameters)
    for name, found in (("step", there), ("adjoint", back)):
        if found is None:
            continue
        made = tuple(found.once.outputs)
        texts.append(f"#define HOISTED_{name.upper()} {len(made)}")
        own = {n: _slot("p", first + k) for k, n in enumerate(made)}
        writes = [_Write(n, slot) for n, slot in own.items()]
        texts.append(
            _function(f"prepare_{name}(real *p)", found.once, suffix, reads, writes)
        )
        reads.update(own)
        first += len(made)
    texts.append(f"#define HOISTED {first - len(layout.parameters)}")
    return there.step, None if back is None else back.step, texts


_AGAIN = "once."
"""Begins the names of what is computed once."""

_INPUTS = "const real *s, const real *restrict f, const real *restrict p"


def _advance(layout: Layout, step: Program, suffix: str, reads: dict[str, str]) -> str:
    return _function(
        f"advance({_INPUTS}, real *next)",
        step, suffix, reads, _writes(layout.states, "next"),
    )  # fmt: skip


def _record(layout: Layout, step: Program, suffix: str, reads: dict[str, str]) -> str:
    return _function(
        "record(real *s, const real *restrict f, const real *restrict p, "
        "real *restrict q)",
        step, suffix, reads,
        [*_writes(layout.states, "s"), *_writes(layout.outputs, "q")],
    )  # fmt: skip


def _adjoint(
    layout: Layout,
    adjoint: Program,
    suffix: str,
    reads: dict[str, str],
    forcing: bool,
) -> str:
    reads.update({f"d.{n}": _slot("d", k) for k, n in enumerate(layout.states)})
    reads.update({f"d.{n}": _slot("dq", k) for k, n in enumerate(layout.outputs)
                  if n not in layout.states})  # fmt: skip
    writes = [
        *_writes(layout.states, "d", "g."),
        *_writes(layout.parameters, "gp", "g.", "+="),
        *_writes(layout.forcings if forcing else (), "gf", "g."),
    ]
    return _function(
        f"adjoint({_INPUTS}, const real *restrict dq, real *restrict d, "
        "real *restrict gf, real *restrict gp)",
        adjoint, suffix, reads, writes,
    )  # fmt: skip
