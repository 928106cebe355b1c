"""The step of a file of one time, where something else says how long it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .axis import Moments, TimeAxis, span_text

__all__ = ["one_step"]


def one_step(
    stamp: Moments, seconds: float, where: str, *, centred: bool = True
) -> TimeAxis:
    """Return the one step that a time stands for, with a remark on its length.

    Parameters
    ----------
    stamp : Moments
        The one time of a file, without bounds.
    seconds : float
        Length of the step, known otherwise.
    where, centred
        As for :meth:`.axis.TimeAxis.of`.
    """
    offsets = np.array([0.0, seconds])
    two = TimeAxis.of(Moments(stamp.first, offsets), where, centred=centred)
    remark = f"one time, taken for a step of {span_text(seconds)}"
    return replace(two, steps=1, remarks=(remark, *two.remarks))
