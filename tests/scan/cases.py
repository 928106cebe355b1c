"""Random inputs that any process without coupling can be run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmi_dmx.models.hydrology.hbv import Hbv, Hbv11p
from bmi_dmx.models.hydrology.pet import Hargreaves, Oudin
from bmi_dmx.models.ocean.column import Column
from bmi_dmx.process import Cells, Process
from bmi_dmx.registries import processes
from bmi_dmx.variables import Flux, Forcing, Parameter, State, Variable


class Delay(Process):
    """What comes in leaves in shares after 0, 1, ... steps."""

    forcings = (Forcing(name="inflow", per_step="rate"),)
    fluxes = (Flux(name="outflow", per_step="rate"),)

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length
        self.states = (State(name="in_transit", size=length - 1),)
        self.parameters = (Parameter(name="weight", bounds=(0.0, 1.0), size=length),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        spread = [weight * f.inflow for weight in p.weight]
        due = [r + new for r, new in zip(s.in_transit, spread, strict=False)]
        return {"in_transit": (*due[1:], spread[-1])}, {"outflow": due[0]}


PROCESSES: tuple[Process, ...] = (Hbv(), Hbv11p(), Oudin(), Hargreaves(), Delay(4))

REGISTERED: tuple[Process, ...] = tuple(
    made
    for kind in map(processes.__getitem__, processes)
    if kind.__module__.startswith("bmi_dmx.") and isinstance(kind.coupling, Cells)
    # Of water drawn at random, level by level, rounding decides how it overturns, and
    # columns tell the difference of all they hold: see tests/scan/test_column.py.
    if kind is not Column and (made := kind()).forcings
)
"""All physics of the package that is driven, and whose places do not see each other.

But for columns of the ocean, which need inputs that go together.
"""

NARROW = {"precipitation": (0.0, 30.0), "potential_evaporation": (0.0, 6.0)}


@dataclass
class Case:
    """Arguments of one scan."""

    process: Process
    state: dict[str, Tensor]
    forcing: dict[str, Tensor]
    parameters: dict[str, Tensor]

    @property
    def dt(self) -> float:
        """Length of a step: a unit of time of the process, or an hour."""
        return 3600.0 if self.process.time == "s" else 1.0

    def double(self) -> Case:
        """Return the same numbers in double precision."""
        groups = (self.state, self.forcing, self.parameters)
        state, forcing, parameters = (
            {n: x.detach().double().requires_grad_() for n, x in group.items()}
            for group in groups
        )
        return Case(self.process, state, forcing, parameters)

    def leaves(self) -> list[Tensor]:
        groups = (self.state, self.forcing, self.parameters)
        return [x for group in groups for x in group.values()]


def _draw(rng: np.random.Generator, v: Variable, shape: tuple[int, ...]) -> np.ndarray:
    low, high = NARROW.get(v.name, v.bounds or (0.0, 1.0))
    if v.name.startswith("air_temperature"):
        low, high = -12.0, 15.0
    values = rng.uniform(low, high if high < 1e6 else 50.0, shape)
    if v.name == "precipitation":
        values *= rng.random(shape) < 0.5
    return values


def some_case(
    process: Process,
    *,
    steps: int = 20,
    locations: int = 3,
    members: int = 2,
    varying: int = 0,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    gradient: bool = False,
) -> Case:
    """Return random arguments; the first ``varying`` parameters change every step."""
    rng = np.random.default_rng(seed)

    def tensor(v: Variable, shape: tuple[int, ...]) -> Tensor:
        size = getattr(v, "size", 1)
        shape = shape if size == 1 else (size, *shape)
        x = torch.from_numpy(_draw(rng, v, shape)).to(dtype)
        return x.requires_grad_(gradient)

    grid = (locations, members)
    process = process.at(3600.0) if process.time == "s" else process

    def parameter(v: Parameter, k: int) -> Tensor:
        shape = grid if v.per == "member" else (locations, 1)
        return tensor(v, (steps, *shape) if k < varying else shape)

    return Case(
        process,
        {v.name: tensor(v, grid) for v in process.states},
        {v.name: tensor(v, (steps, locations)) for v in process.forcings},
        {v.name: parameter(v, k) for k, v in enumerate(process.step_parameters)},
    )
