"""Several runs and bundles beside each other, on the same data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..bundle import Bundle, load_bundle
from ..errors import ConfigError
from .experiment import Experiment
from .fit import train_experiment
from .registries import DEFAULT_TASK, tasks
from .requests import ComparisonRequest
from .run_folder import RunFolder
from .task import Contest

__all__ = ["compare", "yardstick_of"]


def compare(
    models: Sequence[Path | str], request: ComparisonRequest, *, lstm: bool = False
) -> Contest:
    """Score models on the same data, and say how far they differ.

    Parameters
    ----------
    models : sequence of path or str
        Folders of runs, and bundles by name or folder; the first one is what the others
        are compared with.
    request : ComparisonRequest
        On what.
    lstm : bool
        Whether an LSTM is trained in the budget of the first run, and compared too.

    Raises
    ------
    ConfigError, DataError, BundleError, UnitsError
        A model is none, is given twice, or is of another task than the first; or they
        are not of the same data.
    """
    runs: dict[str, RunFolder] = {}
    bundles: dict[str, Bundle] = {}
    names: list[str] = []
    if len({str(Path(model).resolve()) for model in models}) < len(models):
        raise ConfigError("a model is given twice; it is compared with others")
    for model in models:
        folder = RunFolder(Path(model))
        name = _name(str(model), {*runs, *bundles})
        names.append(name)
        if folder.config.is_file():
            runs[name] = folder
        else:
            bundles[name] = load_bundle(str(model))
    task = _common_task(runs, bundles)
    if lstm:
        if not runs:
            raise ConfigError("--lstm: takes data and budget from a run, found none")
        first = next(iter(runs.values()))
        other = yardstick_of(first)
        names.append(_name(str(other.path), {*runs, *bundles}))
        runs[names[-1]] = other
    return tasks[task].compare(runs, bundles, replace(request, names=names))


def _name(model: str, names: set[str]) -> str:
    """Return what a model is called in tables: the end of its path, or all of it."""
    short = Path(model).name
    return model if short in names else short


def _common_task(runs: dict[str, RunFolder], bundles: dict[str, Bundle]) -> str:
    """Return the task of all models."""
    of = {name: folder.experiment().task for name, folder in runs.items()}
    for name, bundle in bundles.items():
        of[name] = str(bundle.manifest.provenance.get("task", DEFAULT_TASK))
    first = next(iter(of))
    for name, task in of.items():
        if task not in tasks or task != of[first]:
            raise ConfigError(
                f"{name}: task is {task!r}, of {first} {of[first]!r}; only models of"
                " one task can be compared"
            )
    return of[first]


def yardstick_of(folder: RunFolder) -> RunFolder:
    """Return a run of an LSTM in the budget of a run, trained where there is none.

    Parameters
    ----------
    folder : RunFolder
        The run; that of the LSTM lies beside it.
    """
    experiment = folder.experiment()
    other: Experiment = tasks[experiment.task].yardstick(experiment)
    for path in sorted(folder.path.parent.glob(f"{other.name}-*")):
        run = RunFolder(path)
        if run.summary.is_file() and run.experiment() == other:
            return run
    return RunFolder(train_experiment(other, folder.path.parent))
