"""The folder of a training run: what lies where."""

from __future__ import annotations

import errno
import html
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import ConfigError, DataError, suggestion
from ..files import atomic, folder_beside, locked
from .experiment import Experiment
from .experiment_file import load_experiment, save_experiment
from .records import read_record

__all__ = [
    "PERIODS",
    "RunFolder",
    "numbered_folder",
    "refuse_no_period",
    "refuse_other_files",
    "refuse_other_settings",
    "results_folder",
]

log = logging.getLogger(__name__)

PERIODS = ("train", "validation", "test")
"""Periods of a run, the last one unless another is asked for."""


def numbered_folder(root: Path, name: str) -> Path:
    """Make ``<root>/<name>-<n>``, n one more than the largest there is.

    Processes that do so at the same moment get different folders.
    """
    root.mkdir(parents=True, exist_ok=True)
    return _numbered(root, name, Path.mkdir)


def _numbered(root: Path, name: str, make: Callable[[Path], object]) -> Path:
    """Make the first folder of a number above all there are that nobody else makes."""
    pattern = re.compile(re.escape(name) + r"-(\d+)")
    matches = (pattern.fullmatch(entry.name) for entry in root.iterdir())
    number = max((int(match[1]) for match in matches if match), default=0) + 1
    while True:
        path = root / f"{name}-{number}"
        try:
            make(path)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            number += 1
            continue
        return path


@dataclass(frozen=True)
class RunFolder:
    """Paths inside the folder of a run.

    Parameters
    ----------
    path : Path
        The folder.
    """

    path: Path

    @classmethod
    def create(cls, root: Path, experiment: Experiment) -> RunFolder:
        """Make ``<root>/<name>-<n>`` with the configuration in it.

        There is never one without it, whenever the process is killed.
        """
        name = experiment.name
        with folder_beside(root / name) as temporary:
            save_experiment(cls(temporary).config, experiment)
            return cls(_numbered(root, name, partial(os.rename, temporary)))

    @classmethod
    def create_at(cls, path: Path, experiment: Experiment) -> RunFolder:
        """Make a folder with the configuration in it, both or nothing."""
        with folder_beside(path) as temporary:
            save_experiment(cls(temporary).config, experiment)
            os.rename(temporary, path)
        return cls(path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other trainings out of the folder as long as one is in it.

        Raises
        ------
        ConfigError
            Another process trains in it.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path))
            except BlockingIOError:
                raise ConfigError(
                    f"{self.path}: another process is training in this folder"
                ) from None
            yield

    def remove_partial(self) -> None:
        """Delete checkpoints whose writing a kill cut short."""
        for cut in self.last.parent.glob(".*.ckpt"):
            cut.unlink()

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.yaml"

    @property
    def last(self) -> Path:
        """The checkpoint from which a run is resumed."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def best(self) -> Path:
        """The checkpoint that did best in the validation."""
        return self.path / "checkpoints" / "best.ckpt"

    @property
    def _spent(self) -> Path:
        # Not in the checkpoint, which is the same bits however long it took.
        return self.last.parent / "seconds.json"

    def spent(self) -> float:
        """Return the seconds that training took until a checkpoint was last written."""
        if not (self.last.is_file() and self._spent.is_file()):
            return 0.0
        try:
            return float(self._spent.read_bytes())
        except ValueError:
            # No reason not to go on: it says nothing of what was learned.
            log.warning(
                "%s: damaged; the seconds of the training count from now on",
                self._spent,
            )
            return 0.0

    def keep_spent(self, seconds: float) -> None:
        """Write down the seconds that training took so far, all stretches together."""
        with atomic(self._spent) as temporary:
            temporary.write_text(f"{seconds:.3f}\n", encoding="utf-8")

    @property
    def metrics(self) -> Path:
        """The course of the training as a table."""
        return self.path / "metrics.csv"

    @property
    def summary(self) -> Path:
        """What came out; it exists when the training is finished."""
        return self.path / "training.json"

    def outcome(self, *keys: str) -> dict[str, Any]:
        """Return what came out of a finished training.

        Parameters
        ----------
        keys : str
            What it has to say.

        Raises
        ------
        DataError
            The training is not finished, or what is written of it is damaged.
        """
        if not self.summary.is_file():
            raise DataError(
                f"{self.path}: no {self.summary.name}; the training is not finished"
            )
        return read_record(self.summary, *keys)

    def _repr_html_(self) -> str:
        """Return what a notebook shows of the run."""
        experiment = self.experiment()
        facts = [
            f"<b>{html.escape(self.path.name)}</b> {html.escape(experiment.about)}"
        ]
        if self.summary.is_file():
            summary = self.outcome("steps", "seconds")
            facts += [
                f"{name.replace('_', ' ')}: {summary[name]:.4g}"
                for name in summary
                if name.startswith("best_") and isinstance(summary[name], int | float)
            ]
            facts.append(f"{summary['steps']} steps in {summary['seconds']:.0f} s")
        else:
            facts.append("not finished")
        items = "".join(f"<li>{fact}</li>" for fact in facts[1:])
        return f"<p>{facts[0]}</p><ul>{items}</ul>"

    def experiment(self) -> Experiment:
        """Return the run's configuration.

        Raises
        ------
        ConfigError
            The folder is not one of a run, or its configuration is wrong.
        """
        if not self.config.is_file():
            raise ConfigError(f"{self.path}: not the folder of a run, no config.yaml")
        return load_experiment(self.config)

    def results(self, period: str) -> dict[str, Any] | None:
        """Return the summary of an evaluation, if one was made.

        Parameters
        ----------
        period : str
            What was scored.

        Raises
        ------
        DataError
            The file of it is damaged.
        """
        file = self.path / period / "summary.json"
        return read_record(file) if file.is_file() else None

    def require_best(self) -> Path:
        """Return the best checkpoint.

        Raises
        ------
        DataError
            There is none yet.
        """
        if not self.best.is_file():
            raise DataError(
                f"{self.path}: no checkpoints/best.ckpt; training has not got that far"
            )
        return self.best


def results_folder(folders: Sequence[RunFolder], name: str, period: str) -> Path:
    """Return where the results of an evaluation belong.

    In the folder of the run or, for several, in a new folder beside the first.

    Parameters
    ----------
    folders : sequence of RunFolder
        The runs.
    name : str
        Name of their experiment.
    period : str
        What is scored.
    """
    if len(folders) == 1:
        return folders[0].path / period
    return numbered_folder(folders[0].path.parent, f"{name}-ensemble") / period


def refuse_no_period(period: str, where: object) -> None:
    """Refuse the name of a period that is none of a run.

    Parameters
    ----------
    period : str
        The name.
    where : object
        What the message begins with.

    Raises
    ------
    ConfigError
        With the nearest one.
    """
    if period not in PERIODS:
        hint = suggestion(period, PERIODS)
        raise ConfigError(f"{where}: no period {period!r}{hint}")


def refuse_other_settings(
    folders: Sequence[RunFolder], experiments: Sequence[Experiment], keys: Sequence[str]
) -> None:
    """Refuse to average runs that are not on the same data.

    Parameters
    ----------
    folders : sequence of RunFolder
        The runs.
    experiments : sequence of Experiment
        Theirs.
    keys : sequence of str
        What must be alike in all of them.

    Raises
    ------
    ConfigError
        Naming the run that differs from the first, and in what.
    """
    first = experiments[0]
    for folder, other in zip(folders, experiments, strict=True):
        for name in keys:
            if getattr(other, name) != getattr(first, name):
                raise ConfigError(
                    f"{folder.path}: {name} is not that of {folders[0].path}; only runs"
                    " on the same data can be averaged"
                )


def refuse_other_files(output: Path | None, patterns: Sequence[str]) -> None:
    """Refuse a folder for results that holds something else, which would be replaced.

    Parameters
    ----------
    output : path, optional
        The folder that was asked for.
    patterns : sequence of str
        Names, or patterns of names, of the files of such results.

    Raises
    ------
    ConfigError
        It is a file, the current folder, or holds other files.
    """
    if output is None or not output.exists():
        return
    if not output.is_dir():
        raise ConfigError(f"--output: {output} is a file, expected a folder")
    if output.resolve() == Path.cwd():
        raise ConfigError(
            f"--output: {output} is the current folder, which would be replaced; name"
            " one in it"
        )
    for entry in sorted(output.iterdir()):
        if not any(fnmatch(entry.name, pattern) for pattern in patterns):
            raise ConfigError(
                f"--output: {output} holds {entry.name!r}, which is none of the files "
                f"that are written ({', '.join(patterns)}) and would be lost; name "
                "another folder"
            )
