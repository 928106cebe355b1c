"""The configuration of an experiment on columns: file, periods, runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ....conversion import plain, refuse_outside
from ....errors import ConfigError
from ...experiment import Anchor
from ...experiment import Experiment as AnyExperiment

__all__ = ["DataSpec", "Evaluation", "Experiment", "Leads", "Periods", "Runs", "Years"]

Years = tuple[int, int]
Leads = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """Where the series come from, and what is observed.

    Parameters
    ----------
    source : str
        CF NetCDF file; a relative path starts at the configuration file, on the command
        line at the current folder.
    forcing : dict of str to list of str
        Variables of the file by forcing of the model; those of one forcing are added.
    surface : str, optional
        Variable of the temperature at the surface along the time of the forcing; means
        of days are what is learned.
    profiles : dict of str to str
        Instead of it: variables (time, depth) of ``temperature`` and ``salinity``, one
        for each month; means of months are what is learned.
    usual : dict of str to str
        With a surface: variables (month, depth) of the same in which runs begin, moved
        by what the surface is warmer than usual where water is mixed; the uppermost is
        what a surface that is drawn to something is drawn to.
    levels : int
        Levels from the surface down that are learned.
    latitude : str
        Variable of the latitude.
    """

    source: str
    forcing: dict[str, tuple[str, ...]]
    surface: str | None = None
    profiles: dict[str, str] = field(default_factory=dict)
    usual: dict[str, str] = field(default_factory=dict)
    levels: int = 1
    latitude: str = "lat"

    def __post_init__(self) -> None:
        refuse_outside("levels", self.levels, 1)
        if not self.forcing:
            raise ConfigError("forcing: found none, expected names and variables")
        for name, variables in self.forcing.items():
            if not variables:
                raise ConfigError(f"forcing.{name}: found no variable")
        if (self.surface is None) == (not self.profiles):
            raise ConfigError("surface, profiles: expected one of them")
        names = self.usual if self.surface else self.profiles
        if set(names) != {"temperature", "salinity"}:
            key = "usual" if self.surface else "profiles"
            raise ConfigError(
                f"{key}: found {', '.join(names) or 'none'}, expected temperature and "
                "salinity"
            )
        if self.surface and self.levels > 1:
            raise ConfigError(f"levels: found {self.levels}, a surface has one")


@dataclass(frozen=True, kw_only=True)
class Periods:
    """First and last years.

    Parameters
    ----------
    train, validation, test : (int, int)
        Such as ``[1961, 1970]``. Runs begin and end inside. Years of the validation and
        the test inside those to learn from are left out of them.
    """

    train: Years
    validation: Years
    test: Years

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            first, end = getattr(self, name)
            if not 0 < first <= end:
                raise ConfigError(
                    f"{name}: found {first} to {end}, expected it not to end before it "
                    "begins"
                )
        (first, end), (begin, last) = self.validation, self.test
        if first <= last and begin <= end:
            raise ConfigError(
                f"test: found {begin} to {last}, expected none of the years of the "
                f"validation, {first} to {end}"
            )
        if not self.learned:
            raise ConfigError("train: no year is left beside validation and test")

    @property
    def learned(self) -> tuple[Years, ...]:
        """First and last years of the stretches that are learned from."""
        apart = (self.validation, self.test)
        stretches: list[Years] = []
        for year in range(self.train[0], self.train[1] + 1):
            if any(first <= year <= last for first, last in apart):
                continue
            if stretches and stretches[-1][1] == year - 1:
                stretches[-1] = (stretches[-1][0], year)
            else:
                stretches.append((year, year))
        return tuple(stretches)

    def stretches(self, name: str) -> tuple[Years, ...]:
        """Return those of a period, by its name."""
        return self.learned if name == "train" else (getattr(self, name),)


@dataclass(frozen=True, kw_only=True)
class Runs:
    """When runs begin, and how long they go on freely.

    Parameters
    ----------
    begin : list of str
        Days of the year, ``MM-DD``, on which runs to learn from begin.
    judged : list of str
        Those on which runs to be judged begin; default: the same.
    leads : int
        Days, or months where profiles are observed, after that of the beginning.
    """

    begin: tuple[str, ...]
    judged: tuple[str, ...] = ()
    leads: int

    def __post_init__(self) -> None:
        refuse_outside("leads", self.leads, 1, 3660)
        if not self.begin:
            raise ConfigError("begin: found no day, expected at least one")
        for key in ("begin", "judged"):
            for text in getattr(self, key):
                if not re.fullmatch(r"(0\d|1[0-2])-([0-2]\d|3[01])", text, re.ASCII):
                    raise ConfigError(f"{key}: found {text!r}, expected MM-DD")

    @property
    def scored(self) -> tuple[str, ...]:
        """Days on which runs to be judged begin."""
        return self.judged or self.begin


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a model is judged.

    Parameters
    ----------
    leads : list of (int, int)
        First and last lead of groups whose errors are told; the best model is chosen by
        those of all leads.
    draws : int
        Draws of runs by which intervals of differences are found.
    """

    leads: tuple[Leads, ...] = ()
    draws: int = 2000

    def __post_init__(self) -> None:
        refuse_outside("draws", self.draws, 10, 1_000_000)
        for first, last in self.leads:
            if not 1 <= first <= last:
                raise ConfigError(f"leads: found {first} to {last}, expected 1 or more")


@dataclass(frozen=True, kw_only=True)
class Experiment(AnyExperiment):
    """Everything that decides a training run on columns and its scores.

    All tasks share what :class:`~bmi_dmx.trainer.experiment.Experiment` has.

    Parameters
    ----------
    task : {"columns"}
        What is learned from.
    data : DataSpec
        Where the series come from.
    periods : Periods
        What is learned from, chosen by, and judged on.
    runs : Runs
        When runs begin, and how long they are.
    training : Training
        How it is trained. ``warmup`` does not count, for runs begin with an observed
        state; gradients go back through ``window`` steps, for through long runs they
        grow without bound.
    evaluation : Evaluation
        How it is judged.
    """

    VALIDATION = "periods.validation"

    task: Literal["columns"] = "columns"
    data: DataSpec
    periods: Periods
    runs: Runs
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        super().__post_init__()
        for _, last in self.evaluation.leads:
            if last > self.runs.leads:
                raise ConfigError(
                    f"evaluation.leads: found {last}, runs go on to {self.runs.leads}"
                )

    @property
    def validates(self) -> bool:
        """Whether the best model is chosen: always."""
        return True

    @property
    def groups(self) -> tuple[Leads, ...]:
        """First and last leads of groups that are told of."""
        return self.evaluation.leads or ((1, self.runs.leads),)

    def resolved(self, anchored: Anchor) -> Experiment:
        """Return the experiment with an absolute path."""
        path = anchored("data.source", self.data.source)
        return replace(self, data=replace(self.data, source=path))

    def course(self) -> dict[str, Any]:
        """Return what decides the course of a training, as plain values.

        Where the file lies is not among it: that it is the same is seen from the data.
        """
        settings = super().course()
        names = ("data", "periods", "runs")
        settings |= {n: plain(getattr(self, n)) for n in names}
        del settings["data"]["source"]
        return settings
