"""Bundles of several models: what each simulates, and how much it should count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....bundle import Bundle
from ....compose import Model
from ....errors import ConfigError
from ...requests import ModelWeights, ScoringRequest
from ..streamflow.periods import Period
from ..streamflow.probability import Range, Residuals
from ..streamflow.weights import best_weights
from .data.basins import BasinData
from .evaluate import AT_ONCE
from .prediction import (
    blocks,
    predict,
    refuse_diverged,
    steps_within,
    usual_warmup,
    with_lead,
)
from .scored_data import completed, data_spec
from .targets import TARGET, flow_factor
from .training_basins import BASIN_IDS

__all__ = ["Flows", "flows", "ranges_of", "weigh"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Flows:
    """What a model simulates.

    Parameters
    ----------
    answers : dict of str to array (T, B)
        Its outputs that are compared with observations; streamflow in mm per day.
    models : array (M, T, B)
        Streamflow of the models that it is the mean of, mm per day; none where it is
        one alone.
    weights : tuple of float
        Theirs.
    names : tuple of str
        The outputs.
    """

    answers: dict[str, Array]
    models: Array
    weights: tuple[float, ...]
    names: tuple[str, ...]

    @property
    def mean(self) -> Array:
        """The streamflow that it answers with, (T, B)."""
        return self.answers[TARGET]


def flows(
    model: Model, part: BasinData, lead: int, others: Sequence[str] = ()
) -> Flows:
    """Simulate a period after its warm-up.

    Parameters
    ----------
    model : Model
        In evaluation mode.
    part : BasinData
        Warm-up and period.
    lead : int
        Time steps of the warm-up.
    others : sequence of str
        Outputs beside streamflow that are wanted.

    Raises
    ------
    DataError
        The flow is no number somewhere.
    """
    shares = model.plan.models_of(TARGET)
    names = tuple(shares)
    basin_blocks = blocks(model, part, warmup=lead, basins=AT_ONCE)
    ran = predict(model, basin_blocks, (TARGET, *others, *names))
    series = {name: x.astype(np.float64) for name, x in ran.items()}
    answers = {name: series[name] for name in (TARGET, *others)}
    refuse_diverged(answers[TARGET], part, lead)
    each = [series[name] * flow_factor(model.plan) for name in names]
    return Flows(
        answers,
        np.stack(each) if each else answers[TARGET][None][:0],
        tuple(shares.values()),
        names,
    )


def ranges_of(
    model: Model,
    data: BasinData,
    simulation: Flows,
    observed: NDArray[Any],
    days: Period | None,
    warmup: int,
) -> dict[str, Range]:
    """Return how good the range of the models is, and one that was calibrated.

    Parameters
    ----------
    model : Model
        As it was simulated.
    data : BasinData
        All time steps.
    simulation : Flows
        Of the scored period.
    observed : array (T, B)
        In the scored period.
    days : (date, date), optional
        From which errors are learned; none of them is scored.
    warmup : int
        Time steps before these.
    """
    ran: dict[str, Range] = {}
    if simulation.names:
        ran["models"] = Range.scored(
            simulation.models, observed, simulation.weights,
            about=f"the {len(simulation.names)} models as they are", sample=True,
        )  # fmt: skip
    if days is not None:
        part, lead = with_lead(data, days, warmup)
        target = part.target[lead:].astype(np.float64)
        learned = Residuals.learned(flows(model, part, lead).mean, target)
        values = learned.around(simulation.mean)
        ran["calibrated"] = Range.scored(
            values, observed,
            about=f"quantiles of the errors of {days[0]} to {days[1]} by class of flow",
            sample=False,
        )  # fmt: skip
    return ran


def weigh(bundle: Bundle, request: ScoringRequest) -> ModelWeights:
    """Return by which weights the models of a bundle do best; see :meth:`.Task.weigh`.

    Raises
    ------
    ConfigError
        It is one model, or no days are given.
    DataError, UnitsError
        The data do not suit the bundle.
    """
    model = bundle.model()
    if not model.plan.models_of(TARGET):
        raise ConfigError(f"{bundle.path}: one model, which has nothing to be weighted")
    if request.period is None:
        raise ConfigError("period: expected the days that weights are learned from")
    spec = data_spec(request)
    data = completed(bundle, model, spec, request.period).data
    steps_within(data, model.spec)
    warmup = usual_warmup(data) if request.warmup is None else request.warmup
    part, lead = with_lead(data, request.period, warmup)
    simulation = flows(model, part, lead)
    weights = best_weights(simulation.models, part.target[lead:].astype(np.float64))
    first, last = request.period
    return ModelWeights(
        weights=dict(zip(simulation.names, weights.tolist(), strict=True)),
        provenance={
            "basins": len(data.ids),
            BASIN_IDS: data.ids.tolist(),
            "periods": {"train": [first.isoformat(), last.isoformat()]},
            "data": {"path": Path(spec.path).name, "reader": spec.reader},
        },
    )
