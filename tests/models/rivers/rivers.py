"""Rivers to test with, in which every limit is reached somewhere."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.models.rivers.start import received
from bmi_dmx.scan import ScanResult, scan
from bmi_dmx.space import Tree

from .independent import LEAST, River


def ids(reaches: int) -> list[str]:
    return [f"r{i}" for i in range(reaches)]


def tree_of(river: River) -> Tree:
    return Tree(ids(len(river.down)), list(river.down))


def drawn(seed: int = 0, reaches: int = 24, steps: int = 40) -> River:
    """Return a forest of reaches that are wide, flat, narrow, steep, short and long."""
    rng = np.random.default_rng(seed)
    down = [-1] + [
        int(rng.integers(-1 if i % 11 == 10 else 0, i)) for i in range(1, reaches)
    ]
    slope = 10.0 ** rng.uniform(-3.0, -1.5, reaches)
    length = 10.0 ** rng.uniform(2.0, 4.3, reaches)
    n, q = rng.uniform(0.02, 0.2, reaches), rng.uniform(0.05, 0.95, reaches)
    p = 10.0 ** rng.uniform(0.3, 2.2, reaches)
    lateral = 10.0 ** rng.uniform(-3.0, 1.0, reaches) * rng.gamma(
        0.3, 3.0, (steps, reaches)
    )
    lateral[rng.random((steps, reaches)) < 0.2] = 0.0
    # Flat and wide: shallow, slow, and with sides that are flat.
    q[1::8], p[1::8], slope[1::8], lateral[:, 1::8] = (
        0.98,
        180.0,
        0.0,
        1e-3 * lateral[:, 1::8],
    )
    n[1::8] = 0.24
    # Deep, narrow and steep: sides meet at the bottom, and water is as fast as it gets.
    q[2::8], p[2::8], slope[2::8], n[2::8] = 0.01, 1.5, 5.0, 0.015
    lateral[:, 2::8] *= 100.0
    # Short and flat: all that waves do is to diffuse.
    length[3::8], slope[3::8] = 20.0, 1e-4
    lateral[:, 3::8] *= 30.0
    # A reach that a wave does not pass within a step: a sudden rise is below zero.
    length[4::8], slope[4::8] = 50000.0, 2e-3
    # Reaches in no order.
    at = rng.permutation(reaches)
    place = np.argsort(at)
    return River(
        down=[-1 if down[i] < 0 else int(place[down[i]]) for i in at],
        n=n[at], q=q[at], p=p[at], length=length[at], slope=slope[at],
        musk_x=rng.uniform(0.0, 0.5, reaches), lateral=lateral[:, at],
    )  # fmt: skip


def parameters(river: River, kind: torch.dtype = torch.float64) -> dict[str, Tensor]:
    """Return the parameters of a river, (reach, 1)."""
    values = {
        "manning": river.n, "width_exponent": river.q, "width_coefficient": river.p,
        "length": river.length, "slope": river.slope, "musk_x": river.musk_x,
    }  # fmt: skip
    return {name: torch.from_numpy(x)[:, None].to(kind) for name, x in values.items()}


def channels(river: River) -> dict[str, Tensor]:
    """Return trapezoids with flood plains that some flows reach, (reach, 1)."""
    rng = np.random.default_rng(5)
    size = river.lateral.mean(axis=0) + 0.01
    bottom = 2.0 * size**0.4 * rng.uniform(0.5, 2.0, len(size))
    top = bottom * rng.uniform(1.2, 3.0, len(size))
    values = {
        "manning": river.n, "floodplain_manning": 2.0 * river.n, "bottom_width": bottom,
        "top_width": top, "floodplain_width": 6.0 * bottom,
        "side_slope": rng.uniform(0.5, 5.0, len(size)),
        "length": np.maximum(river.length, 300.0), "slope": river.slope,
    }  # fmt: skip
    return {name: torch.from_numpy(x)[:, None] for name, x in values.items()}


def beginning(river: River, start: Tensor) -> dict[str, Tensor]:
    """Return the state of a solution, (reach, member); nothing is said of volumes."""
    flow = torch.clamp(start, min=LEAST)
    return {"discharge": flow, "inflow_before": received(tree_of(river), flow)}


def routed(
    process: MuskingumCunge,
    river: River,
    start: np.ndarray,
    kind: torch.dtype = torch.float64,
    outputs: tuple[str, ...] = ("discharge",),
) -> ScanResult:
    """Run a river from a solution, by the readable loop."""
    names = {p.name for p in process.parameters}
    return scan(
        process.on(tree_of(river)),
        beginning(river, torch.from_numpy(start)[:, None].to(kind)),
        {"lateral_inflow": torch.from_numpy(river.lateral).to(kind)},
        {name: x for name, x in parameters(river, kind).items() if name in names},
        dt=river.dt, outputs=outputs, backend="reference",
    )  # fmt: skip
