"""What the commands of the command line do: work, and a few lines about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

from ..errors import ConfigError
from . import evaluate as evaluation
from . import export as exporting
from . import fit, importing
from .preflight import days, of_run, only
from .processes import is_first
from .registries import DEFAULT_TASK, tasks
from .report import run as reporting
from .requests import ExaminationRequest, ScoringRequest
from .run_folder import RunFolder
from .task import Report

__all__ = [
    "evaluate",
    "examine",
    "export",
    "import_file",
    "plot",
    "report",
    "score",
    "train",
    "tune",
]


def train(config: Path, settings: Iterable[str] = ()) -> None:
    """Train as an experiment says, or continue the run in a folder.

    Raises
    ------
    ConfigError
        Settings are given for a run that is to be continued.
    """
    overrides = list(settings)
    if config.is_dir():
        if overrides:
            raise ConfigError(
                f"{config}: a run continues as it began; {overrides[0]!r} cannot be set"
            )
        folder = fit.resume(config)
    else:
        folder = fit.train(config, overrides)
    if is_first():
        print(folder)


def evaluate(
    runs: Sequence[Path], period: Sequence[str] | None = None, *, as_json: bool = False
) -> None:
    """Score a run, or the mean of several, and print a table or the summary.

    Raises
    ------
    ConfigError
        There is no such period.
    """
    _show(evaluation.evaluate(runs, of_run(period)), as_json=as_json)


def report(run: Path, period: Sequence[str] | None, output: Path | None) -> None:
    """Write one page about a run.

    Raises
    ------
    ConfigError
        There is no such period.
    """
    print(reporting.report(run, of_run(period), output))


def score(
    bundles: Sequence[Path],
    data: Sequence[str],
    period: Sequence[str] | None = None,
    *,
    places: Sequence[str] = (),
    warmup: int | None = None,
    choices: Mapping[str, str] | None = None,
    window_end: bool = False,
    output: Path | None = None,
    calibration: Sequence[str] | None = None,
    as_json: bool = False,
) -> None:
    """Score a bundle on data, and print tables or the summary.

    Parameters
    ----------
    bundles : sequence of Path
        One bundle, by name or folder.
    data : sequence of str
        File or folder, and ``data.KEY=value`` settings of how it is read.
    period : sequence of str, optional
        First and last day.
    places, warmup, choices, window_end, output
        See :class:`~.task.ScoringRequest`.
    calibration : sequence of str, optional
        First and last day that a range around the answer is learned from.
    as_json : bool
        Whether the summary is printed as it is in its file.

    Raises
    ------
    ConfigError
        More than one bundle is given, or the period is not two days.
    """
    bundle = only(bundles)
    request = ScoringRequest(
        data=Path(data[0]),
        settings=tuple(data[1:]),
        period=None if period is None else days(period),
        places=places,
        warmup=warmup,
        choices=choices or {},
        window_end=window_end,
        output=output,
        calibration=None if calibration is None else days(calibration, "--calibrate"),
    )
    _show(evaluation.score(bundle, request), as_json=as_json)


def examine(
    bundle: Path,
    data: Sequence[str],
    period: Sequence[str],
    *,
    attributes: Sequence[Sequence[str]] = (),
    shifts: Sequence[int] = (),
    held_out: Sequence[Path] = (),
    places: Sequence[str] = (),
    warmup: int | None = None,
    output: Path | None = None,
) -> None:
    """Score a bundle under several conditions, and print a table.

    Parameters
    ----------
    bundle : Path
        By name or folder.
    data : sequence of str
        File or folder, and ``data.KEY=value`` settings of how it is read.
    period : sequence of str
        First and last day.
    attributes, shifts, held_out, places, warmup, output
        See :class:`~.task.ExaminationRequest`.
    """
    request = ExaminationRequest(
        data=Path(data[0]),
        settings=tuple(data[1:]),
        period=days(period),
        places=places,
        warmup=warmup,
        output=output,
        attributes=[days(pair, "--attributes") for pair in attributes],
        shifts=shifts,
        held_out=held_out,
    )
    _show(evaluation.examine(bundle, request))


def _show(report: Report, *, as_json: bool = False) -> None:
    if as_json:
        print((report.folder / "summary.json").read_text(encoding="utf-8"), end="")
        return
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


def import_file(
    kind: str, source: Path, settings: Iterable[str] = (), output: Path | None = None
) -> None:
    """Write the experiment that a file of others stands for, and say what differs."""
    path, remarks = importing.write_imported(kind, source, settings, output)
    for remark in remarks:
        print(remark)
    print(f"\n{path}")


def tune(
    config: Path, search: Path, settings: Iterable[str] = (), workers: int = 1
) -> None:
    """Search for better settings, and print the best."""
    from . import tune as tuning

    folder = tuning.tune(config, search, settings, workers=workers)
    print((folder / "best.json").read_text(encoding="utf-8") + str(folder))
