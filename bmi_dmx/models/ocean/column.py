"""A column of the ocean: what wind, sun and weather do to the water below them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields
from itertools import accumulate, pairwise
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ...conversion import refuse_outside
from ...errors import ConfigError
from ...process import SECONDS, Process
from .air_sea import passing
from .column_correction import Correction
from .column_declarations import (
    BUDGETS,
    FLUXES,
    Surface,
    column_forcings,
    column_parameters,
    column_states,
    numbered,
)
from .constants import DENSITY, GRAVITY, HEAT_CAPACITY, ROTATION
from .density import DensityLaw, Law, density_law
from .vertical import exchanged_between, overturned

__all__ = ["USUAL_LEVELS", "Column", "ColumnOptions"]

USUAL_LEVELS = (5.0,) * 8 + (10.0,) * 5 + (15.0, 20.0, 30.0, 40.0)
"""Thickness of levels down to 195 m."""

_WATER = DENSITY * HEAT_CAPACITY
"""J m-3 K-1."""

_COOLER = 0.2
"""By which water below the mixed layer is colder than the surface, K."""

_YEAR = 365.25
"""Days."""

_LEAST_TURNING = 1e-5
"""Coriolis parameter, s-1, below which wind carries water less and less far."""

_LEAST_STRESS = 1e-4
"""Pa, below which wind counts as this much, so that the roots have a gradient."""


@dataclass(frozen=True)
class ColumnOptions:
    """What can be chosen of a column.

    Parameters
    ----------
    thickness : tuple of float
        Of the levels from the surface down, m.
    surface : {"fluxes", "weather"}
        Whether stress, heat and light are given, or follow from the weather and the
        temperature that the column itself has at its surface.
    drawn : bool
        Whether heat comes from around while the surface is colder than a temperature
        that is given, such as the usual one, and goes there while it is warmer.
    carried : bool
        Whether wind carries water in from around, which is as warm as learned gradients
        say; these, and heat that comes from aside, change with the season.
    hidden : int
        Hidden units of the network that corrects mixing; 0: there is none.
    density : {"nonlinear", "linear"}
        The equation of state.
    expansion, contraction : float
        By temperature (K-1) and salinity (1e3), where it is linear.
    """

    thickness: tuple[float, ...] = USUAL_LEVELS
    surface: Surface = "fluxes"
    drawn: bool = False
    carried: bool = False
    hidden: int = 0
    density: Law = "nonlinear"
    expansion: float = 2e-4
    contraction: float = 7.6e-4

    def __post_init__(self) -> None:
        refuse_outside("thickness: number of levels", len(self.thickness), 1, 60)
        refuse_outside("hidden", self.hidden, 0, 32)
        for k, wide in enumerate(self.thickness, start=1):
            if not 0.0 < wide < math.inf:
                raise ConfigError(
                    f"thickness: level {k} has {wide:g} m, expected more than 0"
                )


class Column(Process):
    r"""Water of one place, level above level, that sees no neighbours.

    .. math::

        T_t &= (\kappa\, T_z)_z + Q / (\rho_0 c_p) + I_z / (\rho_0 c_p), \qquad
        S_t = (\kappa S_z)_z, \\
        (u + iv)_t &= -i f (u + iv) - r (u + iv) + (\nu (u + iv)_z)_z, \\
        \nu &= (\nu_0 + c u_* z e^{-z f / b u_*}) (1 + \alpha Ri)^{-2} + \nu_b

    with diffusivities that fade by one more power of :math:`1 + \alpha Ri` (Pacanowski
    and Philander 1981, doi:10.1175/1520-0485(1981)011<1443:POVMIN>2.0.CO;2), light of
    two bands (Paulson and Simpson 1977,
    doi:10.1175/1520-0485(1977)007<0952:IMITUO>2.0.CO;2), convection where water lies on
    lighter water, and fluxes at the surface that are given or follow from the weather.
    Currents turn by exactly the angle of a step; mixing is solved for where it leads.

    Parameters
    ----------
    options : mapping or ColumnOptions, optional
        Levels, surface, correction and equation of state.
    """

    about = "mixing, light and currents of one column of the ocean"
    time = "h"
    Options = ColumnOptions
    options: ColumnOptions
    fluxes = FLUXES

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        choices = self.options
        around = choices.drawn, choices.carried
        self.forcings = column_forcings(choices.surface, *around)
        self.states = column_states(choices.thickness)
        self.parameters = column_parameters(choices.surface, *around, choices.hidden)
        self.budgets = BUDGETS
        wide = choices.thickness
        self._floors = tuple(accumulate(wide))
        self._gaps = tuple(0.5 * (above + below) for above, below in pairwise(wide))

    @property
    def _law(self) -> DensityLaw:
        options = self.options
        return density_law(options.density, options.expansion, options.contraction)

    def at(self, dt: float) -> Process:
        """Return the process for steps of some hours."""
        timed = copy(self)
        timed.dt = dt
        return timed

    @property
    def _seconds(self) -> float:
        return self.dt * SECONDS[self.time]

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Advance one step."""
        before = self._profiles(s)
        surface = self._surface(before, f, p)
        mixing = self._mixing(before, surface, p)
        heated = self._heated(before.temperature, surface, mixing.flow, p)
        x, y = self._turned(before, surface, p)
        after = _Profiles(
            self._mixed(heated, mixing.diffusivity),
            self._mixed(before.salinity, mixing.diffusivity),
            self._mixed(x, mixing.viscosity),
            self._mixed(y, mixing.viscosity),
        )
        return self._named(after), {
            "heat_entering": self._seconds * surface.heat,
            "heat_brought": self._seconds * surface.brought,
            "heat_gained": _WATER * self._more(after.temperature, before.temperature),
            "salt_gained": (1e-3 * DENSITY)
            * self._more(after.salinity, before.salinity),
            "surface_temperature": after.temperature[0],
            "latent_heat": surface.latent,
            "sensible_heat": surface.sensible,
            "mixed_depth": self._mixed_depth(after.temperature),
        }

    def _profiles(self, s: SimpleNamespace) -> _Profiles:
        levels = len(self.options.thickness)
        names = [field.name for field in fields(_Profiles)]
        return _Profiles(
            *([getattr(s, name) for name in numbered(what, levels)] for what in names)
        )

    def _named(self, profiles: _Profiles) -> dict[str, Tensor]:
        levels = len(self.options.thickness)
        return {
            name: x
            for what, values in vars(profiles).items()
            for name, x in zip(numbered(what, levels), values, strict=True)
        }

    def _surface(
        self, now: _Profiles, f: SimpleNamespace, p: SimpleNamespace
    ) -> _Surface:
        if self.options.surface == "fluxes":
            none = torch.zeros_like(f.heat)
            stress, fluxes = (f.stress_x, f.stress_y), (f.heat, f.light, none, none)
        else:
            currents = now.x_velocity[0], now.y_velocity[0]
            came = passing(now.temperature[0], *currents, f, p)
            stress = came.stress_x, came.stress_y
            fluxes = came.heat, came.light, came.latent, came.sensible
        from_aside = p.heat_from_aside
        if self.options.drawn:
            colder = f.target_temperature - now.temperature[0]
            from_aside = from_aside + p.heat_feedback * colder
        if self.options.carried:
            from_aside = from_aside + _carried(*stress, f, p)
        return _Surface(*stress, *fluxes, from_aside)

    def _mixing(self, now: _Profiles, surface: _Surface, p: SimpleNamespace) -> _Mixing:
        """Return what mixes through the floor of each level but the last."""
        stress = torch.sqrt(
            surface.stress_x * surface.stress_x
            + surface.stress_y * surface.stress_y
            + _LEAST_STRESS * _LEAST_STRESS
        )
        friction = torch.sqrt(stress * (1.0 / DENSITY))
        turning = _coriolis(p).abs() / friction
        network = Correction(self.options.hidden, p) if self.options.hidden else None
        mixing = _Mixing([], [], [])
        for k, gap in enumerate(self._gaps):
            depth = self._floors[k]
            stable, sheared = self._stability(now, k)
            ratio = torch.clamp(stable, min=0.0) / (sheared + 1e-8)
            damping = 1.0 / (1.0 + p.damping_by_stability * ratio)
            stirred = p.wind_mixing * depth * friction * torch.exp(
                turning * (-depth) / p.wind_reach
            )  # fmt: skip
            viscosity = (p.shear_viscosity + stirred) * damping * damping
            diffusivity = viscosity * damping + p.background_diffusivity
            if network is not None:
                features = (
                    2.0 * damping - 1.0, 2.0 * torch.exp(turning * (-depth)) - 1.0,
                    stable / (stable.abs() + 1e-4), depth / self._floors[-1],
                    torch.tanh(surface.heat * (1.0 / 200.0)),
                )  # fmt: skip
                factor, flow = network(features)
                diffusivity = diffusivity * factor
                mixing.flow.append(flow)
            turned_over = p.convection * overturned(stable * (DENSITY / GRAVITY))
            per = self._seconds / gap
            mixing.diffusivity.append((diffusivity + turned_over) * per)
            mixing.viscosity.append(
                (viscosity + turned_over + p.background_viscosity) * per
            )
        return mixing

    def _stability(self, now: _Profiles, k: int) -> tuple[Tensor, Tensor]:
        """Return the squares of buoyancy frequency and shear at a floor, s-2."""
        depth, per = self._floors[k], 1.0 / self._gaps[k]
        above, below = (
            self._law(now.temperature[at], now.salinity[at], depth) for at in (k, k + 1)
        )
        x = (now.x_velocity[k] - now.x_velocity[k + 1]) * per
        y = (now.y_velocity[k] - now.y_velocity[k + 1]) * per
        return (GRAVITY / DENSITY * per) * (below - above), x * x + y * y

    def _heated(
        self,
        temperature: Sequence[Tensor],
        surface: _Surface,
        flow: Sequence[Tensor],
        p: SimpleNamespace,
    ) -> list[Tensor]:
        """Return temperatures after heat, light and what the correction moves."""
        entered = (surface.heat - surface.light + surface.brought) / _WATER
        falling = [surface.light / _WATER]
        for depth in self._floors[:-1]:
            through = p.red_share * torch.exp(-depth / p.red_depth) + (
                1.0 - p.red_share
            ) * torch.exp(-depth / p.blue_depth)
            falling.append(falling[0] * through)
        # What reaches the bottom stays there.
        falling.append(torch.zeros_like(entered))
        moved = [torch.zeros_like(entered), *flow, torch.zeros_like(entered)]
        after = []
        for k, wide in enumerate(self.options.thickness):
            gained = falling[k] - falling[k + 1]
            if k == 0:
                gained = gained + entered
            if flow:
                gained = gained + moved[k] - moved[k + 1]
            after.append(temperature[k] + (self._seconds / wide) * gained)
        return after

    def _turned(
        self, now: _Profiles, surface: _Surface, p: SimpleNamespace
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return currents after wind, rotation and loss."""
        angle = self._seconds * _coriolis(p)
        decay = torch.exp(-self._seconds * p.current_loss)
        cosine, sine = decay * torch.cos(angle), decay * torch.sin(angle)
        push = 0.5 * self._seconds / (DENSITY * self.options.thickness[0])
        x, y = [], []
        for k, (u, v) in enumerate(zip(now.x_velocity, now.y_velocity, strict=True)):
            # Half of the wind before the turn and half of it after.
            if k == 0:
                u, v = u + push * surface.stress_x, v + push * surface.stress_y
            u, v = cosine * u + sine * v, cosine * v - sine * u
            if k == 0:
                u, v = u + push * surface.stress_x, v + push * surface.stress_y
            x.append(u)
            y.append(v)
        return x, y

    def _mixed(self, x: Sequence[Tensor], exchange: Sequence[Tensor]) -> list[Tensor]:
        """Return a profile after mixing."""
        wide = [torch.full_like(x[0], h) for h in self.options.thickness]
        return exchanged_between(x, wide, exchange, [torch.zeros_like(x[0])] * len(x))

    def _more(self, after: Sequence[Tensor], before: Sequence[Tensor]) -> Tensor:
        """Return what a column holds more than before, by level times its thickness."""
        changes = [
            wide * (new - old)
            for wide, new, old in zip(
                self.options.thickness, after, before, strict=True
            )
        ]
        total = changes[0]
        for change in changes[1:]:
            total = total + change
        return total

    def _mixed_depth(self, temperature: Sequence[Tensor]) -> Tensor:
        """Return the depth of the first floor below which it is colder."""
        least = temperature[0] - _COOLER
        depth = torch.full_like(least, self._floors[-1])
        for k in range(len(self._gaps) - 1, -1, -1):
            depth = torch.where(temperature[k + 1] < least, self._floors[k], depth)
        return depth


@dataclass(frozen=True)
class _Profiles:
    """By level."""

    temperature: Sequence[Tensor]
    salinity: Sequence[Tensor]
    x_velocity: Sequence[Tensor]
    y_velocity: Sequence[Tensor]


@dataclass(frozen=True)
class _Surface:
    """Stress, Pa, and heat into the water, W m-2; light is a part of it.

    Heat that is brought comes from the water around.
    """

    stress_x: Tensor
    stress_y: Tensor
    heat: Tensor
    light: Tensor
    latent: Tensor
    sensible: Tensor
    brought: Tensor


@dataclass(frozen=True)
class _Mixing:
    """Exchange in a step, m, and heat moved, K m s-1, through floors."""

    diffusivity: list[Tensor]
    viscosity: list[Tensor]
    flow: list[Tensor]


def _coriolis(p: SimpleNamespace) -> Tensor:
    turning: Tensor = (2.0 * ROTATION) * torch.sin(p.latitude * (math.pi / 180.0))
    return turning


def _carried(
    stress_x: Tensor, stress_y: Tensor, f: SimpleNamespace, p: SimpleNamespace
) -> Tensor:
    r"""Return heat from around besides that of the mean of the year, W m-2.

    Wind carries :math:`M = (\tau_y, -\tau_x) / f` of water (Ekman 1905), which brings
    :math:`-c_p M \cdot \nabla T`.
    """
    angle = (f.day_of_year - 1.0) * (2.0 * math.pi / _YEAR)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    warmer_x = p.gradient_x + p.gradient_x_cos * cosine + p.gradient_x_sin * sine
    warmer_y = p.gradient_y + p.gradient_y_cos * cosine + p.gradient_y_sin * sine
    turning = _coriolis(p)
    per_turning = turning / (turning * turning + _LEAST_TURNING * _LEAST_TURNING)
    by_wind = HEAT_CAPACITY * per_turning * (stress_x * warmer_y - stress_y * warmer_x)
    heat: Tensor = (
        by_wind
        + p.heat_from_aside_cos * cosine
        + p.heat_from_aside_sin * sine
        + p.heat_from_aside_cos2 * torch.cos(2.0 * angle)
        + p.heat_from_aside_sin2 * torch.sin(2.0 * angle)
    )
    return heat
