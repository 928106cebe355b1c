"""Score free runs of trained models, beside forecasts without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ....compose import Model
from ....tables import Column, print_table
from ...checkpoint import best_models
from ...result_files import write_arrays, write_summary, write_table
from ...run_folder import (
    RunFolder,
    refuse_no_period,
    refuse_other_settings,
    results_folder,
)
from .baselines import BASELINES, baselines
from .experiment import Experiment, Leads
from .pictures import draw_column, draw_runs
from .record import Array, ModelColumn, Record
from .samples import Runs, means, simulate

__all__ = ["Report", "evaluate", "runs_of"]


MEANING = {
    "top": "root mean squared error of the uppermost level over runs and leads, K",
    "profile": "the same over all levels that are learned, weighted by thickness",
    "difference": "error of the model less that of the best baseline, with an interval "
    "of 95 % over runs drawn with replacement",
    "each": "the errors of each of several trained models by itself",
    "runs": "runs that begin and end inside the period",
}
"""Scores and what they mean."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an evaluation found.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    period : str
        What was scored.
    scores : dict
        By forecast and group of leads: ``top`` and ``profile``; of the model
        ``difference`` by either as well, and ``each`` of several trained ones.
    """

    folder: Path
    period: str
    scores: dict[str, dict[str, dict[str, Any]]]

    def show(self) -> None:
        """Print a table of errors for the uppermost level, and one for the profile."""
        by_group = self.scores["model"]
        for kind in ("top", "profile"):
            if kind not in next(iter(by_group.values())):
                continue
            columns = [Column(header="leads", values=list(by_group))]
            for forecast, groups in self.scores.items():
                values = [one[kind] for one in groups.values()]
                columns.append(Column(header=forecast, values=values, format=".3f"))
            for key in ("low", "high"):
                values = [one["difference"][kind][key] for one in by_group.values()]
                columns.append(Column(header=key, values=values, format="+.3f"))
            each = [one["each"][kind] for one in by_group.values() if "each" in one]
            for key, statistic in (("least", min), ("mean", np.mean), ("most", max)):
                if each:
                    values = [float(statistic(errors)) for errors in each]
                    columns.append(
                        Column(header=f"{key} of each", values=values, format=".3f")
                    )
            print_table(columns, title=f"{self.period}, rmse of {kind}, K")


def runs_of(experiment: Experiment, record: Record, period: str) -> Runs:
    """Return the runs of a period, those to learn from or those to be judged.

    Raises
    ------
    ConfigError, DataError
        There is no such period, or no run in it.
    """
    refuse_no_period(period, "periods")
    spec = experiment.runs
    days = spec.begin if period == "train" else spec.scored
    years = experiment.periods.stretches(period)
    return Runs.of(record, years, days, spec.leads)


def evaluate(
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    period: str,
    output: Path | None,
    record: Record,
    column: ModelColumn,
) -> Report:
    """Run the best checkpoints freely, and score the mean of their answers.

    Parameters
    ----------
    folders : sequence of RunFolder
        Runs on the same data.
    experiments : sequence of Experiment
        Of the runs.
    period : str
        ``train``, ``validation`` or ``test``.
    output : path, optional
        Folder of the results: ``scores.csv``, ``summary.json``, ``runs.npz``,
        ``runs.png`` and ``column.png``.
    record : Record
        What was observed.
    column : ModelColumn
        Levels of the model.

    Raises
    ------
    ConfigError
        There is no such period, or runs differ in their data.
    """
    experiment = experiments[0]
    refuse_other_settings(folders, experiments, ("data", "periods", "runs"))
    runs = runs_of(experiment, record, period)
    models = best_models(folders, experiments)
    each = [_simulated(model, column, runs) for model in models]
    answers = {name: np.mean([one[name] for one in each], 0) for name in each[0]}
    levels = experiment.data.levels
    forecasts = {"model": answers["temperature"][..., :levels]}
    alone = [one["temperature"][..., :levels] for one in each]
    forecasts |= baselines(runs, experiment.periods.learned)
    report = Report(
        folder=output or results_folder(folders, experiment.name, period),
        period=period,
        scores=_scores(
            forecasts, alone, runs.targets, column.thickness[:levels], experiment
        ),
    )
    _write(report, folders, experiments, runs, answers)
    draw_runs(report.folder / "runs.png", runs, forecasts, experiment.name)
    draw_column(report.folder / "column.png", runs, answers, column, experiment.name)
    return report


def _simulated(model: Model, column: ModelColumn, runs: Runs) -> dict[str, Array]:
    """Return means over leads.

    ``temperature`` is (lead, run, level), ``mixed_depth`` (lead, run).
    """
    batch = runs.whole
    names = (*column.temperatures, "mixed_depth")
    model.eval()
    with torch.no_grad():
        ran = simulate(model, column, batch, names)
    leads = {name: means(x.double(), batch["edges"]).numpy() for name, x in ran.items()}
    return {
        "temperature": np.stack([leads[name] for name in names[:-1]], -1),
        "mixed_depth": leads["mixed_depth"],
    }


def _scores(
    forecasts: Mapping[str, Array],
    alone: Sequence[Array],
    targets: Array,
    thickness: Array,
    experiment: Experiment,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the scores of forecasts, and of models alone, by group of leads."""
    weights = thickness / thickness.sum()
    kinds = {"top": np.eye(len(weights))[0]}
    if len(weights) > 1:
        kinds["profile"] = weights
    scores: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in forecasts}
    for group in experiment.groups:
        squares = {name: _squares(x - targets, group) for name, x in forecasts.items()}
        label = _called(group)
        for name in forecasts:
            scores[name][label] = {
                kind: float(np.sqrt((squares[name] @ w).mean()))
                for kind, w in kinds.items()
            }
        scores["model"][label]["runs"] = targets.shape[1]
        if len(alone) > 1:
            each = [_squares(x - targets, group) for x in alone]
            scores["model"][label]["each"] = {
                kind: [float(np.sqrt((x @ w).mean())) for x in each]
                for kind, w in kinds.items()
            }
        scores["model"][label]["difference"] = {
            kind: _difference(
                {name: x @ w for name, x in squares.items()},
                experiment.evaluation.draws,
            )
            for kind, w in kinds.items()
        }
    return scores


def _squares(error: Array, group: Leads) -> Array:
    """Return mean squared errors over the leads of a group, (run, level)."""
    squares: Array = np.nanmean(error[group[0] - 1 : group[1]] ** 2, 0)
    return squares


def _called(group: Leads) -> str:
    first, last = group
    return str(first) if first == last else f"{first}-{last}"


def _difference(squares: Mapping[str, Array], draws: int) -> dict[str, Any]:
    """Return by how much a model is better than the best baseline, over drawn runs."""
    best = min(BASELINES, key=lambda name: float(squares[name].mean()))
    count = len(squares["model"])
    drawn = np.random.default_rng(0).integers(count, size=(draws, count))
    model, other = (np.sqrt(squares[n][drawn].mean(1)) for n in ("model", best))
    low, high = np.quantile(model - other, (0.025, 0.975))
    value = np.sqrt(squares["model"].mean()) - np.sqrt(squares[best].mean())
    return {
        "baseline": best, "value": float(value), "low": float(low), "high": float(high)
    }  # fmt: skip


def _write(
    report: Report,
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    runs: Runs,
    answers: Mapping[str, Array],
) -> None:
    """Write table, summary and runs."""
    kinds = ("top", "profile")
    write_table(
        report.folder / "scores.csv",
        ("forecast", "leads", *kinds),
        (
            [forecast, leads, *(f"{one[k]:.6g}" if k in one else "" for k in kinds)]
            for forecast, groups in report.scores.items()
            for leads, one in groups.items()
        ),
    )
    content = {
        "periods": experiments[0].periods,
        "meaning": {**MEANING, **BASELINES},
        "scores": report.scores,
    }
    write_summary(report.folder, folders, experiments, content)
    simulated = {name: x.astype(np.float32) for name, x in answers.items()}
    observed = {"begins": runs.moments, "observed": runs.targets}
    write_arrays(report.folder / "runs.npz", {**observed, **simulated})
