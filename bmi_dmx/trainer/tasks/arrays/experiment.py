"""The configuration of an experiment on arrays: source, split, weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ....conversion import plain, refuse_outside
from ....errors import ConfigError
from ...experiment import Anchor
from ...experiment import Experiment as AnyExperiment
from .gaps import Gaps
from .source import imported, is_function

__all__ = ["DataSpec", "Evaluation", "Experiment", "Split"]


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """Where the series come from.

    Parameters
    ----------
    source : str
        ``module:function``, or the path of a NetCDF file; a relative path starts at the
        configuration file, on the command line at the current folder. The module is
        imported before the model is made, so that it can register processes.
    options : dict
        What the function is called with.
    names : dict
        Names of variables in the source, by that in the model, where they differ.
    targets : "all" or list of str
        Outputs of the model to learn from; ``all`` that a function gives. Those of a
        file must be named.
    gaps : Gaps, optional
        What is hidden at random in training and validation; an evaluation hides
        nothing.
    """

    source: str
    options: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    targets: Literal["all"] | tuple[str, ...] = "all"
    gaps: Gaps | None = None

    def __post_init__(self) -> None:
        if not self.source:
            raise ConfigError("source: found nothing, expected a function or a file")
        if self.targets != "all" and not self.targets:
            raise ConfigError("targets: the list is empty, expected names or 'all'")
        if not is_function(self.source):
            if self.options:
                raise ConfigError("options: only a function takes any")
            if self.targets == "all":
                raise ConfigError("targets: those of a file must be named")


@dataclass(frozen=True, kw_only=True)
class Split:
    """What is set aside, to choose the best model and to judge it in the end.

    Parameters
    ----------
    of : {"time", "places"}
        Whether it is the end of the series, or some of the places (or of independent
        series of a whole field), which then lie evenly among the others.
    validation : float
        Share, from 0 to below 1, on which the best model is chosen.
    test : float
        Share, from 0 to below 1, on which it is judged; in time the end of the series.
    """

    of: Literal["time", "places"] = "time"
    validation: float = 0.0
    test: float = 0.0

    def __post_init__(self) -> None:
        for name in ("validation", "test"):
            share = getattr(self, name)
            if not 0.0 <= share < 1.0:
                raise ConfigError(f"{name}: found {share}, expected 0 to below 1")
        if self.validation + self.test >= 1.0:
            raise ConfigError("validation and test: together they leave nothing over")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a model is judged.

    Parameters
    ----------
    at_once : int
        Windows or places simulated at a time; bounds the memory.
    """

    at_once: int = 256

    def __post_init__(self) -> None:
        refuse_outside("at_once", self.at_once, 1)


@dataclass(frozen=True, kw_only=True)
class Experiment(AnyExperiment):
    """Everything that decides a training run on arrays and its scores.

    All tasks share what :class:`~bmi_dmx.trainer.experiment.Experiment` has.

    Parameters
    ----------
    task : {"arrays"}
        What is learned from.
    data : DataSpec
        Where the series come from.
    split : Split
        What is set aside.
    model : ModelSpec
        What is trained.
    weights : dict of str to float
        Weights of targets in the loss; 1 where none is given.
    measured : {"all", "place"}
        Whether errors are measured in the standard deviation of a target over all that
        is learned from, or over each place, so that places count alike; a twentieth of
        the former is added, for places where hardly anything happens.
    training : Training
        How it is trained; a window starts from the state that the source gives for its
        first step, else from the model's own, so that only the latter needs a warm-up.
    evaluation : Evaluation
        How it is judged.
    """

    VALIDATION = "split.validation"

    task: Literal["arrays"] = "arrays"
    data: DataSpec
    split: Split = field(default_factory=Split)
    weights: dict[str, float] = field(default_factory=dict)
    measured: Literal["all", "place"] = "all"
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        if is_function(self.data.source):
            # The module may register what the model is made of.
            imported(self.data.source)
        super().__post_init__()
        for name, weight in self.weights.items():
            if not 0.0 < weight < math.inf:
                raise ConfigError(
                    f"weights.{name}: found {weight}, expected a number above 0"
                )

    @property
    def validates(self) -> bool:
        """Whether something is set aside to choose the best model on."""
        return self.split.validation > 0.0

    def resolved(self, anchored: Anchor) -> Experiment:
        """Return the experiment with an absolute path."""
        source = self.data.source
        if is_function(source):
            return self
        path = anchored("data.source", source)
        return replace(self, data=replace(self.data, source=path))

    def course(self) -> dict[str, Any]:
        """Return what decides the course of a training, as plain values.

        Where a file lies is not among it: that it is the same is seen from the data.
        """
        settings = super().course()
        names = ("data", "split", "weights", "measured")
        settings |= {name: plain(getattr(self, name)) for name in names}
        if not is_function(self.data.source):
            del settings["data"]["source"]
        return settings
