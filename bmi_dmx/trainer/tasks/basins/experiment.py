"""The configuration of an experiment on basins: data, periods, loss, scoring."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ....conversion import plain, refuse_outside
from ....errors import ConfigError, suggestion
from ...experiment import Anchor, Training
from ...experiment import Experiment as AnyExperiment
from ..streamflow.comparison import ALL
from ..streamflow.metrics import metrics_named
from ..streamflow.periods import Period, Periods
from .data.spec import Condition, DataSpec
from .targets import TARGET, LossSpec, by_target

__all__ = ["BasinTraining", "Evaluation", "Experiment"]

DAY = 86400.0


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a trained model is scored.

    Parameters
    ----------
    warmup : int, optional
        Time steps of the data simulated before a scored period, as far as the record
        reaches; default: the warm-up of the training.
    metrics : "all" or list of str
        Registered metrics.
    groups : dict
        Named subsets of the basins, whose scores are reported besides those of ``all``,
        by conditions on attributes as in ``data.where``.
    published : dict
        Median NSE of other models by name, drawn beside ours.
    basins : int
        Basins simulated at a time; bounds the memory.
    monitored : dict of str to float
        Weights of targets: a validation looks at the mean of their median NSE, by which
        the best model is chosen; that of streamflow alone when empty.
    """

    warmup: int | None = None
    metrics: Literal["all"] | tuple[str, ...] = "all"
    groups: dict[str, dict[str, Condition]] = field(default_factory=dict)
    published: dict[str, float] = field(default_factory=dict)
    basins: int = 64
    monitored: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse_outside("warmup", self.warmup, 0)
        refuse_outside("basins", self.basins, 1)
        for name, weight in self.monitored.items():
            if not (math.isfinite(weight) and weight > 0.0):
                raise ConfigError(
                    f"monitored.{name}: found {weight}, expected a positive number"
                )
        metrics_named(self.metrics)
        if ALL in self.groups:
            raise ConfigError(f"groups.{ALL}: this is the group of all basins")


@dataclass(frozen=True, kw_only=True)
class BasinTraining(Training):
    """How long and how to train on basins.

    Parameters
    ----------
    warmup_step : {"own", "daily"}
        Steps in which windows are warmed up: the model's own; or days, from whose state
        a model of shorter steps goes on, which takes a small part of the time.
    """

    warmup_step: Literal["own", "daily"] = "own"


@dataclass(frozen=True, kw_only=True)
class Experiment(AnyExperiment):
    """Everything that decides a training run on basins and its scores.

    All tasks share what :class:`~bmi_dmx.trainer.experiment.Experiment` has.

    Parameters
    ----------
    task : {"basins"}
        What is learned from.
    data : DataSpec
        What is read.
    periods : Periods
        Which days serve what.
    model : ModelSpec
        What is trained.
    loss : str, dict of str to float, or dict of str to one of these
        Registered loss of streamflow, or weights by name; or such a loss for each
        target by its name, which are added.
    training : BasinTraining
        How it is trained.
    evaluation : Evaluation
        How it is scored.
    """

    VALIDATION = "periods.validation"
    LONGER_STEPS = True

    task: Literal["basins"] = "basins"
    data: DataSpec
    periods: Periods
    loss: str | dict[str, float | LossSpec]
    training: BasinTraining
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_targets()
        if self.training.warmup_step == "daily" and self.model.seconds >= DAY:
            raise ConfigError(
                "training.warmup_step: 'daily' is for models of shorter steps, found "
                f"one of {self.model.seconds:g} s"
            )
        if self.model.step_before is not None:
            self._check_days_before(self.model.step_before)
        first, last = self.periods.train
        days = (last - first).days + 1
        # The data may have longer steps than the model, and no shorter ones.
        if self.training.window * self.model.seconds > days * DAY:
            raise ConfigError(
                f"training.window: {self.training.window} steps of "
                f"{self.model.seconds:g} s do not fit into periods.train, {first} to "
                f"{last}, which has {days} days"
            )

    def _check_days_before(self, step: float) -> None:
        """Refuse to leave networks of days before those of hours unlearned."""
        if step != DAY:
            raise ConfigError(
                f"model: networks before others have a step of {step:g} s, expected "
                f"{DAY:g} s, in which windows are warmed up"
            )
        for key, expected, why in (
            ("warmup_step", "daily", "runs in the warm-up alone"),
            ("warmup_gradient", True, "learns from the gradient through the warm-up"),
        ):
            if (setting := getattr(self.training, key)) != expected:
                raise ConfigError(
                    f"training.{key}: found {setting!r}, expected {expected!r}: the "
                    f"network of days before that of shorter steps {why}"
                )
        if not self.training.warmup:
            raise ConfigError(
                "training.warmup: found 0, expected days for the network of days"
            )

    def _check_targets(self) -> None:
        """Refuse losses and validations of what is not observed."""
        targets = [TARGET, *self.data.targets]
        uses = {
            "loss": list(by_target(self.loss)),
            "evaluation.monitored": list(self.monitored),
        }
        for key, names in uses.items():
            for name in names:
                if name not in targets:
                    hint = suggestion(name, targets)
                    raise ConfigError(
                        f"{key}: no target {name!r}{hint}; data.targets says which"
                        " variable of the data is one"
                    )

    @property
    def monitored(self) -> dict[str, float]:
        """Weights of the targets whose median NSE a validation looks at."""
        return self.evaluation.monitored or {TARGET: 1.0}

    @property
    def validates(self) -> bool:
        """Whether there is a period to choose the best model on."""
        return self.periods.validation is not None

    @property
    def evaluation_warmup(self) -> int:
        """Time steps simulated before a scored period, as far as the record reaches."""
        warmup = self.evaluation.warmup
        return self.training.warmup if warmup is None else warmup

    @property
    def learned_days(self) -> Period:
        """First and last day that training and validation look at.

        Those of training alone where the test period lies between the two.
        """
        train, test = self.periods.train, self.periods.test
        validation = self.periods.validation or train
        first, last = min(train[0], validation[0]), max(train[1], validation[1])
        between = test is not None and first <= test[0] <= last
        return train if between else (first, last)

    def resolved(self, anchored: Anchor) -> Experiment:
        """Return the experiment with absolute paths, and days for the climate.

        The climate attributes are those of :attr:`learned_days`, unless something else
        is said: the test period must not leak through them.
        """
        data = self.data.resolved(anchored)
        days = data.attributes_period or self.learned_days
        return replace(self, data=replace(data, attributes_period=days))

    def course(self) -> dict[str, Any]:
        """Return what decides the course of a training, as plain values.

        Where the data lie is not among it: that they are the same is seen from them.
        """
        settings = super().course()
        settings |= {n: plain(getattr(self, n)) for n in ("data", "periods", "loss")}
        for name in ("path", "withheld"):
            del settings["data"][name]
        settings["data"]["places"] = Path(self.data.places).name
        settings["periods"].pop("test", None)
        if self.evaluation.monitored:
            settings["monitored"] = plain(self.evaluation.monitored)
        return settings
