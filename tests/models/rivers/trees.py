"""Small rivers with everything in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.scan import ScanResult, scan
from bmi_dmx.space import Tree

HOUR = 3600.0
# Two branches meet in 4; 5, a lake, is below, 6 its outlet; 9 has a river of its own.
DOWNSTREAM = [2, 2, 4, 4, 5, 6, 7, 8, -1, -1]
REACHES = len(DOWNSTREAM)
EVERYTHING: dict[str, Any] = {
    "lakes": True,
    "leakance": {},
    "diversions": True,
    "observations": True,
}


def process(**options: Any) -> MuskingumCunge:
    """Return the physics on the small tree."""
    tree = Tree(list("abcdefghij"), DOWNSTREAM)
    placed = MuskingumCunge(options).on(tree)
    assert isinstance(placed, MuskingumCunge)
    return placed


def channels(seed: int = 0, reaches: int = REACHES) -> dict[str, np.ndarray]:
    """Return parameters of reaches and lakes, no matter which are used."""
    rng = np.random.default_rng(seed)

    def between(low: float, high: float) -> np.ndarray:
        return np.exp(rng.uniform(np.log(low), np.log(high), reaches))

    lake = np.zeros(reaches)
    lake[[3, 5, 6, 8, 9]] = [2.0, 3.0, 1.0, 1.0, 1.0]
    orifice = rng.uniform(100.0, 200.0, reaches)
    weir = orifice + between(0.1, 3.0)
    weir[9] += 100.0
    # The ground takes all that flows in one of them.
    correction, table = rng.uniform(-2.0, 0.0, reaches), between(0.1, 10.0)
    correction[1], table[1] = 0.9, 100.0
    return {
        "manning": between(0.02, 0.1), "width_exponent": rng.uniform(0.2, 0.9, reaches),
        "width_coefficient": between(5.0, 50.0), "length": between(1e3, 2e4),
        "slope": between(1e-3, 1e-2),
        "sand": rng.uniform(20.0, 80.0, reaches),
        "clay": rng.uniform(5.0, 20.0, reaches),
        "conductivity_correction": correction, "water_table_depth": table,
        "leakance_gate": rng.uniform(0.0, 1.0, reaches),
        "lake": lake, "lake_area": between(1e-3, 10.0),
        "orifice_elevation": orifice, "orifice_area": between(0.1, 5.0),
        "orifice_coefficient": np.full(reaches, 0.6),
        "weir_elevation": weir, "weir_length": between(3.0, 30.0),
        "weir_coefficient": np.full(reaches, 0.4),
        "dam_elevation": weir + between(0.1, 1.0), "dam_length": between(1.0, 10.0),
        "residence_time": between(1e4, 1e6),
    }  # fmt: skip


def weather(steps: int, seed: int = 0, reaches: int = REACHES) -> dict[str, np.ndarray]:
    """Return forcings of some hours, with a flood."""
    rng = np.random.default_rng(seed + 1)
    shape = (steps, reaches)
    flood = 20.0 * np.exp(-(((np.arange(steps) - steps / 3) / 4) ** 2))[:, None]
    weight = np.where(rng.random(shape) < 0.1, rng.uniform(0.2, 1.0, shape), 0.0)
    return {
        "lateral_inflow": rng.uniform(0.0, 2.0, shape) + flood * rng.random(shape),
        "diversion": np.where(rng.random(shape) < 0.3, rng.uniform(0, 5.0, shape), 0.0),
        "observed_discharge": rng.uniform(0.1, 20.0, shape),
        "observation_weight": weight,
    }


def beginning(
    parameters: dict[str, np.ndarray], seed: int = 0, lakes: bool = True
) -> dict[str, np.ndarray]:
    """Return a state before the first step."""
    rng = np.random.default_rng(seed + 2)
    flow = rng.uniform(0.5, 10.0, REACHES)
    above = np.zeros(REACHES)
    for i, down in enumerate(DOWNSTREAM):
        if down >= 0:
            above[down] += flow[i]
    state = {"discharge": flow, "inflow_before": above, "volume": np.zeros(REACHES)}
    if lakes:
        full = rng.uniform(0.0, 2.0, REACHES) * parameters["lake_area"] * 1e6
        state["lake_storage"] = np.where(
            np.isin(parameters["lake"], (1.0, 2.0)), full, 0.0
        )
    return state


def tensors(values: dict[str, np.ndarray], dtype: torch.dtype = torch.float64
            ) -> dict[str, Tensor]:  # fmt: skip
    """Return arrays of (…, reach) as tensors."""
    return {name: torch.from_numpy(x).to(dtype) for name, x in values.items()}


def run(
    physics: MuskingumCunge,
    state: dict[str, np.ndarray] | dict[str, Tensor],
    forcing: dict[str, np.ndarray],
    parameters: dict[str, np.ndarray],
    dtype: torch.dtype = torch.float64,
    dt: float = HOUR,
    **arguments: Any,
) -> ScanResult:
    """Run the physics, of what is given taking what it declares."""
    groups = [
        {v.name: torch.as_tensor(values[v.name], dtype=dtype) for v in declared
         if v.name in values}
        for declared, values in (
            (physics.states, state), (physics.forcings, forcing),
            (physics.parameters, parameters),
        )
    ]  # fmt: skip
    groups[0] = {n: x.reshape(-1, 1) for n, x in groups[0].items()}
    groups[2] = {n: x.reshape(-1, 1) for n, x in groups[2].items()}
    return scan(physics, *groups, dt=dt, **arguments)
