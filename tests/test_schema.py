"""Schemas accept what is read, and refuse what is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest
from jsonschema import Draft7Validator

from bmi_dmx import config
from bmi_dmx.cli import main
from bmi_dmx.conversion import plain
from bmi_dmx.schema import schema_of
from bmi_dmx.trainer.registries import DEFAULT_TASK, experiments
from bmi_dmx.trainer.schemas import file_schema, kinds

CONFIGS = next(iter(experiments().values())).parents[1]
FOLDERS = {
    "protocol": "protocols", "search": "searches", "twin": "twins",
    "hindcast": "hindcasts",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Inner:
    """What is inside.

    Parameters
    ----------
    size : int
        How large it is, see :func:`~bmi_dmx.schema.schema_of`.
    """

    size: int = 3


@dataclass(frozen=True, kw_only=True)
class Outer(Inner):
    """What is outside.

    Parameters
    ----------
    name : str
        What it is called.
    kind : {"a", "b"}
        Which it is.
    """

    name: str
    kind: Literal["a", "b"] = "a"
    days: tuple[date, date] | None = None
    inner: Inner | None = None
    numbers: dict[str, float | tuple[float, ...]] | None = None


def test_a_dataclass_is_an_object_with_its_keys() -> None:
    schema = schema_of(Outer)
    assert schema["required"] == ["name"]
    assert schema["additionalProperties"] is False
    size, kind = schema["properties"]["size"], schema["properties"]["kind"]
    about = "How large it is, see `schema_of`."
    assert size == {"description": about, "type": "integer", "default": 3}
    assert kind["enum"] == ["a", "b"]
    assert "One of `a`, `b`." in kind["description"]


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        ({"name": "n"}, True),
        ({}, False),
        ({"name": "n", "sise": 3}, False),
        ({"name": "n", "size": 1.5}, False),
        ({"name": "n", "kind": "c"}, False),
        ({"name": "n", "days": ["1980-01-01", "1981-01-01"]}, True),
        ({"name": "n", "days": ["1980-01-01"]}, False),
        ({"name": "n", "inner": {"size": 2}}, True),
        ({"name": "n", "inner": {"size": "2"}}, False),
        ({"name": "n", "numbers": {"a": 1, "b": [1.5, 2]}}, True),
        ({"name": "n", "numbers": {"a": "1"}}, False),
    ],
)
def test_a_schema_refuses_what_conversion_refuses(
    data: dict[str, Any], fits: bool
) -> None:
    assert Draft7Validator(schema_of(Outer)).is_valid(data) is fits
    if fits:
        config.convert(data, Outer)
    else:
        with pytest.raises(config.ConfigError):
            config.convert(data, Outer)


def shipped() -> Iterator[tuple[str, Path]]:
    """Yield kinds and paths of the configuration files of the package."""
    for path in experiments().values():
        yield config.read(path).get("task", DEFAULT_TASK), path
    for kind, folder in FOLDERS.items():
        for path in sorted((CONFIGS / folder).glob("*.yaml")):
            river = kind == "hindcast" and "river" in config.read(path)["data"]
            yield f"{kind}-river" if river else kind, path


def test_every_folder_of_configuration_files_has_a_schema() -> None:
    known = {"experiments", "project", *FOLDERS.values()}
    assert {path.parent.name for path in CONFIGS.glob("*/*.yaml")} == known


@pytest.mark.parametrize(
    ("kind", "path"), [pytest.param(*entry, id=entry[1].stem) for entry in shipped()]
)
def test_files_of_the_package_fit_and_misspelt_keys_do_not(
    kind: str, path: Path
) -> None:
    validator = Draft7Validator(file_schema(kind))
    data = plain(config.read(path))
    assert [error.message for error in validator.iter_errors(data)] == []
    wrong = copy.deepcopy(data)
    wrong["a_key_of_nothing"] = 1
    assert not validator.is_valid(wrong)


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_schema_is_one(kind: str) -> None:
    Draft7Validator.check_schema(file_schema(kind))


def test_a_component_may_choose_what_its_system_lets_it_choose() -> None:
    validator = Draft7Validator(file_schema("component-hydrology"))
    settings = {"start_time": "1980-10-01", "locations": {"ids": ["a"]}}
    assert validator.is_valid({**settings, "evaporation": "oudin"})
    assert not validator.is_valid({**settings, "evaporation": "odin"})


def test_a_realization_fits_as_the_framework_reads_it(tmp_path: Path) -> None:
    domain, run = tmp_path / "domain", tmp_path / "run"
    assert main(["ngen", "sample", str(domain)]) == 0
    files = [str(domain / name) for name in ("sample.gpkg", "forcing.nc")]
    hours = ["--start", "1980-03-15", "--end", "1980-03-16"]
    assert main(["ngen", "prepare", *files, *hours, "--output", str(run)]) == 0
    made = json.loads((run / "config" / "realization.json").read_text("utf-8"))
    validator = Draft7Validator(file_schema("realization"))
    assert [error.message for error in validator.iter_errors(made)] == []
    (formulation,) = made["global"]["formulations"]
    formulation["params"]["uses_forcing_file"] = "false"  # as text, and no matter
    formulation["params"]["a_key_of_others"] = 1
    assert validator.is_valid(made)
    for key in ("main_output_variable", "model_type_name"):
        wrong = copy.deepcopy(made)
        del wrong["global"]["formulations"][0]["params"][key]
        assert not validator.is_valid(wrong)


def test_the_command_writes_and_names_kinds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "schema.json"
    assert main(["schema", "basins", "--output", str(path)]) == 0
    assert json.loads(path.read_text(encoding="utf-8")) == file_schema("basins")
    assert main(["schema", "basin"]) == 1
    assert (
        "unknown kind 'basin', expected one of archive, arrays,"
        in capsys.readouterr().err
    )
