"""What the Delaware sample knows besides series: names, places, and the rivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..trainer.tasks.basins.data.delaware import Delaware, upstream
from ..trainer.tasks.basins.data.spec import DataSpec

__all__ = ["Gauges", "Rivers", "gauges", "rivers"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Gauges:
    """Names and coordinates of gauges.

    Parameters
    ----------
    names : list of str
        Readable names.
    longitude, latitude : array (B,)
        Degrees east and north, of the gauge itself.
    """

    names: list[str]
    longitude: Array
    latitude: Array


@dataclass(frozen=True)
class Rivers:
    """The river network as lines.

    Parameters
    ----------
    lines : list of array (2, 2)
        Upper and lower end of every segment: longitude and latitude.
    area : array (number of lines,)
        Drainage area at the lower end, km².
    """

    lines: list[Array]
    area: Array


def gauges(ids: Sequence[str]) -> Gauges:
    """Return names and places of gauges of the sample."""
    stations = Delaware(DataSpec(reader="delaware"), Delaware.shipped()).stations
    gauges = [stations[name] for name in ids]
    return Gauges(
        [one.name for one in gauges],
        np.array([one.longitude for one in gauges], dtype=np.float64),
        np.array([one.latitude for one in gauges], dtype=np.float64),
    )


def rivers() -> Rivers:
    """Return the river network of the sample.

    The sample says how segments are joined, not where they run. A joint is put where a
    gauge stands, else amid the units that drain into the segments that meet there.
    """
    with xr.open_dataset(Delaware.shipped()) as file:
        below = file["segment_downstream"].to_numpy().astype(np.intp)
        into = file["hru_segment"].to_numpy().astype(np.intp)
        area = file["hru_area"].to_numpy().astype(np.float64)
        units = np.stack([file["hru_lon"], file["hru_lat"]], 1).astype(np.float64)
        gauged = file["gauge_segment"].to_numpy().astype(np.intp) - 1
        stations = np.stack([file["gauge_lon"], file["gauge_lat"]], 1).astype(float)
    areas = _sums(into, area, len(below))
    middle = _middles(areas, _sums(into, area[:, None] * units, len(below)), below)
    lower = _lower_ends(
        middle, below, dict(zip(gauged.tolist(), stations, strict=True))
    )
    upper = middle.copy()
    upper[below[below > 0] - 1] = lower[below > 0]
    return Rivers(list(np.stack([upper, lower], axis=1)), upstream(below) @ areas)


def _sums(into: NDArray[np.intp], values: Array, segments: int) -> Array:
    """Return sums over the units of every segment; into segment 0 means into none."""
    total = np.zeros((segments + 1, *values.shape[1:]))
    np.add.at(total, into, values)
    sums: Array = total[1:]
    return sums


def _middles(areas: Array, sums: Array, below: NDArray[np.intp]) -> Array:
    """Return the mean place of the units of every segment.

    A segment without units takes the mean of its neighbours, from where there are units
    outwards.
    """
    middle = np.divide(
        sums, areas[:, None], where=areas[:, None] > 0, out=sums * np.nan
    )
    for _ in range(len(below)):
        valid = np.isfinite(middle[:, 0])
        before = middle.copy()
        for segment in np.flatnonzero(~valid):
            around = [*np.flatnonzero(below == segment + 1), below[segment] - 1]
            near = [s for s in around if s >= 0 and valid[s]]
            if near:
                middle[segment] = before[near].mean(axis=0)
    return middle


def _lower_ends(
    middle: Array, below: NDArray[np.intp], stations: dict[int, Array]
) -> Array:
    """Return where every segment ends."""
    lower: Array = middle.copy()
    for joint in np.unique(below[below > 0]):
        ending = np.flatnonzero(below == joint)
        places = [stations[s] for s in ending.tolist() if s in stations]
        meeting = places or [*middle[ending], middle[joint - 1]]
        lower[ending] = np.mean(meeting, axis=0)
    return lower
