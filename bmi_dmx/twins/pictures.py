"""Pictures of how a filter followed a truth."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..assimilation.lead_errors import LeadErrors
from ..assimilation.tracking import Tracking
from ..assimilation.truth import Truth
from ..trainer.plots.style import COLOURS, INK, MUTED, picture
from .report import Row

__all__ = ["draw"]

Array = np.ndarray[Any, np.dtype[Any]]

_WINDOWS = 120
"""Points of a line through time, each the mean of the cycles between two of them."""


def draw(folder: Path, truth: Truth, row: Row, ahead: LeadErrors) -> Iterator[Path]:
    """Draw scores, and the field itself beside what was made of it; yield the files.

    Parameters
    ----------
    folder : Path
        Where to.
    truth : Truth
        What was followed.
    row : Row
        How.
    ahead : LeadErrors
        Errors of forecasts from the analyses.
    """
    scores = folder / "scores.png"
    track = row.followed
    with picture(scores, 11.0, 8.6) as figure:
        figure.suptitle(_title(truth, track))
        panels = figure.subplot_mosaic(
            "tttttt;rrkkss;lllnnn", height_ratios=(1.2, 1, 1)
        )
        _through_time(panels["t"], truth, track)
        _ranks(panels["r"], track)
        _spread_and_skill(panels["k"], track)
        _seeds(panels["s"], track)
        _leads(panels["l"], truth, ahead)
        _innovations(panels["n"], track)
    yield scores
    fields = folder / "field.png"
    with picture(fields, 11.0, 7.0) as figure:
        figure.suptitle(_title(truth, track))
        _fields(figure, truth, track)
    yield fields


def _title(truth: Truth, track: Tracking) -> str:
    experiment = truth.experiment
    about = experiment.about or experiment.system.process
    return f"{track.run.title}: {about}"


def _setting(track: Tracking) -> str:
    factor, radius = track.run.settings[track.best]
    text = f"inflation {factor:g}"
    return f"{text}, radius {radius:g}" if radius else text


def _averaged(series: Array) -> tuple[Array, Array]:
    """Return the middles of windows of cycles, and means within them, (..., window)."""
    count = min(_WINDOWS, series.shape[-1])
    edges = np.linspace(0, series.shape[-1], count + 1).astype(int)
    means = [series[..., a:b].mean(-1) for a, b in pairwise(edges)]
    return (edges[:-1] + edges[1:]) / 2, np.stack(means, -1)


def _through_time(axes: Axes, truth: Truth, track: Tracking) -> None:
    at, error = _averaged(track.error[track.best])
    _, spread = _averaged(track.spread[track.best])
    time = at * truth.experiment.cycle
    axes.plot(time, error.T, color=COLOURS[0], alpha=0.25, linewidth=0.8)
    axes.plot(time, np.median(error, 0), color=COLOURS[0], label="error")
    if np.isfinite(spread).any():
        axes.plot(
            time, np.median(spread, 0), color=COLOURS[1], linestyle="--",
            label="spread",
        )  # fmt: skip
    for height, label in (
        (truth.experiment.observe.error, "error of what is observed"),
        (track.run.level, "known level"),
    ):
        if height is not None and height < 3.0 * np.median(error):
            axes.axhline(height, color=MUTED, linestyle=":", label=label)
    burn_in = track.burn_in * truth.experiment.cycle
    axes.axvspan(0.0, burn_in, color=MUTED, alpha=0.08, linewidth=0)
    axes.set(
        xlabel="time of the system", ylabel="root mean square", xlim=(0, time[-1]),
        title=f"Error and spread of analyses through time ({_setting(track)}); "
        "faint: each seed; shaded: left out of scores",
    )  # fmt: skip
    axes.set_ylim(0.0, float(np.quantile(error, 0.98)) * 1.25)
    axes.legend(ncols=4, loc="upper right")


def _ranks(axes: Axes, track: Tracking) -> None:
    counts = track.ranks[track.best]
    axes.set_title("Rank of the truth among the members")
    if not counts.sum():
        axes.text(0.5, 0.5, "one member", transform=axes.transAxes, ha="center")
        return
    share = counts / counts.mean()
    axes.bar(np.arange(len(share)), share, width=0.9, color=COLOURS[2])
    axes.axhline(1.0, color=INK, linewidth=0.8)
    axes.set(xlabel="rank", ylabel="how often, flat is 1")


def _spread_and_skill(axes: Axes, track: Tracking) -> None:
    axes.set_title("Error of analyses by their spread")
    spread = track.spread[track.best, :, track.burn_in :].ravel()
    error = track.error[track.best, :, track.burn_in :].ravel()
    if not np.isfinite(spread).all():
        axes.text(0.5, 0.5, "one member", transform=axes.transAxes, ha="center")
        return
    parts = np.array_split(np.argsort(spread), min(12, len(spread)))
    x, y = (
        np.array([np.sqrt((values[part] ** 2).mean()) for part in parts])
        for values in (spread, error)
    )
    top = 1.05 * max(x.max(), y.max())
    axes.plot([0, top], [0, top], color=INK, linewidth=0.8)
    axes.plot(x, y, "o-", color=COLOURS[0], markersize=4)
    axes.set(xlabel="spread", ylabel="error", xlim=(0, top), ylim=(0, top))


def _seeds(axes: Axes, track: Tracking) -> None:
    late = track.error[..., track.burn_in :].mean(-1)
    for at, (factor, radius) in enumerate(track.run.settings):
        label = f"{factor:g}, {radius:g}" if radius else f"{factor:g}"
        axes.plot(
            np.full(late.shape[1], at), late[at], "o", color=COLOURS[3], alpha=0.5
        )
        axes.plot(at, np.median(late[at]), "_", color=INK, markersize=18)
        axes.annotate(
            label, (at, 0.0), (0, 3), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="center", fontsize=7, color=MUTED,
        )  # fmt: skip
    axes.set(
        xlim=(-0.7, len(late) - 0.3), xticks=[], ylabel="error",
        title="Error of the seeds by setting; line: median",
    )  # fmt: skip
    axes.set_ylim(0.0, 1.15 * float(np.nanmin(late.max(-1))) + 0.05)


def _leads(axes: Axes, truth: Truth, ahead: LeadErrors) -> None:
    time = truth.experiment.cycle * np.arange(1, len(ahead.forecast) + 1)
    for at, (name, error) in enumerate(
        (
            ("model from the analysis", ahead.forecast),
            ("all stays as it is", ahead.persistence),
        )
    ):
        axes.plot(time, error, color=COLOURS[at], alpha=0.25, linewidth=0.8)
        axes.plot(time, np.median(error, -1), color=COLOURS[at], label=name)
    axes.axhline(
        truth.climate.deviation, color=MUTED, linestyle=":", label="mean of the system"
    )
    axes.set(
        xlabel="time ahead", ylabel="root mean square", xlim=(0.0, time[-1]),
        title="Error of forecasts from analyses",
    )  # fmt: skip
    axes.set_ylim(bottom=0.0)
    axes.legend(loc="lower right")


def _innovations(axes: Axes, track: Tracking) -> None:
    axes.set_title("Innovations by what spread and errors say of them")
    late = slice(track.burn_in, None)
    ratio = track.innovation[track.best, :, late] / track.expected[track.best, :, late]
    ratio = ratio[np.isfinite(ratio)]
    if not ratio.size:
        axes.text(0.5, 0.5, "no spread", transform=axes.transAxes, ha="center")
        return
    edges = np.linspace(-4.0, 4.0, 41)
    axes.hist(ratio, edges.tolist(), density=True, color=COLOURS[2])
    normal = np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi)
    axes.plot(edges, normal, color=INK, linewidth=0.8, label="normal")
    axes.set(xlabel="standard deviations", ylabel="density", xlim=(-4.0, 4.0))
    axes.legend()


def _fields(figure: Any, truth: Truth, track: Tracking) -> None:
    """Draw truth, what was seen, analysis and its error of the last cycles."""
    count = len(track.shown)
    true = truth.states[-count:, 0]
    observed = np.full_like(true, np.nan)
    first = truth.experiment.cycles - count
    for k in range(count):
        entries = truth.operators.entries(first + k)
        if entries is not None:
            observed[k, entries] = truth.values[first + k, 0]
    span = float(np.quantile(np.abs(true), 0.995))
    mean = track.shown[:, 0]
    error = mean - true
    error_span = max(float(np.quantile(np.abs(error), 0.99)), 1e-12)
    rows: list[tuple[str, Array, float, str]] = [
        ("truth", true, span, "RdBu_r"),
        ("observed", observed, span, "RdBu_r"),
        ("mean of the analysis", mean, span, "RdBu_r"),
        ("analysis less truth", error, error_span, "PuOr_r"),
    ]
    times = np.array([first, truth.experiment.cycles]) * truth.experiment.cycle
    panels = figure.subplots(len(rows), 1, sharex=True)
    for axes, (title, values, limit, colours) in zip(panels, rows, strict=True):
        image = axes.imshow(
            values.T, aspect="auto", origin="lower", cmap=colours, vmin=-limit,
            vmax=limit, extent=(*times, -0.5, values.shape[1] - 0.5),
            interpolation="nearest",
        )  # fmt: skip
        axes.set(title=title, ylabel="entry")
        axes.grid(visible=False)
        figure.colorbar(image, ax=axes, pad=0.01)
    panels[-1].set_xlabel("time of the system")
