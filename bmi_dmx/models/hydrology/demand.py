"""What the vegetation of a place asks of the air: potential evaporation, corrected."""

from __future__ import annotations

import math
from types import SimpleNamespace

import torch
from torch import Tensor

from ...process import Process
from ...variables import Flux, Parameter
from .climate import DAYS_PER_YEAR
from .forcings import DAY_OF_YEAR, POTENTIAL_EVAPORATION
from .pet import PLACE_LATITUDE

__all__ = ["EvaporativeDemand"]


def _coefficient(
    name: str, symbol: str, bounds: tuple[float, float], about: str
) -> Parameter:
    middle = sum(bounds) / 2
    return Parameter(
        name=name, symbol=symbol, bounds=bounds, default=middle, per="place",
        about=about,
    )  # fmt: skip


class EvaporativeDemand(Process):
    r"""Potential evaporation times a coefficient of the place and the season.

    :math:`E_c = (K_c + a \sin\omega + b \cos\omega)^+\, E`, where :math:`\omega` goes
    around once a year and begins with January in the north, with July in the south.

    Formulas of potential evaporation are those of short grass, and are biased where
    their inputs stand for something else than where they were made: on coasts, in
    mountains, in forests. The coefficient is that of crops (Allen et al. 1998, equation
    56), here of all that grows in a place and of the formula together, with one cycle
    for leaves that come and go.

    References
    ----------
    Allen, Pereira, Raes and Smith (1998), Crop evapotranspiration, FAO Irrigation and
    Drainage Paper 56.
    """

    about = "potential evaporation times a coefficient of the place and the season"
    forcings = (POTENTIAL_EVAPORATION, DAY_OF_YEAR)
    parameters = (
        _coefficient("kc", "Kc", (0.4, 1.6),
                     "demand relative to potential evaporation, mean of the year"),
        _coefficient("kc_sine", "a", (-0.5, 0.5),
                     "its annual cycle: spring against autumn"),
        _coefficient("kc_cosine", "b", (-0.5, 0.5),
                     "its annual cycle: winter against summer"),
        PLACE_LATITUDE,
    )  # fmt: skip
    fluxes = (
        Flux(
            name="evaporative_demand", symbol="Ec", units="mm d-1", per_step="rate",
            about="what would evaporate without want of water",
        ),
    )  # fmt: skip

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return no state, and the demand."""
        northern = f.day_of_year * (2.0 * math.pi / DAYS_PER_YEAR)
        angle = torch.where(p.latitude < 0.0, northern + math.pi, northern)
        cycle = p.kc_sine * torch.sin(angle) + p.kc_cosine * torch.cos(angle)
        coefficient = torch.clamp(p.kc + cycle, min=0.0)
        return {}, {"evaporative_demand": coefficient * f.potential_evaporation}
