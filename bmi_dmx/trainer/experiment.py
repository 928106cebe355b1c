"""The configuration of an experiment: data, periods, model, loss, training, scoring."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any, Literal

import torch

from ..errors import ConfigError, suggestion
from ..models.delta import DeltaModel
from ..models.registries import networks, processes
from ..models.spec import ModelSpec
from ..models.statistics import Moments, Statistics
from ..registry import Registry
from .data.spec import Condition, DataSpec
from .losses import compose
from .metrics import metrics

__all__ = [
    "ALL",
    "Evaluation",
    "Experiment",
    "Optimizer",
    "Period",
    "Periods",
    "Training",
]

Period = tuple[date, date]
"""First and last day, both included."""

ALL = "all"
"""Name of the group of all basins."""


@dataclass(frozen=True, kw_only=True)
class Periods:
    """Days for learning, for choosing, and for the final judgement.

    Parameters
    ----------
    train : (date, date)
        Days the loss is computed on. Warm-up days may lie before them.
    validation : (date, date), optional
        Days the best checkpoint is chosen on. Without it the last one is the best.
    test : (date, date), optional
        Days that nothing looks at before the evaluation.

    Raises
    ------
    ConfigError
        A period ends before it starts, or two of them share days.
    """

    train: Period
    validation: Period | None = None
    test: Period | None = None

    def __post_init__(self) -> None:
        given = [(name, getattr(self, name)) for name in self.names]
        for at, (name, (first, last)) in enumerate(given):
            if first > last:
                raise ConfigError(f"{name}: {first} to {last} ends before it starts")
            for other, (start, end) in given[:at]:
                if first <= end and start <= last:
                    raise ConfigError(
                        f"{other} ({start} to {end}) and {name} ({first} to {last}) "
                        "share days"
                    )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the periods that are given."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) is not None)

    def __getitem__(self, name: str) -> Period:
        """Return a period by name.

        Raises
        ------
        ConfigError
            There is no such period.
        """
        if name not in self.names:
            hint = suggestion(name, self.names)
            raise ConfigError(f"periods: no period {name!r} is given{hint}")
        period: Period = getattr(self, name)
        return period


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """How a gradient becomes a step.

    Parameters
    ----------
    name : {"adamw", "adam", "adadelta", "sgd"}
        Optimiser of PyTorch; ``sgd`` with momentum 0.9.
    rate : float
        Learning rate; the highest one where a schedule changes it.
    weight_decay : float
        Pull of the weights towards zero.
    """

    name: Literal["adamw", "adam", "adadelta", "sgd"] = "adamw"
    rate: float = 4e-3
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate) and self.rate > 0.0):
            raise ConfigError(f"rate: found {self.rate}, expected a number above 0")
        if not 0.0 <= self.weight_decay < math.inf:
            raise ConfigError(
                f"weight_decay: found {self.weight_decay}, expected 0 or more"
            )


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long and how to train.

    Parameters
    ----------
    steps : int, optional
        Optimiser steps.
    epochs : float, optional
        Instead of steps: how often, on average, each basin-day enters the loss. Rounded
        up to whole steps, and to whole validations where there is more than one.
    batch : int
        Windows in a step, of as many different basins as there are.
    warmup, window : int
        Days of a window before the loss counts, and days it counts.
    optimizer : Optimizer
        Optimiser and learning rate.
    schedule : {"one_cycle", "cosine", "none"}
        Course of the learning rate: up and down (Smith & Topin 2019,
        doi:10.1117/12.2520589), down along a cosine, or constant.
    gradient_clip : float, optional
        Longest gradient (Euclidean norm) that a step may use.
    validate_every : int
        Steps between two looks at the validation period; divides the steps.
    checkpoint_every : int, optional
        Steps between two checkpoints; divides ``validate_every``, its default.
    patience : int, optional
        Validations without improvement after which training stops.
    threads : int, optional
        Threads of PyTorch and the kernels; as many as it likes when absent.

    Raises
    ------
    ConfigError
        A number is impossible, or numbers contradict each other.
    """

    steps: int | None = None
    epochs: float | None = None
    batch: int = 100
    warmup: int = 365
    window: int = 365
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Literal["one_cycle", "cosine", "none"] = "one_cycle"
    gradient_clip: float | None = 1.0
    validate_every: int = 500
    checkpoint_every: int | None = None
    patience: int | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "window", "validate_every", "checkpoint_every"):
            _at_least(name, getattr(self, name), 1)
        for name, least in (("warmup", 0), ("patience", 1), ("threads", 1)):
            _at_least(name, getattr(self, name), least)
        for name in ("epochs", "gradient_clip"):
            value = getattr(self, name)
            if value is not None and not 0.0 < value < math.inf:
                raise ConfigError(f"{name}: found {value}, expected a number above 0")
        if (self.steps is None) == (self.epochs is None):
            raise ConfigError("steps or epochs: exactly one of them must be given")
        if self.checkpoint_every is not None:
            _divides("checkpoint_every", self.checkpoint_every, self.validate_every)
        if self.steps is not None and self.steps > self.validate_every:
            _divides("validate_every", self.validate_every, self.steps)

    def total_steps(self, basins: int, days: int) -> int:
        """Return the number of steps, given the extent of the training data.

        Epochs are rounded up to whole steps, and to whole validations where there is
        more than one.
        """
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        steps = math.ceil(self.epochs * basins * days / (self.batch * self.window))
        if steps <= self.validate_every:
            return steps
        return math.ceil(steps / self.validate_every) * self.validate_every

    def intervals(self, steps: int) -> tuple[int, int]:
        """Return the steps between checkpoints, and between validations.

        Parameters
        ----------
        steps : int
            All steps; a run shorter than ``validate_every`` validates at its end.
        """
        validate = min(self.validate_every, steps)
        short = self.checkpoint_every is None or self.validate_every > steps
        return validate if short else self.checkpoint_every or validate, validate


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a trained model is scored.

    Parameters
    ----------
    warmup : int, optional
        Days simulated before a scored period, as far as the record reaches; default:
        the warm-up of the training.
    metrics : "all" or list of str
        Registered metrics.
    groups : dict
        Named subsets of the basins, whose scores are reported besides those of ``all``,
        by conditions on attributes as in ``data.where``.
    published : dict
        Median NSE of other models by name, drawn beside ours.
    basins : int
        Basins simulated at a time; bounds the memory.
    """

    warmup: int | None = None
    metrics: Literal["all"] | tuple[str, ...] = "all"
    groups: dict[str, dict[str, Condition]] = field(default_factory=dict)
    published: dict[str, float] = field(default_factory=dict)
    basins: int = 64

    def __post_init__(self) -> None:
        _at_least("warmup", self.warmup, 0)
        _at_least("basins", self.basins, 1)
        if self.metrics != "all":
            if not self.metrics:
                raise ConfigError("metrics: the list is empty, expected names or 'all'")
            for name in self.metrics:
                metrics[name]
        if ALL in self.groups:
            raise ConfigError(f"groups.{ALL}: this is the group of all basins")


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Everything that decides a training run and its scores.

    Parameters
    ----------
    name : str
        Name of the experiment and of the bundle it gives; letters, digits, ``-_.``.
    about : str
        One line about the model.
    licence : str
        Licence of the trained model (SPDX identifier).
    sources : list of str
        Citations of the data.
    seed : int
        Seed of all random numbers.
    data : DataSpec
        What is read.
    periods : Periods
        Which days serve what.
    model : ModelSpec
        What is trained.
    loss : str or dict of str to float
        Registered loss, or weights by name.
    training : Training
        How it is trained.
    evaluation : Evaluation
        How it is scored.
    """

    name: str
    about: str = ""
    licence: str = "NOASSERTION"
    sources: tuple[str, ...] = ()
    seed: int = 0
    data: DataSpec
    periods: Periods
    model: ModelSpec
    loss: str | dict[str, float]
    training: Training
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", self.name, re.ASCII):
            raise ConfigError(
                f"name: found {self.name!r}, expected letters, digits, '-', '_', '.'"
            )
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed: found {self.seed}, expected 0 to 4294967295")
        compose(self.loss)
        _check_model(self.model)
        first, last = self.periods.train
        days = (last - first).days + 1
        if self.training.window > days:
            raise ConfigError(
                f"training.window: {self.training.window} days do not fit into "
                f"periods.train, {first} to {last}, which has {days}"
            )
        if self.model.time_step != "daily":
            raise ConfigError(
                f"model.time_step: found {self.model.time_step!r}; the data of a "
                "training are daily"
            )
        if self.training.patience is not None and self.periods.validation is None:
            raise ConfigError(
                "training.patience: stopping early needs periods.validation"
            )

    @property
    def evaluation_warmup(self) -> int:
        """Days simulated before a scored period, as far as the record reaches."""
        given = self.evaluation.warmup
        return self.training.warmup if given is None else given

    @property
    def learned_days(self) -> Period:
        """First and last day that training and validation look at.

        Those of training alone where the test period lies between the two.
        """
        train, test = self.periods.train, self.periods.test
        validation = self.periods.validation or train
        first, last = min(train[0], validation[0]), max(train[1], validation[1])
        between = test is not None and first <= test[0] <= last
        return train if between else (first, last)


def _check_model(spec: ModelSpec) -> None:
    """Refuse names that a model cannot be made of, before any data are read."""
    named: dict[str, tuple[Registry[Any], str]] = {"process": (processes, spec.process)}
    heads = {"static": spec.static, "dynamic": spec.dynamic}
    for key, head in heads.items():
        if head is not None:
            named[f"{key}.network"] = (networks, head.network)
    for key, (registry, name) in named.items():
        if name not in registry:
            hint = suggestion(name, registry)
            raise ConfigError(f"model.{key}: unknown {name!r}{hint}")
    # The same model but small: what its parts refuse is the same, and costs nothing.
    small = replace(
        spec,
        members=1,
        static=replace(spec.static, hidden=(1,) * len(spec.static.hidden)),
        dynamic=None if spec.dynamic is None else replace(spec.dynamic, hidden=1),
    )
    statistics = Statistics({n: Moments(0.0, 1.0) for n in spec.network_inputs})
    try:
        # Its random weights must not change the numbers that are drawn afterwards.
        with torch.random.fork_rng(devices=[]):
            DeltaModel(small, statistics)
    except ConfigError as error:
        raise ConfigError(f"model.{error}") from None


def _at_least(name: str, value: int | None, least: int) -> None:
    if value is not None and value < least:
        raise ConfigError(f"{name}: found {value}, expected at least {least}")


def _divides(name: str, part: int, whole: int) -> None:
    if whole % part:
        near = max(d for d in range(1, part) if whole % d == 0)
        raise ConfigError(
            f"{name}: {part} does not divide {whole}; the next smaller number that "
            f"does is {near}"
        )
