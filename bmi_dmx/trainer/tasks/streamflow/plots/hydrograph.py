"""Observed and simulated flow of some basins, with the precipitation above."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ....plots.style import COLOURS, OBSERVED, SIMULATED, PathLike, dates, picture
from ..metrics import score

__all__ = ["hydrographs"]

WATER = COLOURS[5]

OTHERS = (COLOURS[0], COLOURS[2], COLOURS[3])
"""Colours of other models."""

RAIN_SHARE = 0.3
"""Share of a panel's height that the precipitation hangs into."""

LINE = 54
"""Characters of the title that one column of panels is wide."""

LONGEST = 34
"""Characters of the name of a station."""

BESIDE = 68
"""Longest title that leaves room for the legend beside it, above two columns."""


def hydrographs(
    path: PathLike,
    *,
    time: NDArray[np.datetime64],
    ids: Sequence[str] | NDArray[np.str_],
    simulated: NDArray[Any],
    observed: NDArray[Any],
    precipitation: NDArray[Any] | None = None,
    names: Sequence[str] | None = None,
    nse: NDArray[np.float64] | None = None,
    panels: int = 6,
    steps: int | None = None,
    title: str = "",
    others: Mapping[str, NDArray[Any]] | None = None,
    units: str = "mm d⁻¹",
) -> Path:
    """Draw hydrographs from the best to the worst basin by NSE.

    Where there are more basins than panels, evenly spaced ranks are shown, so that the
    first panel is the best, the last the worst basin and the median lies between.

    Parameters
    ----------
    path : path-like
        The picture.
    time : array (T,) of datetime64
        Start of each time step.
    ids : sequence (B,) of str
        Station identifiers.
    simulated, observed : array (T, B)
        Flow, NaN where missing.
    precipitation : array (T, B), optional
        In mm per day.
    names : sequence (B,) of str, optional
        Names of the stations, added to the identifiers.
    nse : array (B,), optional
        Of all steps, by which basins are ranked, NaN where not defined; default: that
        of the given series. Where a part of them is shown, its own stands before.
    panels : int
        Most basins shown.
    steps : int, optional
        Most time steps shown, the last ones; where nothing is observed in these, those
        before the basin's last observation. The title then says so.
    title : str
        Headline.
    others : mapping of str to array (T, B), optional
        Flow by other models, drawn thin.
    units : str
        Of all flow.
    """
    scores = score(simulated, observed, ["nse"])["nse"] if nse is None else nse
    shown = _chosen(scores, panels)
    windows = [_window(observed[:, basin], steps) for basin, _ in shown]
    alike = len({window.start for window in windows}) == 1
    if steps is not None and steps < len(time):
        title += f" (last {steps} days{'' if alike else ' with observations'} shown)"
    columns = 1 if len(shown) <= 3 else 2
    rows = math.ceil(len(shown) / columns)
    with picture(path, 5.6 * columns + 0.4, 2.05 * rows + 0.6) as figure:
        grid = figure.subplots(rows, columns, squeeze=False, sharex=alike)
        for axes, (basin, rank), part in zip(grid.flat, shown, windows, strict=False):
            rain = None if precipitation is None else precipitation[part, basin]
            flows = simulated[part, basin], observed[part, basin]
            _panel(axes, time[part], *flows, rain)
            for colour, (other, values) in zip(
                OTHERS, (others or {}).items(), strict=False
            ):
                axes.plot(
                    time[part], values[part, basin],
                    color=colour, label=other, linewidth=0.7, zorder=1.5,
                )  # fmt: skip
            name = f"  {_cut(names[basin])}" if names is not None else ""
            axes.set_title(f"{ids[basin]}{name}", fontweight="bold")
            note = _note(scores[basin], *flows, whole=part == slice(0, len(time)))
            note += f"  ({rank})" if rank else ""
            axes.set_title(note, loc="right")
        if len(shown) < grid.size:
            grid[-1, 1].set_axis_off()
            grid[-2, 1].tick_params(labelbottom=True)
        for axes in grid[:, 0]:
            axes.set_ylabel(f"flow ({units})")
        handles, labels = grid.flat[0].get_legend_handles_labels()
        if precipitation is not None:
            handles.append(grid.flat[0].child_axes[0].patches[0])
            labels.append("precipitation (mm d⁻¹, right)")
        # A title and a legend side by side need the width of two columns.
        beside = not title or (columns == 2 and len(title) <= BESIDE)
        figure.legend(
            handles,
            labels,
            loc="outside upper right" if beside else "outside lower right",
            ncols=3,
        )
        if title:
            lines = textwrap.fill(title, LINE * columns)
            figure.suptitle(lines, x=0.01, ha="left")
    return Path(path)


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1].rstrip()}…"


def _note(
    nse: float, simulated: NDArray[Any], observed: NDArray[Any], *, whole: bool
) -> str:
    """Return the score of what is shown, and that of all where this is a part of it."""
    if not np.isfinite(nse):
        return "no NSE"
    if whole:
        return f"NSE {nse:.2f}"
    shown = score(simulated[:, None], observed[:, None], ["nse"])["nse"][0]
    return f"NSE {shown:.2f} here, {nse:.2f} in all"


def _chosen(nse: NDArray[np.float64], panels: int) -> list[tuple[int, str]]:
    """Basins to show, best first, with a word for the outstanding ranks."""
    ranked = [int(i) for i in np.argsort(-nse) if np.isfinite(nse[i])]
    if not ranked:
        # What was simulated can be looked at, whether it was observed or not.
        return [(basin, "") for basin in range(min(panels, len(nse)))]
    last = len(ranked) - 1
    words = {0: "best", last // 2: "median", last: "worst"} if last > 1 else {}
    positions = np.linspace(0, last, min(panels, len(ranked))).round().astype(int)
    if len(ranked) > panels > 2:
        # The median itself, not a neighbour that even spacing would hit.
        positions[(len(positions) - 1) // 2] = last // 2
    return [(ranked[i], words.get(int(i), "")) for i in positions]


def _window(observed: NDArray[Any], steps: int | None) -> slice:
    """Return the last steps, or those before the last observation."""
    days = len(observed)
    length = days if steps is None else min(steps, days)
    positions = np.flatnonzero(np.isfinite(observed))
    end = days
    if positions.size and positions[-1] < days - length:
        end = max(int(positions[-1]) + 1, length)
    return slice(end - length, end)


def _alone(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which values have a missing one, or none, on both sides."""
    finite = np.pad(np.isfinite(values), 1)
    alone: NDArray[np.bool_] = finite[1:-1] & ~finite[:-2] & ~finite[2:]
    return alone


def _panel(
    axes: Axes,
    time: NDArray[np.datetime64],
    simulated: NDArray[Any],
    observed: NDArray[Any],
    precipitation: NDArray[Any] | None,
) -> None:
    thin = 1.0 if len(time) < 1500 else 0.6
    axes.plot(time, observed, color=OBSERVED, label="observed", linewidth=1.5 * thin)
    # Between gaps a line has no length.
    alone = _alone(observed)
    axes.plot(time[alone], observed[alone], ".", color=OBSERVED, markersize=3)
    axes.plot(time, simulated, color=SIMULATED, label="simulated", linewidth=1.1 * thin)
    flows = np.concatenate((observed, simulated))
    top = 1.03 * float(np.nanmax(flows, initial=1e-3))
    axes.set_yticks(MaxNLocator(5).tick_values(0, top))
    axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= top])
    axes.set_ylim(0, top if precipitation is None else top / (1 - RAIN_SHARE))
    dates(axes, time)
    if precipitation is None:
        return
    rain = axes.inset_axes((0, 1 - RAIN_SHARE, 1, RAIN_SHARE), sharex=axes, zorder=-1)
    step = np.median(np.diff(time)) if len(time) > 1 else np.timedelta64(1, "D")
    edges = np.append(time, time[-1] + step)
    rain.stairs(np.nan_to_num(precipitation), edges, fill=True, color=WATER, alpha=0.8)
    wettest = float(np.nanmax(precipitation, initial=1.0))
    rain.set_ylim(wettest, 0)
    rain.patch.set_visible(False)
    rain.grid(False)
    rain.spines[:].set_visible(False)
    rain.tick_params(bottom=False, labelbottom=False, left=False, labelleft=False)
    rain.tick_params(
        right=True, labelright=True, labelcolor=COLOURS[0], color=COLOURS[0]
    )
    rain.set_yticks([0, 10 ** np.floor(np.log10(wettest)) * int(f"{wettest:e}"[0])])
