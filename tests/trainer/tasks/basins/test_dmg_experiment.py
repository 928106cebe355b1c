"""Configurations of dmg without weights become experiments of the same recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bmi_dmx.config import as_yaml, read
from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.importing import write_imported

from .dmg_files import CHANGING, HIDDEN, configuration


@pytest.mark.parametrize("name", ["Hbv", "Hbv_1_1p"])
def test_a_file_without_weights_is_an_experiment(tmp_path: Path, name: str) -> None:
    settings = configuration(name)
    file = tmp_path / "config.yaml"
    file.write_text(as_yaml(settings), encoding="utf-8")
    path, remarks = write_imported("dmg", file, (), tmp_path / "mine.yaml")
    experiment = load_experiment(path)
    network = experiment.model.parts["dynamic"]
    assert network.options == {"hidden": HIDDEN, "dropout": 0.5}
    assert not set(network.window_end) & set(CHANGING[name])
    assert network.window_warmup == {"Hbv": "constant", "Hbv_1_1p": "shared"}[name]
    assert experiment.training.warmup_gradient is (name == "Hbv_1_1p")
    assert experiment.training.optimizer.name == "adadelta"
    assert experiment.training.gradient_clip is None
    assert experiment.loss == "nse_batch"
    days = experiment.periods.train
    assert (str(days[0]), str(days[1])) == ("1999-10-01", "2008-09-30")
    # 194 steps an epoch for 531 basins and windows of 365 days, and 50 epochs.
    steps = experiment.training.epochs * 531 * 3288 / (100 * 365)
    assert steps == pytest.approx(194 * 50, rel=0.02)
    text = "\n".join(remarks)
    assert "50 of 100, as test_epoch says" in text
    assert "is a pickle, which could run code and is not read" in text
    assert read(path)["seed"] == 111111


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("loss_function", {"name": "KgeNormBatchLoss"}, "expected one of mse, rmse, r"),
        ("optimizer", {"name": "RMSprop"}, "expected one of adadelta, adam, adamw"),
        ("start_time", "autumn", "train.start_time: found 'autumn', expected a day"),
        ("end_time", "2000/10/01", "windows of 365 \\+ 30 days do not fit"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused(
    tmp_path: Path, key: str, value: Any, message: str
) -> None:
    settings = configuration()
    settings["train"][key] = value
    file = tmp_path / "config.yaml"
    file.write_text(as_yaml(settings), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        write_imported("dmg", file, (), tmp_path / "mine.yaml")
