"""Models that are trained together with the one of an experiment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..compose import Model, ModelSpec

__all__ = ["Companion", "groups", "learning"]


@dataclass(frozen=True, kw_only=True)
class Companion:
    """A model that is trained together with that of an experiment, by the same loss.

    Parameters
    ----------
    model : Model
        With the weights that it begins with.
    rate : float
        Its learning rate, relative to that of the experiment; 0 leaves it as it is.
    """

    model: Model
    rate: float = 1.0

    @property
    def learns(self) -> bool:
        """Whether its weights change."""
        return self.rate > 0.0

    @property
    def spec(self) -> ModelSpec:
        """What it is made of."""
        return self.model.spec


def groups(
    model: nn.Module, companions: Mapping[str, Companion], rate: float
) -> list[dict[str, Any]]:
    """Return all weights that learn, as groups with a learning rate each.

    Parameters
    ----------
    model : Module
        The model of the experiment.
    companions : mapping of str to Companion
        What is trained with it.
    rate : float
        Learning rate of the model.
    """
    groups = [{"params": list(model.parameters()), "lr": rate}]
    groups += [
        {"params": list(one.model.parameters()), "lr": one.rate * rate}
        for one in companions.values()
        if one.learns
    ]
    return groups


def learning(parts: Iterable[Mapping[str, Any]]) -> Iterator[nn.Parameter]:
    """Yield the weights of some groups that training changes."""
    for part in parts:
        yield from (weight for weight in part["params"] if weight.requires_grad)
