"""What a training learns from, as the trainer sees it.

The trainer steps the optimiser, keeps checkpoints and finds them again. Where samples
come from, what makes a model good, and what is told about it in the end, a task says.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from ..bundle import Bundle
from ..compose import Model, ModelSpec, Statistics
from ..errors import ConfigError, UnitsError
from ..units import check
from ..variables import Attribute
from .companion import Companion
from .experiment import Experiment
from .report.content import Findings
from .report.evaluation import findings_of
from .requests import (
    ComparisonRequest,
    ExaminationRequest,
    ModelWeights,
    ScoringRequest,
)
from .run_folder import RunFolder

if TYPE_CHECKING:
    from .protocols.trial import Trial

__all__ = [
    "Batches",
    "Contest",
    "Monitor",
    "Report",
    "Task",
    "attributes_in",
]

E = TypeVar("E", bound=Experiment)


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """The score of a validation, which chooses the best model.

    Parameters
    ----------
    name : str
        Its name in tables and files; an identifier.
    about : str
        What it is, as a reader is told.
    maximize : bool
        Whether more is better.
    """

    name: str
    about: str
    maximize: bool = True

    @property
    def best(self) -> str:
        """Name of the best of it, where several are told apart."""
        return f"best_{self.name}"

    @property
    def worst(self) -> float:
        """What every score is better than."""
        return -math.inf if self.maximize else math.inf

    def better(self, score: float, than: float) -> bool:
        """Return whether a score is better than another."""
        return score > than if self.maximize else score < than


class Batches(Protocol):
    """A source of batches that goes on where it was.

    Iterating yields as many batches as its length says; the next pass goes on where the
    last one ended. A batch is made of mappings, sequences and tensors.
    """

    def __len__(self) -> int:
        """Return the number of batches in a pass."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches of a pass."""

    def state_dict(self) -> dict[str, Any]:
        """Return all that decides the batches to come, as plain values and tensors."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that :meth:`state_dict` returned."""


class Report(Protocol):
    """What an evaluation found."""

    @property
    def folder(self) -> Path:
        """Where its files lie."""

    def show(self) -> None:
        """Print the scores."""


class Contest(Report, Protocol):
    """What a comparison found."""

    def plain(self) -> dict[str, Any]:
        """Return the scores as plain values."""


def attributes_in(units: Mapping[str, str]) -> list[Attribute]:
    """Return declarations of attributes, those left out whose units no host can read.

    Parameters
    ----------
    units : mapping of str to str
        By name, as data sets write them.
    """

    def readable(text: str) -> bool:
        try:
            check(text)
        except UnitsError:
            return False
        return True

    return [
        Attribute(name=n, units=text) for n, text in units.items() if readable(text)
    ]


class Task(ABC, Generic[E]):
    """What a training learns from: samples, loss, validation, report.

    A task is made of an experiment, reads its data and refuses what is wrong with them.
    :meth:`prepare` is called once, before anything that needs a model. What happens
    after a training is asked of the class, which has a run and not the data of it.

    Parameters
    ----------
    experiment : Experiment
        What is to be learned.

    Raises
    ------
    ConfigError, DataError, UnitsError
        The experiment does not suit its data, or these cannot be used.
    """

    schema: ClassVar[type[Experiment]]
    """The experiments of this task: those of the trainer, and keys of its own."""

    monitor: ClassVar[Monitor]
    """The score that :meth:`validate` returns."""

    batches: Batches
    """What is learned from; there after :meth:`prepare`."""

    @abstractmethod
    def __init__(self, experiment: E) -> None: ...

    @property
    @abstractmethod
    def about(self) -> str:
        """What is learned from, for the log."""

    @property
    @abstractmethod
    def extent(self) -> tuple[int, int]:
        """Places and time steps to learn from, which epochs count."""

    @abstractmethod
    def statistics(self) -> Statistics:
        """Return the moments of all that the networks read, of the training data."""

    def companions(self) -> Mapping[str, Companion]:
        """Return models that are trained together with that of the experiment, by name.

        Asked for once, before :meth:`prepare`. What is returned holds the weights that
        the training changes.
        """
        return {}

    @abstractmethod
    def prepare(self, model: Model, count: int) -> None:
        """Make ready to train a model: choose from the data what it reads.

        Parameters
        ----------
        model : Model
            Its names say what is read; its weights do not matter.
        count : int
            Batches in a pass.
        """

    @abstractmethod
    def loss(self, model: Model, batch: Any) -> Tensor:
        """Return the loss of one batch, a scalar."""

    @abstractmethod
    def validate(self, model: Model) -> float:
        """Return the score of the validation data, without gradient.

        What is not a number ends the training.
        """

    @property
    @abstractmethod
    def fingerprint(self) -> Mapping[str, Any]:
        """What tells the data from others, plain and by name, after :meth:`prepare`."""

    def keep(self, folder: RunFolder) -> None:
        """Write beside the configuration what was read and should be kept for people.

        Called once, when a run begins, after :meth:`prepare`.
        """

    @property
    def facts(self) -> Mapping[str, Any]:
        """What an export must know of the data; plain, kept in checkpoints."""
        return {}

    def to(self, device: torch.device) -> None:
        """Bring what the loss needs beside the batch to where the model is."""

    @classmethod
    @abstractmethod
    def evaluate(
        cls,
        folders: Sequence[RunFolder],
        experiments: Sequence[E],
        period: str,
        output: Path | None,
    ) -> Report:
        """Score the best checkpoint of a run, or the mean of those of several.

        Parameters
        ----------
        folders : sequence of RunFolder
            The runs, none of them twice.
        experiments : sequence of Experiment
            Of the runs.
        period : str
            What is scored, such as ``test``.
        output : path, optional
            Folder of the results; default:
            :func:`~.run_folder.results_folder`.
        """

    @classmethod
    def findings(cls, folder: RunFolder, experiment: E, period: str) -> Findings:
        """Return what a report tells of a run; it is scored where that was not done.

        Parameters
        ----------
        folder : RunFolder
            The run.
        experiment : Experiment
            Of the run.
        period : str
            As in :meth:`evaluate`.
        """
        return findings_of(
            folder, period, lambda: cls.evaluate([folder], [experiment], period, None)
        )

    @classmethod
    def score(cls, bundle: Bundle, request: ScoringRequest) -> Report:
        """Score a bundle on data that it need not have to do with.

        Parameters
        ----------
        bundle : Bundle
            A trained model of this task.
        request : ScoringRequest
            On what, and how.

        Raises
        ------
        ConfigError, DataError, UnitsError
            The task cannot do so, or the data or the choices do not suit the bundle.
        """
        raise ConfigError(f"{bundle.path}: bundles of its task are not scored on data")

    @classmethod
    def compare(
        cls,
        runs: Mapping[str, RunFolder],
        bundles: Mapping[str, Bundle],
        request: ComparisonRequest,
    ) -> Contest:
        """Score several models on the same data.

        Parameters
        ----------
        runs, bundles : mapping of str to RunFolder and Bundle
            By name, at least one of them.
        request : ComparisonRequest
            On what.

        Raises
        ------
        ConfigError, DataError, UnitsError
            The task cannot do so, or the models do not belong together.
        """
        raise ConfigError(f"models of task {cls.schema.task!r} are not compared")

    @classmethod
    def yardstick(cls, experiment: E) -> E:
        """Return the experiment of an LSTM without physics, in the same budget.

        Raises
        ------
        ConfigError
            There is none of this task.
        """
        raise ConfigError(f"task {cls.schema.task!r} has no LSTM to compare with")

    @classmethod
    def weigh(cls, bundle: Bundle, request: ScoringRequest) -> ModelWeights:
        """Return by which weights the models of a bundle together do best on data.

        Parameters
        ----------
        bundle : Bundle
            Several models of this task that run as one.
        request : ScoringRequest
            On what, and how; the period is one that the models may learn from.

        Raises
        ------
        ConfigError, DataError, UnitsError
            As of :meth:`score`.
        """
        raise ConfigError(f"{bundle.path}: models of its task are not weighted by data")

    @classmethod
    def examine(cls, bundle: Bundle, request: ExaminationRequest) -> Report:
        """Score a bundle under conditions that it was not made for.

        Parameters
        ----------
        bundle : Bundle
            A trained model of this task.
        request : ExaminationRequest
            Data and conditions.

        Raises
        ------
        ConfigError, DataError, UnitsError
            As of :meth:`score`.
        """
        raise ConfigError(f"{bundle.path}: bundles of its task are not examined")

    @classmethod
    @abstractmethod
    def provenance(cls, experiment: E, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return where a model comes from, besides what all experiments say; plain."""

    @classmethod
    def accompanying(cls, experiment: E) -> Mapping[str, ModelSpec]:
        """Return what models trained with that of an experiment are made of."""
        return {}

    @classmethod
    def accompany(cls, experiment: E, target: Path) -> None:
        """Write what is needed beside the bundles of a run to use them together.

        Parameters
        ----------
        experiment : Experiment
            Of the run.
        target : Path
            Bundle of the model of the experiment; those of its companions lie beside.
        """

    @classmethod
    def attributes(cls, facts: Mapping[str, Any]) -> list[Attribute]:
        """Return declarations, with units, of the attributes that models read."""
        return []

    @classmethod
    def scores(
        cls, folder: RunFolder, experiment: E, training: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return how good the best checkpoint of a finished run is; plain.

        Parameters
        ----------
        folder : RunFolder
            The run.
        experiment : Experiment
            Of the run.
        training : mapping
            The summary of the training.
        """
        return {}

    @classmethod
    def trial(cls) -> Trial[E]:
        """Return how protocols hold places and times out of trainings of this task.

        Raises
        ------
        ConfigError
            There are no protocols of this task.
        """
        raise ConfigError(f"models: task {cls.schema.task!r} has no protocols")

    @classmethod
    def plot(
        cls,
        source: Path,
        names: Sequence[str],
        start: date | None,
        end: date | None,
        output: Path,
    ) -> Path:
        """Draw results of an evaluation, and return the picture.

        Parameters
        ----------
        source : path
            A file of results, or the folder it lies in.
        names : sequence of str
            What to draw of it; a choice when empty.
        start, end : date, optional
            First and last day drawn.
        output : path
            The picture.
        """
        raise ConfigError(f"{source}: there is no picture of such results")
