r"""What a network corrects in a column: how fast it mixes, and heat between its levels.

At the floor of a level a perceptron of one hidden layer reads what the water there is
like, and answers with two numbers: the diffusivity there is multiplied by
:math:`e^{2 \tanh a}`, and :math:`F = F_0 \tanh b` is heat that passes it downwards. So
diffusivities stay positive, and whatever the network answers, heat and salt only change
levels. All floors of all columns have the same network; its weights are parameters, and
where they are 0 it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import torch
from torch import Tensor

from ...variables import Parameter
from .constants import STRONGEST

__all__ = ["Correction", "correction_names", "correction_parameters"]

_INPUTS, _ANSWERS = 5, 2

_FLOW = 2e-5
"""Most heat that passes, K m s-1; 80 W m-2 are about as much."""

_GOLDEN = 0.618033988749895


def correction_names(hidden: int) -> tuple[str, ...]:
    """Return the names of the weights of a network of so many hidden units."""
    count = hidden * (_INPUTS + 1) + _ANSWERS * (hidden + 1)
    return tuple(f"correction_{k}" for k in range(1, count + 1))


def correction_parameters(hidden: int) -> tuple[Parameter, ...]:
    """Return the weights: first of each hidden unit, then of each answer."""
    return tuple(
        Parameter(
            name=name, symbol=f"w{k}", units="1", bounds=(-20.0, 20.0), default=0.0,
            spacing="free", per="place", about=f"weight {k} of the correction",
        )
        for k, name in enumerate(correction_names(hidden), start=1)
    )  # fmt: skip


class Correction:
    """The network with its weights.

    Parameters
    ----------
    hidden : int
        Number of hidden units.
    p : namespace of Tensor
        Parameters of a step.
    """

    def __init__(self, hidden: int, p: SimpleNamespace) -> None:
        weights = iter(getattr(p, name) for name in correction_names(hidden))
        self.units = [
            [next(weights) + _beginning(unit, k) for k in range(_INPUTS + 1)]
            for unit in range(hidden)
        ]
        self.answers = [[next(weights) for _ in range(hidden + 1)] for _ in "ab"]

    def __call__(self, inputs: Sequence[Tensor | float]) -> tuple[Tensor, Tensor]:
        """Return the factor of the diffusivity, and heat downwards in K m s-1."""
        active = [torch.tanh(_weighed(unit, inputs)) for unit in self.units]
        factor, flow = (torch.tanh(_weighed(row, active)) for row in self.answers)
        return torch.exp(STRONGEST * factor), _FLOW * flow


def _weighed(weights: Sequence[Tensor], values: Sequence[Tensor | float]) -> Tensor:
    """Return the sum of weighed values, and of a last weight alone."""
    total = weights[-1]
    for weight, value in zip(weights[:-1], values, strict=True):
        total = total + weight * value
    return total


def _beginning(unit: int, k: int) -> float:
    """Return what a weight of a hidden unit begins with.

    Units that began alike would stay alike; multiples of the golden ratio lie evenly
    between -1 and 1, however many there are.
    """
    return 2.0 * (_GOLDEN * (unit * (_INPUTS + 1) + k + 1) % 1.0) - 1.0
