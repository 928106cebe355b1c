"""Boxes and channels of water on which the theory is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmi_dmx.models.ocean.primitive_equations import PrimitiveEquations
from bmi_dmx.scan import ScanResult, scan
from bmi_dmx.space import Grid

GRAVITY, DENSITY = 9.81, 1026.0

STILL = {
    "viscosity": 0.0, "diffusivity": 0.0, "vertical_viscosity": 0.0,
    "vertical_diffusivity": 0.0, "convection": 0.0, "drag": 0.0,
}  # fmt: skip
"""Water without friction and mixing."""


def box(
    rows: int,
    columns: int,
    spacing: float,
    depth: float,
    *,
    levels: int = 1,
    **keys: Any,
) -> Grid:
    """Return cells that are all alike, on a plane whose y is 0 in the middle."""
    edges = -np.linspace(0.0, depth, levels + 1)
    return Grid.uniform(
        (rows, columns), (spacing, spacing), (-0.5 * rows * spacing, 0.0),
        z_edges=edges, **keys,
    )  # fmt: skip


def tensor(x: Any) -> Tensor:
    return torch.from_numpy(np.array(x, np.float64))


def field(
    grid: Grid, x: Any, at: Any = "cell", axes: tuple[str, ...] = ("level",)
) -> Tensor:
    """Return numbers as a field of a grid."""
    return tensor(np.broadcast_to(x, grid.field(at, axes)))


def flow(
    grid: Grid,
    options: Mapping[str, Any],
    state: Mapping[str, Tensor],
    *,
    dt: float,
    steps: int,
    parameters: Mapping[str, Any] | None = None,
    forcing: Mapping[str, Tensor] | None = None,
    outputs: Sequence[str] = (),
    gradient: bool = False,
) -> ScanResult:
    """Run water for some steps; forcings are fields that do not change."""
    process = PrimitiveEquations({"internal": 0.0, "damping": 0.0, **options}).on(grid)
    series = {n: x.expand(steps, *x.shape) for n, x in (forcing or {}).items()}
    if "elevation" not in state:
        state = {**state, "elevation": field(grid, 0.0, axes=())}
    with torch.set_grad_enabled(gradient):
        return scan(
            process, state, series, {**STILL, **(parameters or {})}, dt=dt,
            steps=steps, outputs=list(outputs),
        )  # fmt: skip


def period_of(series: Any, dt: float) -> float:
    """Return the period of an oscillation by where it goes through 0, in dt's unit."""
    series = np.asarray(series)
    k = np.flatnonzero(np.sign(series[1:]) != np.sign(series[:-1]))
    at = k + series[k] / (series[k] - series[k + 1])
    return float(2.0 * dt * (at[-1] - at[0]) / (len(at) - 1))
