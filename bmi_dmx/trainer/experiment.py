"""What all experiments have: a name, a seed, a model, and how it is trained.

A task adds keys of its own: what is learned from, and how the result is judged.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

from ..compose.spec import ModelSpec
from ..conversion import plain, refuse_outside
from ..errors import ConfigError
from .registries import DEFAULT_TASK

__all__ = ["Anchor", "Experiment", "Optimizer", "Training"]

Anchor = Callable[[str, str], str]
"""From a key and a relative path under it to an absolute path."""

DEVICE = r"cpu|gpu|auto|cuda(:\d+)?"

E = TypeVar("E", bound="Experiment")


_MOST_THREADS = 4096
"""More than any machine has: the system ends processes that ask for many more."""


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """How a gradient becomes a step.

    Parameters
    ----------
    name : {"adamw", "adam", "adadelta", "sgd", "muon"}
        Optimiser of PyTorch, ``sgd`` with momentum 0.9; or ``muon``, which turns
        matrices by their orthogonalised momentum, and moves the rest as ``adamw``.
    rate : float
        Learning rate; the highest one where a schedule changes it.
    weight_decay : float
        Pull of the weights towards zero.
    """

    name: Literal["adamw", "adam", "adadelta", "sgd", "muon"] = "adamw"
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
        Instead of steps: how often, on average, each time step of every place enters
        the loss. Rounded up to whole steps, and to whole validations where there is
        more than one.
    batch : int
        Windows in a step, of as many different places as there are.
    warmup : int
        Time steps of the data that the model runs before the loss counts.
    window : int
        Time steps of the data, after the warm-up, that the loss counts.
    warmup_gradient : bool
        Whether the gradient reaches back through the warm-up; a task that simulates it
        together with what counts lets it in any case.
    optimizer : Optimizer
        Optimiser and learning rate.
    accumulate : int
        Shares of a batch that are simulated one after the other, which bounds the
        memory: the gradient is that of the whole batch. More than one share costs a
        second simulation of each.
    schedule : {"one_cycle", "cosine", "cosine_restarts", "none"}
        Course of the learning rate: up and down (Smith & Topin 2019,
        doi:10.1117/12.2520589), down along a cosine, the same again and again
        (Loshchilov & Hutter 2017, doi:10.48550/arXiv.1608.03983), or constant.
    restart_every : int, optional
        Steps of the first cosine of ``cosine_restarts``.
    restart_growth : int
        How many times as long as the one before every further cosine is.
    precision : {"float32", "bf16"}
        Arithmetic of the networks in training; ``bf16`` keeps their weights, physics,
        losses and validations in float32.
    averaging : float, optional
        How much of the running mean of the weights is kept at every step, such as 0.98;
        it is this mean that is validated and exported (Polyak and Juditsky 1992,
        doi:10.1137/0330046, with exponential weights). Default: the weights themselves.
    gradient_clip : float, optional
        Longest gradient (Euclidean norm) that a step may use.
    bounds_penalty : float
        Weight in the loss of the mean square of what networks that supply parameters
        answer, as logits of the share of the bounds: keeps parameters off their bounds.
    validate_every : int
        Steps between two validations; divides the steps.
    checkpoint_every : int, optional
        Steps between two checkpoints; divides ``validate_every``, its default.
    patience : int, optional
        Validations without improvement after which training stops.
    threads : int, optional
        Threads of PyTorch and the kernels; as many as it likes when absent.
    loggers : list of {"tensorboard", "wandb", "mlflow"}
        Where the course of the training is written besides ``metrics.csv``: into the
        folder of the run, or where the environment variables of W&B and MLflow say.
    device : str
        Where the model is trained: ``cpu``, ``gpu``, ``cuda`` for one of NVIDIA, a
        certain one such as ``cuda:0``, or ``auto``, a GPU where there is one.

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
    warmup_gradient: bool = False
    optimizer: Optimizer = field(default_factory=Optimizer)
    accumulate: int = 1
    schedule: Literal["one_cycle", "cosine", "cosine_restarts", "none"] = "one_cycle"
    restart_every: int | None = None
    restart_growth: int = 1
    precision: Literal["float32", "bf16"] = "float32"
    averaging: float | None = None
    gradient_clip: float | None = 1.0
    bounds_penalty: float = 0.0
    validate_every: int = 500
    checkpoint_every: int | None = None
    patience: int | None = None
    threads: int | None = None
    loggers: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = ("tensorboard",)
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in (
            "steps", "batch", "window", "validate_every", "checkpoint_every",
            "accumulate", "restart_every", "restart_growth",
        ):  # fmt: skip
            refuse_outside(name, getattr(self, name), 1)
        refuse_outside("warmup", self.warmup, 0)
        refuse_outside("patience", self.patience, 1)
        refuse_outside("threads", self.threads, 1, _MOST_THREADS)
        for name in ("epochs", "gradient_clip"):
            value = getattr(self, name)
            if value is not None and not 0.0 < value < math.inf:
                raise ConfigError(f"{name}: found {value}, expected a number above 0")
        if self.averaging is not None and not 0.0 < self.averaging < 1.0:
            raise ConfigError(
                f"averaging: found {self.averaging}, expected a share between 0 and 1"
            )
        if not 0.0 <= self.bounds_penalty < math.inf:
            raise ConfigError(
                f"bounds_penalty: found {self.bounds_penalty}, expected 0 or more"
            )
        if (self.restart_every is None) == (self.schedule == "cosine_restarts"):
            raise ConfigError(
                f"restart_every: found {self.restart_every} with schedule"
                f" {self.schedule!r}; 'cosine_restarts' needs it, and no other has it"
            )
        if (self.steps is None) == (self.epochs is None):
            raise ConfigError("steps or epochs: exactly one of them must be given")
        if self.checkpoint_every is not None:
            _divides("checkpoint_every", self.checkpoint_every, self.validate_every)
        if self.steps is not None and self.steps > self.validate_every:
            _divides("validate_every", self.validate_every, self.steps)
        if not re.fullmatch(DEVICE, self.device, re.ASCII):
            raise ConfigError(
                f"device: found {self.device!r}, expected 'cpu', 'gpu', 'cuda', 'auto'"
                " or a certain one such as 'cuda:0'"
            )

    def total_steps(self, places: int, times: int) -> int:
        """Return the number of steps, given the extent of the training data.

        Epochs are rounded up to whole steps, and to whole validations where there is
        more than one.
        """
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        steps = math.ceil(self.epochs * places * times / (self.batch * self.window))
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
    task : str
        Registered task: what is learned from.
    model : ModelSpec
        What is trained.
    training : Training
        How it is trained.

    Raises
    ------
    ConfigError
        A value is impossible, or there can be no such model.
    """

    VALIDATION: ClassVar[str] = "validation"
    """The key that says what a validation looks at."""

    LONGER_STEPS: ClassVar[bool] = False
    """Whether the task runs models in longer steps before their own."""

    name: str
    about: str = ""
    licence: str = "NOASSERTION"
    sources: tuple[str, ...] = ()
    seed: int = 0
    task: str = DEFAULT_TASK
    model: ModelSpec
    training: Training

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", self.name, re.ASCII):
            raise ConfigError(
                f"name: found {self.name!r}, expected letters, digits, '-', '_', '.'"
            )
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed: found {self.seed}, expected 0 to 4294967295")
        try:
            from ..compose import check_spec

            check_spec(self.model)
        except ConfigError as error:
            raise ConfigError(f"model.{error}") from None
        if self.model.step_before is not None and not self.LONGER_STEPS:
            raise ConfigError(
                "model: has a network that runs before another in steps of "
                f"{self.model.step_before:g} s, which the task {self.task!r} does not "
                "run; it would learn nothing"
            )
        if self.training.patience is not None and not self.validates:
            raise ConfigError(
                f"training.patience: stopping early needs {self.VALIDATION}"
            )

    @property
    def validates(self) -> bool:
        """Whether there is something to choose the best model on."""
        return False

    def resolved(self: E, anchored: Anchor) -> E:
        """Return the experiment with all resolved that depends on its place.

        Parameters
        ----------
        anchored : callable
            Makes a relative path absolute, given the key it stands under.
        """
        return self

    def course(self) -> dict[str, Any]:
        """Return what decides the course of a training, as plain values."""
        names = ("seed", "task", "model", "training")
        return {name: plain(getattr(self, name)) for name in names}


def _divides(name: str, part: int, whole: int) -> None:
    if whole % part:
        near = max(d for d in range(1, part) if whole % d == 0)
        raise ConfigError(
            f"{name}: {part} does not divide {whole}; the next smaller number that "
            f"does is {near}"
        )
