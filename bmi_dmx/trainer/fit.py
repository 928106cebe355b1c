"""Train a model as an experiment says, from the start or from where a run stopped."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.loggers import TensorBoardLogger

from ..conversion import plain
from ..describe import versions
from ..errors import ConfigError, DataError
from ..files import atomic
from ..models.delta import DeltaModel
from ..models.inputs import (
    POTENTIAL_EVAPORATION,
    evaporation_process,
    fit_statistics,
)
from .callbacks import Checkpoints, MetricsFile, Progress
from .checkpoint import OWN, AtomicCheckpoints, read_checkpoint, seed_everything
from .data.basins import BasinData
from .data.read import read
from .data.sampler import WindowSampler
from .experiment import Experiment, Period
from .experiment_file import differences, find_experiment, load_experiment, naming
from .groups import basin_groups
from .losses import Scale, compose
from .metrics import median, score
from .module import MONITOR, TrainingModule
from .prediction import Blocks, blocks, with_lead
from .provenance import commit
from .run_folder import RunFolder

__all__ = ["resume", "train"]

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
    # Before a folder is made: what is wrong with the data leaves nothing behind.
    with naming(file):
        data = read(experiment.data)
        module = build(experiment, data)
    folder = RunFolder.create(Path(root), experiment)
    _announce(experiment, data, module, folder)
    _fit(experiment, module, folder, resumed=False)
    return folder.path


def resume(run: str | Path) -> Path:
    """Continue a run from its last checkpoint, bit for bit as if it never stopped.

    A run that stopped before its first checkpoint begins again.

    Parameters
    ----------
    run : path
        Folder of the run.

    Raises
    ------
    ConfigError
        The folder is not one of a run, its configuration was changed, or the run is
        finished.
    DataError
        The data changed since the run began.
    StateError
        The checkpoint is damaged.
    """
    folder = RunFolder(Path(run))
    experiment = folder.experiment()
    if folder.summary.exists():
        raise ConfigError(f"{folder.path}: this run is finished")
    _refuse_changed(experiment, folder)
    with naming(folder.config):
        data = read(experiment.data)
        module = build(experiment, data)
    folder.remove_partial()
    _announce(experiment, data, module, folder)
    _fit(experiment, module, folder, resumed=folder.last.exists())
    return folder.path


def _announce(
    experiment: Experiment, data: BasinData, module: TrainingModule, folder: RunFolder
) -> None:
    """Say where a training writes, and what it is made of."""
    first, last = experiment.periods.train
    log.info(
        "%s: %d basins, learning from %s to %s (%d days), %d weights, %d steps",
        folder.path,
        len(data.ids),
        first,
        last,
        (last - first).days + 1,
        sum(w.numel() for w in module.model.parameters()),
        module.steps,
    )


def build(experiment: Experiment, data: BasinData) -> TrainingModule:
    """Return the model of an experiment, ready to be trained on its data.

    Statistics of inputs and scales of losses are those of the training period.
    """
    spec, periods = experiment.training, experiment.periods
    _check_days(experiment, data)
    basin_groups(experiment, data)
    _check_inputs(experiment, data)
    seed_everything(experiment.seed)
    training = data.period(*periods.train)
    try:
        statistics = fit_statistics(
            experiment.model, training.dated_forcing(), training.attributes
        )
    except DataError as error:
        # All inputs are finite, so it is their logarithm or root that is not.
        raise DataError(f"model.transforms: {error}") from None
    model = DeltaModel(experiment.model, statistics)
    steps = spec.total_steps(len(data.ids), len(training.time))
    with_warmup, _ = with_lead(data, periods.train, spec.warmup)
    sampler = WindowSampler(
        with_warmup,
        model.forcings,
        model.attributes,
        warmup=spec.warmup,
        length=spec.window,
        basins=spec.batch,
        steps=spec.intervals(steps)[0],
        seed=experiment.seed,
    )
    return TrainingModule(
        model,
        data.ids.tolist(),
        sampler,
        compose(experiment.loss),
        Scale.of(training.target, data.ids.tolist()),
        _validation(experiment, model, data),
        spec,
        steps,
        _settings_of(experiment),
        data.units,
    )


def _check_inputs(experiment: Experiment, data: BasinData) -> None:
    """Refuse data that lack what the model reads."""
    model = experiment.model
    evaporation = evaporation_process(model.evaporation)
    if evaporation is None and POTENTIAL_EVAPORATION not in data.forcing:
        raise DataError(
            f"model.evaporation: 'given' takes {POTENTIAL_EVAPORATION!r} from the data,"
            " which do not hold it; a formula such as 'hargreaves' computes it"
        )
    places = [] if evaporation is None else [p.name for p in evaporation.parameters]
    forcings = () if evaporation is None else [f.name for f in evaporation.forcings]
    try:
        data.require(forcings, [*model.network_attributes, *places])
    except DataError as error:
        where = experiment.data.path or f"the data of {experiment.data.reader!r}"
        raise DataError(f"{where}: {error}") from None


def _settings_of(experiment: Experiment) -> dict[str, Any]:
    """Return what decides the course of a training, as plain values.

    Where the data lie is not among it: that they are the same is seen from themselves.
    """
    names = ("seed", "data", "model", "loss", "training")
    settings: dict[str, Any] = {n: plain(getattr(experiment, n)) for n in names}
    del settings["data"]["path"]
    periods = plain(experiment.periods)
    periods.pop("test", None)
    settings["periods"] = periods
    return settings


def _refuse_changed(experiment: Experiment, folder: RunFolder) -> None:
    """Refuse a configuration that is not the one the checkpoint was made with."""
    if not folder.last.exists():
        return
    now = _settings_of(experiment)
    before = read_checkpoint(folder.last)[OWN]["settings"]
    for key, (found, expected) in differences(now, before).items():
        raise ConfigError(
            f"{folder.config}: {key}: found {found!r}, but the run began with"
            f" {expected!r}; it can only continue as it began"
        )


def _check_days(experiment: Experiment, data: BasinData) -> None:
    """Refuse periods that the record does not cover, and windows that do not fit."""
    spec, periods = experiment.training, experiment.periods
    for name in periods.names:
        _check_covered(name, periods[name], data)
    usable, _ = with_lead(data, periods.train, spec.warmup)
    if spec.warmup + spec.window > len(usable.time):
        raise ConfigError(
            f"training.warmup and training.window: {spec.warmup} + {spec.window} days "
            f"do not fit into the {len(usable.time)} days from {usable.time[0]} to "
            f"{usable.time[-1]}"
        )


def _check_covered(name: str, period: Period, data: BasinData) -> None:
    try:
        data.period(*period)
    except DataError as error:
        raise DataError(f"periods.{name}: {error}") from None


def _validation(
    experiment: Experiment, model: DeltaModel, data: BasinData
) -> Blocks | None:
    period = experiment.periods.validation
    if period is None:
        return None
    warmup = experiment.evaluation_warmup
    part, lead = with_lead(data, period, warmup)
    observed = part.target[lead:]
    # A perfect simulation has a score wherever any has.
    if not median(score(observed, observed, ["nse"])["nse"])[1]:
        raise DataError(
            f"periods.validation: no basin has observations from {period[0]} to"
            f" {period[1]} that could be scored"
        )
    return blocks(model, part, warmup=lead, basins=experiment.evaluation.basins)


def _fit(
    experiment: Experiment, module: TrainingModule, folder: RunFolder, *, resumed: bool
) -> None:
    spec = experiment.training
    every, validate = spec.intervals(module.steps)
    start = read_checkpoint(folder.last)["global_step"] if resumed else 0
    checkpoints = Checkpoints(folder)
    began = time.perf_counter()
    with _quiet(), _settings(spec.threads):
        trainer = Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=module.steps // every,
            check_val_every_n_epoch=validate // every,
            limit_val_batches=1 if module.validation is not None else 0,
            num_sanity_val_steps=0,
            logger=_loggers(folder, start),
            callbacks=_callbacks(spec.patience, checkpoints),
            plugins=[AtomicCheckpoints()],
            deterministic=True,
            enable_model_summary=False,
            log_every_n_steps=1,
            default_root_dir=folder.path,
        )
        try:
            trainer.fit(
                module,
                train_dataloaders=module.sampler,
                val_dataloaders=[0],
                ckpt_path=folder.last if resumed else None,
                weights_only=True,
            )
        except SystemExit:
            # What Lightning makes of an interruption by the user.
            raise KeyboardInterrupt(_stopped(folder, trainer.global_step)) from None
    _finish(folder, module, trainer, checkpoints, time.perf_counter() - began)


def _stopped(folder: RunFolder, step: int) -> str:
    """Return where a training was interrupted, and how it goes on."""
    if not folder.last.exists():
        saved = "before the first checkpoint; begin again"
    else:
        saved = f"saved at step {read_checkpoint(folder.last)['global_step']}; continue"
    return f"at step {step}, {saved} with: dmx train {folder.path}"


def _callbacks(patience: int | None, checkpoints: Checkpoints) -> list[Callback]:
    callbacks: list[Callback] = [Progress()]
    if patience is not None:
        stop = EarlyStopping(
            MONITOR, mode="max", patience=patience, check_on_train_epoch_end=False
        )
        callbacks.append(stop)
    return [*callbacks, checkpoints]


def _loggers(folder: RunFolder, start: int) -> list[Any]:
    return [
        MetricsFile(folder.metrics, start),
        TensorBoardLogger(
            folder.path, name="", version="tensorboard", purge_step=start
        ),
    ]


def _finish(
    folder: RunFolder,
    module: TrainingModule,
    trainer: Trainer,
    checkpoints: Checkpoints,
    seconds: float,
) -> None:
    """Write what came out; the file says that the run is finished."""
    from .plots import training_curve

    validated = module.validation is not None
    summary = {
        "steps": trainer.global_step,
        "planned_steps": module.steps,
        "stopped_early": trainer.global_step < module.steps,
        "best_step": checkpoints.best_step if validated else trainer.global_step,
        "best_validation_nse": checkpoints.best_score if validated else None,
        "weights": sum(w.numel() for w in module.model.parameters()),
        "seconds": round(seconds, 3),
        "versions": versions(("torch", "lightning", "numpy")),
        "commit": commit(),
    }
    training_curve(folder.path / "training.png", folder.metrics)
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
