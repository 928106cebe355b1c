"""Where the course of a training is written, besides the table that is always kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import MLFlowLogger, TensorBoardLogger, WandbLogger

from ..errors import ConfigError

__all__ = ["loggers_of", "refuse_absent"]


def refuse_absent(names: Sequence[str]) -> None:
    """Refuse loggers whose package is not installed.

    Raises
    ------
    ConfigError
        Naming the extra that brings it.
    """
    for name in names:
        if find_spec(name) is None:
            extra = "train" if name == "tensorboard" else name
            raise ConfigError(
                f"training.loggers: {name!r} is a package that is not installed; pip"
                f" install 'bmi-dmx[{extra}]' brings it"
            )


def loggers_of(names: Sequence[str], folder: Path, start: int) -> list[Any]:
    """Return the loggers of a run.

    Nothing leaves the machine unless the environment asks for it, by the variables of
    the packages themselves: ``WANDB_MODE=online``, ``MLFLOW_TRACKING_URI``.

    Parameters
    ----------
    names : sequence of str
        As configured.
    folder : Path
        Of the run.
    start : int
        Step at which training starts.
    """
    return [_MADE[name](folder, start) for name in names]


def _tensorboard(folder: Path, start: int) -> Any:
    return TensorBoardLogger(folder, name="", version="tensorboard", purge_step=start)


class _Finished(WandbLogger):
    """A run of W&B that ends with its training; the next one would go into it else."""

    def finalize(self, status: str) -> None:
        """End the run, so that its file is whole."""
        super().finalize(status)
        if self._experiment is not None:
            self._experiment.finish(exit_code=int(status != "success"))
            self._experiment = None


def _wandb(folder: Path, start: int) -> Any:
    # Its own default is to ask for an account.
    online = os.environ.get("WANDB_MODE") == "online"
    return _Finished(
        name=folder.name, project=_family(folder), save_dir=folder, offline=not online
    )


def _mlflow(folder: Path, start: int) -> Any:
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    return MLFlowLogger(
        experiment_name=_family(folder),
        run_name=folder.name,
        tracking_uri=uri or f"sqlite:///{(folder / 'mlflow.db').resolve()}",
        artifact_location=None if uri else str((folder / "mlflow").resolve()),
    )


def _family(folder: Path) -> str:
    """Return what runs of one experiment have in common."""
    return folder.name.rpartition("-")[0] or folder.name


_MADE: dict[str, Callable[[Path, int], Any]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
}
