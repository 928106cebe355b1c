"""Flow by learned channels beside that by the channels of a file, on equal inflow."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import netCDF4
import numpy as np

from ..data import netcdf
from ..errors import ConfigError, DataError
from ..files import atomic, atomic_folder
from ..models.rivers.formats import River, read_gauges, read_river
from ..models.rivers.formats.gauge_table import with_gauges
from ..models.rivers.formats.read import found
from ..models.rivers.formats.series import SeriesOfPlaces
from ..models.rivers.settings import OF_TREE
from ..run.steps import rows_of
from ..tables import Column, render
from ..trainer.plots.style import COLOURS, INK, dates, picture
from ..trainer.tasks.streamflow.metrics import score
from .inflow import Array
from .route import Request, opened_inflow, route
from .span import Lateral, Span
from .start import flow_at
from .stations import Stations

__all__ = ["compare"]

COMPOUND = "rivers-compound"
STEP = 300.0  # of the National Water Model and of t-route, s
OF_COMPOUND = (
    "manning", "floodplain_manning", "bottom_width", "top_width", "floodplain_width",
    "side_slope",
)  # fmt: skip
OBSERVED = ("gauge_flow", "usgs", "observed", "discharge", "streamflow")
"""Usual names of flow in the file of a tree."""

METRICS = ("nse", "kge", "bias")
DRAWN = 6
"""Most places whose flow is drawn."""

FLOW = "discharge"
SUM, GIVEN, SEEN = "sum of the inflow", "channels of the file", "observed"


@dataclass(frozen=True)
class _Flow:
    """Flow at the same places and times, (time, place), m3 s-1, by where it is from."""

    names: tuple[str, ...]
    times: np.ndarray
    series: dict[str, Array]


def compare(request: Request) -> str:
    """Route once more by the channels of the tree, and put it beside what was routed.

    Beside the output appears a folder with the flow by the channels of the file,
    ``given.nc``, a table, ``scores.csv``, and a picture, ``flow.png``. Where the file
    says nothing of channels, the sum of the inflow alone is beside.

    Parameters
    ----------
    request : Request
        That was routed.

    Returns
    -------
    str
        The table.

    Raises
    ------
    ConfigError
        When the file of the tree says neither of channels nor what was observed.
    """
    tree = found(request.tree)
    river = read_river(tree, format=request.format, lakes=request.lakes)
    if request.gauges is not None:
        river = with_gauges(river, read_gauges(request.gauges))
    if request.above:
        river = river.upstream_of(request.above)
    folder = request.output.with_name(f"{request.output.stem}-compared")
    with atomic_folder(folder) as temporary:
        other = _by_file(request, river, temporary / "given.nc")
        if other is not None:
            route(other)
        flow = _beside(request, other, river, tree)
        text = _scored(flow, temporary / "scores.csv")
        _draw(flow, temporary / "flow.png", request.tree.name)
    return f"{text}\n\n{folder}"


def _by_file(request: Request, river: River, output: Path) -> Request | None:
    """Return the same run by the channels of the file; None if it says nothing more."""
    attributes = {n for n, x in river.attributes.items() if np.isfinite(x).all()}
    other = replace(request, output=output, save_state=None)
    if request.bundle != COMPOUND and attributes.issuperset(OF_COMPOUND):
        step = replace(request.when, step=STEP)
        return replace(other, bundle=COMPOUND, parameters=None, when=step)
    if request.parameters != OF_TREE and "manning" in attributes:
        return replace(other, parameters=OF_TREE)
    return None


def _beside(request: Request, other: Request | None, river: River, tree: Path) -> _Flow:
    names, times, flow = _written(request.output)
    series = {Path(request.bundle).name: flow, SUM: _summed(request, river, len(times))}
    if other is not None:
        series[GIVEN] = _written(other.output)[2]
    observed = _observed(request, names, times, tree)
    if observed is not None:
        series[SEEN] = observed
    elif other is None:
        raise ConfigError(
            f"--compare: {river.path}: says neither what was observed (one of "
            f"{', '.join(OBSERVED)}) nor more of channels than was routed by: manning, "
            f"or all of {', '.join(OF_COMPOUND)}"
        )
    return _Flow(names, times, series)


def _written(path: Path) -> tuple[tuple[str, ...], np.ndarray, Array]:
    """Return what a file of routed flow holds."""
    with netCDF4.Dataset(path) as file:
        (place,) = (d for d in file[FLOW].dimensions if d != "time")
        return (
            tuple(str(name) for name in file[f"{place}_id"][:]),
            np.asarray(file["time"][:]).astype("datetime64[s]"),
            np.ma.filled(file[FLOW][:], np.nan),
        )


def _summed(request: Request, river: River, count: int) -> Array:
    """Return the sum of the inflow above the places, means of what is written."""
    inflow = opened_inflow(request)
    try:
        inflow.join(river)
        begun = _first_time(request)
        span = Span.of(request.when, inflow.axis, str(inflow.path), begun=begun)
        at = Stations.of(request.at, river).positions
        lateral = Lateral(inflow, span, lines=request.lines)
        summed = np.empty((count, len(at)))
        each = max(1, rows_of(count * span.every, len(river)) // span.every)
        for first in range(0, count, each):
            some = min(each, count - first)
            steps = lateral.read(span.lead + first * span.every, some * span.every)
            means = steps.reshape(some, span.every, -1).mean(axis=1)
            total = river.tree.accumulate(means.T).T
            summed[first : first + some] = total[:, at]
        return summed
    finally:
        inflow.close()


def _first_time(request: Request) -> datetime | None:
    if request.first_flow is None:
        return None
    return flow_at(request.inflow, request.first_flow, request.when).time


def _observed(
    request: Request, names: tuple[str, ...], times: np.ndarray, tree: Path
) -> Array | None:
    """Return what was seen at the places, NaN where nothing was; None if nowhere."""
    with netcdf.opened(tree) as file:
        there = [name for name in OBSERVED if name in file.variables]
    for variable in there:
        try:
            with SeriesOfPlaces(tree, variable) as series:
                indices = [k for k, name in enumerate(series.ids) if name in names]
                values = series.read()[:, indices]
                stamps = series.stamps.moments.times.astype("datetime64[s]")
                places = [series.ids[k] for k in indices]
        except DataError:
            continue
        if request.when.daily:
            # A day is called as in the time in which it begins.
            shift = np.timedelta64(round(request.when.utc_offset * 3600), "s")
            times, stamps = (
                (times + shift).astype("datetime64[D]"),
                stamps.astype("datetime64[D]"),
            )
        same, mine, theirs = np.intersect1d(times, stamps, return_indices=True)
        if len(same) and places:
            observed = np.full((len(times), len(names)), np.nan)
            columns = np.array([names.index(name) for name in places])
            observed[np.ix_(mine, columns)] = values[theirs]
            return observed
    return None


def _scored(flow: _Flow, path: Path) -> str:
    """Write the scores of all places, and return a table of them in the middle."""
    what = SEEN if SEEN in flow.series else GIVEN
    rows = [name for name in flow.series if name != what]
    against = flow.series[what]
    scores = {name: score(flow.series[name], against, METRICS) for name in rows}
    with (
        atomic(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as text,
    ):
        table = csv.writer(text)
        table.writerow(["place", *(f"{m} of {name}" for name in rows for m in METRICS)])
        for k, place in enumerate(flow.names):
            table.writerow(
                [place, *(f"{scores[n][m][k]:.6g}" for n in rows for m in METRICS)]
            )
    count = int(np.isfinite(scores[rows[0]]["nse"]).sum())
    columns = [
        Column(header=f"against {what}", values=rows),
        *(
            Column(
                header=f"{metric} (median)", format=".3f",
                values=[_median(scores[name][metric]) for name in rows],
            )
            for metric in METRICS
        ),
        Column(header="places", values=[count] * len(rows)),
    ]  # fmt: skip
    return render(columns)


def _median(values: Array) -> float | None:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else None


def _draw(flow: _Flow, path: Path, name: str) -> None:
    """Draw the flow at the places with most of it."""
    mean = np.nan_to_num(next(iter(flow.series.values()))).mean(axis=0)
    some = np.argsort(-mean, kind="stable")[:DRAWN]
    colours = {**dict(zip(flow.series, COLOURS, strict=False)), SEEN: INK}
    with picture(path, 8.0, 1.0 + 1.7 * len(some)) as figure:
        figure.suptitle(f"{name}: the same inflow, routed", x=0.02, ha="left")
        axes = figure.subplots(len(some), 1, sharex=True, squeeze=False)[:, 0]
        for panel, k in zip(axes, some.tolist(), strict=True):
            for label, series in flow.series.items():
                panel.plot(
                    flow.times, series[:, k], color=colours[label], label=label, lw=1.0
                )
            panel.set_title(flow.names[k])
            panel.set_ylabel("m³ s⁻¹")
        dates(axes[-1], flow.times)
        labelled, labels = axes[0].get_legend_handles_labels()
        figure.legend(labelled, labels, ncols=len(labels), loc="outside lower center")
