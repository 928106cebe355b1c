"""Channels that change by day, from one network, and by reach, from another."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.bundle import Bundle, load_bundle, save_bundle
from bmi_dmx.compose import Model, ModelSpec, fit_statistics
from bmi_dmx.conversion import convert
from bmi_dmx.operate.clock import Clock
from bmi_dmx.operate.operation import Operation
from bmi_dmx.operate.runner import Runner
from bmi_dmx.operate.stages import stages
from bmi_dmx.space import Tree

HOURS = 75
TREE = Tree(list("abcdef"), ["c", "c", "e", "e", "f", None])

PARTS: dict[str, Any] = {
    "by_day": {
        "network": "lstm", "options": {"hidden": 4}, "step": 86400,
        "forcings": ["lateral_inflow"], "attributes": ["steepness"],
        "gives": ["manning"],
    },
    "by_reach": {
        "network": "kan", "options": {"grid": 10}, "attributes": ["steepness", "size"],
        "gives": ["width_exponent", "width_coefficient"],
    },
    "river": {"process": "muskingum_cunge"},
}  # fmt: skip

ATTRIBUTES = {
    "steepness": np.array([-1.0, 0.5, 0.0, 1.0, -0.5, 0.2]),
    "size": np.array([0.1, 0.3, 0.5, 0.2, 0.9, 1.4]),
    "length": np.array([2e3, 3e3, 5e3, 1e3, 8e3, 4e3]),
    "slope": np.array([2e-3, 1e-2, 5e-3, 2e-2, 1e-3, 1e-3]),
}


def inflow(hours: int) -> np.ndarray:
    rng = np.random.default_rng(2)
    return rng.gamma(1.5, 2.0, (hours, len(TREE.ids)))


@pytest.fixture(scope="module")
def model() -> Model:
    block = {"parts": PARTS, "seconds": 3600, "space": TREE.to_dict()}
    spec = convert(block, ModelSpec, "model")
    forcing = {"lateral_inflow": inflow(240)}
    statistics = fit_statistics(spec, forcing, ATTRIBUTES)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = Model(spec, statistics).double()
        for name, weight in model.named_parameters():
            if "weight" in name:
                torch.nn.init.normal_(weight, std=0.4)
    return model.eval()


def at_once(model: Model, **options: Any) -> Any:
    forcing = {"lateral_inflow": torch.from_numpy(inflow(HOURS))}
    attributes = {n: torch.from_numpy(x) for n, x in ATTRIBUTES.items()}
    return model.simulate(forcing, attributes, **options)


OUTPUTS = ("discharge", "manning", "width_exponent", "width_coefficient")


def test_some_change_by_day_and_others_by_reach(model: Model) -> None:
    with torch.no_grad():
        outputs = at_once(model, outputs=OUTPUTS).outputs
    n, q = outputs["manning"], outputs["width_exponent"]
    days = n[:72].reshape(3, 24, -1)
    assert torch.equal(days.amin(1), days.amax(1))
    assert bool((days[1:, 0] != days[:-1, 0]).all())
    assert torch.equal(q, q[:1].expand_as(q))
    assert len(set(q[0].tolist())) == len(TREE.ids)


def test_both_learn_from_the_flow_at_the_outlet(model: Model) -> None:
    discharge = at_once(model, outputs=("discharge",)).outputs["discharge"]
    discharge[:, -1].square().mean().backward()
    grads = {n: p.grad for n, p in model.named_parameters()}
    for name, grad in grads.items():
        assert grad is not None, name
        assert bool(grad.isfinite().all()), name
    for name in ("by_day.network.lstm.weight_ih_l0", "by_reach.network.output.weight"):
        assert bool(grads[name].any()), name
    model.zero_grad()


def running(bundle: Bundle) -> Runner:
    operation = Operation(bundle, 3600.0, 3600.0)
    attributes = {a.name: ATTRIBUTES[a.name].copy() for a in operation.attributes}
    clock = Clock(datetime(2001, 1, 1), None, 3600.0, 0, operation.period)
    return Runner(stages(operation), list(TREE.ids), attributes, clock, operation.space)


def test_stepped_and_resumed_it_gives_the_numbers_of_one_run(
    model: Model, tmp_path: Path
) -> None:
    save_bundle(model, tmp_path / "river", licence="CC0-1.0", provenance={}, scores={})
    bundle = load_bundle(tmp_path / "river")
    runner = running(bundle)
    lateral = inflow(HOURS)
    discharge = []
    for hour in range(HOURS):
        if hour == 40:
            saved = runner.save()
            runner = running(bundle)
            runner.clock.set(hour)
            assert runner.restore(saved) == []
        runner.forcing["lateral_inflow"][:] = lateral[hour]
        runner.advance()
        runner.clock.tick()
        discharge.append(runner.output["discharge"].copy())
    with torch.no_grad():
        expected = at_once(model, outputs=("discharge",)).outputs["discharge"]
    np.testing.assert_allclose(discharge, expected, rtol=1e-12)
