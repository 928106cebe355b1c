"""Score forecasts of trained models, beside forecasts without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import ConfigError
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
from .scores import (
    Difference,
    correlation,
    mean_square,
    moving_block_bootstrap,
    pattern_correlation,
    zonal_spectrum,
)

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
    found = forecasts(models, part, samples, starts, max(spec.leads), spec.at_once)
    scored = _Scoring(samples, experiment, starts, samples.steps(months).stop)
    report = Report(
        folder=output or results_folder(folders, experiment.name, period),
        period=period,
        scores=scored.scores(found),
    )
    _write(report, folders, experiments, starts, found)
    draw(report.folder / "scores.png", report.scores, scored.last(found), samples)
    return report


class _Scoring:
    """Scores of forecasts from some starts."""

    def __init__(
        self,
        samples: FieldSamples,
        experiment: Experiment,
        starts: NDArray[np.intp],
        end: int,
    ) -> None:
        self.samples, self.experiment = samples, experiment
        self.starts, self.end = starts, end
        self.weights = samples.weights[samples.mask]
        self.boxes = {
            name: _box(samples, box)
            for name, box in experiment.evaluation.regions.items()
        }

    def scores(self, found: Mapping[str, Array]) -> dict[str, Any]:
        """Return the scores of the model and of the baselines."""
        steps = self.samples.steps(self.experiment.periods.train)
        learned = slice(steps.start, steps.stop)
        scores: dict[str, Any] = {n: {} for n in ("model", *BASELINES)}
        singles = {name: (name,) for name in found}
        for name, of in (singles | self.experiment.evaluation.vectors).items():
            x = np.concatenate([found[n] for n in of], axis=-1)
            weights = np.tile(self.weights, len(of))
            known = baselines(self._observed(of, learned), weights)
            for one in scores:
                scores[one][name] = {}
            for lead in self.experiment.evaluation.leads:
                inside = self.starts + lead < self.end
                if not inside.any():
                    continue
                now = self._observed(of, self.starts[inside])
                observed = self._observed(of, self.starts[inside] + lead)
                made = {"model": x[lead - 1][inside]}
                made |= {n: forecast(now, lead) for n, forecast in known.items()}
                errors = {
                    n: mean_square(y - observed, weights) for n, y in made.items()
                }
                boxes = self.boxes if len(of) == 1 else {}
                for one, y in made.items():
                    scores[one][name][str(lead)] = {
                        "rmse": float(np.sqrt(errors[one].mean())),
                        "acc": pattern_correlation(y, observed, weights),
                        "pairs": len(y),
                        **_correlations(y, observed, boxes),
                    }
                best = min(known, key=lambda n: float(errors[n].mean()))
                scores["model"][name][str(lead)] |= {
                    "difference": asdict(self._better(errors["model"], errors[best])),
                    "best_baseline": best,
                }
        return scores

    def _observed(self, names: Sequence[str], at: Any) -> Array:
        """Return anomalies of some fields, one after the other, (time, cell)."""
        return np.concatenate([self.samples.cells(n, at) for n in names], axis=-1)

    def _better(self, one: Array, other: Array) -> Difference:
        block = self.experiment.evaluation.block
        return moving_block_bootstrap(one, other, block)

    def last(self, found: Mapping[str, Array]) -> dict[str, Any]:
        """Return maps of errors and spectra of the first field, for pictures."""
        name, x = next(iter(found.items()))
        lead = self.experiment.evaluation.monitor[-1]
        inside = self.starts + lead < self.end
        observed = self.samples.cells(name, self.starts[inside] + lead)
        y = x[lead - 1][inside]
        mask = self.samples.mask

        def whole(cells: Array) -> Array:
            fields = np.zeros((len(cells), *mask.shape))
            fields[:, mask] = cells
            return fields

        error = np.sqrt(((y - observed) ** 2).mean(0))[None]
        return {
            "name": name,
            "lead": lead,
            "error": np.where(mask, whole(error)[0], np.nan),
            "spectrum": zonal_spectrum(whole(y), mask, self.samples.y),
            "observed_spectrum": zonal_spectrum(whole(observed), mask, self.samples.y),
        }


def _correlations(
    y: Array, observed: Array, boxes: Mapping[str, NDArray[np.bool_]]
) -> dict[str, float]:
    """Return how well the means of boxes go together in time."""
    return {
        f"r_{name}": correlation(y[:, box].mean(1), observed[:, box].mean(1))
        for name, box in boxes.items()
    }


def _box(samples: FieldSamples, box: tuple[float, ...]) -> NDArray[np.bool_]:
    """Return which cells that belong to the system lie in a box.

    Raises
    ------
    ConfigError
        None does.
    """
    south, north, west, east = box
    rows = (samples.y > south) & (samples.y < north)
    columns = (samples.x > west) & (samples.x < east)
    found: NDArray[np.bool_] = (rows[:, None] & columns)[samples.mask]
    if not found.any():
        raise ConfigError(f"evaluation.regions: no cell lies in {list(box)}")
    return found


def _write(
    report: Report,
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    starts: NDArray[np.intp],
    found: Mapping[str, Array],
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
    single = {name: x.astype(np.float32) for name, x in found.items()}
    write_arrays(report.folder / "forecasts.npz", {"starts": starts, **single})
