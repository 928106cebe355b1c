"""Random weather and parameters, and the check that a budget closes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

import bmi_dmx.models
from bmi_dmx.process import Process
from bmi_dmx.scan import Scanned, scan
from bmi_dmx.variables import Variable

REGIMES = {  # precipitation: chance, mean of a wet day; temperature: mean, spread
    "humid": (0.5, 8.0, 10.0, 8.0),
    "storm": (0.1, 150.0, 15.0, 10.0),
    "drought": (0.0, 0.0, 25.0, 5.0),
    "freeze": (0.4, 6.0, -10.0, 8.0),
    "thaw": (0.4, 6.0, 0.0, 4.0),
}


def uniform(
    variable: Variable, rng: np.random.Generator, *shape: int, corners: float = 0.0
) -> Tensor:
    """Return values within the bounds, a share of them on the bounds themselves."""
    low, high = variable.bounds or (0.0, 1.0)
    unit = rng.random(shape)
    edge = rng.random(shape)
    unit = np.where(edge < corners, np.round(unit), unit)
    return torch.from_numpy(low + (high - low) * unit)


def _parameters(
    process: Process, seed: int, locations: int, members: int = 1, corners: float = 0.0
) -> dict[str, Tensor]:
    rng = np.random.default_rng(seed)
    drawn = {}
    for p in process.parameters:
        shape = (locations, members) if p.size == 1 else (p.size, locations, members)
        drawn[p.name] = uniform(p, rng, *shape, corners=corners)
    return drawn


def _weather(regime: str, seed: int, steps: int, locations: int) -> dict[str, Tensor]:
    chance, depth, mean, spread = REGIMES[regime]
    rng = np.random.default_rng(seed)
    grid = (steps, locations)
    wet = rng.random(grid) < chance
    season = 10.0 * np.sin(2 * np.pi * np.arange(steps) / 365.0)[:, None]
    temperature = mean + season + rng.normal(0, spread, grid)
    return {
        "precipitation": torch.from_numpy(wet * rng.exponential(depth, grid)),
        "air_temperature": torch.from_numpy(temperature),
        "potential_evaporation": torch.from_numpy(rng.gamma(2.0, 1.5, grid)),
    }


def _residual(
    process: Process,
    state: Mapping[str, Tensor],
    forcing: Mapping[str, Tensor],
    run: Scanned,
    dt: float = 1.0,
) -> float:
    """Return the largest budget residual relative to the water that went through."""
    assert process.budget is not None
    series = {name: x.unsqueeze(-1) for name, x in forcing.items()} | run.outputs
    start = {s.name: s.initial for s in process.states} | dict(state)

    def amount(names: tuple[str, ...]) -> Tensor:
        return sum((series[n].double().sum(0) * dt for n in names), torch.zeros(()))

    def stored(values: Mapping[str, Tensor | float]) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for s in process.states:
            if s.name in process.budget.storages:
                value = torch.as_tensor(values[s.name], dtype=torch.float64)
                total = total + (value.sum(0) if value.ndim == 3 else value)
        return total

    entered = amount(process.budget.inputs)
    left = amount(process.budget.outputs)
    error = entered - left - (stored(run.state) - stored(start))
    throughput = entered + stored(start) + 1.0
    return float((error.abs() / throughput).max())


def _shipped_processes() -> list[type[Process]]:
    for module in pkgutil.walk_packages(bmi_dmx.models.__path__, "bmi_dmx.models."):
        importlib.import_module(module.name)
    found: list[type[Process]] = []
    pending = [Process]
    while pending:
        children = pending.pop().__subclasses__()
        pending += children
        found += [c for c in children if c.__module__.startswith("bmi_dmx.models.")]
    return sorted(set(found), key=lambda c: c.__name__)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests for all processes (``shipped``) or all with budgets (``balanced``)."""
    for name in {"shipped", "balanced"} & set(metafunc.fixturenames):
        classes = _shipped_processes()
        if name == "balanced":
            classes = [c for c in classes if c.budget is not None]
        metafunc.parametrize(name, classes, ids=[c.__name__ for c in classes])


@pytest.fixture(scope="session")
def parameters() -> Callable[..., dict[str, Tensor]]:
    """Return a function that draws parameters within the declared bounds."""
    return _parameters


@pytest.fixture(scope="session")
def weather() -> Callable[..., dict[str, Tensor]]:
    """Return a function that draws weather of a regime, (time, location)."""
    return _weather


@pytest.fixture(scope="session")
def residual() -> Callable[..., float]:
    """Return the function that checks a budget."""
    return _residual


@pytest.fixture(scope="session")
def run() -> Callable[..., Scanned]:
    """Return ``scan`` on the readable backend."""

    def reference(*args: object, **kwargs: object) -> Scanned:
        return scan(*args, backend="reference", **kwargs)  # type: ignore[arg-type]

    return reference
