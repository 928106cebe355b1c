"""Free runs at the surface, and a column through time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...plots.style import INK, MUTED, SIMULATED, picture
from .record import Array, ModelColumn
from .samples import Runs

__all__ = ["draw_column", "draw_runs"]

_MOST_PANELS = 12
"""Runs drawn; of more, evenly chosen ones."""


def draw_runs(
    path: Path, runs: Runs, forecasts: Mapping[str, Array], title: str
) -> Path:
    """Draw the uppermost level of runs, as observed, simulated and usual.

    Parameters
    ----------
    path : path
        The picture.
    runs : Runs
        When they begin, and what was observed.
    forecasts : mapping of str to (lead, run, level) array
        By forecast.
    title : str
        What stands above.
    """
    positions = np.unique(np.linspace(0, len(runs) - 1, _MOST_PANELS).astype(int))
    columns = min(len(positions), 4)
    rows = math.ceil(len(positions) / columns)
    leads = np.arange(1, runs.leads + 1)
    drawn = {
        "observed": (runs.targets, INK),
        "model": (forecasts["model"], SIMULATED),
        "climatology": (forecasts["climatology"], MUTED),
    }
    with picture(path, 2.4 * columns + 0.4, 1.9 * rows + 0.6) as figure:
        panels = figure.subplots(
            rows, columns, squeeze=False, sharex=True, sharey=True
        ).ravel()
        for axes, at in zip(panels, positions, strict=False):
            for name, (x, colour) in drawn.items():
                axes.plot(leads, x[:, at, 0], color=colour, linewidth=0.9, label=name)
            axes.set_title(f"from {runs.moments[at]!s:.10}")
        for axes in panels[len(positions) :]:
            axes.set_axis_off()
        panels[0].legend(fontsize=6)
        figure.supxlabel("lead")
        figure.supylabel("degC")
        figure.suptitle(title, x=0.01, ha="left")
    return path


def draw_column(
    path: Path,
    runs: Runs,
    answers: Mapping[str, Array],
    column: ModelColumn,
    title: str,
) -> Path:
    """Draw the last run by depth and lead, with the mixed layer, and errors by depth.

    Parameters
    ----------
    path : path
        The picture.
    runs : Runs
        What was observed.
    answers : mapping of str to array
        ``temperature``, (lead, run, level), and ``mixed_depth``, (lead, run).
    column : ModelColumn
        Its levels.
    title : str
        What stands above.
    """
    floors = np.concatenate(([0.0], column.thickness.cumsum()))
    edges = np.arange(runs.leads + 1) + 0.5
    temperature = answers["temperature"][:, -1].T
    observed = runs.targets
    levels = observed.shape[-1]
    several = levels > 1
    with picture(path, 8.0, 3.4) as figure:
        panels = figure.subplots(1, 1 + several, squeeze=False).ravel()
        shown = panels[0].pcolormesh(edges, floors, temperature, cmap="turbo")
        panels[0].plot(
            edges[:-1] + 0.5, answers["mixed_depth"][:, -1], color=INK, linewidth=0.9
        )
        panels[0].set_ylim(floors[-1], 0.0)
        panels[0].set_xlabel(f"lead, from {runs.moments[-1]!s:.10}")
        panels[0].set_ylabel("depth, m")
        figure.colorbar(shown, ax=panels[0], label="degC")
        if several:
            error = answers["temperature"][..., :levels] - observed
            for lead in sorted({0, runs.leads // 2, runs.leads - 1}):
                size = np.sqrt((error[lead] ** 2).mean(0))
                panels[1].plot(size, column.depths[:levels], label=f"lead {lead + 1}")
            panels[1].set_ylim(column.depths[levels - 1], 0.0)
            panels[1].set_xlabel("rmse, K")
            panels[1].legend(fontsize=6)
        figure.suptitle(title, x=0.01, ha="left")
    return path
