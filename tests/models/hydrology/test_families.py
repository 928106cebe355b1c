"""Every family of equations from its experiment to a component, and back from a state.

Declarations, budgets, and kernels against the loop are tests of all processes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx import Component
from bmi_dmx.bundle import Bundle
from bmi_dmx.config import as_yaml
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import train
from tests.bmi.test_batch import days_of_year
from tests.bmi.untrained import START, run, weather

FAMILIES = {
    "delaware_gr4j": ("routing_store", "exchange"),
    "delaware_sac_sma": ("lower_primary", "gauge_catch"),
    "delaware_hbv_implicit": ("soil_moisture", "residual"),
}
"""Experiments, with a store and a flux of each."""

PLACES = {
    "p_mean": [3.4, 3.2, 2.9], "t_mean": [4.0, 9.0, 12.0],
    "area_km2": [60.0, 2900.0, 400.0], "elevation_mean": [560.0, 310.0, 40.0],
    "slope_mean": [50.0, 30.0, 8.0], "latitude": [42.1, 40.9, 39.5],
}  # fmt: skip
DAYS = 90


@pytest.fixture(scope="module", params=FAMILIES)
def learned(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Bundle]:
    """An experiment of the package, some steps of it, and the bundle of them."""
    folder = tmp_path_factory.mktemp(request.param)
    fewer = [
        "training.steps=2",
        "training.validate_every=1",
        "training.batch=4",
        "training.window=90",
        "model.members=2",
        "model.static.hidden=[8]",
        "data.basins=['01466500', '01467150', '01483700', '01473120']",
    ]
    bundle = export(train(request.param, fewer, root=folder), folder / "bundle")
    return request.param, folder, bundle


def component(folder: Path) -> Component:
    """Return a component of three places."""
    settings = {
        "bundle": str(folder / "bundle"), "start_time": START, "time_step": "daily",
        "locations": {"ids": ["a", "b", "c"], "attributes": PLACES},
    }  # fmt: skip
    path = folder / "component.yaml"
    path.write_text(as_yaml(settings), encoding="utf-8")
    component = Component()
    component.initialize(str(path))
    return component


@pytest.mark.slow
def test_days_one_by_one_are_those_of_a_run(learned: Any) -> None:
    name, folder, bundle = learned
    outputs = ("streamflow", *FAMILIES[name])
    forcing = weather(DAYS, 3)
    stepped = component(folder)
    daily = run(stepped, forcing, range(DAYS), outputs)
    stepped.finalize()
    series = {n: torch.from_numpy(x) for n, x in forcing.items()}
    days = np.repeat(days_of_year(DAYS, 1)[:, None], 3, axis=1)
    series["day_of_year"] = torch.from_numpy(days)
    places = {n: torch.tensor(x, dtype=torch.float64) for n, x in PLACES.items()}
    with torch.no_grad():
        whole = (
            bundle.model().double().simulate(series, places, outputs=outputs).outputs
        )
    for output in outputs:
        np.testing.assert_allclose(
            daily[output], whole[output], rtol=1e-10, atol=1e-12, err_msg=output
        )
    assert (daily["streamflow"] > 0.0).any()


@pytest.mark.slow
def test_a_state_continues_bitwise(learned: Any) -> None:
    _, folder, _ = learned
    forcing = weather(DAYS, 3)
    whole, resumed = component(folder), component(folder)
    run(whole, forcing, range(DAYS // 2), ())
    whole.save_state(folder / "half.state")
    resumed.load_state(folder / "half.state")
    for one in (whole, resumed):
        run(one, forcing, range(DAYS // 2, DAYS), ())
    assert resumed.state_bytes() == whole.state_bytes()
    for one in (whole, resumed):
        one.finalize()


@pytest.mark.slow
def test_the_balance_of_a_component_closes(learned: Any) -> None:
    _, folder, _ = learned
    stepped = component(folder)
    run(stepped, weather(DAYS, 3), range(DAYS), ())
    terms = ("in", "out", "stored")
    entered, outflow, stored = (stepped.get_value_ptr(f"mass_{n}") for n in terms)
    np.testing.assert_allclose(entered - outflow, stored, rtol=1e-9, atol=1e-9)
    stepped.finalize()
