"""Score forecasts of trained models, beside forecasts without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from .experiment import Experiment
from .forecast import forecasts
from .pictures import draw
from .samples import FieldSamples
from .scores import moving_block_bootstrap, pattern_correlation, zonal_spectrum
from .verification import Verification

__all__ = ["Report", "evaluate"]

Array = NDArray[np.float64]


MEANING = {
    "rmse": "root of the mean squared error over cells, weighted by cos y, and time; "
    "of vectors that of the length of the difference",
    "acc": "mean correlation of anomalies over cells, weighted, not centred",
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
        By forecast, field and lead: ``rmse``, ``acc``, ``pairs`` and, of regions,
        ``r_NAME``; of the model ``difference`` as well.
    """

    folder: Path
    period: str
    scores: dict[str, dict[str, dict[str, dict[str, Any]]]]

    def show(self) -> None:
        """Print a table of errors for each field."""
        for name, by_lead in self.scores["model"].items():
            columns = [Column(header="lead", values=list(by_lead))]
            for forecast in self.scores:
                scored = self.scores[forecast][name]
                values = [one["rmse"] for one in scored.values()]
                columns.append(Column(header=forecast, values=values, format=".4f"))
            for key in ("low", "high"):
                values = [one["difference"][key] for one in by_lead.values()]
                columns.append(Column(header=key, values=values, format="+.4f"))
            regions = [k for k in next(iter(by_lead.values())) if k.startswith("r_")]
            for key in regions:
                values = [one[key] for one in by_lead.values()]
                columns.append(Column(header=key, values=values, format=".3f"))
            print_table(columns, title=f"{self.period}, rmse of {name}")


def evaluate(
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    period: str,
    output: Path | None,
    samples: FieldSamples,
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
        Folder of the results: ``scores.csv``, ``summary.json``, ``forecasts.npz``, and
        ``scores.png``.
    samples : FieldSamples
        What was observed.
    part : str
        The part whose states are forecast.

    Raises
    ------
    ConfigError
        There is no such period, or runs differ in their data.
    """
    experiment = experiments[0]
    refuse_no_period(period, folders[0].path)
    refuse_other_settings(folders, experiments, ("data", "periods"))
    models = best_models(folders, experiments)
    spec, months = experiment.evaluation, getattr(experiment.periods, period)
    starts = samples.starts(months, min(spec.leads))
    simulated = forecasts(models, part, samples, starts, max(spec.leads), spec.at_once)
    end = samples.steps(months).stop
    verification = Verification(samples, experiment, starts, end)
    report = Report(
        folder=output or results_folder(folders, experiment.name, period),
        period=period,
        scores=_scores(simulated, verification, spec.block),
    )
    _write(report, folders, experiments, starts, simulated)
    last = _last(simulated, verification)
    draw(report.folder / "scores.png", report.scores, last, samples)
    return report


def _scores(
    simulated: Mapping[str, Array], verification: Verification, block: int
) -> dict[str, Any]:
    """Return the scores of the model and of the baselines."""
    scores: dict[str, Any] = {n: {} for n in ("model", *BASELINES)}
    for name, of in verification.fields().items():
        x = np.concatenate([simulated[n] for n in of], axis=-1)
        others = baselines(verification.learned(of), verification.weights(of))
        for one in scores:
            scores[one][name] = {}
        for lead, cut in verification.cuts(of).items():
            answers = {"model": x[lead - 1][cut.inside]}
            answers |= {n: forecast(cut.now, lead) for n, forecast in others.items()}
            errors = {n: cut.errors(y) for n, y in answers.items()}
            for one, y in answers.items():
                scores[one][name][str(lead)] = {
                    "rmse": float(np.sqrt(errors[one].mean())),
                    "acc": pattern_correlation(y, cut.observed, cut.weights),
                    "pairs": len(y),
                    **cut.correlations(y),
                }
            best = min(others, key=lambda n: float(errors[n].mean()))
            better = moving_block_bootstrap(errors["model"], errors[best], block)
            scores["model"][name][str(lead)] |= {
                "difference": asdict(better),
                "best_baseline": best,
            }
    return scores


def _last(simulated: Mapping[str, Array], verification: Verification) -> dict[str, Any]:
    """Return maps of errors and spectra of the first field, for pictures."""
    samples = verification.samples
    name, x = next(iter(simulated.items()))
    lead = verification.experiment.evaluation.monitor[-1]
    inside = verification.starts + lead < verification.end
    observed = samples.cells(name, verification.starts[inside] + lead)
    y = x[lead - 1][inside]
    mask = samples.mask

    def whole(cells: Array) -> Array:
        fields = np.zeros((len(cells), *mask.shape))
        fields[:, mask] = cells
        return fields

    error = np.sqrt(((y - observed) ** 2).mean(0))[None]
    return {
        "name": name,
        "lead": lead,
        "error": np.where(mask, whole(error)[0], np.nan),
        "spectrum": zonal_spectrum(whole(y), mask, samples.y),
        "observed_spectrum": zonal_spectrum(whole(observed), mask, samples.y),
    }


def _write(
    report: Report,
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    starts: NDArray[np.intp],
    simulated: Mapping[str, Array],
) -> None:
    """Write table, summary and forecasts."""
    write_table(
        report.folder / "scores.csv",
        ("forecast", "field", "lead", "rmse", "acc", "pairs"),
        (
            (forecast, name, lead, f"{one['rmse']:.6g}", f"{one['acc']:.6g}",
             one["pairs"])
            for forecast, fields in report.scores.items()
            for name, leads in fields.items()
            for lead, one in leads.items()
        ),
    )  # fmt: skip
    content = {
        "periods": experiments[0].periods,
        "meaning": {**MEANING, **BASELINES},
        "scores": report.scores,
    }
    write_summary(report.folder, folders, experiments, content)
    single = {name: x.astype(np.float32) for name, x in simulated.items()}
    write_arrays(report.folder / "forecasts.npz", {"starts": starts, **single})
