"""``dmx bench ocean``: a step of an ocean of levels, and its adjoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..models.ocean.primitive_equations import PrimitiveEquations
from ..scan import scan
from ..space import Grid
from .measure import Effort, Record, Value, peak_growth, seconds_of, seconds_of_two
from .report import RecordColumn, show

__all__ = ["CASES", "MadeOcean", "run"]

_DAY = 86400.0
_STEPS = 2
"""Of a run that is measured; parameters are prepared once for both."""

CASES = (
    (8.0, 15, "float64"), (4.0, 5, "float64"), (4.0, 15, "float64"),
    (4.0, 15, "float32"), (4.0, 30, "float64"), (2.0, 15, "float64"),
)  # fmt: skip
"""Degrees between cells, levels and precision."""


@dataclass(frozen=True)
class MadeOcean:
    """An ocean between 80 degrees south and north, with two continents and a passage.

    Parameters
    ----------
    process : PrimitiveEquations
        On its grid.
    dt : float
        Length of a step, s; half an hour a degree, three hours at most.
    state, forcing, parameters : dict of str to Tensor
        Where it starts, some steps of weather, and the rest.
    """

    process: PrimitiveEquations
    dt: float
    state: dict[str, Tensor]
    forcing: dict[str, Tensor]
    parameters: dict[str, Any]

    @classmethod
    def of(cls, degrees: float, levels: int, dtype: torch.dtype) -> MadeOcean:
        """Return an ocean of a spacing; the same numbers each time."""
        rows, columns = round(160.0 / degrees), round(360.0 / degrees)
        fall = np.linspace(0.0, 1.0, levels + 1)
        mask = np.ones((levels, rows, columns), bool)
        latitude = -80.0 + degrees * (np.arange(rows) + 0.5)
        for at in (columns // 5, columns // 2):
            mask[:, latitude > -56.0, at : at + columns // 12] = False
        # Shallower towards the poles, as sub-steps of the surface would want it.
        deep = fall[1:, None] <= np.cos(np.radians(latitude)) ** 0.5 + 1e-9
        mask &= deep[:, :, None]
        mask[0] |= mask.any(0)
        grid = Grid.uniform(
            (rows, columns), (degrees, degrees), (-80.0, 0.0), periodic=("x",),
            z_edges=-5200.0 * (0.3 * fall + 0.7 * fall**2), mask=mask, radius=6.371e6,
        )  # fmt: skip
        options = {"forced_by": ("wind", "heat", "water", "targets")}
        process = PrimitiveEquations(options).on(grid)
        assert isinstance(process, PrimitiveEquations)
        y = np.cos(np.radians(latitude))[:, None]
        warm = 2.0 + 25.0 * y**2 * np.exp(-fall[:levels, None, None] * 6.0)

        def tensor(name: str, value: Any) -> Tensor:
            variable = next(
                v for v in (*process.states, *process.forcings) if v.name == name
            )
            shape = grid.shape(variable)
            return torch.from_numpy(np.array(np.broadcast_to(value, shape))).to(dtype)

        weather = {
            "stress_x": 0.1, "stress_y": 0.0, "heat": 100.0 * (y - 0.7),
            "fresh_water": 1e-5 * (0.7 - y), "target_temperature": warm[0],
            "target_salinity": 35.0,
        }  # fmt: skip
        return cls(
            process,
            min(1800.0 * degrees, 10800.0),
            {"temperature": tensor("temperature", warm)},
            {n: tensor(n, x).expand(_STEPS, *grid.shape(v)) for n, x, v in (
                (f.name, weather[f.name], f) for f in process.forcings
            )},
            {"viscosity": torch.tensor(1.25e5 * degrees, dtype=dtype),
             "diffusivity": 1e3},
        )  # fmt: skip

    @property
    def cells(self) -> int:
        """Cells of the grid, land included."""
        assert self.process.space is not None
        return int(np.prod(self.process.space.shape(self.process.states[2])))

    def run(self) -> Tensor:
        """Return the mean square of the temperature after the steps."""
        ran = scan(
            self.process, self.state, self.forcing, self.parameters, dt=self.dt,
            outputs=[],
        )  # fmt: skip
        return ran.state["temperature"].square().mean()

    def forward(self) -> Tensor:
        """Run without gradient."""
        with torch.no_grad():
            return self.run()

    def taped(self) -> Tensor:
        """Run so that the gradient by the viscosity can be asked for."""
        return self.run()

    def adjoint(self, objective: Tensor) -> None:
        """Run backward; keep no gradient."""
        torch.autograd.grad(objective, self.parameters["viscosity"])


def run(effort: Effort | None = None) -> list[Record]:
    """Measure, print a table, and return the records.

    Parameters
    ----------
    effort : Effort, optional
        How long each case is measured.
    """
    torch.set_num_threads(1)
    effort = effort or Effort(repeats=3, seconds=0.5, limit=10.0)
    records = [_measured(*case, effort) for case in CASES]
    show(
        records, "An ocean of levels; CPU milliseconds a step, one thread",
        [
            RecordColumn("degrees", "degrees"), RecordColumn("levels", "levels"),
            RecordColumn("type", "dtype"), RecordColumn("cells", "cells", 1.0, ",.0f"),
            RecordColumn("rounds", "rounds"),
            RecordColumn("forward", "forward_s", 1e3, ".1f"),
            RecordColumn("taped", "taped_s", 1e3, ".1f"),
            RecordColumn("adjoint", "backward_s", 1e3, ".1f"),
            RecordColumn("s a day", "day_s", 1.0, ".3f"),
            RecordColumn("B a cell", "bytes_per_cell", 1.0, ",.0f"),
            RecordColumn("adjoint", "adjoint_bytes_per_cell", 1.0, ",.0f"),
        ],
    )  # fmt: skip
    return records


def _measured(degrees: float, levels: int, dtype: str, effort: Effort) -> Record:
    ocean = MadeOcean.of(degrees, levels, getattr(torch, dtype))
    forward = seconds_of(ocean.forward, effort) / _STEPS
    memory = peak_growth(ocean.forward)
    ocean.parameters["viscosity"].requires_grad_()
    taped, adjoint = seconds_of_two(ocean.taped, ocean.adjoint, effort)
    both = peak_growth(lambda: ocean.adjoint(ocean.taped()))
    timed = ocean.process.at(ocean.dt)
    assert isinstance(timed, PrimitiveEquations)
    sizes: dict[str, Value] = {
        "degrees": degrees, "levels": levels, "dtype": dtype, "cells": ocean.cells,
        "dt_s": ocean.dt, "rounds": timed.rounds, "steps": _STEPS,
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    more: dict[str, Value] = {
        "taped_s": taped / _STEPS,
        "day_s": forward * _DAY / ocean.dt,
        "bytes_per_cell": None if memory is None else memory / ocean.cells,
        "adjoint_bytes_per_cell": None if both is None else both / ocean.cells,
    }
    return Record(
        case="ocean", implementation="tensors", sizes=sizes, forward_s=forward,
        backward_s=adjoint / _STEPS, memory_bytes=memory, more=more,
    )  # fmt: skip
