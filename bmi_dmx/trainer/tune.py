"""Search for settings that do best in the validation."""

from __future__ import annotations

import json
import logging
import math
import multiprocessing
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.exceptions import StorageInternalError
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.storages import RDBStorage
from optuna.trial import Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from ..config import load
from ..conversion import plain, refuse_outside
from ..errors import ConfigError, DataError, TrainingError
from ..files import atomic, locked
from .experiment import Experiment
from .experiment_file import differences, find_experiment, load_experiment
from .fit import resume
from .protocols.workers import follow_parent, speaking_into
from .records import read_record
from .registries import tasks
from .run_folder import RunFolder
from .task import Monitor

__all__ = ["Range", "Search", "tune"]


log = logging.getLogger(__name__)

DATABASE = "study.db"
"""The trials of a search."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers between two bounds; whole ones when both bounds are.

    Parameters
    ----------
    low, high : float
        Bounds, included.
    log : bool
        Whether to draw the logarithm evenly.
    """

    low: int | float
    high: int | float
    log: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and self.low < self.high < math.inf):
            raise ConfigError(f"expected low < high, found {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ConfigError(f"low: found {self.low}, a log range needs more than 0")


@dataclass(frozen=True, kw_only=True)
class Search:
    """What to try.

    Parameters
    ----------
    space : dict
        By dotted key of the experiment, a :class:`Range` or a list of values.
    trials : int
        Trainings in all; those of an earlier attempt in the same folder count.
    pruner : {"none", "median", "hyperband"}
        Which trainings are given up after a validation: none; those below the median
        of others at the same step, after five trainings; or all but the best in every
        bracket, of which each lets trainings run longer than the one before (Li et al.
        2018, doi:10.48550/arXiv.1603.06560).
    """

    space: dict[str, Range | tuple[Any, ...]]
    trials: int = 20
    pruner: Literal["none", "median", "hyperband"] = "none"

    def __post_init__(self) -> None:
        refuse_outside("trials", self.trials, 1)
        if not self.space:
            raise ConfigError("space: no key is given")
        for key, choice in self.space.items():
            if not isinstance(choice, Range) and not choice:
                raise ConfigError(f"space.{key}: no value is given")


def tune(
    config: str | Path,
    search: Path,
    overrides: Iterable[str] = (),
    *,
    root: str | Path = "runs",
    workers: int = 1,
) -> Path:
    """Train many times and keep the settings with the best validation score.

    Settings are drawn by a tree-structured Parzen estimator (Bergstra et al. 2011). The
    search continues where an earlier one in the same folder ended, and so does each
    training that was cut short. With one worker it is repeatable, however often it was
    stopped. Several searches of the same folder, of one command or more, share its
    trials.

    Parameters
    ----------
    config : path or str
        The experiment, as for :func:`~.fit.train`; it needs a validation.
    search : path
        YAML file that describes a :class:`Search`.
    overrides : iterable of str
        ``key.key=value`` settings for all trials.
    root : path
        Folder of all runs.
    workers : int
        Trainings at a time, each in a process and on one thread of its own.

    Returns
    -------
    Path
        ``<root>/<name>-search``: one run per trial, ``search.json`` with what is
        searched, the study of Optuna as SQLite database ``study.db``, and ``best.json``
        with the best score, its settings and its run.

    Raises
    ------
    ConfigError
        The experiment or the search is wrong, or the folder is one of another search.
    DataError
        What an earlier attempt wrote is damaged.
    TrainingError
        No trial came to an end, or a worker was killed.
    """
    if workers < 1:
        raise ConfigError(f"--workers: expected at least 1, found {workers}")
    path, settings = find_experiment(config), tuple(overrides)
    spec = load(search, Search)
    experiment = _checked(path, [*settings], spec.space)
    folder = Path(root) / f"{experiment.name}-search"
    _begin(folder, experiment, spec.space)
    work = _Work(folder, path, settings, spec)
    with _stored(folder):
        study = work.study()
        try:
            if workers == 1:
                work.through()
            else:
                _in_workers(work, workers)
        except KeyboardInterrupt:
            ended = len(study.get_trials(states=_ENDED))
            raise KeyboardInterrupt(
                f"after {ended} of {spec.trials} trials; the same command continues"
            ) from None
        _write_best(folder, study, tasks[experiment.task].monitor)
    return folder


@contextmanager
def _stored(folder: Path) -> Iterator[None]:
    """Say in one line what is wrong with the database of a search."""
    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        reason = getattr(error, "orig", None) or error.__cause__ or error
        raise DataError(f"{folder / DATABASE}: cannot be used: {reason}") from error


@dataclass(frozen=True)
class _Work:
    """What each worker of a search does.

    Parameters
    ----------
    folder : Path
        Of the search.
    config : Path
        The experiment.
    settings : tuple of str
        Settings of all trials.
    spec : Search
        What to try.
    """

    folder: Path
    config: Path
    settings: tuple[str, ...]
    spec: Search

    def study(self) -> optuna.Study:
        """Return the study, which is made where there is none."""
        experiment = load_experiment(self.config, self.settings)
        return _study(self.folder, experiment, self.spec.pruner)

    def through(self) -> None:
        """Train until no trial is left."""
        study = self.study()
        seed = load_experiment(self.config, self.settings).seed
        going = True
        while going:
            with _claimed(self.folder, study, self.spec.trials, seed) as trial:
                going = trial is not None
                if trial is not None:
                    self._train(study, trial)

    def _train(self, study: optuna.Study, trial: Trial) -> None:
        settings = [*self.settings, *_settings(trial, self.spec.space)]
        experiment = load_experiment(self.config, settings)
        monitor = tasks[experiment.task].monitor
        run = RunFolder(self.folder / f"{experiment.name}-{trial.number + 1}")
        if run.config.is_file():
            _refuse_other(run, experiment)
        else:
            RunFolder.create_at(run.path, experiment)
        trial.set_user_attr("run", run.path.name)
        steps = set(study.trials[trial.number].intermediate_values)

        def watching(step: int, score: float) -> None:
            if step not in steps:
                trial.report(score, step)
                if trial.should_prune():
                    raise optuna.TrialPruned

        try:
            if not run.summary.is_file():
                resume(run.path, watching)
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
            return
        except TrainingError as error:
            log.warning("%s: failed, and counts for nothing: %s", run.path, error)
            trial.set_user_attr("error", str(error))
            study.tell(trial, state=TrialState.FAIL)
            return
        study.tell(trial, run.outcome(monitor.best)[monitor.best])


def _refuse_other(run: RunFolder, experiment: Experiment) -> None:
    """Refuse the folder of a trial with other settings than were drawn."""
    pairs = differences(plain(run.experiment()), plain(experiment))
    for key, (setting, expected) in pairs.items():
        raise ConfigError(
            f"{run.config}: {key}: found {setting!r}, but the trial is one with"
            f" {expected!r}; give the experiment another name for another search"
        )


@contextmanager
def _claimed(
    folder: Path, study: optuna.Study, trials: int, seed: int
) -> Iterator[Trial | None]:
    """Hold a trial that nobody works on: one cut short, or a new one, if any is left.

    Who works on a trial holds its file, which the system gives free when the process
    ends, however it ends.
    """
    with ExitStack() as lock:
        with ExitStack() as turn:
            while not _hold(turn, folder / ".lock"):
                time.sleep(0.05)
            trial = _free(lock, folder, study)
            if trial is None and len(study.trials) < trials:
                # What is drawn depends on the trials before, not on who draws.
                number = len(study.trials)
                study.sampler = optuna.samplers.TPESampler(seed=seed + number)
                trial = study.ask()
                _hold(lock, _file_of(folder, trial.number))
        yield trial


def _free(lock: ExitStack, folder: Path, study: optuna.Study) -> Trial | None:
    """Return a trial whose worker has ended before it, and hold it."""
    for frozen in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        with ExitStack() as file:
            if not _hold(file, _file_of(folder, frozen.number)):
                continue
            # Its worker may have told the result, and let go, since trials were listed.
            if not study.trials[frozen.number].state.is_finished():
                lock.push(file.pop_all())
                return Trial(study, frozen._trial_id)
    return None


def _file_of(folder: Path, number: int) -> Path:
    return folder / f".trial-{number + 1}.lock"


def _hold(stack: ExitStack, path: Path) -> bool:
    """Hold a file until a stack is left, unless another process does."""
    try:
        stack.enter_context(locked(path))
    except BlockingIOError:
        return False
    return True


def _in_workers(work: _Work, workers: int) -> None:
    # Not a fork: threads of libraries do not survive one.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=follow_parent
    ) as pool:
        waiting = [pool.submit(_worker, work, n + 1) for n in range(workers)]
        try:
            for future in as_completed(waiting):
                future.result()
        except BrokenProcessPool:
            raise TrainingError(
                f"{work.folder}: a worker was killed; the same command continues"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _worker(work: _Work, number: int) -> None:
    with speaking_into(work.folder / f"worker-{number}.txt"):
        work.through()


def _begin(
    folder: Path, experiment: Experiment, space: Mapping[str, Range | tuple[Any, ...]]
) -> None:
    """Make the folder of a search, or make sure that it is one of this very search."""
    # Through text and back, so that both sides are of the same types.
    now = json.loads(
        json.dumps({"experiment": plain(experiment), "space": plain(space)})
    )
    file = folder / "search.json"
    if (folder / "journal.log").is_file():
        raise ConfigError(
            f"{folder}: found journal.log of a search by another version of bmi_dmx,"
            f" expected {DATABASE}; give the experiment another name for another search"
        )
    if file.is_file():
        before = read_record(file, *now)
        for key, (setting, expected) in differences(now, before).items():
            raise ConfigError(
                f"{folder}: {key}: found {setting!r}, but the search there began with"
                f" {expected!r}; give the experiment another name for another search"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(file) as temporary:
        temporary.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")


_ENDED = (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)


def _checked(
    path: Path, overrides: list[str], space: Mapping[str, Range | tuple[Any, ...]]
) -> Experiment:
    """Return the experiment, after making sure that every key of the space is one."""
    experiment = load_experiment(path, overrides)
    if not experiment.validates:
        raise ConfigError(f"{path}: a search needs {experiment.VALIDATION}")
    for key, choice in space.items():
        ends = (choice.low, choice.high) if isinstance(choice, Range) else choice
        for value in ends:
            load_experiment(path, [*overrides, f"{key}={json.dumps(value)}"])
    return experiment


def _study(folder: Path, experiment: Experiment, pruner: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    monitor = tasks[experiment.task].monitor
    pruners: dict[str, BasePruner] = {
        "none": NopPruner(),
        "median": MedianPruner(),
        "hyperband": HyperbandPruner(experiment.training.validate_every),
    }
    return optuna.create_study(
        storage=RDBStorage(
            f"sqlite:///{(folder / DATABASE).resolve()}",
            # Seconds that a worker waits for another that writes.
            engine_kwargs={"connect_args": {"timeout": 100}},
        ),
        study_name=experiment.name,
        direction="maximize" if monitor.maximize else "minimize",
        pruner=pruners[pruner],
        load_if_exists=True,
    )


def _settings(trial: Trial, space: Mapping[str, Range | tuple[Any, ...]]) -> list[str]:
    """Return one setting per key; JSON is YAML."""
    settings = []
    for key, choice in space.items():
        value: Any
        if not isinstance(choice, Range):
            # Only plain values can be stored, and an item may be a list.
            texts = [json.dumps(item) for item in choice]
            settings.append(f"{key}={trial.suggest_categorical(key, texts)}")
            continue
        if isinstance(choice.low, int) and isinstance(choice.high, int):
            value = trial.suggest_int(key, choice.low, choice.high, log=choice.log)
        else:
            value = trial.suggest_float(key, choice.low, choice.high, log=choice.log)
        settings.append(f"{key}={value!r}")
    return settings


def _write_best(folder: Path, study: optuna.Study, monitor: Monitor) -> None:
    complete = study.get_trials(states=(TrialState.COMPLETE,))
    if not complete:
        raise TrainingError(f"{folder}: no trial came to an end")
    best = study.best_trial
    content = {
        monitor.best: best.value,
        "settings": [f"{key}={value}" for key, value in best.params.items()],
        "run": best.user_attrs["run"],
        "trials": len(complete),
        "pruned": len(study.get_trials(states=(TrialState.PRUNED,))),
        "failed": len(study.get_trials(states=(TrialState.FAIL,))),
    }
    with atomic(folder / "best.json") as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
