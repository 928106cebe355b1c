"""The metadata by which pymt and bmi-tester set a component up."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from model_metadata.api import stage
from model_metadata.model_setup import FileSystemLoader
from model_metadata.modelmetadata import ModelMetadata

import bmi_dmx
from bmi_dmx import DeltaHbv, load_bundle
from bmi_dmx.errors import DataError
from bmi_dmx.operate.operation import Operation
from bmi_dmx.variables import Attribute, Forcing

from .test_bmi_tester import OPTIONS, expected

PLUGINS = {p.name: p.load() for p in entry_points(group="pymt.plugins")}
DAY = 86400.0
DAILY = Operation(load_bundle("dhbv-conus-daily"), DAY, DAY)


@pytest.fixture(scope="module")
def metadata() -> ModelMetadata:
    return ModelMetadata.from_obj(DeltaHbv)


def staged(folder: Path, metadata: ModelMetadata, **changes: Any) -> Path:
    """Return the configuration as pymt's ``setup(folder, **changes)`` leaves it."""
    values = {n: p["value"]["default"] for n, p in metadata.parameters.items()}
    FileSystemLoader(metadata.base).stage_all(str(folder), **{**values, **changes})
    return folder / metadata.run["config_file"]["path"]


def started(config: Path) -> DeltaHbv:
    component = DeltaHbv()
    component.initialize(str(config))
    return component


@pytest.mark.parametrize("name", PLUGINS)
def test_every_plugin_has_valid_metadata(name: str) -> None:
    # pymt reads it when it is imported: a mistake here would take all models away.
    found = ModelMetadata.from_obj(PLUGINS[name])
    assert found.api == {
        "name": name, "language": "python", "package": "bmi_dmx", "class": name,
    }  # fmt: skip
    assert found.info["version"] == bmi_dmx.__version__
    assert found.info["license"] == "Apache-2.0"
    assert found.info["summary"]


def test_every_component_with_a_bundle_of_its_own_is_a_plugin() -> None:
    public = [getattr(bmi_dmx, name) for name in bmi_dmx.__all__]
    own = [x for x in public if getattr(x, "default_bundle", None) is not None]
    assert own == list(PLUGINS.values())


def test_nothing_else_is_copied_at_every_setup(metadata: ModelMetadata) -> None:
    names = {path.name for path in Path(metadata.base).iterdir()}
    known = {"api.yaml", "info.yaml", "parameters.yaml", "run.yaml"}
    assert names - known == {metadata.run["config_file"]["path"]}


def test_the_files_can_be_read_in_any_locale(metadata: ModelMetadata) -> None:
    assert all(path.read_bytes().isascii() for path in Path(metadata.base).iterdir())


@pytest.mark.parametrize(
    "variable",
    [
        *DAILY.attributes,
        *DAILY.forcings,
        DAILY.understood["longitude"],
    ],
    ids=lambda variable: variable.name,
)
def test_parameters_are_those_of_the_model(
    variable: Attribute | Forcing, metadata: ModelMetadata
) -> None:
    value = metadata.parameters[variable.name]["value"]
    assert value["type"] == "float"
    assert value["units"] == variable.units
    low, high = value["range"]["min"], value["range"]["max"]
    assert low <= value["default"] <= high
    lowest, highest = variable.bounds or (low, high)
    assert lowest <= low < high <= highest


def test_a_component_set_up_with_defaults_runs(
    metadata: ModelMetadata, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    component = started(staged(tmp_path, metadata))
    for _ in range(400):
        component.update()
    assert component.get_value_ptr("streamflow")[0] > 0.5
    assert "precipitation' at 'bush-kill' is nan" in caplog.text
    component.finalize()


@pytest.mark.parametrize("time_step", ["daily", "hourly"])
@pytest.mark.parametrize("state", ["cold", "equilibrium"])
@pytest.mark.parametrize("policy", ["fill", "hold", "raise"])
def test_every_choice_can_be_set_up(
    time_step: str, state: str, policy: str, metadata: ModelMetadata, tmp_path: Path
) -> None:
    choices = {"time_step": time_step, "state": state, "missing_forcing": policy}
    config = staged(tmp_path, metadata, **choices, end_time="1980-10-03 00:00:00")
    component = started(config)
    assert component.get_end_time() == 2 * 86400.0
    for name in component.get_input_var_names():
        component.set_value(name, np.array([5.0]))
    component.update()
    component.finalize()


def test_forcing_that_was_never_set_can_be_refused(
    metadata: ModelMetadata, tmp_path: Path
) -> None:
    component = started(staged(tmp_path, metadata, missing_forcing="raise"))
    with pytest.raises(DataError, match="'air_temperature' at 'bush-kill' is nan"):
        component.update()


def test_a_table_takes_the_place_of_the_single_location(
    metadata: ModelMetadata, tmp_path: Path
) -> None:
    config = yaml.safe_load(staged(tmp_path, metadata).read_text(encoding="utf-8"))
    attributes = config["locations"]["attributes"]
    table = tmp_path / "places.csv"
    row = ",".join(map(str, attributes.values()))
    header = ",".join(attributes)
    table.write_text(f"id,{header}\na,{row}\nb,{row}\n", encoding="utf-8")
    run = tmp_path / "run"
    component = started(staged(run, metadata, locations_file=str(table)))
    assert component.get_grid_type(0) == "points"
    assert component.get_grid_size(0) == 2
    component.update()
    component.finalize()


def test_the_folder_is_found_by_its_name_alone(tmp_path: Path) -> None:
    assert stage("bmi_dmx:DeltaHbv", str(tmp_path)) == ("component.yaml",)


def test_bmi_tester_passes_on_what_the_metadata_set_up(
    metadata: ModelMetadata, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bmi_tester", "bmi_dmx:DeltaHbv"],
        env={**os.environ, "PYTEST_ADDOPTS": OPTIONS, "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    component = started(staged(tmp_path / "again", metadata))
    counts = component.get_input_item_count(), component.get_output_item_count()
    passed = [int(count) for count in re.findall(r"(\d+) passed", output)]
    assert passed == expected(*counts, 1), output
