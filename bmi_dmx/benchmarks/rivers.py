"""The river that routing is measured on: made-up, and any number of reaches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..kernels.schedule import schedule
from ..models.rivers.muskingum_cunge import MuskingumCunge
from ..models.rivers.start import hot_start
from ..scan import scan
from ..space import Tree

__all__ = ["DT", "LEARNED", "Flow", "made_tree", "write_table"]

DT = 3600.0  # s
LEARNED = ("manning", "width_exponent", "width_coefficient")
"""Parameters whose gradient is asked for."""

Array = np.ndarray[Any, np.dtype[Any]]


def made_tree(reaches: int, shape: str = "bushy") -> Tree:
    """Return a tree; the same one each time.

    Parameters
    ----------
    reaches : int
        How many there are.
    shape : {"bushy", "chain"}
        One of all trees whose reaches meet two by two, each as likely, which have the
        numbers of streams of every order that rivers have (Shreve 1966, J. Geol. 74,
        doi:10.1086/627137); or one reach after the other.
    """
    chain = shape == "chain"
    below = list(range(-1, reaches - 1)) if chain else _bushy(reaches)
    # Files have reaches in no order.
    random = np.random.default_rng(1)
    at = random.permutation(reaches)
    moved = np.full(reaches, -1)
    moved[at] = [-1 if to < 0 else int(at[to]) for to in below]
    return Tree([f"r{k}" for k in range(reaches)], moved)


def _bushy(reaches: int) -> list[int]:
    """Return who is below whom, grown reach by reach (Rémy 1985).

    On any reach, the last included, a new confluence is put, and on it a new source.
    """
    random = np.random.default_rng(0)
    below = [-1]
    while len(below) + 1 < reaches:
        at, new = int(random.integers(len(below))), len(below)
        below += [below[at], new]
        below[at] = new
    if len(below) < reaches:
        # Of an even number the last has one reach above it alone.
        below = [to + 1 if to >= 0 else 0 for to in below]
        below = [-1, *below]
    return below


@dataclass(frozen=True)
class Flow:
    """A flood on a river, in float32.

    Parameters
    ----------
    process : MuskingumCunge
        On its tree.
    lateral : Tensor
        (step, reach), m3 s-1.
    state, parameters : dict of str to Tensor
        Where it starts, and its channels, (reach, 1); the gradient of those learned is
        asked for.
    """

    process: MuskingumCunge
    lateral: Tensor
    state: dict[str, Tensor]
    parameters: dict[str, Tensor]

    @classmethod
    def of(
        cls,
        reaches: int,
        steps: int,
        *,
        shape: str = "bushy",
        celerity: str = "corrected",
        side_by_side: bool = False,
    ) -> Flow:
        """Return a flood of a size; the same numbers each time.

        ``side_by_side`` tells that the steps of a reach stand so in memory, and not the
        reaches of a step.
        """
        tree = _tree(reaches, shape)
        random = torch.Generator().manual_seed(0)
        far = torch.from_numpy(tree.accumulate(np.ones(reaches, np.float32)))

        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(reaches, 1, generator=random)

        parameters = {
            "manning": uniform(0.02, 0.1),
            "width_exponent": uniform(0.1, 0.9),
            "width_coefficient": 10.0 ** uniform(0.7, 1.7),
            "length": 10.0 ** uniform(2.9, 3.8),
            "slope": 0.02 * far[:, None] ** -0.4 * 10.0 ** uniform(-0.3, 0.3),
        }
        hour = torch.arange(steps)[:, None]
        rise = torch.exp(-(((hour - 0.3 * steps) / 12.0) ** 2))
        lateral = (0.02 + rise) * torch.rand(1, reaches, generator=random)
        if side_by_side:
            lateral = lateral.t().contiguous().t()
        process = MuskingumCunge({"celerity": celerity}).on(tree)
        assert isinstance(process, MuskingumCunge)
        state = hot_start(process, lateral[0], parameters, dt=DT)
        for name in LEARNED:
            parameters[name].requires_grad_()
        return cls(process, lateral, state, parameters)

    @property
    def tree(self) -> Tree:
        """The reaches."""
        space = self.process.space
        assert isinstance(space, Tree)
        return space

    @property
    def reach_steps(self) -> int:
        """Number of times a reach is stepped."""
        return self.lateral.numel()

    @property
    def learned(self) -> list[Tensor]:
        """What the gradient is asked for of."""
        return [self.parameters[name] for name in LEARNED]

    def sizes(self) -> dict[str, str | int | float | None]:
        """Return what a record tells about the river."""
        tree = self.tree
        slots = schedule(tree.downstream).slots
        return {
            "process": self.process.name,
            "celerity": self.process.options.celerity,
            "reaches": len(tree),
            "steps": len(self.lateral),
            "levels": len(tree.levels),
            "order": int(tree.strahler.max()),
            "padding": slots / len(tree),
            "dtype": "float32",
            "threads": torch.get_num_threads(),
        }

    def run(self, backend: str = "tree") -> Tensor:
        """Return the discharge, (step, reach, 1)."""
        series = scan(
            self.process, self.state, {"lateral_inflow": self.lateral}, self.parameters,
            dt=DT, outputs=["discharge"], backend=backend,
        )  # fmt: skip
        return series.outputs["discharge"]

    def backward(self, discharge: Tensor) -> None:
        """Run the backward pass of the sum of the discharge; keep no gradient."""
        torch.autograd.grad(discharge.sum(), self.learned)

    def by_levels(self) -> Array:
        """Return the discharge by a plain loop of NumPy, (step, reach).

        Coefficients of all reaches at once, then the reaches of one level after those
        of another, at every step.
        """
        parameters = {n: x.detach().numpy()[:, 0] for n, x in self.parameters.items()}
        least, dt = self.process.options.floors.discharge, np.float32(DT)
        below, levels = self.tree.downstream, self.tree.levels
        inner = [level[below[level] >= 0] for level in levels]
        flow = self.state["discharge"].numpy()[:, 0]
        discharge = np.empty(self.lateral.shape, np.float32)
        legacy = self.process.options.celerity == "legacy"
        for t, lateral in enumerate(self.lateral.numpy()):
            travel, x = _muskingum(flow, legacy=legacy, **parameters)
            whole = 2.0 * travel * (1.0 - x) + dt
            before = np.zeros_like(flow)
            np.add.at(before, below[below >= 0], flow[below >= 0])
            new = (dt + 2.0 * travel * x) * before + (whole - 2.0 * dt) * flow
            new = (new + 2.0 * dt * np.maximum(lateral, least)) / whole
            first = (dt - 2.0 * travel * x) / whole
            arriving = np.zeros_like(flow)
            for level, flowing in zip(levels, inner, strict=True):
                new[level] += first[level] * arriving[level]
                np.add.at(arriving, below[flowing], new[flowing])
            flow = discharge[t] = np.maximum(new, least)
        return discharge


@lru_cache(maxsize=2)
def _tree(reaches: int, shape: str) -> Tree:
    return made_tree(reaches, shape)


def _muskingum(
    flow: Array,
    *,
    manning: Array,
    width_exponent: Array,
    width_coefficient: Array,
    length: Array,
    slope: Array,
    legacy: bool,
) -> tuple[Array, Array]:
    """Return travel times and weights of the inflow."""
    slope = np.maximum(slope, 1e-3)
    root, q = np.sqrt(slope), width_exponent + 1e-6
    base = flow * manning * (q + 1.0) / (width_coefficient * root + 1e-8)
    depth = np.maximum(base ** (3.0 / (5.0 + 3.0 * q)), 0.01)
    top = width_coefficient * depth**q
    side = np.clip(0.5 * top * q / depth, 0.5, 50.0)
    bottom = np.maximum(top - 2.0 * side * depth, 0.01)
    slant = np.sqrt(1.0 + side * side)
    area, wetted = 0.5 * (top + bottom) * depth, bottom + 2.0 * depth * slant
    speed = np.clip((area / wetted) ** (2.0 / 3.0) * root / manning, 0.01, 15.0)
    exponent = 5.0 / 3.0 - 4.0 / 3.0 * area * slant / (top * wetted)
    celerity = speed * (5.0 / 3.0 if legacy else exponent)
    diffusion = 1.0 - flow / (top * slope * celerity * length)
    return length / celerity, np.clip(0.5 * diffusion, 0.0, 0.5)


def write_table(path: Path, flow: Flow) -> Path:
    """Write a river as a table of text, a row for every reach; return its path."""
    tree = flow.tree
    names = ["", *tree.ids]
    columns = [flow.parameters[n][:, 0].tolist() for n in ("length", "slope")]
    rows = ["reach_id,down_id,length,slope"]
    for k, to in enumerate(tree.downstream.tolist()):
        numbers = ",".join(f"{column[k]:.7g}" for column in columns)
        rows.append(f"{tree.ids[k]},{names[to + 1]},{numbers}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
