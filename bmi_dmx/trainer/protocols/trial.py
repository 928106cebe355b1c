"""What a protocol asks of a task: places, experiments on some of them, answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..experiment import Experiment
from ..run_folder import RunFolder
from ..task import Report
from .protocol import Protocol
from .splits import Fold, PlaceTable

__all__ = ["Cell", "Span", "Study", "Trial"]

E = TypeVar("E", bound=Experiment)


@dataclass(frozen=True)
class Cell:
    """One training of a protocol.

    Parameters
    ----------
    model : str
        Name of the model.
    fold : str
        Name of the fold whose places are held out.
    seed : int
        Seed of its random numbers.
    """

    model: str
    fold: str
    seed: int

    def __str__(self) -> str:
        """Return what it is called in the log."""
        return f"{self.model}, {self.fold}, seed {self.seed}"


@dataclass(frozen=True)
class Span:
    """Days of a place that nothing may be learned from.

    Parameters
    ----------
    place : str
        Its name.
    first, last : date
        Both included.
    """

    place: str
    first: date
    last: date


@dataclass(frozen=True, kw_only=True)
class Study:
    """A protocol under way: what is trained, and where it lies.

    Parameters
    ----------
    folder : Path
        Folder of the study.
    protocol : Protocol
        What is asked.
    experiments : mapping of str to Experiment
        By model.
    folds : sequence of Fold
        All folds.
    about_folds : str
        How they were made.
    withheld : Path, optional
        Table of days that are held out besides.
    """

    folder: Path
    protocol: Protocol
    experiments: Mapping[str, Experiment]
    folds: Sequence[Fold]
    about_folds: str
    withheld: Path | None

    @property
    def cells(self) -> Iterator[Cell]:
        """All trainings: of each seed, fold by fold, every model."""
        for seed in self.protocol.seeds:
            for fold in self.folds:
                for model in self.protocol.models:
                    yield Cell(model, fold.name, seed)

    def fold(self, name: str) -> Fold:
        """Return a fold by its name."""
        return next(fold for fold in self.folds if fold.name == name)

    def run(self, cell: Cell) -> RunFolder:
        """Return the folder of a training."""
        parts = "runs", cell.model, cell.fold, f"seed-{cell.seed}"
        return RunFolder(self.folder.joinpath(*parts))

    def answers(self, cell: Cell) -> Path:
        """Return the folder of what a trained model said of what was held out."""
        return self.run(cell).path / "held"


class Trial(ABC, Generic[E]):
    """How protocols hold places and times out of the trainings of a task."""

    @abstractmethod
    def places(self, experiment: E) -> PlaceTable:
        """Return the places of an experiment, without reading any series."""

    @abstractmethod
    def withheld(self, experiment: E, times: Mapping[str, Any]) -> list[Span]:
        """Return the days that are held out besides the test period.

        Parameters
        ----------
        experiment : Experiment
            The first of the protocol.
        times : mapping
            The block of the protocol.

        Raises
        ------
        ConfigError, DataError
            The block is wrong, or the data do not suit it.
        """

    @abstractmethod
    def learning(
        self, experiment: E, learned: Sequence[str], withheld: Path | None
    ) -> E:
        """Return an experiment that sees some places, and none of the held days.

        Parameters
        ----------
        experiment : Experiment
            On all places.
        learned : sequence of str
            Places to learn from.
        withheld : Path, optional
            Table of days that nothing may be learned from.
        """

    @abstractmethod
    def answer(self, study: Study, cell: Cell) -> None:
        """Let a trained model answer on what was held out, and write its answers.

        The folder of answers exists whole, or not at all.
        """

    @abstractmethod
    def report(self, study: Study) -> Report:
        """Pool the answers of all cells, and write the report of a finished study."""
