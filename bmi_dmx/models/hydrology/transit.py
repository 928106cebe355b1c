"""Water on its way to the outlet, at steps of another length."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...operate.runner import Runner
from .roles import OUTLET, plays

__all__ = ["handover", "shares"]

Array = np.ndarray[Any, np.dtype[Any]]


def handover(runner: Runner, source: Runner) -> None:
    """Put on its way what the same model at other steps has there.

    Parameters
    ----------
    runner : Runner
        Where to.
    source : Runner
        The model at other steps, at the same places.
    """
    plan, theirs = runner.operation.plan, source.stores()
    for (outlet, name), transit in runner.stores().items():
        if not plays(plan[outlet], OUTLET) or name != "in_transit":
            continue
        before = theirs[outlet, name]
        ratio = source.operation.inner / runner.operation.inner
        share = shares(len(before), len(transit), ratio)
        transit[...] = np.tensordot(share, before, axes=1)


def shares(before: int, after: int, ratio: float) -> Array:
    """Return how much of what leaves in each step leaves in each one of another length.

    What leaves in a step leaves evenly through it; what would leave after the last of
    the new steps leaves in that.

    Parameters
    ----------
    before, after : int
        Numbers of steps, from now on.
    ratio : float
        How many of the new steps are as long as one of the others.

    Returns
    -------
    ndarray
        (after, before); each column adds up to 1.
    """
    ends = np.arange(1.0, after + 1.0)[:, None]
    ends[-1] = np.inf
    begins = np.arange(before) * ratio
    left = np.clip((ends - begins) / ratio, 0.0, 1.0)
    return np.diff(left, axis=0, prepend=0.0)
