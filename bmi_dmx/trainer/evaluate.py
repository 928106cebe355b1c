"""Score trained models over a period: one run, or the mean of several."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..conversion import plain
from ..errors import ConfigError
from ..models.delta import DeltaModel
from .checkpoint import load_model, read_checkpoint
from .data.basins import BasinData
from .data.read import read
from .experiment import ALL, Experiment, Period
from .experiment_file import naming
from .groups import basin_groups
from .metrics import median, metrics, score
from .pictures import draw
from .prediction import blocks, predict, with_lead
from .results import Hydrographs, Series, write_results
from .run_folder import RunFolder, numbered_folder

__all__ = ["ALL", "Report", "evaluate"]

log = logging.getLogger(__name__)

SAME = "only runs on the same days, basins and observations can be averaged"

CONVENTION = 365
"""Days at the start of a period that the usual convention spends on warming up."""


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
    """

    folder: Path
    period: str
    scores: dict[str, NDArray[np.float64]]
    medians: dict[str, dict[str, float]]
    basins: dict[str, int]
    convention: dict[str, float]


def evaluate(
    runs: Path | str | Sequence[Path | str],
    period: str = "test",
    *,
    output: Path | None = None,
) -> Report:
    """Simulate a period with the best checkpoint of each run, and score the mean.

    The model warms up on days before the period, so that all days of it are scored.
    The median NSE of the convention that spends the first year of the period on warming
    up is reported as well, to compare with published numbers.

    Parameters
    ----------
    runs : path or sequence of paths
        Folders of runs on the same days, basins and observations; the flow of several
        is averaged.
    period : str
        ``test``, ``validation`` or ``train``.
    output : path, optional
        Folder of the results: ``streamflow.nc``, ``scores.csv``, ``summary.json`` and
        pictures. Default: a folder named after the period, in the folder of the run or,
        for several runs, in a new folder ``<name>-ensemble-<n>`` beside the first.

    Raises
    ------
    ConfigError
        A folder is not one of a run or given twice, the period is not given, or runs
        differ in days, basins or observations.
    DataError, StateError
        There is no checkpoint, or the data or the checkpoint cannot be used.
    """
    given = [runs] if isinstance(runs, str | Path) else list(runs)
    folders = [RunFolder(Path(run)) for run in given]
    _refuse_repeated(folders)
    experiments = [folder.experiment() for folder in folders]
    experiment = _common(folders, experiments, period)
    for folder in folders:
        if not folder.summary.is_file():
            log.warning(
                "%s: the training is not finished; the best checkpoint so far counts",
                folder.path,
            )
    pairs = zip(folders, experiments, strict=True)
    models = [load_model(f.require_best(), e.model) for f, e in pairs]
    data = _data(folders, experiments, period)
    target = output or _target(folders, experiment, period)
    return _report(experiment, folders, models, data, period, target)


def _refuse_repeated(folders: Sequence[RunFolder]) -> None:
    """Refuse a mean in which a run would count twice."""
    seen: set[Path] = set()
    for folder in folders:
        place = folder.path.resolve()
        if place in seen:
            raise ConfigError(
                f"{folder.path}: given twice; a run counts once in a mean"
            )
        seen.add(place)


def _common(
    folders: Sequence[RunFolder], experiments: Sequence[Experiment], period: str
) -> Experiment:
    """Return the first experiment, after making sure that all score the same days."""
    if not experiments:
        raise ConfigError("no run is given")
    first = experiments[0].periods[period]
    for folder, other in zip(folders, experiments, strict=True):
        days = other.periods[period]
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
    found: list[BasinData] = []
    for at, (folder, experiment) in enumerate(zip(folders, experiments, strict=True)):
        alike = [e.data for e in experiments[:at]]
        if experiment.data in alike:
            found.append(found[alike.index(experiment.data)])
            continue
        with naming(folder.config):
            data = read(experiment.data)
        if found:
            where = f"{folder.path}: its data are not those of {folders[0].path}"
            data = _matched(data, found[0], experiment.periods[period], where)
        found.append(data)
    return found


def _matched(data: BasinData, first: BasinData, days: Period, where: str) -> BasinData:
    """Return data in the order of ``first``, refusing other basins or observations."""
    differing = set(data.ids.tolist()) ^ set(first.ids.tolist())
    if differing:
        raise ConfigError(
            f"{where}: only one of them has basin {min(differing)!r}; {SAME}"
        )
    data = data.select(first.ids.tolist())
    a, b = data.period(*days), first.period(*days)
    unequal = ~((a.target == b.target) | (np.isnan(a.target) & np.isnan(b.target)))
    if unequal.any():
        day, basin = np.argwhere(unequal)[0]
        raise ConfigError(
            f"{where}: the flow observed in basin '{a.ids[basin]}' on {a.time[day]} is"
            f" {a.target[day, basin]:g}, there {b.target[day, basin]:g} mm d-1; {SAME}"
        )
    return data


def _target(folders: Sequence[RunFolder], experiment: Experiment, period: str) -> Path:
    if len(folders) == 1:
        return folders[0].path / period
    root = folders[0].path.parent
    return numbered_folder(root, f"{experiment.name}-ensemble") / period


def _report(
    experiment: Experiment,
    folders: Sequence[RunFolder],
    models: Sequence[DeltaModel],
    data: Sequence[BasinData],
    period: str,
    target: Path,
) -> Report:
    days = experiment.periods[period]
    parts = [with_lead(d, days, experiment.evaluation_warmup) for d in data]
    part, lead = parts[0]
    observed = part.target[lead:]
    simulated = _mean_flow(models, parts, experiment.evaluation.basins)
    chosen = experiment.evaluation.metrics
    names = metrics.names() if chosen == "all" else chosen
    scores = score(simulated, observed, names)
    groups = basin_groups(experiment, data[0])
    _warn(experiment, period, lead, simulated, observed)
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
    )
    scored = part.period(*days)
    write_results(
        target,
        _hydrographs(experiment, scored, simulated),
        scores,
        {
            "experiment": experiment.name,
            "runs": [folder.path.name for folder in folders],
            "seeds": [folder.experiment().seed for folder in folders],
            "steps": [read_checkpoint(f.best)["global_step"] for f in folders],
            "scored": plain(days),
            "warmup_days_before": lead,
            "basins": report.basins,
            "medians": report.medians,
            "median_nse_with_first_year_as_warmup": report.convention,
        },
    )
    draw(target, experiment, models, part, lead, simulated, groups, period)
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
            "periods.%s: warmed up on %d days, not on %d: the record has no more before"
            " it",
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


def _mean_flow(
    models: Sequence[DeltaModel], data: Sequence[tuple[BasinData, int]], basins: int
) -> NDArray[Any]:
    """Return the mean over models of the flow after the warm-up, (T, B).

    ``data`` holds the days of each model, and how many of them are its warm-up.
    """
    total: NDArray[Any] = np.zeros(1)
    for model, (days, warmup) in zip(models, data, strict=True):
        given = blocks(model, days, warmup=warmup, basins=basins)
        total = total + predict(model, given)["streamflow"].astype(np.float64)
    return total / len(models)


def _convention(
    experiment: Experiment,
    models: Sequence[DeltaModel],
    data: Sequence[BasinData],
    days: Period,
    groups: Mapping[str, NDArray[np.intp]],
) -> dict[str, float]:
    parts = [(d.period(*days), CONVENTION) for d in data]
    scored, _ = parts[0]
    if len(scored.time) < 2 * CONVENTION:
        return {}
    simulated = _mean_flow(models, parts, experiment.evaluation.basins)
    nse = score(simulated, scored.target[CONVENTION:], ["nse"])["nse"]
    return {group: median(nse[at])[0] for group, at in groups.items()}


def _hydrographs(
    experiment: Experiment, data: BasinData, simulated: NDArray[Any]
) -> Hydrographs:
    flow = {"simulated": simulated.astype(np.float32), "observed": data.target}
    known = {n: data.attributes.get(n) for n in ("latitude", "longitude", "area_km2")}
    return Hydrographs(
        time=data.time,
        ids=data.ids,
        series={
            name: Series(values=values, units="mm d-1", about=f"{name} streamflow")
            for name, values in flow.items()
        },
        attributes={"title": experiment.about or experiment.name},
        **known,
    )
