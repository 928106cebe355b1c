"""How far apart the models of a mean are, and the members of a store.

Computed when somebody asks, so that it costs nothing else. It is what the models or
members say, not how wrong they are: nobody has calibrated it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..compose.weighted_process import MEMBER_WEIGHT
from ..variables import Variable
from .runner import Runner
from .stages import Stages

__all__ = ["LEVELS", "Spread", "quantile", "reader", "spreads", "standard_deviation"]

Array = NDArray[np.float64]

LEVELS = (5, 10, 25, 50, 75, 90, 95)
"""Quantiles that hosts may ask for, in percent."""


@dataclass(frozen=True)
class Spread:
    """One measure of what lies behind an output.

    Parameters
    ----------
    name : str
        Its own.
    standard_name : str
        Made of that of the output; empty where it has none.
    variable : Variable
        The output.
    models : mapping of str to float
        Buffers of the outputs of several models, and their shares; of members none.
    part : str
        Where the members are.
    level : int, optional
        Quantile in percent; None for the standard deviation.
    """

    name: str
    standard_name: str
    variable: Variable
    models: Mapping[str, float]
    part: str = ""
    level: int | None = None

    @property
    def about(self) -> str:
        """One line of description."""
        among = "models" if self.models else "members"
        kind = (
            "standard deviation" if self.level is None else f"{self.level} % quantile"
        )
        return f"{kind} of {self.variable.name} among {among}, not calibrated"


def spreads(stages: Stages) -> Iterator[Spread]:
    """Yield what can be told of the outputs that several models or members make up.

    Members of a flux are averaged where they are made, and what they hold is kept of
    stores alone; those with learned weights are no sample, and are left out.
    """
    operation = stages.operation
    plan = operation.plan
    for name, (part, variable) in plan.outputs.items():
        if (part.name, variable.name) not in stages.buffers:
            continue
        models = plan.models_of(name)
        weighted = any(
            p.name == MEMBER_WEIGHT.name
            for p in part.declared(operation.inner).parameters
        )
        buffer = stages.buffers[part.name, variable.name]
        members = buffer in stages.shown and part.members and not weighted
        if not models and not members:
            continue
        standard = "" if part.model else variable.standard_name
        for level in (None, *LEVELS):
            kind = "standard_deviation" if level is None else f"quantile_{level:02d}"
            end = f"__ensemble_{kind}"
            yield Spread(
                f"{name}{end}", f"{standard}{end}" if standard else "", variable,
                models, part.name, level,
            )  # fmt: skip


def reader(runner: Runner, spread: Spread) -> tuple[Array, Callable[[], object]]:
    """Return the buffer of a spread, (place,), and what computes it."""
    out = np.full(len(runner.ids), np.nan)
    weights: Sequence[float] | None = None
    if spread.models:
        buffers = [runner.output[name] for name in spread.models]
        weights = list(spread.models.values())
        factor = 1.0
    else:
        store = runner.stores()[spread.part, spread.variable.name]
        factor = runner.operation.factor(spread.variable)
        buffers = list(store.T)

    def compute() -> None:
        values = np.stack(buffers) * factor
        if spread.level is None:
            out[:] = standard_deviation(values, weights)
        else:
            out[:] = quantile(values, spread.level / 100.0, weights)

    return out, compute


def standard_deviation(values: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """Return the weighted standard deviation over the first axis.

    Parameters
    ----------
    values : array_like
        (model, ...).
    weights : array_like, optional
        (model,); default: all alike.
    """
    x = np.asarray(values, dtype=np.float64)
    return np.sqrt(_mean((x - _mean(x, weights)) ** 2, weights))


def _mean(x: Array, weights: ArrayLike | None) -> Array:
    shares = None if weights is None else np.asarray(weights, dtype=np.float64)
    return np.asarray(np.average(x, axis=0, weights=shares))


def quantile(
    values: ArrayLike, share: float, weights: ArrayLike | None = None
) -> Array:
    """Return a weighted quantile over the first axis.

    Each value stands in the middle of its weight (Hazen 1914); between two the quantile
    is linear, and beyond the last it is the last.

    Parameters
    ----------
    values : array_like
        (model, ...).
    share : float
        Of the distribution below it.
    weights : array_like, optional
        (model,); default: all alike.
    """
    x = np.asarray(values, dtype=np.float64)
    count = len(x)
    w: Any = np.ones(count) if weights is None else np.asarray(weights, dtype=float)
    order = np.argsort(x, axis=0, kind="stable")
    ranked = np.take_along_axis(x, order, axis=0)
    sizes = (w / w.sum())[order]
    middle = sizes.cumsum(axis=0) - sizes / 2.0
    above = (middle < share).sum(axis=0)
    low = np.clip(above - 1, 0, count - 1)[None]
    high = np.clip(above, 0, count - 1)[None]
    first, last = (np.take_along_axis(middle, at, axis=0)[0] for at in (low, high))
    below, beyond = (np.take_along_axis(ranked, at, axis=0)[0] for at in (low, high))
    gap = np.where(last > first, last - first, 1.0)
    part = np.clip((share - first) / gap, 0.0, 1.0)
    return np.asarray(below + part * (beyond - below))
