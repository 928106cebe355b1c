"""A learned ocean of levels, saved as a bundle and stepped by a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx import HybridOcean
from bmi_dmx.bundle import Bundle
from bmi_dmx.trainer.export import export

STATES = ("u", "v", "temperature", "salinity", "elevation")
STEPS = 3


@pytest.fixture(scope="module")
def bundle(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return export(run, tmp_path_factory.mktemp("exported") / "hybrid")


def weather(model: Any, at: int) -> dict[str, Any]:
    """Return forcing of a step, by name and as fields of the grid."""
    usual = {
        "eastward_wind": 6.0 + at, "northward_wind": 1.0, "air_temperature": 290.0,
        "air_pressure": 1.01e5, "target_temperature": 15.0, "target_salinity": 35.0,
    }  # fmt: skip
    return {
        f.name: np.full(model.space.shape(f), usual[f.name])
        for f in model.plan.forcings
    }


def test_a_host_steps_what_was_learned(bundle: Bundle, tmp_path: Path) -> None:
    model = bundle.model().double()
    bottom = model.network("bottom")
    assert {0.0, 1.0} <= {float(x) for x in next(iter(bottom.parameters())).flatten()}
    series = [weather(model, k) for k in range(STEPS)]
    forcing = {
        n: torch.from_numpy(np.stack([one[n] for one in series])) for n in series[0]
    }
    state = dict(model.initial_state(()))
    generator = np.random.default_rng(2)
    warm = 14.0 + generator.uniform(0.0, 2.0, tuple(state["ocean.temperature"].shape))
    state["ocean.temperature"] = torch.from_numpy(warm)
    state["ocean.salinity"] = torch.full_like(state["ocean.temperature"], 35.0)
    with torch.no_grad():
        ran = model.simulate(forcing, {}, state=state, outputs=[])

    path = tmp_path / "ocean.yaml"
    path.write_text(
        f"bundle: {bundle.path}\nstart_time: 2020-01-01\n", encoding="utf-8"
    )
    ocean = HybridOcean()
    ocean.initialize(str(path))
    ocean.set_value("temperature", warm.reshape(-1))
    ocean.set_value("salinity", np.full(warm.size, 35.0))
    for one in series:
        for name, field in one.items():
            ocean.set_value(name, field.reshape(-1))
        ocean.update()
    for name in STATES:
        expected = ran.state[f"ocean.{name}"].numpy().reshape(-1)
        actual = ocean.get_value_ptr(name)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-10 * scale)
    assert np.abs(ran.state["ocean.u"].numpy()).max() > 1e-6
    ocean.finalize()
