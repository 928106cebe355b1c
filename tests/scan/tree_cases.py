"""Random trees, and physics of places that see those upstream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from bmi_dmx.process import Process, Upstream
from bmi_dmx.scan import scan
from bmi_dmx.scan.engine import ScanResult
from bmi_dmx.space import Tree
from bmi_dmx.variables import Flux, Forcing, Parameter, State

__all__ = ["Case", "Queue", "Valve", "Wave", "case_of", "downstreams", "tree_of"]


class Wave(Process):
    """What is passed on are a flux, for two forcings, and a state.

    Of its states one is passed on, one repeats a forcing, and on one nothing depends.
    """

    time = "h"
    coupling = Upstream({"inflow": "outflow", "before": "level", "again": "outflow"})
    forcings = (
        Forcing(name="lateral", per_step="rate"),
        Forcing(name="inflow", source="upstream"),
        Forcing(name="before", source="upstream"),
        Forcing(name="again", source="upstream"),
    )
    states = (State(name="level"), State(name="seen"), State(name="total"))
    parameters = (Parameter(name="k"), Parameter(name="shape", per="place"))
    fluxes = (Flux(name="outflow"), Flux(name="other", per_step="rate"))

    def step(self, s: Any, f: Any, p: Any) -> Any:
        share = torch.where(p.k > 0.4, torch.exp(-p.k), 0.5 * torch.exp(p.k))
        steep = torch.tanh(p.shape * s.level)
        x = share * s.level + f.lateral + 0.2 * f.inflow + 0.1 * s.seen
        x = x + 0.05 * f.again * steep
        outflow = x * (1.0 - 0.2 * p.shape)
        state = {
            "level": torch.clamp(x, min=0.2), "seen": f.before,
            "total": s.total + f.lateral - outflow,
        }  # fmt: skip
        return state, {"outflow": outflow, "other": 0.5 * x + steep}


class Queue(Process):
    """None of its states is what was passed on; one has several entries."""

    coupling = Upstream({"inflow": "outflow"})
    forcings = (Forcing(name="lateral"), Forcing(name="inflow", source="upstream"))
    states = (State(name="store"), State(name="waiting", size=2))
    parameters = (Parameter(name="k"), Parameter(name="weight", size=2))
    fluxes = (Flux(name="outflow"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        first, second = s.waiting
        filled = s.store + first + p.weight[0] * f.inflow
        outflow = p.k * filled / (1.0 + 0.1 * torch.sqrt(filled))
        waiting = (second + f.lateral, p.weight[1] * f.inflow)
        return {"store": filled - outflow, "waiting": waiting}, {"outflow": outflow}


class Valve(Process):
    """Has a parameter that may be NaN, and divides by what comes from upstream."""

    coupling = Upstream({"inflow": "outflow"})
    forcings = (Forcing(name="lateral"), Forcing(name="inflow", source="upstream"))
    states = (State(name="store"),)
    parameters = (Parameter(name="least", optional=True),)
    fluxes = (Flux(name="outflow"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        least = torch.where(p.least == p.least, p.least, 0.1)
        filled = 0.5 * s.store + f.lateral
        share = torch.where(f.lateral > 0.0, 0.5, f.lateral / f.inflow)
        return {"store": filled - share * filled}, {"outflow": least + share * filled}


def tree_of(downstream: list[int]) -> Tree:
    return Tree([str(k) for k in range(len(downstream))], downstream)


@st.composite
def downstreams(draw: st.DrawFn, most: int = 40) -> list[int]:
    """Draw who is below each place: single places, chains, stars, forests, any."""
    n = draw(st.integers(1, most))
    kind = draw(st.sampled_from(["chain", "star", "apart", "bushy", "any"]))
    reach = {"chain": 1, "star": n, "apart": 0, "bushy": n, "any": 4}[kind]
    below = [-1]
    for k in range(1, n):
        if kind == "star":
            below.append(0)
        elif kind == "bushy":
            below.append((k - 1) // 2)
        elif kind == "any" and draw(st.integers(0, 9)) == 0:
            below.append(-1)
        else:
            below.append(k - draw(st.integers(1, min(k, reach))) if reach else -1)
    # Places come in any order.
    new = draw(st.permutations(range(n)))
    moved = [0] * n
    for k, to in enumerate(below):
        moved[new[k]] = -1 if to < 0 else new[to]
    return moved


@dataclass
class Case:
    """Arguments of one scan on a tree."""

    process: Process
    state: dict[str, Tensor]
    forcing: dict[str, Tensor]
    parameters: dict[str, Tensor]

    def leaves(self) -> list[Tensor]:
        groups = (self.state, self.forcing, self.parameters)
        return [x for group in groups for x in group.values()]

    def run(self, backend: str = "tree", **options: Any) -> ScanResult:
        return scan(self.process, self.state, self.forcing, self.parameters,
                    backend=backend, **options)  # fmt: skip

    def found(self, backend: str = "tree", **options: Any) -> list[Tensor]:
        """Return all numbers of a run, and the gradients of a sum of them."""
        result = self.run(backend, **options)
        numbers = [*result.outputs.values(), *result.state.values()]
        return [*numbers, *self.gradients(numbers)]

    def gradients(self, numbers: list[Tensor]) -> list[Tensor]:
        """Return the gradients of a sum that tells all numbers apart."""
        shares = (torch.linspace(0.5, 2.0, x.numel(), dtype=x.dtype) for x in numbers)
        parts = zip(shares, numbers, strict=True)
        loss = sum((share.reshape(x.shape) * x).sum() for share, x in parts)
        gradients = torch.autograd.grad(loss, self.leaves(), allow_unused=True,
                                    materialize_grads=True)  # fmt: skip
        return list(gradients)


def case_of(
    process: Process,
    downstream: list[int],
    *,
    steps: int = 40,
    members: int = 1,
    given: bool = False,
    varying: bool = False,
    shared: bool = False,
    side_by_side: bool = False,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
) -> Case:
    """Return random arguments whose gradients are wanted.

    Parameters
    ----------
    given : bool
        Whether what is linked enters from elsewhere as well.
    varying : bool
        Whether the first parameter changes with time.
    shared : bool
        Whether parameters are the same for all members.
    side_by_side : bool
        Whether the steps of a place stand side by side in forcings.
    """
    rng = np.random.default_rng(seed)
    n = len(downstream)

    def some(*shape: int) -> Tensor:
        return torch.from_numpy(rng.uniform(0.1, 0.7, shape)).to(dtype)

    def series() -> Tensor:
        return some(n, steps).t() if side_by_side else some(steps, n)

    forcing = {
        f.name: series().requires_grad_()
        for f in process.forcings
        if given or f.source != "upstream"
    }
    parameters = {}
    for k, p in enumerate(process.parameters):
        lead = (() if p.size == 1 else (p.size,)) + (
            (steps,) if varying and not k else ()
        )
        last = 1 if shared or p.per == "place" else members
        parameters[p.name] = some(*lead, n, last).requires_grad_()
    state = {
        s.name: some(*(() if s.size == 1 else (s.size,)), n, members).requires_grad_()
        for s in process.states
    }
    return Case(process.on(tree_of(downstream)), state, forcing, parameters)
