"""Bundles of format 1 give the same numbers, and can be written in the present one."""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

from bmi_dmx.bundle import Bundle, load_bundle
from bmi_dmx.bundle.manifest import file_digest, read_manifest
from bmi_dmx.errors import BundleError
from bmi_dmx.program import Program, evaluate

from .river import change_programs, edit, refused, sign

TESTS = Path(__file__).parents[1]
OLD = TESTS / "golden" / "lstm-format-1"
SCRIPT = TESTS.parent / "scripts" / "upgrade_bundle.py"

SHIPPED = "456cb1b3f2685dfb0bf8a65cad0c3bffc33af4a75484499888314ba8c998c94b"
"""Fingerprint of the bundle that came with version 0.1, of when it was trained."""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("upgrade_bundle", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a copy of a bundle of format 1, to be spoiled."""
    return Path(shutil.copytree(OLD, tmp_path / "river"))


def written(path: Path) -> tuple[dict[str, Any], dict[str, Program]]:
    """Return manifest and programs of a bundle as they lie on the disk."""
    manifest = yaml.safe_load((path / "model.yaml").read_text(encoding="utf-8"))
    programs = json.loads((path / "programs.json").read_text(encoding="utf-8"))
    return manifest, {n: Program.from_json(p, n) for n, p in programs.items()}


def evaluated(program: Program, inputs: dict[str, Any]) -> dict[str, Any]:
    return evaluate(program, {name: inputs[name] for name in program.inputs})


def some(program: Program, shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return positive inputs of a program, of one shape unless said otherwise."""
    rng = np.random.default_rng(5)
    return {
        name: rng.uniform(0.1, 2.0, shapes.get(name, (3, 4)))
        for name in sorted(program.inputs)
    }


def test_a_bundle_of_format_1_is_the_same_model() -> None:
    manifest, _ = written(OLD)
    hashes = (manifest["sha256"][n] for n in ("weights.safetensors", "programs.json"))
    bundle = load_bundle(OLD)
    assert bundle.manifest.format == 2
    assert read_manifest(OLD / "model.yaml")[1] == 1
    assert bundle.fingerprint == file_digest("".join(hashes).encode())
    assert [part.name for part in bundle.parts] == [
        "static", "evaporation", "dynamic", "land", "outlet", "volume",
    ]  # fmt: skip
    rebuilt = bundle.model()
    for name, x in rebuilt.state_dict().items():
        np.testing.assert_array_equal(x, bundle.weights[name])


def test_the_programs_of_format_1_give_the_same_numbers() -> None:
    _, before = written(OLD)
    bundle = load_bundle(OLD)
    constants = bundle.constants
    attributes = np.random.default_rng(1).uniform(0.5, 5.0, (3, 5))
    old = evaluated(before["static"], {"attributes": attributes, **constants})
    new = evaluated(bundle.programs["static"], {"attributes": attributes, **constants})
    for name, x in new.items():
        np.testing.assert_array_equal(x, old[name])
    # The weights of the hydrograph were the last part of the static network.
    weight = evaluated(bundle.programs["outlet.prepare@86400"], new)["p.weight"]
    np.testing.assert_array_equal(weight, old["routing.weight@daily"])

    pairs = {"land": "process", "outlet@86400": "routing@daily",
             "evaporation@86400": "evaporation"}  # fmt: skip
    for name, earlier in pairs.items():
        inputs = some(before[earlier], {})
        first, second = before[earlier], bundle.programs[name]
        assert set(first.inputs) == set(second.inputs)
        expected = evaluated(first, inputs)
        for key, x in evaluated(second, inputs).items():
            np.testing.assert_array_equal(x, expected[key])

    shapes = {"forcing": (3, 3), "attributes": (3, 2)}
    memory = {"hidden": (3, 8), "cell": (3, 8)}
    shapes |= {f"network.{name}": shape for name, shape in memory.items()}
    inputs = some(before["dynamic"], shapes) | dict(constants)
    inputs |= {f"s.{name}": inputs[f"network.{name}"] for name in memory}
    expected = evaluated(before["dynamic"], inputs)
    for key, x in evaluated(bundle.programs["dynamic"], inputs).items():
        kind, _, name = key.partition(".")
        earlier = key if kind == "p" else f"network.{name}"
        np.testing.assert_array_equal(x, expected[earlier])


def test_the_bundle_of_0_1_keeps_the_name_that_states_know_it_by() -> None:
    bundle = load_bundle("dhbv-conus-daily-0.1")
    assert read_manifest(bundle.path / "model.yaml")[1] == 2
    assert bundle.fingerprint == SHIPPED
    assert bundle.model().answers == ("streamflow",)


def test_a_bundle_of_format_1_is_written_anew(script: ModuleType, old: Path) -> None:
    weights = (old / "weights.safetensors").read_bytes()
    before = load_bundle(old)
    assert script.upgrade(old)
    after = load_bundle(old)
    assert read_manifest(old / "model.yaml")[1] == 2
    assert after.fingerprint == before.fingerprint
    assert after.parts == before.parts
    assert after.programs == before.programs
    assert (old / "weights.safetensors").read_bytes() == weights
    assert not script.upgrade(old)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["model"].update(members=5), r"model\.yaml: model: altered"),
        (lambda d: d["variables"].pop("routing"), r"model\.yaml: variables: altered"),
        (lambda d: d.pop("variables"), r"variables: missing; its hash is there"),
        (lambda d: d["sha256"].pop("model"), r"sha256: 'model' is missing"),
        (
            lambda d: d.update(format=2),
            r"model\.yaml: sha256: 'seconds' is missing|alt",
        ),
    ],
)
def test_an_altered_bundle_of_format_1_is_refused(
    old: Path, change: Any, message: str
) -> None:
    edit(old, change)
    refused(old, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["variables"].pop("process"), r"variables: process: missing"),
        (
            lambda d: d["variables"].pop("routing"),
            r"gives: unknown 'routing_a'|routing",
        ),
        (lambda d: d["model"].pop("static"), r"static: missing, or not a mapping"),
        (
            lambda d: d["model"].update(time_step="weekly"),
            r"model\.time_step: unknown value 'weekly'",
        ),
        (
            lambda d: d["variables"]["process"]["states"][0].update(sise=1),
            r"variables: process: states\.0\.sise: unknown key; did you mean 'size'",
        ),
    ],
)
def test_a_bundle_of_format_1_that_lacks_something_is_refused_by_key(
    old: Path, change: Any, message: str
) -> None:
    edit(old, change)
    sign(old)
    refused(old, message)


@pytest.mark.parametrize("name", ["process", "static", "evaporation", "routing@daily"])
def test_a_program_that_format_1_had_is_missed(old: Path, name: str) -> None:
    change_programs(old, lambda programs: programs.pop(name))
    # What makes the weights of the hydrograph was a piece of the static network.
    missed = {"process": "land", "routing@daily": "outlet@86400",
              "static": "outlet.prepare@3600"}.get(name, name)  # fmt: skip
    refused(old, rf"programs\.json: program '{missed}\S*' is missing")


def test_numbers_do_not_depend_on_the_order_of_keys(folder: Path) -> None:
    before = load_bundle(folder)

    def shuffle(data: dict[str, Any]) -> None:
        for name, program in [*data.items()][::-1]:
            data[name] = data.pop(name)
            for key in ("inputs", "outputs"):
                entries = list(program[key].items())
                random.Random(3).shuffle(entries)
                program[key] = dict(entries)

    change_programs(folder, shuffle)
    after = load_bundle(folder)
    assert list(after.programs) != list(before.programs)
    for name, program in before.programs.items():
        assert after.programs[name].outputs.keys() == program.outputs.keys()
        shapes = _shapes(before, name)
        inputs = some(program, shapes) | dict(before.constants)
        expected = evaluated(program, inputs)
        for key, x in evaluated(after.programs[name], inputs).items():
            np.testing.assert_array_equal(x, expected[key], err_msg=f"{name} {key}")


def _shapes(bundle: Bundle, program: str) -> dict[str, tuple[int, ...]]:
    part = bundle.plan[program.partition("@")[0].partition(".")[0]]
    if ".prepare" in program:
        return {f"p.{p.name}": (3,) for p in part.variables.parameters}
    if part.kind == "process":
        return {}
    shapes = {"attributes": (3, len(part.attributes)), "forcing": (3, len(part.inputs))}
    return shapes | {f"s.{s.name}": (3, s.size) for s in part.variables.states}


def test_later_formats_are_refused_before_anything_else(folder: Path) -> None:
    edit(folder, lambda d: [d.clear(), d.update(format=7)])
    with pytest.raises(BundleError, match=r"found version 7, .* reads up to 2"):
        load_bundle(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["model"]["static"].update(attributes=1),
        lambda d: d["model"]["dynamic"].update(forcings=True),
        lambda d: d["model"]["dynamic"].pop("forcings"),
    ],
)
def test_what_is_not_whole_of_an_older_format_is_refused(
    old: Path, change: Any
) -> None:
    edit(old, change)
    sign(old)
    refused(old, r"^\S+model\.yaml: not a whole bundle of format 1: \w+Error")
