"""Snow that gauges do not catch: precipitation, corrected."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from ...process import Budget, Process
from ...variables import Flux, Parameter
from ..weather import AIR_TEMPERATURE
from .forcings import PRECIPITATION

__all__ = ["Undercatch"]

_ALL_SNOW, _ALL_RAIN = -1.0, 3.0
"""Mean temperatures of a day, degC, between which snow turns to rain: below the first
nearly all events are of snow, above the second of rain (Auer 1974)."""


class Undercatch(Process):
    r"""Precipitation with the snow that gauges miss: :math:`P_c = P + (SFCF - 1)\, PS`.

    Wind carries snow past gauges, and few stand where most of it falls. *PS* is what
    falls as snow, all of the precipitation below -1 degC, none above 3 degC and a share
    between. What is added is a flux of its own, so that the water is accounted for.

    References
    ----------
    Seibert and Vis (2012), HESS 16, 3315, doi:10.5194/hess-16-3315-2012 (SFCF);
    Goodison et al. (1998), WMO Solid Precipitation Measurement Intercomparison, WMO/TD
    872; Auer (1974), Weatherwise 27, 67, doi:10.1080/00431672.1974.9931684.
    """

    about = "precipitation with the snow that gauges miss"
    forcings = (PRECIPITATION, AIR_TEMPERATURE)
    parameters = (
        Parameter(
            name="sfcf", symbol="SFCF", bounds=(0.8, 1.6), default=1.0, per="place",
            about="snow that falls relative to what gauges catch",
        ),
    )  # fmt: skip
    fluxes = (
        Flux(
            name="corrected_precipitation", symbol="Pc", units="mm d-1",
            per_step="rate", about="precipitation with the snow that gauges miss",
        ),
        Flux(
            name="undercatch", symbol="dP", units="mm d-1", per_step="rate",
            about="snow that gauges miss; negative where they catch too much",
        ),
    )  # fmt: skip
    budgets = (
        Budget(
            inputs=("precipitation", "undercatch"),
            outputs=("corrected_precipitation",),
            storages=(),
            name="water",
            units="mm",
        ),
    )

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return no state, what falls, and what of it was missed."""
        colder = (_ALL_RAIN - f.air_temperature) / (_ALL_RAIN - _ALL_SNOW)
        snow = f.precipitation * torch.clamp(colder, 0.0, 1.0)
        missed = (p.sfcf - 1.0) * snow
        return {}, {
            "corrected_precipitation": f.precipitation + missed,
            "undercatch": missed,
        }
