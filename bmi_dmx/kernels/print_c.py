"""Print programs as C: one step of LANES independent cells, around it the time loop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache, partial
from pathlib import Path

from ..program import Program
from ..program.shared_values import shared_functions
from .entry_loops import rolled
from .layout import LANES, Layout
from .print_tree import apart, history_of, links_of
from .statements import Write, function, slot, writes_of

__all__ = ["prelude", "source", "text_of"]

_CELLS = ("common.c", "cells.c", "loop.c")
_TREE = ("common.c", "slots.c", "tree.c")

_PRELUDE = """\
#include <math.h>
typedef {real} real;
#define LANES {lanes}
#define ABREAST {abreast}
/* Chunks that go abreast stand side by side in every array that is worked on. */
#define ROW (ABREAST * LANES)
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


def _reads(layout: Layout) -> dict[str, str]:
    table = {}
    for array, names in (
        ("s", layout.states),
        ("f", layout.forcings),
        ("p", layout.parameters),
    ):
        table.update({n: slot(array, k) for k, n in enumerate(names)})
    return table


def source(
    layout: Layout,
    step: Program,
    adjoint: Program | None,
    *,
    double: bool,
    forcing_gradient: bool = False,
    lanes: int = LANES,
    abreast: int = 1,
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
    abreast : int
        Of cells that do not see each other, how many times as many take turns at every
        statement.
    fixed : collection of str
        Of a tree, the parameters that do not change with time: what is made of them
        alone is computed once.
    """
    suffix = "" if double else "f"
    parts = [prelude(double=double, lanes=lanes, abreast=abreast)]
    if layout.links and not double:
        parts.append(text_of("math.c"))
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
        parts += links_of(layout)
        if adjoint is not None:
            parts += history_of(layout, step, adjoint)
        step, adjoint, texts = apart(layout, step, adjoint, fixed, suffix, reads)
        parts += texts
    traced = step
    if adjoint is not None and not layout.links:
        traced, adjoint, tape = shared_functions(step, adjoint)
        reads.update({n: slot("s", len(layout.states) + k) for k, n in enumerate(tape)})
        parts.append(f"#define KEPT {len(tape)}")
    text = partial(function, suffix=suffix, reads=reads, abreast=abreast)
    one = partial(_rolled, layout, text, suffix) if lanes * abreast == 1 else text
    parts += [_advance(layout, step, one), _record(layout, step, one)]
    if adjoint is not None:
        index = {name: k for k, name in enumerate(layout.states)}
        owners = ", ".join(str(index.get(o, -1)) for o in layout.outputs) or "-1"
        parts.append(f"static const int OUTPUT_STATE[] = {{{owners}}};")
        parts.append(
            f"#define ADJOINT\n#define FORCING_GRADIENT {int(forcing_gradient)}"
        )
        if not layout.links:
            parts.append(_retrace(layout, traced, tape, text))
        reads |= _asked(layout)
        parts.append(_adjoint(layout, adjoint, text, forcing_gradient))
    for name in _TREE if layout.links else _CELLS:
        parts.append(text_of(name))
    return "\n".join(parts)


def prelude(*, double: bool, lanes: int, abreast: int = 1) -> str:
    """Return what every kernel begins with: the type of numbers, and functions of them.

    Parameters
    ----------
    double : bool
        float64, else float32.
    lanes : int
        How many stand side by side; of one alone, functions are not of vectors.
    abreast : int
        How many times as many take turns.
    """
    suffix = "" if double else "f"
    real = "double" if double else "float"
    math = "\n".join(f"#define {m.upper()} {m}{suffix}" for m in _MATH)
    return _PRELUDE.format(real=real, lanes=lanes, abreast=abreast, f=suffix, math=math)


@cache
def text_of(name: str) -> str:
    """Return the text of a file of C beside this one."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


_INPUTS = "const real *restrict f, const real *restrict p"

_Print = Callable[..., str]


def _rolled(
    layout: Layout,
    text: _Print,
    suffix: str,
    signature: str,
    step: Program,
    writes: Sequence[Write],
) -> str:
    """Return a function of one lane, in which entries made alike are turns of loops."""
    places = {
        name: (array, k)
        for array, names in (
            ("s", layout.states), ("f", layout.forcings), ("p", layout.parameters),
        )
        for k, name in enumerate(names)
    }  # fmt: skip
    body = rolled(step, writes, places, suffix)
    return text(
        signature, step, writes=body.writes, loops=body.loops, operands=body.operands
    )


def _advance(layout: Layout, step: Program, text: _Print) -> str:
    return text(
        f"advance(const real *s, {_INPUTS}, real *next)",
        step,
        writes=writes_of(layout.states, "next"),
    )


def _record(layout: Layout, step: Program, text: _Print) -> str:
    return text(
        f"record(real *s, {_INPUTS}, real *restrict q)",
        step,
        writes=[*writes_of(layout.states, "s"), *writes_of(layout.outputs, "q")],
    )


def _retrace(layout: Layout, step: Program, tape: Sequence[str], text: _Print) -> str:
    """Return what advances on the way back, leaving behind what the adjoint reads."""
    first = len(layout.states)
    saves = [Write(name, "s", first + k) for k, name in enumerate(tape)]
    return text(
        f"retrace(real *s, {_INPUTS}, real *next)",
        step,
        writes=[*writes_of(layout.states, "next"), *saves],
    )


def _asked(layout: Layout) -> dict[str, str]:
    """Return where the adjoint reads cotangents."""
    states = {f"d.{n}": slot("d", k) for k, n in enumerate(layout.states)}
    return states | {
        f"d.{n}": slot("dq", k)
        for k, n in enumerate(layout.outputs)
        if n not in layout.states
    }


def _adjoint(layout: Layout, adjoint: Program, text: _Print, forcing: bool) -> str:
    return text(
        f"adjoint(const real *s, {_INPUTS}, const real *restrict dq, real *restrict d, "
        "real *restrict gf, real *restrict gp)",
        adjoint,
        writes=[
            *writes_of(layout.states, "d", "g."),
            *writes_of(layout.parameters, "gp", "g.", "+="),
            *writes_of(layout.forcings if forcing else (), "gf", "g."),
        ],
    )
