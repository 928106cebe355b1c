"""What a trained model must beat to be worth its training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..compose import Model, ModelSpec, Statistics
from ..models.hydrology.climate import day_of_year
from ..trainer.tasks.basins.data.basins import Times

__all__ = ["HALF_WINDOW", "climatology", "mid_range"]

Array = NDArray[np.float64]

HALF_WINDOW = 15
"""Days to either side of a date that its climatology is the mean over."""


def mid_range(spec: ModelSpec, statistics: Statistics) -> Model:
    """Return a model with all its parameters in the middle of their bounds.

    It differs from the trained one in nothing but what was learned.

    Parameters
    ----------
    spec : ModelSpec
        The trained model.
    statistics : Statistics
        Its statistics; they have no effect.
    """
    parts = {
        name: replace(part, members=1) if part.members else part
        for name, part in spec.parts.items()
    }
    model = Model(replace(spec, parts=parts), statistics)
    with torch.no_grad():
        # A network that answers 0 means the middle, whatever it reads.
        for weight in model.parameters():
            weight.zero_()
    return model.eval()


def climatology(time: Times, flow: NDArray[Any], when: Times) -> Array:
    """Return the flow to be expected from the date alone.

    Parameters
    ----------
    time : array (T,) of datetime64[D]
        One whole year.
    flow : array (T, B)
        Observed flow of that year; NaN where missing.
    when : array (N,) of datetime64[D]
        Days of another year.

    Returns
    -------
    array (N, B)
        Mean over the days around the same date; the year is taken to be a circle.
    """
    circle = np.concatenate([flow[-HALF_WINDOW:], flow, flow[:HALF_WINDOW]])
    windows = sliding_window_view(circle.astype(np.float64), 2 * HALF_WINDOW + 1, 0)
    smooth: Array = np.nanmean(windows, axis=-1)
    # The last day of a leap year looks like that of any other.
    at = np.minimum(day_of_year(when), len(time)) - 1
    expected: Array = smooth[at]
    return expected
