"""Print programs as CUDA: one step of one cell, around it the time loop of a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from ..program import Program
from .call import Block
from .layout import Layout
from .statements import Write, statements, writes_of

__all__ = ["THREADS", "argument_words", "by_value", "cuda_source"]

THREADS = 128
"""Threads of the largest block."""

_CELLS = ("common.cu", "cells.cu")
_TREE = ("common.cu", "tree.cu")

_MOST_BYTES = 3900
"""Of arguments that come with a launch: 4096, less what comes beside them."""

TREE_WORDS = 12
"""Numbers of 64 bits that say where the places of a tree are; see tree.cu."""

_PRELUDE = """\
typedef {real} real;
#define ONE ((real)1)
#define restrict __restrict__
#ifdef __CUDACC_RTC__
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#endif
/* NaN if either is. Of a constant, which comes first, only one comparison is left. */
#define MAXIMUM(a, b) (((a) > (b)) | ((a) != (a)) ? (a) : (b))
#define MINIMUM(a, b) (((a) < (b)) | ((a) != (a)) ? (a) : (b))"""

_MATH = (
    "fabs", "exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "acos", "tanh",
)  # fmt: skip


def argument_words(layout: Layout) -> int:
    """Return how many numbers of 64 bits the arguments of a run are."""
    block = Block(1, 1, 1, (), (), (), (), ())
    return len(block.pack(layout, adjoint=True))


def by_value(layout: Layout) -> bool:
    """Return whether arguments are few enough to come with the launch of a kernel."""
    return 8 * argument_words(layout) <= _MOST_BYTES


def cuda_source(
    layout: Layout,
    step: Program,
    adjoint: Program | None,
    *,
    double: bool,
    forcing_gradient: bool = False,
) -> str:
    """Return the CUDA source of a kernel, without any header.

    Parameters
    ----------
    layout : Layout
        Order of the variables; with links it is a kernel for trees.
    step : Program
        One time step.
    adjoint : Program or None
        Its vector-Jacobian product for the recorded fluxes; None for a kernel that
        runs forward only.
    double : bool
        float64, else float32.
    forcing_gradient : bool
        Also compute the gradient with respect to the forcing; trees do anyway.
    """
    suffix = "" if double else "f"
    parts = [_PRELUDE.format(real="double" if double else "float")]
    parts += [f"#define {name.upper()} {name}{suffix}" for name in _MATH]
    parts += [f"#define {name} {count}" for name, count in _sizes(layout).items()]
    if layout.links:
        parts += _links(layout)
    reads = _reads(layout)
    parts.append(
        _function(
            f"advance({_INPUTS}, real *next)",
            step, suffix, reads, writes_of(layout.states, "next"),
        )
    )  # fmt: skip
    parts.append(
        _function(
            "record(real *s, const real *restrict f, const real *restrict p, "
            "real *restrict q)",
            step, suffix, reads,
            [*writes_of(layout.states, "s"), *writes_of(layout.outputs, "q")],
        )
    )  # fmt: skip
    if adjoint is not None:
        forcing = forcing_gradient or bool(layout.links)
        parts.append(f"#define ADJOINT\n#define FORCING_GRADIENT {int(forcing)}")
        parts.append(_adjoint(layout, adjoint, suffix, reads, forcing))
    parts += [_text(name) for name in (_TREE if layout.links else _CELLS)]
    return "\n".join(parts)


_INPUTS = "const real *s, const real *restrict f, const real *restrict p"


def _sizes(layout: Layout) -> dict[str, str | int]:
    index = {name: k for k, name in enumerate(layout.states)}
    return {
        "THREADS": THREADS,
        "STATES": len(layout.states),
        "FORCINGS": len(layout.forcings),
        "PARAMETERS": len(layout.parameters),
        "OUTPUTS": len(layout.outputs),
        "ARGUMENT_WORDS": argument_words(layout),
        "BY_VALUE": int(by_value(layout)),
        "OUTPUT_STATE(k)": _table([index.get(o, -1) for o in layout.outputs]),
    }


def _links(layout: Layout) -> list[str]:
    """Return which output each link passes on, and which forcing receives it."""
    receives = [forcing for forcing, _ in layout.links]
    outputs = [layout.outputs.index(output) for _, output in layout.links]
    links = [receives.index(f) if f in receives else -1 for f in layout.forcings]
    to = [layout.forcings.index(forcing) for forcing in receives]
    return [
        f"#define LINKS {len(layout.links)}",
        f"#define TREE_WORDS {TREE_WORDS}",
        f"#define LINK_OUTPUT(k) {_table(outputs)}",
        f"#define LINK_FORCING(k) {_table(to)}",
        f"#define FORCING_LINK(k) {_table(links)}",
    ]


def _table(entries: Sequence[int]) -> str:
    """Return a table as an expression of ``k``.

    Where loops are unrolled nothing is left of it, and arrays that are indexed by it
    stay in registers.
    """
    text = "".join(f"(k) == {k} ? {entry} : " for k, entry in enumerate(entries))
    return f"({text}-1)"


def _at(array: str, index: int) -> str:
    return f"{array}[{index}]"


def _reads(layout: Layout) -> dict[str, str]:
    return {
        name: _at(array, k)
        for array, names in (
            ("s", layout.states), ("f", layout.forcings), ("p", layout.parameters),
        )
        for k, name in enumerate(names)
    }  # fmt: skip


def _function(
    signature: str,
    program: Program,
    suffix: str,
    reads: Mapping[str, str],
    writes: Sequence[Write],
) -> str:
    body = "\n    ".join(statements(program, suffix, dict(reads), writes, place=_at))
    return f"__device__ static inline void {signature}\n{{\n    {body}\n}}\n"


def _adjoint(
    layout: Layout,
    adjoint: Program,
    suffix: str,
    reads: Mapping[str, str],
    forcing: bool,
) -> str:
    cotangents = {f"d.{n}": _at("d", k) for k, n in enumerate(layout.states)}
    cotangents |= {f"d.{n}": _at("dq", k) for k, n in enumerate(layout.outputs)
              if n not in layout.states}  # fmt: skip
    writes = [
        *writes_of(layout.states, "d", "g."),
        *writes_of(layout.parameters, "gp", "g.", "+="),
        *writes_of(layout.forcings if forcing else (), "gf", "g."),
    ]
    return _function(
        f"adjoint({_INPUTS}, const real *restrict dq, real *restrict d, "
        "real *restrict gf, real *restrict gp)",
        adjoint, suffix, {**reads, **cotangents}, writes,
    )  # fmt: skip


@cache
def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
