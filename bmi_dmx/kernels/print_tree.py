"""What is printed of a tree beside its step: links, and what never changes."""

from __future__ import annotations

from collections.abc import Collection

from ..program import Program
from ..program.divisions import shared_divisions
from ..program.hoist import hoisted
from .layout import Layout
from .statements import Write, function, slot

__all__ = ["apart", "history_of", "links_of"]


def links_of(layout: Layout) -> list[str]:
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


def history_of(layout: Layout, step: Program, adjoint: Program) -> list[str]:
    """Return where the states of a block are found that the way back reads.

    They need not be computed again where each is what a link passes on, or what a
    forcing was.
    """
    outputs = [output for _, output in layout.links]
    gradients = [n for n in adjoint.outputs if n.startswith("g.")]
    inputs = adjoint.read_for(gradients)
    entries: list[str] = []
    for name in layout.states:
        forcings = [
            k for k, f in enumerate(layout.forcings)
            if step.inputs[f] == step.outputs[name]
        ]  # fmt: skip
        if name in outputs:
            entries.append(f"{{BY_LINK, {outputs.index(name)}}}")
        elif forcings:
            entries.append(f"{{BY_FORCING, {forcings[0]}}}")
        elif name not in inputs:
            entries.append("{UNREAD, 0}")
        else:
            return ["#define AT_HAND 0"]
    table = ", ".join(entries)
    return [
        "#define AT_HAND 1",
        "enum { UNREAD, BY_LINK, BY_FORCING };",
        f"static const int HISTORY[][2] = {{{table}}};",
    ]


def apart(
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
    core = step.select([*layout.states, *layout.outputs])
    there = hoisted(core, fixed, f"{_AGAIN}s")
    back = None
    if adjoint is not None:
        back = hoisted(shared_divisions(adjoint), fixed, f"{_AGAIN}d")
    texts, first = [], len(layout.parameters)
    for what, split in (("step", there), ("adjoint", back)):
        if split is None:
            continue
        names = tuple(split.once.outputs)
        texts.append(f"#define HOISTED_{what.upper()} {len(names)}")
        slots = {n: slot("p", first + k) for k, n in enumerate(names)}
        writes = [Write(n, "p", first + k) for k, n in enumerate(names)]
        texts.append(
            function(f"prepare_{what}(real *p)", split.once, suffix, reads, writes)
        )
        reads.update(slots)
        first += len(names)
    texts.append(f"#define HOISTED {first - len(layout.parameters)}")
    return there.step, None if back is None else back.step, texts


_AGAIN = "once."
"""Begins the names of what is computed once."""
