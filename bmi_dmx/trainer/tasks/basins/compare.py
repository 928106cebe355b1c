"""Runs and bundles on the same basins and days, beside baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ....bundle import Bundle
from ....compose import Model, plan
from ....compose.parts import make_parts
from ....compose.spec import ModelSpec
from ....conversion import convert
from ....errors import ConfigError
from ...checkpoint import load_model
from ...experiment_file import naming
from ...report.evaluation import scored_summary
from ...requests import ComparisonRequest
from ...run_folder import RunFolder, numbered_folder, refuse_other_files
from ..streamflow.comparison_table import (
    FILES,
    ComparisonResult,
    compared,
    positions_alike,
)
from ..streamflow.periods import Period, days_of
from ..streamflow.results import Hydrographs, read_streamflow
from .baselines import beside
from .data.basins import SECONDS_PER_DAY, BasinData
from .data.read import read_for_training
from .data.spec import DataSpec
from .evaluate import evaluate, flow_series
from .experiment import Experiment
from .model_bundles import flows
from .prediction import usual_warmup, with_lead
from .scored_data import completed, data_spec
from .scoring import FOLDER, model_of
from .targets import compared_units, targets_of

__all__ = ["compare", "yardstick"]

SAME = "only models on the same days, basins and observations can be compared"


def compare(
    runs: Mapping[str, RunFolder],
    bundles: Mapping[str, Bundle],
    request: ComparisonRequest,
) -> ComparisonResult:
    """Score runs and bundles on the same basins and days.

    Parameters
    ----------
    runs, bundles : mapping of str to RunFolder and Bundle
        By the names of the table.
    request : ComparisonRequest
        Data and days; without a run both must be given.

    Raises
    ------
    ConfigError, DataError, UnitsError
        Basins, days or observations differ, or a model cannot be run on them.
    """
    refuse_other_files(request.output, FILES)
    flows = {name: _of_run(folder, request.period) for name, folder in runs.items()}
    spec, days, warmup = _common(runs, request)
    reference, data = _reference(runs, bundles, spec, days)
    for name, bundle in bundles.items():
        flows[name] = _of_bundle(bundle, spec, days, warmup)
    flows = _in_one_order({name: flows[name] for name in request.names})
    first = next(iter(flows.values()))
    others: dict[str, NDArray[np.float64]] = {}
    about: dict[str, str] = {}
    if request.baselines:
        steps = usual_warmup(data) if warmup is None else warmup
        data = data.select(first.ids.tolist())
        part, lead = with_lead(data, days, steps)
        others, about = beside(reference, data, part, lead)
    return compared(
        request.output or numbered_folder(FOLDER, "comparison"),
        f"{len(first.ids)} basins, {days[0]} to {days[1]}",
        flows,
        others,
        about,
    )


def _of_run(folder: RunFolder, period: str) -> Hydrographs:
    experiment = folder.experiment()
    assert isinstance(experiment, Experiment)
    folder.require_best()
    scored_summary(
        folder, period, lambda: evaluate([folder], [experiment], period, None)
    )
    return read_streamflow(folder.path / period / "streamflow.nc")


def _common(
    runs: Mapping[str, RunFolder], request: ComparisonRequest
) -> tuple[DataSpec, Period, int | None]:
    """Return data, days and warm-up of the first run, or those that are asked for."""
    if runs:
        if request.scoring is not None:
            raise ConfigError("--data: goes with bundles alone, runs have their own")
        folder = next(iter(runs.values()))
        experiment = folder.experiment()
        assert isinstance(experiment, Experiment)
        days = days_of(folder, experiment, request.period)
        spec = replace(experiment.data, attributes="both")
        return spec, days, experiment.evaluation_warmup
    if request.scoring is None or request.scoring.period is None:
        raise ConfigError(
            "--data and --period: expected with bundles alone, whose data nobody knows"
        )
    return data_spec(request.scoring), request.scoring.period, request.scoring.warmup


def _reference(
    runs: Mapping[str, RunFolder],
    bundles: Mapping[str, Bundle],
    spec: DataSpec,
    days: Period,
) -> tuple[Model, BasinData]:
    """Return the model whose physics is a baseline, and its data: a run if any."""
    if not runs:
        bundle = next(iter(bundles.values()))
        model = model_of(bundle, {})
        return model, targets_of(model.plan, completed(bundle, model, spec, days).data)
    folder = next(iter(runs.values()))
    experiment = folder.experiment()
    assert isinstance(experiment, Experiment)
    with naming(folder.config, experiment):
        data = read_for_training(experiment.data, experiment.periods.train)
    data = targets_of(compared_units(experiment.model), data)
    return load_model(folder.require_best(), experiment.model), data


def _of_bundle(
    bundle: Bundle, spec: DataSpec, days: Period, warmup: int | None
) -> Hydrographs:
    model = model_of(bundle, {})
    data = targets_of(model.plan, completed(bundle, model, spec, days).data)
    part, lead = with_lead(data, days, usual_warmup(data) if warmup is None else warmup)
    simulated = flows(model, part, lead).mean
    return flow_series(bundle.name, part.part(slice(lead, None)), simulated)


def _in_one_order(flows: Mapping[str, Hydrographs]) -> dict[str, Hydrographs]:
    """Return all with the basins of the first in its order; refuse what differs."""
    one, *_ = flows
    first = flows[one]
    expected = first.ids, first.time, first["observed"]
    ordered = {}
    for name, flow in flows.items():
        where = f"{name}: its data are not those of {one}"
        at = positions_alike(
            flow.ids, flow.time, flow["observed"], expected, where, SAME
        )  # fmt: skip
        series = {n: replace(x, values=x.values[:, at]) for n, x in flow.series.items()}
        ordered[name] = Hydrographs(time=flow.time, ids=flow.ids[at], series=series)
    return ordered


def yardstick(experiment: Experiment) -> Experiment:
    """Return the experiment of an LSTM without physics, in the same budget.

    It reads the weather and the attributes that the model and its networks read, and
    learns from the same windows, steps and batches by the same loss.

    Parameters
    ----------
    experiment : Experiment
        Of a model with physics.
    """
    spec = experiment.model
    whole = plan((one.part for one in make_parts(spec)), spec.seconds)
    attributes = dict.fromkeys(a for part in whole.networks for a in part.attributes)
    forcings = [f.name for f in whole.forcings if f.source == "host"]
    inputs = {*forcings, *attributes}
    model = {
        "recipe": "lstm",
        "forcings": forcings,
        "attributes": list(attributes),
        "options": {"hidden": 64, "dropout": 0.4},
        "time_step": "daily" if spec.seconds == SECONDS_PER_DAY else "hourly",
        "transforms": {n: how for n, how in spec.transforms.items() if n in inputs},
    }
    return replace(
        experiment,
        name=f"{experiment.name}-lstm",
        about=f"an LSTM in the budget of {experiment.name}",
        model=convert(model, ModelSpec),
    )
