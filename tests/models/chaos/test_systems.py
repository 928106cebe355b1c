"""The chaotic systems: their equations, their schemes, and what they conserve."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import forward_ad

from bmi_dmx.assimilation.dynamics import Dynamics
from bmi_dmx.errors import ConfigError
from bmi_dmx.registries import processes
from bmi_dmx.scan import scan
from bmi_dmx.space import Points, Ring

from . import plain

LENGTH = 32 * math.pi
SYSTEMS: dict[str, Any] = {
    "lorenz_63": (
        Points(["a"]), None, {}, 0.01, partial(plain.runge_kutta, plain.lorenz_63),
    ),
    "lorenz_96": (
        Ring(9), None, {}, 0.05, partial(plain.runge_kutta, plain.lorenz_96),
    ),
    "vissio_lucarini": (
        Ring(7), None, {}, 0.05, partial(plain.runge_kutta, plain.vissio_lucarini),
    ),
    "two_level_lorenz": (
        Ring(5), {"fast": 4}, {"drive": 20.0}, 0.005,
        partial(
            plain.runge_kutta, partial(plain.two_level, slow=5, fast=4, drive=20.0)
        ),
    ),
    "kuramoto_sivashinsky": (
        Ring(64), None, {}, 0.5,
        lambda u, h: plain.kuramoto_sivashinsky(u, h, LENGTH),
    ),
}  # fmt: skip


def dynamics(name: str, dt: float | None = None, **parameters: float) -> Dynamics:
    space, options, usual, usual_dt, _ = SYSTEMS[name]
    return Dynamics(
        processes[name](options), space, {**usual, **parameters}, dt=dt or usual_dt
    )


def start(system: Dynamics, *shape: int) -> Any:
    """Return states that are not far from where the systems live."""
    return np.random.default_rng(2).normal(1.0, 1.0, (*shape, system.size))


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_step_is_that_of_the_equations_written_out(name: str) -> None:
    system, step = dynamics(name), SYSTEMS[name][-1]
    x = start(system)
    forecast, expected = system(x, 3), x
    for _ in range(3):
        expected = step(expected, h=SYSTEMS[name][3])
    np.testing.assert_allclose(forecast, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_process_scanned_gives_the_numbers_of_the_compiled_ensemble(
    name: str,
) -> None:
    space, options, parameters, dt, _ = SYSTEMS[name]
    system = dynamics(name)
    x = start(system)
    process = processes[name](options).on(space)
    state = {}
    for s in process.states:
        entries = x[system.entries(s.name)].reshape(len(space), s.size)
        tensor = torch.from_numpy(entries.T if s.size > 1 else entries[:, 0])
        state[s.name] = tensor.unsqueeze(-1) if name == "lorenz_63" else tensor
    usual = {p.name: p.default or 0.0 for p in process.parameters}
    ran = scan(process, state, {}, {**usual, **parameters}, dt=dt, steps=4)
    forecast = system(x, 4)
    for s in process.states:
        entries = forecast[system.entries(s.name)].reshape(len(space), s.size)
        expected = entries.T if s.size > 1 else entries[:, 0]
        np.testing.assert_allclose(
            ran.state[s.name].numpy().reshape(expected.shape), expected, rtol=1e-11
        )


@pytest.mark.parametrize("name", SYSTEMS)
def test_an_ensemble_is_its_members_one_by_one(name: str) -> None:
    system = dynamics(name)
    ensemble = start(system, 3, 11)
    together = system(ensemble, 2)
    alone = [[system(member, 2) for member in some] for some in ensemble]
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_differentiable_form_is_the_same_map(name: str) -> None:
    system = dynamics(name)
    x = start(system, 2)
    forecast = system.differentiable(torch.from_numpy(x), 2)
    np.testing.assert_allclose(forecast.numpy(), system(x, 2), rtol=1e-11, atol=1e-12)


# PyTorch's own, when forward derivatives are first asked for.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", SYSTEMS)
def test_derivatives_are_those_of_the_equations_written_out(name: str) -> None:
    system, dt, step = dynamics(name), SYSTEMS[name][3], SYSTEMS[name][-1]
    x = torch.from_numpy(start(system))
    way = torch.from_numpy(np.random.default_rng(7).normal(size=(3, system.size)))
    small = 1e-5 * np.eye(system.size)
    ahead, behind = (
        [step(step(x.numpy() + by, h=dt), h=dt) for by in sign * small]
        for sign in (1.0, -1.0)
    )
    jacobian = torch.from_numpy(np.subtract(ahead, behind).T / 2e-5)
    point = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(
        (system.differentiable(point, 2) * way[0]).sum(), point
    )
    torch.testing.assert_close(gradient, way[0] @ jacobian, rtol=1e-7, atol=1e-8)
    with forward_ad.dual_level(), torch.no_grad():
        dual = forward_ad.make_dual(x.expand(3, -1).clone(), way)
        forward = forward_ad.unpack_dual(system.differentiable(dual, 2)).tangent
    torch.testing.assert_close(forward, way @ jacobian.mT, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_schemes_are_of_fourth_order(name: str) -> None:
    coarse = SYSTEMS[name][3] / (1 if name != "kuramoto_sivashinsky" else 2)
    x = start(dynamics(name))
    if name == "kuramoto_sivashinsky":
        at = 2 * np.pi * np.arange(64) / 64
        x = np.cos(at) * (1 + np.sin(at))
        x = dynamics(name)(x, 100)
    steps = (4, 8, 64)
    few, more, truth = (dynamics(name, coarse * 4 / n)(x, n) for n in steps)
    order = math.log2(np.abs(few - truth).max() / np.abs(more - truth).max())
    assert 3.6 < order < 4.6


def energy(x: Any) -> Any:
    return (x**2).sum(-1)


@pytest.mark.parametrize(
    ("name", "still"),
    [
        ("vissio_lucarini", {"drive": 0.0, "heating": 0.0, "damping": 0.0}),
        ("two_level_lorenz", {}),
        ("lorenz_96", {}),
    ],
)
def test_neither_exchange_nor_conversion_makes_energy(
    name: str, still: dict[str, float]
) -> None:
    """Of the rate of energy is left what damps and drives, known in closed form."""
    system = dynamics(name, 1e-5, **still)
    x = start(system)
    rate = (energy(system(x)) - energy(x)) / 1e-5
    middle = (system(x) + x) / 2
    expected = 0.0
    if name == "lorenz_96":
        expected = 2 * (8.0 * middle.sum() - energy(middle))
    if name == "two_level_lorenz":
        slow, fast = middle[:5], middle[5:]
        expected = 2 * (20.0 * slow.sum() - energy(slow) - 10.0 * energy(fast))
    assert rate == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_the_mean_of_the_front_stays_as_it_is() -> None:
    system = dynamics("kuramoto_sivashinsky")
    x = start(system, 4)
    later = system(x, 500)
    np.testing.assert_allclose(later.mean(-1), x.mean(-1), atol=1e-12)
    assert later.std() > 0.5


def test_what_the_waves_exchange_gain_and_lose_is_accounted_for() -> None:
    process = processes["lorenz_96"]().on(Ring(9))
    x = torch.from_numpy(np.random.default_rng(0).normal(1.0, 2.0, 9))
    ran = scan(process, {"x": x}, {}, {"drive": 8.0}, dt=0.05, steps=20)
    terms = {name: 0.05 * flux.sum() for name, flux in ran.outputs.items()}
    change = terms["exchange"] + terms["driving"] - terms["damping"]
    assert float(change) == pytest.approx(float((ran.state["x"] - x).sum()), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "make", "dt", "expected"),
    [
        ("lorenz_96", lambda: ({}, Ring(40), {}), 0.05, 3.64),
        ("vissio_lucarini", lambda: ({}, Ring(36), {}), 0.05, 4.04),
        ("kuramoto_sivashinsky", lambda: ({}, Ring(128), {}), 0.5, 1.3),
        ("two_level_lorenz", lambda: ({"fast": 10}, Ring(36), {}), 0.005, 3.5),
    ],
)
def test_they_vary_as_is_known_of_them(
    name: str, make: Callable[[], Any], dt: float, expected: float
) -> None:
    options, space, parameters = make()
    system = Dynamics(processes[name](options), space, parameters, dt=dt)
    slow = system.entries("slow") if name == "two_level_lorenz" else slice(None)
    x = np.random.default_rng(5).normal(0.0, 0.1, (16, system.size))
    every = round(1.0 / dt) if dt < 0.5 else 20
    x = system(x, 12 * every)
    states = []
    for _ in range(40):
        x = system(x, every)
        states.append(x[..., slow])
    assert np.std(states) == pytest.approx(expected, rel=0.02)


def test_a_wrong_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="fast: found 1, expected at least 2"):
        processes["two_level_lorenz"]({"fast": 1})
    with pytest.raises(ConfigError, match="length: found 0"):
        processes["kuramoto_sivashinsky"]({"length": 0.0})
