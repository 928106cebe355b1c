"""How long forecasts from the analyses of a twin experiment are worth something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .leads import error_curve, persistence
from .tracking import Tracking
from .truth import Truth

__all__ = ["LeadErrors", "errors_ahead"]

Array = np.ndarray[Any, np.dtype[Any]]

_LEADS = 60
"""Cycles that are forecast."""


@dataclass(frozen=True, eq=False)
class LeadErrors:
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


def errors_ahead(truth: Truth, followed: Tracking) -> LeadErrors:
    """Forecast from the last analyses of the first setting.

    Parameters
    ----------
    truth : Truth
        What was followed.
    followed : Tracking
        How.
    """
    leads = max(1, min(_LEADS, len(followed.shown) // 2))
    steps = truth.experiment.system.steps(truth.experiment.cycle)
    ahead, forecast = followed.shown[: len(followed.shown) - leads], []
    for _ in range(leads):
        ahead = truth.model(ahead, steps)
        forecast.append(ahead)
    states = truth.states[-len(followed.shown) :]
    curves = (
        error_curve(np.stack(forecast, axis=1), states),
        error_curve(persistence(followed.shown, leads), states),
    )
    return LeadErrors(*(np.sqrt((curve**2).mean(-1)) for curve in curves))
