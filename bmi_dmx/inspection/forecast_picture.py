"""A picture of a forecast: what was, and all that may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ..data.netcdf import identifiers, numbers, opened, stamps, units_of
from ..errors import DataError
from ..trainer.plots.style import INK, MUTED, SIMULATED, dates, picture, with_units

__all__ = ["draw"]

SHOWN = 6
"""Most places drawn."""

BEFORE = 3
"""Time before the forecast that is drawn, in lengths of the forecast."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Flow:
    """A series of all places: (time, …, place), its times, units and name."""

    time: NDArray[np.datetime64]
    values: Array
    places: tuple[str, ...]
    name: str
    units: str


def draw(path: Path, history: Path, forecast: Path) -> Path:
    """Draw the end of a history, and the members of the forecast after it.

    Parameters
    ----------
    path : Path
        Of the picture.
    history, forecast : Path
        What :func:`~bmi_dmx.run.forecast.forecast` wrote.

    Returns
    -------
    Path
        The picture.

    Raises
    ------
    DataError
        The series are not at places.
    """
    past, future = _read(history), _read(forecast)
    begin = max(0, len(past.time) - BEFORE * len(future.time))
    count = min(SHOWN, len(future.places))
    rows = -(-count // 2)
    with picture(path, 10.0, 0.6 + 2.1 * rows) as figure:
        members = future.values.shape[1]
        figure.suptitle(
            f"{future.name}, forecast from {str(future.time[0])[:10]}, "
            f"{members} member{'s' if members > 1 else ''}",
            x=0.02, ha="left",
        )  # fmt: skip
        axes = figure.subplots(rows, min(count, 2), squeeze=False).ravel()
        for at in range(count):
            _place(axes[at], past, future, at, begin)
        for unused in axes[count:]:
            unused.set_visible(False)
        axes[0].legend(loc="upper left")
    return path


def _place(axes: Axes, past: _Flow, future: _Flow, at: int, begin: int) -> None:
    axes.set_title(future.places[at])
    times = past.time[begin:]
    axes.plot(times, past.values[begin:, at], color=INK, label="simulated")
    members = future.values[:, :, at]
    # Lines go on from the last value of the history.
    join = np.concatenate((past.time[-1:], future.time))
    last = np.full((1, members.shape[1]), past.values[-1, at])
    lines = np.concatenate((last, members))
    if members.shape[1] > 2:
        low, middle, high = np.quantile(lines, [0.1, 0.5, 0.9], axis=1)
        axes.fill_between(
            join, low, high, color=SIMULATED, alpha=0.2, linewidth=0,
            label="8 of 10 members",
        )  # fmt: skip
        axes.plot(join, middle, color=SIMULATED, label="median")
    else:
        for line in lines.T:
            axes.plot(join, line, color=SIMULATED)
        axes.lines[-1].set_label("forecast")
    axes.axvline(future.time[0], color=MUTED, linewidth=0.7)
    axes.set_ylabel(with_units("", future.units).strip(" ()"))
    axes.set_ylim(bottom=min(0.0, float(np.nanmin(lines))))
    dates(axes, np.concatenate((times, future.time)))


def _read(path: Path) -> _Flow:
    """Return the first series of a file."""
    with opened(path) as file:
        series = [v for v in file.variables.values() if _is_series(v)]
        if not series:
            raise DataError(f"{path}: no series at places to be drawn")
        one = series[0]
        time = stamps(path, file, file["time"]).axis().times
        return _Flow(
            time=time,
            values=numbers(path, one),
            places=identifiers(path, file["place_id"]),
            name=str(one.name),
            units=units_of(one),
        )


def _is_series(variable: Any) -> bool:
    dimensions = variable.dimensions
    return bool(dimensions[:1] == ("time",) and dimensions[-1] == "place")
