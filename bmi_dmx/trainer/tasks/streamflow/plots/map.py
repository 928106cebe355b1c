"""Where the model does well: scores at the stations' coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import BoundaryNorm
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from .....errors import DataError
from ....plots.style import INK, MUTED, PathLike, picture
from ..metrics import median
from .hydrograph import WATER

__all__ = ["framed", "score_map"]

CLASSES = 10
"""Classes of colours between 0 and 1."""

AREA = 26.0
"""Area of the frame on paper, square inches."""

FLATTEST, STEEPEST = 0.45, 1.4
"""Least and greatest height of the frame over its width."""


def score_map(
    path: PathLike,
    *,
    longitude: NDArray[Any],
    latitude: NDArray[Any],
    scores: NDArray[Any],
    label: str = "NSE",
    rivers: Sequence[NDArray[Any]] = (),
    river_widths: NDArray[Any] | None = None,
    title: str = "",
) -> Path:
    """Draw one coloured dot per basin on a longitude-latitude frame.

    Parameters
    ----------
    path : path-like
        The picture.
    longitude, latitude : array (B,)
        Degrees east and north.
    scores : array (B,)
        At most 1; those below 0 share a colour. Basins whose score is not defined are
        drawn as crosses.
    label : str
        Name of the score.
    rivers : sequence of array (n, 2)
        Lines to draw beneath, longitude and latitude in the columns.
    river_widths : array (number of rivers,), optional
        Line widths in points.
    title : str
        Headline.

    Raises
    ------
    DataError
        If a coordinate is missing.
    """
    if not (np.isfinite(longitude).all() and np.isfinite(latitude).all()):
        raise DataError("score_map: a station has no coordinates")
    frame, width = framed(longitude, latitude, *rivers)
    with picture(path, width + 1.4, width * frame.shape + 0.8) as figure:
        axes = figure.subplots()
        frame.apply(axes)
        widths = np.full(len(rivers), 0.8) if river_widths is None else river_widths
        axes.add_collection(
            LineCollection(list(rivers), linewidths=widths, colors=WATER, alpha=0.7)
        )
        bar = figure.colorbar(
            _dots(axes, longitude, latitude, scores),
            ax=axes,
            shrink=0.75,
            aspect=28,
            pad=0.02,
        )
        bar.set_label(label)
        bar.outline.set_visible(False)
        axes.set_title(_note(scores), loc="left", color=MUTED)
        if title:
            figure.suptitle(title, x=0.01, ha="left")
    return Path(path)


def framed(
    longitude: NDArray[Any], latitude: NDArray[Any], *lines: NDArray[Any]
) -> tuple[_Frame, float]:
    """Return the frame around stations and lines, and its width on paper in inches."""
    frame = _Frame.around(np.stack([longitude, latitude], axis=1), *lines)
    return frame, math.sqrt(AREA / frame.shape)


def _dots(
    axes: Axes, longitude: NDArray[Any], latitude: NDArray[Any], scores: NDArray[Any]
) -> PathCollection:
    """Draw the basins; return those with a score."""
    defined = np.isfinite(scores)
    axes.plot(longitude[~defined], latitude[~defined], "x", color=MUTED, markersize=5)
    colours = mpl.colormaps["viridis"]
    levels = np.linspace(0.0, 1.0, CLASSES + 1)
    return axes.scatter(
        longitude[defined],
        latitude[defined],
        c=scores[defined],
        s=float(np.clip(9000 / max(len(scores), 1), 16, 70)),
        cmap=colours,
        norm=BoundaryNorm(levels.tolist(), colours.N, extend="min"),
        edgecolors=INK,
        linewidths=0.4,
        zorder=3,
    )


def _note(scores: NDArray[Any]) -> str:
    middle, count = median(scores)
    note = f"median {middle:.2f} of {count} basin{'s' if count != 1 else ''}"
    if count < len(scores):
        note += f", {len(scores) - count} undefined (×)"
    return note


@dataclass(frozen=True)
class _Frame:
    """Longitudes and latitudes that are shown."""

    centre: NDArray[np.float64]
    size: NDArray[np.float64]

    @classmethod
    def around(cls, *points: NDArray[Any]) -> _Frame:
        """Frame everything with a margin, neither very narrow nor very flat."""
        everything = np.concatenate(points).astype(np.float64)
        low, high = everything.min(axis=0), everything.max(axis=0)
        size = np.maximum(1.1 * (high - low), 0.1)
        frame = cls((low + high) / 2, size)
        wider = max(frame.shape / STEEPEST, 1.0)
        higher = max(FLATTEST / frame.shape, 1.0)
        return cls(frame.centre, size * [wider, higher])

    @property
    def stretch(self) -> float:
        """Length of a degree of latitude over one of longitude."""
        return 1 / math.cos(math.radians(float(self.centre[1])))

    @property
    def shape(self) -> float:
        """Height over width on the paper."""
        return float(self.stretch * self.size[1] / self.size[0])

    def apply(self, axes: Axes) -> None:
        """Give the axes this extent, true proportions and labels in degrees."""
        (west, south), (east, north) = (
            self.centre - self.size / 2,
            self.centre + self.size / 2,
        )
        axes.set(aspect=self.stretch, xlim=(west, east), ylim=(south, north))
        for axis, signs in ((axes.xaxis, "WE"), (axes.yaxis, "SN")):
            axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
            axis.set_major_formatter(FuncFormatter(partial(_degrees, signs)))
        axes.spines[:].set_visible(True)


def _degrees(signs: str, value: float, _: int | None = None) -> str:
    value = round(value, 6)
    return f"{abs(value):g}°{signs[int(value > 0)] if value else ''}"
