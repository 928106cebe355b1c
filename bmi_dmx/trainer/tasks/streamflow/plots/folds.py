"""Which fold each basin was held out in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from ....plots.style import INK, PathLike, picture
from .map import framed

__all__ = ["fold_map"]

PALETTES = ("tab10", "tab20")
"""For a few folds, and for more."""


def fold_map(
    path: PathLike,
    *,
    longitude: NDArray[Any],
    latitude: NDArray[Any],
    folds: NDArray[np.str_],
    names: Sequence[str],
) -> Path:
    """Draw one dot per basin, coloured by the fold that holds it out.

    Parameters
    ----------
    path : path-like
        The picture.
    longitude, latitude : array (B,)
        Degrees east and north.
    folds : array (B,) of str
        Fold of each basin.
    names : sequence of str
        All folds, in the order of the legend.
    """
    frame, width = framed(longitude, latitude)
    colours = mpl.colormaps[PALETTES[len(names) > 10]]
    with picture(path, width + 1.6, width * frame.shape + 0.8) as figure:
        axes = figure.subplots()
        frame.apply(axes)
        for number, name in enumerate(names):
            at = folds == name
            axes.scatter(
                longitude[at],
                latitude[at],
                s=float(np.clip(7000 / max(len(folds), 1), 14, 60)),
                color=colours(number % colours.N),
                edgecolors=INK,
                linewidths=0.3,
                label=f"{name} ({int(at.sum())})",
                zorder=3,
            )
        figure.legend(loc="outside right center")
    return Path(path)
