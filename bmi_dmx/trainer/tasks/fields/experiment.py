"""The configuration of an experiment on fields: data, periods, roll-outs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ....conversion import plain, refuse_outside
from ....errors import ConfigError, suggestion
from ...experiment import Anchor
from ...experiment import Experiment as AnyExperiment

__all__ = [
    "DataSpec",
    "Evaluation",
    "Experiment",
    "Periods",
    "RollOut",
    "Start",
    "refuse_no_lead",
]

Dates = tuple[str, str]

_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?")


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """Where the fields come from.

    Parameters
    ----------
    source : str
        CF NetCDF file or Zarr store; a relative path starts at the configuration file,
        on the command line at the current folder.
    variables : dict of str to str
        Variable of the file by state of the model.
    history : dict of str to str
        States of several entries that hold earlier values, the latest first, and the
        state that these are of.
    mask : str, optional
        Variable that is above 0 in cells that belong to the system; default: where
        nothing is ever missing.
    climatology : {"months", "harmonics", "mean", "none"}
        What is taken off the fields: usual values of the month or, as a sum of waves of
        the year, of the day; the mean of all steps; or nothing. It is computed of what
        is learned from.
    """

    source: str
    variables: dict[str, str]
    history: dict[str, str] = field(default_factory=dict)
    mask: str | None = None
    climatology: Literal["months", "harmonics", "mean", "none"] = "months"

    def __post_init__(self) -> None:
        if not self.variables:
            raise ConfigError("variables: found none, expected states and their names")
        for name, of in self.history.items():
            if of not in self.variables:
                raise ConfigError(f"history.{name}: {of!r} is not among the variables")


@dataclass(frozen=True, kw_only=True)
class Periods:
    """First and last months or days, which do not overlap.

    Parameters
    ----------
    train, validation, test : (str, str)
        Such as ``[1950-01, 1989-12]``, or ``[2002-01-01, 2002-07-29]`` where steps are
        shorter. Forecasts begin and verify inside; steps before may serve as history.
    """

    train: Dates
    validation: Dates
    test: Dates

    def __post_init__(self) -> None:
        last = ""
        for name in ("train", "validation", "test"):
            first, end = getattr(self, name)
            for text in (first, end):
                if not _DATE.fullmatch(text):
                    raise ConfigError(
                        f"{name}: found {text!r}, expected YYYY-MM or YYYY-MM-DD"
                    )
            if not last < first <= end:
                raise ConfigError(
                    f"{name}: found {first} to {end}, expected it to begin after "
                    f"{last or 'nothing'} and not to end before it begins"
                )
            last = end


@dataclass(frozen=True, kw_only=True)
class RollOut:
    """How many steps are simulated in training, and from when on.

    Parameters
    ----------
    steps : tuple of int
        Lengths, one after the other.
    until : tuple of float
        Share of the training at which each but the last ends.
    """

    steps: tuple[int, ...] = (1, 3, 6)
    until: tuple[float, ...] = (0.4, 0.7)

    def __post_init__(self) -> None:
        if len(self.until) != len(self.steps) - 1:
            raise ConfigError(
                f"until: found {len(self.until)} shares for {len(self.steps)} lengths, "
                "expected one less"
            )
        for steps in self.steps:
            refuse_outside("steps", steps, 1, 1000)
        if list(self.until) != sorted(self.until) or not all(
            0.0 < share < 1.0 for share in self.until
        ):
            raise ConfigError(f"until: found {list(self.until)}, expected them to rise")

    def length(self, batches: int, total: int) -> int:
        """Return the length after some of all batches."""
        stage = sum(batches >= share * total for share in self.until)
        return self.steps[stage]


@dataclass(frozen=True, kw_only=True)
class Start:
    """What maps of the model begin with.

    Parameters
    ----------
    kind : {"nothing", "fading"}
        Fields stay as they are; or fade, and follow a linear inverse model.
    share : float
        How much the linear inverse model counts in the forecast of a step, 0 to 1;
        the rest of it is what each cell fades by.
    """

    kind: Literal["nothing", "fading"] = "nothing"
    share: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ConfigError(f"share: found {self.share}, expected 0 to 1")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a model is judged.

    Parameters
    ----------
    leads : tuple of int
        Steps ahead at which forecasts are scored.
    monitor : tuple of int
        Those of which the best model is chosen, by the mean of their errors.
    regions : dict of str to (float, float, float, float)
        South, north, west and east of boxes whose means are correlated.
    vectors : dict of str to (str, str)
        Two fields that are scored together as the components of a vector, by its name.
    block : int
        Steps of a block of the bootstrap.
    at_once : int
        Forecasts made at a time.
    """

    leads: tuple[int, ...] = (1, 2, 3, 6, 9, 12)
    monitor: tuple[int, ...] = (1, 3, 6)
    regions: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    vectors: dict[str, tuple[str, str]] = field(default_factory=dict)
    block: int = 6
    at_once: int = 32

    def __post_init__(self) -> None:
        refuse_no_lead("leads", self.leads)
        refuse_no_lead("monitor", self.monitor)
        refuse_outside("block", self.block, 1)
        refuse_outside("at_once", self.at_once, 1)


@dataclass(frozen=True, kw_only=True)
class Experiment(AnyExperiment):
    """Everything that decides a training run on fields and its scores.

    All tasks share what :class:`~bmi_dmx.trainer.experiment.Experiment` has.

    Parameters
    ----------
    task : {"fields"}
        What is learned from.
    data : DataSpec
        Where the fields come from.
    periods : Periods
        What is learned from, chosen by, and judged on.
    rollout : RollOut
        Lengths of windows.
    start : Start
        What maps of the model begin with.
    noise : float
        Standard deviation of what is added to the states of windows, in units of the
        fields and drawn for every cell: roll-outs of models that learned to do with it
        last longer.
    mirrored : bool
        Whether half of the windows, drawn at random, are learned from with the opposite
        sign.
    training : Training
        How it is trained. ``warmup`` and ``window`` do not count, for roll-outs say how
        long windows are.
    evaluation : Evaluation
        How it is judged.
    """

    VALIDATION = "periods.validation"

    task: Literal["fields"] = "fields"
    data: DataSpec
    periods: Periods
    rollout: RollOut = field(default_factory=RollOut)
    start: Start = field(default_factory=Start)
    noise: float = 0.0
    mirrored: bool = False
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, of in self.evaluation.vectors.items():
            if name in self.data.variables:
                raise ConfigError(f"evaluation.vectors: {name!r} is a field already")
            for component in of:
                if component not in self.data.variables:
                    hint = suggestion(component, self.data.variables)
                    raise ConfigError(
                        f"evaluation.vectors.{name}: {component!r} is not among the "
                        f"variables{hint}"
                    )
        if not 0.0 <= self.noise < float("inf"):
            raise ConfigError(f"noise: found {self.noise}, expected 0 or more")

    @property
    def validates(self) -> bool:
        """Whether the best model is chosen: always."""
        return True

    def resolved(self, anchored: Anchor) -> Experiment:
        """Return the experiment with an absolute path."""
        path = anchored("data.source", self.data.source)
        return replace(self, data=replace(self.data, source=path))

    def course(self) -> dict[str, Any]:
        """Return what decides the course of a training, as plain values.

        Where the file lies is not among it: that it is the same is seen from the data.
        """
        settings = super().course()
        names = ("data", "periods", "rollout", "start", "noise", "mirrored")
        settings |= {n: plain(getattr(self, n)) for n in names}
        settings["monitor"] = list(self.evaluation.monitor)
        del settings["data"]["source"]
        return settings


def refuse_no_lead(key: str, leads: Sequence[int]) -> None:
    """Refuse leads of which there is none, or that do not lie ahead.

    Raises
    ------
    ConfigError
        Naming the key.
    """
    if not leads or min(leads) < 1:
        raise ConfigError(f"{key}: found {list(leads)}, expected steps ahead")
