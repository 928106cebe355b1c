"""Search for settings that do best in the validation."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import Trial, TrialState

from ..config import load
from ..conversion import plain, refuse_outside
from ..errors import ConfigError, TrainingError
from ..files import atomic
from .experiment import Experiment
from .experiment_file import differences, find_experiment, load_experiment
from .fit import train
from .registries import tasks
from .run_folder import RunFolder
from .task import Monitor

__all__ = ["Range", "Search", "tune"]


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
    """

    space: dict[str, Range | tuple[Any, ...]]
    trials: int = 20

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
) -> Path:
    """Train many times and keep the settings with the best validation score.

    Settings are drawn by a tree-structured Parzen estimator (Bergstra et al. 2011). The
    search is repeatable, and continues where an earlier one in the same folder ended.

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

    Returns
    -------
    Path
        ``<root>/<name>-search``: one run per trial, ``search.json`` with what is
        searched, the journal of the search, and ``best.json`` with the best score, its
        settings and its run.

    Raises
    ------
    ConfigError
        The experiment or the search is wrong, or the folder is one of another search.
    TrainingError
        No trial came to an end.
    """
    path, given = find_experiment(config), list(overrides)
    wanted = load(search, Search)
    experiment = _checked(path, given, wanted.space)
    monitor = tasks[experiment.task].monitor
    folder = Path(root) / f"{experiment.name}-search"
    _begin(folder, experiment, wanted.space)
    study = _study(folder, experiment, monitor)
    for _ in range(len(study.get_trials(states=_ENDED)), wanted.trials):
        trial = study.ask()
        settings = [*given, *_settings(trial, wanted.space)]
        try:
            run = train(path, settings, root=folder)
        except KeyboardInterrupt:
            ended = len(study.get_trials(states=_ENDED))
            raise KeyboardInterrupt(
                f"after {ended} of {wanted.trials} trials; the same command continues"
            ) from None
        except TrainingError as error:
            trial.set_user_attr("error", str(error))
            study.tell(trial, state=TrialState.FAIL)
            continue
        trial.set_user_attr("run", run.name)
        summary = json.loads(RunFolder(run).summary.read_text(encoding="utf-8"))
        study.tell(trial, summary[monitor.best])
    _write_best(folder, study, monitor)
    return folder


def _begin(
    folder: Path, experiment: Experiment, space: Mapping[str, Range | tuple[Any, ...]]
) -> None:
    """Make the folder of a search, or make sure that it is one of this very search."""
    # Through text and back, so that both sides are of the same types.
    now = json.loads(
        json.dumps({"experiment": plain(experiment), "space": plain(space)})
    )
    file = folder / "search.json"
    if file.is_file():
        before = json.loads(file.read_text(encoding="utf-8"))
        for key, (found, expected) in differences(now, before).items():
            raise ConfigError(
                f"{folder}: {key}: found {found!r}, but the search there began with"
                f" {expected!r}; give the experiment another name for another search"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(file) as temporary:
        temporary.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")


_ENDED = (TrialState.COMPLETE, TrialState.FAIL)


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


def _study(folder: Path, experiment: Experiment, monitor: Monitor) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(folder / "journal.log"))),
        study_name=experiment.name,
        direction="maximize" if monitor.maximize else "minimize",
        load_if_exists=True,
    )
    # A continued search must not draw again what it drew first.
    seed = experiment.seed + len(study.trials)
    study.sampler = optuna.samplers.TPESampler(seed=seed)
    return study


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
    }
    with atomic(folder / "best.json") as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
