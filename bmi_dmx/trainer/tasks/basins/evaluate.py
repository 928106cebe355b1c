"""Score the flow that trained models simulate over a period."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....compose import Model
from ....conversion import plain
from ....errors import ConfigError
from ...checkpoint import best_models
from ...experiment_file import naming
from ...result_files import scored_as
from ...run_folder import RunFolder, results_folder
from ..streamflow.comparison import (
    TargetScores,
    show_medians,
    show_targets,
    target_columns,
    target_summary,
)
from ..streamflow.comparison_table import positions_alike
from ..streamflow.metrics import median, metrics_named, score
from ..streamflow.periods import Period, days_of
from ..streamflow.results import Hydrographs, Series, write_results
from .data.basins import BasinData
from .data.read import read_for_training
from .experiment import Experiment
from .groups import basin_groups
from .pictures import RAIN, draw
from .prediction import blocks, predict, refuse_diverged, with_lead
from .run_files import tell_changes
from .targets import (
    TARGET,
    compared_units,
    score_targets,
    targets_of,
    with_targets,
)

__all__ = [
    "AT_ONCE",
    "Report",
    "evaluate",
    "flow_series",
    "in_days",
    "mean_answers",
    "mean_flow",
]

log = logging.getLogger(__name__)

SAME = "only runs on the same days, basins and observations can be averaged"

CONVENTION = 365
"""Days at the start of a period that the usual convention spends on warming up."""

DAY = 86400.0
"""Seconds."""

AT_ONCE = 64
"""Basins simulated at a time unless something else is said; bounds the memory."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an evaluation found.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    period : str
        Name of the scored period.
    scores : dict of str to array (B,)
        Scores of all basins.
    medians : dict of str to dict of str to float
        By group, ``all`` among them, and by metric.
    basins : dict of str to int
        Size of the groups.
    convention : dict of str to float
        Median NSE by group when the first year of the period, left unscored, serves as
        warm-up; empty for a period shorter than two years.
    targets : dict of str to TargetScores
        Scores of what was observed beside streamflow.
    """

    folder: Path
    period: str
    scores: dict[str, NDArray[np.float64]]
    medians: dict[str, dict[str, float]]
    basins: dict[str, int]
    convention: dict[str, float]
    targets: dict[str, TargetScores] = field(default_factory=dict)

    def show(self) -> None:
        """Print a table of the medians."""
        show_medians(self.medians, self.basins, f"{self.period} period")
        if self.convention:
            numbers = ", ".join(f"{g} {v:.3f}" for g, v in self.convention.items())
            print(f"\nMedian NSE with the first year as warm-up, unscored: {numbers}")
        show_targets(self.targets, f"{self.period} period")


def evaluate(
    folders: Sequence[RunFolder],
    experiments: Sequence[Experiment],
    period: str,
    output: Path | None,
) -> Report:
    """Simulate a period with the best checkpoint of each run, and score the mean.

    The model warms up on the time before the period, so that all of it is scored. The
    median NSE of the convention that spends the first year of the period on warming up
    is reported as well, to compare with published numbers.

    Parameters
    ----------
    folders : sequence of RunFolder
        Runs on the same days, basins and observations; the flow of several is averaged.
    experiments : sequence of Experiment
        Of the runs.
    period : str
        ``test``, ``validation`` or ``train``.
    output : path, optional
        Folder of the results, see :func:`~..run_folder.results_folder`:
        ``streamflow.nc``, ``scores.csv``, ``summary.json`` and pictures.

    Raises
    ------
    ConfigError
        The period is not given, or runs differ in days, basins or observations.
    DataError, StateError
        There is no checkpoint, or the data or the checkpoint cannot be used.
    """
    experiment = _common(folders, experiments, period)
    models = best_models(folders, experiments)
    data = _data(folders, experiments, period)
    data[0] = targets_of(compared_units(experiment.model), data[0])
    target = output or results_folder(folders, experiment.name, period)
    return _report(experiment, folders, models, data, period, target)


def _common(
    folders: Sequence[RunFolder], experiments: Sequence[Experiment], period: str
) -> Experiment:
    """Return the first experiment, after making sure that all score the same days."""
    first = days_of(folders[0], experiments[0], period)
    for folder, other in zip(folders, experiments, strict=True):
        days = days_of(folder, other, period)
        if days != first:
            raise ConfigError(
                f"{folder.path}: periods.{period} is {days[0]} to {days[1]}, in"
                f" {folders[0].path} {first[0]} to {first[1]}; {SAME}"
            )
    return experiments[0]


def _data(
    folders: Sequence[RunFolder], experiments: Sequence[Experiment], period: str
) -> list[BasinData]:
    """Return the data of every run, whose basins and observations are the same.

    Attributes and forcing need not be: a model sees what it was trained on.
    """
    datasets: list[BasinData] = []
    for at, (folder, experiment) in enumerate(zip(folders, experiments, strict=True)):
        alike = [e.data for e in experiments[:at]]
        if experiment.data in alike:
            datasets.append(datasets[alike.index(experiment.data)])
            continue
        with naming(folder.config, experiment):
            data = read_for_training(experiment.data, experiment.periods.train)
        tell_changes(folder, experiment, data)
        if datasets:
            where = f"{folder.path}: its data are not those of {folders[0].path}"
            data = _matched(data, datasets[0], experiment.periods[period], where)
        datasets.append(data)
    return datasets


def _matched(data: BasinData, first: BasinData, days: Period, where: str) -> BasinData:
    """Return data in the order of ``first``, refusing other basins or observations."""
    a, b = data.period(*days), first.period(*days)
    positions_alike(a.ids, a.time, a.target, (b.ids, b.time, b.target), where, SAME)
    return data.select(first.ids.tolist())


def _report(
    experiment: Experiment,
    folders: Sequence[RunFolder],
    models: Sequence[Model],
    data: Sequence[BasinData],
    period: str,
    target: Path,
) -> Report:
    days = experiment.periods[period]
    parts = [with_lead(d, days, experiment.evaluation_warmup) for d in data]
    part, lead = parts[0]
    observed = part.target[lead:]
    answers = mean_answers(
        models, parts, experiment.evaluation.basins, (TARGET, *part.targets)
    )
    simulated = answers[TARGET]
    names = metrics_named(experiment.evaluation.metrics)
    scores = score(simulated, observed, names)
    groups = basin_groups(experiment, data[0])
    _warn(experiment, period, lead, simulated, observed)
    scored = part.period(*days)
    targets = score_targets(answers, scored, groups)
    report = Report(
        folder=target,
        period=period,
        scores=scores,
        medians={
            group: {name: median(values[at])[0] for name, values in scores.items()}
            for group, at in groups.items()
        },
        basins={group: len(at) for group, at in groups.items()},
        convention=_convention(experiment, models, data, days, groups),
        targets=targets,
    )
    title = experiment.about or experiment.name
    write_results(
        target,
        with_targets(flow_series(title, scored, simulated), scored, answers),
        scores,
        {
            "experiment": experiment.name,
            "runs": [folder.path.name for folder in folders],
            "seeds": [folder.experiment().seed for folder in folders],
            **scored_as(folders, [experiment]),
            "scored": plain(days),
            "warmup_days_before": in_days(lead, part),
            "basins": report.basins,
            "medians": report.medians,
            "median_nse_with_first_year_as_warmup": report.convention,
            **target_summary(targets),
        },
        target_columns(targets),
    )
    draw(
        target,
        experiment.name,
        models,
        part,
        lead,
        simulated,
        groups,
        period,
        published=experiment.evaluation.published,
    )
    return report


def _warn(
    experiment: Experiment,
    period: str,
    lead: int,
    simulated: NDArray[Any],
    observed: NDArray[Any],
) -> None:
    """Say what the scores do not: a short warm-up, and basins that have none."""
    if lead < experiment.evaluation_warmup:
        log.warning(
            "periods.%s: warmed up on %d time steps, not on %d: the record has no more"
            " before it",
            period,
            lead,
            experiment.evaluation_warmup,
        )
    _, defined = median(score(simulated, observed, ["nse"])["nse"])
    if 0 < defined < observed.shape[1]:
        log.warning(
            "%d of %d basins have no NSE in the %s period, for want of observations or"
            " of change in them: medians leave them out",
            observed.shape[1] - defined,
            observed.shape[1],
            period,
        )


def mean_flow(
    models: Sequence[Model], data: Sequence[tuple[BasinData, int]], basins: int
) -> NDArray[Any]:
    """Return the mean over models of the flow after the warm-up, (T, B).

    ``data`` holds what each model sees, and how many steps of it are its warm-up.
    """
    return mean_answers(models, data, basins, (TARGET,))[TARGET]


def mean_answers(
    models: Sequence[Model],
    data: Sequence[tuple[BasinData, int]],
    basins: int,
    outputs: Sequence[str],
) -> dict[str, NDArray[Any]]:
    """Return the mean over models of several outputs after the warm-up, (T, B) each.

    Raises
    ------
    ConfigError
        A model lacks one of them, or gives it in other units than the first.
    DataError
        The flow of a model is no number somewhere.
    """
    total: dict[str, NDArray[Any]] = {name: np.zeros(1) for name in outputs}
    for model, (part, warmup) in zip(models, data, strict=True):
        _refuse_units(models[0], model, outputs)
        basin_blocks = blocks(model, part, warmup=warmup, basins=basins)
        answers = predict(model, basin_blocks, outputs)
        if TARGET in answers:
            refuse_diverged(answers[TARGET], part, warmup)
        for name, values in answers.items():
            total[name] = total[name] + values.astype(np.float64)
    return {name: values / len(models) for name, values in total.items()}


def _refuse_units(first: Model, model: Model, outputs: Sequence[str]) -> None:
    for name in outputs:
        if name == TARGET:
            continue
        plan_outputs = model.plan.outputs
        units = plan_outputs[name][1].units if name in plan_outputs else "absent"
        base = first.plan.outputs[name][1].units
        if units != base:
            raise ConfigError(
                f"data.targets: {name} is {units!r} in one of the models, {base!r} in"
                " the first; expected the same"
            )


def _convention(
    experiment: Experiment,
    models: Sequence[Model],
    data: Sequence[BasinData],
    days: Period,
    groups: Mapping[str, NDArray[np.intp]],
) -> dict[str, float]:
    scored = data[0].period(*days)
    year = round(CONVENTION * DAY / scored.seconds)
    if len(scored.time) < 2 * year:
        return {}
    parts = [(d.period(*days), year) for d in data]
    simulated = mean_flow(models, parts, experiment.evaluation.basins)
    nse = score(simulated, scored.target[year:], ["nse"])["nse"]
    return {group: median(nse[at])[0] for group, at in groups.items()}


def in_days(steps: int, data: BasinData) -> float | int:
    """Return how many days time steps of the data take."""
    days = steps * data.seconds / DAY
    return int(days) if days == int(days) else days


def flow_series(title: str, data: BasinData, simulated: NDArray[Any]) -> Hydrographs:
    """Return simulated and observed flow of a period as it is written.

    Parameters
    ----------
    title : str
        Of the file.
    data : BasinData
        The period.
    simulated : array (T, B)
        mm per day.
    """
    flow = {"simulated": simulated.astype(np.float32), "observed": data.target}
    series = {
        name: Series(values=values, units="mm d-1", about=f"{name} streamflow")
        for name, values in flow.items()
    }
    rain = data.forcing.get(RAIN)
    if rain is not None:
        series[RAIN] = Series(values=rain, units="mm d-1", about=RAIN)
    longitude, latitude = data.where() or (None, None)
    return Hydrographs(
        time=data.time,
        ids=data.ids,
        series=series,
        longitude=longitude,
        latitude=latitude,
        area_km2=data.attributes.get("area_km2"),
        names=data.names,
        attributes={"title": title},
    )
