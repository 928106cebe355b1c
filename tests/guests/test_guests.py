"""What every system that moves in gets from the house, and what it cost to move in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx import Component, load_bundle
from bmi_dmx.bundle import Bundle
from bmi_dmx.compose import Model
from bmi_dmx.config import as_yaml
from bmi_dmx.operate.storage import balance_names
from bmi_dmx.registries import processes
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import train

from . import layered_rock, linear_reservoirs, lorenz_96, shallow_water

GUESTS = {m.__name__.rpartition(".")[2]: m for m in
          (lorenz_96, linear_reservoirs, shallow_water, layered_rock)}  # fmt: skip
STEPS = 25

for _guest in GUESTS.values():
    for _name, _process in _guest.PROCESSES.items():
        processes.register(_name)(_process)


@pytest.fixture(params=GUESTS)
def guest(request: pytest.FixtureRequest) -> ModuleType:
    return GUESTS[request.param]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Callable[[ModuleType], Bundle]:
    """Train 20 steps by the task of arrays, and export; once for each guest."""
    bundles: dict[str, Bundle] = {}

    def bundle(guest: ModuleType) -> Bundle:
        if guest.__name__ not in bundles:
            folder = tmp_path_factory.mktemp("guest")
            experiment = {
                "name": "guest", "licence": "CC0-1.0", "task": "arrays",
                "data": {"source": f"{guest.__name__}:data"},
                "split": {"validation": 0.2}, "model": guest.MODEL,
                "training": {
                    "steps": 20, "batch": 2, "warmup": 0, "window": 10,
                    "validate_every": 10, "optimizer": {"rate": 0.02},
                },
            }  # fmt: skip
            path = folder / "experiment.yaml"
            path.write_text(as_yaml(experiment), encoding="utf-8")
            bundles[guest.__name__] = export(
                train(path, root=folder), folder / "bundle"
            )
        return bundles[guest.__name__]

    return bundle


def loss_of(model: Model, guest: ModuleType, steps: int = 6) -> torch.Tensor:
    """Return a number that follows from all outputs of a short run."""
    ran = simulate(model, guest, steps, model.answers)
    return sum((x.square() * 0.1 + x).mean() for x in ran.outputs.values())


def simulate(model: Model, guest: ModuleType, steps: int, outputs: Any) -> Any:
    arrays = guest.data()
    forcing = {
        n: torch.from_numpy(x[:steps]) for n, x in arrays.get("forcing", {}).items()
    }
    attributes = {
        n: torch.from_numpy(x) for n, x in arrays.get("attributes", {}).items()
    }
    states = {
        n: torch.from_numpy(x[0, 0]) for n, x in arrays.get("states", {}).items()
    } or None
    return model.simulate(
        forcing, attributes, state=states, steps=None if forcing else steps,
        outputs=outputs,
    )  # fmt: skip


def test_a_guest_is_a_page(guest: ModuleType) -> None:
    lines = Path(str(guest.__file__)).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 100


def test_the_gradient_is_that_of_differences(
    guest: ModuleType, bundles: Callable[[ModuleType], Bundle]
) -> None:
    model = bundles(guest).model().double()
    generator = torch.Generator().manual_seed(0)
    weights = [w for w in model.parameters() if w.numel()]
    way = [torch.randn(w.shape, generator=generator, dtype=w.dtype) for w in weights]
    gradient = torch.autograd.grad(loss_of(model, guest), weights)
    along = sum(float((g * d).sum()) for g, d in zip(gradient, way, strict=True))
    losses = []
    for h in (1e-5, -1e-5):
        with torch.no_grad():
            for w, d in zip(weights, way, strict=True):
                w += h * d
            losses.append(float(loss_of(model, guest)))
            for w, d in zip(weights, way, strict=True):
                w -= h * d
    assert along != 0.0
    assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(along, rel=1e-6)


def started(bundle: Bundle, guest: ModuleType, folder: Path) -> Component:
    """Return a component at the first of the data."""
    arrays = guest.data()
    settings: dict[str, Any] = {
        "bundle": str(bundle.path), "start_time": "2000-01-01",
    }  # fmt: skip
    if arrays.get("attributes"):
        ids = guest.SPACE["ids"]
        values = {n: x.tolist() for n, x in arrays["attributes"].items()}
        settings["locations"] = {"ids": ids, "attributes": values}
    path = folder / "component.yaml"
    path.write_text(as_yaml(settings), encoding="utf-8")
    component = Component()
    component.initialize(str(path))
    for name, x in arrays.get("states", {}).items():
        component.set_value(name.partition(".")[2], x[0, 0].reshape(-1))
    return component


def advance(component: Component, guest: ModuleType, steps: range) -> dict[str, Any]:
    """Step a component on the data; return its fluxes and states."""
    forcing = guest.data().get("forcing", {})
    entries = component._table.catalogue.of("flux", "state")
    quantities: dict[str, list[Any]] = {e.short: [] for e in entries}
    for step in steps:
        for name, x in forcing.items():
            component.set_value(name, x[step])
        component.update()
        for name, series in quantities.items():
            series.append(component.get_value_ptr(name).copy())
    return {name: np.stack(series) for name, series in quantities.items()}


def test_stepped_through_bmi_it_gives_the_numbers_of_one_run(
    guest: ModuleType, bundles: Callable[[ModuleType], Bundle], tmp_path: Path
) -> None:
    bundle = bundles(guest)
    model = bundle.model().double()
    component = started(bundle, guest, tmp_path)
    stepped = advance(component, guest, range(STEPS))
    with torch.no_grad():
        whole = simulate(model, guest, STEPS, tuple(stepped)).outputs
    for name, series in stepped.items():
        expected = whole[name].numpy().reshape(series.shape)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(series, expected, rtol=1e-12, atol=1e-12 * scale)
    assert load_bundle(bundle.path).fingerprint == bundle.fingerprint


def test_what_is_saved_is_what_resumes(
    guest: ModuleType, bundles: Callable[[ModuleType], Bundle], tmp_path: Path
) -> None:
    bundle = bundles(guest)
    whole = started(bundle, guest, tmp_path)
    advance(whole, guest, range(10))
    saved = whole.state_bytes()
    expected = advance(whole, guest, range(10, STEPS))
    other = started(bundle, guest, tmp_path)
    other.set_state_bytes(saved)
    quantities = advance(other, guest, range(10, STEPS))
    for name, series in expected.items():
        np.testing.assert_array_equal(quantities[name], series)
    assert other.state_bytes() == whole.state_bytes()


def test_what_is_conserved_is_accounted_for(
    guest: ModuleType, bundles: Callable[[ModuleType], Bundle], tmp_path: Path
) -> None:
    component = started(bundles(guest), guest, tmp_path)
    advance(component, guest, range(STEPS))
    runner = component._model()
    runner.storage.close_balance()
    (balance,) = runner.stages.balances
    names = balance_names(runner.stages, balance)
    terms = {
        term: runner.storage.balance[names[term]]
        for term in ("in", "out", "stored", "adjusted")
    }
    residual = terms["in"] - terms["out"] + terms["adjusted"] - terms["stored"]
    scale = max(1.0, float(np.abs(terms["in"]).max()))
    assert np.abs(residual).max() <= 1e-11 * scale
    assert guest is shallow_water or np.abs(terms["in"]).max() > 0.0


def test_every_grid_function_answers_or_says_why_not(
    guest: ModuleType, bundles: Callable[[ModuleType], Bundle], tmp_path: Path
) -> None:
    component = started(bundles(guest), guest, tmp_path)
    for name in component.get_output_var_names():
        grid = component.get_var_grid(name)
        assert component.get_grid_size(grid) == component.get_value_ptr(name).size
        kinds = ("unstructured", "uniform_rectilinear", "rectilinear", "points")
        assert component.get_grid_type(grid) in kinds
