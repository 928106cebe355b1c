"""Cumulative distribution of a score over basins, beside published medians."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....errors import DataError
from ....plots.style import COLOURS, INK, MUTED, PathLike, picture
from ..metrics import median

__all__ = ["nse_cdf"]

MARKERS = "DosPvX^*"

DASHES = ("-", "--", ":", "-.")
"""Of curves that have to share a colour."""

WIDE = 100
"""Characters of the legend that the picture is wide."""


def nse_cdf(
    path: PathLike,
    experiments: Mapping[str, NDArray[Any]],
    *,
    published: Mapping[str, float] | None = None,
) -> Path:
    """Draw the share of basins whose NSE is less than x, one curve per experiment.

    Basins below zero show as the height of the curve at the left.

    Parameters
    ----------
    path : path-like
        The picture.
    experiments : mapping of str to array (B,)
        NSE by name of the experiment; undefined ones are left out and said so, and so
        is an experiment without others.
    published : mapping of str to float, optional
        Medians to compare with, marked at one half.

    Raises
    ------
    DataError
        If no experiment has a defined NSE.
    """
    if not any(median(values)[1] for values in experiments.values()):
        raise DataError("no experiment has a basin with a defined NSE")
    with picture(path, 7.2, 4.6) as figure:
        axes = figure.subplots()
        axes.axhline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        for at, (name, values) in enumerate(experiments.items()):
            colour = COLOURS[at % len(COLOURS)]
            dashes = DASHES[at // len(COLOURS) % len(DASHES)]
            middle, defined = median(values)
            if not defined:
                axes.plot([], [], color=colour, label=f"{name} (undefined)")
                continue
            missing = np.size(values) - defined
            note = f"median {middle:.3f}, {defined} basin{'s' if defined != 1 else ''}"
            note += f", {missing} undefined" if missing else ""
            ranked = np.sort(values[np.isfinite(values)])
            axes.ecdf(
                ranked, color=colour, linewidth=1.7, linestyle=dashes,
                label=f"{name} ({note})",
            )  # fmt: skip
            axes.plot(middle, 0.5, "o", color=colour, markersize=7, markeredgecolor="w")
        marks = sorted((published or {}).items(), key=lambda mark: -mark[1])
        for (name, value), marker in zip(
            marks, _cycle(MARKERS, len(marks)), strict=True
        ):
            axes.plot(
                value,
                0.5,
                marker,
                color="none",
                markeredgecolor=INK,
                markersize=6,
                linestyle="none",
                clip_on=False,
                label=f"{name} (published median {value:.3f})",
            )
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="NSE", ylabel="share of basins below")
        # Curves pass everywhere inside the axes, so no place there is free.
        longest = sorted(map(len, axes.get_legend_handles_labels()[1]))[-2:]
        figure.legend(loc="outside lower left", ncols=2 if sum(longest) <= WIDE else 1)
    return Path(path)


def _cycle(choices: str, count: int) -> list[str]:
    return [choices[i % len(choices)] for i in range(count)]
