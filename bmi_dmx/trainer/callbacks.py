"""What happens around the training steps: checkpoints, progress, a table."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ProgressBar
from lightning.pytorch.loggers.logger import Logger
from tqdm import tqdm

from ..errors import DataError
from ..files import atomic
from .module import TrainingModule
from .run_folder import RunFolder
from .task import Monitor

__all__ = ["Checkpoints", "MetricsFile", "Progress", "ScoreWatch", "Watching"]

Watching = Callable[[int, float], None]
"""Called with step and score of a validation, once the checkpoint of it is written and
before the next step; so not of the last one. What it raises ends the training."""

MOST_SECONDS = 30.0
"""Of work that an interruption may cost, if a step does not take longer."""


class Checkpoints(Checkpoint):
    """Saves the last checkpoint after every interval, the best after a validation.

    The last one is saved after some time as well, however long the interval is.

    The best one is written first: should the process die in between, the last
    checkpoint is older, leads to the same validation again, and the best one is written
    once more.

    Parameters
    ----------
    folder : RunFolder
        Where to write.
    monitor : Monitor
        The score that says which is the best.
    interval : int
        Steps after which it is saved in any case.
    spent : float
        Seconds that the training took before it was resumed.
    """

    def __init__(
        self, folder: RunFolder, monitor: Monitor, interval: int, spent: float = 0.0
    ) -> None:
        self.folder = folder
        self.monitor = monitor
        self.interval = interval
        self._saved = time.monotonic()
        self._began = self._saved - spent
        self.best_score = monitor.worst
        self.best_step = 0
        self._validated: float | None = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember the score until the interval ends."""
        self._validated = float(trainer.callback_metrics[self.monitor.name])

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save."""
        assert isinstance(pl_module, TrainingModule)
        score, self._validated = self._validated, None
        better = score is not None and self.monitor.better(score, self.best_score)
        if better and score is not None:
            self.best_score, self.best_step = score, trainer.global_step
        regular = score is not None or trainer.global_step % self.interval == 0
        # All processes have to agree, and their clocks need not.
        late = time.monotonic() - self._saved > MOST_SECONDS
        if not regular and not pl_module.processes.from_first(lambda: late):
            return
        self._saved = time.monotonic()
        pl_module.gather_random()
        if not pl_module.processes.first:
            return
        if better or (regular and not pl_module.validates):
            with pl_module.averaged():
                trainer.save_checkpoint(self.folder.best)
        trainer.save_checkpoint(self.folder.last)
        self.folder.keep_spent(self.seconds)

    @property
    def seconds(self) -> float:
        """How long the training took so far, from its first start on."""
        return time.monotonic() - self._began

    def state_dict(self) -> dict[str, Any]:
        """Return the best score so far."""
        return {"best_score": self.best_score, "best_step": self.best_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.best_score = state_dict["best_score"]
        self.best_step = state_dict["best_step"]


class MetricsFile(Logger):
    """The course of the training as a CSV file that always is complete so far.

    Parameters
    ----------
    path : Path
        The file. When it exists, it is continued.
    score : str
        Name of the score of a validation.
    step : int
        Step at which training starts; later rows of an earlier attempt are dropped.

    Raises
    ------
    DataError
        The file that is there is none of a training any more.
    """

    def __init__(self, path: Path, score: str, step: int = 0) -> None:
        super().__init__()
        self.columns = ("step", "loss", "rate", score)
        rows = self._kept(path, step) if path.exists() else []
        with (
            atomic(path) as temporary,
            open(temporary, "w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.columns)
            writer.writerows(rows)
        self.path = path

    def _kept(self, path: Path, step: int) -> list[list[str]]:
        """Return the rows up to a step; nothing that was edited is thrown away."""
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            head, *rows = list(csv.reader(file)) or [list(self.columns)]
        # A line that a kill cut short has too few cells.
        if rows and len(rows[-1]) < len(self.columns):
            rows.pop()
        for line, row in enumerate([head, *rows], 1):
            numbered = line == 1 or (row[:1] and row[0].isdecimal())
            if len(row) != len(self.columns) or not numbered:
                raise DataError(
                    f"{path}: line {line}: found {','.join(row)!r:.60}, expected "
                    f"{','.join(self.columns)!r}, as it was written; where the file is"
                    " moved away a new one begins"
                )
        return [row for row in rows if int(row[0]) <= step]

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "csv"

    @property
    def version(self) -> str:
        """Not used."""
        return ""

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: the configuration lies beside the file."""

    def log_metrics(
        self, metrics: Mapping[str, float], step: int | None = None
    ) -> None:
        """Append one row."""
        row = {**metrics, "step": step}
        cells = [_cell(row.get(name)) for name in self.columns]
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(cells)


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.7g}"


class Progress(ProgressBar):
    """One bar over all steps, and a line for every validation."""

    def __init__(self) -> None:
        super().__init__()
        self.bar: Any = None
        self.began = time.perf_counter()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar."""
        assert isinstance(pl_module, TrainingModule)
        self.began = time.perf_counter()
        self.bar = tqdm(
            total=pl_module.steps,
            initial=trainer.global_step,
            desc="training",
            unit="step",
            dynamic_ncols=True,
            disable=None,  # no bar where the error stream is a file
        )

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Move on."""
        assert isinstance(pl_module, TrainingModule)
        self.bar.set_postfix_str(f"loss {pl_module.last_loss:.4f}", refresh=False)
        self.bar.update()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say how the validation went."""
        assert isinstance(pl_module, TrainingModule)
        monitor = pl_module.task.monitor
        score = float(trainer.callback_metrics[monitor.name])
        seconds = time.perf_counter() - self.began
        line = (
            f"step {trainer.global_step:6d}  {monitor.about} {score:.4f}  "
            f"{seconds:.0f} s"
        )
        self.bar.write(line, file=sys.stderr)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the bar."""
        self.bar.close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()


class ScoreWatch(Callback):
    """Tells somebody the score of every validation, once it is saved.

    Parameters
    ----------
    watching : callable
        Who is told.
    monitor : Monitor
        The score.
    """

    def __init__(self, watching: Watching, monitor: Monitor) -> None:
        self.watching, self.monitor = watching, monitor
        self._score: float | None = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember the score until the checkpoint is written."""
        self._score = float(trainer.callback_metrics[self.monitor.name])

    def on_train_epoch_start(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> None:
        """Tell."""
        score, self._score = self._score, None
        if score is not None:
            self.watching(trainer.global_step, score)
