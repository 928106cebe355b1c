"""The configuration of an experiment: what is accepted, resolved and refused."""

from __future__ import annotations

import contextlib
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.compose import Model, Moments, Statistics, plan
from bmi_dmx.compose.parts import make_parts
from bmi_dmx.config import as_yaml, convert, read
from bmi_dmx.conversion import plain
from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer.experiment import Experiment as AnyExperiment
from bmi_dmx.trainer.experiment import Training
from bmi_dmx.trainer.experiment_file import (
    find_experiment,
    load_experiment,
    save_experiment,
)
from bmi_dmx.trainer.tasks.basins.experiment import Experiment

SHIPPED = sorted(
    Path(str(entry)).stem
    for entry in (files("bmi_dmx.configs") / "experiments").iterdir()
)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_experiment_describes_a_model(name: str) -> None:
    experiment = load_experiment(find_experiment(name))
    assert experiment.name == name.replace("_", "-")
    spec = experiment.model
    targets = plan((m.part for m in make_parts(spec)), spec.seconds).targets
    names = (*spec.network_inputs, *targets)
    statistics = Statistics({n: Moments(0.0, 1.0) for n in names})
    assert Model(spec, statistics).answers


def test_the_experiments_on_large_samples_are_shipped() -> None:
    assert {"camels_static", "camels_static_all", "camels_dynamic"} <= set(SHIPPED)


def test_a_shipped_experiment_has_no_path_of_one_machine() -> None:
    for name in SHIPPED:
        data = load_experiment(find_experiment(name)).data
        path = getattr(data, "path", "")  # what is made has none
        assert path == "" or path.startswith("$")


def test_what_is_written_reads_back_the_same(tiny: Path, tmp_path: Path) -> None:
    first = load_experiment(tiny, ["training.patience=2", "data.path=x.nc"])
    save_experiment(tmp_path / "config.yaml", first)
    assert load_experiment(tmp_path / "config.yaml") == first


def test_attributes_are_computed_without_the_test_period(tiny: Path) -> None:
    data = load_experiment(tiny).data
    assert data.attributes_period == (date(1979, 2, 1), date(1979, 12, 31))


def test_nor_do_they_where_it_lies_between_the_others(tiny: Path) -> None:
    between = "periods.test=[1979-10-01, 1979-12-31]"
    after = "periods.validation=[1980-01-01, 1980-12-30]"
    data = load_experiment(tiny, [between, after]).data
    assert data.attributes_period == (date(1979, 2, 1), date(1979, 9, 30))
    before = "periods.test=[1978-10-01, 1978-12-31]"
    data = load_experiment(tiny, [before, after]).data
    assert data.attributes_period == (date(1979, 2, 1), date(1980, 12, 30))


def test_a_relative_path_starts_at_the_file(tiny: Path, tmp_path: Path) -> None:
    entries = read(tiny)
    entries["data"] |= {"path": "a/b.nc", "basins": "c.txt"}
    file = tmp_path / "there.yaml"
    file.write_text(as_yaml(entries), encoding="utf-8")
    data = load_experiment(file).data
    assert data.path == str(tmp_path / "a/b.nc")
    assert data.basins == str(tmp_path / "c.txt")


@pytest.mark.parametrize(
    "settings",
    [
        ["data.path=a/b.nc", "data.basins=c.txt"],
        ["data={reader: basins, path: a/b.nc, basins: c.txt}"],
    ],
)
def test_a_relative_path_of_the_command_line_starts_at_the_current_folder(
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: list[str],
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    data = load_experiment(tiny, settings).data
    assert data.path == str(Path.cwd() / "a/b.nc")
    assert data.basins == str(Path.cwd() / "c.txt")


@pytest.mark.parametrize("text", ["${FOLDER}/b.nc", "~/b.nc", "/a/b.nc", ""])
def test_other_paths_stay_as_they_are(tiny: Path, text: str) -> None:
    assert load_experiment(tiny, [f"data.path='{text}'"]).data.path == text


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.step=5", "training.step: unknown key; did you mean 'steps'?"),
        ("trainin.steps=5", "trainin: unknown key; did you mean 'training'?"),
        ("loss={nse_bach: 1}", "unknown loss 'nse_bach'; did you mean 'nse_batch'?"),
        ("loss.nse_batch=-1", "loss.nse_batch: weight -1.0 is not a positive number"),
        ("name=a/b", "name: found 'a/b', expected letters, digits"),
        ("seed=-1", "seed: found -1, expected 0 to 4294967295"),
        ("training.warmup=-1", "training: warmup: expected at least 0, found -1"),
        ("training.batch=0", "training: batch: expected at least 1, found 0"),
        ("training.gradient_clip=0", "gradient_clip: found 0.0, expected"),
        ("training.epochs=3", "training: steps or epochs: exactly one of them"),
        ("training.steps=null", "training: steps or epochs: exactly one of them"),
        ("training.steps=25", "validate_every: 10 does not divide 25;"),
        ("training.checkpoint_every=4", "checkpoint_every: 4 does not divide 10"),
        ("training.optimizer.rate=-1", "training.optimizer: rate: found -1.0"),
        ("training.optimizer.name=adm", "training.optimizer.name: unknown value 'adm'"),
        ("training.optimizer.weight_decay=-1", "weight_decay: found -1.0, expected 0"),
        ("training.schedule=cosin", "unknown value 'cosin'; did you mean 'cosine'?"),
        ("training.window=900", "training.window: 900 steps of 86400 s do not fit"),
        ("periods.train=[1979-02-01, 1980-01-01]", "share days"),
        ("periods.train=[1979-02-01, 1979-13-01]", "train.1: found '1979-13-01'"),
        ("periods.test=[1981-01-01, 1980-01-01]", "1981-01-01 to 1980-01-01 ends"),
        ("model.time_step=hurly", "model.time_step: unknown value 'hurly'; did you"),
        ("task=basin", "task: unknown 'basin'; did you mean 'basins'?"),
        ("task=[1]", "task: unknown [1]; known: archive, arrays, basins"),
        ("training.device=gpus", "training: device: found 'gpus', expected 'cpu'"),
        ("training.threads=100000", "threads: expected at most 4096, found 100000"),
        ("model.members=0", "model: members: expected at least 1, found 0"),
        ("model.process=hbv11", "model: process: unknown 'hbv11'; did you mean 'hbv"),
        ("model.static.network=mpl", "unknown network 'mpl'; did you mean 'mlp'?"),
        ("model.static.network=lstm", "model.static.network: 'lstm' has a memory"),
        ("model.static.activation=relO", "unknown activation 'relO'; did you mean"),
        ("model.static.parameters=[beta, fd]", "model: static.parameters: unknown"),
        ("model.evaporation=hargreave", "model: evaporation: unknown 'harg"),
        ("model.dynamic={parameters: [betta], forcings: [precipitation], "
         "attributes: [p_mean]}", "model: dynamic.parameters: unknown 'betta'; did"),
        ("model.dynamic={parameters: [beta], forcings: [precip], attributes: [p_mean]}",
         "model.dynamic.forcings: unknown 'precip'; did you mean 'precipitation'?"),
        ("evaluation.metrics=[nsee]", "evaluation: unknown metric 'nsee'"),
        ("model.static.attributes=[slope-mean]", "attributes: found 'slope-mean', exp"),
        ("evaluation.metrics=[]", "evaluation: metrics: the list is empty, expected"),
        ("evaluation.groups.all={area_km2: [0, 9]}", "groups.all: this is the group"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tiny: Path, setting: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_experiment(tiny, [setting])
    assert str(caught.value).startswith(f"{tiny}: ")
    assert message in str(caught.value)


def test_looking_at_a_model_draws_no_random_numbers(tiny: Path) -> None:
    torch.manual_seed(1)
    first = torch.rand(1)
    torch.manual_seed(1)
    load_experiment(tiny)
    assert torch.equal(torch.rand(1), first)


def test_stopping_early_needs_a_validation_period(tiny: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"training\.patience: .* periods\.validation"
    ):
        load_experiment(tiny, ["periods.validation=null", "training.patience=3"])


def test_an_unknown_experiment_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'camels_static'"):
        find_experiment("camels_statc")


def test_epochs_count_how_often_each_basin_day_is_seen() -> None:
    spec = Training(epochs=3, batch=100, window=365, validate_every=50)
    # 3 x 500 x 3650 / (100 x 365) = 150 exactly.
    assert spec.total_steps(500, 3650) == 150
    assert spec.total_steps(501, 3650) == 200
    # A tenth of it is less than one validation: no step more than asked for.
    assert spec.total_steps(50, 3650) == 15


def test_a_run_shorter_than_an_interval_validates_at_its_end() -> None:
    spec = Training(steps=30, validate_every=100, checkpoint_every=50)
    assert spec.intervals(30) == (30, 30)
    assert Training(steps=200, validate_every=100).intervals(200) == (100, 100)


def _leaves(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(data, dict):
        return [leaf for k, v in data.items() for leaf in _leaves(v, (*path, k))]
    return [path]


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(2**30, 2**70),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@given(draw=st.data(), junk=JUNK)
def test_junk_is_accepted_or_refused_but_never_breaks(
    tiny: Path, draw: st.DataObject, junk: Any
) -> None:
    place = data = read(tiny)
    leaf = draw.draw(st.sampled_from(_leaves(data)))
    for key in leaf[:-1]:
        place = place[key]
    place[leaf[-1]] = junk
    with contextlib.suppress(ConfigError):
        experiment = convert(data, Experiment)
        assert convert(plain(experiment), Experiment) == experiment


def test_a_network_of_longer_steps_needs_a_task_that_runs_it() -> None:
    experiment = load_experiment(find_experiment("delaware_hours"))
    with pytest.raises(ConfigError, match="steps of 86400 s, which the task 'other' d"):
        AnyExperiment(
            name="x", task="other", model=experiment.model, training=experiment.training
        )
