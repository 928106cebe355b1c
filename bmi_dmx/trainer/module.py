"""One training step and one validation, as Lightning wants them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR

from ..errors import DataError, ScanError, TrainingError
from ..models.delta import DeltaModel
from .checkpoint import LAYOUT, OWN, random_state, restore_random_state
from .data.sampler import Batch, Windows, WindowSampler
from .experiment import Optimizer as OptimizerSpec
from .experiment import Training
from .losses import Loss, Scale
from .metrics import median, score
from .prediction import Blocks, predict

__all__ = ["MONITOR", "MOST_FAILURES", "TrainingModule"]

MONITOR = "validation_nse"
"""Median NSE over the basins in the validation period, which chooses the best model."""

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
    model : DeltaModel
        What is trained.
    ids : sequence of str
        The basins.
    sampler : WindowSampler
        Source of the batches; its state is part of a checkpoint.
    loss : callable
        Of predicted and observed flow and their scale.
    scale : Scale
        Spread of the observations of all basins in the training period.
    validation : Blocks or None
        The validation period.
    training : Training
        Optimiser, schedule and clipping.
    steps : int
        Number of steps of the whole training.
    settings : mapping of str to object
        Plain values of all that decides the training, kept in checkpoints.
    units : mapping of str to str
        Units of the attributes, as far as they are known; kept in checkpoints.
    """

    def __init__(
        self,
        model: DeltaModel,
        ids: Sequence[str],
        sampler: WindowSampler,
        loss: Loss,
        scale: Scale,
        validation: Blocks | None,
        training: Training,
        steps: int,
        settings: Mapping[str, Any],
        units: Mapping[str, str],
    ) -> None:
        super().__init__()
        self.model = model
        self.ids = list(ids)
        self.sampler = sampler
        self.loss = loss
        self.scale = scale
        self.validation = validation
        self.training_spec = training
        self.steps = steps
        self.settings = settings
        self.units = {n: u for n, u in units.items() if n in model.attributes}
        self.last_loss = self.gradient_norm = math.nan
        self.failures = 0
        self._restored: dict[str, Any] | None = None
        self._series = _fingerprint(sampler.windows, validation)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of one batch."""
        with self._diverging():
            simulated = self.model.simulate(
                batch["forcing"], batch["attributes"], warmup=self.training_spec.warmup
            )
        scale = self.scale[batch["basin"]]
        loss = self.loss(simulated.outputs["streamflow"], batch["target"], scale)
        self.last_loss = loss.item()
        return loss

    @contextmanager
    def _diverging(self) -> Iterator[None]:
        """Say of numbers that a scan refuses that the weights made them."""
        try:
            yield
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
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), limit)
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

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Log now and then."""
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
        """Nothing: :meth:`on_validation_epoch_end` scores the whole period at once."""

    def on_validation_epoch_end(self) -> None:
        """Score the validation period.

        Raises
        ------
        TrainingError
            The simulation is not a number anywhere.
        """
        assert self.validation is not None
        with self._diverging():
            simulated = predict(self.model, self.validation)["streamflow"]
        nse = score(simulated, self.validation.observed, ["nse"])["nse"]
        value, basins = median(nse)
        if not basins:
            raise TrainingError(
                f"step {self.global_step}: no flow of the validation period is a"
                f" number; {LOWER_RATE}"
            )
        self.log(MONITOR, value, logger=False)
        self._log_values(**{MONITOR: value})

    def configure_optimizers(self) -> Any:
        """Return the optimiser and its schedule."""
        spec = self.training_spec
        optimizer = _optimizer(spec.optimizer, self.model.parameters())
        schedule = _schedule(spec, optimizer, self.steps)
        if schedule is None:
            return optimizer
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add all that decides how training goes on."""
        checkpoint[OWN] = {
            "layout": LAYOUT,
            "settings": self.settings,
            "basins": self.ids,
            "units": self.units,
            "statistics": self.model.statistics.to_dict(),
            "series": self._series,
            "sampler": self.sampler.state_dict(),
            "random": random_state(),
            "failures": self.failures,
            "stopping": self.trainer.should_stop,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what must wait until training starts.

        Raises
        ------
        DataError
            The data are not those that the training began with.
        """
        own = checkpoint[OWN]
        now = {
            "basins": self.ids,
            "statistics": self.model.statistics.to_dict(),
            "series": self._series,
        }
        for name, found in now.items():
            if own[name] != found:
                raise DataError(
                    f"the data changed since the run began: {name} of the training "
                    "or validation period differ from those of the checkpoint"
                )
        self._restored = own

    def on_train_start(self) -> None:
        """Continue with the random numbers of a checkpoint."""
        if self._restored is not None:
            self.sampler.load_state_dict(self._restored["sampler"])
            self.failures = self._restored["failures"]
            # Stopped early, and killed before that was noted in the folder.
            self.trainer.should_stop = self._restored["stopping"]
            restore_random_state(self._restored["random"])
            self._restored = None


def _fingerprint(windows: Windows, validation: Blocks | None) -> str:
    """Return a hash of all series and attributes that a training sees."""
    seen = [windows.series, *windows.attributes.values()]
    for batch in [] if validation is None else validation.batches:
        seen += [*batch["forcing"].values(), batch["target"]]
    digest = hashlib.sha256()
    for numbers in seen:
        digest.update(numbers.contiguous().numpy().data)
    return digest.hexdigest()


def _optimizer(spec: OptimizerSpec, weights: Iterator[torch.nn.Parameter]) -> Optimizer:
    common: dict[str, Any] = {"lr": spec.rate, "weight_decay": spec.weight_decay}
    if spec.name == "adamw":
        return torch.optim.AdamW(weights, **common)
    if spec.name == "adam":
        return torch.optim.Adam(weights, **common)
    if spec.name == "adadelta":
        return torch.optim.Adadelta(weights, **common)
    return torch.optim.SGD(weights, momentum=0.9, **common)


def _schedule(spec: Training, optimizer: Optimizer, steps: int) -> LRScheduler | None:
    if spec.schedule == "one_cycle":
        cycles = spec.optimizer.name != "adadelta"
        return OneCycleLR(
            optimizer,
            spec.optimizer.rate,
            # The scheduler moves once more after the last step.
            total_steps=steps + 1,
            cycle_momentum=cycles,
        )
    if spec.schedule == "cosine":
        return CosineAnnealingLR(optimizer, steps)
    return None
