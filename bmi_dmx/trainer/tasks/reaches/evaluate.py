"""Score the flow that trained rivers route to their gauges, beside baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....compose import Model
from ....conversion import plain
from ....errors import ConfigError, DataError
from ....files import atomic_folder
from ...checkpoint import best_models, load_model
from ...experiment_file import naming
from ...result_files import scored_as
from ...run_folder import RunFolder, results_folder
from ..streamflow.comparison import ALL, COMPARED, Comparison
from ..streamflow.metrics import metrics_named, score
from ..streamflow.periods import days_of
from ..streamflow.results import Hydrographs, Series, write_results
from .baselines import ABOUT, Lag
from .data import RiverData, read
from .experiment import Evaluation, Experiment
from .forest import Forests
from .land_runs import LandRuns
from .land_spec import LAND, Land
from .pictures import draw
from .prediction import RiverPrediction, Span, predict, unrouted
from .shift import Shift
from .simulation import Routing, learned

__all__ = ["classes", "evaluate", "write"]

SAME = "only runs on the same river, gauges and days can be averaged"


def evaluate(
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    period: str,
    output: Path | None,
) -> Comparison:
    """Simulate with the best checkpoint of each run, and score the mean.

    Parameters
    ----------
    folders : sequence of RunFolder
        Runs on the same data.
    experiments : sequence of Experiment
        Of the runs.
    period : str
        ``train``, ``validation`` or ``test``.
    output : path, optional
        Folder of the results: ``scores.csv``, ``summary.json``, ``streamflow.nc`` with
        simulated and observed flow and that of the baselines, and pictures.

    Raises
    ------
    ConfigError, DataError
        There is no such period, runs differ in their data, or nothing is observed.
    """
    experiment = experiments[0]
    _refuse_other(folders, experiments, period)
    models = best_models(folders, experiments)
    with naming(folders[0].config, experiment):
        data = read(experiment.data, models[0].plan, experiment.land)
        days = data.within(experiment.periods[period], f"periods.{period}")
        train = data.within(experiment.periods.train, "periods.train")
    shift = Shift.of(experiment.data.days, data.gauges, experiment.model.seconds)
    span = Span.of(experiment, days)
    pairs = zip(folders, experiments, strict=True)
    wet = [_with_land(data, folder, e) for folder, e in pairs]
    runs = [
        _predicted(one, shift, model, span, experiment.land)
        for one, model in zip(wet, models, strict=True)
    ]
    if data.land is not None:
        data = replace(data, inflow=np.mean([one.inflow for one in wet], axis=0))
    head = {
        "experiment": experiment.name,
        "runs": [folder.path.name for folder in folders],
        "seeds": [e.seed for e in experiments],
        **scored_as(folders, experiments),
        "scored": plain(experiment.periods[period]),
        "warmup_days_before": span.lead,
    }
    return write(
        output or results_folder(folders, experiment.name, period),
        experiment.name,
        f"{experiment.name}, {period} period",
        "model",
        models if experiment.land is None or experiment.land.routed else (),
        data,
        runs,
        span,
        Lag(data, train),
        experiment.evaluation,
        head,
        _notes(span, experiment),
    )


def _with_land(data: RiverData, folder: RunFolder, experiment: Experiment) -> RiverData:
    """Return the river with the inflow that the land of a run makes, if there is."""
    land = experiment.land
    if land is None:
        return data
    assert data.land is not None
    model = load_model(folder.best, land.spec, LAND)
    return LandRuns(land, data.land, model).whole(data)


def _predicted(
    data: RiverData, shift: Shift, model: Model, span: Span, land: Land | None
) -> RiverPrediction:
    if land is not None and not land.routed:
        return unrouted(data, span)
    return predict(Routing(data, Forests(data), shift, model), model, span)


def _notes(span: Span, experiment: Experiment) -> tuple[str, ...]:
    warmup = experiment.evaluation_warmup
    if span.lead >= warmup:
        return ()
    return (f"warmed up on {span.lead} days, not on {warmup}: the record has no more",)


def _refuse_other(
    folders: Sequence[RunFolder], experiments: Sequence[Experiment], period: str
) -> None:
    """Refuse runs that do not score the same days at the same gauges."""
    first = experiments[0]
    days = days_of(folders[0], first, period)
    for folder, other in zip(folders, experiments, strict=True):
        if days_of(folder, other, period) != days:
            raise ConfigError(
                f"{folder.path}: periods.{period} is not that of {folders[0].path};"
                f" {SAME}"
            )
        if _seen(other) != _seen(first):
            raise ConfigError(
                f"{folder.path}: data, land or model.seconds are not those of"
                f" {folders[0].path}; {SAME}"
            )


def _seen(experiment: Experiment) -> tuple[Any, ...]:
    """Return what of an experiment decides which river is scored."""
    return experiment.data, experiment.land, experiment.model.seconds


def write(
    folder: Path,
    name: str,
    title: str,
    kind: str,
    models: Sequence[Model],
    data: RiverData,
    runs: Sequence[RiverPrediction],
    span: Span,
    lag: Lag,
    evaluation: Evaluation,
    head: Mapping[str, Any],
    notes: tuple[str, ...],
) -> Comparison:
    """Score what was simulated beside baselines, and write all of it, or nothing.

    Parameters
    ----------
    folder : Path
        Where.
    name, title, kind : str
        Of the model, of the tables, and what the model is called in them.
    models : sequence of Model
        What was run; what it learned is drawn where there is only one.
    data : RiverData
        The river.
    runs : sequence of RiverPrediction
        What each model simulated; the mean is scored.
    span : Span
        The scored days.
    lag : Lag
        Fitted on the training period.
    evaluation : Evaluation
        Metrics and classes.
    head : mapping
        What a reader of the summary must know first.
    notes : tuple of str
        What a reader of the scores must know.
    """
    simulated = np.mean([one.days for one in runs], axis=0)
    observed = data.observed[span.days].astype(np.float64)
    if not np.isfinite(observed).any():
        raise DataError(
            f"no flow is observed from {data.days[span.days.start]} to"
            f" {data.days[span.days.stop - 1]}; there is nothing to score"
        )
    depth = data.gauges.depth
    baselines = {n: x[span.days] for n, x in lag.flow().items()}
    names = tuple(dict.fromkeys((*metrics_named(evaluation.metrics), *COMPARED)))
    report = Comparison(
        folder=folder,
        title=title,
        name=name,
        scores=score(simulated * depth, observed * depth, names),
        baselines={
            n: score(x * depth, observed * depth, COMPARED)
            for n, x in baselines.items()
        },
        groups=classes(data.gauges.area_km2, evaluation.areas),
        about=ABOUT,
        notes=notes,
        kind=kind,
    )
    water = {n: float(np.mean([one.water[n] for one in runs])) for n in runs[0].water}
    summary = {
        **head,
        "notes": list(notes),
        "gauges": report.basins,
        "medians": report.medians,
        "compared": report.compared(),
        "baselines": dict(report.about),
        "lag_hours": lag.plain(data.gauges.ids),
        "water": water,
        "parameters": _parameters(models, data),
    }
    columns = {
        f"{metric}_{n.replace(' ', '_')}": values
        for n, scores in report.baselines.items()
        for metric, values in scores.items()
    }
    series = {"simulated": simulated, "observed": observed, **baselines}
    flows = _hydrographs(title, data, span, series)
    with atomic_folder(folder) as temporary:
        write_results(temporary, flows, report.scores, summary, columns)
        draw(temporary, report, models, data, flows)
    return report


def classes(
    area_km2: NDArray[np.float64], limits: Sequence[float]
) -> dict[str, NDArray[np.intp]]:
    """Return positions of gauges by class of drainage area, those of all first.

    A class that no gauge is in is left out; one that all are in says nothing more.
    """
    groups = {ALL: np.arange(len(area_km2))}
    ends = [0.0, *limits, np.inf]
    for low, high in pairwise(ends):
        at = np.flatnonzero((area_km2 >= low) & (area_km2 < high))
        if 0 < len(at) < len(area_km2):
            name = f"from {low:g} km2" if high == np.inf else f"below {high:g} km2"
            groups[name] = at
    return groups


def _parameters(models: Sequence[Model], data: RiverData) -> dict[str, Any]:
    """Return median and range over reaches of what networks supply once."""
    if len(models) != 1:
        return {}
    (model,) = models
    return {
        name: {
            "median": float(np.median(x)),
            "minimum": float(x.min()),
            "maximum": float(x.max()),
        }
        for name, x in learned(model, data).items()
    }


def _hydrographs(
    title: str, data: RiverData, span: Span, series: Mapping[str, NDArray[np.float64]]
) -> Hydrographs:
    return Hydrographs(
        time=data.days[span.days],
        ids=np.array(data.gauges.ids),
        series={
            name.replace(" ", "_"): Series(
                values=values.astype(np.float32), units="m3 s-1", about=f"{name}"
            )
            for name, values in series.items()
        },
        area_km2=data.gauges.area_km2,
        attributes={"title": title},
    )
