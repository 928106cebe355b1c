"""One training step and one validation, as Lightning wants them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LRScheduler,
    OneCycleLR,
)

from ..compose import Model
from ..compose.parameterization import raw_outputs, train_networks_in
from ..errors import ConfigError, DataError, ScanError, StateError, TrainingError
from .averaging import AVERAGE, Average
from .checkpoint import COMPANIONS, LAYOUT, OWN, random_state, restore_random_state
from .companion import Companion, groups, learning
from .experiment import Optimizer as OptimizerSpec
from .experiment import Training
from .muon import Muon
from .processes import Processes
from .shares import Shares, mean_square
from .task import Task

__all__ = ["MOST_FAILURES", "TrainingModule"]

LOG_EVERY = 20
"""Steps between two rows in the logs."""

MOST_FAILURES = 20
"""Steps in a row without a finite gradient after which training gives up."""

LARGEST_WEIGHT = 1e6
"""Weights beyond have diverged; sums of a few products of such numbers overflow."""

LOWER_RATE = "a smaller training.optimizer.rate may help"


class TrainingModule(LightningModule):
    """A model in training.

    Parameters
    ----------
    task : Task
        What is learned from; prepared for the model.
    model : Model
        What is trained.
    training : Training
        Optimiser, schedule and clipping.
    steps : int
        Number of steps of the whole training.
    validates : bool
        Whether the task has something to validate on.
    settings : mapping of str to object
        Plain values of all that decides the training, kept in checkpoints.
    companions : mapping of str to Companion
        Models that are trained with it.
    processes : Processes
        Who trains it.

    Raises
    ------
    ConfigError
        Batches cannot be shared as they are to be.
    """

    def __init__(
        self,
        task: Task[Any],
        model: Model,
        training: Training,
        steps: int,
        validates: bool,
        settings: Mapping[str, Any],
        companions: Mapping[str, Companion] | None = None,
        processes: Processes | None = None,
    ) -> None:
        super().__init__()
        self.processes = processes or Processes()
        self.shares: Shares | None = None
        if self.processes.count > 1 or training.accumulate > 1:
            self.shares = Shares(
                task, self.processes, training.accumulate, training.batch,
                training.bounds_penalty,
            )  # fmt: skip
        self.task = task
        self.model = model
        self.training_spec = training
        self.steps = steps
        self.validates = validates
        self.settings = settings
        with_it = companions or {}
        self.companions = nn.ModuleDict({n: one.model for n, one in with_it.items()})
        for one in with_it.values():
            one.model.requires_grad_(one.learns)
        if training.precision == "bf16":
            train_networks_in(self, torch.bfloat16)
        self.average = Average(self, training.averaging) if training.averaging else None
        self.groups = groups(model, with_it, training.optimizer.rate)
        self.last_loss = self.gradient_norm = math.nan
        self.failures = 0
        self.random: list[dict[str, Any]] = []
        self._restored: dict[str, Any] | None = None
        self._data = dict(task.fingerprint)

    @property
    def weights(self) -> int:
        """How many numbers are learned."""
        return sum(w.numel() for w in learning(self.groups))

    def training_step(self, batch: Any, index: int) -> Tensor:
        """Return the loss of one batch."""
        penalty = self.training_spec.bounds_penalty
        with self._diverging():
            if self.shares is not None:
                loss = self.shares.loss(self.model, batch)
            elif penalty:
                with raw_outputs(self.model) as raw:
                    loss = self.task.loss(self.model, batch)
                loss = loss + penalty * mean_square(raw)
            else:
                loss = self.task.loss(self.model, batch)
        self.last_loss = loss.item()
        return loss

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Give the weights the gradient of the batch, of all shares of it."""
        if self.shares is None:
            super().backward(loss, *args, **kwargs)
        else:
            with self._diverging():
                self.shares.backward(loss, learning(self.groups))

    @contextmanager
    def _diverging(self) -> Iterator[None]:
        """Say at which step, of numbers that a scan refuses that weights made them."""
        try:
            yield
        except TrainingError as error:
            raise TrainingError(
                f"step {self.global_step}: {error}; {LOWER_RATE}"
            ) from error
        except ScanError as error:
            largest = max(float(w.detach().abs().max()) for w in self.parameters())
            if largest < LARGEST_WEIGHT:
                raise
            raise TrainingError(
                f"step {self.global_step}: the weights diverged ({error}); {LOWER_RATE}"
            ) from error

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Shorten the gradient, or drop it where it or the loss is not finite.

        Without gradients the optimiser leaves weights and moments as they are, while
        the step counts, so that the schedule and the batches go on.

        Raises
        ------
        TrainingError
            After 20 such steps in a row.
        """
        limit = self.training_spec.gradient_clip or math.inf
        norm = torch.nn.utils.clip_grad_norm_(learning(self.groups), limit)
        self.gradient_norm = float(norm)
        if math.isfinite(self.gradient_norm) and math.isfinite(self.last_loss):
            self.failures = 0
            return
        self.failures += 1
        optimizer.zero_grad(set_to_none=True)
        if self.failures >= MOST_FAILURES:
            raise TrainingError(
                f"step {self.global_step}: loss {self.last_loss}, norm of its gradient "
                f"{self.gradient_norm}; not finite in {self.failures} steps in a row; "
                f"{LOWER_RATE}"
            )

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Let the mean of the weights follow, and log now and then."""
        if self.average is not None:
            self.average.follow()
        step = self.global_step
        if step % LOG_EVERY == 0 or step == 1:
            rate = self.trainer.optimizers[0].param_groups[0]["lr"]
            self._log_values(
                loss=self.last_loss, gradient_norm=self.gradient_norm, rate=float(rate)
            )

    def _log_values(self, **values: float) -> None:
        for logger in self.loggers:
            logger.log_metrics(values, self.global_step)

    def validation_step(self, batch: int, index: int) -> None:
        """Nothing: :meth:`on_validation_epoch_end` scores all of it at once."""

    def on_validation_epoch_end(self) -> None:
        """Score the validation data.

        Raises
        ------
        TrainingError
            The model has no score.
        """
        with self._diverging(), self.averaged():
            value = self.processes.from_first(lambda: self.task.validate(self.model))
            if not math.isfinite(value):
                raise TrainingError(f"{self.task.monitor.about}: not a number")
        self.log(self.task.monitor.name, value, logger=False)
        self._log_values(**{self.task.monitor.name: value})

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Let the weights be their mean, where there is one."""
        with nullcontext() if self.average is None else self.average.instead():
            yield

    def configure_optimizers(self) -> Any:
        """Return the optimiser and its schedule."""
        spec = self.training_spec
        optimizer = _optimizer(spec.optimizer, self.groups)
        schedule = _schedule(spec, optimizer, self.steps)
        if schedule is None:
            return optimizer
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def gather_random(self) -> None:
        """Collect the random numbers of all processes, which one writes."""
        self.random = self.processes.all_of(random_state())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add all that decides how training goes on."""
        checkpoint[OWN] = {
            "layout": LAYOUT,
            "settings": self.settings,
            "data": self._data,
            "facts": dict(self.task.facts),
            "statistics": self.model.statistics.to_dict(),
            **({COMPANIONS: self._others()} if self.companions else {}),
            "batches": self.task.batches.state_dict(),
            "random": self.random[0],
            **({"random_of_others": self.random[1:]} if self.random[1:] else {}),
            "failures": self.failures,
            **({} if self.average is None else {AVERAGE: self.average.weights()}),
            "stopping": self.trainer.should_stop,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what must wait until training starts.

        Raises
        ------
        DataError
            The data are not those that the training began with.
        StateError
            Something is missing without which training does not go on.
        ConfigError
            The training began with another number of processes.
        """
        section = checkpoint[OWN]
        for name in ("data", "statistics", "batches", "random", "failures", "stopping"):
            if name not in section:
                raise StateError(f"the checkpoint is not whole: {name!r} is missing")
        now = {
            **self._data,
            "statistics": self.model.statistics.to_dict(),
            COMPANIONS: self._others(),
        }
        before = {
            **section["data"],
            "statistics": section["statistics"],
            COMPANIONS: section.get(COMPANIONS, {}),
        }
        for name in {**before, **now}:
            if now.get(name) != before.get(name):
                raise DataError(
                    f"the data changed since the run began: {name} of the training "
                    "or validation data, warm-ups included, differ from those of the "
                    "checkpoint"
                )
        count, begun = (
            self.processes.count,
            1 + len(section.get("random_of_others", ())),
        )
        if count != begun:
            raise ConfigError(
                f"processes: found {count}, but the run began with {begun}; it can only"
                " continue with as many"
            )
        self._restored = section

    def _others(self) -> dict[str, Any]:
        """Return the statistics of the companions."""
        statistics = {}
        for name, model in self.companions.items():
            assert isinstance(model, Model)
            statistics[name] = model.statistics.to_dict()
        return statistics

    def on_train_start(self) -> None:
        """Bring what the task keeps to the model; go on as a checkpoint says."""
        self.task.to(self.device)
        section = self._restored
        if section is not None:
            self.task.batches.load_state_dict(section["batches"])
            self.failures = section["failures"]
            if self.average is not None:
                self.average.resume(section.get(AVERAGE, {}))
            # Stopped early, and killed before that was noted in the folder.
            self.trainer.should_stop = section["stopping"]
            states = [section["random"], *section.get("random_of_others", ())]
            restore_random_state(states[self.processes.rank])
            self._restored = None


def _optimizer(spec: OptimizerSpec, weights: list[dict[str, Any]]) -> Optimizer:
    common: dict[str, Any] = {"lr": spec.rate, "weight_decay": spec.weight_decay}
    if spec.name == "adamw":
        return torch.optim.AdamW(weights, **common)
    if spec.name == "adam":
        return torch.optim.Adam(weights, **common)
    if spec.name == "adadelta":
        return torch.optim.Adadelta(weights, **common)
    if spec.name == "muon":
        return Muon(weights, **common)
    return torch.optim.SGD(weights, momentum=0.9, **common)


def _schedule(spec: Training, optimizer: Optimizer, steps: int) -> LRScheduler | None:
    if spec.schedule == "one_cycle":
        cycles = spec.optimizer.name != "adadelta"
        return OneCycleLR(
            optimizer,
            [group["lr"] for group in optimizer.param_groups],
            # The scheduler moves once more after the last step.
            total_steps=steps + 1,
            cycle_momentum=cycles,
        )
    if spec.schedule == "cosine":
        return CosineAnnealingLR(optimizer, steps)
    if spec.restart_every is not None:
        return CosineAnnealingWarmRestarts(
            optimizer, spec.restart_every, spec.restart_growth
        )
    return None
