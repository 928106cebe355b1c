"""One picture of a data set: the year of its water, and what was observed when."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..trainer.plots.style import COLOURS, MUTED, OBSERVED, picture
from ..trainer.tasks.basins.data.basins import BasinData
from .lag import LAGS

__all__ = ["draw"]

MONTHS = "JFMAMJJASOND"

SHARES = LinearSegmentedColormap.from_list("shares", ["#f4f6f8", "#6fa8cf"])


def draw(path: Path, data: BasinData, lags: NDArray[np.float64]) -> Path:
    """Draw rain, flow and temperature by month, observations by year, and lags.

    Parameters
    ----------
    path : Path
        Of the picture.
    data : BasinData
    lags : (B,) float64
        From :func:`~.lag.best_lags`.

    Returns
    -------
    Path
        The picture.
    """
    with picture(path, 10.0, 6.0) as figure:
        figure.suptitle(
            f"{data.ids.size} basins, {str(data.time[0])[:10]} to "
            f"{str(data.time[-1])[:10]}",
            x=0.02, ha="left",
        )  # fmt: skip
        axes = figure.subplots(2, 2)
        _water(axes[0, 0], data)
        _temperature(axes[0, 1], data)
        _observed(axes[1, 0], data)
        _lags(axes[1, 1], lags, "days" if data.seconds == 86400 else "steps")
    return path


def _monthly(data: BasinData, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return means by month and basin, (12, B); NaN where there is nothing."""
    month = data.time.astype("datetime64[M]").astype(int) % 12
    result = np.full((12, data.ids.size), np.nan)
    for k in range(12):
        some = values[month == k]
        valid = np.isfinite(some)
        count = valid.sum(axis=0)
        total = np.where(valid, some, 0.0).sum(axis=0, dtype=np.float64)
        np.divide(total, count, out=result[k], where=count > 0)
    return result


def _band(axes: Axes, values: NDArray[np.float64], label: str, colour: str) -> None:
    """Draw the median over basins, and the range of their middle half."""
    complete = values[:, np.isfinite(values).all(axis=0)]
    if complete.size == 0:
        return
    months = np.arange(12)
    low, middle, high = np.quantile(complete, [0.25, 0.5, 0.75], axis=1)
    axes.fill_between(months, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(months, middle, color=colour, label=label)
    axes.set_xticks(months, MONTHS)


def _water(axes: Axes, data: BasinData) -> None:
    axes.set_title("water by month, median and middle half of the basins")
    rain = _monthly(data, data.forcing["precipitation"])
    _band(axes, rain, "precipitation", COLOURS[0])
    if "potential_evaporation" in data.forcing:
        demand = _monthly(data, data.forcing["potential_evaporation"])
        _band(axes, demand, "potential evaporation", COLOURS[4])
    _band(axes, _monthly(data, data.target), "streamflow", OBSERVED)
    axes.set_ylabel("mm d$^{-1}$")
    axes.set_ylim(bottom=0.0)
    axes.legend()


def _temperature(axes: Axes, data: BasinData) -> None:
    axes.set_title("air temperature by month")
    ends = {"_min": COLOURS[5], "": COLOURS[2], "_max": COLOURS[1]}
    for end, colour in ends.items():
        name = f"air_temperature{end}"
        if name in data.forcing:
            label = {"_min": "lowest", "": "mean", "_max": "highest"}[end]
            _band(axes, _monthly(data, data.forcing[name]), label, colour)
    axes.set_ylabel("°C")
    axes.legend()


def _observed(axes: Axes, data: BasinData) -> None:
    axes.set_title("share of streamflow that is observed, by year and basin")
    years = data.time.astype("datetime64[Y]").astype(int) + 1970
    first, last = int(years[0]), int(years[-1])
    valid = np.isfinite(data.target)
    shares = np.array([valid[years == y].mean(axis=0) for y in range(first, last + 1)])
    order = np.argsort(-shares.mean(axis=0), kind="stable")
    image = axes.imshow(
        shares[:, order].T, aspect="auto", vmin=0.0, vmax=1.0, cmap=SHARES,
        interpolation="nearest", extent=(first - 0.5, last + 0.5, data.ids.size, 0),
    )  # fmt: skip
    axes.grid(False)
    axes.set_xlabel("year")
    axes.set_ylabel("basin, best observed first")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.ticklabel_format(axis="x", useOffset=False)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.figure.colorbar(image, ax=axes, format="{x:.0%}")


def _lags(axes: Axes, lags: NDArray[np.float64], unit: str) -> None:
    axes.set_title("rise of flow after rain")
    finite = lags[np.isfinite(lags)]
    axes.set_xlabel(f"{unit} after the rain")
    if finite.size == 0:
        axes.text(
            0.5, 0.5, "not enough rain and flow", transform=axes.transAxes, ha="center",
            color=MUTED,
        )  # fmt: skip
        return
    counts = [int((finite == lag).sum()) for lag in LAGS]
    axes.bar(list(LAGS), counts, color=COLOURS[0], width=0.7)
    axes.axvline(-0.5, color=MUTED, linewidth=0.8)
    axes.set_ylabel("basins")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
