"""Recipes of trainings with δMG as experiments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ....errors import ConfigError
from ...importing import ImportedExperiment
from .dmg_file import Dmg, Test, Train
from .dmg_model import TrainedModel

__all__ = ["days", "experiment_of"]

LOSSES = {
    "mse": "mse", "rmse": "rmse", "rmsecomb": "rmse_combined", "nsebatch": "nse_batch",
    "nselogbatch": "nse_log_batch", "nsesqrtbatch": "nse_sqrt_batch",
    "nsetrendbatch": "nse_trend_batch", "kgebatch": "kge",
}  # fmt: skip
"""Losses there, in small letters without ``Loss``, ``Flow`` and ``_``, and here."""

OPTIMIZERS = ("adadelta", "adam", "adamw", "sgd")

PASSES = -math.log(0.01)
"""How often each time step enters the loss in one epoch there: as many windows are
drawn as leave out one step in a hundred."""


def days(path: Path, file: Dmg, name: str) -> tuple[str, str] | None:
    """Return the first and the last day of a period, where both are given.

    Raises
    ------
    ConfigError
        One is no day.
    """
    block: Train | Test = getattr(file, name)
    if block.start_time is None or block.end_time is None:
        return None
    return (
        _day(f"{path}: {name}.start_time", block.start_time),
        _day(f"{path}: {name}.end_time", block.end_time),
    )


def _day(where: str, text: str) -> str:
    try:
        return date.fromisoformat(text.replace("/", "-")).isoformat()
    except ValueError:
        raise ConfigError(
            f"{where}: found {text!r}, expected a day such as 1999/10/01"
        ) from None


def experiment_of(path: Path, file: Dmg, model: TrainedModel) -> ImportedExperiment:
    """Return the experiment that a configuration stands for, and what is other in it.

    Parameters
    ----------
    path : Path
        The file, for messages.
    file : Dmg
        What stands in it.
    model : TrainedModel
        What it says of the model.

    Raises
    ------
    ConfigError
        There is no such loss, optimiser or period here.
    """
    return _Recipe(path, file, model).imported()


class _Recipe:
    """One training, and what of it is other here."""

    def __init__(self, path: Path, file: Dmg, model: TrainedModel) -> None:
        self.path, self.file, self.model = path, file, model
        self.remarks: list[str] = []

    def imported(self) -> ImportedExperiment:
        model, file = self.model, self.file
        train = days(self.path, file, "train")
        if train is None:
            raise ConfigError(
                f"{self.path}: train: expected start_time and end_time, the days that"
                " are learned from"
            )
        test = days(self.path, file, "test")
        dropout = model.network.dropout or 0.0
        if model.network.hidden_size is None:
            raise ConfigError(f"{self.path}: model.nn.hidden_size: expected a number")
        experiment = {
            "name": f"dhbv-{model.version}",
            "about": f"HBV {model.version} with parameters from an LSTM, after a "
            "configuration of δMG",
            "seed": file.seed,
            "task": "basins",
            "data": {"path": "", "attributes": "file"},
            "periods": {
                "train": list(train),
                "validation": None,
                **({"test": list(test)} if test else {}),
            },
            "model": model.block(model.network.hidden_size, dropout),
            "loss": self._loss(),
            "training": self._training(train),
        }
        self._say_other(dropout)
        return ImportedExperiment(experiment, (*self.remarks, *model.remarks()))

    def say(self, key: str, text: str) -> None:
        """Tell what of the file is other in the experiment."""
        self.remarks.append(f"{key}: {text}")

    def _loss(self) -> str:
        block = self.file.train.loss_function or "RmseCombLoss"
        if isinstance(block, str):
            block = {"name": block}
        name = str(block.get("name", block.get("model")))
        key = name.lower().replace("_", "").replace("loss", "").replace("flow", "")
        if key not in LOSSES:
            raise ConfigError(
                f"{self.path}: train.loss_function.name: found {name!r}, expected one "
                f"of {', '.join(LOSSES)}, with Loss behind"
            )
        for other in sorted(set(block) - {"name", "model"}):
            self.say(
                f"train.loss_function.{other}", f"{block[other]} is not taken over"
            )
        if key == "kgebatch":
            self.say(
                "train.loss_function.name", "the mean of 1 - KGE over basins, each by "
                "its own days; there one KGE of all days of a batch"
            )  # fmt: skip
        return LOSSES[key]

    def _training(self, train: tuple[str, str]) -> dict[str, Any]:
        recipe, model = self.file.train, self.file.model
        first, last = map(date.fromisoformat, train)
        count = (last - first).days + 1
        if count <= model.warmup + model.rho:
            raise ConfigError(
                f"{self.path}: model.rho: windows of {model.warmup} + {model.rho} days "
                f"do not fit into the {count} days of train"
            )
        tested = self.file.test.test_epoch
        epochs = min(recipe.epochs, tested) if tested else recipe.epochs
        if epochs != recipe.epochs:
            self.say("train.epochs", f"{epochs} of {recipe.epochs}, as test_epoch says")
        passes = round(epochs * PASSES * (count - model.warmup) / count, 2)
        self.say(
            "train.epochs", f"there one is as many windows as leave out a hundredth of "
            f"the days, here one pass over all of them: {passes:g}"
        )  # fmt: skip
        return {
            "epochs": passes,
            "batch": recipe.batch_size,
            "warmup": model.warmup,
            "window": model.rho,
            "warmup_gradient": not self.model.physics.warmup_states,
            "optimizer": self._optimizer(),
            "schedule": self._schedule(),
            "gradient_clip": recipe.grad_clip,
            "validate_every": 200,
            "device": "auto" if self.file.device.startswith("cuda") else "cpu",
        }

    def _optimizer(self) -> dict[str, Any]:
        block = self.file.train.optimizer
        name = str(block.get("name") if isinstance(block, Mapping) else block)
        if name.lower() not in OPTIMIZERS:
            raise ConfigError(
                f"{self.path}: train.optimizer.name: found {name!r}, expected one of "
                f"{', '.join(OPTIMIZERS)}"
            )
        for other in sorted(set(block) - {"name"} if isinstance(block, dict) else ()):
            self.say(f"train.optimizer.{other}", "not taken over")
        return {
            "name": name.lower(), "rate": self.file.train.lr, "weight_decay": 0.0
        }  # fmt: skip

    def _schedule(self) -> str:
        block = self.file.train.lr_scheduler
        name = block.get("name") if isinstance(block, Mapping) else block
        kind = str(name or "none").lower()
        if kind == "cosineannealinglr":
            return "cosine"
        if kind != "none":
            self.say("train.lr_scheduler", f"constant rate in place of {name}")
        return "none"

    def _say_other(self, dropout: float) -> None:
        self.say(
            "observations", f"{self.file.source} is a pickle, which could run code and "
            "is not read; data.path=... says which file or folder of basins is"
        )  # fmt: skip
        self.say(
            "weights", "none beside the file, nor in model_dir; this is the experiment,"
            " to be trained"
        )  # fmt: skip
        if dropout:
            self.say(
                "model.nn.dropout", f"{dropout:g} of the outputs of the LSTM, there of "
                "its weights"
            )  # fmt: skip
        self.say(
            "model.nn", "members start spread over the bounds of parameters, there by "
            "chance"
        )  # fmt: skip
        self.say(
            "constants", "those of the last day of a window, in training and scores; "
            "dmx export makes a bundle in which they are running means of what the "
            "network has answered so far"
        )  # fmt: skip
