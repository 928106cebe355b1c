"""The model block of a configuration: parts or a recipe, there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from bmi_dmx import config
from bmi_dmx.compose import ModelSpec, PartSpec, check_spec
from bmi_dmx.config import as_yaml
from bmi_dmx.conversion import convert, plain
from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.recipe import Dhbv
from tests.systems import BLOCK, changed

RECIPE = {
    "recipe": "dhbv",
    "process": "hbv10",
    "static": {"attributes": ["aridity"], "hidden": [4]},
}
FULL = changed(
    {
        "wiring": {"forcings": [], "every": "once"},
        "tank": {"mean": False, "reads": {"heat": "lamp.heat"}},
        "lamp": {"every": "step"},
    },
    transforms={"size": "log"},
    answers=["warmth"],
    space={"kind": "points", "ids": ["a", "b"]},
    system="hydrology",
)


@pytest.mark.parametrize("block", [BLOCK, FULL, RECIPE], ids=["parts", "full", "dhbv"])
def test_a_block_is_the_same_after_a_file(
    block: dict[str, Any], tmp_path: Path
) -> None:
    spec = convert(block, ModelSpec)
    path = tmp_path / "model.yaml"
    path.write_text(as_yaml(plain(spec)), encoding="utf-8")
    again = convert(config.read(path), ModelSpec, str(path))
    assert again == spec
    assert plain(again) == plain(spec)


def test_what_was_written_as_a_recipe_stays_one() -> None:
    spec = convert(RECIPE, ModelSpec)
    assert isinstance(spec.settings, Dhbv)
    assert "parts" not in plain(spec)
    assert plain(spec)["process"] == "hbv10"
    # Its parts say the same model.
    parts = {key: value for key, value in vars(spec).items()
             if key not in ("recipe", "settings")}  # fmt: skip
    block = plain(ModelSpec(**parts))
    assert "recipe" not in block
    assert plain(convert(block, ModelSpec)) == block


def test_the_usual_recipe_need_not_be_named() -> None:
    unnamed = {key: value for key, value in RECIPE.items() if key != "recipe"}
    assert convert(unnamed, ModelSpec) == convert(RECIPE, ModelSpec)


def test_lengths_of_steps_are_said_once_with_the_trained_one_first() -> None:
    spec = convert({**BLOCK, "steps": [600, 3600, 1800]}, ModelSpec)
    assert spec.lengths == (3600.0, 600.0, 1800.0)


def test_inputs_of_networks_are_listed_once() -> None:
    block = changed({
        "second": {"network": "lstm", "attributes": ["slope"], "gives": ["gain"],
                   "forcings": ["voltage"]},
    })  # fmt: skip
    spec = convert(block, ModelSpec)
    assert spec.network_attributes == ("size", "slope")
    assert spec.network_inputs == ("size", "slope", "voltage")


@pytest.mark.parametrize(
    ("part", "every"),
    [
        (PartSpec(process="lamp"), "step"),
        (PartSpec(process="lamp", every="trained"), "trained"),
        (PartSpec(network="mlp", attributes=("a",), gives="all"), "once"),
        (PartSpec(network="mlp", forcings=("f",), gives="all"), "trained"),
        (PartSpec(network="mlp", forcings=("f",), gives="all", every="step"), "step"),
    ],
)
def test_when_a_part_runs(part: PartSpec, every: str) -> None:
    assert part.when == every


NETWORK = {"network": "mlp", "attributes": ["size"], "gives": ["leak"]}


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({}, r": expected either 'process' or 'network'"),
        ({**NETWORK, "process": "boiler"}, r"expected either 'process' or 'network'"),
        ({"process": "boiler", "members": 0}, r": members: expected at least 1"),
        ({**NETWORK, "reads": {"a": "b"}}, r"reads: a network has no such key"),
        ({**NETWORK, "members": 3}, r": members: a network has no such key"),
        ({"process": "boiler", "gives": "all"}, r"gives: a process has no such key"),
        (
            {"process": "boiler", "attributes": ["a"]},
            r": attributes: a process has no such key",
        ),
        ({**NETWORK, "gives": []}, r"gives: expected at least one parameter, or 'all'"),
        ({**NETWORK, "gives": "al"}, r"gives: .*'al'"),
        ({**NETWORK, "gives": ["leak", "leak"]}, r"gives: 'leak' is listed twice"),
        (
            {**NETWORK, "attributes": ["size", "size"]},
            r"attributes: 'size' is listed twice",
        ),
        (
            {**NETWORK, "forcings": ["voltage"], "every": "once"},
            r"forcings: a network that runs once reads attributes",
        ),
        (
            {**NETWORK, "every": "step"},
            r"every: a network that reads no forcings runs once, found 'step'",
        ),
        ({"process": "boiler", "every": "once"}, r"every: a process runs at steps"),
        ({"process": "boiler", "every": "daily"}, r"every: unknown value 'daily'"),
        ({"proces": "boiler"}, r"proces: unknown key; did you mean 'process'"),
        ({"process": "boiler", "option": {}}, r"option: unknown key.*'options'"),
    ],
)
def test_a_part_that_is_neither_is_refused_by_key(
    part: dict[str, Any], message: str
) -> None:
    block = {**BLOCK, "parts": {**BLOCK["parts"], "tank": part}}
    with pytest.raises(ConfigError, match=rf"^e\.yaml: model: parts\.tank.*{message}"):
        convert(block, ModelSpec, "e.yaml: model")


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ([], r"expected a mapping with 'parts' or 'recipe'"),
        ({**BLOCK, "parts": {}}, r"parts: expected at least one process"),
        (
            {"seconds": 60, "parts": {"net": NETWORK}},
            r"at least one process",
        ),
        (
            {"seconds": 60, "parts": {"a tank": {"process": "boiler"}}},
            r"parts: found 'a tank', expected letters, digits and '_'",
        ),
        ({"parts": {"tank": {"process": "boiler"}}}, r"seconds: missing"),
        ({**BLOCK, "seconds": 0}, r"seconds: found 0\.0, expected a number above 0"),
        ({**BLOCK, "seconds": ".inf"}, r"seconds: found"),
        ({**BLOCK, "second": 3}, r"second: unknown key; did you mean 'seconds'"),
        (
            {**BLOCK, "transforms": {"sise": "log"}},
            r"transforms: 'sise' is no input of a network; did you mean 'size'",
        ),
        ({**RECIPE, "recipe": "dhvb"}, r"recipe: unknown 'dhvb'; did you mean 'dhbv'"),
        ({**RECIPE, "parts": {}}, r"parts: unknown key"),
    ],
)
def test_a_model_that_cannot_be_is_refused_by_key(block: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^e\.yaml: model.*{message}"):
        convert(block, ModelSpec, "e.yaml: model")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"tank": {"process": "boilre"}},
            r"parts\.tank: unknown process 'boilre'; did you mean 'boiler'",
        ),
        (
            {"wiring": {"network": "mpl"}},
            r"parts\.wiring: unknown network 'mpl'; did you mean 'mlp'",
        ),
        (
            {"radiator": {"options": {"hour": 3}}},
            r"parts\.radiator: Radiator: options: hour: unknown key.*'hours'",
        ),
        (
            {"wiring": {"options": {"hiden": [3]}}},
            r"wiring: hiden: unknown key; did you mean 'hidden'",
        ),
        (
            {"wiring": {"network": "lstm", "options": {}}},
            r"wiring\.network: 'lstm' has a memory",
        ),
        (
            {"wiring": {"gives": ["leek"]}},
            r"wiring\.gives: unknown 'leek'; did you mean 'leak'",
        ),
        ({"wiring": {"attributes": []}}, r"attributes: a network reads at least one"),
        (
            {"tank": {"reads": {"heet": "x"}}},
            r"parts\.tank: reads: unknown 'heet'; did you mean 'heat'",
        ),
    ],
)
def test_names_are_checked_before_any_data_are_read(
    parts: dict[str, Any], message: str
) -> None:
    spec = convert(changed(parts), ModelSpec)
    with pytest.raises(ConfigError, match=message):
        check_spec(spec)


def test_checking_names_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    check_spec(convert(BLOCK, ModelSpec))
    assert torch.equal(before, torch.get_rng_state())
