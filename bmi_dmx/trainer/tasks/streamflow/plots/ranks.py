"""Rank histograms: whether ranges of flow are as wide as they should be."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....plots.style import COLOURS, MUTED, PathLike, picture

__all__ = ["rank_histograms"]


def rank_histograms(path: PathLike, counts: Mapping[str, NDArray[Any]]) -> Path:
    """Draw where observations lie among the flows of each range.

    Flat is reliable; high at both ends is too narrow, high in the middle too wide.

    Parameters
    ----------
    path : path-like
        The picture.
    counts : mapping of str to array of int
        Observations by rank, by what the range is of.
    """
    with picture(path, 3.4 * len(counts), 2.6) as figure:
        panels = figure.subplots(1, len(counts), squeeze=False)[0]
        for axes, (name, histogram), colour in zip(
            panels, counts.items(), cycle(COLOURS), strict=False
        ):
            shares = histogram / histogram.sum() * len(histogram)
            axes.bar(np.arange(len(histogram)), shares, width=0.9, color=colour)
            axes.axhline(1.0, color=MUTED, linestyle="--")
            axes.set_title(name)
            axes.set_xlabel("rank of the observation")
        panels[0].set_ylabel("against equally many")
    return Path(path)
