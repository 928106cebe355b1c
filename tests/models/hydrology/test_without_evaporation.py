"""A process that asks for no evaporation is trained, exported and stepped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx import Component
from bmi_dmx.config import as_yaml
from bmi_dmx.models.hydrology.forcings import PRECIPITATION
from bmi_dmx.process import Budget, Process
from bmi_dmx.registries import processes
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import train
from bmi_dmx.variables import Flux, Parameter, State

from ...golden.training import EXPERIMENT, STATIC

ATTRIBUTES = {"p_mean": [3.1], "elevation_mean": [210.0], "area_km2": [53.0]}


class Pool(Process):
    """Rain and snow alike leave as a share of what is there."""

    forcings = (PRECIPITATION,)
    states = (State(name="pool", units="mm", bounds=(0.0, 1e6)),)
    parameters = (
        Parameter(name="share", units="d-1", bounds=(0.01, 0.9), per_step="fraction"),
    )
    fluxes = (Flux(name="runoff", units="mm d-1", per_step="rate"),)
    budgets = (
        Budget(("precipitation",), ("runoff",), ("pool",), name="water", units="mm"),
    )

    def step(self, s: Any, f: Any, p: Any) -> Any:
        filled = s.pool + f.precipitation
        runoff = p.share * filled
        return {"pool": filled - runoff}, {"runoff": runoff}


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(processes._entries, "pool", Pool)
        yield


@pytest.mark.parametrize("routing", ["gamma", "none"])
def test_what_needs_no_evaporation_goes_all_the_way(
    routing: str, tmp_path: Path
) -> None:
    model = {**STATIC, "process": "pool", "evaporation": "given", "routing": routing}
    path = tmp_path / "experiment.yaml"
    path.write_text(as_yaml({**EXPERIMENT, "model": model}), encoding="utf-8")
    bundle = export(train(path, root=tmp_path / "runs"), tmp_path / "bundle")
    trained = bundle.model().double()
    assert trained.forcings == ("precipitation",)

    settings = {
        "bundle": str(bundle.path), "start_time": "2000-01-01", "time_step": "daily",
        "locations": {"ids": ["here"], "attributes": ATTRIBUTES},
    }  # fmt: skip
    path = tmp_path / "component.yaml"
    path.write_text(as_yaml(settings), encoding="utf-8")
    component = Component()
    component.initialize(str(path))
    assert component.get_input_item_count() == 1
    rain = np.random.default_rng(1).exponential(4.0, (60, 1))
    flow = np.zeros(60)
    for day in range(60):
        component.set_value("precipitation", rain[day])
        component.update()
        flow[day] = component.get_value_ptr("streamflow")[0]
    with torch.no_grad():
        whole = trained.simulate(
            {"precipitation": torch.from_numpy(rain)},
            {n: torch.tensor(x, dtype=torch.float64) for n, x in ATTRIBUTES.items()},
        )
    np.testing.assert_allclose(flow, whole.outputs["streamflow"][:, 0], rtol=1e-12)
    assert flow[-1] > 0.0
    component.finalize()
