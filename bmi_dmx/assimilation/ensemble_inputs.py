"""What a learned analysis is given of ensembles, in NumPy as in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["analysis_inputs", "entries_of", "joined"]


def entries_of(states: Sequence[str], places: int) -> dict[str, slice]:
    """Return where each state stands among the entries, state by state.

    Parameters
    ----------
    states : sequence of str
        Fields of one value a place.
    places : int
        How many places there are.
    """
    return {name: slice(k * places, (k + 1) * places) for k, name in enumerate(states)}


def analysis_inputs(
    fields: Mapping[str, slice],
    forcings: Sequence[str],
    ensemble: Any,
    observed: Any,
    seen: Any,
    error: Any,
) -> dict[str, Any]:
    """Return the inputs of a learned analysis, by the names its program has.

    Parameters
    ----------
    fields : mapping of str to slice
        States among the entries.
    forcings : sequence of str
        What the analysis reads.
    ensemble, observed, seen, error : ndarray or Tensor
        (..., m, n) forecast, what was observed of it (anything where nothing was), 1
        where something was and else 0, and the size of the errors; the last three
        broadcast over members.
    """
    inputs: dict[str, Any] = {}
    for name, at in fields.items():
        forecast = ensemble[..., at]
        parts = {"observed": observed[..., at], "seen": seen[..., at]}
        parts["error"] = error[..., at]
        if f"{name}_variance" in forcings:
            parts |= _spread(forecast, f"{name}_ahead" in forcings)
        inputs[f"f.{name}"] = forecast
        # Channels are put side by side, and so all are of the shape of the members.
        inputs |= {f"f.{name}_{part}": x + 0.0 * forecast for part, x in parts.items()}
    return inputs


def _spread(forecast: Any, band: bool) -> dict[str, Any]:
    """Return variances, and covariances with the neighbours on a ring."""
    members, places = forecast.shape[-2:]
    anomalies = forecast - forecast.mean(-2, keepdims=True)
    here = np.arange(places)
    others = {"variance": here}
    if band:
        others |= {"behind": (here - 1) % places, "ahead": (here + 1) % places}
    count = max(members - 1, 1)
    return {
        part: (anomalies * anomalies[..., at]).sum(-2, keepdims=True) / count
        for part, at in others.items()
    }


def joined(fields: Mapping[str, slice], outputs: Mapping[str, Any], cat: Any) -> Any:
    """Return the analysed ensemble, (..., m, n).

    Parameters
    ----------
    fields : mapping of str to slice
        States among the entries.
    outputs : mapping
        What the step of the analysis gave.
    cat : callable
        Puts arrays or tensors together along their last axis.
    """
    parts = [outputs[f"q.{name}_analysis"] for name in fields]
    return parts[0] if len(parts) == 1 else cat(parts, -1)
