"""Gas exchange of a leaf: photosynthesis, stomata and the air at its surface."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor

from ...process import Budget, Process
from ...variables import Flux, Forcing, Parameter, State
from ..weather import AIR_PRESSURE, AIR_TEMPERATURE, SPECIFIC_HUMIDITY
from .diffusion import BOUNDARY_LAYER, Air, boundary_layer, intercellular
from .forcings import CARBON_DIOXIDE, PHOTON_FLUX, VAPOUR_PRESSURE_DEFICIT, WIND_SPEED
from .humidity import saturation_pressure, vapour_pressure
from .photosynthesis import C3, C4, c3_leaf, c4_leaf
from .stomata import BallBerry, FixedStomata, Medlyn, ball_berry, medlyn
from .temperature import acclimated_capacities, capacities

__all__ = ["Leaf"]

_CARBON = 12.011e-9  # kg umol-1
_WATER = 0.018015  # kg mol-1
_HOUR = 3600.0  # s

_VCMAX25 = Parameter(
    name="vcmax25", symbol="Vcmax25", units="umol m-2 s-1", bounds=(5.0, 250.0),
    spacing="log", about="carboxylation capacity at 25 °C",
)  # fmt: skip
_RD25 = Parameter(
    name="rd25", symbol="Rd25", units="umol m-2 s-1", bounds=(0.05, 5.0),
    spacing="log", about="day respiration at 25 °C",
)  # fmt: skip
_JMAX_RATIO = Parameter(
    name="jmax_ratio", symbol="rJV", bounds=(0.8, 3.5), default=1.67,
    about="electron transport capacity over carboxylation capacity, at 25 °C",
)  # fmt: skip
_TPU_RATIO = Parameter(
    name="tpu_ratio", symbol="rTV", bounds=(0.05, 0.5), default=0.167,
    about="triose phosphate utilization over carboxylation capacity, at 25 °C",
)  # fmt: skip
_ELECTRON_YIELD = Parameter(
    name="quantum_yield", symbol="alpha", units="mol mol-1", bounds=(0.1, 0.5),
    default=0.36, about="electrons that a photon transports in weak light",
)  # fmt: skip
_CARBON_YIELD = Parameter(
    name="quantum_yield", symbol="alpha", units="mol mol-1", bounds=(0.02, 0.09),
    default=0.05, about="carbon dioxide that a photon assimilates in weak light",
)  # fmt: skip
_EFFICIENCY = Parameter(
    name="carboxylation_efficiency", symbol="k25", units="mol m-2 s-1",
    bounds=(0.1, 2.0), spacing="log", default=0.7,
    about="slope of assimilation over carbon dioxide between the cells, at 25 °C",
)  # fmt: skip
_GROWTH_TEMPERATURE = Parameter(
    name="growth_temperature", symbol="Tg", units="degC", bounds=(-40.0, 50.0),
    per="place", source="attribute",
    about="mean air temperature of the days the leaf grew in",
)  # fmt: skip
_LEAF_WIDTH = Parameter(
    name="leaf_width", symbol="w", units="m", bounds=(0.0005, 1.0), default=0.05,
    per="place", source="attribute", about="width of the leaf along the wind",
)  # fmt: skip
_DELAYS = tuple(
    Parameter(
        name=f"{what}_time", symbol=symbol, units="s", bounds=(10.0, 10000.0),
        spacing="log", default=600.0, about=f"time constant of {what} stomata",
    )
    for what, symbol in (("opening", "tau_o"), ("closing", "tau_c"))
)  # fmt: skip
_LAGGED = State(
    name="lagged_conductance", symbol="g", units="mol m-2 s-1", initial=0.1,
    bounds=(0.0, 100.0), about="conductance that the stomata have come to",
)  # fmt: skip


def _stomatal_slope(bounds: tuple[float, float], at: str) -> Parameter:
    return Parameter(
        name="stomatal_slope", symbol="g1", bounds=bounds, spacing="log",
        about=f"slope of conductance over assimilation, {at}",
    )  # fmt: skip


def _intercept(least: float, default: float) -> Parameter:
    return Parameter(
        name="stomatal_intercept", symbol="g0", units="mol m-2 s-1", spacing="log",
        bounds=(least, 0.2), default=default,
        about="conductance of a leaf that assimilates nothing",
    )  # fmt: skip


def _rate(name: str, symbol: str, units: str, about: str) -> Flux:
    return Flux(name=name, symbol=symbol, units=units, about=about, per_step="rate")


def _now(name: str, symbol: str, units: str, about: str) -> Flux:
    return Flux(name=name, symbol=symbol, units=units, about=about)


class Leaf(Process):
    r"""Gas exchange of a leaf, per area of one side, for steps of any length.

    Assimilation is what the leaf can fix (:class:`.photosynthesis.C3`, or ``C4``) and
    what diffuses through boundary layer and stomata alike:

    .. math::

        A_n = A(C_i) - R_d = \frac{C_a - C_i}{1.37 / g_b + 1.6 / g_s},
        \qquad E = \frac{D / p}{1 / g_b + 1 / g_s}

    where :math:`g_s` follows from :math:`A_n` and the air at the leaf's surface
    (:func:`.stomata.medlyn` or ``ball_berry``). The carbon dioxide between the cells
    :math:`C_i` is the root of this, see :func:`.diffusion.intercellular`, with its
    exact derivative.

    Parameters
    ----------
    options : mapping or Options, optional
        Which leaf; see :class:`Leaf.Options`.

    Notes
    -----
    The leaf is as warm as the air. Without ``dynamic`` it has no memory, and steps of
    any length give the same rates.

    References
    ----------
    The coupled solution: Collatz et al. (1991), doi:10.1016/0168-1923(91)90002-8;
    delayed stomata: Vico et al. (2011), doi:10.1111/j.1469-8137.2011.03847.x.
    """

    @dataclass(frozen=True)
    class Options:
        """Which leaf it is, and what is known of the air.

        Parameters
        ----------
        pathway : {"c3", "c4"}
            Of photosynthesis.
        stomata : {"medlyn", "ball_berry"}
            What opens them.
        colimitation : {"smooth", "minimum"}
            Whether the processes that limit assimilation do so together near a change
            from one to the other, or the slowest alone.
        temperature : {"arrhenius", "peaked", "acclimated"}
            How the capacities of a C3 leaf depend on temperature: rising for ever
            (Bernacchi et al. 2001, 2003), falling in the heat (Leuning 2002), or
            falling at a temperature that depends on that of growth (Kattge and Knorr
            2007). A C4 leaf has responses of its own.
        phosphate : bool
            A C3 leaf is limited by the use of triose phosphate as well.
        humidity : {"deficit", "specific"}
            Which humidity is given.
        dynamic : bool
            Stomata open and close with a delay.
        """

        pathway: Literal["c3", "c4"] = "c3"
        stomata: Literal["medlyn", "ball_berry"] = "medlyn"
        colimitation: Literal["smooth", "minimum"] = "smooth"
        temperature: Literal["arrhenius", "peaked", "acclimated"] = "arrhenius"
        phosphate: bool = False
        humidity: Literal["deficit", "specific"] = "deficit"
        dynamic: bool = False

        def __post_init__(self) -> None:
            if self.pathway == "c4" and self.phosphate:
                raise ValueError("phosphate: found True, expected False for c4")
            if self.pathway == "c4" and self.temperature != "arrhenius":
                raise ValueError(
                    f"temperature: found {self.temperature!r}, expected none for c4, "
                    "which has responses of its own"
                )

    about = "photosynthesis, stomatal conductance and transpiration of a leaf"
    time = "s"
    fluxes = (
        _rate("net_assimilation", "An", "umol m-2 s-1",
              "carbon dioxide taken up, less that respired"),
        _rate("gross_assimilation", "A", "umol m-2 s-1",
              "carbon dioxide fixed, less that of photorespiration"),
        _rate("day_respiration", "Rd", "umol m-2 s-1",
              "carbon dioxide respired beside photorespiration"),
        _rate("carbon_uptake", "Fc", "kg m-2 s-1",
              "net assimilation as mass of carbon"),
        _now("stomatal_conductance", "gs", "mol m-2 s-1",
             "conductance of the stomata for water vapour"),
        _now("intercellular_carbon_dioxide", "Ci", "umol mol-1",
             "mole fraction of carbon dioxide between the cells of the leaf"),
        _rate("transpiration", "E", "kg m-2 s-1", "water that leaves through stomata"),
        _now("sap_flow", "Fs", "kg m-2 h-1", "transpiration in units of sap flow"),
    )  # fmt: skip
    budgets = (
        Budget(
            inputs=("gross_assimilation",),
            outputs=("net_assimilation", "day_respiration"),
            storages=(),
            name="carbon",
            units="umol m-2",
        ),
    )
    options: Options

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.forcings = _forcings(self.options)
        self.parameters = _parameters(self.options)
        self.states = (_LAGGED,) if self.options.dynamic else ()

    def at(self, dt: float) -> Leaf:
        """Return the leaf for steps of ``dt`` seconds."""
        timed = copy(self)
        timed.dt = float(dt)
        return timed

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the gas exchange of a step, and where the stomata are at its end."""
        saturated = saturation_pressure(f.air_temperature)
        deficit = self._deficit(f, saturated)
        boundary = boundary_layer(f.wind_speed, p.leaf_width)
        tissue = self._tissue(f, p)
        stomata = self._stomata(p, deficit, saturated, boundary)
        air = Air(f.carbon_dioxide, BOUNDARY_LAYER / boundary)
        inside = intercellular(air, tissue, stomata)
        opened, _ = stomata.conductance(air.demand(*tissue.net(inside))[-1])
        state = {}
        if self.options.dynamic:
            state["lagged_conductance"], opened = self._delayed(s, p, opened)
            inside = intercellular(air, tissue, FixedStomata(opened))
        net, _ = tissue.net(inside)
        water = deficit / f.air_pressure / (1.0 / boundary + 1.0 / opened) * _WATER
        now = {
            "net_assimilation": net,
            "gross_assimilation": net + tissue.respiration,
            "day_respiration": tissue.respiration,
            "carbon_uptake": net * _CARBON,
            "stomatal_conductance": opened,
            "intercellular_carbon_dioxide": inside,
            "transpiration": water,
            "sap_flow": water * _HOUR,
        }
        return state, {
            flux.name: now[flux.name] * (self.dt if flux.per_step == "rate" else 1.0)
            for flux in self.fluxes
        }

    def _deficit(self, f: SimpleNamespace, saturated: Tensor) -> Tensor:
        """Return the vapour pressure deficit, Pa; air has no less than no vapour."""
        if self.options.humidity == "deficit":
            return torch.minimum(f.vapour_pressure_deficit, saturated)
        vapour = vapour_pressure(f.specific_humidity, f.air_pressure)
        return torch.clamp(saturated - vapour, min=0.0)

    def _tissue(self, f: SimpleNamespace, p: SimpleNamespace) -> C3 | C4:
        """Return what assimilates, in the light and at the temperature of the step."""
        options = self.options
        smooth = options.colimitation == "smooth"
        if options.pathway == "c4":
            return c4_leaf(
                f.photon_flux, f.air_temperature, carboxylation25=p.vcmax25,
                quantum_yield=p.quantum_yield, respiration25=p.rd25,
                efficiency25=p.carboxylation_efficiency, smooth=smooth,
            )  # fmt: skip
        if options.temperature == "acclimated":
            warm, electrons, ratio = acclimated_capacities(
                f.air_temperature, p.growth_temperature
            )
        else:
            peak = options.temperature == "peaked"
            warm, electrons = capacities(f.air_temperature, peak=peak)
            ratio = p.jmax_ratio
        carboxylation = p.vcmax25 * warm
        return c3_leaf(
            f.photon_flux, f.air_temperature, f.air_pressure,
            carboxylation=carboxylation,
            electron_capacity=p.vcmax25 * ratio * electrons,
            quantum_yield=p.quantum_yield, respiration25=p.rd25,
            phosphate=3.0 * p.tpu_ratio * carboxylation if options.phosphate else None,
            smooth=smooth,
        )  # fmt: skip

    def _stomata(
        self, p: SimpleNamespace, deficit: Tensor, saturated: Tensor, boundary: Tensor
    ) -> Medlyn | BallBerry:
        """Return the stomata in the air of the step."""
        if self.options.stomata == "medlyn":
            return medlyn(p.stomatal_intercept, p.stomatal_slope, deficit, boundary)
        dryness = torch.clamp(deficit / saturated, max=1.0)
        return ball_berry(p.stomatal_intercept, p.stomatal_slope, dryness, boundary)

    def _delayed(
        self, s: SimpleNamespace, p: SimpleNamespace, aim: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the conductance at the end of the step, and its mean over the step."""
        before = s.lagged_conductance
        delay = torch.where(aim > before, p.opening_time, p.closing_time)
        elapsed = self.dt / delay
        share = -torch.expm1(-elapsed)
        return before + (aim - before) * share, aim + (before - aim) * share / elapsed


def _forcings(options: Leaf.Options) -> tuple[Forcing, ...]:
    deficit = options.humidity == "deficit"
    return (
        PHOTON_FLUX, AIR_TEMPERATURE, CARBON_DIOXIDE,
        VAPOUR_PRESSURE_DEFICIT if deficit else SPECIFIC_HUMIDITY,
        AIR_PRESSURE, WIND_SPEED,
    )  # fmt: skip


def _parameters(options: Leaf.Options) -> tuple[Parameter, ...]:
    c3 = options.pathway == "c3"
    if options.stomata == "medlyn":
        slope = _stomatal_slope((0.5, 15.0), "by the root of the deficit in kPa")
        intercept = _intercept(1e-4, 0.001)
    else:
        slope = _stomatal_slope((2.0, 20.0), "by humidity")
        # Usual intercepts: Sellers et al. (1996),
        # doi:10.1175/1520-0442(1996)009<0676:ARLSPF>2.0.CO;2.
        intercept = _intercept(1e-3, 0.01 if c3 else 0.04)
    acclimated = options.temperature == "acclimated"
    ratio = _GROWTH_TEMPERATURE if acclimated else _JMAX_RATIO
    return (
        _VCMAX25, slope, _RD25, intercept,
        *((_ELECTRON_YIELD, ratio) if c3 else (_CARBON_YIELD, _EFFICIENCY)),
        *((_TPU_RATIO,) if options.phosphate else ()),
        _LEAF_WIDTH,
        *(_DELAYS if options.dynamic else ()),
    )  # fmt: skip
