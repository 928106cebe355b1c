"""Every process shipped, random parameters, and the check that budgets close."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

import bmi_dmx.models
from bmi_dmx.process import SECONDS, Budget, Process, Stencil, Upstream
from bmi_dmx.registries import processes
from bmi_dmx.scan import ScanResult, scan
from bmi_dmx.space import Tree
from bmi_dmx.variables import Variable


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
    process: Process, seed: int, places: int, members: int = 1, corners: float = 0.0
) -> dict[str, Tensor]:
    rng = np.random.default_rng(seed)
    drawn = {}
    for p in process.parameters:
        grid = (places, members if p.per == "member" else 1)
        shape = grid if p.size == 1 else (p.size, *grid)
        drawn[p.name] = uniform(p, rng, *shape, corners=corners)
    return drawn


def _residual(
    process: Process,
    state: Mapping[str, Tensor],
    forcing: Mapping[str, Tensor],
    run: ScanResult,
    dt: float = 1.0,
) -> float:
    """Return the largest residual relative to what went through, of all budgets."""
    assert process.budgets
    series = {name: x.unsqueeze(-1) for name, x in forcing.items()} | run.outputs
    start = {s.name: s.initial for s in process.states} | dict(state)
    rules = {v.name: v.per_step for v in (*process.forcings, *process.fluxes)}

    def amount(names: tuple[str, ...]) -> Tensor:
        steps = {"rate": dt, "amount": 1.0}
        amounts = (series[n].double().sum(0) * steps[rules[n]] for n in names)
        return sum(amounts, torch.zeros(()))

    def stored(budget: Budget, values: Mapping[str, Tensor | float]) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for s in process.states:
            if s.name in budget.storages:
                value = torch.as_tensor(values[s.name], dtype=torch.float64)
                total = total + (value.sum(0) if value.ndim == 3 else value)
        return total

    def residual(budget: Budget) -> float:
        entered, outflow = amount(budget.inputs), amount(budget.outputs)
        change = stored(budget, run.state) - stored(budget, start)
        throughput = entered.abs() + stored(budget, start) + 1.0
        return float(((entered - outflow - change).abs() / throughput).max())

    return max(map(residual, process.budgets))


def _shipped_processes() -> Iterator[tuple[str, Process]]:
    """Yield every process of the package, and those registered at steps of an hour."""
    for module in pkgutil.walk_packages(bmi_dmx.models.__path__, "bmi_dmx.models."):
        importlib.import_module(module.name)
    pending, classes = [Process], set()
    while pending:
        children = pending.pop().__subclasses__()
        pending += children
        classes |= {c for c in children if c.__module__.startswith("bmi_dmx.models.")}
    for kind in sorted(classes, key=lambda c: c.__name__):
        if not _needs_another(kind):
            yield kind.__name__, _placed(kind())
    for name in processes:
        # Other processes may be registered by tests.
        if processes[name] not in classes:
            continue
        process = processes[name]()
        hourly = process.at(3600.0 / SECONDS[process.time])
        if hourly is not process:
            yield f"{name} at hours", _placed(hourly)


def _placed(process: Process) -> Process:
    """Return a process on a tree of six places, if its places see each other."""
    if not isinstance(process.coupling, Upstream):
        return process
    return process.on(Tree([*"abcdef"], ["c", "c", "e", "e", "", ""]))


def _needs_another(kind: type[Process]) -> bool:
    """Whether a class is made around another process, or by subclasses of it."""
    return inspect.isabstract(kind) or "inner" in inspect.signature(kind).parameters


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests for all processes (``shipped``) or all with budgets (``balanced``)."""
    for name in {"shipped", "balanced"} & set(metafunc.fixturenames):
        cases = dict(_shipped_processes())
        if name == "balanced":
            # Those of whole fields close over a space, not place by place.
            cases = {
                n: process
                for n, process in cases.items()
                if process.budgets and not isinstance(process.coupling, Stencil)
            }
        metafunc.parametrize(name, cases.values(), ids=cases.keys())


@pytest.fixture(scope="session")
def parameters() -> Callable[..., dict[str, Tensor]]:
    """Return a function that draws parameters within the declared bounds."""
    return _parameters


@pytest.fixture(scope="session")
def residual() -> Callable[..., float]:
    """Return the function that checks budgets."""
    return _residual


@pytest.fixture(scope="session")
def run() -> Callable[..., ScanResult]:
    """Return ``scan`` on the readable backend."""

    def reference(*args: object, **kwargs: object) -> ScanResult:
        return scan(*args, backend="reference", **kwargs)  # type: ignore[arg-type]

    return reference
