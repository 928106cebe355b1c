"""The answers of all trainings of a study, put together: each basin once per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError
from ...protocols.trial import Cell, Study
from ...records import read_record
from ..streamflow.comparison import ALL, TargetScores
from ..streamflow.metrics import median, score
from ..streamflow.results import Hydrographs, Series, read_streamflow
from .data.withheld_days import read_withheld
from .targets import METRICS

__all__ = ["AT_BOUND", "Line", "Parameters", "PooledStudy", "pool"]

Array = NDArray[Any]

AT_BOUND = 0.01
"""Share of the range of a parameter that counts as being at a bound."""

OWN = ("simulated", "observed")
"""Series of a file of answers that are no baselines."""

ENSEMBLE = "all models"


@dataclass(frozen=True, kw_only=True)
class Line:
    """Flow of all basins by one model, ensemble or baseline.

    Parameters
    ----------
    name : str
        What it is called in tables.
    kind : {"model", "mean", "baseline"}
        A single training, a mean of several, or what must be beaten.
    seed : int, optional
        Of a single training.
    flow : array (T, B)
        mm per day.
    scores : mapping of str to array (B,)
        All scores.
    targets : mapping of str to TargetScores
        Of a single training, scores of what was observed beside streamflow.
    """

    name: str
    kind: str
    seed: int | None
    flow: Array
    scores: Mapping[str, NDArray[np.float64]]
    targets: Mapping[str, TargetScores] = field(default_factory=dict)

    @property
    def median_nse(self) -> float:
        """Median over basins."""
        return median(self.scores["nse"])[0]


@dataclass(frozen=True)
class Parameters:
    """Learned parameters of all basins.

    Parameters
    ----------
    values : dict of str to array (B, M) or (B,)
        By name.
    bounds : dict of str to (float, float)
        Declared bounds.
    units : dict of str to str
        Units.
    """

    values: dict[str, NDArray[np.float64]]
    bounds: dict[str, tuple[float, float]]
    units: dict[str, str]

    @cached_property
    def at_bounds(self) -> dict[str, float]:
        """Share of the values within a hundredth of the range of a bound, by name."""
        shares = {}
        for name, values in self.values.items():
            low, high = self.bounds[name]
            place = (values - low) / (high - low)
            near = (place < AT_BOUND) | (place > 1.0 - AT_BOUND)
            shares[name] = float(near.mean())
        return shares

    @property
    def share_at_bounds(self) -> float:
        """Mean of :attr:`at_bounds` over the parameters."""
        return float(np.mean(list(self.at_bounds.values())))


@dataclass(frozen=True, kw_only=True)
class PooledStudy:
    """All basins of a study, judged.

    Parameters
    ----------
    flows : Hydrographs
        Times, basins and where they are; ``observed`` holds the days that are scored.
    everything : array (T, B)
        Flow observed on all days.
    fold : array (B,) of str
        Fold that holds a basin out.
    models : mapping of str to sequence of Line
        Single trainings by model, in the order of the seeds.
    means : sequence of Line
        Mean flows over seeds, and over models.
    baselines : sequence of Line
        What must be beaten.
    about : mapping of str to str
        What the baselines are.
    parameters : mapping of str to Parameters
        Of the first seed, by model.
    summaries : sequence of mapping
        What was written of every training.
    """

    flows: Hydrographs
    everything: Array
    fold: NDArray[np.str_]
    models: Mapping[str, Sequence[Line]]
    means: Sequence[Line]
    baselines: Sequence[Line]
    about: Mapping[str, str]
    parameters: Mapping[str, Parameters]
    summaries: Sequence[Mapping[str, Any]]

    @property
    def observed(self) -> Array:
        """Observed flow of the scored days."""
        return self.flows["observed"]

    @property
    def best(self) -> dict[str, Line]:
        """The flow that stands for each model: the mean over seeds, else the only."""
        means = {line.name: line for line in self.means}
        return {
            model: means.get(_mean_name(model, len(lines)), lines[0])
            for model, lines in self.models.items()
        }

    @property
    def lines(self) -> list[Line]:
        """All of them: single trainings, means, baselines."""
        singles = [line for lines in self.models.values() for line in lines]
        return [*singles, *self.means, *self.baselines]


def pool(study: Study) -> PooledStudy:
    """Put the answers of all trainings together and score them.

    Parameters
    ----------
    study : Study
        Of which every training has answered.

    Raises
    ------
    DataError
        Models answered on different days.
    """
    first = next(study.cells)
    whole = _joined(study, first.model, first.seed)
    everything = whole["observed"]
    observed, scored = everything, np.ones(everything.shape, dtype=bool)
    if study.withheld is not None:
        scored = read_withheld(study.withheld, whole.ids, whole.time)
        observed = np.where(scored, everything, np.nan)
    series = {"observed": replace(whole.series["observed"], values=observed)}
    models, baselines = _models(study, whole, observed, scored)
    return PooledStudy(
        flows=replace(whole, series={"simulated": whole.series["simulated"], **series}),
        everything=everything,
        fold=_fold_of(study, whole.ids),
        models=models,
        means=_means(models, observed),
        baselines=baselines,
        about=_summary(study, first)["baselines"],
        parameters={
            model: parameters
            for model in study.protocol.models
            if (parameters := _parameters(study, model, whole.ids.tolist())) is not None
        },
        summaries=[_summary(study, cell) for cell in study.cells],
    )


def _models(
    study: Study, whole: Hydrographs, observed: Array, scored: Array
) -> tuple[dict[str, list[Line]], list[Line]]:
    """Return the lines of all models, and those of the baselines."""
    models: dict[str, list[Line]] = {}
    baselines: dict[str, Line] = {}
    for model in study.protocol.models:
        models[model] = []
        for seed in study.protocol.seeds:
            flows = _joined(study, model, seed)
            if not (
                np.array_equal(flows.time, whole.time)
                and np.array_equal(flows.ids, whole.ids)
            ):
                raise DataError(
                    f"{study.folder}: model {model!r} was judged on other days or"
                    " basins than the first; they cannot be compared"
                )
            flow = flows["simulated"]
            line = _line(model, "model", flow, observed, seed)
            models[model].append(replace(line, targets=_targets(flows, scored)))
            others = {f"{prefix}_{n}" for prefix in OWN for n in _beside_flow(flows)}
            for name in flows.series.keys() - {*OWN} - others:
                same = baselines.get(name)
                if same is not None and not np.array_equal(
                    same.flow, flows[name], equal_nan=True
                ):
                    # The same of other physics.
                    line_name = f"{name} of {model}"
                    line = _line(line_name, "baseline", flows[name], observed)
                    baselines[line_name] = line
                elif same is None:
                    baselines[name] = _line(name, "baseline", flows[name], observed)
    return models, sorted(baselines.values(), key=lambda line: line.name)


def _line(
    name: str, kind: str, flow: Array, observed: Array, seed: int | None = None
) -> Line:
    return Line(
        name=name, kind=kind, seed=seed, flow=flow, scores=score(flow, observed)
    )


def _targets(flows: Hydrographs, scored: Array) -> dict[str, TargetScores]:
    """Score what was observed beside streamflow, on the days that are scored."""
    targets = {}
    for name in _beside_flow(flows):
        entry = flows.series[f"observed_{name}"]
        observed = np.where(scored, entry.values, np.nan)
        scores = score(flows[f"simulated_{name}"], observed, METRICS)
        targets[name] = TargetScores(
            units=entry.units,
            scores=scores,
            medians={ALL: {n: median(values)[0] for n, values in scores.items()}},
            basins={ALL: median(scores["nse"])[1]},
        )
    return targets


def _beside_flow(flows: Hydrographs) -> list[str]:
    """Return what was simulated, and observed, beside streamflow."""
    start = "simulated_"
    return [name[len(start) :] for name in flows.series if name.startswith(start)]


def _mean_name(model: str, seeds: int) -> str:
    return f"{model}, mean of {seeds} seeds"


def _means(models: Mapping[str, Sequence[Line]], observed: Array) -> list[Line]:
    """Return the mean flow over the seeds of each model, and over everything."""
    mean_lines, means = [], []
    for model, lines in models.items():
        mean = np.mean([line.flow.astype(np.float64) for line in lines], axis=0)
        means.append(mean)
        if len(lines) > 1:
            mean_lines.append(
                _line(_mean_name(model, len(lines)), "mean", mean, observed)
            )
    if len(models) > 1:
        mean = np.mean(means, axis=0)
        mean_lines.append(_line(f"{ENSEMBLE}, mean", "mean", mean, observed))
    return mean_lines


def _joined(study: Study, model: str, seed: int) -> Hydrographs:
    """Return the answers of a model to all folds, basins sorted by their names."""
    parts = [
        read_streamflow(study.answers(Cell(model, fold.name, seed)) / "streamflow.nc")
        for fold in study.folds
    ]
    ids = np.concatenate([part.ids for part in parts])
    order = np.argsort(ids)
    first = parts[0]
    for part in parts:
        if not np.array_equal(part.time, first.time):
            raise DataError(f"{study.folder}: folds of {model!r} differ in their days")
    series = {
        name: Series(
            values=np.concatenate([part[name] for part in parts], axis=1)[:, order],
            units=entry.units,
            about=entry.about,
        )
        for name, entry in first.series.items()
    }
    stations: dict[str, Any] = {}
    for name in ("latitude", "longitude", "area_km2"):
        columns = [getattr(part, name) for part in parts]
        if all(values is not None for values in columns):
            stations[name] = np.concatenate(columns)[order]
    return Hydrographs(time=first.time, ids=ids[order], series=series, **stations)


def _fold_of(study: Study, ids: NDArray[np.str_]) -> NDArray[np.str_]:
    of = {name: fold.name for fold in study.folds for name in fold.held_out}
    return np.array([of[name] for name in ids.tolist()])


def _summary(study: Study, cell: Cell) -> dict[str, Any]:
    return read_record(study.answers(cell) / "summary.json", "baselines", "training")


def _parameters(study: Study, model: str, ids: Sequence[str]) -> Parameters | None:
    """Return the parameters that the first seed gives each held basin."""
    rows: dict[str, dict[str, Any]] = {}
    entries: dict[str, Any] = {}
    for fold in study.folds:
        cell = Cell(model, fold.name, study.protocol.seeds[0])
        file = study.answers(cell) / "parameters.json"
        content = read_record(file, "ids", "parameters")
        entries = content["parameters"]
        for name, entry in entries.items():
            for basin, values in zip(content["ids"], entry["values"], strict=True):
                rows.setdefault(name, {})[basin] = values
    if not rows:
        return None
    return Parameters(
        {
            name: np.array([of[basin] for basin in ids], dtype=np.float64)
            for name, of in rows.items()
        },
        {name: tuple(entry["bounds"]) for name, entry in entries.items()},
        {name: entry["units"] for name, entry in entries.items()},
    )
