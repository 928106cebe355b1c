"""What the networks learned: parameters of all basins, and their change in time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ....plots.style import COLOURS, INK, MUTED, PathLike, dates, picture, with_units

__all__ = ["learned_parameters", "parameter_series"]

CAPTION = (
    "Each over its bounds, left to right: basins stand one above the other, from the "
    "lowest to the highest value."
)

Bounds = Mapping[str, tuple[float, float]]


def learned_parameters(
    path: PathLike,
    values: Mapping[str, NDArray[Any]],
    bounds: Bounds,
    *,
    units: Mapping[str, str] | None = None,
) -> Path:
    """Draw each parameter over its bounds, basins sorted by the mean of their members.

    Parameters
    ----------
    path : path-like
        The picture.
    values : mapping of str to array (B, M) or (B,)
        Value per basin, and member if there are any.
    bounds : mapping of str to (float, float)
        Declared bounds, which are the ends of the axes.
    units : mapping of str to str, optional
        Units by name; ``"1"`` is not shown.
    """
    columns = min(4, len(values))
    rows = math.ceil(len(values) / columns)
    with picture(path, 2.5 * columns + 0.5, 2.1 * rows + 0.9) as figure:
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for axes, (name, entry) in zip(grid.flat, values.items(), strict=False):
            _sorted_basins(axes, np.asarray(entry).reshape(len(entry), -1))
            low, high = bounds[name]
            ends = (f"{low:g}", "", "", "", f"{high:g}")
            axes.set_xlim(low, high)
            axes.set_xticks(np.linspace(low, high, 5), labels=ends)
            # Inwards, so that neighbouring panels do not run into each other.
            for place, tick in zip(("left", "right"), (0, -1), strict=True):
                axes.get_xticklabels()[tick].set_horizontalalignment(place)
            axes.spines.right.set_visible(True)
            axes.set_title(_label(name, units), fontweight="bold")
        for axes in grid.flat[len(values) :]:
            axes.set_axis_off()
        for axes in grid[:, 0]:
            axes.set_ylabel("share of basins")
        handles, labels = grid.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=3)
        figure.supxlabel(CAPTION, x=0.01, ha="left", fontsize=8.5, color=MUTED)
        figure.suptitle("Learned parameters", x=0.01, ha="left")
    return Path(path)


def _label(name: str, units: Mapping[str, str] | None) -> str:
    return with_units(name, (units or {}).get(name, "1"))


def _sorted_basins(axes: Axes, values: NDArray[Any]) -> None:
    """Draw every basin as a step, so that a single one shows as well as hundreds."""
    values = np.repeat(values[np.argsort(values.mean(axis=1))], 2, axis=0)
    count = len(values) // 2
    share = np.repeat(np.arange(count + 1) / count, 2)[1:-1]
    if values.shape[1] > 1:
        _spread(axes.fill_betweenx, share, values)
    axes.plot(values.mean(axis=1), share, color=INK, linewidth=1.4, label="basin mean")
    axes.set_ylim(0, 1)


def _spread(fill: Any, along: NDArray[Any], values: NDArray[Any]) -> None:
    """Fill the range of members and its middle half."""
    lowest, q25, q75, highest = np.quantile(values, [0, 0.25, 0.75, 1], axis=1)
    shape = {"color": COLOURS[0], "linewidth": 0}
    fill(along, lowest, highest, alpha=0.18, label="all members", **shape)
    fill(along, q25, q75, alpha=0.4, label="middle half of the members", **shape)


def parameter_series(
    path: PathLike,
    values: Mapping[str, NDArray[Any]],
    bounds: Bounds,
    *,
    time: NDArray[np.datetime64],
    units: Mapping[str, str] | None = None,
    title: str = "Dynamic parameters",
) -> Path:
    """Draw dynamic parameters of one basin through time, within their bounds.

    Parameters
    ----------
    path : path-like
        The picture.
    values : mapping of str to array (T, M) or (T,)
        Value per time step, and member if there are any.
    bounds : mapping of str to (float, float)
        Declared bounds, drawn as dashed lines.
    time : array (T,) of datetime64
        Start of each time step.
    units : mapping of str to str, optional
        Units by name; ``"1"`` is not shown.
    title : str
        Headline.
    """
    with picture(path, 7.2, 1.5 * len(values) + 0.9) as figure:
        grid = figure.subplots(len(values), 1, squeeze=False, sharex=True)[:, 0]
        for axes, (name, entry) in zip(grid, values.items(), strict=True):
            members = np.asarray(entry).reshape(len(entry), -1)
            if members.shape[1] > 1:
                _spread(axes.fill_between, time, members)
            axes.plot(time, members.mean(axis=1), color=INK, linewidth=1, label="mean")
            for bound in bounds[name]:
                axes.axhline(bound, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
            axes.set_ylabel(_label(name, units))
            dates(axes, time)
        handles, labels = grid[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=3)
        figure.suptitle(title, x=0.01, ha="left")
    return Path(path)
