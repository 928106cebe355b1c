"""A protocol from its file to its report; continued where it was stopped."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...conversion import plain
from ...errors import ConfigError, DataError, DataProblems, TrainingError
from ...files import atomic, locked
from .. import fit
from ..experiment import Experiment
from ..experiment_file import differences
from ..records import read_record
from ..registries import tasks
from ..result_files import write_table
from ..run_folder import RunFolder
from ..task import Report
from .protocol import experiments_of, find_protocol, load_protocol
from .splits import Fold, folds_of
from .trial import Cell, Span, Study, Trial
from .workers import in_workers

__all__ = ["conduct", "finish"]

log = logging.getLogger(__name__)

BEGUN = "protocol.json"
"""What a study began with."""

_COMPARED = ("experiments", "folds", "withheld")
"""What a study cannot go on without, or with others."""

WITHHELD = "withheld.csv"


def conduct(
    config: str | Path,
    overrides: Iterable[str] = (),
    *,
    workers: int = 1,
    root: str | Path = "runs",
) -> Report:
    """Train and judge all that a protocol asks for, and report on it.

    What an earlier attempt in the same folder finished is not done again, and a
    training that was stopped goes on. More seeds and models can be added to a finished
    study.

    Parameters
    ----------
    config : path or str
        YAML file of the protocol, or the name of one that comes with the package.
    overrides : iterable of str
        ``key=value`` settings of the protocol; ``settings.key=value`` of all its
        experiments.
    workers : int
        Trainings at a time, each in a process and on one thread of its own.
    root : path
        Folder of all runs; the study lies in ``<root>/<name>``.

    Returns
    -------
    Report
        What was found, and where the files of it lie.

    Raises
    ------
    ConfigError
        The protocol is wrong, or the folder is one of another, or in use.
    DataError, UnitsError, TrainingError
        As of the trainings.
    """
    if workers < 1:
        raise ConfigError(f"--workers: expected at least 1, found {workers}")
    path = find_protocol(config)
    protocol = load_protocol(path, overrides)
    experiments = experiments_of(protocol, path)
    first = next(iter(experiments.values()))
    trial = tasks[first.task].trial()
    folds, about = _folds(trial, experiments, protocol.places)
    folder = Path(root) / protocol.name
    spans = trial.withheld(first, protocol.times) if protocol.times else []
    study = Study(
        folder=folder,
        protocol=protocol,
        experiments=experiments,
        folds=folds,
        about_folds=about,
        withheld=(folder / WITHHELD).resolve() if protocol.times else None,
    )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder / ".lock"):
            _begin(study, spans)
            _train(study, workers)
            return trial.report(study)
    except BlockingIOError:
        raise ConfigError(
            f"{folder}: another process is at work on this study"
        ) from None


def _folds(
    trial: Trial[Any], experiments: dict[str, Experiment], split: Any
) -> tuple[list[Fold], str]:
    """Return the folds, after making sure that all models have the same places."""
    (first, *others) = experiments
    places = trial.places(experiments[first])
    for model in others:
        ids = set(trial.places(experiments[model]).ids.tolist())
        differing = ids ^ set(places.ids.tolist())
        if differing:
            raise ConfigError(
                f"models: only one of {first!r} and {model!r} has place"
                f" {min(differing)!r}; models are compared on the same places"
            )
    return folds_of(split, places)


def _begin(study: Study, spans: Sequence[Span]) -> None:
    """Write what a study is, or make sure that the folder is one of this very study."""
    if study.withheld is not None:
        _write_spans(study.withheld, spans)
    file = study.folder / BEGUN
    now: dict[str, Any] = {
        "protocol": plain(study.protocol),
        "experiments": {m: _course(e) for m, e in study.experiments.items()},
        "folds": {fold.name: list(fold.held_out) for fold in study.folds},
        "withheld": [plain(span) for span in spans],
    }
    now = json.loads(json.dumps(now))
    if file.is_file():
        _refuse_other(study.folder, now, read_record(file, *_COMPARED))
    with atomic(file) as temporary:
        temporary.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")


def _course(experiment: Experiment) -> dict[str, Any]:
    course = experiment.course()
    del course["seed"]
    return course


def _refuse_other(folder: Path, now: dict[str, Any], before: dict[str, Any]) -> None:
    """Refuse a folder of something else; models and seeds may be more or less."""
    for key in _COMPARED:
        actual, expected = now[key], before[key]
        if key == "experiments":
            both = [model for model in actual if model in expected]
            actual, expected = ({m: x[m] for m in both} for x in (actual, expected))
        pairs = differences({key: actual}, {key: expected})
        for name, (here, there) in pairs.items():
            raise ConfigError(
                f"{folder}: {name}: found {_short(here)}, but the study there began"
                f" with {_short(there)}; another name=… begins another study"
            )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _write_spans(path: Path, spans: Sequence[Span]) -> None:
    rows = ((span.place, span.first, span.last) for span in spans)
    write_table(path, ("place", "first", "last"), rows)


def _train(study: Study, workers: int) -> None:
    """Finish all cells that are not finished."""
    cells = list(study.cells)
    waiting = [cell for cell in cells if not study.answers(cell).is_dir()]
    began, complete = time.perf_counter(), len(cells) - len(waiting)
    if complete:
        log.info("%s: %d of %d trainings are done", study.folder, complete, len(cells))
    for cell in waiting:
        _prepare(study, cell)
    for number, cell in enumerate(in_workers(finish, study, waiting, workers), 1):
        seconds = time.perf_counter() - began
        remaining = seconds / number * (len(waiting) - number)
        log.info(
            "%d of %d: %s; %.0f s, about %.0f s left",
            complete + number, len(cells), cell, seconds, remaining,
        )  # fmt: skip


def _prepare(study: Study, cell: Cell) -> None:
    """Make the folder of a training with its configuration, unless it is there."""
    run = study.run(cell)
    if run.config.is_file():
        return
    experiment = study.experiments[cell.model]
    spec = experiment.training
    experiment = replace(
        experiment, seed=cell.seed, training=replace(spec, threads=spec.threads or 1)
    )
    trial = tasks[experiment.task].trial()
    learned = study.fold(cell.fold).learned
    RunFolder.create_at(run.path, trial.learning(experiment, learned, study.withheld))


def finish(study: Study, cell: Cell) -> None:
    """Train what a cell asks for, or continue, and let the model answer."""
    run = study.run(cell)
    with _told_of(run):
        if not run.summary.is_file():
            fit.resume(run.path)
        tasks[study.experiments[cell.model].task].trial().answer(study, cell)


@contextmanager
def _told_of(run: RunFolder) -> Iterator[None]:
    """Say which of many trainings a message is about."""
    try:
        yield
    except (ConfigError, DataError, TrainingError) as error:
        if isinstance(error, DataProblems) or str(run.path) in str(error):
            raise
        raise type(error)(f"{run.path}: {error}") from error
