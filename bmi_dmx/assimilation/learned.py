"""What a learned analysis is given of ensembles, in NumPy as in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["entries_of", "given", "joined"]


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


def given(
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
    found: dict[str, Any] = {}
    for name, at in fields.items():
        found |= {
            f"f.{name}": ensemble[..., at], f"f.{name}_observed": observed[..., at],
            f"f.{name}_seen": seen[..., at], f"f.{name}_error": error[..., at],
        }  # fmt: skip
        if f"{name}_variance" in forcings:
            found |= _spread(name, f"{name}_ahead" in forcings, ensemble[..., at])
    return found


def _spread(name: str, band: bool, ensemble: Any) -> dict[str, Any]:
    """Return variances, and covariances with the neighbours on a ring."""
    members, places = ensemble.shape[-2:]
    anomalies = ensemble - ensemble.mean(-2, keepdims=True)

    def covariance(with_place: Any) -> Any:
        products = anomalies * anomalies[..., with_place]
        return products.sum(-2, keepdims=True) / max(members - 1, 1)

    here = np.arange(places)
    found = {f"f.{name}_variance": covariance(here)}
    if band:
        found[f"f.{name}_behind"] = covariance((here - 1) % places)
        found[f"f.{name}_ahead"] = covariance((here + 1) % places)
    return found


def joined(fields: Mapping[str, slice], found: Mapping[str, Any], cat: Any) -> Any:
    """Return the analysed ensemble, (..., m, n).

    Parameters
    ----------
    fields : mapping of str to slice
        States among the entries.
    found : mapping
        What the step of the analysis gave.
    cat : callable
        Puts arrays or tensors together along their last axis.
    """
    parts = [found[f"q.{name}_analysis"] for name in fields]
    return parts[0] if len(parts) == 1 else cat(parts, -1)
