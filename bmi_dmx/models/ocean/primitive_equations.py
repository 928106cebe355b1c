"""An ocean of levels: the primitive equations on rows and columns of a grid."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import Process, Stencil
from ...space import Grid, Space
from .barotropic import Columns, circulate, slowed, turned_x, turned_y
from .constants import DENSITY, HEAT_CAPACITY
from .declarations import BUDGETS, FLUXES, FORCINGS, PARAMETERS, PREPARED, STATES
from .density import DensityLaw, Law, density_law
from .geometry import Faces, prepared
from .limits import (
    friction_limit,
    least_rounds,
    refuse_friction,
    refuse_step,
    viscosity_limit,
)
from .momentum import flow_tendencies, stress_tendencies
from .operators import between_columns, between_rows, south, west
from .surface import Exchange, exchanged
from .transport import Advection, Transports, advected, carried, moved, rising
from .vertical import mixed, mixing

__all__ = ["OceanOptions", "PrimitiveEquations"]

_STAGES = (1.0 / 3.0, 0.5, 1.0)
"""Shares of a step to which its stages lead, each from where the step starts; Wicker
and Skamarock (2002), doi:10.1175/1520-0493(2002)130<2088:TSMFEM>2.0.CO;2."""


@dataclass(frozen=True)
class OceanOptions:
    """What can be chosen of an ocean.

    Parameters
    ----------
    forced_by : tuple of str
        What works on the surface: wind, heat, light, water, targets.
    density : {"nonlinear", "linear"}
        The equation of state.
    expansion, contraction : float
        By temperature (K-1) and salinity (1e3), where it is linear.
    advection : {"third-order", "upwind"}
        How heat and salt are moved.
    no_slip : bool
        Whether water does not slip along walls.
    rotation, beta : float
        Coriolis parameter (s-1) where y is 0, and its change with y (m-1 s-1), on a
        plane. A sphere turns as the earth does.
    rounds : int, optional
        Sub-steps of the surface in a step; usually as few as are stable.
    damping : float
        Share of the last change of the surface that its slope is taken ahead by, which
        damps the shortest waves.
    internal : float
        Speed of the fastest internal wave (m s-1), which limits the step; 0 where there
        are none.
    """

    forced_by: tuple[str, ...] = ()
    density: Law = "nonlinear"
    expansion: float = 2e-4
    contraction: float = 7.6e-4
    advection: Advection = "third-order"
    no_slip: bool = False
    rotation: float = 0.0
    beta: float = 0.0
    rounds: int | None = None
    damping: float = 0.01
    internal: float = 3.0


class PrimitiveEquations(Process):
    r"""Hydrostatic Boussinesq water of levels that follow the surface.

    .. math::

        u_t &= (f + \zeta) v - w u_z - \partial_x K - \partial_x p' / \rho_0
               - g \partial_x \eta + \nabla A_h \nabla u + (A_v u_z)_z + F_u, \\
        \eta_t &= - \nabla \cdot \sum_k h_k u_k + P - E, \\
        (h \theta)_t &= - \nabla \cdot (h u \theta) - (w \theta)_z
               + \nabla h K_h \nabla \theta + (K_v \theta_z)_z + h F_\theta

    on Arakawa's C-grid, with levels that all stretch alike with the surface (Adcroft
    and Campin 2004, doi:10.1016/j.ocemod.2003.09.003), three stages a step, the surface
    in sub-steps of its own, and partial cells above the bottom (Adcroft et al. 1997,
    doi:10.1175/1520-0493(1997)125<2293:ROTBSC>2.0.CO;2).
    """

    about = "hydrostatic ocean of levels with a free surface"
    time = "s"
    coupling = Stencil()
    Options = OceanOptions
    options: OceanOptions
    states = STATES
    parameters = PARAMETERS
    prepared = PREPARED
    fluxes = FLUXES
    budgets = BUDGETS

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        choices = self.options
        for name in choices.forced_by:
            if name not in FORCINGS:
                names = ", ".join(FORCINGS)
                raise ConfigError(f"forced_by: found {name!r}, expected {names}")
        if "light" in choices.forced_by and "heat" not in choices.forced_by:
            raise ConfigError("forced_by: 'light' is a part of 'heat', found it alone")
        self.forcings = tuple(
            forcing for name in FORCINGS if name in choices.forced_by
            for forcing in FORCINGS[name]
        )  # fmt: skip
        self._law: DensityLaw = density_law(
            choices.density, choices.expansion, choices.contraction
        )

    def on(self, space: Space | None) -> Process:
        """Return it on a grid with levels.

        Raises
        ------
        ConfigError
            When it is another space.
        """
        if space is not None and not (
            isinstance(space, Grid) and space.z_edges is not None
        ):
            raise ConfigError(f"space: {self.name} needs a grid with levels")
        return super().on(space)

    def at(self, dt: float) -> Process:
        """Return the process for steps of some seconds.

        Raises
        ------
        ConfigError
            When the step is not stable on the grid.
        """
        timed = copy(self)
        timed.dt = dt
        if self.space is not None:
            options = self.options
            refuse_step(
                self._grid, dt, options.rotation, options.beta, options.internal,
                timed.rounds,
            )  # fmt: skip
        return timed

    @property
    def rounds(self) -> int:
        """Sub-steps of the surface in a step."""
        return self.options.rounds or least_rounds(self._grid, self.dt)

    @property
    def _grid(self) -> Grid:
        if not isinstance(self.space, Grid):
            raise ConfigError(f"space: {self.name} needs a grid with levels")
        return self.space

    def refuse(self, p: SimpleNamespace) -> None:
        """Refuse viscosity and diffusivity with which a step would overshoot."""
        shape = self._grid.field("cell", ("level",))
        y = np.radians(self._grid.nodes("y"))[:, None]
        narrowing = 1.0 if self._grid.radius is None else np.cos(y)
        fraction = p.cell_fraction.detach().cpu().numpy()
        for name, factor, limit in (
            ("viscosity", narrowing, viscosity_limit(self._grid, self.dt, fraction)),
            ("diffusivity", 1.0, friction_limit(self._grid, self.dt)),
        ):
            values = np.broadcast_to(getattr(p, name).detach().cpu().numpy(), shape)
            refuse_friction(self._grid, name, values.max(0) * factor, limit, self.dt)

    def prepare(self, p: SimpleNamespace) -> Mapping[str, Any]:
        """Return thicknesses, faces and coefficients by them."""
        options = self.options
        return prepared(
            p, self._grid,
            rotation=options.rotation, beta=options.beta, no_slip=options.no_slip,
        )  # fmt: skip

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Advance one step."""
        faces = Faces(self._grid)
        u = faces.inner(s.u, "x_face") * p.open_x
        v = faces.inner(s.v, "y_face") * p.open_y
        tracers = torch.stack((s.temperature, s.salinity)) * p.sea
        start = _Flow(u, v, tracers, s.elevation * p.surface)
        exchange = exchanged(tracers, f, p, faces)
        flow, transports = self._stages(start, exchange, p)
        tracers = exchange.added(flow.tracers, flow.elevation, self.dt, p)
        temperature, salinity = tracers[0], tracers[1]
        diffusivity = mixing(temperature, salinity, p, self._law)
        stretch = 1.0 + flow.elevation * p.per_depth
        tracers, u, v = mixed(
            tracers, flow.u, flow.v, diffusivity, *_wide(stretch), self.dt, p
        )
        tracers = tracers * p.sea
        end = _Flow(u * p.open_x, v * p.open_y, tracers, flow.elevation)
        state = {
            "u": faces.outer(end.u, "x_face"),
            "v": faces.outer(end.v, "y_face"),
            "temperature": tracers[0],
            "salinity": tracers[1],
            "elevation": end.elevation,
        }
        return state, {
            **exchange.entering(self.dt, p),
            **_gained(start, end, p),
            "courant": _courant(transports, self.dt, p),
        }

    def _stages(
        self, start: _Flow, exchange: Exchange, p: SimpleNamespace
    ) -> tuple[_Flow, Transports]:
        fixed_x, fixed_y = stress_tendencies(start.u, start.v, p)
        fixed_x, fixed_y = exchange.pushed(fixed_x, fixed_y, p)
        before = 1.0 + start.elevation * p.per_depth
        columns = _columns(start, before, p)
        # What is computed anew in the sub-steps is taken out of what drives them.
        slow_x, slow_y = slowed(columns.x, columns.y, p)
        spin = 0.25 * p.rotation * p.per_depth_corner
        now = start
        for share in _STAGES:
            seconds = share * self.dt
            stretch = 1.0 + now.elevation * p.per_depth
            x, y = carried(now.u, now.v, stretch, p)
            flow = rising(x, y, exchange.water, p)
            force_x, force_y = flow_tendencies(
                now.u,
                now.v,
                now.tracers[0],
                now.tracers[1],
                stretch,
                flow,
                p,
                self._law,
            )
            force_x, force_y = force_x + fixed_x, force_y + fixed_y
            wide = _wide(before)
            sum_x, sum_y = x.sum(-3), y.sum(-3)
            drive_x = (p.duct_x * force_x * wide[1]).sum(-3)
            drive_y = (p.duct_y * force_y * wide[2]).sum(-3)
            after, mean_x, mean_y = circulate(
                columns,
                drive_x - slow_x - p.pull_x * turned_x(spin, sum_y),
                drive_y - slow_y + p.pull_y * turned_y(spin, sum_x),
                exchange.water, p,
                seconds=seconds, rounds=max(1, round(share * self.rounds)),
                damping=self.options.damping,
            )  # fmt: skip
            x = torch.addcmul(
                x, p.duct_x, ((mean_x - sum_x) * p.per_duct_x).unsqueeze(-3)
            )
            y = torch.addcmul(
                y, p.duct_y, ((mean_y - sum_y) * p.per_duct_y).unsqueeze(-3)
            )
            transports = rising(x, y, exchange.water, p)
            stretch = 1.0 + after.elevation * p.per_depth
            if share < 1.0:
                tracers = moved(start.tracers, transports, before, stretch, seconds, p)
            else:
                tracers = advected(
                    start.tracers, transports, before, stretch, seconds, p,
                    self.options.advection,
                )  # fmt: skip
            u = torch.add(start.u, force_x, alpha=seconds)
            v = torch.add(start.v, force_y, alpha=seconds)
            now = _Flow(
                *_with_columns(u, v, after, stretch, p), tracers, after.elevation
            )
        return now, transports


@dataclass(frozen=True)
class _Flow:
    """Currents, (temperature, salinity) and surface."""

    u: Tensor
    v: Tensor
    tracers: Tensor
    elevation: Tensor


def _wide(stretch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return how levels are stretched at cells and faces, with an axis of levels."""
    return (
        stretch.unsqueeze(-3),
        between_columns(stretch).unsqueeze(-3),
        between_rows(stretch).unsqueeze(-3),
    )


def _columns(flow: _Flow, stretch: Tensor, p: SimpleNamespace) -> Columns:
    x, y = carried(flow.u, flow.v, stretch, p)
    return Columns(x.sum(-3), y.sum(-3), flow.elevation)


def _with_columns(
    u: Tensor, v: Tensor, columns: Columns, stretch: Tensor, p: SimpleNamespace
) -> tuple[Tensor, Tensor]:
    """Return currents that carry in all what columns carry."""
    _, wide_x, wide_y = _wide(stretch)
    lacking_x = columns.x.unsqueeze(-3) / wide_x - (p.duct_x * u).sum(-3, keepdim=True)
    lacking_y = columns.y.unsqueeze(-3) / wide_y - (p.duct_y * v).sum(-3, keepdim=True)
    return (
        torch.addcmul(u, p.open_x, lacking_x * p.per_duct_x.unsqueeze(-3)),
        torch.addcmul(v, p.open_y, lacking_y * p.per_duct_y.unsqueeze(-3)),
    )


def _gained(start: _Flow, end: _Flow, p: SimpleNamespace) -> dict[str, Tensor]:
    """Return what columns hold more than before."""

    def held(flow: _Flow) -> Tensor:
        content = (flow.tracers * p.thickness).sum(-3)
        amount: Tensor = content * (1.0 + flow.elevation * p.per_depth) * p.area
        return amount

    more = held(end) - held(start)
    return {
        "volume_gained": (end.elevation - start.elevation) * p.area,
        "heat_gained": (DENSITY * HEAT_CAPACITY) * more[0],
        "salt_gained": (DENSITY * 1e-3) * more[1],
    }


def _courant(flow: Transports, seconds: float, p: SimpleNamespace) -> Tensor:
    """Return the largest share of a cell of a column that is replaced in a step."""
    through = flow.x.abs() + west(flow.x).abs() + flow.y.abs() + south(flow.y).abs()
    largest: Tensor = (through * p.per_volume).amax(-3)
    return largest * (0.5 * seconds)
