"""The configuration of an experiment on rivers: data, periods, loss, scoring."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ....conversion import plain, refuse_outside
from ....errors import ConfigError
from ...experiment import Anchor
from ...experiment import Experiment as AnyExperiment
from ..streamflow.losses import compose
from ..streamflow.metrics import metrics_named
from ..streamflow.periods import Periods
from .land_spec import Land
from .series_spec import Series

__all__ = [
    "DAY",
    "SAMPLE",
    "DataSpec",
    "Days",
    "Evaluation",
    "Experiment",
    "Prior",
    "Series",
]

DAY = 86400.0
"""Seconds."""

SAMPLE = "sample"
"""Name of the made river that comes with the package."""


@dataclass(frozen=True, kw_only=True)
class Days:
    """When the days of gauges begin, in the time of the lateral inflow.

    Parameters
    ----------
    utc_offset : float or dict of str to float
        Hours of local standard time east of Greenwich, such as -5, of all gauges or by
        gauge. Days of observations begin at midnight there.
    advance : float
        Hours by which the routed flow is brought forward before it is averaged over
        days. For inflow that comes late by itself; 0 leaves all delay to the routing.
    """

    utc_offset: float | dict[str, float] = 0.0
    advance: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.utc_offset, dict):
            for name, hours in self.utc_offset.items():
                _refuse_beyond(f"utc_offset.{name}", hours, 14.0)
        else:
            _refuse_beyond("utc_offset", self.utc_offset, 14.0)
        _refuse_beyond("advance", self.advance, 48.0)


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """What is read. Relative paths start at the configuration file.

    Parameters
    ----------
    river : str
        File of reaches; ``sample`` is a small made river of the package.
    format : str, optional
        Its kind; told by content when absent.
    inflow : Series
        Lateral inflow of every reach, local and not summed, as means over steps of a
        day or a part of it.
    observed : Series
        Flow at gauges, as means of days.
    forcings : dict of str to Series
        What the model reads besides lateral inflow, such as the weather over reaches,
        by its name in the model: over days or steps of the inflow.
    gauges : "all" or list of str, or str
        Which gauges, or a table of them (CSV) with columns ``gauge_id``, ``reach_id``
        and, as far as known, ``area_km2``.
    days : Days
        When days begin at the gauges.
    disaggregation : {"repeat", "linear"}
        Lateral inflow within its steps where the model has shorter ones: the same all
        the time, or straight lines whose means are kept.
    missing_inflow : {"refuse", "fill"}
        What is done where a reach has no inflow: ``fill`` takes ``least`` for it, and
        says how often.
    least : float
        m3 s-1, in place of missing inflow.
    partial_area : bool
        Whether a gauge above the lower end of its reach sees only a part of the inflow
        of that reach, by the areas.
    """

    river: str
    format: str | None = None
    inflow: Series = field(default_factory=Series)
    observed: Series = field(default_factory=Series)
    forcings: dict[str, Series] = field(default_factory=dict)
    gauges: str | tuple[str, ...] = "all"
    days: Days = field(default_factory=Days)
    disaggregation: Literal["repeat", "linear"] = "repeat"
    missing_inflow: Literal["refuse", "fill"] = "refuse"
    least: float = 1e-3
    partial_area: bool = True

    def __post_init__(self) -> None:
        if not self.river:
            raise ConfigError("river: found nothing, expected a file")
        if not self.gauges:
            raise ConfigError("gauges: the list is empty, expected ids or 'all'")
        if not 0.0 < self.least < math.inf:
            raise ConfigError(f"least: found {self.least}, expected a number above 0")

    def resolved(self, anchored: Anchor) -> DataSpec:
        """Return the same with absolute paths.

        Parameters
        ----------
        anchored : callable
            Makes a relative path absolute, given the key it stands under.
        """
        paths: dict[str, Any] = {}
        if self.river != SAMPLE:
            paths["river"] = anchored("data.river", self.river)
        if isinstance(self.gauges, str) and self.gauges != "all":
            paths["gauges"] = anchored("data.gauges", self.gauges)

        def placed(key: str, series: Series) -> Series:
            if series.path is None:
                return series
            return replace(series, path=anchored(f"data.{key}.path", series.path))

        forcings = {
            name: placed(f"forcings.{name}", series)
            for name, series in self.forcings.items()
        }
        return replace(
            self,
            inflow=placed("inflow", self.inflow),
            observed=placed("observed", self.observed),
            forcings=forcings,
            **paths,
        )


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What a parameter is taken to be before anything was learned.

    Gauges see sums over reaches: what they do not decide, the prior does.

    Parameters
    ----------
    value : float
        Its usual value.
    factor : float
        By which it usually differs, up or down; above 1.
    weight : float
        Weight in the loss of the mean over reaches of
        (ln(parameter / value) / ln(factor))².
    """

    value: float
    factor: float = 1.5
    weight: float = 0.01

    def __post_init__(self) -> None:
        for name in ("value", "weight"):
            number = getattr(self, name)
            if not 0.0 < number < math.inf:
                raise ConfigError(f"{name}: found {number}, expected a number above 0")
        if not 1.0 < self.factor < math.inf:
            raise ConfigError(f"factor: found {self.factor}, expected a number above 1")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a trained river is judged.

    Parameters
    ----------
    warmup : int, optional
        Days simulated before a scored period, as far as the record reaches; default:
        the warm-up of the training.
    metrics : "all" or list of str
        Registered metrics.
    areas : list of float
        Drainage areas, km2, that part the classes scores are reported for.
    chunk : int
        Days simulated at a time, each from the state the ones before it left; bounds
        the memory.
    """

    warmup: int | None = None
    metrics: Literal["all"] | tuple[str, ...] = "all"
    areas: tuple[float, ...] = (1000.0, 5000.0, 10000.0)
    chunk: int = 365

    def __post_init__(self) -> None:
        refuse_outside("warmup", self.warmup, 0)
        refuse_outside("chunk", self.chunk, 1)
        metrics_named(self.metrics)
        if any(a <= 0.0 for a in self.areas) or list(self.areas) != sorted(
            set(self.areas)
        ):
            raise ConfigError(
                f"areas: found {list(self.areas)}, expected numbers above 0 that"
                " increase"
            )


@dataclass(frozen=True, kw_only=True)
class Experiment(AnyExperiment):
    """Everything that decides a training run on a river and its scores.

    All tasks share what :class:`~bmi_dmx.trainer.experiment.Experiment` has.

    Parameters
    ----------
    task : {"reaches"}
        What is learned from.
    data : DataSpec
        What is read.
    periods : Periods
        Which days serve what.
    model : ModelSpec
        What is trained; it is run on the trees of the data.
    loss : str or dict of str to float
        Registered loss, or weights by name, of flow in mm per day over the area above
        the gauge.
    priors : dict of str to Prior
        What parameters are taken to be, by name.
    land : Land, optional
        What makes the lateral inflow, trained with the river. Without it, lateral
        inflow is read.
    together : int, optional
        Gauges of a batch, whose trees are merged; all when absent.
    training : Training
        How it is trained; ``window`` and ``warmup`` are days, ``batch`` the windows of
        time that run side by side.
    evaluation : Evaluation
        How it is scored.
    """

    VALIDATION = "periods.validation"

    task: Literal["reaches"] = "reaches"
    data: DataSpec
    periods: Periods
    loss: str | dict[str, float] = "nse_batch"
    priors: dict[str, Prior] = field(default_factory=dict)
    land: Land | None = None
    together: int | None = None
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        super().__post_init__()
        compose(self.loss)
        refuse_outside("together", self.together, 1)
        if self.land is not None:
            for name in ("path", "variable"):
                if getattr(self.data.inflow, name) is not None:
                    raise ConfigError(
                        f"data.inflow.{name}: the inflow comes from the land; remove"
                        " one of them"
                    )
        if DAY % self.model.seconds:
            raise ConfigError(
                f"model.seconds: found {self.model.seconds:g}, expected a step that"
                " divides a day"
            )
        first, last = self.periods.train
        days = (last - first).days + 1
        if self.training.window > days:
            raise ConfigError(
                f"training.window: {self.training.window} days do not fit into"
                f" periods.train, {first} to {last}, which has {days}"
            )

    @property
    def validates(self) -> bool:
        """Whether there is a period to choose the best model on."""
        return self.periods.validation is not None

    @property
    def evaluation_warmup(self) -> int:
        """Days simulated before a scored period, as far as the record reaches."""
        warmup = self.evaluation.warmup
        return self.training.warmup if warmup is None else warmup

    def resolved(self, anchored: Anchor) -> Experiment:
        """Return the experiment with absolute paths."""
        land = self.land and self.land.resolved(anchored)
        return replace(self, data=self.data.resolved(anchored), land=land)

    def course(self) -> dict[str, Any]:
        """Return what decides the course of a training, as plain values.

        Where the data lie is not among it: that they are the same is seen from them.
        """
        settings = super().course()
        names = ("data", "periods", "loss", "priors", "together")
        settings |= {name: plain(getattr(self, name)) for name in names}
        settings["data"].pop("river")
        if self.land is not None:
            settings["land"] = self.land.course()
        for series in (
            settings["data"]["inflow"],
            settings["data"]["observed"],
            *settings["data"]["forcings"].values(),
        ):
            series.pop("path", None)
        settings["periods"].pop("test", None)
        return settings


def _refuse_beyond(name: str, hours: float, most: float) -> None:
    if not -most <= hours <= most:
        raise ConfigError(
            f"{name}: found {hours}, expected hours from {-most:g} to {most:g}"
        )
