"""The pictures of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..models.delta import DeltaModel
from .data.basins import BasinData
from .experiment import Experiment
from .metrics import score
from .plots import (
    hydrographs,
    learned_parameters,
    nse_cdf,
    parameter_series,
    score_map,
)
from .prediction import blocks, predict

__all__ = ["draw"]

SHOWN = 730
"""Days at the end of the period that a picture of series shows."""


def draw(
    folder: Path,
    experiment: Experiment,
    models: Sequence[DeltaModel],
    data: BasinData,
    warmup: int,
    simulated: NDArray[Any],
    groups: Mapping[str, NDArray[np.intp]],
) -> None:
    """Draw hydrographs, distribution and map of scores, and learned parameters.

    Parameters
    ----------
    folder : Path
        Where the pictures go.
    experiment : Experiment
        Names and published scores.
    models : sequence of DeltaModel
        Evaluated models; parameters are drawn where there is only one.
    data : BasinData
        Warm-up and scored period.
    warmup : int
        Days before the scored period.
    simulated : array (T, B)
        Flow of the scored period, mm per day.
    groups : mapping of str to array of int
        Positions of the basins of every group.
    """
    observed = data.target[warmup:]
    nse = score(simulated, observed, ["nse"])["nse"]
    last = slice(-min(SHOWN, len(simulated)), None)
    hydrographs(
        folder / "hydrographs.png",
        time=data.time[last],
        ids=data.ids,
        simulated=simulated[last],
        observed=observed[last],
        precipitation=data.forcing["precipitation"][last],
        title=f"{experiment.name}: last days of the period",
    )
    nse_cdf(
        folder / "nse_cdf.png",
        {f"{experiment.name}, {group}": nse[at] for group, at in groups.items()},
        published=experiment.evaluation.published,
    )
    nowhere = np.array(np.nan)
    longitude = data.attributes.get("longitude", nowhere)
    latitude = data.attributes.get("latitude", nowhere)
    if np.isfinite(longitude).all() and np.isfinite(latitude).all():
        score_map(
            folder / "map.png",
            longitude=longitude,
            latitude=latitude,
            scores=nse,
            title=experiment.name,
        )
    if len(models) == 1:
        _static(folder / "parameters.png", models[0], data)
        typical = int(np.nanargmin(np.abs(nse - np.nanmedian(nse))))
        _dynamic(folder / "parameter_series.png", models[0], data, warmup, typical)


def _static(path: Path, model: DeltaModel, data: BasinData) -> None:
    names = model.spec.static.attributes
    given = {name: torch.from_numpy(data.attributes[name]) for name in names}
    with torch.no_grad():
        values = model.static_parameters(given)
    declared = [*model.static.declared, *model.static.routed]
    learned_parameters(
        path,
        {name: x.numpy() for name, x in values.items()},
        {p.name: p.bounds for p in declared if p.bounds is not None},
        units={p.name: p.units for p in declared},
    )


def _dynamic(
    path: Path, model: DeltaModel, data: BasinData, warmup: int, basin: int
) -> None:
    """Draw what changes with time, in one basin."""
    if model.dynamic is None:
        return
    declared = model.dynamic.declared
    one = data.select([str(data.ids[basin])])
    given = blocks(model, one, warmup=warmup, basins=1)
    series = predict(model, given, [p.name for p in declared])
    last = slice(-SHOWN, None)
    parameter_series(
        path,
        {name: x[last, 0] for name, x in series.items()},
        {p.name: p.bounds for p in declared if p.bounds is not None},
        time=one.time[warmup:][last],
        units={p.name: p.units for p in declared},
        title=f"Dynamic parameters of {one.ids[0]}",
    )
