"""How well peaks are met, by how rare they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..streamflow.frequency import annual_peaks, return_periods, year_numbers

__all__ = ["CLASSES", "PeakClass", "peak_classes"]

CLASSES = (1.0, 2.0, 5.0, 10.0, 25.0, np.inf)
"""Ends of the classes, in years."""

NEAR = 1
"""Steps around an observed peak in which the simulated one is looked for."""

LEAST_YEARS = 8
"""Years that must be there for peaks to be ranked."""


@dataclass(frozen=True, kw_only=True)
class PeakClass:
    """Peaks that return after about as many years.

    Parameters
    ----------
    name : str
        Of the class.
    peaks : int
        How many there are.
    error : dict of str to float
        Median absolute error of the peak by model, percent.
    bias : dict of str to float
        Median error by model, percent.
    nearer : dict of str to float
        Share of the peaks at which a model is nearer than the first one.
    """

    name: str
    peaks: int
    error: dict[str, float]
    bias: dict[str, float]
    nearer: dict[str, float]


def peak_classes(
    time: NDArray[np.datetime64],
    everything: NDArray[Any],
    scored: NDArray[Any],
    models: Mapping[str, NDArray[Any]],
) -> list[PeakClass]:
    """Return how well models meet annual peaks, by how often these return.

    Parameters
    ----------
    time : array (T,) of datetime64
        Steps.
    everything : array (T, B)
        Observed flow, which the distribution of peaks is fitted to.
    scored : array (T, B)
        Observed flow of the days that are judged; NaN elsewhere.
    models : mapping of str to array (T, B)
        Flow by model.

    Returns
    -------
    list of PeakClass
        Those with peaks; none where there are few years.
    """
    years, peaks = annual_peaks(time, everything)
    if (np.isfinite(peaks).sum(axis=0) >= LEAST_YEARS).sum() == 0:
        return []
    period = return_periods(peaks, peaks)
    numbers = year_numbers(time)
    rows: list[tuple[float, ...]] = []
    for at, year in enumerate(years):
        steps = np.flatnonzero(numbers == year)
        for basin in np.flatnonzero(np.isfinite(period[at])):
            part = everything[steps, basin]
            top = int(steps[np.nanargmax(part)])
            if not np.isfinite(scored[top, basin]) or peaks[at, basin] <= 0.0:
                continue
            near = slice(max(top - NEAR, 0), top + NEAR + 1)
            maxima = [float(np.max(flow[near, basin])) for flow in models.values()]
            rows.append((period[at, basin], peaks[at, basin], *maxima))
    return _classed(np.array(rows), list(models)) if rows else []


def _classed(rows: NDArray[np.float64], names: list[str]) -> list[PeakClass]:
    period, peak = rows[:, 0], rows[:, 1:2]
    error = 100.0 * (rows[:, 2:] / peak - 1.0)
    classes = []
    for low, high in pairwise(CLASSES):
        errors = error[(period >= low) & (period < high)]
        if not len(errors):
            continue
        away = np.abs(errors)
        nearer = (away < away[:, :1]).mean(axis=0)
        to = f"to {high:g} years" if np.isfinite(high) else "years or more"
        classes.append(
            PeakClass(
                name=f"{low:g} {to}",
                peaks=len(errors),
                error=dict(zip(names, np.median(away, axis=0).tolist(), strict=True)),
                bias=dict(zip(names, np.median(errors, axis=0).tolist(), strict=True)),
                nearer=dict(zip(names[1:], nearer[1:].tolist(), strict=True)),
            )
        )
    return classes
