"""What wind, sun, weather and targets do at the surface."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor

from .constants import DENSITY, HEAT_CAPACITY
from .geometry import Faces

__all__ = ["Exchange", "exchanged"]

_FRESH_WATER = 1000.0
"""Density of rain, kg m-3, which becomes a volume of sea water of the same mass."""


@dataclass(frozen=True)
class Exchange:
    """What enters in a step.

    Parameters
    ----------
    stress : (Tensor, Tensor) or None
        Of the wind at faces in x and y, Pa.
    water : Tensor or None
        Fresh water, m s-1.
    warming, salting : Tensor or None
        Of the uppermost level, K m s-1 and 1e-3 m s-1; heat that comes with water
        included, which the movement of tracers has not brought.
    light : Tensor or None
        Warming that goes deeper, K m s-1.
    """

    stress: tuple[Tensor, Tensor] | None
    water: Tensor | None
    warming: Tensor | None
    salting: Tensor | None
    light: Tensor | None

    def pushed(
        self, force_x: Tensor, force_y: Tensor, p: SimpleNamespace
    ) -> tuple[Tensor, Tensor]:
        """Return tendencies of currents with those of the wind on the first level."""
        if self.stress is None:
            return force_x, force_y
        x = self.stress[0] * p.open_x[..., 0, :, :] / (DENSITY * p.gap_x[..., 0, :, :])
        y = self.stress[1] * p.open_y[..., 0, :, :] / (DENSITY * p.gap_y[..., 0, :, :])
        return _on_top(force_x, x), _on_top(force_y, y)

    def added(
        self, tracers: Tensor, elevation: Tensor, seconds: float, p: SimpleNamespace
    ) -> Tensor:
        """Return tracers with the heat and salt of a step."""
        per = seconds / (1.0 + elevation * p.per_depth)
        temperature, salinity = tracers[0], tracers[1]
        if self.warming is not None:
            top = p.gap[..., 0, :, :]
            temperature = _on_top(temperature, self.warming * per * p.surface / top)
        if self.light is not None:
            gained = (self.light * per).unsqueeze(-3) * (p.absorbed / p.gap)
            temperature = temperature + gained
        if self.salting is not None:
            top = p.gap[..., 0, :, :]
            salinity = _on_top(salinity, self.salting * per * p.surface / top)
        return torch.stack((temperature, salinity))

    def entering(self, seconds: float, p: SimpleNamespace) -> dict[str, Tensor]:
        """Return the amounts that enter columns in a step."""
        none = torch.zeros_like(p.area)
        over = p.area * p.surface * seconds
        warmth = none
        for part in (self.warming, self.light):
            warmth = warmth if part is None else warmth + part
        salting = none if self.salting is None else self.salting
        water = none if self.water is None else self.water
        return {
            "volume_entering": water * over,
            "heat_entering": warmth * (DENSITY * HEAT_CAPACITY) * over,
            "salt_entering": salting * (DENSITY * 1e-3) * over,
        }


def exchanged(
    tracers: Tensor, f: SimpleNamespace, p: SimpleNamespace, faces: Faces
) -> Exchange:
    """Return what enters by the forcings there are.

    Parameters
    ----------
    tracers : Tensor
        (2, ..., level, row, column) temperature and salinity.
    f : namespace of Tensor
        Forcings.
    p : namespace of Tensor
        Prepared parameters.
    faces : Faces
        Of the grid.
    """
    forcings = vars(f)
    surface = tracers[..., 0, :, :]
    stress = warming = salting = light = water = None
    if "stress_x" in forcings:
        stress = faces.inner(f.stress_x, "x_face"), faces.inner(f.stress_y, "y_face")
    if "heat" in forcings:
        warming = f.heat / (DENSITY * HEAT_CAPACITY)
    if "light" in forcings:
        light = f.light / (DENSITY * HEAT_CAPACITY)
        warming = warming - light
    if "target_temperature" in forcings:
        top = p.gap[..., 0, :, :]
        drawn = p.restore_temperature * top * (f.target_temperature - surface[0])
        warming = drawn if warming is None else warming + drawn
        salting = p.restore_salinity * top * (f.target_salinity - surface[1])
    if "fresh_water" in forcings:
        water = f.fresh_water / _FRESH_WATER
        # Rain is as warm as what it falls on, and evaporation takes water as it is.
        carried = water * surface[0]
        warming = carried if warming is None else warming + carried
    return Exchange(stress, water, warming, salting, light)


def _on_top(x: Tensor, more: Tensor) -> Tensor:
    """Return a field with more in its first level."""
    top = x[..., :1, :, :] + more.unsqueeze(-3)
    return torch.cat((top, x[..., 1:, :, :]), -3)
