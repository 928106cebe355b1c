"""What the vegetation of a place asks of the air: potential evaporation, corrected."""

from __future__ import annotations

from types import SimpleNamespace

from torch import Tensor

from ...process import Process
from ...variables import Flux, Parameter
from .forcings import POTENTIAL_EVAPORATION

__all__ = ["EvaporativeDemand"]


class EvaporativeDemand(Process):
    r"""Potential evaporation times a coefficient of the place, :math:`E_c = K_c\,E`.

    Formulas of potential evaporation are those of short grass, and are biased where
    their inputs stand for something else than where they were made: on coasts, in
    mountains, in forests. The coefficient is that of crops (Allen et al. 1998, equation
    56), here of all that grows in a place and of the formula together, and does not
    change with time.

    References
    ----------
    Allen, Pereira, Raes and Smith (1998), Crop evapotranspiration, FAO Irrigation and
    Drainage Paper 56.
    """

    about = "potential evaporation times a coefficient of the place"
    forcings = (POTENTIAL_EVAPORATION,)
    parameters = (
        Parameter(
            name="kc", symbol="Kc", bounds=(0.4, 1.6), default=1.0, per="place",
            about="evaporative demand relative to potential evaporation",
        ),
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
        return {}, {"evaporative_demand": p.kc * f.potential_evaporation}
