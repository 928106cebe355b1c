"""HBV 2.0 and 2.1 of hours: rain that the ground does not take in."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import torch
from torch import Tensor

from ...variables import Parameter
from .hbv import DRIEST, Fluxes, soil_store, store, wetness
from .hbv20 import Hbv20
from .water import rate

__all__ = ["Hbv20Hourly", "Hbv21Hourly"]

FULLEST = 1.0 - 1e-4
"""Saturation above which the saturated share of 2.1 does not grow."""


def _outlet(parameter: Parameter) -> Parameter:
    """Return a recession constant that is a rate, of which a step has its part."""
    return replace(parameter, per_step="rate")


_RECESSIONS = ("k0", "k1", "k2")

_COMMON = tuple(
    _outlet(p) if p.name in _RECESSIONS else p for p in Hbv20.parameters
)  # fmt: skip

_F0 = Parameter(
    name="f0", symbol="F0", bounds=(120, 2880), units="mm d-1", per_step="rate",
    about="infiltration capacity of a dry soil",
)  # fmt: skip


class Hbv20Hourly(Hbv20):
    r"""HBV 2.0 of hours: what falls faster than the soil takes it in runs off at once.

    With :math:`W` the rain and the outflow of the snow pack and
    :math:`s = \min(SM/FC,\, 0.99)`, the soil is reached by no more than

    .. math:: F = FMIN\,F0 + (F0 - FMIN\,F0)\,(1 - s)^{ALPHA}

    and :math:`IE = (W - F)^+` is runoff of the step. Recharge is
    :math:`\min(W, F)\,(SM/FC)^{BETA}` and what overfills the soil, as in HBV 1.0.

    Notes
    -----
    :math:`K_0, K_1, K_2` are rates: a step of ``dt`` days takes :math:`K\,dt` of a
    store, where HBV of days takes :math:`1 - (1 - K)^{dt}`. So numbers of one do not
    stand for the other: :math:`K` of a day drains as :math:`-\ln(1 - K)` does here.

    References
    ----------
    Yang et al. (2026), arXiv:2609.06794.
    """

    about = "HBV 2.0 of hours: infiltration excess, recessions as rates"
    parameters = (
        *_COMMON,
        _F0,
        Parameter(name="fmin", symbol="FMIN", bounds=(0, 1),
                  about="infiltration capacity of a wet soil, relative to a dry one"),
        Parameter(name="alpha", symbol="ALPHA", bounds=(0.5, 5),
                  about="shape of the fall of infiltration capacity with wetness"),
    )  # fmt: skip
    fluxes = (
        *Hbv20.fluxes,
        rate("infiltration_excess", "IE", "water that the soil does not take in"),
    )

    def soil(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace, water: Tensor
    ) -> Fluxes:
        """Return soil moisture and where the water that reaches the soil goes."""
        wet = p.fmin * p.f0
        dryness = 1.0 - torch.clamp(s.soil_moisture / p.fc, max=0.99)
        inflow = torch.minimum(water, wet + (p.f0 - wet) * dryness**p.alpha)
        passing = inflow * wetness(s, p) ** p.beta
        moisture = s.soil_moisture + inflow - passing
        return {
            **soil_store(moisture, passing, f, p), "infiltration_excess": water - inflow
        }  # fmt: skip

    def runoff(self, s: SimpleNamespace, p: SimpleNamespace, now: Fluxes) -> Fluxes:
        """Return the sum of what runs off."""
        slow = super().runoff(s, p, now)["runoff"]
        return {"runoff": slow + now["infiltration_excess"]}


class Hbv21Hourly(Hbv20):
    r"""HBV 2.1 of hours: infiltration capacities that differ within a place.

    A share :math:`f = s^{BETA}` of the place is saturated, :math:`s = SM/FC`, and there
    water passes into recharge. Elsewhere infiltration capacities are spread up to
    :math:`F0`; of the water :math:`W` that comes they leave

    .. math::

        IE = (1 - f)\left(W\,d - F0\,\frac{d^{ALPHA + 1}}{ALPHA + 1}\right)^+,
        \qquad d = \min\left((W/F0)^{1/ALPHA},\, 1\right)

    on the surface, which reaches the outlet through two equal stores:
    :math:`S_1 \leftarrow S_1 + IE`, :math:`q = \min(2\,KS\,S_1,\, S_1)` into
    :math:`S_2`, and :math:`QS = \min(2\,KS\,S_2,\, S_2)` out of it.

    Notes
    -----
    Recessions are rates, as in :class:`Hbv20Hourly`. *K0* reaches 12 per day, which at
    steps of more than two hours is more than there is; then all there is leaves.

    References
    ----------
    Yang et al. (2026), arXiv:2609.06794.
    """

    about = "HBV 2.1 of hours: infiltration excess through two surface stores"
    states = (
        *Hbv20.states,
        store("surface_upper", "S1", "upper store of water on the surface"),
        store("surface_lower", "S2", "lower store of water on the surface"),
    )
    parameters = (
        *(replace(p, bounds=(0.05, 12)) if p.name == "k0" else p for p in _COMMON),
        _F0,
        Parameter(name="alpha", symbol="ALPHA", bounds=(0.5, 1),
                  about="shape of the spread of infiltration capacities"),
        Parameter(name="ks", symbol="KS", bounds=(0.05, 10), units="d-1",
                  per_step="rate", about="half the rate of the surface stores"),
    )  # fmt: skip
    fluxes = (
        *Hbv20.fluxes,
        rate("infiltration_excess", "IE", "water that the soil does not take in"),
        rate("surface_flow", "QS", "runoff of the surface"),
    )
    budgets = (
        replace(Hbv20.budgets[0], storages=tuple(state.name for state in states)),
    )

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Fluxes, Fluxes]:
        """Advance one step, in which no more than all leaves the upper zone."""
        k0 = torch.clamp(p.k0, max=1.0)
        return super().step(s, f, SimpleNamespace(**{**vars(p), "k0": k0}))

    def soil(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace, water: Tensor
    ) -> Fluxes:
        """Return soil moisture and where the water that reaches the soil goes."""
        saturated = wetness(s, p, FULLEST) ** p.beta
        passing = water * saturated
        spread = torch.clamp(water / p.f0, DRIEST, 1.0) ** (1.0 / p.alpha)
        inflow = p.f0 * spread ** (p.alpha + 1.0) / (p.alpha + 1.0)
        surplus = torch.clamp(water * spread - inflow, min=0.0)
        excess = (1.0 - saturated) * surplus
        moisture = s.soil_moisture + water - passing - excess
        return {**soil_store(moisture, passing, f, p), "infiltration_excess": excess}

    def runoff(self, s: SimpleNamespace, p: SimpleNamespace, now: Fluxes) -> Fluxes:
        """Return the surface stores, what leaves them, and the sum of what runs off."""
        share = torch.clamp(2.0 * p.ks, max=1.0)
        upper = s.surface_upper + now["infiltration_excess"]
        down = share * upper
        lower = s.surface_lower + down
        flow = share * lower
        return {
            "surface_upper": upper - down,
            "surface_lower": lower - flow,
            "surface_flow": flow,
            "runoff": super().runoff(s, p, now)["runoff"] + flow,
        }
