"""Train a model as an experiment says, from the start or from where a run stopped."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from ..compose import Model
from ..describe import versions
from ..errors import ConfigError
from ..files import atomic
from ..kernels.memory import retained
from .callbacks import Checkpoints, MetricsFile, Progress, ScoreWatch, Watching
from .checkpoint import OWN, AtomicCheckpoints, read_checkpoint, seed_everything
from .device import lightning_device
from .experiment import Experiment
from .experiment_file import differences, find_experiment, load_experiment, naming
from .loggers import loggers_of, refuse_absent
from .module import TrainingModule
from .processes import Processes, joined
from .provenance import commit
from .registries import tasks
from .run_folder import RunFolder
from .task import Monitor

__all__ = ["resume", "train", "train_experiment"]

log = logging.getLogger(__name__)


def train(
    config: str | Path,
    overrides: Iterable[str] = (),
    *,
    root: str | Path = "runs",
) -> Path:
    """Train a model in a new folder ``<root>/<name>-<n>``.

    Parameters
    ----------
    config : path or str
        YAML file of the experiment, or the name of one that comes with the package.
    overrides : iterable of str
        ``key.key=value`` settings that replace those of the file.
    root : path
        Folder of all runs.

    Returns
    -------
    Path
        The folder of the run: ``config.yaml`` as resolved, ``checkpoints/`` with
        ``best.ckpt`` and ``last.ckpt``, ``metrics.csv``, ``tensorboard/``, and when
        training is finished ``training.json`` and ``training.png``.

    Raises
    ------
    ConfigError, DataError, UnitsError
        The experiment or its data are wrong.
    TrainingError
        The gradient was not finite for many steps in a row.
    """
    file = find_experiment(config)
    experiment = load_experiment(file, overrides)
    with naming(file, experiment):
        return train_experiment(experiment, Path(root))


def train_experiment(experiment: Experiment, root: Path) -> Path:
    """Train what an experiment says in a new folder, and return that.

    Raises
    ------
    ConfigError, DataError, UnitsError, TrainingError
        As of :func:`train`.
    """
    with joined(experiment.training.device) as processes:
        # Before a folder is made: what is wrong with the data leaves nothing behind.
        module = build(experiment, processes)
        folder = processes.from_first(lambda: RunFolder.create(root, experiment))
        with _alone(folder, processes):
            processes.from_first(lambda: module.task.keep(folder))
            _announce(module, folder)
            _fit(experiment, module, folder, resumed=False)
    return folder.path


def resume(run: str | Path, watching: Watching | None = None) -> Path:
    """Continue a run from its last checkpoint, bit for bit as if it never stopped.

    A run that stopped before its first checkpoint begins again.

    Parameters
    ----------
    run : path
        Folder of the run.
    watching : callable, optional
        Called with the step and the score of every validation but the last; what it
        raises ends the training.

    Raises
    ------
    ConfigError
        The folder is not one of a run, another process trains in it, its configuration
        was changed, or the run is finished.
    DataError
        The data changed since the run began.
    StateError
        The checkpoint is damaged.
    """
    folder = RunFolder(Path(run))
    experiment = folder.experiment()
    with (
        joined(experiment.training.device) as processes,
        _alone(folder, processes),
    ):
        if folder.summary.exists():
            raise ConfigError(f"{folder.path}: this run is finished")
        _refuse_changed(experiment, folder)
        resumed = processes.from_first(folder.last.exists)
        length = _pass_of(folder.last) if resumed else 1
        with naming(folder.config, experiment):
            module = build(experiment, processes, length)
        processes.from_first(folder.remove_partial)
        _announce(module, folder)
        _fit(experiment, module, folder, length, resumed=resumed, watching=watching)
    return folder.path


@contextmanager
def _alone(folder: RunFolder, processes: Processes) -> Iterator[None]:
    """Keep trainings of others out of a folder; the first process does it for all."""
    with folder.held() if processes.first else nullcontext():
        yield


def _pass_of(path: Path) -> int:
    """Return the steps in a pass that a checkpoint counts.

    It is one step, so that a checkpoint can be written after any; checkpoints of
    earlier versions count passes from one checkpoint to the next.
    """
    checkpoint = read_checkpoint(path)
    steps: int = checkpoint["global_step"] // (checkpoint["epoch"] + 1)
    return steps


def _announce(module: TrainingModule, folder: RunFolder) -> None:
    """Say where a training writes, and what it is made of."""
    log.info(
        "%s: %s, %d weights, %d steps%s",
        folder.path,
        module.task.about,
        module.weights,
        module.steps,
        f", {count} processes" if (count := module.processes.count) > 1 else "",
    )


def build(
    experiment: Experiment, processes: Processes | None = None, length: int = 1
) -> TrainingModule:
    """Return the model of an experiment, ready to be trained on its data.

    Statistics of what its networks read are those of the training data. Processes
    begin with the same weights; what is silenced in training differs between them. A
    pass of the training has ``length`` steps.

    Raises
    ------
    ConfigError, DataError, UnitsError
        There is no such device, or the data are wrong.
    """
    spec = experiment.training
    refuse_absent(spec.loggers)
    processes = processes or Processes()
    lightning_device(spec.device, processes.count)
    task = tasks[experiment.task](experiment)
    seed_everything(experiment.seed)
    model = Model(experiment.model, task.statistics())
    steps = spec.total_steps(*task.extent)
    companions = task.companions()
    task.prepare(model, length)
    if processes.rank:
        seed_everything((experiment.seed + processes.rank) % 2**32)
    return TrainingModule(
        task, model, spec, steps, experiment.validates, experiment.course(), companions,
        processes,
    )  # fmt: skip


def _refuse_changed(experiment: Experiment, folder: RunFolder) -> None:
    """Refuse a configuration that is not the one the checkpoint was made with."""
    if not folder.last.exists():
        return
    now = experiment.course()
    before = read_checkpoint(folder.last)[OWN]["settings"]
    for key, (actual, expected) in differences(now, before).items():
        raise ConfigError(
            f"{folder.config}: {key}: found {actual!r}, but the run began with"
            f" {expected!r}; it can only continue as it began"
        )


def _fit(
    experiment: Experiment,
    module: TrainingModule,
    folder: RunFolder,
    length: int = 1,
    *,
    resumed: bool,
    watching: Watching | None = None,
) -> None:
    spec = experiment.training
    every, validate = spec.intervals(module.steps)
    start = read_checkpoint(folder.last)["global_step"] if resumed else 0
    monitor = module.task.monitor
    spent = folder.spent() if resumed else 0.0
    checkpoints = Checkpoints(folder, monitor, every, spent)
    first = module.processes.first
    watch = [] if watching is None else [ScoreWatch(watching, monitor)]
    with _quiet(), _settings(spec.threads), retained():
        trainer = Trainer(
            **lightning_device(spec.device, module.processes.count),
            max_epochs=module.steps // length,
            check_val_every_n_epoch=validate // length,
            limit_val_batches=1 if module.validates else 0,
            num_sanity_val_steps=0,
            logger=_loggers(spec.loggers, folder, monitor, start) if first else [],
            callbacks=[*_callbacks(module, monitor, checkpoints), *watch],
            plugins=[AtomicCheckpoints()],
            deterministic=True,
            enable_model_summary=False,
            enable_progress_bar=first,
            log_every_n_steps=1,
            default_root_dir=folder.path,
        )
        try:
            trainer.fit(
                module,
                train_dataloaders=module.task.batches,
                val_dataloaders=[0],
                ckpt_path=folder.last if resumed else None,
                weights_only=True,
            )
        except SystemExit:
            # What Lightning makes of an interruption by the user.
            raise KeyboardInterrupt(_stopped(folder, trainer.global_step)) from None
    if first:
        _finish(folder, module, trainer, checkpoints)


def _stopped(folder: RunFolder, step: int) -> str:
    """Return where a training was interrupted, and how it goes on."""
    if not folder.last.exists():
        saved = "before the first checkpoint; begin again"
    else:
        saved = f"saved at step {read_checkpoint(folder.last)['global_step']}; continue"
    return f"at step {step}, {saved} with: dmx train {folder.path}"


def _callbacks(
    module: TrainingModule, monitor: Monitor, checkpoints: Checkpoints
) -> list[Callback]:
    callbacks: list[Callback] = [Progress()] if module.processes.first else []
    patience = module.training_spec.patience
    if patience is not None:
        stop = EarlyStopping(
            monitor.name,
            mode="max" if monitor.maximize else "min",
            patience=patience,
            check_on_train_epoch_end=False,
        )
        callbacks.append(stop)
    return [*callbacks, checkpoints]


def _loggers(
    names: Sequence[str], folder: RunFolder, monitor: Monitor, start: int
) -> list[Any]:
    table = MetricsFile(folder.metrics, monitor.name, start)
    return [table, *loggers_of(names, folder.path, start)]


def _finish(
    folder: RunFolder,
    module: TrainingModule,
    trainer: Trainer,
    checkpoints: Checkpoints,
) -> None:
    """Write what came out; the file says that the run is finished."""
    from .plots import training_curve

    validated, monitor = module.validates, module.task.monitor
    summary = {
        "steps": trainer.global_step,
        "planned_steps": module.steps,
        "stopped_early": trainer.global_step < module.steps,
        "best_step": checkpoints.best_step if validated else trainer.global_step,
        monitor.best: checkpoints.best_score if validated else None,
        "weights": module.weights,
        "seconds": round(checkpoints.seconds, 3),
        "versions": versions(("torch", "lightning", "numpy")),
        "commit": commit(),
    }
    training_curve(
        folder.path / "training.png", folder.metrics, {monitor.name: monitor.about}
    )
    with atomic(folder.summary) as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Lightning says about devices, and about itself."""
    loggers = [logging.getLogger(f"lightning.{n}") for n in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # Lightning 2.6 uses a name that PyTorch 2.13 is about to drop.
            warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
            # The first process validates for all; there is nothing to take a mean of.
            warnings.filterwarnings("ignore", ".*sync_dist", UserWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _settings(threads: int | None) -> Iterator[None]:
    """Restore the settings of PyTorch that training changes."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads or before[0])
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
