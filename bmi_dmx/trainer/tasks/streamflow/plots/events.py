"""The largest floods: what was observed, and what models say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....errors import DataError
from ....plots.style import COLOURS, OBSERVED, PathLike, dates, picture

__all__ = ["flood_events", "largest_events"]

BEFORE, AFTER = 8, 12
"""Steps shown around a peak."""


def largest_events(observed: NDArray[Any], count: int) -> list[tuple[int, int]]:
    """Return step and basin of the highest observed flows, one for each basin.

    Parameters
    ----------
    observed : array (T, B)
        NaN where missing.
    count : int
        Most events.
    """
    filled = np.where(np.isfinite(observed), observed, -np.inf)
    steps, highest = filled.argmax(axis=0), filled.max(axis=0)
    ranked = np.argsort(-highest, kind="stable")[:count]
    return [(int(steps[b]), int(b)) for b in ranked if np.isfinite(highest[b])]


def flood_events(
    path: PathLike,
    *,
    time: NDArray[np.datetime64],
    ids: Sequence[str] | NDArray[np.str_],
    observed: NDArray[Any],
    models: Mapping[str, NDArray[Any]],
    count: int = 6,
    units: str = "mm d⁻¹",
) -> Path:
    """Draw the largest observed floods, one panel for each, beside all models.

    Parameters
    ----------
    path : path-like
        The picture.
    time : array (T,) of datetime64
        Start of each time step.
    ids : sequence (B,) of str
        Station identifiers.
    observed : array (T, B)
        Flow, NaN where missing.
    models : mapping of str to array (T, B)
        Flow by model.
    count : int
        Most panels.
    units : str
        Of all flow.

    Raises
    ------
    DataError
        Nothing was observed.
    """
    events = largest_events(observed, count)
    if not events:
        raise DataError("no flow is observed, so there is no flood to show")
    columns = min(3, len(events))
    rows = math.ceil(len(events) / columns)
    with picture(path, 3.4 * columns + 0.4, 2.1 * rows + 0.7) as figure:
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, (step, basin) in zip(grid.flat, events, strict=False):
            part = slice(max(step - BEFORE, 0), step + AFTER + 1)
            for at, (name, flow) in enumerate(models.items()):
                axes.plot(
                    time[part], flow[part, basin],
                    color=COLOURS[at % len(COLOURS)], label=name, linewidth=1.3,
                )  # fmt: skip
            axes.plot(
                time[part], observed[part, basin], ".-",
                color=OBSERVED, label="observed", linewidth=1.4, markersize=4, zorder=3,
            )  # fmt: skip
            axes.set_title(f"{ids[basin]}, {time[step].astype('datetime64[D]')}")
            axes.set_ylim(bottom=0)
            dates(axes, time[part])
        for axes in grid.flat[len(events) :]:
            axes.set_axis_off()
        for axes in grid[:, 0]:
            axes.set_ylabel(f"flow ({units})")
        handles, labels = grid.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=4)
        figure.suptitle("Largest floods", x=0.01, ha="left")
    return Path(path)
