"""Gradients against differences, and compiled kernels against the readable loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.models.ecosystem import diffusion
from bmi_dmx.models.ecosystem.leaf import Leaf
from bmi_dmx.models.root import Function, falling_root
from bmi_dmx.scan import scan

from .leaves import exchange, given, leaf, tensors, weather
from .test_leaf import VARIANTS, named

STEPS, PLACES = 3, 4
Inputs = dict[str, Tensor]


def problem(process: Leaf) -> Inputs:
    """Return states, forcings and parameters of some leaves in some weather."""
    rng = np.random.default_rng(1)
    air = weather(1, STEPS * PLACES)
    # In the dark and in calm air there are corners.
    air["photon_flux"] += 200.0
    air["wind_speed"] += 0.2
    air["specific_humidity"] = np.full(STEPS * PLACES, 0.004)
    inputs = given(process)
    return tensors(
        {s.name: rng.uniform(0.02, 0.3, (PLACES, 1)) for s in process.states}
        | {f.name: air[f.name].reshape(STEPS, PLACES) for f in process.forcings}
        | {
            p.name: inputs[p.name] * rng.uniform(0.8, 1.2, (PLACES, 1))
            for p in process.parameters
        }
    )


def outputs(process: Leaf, inputs: Inputs, backend: str) -> list[Tensor]:
    """Return everything a scan gives."""
    groups = (process.states, process.forcings, process.parameters)
    arguments = [{v.name: inputs[v.name] for v in group} for group in groups]
    run = scan(process, *arguments, dt=120.0, backend=backend)
    return [*run.outputs.values(), *run.state.values()]


def summed(process: Leaf, inputs: Inputs, backend: str) -> Callable[[Inputs], Tensor]:
    """Return a function that sums the outputs up, each by its size at the inputs."""
    sizes = [x.abs().mean() for x in outputs(process, inputs, backend)]

    def function(at: Inputs) -> Tensor:
        fluxes = outputs(process, at, backend)
        parts = [(x / size).sum() for x, size in zip(fluxes, sizes, strict=True)]
        return torch.stack(parts).sum()

    return function


def slopes(process: Leaf, inputs: Inputs, backend: str) -> dict[str, float]:
    """Return how the sum grows with the relative size of each input, by autograd."""
    function = summed(process, inputs, backend)
    leaves = {n: x.clone().requires_grad_() for n, x in inputs.items()}
    gradients = torch.autograd.grad(function(leaves), list(leaves.values()))
    return {
        n: float((x * g).sum())
        for (n, x), g in zip(inputs.items(), gradients, strict=True)
    }


def differences(process: Leaf, inputs: Inputs, h: float = 2e-4) -> dict[str, float]:
    """Return the same by differences of the fourth order."""
    function = summed(process, inputs, "reference")

    def quotient(name: str) -> float:
        def at(share: float) -> float:
            return float(function(inputs | {name: inputs[name] * (1.0 + share)}))

        return (8.0 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12.0 * h)

    return {name: quotient(name) for name in inputs}


@pytest.mark.parametrize("options", [*VARIANTS, {"dynamic": True}], ids=named)
def test_gradients_are_those_of_differences(options: dict[str, Any]) -> None:
    process = leaf(**options)
    inputs = problem(process)
    expected = differences(process, inputs)
    gradients = slopes(process, inputs, "reference")
    size = max(map(abs, expected.values()))
    for name, slope in expected.items():
        assert gradients[name] == pytest.approx(slope, rel=1e-7, abs=1e-9 * size), name


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"dynamic": True},
        {"pathway": "c4", "stomata": "ball_berry", "colimitation": "minimum"},
        {"temperature": "acclimated", "phosphate": True, "humidity": "specific"},
    ],
    ids=named,
)
def test_kernels_equal_the_readable_loop(options: dict[str, Any]) -> None:
    process = leaf(**options)
    inputs = problem(process)
    both = [outputs(process, inputs, backend) for backend in ("cells", "reference")]
    for fast, readable in zip(*both, strict=True):
        assert torch.allclose(fast, readable, rtol=1e-12, atol=0.0)
    fast, readable = (slopes(process, inputs, b) for b in ("cells", "reference"))
    for name, slope in readable.items():
        assert fast[name] == pytest.approx(slope, rel=1e-9, abs=1e-12), name


def test_a_root_has_the_derivative_of_the_implicit_function() -> None:
    theta = torch.tensor([0.5, 2.0, 30.0], dtype=torch.float64, requires_grad=True)

    def function(x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.exp(-x) - theta * x, -torch.exp(-x) - theta

    root = falling_root(function, torch.full_like(theta, 1e-6), 1.0 / theta.detach())
    assert function(root)[0].abs().max() < 1e-15
    (slope,) = torch.autograd.grad(root.sum(), theta)
    expected = -root / (torch.exp(-root) + theta)
    assert torch.allclose(slope, expected, rtol=1e-14)


def test_a_root_is_found_where_tangents_lead_to_and_fro() -> None:
    """Steep between two gentle slopes: Newton's method alone would never arrive."""
    middle = torch.linspace(0.5, 9.5, 91, dtype=torch.float64)

    def function(x: Tensor) -> tuple[Tensor, Tensor]:
        height = torch.tanh(2.0 * (x - middle))
        return -height - 0.2 * (x - middle), 2.0 * (height**2 - 1.0) - 0.2

    ends = torch.zeros_like(middle), torch.full_like(middle, 10.0)
    assert (falling_root(function, *ends) - middle).abs().max() < 1e-9


@pytest.mark.parametrize("options", VARIANTS, ids=named)
def test_slopes_are_those_of_what_they_stand_beside(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Search for nothing, but compare slopes all over the interval with autograd."""

    def compare(function: Function, low: Tensor, high: Tensor) -> Tensor:
        for share in torch.linspace(0.02, 0.98, 25):
            x = (low + share * (high - low)).requires_grad_()
            value, slope = function(x)
            (expected,) = torch.autograd.grad(value.sum(), x)
            assert torch.allclose(slope, expected, rtol=1e-10)
        return high

    monkeypatch.setattr(diffusion, "falling_root", compare)
    exchange(leaf(**options), **weather(2, 50))
