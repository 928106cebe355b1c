"""How good the ranges are that several trainings of a study span together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..streamflow.probability import Range
from .pooling import ENSEMBLE, Line

__all__ = ["ranges_of"]


def ranges_of(
    models: Mapping[str, Sequence[Line]], observed: NDArray[np.float64]
) -> dict[str, Range]:
    """Score the seeds of each model as a range of flows, and all trainings together.

    Parameters
    ----------
    models : mapping of str to sequence of Line
        Single trainings by model, equally many of each.
    observed : array (T, B)
        Of the scored days; NaN elsewhere.

    Returns
    -------
    dict of str to Range
        By model, and of all; none of a model that was trained once.
    """
    ranges = {
        model: _scored(lines, observed, f"{len(lines)} seeds of {model}")
        for model, lines in models.items()
        if len(lines) > 1
    }
    if len(models) > 1:
        lines = [line for seeds in models.values() for line in seeds]
        about = f"all {len(lines)} trainings"
        ranges[ENSEMBLE] = _scored(lines, observed, about)
    return ranges


def _scored(lines: Sequence[Line], observed: NDArray[np.float64], about: str) -> Range:
    flows = np.stack([line.flow for line in lines]).astype(np.float64)
    return Range.scored(flows, observed, about=about, sample=True)
