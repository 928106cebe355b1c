"""How the training went, from the table its logger wrote."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from ...errors import DataError, suggestion
from .style import COLOURS, PathLike, picture

__all__ = ["training_curve"]

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]

PANELS = {"loss": "loss", "score": "score", "rate": "learning rate"}


def training_curve(
    path: PathLike, log: PathLike, names: Mapping[str, str] | None = None
) -> Path:
    """Draw losses, scores and learning rate of a training log against the step.

    Parameters
    ----------
    path : path-like
        The picture.
    log : path-like
        CSV with a header and a column ``step``. Cells may be empty, as loggers write
        one row per event. A column whose name contains ``loss`` is a loss, one with
        ``lr`` or ``rate`` a learning rate, any other number but the epoch a score.
    names : mapping of str to str, optional
        What columns are called in the picture, where not by their own name.

    Raises
    ------
    DataError
        If the log has no such column or no number to draw.
    """
    panels = _panels(log)
    with picture(path, 7.2, 1.9 * len(panels) + 0.7) as figure:
        heights = [2 if kind != "rate" else 1 for kind in panels]
        grid = figure.subplots(
            len(panels), 1, squeeze=False, sharex=True, height_ratios=heights
        )[:, 0]
        for axes, (kind, curves) in zip(grid, panels.items(), strict=True):
            for (name, curve), colour in zip(curves.items(), COLOURS * 9, strict=False):
                label = (names or {}).get(name, name.replace("_", " "))
                _curve(axes, label, curve, colour, smooth=kind == "loss")
            axes.set_ylabel(PANELS[kind])
            least = min(y.min() for _, y in curves.values())
            if kind == "loss" and least > 0:
                _logarithmic(axes)
            elif kind == "score" and least >= 0:
                # From 0 on: what changes little is to look like that.
                axes.set_ylim(bottom=0)
            axes.legend(loc="best")
        grid[-1].set_xlabel("step")
        grid[-1].xaxis.set_major_locator(
            MaxNLocator(8, integer=True, steps=[1, 2, 2.5, 5, 10], min_n_ticks=1)
        )
        grid[-1].margins(x=0.01)
        figure.suptitle("Training", x=0.01, ha="left")
    return Path(path)


def _panels(log: PathLike) -> dict[str, dict[str, Curve]]:
    with open(log, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = list(rows[0]) if rows else []
    if "step" not in names:
        raise DataError(f"{log}: no column 'step'{suggestion('step', names)}")
    x = _numbers(rows, "step")
    panels: dict[str, dict[str, Curve]] = {kind: {} for kind in PANELS}
    for name in names:
        y = _numbers(rows, name)
        finite = np.isfinite(x) & np.isfinite(y)
        if name not in ("epoch", "step") and finite.any():
            panels[_kind(name)][name] = (x[finite], y[finite])
    drawn = {kind: curves for kind, curves in panels.items() if curves}
    if not drawn:
        raise DataError(f"{log}: there is no number to draw against 'step'")
    return drawn


def _numbers(rows: list[dict[str, Any]], name: str) -> NDArray[np.float64]:
    return np.array([float(row[name] or "nan") for row in rows])


def _kind(name: str) -> str:
    if "loss" in name:
        return "loss"
    return "rate" if name.startswith("lr") or "rate" in name else "score"


def _curve(axes: Axes, label: str, curve: Curve, colour: str, *, smooth: bool) -> None:
    """Draw a curve; a long noisy one faintly, with its running median on top."""
    x, y = curve
    if len(y) < 200:
        axes.plot(x, y, color=colour, label=label, marker="o", markersize=2.5)
    elif not smooth:
        axes.plot(x, y, color=colour, label=label)
    else:
        width = len(y) // 50 * 2 + 1
        padded = np.pad(y, width // 2, mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, width)
        median = np.median(windows, axis=1)
        axes.plot(x, y, color=colour, alpha=0.25, linewidth=0.7)
        axes.plot(x, median, color=colour, label=f"{label} (running median)", zorder=3)


def _logarithmic(axes: Axes) -> None:
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    # Within less than a decade the usual three would leave one or two.
    subs = (1, 2, 5) if high > 5 * low else (1, 1.5, 2, 3, 5, 7)
    axes.yaxis.set_major_locator(LogLocator(subs=subs))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
