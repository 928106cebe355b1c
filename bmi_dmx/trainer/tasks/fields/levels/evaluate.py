"""Score forecasts on levels, beside persistence and what is usual."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .....compose import Model
from .....errors import DataError
from .....tables import Column, print_table
from ....checkpoint import best_models
from ....result_files import write_summary, write_table
from ....run_folder import (
    RunFolder,
    refuse_no_period,
    refuse_other_settings,
    results_folder,
)
from ..experiment import Dates
from ..scores import moving_block_bootstrap
from .experiment import Experiment
from .forecast import simulate
from .measures import ErrorMap, Measure, chosen, stable_until, usual_of
from .pictures import draw
from .samples import Batch, LevelSamples

__all__ = ["Report", "errors_of", "evaluate"]

Array = NDArray[np.float64]


BASELINES = {
    "persistence": "the state stays",
    "climatology": "what is usual of the day",
}
"""Forecasts without a model, and what they are."""

MEANING = {
    "rmse": "root of the mean squared error over cells, weighted by cos y, levels, "
    "which count alike, and time, in units of the state",
    "normalised": "the same, measured level by level in the usual size of anomalies",
    "acc": "mean correlation of anomalies from what is usual of the day over cells and "
    "levels, weighted, not centred",
    "stable": "share of forecasts whose states are numbers within their bounds at all "
    "steps so far",
    "pairs": "forecasts that begin and verify inside the period",
    "difference": "rmse of the model less that of the best baseline at the lead, with "
    "an interval of 95 % of a paired moving-block bootstrap",
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
        By forecast, state and lead: those of :data:`MEANING`.
    """

    folder: Path
    period: str
    scores: dict[str, dict[str, dict[str, dict[str, Any]]]]

    def show(self) -> None:
        """Print a table of errors."""
        leads = list(next(iter(self.scores["model"].values())))
        rows = [(n, lead) for n in self.scores["model"] for lead in leads]
        model = [self.scores["model"][name][lead] for name, lead in rows]
        columns = [
            Column(header="state", values=[name for name, _ in rows]),
            Column(header="lead", values=[lead for _, lead in rows]),
        ]
        for forecast, states in self.scores.items():
            values = [states[name][lead]["rmse"] for name, lead in rows]
            columns.append(Column(header=forecast, values=values, format=".4g"))
        for key in ("low", "high"):
            values = [one["difference"][key] for one in model]
            columns.append(Column(header=key, values=values, format="+.3g"))
        for key in ("acc", "stable"):
            values = [one[key] for one in model]
            columns.append(Column(header=key, values=values, format=".3f"))
        print_table(columns, title=f"{self.period}, rmse")


def evaluate(
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    period: str,
    output: Path | None,
    samples: LevelSamples,
    part: str,
) -> Report:
    """Forecast with the mean of the best checkpoints of runs, and score that.

    Parameters
    ----------
    folders : sequence of RunFolder
        Runs on the same data.
    experiments : sequence of Experiment
        Of the runs.
    period : str
        ``train``, ``validation`` or ``test``.
    output : path, optional
        Folder of the results: ``scores.csv``, ``summary.json`` and ``scores.png``.
    samples : LevelSamples
        What was observed.
    part : str
        The part whose states are forecast.

    Raises
    ------
    ConfigError
        There is no such period, or runs differ in their data.
    """
    spec = experiments[0]
    refuse_no_period(period, folders[0].path)
    refuse_other_settings(folders, experiments, ("data", "periods"))
    models = best_models(folders, experiments)
    where = ErrorMap(samples, spec.evaluation.leads)
    squares = errors_of(
        models, part, samples, spec, getattr(spec.periods, period),
        spec.evaluation.leads, baselines=True, where=where,
    )  # fmt: skip
    report = Report(
        folder=output or results_folder(folders, spec.name, period),
        period=period, scores=_scores(squares, spec.evaluation.block),
    )  # fmt: skip
    _write(report, folders, experiments)
    draw(report.folder / "scores.png", report.scores, where)
    return report


def _scores(errors_of: Mapping[str, Any], block: int) -> dict[str, Any]:
    """Return scores of all forecasts, and what the model differs by from the best."""
    scores: dict[str, Any] = {
        forecast: {
            name: {lead: _scored(errors) for lead, errors in leads.items()}
            for name, leads in states.items()
        }
        for forecast, states in errors_of.items()
    }
    for name, leads in errors_of["model"].items():
        for lead, errors in leads.items():
            best = min(BASELINES, key=lambda n: scores[n][name][lead]["rmse"])
            one, other = (
                np.array(x["rmse"]) for x in (errors, errors_of[best][name][lead])
            )
            scores["model"][name][lead] |= {
                "difference": asdict(moving_block_bootstrap(one, other, block)),
                "best_baseline": best,
            }
    return scores


def _scored(errors: Mapping[str, list[float]]) -> dict[str, Any]:
    roots = {n: float(np.sqrt(np.mean(errors[n]))) for n in ("rmse", "normalised")}
    means = {n: float(np.mean(errors[n])) for n in ("acc", "stable")}
    return {**roots, **means, "pairs": len(errors["rmse"])}


def errors_of(
    models: Sequence[Model],
    part: str,
    samples: LevelSamples,
    experiment: Experiment,
    period: Dates,
    leads: Sequence[int],
    *,
    baselines: bool,
    where: ErrorMap | None = None,
) -> dict[str, dict[str, dict[str, dict[str, list[float]]]]]:
    """Return squared errors of forecasts from days of a period, one after the other.

    Parameters
    ----------
    models : sequence of Model
        Of one kind, whose forecasts are averaged.
    part : str
        The part whose states are forecast.
    samples : LevelSamples
        What was observed.
    experiment : Experiment
        What forecasts are like.
    period : (str, str)
        Where they begin and end.
    leads : sequence of int
        Steps of the data ahead.
    baselines : bool
        Whether forecasts without a model are scored as well.
    where : ErrorMap, optional
        Is told of the errors of the model.

    Returns
    -------
    dict
        By forecast, state and lead: ``rmse`` and ``normalised``, squares of each
        forecast; ``acc`` and ``stable``.

    Raises
    ------
    DataError
        The period is too short.
    """
    longest = max(leads)
    starts = samples.starts(period, longest)[:: experiment.evaluation.every]
    if not starts.size:
        raise DataError(
            f"periods: {period[0]} to {period[1]} has no {longest} steps after another"
        )
    names = tuple(samples.states)
    kinds = ("model", *(BASELINES if baselines else ()))
    squares: dict[str, Any] = {
        kind: {n: {str(k): defaultdict(list) for k in leads} for n in names}
        for kind in kinds
    }
    measures = {name: Measure(samples, name) for name in names}
    for start in starts:
        batch = samples.cut(np.array([start]), longest)
        observed = chosen(batch["targets"], leads)
        ahead = _mean_of(models, part, samples, experiment, batch)
        stable = stable_until(ahead, samples)
        usual = usual_of(samples, int(start), leads)
        forecasts = {"model": chosen(ahead, leads)}
        if baselines:
            forecasts |= {
                "persistence": _stays(samples, batch, leads),
                "climatology": usual,
            }
        for kind, forecast in forecasts.items():
            for name in names:
                for at, lead in enumerate(leads):
                    one = squares[kind][name][str(lead)]
                    measured = measures[name](
                        forecast[name][at], observed[name][at], usual[name][at]
                    )
                    for key, value in measured.items():
                        one[key].append(value)
                    one["stable"].append(kind != "model" or lead <= stable)
        if where is not None:
            where.add(forecasts["model"], observed)
    return squares


def _mean_of(
    models: Sequence[Model],
    part: str,
    samples: LevelSamples,
    experiment: Experiment,
    batch: Batch,
) -> dict[str, Array]:
    """Return the forecast of a window, averaged over models, (L, 1, *field)."""
    runs = []
    for model in models:
        like, training = model.like, model.training
        model.eval()
        with torch.no_grad():
            runs.append(simulate(
                model, part,
                {n: x.to(like) for n, x in batch["state"].items()},
                {n: x.to(like) for n, x in batch["forcing"].items()},
                tuple(samples.states), samples.parts, experiment.truncate,
            ))  # fmt: skip
        model.train(training)
    return {
        name: torch.stack([run[name].cpu() for run in runs]).double().mean(0).numpy()
        for name in samples.states
    }


def _stays(
    samples: LevelSamples, batch: Batch, leads: Sequence[int]
) -> dict[str, Array]:
    """Return the state that a window begins with, for each lead."""
    return {
        name: np.broadcast_to(now, (len(leads), *now.shape))
        for name in samples.states
        for now in (batch["state"][name].double().numpy(),)
    }


def _write(
    report: Report, folders: Sequence[RunFolder], experiments: Sequence[Experiment]
) -> None:
    """Write table and summary."""
    numbers, ends = ("rmse", "normalised", "acc", "stable"), ("value", "low", "high")
    write_table(
        report.folder / "scores.csv",
        ("forecast", "state", "lead", *numbers, "pairs", *ends),
        (
            (forecast, name, lead, *(f"{one[n]:.6g}" for n in numbers), one["pairs"],
             *(f"{one['difference'][n]:.6g}" if "difference" in one else ""
               for n in ends))
            for forecast, states in report.scores.items()
            for name, leads in states.items()
            for lead, one in leads.items()
        ),
    )  # fmt: skip
    content = {
        "periods": experiments[0].periods,
        "forcing": experiments[0].data.forcing,
        "meaning": {**MEANING, **BASELINES},
        "scores": report.scores,
    }
    write_summary(report.folder, folders, experiments, content)
