"""CemaNeige: snow by degree days, with a pack that has to warm up before it melts."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import Budget, Process
from ...variables import Parameter, State
from ..weather import AIR_TEMPERATURE
from .forcings import PRECIPITATION
from .snow import MELT, OUTFLOW, SNOW_WATER_EQUIVALENT, SNOWFALL

__all__ = ["CemaNeige"]

_SNOW_BELOW, _RAIN_ABOVE = -1.0, 3.0  # degC, of the mean of a day
_LEAST = 1e-6  # of CTG: the slope of a root is infinite at 0
_SLOWEST = 0.1  # share of melt that a pack of almost nothing gives


class CemaNeige(Process):
    r"""CemaNeige on one band of elevation: stores in mm, rates in mm per day.

    ==================================================================  ==============
    :math:`PS = P\,((3 - T)/4)`, the share between 0 and 1              snowfall
    :math:`G \leftarrow G + PS`                                         snow pack
    :math:`eTG \leftarrow \min(CTG\,eTG + (1 - CTG)\,T,\, 0)`           its cold
    :math:`PM = \min(Kf\,T^+,\, G)` where :math:`eTG = 0`, else 0       potential melt
    :math:`M = PM\,(0.9 \min(G / G_{full}, 1) + 0.1)`                   melt
    ==================================================================  ==============

    Rain and melt leave at once.

    Parameters
    ----------
    options : mapping or Options, optional
        ``cold_width``, degC: above 0, a cold pack melts less instead of not at all,
        by :math:`e^{eTG/width}`, which gives *CTG* a gradient.

    Raises
    ------
    ConfigError
        When an option is unknown or out of range.

    Notes
    -----
    The paper divides a catchment into five bands of elevation and takes
    :math:`G_{full}` for nine tenths of the mean annual snowfall; here it is a
    parameter, and bands are places. At other steps than
    a day, :math:`CTG^h` is kept over :math:`h` days.

    References
    ----------
    Valéry, Andréassian and Perrin (2014), Journal of Hydrology 517, 1166-1175 and
    1176-1187, doi:10.1016/j.jhydrol.2014.04.059 and doi:10.1016/j.jhydrol.2014.04.058.
    """

    @dataclass(frozen=True)
    class Options:
        """Width, degC, of the change from a cold pack to a melting one; 0 is a jump."""

        cold_width: float = 0.0

        def __post_init__(self) -> None:
            if not 0.0 <= self.cold_width <= 20.0:
                raise ConfigError(
                    f"cold_width: expected 0 to 20 degC, found {self.cold_width:g}"
                )

    about = "CemaNeige: degree-day snow on one band of elevation, with thermal inertia"
    forcings = (PRECIPITATION, AIR_TEMPERATURE)
    states = (
        State(name="snowpack", symbol="G", units="mm", bounds=(0.0, 1e6),
              about="water of the snow pack"),
        State(name="snow_temperature", symbol="eTG", units="degC", bounds=(-90.0, 0.0),
              about="temperature of the snow pack"),
    )  # fmt: skip
    parameters = (
        Parameter(name="ctg", symbol="CTG", bounds=(0.0, 1.0),
                  about="share of its temperature that the pack keeps for a day"),
        Parameter(name="kf", symbol="Kf", bounds=(0.5, 12.0), units="mm degC-1 d-1",
                  per_step="rate", about="degree-day factor"),
        Parameter(name="gfull", symbol="Gfull", bounds=(5.0, 1000.0), units="mm",
                  spacing="log", about="snow pack that covers all of the ground"),
    )  # fmt: skip
    fluxes = (OUTFLOW, SNOWFALL, MELT, SNOW_WATER_EQUIVALENT)
    budgets = (
        Budget(
            inputs=("precipitation",), outputs=("snow_outflow",),
            storages=("snowpack",), name="water", units="mm",
        ),
    )  # fmt: skip
    options: Options

    def at(self, dt: float) -> CemaNeige:
        """Return the process for steps of ``dt`` days."""
        timed = copy(self)
        timed.dt = float(dt)
        return timed

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Advance one step, in the order of Valéry et al. (2014)."""
        warmth = f.air_temperature
        share = (_RAIN_ABOVE - warmth) / (_RAIN_ABOVE - _SNOW_BELOW)
        snowfall = f.precipitation * torch.clamp(share, 0.0, 1.0)
        snowpack = s.snowpack + snowfall
        ctg = p.ctg if self.dt == 1.0 else torch.clamp(p.ctg, min=_LEAST) ** self.dt
        cold = torch.clamp(ctg * s.snow_temperature + (1.0 - ctg) * warmth, max=0.0)
        potential = torch.minimum(p.kf * torch.clamp(warmth, min=0.0), snowpack)
        covered = torch.clamp(snowpack / p.gfull, max=1.0)
        melt = potential * self._ripe(cold) * ((1.0 - _SLOWEST) * covered + _SLOWEST)
        return (
            {"snowpack": snowpack - melt, "snow_temperature": cold},
            {
                "snow_outflow": f.precipitation - snowfall + melt,
                "snowfall": snowfall,
                "melt": melt,
                "snow_water_equivalent": snowpack - melt,
            },
        )

    def _ripe(self, cold: Tensor) -> Tensor:
        """Return the share of potential melt that a pack of a temperature allows."""
        if self.options.cold_width:
            return torch.exp(cold / self.options.cold_width)
        return torch.where(cold < 0.0, 0.0, 1.0)
