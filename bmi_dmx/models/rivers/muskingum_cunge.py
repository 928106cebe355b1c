"""Muskingum-Cunge: flood waves on their way down a river."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import Budget, Process, Upstream
from ...variables import Flux, Forcing, State
from . import compound
from .exchanges import Exchanges, Outflow, exchanged
from .hydraulics import Floors, Hydraulics, Width, depth, power_law, trapezoid
from .lakes import held, is_lake, without_travel
from .leakance import Bed, warn_of_leakance
from .parameters import X, channel
from .storage import ReachFlow, Storage, cunge

__all__ = ["MuskingumCunge"]

_ANY_DEPTH = 1e-30  # m
_LEGACY = 5.0 / 3.0  # celerity of a wide channel over its velocity


class _Shape(NamedTuple):
    """Depth, width and velocity of the water in a reach."""

    depth: Tensor
    width: Tensor
    velocity: Tensor


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
    what was solved for, or of the lateral inflow, water is made, which is counted. A
    river of whose state nothing is said is dry; see :func:`.start.hot_start`.

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
        geometry : {"power_law", "given", "compound"}
            Of the channel: width by a power law of the depth; known top width and side
            slope; or a trapezoid with a flood plain as in the National Water Model,
            whose K and X belong to the end of the step, with K of at least a step
            and X of at least 0.25.
        admissible : bool
            Keep K and X where no coefficient is negative, at the price of diffusion.
        conserving : bool
            Let go of the water that is there, the state ``volume``, and not of what the
            reach would hold at its flow, which changes with K and X though no water
            comes or goes. Needs ``admissible``.
        assume_short_ts : bool
            Take the inflow of the start of a step for that of its end, so that the
            reaches of a step do not depend on each other.
        floors : Floors
            The least that quantities are taken for; of a compound channel discharge
            and slope alone.
        """

        celerity: Literal["corrected", "legacy"] = "corrected"
        x: Literal["cunge", "constant", "given", "learned"] = "cunge"
        constant_x: float = 0.3
        geometry: Literal["power_law", "given", "compound"] = "power_law"
        admissible: bool = False
        conserving: bool = False
        assume_short_ts: bool = False
        floors: Floors = field(default_factory=Floors)

        def __post_init__(self) -> None:
            if not 0.0 <= self.constant_x <= 0.5:
                raise ConfigError(
                    f"constant_x: found {self.constant_x:g}, expected 0 to 0.5"
                )
            if self.conserving and not self.admissible:
                raise ConfigError(
                    "conserving: found True without 'admissible', expected both: with "
                    "negative coefficients the volume runs away"
                )
            if self.conserving and self.assume_short_ts:
                raise ConfigError(
                    "conserving: found True with 'assume_short_ts', which passes on "
                    "other water than leaves; expected one of them"
                )
            if self.geometry == "compound":
                usual = {"celerity": "corrected", "x": "cunge", "admissible": False}
                for name, only in usual.items():
                    option = getattr(self, name)
                    if option != only:
                        raise ConfigError(
                            f"{name}: found {option!r}, expected {only!r}, as geometry "
                            "'compound' has K and X of its own"
                        )
                if self.leakance and self.leakance.published:
                    raise ConfigError(
                        "leakance: published: found True, expected False, as geometry "
                        "'compound' has no power law of its width"
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
        x = X.get(self.options.x)
        beside = self.options
        self.parameters = (
            *channel(beside.geometry), *([x] if x else []), *beside.parameters
        )  # fmt: skip
        self.forcings = (*self.forcings, *beside.forcings)
        self.states = (*self.states, *beside.states)
        self.fluxes = (*self.fluxes, *beside.fluxes)
        self.budgets = tuple(map(beside.budgeted, self.budgets))
        if beside.leakance:
            warn_of_leakance()

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
        short = self.options.assume_short_ts
        # Volumes of the step: what is declared as a rate is multiplied by its length.
        water = ReachFlow(
            before=s.inflow_before,
            arriving=s.inflow_before if short else f.inflow,
            discharge=s.discharge,
            lateral=torch.clamp(f.lateral_inflow, min=least * dt),
        )
        storage, shape = self._passed(water, p)
        lake = torch.zeros_like(storage.prism)
        if self.options.lakes:
            storage, lake = without_travel(p, storage, dt), held(p, s)
        there = storage.at(water)
        if self.options.conserving:
            # What lakes hold is no water on its way.
            lakes = self.options.lakes
            there = torch.where(is_lake(p), there, s.volume) if lakes else s.volume
        unbounded = storage.outflow(water, there, dt)
        outflow = Outflow(unbounded, storage.response(dt), lake, least)
        bed = self._bed(s.discharge, shape, p)
        beside = exchanged(self.options, outflow, f, p, bed, dt)
        solution = beside.solution
        discharge = torch.clamp(solution, min=least)
        if shape is None:
            shape = self._shape(discharge, p)
        entering = (0.5 * dt) * (water.before + water.arriving)
        # What those downstream take for the whole step, they take from its start.
        leaving = (0.5 * dt) * (s.discharge + (s.discharge if short else solution))
        created = (
            (water.lateral - f.lateral_inflow)
            + storage.prism * (discharge - solution)
            + storage.wedge * (f.upstream_discharge - f.inflow)
            + beside.created
        )
        state = {
            "discharge": discharge,
            "inflow_before": f.upstream_discharge,
            "volume": s.volume
            + (f.lateral_inflow + entering + created + beside.gained - leaving),
            **beside.states,
        }
        fluxes = {
            **shape._asdict(),
            "solution": solution,
            "entering": entering,
            "leaving": leaving,
            "created": created,
            "stored": storage.at(water) + lake,
            "negative": (solution < 0.0).to(solution.dtype),
            **beside.fluxes,
        }
        return state, fluxes

    def _passed(
        self, water: ReachFlow, p: SimpleNamespace
    ) -> tuple[Storage, _Shape | None]:
        """Return the storage of a step, and the shape of its end where it is known."""
        options = self.options
        if options.geometry != "compound":
            return self._storage(water.discharge, p), None
        least = options.floors.discharge
        storage, flow = compound.passed(self._channel(p), water, self.dt, least)
        return storage, _Shape(flow.depth, flow.width, flow.velocity)

    def _channel(self, p: SimpleNamespace) -> compound.Channel:
        return compound.Channel(
            p.manning, p.floodplain_manning, p.bottom_width, p.top_width,
            p.floodplain_width, p.side_slope,
            torch.clamp(p.slope, min=self.options.floors.slope), p.length,
        )  # fmt: skip

    def _bed(
        self, discharge: Tensor, shape: _Shape | None, p: SimpleNamespace
    ) -> Bed | None:
        """Return where a reach touches the ground, if its bed leaks."""
        options = self.options
        if options.leakance is None:
            return None
        if shape is not None:
            below = self._channel(p).bankfull
            return Bed(shape.width, p.length, shape.depth, below)
        flow = torch.clamp(discharge, min=options.floors.discharge)
        width, _ = self._width(flow, p, options.floors)
        below = width.top / (2.0 * width.side_slope)
        if not options.leakance.published:
            return Bed(width.top, p.length, width.depth, below)
        any_depth = replace(options.floors, depth=_ANY_DEPTH)
        deep = self._width(flow, p, any_depth)[0].depth
        odd = torch.exp(p.width_exponent * torch.log(p.width_coefficient * deep))
        return Bed(odd, p.length, deep, below)

    def _shape(self, discharge: Tensor, p: SimpleNamespace) -> _Shape:
        flow = self._hydraulics(discharge, p)
        return _Shape(flow.depth, flow.width, flow.velocity)

    def _hydraulics(self, discharge: Tensor, p: SimpleNamespace) -> Hydraulics:
        """Return uniform flow of a discharge that is at least the least one."""
        width, root = self._width(discharge, p, self.options.floors)
        return trapezoid(width, p.manning, root, self.options.floors)

    def _width(
        self, discharge: Tensor, p: SimpleNamespace, floors: Floors
    ) -> tuple[Width, Tensor]:
        """Return the width of the water, and the root of the slope."""
        root = torch.sqrt(torch.clamp(p.slope, min=floors.slope))
        of = (discharge, p.manning, p.width_exponent, p.width_coefficient, root, floors)
        if self.options.geometry == "given":
            return Width(p.top_width, depth(*of), p.side_slope), root
        return power_law(*of), root

    def _storage(self, discharge: Tensor, p: SimpleNamespace) -> Storage:
        """Return the storage that belongs to a discharge."""
        options = self.options
        # At the start a river may be dry, or hold what others set.
        flow = torch.clamp(discharge, min=options.floors.discharge)
        water = self._hydraulics(flow, p)
        legacy = options.celerity == "legacy"
        celerity = water.velocity * (_LEGACY if legacy else water.exponent)
        travel = p.length / celerity
        x: Tensor | float = options.constant_x
        if options.x == "cunge":
            slope = torch.clamp(p.slope, min=options.floors.slope)
            x = cunge(flow, water.width, slope, celerity, p.length)
            x = torch.clamp(x, 0.0, 0.5)
        elif options.x != "constant":
            x = p.musk_x
        if options.admissible:
            return Storage.admissible(travel, x, self.dt)
        return Storage.of(travel, x)


@cache
def _timed(
    kind: type[MuskingumCunge], options: MuskingumCunge.Options, dt: float
) -> MuskingumCunge:
    """Return one object for all who ask, whose kernels are made once."""
    return kind(options, dt)
