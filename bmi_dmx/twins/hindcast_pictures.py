"""Pictures of hindcasts: how far ahead they are good, and how well they know it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..trainer.plots.style import COLOURS, INK, MUTED, OBSERVED, dates, picture
from .blocks import OPEN_LOOP
from .hindcast import HindcastResult, medians
from .hindcast_run import UpdatedRun

__all__ = ["draw"]

Array = np.ndarray[Any, np.dtype[Any]]

_DAYS = 150
"""Days of a hydrograph."""

_CLASSES = 12


def draw(folder: Path, hindcast: HindcastResult) -> Iterator[Path]:
    """Draw scores by lead, reliability, increments and hydrographs; yield the files.

    Parameters
    ----------
    folder : Path
        Where to.
    hindcast : HindcastResult
        What was found; all but the scores by lead is that of its first method.
    """
    name, first = next(iter(hindcast.corrected.items()))
    about = hindcast.settings.about or "Hindcast"
    scores = folder / "scores.png"
    with picture(scores, 11.0, 7.2) as figure:
        figure.suptitle(f"{about}: {hindcast.leads.observed.shape[2]} basins")
        panels = figure.subplot_mosaic([["leads", "stores"], ["skill", "ranks"]])
        _by_lead(panels["leads"], hindcast)
        _increments(panels["stores"], first)
        _spread_and_skill(panels["skill"], first, name)
        _ranks(panels["ranks"], first)
    yield scores
    flows = folder / "forecasts.png"
    with picture(flows, 11.0, 6.4) as figure:
        _flows(figure, hindcast, name, first)
    yield flows


def _by_lead(axes: Axes, hindcast: HindcastResult) -> None:
    scores = hindcast.leads.efficiency()
    leads = np.arange(1, hindcast.settings.leads + 1)
    others, marks = cycle((*COLOURS[2:], MUTED)), cycle("os^Dv")
    for name, median in medians(scores).items():
        if name in hindcast.corrected:
            first = name == next(iter(hindcast.corrected))
            look: dict[str, Any] = {
                "color": COLOURS[0], "linewidth": 2.2 if first else 1.3,
                "linestyle": "-" if first else "--", "marker": next(marks),
                "markersize": 4.5,
            }  # fmt: skip
        elif name == OPEN_LOOP:
            look = {"color": COLOURS[1]}
        else:
            look = {"color": next(others), "linestyle": ":", "linewidth": 1.5}
        axes.plot(leads, median, label=name, **look)
    axes.set(
        xlabel="days ahead", ylabel="median efficiency", ylim=(0.0, 1.0),
        xticks=leads, title="How good by days ahead, the weather being known",
    )  # fmt: skip
    axes.legend(
        fontsize=7.5, loc="center right", bbox_to_anchor=(1, 0.35), ncols=2,
        frameon=True, framealpha=0.9, edgecolor="none",
    )  # fmt: skip


def _increments(axes: Axes, first: UpdatedRun) -> None:
    months = np.arange(12)
    below, above = np.zeros(12), np.zeros(12)
    for k, (name, added) in enumerate(first.increments.items()):
        bottom = np.where(added >= 0.0, above, below)
        label = name.replace("_", " ")
        axes.bar(
            months, added, bottom=bottom, color=(*COLOURS, MUTED)[k % 7], label=label
        )
        above += np.maximum(added, 0.0)
        below += np.minimum(added, 0.0)
    axes.axhline(0.0, color=INK, linewidth=0.8)
    axes.set(
        xticks=months, xticklabels=list("JFMAMJJASOND"), ylabel="mm a month",
        title="What analyses add to each store, mean of all basins",
    )  # fmt: skip
    axes.legend(fontsize=7.5, ncols=2)


def _spread_and_skill(axes: Axes, first: UpdatedRun, name: str) -> None:
    axes.set_title(f"{name}: error of 1 day by what was expected of it")
    order = np.argsort(first.expected)
    parts = np.array_split(order, min(_CLASSES, len(order)))
    x, y = (
        np.array([np.sqrt((values[part] ** 2).mean()) for part in parts])
        for values in (first.expected, first.departure)
    )
    top = 1.05 * max(x.max(), y.max())
    axes.plot([0, top], [0, top], color=INK, linewidth=0.8)
    axes.plot(x, y, "o-", color=COLOURS[0], markersize=4)
    axes.set(
        xlabel="expected: members, remaining error and gauge together",
        ylabel="found, root mean square", xlim=(0, top), ylim=(0, top),
    )  # fmt: skip


def _ranks(axes: Axes, first: UpdatedRun) -> None:
    """Draw ranks of observations, as shares of the distribution that was expected."""
    edges = np.linspace(0.0, 1.0, 21)
    count, _ = np.histogram(_below(first.departure / first.expected), edges)
    share = count / count.mean()
    axes.bar(edges[:-1], share, width=0.046, align="edge", color=COLOURS[2])
    axes.axhline(1.0, color=INK, linewidth=0.8)
    axes.set(
        xlabel="rank of what was observed in what was expected", xlim=(0, 1),
        ylabel="how often, flat is 1", title="Rank of the observations, 1 day ahead",
    )  # fmt: skip


def _below(departure: Array) -> Array:
    """Return the share of a standard Gaussian that is below departures.

    Bowling et al. (2009), doi:10.3926/jiem.2009.v2n1.p114-127: a logistic function,
    good to 0.00014.
    """
    near = np.clip(departure, -8.0, 8.0)
    return np.asarray(1.0 / (1.0 + np.exp(-(0.07056 * near**3 + 1.5976 * near))))


def _flows(figure: Any, hindcast: HindcastResult, name: str, first: UpdatedRun) -> None:
    """Draw a basin of the upper quartile on the days around its greatest flood."""
    scores = {n: x[0] for n, x in hindcast.leads.efficiency().items()}
    # Those without a score come last.
    count = int(np.isfinite(scores[name]).sum())
    basin = int(np.argsort(scores[name])[3 * (count - 1) // 4])
    observed = hindcast.data.target[:, basin]
    days = _around_the_peak(observed, hindcast.scored)
    time = hindcast.data.time[days].astype("datetime64[D]")
    figure.suptitle(
        f"Basin {hindcast.data.ids[basin]}: efficiency 1 day ahead "
        f"{scores[name][basin]:.2f} by {name}, alone {scores[OPEN_LOOP][basin]:.2f}"
    )
    upper, lower = figure.subplots(2, 1, sharex=True)
    upper.fill_between(
        time, first.low[days, basin], first.high[days, basin], color=COLOURS[5],
        alpha=0.5, linewidth=0, label="80 % of the analysis",
    )  # fmt: skip
    upper.plot(time, first.flow[days, basin], color=COLOURS[0], label="analysis")
    upper.set_title("What is known at the end of each day")
    lead = hindcast.settings.leads
    for k, day in enumerate(range(days.start, days.stop - 1, lead)):
        until = min(day + lead, days.stop - 1)
        lower.plot(
            hindcast.data.time[day : until + 1].astype("datetime64[D]"),
            [first.flow[day, basin], *first.ahead[day, : until - day, basin]],
            color=COLOURS[2], linewidth=1.6, marker=".", markevery=[0],
            label=f"forecasts of {lead} days" if not k else None,
        )  # fmt: skip
    lower.set_title("Forecasts, each from the analysis where it starts")
    for axes in (upper, lower):
        axes.plot(
            time, hindcast.alone.flow[days, basin], color=COLOURS[1], linewidth=1.0,
            label="model alone",
        )  # fmt: skip
        axes.plot(
            time, observed[days], ".", color=OBSERVED, markersize=3.5, label="observed"
        )
        # Roots, so that floods and low flow are seen in one picture.
        axes.set_yscale("function", functions=(_root, np.square))
        axes.set(ylabel="flow, mm a day", ylim=(0.0, 1.2 * np.nanmax(observed[days])))
        axes.legend(ncols=4, loc="upper right")
    dates(lower, time)


def _root(values: Array) -> Array:
    return np.sqrt(np.maximum(values, 0.0))


def _around_the_peak(observed: Array, scored: slice) -> slice:
    peak = scored.start + int(np.nanargmax(observed[scored]))
    last = max(scored.start, scored.stop - _DAYS)
    first = min(max(peak - _DAYS // 2, scored.start), last)
    return slice(first, min(first + _DAYS, scored.stop))
