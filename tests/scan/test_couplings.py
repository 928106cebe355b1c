"""Places that see each other: trees upstream first, and whole fields."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bmi_dmx.errors import ScanError
from bmi_dmx.process import Process, Stencil, Upstream
from bmi_dmx.scan import scan
from bmi_dmx.space import Grid, Points, Ring, Tree
from bmi_dmx.variables import Flux, Forcing, Parameter, State


class Reach(Process):
    """A linear store that also receives what leaves those upstream."""

    time = "h"
    coupling = Upstream({"inflow": "outflow"})
    forcings = (
        Forcing(name="lateral", per_step="rate"),
        Forcing(name="inflow", per_step="rate", source="upstream"),
    )
    states = (State(name="store"),)
    parameters = (Parameter(name="k", per_step="fraction", bounds=(0.01, 0.9)),)
    fluxes = (Flux(name="outflow", per_step="rate"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        filled = s.store + f.lateral + f.inflow
        return {"store": filled - p.k * filled}, {"outflow": p.k * filled}


# 3 and 1 meet in 0, which joins 4 in 2.
TREE = Tree(ids=["a", "b", "c", "d", "e"], downstream=[2, 0, -1, 0, 2])
LATERAL = torch.rand(6, 5, dtype=torch.float64)
K = torch.linspace(0.1, 0.5, 10, dtype=torch.float64).reshape(5, 2)


def by_hand(lateral: Tensor, k: Tensor, dt: float) -> Tensor:
    share = 1.0 - (1.0 - k) ** dt
    stores, series = [torch.zeros_like(k[0])] * 5, []
    for row in lateral:
        out: dict[int, Tensor] = {}
        for place, upstream in ((1, ()), (3, ()), (4, ()), (0, (1, 3)), (2, (0, 4))):
            arriving = sum(out[i] for i in upstream)
            filled = stores[place] + row[place] * dt + arriving
            out[place] = share[place] * filled
            stores[place] = filled - out[place]
        series.append(torch.stack([out[i] / dt for i in range(5)]))
    return torch.stack(series)


@pytest.mark.parametrize("dt", [1.0, 0.5])
def test_what_leaves_upstream_arrives_in_the_same_step(dt: float) -> None:
    run = scan(Reach().on(TREE), None, {"lateral": LATERAL}, {"k": K}, dt=dt)
    torch.testing.assert_close(run.outputs["outflow"], by_hand(LATERAL, K, dt))


def test_what_is_given_from_outside_the_tree_is_added() -> None:
    inside = scan(Reach().on(TREE), None, {"lateral": LATERAL}, {"k": K})
    forcing = {"lateral": 0.25 * LATERAL, "inflow": 0.75 * LATERAL}
    outside = scan(Reach().on(TREE), None, forcing, {"k": K})
    torch.testing.assert_close(outside.outputs, inside.outputs)


def test_gradients_flow_upstream() -> None:
    def outflow(lateral: Tensor, k: Tensor) -> Tensor:
        result = scan(Reach().on(TREE), None, {"lateral": lateral}, {"k": k})
        return result.outputs["outflow"]

    inputs = (LATERAL.clone().requires_grad_(), K.clone().requires_grad_())
    assert torch.autograd.gradcheck(outflow, inputs)


@pytest.mark.parametrize(
    ("process", "places", "message"),
    [
        (Reach(), 5, "Reach: places that see each other upstream need a Tree"),
        (Reach().on(Points(list("abcde"))), 5, "upstream need a Tree"),
        (Reach().on(TREE), 4, "'lateral' has 4 places, its space has 5"),
    ],
)
def test_a_tree_is_needed(process: Process, places: int, message: str) -> None:
    with pytest.raises(ScanError, match=message):
        scan(process, None, {"lateral": LATERAL[:, :places]}, {"k": 0.5})


class Advected(Process):
    """A field carried along by a wind, with sources and a loss by place."""

    time = "s"
    coupling = Stencil()
    forcings = (Forcing(name="source", per_step="rate"),)
    states = (State(name="x"), State(name="older", size=2))
    parameters = (
        Parameter(name="wind", per_step="rate"),
        Parameter(name="loss", per_step="fraction"),
    )
    fluxes = (Flux(name="lost", per_step="rate"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        moved = s.x - p.wind * (s.x - torch.roll(s.x, 1, -1)) + f.source
        loss = p.loss * moved
        return {"x": moved - loss + 0.1 * s.older[1], "older": (s.x, s.older[0])}, {
            "lost": loss
        }


def advected(
    space: Any, batch: tuple[int, ...], steps: int
) -> tuple[Process, dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    process = Advected().on(space)
    field = space.shape(process.states[0])

    def some(*shape: int) -> Tensor:
        return torch.rand(shape, dtype=torch.float64).mul(0.5).requires_grad_()

    return (
        process,
        {"x": some(*batch, *field), "older": some(2, *batch, *field)},
        {"source": some(steps, *batch, *field)},
        {"wind": some(), "loss": some(*field)},
    )


@pytest.mark.parametrize("backend", ["auto", "tensors", "reference"])
@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
@pytest.mark.parametrize(
    "space", [Ring(8), Grid([0.0, 1.0, 2.0], [0.0, 1.0, 2.0])], ids=["ring", "grid"]
)
def test_fields_may_stand_in_batches(
    space: Any, batch: tuple[int, ...], backend: str
) -> None:
    process, state, forcing, parameters = advected(space, batch, 5)
    run = scan(process, state, forcing, parameters, dt=0.5, backend=backend)
    x, older = state["x"], list(state["older"])
    share = 1.0 - (1.0 - parameters["loss"]) ** 0.5
    for k, source in enumerate(forcing["source"]):
        moved = x - 0.5 * parameters["wind"] * (x - x.roll(1, -1)) + 0.5 * source
        loss = share * moved
        x, older = moved - loss + 0.1 * older[1], [x, older[0]]
        torch.testing.assert_close(run.outputs["lost"][k], loss / 0.5)
    torch.testing.assert_close(run.state["x"], x)
    torch.testing.assert_close(run.state["older"], torch.stack(older))


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (10, 0), (17, 4)])
def test_segments_give_the_gradients_of_the_loop(steps: int, warmup: int) -> None:
    process, *arguments = advected(Ring(5), (2,), steps)
    leaves = [x for group in arguments for x in group.values()]
    runs = []
    for backend in ("tensors", "reference"):
        result = scan(process, *arguments, warmup=warmup, outputs=["lost", "x"],
                      backend=backend)  # fmt: skip
        numbers = [*result.outputs.values(), *result.state.values()]
        loss = sum(
            (x * torch.arange(x.numel()).reshape(x.shape)).sum() for x in numbers
        )
        gradients = torch.autograd.grad(loss, leaves, materialize_grads=True,
                                        allow_unused=True)  # fmt: skip
        runs.append([*numbers, *gradients])
    for ours, theirs in zip(*runs, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-14, atol=1e-14)


def test_memory_of_segments_grows_with_the_root_of_the_steps() -> None:
    def kept(backend: str, steps: int) -> int:
        process, *arguments = advected(Ring(64), (), steps)
        saved: dict[int, int] = {}

        def keep(x: Tensor) -> Tensor:
            saved[x.data_ptr()] = x.numel()
            return x

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            scan(process, *arguments, backend=backend)
        return sum(saved.values()) - steps * 64

    assert kept("tensors", 400) < 0.2 * kept("reference", 400)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(7).double()}, r"state 'x' has shape \(7,\); expected \("),
        ({"x": torch.zeros(3, 8).double()}, r"state 'x' has batch \(3,\), forcing 'so"),
    ],
)
def test_fields_are_checked(change: dict[str, Tensor], message: str) -> None:
    process, state, forcing, parameters = advected(Ring(8), (2,), 4)
    with pytest.raises(ScanError, match=message):
        scan(process, {**state, **change}, forcing, parameters)
    with pytest.raises(ScanError, match="average: whole fields have no members"):
        scan(process, state, forcing, parameters, average=True)
    with pytest.raises(ScanError, match=r"it runs in a space; give it one by on"):
        scan(Advected(), state, forcing, parameters)


def test_what_is_not_finite_in_a_field_is_found() -> None:
    process, state, forcing, parameters = advected(Ring(8), (2,), 4)
    source = forcing["source"].detach().clone()
    source[2, 1, 5] = float("inf")
    with pytest.raises(ScanError, match="not finite at time 2, axis 0 1, axis 1 5"):
        scan(process, state, {"source": source}, parameters)


def test_fields_start_as_declared() -> None:
    process, _, forcing, parameters = advected(Ring(8), (2,), 4)
    run = scan(process, None, forcing, parameters)
    assert run.state["older"].shape == (2, 2, 8)
