"""Water that a reach loses to the ground, or gains from it.

What a reach exchanges with the ground cannot be told from flow alone. A gauge sees the
sum over all reaches above it, and the parts of a sum cannot be told from the sum.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import torch
from torch import Tensor

from ...operate.repeated_warnings import warn_once
from ...variables import Flux, Parameter

__all__ = [
    "LEAKAGE",
    "Bed",
    "Leakance",
    "conductivity",
    "leakage",
    "warn_of_leakance",
]

_log = logging.getLogger(__name__)

_INCH_PER_HOUR = 7.056e-6  # m s-1
_OPEN = 0.5

LEAKAGE = Flux(
    name="leakage", symbol="zeta", units="m3 s-1", per_step="rate",
    about="water that leaves a reach for the ground, negative where it is gained",
)  # fmt: skip
_PARAMETERS = (
    Parameter(
        name="conductivity_correction", symbol="delta", units="1", bounds=(-3.0, 1.0),
        about="decades by which the bed conducts better than its soil texture says",
    ),
    Parameter(
        name="water_table_depth", symbol="d_gw", units="m", bounds=(0.01, 300.0),
        spacing="log", about="depth of the water table below ground",
    ),
    Parameter(
        name="sand", symbol="sand", units="percent", bounds=(0.0, 100.0), per="place",
        source="attribute", about="share of sand in the soil by mass",
    ),
    Parameter(
        name="clay", symbol="clay", units="percent", bounds=(0.0, 100.0), per="place",
        source="attribute", about="share of clay in the soil by mass",
    ),
)  # fmt: skip
_GATE = Parameter(
    name="leakance_gate", symbol="gate", units="1", bounds=(0.0, 1.0),
    about="whether the reach exchanges water at all: it does from 0.5 on",
)  # fmt: skip


@dataclass(frozen=True)
class Leakance:
    """Which form of the exchange with the ground.

    Parameters
    ----------
    published : bool
        The width is :math:`(p d)^q`, which is no length, and the depth has no least
        value: the form of DDR 0.6, for comparisons.
    losing_only : bool
        Nothing is gained from the ground.
    gate : bool
        A parameter opens or closes the exchange of each reach.
    """

    published: bool = False
    losing_only: bool = False
    gate: bool = False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What the exchange needs to know of a reach."""
        return (*_PARAMETERS, _GATE) if self.gate else _PARAMETERS


class Bed(NamedTuple):
    """What of a reach touches the ground.

    Parameters
    ----------
    width, length : Tensor
        Of the surface that leaks, m.
    depth : Tensor
        Of the water, m.
    below_ground : Tensor
        Depth of the bed below ground, m.
    """

    width: Tensor
    length: Tensor
    depth: Tensor
    below_ground: Tensor


def conductivity(sand: Tensor, clay: Tensor, correction: Tensor) -> Tensor:
    r"""Return the conductivity of a river bed, m s-1.

    :math:`\log_{10} K = -0.60 + 0.0126\,\text{sand} - 0.0064\,\text{clay} + \delta`,
    with :math:`K` in inches per hour.

    Parameters
    ----------
    sand, clay : Tensor
        Percent by mass.
    correction : Tensor
        :math:`\delta`, in decades.

    References
    ----------
    Cosby et al. (1984), WRR 20, 682-690, doi:10.1029/WR020i006p00682.
    """
    decades = -0.60 + 0.0126 * sand - 0.0064 * clay + correction
    return torch.exp(math.log(10.0) * decades) * _INCH_PER_HOUR


def leakage(options: Leakance, bed: Bed, p: SimpleNamespace) -> Tensor:
    r"""Return what a reach would lose if it had it, m3 s-1; negative where it gains.

    :math:`\zeta = w L K (d - h + d_{gw})`: Darcy's law over a bed one metre thick, with
    the water of the reach at :math:`d - h` above ground and the water table at
    :math:`d_{gw}` below.

    Parameters
    ----------
    options : Leakance
        Which form.
    bed : Bed
        Where the reach touches the ground.
    p : namespace of Tensor
        The parameters that the form declares.
    """
    head = bed.depth - bed.below_ground + p.water_table_depth
    if options.losing_only:
        head = torch.clamp(head, min=0.0)
    conducts = conductivity(p.sand, p.clay, p.conductivity_correction)
    flow: Tensor = bed.width * bed.length * conducts * head
    return flow * _opened(p.leakance_gate) if options.gate else flow


def _opened(gate: Tensor) -> Tensor:
    """Return 0 or 1, with the gradient of the number that decides it."""
    opening = torch.where(gate >= _OPEN, 1.0, 0.0)
    return opening + (gate - gate.detach())


def warn_of_leakance() -> None:
    """Say once in a process what flow cannot tell of the exchange with the ground."""
    warn_once(
        _log, "leakance",
        "leakance is on: its map cannot be learned from flow, for a gauge sees the sum "
        "over all reaches above it. Where known losses were planted, training found "
        "0.8 % of them, 0.1 % in the right reaches, and flow became no better "
        "(+0.006 KGE). Take it for a correction of whole basins; for single reaches, "
        "wells or surveys of gains and losses are needed",
    )  # fmt: skip
