"""Score trained models, as their task says: runs on their own data, bundles on any."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..bundle import Bundle, bundles, load_bundle
from ..errors import ConfigError, suggestion
from .registries import DEFAULT_TASK, tasks
from .requests import ExaminationRequest, ScoringRequest
from .run_folder import RunFolder
from .task import Report, Task

__all__ = ["evaluate", "examine", "score"]

log = logging.getLogger(__name__)


def evaluate(
    runs: Path | str | Sequence[Path | str],
    period: str = "test",
    *,
    output: Path | None = None,
) -> Report:
    """Score the best checkpoint of each run, or the mean of what they simulate.

    Parameters
    ----------
    runs : path or sequence of paths
        Folders of runs on the same data; what several simulate is averaged.
    period : str
        ``test``, ``validation`` or ``train``.
    output : path, optional
        Folder of the results. Default: a folder named after the period, in the folder
        of the run or, for several runs, in a new folder ``<name>-ensemble-<n>`` beside
        the first.

    Returns
    -------
    Report
        What the task found, and where the files of it lie.

    Raises
    ------
    ConfigError
        A folder is not one of a run or given twice, there is nothing to score, or runs
        do not belong together.
    DataError, StateError
        There is no checkpoint, or the data or the checkpoint cannot be used.
    """
    paths = [runs] if isinstance(runs, str | Path) else list(runs)
    for run in paths:
        if str(run) in bundles or (Path(run) / "model.yaml").is_file():
            raise ConfigError(f"{run}: a bundle; --data says what it is scored on")
    folders = [RunFolder(Path(run)) for run in paths]
    if not folders:
        raise ConfigError("no run is given")
    _refuse_repeated(folders)
    experiments = [folder.experiment() for folder in folders]
    name = experiments[0].task
    for folder, experiment in zip(folders, experiments, strict=True):
        if experiment.task != name:
            raise ConfigError(
                f"{folder.path}: task is {experiment.task!r}, in {folders[0].path}"
                f" {name!r}; only runs of one task can be averaged"
            )
        if not folder.summary.is_file():
            log.warning(
                "%s: the training is not finished; the best checkpoint so far counts",
                folder.path,
            )
    return tasks[name].evaluate(folders, experiments, period, output)


def score(bundle: Path | str, request: ScoringRequest) -> Report:
    """Score a bundle on data that need not have to do with its training.

    Parameters
    ----------
    bundle : path or str
        Name of a bundle that comes with the package, or the folder of any other.
    request : ScoringRequest
        On what, and how.

    Returns
    -------
    Report
        What the task of the bundle found, and where the files of it lie.

    Raises
    ------
    BundleError
        The bundle cannot be used.
    ConfigError, DataError, UnitsError
        Its task does not do so, or the data do not suit the bundle.
    """
    model, task = _of_bundle(bundle)
    return task.score(model, request)


def examine(bundle: Path | str, request: ExaminationRequest) -> Report:
    """Score a bundle as it is, and under conditions that it was not made for.

    Parameters
    ----------
    bundle : path or str
        Name of a bundle that comes with the package, or the folder of any other.
    request : ExaminationRequest
        Data and conditions.

    Raises
    ------
    BundleError, ConfigError, DataError, UnitsError
        As of :func:`score`.
    """
    model, task = _of_bundle(bundle)
    return task.examine(model, request)


def _of_bundle(bundle: Path | str) -> tuple[Bundle, type[Task[Any]]]:
    """Return a bundle and its task."""
    if RunFolder(Path(bundle)).config.is_file():
        raise ConfigError(
            f"{bundle}: the folder of a run; dmx export makes the bundle of it that is"
            " scored on other data"
        )
    model = load_bundle(str(bundle))
    name = str(model.manifest.provenance.get("task", DEFAULT_TASK))
    if name not in tasks:
        hint = suggestion(name, tasks)
        raise ConfigError(f"{model.path}: provenance.task: unknown {name!r}{hint}")
    return model, tasks[name]


def _refuse_repeated(folders: Sequence[RunFolder]) -> None:
    """Refuse a mean in which a run would count twice."""
    paths: set[Path] = set()
    for folder in folders:
        place = folder.path.resolve()
        if place in paths:
            raise ConfigError(
                f"{folder.path}: given twice; a run counts once in a mean"
            )
        paths.add(place)
