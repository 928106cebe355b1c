"""Protocols as files: what they are made of, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer.protocols.protocol import (
    experiments_of,
    find_protocol,
    load_protocol,
    protocols,
)
from bmi_dmx.trainer.protocols.splits import PlaceTable, folds_of


@pytest.mark.parametrize("name", protocols())
def test_every_shipped_protocol_can_be_read(name: str) -> None:
    path = find_protocol(name)
    protocol = load_protocol(path)
    assert protocol.name == path.stem
    assert protocol.about
    for experiment in experiments_of(protocol, path).values():
        assert not experiment.validates
    assert all(one.source for one in protocol.published)


@pytest.mark.parametrize("name", sorted({*protocols()} - {"sample"}))
def test_an_lstm_and_what_is_published_stand_beside_physics(name: str) -> None:
    """The LSTM is cut short, to about the seconds that the physics takes."""
    path = find_protocol(name)
    protocol = load_protocol(path)
    made = experiments_of(protocol, path)
    assert made["static"].model.parts["land"].process == "hbv11p"
    parts = made["lstm"].model.parts
    assert [one.process for one in parts.values() if one.process] == [
        "hargreaves", "learned_flow", "depth_to_volume",
    ]  # fmt: skip
    assert made["lstm"].training.steps < made["static"].training.steps
    assert protocol.published


def test_what_is_published_says_something() -> None:
    path = find_protocol("pub")
    with pytest.raises(ConfigError, match="m: expected scores, or about"):
        load_protocol(path, ["published=[{name: m, source: a paper}]"])
    alone = load_protocol(path, ["models={static: camels_static}", "model_settings={}"])
    assert [*experiments_of(alone, path)] == ["static"]


def test_the_folds_of_pub_are_a_seeded_permutation_cut_into_five() -> None:
    ids = np.array([f"{7 * number % 541:08d}" for number in range(541)])
    folds, _ = folds_of(load_protocol(find_protocol("pub")).places, PlaceTable(ids=ids))
    drawn = np.random.default_rng(0).permutation(np.sort(ids))
    for fold, part in zip(folds, np.array_split(drawn, 5), strict=True):
        assert fold.held_out == tuple(sorted(part.tolist()))


def test_settings_reach_all_models_and_those_of_one_win() -> None:
    path = find_protocol("sample")
    settings = ["settings.training.steps=30", "settings.training.validate_every=30"]
    wide = 'model_settings={wide: {"model.members": 5, training.steps: 60}}'
    experiments = experiments_of(load_protocol(path, [*settings, wide]), path)
    assert experiments["small"].training.steps == 30
    assert experiments["wide"].training.steps == 60
    assert experiments["wide"].model.parts["land"].members == 5
    assert {name: e.name for name, e in experiments.items()} == {
        "small": "small",
        "wide": "wide",
    }


def test_models_are_files_beside_the_protocol(tmp_path: Path) -> None:
    text = find_protocol("sample").read_text(encoding="utf-8")
    experiment = Path("bmi_dmx/configs/experiments/delaware.yaml")
    root = Path(__file__).resolve().parents[3]
    (tmp_path / "own.yaml").write_bytes((root / experiment).read_bytes())
    path = tmp_path / "protocol.yaml"
    path.write_text(text.replace("small: delaware", "small: own.yaml"), "utf-8")
    assert experiments_of(load_protocol(path), path)["small"].task == "basins"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seeds=[1,1]", "seeds: found [1, 1], expected one or more, each once"),
        ("seeds=[]", "seeds: found [], expected one or more"),
        ("seeds=[0,-1]", "seeds: expected at least 0, found -1"),
        ("models={}", "models: none is given"),
        ("models={a b: delaware}", "models: found 'a b'"),
        ("models={wide: delaware, Wide: delaware}", "differ in capitals alone"),
        (
            "places={by: regions, attribute: x, groups: {a: [b], A: [c]}}",
            "groups: 'a' and 'A' differ in capitals alone",
        ),
        ("places.by=fold", "places.by"),
        ("places.stratify=x", "places"),
        ("places={by: regions, groups: {a: [b]}}", "groups: are of regions"),
        ("places.folds=1", "folds: expected at least 2, found 1"),
        ("model_settings={wyde: {}}", "did you mean 'wide'"),
        ("modells={}", "did you mean 'models'"),
    ],
)
def test_what_is_wrong_is_named(setting: str, message: str) -> None:
    path = find_protocol("sample")
    settings = ["places.by=nothing"] if "stratify" in setting else []
    with pytest.raises(ConfigError) as error:
        load_protocol(path, [*settings, setting])
    assert str(path) in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("settings.training.stps=3", "models.small: "),
        ("models.small=delawar", "models.small: delawar: no such file"),
    ],
)
def test_what_is_wrong_in_an_experiment_is_said_with_its_model(
    setting: str, message: str
) -> None:
    path = find_protocol("sample")
    with pytest.raises(ConfigError) as error:
        experiments_of(load_protocol(path, [setting]), path)
    assert f"{path}: {message}" in str(error.value)


def test_a_protocol_that_is_not_there_has_a_near_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'extremes'"):
        find_protocol("extreme")


def test_a_protocol_says_no_more_than_what_is_its_own(tmp_path: Path) -> None:
    seeds, whole = (load_protocol(find_protocol(n)) for n in ("seeds", "temporal_15"))
    assert seeds.published == whole.published
    assert seeds.settings == whole.settings
    assert (len(seeds.seeds), len(whole.seeds)) == (5, 1)
    path = tmp_path / "mine.yaml"
    for like, problem in (
        ("temporal", "like: temporal: no such file, nor a shipped protocol; did you"),
        ("seeds", "is like 'temporal_15' itself"),
    ):
        path.write_text(f"name: mine\nlike: {like}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=problem):
            load_protocol(path)
    path.write_text("name: mine\nlike: other.yaml\n", encoding="utf-8")
    other = find_protocol("sample").read_text(encoding="utf-8")
    (tmp_path / "other.yaml").write_text(other, encoding="utf-8")
    assert load_protocol(path).models == load_protocol(find_protocol("sample")).models


def test_models_of_different_tasks_are_not_compared() -> None:
    path = find_protocol("sample")
    protocol = load_protocol(
        path, ["settings={}", "model_settings={}",
               "models={a: delaware, b: leaf_c3_made}"],
    )  # fmt: skip
    with pytest.raises(ConfigError, match="expected those of one task"):
        experiments_of(protocol, path)
