"""Gradients of rivers: those of an adjoint written by hand, and of differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.models.rivers.start import accumulated
from bmi_dmx.scan import scan

from . import independent
from .independent import Physics, River
from .rivers import beginning, drawn, parameters, tree_of

CASES: list[tuple[dict[str, Any], Physics]] = [
    ({}, Physics()),
    ({"celerity": "legacy", "x": "constant"}, Physics(legacy=True, x=0.3)),
    ({"celerity": "legacy"}, Physics(legacy=True)),
]
LEARNED = {"n": "manning", "q": "width_exponent", "p": "width_coefficient"}
STENCIL = {1: 8.0 / 12, 2: -1.0 / 12}
STEPS = (
    1e-6,
    3e-6,
    1e-5,
    3e-5,
)  # what is too small to see, or bends, in one is not in all


def routing(
    river: River, options: Any, backend: str = "auto"
) -> Callable[[dict[str, Tensor]], Tensor]:
    """Return discharges, (step, reach, member), by inputs with members at the end."""
    process = MuskingumCunge(options).on(tree_of(river))

    def discharge(x: dict[str, Tensor]) -> Tensor:
        start = x["start"] + accumulated(tree_of(river), x["lateral"][0])
        coefficients = {**parameters(river), **{LEARNED[k]: x[k] for k in LEARNED}}
        del coefficients["musk_x"]
        state = beginning(river, start)
        flow = scan(
            process, state, {"lateral_inflow": x["lateral"]}, coefficients,
            dt=river.dt, outputs=("discharge",), backend=backend,
        ).outputs["discharge"]  # fmt: skip
        first = state["discharge"].expand(flow.shape[1:])
        return torch.cat([first[None], flow])

    return discharge


def gradients(
    river: River, options: Any, weights: Tensor, backend: str = "auto"
) -> dict[str, np.ndarray]:
    """Return the gradients of weighted discharges to all inputs."""
    at = {name: v.requires_grad_() for name, v in inputs(river).items()}
    loss = (routing(river, options, backend)(at)[..., 0] * weights).sum()
    slopes = torch.autograd.grad(loss, list(at.values()))
    return {n: g[..., 0].numpy() for n, g in zip(at, slopes, strict=True)}


def inputs(river: River) -> dict[str, Tensor]:
    """Return what is differentiated; the start is what is added to the sum."""
    arrays = {"n": river.n, "q": river.q, "p": river.p, "lateral": river.lateral}
    arrays["start"] = 0.0 * river.n
    return {name: torch.from_numpy(x)[..., None].clone() for name, x in arrays.items()}


def differences(
    river: River, options: Any, weights: Tensor, step: float
) -> dict[str, np.ndarray]:
    """Return the same by central differences of fourth order."""
    at = inputs(river)
    discharge = routing(river, options)
    slopes = {}
    for name in at:
        x = at[name][..., 0]
        size = step * torch.clamp(x.abs().reshape(-1), min=0.1)

        def moved(steps: int, x: Tensor = x, size: Tensor = size) -> Tensor:
            # Each element is moved in a member of its own.
            every = x[..., None].repeat(*(1,) * x.ndim, x.numel())
            every.reshape(x.numel(), x.numel()).diagonal().add_(steps * size)
            return every

        total = torch.zeros(x.numel(), dtype=torch.float64)
        for steps, weight in STENCIL.items():
            # Before they are summed up, for a sum has no digits left for differences.
            rise = discharge({**at, name: moved(steps)})
            rise -= discharge({**at, name: moved(-steps)})
            total += weight * (rise * weights[..., None]).sum((0, 1)) / size
        slopes[name] = total.reshape(x.shape).numpy()
    return slopes


def by_hand(river: River, physics: Physics, weights: Tensor) -> dict[str, np.ndarray]:
    """Return the same by the adjoint of a reach."""
    x = independent.route(river, physics, independent.hot_start(river))
    adjoint = independent.adjoint(river, physics, x, weights.numpy())
    adjoint.lateral[0] += adjoint.lateral_through_start
    adjoint.start *= x[0] >= independent.LEAST
    return vars(adjoint)


def weights_of(river: River) -> Tensor:
    steps, reaches = river.lateral.shape
    drawn = np.random.default_rng(1).normal(size=(steps + 1, reaches))
    return torch.from_numpy(drawn)


def error_shown(
    river: River, options: Any, weights: Tensor, slopes: dict[str, np.ndarray]
) -> dict[str, float]:
    """Return by how much gradients are not what differences show, of the largest."""
    shown = [differences(river, options, weights, step) for step in STEPS]
    errors = {}
    for name, gradient in slopes.items():
        error = np.min([np.abs(one[name] - gradient) for one in shown], axis=0)
        errors[name] = float(error.max() / np.abs(gradient).max())
    return errors


@pytest.mark.parametrize(("options", "physics"), CASES, ids=str)
def test_gradients_are_those_by_hand_and_what_differences_show(
    options: Any, physics: Physics
) -> None:
    river = drawn()
    weights = weights_of(river)
    expected = by_hand(river, physics, weights)
    for backend in ("reference", "tree"):
        slopes = gradients(river, options, weights, backend)
        for name, gradient in slopes.items():
            size = np.abs(expected[name]).max()
            assert np.abs(gradient - expected[name]).max() < 1e-10 * size, name
    assert max(error_shown(river, options, weights, slopes).values()) < 1e-7


@pytest.mark.parametrize(
    "options",
    [
        {"admissible": True},
        {"admissible": True, "conserving": True},
        {"assume_short_ts": True},
    ],
    ids=str,
)
def test_gradients_of_other_modes_are_what_differences_show(options: Any) -> None:
    river = drawn()
    weights = weights_of(river)
    slopes = gradients(river, options, weights)
    errors = error_shown(river, options, weights, slopes)
    assert max(errors.values()) < 1e-7
