"""The pictures of an evaluation, and of chosen basins of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ....compose import Model
from ....compose.plan import public
from ..streamflow.metrics import score
from ..streamflow.plots import (
    hydrographs,
    learned_parameters,
    nse_cdf,
    parameter_series,
    score_map,
)
from ..streamflow.results import read_streamflow, shown_of
from .data.basins import BasinData
from .prediction import blocks, predict

RAIN = "precipitation"

__all__ = ["RAIN", "draw", "plot"]

log = logging.getLogger(__name__)

SHOWN = 730
"""Time steps of the period that a picture of series shows."""


def draw(
    folder: Path,
    name: str,
    models: Sequence[Model],
    data: BasinData,
    warmup: int,
    simulated: NDArray[Any],
    groups: Mapping[str, NDArray[np.intp]],
    period: str,
    *,
    published: Mapping[str, float] | None = None,
    others: Mapping[str, NDArray[np.float64]] | None = None,
) -> None:
    """Draw hydrographs, distribution and map of scores, and learned parameters.

    Where no basin has a defined NSE, pictures of it are left out, and it is logged.

    Parameters
    ----------
    folder : Path
        Where the pictures go.
    name : str
        What the model is called.
    models : sequence of Model
        Evaluated models; parameters are drawn where there is only one.
    data : BasinData
        Warm-up and scored period.
    warmup : int
        Time steps before the scored period.
    simulated : array (T, B)
        Flow of the scored period, mm per day.
    groups : mapping of str to array of int
        Positions of the basins of every group.
    period : str
        Name of the scored period.
    published : mapping of str to float, optional
        Median NSE of other models elsewhere, by name.
    others : mapping of str to array (B,), optional
        NSE of other models on the same days, by name.
    """
    nse = score(simulated, data.target[warmup:], ["nse"])["nse"]
    if np.isfinite(nse).any():
        curves = {f"{name}, {group}": nse[at] for group, at in groups.items()}
        _flows(folder, f"{name}, {period}", data, warmup, simulated, nse)
        nse_cdf(
            folder / "nse_cdf.png", {**curves, **(others or {})}, published=published
        )
        _map(folder / "map.png", name, data, nse)
    else:
        log.warning(
            "no basin has a defined NSE in the %s period: hydrographs.png, nse_cdf.png"
            " and map.png are not drawn",
            period,
        )
    if len(models) == 1:
        _static(folder / "parameters.png", models[0], data)
        typical = 0
        if np.isfinite(nse).any():
            typical = int(np.nanargmin(np.abs(nse - np.nanmedian(nse))))
        _dynamic(folder / "parameter_series.png", models[0], data, warmup, typical)


def _flows(
    folder: Path,
    title: str,
    data: BasinData,
    warmup: int,
    simulated: NDArray[Any],
    nse: NDArray[np.float64],
) -> None:
    """Draw the flow of basins from the best to the worst."""
    time = data.time[warmup:]
    hydrographs(
        folder / "hydrographs.png",
        time=time,
        ids=data.ids,
        simulated=simulated,
        observed=data.target[warmup:],
        precipitation=data.forcing[RAIN][warmup:],
        names=None if data.names is None else data.names.tolist(),
        nse=nse,
        steps=SHOWN,
        title=f"{title} {time[0]} to {time[-1]}",
    )


def _map(path: Path, title: str, data: BasinData, nse: NDArray[np.float64]) -> None:
    """Draw the scores where the basins are, if that is known."""
    coordinates = data.where()
    if coordinates is not None and np.isfinite(coordinates).all():
        longitude, latitude = coordinates
        score_map(path, longitude=longitude, latitude=latitude, scores=nse, title=title)


def _static(path: Path, model: Model, data: BasinData) -> None:
    attributes = {
        name: torch.from_numpy(data.attributes[name]) for name in model.attributes
    }
    with torch.no_grad():
        values = model.constant_parameters(attributes)
    if not values:
        return
    declared = model.plan.supplied
    learned_parameters(
        path,
        {name: x.numpy() for name, x in values.items()},
        {n: p.bounds for n, p in declared.items() if p.bounds is not None},
        units={n: p.units for n, p in declared.items()},
    )


def _dynamic(
    path: Path, model: Model, data: BasinData, warmup: int, basin: int
) -> None:
    """Draw what changes with time, in one basin."""
    varying = {part.name for part in model.plan.networks if part.every != "once"}
    # What stands for an observed quantity is drawn with it.
    declared = {
        public(part, p): p
        for part, p in model.plan.given()
        if model.plan.link(part, p.name).part in varying and not p.target
    }
    if not declared:
        return
    one = data.select([str(data.ids[basin])])
    basin_blocks = blocks(model, one, warmup=warmup, basins=1)
    series = predict(model, basin_blocks, list(declared))
    last = slice(-SHOWN, None)
    parameter_series(
        path,
        {name: x[last, 0] for name, x in series.items()},
        {n: p.bounds for n, p in declared.items() if p.bounds is not None},
        time=one.time[warmup:][last],
        units={n: p.units for n, p in declared.items()},
        title=f"Dynamic parameters of {one.ids[0]}",
    )


def plot(
    source: Path,
    basins: Sequence[str],
    start: date | None,
    end: date | None,
    output: Path,
) -> Path:
    """Draw observed and simulated flow of chosen basins, or of the best to the worst.

    With precipitation and the names of gauges, where the file has them. The NSE is that
    of the steps that are drawn.

    Parameters
    ----------
    source : Path
        A ``streamflow.nc``, or the folder it lies in.
    basins : sequence of str
        Station identifiers; all when empty.
    start, end : date, optional
        First and last day drawn.
    output : Path
        The picture.

    Raises
    ------
    DataError
        A basin is not in the file, or it has no such days.
    """
    path = source / "streamflow.nc" if source.is_dir() else source
    flow = read_streamflow(path)
    ids = flow.ids.tolist()
    positions, steps = shown_of(path, flow, basins, start, end, what="basin")
    window = np.ix_(steps, np.array(positions))
    time, simulated = flow.time[steps], flow["simulated"][window]
    observed = flow["observed"][window]
    nse = score(simulated, observed, ["nse"])["nse"]
    for at, value in zip(positions if basins else (), nse, strict=False):
        if not np.isfinite(value):
            log.warning("%s: basin %s has no NSE and is not drawn", path, ids[at])
    rain = flow.series.get(RAIN)
    title = flow.attributes.get("title", "").rstrip(". ")
    return hydrographs(
        output,
        time=time,
        ids=flow.ids[positions],
        names=None if flow.names is None else flow.names[positions].tolist(),
        simulated=simulated,
        observed=observed,
        precipitation=None if rain is None else rain.values[window],
        panels=len(basins) or 6,
        title=f"{title}, {time[0]} to {time[-1]}".lstrip(", "),
    )
