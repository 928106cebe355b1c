"""Pairs of units and gauges behind BMI: a bundle, stepped, saved and gone on with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bmi_dmx import Component
from bmi_dmx.bundle import load_bundle, save_bundle
from bmi_dmx.compose import Model, ModelSpec, fit_statistics
from bmi_dmx.config import as_yaml
from bmi_dmx.conversion import convert

HOURS, PAIRS = 150, 5
DISTANCE = {"distance_km": np.array([0.5, 3.0, 7.0, 15.0, 40.0])}
PARTS = {
    "parameters": {
        "network": "mlp", "attributes": ["distance_km"], "gives": "all",
        "options": {"hidden": [8]},
    },
    "way": {"process": "lagged_unit_hydrograph"},
}  # fmt: skip


@pytest.fixture(scope="module")
def runoff():
    rng = np.random.default_rng(1)
    return rng.exponential(0.4, (HOURS, PAIRS)) * (rng.random((HOURS, PAIRS)) < 0.3)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, runoff):
    spec = convert({"seconds": 3600, "parts": PARTS}, ModelSpec)
    torch.manual_seed(2)
    model = Model(spec, fit_statistics(spec, {"runoff": runoff}, DISTANCE)).double()
    folder = tmp_path_factory.mktemp("bundles") / "way"
    save_bundle(model.eval(), folder, licence="CC0-1.0", provenance={}, scores={})
    return folder


@pytest.fixture
def component(bundle, tmp_path):
    """Return a maker of components at the beginning."""

    def begun():
        places = {
            "ids": [f"lower/u{k}" for k in range(PAIRS)],
            "attributes": {n: x.tolist() for n, x in DISTANCE.items()},
        }
        path = tmp_path / "way.yaml"
        settings = {
            "bundle": str(bundle), "start_time": "2000-01-01", "locations": places
        }  # fmt: skip
        path.write_text(as_yaml(settings), encoding="utf-8")
        component = Component()
        component.initialize(str(path))
        return component

    return begun


def stepped(component, rows):
    flow = []
    for row in rows:
        component.set_value("runoff", row)
        component.update()
        flow.append(component.get_value_ptr("streamflow").copy())
    return np.array(flow)


def test_stepping_gives_the_numbers_of_one_run(bundle, component, runoff):
    streamflow = stepped(component(), runoff)
    with torch.no_grad():
        ran = (
            load_bundle(str(bundle))
            .model()
            .simulate(
                {"runoff": torch.from_numpy(runoff)},
                {n: torch.from_numpy(x) for n, x in DISTANCE.items()},
            )
        )
    expected = ran.outputs["streamflow"].numpy()
    np.testing.assert_allclose(streamflow, expected, rtol=1e-12, atol=1e-14)


def test_a_run_that_was_saved_goes_on_bit_by_bit_and_keeps_its_water(component, runoff):
    whole, other = component(), component()
    first = stepped(whole, runoff[:70])
    other.set_state_bytes(whole.state_bytes())
    rest = stepped(whole, runoff[70:])
    np.testing.assert_array_equal(stepped(other, runoff[70:]), rest)
    assert other.state_bytes() == whole.state_bytes()
    outflow = (first.sum(0) + rest.sum(0)) / 24.0
    waiting = whole.state()["way.in_transit"].reshape(120, PAIRS).sum(0)
    np.testing.assert_allclose(outflow + waiting, runoff.sum(0) / 24.0, rtol=1e-12)
