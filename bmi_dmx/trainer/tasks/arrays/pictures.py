"""What was simulated against what was observed, target by target."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...plots.style import INK, SIMULATED, picture

__all__ = ["draw"]

MOST_POINTS = 5000
"""Points in a panel; of more values, evenly chosen ones are drawn."""


def draw(
    path: Path,
    simulated: Mapping[str, NDArray[np.float64]],
    observed: Mapping[str, NDArray[np.float64]],
    title: str,
) -> Path:
    """Draw one panel for each target.

    Parameters
    ----------
    path : path
        The picture.
    simulated, observed : mapping of str to array
        Of one shape by target; NaN is missing.
    title : str
        What stands above.
    """
    columns = min(len(simulated), 3)
    rows = math.ceil(len(simulated) / columns)
    with picture(path, 2.8 * columns + 0.4, 2.8 * rows + 0.5) as figure:
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (name, s) in zip(panels, simulated.items(), strict=False):
            finite = np.isfinite(observed[name]) & np.isfinite(s)
            x, y = observed[name][finite], s[finite]
            every = max(1, x.size // MOST_POINTS)
            axes.plot(x[::every], y[::every], ".", color=SIMULATED, markersize=2)
            if x.size:
                ends = [min(x.min(), y.min()), max(x.max(), y.max())]
                axes.plot(ends, ends, color=INK, linewidth=0.7)
            axes.set_title(name)
            axes.set_xlabel("observed")
            axes.set_ylabel("simulated")
        for axes in panels[len(simulated) :]:
            axes.set_axis_off()
        figure.suptitle(title, x=0.01, ha="left")
    return path
