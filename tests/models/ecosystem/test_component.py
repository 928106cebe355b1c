"""Leaves trained on made leaves, stepped behind BMI."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import bmi_dmx
from bmi_dmx import Leaf, load_bundle
from bmi_dmx.config import as_yaml
from bmi_dmx.models.ecosystem.made_data import MadeLeaves, make_leaves

STEPS, PLACES = 48, 40


@pytest.fixture(scope="module")
def unseen() -> MadeLeaves:
    """Leaves that no training has seen, measured without noise."""
    return make_leaves(PLACES, 2, seed=77, noise=0.0)


@pytest.fixture
def leaves(unseen: MadeLeaves, tmp_path: Path) -> Leaf:
    attributes = {name: x.tolist() for name, x in unseen.attributes.items()}
    ids = [f"leaf-{k}" for k in range(PLACES)]
    settings = {
        "start_time": "2000-06-01",
        "locations": {"ids": ids, "attributes": attributes},
    }
    path = tmp_path / "leaves.yaml"
    path.write_text(as_yaml(settings), encoding="utf-8")
    component = Leaf()
    component.initialize(str(path))
    return component


def step(component: Leaf, dataset: MadeLeaves, at: int) -> None:
    for name, series in dataset.forcing.items():
        component.set_value(name, series[at])
    component.update()


def test_it_is_public_and_has_a_bundle_of_its_own() -> None:
    assert bmi_dmx.Leaf is Leaf
    assert Leaf.default_bundle in bmi_dmx.bundle.bundles
    assert "land_surface_air__temperature" in Leaf().get_input_var_names()


def test_traits_of_unseen_leaves_are_those_that_made_them(
    leaves: Leaf, unseen: MadeLeaves
) -> None:
    step(leaves, unseen, 0)
    for name, close in (("vcmax25", 0.06), ("stomatal_slope", 0.06), ("rd25", 0.2)):
        error = np.log(leaves.get_value_ptr(name) / unseen.truth[name])
        assert np.sqrt((error**2).mean()) < close


def test_stepped_it_gives_the_numbers_of_one_run(
    leaves: Leaf, unseen: MadeLeaves
) -> None:
    outputs = ("net_assimilation", "transpiration", "sap_flow", "carbon_uptake")
    model = load_bundle("leaf-c3-made").model().double()
    with torch.no_grad():
        whole = model.simulate(
            {n: torch.from_numpy(x) for n, x in unseen.forcing.items()},
            {n: torch.from_numpy(x) for n, x in unseen.attributes.items()},
            outputs=outputs,
        ).outputs
    for at in range(STEPS):
        step(leaves, unseen, at)
        for name in outputs:
            np.testing.assert_allclose(
                leaves.get_value_ptr(name), whole[name][at].numpy(),
                rtol=1e-11, atol=1e-12 * float(whole[name].abs().max()),
            )  # fmt: skip
    assert leaves.get_var_units("sap_flow") == "kg m-2 h-1"
    entered = leaves.get_value_ptr("carbon_budget_in")
    outflow = leaves.get_value_ptr("carbon_budget_out")
    np.testing.assert_allclose(entered, outflow, rtol=1e-12)


def test_a_saved_state_goes_on_bitwise(leaves: Leaf, unseen: MadeLeaves) -> None:
    for at in range(10):
        step(leaves, unseen, at)
    saved = leaves.state_bytes()
    step(leaves, unseen, 10)
    expected = leaves.state_bytes()
    leaves.set_state_bytes(saved)
    step(leaves, unseen, 10)
    assert leaves.state_bytes() == expected
