"""What a filter is to make small over a window, stream by stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .cycle import CycleResult, fair_crps

__all__ = ["LOSSES", "of_streams"]

_TINY = 1e-6


def _misfit(values: Tensor, target: Tensor, error: float) -> Tensor:
    """Return the squared error where something was observed, in errors; else 0."""
    observed = ~target.isnan()
    return (
        torch.where(
            observed, (values - torch.where(observed, target, values)) / error, 0.0
        )
        ** 2
    )


def _forecast(cycle: CycleResult, target: Tensor, error: float) -> Tensor:
    return _misfit(cycle.forecast.mean(1), target, error)


def _analysis(cycle: CycleResult, target: Tensor, error: float) -> Tensor:
    return _misfit(cycle.analysis.mean(1), target, error)


def _crps(cycle: CycleResult, target: Tensor, error: float) -> Tensor:
    """Return the score of what members say will be observed, errors included."""
    observed = ~target.isnan()
    score = fair_crps(cycle.forecast, torch.where(observed, target, 0.0), error) / error
    return torch.where(observed, score, 0.0)


LOSSES: dict[str, Callable[[CycleResult, Tensor, float], Tensor]] = {
    "forecast": _forecast,
    "analysis": _analysis,
    "supervised": _analysis,
    "crps": _crps,
}
"""Losses by name: (stream, n) of a cycle, 0 where nothing is compared."""


def of_streams(
    kind: str,
    cycles: Sequence[CycleResult],
    target: Tensor,
    truth: Tensor,
    error: float,
) -> Tensor:
    """Return the mean loss of every stream over a window, (stream,).

    Forecasts of the first cycle depend on nothing that is learned in the window.

    Parameters
    ----------
    kind : str
        Name in :data:`LOSSES`.
    cycles : sequence of CycleResult
        The window.
    target, truth : Tensor
        (time, stream, n) what was observed, and the truth, empty where it is not known.
    error : float
        Standard deviation of its errors.
    """
    first = 0 if kind in ("analysis", "supervised") else 1
    against = truth if kind == "supervised" else target
    losses = [
        LOSSES[kind](cycles[k], against[k], error) for k in range(first, len(cycles))
    ]
    counts = (~against[first:].isnan()).sum((0, 2))
    return torch.stack(losses).sum((0, 2)) / counts.clamp(min=1) + _TINY
