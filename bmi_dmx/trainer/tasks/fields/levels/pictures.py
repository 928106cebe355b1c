"""Where forecasts on levels err: on the map, by depth, and as time goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ....plots.style import COLOURS, INK, picture
from .measures import ErrorMap

__all__ = ["draw"]


def draw(path: Path, scores: Mapping[str, Any], where: ErrorMap) -> Path:
    """Draw a map of errors with coastlines, a section, a Hovmöller diagram, and leads.

    Parameters
    ----------
    path : path
        The picture.
    scores : mapping
        By forecast, state and lead.
    where : ErrorMap
        Errors of one state by place.
    """
    grid, sea = where.samples.grid, where.samples.sea
    x, y = grid.nodes("x"), grid.nodes("y")
    units = where.samples.states[where.name].units
    assert grid.z_edges is not None
    with picture(path, 9.0, 6.4) as figure:
        panels = figure.subplots(2, 2)
        (whole, section), (course, leads) = panels
        shown = whole.pcolormesh(x, y, where.surface, cmap="viridis")
        coast = (sea[0] > 0.0).astype(float)
        if coast.min() < coast.max():
            whole.contour(x, y, coast, levels=[0.5], colors=INK, linewidths=0.6)
        whole.set_title(f"error of {where.name} at the surface, lead {where.leads[-1]}")
        figure.colorbar(shown, ax=whole, label=units)
        floors = -np.asarray(grid.z_edges)
        shown = section.pcolormesh(
            grid.y_edges, floors, where.section, cmap="viridis", shading="flat"
        )
        section.set_ylim(floors[-1], 0.0)
        section.set_title(f"along rows, lead {where.leads[-1]}")
        section.set(xlabel="latitude", ylabel="depth, m")
        figure.colorbar(shown, ax=section, label=units)
        at = np.arange(len(where.leads))
        shown = course.pcolormesh(
            x, at, where.course, cmap="viridis", shading="nearest"
        )
        course.set_yticks(at, [str(lead) for lead in where.leads])
        course.set_title("at the surface, around the equator")
        course.set(xlabel="longitude", ylabel="lead")
        figure.colorbar(shown, ax=course, label=units)
        for forecast, colour in zip(scores, COLOURS, strict=False):
            by_lead = scores[forecast][where.name]
            errors = [one["rmse"] for one in by_lead.values()]
            leads.plot(list(where.leads), errors, "o-", color=colour, label=forecast)
        leads.set_xticks(list(where.leads))
        leads.set(xlabel="lead", ylabel="rmse", title="all levels")
        leads.legend(fontsize=6)
    return path
