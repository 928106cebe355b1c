"""What every component that is announced to hosts lets them do.

Set up with the defaults of its metadata, as pymt does, each is taken through the
bmi-tester; what that skips is checked here.
"""

from __future__ import annotations

import inspect
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bmipy import Bmi
from model_metadata.modelmetadata import ModelMetadata

import bmi_dmx
from bmi_dmx import Component, load_bundle

from .test_bmi_tester import OPTIONS
from .test_metadata import staged

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = {name: getattr(bmi_dmx, name) for name in bmi_dmx.__all__}
COMPONENTS: dict[str, type[Component]] = {
    name: kind
    for name, kind in PUBLIC.items()
    if inspect.isclass(kind) and issubclass(kind, Component) and kind is not Component
}

SKIPPED = (
    # Looked for under names of an older BMI, or never run: checked here.
    r"get_(in|out)put_var_name_count not implemented",
    r"unconditional skip",
    r"too dangerous",
    # What grids of another kind, of fewer dimensions or without edges do not have.
    r"grid \d+ is( not)? .*",
    r"grid is rank \d",
    r"grid has no \w+",
    r"edges_per_face",
    r"face_edges",
)
"""Why bmi-tester leaves a check out."""


@pytest.fixture(params=COMPONENTS)
def kind(request: pytest.FixtureRequest) -> type[Component]:
    return COMPONENTS[request.param]


@pytest.fixture
def metadata(kind: type[Component]) -> ModelMetadata:
    return ModelMetadata.from_obj(kind)


def forcing(component: Component) -> dict[str, np.ndarray]:
    """Return the inputs that are no numbers until they are set."""
    inputs = {x: component.get_value_ptr(x) for x in component.get_input_var_names()}
    return {name: values for name, values in inputs.items() if np.isnan(values).all()}


@pytest.fixture
def component(
    kind: type[Component], metadata: ModelMetadata, tmp_path: Path
) -> Component:
    """A component as its metadata set it up."""
    component = kind()
    component.initialize(str(staged(tmp_path, metadata)))
    return component


def test_every_component_is_announced_to_pymt() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = project.partition('entry-points."pymt.plugins"]\n')[2].partition("\n\n")[0]
    assert block.splitlines() == [f'{name} = "bmi_dmx:{name}"' for name in COMPONENTS]


def test_a_component_is_complete(kind: type[Component]) -> None:
    functions = [n for n, f in inspect.getmembers(Bmi, inspect.isfunction)]
    assert len([n for n in functions if not n.startswith("_")]) == 41
    assert not kind.__abstractmethods__
    # Hosts ask for names before anything is known.
    assert kind().get_output_item_count() == len(kind().get_output_var_names()) > 0


def test_its_metadata_are_its_own(
    kind: type[Component], metadata: ModelMetadata
) -> None:
    # pymt reads it when it is imported: a mistake here would take all models away.
    name = kind.__name__
    assert metadata.api == {
        "name": name, "language": "python", "package": "bmi_dmx", "class": name,
    }  # fmt: skip
    assert metadata.info["version"] == bmi_dmx.__version__
    assert metadata.info["license"] == "Apache-2.0"
    assert metadata.info["summary"]
    # Whatever else lies in the folder would be copied at every setup.
    metadata_files = {"api.yaml", "info.yaml", "parameters.yaml", "run.yaml"}
    files = {path.name: path.read_bytes() for path in Path(metadata.base).iterdir()}
    assert files.keys() - metadata_files == {metadata.run["config_file"]["path"]}
    assert all(content.isascii() for content in files.values()), "read in any locale"


def test_ranges_hold_their_defaults(metadata: ModelMetadata) -> None:
    for name, parameter in metadata.parameters.items():
        value = parameter["value"]
        assert parameter["description"], name
        if "range" in value:
            low, high = value["range"]["min"], value["range"]["max"]
            assert low <= value["default"] <= high, name
        if value["type"] == "choice":
            assert value["default"] in value["choices"], name


@pytest.mark.slow
def test_every_choice_can_be_set_up(
    component: Component, metadata: ModelMetadata, tmp_path: Path
) -> None:
    pointed = forcing(component)
    component.update()
    # What stood in for forcing that was never set.
    defaults = {name: values.copy() for name, values in pointed.items()}
    for name, parameter in metadata.parameters.items():
        for choice in parameter["value"].get("choices", ()):
            variant = type(component)()
            folder = tmp_path / f"{name}-{choice}"
            variant.initialize(str(staged(folder, metadata, **{name: choice})))
            for driver, values in defaults.items():
                variant.set_value(driver, values)
            variant.update()
            assert variant.get_current_time() == variant.get_time_step()
            variant.finalize()


def test_the_lengths_of_a_step_are_those_of_the_bundle(
    kind: type[Component], metadata: ModelMetadata, tmp_path: Path
) -> None:
    steps = set()
    lengths = set(load_bundle(str(kind.default_bundle)).manifest.steps)
    if "time_step" not in metadata.parameters:
        assert len(lengths) == 1, "there is something to choose"
        return
    for choice in metadata.parameters["time_step"]["value"]["choices"]:
        component = kind()
        component.initialize(str(staged(tmp_path, metadata, time_step=choice)))
        steps.add(component.get_time_step())
    assert steps == lengths


@pytest.mark.slow
def test_bmi_tester_passes_and_leaves_out_nothing_unseen(
    kind: type[Component], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "bmi_tester", f"bmi_dmx:{kind.__name__}"]
    process = subprocess.run(
        command,
        env={**os.environ, "PYTEST_ADDOPTS": OPTIONS, "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    passes = [int(count) for count in re.findall(r"(\d+) passed", output)]
    names = kind().get_input_item_count() + kind().get_output_item_count()
    assert passes[:3] == [4, 8 + names, 6 * names], output
    for reason in re.findall(r"^SKIPPED \[\d+\] \S+: (.*)$", output, re.MULTILINE):
        assert any(re.fullmatch(pattern, reason) for pattern in SKIPPED), reason


def test_names_are_counted_and_time_has_an_end(component: Component) -> None:
    inputs, outputs = component.get_input_var_names(), component.get_output_var_names()
    assert isinstance(inputs, tuple)
    assert isinstance(outputs, tuple)
    assert component.get_input_item_count() == len(inputs)
    assert component.get_output_item_count() == len(outputs)
    assert component.get_start_time() == 0.0 < component.get_end_time()


def test_what_is_set_is_seen_where_it_is_pointed_at(component: Component) -> None:
    pointed = forcing(component)
    for number, name in enumerate(pointed):
        array = np.full(pointed[name].size, float(number))
        component.set_value(name, array)
        component.set_value_at_indices(name, np.array([0]), np.array([0.5]))
        assert pointed[name][0] == 0.5
        assert (pointed[name][1:] == array[1:]).all()
        size = component.get_grid_size(component.get_var_grid(name))
        assert pointed[name].shape == (size,)
        assert pointed[name].nbytes == component.get_var_nbytes(name)
    for one, other in itertools.combinations(pointed.values(), 2):
        assert not np.shares_memory(one, other)
    component.update()
    assert all(component.get_value_ptr(name) is x for name, x in pointed.items())


def test_it_runs_as_it_is_set_up(component: Component) -> None:
    for _ in range(50):
        component.update()
    for name in component.get_output_var_names():
        assert np.isfinite(component.get_value_ptr(name)).all(), name
    component.update_until(component.get_current_time() + 3 * component.get_time_step())
    assert component.get_current_time() == 53 * component.get_time_step()
    component.finalize()
