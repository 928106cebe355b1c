"""Hindcasts as they are made: the model alone, corrected, and days ahead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..assimilation.operation.inbox import USED, Inbox
from ..bmi.component import Component
from ..bmi.settings import LocationSettings, Settings
from ..bundle import Bundle
from ..operate.ensemble import fitted
from ..operate.runner import Runner
from ..progress import progress
from ..trainer.tasks.basins.data.basins import BasinData

__all__ = ["OpenLoop", "UpdatedRun", "alone", "corrected", "recorded", "shown"]

Array = np.ndarray[Any, np.dtype[Any]]

_FLOW = "streamflow"


@dataclass(frozen=True, eq=False)
class OpenLoop:
    """The model that sees no gauge.

    Parameters
    ----------
    flow : ndarray
        (day, basin).
    start : int
        A day.
    state : dict of str to ndarray
        What the model holds when that day begins.
    """

    flow: Array
    start: int
    state: dict[str, Array]


@dataclass(frozen=True, eq=False)
class UpdatedRun:
    """A model that sees gauges, through the days from a start on.

    Parameters
    ----------
    ahead : ndarray
        (day, lead, basin) flow forecast at the end of each day; NaN where none was.
    flow, low, high : ndarray
        (day, basin) what is known of the flow of a day at its end, and the bounds of 80
        percent; NaN before the start.
    departure, expected : ndarray
        (value,) observed less forecast of scored days, 1 day ahead, on the scale on
        which both are compared, and the standard deviation that was expected of it: of
        members, of what remains, and of the observation together.
    increments : dict of str to ndarray
        (12,) what analyses add to each store, mean of basins and years, by month.
    """

    ahead: Array
    flow: Array
    low: Array
    high: Array
    departure: Array
    expected: Array
    increments: dict[str, Array]


def alone(bundle: Bundle, data: BasinData, start: int) -> OpenLoop:
    """Run the model through all days without a gauge.

    Parameters
    ----------
    bundle : Bundle
        The model.
    data : BasinData
        Basins and their weather.
    start : int
        The day of which the state is kept.
    """
    component = _component(bundle, data, {})
    runner, forcing = component.runner, _forcing(component.runner, data)
    flow = np.full(data.target.shape, np.nan)
    runner.begin()
    state = runner.save()
    for day in range(len(flow)):
        if day == start:
            state = runner.save()
        for name, values in forcing.items():
            component.set_value(name, values[day])
        component.update()
        flow[day] = component.get_value_ptr(_FLOW)
    component.finalize()
    return OpenLoop(flow, start, state)


def recorded(bundle: Bundle, data: BasinData, names: Sequence[str]) -> dict[str, Array]:
    """Return what the model that sees no gauge gives and reads, (day, basin) by name.

    Parameters
    ----------
    bundle, data
        As of :func:`alone`.
    names : sequence of str
        Forcings, fluxes or states.
    """
    component = _component(bundle, data, {})
    forcing = _forcing(component.runner, data)
    records = {name: np.empty(data.target.shape) for name in names}
    for day in range(len(data.target)):
        for name, values in forcing.items():
            component.set_value(name, values[day])
        component.update()
        for name, series in records.items():
            series[day] = component.get_value_ptr(name)
    component.finalize()
    return records


def corrected(
    bundle: Bundle,
    data: BasinData,
    observed: Array,
    block: Mapping[str, Any],
    past: OpenLoop,
    scored: int,
    leads: int,
    folder: Path = Path(),
) -> UpdatedRun:
    """Run the model with a gauge, and ahead from each day before a scored one.

    Forecasts start from the mean of the members and are not disturbed; what remains of
    the error at the gauge is carried on.

    Parameters
    ----------
    bundle, data
        As of :func:`alone`.
    observed : ndarray
        (day, basin) what the gauges tell; NaN is missing.
    block : mapping
        ``assimilation`` of a component's configuration.
    past : OpenLoop
        Where it starts.
    scored : int
        First day that is scored.
    leads : int
        Days ahead.
    folder : Path
        What paths in the block start from.
    """
    component = _component(bundle, data, {"assimilation": block}, folder)
    free = _component(bundle, data, {}).runner
    free.begin()
    runner, ensemble = component.runner, component.ensemble
    assert ensemble is not None
    runner.restore(fitted(runner, past.state))
    runner.clock.set(past.start)
    box, forcing = ensemble.assimilation.inboxes[_FLOW], _forcing(runner, data)
    days, basins = data.target.shape
    ahead = np.full((days, leads, basins), np.nan)
    estimates = np.full((3, days, basins), np.nan)
    sums = _Increments(data)
    for day in shown(past.start, days):
        for name, values in forcing.items():
            component.set_value(name, values[day])
        component.set_value(f"{_FLOW}~observed", observed[day])
        component.update()
        estimates[:, day] = _known(box)
        sums.add(day, ensemble.assimilation.increments)
        if day + leads >= scored and day + 1 < days:
            free.restore(fitted(free, runner.save()))
            ahead[day] = _ahead(free, box, forcing, day, leads)
    log = ensemble.assimilation.innovations
    late = (log.column("status") == USED) & (
        log.column("time") > _seconds(data, scored)
    )
    departure = log.column("innovation")[late]
    expected = np.hypot(log.column("spread"), log.column("error"))[late]
    component.finalize()
    flow, low, high = estimates
    return UpdatedRun(ahead, flow, low, high, departure, expected, sums.by_month())


def _component(
    bundle: Bundle, data: BasinData, more: Mapping[str, Any], folder: Path = Path()
) -> Component:
    inputs = [a.name for a in bundle.manifest.attributes]
    names = dict.fromkeys([*inputs, "latitude", "area_km2"])
    attributes = {
        name: data.attributes[name].astype(float)
        for name in names if name in data.attributes
    }  # fmt: skip
    component = Component()
    start = data.time[0].astype("datetime64[us]").item()
    assert isinstance(start, datetime)
    ids = tuple(str(name) for name in data.ids)
    component.start(
        Settings(start_time=start, locations=LocationSettings(ids=ids), **more),
        bundle, attributes, folder,
    )  # fmt: skip
    return component


def _forcing(runner: Runner, data: BasinData) -> dict[str, Array]:
    return {name: data.forcing[name].astype(float) for name in runner.forcing}


def shown(first: int, days: int) -> Iterator[int]:
    """Yield days with a bar of progress."""
    with progress(
        range(first, days), desc="hindcast", unit=" days", leave=False
    ) as bar:
        yield from bar


def _seconds(data: BasinData, day: int) -> float:
    return float(data.time[day].astype("datetime64[s]").astype(np.int64))


def _known(box: Inbox) -> tuple[Array, Array, Array]:
    """Return the flow as it is known, and the bounds of 80 percent."""
    mean, std = box.standing()
    low, high = (box.unscaled(mean + z * std) for z in (-_Z80, _Z80))
    return box.unscaled(mean), low, high


_Z80 = 1.2816
"""Standard deviations to either side of a Gaussian that hold 80 percent."""


def _ahead(
    free: Runner, box: Inbox, forcing: Mapping[str, Array], day: int, leads: int
) -> Array:
    """Return the flow of the days after one, (lead, basin)."""
    flow = np.full((leads, len(free.ids)), np.nan)
    free.clock.set(day + 1)
    expected = box.ahead(free)
    for lead in range(min(leads, len(next(iter(forcing.values()))) - day - 1)):
        for name, values in forcing.items():
            free.forcing[name][:] = values[day + 1 + lead]
        free.advance()
        free.clock.tick()
        flow[lead] = expected()
    return flow


class _Increments:
    """What analyses add to each store, by month."""

    def __init__(self, data: BasinData) -> None:
        months = data.time.astype("datetime64[M]").astype(int)
        self._month, self._year = months % 12, months // 12
        self._sums: dict[str, Array] = {}
        self._years: set[tuple[int, int]] = set()

    def add(self, day: int, increments: Mapping[str, Array]) -> None:
        """Add those of a day."""
        month = self._month[day]
        self._years.add((int(month), int(self._year[day])))
        for name, added in increments.items():
            self._sums.setdefault(name, np.zeros(12))[month] += added.mean()

    def by_month(self) -> dict[str, Array]:
        """Return the mean sum of a month, (12,) by store; of months never run, 0."""
        months = [month for month, _ in self._years]
        count = np.maximum(np.bincount(months, minlength=12), 1)
        return {name: total / count for name, total in self._sums.items()}
