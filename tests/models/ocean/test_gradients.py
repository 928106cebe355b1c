"""Derivatives are those of the numbers that come out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from .test_conservation import PHYSICS, rough, run, turbulent

STEPS = 10
OPTIONS = {"density": "nonlinear", "advection": "upwind"}


def loss(ran: Any) -> Tensor:
    """Return a number that all of the state has a share in."""
    s = ran.state
    return (
        s["temperature"].square().mean() + s["salinity"].mean()
        + 1e3 * s["u"].square().mean()
        + 1e3 * s["v"].square().mean() + s["elevation"].square().mean()
    )  # fmt: skip


@pytest.mark.parametrize("name", ["viscosity", "vertical_diffusivity", "drag"])
def test_the_gradient_by_a_coefficient_is_that_of_differences(name: str) -> None:
    grid, fraction = rough()
    state = turbulent(grid)

    def value(x: Any) -> Tensor:
        return loss(run(state, grid, fraction, steps=STEPS, parameters={name: x},
                        options=OPTIONS, gradient=True))  # fmt: skip

    x = torch.tensor(PHYSICS[name], dtype=torch.float64, requires_grad=True)
    (along,) = torch.autograd.grad(value(x), x)
    h = 1e-3 * PHYSICS[name]
    with torch.no_grad():
        differences = (value(x + h) - value(x - h)) / (2.0 * h)
    assert float(along) != 0.0
    assert float(along) == pytest.approx(float(differences), rel=1e-6)


def test_the_adjoint_is_the_transpose_of_the_tangent() -> None:
    grid, fraction = rough()
    start = turbulent(grid)
    names = tuple(start)

    def after(*parts: Tensor) -> tuple[Tensor, ...]:
        state = dict(zip(names, parts, strict=True))
        ran = run(state, grid, fraction, steps=2, options=OPTIONS, gradient=True)
        return tuple(ran.state[n] for n in names)

    generator = torch.Generator().manual_seed(0)

    def drawn() -> tuple[Tensor, ...]:
        return tuple(
            torch.randn(x.shape, generator=generator, dtype=x.dtype)
            for x in start.values()
        )

    way, weight = drawn(), drawn()
    inputs = tuple(x.clone().requires_grad_() for x in start.values())
    outputs = after(*inputs)
    # The product with the transpose is linear in what it is given, whose derivative is
    # the product with the tangent.
    pulled = tuple(torch.zeros_like(x, requires_grad=True) for x in outputs)
    back = torch.autograd.grad(outputs, inputs, pulled, create_graph=True)
    forward = torch.autograd.grad(back, pulled, way, retain_graph=True)
    adjoint = torch.autograd.grad(outputs, inputs, weight)
    one = sum(float((a * b).sum()) for a, b in zip(forward, weight, strict=True))
    other = sum(float((a * b).sum()) for a, b in zip(adjoint, way, strict=True))
    assert one == pytest.approx(other, rel=1e-11)


def test_maps_and_profiles_have_gradients_of_their_own() -> None:
    grid, fraction = rough()
    shape = grid.field("cell", ())
    parameters = {
        "viscosity": torch.full((1, *shape), 1e4, dtype=torch.float64),
        "vertical_diffusivity": torch.full((7, 1, 1), 1e-4, dtype=torch.float64),
        "drag": torch.full(shape, 1e-3, dtype=torch.float64),
    }
    for x in parameters.values():
        x.requires_grad_()
    ran = run(
        turbulent(grid), grid, fraction, steps=3, parameters=parameters, gradient=True
    )
    for x in torch.autograd.grad(loss(ran), list(parameters.values())):
        assert bool(x.isfinite().all())
        assert float(x.std()) > 0.0
