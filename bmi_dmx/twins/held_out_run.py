"""Rivers run day by day with what their gauges show, nudged or as an ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..bmi.component import Component
from ..bmi.settings import LocationSettings, Settings
from ..bundle import Bundle, save_bundle
from ..conversion import convert
from ..errors import ConfigError, DataError
from ..models.rivers.disaggregation import interpolated, repeated
from ..trainer.tasks.reaches.data import LATERAL, RiverData
from ..trainer.tasks.reaches.experiment import Days as LocalDays
from .hindcast_run import shown

__all__ = [
    "Days",
    "Estimates",
    "assimilated",
    "days_of",
    "nudged",
    "observing",
    "on_reaches",
]

Array = np.ndarray[Any, np.dtype[np.float64]]

_FLOW, _LATERAL = "discharge", LATERAL[0]

_HOURS = 24


@dataclass(frozen=True, eq=False)
class Estimates:
    """Flow at gauges by the turn in which some of them were left out.

    Parameters
    ----------
    same_day : ndarray
        (turn, day, gauge) m3 s-1, with what was seen on that day.
    day_ahead : ndarray
        (turn, day, gauge) with what was seen until the day before.
    """

    same_day: Array
    day_ahead: Array


@dataclass(frozen=True, eq=False)
class Days:
    """Days as gauges count them, and what enters the reaches hour by hour.

    Parameters
    ----------
    first : date
        The first of them.
    start : datetime
        Its begin in the time of the inflow.
    lateral : ndarray
        (hour, reach) m3 s-1, a whole number of days.
    observed : ndarray
        (day, gauge) flow at gauges, m3 s-1; NaN is missing.
    unseen : ndarray
        (day, gauge) what enters the reaches of gauges below them, m3 s-1.
    places : ndarray of int
        (gauge,) positions of their reaches.
    """

    first: date
    start: datetime
    lateral: Array
    observed: Array
    unseen: Array
    places: np.ndarray[Any, np.dtype[np.intp]]

    def day(self, position: int) -> date:
        """Return the date of a day."""
        moment = np.datetime64(self.first, "D") + position
        day: date = moment.astype(object)
        return day

    def position(self, day: date) -> int:
        """Return which of the days a date is."""
        return (day - self.first).days


def days_of(data: RiverData, local: LocalDays, begin: date, last: date) -> Days:
    """Return the days of a hindcast.

    Parameters
    ----------
    data : RiverData
        The river.
    local : LocalDays
        When days of gauges begin.
    begin, last : date
        First and last of them.

    Raises
    ------
    ConfigError
        When gauges differ in when their days begin, or that is no whole hour.
    DataError
        When there is no inflow for these days.
    """
    later = local.advance - data.gauges.utc_offset
    if np.ptp(later) or later[0] % 1:
        raise ConfigError(
            f"data.days: days of gauges begin {sorted(set(later.tolist()))} hours "
            "later, expected one whole number of hours for all"
        )
    shift = int(later[0])
    within = {"repeat": repeated, "linear": interpolated}[data.disaggregation]
    hours = np.asarray(within(data.inflow.astype(float), _HOURS // data.per_day))
    span = data.within((begin, last), "begin, scored")
    low, high = span.start * _HOURS + shift, span.stop * _HOURS + shift
    if low < 0 or high > len(hours):
        raise DataError(
            f"data: days of gauges begin {shift} hours later than those of the inflow,"
            f" which is not known for all of {begin} to {last}"
        )
    lateral = hours[low:high]
    places = data.river.tree.positions(data.gauges.reaches)
    means = lateral[:, places].reshape(-1, _HOURS, len(places)).mean(axis=1)
    start = np.datetime64(data.days[span.start], "h") + shift
    return Days(
        begin, start.astype(datetime), lateral, data.observed[span].astype(float),
        (1.0 - data.gauges.share) * means, np.asarray(places),
    )  # fmt: skip


def on_reaches(days: Days, observed: Array) -> Array:
    """Return what gauges show as flow at the ends of reaches, (day, reach).

    Parameters
    ----------
    days : Days
        What enters below the gauges is added.
    observed : ndarray
        (day, gauge); where several are on one reach their mean is taken.
    """
    total = np.zeros((len(observed), days.lateral.shape[1]))
    count = np.zeros_like(total)
    for k, place in enumerate(days.places):
        there = ~np.isnan(observed[:, k])
        total[there, place] += (observed + days.unseen)[there, k]
        count[there, place] += 1.0
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def assimilated(
    bundle: Bundle,
    data: RiverData,
    days: Days,
    observed: Array,
    block: Mapping[str, Any],
    folder: Path = Path(),
) -> tuple[Array, Array]:
    """Run an ensemble that is corrected at the end of every day.

    Parameters
    ----------
    bundle : Bundle
        The model.
    data : RiverData
        The river.
    days : Days
        What is run.
    observed : ndarray
        (day, gauge) what is told.
    block : mapping
        ``assimilation`` of a component's configuration.
    folder : Path
        What paths in the block start from.

    Returns
    -------
    same_day, day_ahead : ndarray
        (day, gauge) the mean after and before the analysis, m3 s-1.

    Raises
    ------
    ConfigError
        When what is observed is not the flow of days.
    """
    component = _component(bundle, data, days, {"assimilation": block}, folder)
    ensemble, reach_flow = component.ensemble, on_reaches(days, observed)
    assert ensemble is not None
    box = ensemble.assimilation.inboxes.get(_FLOW)
    if box is None or len(box.recent) != _HOURS:
        raise ConfigError(
            f"assimilation: observed: expected {_FLOW!r} with 'mean: 1 d', as gauges "
            "show it"
        )
    flows = np.full((2, *observed.shape), np.nan)
    analysed = component.get_value_ptr(f"{_FLOW}__analysis")
    expected = component.get_value_ptr(f"{_FLOW}__expected")
    for day in shown(0, len(observed)):
        for hour in range(day * _HOURS, (day + 1) * _HOURS):
            component.set_value(_LATERAL, days.lateral[hour])
            if hour % _HOURS == _HOURS - 1:
                component.set_value(f"{_FLOW}~observed", reach_flow[day])
            component.update()
        for series, values in zip(flows, (analysed, expected), strict=True):
            series[day] = values[days.places] - days.unseen[day]
    component.finalize()
    return flows[0], flows[1]


def nudged(
    bundle: Bundle,
    data: RiverData,
    days: Days,
    observed: Array,
    weight: float,
    decay: float,
) -> tuple[Array, Array]:
    """Run a river that is drawn to the flow at its gauges, day by day.

    What was seen on a day is taken for the flow of all its hours, and before a day is
    run with it, it is run with what was seen last, which counts less and less.

    Parameters
    ----------
    bundle : Bundle
        As of :func:`observing`.
    data, days, observed
        As of :func:`assimilated`.
    weight : float
        Share of the way to what is seen, at every step.
    decay : float
        Hours after which what was seen last has a weight of 1/e of it.

    Returns
    -------
    same_day, day_ahead : ndarray
        (day, gauge) m3 s-1.
    """
    component = _component(bundle, data, days, {})
    runner, reach_flow = component.runner, on_reaches(days, observed)
    last, since = np.zeros(reach_flow.shape[1]), np.full(reach_flow.shape[1], np.inf)
    flows = np.full((2, *observed.shape), np.nan)

    def run(day: int) -> Array:
        """Run a day on what is known last, and return the flow at the gauges."""
        flow = np.zeros(len(days.places))
        for hour in range(_HOURS):
            runner.forcing[_LATERAL][:] = days.lateral[day * _HOURS + hour]
            runner.forcing["observed_discharge"][:] = last
            age = np.maximum(since + hour, 0.0)
            runner.forcing["observation_weight"][:] = weight * np.exp(-age / decay)
            runner.advance()
            flow += runner.output[_FLOW][days.places] / _HOURS
        return np.asarray(flow - days.unseen[day])

    _begin(component, days)
    for day in shown(0, len(observed)):
        there = ~np.isnan(reach_flow[day])
        if weight and np.isfinite(since).any():
            state = runner.save()
            flows[1, day] = run(day)
            runner.restore(state)
        last[there], since[there] = reach_flow[day, there], -float(_HOURS)
        flows[0, day] = run(day)
        since += _HOURS
        since[there] = 0.0
    component.finalize()
    unknown = np.isnan(flows[1])
    flows[1][unknown] = flows[0][unknown]
    return flows[0], flows[1]


def _begin(component: Component, days: Days) -> None:
    """Find the steady flow to begin with, nothing being seen."""
    for name, values in component.runner.forcing.items():
        values[:] = days.lateral[0] if name == _LATERAL else 0.0
    component.settle()


def _component(
    bundle: Bundle,
    data: RiverData,
    days: Days,
    more: Mapping[str, Any],
    folder: Path = Path(),
) -> Component:
    names = [a.name for a in bundle.manifest.attributes]
    names = list(
        dict.fromkeys([*names, *(["length"] if "assimilation" in more else [])])
    )
    component = Component()
    tree = data.river.tree
    component.start(
        Settings(
            start_time=days.start, locations=LocationSettings(ids=tree.ids),
            space=tree.to_dict(), state="hot", time_step=3600.0, **more,
        ),
        bundle, data.attributes(names), folder,
    )  # fmt: skip
    return component


def observing(bundle: Bundle) -> Bundle:
    """Return the same model with reaches that take what gauges see for true.

    Parameters
    ----------
    bundle : Bundle
        A model of a river by Muskingum-Cunge.
    """
    from ..compose.model import Model
    from ..compose.spec import ModelSpec
    from ..networks.statistics import Statistics

    model = bundle.model()
    parts = {name: dict(part) for name, part in bundle.manifest.model["parts"].items()}
    (river,) = (p.name for p in model.plan.processes if p.coupling == "upstream")
    parts[river]["options"] = {**parts[river].get("options", {}), "observations": True}
    spec = convert({**bundle.manifest.model, "parts": parts, "steps": ()}, ModelSpec)
    other = Model(spec, Statistics(bundle.manifest.statistics), model.space)
    other.load_state_dict(model.state_dict())
    with TemporaryDirectory() as folder:
        return save_bundle(
            other, Path(folder) / "observing", licence=bundle.manifest.licence,
            provenance={}, scores={}, attributes=bundle.manifest.attributes,
        )  # fmt: skip
