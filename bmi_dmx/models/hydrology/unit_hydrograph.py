"""Routing of runoff to the outlet by a unit hydrograph whose memory is a state."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from ...process import Budget, Process
from ...variables import Flux, Forcing, Parameter, State

__all__ = ["UnitHydrograph", "gamma_weights"]


class UnitHydrograph(Process):
    r"""Runoff released over the present and the following ``length - 1`` steps.

    The runoff :math:`q` of a step leaves in shares :math:`w_0, w_1, \dots`. The state
    is the water on its way, :math:`r_j` leaving :math:`j + 1` steps from now:

    .. math::

        Q = r_0 + w_0 q, \qquad r_j \leftarrow r_{j+1} + w_{j+1} q,
        \qquad r_{length-1} = 0

    so that a run may stop at any step and go on, and water is neither made nor lost
    when the weights change with time.

    Parameters
    ----------
    length : int
        Number of steps over which runoff leaves, at least 2. For the same hydrograph at
        a step of ``dt`` days, ``round(15 / dt)`` in place of 15.

    Raises
    ------
    ValueError
        When ``length`` is below 2.
    """

    about = "unit hydrograph with the water in transit as state"
    forcings = (
        Forcing(
            name="runoff", symbol="q", units="mm d-1", per_step="rate",
            about="runoff of the land surface", bounds=(0.0, 3000.0),
            standard_name="land_surface_water_runoff__volume_flux",
        ),
    )  # fmt: skip
    fluxes = (
        Flux(
            name="streamflow", symbol="Q", units="mm d-1", per_step="rate",
            about="runoff reaching the outlet, over the area of the basin",
        ),
    )  # fmt: skip
    budget = Budget(
        inputs=("runoff",), outputs=("streamflow",), storages=("in_transit",)
    )

    def __init__(self, length: int = 15) -> None:
        if length < 2:
            raise ValueError(f"a unit hydrograph has at least 2 steps, found {length}")
        self.states = (
            State(
                name="in_transit", symbol="r", units="mm", bounds=(0.0, 1e6),
                size=length - 1, about="water on its way, by steps until it leaves",
            ),
        )  # fmt: skip
        self.parameters = (
            Parameter(
                name="weight", symbol="w", bounds=(0.0, 1.0), size=length,
                about="share of the runoff leaving after 0, 1, ... steps; sums to 1",
            ),
        )  # fmt: skip

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor | tuple[Tensor, ...]], dict[str, Tensor]]:
        """Release the water that is due, and spread this step's runoff."""
        # A state of size 1 comes as a tensor, not as a tuple of one.
        waiting = (s.in_transit,) if len(p.weight) == 2 else s.in_transit
        spread = [weight * f.runoff for weight in p.weight]
        due = [r + new for r, new in zip(waiting, spread, strict=False)]
        left = (*due[1:], spread[-1])
        return (
            {"in_transit": left[0] if len(left) == 1 else left},
            {"streamflow": due[0]},
        )


def gamma_weights(a: Tensor, b: Tensor, length: int, dt: float = 1.0) -> Tensor:
    r"""Return the weights of a gamma unit hydrograph.

    :math:`w_k \propto t_k^{A-1} e^{-t_k/\theta}` at the middle :math:`t_k` of each
    step, with shape :math:`A = a^+ + 0.1` and scale :math:`\theta = b^+ + 0.5` days.
    They are normalised by their sum, so the factor :math:`\Gamma(A)\theta^A` cancels.

    Parameters
    ----------
    a : Tensor
        Shape, usually 0 to 2.9.
    b : Tensor
        Scale in days, usually 0 to 6.5; same shape as ``a``.
    length : int
        Number of weights.
    dt : float
        Length of a step in days.

    Returns
    -------
    Tensor
        (length, \*shape of ``a``); non-negative, sums to 1 along the first axis.

    Notes
    -----
    At daily steps what travels for less than half a day arrives with the day that made
    it, without delay. At shorter steps the same holds: the weights of the first half of
    a day go to the first step. Else the same parameters would bring a flood
    ``(1 - dt) / 2`` days later.

    References
    ----------
    Feng et al. (2022), WRR 58, e2022WR032404, doi:10.1029/2022WR032404.
    """
    shape = torch.clamp(a, min=0.0) + 0.1
    scale = torch.clamp(b, min=0.0) + 0.5
    at_once = round((1.0 / dt - 1.0) / 2.0)
    steps = torch.arange(length + at_once, dtype=a.dtype, device=a.device)
    time = ((steps + 0.5) * dt).reshape(-1, *(1,) * a.ndim)
    weight = torch.softmax((shape - 1.0) * torch.log(time) - time / scale, dim=0)
    if not at_once:
        return weight
    first = weight[: at_once + 1].sum(dim=0, keepdim=True)
    return torch.cat([first, weight[at_once + 1 :]])
