"""A few days of the global ocean that comes with the package, and a picture of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..models.ocean.climatological import ClimatologicalRun, Month, through_drake
from ..models.ocean.formats.global_ocean import GlobalOcean, read_global_ocean
from ..trainer.plots.style import INK, picture

__all__ = ["global_ocean_days"]

_OPTIONS = {"forced_by": ("wind", "heat", "water", "targets")}
_COEFFICIENTS = {"viscosity": 5e5}
_STEP = 7200.0
_SECTION = 200.0
"""Degrees east, through the middle of the Pacific."""


def global_ocean_days(path: Path, days: int) -> str:
    """Step the ocean from the state of its file, draw it, and tell of it.

    Parameters
    ----------
    path : Path
        The picture: temperature of the surface, its height, and a section.
    days : int
        How many.

    Returns
    -------
    str
        What flows through the Drake Passage, before and after.
    """
    ocean = read_global_ocean()
    run = ClimatologicalRun(ocean, _COEFFICIENTS, _OPTIONS, _STEP, start=ocean.state)
    (after,) = run.months(1, days)
    _draw(path, ocean, after)
    flows = (through_drake(ocean, state["u"]) for state in (ocean.state, after.state))
    before, now = flows
    return (
        f"{before:.1f} million m3/s flow through the Drake Passage in the state of the "
        f"file, {now:.1f} after {days} days; heat not accounted for, by the heat held: "
        f"{after.residuals['heat']:.1e}"
    )


def _draw(path: Path, ocean: GlobalOcean, after: Month) -> None:
    sea = ocean.grid.open_at()
    x, y = ocean.grid.nodes("x"), ocean.grid.nodes("y")
    shown = {
        "temperature of the surface, degC": after.state["temperature"][0],
        "height of the surface, m": after.state["elevation"],
    }
    with picture(path, 7.0, 10.4) as figure:
        *maps, section = figure.subplots(3)
        for at, (title, values) in zip(maps, shown.items(), strict=True):
            field = np.where(sea, values.numpy(), np.nan)
            figure.colorbar(at.pcolormesh(x, y, field, cmap="viridis"), ax=at)
            at.contour(x, y, sea.astype(float), [0.5], colors=INK, linewidths=0.6)
            at.set_title(title)
        column = int(np.argmin(np.abs(x - _SECTION)))
        water = ocean.cell_fraction[..., column] > 0.0
        warm = after.state["temperature"][..., column].numpy()
        edges = (ocean.grid.y_edges, -np.asarray(ocean.grid.z_edges))
        drawn = section.pcolormesh(*edges, np.where(water, warm, np.nan))
        figure.colorbar(drawn, ax=section)
        section.set_ylim(edges[1][-1], 0.0)
        section.set_title(f"temperature by depth in m at {x[column]:g}° E, degC")
