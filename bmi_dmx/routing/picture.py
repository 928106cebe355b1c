"""A picture of a river: a map where places are known, else its tree laid out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from ..models.rivers.formats import River
from ..space import Tree
from ..trainer.plots.style import COLOURS, MUTED, picture

__all__ = ["draw", "laid_out"]

Array = NDArray[np.float64]

WIDTH, HEIGHTS = 8.0, (3.0, 9.0)
"""Of the picture, inches; a map is as high as it has to be between these."""

WIDTHS = (0.3, 4.0)
"""Of the thinnest and the thickest line, points."""

NAMED = 12
"""Most gauges whose names are written beside them."""


def draw(path: Path, river: River, name: str) -> Path:
    """Draw the reaches, their gauges and lakes.

    Parameters
    ----------
    path : Path
        Of the picture.
    river : River
    name : str
        Of the river or its file, for the title.

    Returns
    -------
    Path
        The picture.
    """
    tree, length = river.tree, river.attributes.get("length")
    mapped = tree.longitude is not None and tree.latitude is not None
    if tree.longitude is not None and tree.latitude is not None:
        x, y = tree.longitude, tree.latitude
        aspect = 1.0 / max(float(np.cos(np.deg2rad(y.mean()))), 0.1)
        height = WIDTH * aspect * np.ptp(y) / max(float(np.ptp(x)), 1e-9) + 1.2
    else:
        x, y = laid_out(tree, length)
        aspect, height = None, 6.0
    with picture(path, WIDTH, float(np.clip(height, *HEIGHTS))) as figure:
        figure.suptitle(f"{name}: {len(tree)} reaches", x=0.02, ha="left")
        axes = figure.subplots()
        if aspect is not None:
            axes.set_xlabel("degrees east")
            axes.set_ylabel("degrees north")
            axes.set_aspect(aspect)
        else:
            unit = "reaches" if length is None else "km"
            axes.set_ylabel(f"{unit} to the outlet")
            axes.set_xticks([])
            axes.grid(False, axis="x")
            axes.spines["bottom"].set_visible(False)
        size, label = _size(river)
        _lines(axes, tree, x, y, size, elbows=not mapped)
        _marks(axes, river, x, y)
        axes.set_title(f"width of lines by {label}", color=MUTED)
        axes.autoscale_view()
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best")
    return path


def _size(river: River) -> tuple[Array, str]:
    """Return the size of every reach, 0 to 1, and what it is."""
    area = river.attributes.get("drainage_area_km2")
    if area is not None and np.isfinite(area).all() and area.max() > 0.0:
        return np.sqrt(area / area.max()), "the root of the drainage area"
    order = river.tree.strahler
    return (order / order.max()) ** 2, "the square of the order (Strahler)"


def _lines(
    axes: Axes, tree: Tree, x: Array, y: Array, size: Array, *, elbows: bool
) -> None:
    """Draw a line from every reach to the one below."""
    above = np.flatnonzero(tree.downstream >= 0)
    below = tree.downstream[above]
    ends = [(x[above], y[above]), (x[below], y[below])]
    if elbows:
        ends.insert(1, (x[above], y[below]))
    lines = np.stack([np.stack(end, axis=1) for end in ends], axis=1)
    thin, thick = WIDTHS
    # The large ones on top of the small.
    order = np.argsort(size[above], kind="stable")
    axes.add_collection(LineCollection(
        list(lines[order]), linewidths=(thin + (thick - thin) * size[above][order]),
        colors=COLOURS[0], capstyle="round", zorder=2,
    ))  # fmt: skip
    out = np.flatnonzero(tree.downstream < 0)
    axes.plot(x[out], y[out], "v", color=COLOURS[0], markersize=8, linestyle="none",
              label="outlet" if out.size == 1 else f"{out.size} outlets")  # fmt: skip


def _marks(axes: Axes, river: River, x: Array, y: Array) -> None:
    """Mark gauges and lakes."""
    marks: list[tuple[str, list[str], dict[str, Any]]] = [
        ("gauge", list(river.gauges.values()), {"marker": "o", "color": COLOURS[1]}),
        ("lake", list(river.lakes.outlets) if river.lakes else [],
         {"marker": "s", "color": COLOURS[2]}),
    ]  # fmt: skip
    for what, reaches, look in marks:
        if not reaches:
            continue
        at = river.tree.positions(reaches)
        count = len(reaches)
        axes.plot(
            x[at], y[at], linestyle="none", markersize=4.5, markeredgecolor="white",
            markeredgewidth=0.6, zorder=3,
            label=what if count == 1 else f"{count} {what}s", **look,
        )  # fmt: skip
    if len(river.gauges) <= NAMED:
        at = river.tree.positions(river.gauges.values())
        for name, k in zip(river.gauges, at.tolist(), strict=True):
            axes.annotate(name, (x[k], y[k]), (5, 3), textcoords="offset points",
                          fontsize=7, color=MUTED)  # fmt: skip


def laid_out(tree: Tree, length: Array | None = None) -> tuple[Array, Array]:
    """Return where to draw reaches: beside each other, and above their outlets.

    Tops of the tree stand one apart, and a reach below the one of those above that has
    most tops, so that main stems are straight.

    Parameters
    ----------
    tree : Tree
    length : ndarray, optional
        (reach,) m; else every reach is one long.

    Returns
    -------
    x, y : ndarray
        (reach,) place, and distance to the outlet, km or reaches.
    """
    below, order = tree.downstream.tolist(), tree.order.tolist()
    step = np.ones(len(tree)) if length is None else length / 1e3
    tops = [0] * len(tree)
    main = [-1] * len(tree)
    for at in order:
        tops[at] = tops[at] or 1
        if (to := below[at]) >= 0:
            tops[to] += tops[at]
            if main[to] < 0 or tops[at] > tops[main[to]]:
                main[to] = at
    begin, free = [0] * len(tree), [0] * len(tree)
    distance = np.zeros(len(tree))
    outer = 0
    for at in reversed(order):
        if (to := below[at]) < 0:
            begin[at], outer = outer, outer + tops[at]
        else:
            begin[at], free[to] = free[to], free[to] + tops[at]
            distance[at] = distance[to] + step[to]
        free[at] = begin[at]
    x = np.array(begin, dtype=np.float64)
    for at in order:
        if main[at] >= 0:
            x[at] = x[main[at]]
    return x, distance
