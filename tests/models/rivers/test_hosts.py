"""What pymt and bmi-tester make of the component."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_metadata.model_setup import FileSystemLoader
from model_metadata.modelmetadata import ModelMetadata

import bmi_dmx
from bmi_dmx import MuskingumCunge, load_bundle
from tests.bmi.test_bmi_tester import OPTIONS

from .small_river import FLOW, configured, weather, write_tree


@pytest.fixture(scope="module")
def metadata() -> ModelMetadata:
    return ModelMetadata.from_obj(MuskingumCunge)


def staged(folder: Path, metadata: ModelMetadata, **changes: Any) -> MuskingumCunge:
    """Return a component as pymt's ``setup(folder, **changes)`` leaves it."""
    values = {n: p["value"]["default"] for n, p in metadata.parameters.items()}
    FileSystemLoader(metadata.base).stage_all(str(folder), **{**values, **changes})
    component = MuskingumCunge()
    component.initialize(str(folder / metadata.run["config_file"]["path"]))
    return component


def test_the_metadata_are_those_of_the_class(metadata: ModelMetadata) -> None:
    assert metadata.api["class"] == metadata.api["name"] == "MuskingumCunge"
    assert metadata.info["version"] == bmi_dmx.__version__
    assert all(path.read_bytes().isascii() for path in Path(metadata.base).iterdir())
    steps = metadata.parameters["time_step"]["value"]["choices"]
    bundle_steps = load_bundle(MuskingumCunge.default_bundle).manifest.steps
    assert sorted(bundle_steps) == sorted(map(float, steps))


@pytest.mark.parametrize("state", ["cold", "hot"])
@pytest.mark.parametrize("policy", ["fill", "hold", "raise"])
def test_every_choice_can_be_set_up(
    tmp_path: Path, metadata: ModelMetadata, state: str, policy: str
) -> None:
    changes = {"state": state, "missing_forcing": policy, "time_step": 300}
    component = staged(tmp_path, metadata, **changes)
    component.set_value(FLOW, np.ones(3))
    component.update()
    assert component.get_current_time() == 300.0
    assert component.get_value_ptr("discharge")[2] > 0.0


def test_a_component_set_up_with_defaults_runs(
    tmp_path: Path, metadata: ModelMetadata
) -> None:
    component = staged(tmp_path, metadata)
    for _ in range(100):
        component.update()
    np.testing.assert_allclose(component.get_value_ptr("discharge")[2], 3.0, rtol=1e-6)


def test_a_file_of_reaches_takes_the_place_of_the_three(
    tmp_path: Path, metadata: ModelMetadata
) -> None:
    tree = write_tree(tmp_path / "tree.nc")
    component = staged(tmp_path / "run", metadata, tree=str(tree), parameters="tree")
    component.set_value(FLOW, weather(1)[0])
    component.update()
    assert component.get_value_ptr("manning")[1] == 0.05


def test_bmi_tester_passes(tmp_path: Path) -> None:
    config = configured(
        tmp_path, forcing_policy={"lateral_inflow": 2.0}, end_time="2000-02-01"
    )
    process = subprocess.run(
        [
            sys.executable, "-m", "bmi_tester", "bmi_dmx:MuskingumCunge",
            "--root-dir", str(tmp_path), "--config-file", str(config),
        ],
        env={**os.environ, "PYTEST_ADDOPTS": OPTIONS},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    counts = [int(count) for count in re.findall(r"(\d+) passed", output)]
    component = MuskingumCunge()
    inputs, outputs = (
        component.get_input_item_count(),
        component.get_output_item_count(),
    )
    names = inputs + outputs
    # Of values: inputs are read and never set; and twelve checks of the two grids.
    assert counts[1:] == [8 + names, 6 * names, inputs + 2 * outputs + 12], output
