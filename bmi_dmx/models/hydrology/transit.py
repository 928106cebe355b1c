"""Water on its way to the outlet, at steps of another length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...operate.runner import Runner

if TYPE_CHECKING:
    from torch import Tensor

    from ...compose.part import Part

__all__ = ["handover", "in_shorter_steps", "shares"]

Array = np.ndarray[Any, np.dtype[Any]]

_TRANSIT = ("in_transit", "routed_transit", "direct_transit")
"""Stores whose entries leave one step after the other."""


def handover(runner: Runner, source: Runner) -> None:
    """Put on its way what the same model at other steps has there.

    Parameters
    ----------
    runner : Runner
        Where to.
    source : Runner
        The model at other steps, at the same places.
    """
    theirs = source.stores()
    ratio = source.operation.inner / runner.operation.inner
    for (part, name), array in runner.stores().items():
        if name not in _TRANSIT:
            continue
        # A single entry has no axis: (place, member).
        water, transit = (
            x.reshape(-1, *x.shape[-2:]) for x in (theirs[part, name], array)
        )
        transit[...] = np.tensordot(
            shares(len(water), len(transit), ratio), water, axes=1
        )


def in_shorter_steps(
    part: Part, name: str, water: Tensor, entries: int, ratio: int
) -> Tensor:
    """Return what a store holds in shorter steps.

    It is a :data:`~bmi_dmx.compose.other_steps.Passing`.

    Parameters
    ----------
    part : Part
        Whose store it is.
    name : str
        Name of the store.
    water : Tensor
        (entry, place) or (entry, place, member).
    entries : int
        Entries of the store in shorter steps.
    ratio : int
        Shorter steps in one of the others.
    """
    if name not in _TRANSIT:
        return water
    share = water.new_tensor(shares(len(water), entries, ratio))
    return (share @ water.flatten(1)).reshape(entries, *water.shape[1:])


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
    cumulative = np.clip((ends - begins) / ratio, 0.0, 1.0)
    return np.diff(cumulative, axis=0, prepend=0.0)
