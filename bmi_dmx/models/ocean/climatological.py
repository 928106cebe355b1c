"""A global ocean under the mean weather of every month of its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...scan import scan
from .constants import DENSITY, HEAT_CAPACITY
from .formats.global_ocean import GlobalOcean
from .primitive_equations import PrimitiveEquations

__all__ = ["ClimatologicalRun", "Month", "surface_error", "through_drake"]

_DAY = 86400.0

_DRAKE = 292.0, -56.0
"""Degrees east of the section through the Drake Passage, and degrees north to which."""

_HEAT, _WATER = ("heat_entering", "heat_gained"), ("volume_entering", "volume_gained")
_SALT = ("salt_entering", "salt_gained")


@dataclass(frozen=True)
class Month:
    """What a run was like in 30 days.

    Parameters
    ----------
    day : int
        At its end.
    state : dict of str to Tensor
        At its end.
    elevation : (float, float)
        Lowest and highest surface at the end, m.
    speed, courant : float
        Largest current (m s-1) and Courant number of its steps.
    residuals : dict of str to float
        Heat, salt and volume that are not accounted for since the run began, by what
        the ocean held then.
    """

    day: int
    state: dict[str, Tensor]
    elevation: tuple[float, float]
    speed: float
    courant: float
    residuals: dict[str, float]


class ClimatologicalRun:
    """An ocean that starts with January, at rest unless told otherwise, by months.

    Parameters
    ----------
    ocean : GlobalOcean
        Bottom, weather and targets.
    parameters : dict
        Of the process, beside the cell fractions.
    options : dict
        Of the process.
    dt : float
        Length of a step, s.
    dtype : torch.dtype
        Of all numbers.
    start : dict of str to ndarray, optional
        State that it starts with, such as that of the file; default: water of January
        at rest.
    """

    def __init__(
        self,
        ocean: GlobalOcean,
        parameters: dict[str, Any],
        options: dict[str, Any],
        dt: float,
        dtype: torch.dtype = torch.float64,
        start: Mapping[str, Any] | None = None,
    ) -> None:
        self.ocean, self.dt, self._dtype = ocean, dt, dtype
        self.process = PrimitiveEquations(options).on(ocean.grid)
        fraction = self._tensor(ocean.cell_fraction)
        self.parameters = {"cell_fraction": fraction, **parameters}
        water = {n: ocean.months[n][0] for n in ("temperature", "salinity")}
        self.start = {n: self._tensor(x) for n, x in (start or water).items()}

    def _tensor(self, array: Any) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._dtype)

    def forcing(self, start: float, steps: int) -> dict[str, Tensor]:
        """Return the weather of some steps from a day on."""
        names = tuple(f.name for f in self.process.forcings)
        days = [start + (k + 0.5) * self.dt / _DAY for k in range(steps)]
        rows = [self.ocean.on_day(day, names) for day in days]
        return {n: self._tensor(np.stack([row[n] for row in rows])) for n in names}

    def months(self, count: int, days: int = 30) -> Iterator[Month]:
        """Yield what the ocean is like at the end of each of some months."""
        state, steps = self.start, round(_DAY / self.dt)
        scale = self.contents()
        residuals = dict.fromkeys(scale, 0.0)
        for month in range(count):
            speed = courant = 0.0
            for day in range(days * month, days * (month + 1)):
                with torch.no_grad():
                    ran = scan(
                        self.process, state, self.forcing(day, steps), self.parameters,
                        dt=self.dt, outputs=[*_HEAT, *_WATER, *_SALT, "courant"],
                    )  # fmt: skip
                state = ran.state
                speed = max(speed, *(float(state[n].abs().max()) for n in "uv"))
                courant = max(courant, float(ran.outputs["courant"].max()))
                for entering, gained in (_HEAT, _WATER, _SALT):
                    gap = ran.outputs[gained].double() - ran.outputs[entering].double()
                    residuals[gained.partition("_")[0]] += float(gap.sum())
            sea = torch.from_numpy(self.ocean.grid.open_at())
            elevation = state["elevation"][sea]
            yield Month(
                days * (month + 1), state,
                (float(elevation.min()), float(elevation.max())),
                speed, courant, {n: x / scale[n] for n, x in residuals.items()},
            )  # fmt: skip

    def contents(self) -> dict[str, float]:
        """Return volume (m3), heat (J, from 0 degC) and salt (kg) of January."""
        grid, months = self.ocean.grid, self.ocean.months
        volume = grid.areas * grid.widths("z")[:, None, None] * self.ocean.cell_fraction
        heat = DENSITY * HEAT_CAPACITY * (volume * months["temperature"][0]).sum()
        salt = 1e-3 * DENSITY * (volume * months["salinity"][0]).sum()
        return {"heat": float(heat), "volume": float(volume.sum()), "salt": float(salt)}


def through_drake(ocean: GlobalOcean, u: Any) -> float:
    """Return what flows eastward through the Drake Passage, 1e6 m3 s-1."""
    grid = ocean.grid
    column = int(np.argmin(np.abs(grid.nodes("x", "x_face") - _DRAKE[0])))
    rows = grid.nodes("y") < _DRAKE[1]
    depth = grid.widths("z")[:, None, None] * ocean.cell_fraction
    shared = np.minimum(depth, np.roll(depth, -1, -1))
    breadth = grid.sizes("x_face")[1]
    flow = (np.asarray(u) * shared * breadth)[:, rows, column]
    return float(flow.sum()) / 1e6


def surface_error(ocean: GlobalOcean, temperature: Any, day: float) -> float:
    """Return how far the first level is from its target, root of mean square, K."""
    target = ocean.on_day(day, ("target_temperature",))["target_temperature"]
    sea = ocean.grid.open_at()
    area = ocean.grid.areas[sea]
    error = (np.asarray(temperature)[0] - target)[sea]
    return float(np.sqrt((area * error**2).sum() / area.sum()))
