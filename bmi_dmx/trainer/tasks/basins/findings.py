"""What a report tells of a run on basins."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ....compose import Model
from ....logs import remarks
from ...checkpoint import load_model
from ...experiment_file import naming
from ...report.content import Findings
from ...report.evaluation import pictures_in, scored_summary
from ...run_folder import RunFolder
from ..streamflow.comparison import COMPARED
from ..streamflow.findings import (
    baseline_scores,
    beside_baselines,
    distribution,
    gauge_places,
    hydrograph_series,
    learned,
    score_table,
    tiles,
)
from ..streamflow.metrics import metrics_named, score
from ..streamflow.periods import days_of
from ..streamflow.results import read_streamflow
from .baselines import beside
from .data.basins import BasinData
from .data.read import read_for_training
from .evaluate import evaluate
from .experiment import Experiment
from .groups import basin_groups
from .prediction import with_lead
from .targets import compared_units, targets_of

__all__ = ["findings"]

DRAWN = ("parameter_series",)
"""Pictures that show what nothing else in the report does."""


def findings(folder: RunFolder, experiment: Experiment, period: str) -> Findings:
    """Return scores, gauges, hydrographs, parameters and baselines of a run.

    Parameters
    ----------
    folder : RunFolder
        The run.
    experiment : Experiment
        Of the run.
    period : str
        ``test``, ``validation`` or ``train``.
    """
    days = days_of(folder, experiment, period)
    scored_summary(
        folder, period, lambda: evaluate([folder], [experiment], period, None)
    )
    flows = read_streamflow(folder.path / period / "streamflow.nc")
    with remarks() as notes, naming(folder.config, experiment):
        data = read_for_training(experiment.data, experiment.periods.train)
    data = targets_of(compared_units(experiment.model), data)
    model = load_model(folder.require_best(), experiment.model)
    part, lead = with_lead(data, days, experiment.evaluation_warmup)
    others, about = beside(model, data, part, lead)
    metric_names = metrics_named(experiment.evaluation.metrics)
    names = list(dict.fromkeys((*COMPARED, *metric_names)))
    scores = score(flows["simulated"], flows["observed"], names)
    compared = baseline_scores(flows, others, names)
    return Findings(
        period=f"{period} period, {days[0]} to {days[1]}",
        tiles=tiles(scores, compared),
        tables=[beside_baselines(experiment.name, scores, compared)],
        details={
            "All scores": score_table(
                scores, basin_groups(experiment, data), f"{period} period"
            )
        },
        panels=[distribution(experiment.name, scores, compared)],
        places=gauge_places(flows, scores),
        series=hydrograph_series(flows, others),
        parameters=learned(model.plan, _constant(model, data)),
        pictures={
            path: f"{caption}: what changes with time at a gauge of median score"
            for path, caption in pictures_in(folder.path / period).items()
            if path.stem in DRAWN
        },
        baselines=about,
        notes=list(notes),
    )


def _constant(model: Model, data: BasinData) -> dict[str, NDArray[np.float64]]:
    """Return what networks supply once, (basin, member)."""
    attributes = {
        name: torch.from_numpy(data.attributes[name]) for name in model.attributes
    }
    with torch.no_grad():
        values = model.constant_parameters(attributes)
    return {name: x.double().numpy() for name, x in values.items()}
