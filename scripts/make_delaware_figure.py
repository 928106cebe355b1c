"""Compare runs on the Delaware: a table, and docs/images/rivers-delaware-land.png.

    python scripts/make_delaware_figure.py "at once=runs/a-1,runs/a-2" "routed=runs/b-1"

Each name stands for runs with different seeds, evaluated with ``dmx evaluate``. Printed
are the median NSE over the gauges of a class, as the mean of the runs and from lowest
to highest of them, and the mean of the median KGE. The baseline ``constant lag`` is
that of the first name.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bmi_dmx.trainer.plots.style import COLOURS, OBSERVED, dates, picture
from bmi_dmx.trainer.tasks.reaches.evaluate import classes
from bmi_dmx.trainer.tasks.streamflow.results import read_streamflow

TARGET = Path(__file__).parents[1] / "docs" / "images" / "rivers-delaware-land.png"

AREAS = (300.0, 1000.0, 5000.0)
LARGER = 1000.0
"""km2, from which gauges count as larger ones."""

SHOWN = {"01463500": "Trenton", "01434000": "Port Jervis"}
SPRING = (np.datetime64("1980-03-01"), np.datetime64("1980-06-15"))

Array = np.ndarray[Any, np.dtype[np.float64]]


def column(runs: list[Path], title: str) -> Array:
    """Return a column of the scores of runs, (run, gauge)."""
    columns = []
    for run in runs:
        with (run / "test" / "scores.csv").open(encoding="utf-8", newline="") as file:
            columns.append([float(row[title] or "nan") for row in csv.DictReader(file)])
    return np.array(columns)


def table(series: dict[str, dict[str, Array]], groups: dict[str, Any]) -> None:
    """Print medians by class."""
    print("| gauges | " + " | ".join(series) + " |")
    print("|---|" + "---|" * len(series))
    for group, at in groups.items():
        cells = []
        for scores in series.values():
            pair = [np.nanmedian(scores[m][:, at], axis=1) for m in ("nse", "kge")]
            low, high = pair[0].min(), pair[0].max()
            cells.append(
                f"{pair[0].mean():.3f} ({low:.3f} to {high:.3f}) / {pair[1].mean():.3f}"
            )
        print(f"| {group} ({len(at)}) | " + " | ".join(cells) + " |")


def draw(
    runs: dict[str, list[Path]], series: dict[str, dict[str, Array]], area: Array
) -> None:
    """Draw scores of all gauges, by area, and the flow at two of them."""
    with picture(TARGET, 9.0, 6.0) as figure:
        (left, right), *rows = figure.subplots(2, 2)
        lower = rows[0]
        for colour, (name, scores) in zip(COLOURS, series.items(), strict=False):
            nse = np.nanmean(scores["nse"], axis=0)
            large = np.sort(nse[area >= LARGER])
            share = (np.arange(len(large)) + 1) / len(large)
            left.step(large, share, where="post", color=colour, label=name)
            right.semilogx(area, nse, "o", ms=3.5, color=colour, alpha=0.8, label=name)
        left.set(xlabel="NSE of 1980", ylabel="share of gauges", ylim=(0, 1))
        left.set_title(f"gauges from {LARGER:g} km²")
        left.legend()
        right.set(xlabel="drainage area (km²)", ylabel="NSE of 1980", ylim=(0, 1))
        right.set_title("all gauges")
        for axes, (gauge, place) in zip(lower, SHOWN.items(), strict=True):
            for colour, (name, of) in zip(COLOURS, runs.items(), strict=False):
                flows = [read_streamflow(r / "test" / "streamflow.nc") for r in of]
                days = flows[0].time.astype("datetime64[D]")
                mask = (days >= SPRING[0]) & (days <= SPRING[1])
                at = flows[0].ids.tolist().index(gauge)
                mean = np.mean([one["simulated"][:, at] for one in flows], axis=0)
                axes.plot(days[mask], mean[mask], color=colour, lw=1.1, label=name)
            flow = flows[0]["observed"][:, at]
            axes.plot(days[mask], flow[mask], color=OBSERVED, lw=0.9, label="observed")
            axes.set_title(f"{place}, {gauge}")
            axes.set_ylabel("m³ s⁻¹")
            dates(axes, days[mask])
        lower[0].legend()


def main(arguments: list[str]) -> None:
    pairs = (a.partition("=") for a in arguments)
    runs = {name: [Path(r) for r in text.split(",")] for name, _, text in pairs}
    first = next(iter(runs))
    area = column(runs[first][:1], "area_km2")[0]
    groups = classes(area, AREAS)
    groups[f"from {LARGER:g} km2"] = np.flatnonzero(area >= LARGER)
    series = {n: {m: column(r, m) for m in ("nse", "kge")} for n, r in runs.items()}
    lag = {m: column(runs[first], f"{m}_constant_lag") for m in ("nse", "kge")}
    table({**series, f"{first}, best constant lag": lag}, groups)
    TARGET.parent.mkdir(exist_ok=True)
    draw(runs, series, area)


if __name__ == "__main__":
    main(sys.argv[1:])
