"""What a report tells of a run on rivers."""

from __future__ import annotations

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
from .baselines import ABOUT
from .data import read
from .evaluate import classes, evaluate
from .experiment import Experiment
from .simulation import learned as learned_of

__all__ = ["findings"]

DRAWN = ("roughness", "score_by_area")
"""Pictures that show what nothing else in the report does."""

DEPTH = 86.4
"""What m3 s-1 over a km2 is in mm d-1."""


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
    model = load_model(folder.require_best(), experiment.model)
    with remarks() as notes, naming(folder.config, experiment):
        data = read(experiment.data, model.plan, experiment.land)
    assert flows.area_km2 is not None
    depth = DEPTH / flows.area_km2
    others = {name: flows[name.replace(" ", "_")] for name in ABOUT}
    metric_names = metrics_named(experiment.evaluation.metrics)
    names = list(dict.fromkeys((*COMPARED, *metric_names)))
    scores = score(flows["simulated"] * depth, flows["observed"] * depth, names)
    compared = baseline_scores(flows, others, names, depth)
    groups = classes(flows.area_km2, experiment.evaluation.areas)
    routed = experiment.land is None or experiment.land.routed
    return Findings(
        period=f"{period} period, {days[0]} to {days[1]}",
        tiles=tiles(scores, compared),
        tables=[beside_baselines(experiment.name, scores, compared)],
        details={"All scores": score_table(scores, groups, f"{period} period")},
        panels=[distribution(experiment.name, scores, compared)],
        places=gauge_places(flows, scores),
        series=hydrograph_series(flows, others),
        parameters=learned(model.plan, learned_of(model, data), places=False)
        if routed
        else (),
        pictures={
            path: caption
            for path, caption in pictures_in(folder.path / period).items()
            if path.stem in DRAWN
        },
        baselines=ABOUT,
        notes=list(notes),
    )
