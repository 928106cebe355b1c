"""Models beside each other: how their scores are spread, and how far they differ."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ....plots.style import COLOURS, MUTED, PathLike, picture

__all__ = ["compared_picture"]

LOWEST = -0.25
"""Least NSE shown; what is below stands at the edge."""


def compared_picture(
    path: PathLike,
    nse: Mapping[str, NDArray[Any]],
    differences: Mapping[str, tuple[float, float, float]],
    baselines: Collection[str],
    title: str,
) -> Path:
    """Draw the distribution of NSE of all models, and what differs from the first.

    Parameters
    ----------
    path : path-like
        The picture.
    nse : mapping of str to array (B,)
        By model, the first one first.
    differences : mapping of str to (float, float, float)
        Median over gauges of the difference from the first, and its interval.
    baselines : collection of str
        Which of them are drawn dashed.
    title : str
        Headline.
    """
    colours = {n: COLOURS[(k + 1) % len(COLOURS)] for k, n in enumerate(nse)}
    with picture(path, 9.6, 4.2) as figure:
        left = figure.subplots(1, 2 if differences else 1, squeeze=False)[0, 0]
        for name, values in nse.items():
            finite = np.sort(np.maximum(values[np.isfinite(values)], LOWEST))
            if finite.size:
                dashes = "--" if name in baselines else "-"
                left.ecdf(
                    finite, color=colours[name], label=name, linestyle=dashes,
                    linewidth=1.7,
                )  # fmt: skip
        left.set(
            xlim=(LOWEST, 1.0), ylim=(0, 1),
            xlabel=f"NSE (what is below {LOWEST:g} stands at the edge)",
            ylabel="share of gauges below",
        )  # fmt: skip
        if differences:
            _differences(figure.axes[1], differences, colours, next(iter(nse)))
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=4)
        figure.suptitle(title, x=0.01, ha="left")
    return Path(path)


def _differences(
    axes: Axes,
    differences: Mapping[str, tuple[float, float, float]],
    colours: Mapping[str, str],
    first: str,
) -> None:
    """Draw a row for each model: the median of what differs, and its interval."""
    rows = np.arange(len(differences))
    for row, (name, (value, low, high)) in zip(rows, differences.items(), strict=True):
        ends = [[max(value - low, 0.0)], [max(high - value, 0.0)]]
        axes.errorbar(value, row, xerr=ends, fmt="o", color=colours[name], capsize=3)
    axes.axvline(0.0, color=MUTED, linewidth=0.8)
    axes.set_yticks(rows, labels=list(differences))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(f"difference of NSE from {first}, median and 95 %")
