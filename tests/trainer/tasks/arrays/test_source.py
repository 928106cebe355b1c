"""Series from functions and files: found under the names of the model, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import torch

from bmi_dmx.config import convert
from bmi_dmx.errors import ConfigError, DataError, UnitsError
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.tasks.arrays.evaluate import opened
from bmi_dmx.trainer.tasks.arrays.experiment import Experiment

from . import systems
from .conftest import Write
from .systems import EXPERIMENTS, heated


def experiment(**data: Any) -> Experiment:
    content = EXPERIMENTS["heated"]
    return convert({**content, "data": {**content["data"], **data}}, Experiment)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The heated bodies as a file, in other units and under other names."""
    arrays, path = heated(), tmp_path / "bodies.nc"
    with netCDF4.Dataset(path, "w") as out:
        out.createDimension("time", 60)
        out.createDimension("body", 8)
        for name, values, units in (
            ("T", arrays["forcing"]["around"] + 273.15, "K"),
            ("gain", arrays["targets"]["gain"] * 24.0, "degC d-1"),
        ):
            variable = out.createVariable(name, "f8", ("time", "body"))
            variable.units = units
            variable[:] = np.ma.masked_invalid(values)
        size = out.createVariable("size", "f8", ("body",))
        size.units = "m"
        size[:] = arrays["attributes"]["size"]
    return path


FILE = {"names": {"around": "T"}, "targets": ["gain"]}


def test_a_file_gives_what_a_function_does(file: Path) -> None:
    samples, units = opened(experiment(source=str(file), **FILE))
    expected, _ = opened(experiment(targets=["gain"]))
    for a, b in (
        (samples.forcing["around"], expected.forcing["around"]),
        (samples.targets["gain"], expected.targets["gain"]),
        (samples.attributes["size"], expected.attributes["size"]),
    ):
        torch.testing.assert_close(a, b, equal_nan=True, rtol=1e-4, atol=1e-4)
    assert units == {"size": "m"}


def test_a_function_is_called_with_options() -> None:
    samples, units = opened(experiment(options={"places": 5, "steps": 40}))
    assert (samples.count, samples.steps) == (5, 40)
    assert set(samples.targets) == {"gain", "warmth"}
    # What the model does not read is left alone.
    assert set(samples.attributes) == {"size"}
    assert units == {"size": "m"}


def test_a_relative_path_starts_at_the_file(write: Write, tmp_path: Path) -> None:
    settings = ["data={source: a.nc, targets: [gain]}"]
    path = write("heated")
    assert load_experiment(path).data.source.endswith("systems:heated")  # type: ignore[attr-defined]
    text = path.read_text("utf-8")
    revision = text.replace("source: ", "targets: [gain]\n  source: ")
    path.write_text(revision.replace(f"{systems.__name__}:heated", "b/a.nc"), "utf-8")
    experiment = load_experiment(path)
    assert experiment.data.source == str(tmp_path / "b/a.nc")  # type: ignore[attr-defined]
    experiment = load_experiment(path, settings)
    assert experiment.data.source == str(Path.cwd() / "a.nc")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"source": ""}, "data: source: found nothing"),
        ({"targets": []}, "data: targets: the list is empty"),
        ({"source": "a.nc"}, "data: targets: those of a file must be named"),
        ({"source": "a.nc", "options": {"a": 1}}, "data: options: only a function"),
        ({"source": "nowhere.at:all"}, r"data\.source: nowhere\.at:all cannot be impo"),
        ({"source": f"{systems.__name__}:heatd"}, r"data\.source: .* cannot be imp"),
        ({"options": {"place": 3}}, r"data\.options\.place: .* did you mean 'places'"),
        ({"targets": ["gian"]}, r"data\.targets: the model gives no 'gian'; did you"),
        ({"targets": ["rate_of"]}, r"data\.targets: the model gives no 'rate_of'"),
        ({"names": {"around": "air"}}, "gives no 'air' among its forcing; known: aro"),
        ({"source": "/no/file.nc", "targets": ["gain"]}, "no file /no/file.nc"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_source_is_named(
    data: dict[str, Any], message: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        opened(experiment(**data))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda made: {**made, "forcings": {}}, "returned 'forcings'; did you mean"),
        (lambda made: [made], "returned list, expected a mapping with forcing, attr"),
        (lambda made: {**made, "targets": {"gian": made["targets"]["gain"]}},
         "has a target 'gian', which the model does not give; did you mean 'gain'"),
        (lambda made: {**made, "targets": {}}, "the source gives none"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, change: Any, message: str
) -> None:
    monkeypatch.setattr(systems, "heated", lambda: change(heated()))
    with pytest.raises(DataError, match=message):
        opened(experiment())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": {"around": "air"}}, r"bodies\.nc: no variable 'air'; known: T, g"),
        ({"names": {"around": "size"}}, r"variable 'size': .*|has dimensions \('body'"),
        ({"targets": ["warmth"]}, r"bodies\.nc: no variable 'warmth'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_named(
    file: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises((DataError, UnitsError), match=message):
        opened(experiment(source=str(file), **{**FILE, **change}))


def test_units_are_needed_where_they_matter(file: Path) -> None:
    with netCDF4.Dataset(file, "a") as out:
        del out["T"].units
    with pytest.raises(UnitsError, match=r"variable 'T' has no units, .* 'degC'"):
        opened(experiment(source=str(file), **FILE))


def test_what_is_no_file_of_series_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    path.write_text("no", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.nc: cannot be read as NetCDF"):
        opened(experiment(source=str(path), targets=["gain"]))
