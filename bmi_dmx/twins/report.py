"""What twin experiments found, as text, JSON and Markdown."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..assimilation.experiment import Experiment, FilterRun
from ..assimilation.tracking import Tracking
from ..assimilation.truth import Truth
from ..assimilation.twin import follow
from ..conversion import plain
from ..files import atomic
from ..progress import progress
from ..tables import Column, render

__all__ = ["Row", "followed", "markdown", "record", "shown", "write_json"]


@dataclass(frozen=True, eq=False)
class Row:
    """A filter that followed the truths, and how long it took.

    Parameters
    ----------
    followed : Tracking
        How well.
    seconds : float
        Of the whole run, all settings and seeds together.
    """

    followed: Tracking
    seconds: float

    @property
    def run(self) -> FilterRun:
        """The filter."""
        return self.followed.run

    @property
    def scores(self) -> list[dict[str, Any]]:
        """Of each setting."""
        return self.followed.scores()


def followed(truth: Truth, run: FilterRun) -> Row:
    """Follow truths with a filter, with a bar of progress."""
    start = time.perf_counter()
    with progress(
        total=truth.experiment.cycles, desc=run.title, unit=" cycles", leave=False
    ) as bar:
        track = follow(truth, run, lambda cycle: bar.update())
    return Row(track, time.perf_counter() - start)


_COLUMNS: Sequence[tuple[str, str, str]] = (
    ("infl.", "inflation", ".4g"),
    ("radius", "radius", ".4g"),
    ("analysis", "rmse_analysis", ".3f"),
    ("forecast", "rmse_forecast", ".3f"),
    ("spread", "spread", ".3f"),
    ("CRPS", "crps", ".3f"),
    ("χ²", "consistency", ".2f"),
    ("lost", "divergence_rate", ".0%"),
)


def shown(experiment: Experiment, rows: Sequence[Row], title: str) -> str:
    """Return the rows as a table of text, a line for each setting."""
    lines = [(row, scores) for row in rows for scores in row.scores]
    columns = [Column(header="filter", values=[row.run.title for row, _ in lines])]
    columns += [
        Column(header=header, values=[scores[key] for _, scores in lines], format=form)
        for header, key, form in _COLUMNS
    ]
    if any(row.run.level is not None for row, _ in lines):
        levels = [row.run.level for row, _ in lines]
        columns.append(Column(header="known", values=levels, format=".3f"))
    return render(columns, title=f"{title}\n{_how(experiment)}")


def _how(experiment: Experiment) -> str:
    return (
        f"Errors (RMSE) of analysis and forecast: medians over {experiment.seeds} "
        f"seeds, {experiment.cycles} cycles of {experiment.cycle:g}, the first "
        f"{experiment.burn_in} left out"
    )


def markdown(experiment: Experiment, rows: Sequence[Row]) -> str:
    """Return the rows as a table of Markdown, the best setting of each."""
    text = [
        "| filter | inflation, radius | RMSE of analysis | of seeds | of forecast | "
        "spread | CRPS | lost | known |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        scores = row.scores[row.followed.best]
        seeds = scores["rmse_of_seeds"]
        level = "–" if row.run.level is None else f"{row.run.level:g}"
        radius = f"{scores['radius']:g}" if scores["radius"] else "–"
        setting = f"{scores['inflation']:g}, {radius}"
        text.append(
            f"| {row.run.title} | {setting} | **{scores['rmse_analysis']:.3f}** | "
            f"{min(seeds):.3f}–{max(seeds):.3f} | {scores['rmse_forecast']:.3f} | "
            f"{scores['spread']:.3f} | {scores['crps']:.3f} | "
            f"{scores['divergence_rate']:.0%} | {level} |"
        )
    return "\n".join(text) + "\n"


def record(experiment: Experiment, rows: Sequence[Row], name: str) -> Mapping[str, Any]:
    """Return all that was found, as plain data."""
    about = plain(experiment)
    about.pop("runs", None)
    return {
        "name": name,
        "version": __version__,
        "experiment": about,
        "runs": [
            {
                **plain(row.run),
                "seconds": round(row.seconds, 2),
                "milliseconds_per_cycle": round(
                    1e3 * row.seconds / experiment.cycles, 3
                ),
                "problems": len(row.run.settings) * experiment.seeds,
                "settings": row.scores,
            }
            for row in rows
        ],
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain data, whole or not at all; what is no number is null."""
    with atomic(path) as temporary:
        text = json.dumps(_finite(content), indent=1, allow_nan=False) + "\n"
        temporary.write_text(text, encoding="utf-8")


def _finite(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    if isinstance(data, float) and not np.isfinite(data):
        return None
    return data
