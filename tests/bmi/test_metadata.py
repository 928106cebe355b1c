"""The metadata by which pymt and bmi-tester set DeltaHbv up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from model_metadata.api import stage
from model_metadata.model_setup import FileSystemLoader
from model_metadata.modelmetadata import ModelMetadata

from bmi_dmx import DeltaHbv, load_bundle
from bmi_dmx.errors import DataError
from bmi_dmx.operate.operation import Operation
from bmi_dmx.variables import Attribute, Forcing

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
