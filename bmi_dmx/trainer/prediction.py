"""A model run over whole periods: with days before them to warm up, basin by basin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..models.delta import DeltaModel
from .data.basins import Array32, BasinData
from .data.sampler import Batch, basin_blocks
from .experiment import Period

__all__ = ["Blocks", "blocks", "predict", "with_lead"]


@dataclass(frozen=True)
class Blocks:
    """A period of all basins, ready to be simulated.

    Parameters
    ----------
    batches : list of Batch
        Blocks of basins with all days, warm-up first.
    warmup : int
        Days before the period.
    observed : array (T, B)
        Observed flow of the period, mm per day; NaN where missing.
    """

    batches: Sequence[Batch]
    warmup: int
    observed: Array32


def with_lead(data: BasinData, period: Period, days: int) -> tuple[BasinData, int]:
    """Return a period with days before it, as far as the record reaches.

    Parameters
    ----------
    data : BasinData
        All days.
    period : (date, date)
        First and last day.
    days : int
        Days wanted before the first.

    Returns
    -------
    data : BasinData
        The days before the period, and the period.
    lead : int
        How many days lie before it.
    """
    first, last = period
    record: date = data.time[0].item()
    start = min(max(first - timedelta(days=days), record), first)
    return data.period(start, last), (first - start).days


def blocks(model: DeltaModel, data: BasinData, *, warmup: int, basins: int) -> Blocks:
    """Cut data into blocks of basins for a model.

    Parameters
    ----------
    model : DeltaModel
        Says which forcings and attributes are needed.
    data : BasinData
        Warm-up and period.
    warmup : int
        Days at the beginning that are not to be scored.
    basins : int
        Most basins in a block.
    """
    batches = basin_blocks(
        data, model.forcings, model.attributes, warmup=warmup, basins=basins
    )
    return Blocks(list(batches), warmup, data.target[warmup:])


def predict(
    model: DeltaModel, given: Blocks, outputs: Sequence[str] = ("streamflow",)
) -> dict[str, NDArray[Any]]:
    """Simulate a period, without gradient; the model must be in evaluation mode.

    Returns
    -------
    dict of str to array (T, B)
        The outputs on the days after the warm-up.
    """
    parts = []
    with torch.no_grad():
        for batch in given.batches:
            ran = model.simulate(
                batch["forcing"],
                batch["attributes"],
                warmup=given.warmup,
                outputs=outputs,
            )
            parts.append({name: x.numpy() for name, x in ran.outputs.items()})
    return {name: np.concatenate([p[name] for p in parts], 1) for name in outputs}
