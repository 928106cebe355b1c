"""Ways in which a network may act on an ocean of levels, and what they keep."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Literal

import torch
from torch import Tensor

from .constants import DENSITY, HEAT_CAPACITY, STRONGEST
from .geometry import Faces
from .operators import between_columns, between_rows, divergence

__all__ = ["FORMS", "Form", "added", "channels", "multiplied"]

Form = Literal["mixing", "spreading", "friction", "flux", "source", "push"]

FORMS: dict[Form, str] = {
    "mixing": "vertical diffusivity times a factor; heat and salt are kept",
    "spreading": "lateral diffusivity times a factor; heat and salt are kept",
    "friction": "lateral viscosity times a factor; takes energy alone",
    "flux": "lateral fluxes of heat and salt; both are kept",
    "source": "heat and salt from one cell to any other; their sums are kept",
    "push": "forces on currents; nothing is kept but volume",
}
"""What a network may do."""

_FLUX = (1e-3, 1e-4)
"""Fluxes of temperature (K m s-1) and salinity where a network answers with one."""

_SOURCE = (1e-6, 1e-7)
"""Sources of temperature (K s-1) and salinity where it answers with one."""

_PUSH = 1e-7
"""Force where it answers with one, m s-2."""

_AMOUNTS = (
    ("temperature", "heat_gained", DENSITY * HEAT_CAPACITY),
    ("salinity", "salt_gained", DENSITY * 1e-3),
)


def channels(forms: tuple[Form, ...], levels: int) -> dict[str, int]:
    """Return how many channels each answer of a network has, by form."""
    wide = {"flux": 4 * levels, "source": 2 * levels, "push": 2 * levels}
    return {form: wide.get(form, levels) for form in forms}


def multiplied(answers: Mapping[str, Tensor], p: SimpleNamespace) -> SimpleNamespace:
    """Return prepared parameters with the factors of a network.

    Factors are exp(2 tanh(answer)): above 0, whatever is answered, and one before the
    network has learned anything.

    Parameters
    ----------
    answers : mapping of str to Tensor
        (..., level, row, column) by form.
    p : namespace of Tensor
        Prepared parameters.
    """
    changed = dict(vars(p))
    factors = {
        form: torch.exp(STRONGEST * torch.tanh(answers[form]))
        for form in ("mixing", "spreading", "friction")
        if form in answers
    }
    if "mixing" in factors:
        changed["mixing"] = p.mixing * factors["mixing"]
    if "spreading" in factors:
        by = factors["spreading"]
        changed["spread_x"] = p.spread_x * between_columns(by)
        changed["spread_y"] = p.spread_y * between_rows(by)
    if "friction" in factors:
        by = factors["friction"]
        corner = between_rows(between_columns(by))
        factor = {"xx": by, "yy": by, "xy": corner, "yx": corner}
        for way, x in factor.items():
            changed[f"shear_{way}"] = getattr(p, f"shear_{way}") * x
            changed[f"column_{way}"] = changed[f"shear_{way}"].sum(-3)
        for axis, between in (("x", between_columns), ("y", between_rows)):
            changed[f"wall_{axis}"] = getattr(p, f"wall_{axis}") * between(by)
            duct = getattr(p, f"duct_{axis}")
            drag = duct * changed[f"wall_{axis}"]
            changed[f"column_wall_{axis}"] = drag.sum(-3)
    return SimpleNamespace(**changed)


def added(
    answers: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    fluxes: Mapping[str, Tensor],
    seconds: float,
    p: SimpleNamespace,
    faces: Faces,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return state and fluxes after a step with what a network adds to the state.

    Parameters
    ----------
    answers : mapping of str to Tensor
        (..., channel, row, column) by form.
    state, fluxes : mapping of str to Tensor
        After the step of the physics.
    seconds : float
        Length of the step.
    p : namespace of Tensor
        Prepared parameters.
    faces : Faces
        Of the grid.
    """
    after, new_fluxes = dict(state), dict(fluxes)
    if "flux" in answers or "source" in answers:
        stretch = (1.0 + state["elevation"] * p.per_depth).unsqueeze(-3)
        for k, (name, gained, per) in enumerate(_AMOUNTS):
            rate = _rate(answers, k, stretch, p)
            after[name] = state[name] + seconds * rate
            more = seconds * (rate * p.thickness * stretch).sum(-3) * p.area
            new_fluxes[gained] = fluxes[gained] + per * more
    if "push" in answers:
        x, y = (_PUSH * seconds * answer for answer in answers["push"].chunk(2, -3))
        after["u"] = state["u"] + faces.outer(x * p.open_x, "x_face")
        after["v"] = state["v"] + faces.outer(y * p.open_y, "y_face")
    return after, new_fluxes


def _rate(
    answers: Mapping[str, Tensor], k: int, stretch: Tensor, p: SimpleNamespace
) -> Tensor:
    """Return what a tracer changes by in a second, whose amount is kept."""
    rate = torch.zeros_like(p.sea)
    if "flux" in answers:
        x, y = (
            _FLUX[k] * part for part in answers["flux"].chunk(4, -3)[2 * k : 2 * k + 2]
        )
        out = divergence(x * p.duct_x, y * p.duct_y)
        rate = rate - out * p.per_volume / stretch
    if "source" in answers:
        gain = _SOURCE[k] * answers["source"].chunk(2, -3)[k] * p.sea
        volume = p.thickness * stretch * p.area
        axes = (-3, -2, -1)
        mean = (gain * volume).sum(axes, keepdim=True) / volume.sum(axes, keepdim=True)
        rate = rate + (gain - mean) * p.sea
    return rate
