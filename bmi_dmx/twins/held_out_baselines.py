"""What the nearest gauge tells without a filter: its flow, or its ratio to a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..assimilation.localisation import on_tree, ways_down
from ..trainer.tasks.reaches.data import RiverData
from .held_out_run import Days, Estimates

__all__ = ["NEAREST", "RATIO", "transferred"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.intp]]

NEAREST, RATIO = "nearest gauge, by area", "open loop by the nearest gauge"

_LEAST = 1e-3
"""m3 s-1, the least flow of a model that is compared with a gauge."""


def transferred(
    data: RiverData, days: Days, fold: Indices, folds: int, alone: tuple[Array, Array]
) -> dict[str, Estimates]:
    """Return what follows from the nearest gauge along the stream that is told.

    Its flow in proportion to the land above, or the model in the ratio of what that
    gauge shows to what the model has there. Ahead it is that of the day before. Where
    no gauge is told on the same river, or nothing was seen, it is the model.

    Parameters
    ----------
    data : RiverData
        The river.
    days : Days
        What is run.
    fold : ndarray of int
        (gauge,) turn in which each is left out.
    folds : int
        How many.
    alone : (ndarray, ndarray)
        (day, gauge) flow of the model.
    """
    model, tree = alone[0], data.river.tree
    length = data.attributes(["length"])["length"]
    apart = on_tree(tree, days.places, days.places, ways_down(tree, length))
    area = data.gauges.area_km2
    flows: dict[str, list[tuple[Array, Array]]] = {NEAREST: [], RATIO: []}
    for turn in range(folds):
        distance = np.where((fold == turn)[None, :], np.inf, apart)
        nearest = distance.argmin(axis=1)
        joined = np.isfinite(distance.min(axis=1))
        donor = np.where(joined, days.observed[:, nearest], np.nan)
        flow = donor * (area / area[nearest])
        ratio = donor / np.maximum(model[:, nearest], _LEAST)
        for name, same, ahead in (
            (NEAREST, flow, _day_before(flow)),
            (RATIO, model * ratio, model * _day_before(ratio)),
        ):
            pair = _known(same, model), _known(ahead, model)
            flows[name].append(pair)
    return {
        name: Estimates(*map(np.stack, zip(*pairs, strict=True)))
        for name, pairs in flows.items()
    }


def _day_before(values: Array) -> Array:
    """Return what was a day earlier; NaN before the first."""
    return np.concatenate([np.full_like(values[:1], np.nan), values[:-1]])


def _known(values: Array, model: Array) -> Array:
    return np.where(np.isnan(values), model, values)
