"""The pictures of an evaluation of a river, and of chosen gauges of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from ....compose import Model
from ....space import Tree
from ...plots.style import COLOURS, MUTED, SIMULATED, PathLike, picture
from ..streamflow.comparison import Comparison
from ..streamflow.metrics import score
from ..streamflow.plots import hydrographs, learned_parameters, nse_cdf
from ..streamflow.results import Hydrographs, read_streamflow, shown_of
from .baselines import LAGGED, SUMMED
from .data import RiverData
from .simulation import learned

__all__ = ["draw", "plot", "score_by_area", "tree_map"]

log = logging.getLogger(__name__)

SHOWN = 730
"""Days of the period that a picture of series shows."""

UNITS = "m³ s⁻¹"

BASELINES = (SUMMED, LAGGED)


def draw(
    folder: Path,
    report: Comparison,
    models: Sequence[Model],
    data: RiverData,
    flows: Hydrographs,
) -> None:
    """Draw hydrographs, scores and, of one model, what it learned.

    Where no gauge has a defined NSE, pictures of it are left out, and it is logged.
    """
    nse = report.scores["nse"]
    others = {name: scores["nse"] for name, scores in report.baselines.items()}
    if np.isfinite(nse).any():
        _flows(folder / "hydrographs.png", report.title, flows, nse)
        nse_cdf(folder / "nse_cdf.png", {report.name: nse, **others})
        score_by_area(
            folder / "score_by_area.png",
            data.gauges.area_km2,
            {report.name: nse, **others},
            title=report.title,
        )
    else:
        log.warning("no gauge has a defined NSE; pictures of it are not drawn")
    if len(models) == 1:
        _learned(folder, models[0], data)


def _flows(
    path: Path,
    title: str,
    flows: Hydrographs,
    nse: NDArray[np.float64],
    panels: int = 6,
) -> Path:
    names = {n: n.replace(" ", "_") for n in BASELINES}
    return hydrographs(
        path,
        time=flows.time,
        ids=flows.ids,
        simulated=flows["simulated"],
        observed=flows["observed"],
        nse=nse,
        steps=SHOWN,
        title=title,
        panels=panels,
        others={n: flows[there] for n, there in names.items()},
        units=UNITS,
    )


def _learned(folder: Path, model: Model, data: RiverData) -> None:
    """Draw the parameters that networks supply once, and roughness on the tree."""
    parameters = learned(model, data)
    if not parameters:
        return
    declared = model.plan.supplied
    learned_parameters(
        folder / "parameters.png",
        parameters,
        {n: p.bounds for n, p in declared.items() if p.bounds is not None},
        units={n: p.units for n, p in declared.items()},
    )
    slope = data.river.attributes.get("slope")
    if "manning" in parameters and slope is not None:
        # Of a flat channel the ratio alone is known, so it is what is shown.
        least = _least_slope(model)
        values = parameters["manning"] / np.sqrt(np.maximum(slope, least))
        tree_map(
            folder / "roughness.png",
            data,
            values,
            "n / √S (s m⁻¹ᐟ³)",
            f"learned roughness over the root of the slope, at least {least:g}",
        )


def _least_slope(model: Model) -> float:
    """Return the slope that the physics takes flatter channels for."""
    floors = [
        process.options.floors.slope
        for process in model.processes.values()
        if hasattr(process.options, "floors")
    ]
    return float(floors[0]) if floors else 1e-5


def score_by_area(
    path: PathLike,
    area_km2: NDArray[np.float64],
    scores: Mapping[str, NDArray[np.float64]],
    *,
    title: str = "",
) -> Path:
    """Draw the NSE of every gauge over its drainage area, one colour per model.

    Scores below 0 are drawn at 0.

    Parameters
    ----------
    path : path-like
        The picture.
    area_km2 : (gauge,) array
        Drainage areas.
    scores : mapping of str to array (gauge,)
        NSE by model, the one of interest first.
    title : str
        Headline.
    """
    with picture(path, 6.4, 3.9) as figure:
        axes = figure.subplots()
        colours = (SIMULATED, COLOURS[0], COLOURS[2], COLOURS[3])
        for (name, values), colour in zip(scores.items(), colours, strict=False):
            shown = np.maximum(values, 0.0)
            axes.plot(area_km2, shown, "o", color=colour, markersize=4, label=name)
        axes.set_xscale("log")
        axes.set(xlabel="drainage area (km²)", ylabel="NSE", ylim=(-0.02, 1.0))
        figure.legend(loc="outside lower left", ncols=3)
        if title:
            figure.suptitle(title, x=0.01, ha="left")
    return Path(path)


def tree_map(
    path: PathLike,
    data: RiverData,
    values: NDArray[np.float64],
    label: str,
    title: str = "",
) -> Path:
    """Draw a river with a colour for every reach.

    Where reaches have coordinates they are where they are; else the way to the outlet
    goes to the left, and branches lie side by side.

    Parameters
    ----------
    path : path-like
        The picture.
    data : RiverData
        The river.
    values : (reach,) array
        What is coloured; above 0.
    label, title : str
        Of the colours, and the headline.
    """
    tree = data.river.tree
    mapped = tree.longitude is not None and tree.latitude is not None
    x, y = (
        (tree.longitude, tree.latitude)
        if mapped
        else layout(tree, data.river.attributes.get("length"))
    )
    assert x is not None
    assert y is not None
    above = np.flatnonzero(tree.downstream >= 0)
    below = tree.downstream[above]
    lines = np.stack(
        [np.stack([x[above], y[above]], 1), np.stack([x[below], y[below]], 1)], 1
    )
    area = data.river.attributes.get("drainage_area_km2")
    size = np.ones(len(tree)) if area is None else np.sqrt(area / np.nanmax(area))
    with picture(path, 7.2, 4.8) as figure:
        axes = figure.subplots()
        drawn = LineCollection(
            list(lines), linewidths=0.8 + 3.5 * size[above], cmap="viridis"
        )
        drawn.set_array(np.log10(values[above]))
        axes.add_collection(drawn)
        axes.autoscale()
        if mapped:
            axes.set(xlabel="degrees east", ylabel="degrees north")
        else:
            axes.set(xlabel="km above the outlet", yticks=[])
        at = tree.positions(data.gauges.reaches)
        axes.plot(x[at], y[at], "v", color=MUTED, markersize=6, clip_on=False)
        bar = figure.colorbar(drawn, ax=axes, shrink=0.8)
        bar.set_label(f"log₁₀ of {label}")
        if title:
            figure.suptitle(title, x=0.01, ha="left")
    return Path(path)


def layout(
    tree: Tree, length: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where reaches are drawn that have no coordinates.

    Parameters
    ----------
    tree : Tree
        The reaches.
    length : (reach,) array, optional
        m; all alike where unknown.

    Returns
    -------
    x : (reach,) array
        km from the upper end of a reach to the outlet.
    y : (reach,) array
        Springs one below the other; other reaches in the middle of those above.
    """
    lengths = np.ones(len(tree)) if length is None else length / 1000.0
    x = lengths.copy()
    for place in reversed(tree.order.tolist()):
        if (below := tree.downstream[place]) >= 0:
            x[place] += x[below]
    children: list[list[int]] = [[] for _ in range(len(tree))]
    for place, below in enumerate(tree.downstream.tolist()):
        if below >= 0:
            children[below].append(place)
    y = np.zeros(len(tree))
    springs = 0
    # Depth first, so that branches do not cross.
    stack = [int(k) for k in np.flatnonzero(tree.downstream < 0)]
    while stack:
        place = stack.pop()
        stack.extend(children[place])
        if not children[place]:
            y[place], springs = springs, springs + 1
    for place in tree.order.tolist():
        if children[place]:
            y[place] = np.mean(y[children[place]])
    return x, y


def plot(
    source: Path,
    gauges: Sequence[str],
    start: date | None,
    end: date | None,
    output: Path,
) -> Path:
    """Draw observed and simulated flow of chosen gauges, beside the baselines.

    The NSE in the picture is that of all days of the file.

    Parameters
    ----------
    source : Path
        A ``streamflow.nc``, or the folder it lies in.
    gauges : sequence of str
        Their ids; all when empty.
    start, end : date, optional
        First and last day drawn.
    output : Path
        The picture.

    Raises
    ------
    DataError
        A gauge is not in the file, or it has no such days.
    """
    path = source / "streamflow.nc" if source.is_dir() else source
    flows = read_streamflow(path)
    positions, steps = shown_of(path, flows, gauges, start, end, what="gauge")
    nse = score(flows["simulated"], flows["observed"], ["nse"])["nse"]
    window: Any = np.ix_(steps, np.array(positions))
    shown = Hydrographs(
        time=flows.time[steps],
        ids=flows.ids[positions],
        series={
            n: type(s)(values=s.values[window], units=s.units, about=s.about)
            for n, s in flows.series.items()
        },
    )
    return _flows(output, "", shown, nse[positions], len(gauges) or 6)
