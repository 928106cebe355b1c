"""Follow truths that are new with filters that were learned, as in operation."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ....assimilation.experiment import Experiment as Twin
from ....assimilation.experiment import FilterRun
from ....assimilation.truth import truth_of
from ....assimilation.twin import follow
from ....bundle import save_bundle
from ....conversion import convert
from ....errors import ConfigError
from ....tables import Column, print_table
from ...checkpoint import OWN, load_model, read_checkpoint
from ...result_files import write_summary
from ...run_folder import RunFolder, results_folder
from .experiment import Experiment

__all__ = ["SCORES", "Report", "evaluate"]

SCORES = {
    "rmse_analysis": "median over truths of the mean error of analyses",
    "rmse_forecast": "the same of the forecasts before them",
    "spread": "the same of the spread of the members of analyses",
    "spread_forecast": "the same of those of forecasts",
    "crps": "the same of the continuous ranked probability score of analyses",
    "divergence_rate": "share of the truths that were lost",
}
"""Scores of a test and what they mean."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an evaluation found.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    rows : dict of str to dict
        Scores of each run by its name.
    """

    folder: Path
    rows: dict[str, dict[str, Any]]

    def show(self) -> None:
        """Print a table of the scores."""
        columns = [Column(header="run", values=list(self.rows))]
        for name in SCORES:
            values = [row[name] for row in self.rows.values()]
            columns.append(Column(header=name, values=values, format=".4g"))
        print_table(columns, title="test")


def evaluate(
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    period: str,
    output: Path | None,
) -> Report:
    """Follow truths that no archive has with the best weights of each run.

    The filters run as they do in operation: from a bundle, without PyTorch.

    Parameters
    ----------
    folders : sequence of RunFolder
        Runs; each is scored by itself.
    experiments : sequence of Experiment
        Of the runs.
    period : str
        ``test``: there is no truth of anything else.
    output : path, optional
        Folder of the results: ``summary.json``.

    Raises
    ------
    ConfigError
        Another period is asked for.
    """
    if period != "test":
        raise ConfigError(
            f"period: found {period!r}, expected 'test': of an archive there is no "
            "truth to score with"
        )
    rows = {
        folder.path.name: _followed(folder, experiment)
        for folder, experiment in zip(folders, experiments, strict=True)
    }
    report = Report(
        folder=output or results_folder(folders, experiments[0].name, period),
        rows=rows,
    )
    first = next(iter(rows.values()))
    content = {
        "evaluation": experiments[0].evaluation,
        "meaning": SCORES,
        "scores": {name: first[name] for name in SCORES},
        "rows": rows,
    }
    write_summary(report.folder, folders, experiments, content)
    return report


def _followed(folder: RunFolder, experiment: Experiment) -> dict[str, Any]:
    """Return the scores of one run."""
    best, spec = folder.require_best(), experiment.evaluation
    twin = convert(read_checkpoint(best)[OWN]["facts"]["twin"], Twin)
    truth = truth_of(
        replace(
            twin, cycles=spec.cycles, burn_in=spec.burn_in, seeds=spec.seeds,
            first_seed=spec.first_seed, start="climatology",
        )
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        bundle = save_bundle(
            load_model(best, experiment.model), Path(place) / "bundle",
            licence=experiment.licence, provenance={}, scores={}, name=experiment.name,
        )  # fmt: skip
        options = {"bundle": str(bundle.path), "fallback": spec.fallback}
        run = FilterRun(
            filter="amortized", options=options, members=experiment.streams.members
        )
        return follow(truth, run).scores()[0]
