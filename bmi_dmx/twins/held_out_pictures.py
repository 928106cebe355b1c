"""What gauges tell of others, as a table by gauge and as pictures."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..files import atomic
from ..trainer.plots.style import COLOURS, MUTED, OBSERVED, dates, picture
from .blocks import OPEN_LOOP
from .held_out_gauges import HeldOutHindcast

__all__ = ["draw"]

Array = np.ndarray[Any, np.dtype[Any]]
Scores = Mapping[str, dict[str, dict[str, Array]]]

_LOWEST = -0.5
"""Left end of the axis of efficiencies."""

_DAYS = 120
"""Days of a hydrograph."""


def draw(folder: Path, hindcast: HeldOutHindcast, scores: Scores) -> Iterator[Path]:
    """Write scores by gauge, and draw them and the flow at one gauge; yield the files.

    Parameters
    ----------
    folder : Path
        Where to.
    hindcast : HeldOutHindcast
        What was found.
    scores : mapping
        As of :meth:`.HeldOutHindcast.scores`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "gauges.csv"
    _write(table, hindcast, scores)
    yield table
    kind = "same_day" if (hindcast.fold >= 0).any() else "gauged_day_ahead"
    path = folder / "gauges.png"
    with picture(path, 11.0, 7.0) as figure:
        panels = figure.subplot_mosaic([["share", "area"], ["flow", "flow"]])
        _shares(panels["share"], scores, kind)
        _by_area(panels["area"], hindcast, scores, kind)
        _flow(panels["flow"], hindcast, scores, kind)
    yield path


def _write(path: Path, hindcast: HeldOutHindcast, scores: Scores) -> None:
    heads = [
        (name, what, metric)
        for name, by in scores.items() for what, one in by.items() for metric in one
    ]  # fmt: skip
    gauges = hindcast.data.gauges
    with atomic(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file)
        names = [f"{metric} {name}, {what}" for name, what, metric in heads]
        writer.writerow(["gauge_id", "area_km2", "turn", "told_above", *names])
        above = hindcast.told_above()
        for k, gauge in enumerate(gauges.ids):
            values = [f"{scores[n][w][m][k]:.4f}" for n, w, m in heads]
            area, turn = f"{gauges.area_km2[k]:g}", hindcast.fold[k]
            writer.writerow([gauge, area, turn, above[k], *values])


def _look(name: str, k: int) -> dict[str, Any]:
    if name == OPEN_LOOP:
        return {"color": MUTED, "linestyle": "--"}
    return {"color": COLOURS[k % len(COLOURS)]}


def _shares(axes: Axes, scores: Scores, kind: str) -> None:
    for k, (name, by) in enumerate(scores.items()):
        values = np.sort(by[kind]["nse"][np.isfinite(by[kind]["nse"])])
        share = np.arange(1, len(values) + 1) / len(values)
        axes.plot(values, share, label=name, **_look(name, k))
    axes.set_xlim(_LOWEST, 1.0)
    axes.set_xlabel("Nash-Sutcliffe efficiency")
    axes.set_ylabel("share of gauges with less")
    axes.legend(fontsize=7)


def _by_area(axes: Axes, hindcast: HeldOutHindcast, scores: Scores, kind: str) -> None:
    usual = scores[OPEN_LOOP][kind]["nse"]
    for k, (name, by) in enumerate(scores.items()):
        if name == OPEN_LOOP:
            continue
        gained = by[kind]["nse"] - usual
        axes.plot(
            hindcast.data.gauges.area_km2, gained, "o", markersize=3.5, **_look(name, k)
        )
    axes.axhline(0.0, color=MUTED, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_ylim(-1.0, 1.5)
    axes.set_xlabel("drainage area, km²")
    axes.set_ylabel("efficiency less that of the open loop")


def _flow(axes: Axes, hindcast: HeldOutHindcast, scores: Scores, kind: str) -> None:
    """Draw the largest gauge that has scores, in the turn that leaves it out."""
    area = np.where(
        np.isfinite(scores[OPEN_LOOP][kind]["nse"]), hindcast.data.gauges.area_km2, -1.0
    )
    gauge = int(area.argmax())
    turn = max(0, int(hindcast.fold[gauge]))
    first = hindcast.scored.start
    days = slice(first, min(first + _DAYS, hindcast.scored.stop))
    time = np.datetime64(hindcast.days.first, "D") + np.arange(days.start, days.stop)
    axes.plot(time, hindcast.observed[days, gauge], color=OBSERVED, label="observed")
    for k, (name, one) in enumerate(hindcast.estimates.items()):
        series = one.same_day if kind == "same_day" else one.day_ahead
        axes.plot(time, series[turn, days, gauge], label=name, **_look(name, k))
    axes.set_title(f"{hindcast.data.gauges.ids[gauge]}", fontsize=9)
    axes.set_ylabel("m³ s⁻¹")
    axes.legend(fontsize=7)
    dates(axes, time)
