"""Muskingum-Cunge: flood waves on their way down a river."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import Budget, Process, Upstream
from ...variables import Flux, Forcing, Parameter, State
from .exchanges import Exchanges, Outflow, exchanged
from .hydraulics import Floors, Hydraulics, Width, power_law, trapezoid, wave
from .lakes import held, without_travel
from .leakance import Bed, warn_of_leakance

__all__ = ["MuskingumCunge"]

_LEGACY = 5.0 / 3.0  # celerity of a wide channel over its velocity
_ANY_DEPTH = 1e-30  # m
_MARGIN = 0.01  # by which admissible coefficients stay away from zero

_LENGTH = Parameter(
    name="length", symbol="L", units="m", bounds=(0.1, 1e6), per="place",
    source="attribute", about="length of the reach",
)  # fmt: skip
_SLOPE = Parameter(
    name="slope", symbol="S", bounds=(0.0, 10.0), per="place", source="attribute",
    about="slope of the bed",
)  # fmt: skip
_MANNING = Parameter(
    name="manning", symbol="n", units="s m-1/3", bounds=(0.015, 0.25),
    about="roughness by Manning",
)  # fmt: skip
_EXPONENT = Parameter(
    name="width_exponent", symbol="q", bounds=(0.0, 1.0),
    about="exponent of the width over depth: 0 of a rectangle, 1 of a triangle",
)  # fmt: skip
_COEFFICIENT = Parameter(
    name="width_coefficient", symbol="p", units="m", bounds=(1.0, 200.0),
    spacing="log", default=21.0, about="width where the depth is 1 m",
)  # fmt: skip


class MuskingumCunge(Process):
    r"""Flow through the reaches of a river, by the method of Muskingum and Cunge.

    With the travel time :math:`K = L / c` of a reach and the weight X of its inflow,
    what leaves it at the end of a step is

    .. math::

        x = c_1 \sum x_{up} + c_2 \sum Q_{up} + c_3 Q + c_4 q', \qquad
        c_1 = \frac{\Delta t - 2 K X}{D}, \quad c_2 = \frac{\Delta t + 2 K X}{D}, \quad
        c_3 = \frac{2 K (1 - X) - \Delta t}{D}, \quad c_4 = \frac{2 \Delta t}{D}, \quad
        D = 2 K (1 - X) + \Delta t

    where :math:`Q = \max(x, Q_{min})` is of the start of the step. K and X follow from
    the reach's own flow of the start of the step (:mod:`.hydraulics`). Reaches
    downstream see :math:`x` of the end of the step, and Q of its start.

    Parameters
    ----------
    options : mapping or Options, optional
        Which physics; see :class:`MuskingumCunge.Options`.
    dt : float
        Length of a step in s.

    Notes
    -----
    The volume of a reach is what came in less what went out. With constant K and X it
    is :math:`K [X \sum Q_{up} + (1 - X) Q]`. Where the least flow is taken in place of
    what was solved for, or of the lateral inflow, water is made, which is counted.

    References
    ----------
    Cunge (1969), J. Hydraul. Res. 7, doi:10.1080/00221686909500264; the width law in
    Manning's equation: Bindas et al. (2024), WRR 60, doi:10.1029/2023WR035337.
    """

    @dataclass(frozen=True)
    class Options(Exchanges):
        """Which physics of a river, and what it exchanges; see :class:`.Exchanges`.

        Parameters
        ----------
        celerity : {"corrected", "legacy"}
            Of waves: by the shape of the channel, or 5/3 of the velocity, as in a
            channel without banks.
        x : {"cunge", "constant", "given", "learned"}
            Weight of the inflow: what makes numerical diffusion the physical one, a
            number, an attribute ``musk_x``, or a parameter of that name.
        constant_x : float
            The number.
        admissible : bool
            Keep K and X where no coefficient is negative, at the price of diffusion.
        floors : Floors
            The least that quantities are taken for.
        """

        celerity: Literal["corrected", "legacy"] = "corrected"
        x: Literal["cunge", "constant", "given", "learned"] = "cunge"
        constant_x: float = 0.3
        admissible: bool = False
        floors: Floors = field(default_factory=Floors)

        def __post_init__(self) -> None:
            if not 0.0 <= self.constant_x <= 0.5:
                raise ConfigError(
                    f"constant_x: found {self.constant_x:g}, expected 0 to 0.5"
                )

    about = "flow through the reaches of a river by Muskingum-Cunge"
    time = "s"
    coupling = Upstream({"inflow": "solution", "upstream_discharge": "discharge"})
    forcings = (
        Forcing(
            name="lateral_inflow", symbol="q'", units="m3 s-1", per_step="rate",
            bounds=(0.0, 1e5), about="what enters the reach along its way",
            standard_name="land_surface_water_source__volume_flow_rate",
        ),
        Forcing(
            name="inflow", symbol="J", units="m3 s-1", source="upstream",
            bounds=(-1e6, 1e6), about="solutions of the reaches upstream, at the end",
        ),
        Forcing(
            name="upstream_discharge", symbol="I'", units="m3 s-1", source="upstream",
            bounds=(0.0, 1e6), about="discharge of the reaches upstream, at the end",
        ),
    )  # fmt: skip
    states = (
        State(
            name="discharge", symbol="Q", units="m3 s-1", bounds=(0.0, 1e6),
            about="what leaves the reach",
            standard_name="channel_exit_water_x-section__volume_flow_rate",
        ),
        State(
            name="inflow_before", symbol="I", units="m3 s-1", bounds=(0.0, 1e6),
            internal=True, about="discharge of the reaches upstream",
        ),
        State(
            name="volume", symbol="V", units="m3", about="water in the reach",
        ),
    )  # fmt: skip
    fluxes = (
        Flux(
            name="solution", symbol="x", units="m3 s-1",
            about="what leaves the reach at the end, before the least is taken",
        ),
        Flux(
            name="velocity", symbol="v", units="m s-1", about="velocity of the water",
            standard_name="channel_water_flow__speed",
        ),
        Flux(
            name="depth", symbol="d", units="m", about="depth of the water",
            standard_name="channel_water__mean_depth",
        ),
        Flux(name="width", symbol="T", units="m", about="width of the water surface"),
        Flux(
            name="entering", symbol="(I + J) / 2", units="m3 s-1", per_step="rate",
            about="what comes from upstream, mean of the step",
        ),
        Flux(
            name="leaving", symbol="(Q + x) / 2", units="m3 s-1", per_step="rate",
            about="what goes downstream, mean of the step",
        ),
        Flux(
            name="created", symbol="a", units="m3 s-1", per_step="rate",
            about="water made where the least flow is taken",
        ),
        Flux(
            name="stored", symbol="K [X I + (1 - X) Q]", units="m3",
            about="water in the reach by its flow, at the start",
        ),
        Flux(
            name="negative", symbol="x < 0", per_step="amount",
            about="1 where the solution is below 0",
        ),
    )  # fmt: skip
    budgets = (
        Budget(
            ("lateral_inflow", "entering", "created"), ("leaving",), ("volume",),
            name="water", units="m3",
        ),
    )  # fmt: skip

    def __init__(self, options: Any = None, dt: float = 1.0) -> None:
        super().__init__(options)
        self.dt = dt
        beside = self.options
        self.forcings = (*self.forcings, *beside.forcings)
        self.states = (*self.states, *beside.states)
        self.parameters = (
            _MANNING, _EXPONENT, _COEFFICIENT, _LENGTH, _SLOPE, *self._x(),
            *beside.parameters,
        )  # fmt: skip
        self.fluxes = (*self.fluxes, *beside.fluxes)
        self.budgets = tuple(map(beside.budgeted, self.budgets))
        if beside.leakance:
            warn_of_leakance()

    def _x(self) -> tuple[Parameter, ...]:
        """Return the parameter that is the weight of the inflow, if one is."""
        if self.options.x not in ("given", "learned"):
            return ()
        known = self.options.x == "given"
        return (
            Parameter(
                name="musk_x", symbol="X", bounds=(0.0, 0.5), per="place",
                source="attribute" if known else "network",
                about="weight of the inflow in what is stored",
            ),
        )  # fmt: skip

    def at(self, dt: float) -> MuskingumCunge:
        """Return the process for steps of ``dt`` seconds."""
        if dt == self.dt:
            return self
        timed = _timed(type(self), self.options, dt)
        if self.space is None:
            return timed
        placed = copy(timed)
        placed.space = self.space
        return placed

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Move the water on by one step."""
        dt, least = self.dt, self.options.floors.discharge
        wedge, prism = self.storage(s.discharge, p)
        if self.options.lakes:
            wedge, prism = without_travel(p, wedge, prism, dt)
        # Volumes of the step: what arrives as a rate is multiplied by its length.
        lateral = torch.clamp(f.lateral_inflow, min=least * dt)
        weighed = (
            (dt - 2.0 * wedge) * f.inflow
            + (dt + 2.0 * wedge) * s.inflow_before
            + (2.0 * prism - dt) * s.discharge
            + 2.0 * lateral
        )
        whole = 2.0 * prism + dt
        lake = held(p, s) if self.options.lakes else torch.zeros_like(whole)
        outflow = Outflow(weighed / whole, 2.0 / whole, lake, least)
        bed = self.bed(s.discharge, p)
        beside = exchanged(self.options, outflow, f, p, bed, dt)
        solution = beside.solution
        discharge = torch.clamp(solution, min=least)
        entering = (0.5 * dt) * (s.inflow_before + f.inflow)
        leaving = (0.5 * dt) * (s.discharge + solution)
        created = (
            (lateral - f.lateral_inflow)
            + prism * (discharge - solution)
            + wedge * (f.upstream_discharge - f.inflow)
            + beside.created
        )
        channel = self.hydraulics(discharge, p)
        state = {
            "discharge": discharge,
            "inflow_before": f.upstream_discharge,
            "volume": s.volume
            + (f.lateral_inflow + entering + created + beside.gained - leaving),
            **beside.states,
        }
        fluxes = {
            "solution": solution,
            "velocity": channel.velocity,
            "depth": channel.depth,
            "width": channel.width,
            "entering": entering,
            "leaving": leaving,
            "created": created,
            "stored": wedge * s.inflow_before + prism * s.discharge + lake,
            "negative": (solution < 0.0).to(solution.dtype),
            **beside.fluxes,
        }
        return state, fluxes

    def hydraulics(self, discharge: Tensor, p: SimpleNamespace) -> Hydraulics:
        """Return uniform flow in the channel.

        Parameters
        ----------
        discharge : Tensor
            m3 s-1.
        p : namespace of Tensor
            Parameters.
        """
        width = self.width(discharge, p)
        return trapezoid(width, p.manning, self._root(p), self.options.floors)

    def width(
        self, discharge: Tensor, p: SimpleNamespace, least_depth: float | None = None
    ) -> Width:
        """Return width and depth of uniform flow.

        Parameters
        ----------
        discharge : Tensor
            m3 s-1.
        p : namespace of Tensor
            Parameters.
        least_depth : float, optional
            In place of that of the options, m.
        """
        floors = self.options.floors
        if least_depth is not None:
            floors = replace(floors, depth=least_depth)
        flow = torch.clamp(discharge, min=floors.discharge)
        return power_law(
            flow,
            p.manning,
            p.width_exponent,
            p.width_coefficient,
            self._root(p),
            floors,
        )

    def _root(self, p: SimpleNamespace) -> Tensor:
        return torch.sqrt(torch.clamp(p.slope, min=self.options.floors.slope))

    def bed(self, discharge: Tensor, p: SimpleNamespace) -> Bed | None:
        """Return where a reach touches the ground, if its bed leaks.

        Parameters
        ----------
        discharge : Tensor
            m3 s-1.
        p : namespace of Tensor
            Parameters.
        """
        options = self.options.leakance
        if options is None:
            return None
        width = self.width(discharge, p)
        below = width.top / (2.0 * width.side_slope)
        if not options.published:
            return Bed(width.top, p.length, width.depth, below)
        depth = self.width(discharge, p, least_depth=_ANY_DEPTH).depth
        exponent = p.width_exponent
        odd = torch.exp(exponent * torch.log(p.width_coefficient * depth))
        return Bed(odd, p.length, depth, below)

    def storage(self, discharge: Tensor, p: SimpleNamespace) -> tuple[Tensor, Tensor]:
        """Return K X and K (1 - X): what is stored of a unit of inflow, and outflow.

        Parameters
        ----------
        discharge : Tensor
            m3 s-1.
        p : namespace of Tensor
            Parameters.

        Returns
        -------
        wedge, prism : Tensor
            s.
        """
        channel = self.hydraulics(discharge, p)
        options = self.options
        legacy = options.celerity == "legacy"
        celerity = (_LEGACY if legacy else channel.exponent) * channel.velocity
        travel = p.length / celerity
        if options.x == "cunge":
            flow = torch.clamp(discharge, min=options.floors.discharge)
            slope = torch.clamp(p.slope, min=options.floors.slope)
            x = wave(flow, channel.width, slope, celerity, p.length)
        elif options.x == "constant":
            x = torch.full_like(travel, options.constant_x)
        else:
            x = p.musk_x
        if options.admissible:
            travel, x = admissible(travel, x, self.dt)
        wedge = travel * x
        return wedge, travel - wedge


def admissible(travel: Tensor, x: Tensor, dt: float) -> tuple[Tensor, Tensor]:
    """Return K and X of which no coefficient is negative.

    Parameters
    ----------
    travel, x : Tensor
        K in s, and X.
    dt : float
        s.
    """
    travel = torch.clamp(travel, min=0.5 * dt * (1.0 + _MARGIN))
    half = 0.5 * dt / travel
    within = torch.minimum((1.0 - _MARGIN) * half, (1.0 - _MARGIN) * (1.0 - half))
    return travel, torch.minimum(x, within)


@cache
def _timed(
    kind: type[MuskingumCunge], options: MuskingumCunge.Options, dt: float
) -> MuskingumCunge:
    """Return one object for all who ask, whose kernels are made once."""
    return kind(options, dt)
