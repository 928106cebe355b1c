"""Why observations make no score: what is told where one is needed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["UNCHOSEN", "unscored"]

UNCHOSEN = "there is nothing by which the best model could be chosen"
"""What follows where no observations of a validation make a score."""


def unscored(observed: ArrayLike, place: str, of: str = "") -> str:
    """Return why observations make no score anywhere.

    Parameters
    ----------
    observed : array (T, B)
        NaN where nothing is known.
    place : str
        What one of their places is called.
    of : str
        Of what they are, where there are several kinds.
    """
    count = int(np.isfinite(np.asarray(observed)).any(axis=0).sum())
    if not count:
        return f"no {place} has observations{of}"
    where = f"at the one {place}" if count == 1 else f"at any of the {count} {place}s"
    return f"the observations{of} never change {where} that has some"
