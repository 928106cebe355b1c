"""What the commands of the command line do: work, and a few lines about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from ..errors import ConfigError
from . import evaluate as evaluation
from . import export as exporting
from . import fit
from .registries import DEFAULT_TASK, tasks
from .run_folder import RunFolder

__all__ = ["evaluate", "export", "plot", "train", "tune"]


def train(config: Path, settings: Iterable[str] = ()) -> None:
    """Train as an experiment says, or continue the run in a folder.

    Raises
    ------
    ConfigError
        Settings are given for a run that is to be continued.
    """
    given = list(settings)
    if config.is_dir():
        if given:
            raise ConfigError(
                f"{config}: a run continues as it began; {given[0]!r} cannot be set"
            )
        folder = fit.resume(config)
    else:
        folder = fit.train(config, given)
    print(folder)


def evaluate(runs: Sequence[Path], period: str = "test") -> None:
    """Score a run, or the mean of several, and print a table."""
    report = evaluation.evaluate(runs, period)
    report.show()
    print(f"\n{report.folder}")


def export(run: Path, target: Path | None = None) -> None:
    """Save a run as a bundle."""
    print(exporting.export(run, target).path)


def plot(
    source: Path,
    names: Sequence[str] = (),
    *,
    start: date | None = None,
    end: date | None = None,
    output: Path,
) -> None:
    """Draw results of an evaluation as their task does.

    Parameters
    ----------
    source : Path
        A file of results, or the folder it lies in.
    names : sequence of str
        Places to draw; the task chooses when empty.
    start, end : date, optional
        First and last day drawn.
    output : Path
        The picture.
    """
    print(tasks[_task_of(source)].plot(source, names, start, end, output))


def _task_of(source: Path) -> str:
    """Return the task of the run that results lie in; elsewhere, the usual one."""
    for folder in (source, *source.parents[:2]):
        run = RunFolder(folder)
        if run.config.is_file():
            return run.experiment().task
    return DEFAULT_TASK


def tune(config: Path, search: Path, settings: Iterable[str] = ()) -> None:
    """Search for better settings, and print the best."""
    from . import tune as tuning

    folder = tuning.tune(config, search, settings)
    print((folder / "best.json").read_text(encoding="utf-8") + str(folder))
