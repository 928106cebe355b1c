"""Several models, each trained with one or more seeds, on the same forecasts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....conversion import plain
from ....errors import ConfigError
from ....files import atomic_folder
from ....tables import TERMINAL, Column, print_table
from ...report.evaluation import scored_summary
from ...requests import ComparisonRequest
from ...result_files import write_table
from ...run_folder import (
    RunFolder,
    numbered_folder,
    refuse_no_period,
    refuse_other_files,
)
from .baselines import BASELINES, baselines
from .experiment import Experiment
from .pictures import draw_compared
from .samples import FieldSamples
from .scores import moving_block_bootstrap
from .verification import LeadVerification, Verification

__all__ = ["FILES", "ComparisonResult", "compare"]

Array = NDArray[np.float64]

Evaluate = Callable[[RunFolder, Experiment], object]

FOLDER = Path("evaluations")

FILES = ("comparison.png", "scores.csv", "summary.json")
"""Files of a comparison."""

MEANING = {
    "rmse": "root of the mean squared error over cells, weighted by cos y, and time; "
    "the mean over seeds",
    "least": "of a seed",
    "most": "of a seed",
    "difference": "rmse less that of the first model, with an interval of 95 % of a "
    "paired moving-block bootstrap; above 0 the first is better",
}
"""Scores and what they mean."""


@dataclass(frozen=True, kw_only=True)
class ComparisonResult:
    """What a comparison found.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    title : str
        What was forecast.
    seeds : mapping of str to list of int
        By model; the first is what the others are compared with.
    scores : dict
        By field, lead and model: ``rmse``, ``least``, ``most``, ``pairs`` and, of
        regions, ``r_NAME``; of all but the first ``difference`` as well.
    """

    folder: Path
    title: str
    seeds: Mapping[str, list[int]]
    scores: Mapping[str, Mapping[str, Mapping[str, dict[str, Any]]]]

    def plain(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        content = {
            "title": self.title,
            "against": next(iter(self.seeds)),
            "seeds": self.seeds,
            "meaning": {**MEANING, **BASELINES},
            "scores": self.scores,
        }
        comparison: dict[str, Any] = plain(content, "comparison", lambda *_: None)
        return comparison

    def show(self) -> None:
        """Print a table for each field, a row for each lead and model."""
        for name, leads in self.scores.items():
            rows = [(n, m, one) for n, by in leads.items() for m, one in by.items()]
            scores = [one for _, _, one in rows]
            columns = [
                Column(header="lead", values=[int(lead) for lead, _, _ in rows]),
                Column(header="model", values=[model for _, model, _ in rows]),
                Column(
                    header="seeds",
                    values=[len(self.seeds.get(m, ())) or None for _, m, _ in rows],
                ),
            ]
            for key in ("rmse", "least", "most"):
                values = [one[key] for one in scores]
                columns.append(Column(header=key, values=values, format=".4f"))
            apart = [one.get("difference", {}) for one in scores]
            for head, key in (("Δ", "value"), ("from", "low"), ("to", "high")):
                values = [one.get(key) for one in apart]
                columns.append(Column(header=head, values=values, format="+.4f"))
            for key in (k for k in scores[0] if k.startswith("r_")):
                values = [one[key] for one in scores]
                columns.append(Column(header=key, values=values, format=".3f"))
            print_table(columns, title=f"{self.title}, {name}")
            print()
        for key in ("rmse", "difference"):
            print(fill(f"{key}: {MEANING[key]}", TERMINAL, subsequent_indent="  "))


def compare(
    runs: Mapping[str, RunFolder],
    request: ComparisonRequest,
    samples: FieldSamples,
    evaluate: Evaluate,
) -> ComparisonResult:
    """Score runs on the same forecasts; runs that differ in their seeds are one model.

    Parameters
    ----------
    runs : mapping of str to RunFolder
        In the order of the table.
    request : ComparisonRequest
        The period, and whether forecasts without a model are scored beside.
    samples : FieldSamples
        What was observed.
    evaluate : callable
        Scores a run, whose forecasts then lie in the folder of the period.

    Raises
    ------
    ConfigError
        Two runs are of the same model and seed, or data, periods or
        leads differ.
    """
    refuse_no_period(request.period, next(iter(runs)))
    refuse_other_files(request.output, FILES)
    groups = _groups(runs)
    first = next(iter(groups.values()))[0][1]
    period = getattr(first.periods, request.period)
    starts = samples.starts(period, min(first.evaluation.leads))
    end = samples.steps(period).stop
    forecasts = {
        model: [
            _forecasts(folder, of, request.period, evaluate) for folder, of in group
        ]
        for model, group in groups.items()
    }
    report = ComparisonResult(
        folder=request.output or numbered_folder(FOLDER, "comparison"),
        title=f"{request.period}, {period[0]} to {period[1]}",
        seeds={n: [of.seed for _, of in group] for n, group in groups.items()},
        scores=_scores(
            forecasts,
            Verification(samples, first, starts, end),
            baselined=request.baselines,
        ),
    )
    _write(report)
    return report


def _groups(
    runs: Mapping[str, RunFolder],
) -> dict[str, list[tuple[RunFolder, Experiment]]]:
    """Return runs by model: those whose experiments are alike but for the seed.

    Raises
    ------
    ConfigError
        Two have the same seed too, or are on other data than the first.
    """
    groups: list[list[tuple[RunFolder, Experiment]]] = []
    for folder in runs.values():
        experiment = folder.experiment()
        assert isinstance(experiment, Experiment)
        group = next(
            (g for g in groups if replace(g[0][1], seed=experiment.seed) == experiment),
            None,
        )
        if group is None:
            groups.append([(folder, experiment)])
            continue
        for other, of in group:
            if of.seed == experiment.seed:
                raise ConfigError(
                    f"{folder.path}: seed {of.seed} of the model of {other.path}, "
                    "expected another seed or another model"
                )
        group.append((folder, experiment))
    one, first = groups[0][0]
    for (folder, experiment), *_ in groups[1:]:
        for name in ("data", "periods", "evaluation"):
            if getattr(experiment, name) != getattr(first, name):
                raise ConfigError(
                    f"{folder.path}: {name} is not that of {one.path}; only models on "
                    "the same data can be compared"
                )
    names = [group[0][1].name for group in groups]
    return {
        name if names.count(name) == 1 else group[0][0].path.name: group
        for name, group in zip(names, groups, strict=True)
    }


def _forecasts(
    folder: RunFolder, experiment: Experiment, period: str, evaluate: Evaluate
) -> dict[str, Array]:
    """Return the forecasts of a run, (lead, forecast, cell) by field."""
    folder.require_best()
    scored_summary(folder, period, lambda: evaluate(folder, experiment))
    with np.load(folder.path / period / "forecasts.npz") as file:
        return {n: file[n].astype(np.float64) for n in file.files if n != "starts"}


def _scores(
    forecasts: Mapping[str, Sequence[Mapping[str, Array]]],
    verification: Verification,
    *,
    baselined: bool,
) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """Return the scores of models, and of baselines, by field and lead."""
    scores: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    block = verification.experiment.evaluation.block
    for name, of in verification.fields().items():
        others = {}
        if baselined:
            others = baselines(verification.learned(of), verification.weights(of))
        whole = {
            model: [np.concatenate([one[n] for n in of], axis=-1) for one in each]
            for model, each in forecasts.items()
        }
        scores[name] = {}
        for lead, cut in verification.cuts(of).items():
            answers = {
                m: [x[lead - 1][cut.inside] for x in e] for m, e in whole.items()
            }
            answers |= {m: [ahead(cut.now, lead)] for m, ahead in others.items()}
            scores[name][str(lead)] = _of_lead(answers, cut, block)
    return scores


def _of_lead(
    answers: Mapping[str, Sequence[Array]], cut: LeadVerification, block: int
) -> dict[str, dict[str, Any]]:
    """Return the scores of one lead, by model; others are compared with the first."""
    errors = {m: np.stack([cut.errors(y) for y in each]) for m, each in answers.items()}
    first = next(iter(errors))
    scores: dict[str, dict[str, Any]] = {}
    for model, squares in errors.items():
        roots = np.sqrt(squares.mean(-1))
        regions = [cut.correlations(y) for y in answers[model]]
        scores[model] = {
            "rmse": float(roots.mean()),
            "least": float(roots.min()),
            "most": float(roots.max()),
            "pairs": squares.shape[-1],
            **{k: float(np.mean([one[k] for one in regions])) for k in regions[0]},
        }
        if model != first:
            apart = moving_block_bootstrap(squares, errors[first], block)
            scores[model]["difference"] = asdict(apart)
    return scores


def _write(report: ComparisonResult) -> None:
    """Write table, summary and picture, all or nothing."""
    kinds = ("rmse", "least", "most", "pairs")
    ends = ("value", "low", "high")
    with atomic_folder(report.folder) as temporary:
        write_table(
            temporary / "scores.csv",
            ("field", "lead", "model", *kinds, "difference", "low", "high"),
            (
                [name, lead, model, *(one[k] for k in kinds),
                 *(one["difference"][k] if "difference" in one else "" for k in ends)]
                for name, leads in report.scores.items()
                for lead, models in leads.items()
                for model, one in models.items()
            ),
        )  # fmt: skip
        text = json.dumps(report.plain(), indent=2, ensure_ascii=False)
        (temporary / "summary.json").write_text(f"{text}\n", encoding="utf-8")
        draw_compared(temporary / "comparison.png", report.scores)
