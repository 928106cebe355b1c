"""A river run over whole periods, piece by piece, each from the state of the last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....compose import Model
from .baselines import daily, summed
from .data import RiverData
from .experiment import Experiment
from .forest import Forest
from .land_runs import LandRuns
from .simulation import FLOW, Routing

__all__ = ["RiverPrediction", "Span", "followed", "predict", "unrouted"]

COUNTED = ("created", "negative")
"""Fluxes that say what the least flow has cost, where a river has them."""


@dataclass(frozen=True)
class Span:
    """Days that are scored, and those simulated before them.

    Parameters
    ----------
    first : int
        Position of the first simulated day.
    days : slice
        Positions of the scored days.
    chunk : int
        Days simulated at a time.
    """

    first: int
    days: slice
    chunk: int

    @classmethod
    def of(cls, experiment: Experiment, days: slice) -> Span:
        """Return days, and as many before as an experiment says and there are."""
        first = max(days.start - experiment.evaluation_warmup, 0)
        return cls(first, days, experiment.evaluation.chunk)

    @property
    def lead(self) -> int:
        """Days simulated before the scored ones."""
        return int(self.days.start) - self.first


@dataclass(frozen=True)
class RiverPrediction:
    """What a river did over a period.

    Parameters
    ----------
    days : (day, gauge) array
        Flow of the scored days, m3 s-1.
    water : dict of str to float
        Shares: water made where the least flow was taken, of the inflow, and negative
        solutions, of all; where the river says it.
    """

    days: NDArray[np.float64]
    water: dict[str, float]


def predict(routing: Routing, model: Model, span: Span) -> RiverPrediction:
    """Simulate a period at all gauges, without gradient.

    Parameters
    ----------
    routing : Routing
        How; made for this model.
    model : Model
        In evaluation mode, wherever it is.
    span : Span
        The days.

    Raises
    ------
    TrainingError
        A flow is not a number; names the reach.
    """
    shift = routing.shift
    gauges = np.arange(len(routing.data.gauges))
    forest = routing.forests.of(gauges, 1)
    outlets = forest.outlets.numpy()
    end = span.days.stop * shift.per_day + shift.steps_behind
    names = [name for name in COUNTED if name in model.outputs]
    sums = dict.fromkeys((*names, "inflow"), 0.0)
    flows, laterals = [], []
    steps = range(span.first * shift.per_day, end, span.chunk * shift.per_day)
    with torch.no_grad():
        for begin in steps:
            piece = slice(begin, min(begin + steps.step, end))
            forcing = _forcing(routing, model, forest, piece)
            lateral = forcing[routing.lateral]
            if begin == steps.start:
                state = routing.steady(model.on(forest.tree), forest, lateral[0])
                before = state[f"{routing.part.name}.{FLOW}"][outlets].cpu()
            flow, state, more = routing.advance(model, forest, forcing, state, names)
            flows.append(flow.cpu())
            laterals.append(lateral[:, outlets].cpu())
            sums["inflow"] += float(lateral.double().sum())
            for name, x in more.items():
                sums[name] += float(x.double().sum())
        days = routing.days(
            torch.cat(flows), before, torch.cat(laterals), gauges, span.lead
        )
    count = (end - steps.start) * len(forest.reaches)
    of = {"created": sums["inflow"], "negative": float(count)}
    water = {name: sums[name] / of[name] for name in names if of[name]}
    return RiverPrediction(days.double().numpy(), water)


def followed(
    routing: Routing, model: Model, span: Span, land: LandRuns | None
) -> RiverPrediction:
    """Simulate a period at all gauges, from the weather over land where there is some.

    Parameters
    ----------
    routing, model, span
        As of :func:`predict`.
    land : LandRuns, optional
        What makes the lateral inflow, in evaluation mode.
    """
    if land is None:
        return predict(routing, model, span)
    data = land.whole(routing.data)
    if not land.spec.routed:
        return unrouted(data, span)
    land_routing = Routing(data, routing.forests, routing.shift, model)
    return predict(land_routing, model, span)


def unrouted(data: RiverData, span: Span) -> RiverPrediction:
    """Return what enters above the gauges on the same days."""
    return RiverPrediction(daily(summed(data), data.per_day)[span.days], {})


def _forcing(
    routing: Routing, model: Model, forest: Forest, piece: slice
) -> dict[str, Tensor]:
    """Return what drives some steps of the model, as it is in the whole record."""
    data, parts = routing.data, routing.parts
    # Lines within a step of the data depend on those before and after.
    first = max(piece.start // parts - 1, 0)
    steps = np.arange(first, -(-piece.stop // parts) + 1)
    # Behind the record the last step stands for those to come.
    at = np.minimum(steps, len(data.inflow) - 1)
    window = slice(piece.start - first * parts, piece.stop - first * parts)
    forcing = {}
    for name in routing.forcings:
        series = torch.from_numpy(data.forcing[name][at][:, forest.reaches])
        forcing[name] = routing.steps(name, series.to(model.like))[window]
    return forcing
