"""Training losses over a window of time and a batch of basins.

Every loss is called as ``loss(predicted, observed, scale)`` with two (T, B) tensors in
mm per day, NaN in ``observed`` where nothing was measured, and the :class:`Scale` of
the batch's basins. It returns a scalar; a perfect prediction gives the smallest value.

Rules shared by all of them:

* Missing observations are masked exactly: neither value nor gradient depends on what
  was predicted there.
* The gradient is finite wherever the prediction is: at a perfect fit, at zero flow, and
  with a constant series.
* A batch without any observation gives 0 with zero gradient, the sum over nothing. That
  this stays an accident of sampling is ensured by :meth:`Scale.of`, which refuses a
  basin that was never observed.
* A prediction that is NaN where an observation exists makes the loss NaN: a diverging
  model must be seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....errors import ConfigError, DataError
from .metrics import LEAST_FLOW
from .registries import losses

__all__ = ["Loss", "Scale", "WeightedLoss", "compose"]

SPREAD_OFFSET = 0.1
"""Added to a basin's standard deviation so that dry basins do not rule the batch."""

LEAST_STEPS = 10
"""Observed time steps a basin needs inside the window for its KGE to count."""

LEAST_VARIABILITY = 0.1
"""Share of the training period's standard deviation it must show there as well."""


AT_ONCE = 256
"""Basins whose observations are looked at together."""


def log_flow(flow: Tensor) -> Tensor:
    """Natural logarithm of flow, constant below 0.01 mm per day."""
    return flow.clamp(min=LEAST_FLOW).log()


def sqrt_flow(flow: Tensor) -> Tensor:
    """√(q + 0.01 mm per day); negative flow counts as none."""
    return (flow.clamp(min=0.0) + LEAST_FLOW).sqrt()


@dataclass(frozen=True)
class Scale:
    """Spread of each basin's observations over the training period.

    Population standard deviations, so that errors of wet and dry basins compare.

    Parameters
    ----------
    flow : Tensor (N,)
        Of the flow, mm per day.
    log_flow : Tensor (N,)
        Of :func:`log_flow`.
    sqrt_flow : Tensor (N,)
        Of :func:`sqrt_flow`.
    """

    flow: Tensor
    log_flow: Tensor
    sqrt_flow: Tensor

    @classmethod
    def of(
        cls,
        observations: NDArray[Any] | Tensor,
        ids: Sequence[str] | None = None,
        *,
        complete: bool = True,
    ) -> Scale:
        """Compute the scale once, from all observations of the training period.

        Parameters
        ----------
        observations : array (T, N)
            Flow in mm per day, NaN where missing.
        ids : sequence of N str, optional
            Names of the basins, for messages.
        complete : bool
            Whether every basin must have been observed; the spread of one that was not
            is 0.

        Raises
        ------
        DataError
            If a basin has no observation, or an observation is infinite.
        """
        if observations.ndim != 2:
            raise DataError(
                f"observations have shape {tuple(observations.shape)}, expected (time,"
                " basin)"
            )
        names = ids or [f"column {at}" for at in range(observations.shape[1])]
        scales, empty = [], []
        for first in range(0, observations.shape[1], AT_ONCE):
            part = slice(first, first + AT_ONCE)
            scale, observed = _scale_of(observations[:, part], names[part])
            scales.append(scale)
            empty += [names[first + at] for at in (~observed).nonzero().flatten()]
        if empty and complete:
            raise DataError(
                f"{len(empty)} of {len(names)} basins have no observation in the "
                f"training period ({', '.join(empty)}); data.unobserved: "
                "leave_out leaves them out of the training"
            )
        return cls(*(torch.cat(parts) for parts in zip(*scales, strict=True)))

    def __getitem__(self, basins: Tensor | NDArray[Any] | slice) -> Scale:
        """Return the scale of some basins, by index, mask or slice."""
        return Scale(self.flow[basins], self.log_flow[basins], self.sqrt_flow[basins])

    def __len__(self) -> int:
        return len(self.flow)

    def to(self, device: torch.device) -> Scale:
        """Return the scale on a device."""
        moved = (self.flow, self.log_flow, self.sqrt_flow)
        return Scale(*(values.to(device) for values in moved))


def _scale_of(
    observations: NDArray[Any] | Tensor, names: Sequence[str]
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return the spreads of some basins, and which were observed."""
    values = torch.as_tensor(np.asarray(observations, dtype=np.float64))
    infinite = values.isinf().any(dim=0).nonzero().flatten().tolist()
    if infinite:
        raise DataError(
            f"observations of {names[infinite[0]]} contain infinite values, expected"
            " numbers or NaN"
        )
    observed = ~values.isnan()
    views = (values, log_flow(values), sqrt_flow(values))
    spreads = (_masked_variance(view, observed).sqrt().float() for view in views)
    return tuple(spreads), observed.any(dim=0)


Loss: TypeAlias = Callable[[Tensor, Tensor, Scale], Tensor]


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over time of the masked values, per basin; 0 where the mask is empty."""
    total = torch.where(mask, values, 0.0).sum(dim=0)
    return total / mask.sum(dim=0).clamp(min=1)


def _masked_variance(values: Tensor, mask: Tensor) -> Tensor:
    anomaly = values - _masked_mean(values, mask)
    return _masked_mean(anomaly.square(), mask)


@dataclass(frozen=True)
class _Pairs:
    """Predictions and observations, both 0 where the observation is missing."""

    predicted: Tensor
    observed: Tensor
    mask: Tensor

    @property
    def count(self) -> Tensor:
        return self.mask.sum().clamp(min=1).to(self.predicted.dtype)

    def mean(self, values: Tensor) -> Tensor:
        """Mean over all observed time steps of the batch."""
        return torch.where(self.mask, values, 0.0).sum() / self.count

    def rmse(self, error: Tensor) -> Tensor:
        """Root mean square of an error that is 0 where nothing was observed."""
        # A norm has a zero subgradient at 0, where sqrt(mean) would give NaN.
        norm: Tensor = torch.linalg.vector_norm(error)
        return norm / self.count.sqrt()


def _pair(predicted: Tensor, observed: Tensor, scale: Scale) -> _Pairs:
    if predicted.shape != observed.shape or predicted.ndim != 2:
        raise DataError(
            f"predicted has shape {tuple(predicted.shape)}, observed "
            f"{tuple(observed.shape)}; expected the same (time, basin)"
        )
    if len(scale) != predicted.shape[1]:
        raise DataError(
            f"the scale covers {len(scale)} basins, the batch has {predicted.shape[1]}"
        )
    mask = ~observed.isnan()
    # Both sides get the same number, so that any transform of them differs by 0.
    return _Pairs(
        torch.where(mask, predicted, 0.0), torch.where(mask, observed, 0.0), mask
    )


def mse(predicted: Tensor, observed: Tensor, scale: Scale) -> Tensor:
    """Mean squared error over all observed time steps, mm² per day²."""
    pairs = _pair(predicted, observed, scale)
    return pairs.mean((pairs.predicted - pairs.observed).square())


def rmse(predicted: Tensor, observed: Tensor, scale: Scale) -> Tensor:
    """Root mean squared error over all observed time steps, mm per day."""
    pairs = _pair(predicted, observed, scale)
    return pairs.rmse(pairs.predicted - pairs.observed)


def mae(predicted: Tensor, observed: Tensor, scale: Scale) -> Tensor:
    """Mean absolute error (L1) over all observed time steps, mm per day."""
    pairs = _pair(predicted, observed, scale)
    return pairs.mean((pairs.predicted - pairs.observed).abs())


def _log_root(flow: Tensor) -> Tensor:
    return ((flow.clamp(min=0.0) + 1e-6).sqrt() + 0.1).log10()


def rmse_combined(predicted: Tensor, observed: Tensor, scale: Scale) -> Tensor:
    """Give floods and low flows a say: ¾ RMSE of q, ¼ RMSE of lg(√(q + 1e-6) + 0.1).

    Feng et al. 2022, doi:10.1029/2022WR032404. Negative flow counts as none in the
    second term.
    """
    pairs = _pair(predicted, observed, scale)
    plain = pairs.rmse(pairs.predicted - pairs.observed)
    low = pairs.rmse(_log_root(pairs.predicted) - _log_root(pairs.observed))
    return 0.75 * plain + 0.25 * low


def _scaled_square(
    pairs: _Pairs, transform: Callable[[Tensor], Tensor], std: Tensor
) -> Tensor:
    """Squared error of transformed flows over the squared spread of each basin."""
    error = transform(pairs.predicted) - transform(pairs.observed)
    return (error / (std + SPREAD_OFFSET)).square()


def nse_batch(predicted: Tensor, observed: Tensor, scale: Scale) -> Tensor:
    """Mean of (q − o)² / (σ + 0.1)², σ of the basin's training period.

    Kratzert et al. 2019, doi:10.5194/hess-23-5089-2019: 1 − NSE with a
    denominator that a single window cannot make small.
    """
    pairs = _pair(predicted, observed, scale)
    return pairs.mean(_scaled_square(pairs, torch.clone, scale.flow))


def nse_log_batch(predicted: Tensor, observed: Tensor, scale: Scale) -> Tensor:
    """:func:`nse_batch` of ln max(q, 0.01), with σ of the same quantity."""
    pairs = _pair(predicted, observed, scale)
    return pairs.mean(_scaled_square(pairs, log_flow, scale.log_flow))


def nse_sqrt(predicted: Tensor, observed: Tensor, scale: Scale) -> Tensor:
    """:func:`nse_batch` of √(q + 0.01), with σ of the same quantity."""
    pairs = _pair(predicted, observed, scale)
    return pairs.mean(_scaled_square(pairs, sqrt_flow, scale.sqrt_flow))


def nse_sqrt_batch(predicted: Tensor, observed: Tensor, scale: Scale) -> Tensor:
    """Mean of √((q − o)² + 1e-6) / (σ + 0.1): an absolute error, smooth at 0.

    A perfect prediction gives mean 1e-3 / (σ + 0.1). Not to be confused with
    :func:`nse_sqrt`, which transforms the flow.
    """
    pairs = _pair(predicted, observed, scale)
    error = ((pairs.predicted - pairs.observed).square() + 1e-6).sqrt()
    return pairs.mean(error / (scale.flow + SPREAD_OFFSET))


def nse_trend_batch(predicted: Tensor, observed: Tensor, scale: Scale) -> Tensor:
    """:func:`nse_batch` with steps weighted by D / max D + 0.1, D = |o(t) − o(t−1)|.

    The maximum is over the basin's window. D is 0 at the first step, beside a gap, and
    everywhere in a constant window.
    """
    pairs = _pair(predicted, observed, scale)
    both = pairs.mask[1:] & pairs.mask[:-1]
    change = torch.where(both, pairs.observed.diff(dim=0).abs(), 0.0)
    change = torch.cat([torch.zeros_like(pairs.observed[:1]), change])
    largest = change.amax(dim=0)
    weight = change / torch.where(largest > 0, largest, 1.0) + 0.1
    return pairs.mean(_scaled_square(pairs, torch.clone, scale.flow) * weight)


def kge(predicted: Tensor, observed: Tensor, scale: Scale) -> Tensor:
    """Mean over basins of 1 − KGE, each basin's KGE over its own observed steps.

    1 − KGE = √((r − 1)² + (α − 1)² + (β − 1)²) with correlation r, ratio of standard
    deviations α and ratio of means β (Gupta et al. 2009,
    doi:10.1016/j.jhydrol.2009.08.003).

    A basin counts when it has at least :data:`LEAST_STEPS` observed steps in the window
    and shows there more than :data:`LEAST_VARIABILITY` of its usual standard deviation;
    otherwise its KGE is undefined or says little. If none counts the loss is 0.

    A common fluctuation of 0.01 mm per day is added to both series (to means, variances
    and covariance), which keeps the gradient finite for a constant prediction.
    """
    pairs = _pair(predicted, observed, scale)
    mean_p = _masked_mean(pairs.predicted, pairs.mask)
    mean_o = _masked_mean(pairs.observed, pairs.mask)
    product = (pairs.predicted - mean_p) * (pairs.observed - mean_o)
    common = LEAST_FLOW**2
    var = _masked_variance(pairs.observed, pairs.mask)
    var_p, var_o = _masked_variance(pairs.predicted, pairs.mask) + common, var + common
    covariance = _masked_mean(product, pairs.mask) + common
    parts = torch.stack(
        [
            covariance / (var_p * var_o).sqrt() - 1,
            (var_p / var_o).sqrt() - 1,
            (mean_p + LEAST_FLOW) / (mean_o + LEAST_FLOW) - 1,
        ]
    )
    distance = torch.linalg.vector_norm(parts, dim=0)
    enough = pairs.mask.sum(dim=0) >= LEAST_STEPS
    varied = var.sqrt() > LEAST_VARIABILITY * scale.flow
    return _masked_mean(distance, enough & varied)


@dataclass(frozen=True)
class WeightedLoss:
    """A weighted sum of registered losses.

    Parameters
    ----------
    weights : mapping of str to float
        Positive weight by name of the loss.
    """

    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        if not self.weights:
            raise ConfigError(
                "loss: no name is given; known: " + ", ".join(losses.names())
            )
        for name, weight in self.weights.items():
            losses[name]
            if not (math.isfinite(weight) and weight > 0):
                raise ConfigError(
                    f"loss.{name}: weight {weight!r} is not a positive number"
                )

    def __call__(self, predicted: Tensor, observed: Tensor, scale: Scale) -> Tensor:
        """Return the weighted sum."""
        terms = (
            w * losses[name](predicted, observed, scale)
            for name, w in self.weights.items()
        )
        return torch.stack(list(terms)).sum()


def compose(specification: str | Mapping[str, float]) -> Loss:
    """Return the loss that a configuration names.

    Parameters
    ----------
    specification : str or mapping of str to float
        A registered name (``nse_batch``), or names with weights
        (``{nse_batch: 0.75, nse_sqrt: 0.25}``).

    Raises
    ------
    ConfigError
        If a name is not registered, none is given, or a weight is not positive.
    """
    if isinstance(specification, str):
        return losses[specification]
    return WeightedLoss(dict(specification))
