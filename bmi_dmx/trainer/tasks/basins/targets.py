"""What models are compared with beside streamflow: its units, its loss, its scores.

A target is an output of the model by its name, whose observations the data hold under
``data.targets``. Its observations are brought to the units of the output; streamflow is
compared in mm per day, whatever units the model gives it in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch import device as Device

from ....compose import ModelSpec, Plan, plan
from ....compose.parts import make_parts
from ....errors import ConfigError, DataError, UnitsError, suggestion
from ....units import convert
from ....variables import Forcing
from ..streamflow.comparison import TargetScores
from ..streamflow.losses import Loss, Scale, compose
from ..streamflow.metrics import median, score
from ..streamflow.results import Hydrographs, Series
from .data.basins import BasinData
from .data.fluxes import series_of
from .data.spec import STREAMFLOW

__all__ = [
    "METRICS",
    "TARGET",
    "LossSpec",
    "TargetLoss",
    "by_target",
    "compared_units",
    "flow_factor",
    "score_targets",
    "targets_of",
    "with_targets",
]

TARGET = STREAMFLOW.name
"""The output of models that is compared with observations in any case."""

METRICS = ("nse", "kge", "r", "alpha", "beta", "bias", "n_observations")
"""Scores of targets beside streamflow: those that mean the same in any units."""

LossSpec = str | dict[str, float]
"""A registered loss, or weights by name."""


def by_target(
    loss: str | Mapping[str, float | LossSpec],
) -> dict[str, LossSpec]:
    """Return the loss of every target that a configuration names.

    Parameters
    ----------
    loss : str or mapping
        A registered loss, or weights by name, both of streamflow; or one of these by
        target, streamflow among them.

    Raises
    ------
    ConfigError
        A loss is unknown, or weights and targets are mixed, or streamflow has none.
    """
    if isinstance(loss, str):
        return {TARGET: _checked(TARGET, loss)}
    targets = {n: x for n, x in loss.items() if not isinstance(x, int | float)}
    weights = {n: float(x) for n, x in loss.items() if isinstance(x, int | float)}
    if not targets:
        return {TARGET: _checked(TARGET, weights)}
    if weights:
        raise ConfigError(
            f"loss: {next(iter(weights))!r} has a weight and {next(iter(targets))!r} a"
            " loss of its own; expected weights of losses, or losses of targets"
        )
    if TARGET not in targets:
        raise ConfigError(
            f"loss: found {', '.join(targets)}, expected {TARGET!r} among them"
        )
    return {name: _checked(name, spec) for name, spec in targets.items()}


def _checked(target: str, loss: LossSpec) -> LossSpec:
    try:
        compose(loss)
    except ConfigError as error:
        if target == TARGET:
            raise
        raise ConfigError(f"loss.{target}: {error}") from None
    return loss


def flow_factor(whole: Plan) -> float:
    """Return by what the streamflow of a model is multiplied to be in mm per day.

    Raises
    ------
    UnitsError
        The model gives it in units of something else than a depth per time.
    """
    _, flow = whole.outputs[TARGET]
    if flow.units == STREAMFLOW.units:
        return 1.0
    try:
        zero, one = convert([0.0, 1.0], flow.units, STREAMFLOW.units).tolist()
    except UnitsError as error:
        raise UnitsError(f"the model's output {TARGET!r}: {error}") from None
    return float(one - zero)


def compared_units(spec: ModelSpec) -> Plan:
    """Return the plan of a model whose answer can be compared with streamflow.

    Raises
    ------
    ConfigError
        It gives no streamflow.
    UnitsError
        As of :func:`flow_factor`.
    """
    whole = plan((one.part for one in make_parts(spec)), spec.seconds)
    if TARGET not in whole.outputs:
        hint = suggestion(TARGET, whole.outputs)
        raise ConfigError(f"model: it gives no output {TARGET!r}{hint}")
    try:
        flow_factor(whole)
    except UnitsError as error:
        raise UnitsError(f"model: {error}") from None
    return whole


def targets_of(whole: Plan, data: BasinData) -> BasinData:
    """Return data whose targets are in the units of the outputs of a model.

    Raises
    ------
    ConfigError
        The model has no such output.
    UnitsError
        The units cannot be converted.
    """
    targets = {}
    for name, target in data.targets.items():
        if name not in whole.outputs:
            hint = suggestion(name, whole.outputs)
            raise ConfigError(f"data.targets: the model has no output {name!r}{hint}")
        _, output = whole.outputs[name]
        declared = Forcing(name=name, units=output.units, bounds=output.bounds)
        values = series_of(target.values, target.units, declared, target.where)
        targets[name] = replace(target, values=values, units=output.units)
    return replace(data, targets=targets)


@dataclass(frozen=True)
class TargetLoss:
    """How far a model is from what was observed of one target.

    Both are divided by the usual spread of what was observed, so that a loss does not
    depend on units, and what losses add to small numbers is small here as well.

    Parameters
    ----------
    name : str
        The output of the model.
    compared : Loss
        Of the two.
    spread : float
        Mean over the basins of the standard deviation in the training period.
    scale : Scale
        Of the basins, in units of ``spread``; 0 in those without observations.
    """

    name: str
    compared: Loss
    spread: float
    scale: Scale

    @classmethod
    def of(cls, name: str, loss: LossSpec, training: BasinData) -> TargetLoss:
        """Return the loss of a target, its scale from the training period.

        Raises
        ------
        DataError
            Nothing was observed in the training period, or it never changes.
        """
        observed = training.targets[name]
        values = observed.values.astype(np.float64)
        has_values = np.isfinite(values).any(axis=0)
        if not has_values.any():
            raise DataError(
                f"{observed.where}: nothing is observed in the training period"
            )
        spread = float(np.nanstd(values[:, has_values], axis=0).mean())
        if not spread > 0.0:
            raise DataError(
                f"{observed.where}: it does not change in the training period"
            )
        scale = Scale.of(values / spread, training.ids.tolist(), complete=False)
        return cls(name, compose(loss), spread, scale)

    def __call__(self, simulated: Tensor, observed: Tensor, basins: Tensor) -> Tensor:
        """Return the loss of a window of some basins, (T, B)."""
        return self.compared(
            simulated / self.spread, observed / self.spread, self.scale[basins]
        )

    def to(self, device: Device) -> TargetLoss:
        """Return it where the model is."""
        return replace(self, scale=self.scale.to(device))


def score_targets(
    simulated: Mapping[str, NDArray[Any]],
    observed: BasinData,
    groups: Mapping[str, NDArray[np.intp]],
    names: Iterable[str] = METRICS,
) -> dict[str, TargetScores]:
    """Return the scores of all targets beside streamflow.

    Parameters
    ----------
    simulated : mapping of str to array (T, B)
        By target, in its units.
    observed : BasinData
        The scored steps.
    groups : mapping of str to array of int
        Positions of the basins of every group.
    names : iterable of str
        Which scores.
    """
    targets = {}
    for name, target in observed.targets.items():
        scores = score(simulated[name], target.values, names)
        medians = {
            group: {n: median(values[at])[0] for n, values in scores.items()}
            for group, at in groups.items()
        }
        counts = {g: median(scores["nse"][at])[1] for g, at in groups.items()}
        targets[name] = TargetScores(
            units=target.units, scores=scores, medians=medians, basins=counts
        )
    return targets


def with_targets(
    flows: Hydrographs, observed: BasinData, simulated: Mapping[str, NDArray[Any]]
) -> Hydrographs:
    """Return what is written of a run with simulated and observed targets.

    Parameters
    ----------
    flows : Hydrographs
        Those of streamflow.
    observed : BasinData
        The scored steps.
    simulated : mapping of str to array (T, B)
        By target, in its units.
    """
    more = {
        f"{kind}_{name}": Series(
            values=values.astype(np.float32), units=target.units, about=f"{kind} {name}"
        )
        for name, target in observed.targets.items()
        for kind, values in (
            ("simulated", simulated[name]),
            ("observed", target.values),
        )
    }
    return replace(flows, series={**flows.series, **more})
