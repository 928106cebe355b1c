"""How long forecasts from the analyses of a twin experiment are worth something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .followed import Followed
from .leads import error_curve, persistence
from .truth import Truth

__all__ = ["Ahead", "errors_ahead"]

Array = np.ndarray[Any, np.dtype[Any]]

_LEADS = 60
"""Cycles that are forecast."""


@dataclass(frozen=True, eq=False)
class Ahead:
    """Root-mean-square errors by lead, 1, 2, … cycles, (lead, seed).

    Parameters
    ----------
    forecast : ndarray
        Of the model from the mean analysis, which observes nothing on its way.
    persistence : ndarray
        Where all stays as last analysed.
    """

    forecast: Array
    persistence: Array


def errors_ahead(truth: Truth, found: Followed) -> Ahead:
    """Forecast from the last analyses of the first setting.

    Parameters
    ----------
    truth : Truth
        What was followed.
    found : Followed
        How.
    """
    leads = max(1, min(_LEADS, len(found.shown) // 2))
    steps = truth.experiment.system.steps(truth.experiment.cycle)
    ahead, forecast = found.shown[: len(found.shown) - leads], []
    for _ in range(leads):
        ahead = truth.model(ahead, steps)
        forecast.append(ahead)
    known = truth.states[-len(found.shown) :]
    curves = (
        error_curve(np.stack(forecast, axis=1), known),
        error_curve(persistence(found.shown, leads), known),
    )
    return Ahead(*(np.sqrt((curve**2).mean(-1)) for curve in curves))
