"""What parameters are taken to be, as a part of the loss."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ....compose import Model
from ....errors import ConfigError, suggestion
from .experiment import Prior

__all__ = ["check_priors", "penalty"]


def check_priors(priors: Mapping[str, Prior], model: Model) -> None:
    """Refuse priors of what a model does not learn once for every reach.

    Raises
    ------
    ConfigError
        Naming the parameter, or a value outside its bounds.
    """
    constant = {part.name for part in model.plan.networks if part.every == "once"}
    parameters = {
        p.name: p
        for part, p in model.plan.given()
        if model.plan.link(part, p.name).part in constant
    }
    for name, prior in priors.items():
        if name not in parameters:
            hint = suggestion(name, parameters)
            raise ConfigError(f"priors: no network supplies {name!r}{hint}")
        bounds = parameters[name].bounds
        if bounds and not bounds[0] <= prior.value <= bounds[1]:
            raise ConfigError(
                f"priors.{name}.value: found {prior.value:g}, expected"
                f" {bounds[0]:g} to {bounds[1]:g}"
            )


def penalty(
    priors: Mapping[str, Prior], model: Model, attributes: Mapping[str, Tensor]
) -> Tensor:
    """Return how far parameters are from what they are taken to be.

    Parameters
    ----------
    priors : mapping of str to Prior
        By parameter.
    model : Model
        What supplies them.
    attributes : mapping of str to Tensor
        (reach,).
    """
    parameters = model.constant_parameters(attributes)
    terms = []
    for name, prior in priors.items():
        # Parameters may be 0 where their bounds allow it.
        apart = (parameters[name].clamp(min=1e-6) / prior.value).log() / math.log(
            prior.factor
        )
        terms.append(prior.weight * apart.square().mean())
    return torch.stack(terms).sum()
