"""Chaotic systems as bundles, stepped by any component without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx import Component
from bmi_dmx.assimilation.dynamics import Dynamics
from bmi_dmx.bundle.save import save_bundle
from bmi_dmx.compose import Model
from bmi_dmx.compose.spec import ModelSpec
from bmi_dmx.config import as_yaml
from bmi_dmx.conversion import convert
from bmi_dmx.registries import processes
from bmi_dmx.space import space_from

SYSTEMS: dict[str, tuple[dict[str, Any], dict[str, Any], float]] = {
    "lorenz_63": ({"kind": "points", "ids": ["a"]}, {}, 0.01),
    "lorenz_96": ({"kind": "ring", "size": 12}, {}, 0.05),
    "vissio_lucarini": ({"kind": "ring", "size": 9}, {}, 0.05),
    "two_level_lorenz": ({"kind": "ring", "size": 6}, {"fast": 3}, 0.005),
    "kuramoto_sivashinsky": ({"kind": "ring", "size": 64}, {}, 0.5),
}
STEPS = 5


def started(folder: Path, name: str) -> Component:
    """Return a component of a system."""
    space, options, dt = SYSTEMS[name]
    part = {"process": name, "options": options} if options else {"process": name}
    spaced = {} if name == "lorenz_63" else {"space": space}
    states = [s.name for s in processes[name](options or None).states if s.size == 1]
    model = {
        "parts": {"system": part}, "seconds": dt, "answers": states, **spaced,
    }  # fmt: skip
    save_bundle(
        Model(convert(model, ModelSpec), {}), folder / "bundle", licence="CC0-1.0",
        provenance={}, scores={},
    )  # fmt: skip
    settings = {"bundle": str(folder / "bundle"), "start_time": "2000-01-01"}
    if name == "lorenz_63":
        settings["locations"] = {"ids": ["a"]}
    (folder / "component.yaml").write_text(as_yaml(settings), encoding="utf-8")
    component = Component()
    component.initialize(str(folder / "component.yaml"))
    return component


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_component_steps_as_the_ensemble_does(name: str, tmp_path: Path) -> None:
    space, options, dt = SYSTEMS[name]
    component = started(tmp_path, name)
    system = Dynamics(processes[name](options or None), space_from(space), dt=dt)
    x = np.random.default_rng(3).normal(1.0, 0.5, system.size)
    for s in system.states:
        entries = x[system.entries(s.name)]
        if s.size == 1:
            component.set_value(s.name, entries)
        else:
            entries[:] = s.initial  # several a place are not shown to hosts
    for _ in range(STEPS):
        component.update()
    expected = system(x, STEPS)
    for s in system.states:
        if s.size == 1:
            state = component.get_value_ptr(s.name)
            reference = expected[system.entries(s.name)]
            np.testing.assert_allclose(state, reference, rtol=1e-11)
