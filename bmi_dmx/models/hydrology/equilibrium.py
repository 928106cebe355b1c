"""Stores to begin with: what the climate of a place leads to in the long run."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...compose.part import step_key
from ...errors import ConfigError
from ...operate.clock import DAY, Clock
from ...operate.operation import Operation
from ...operate.repeated_warnings import warn_once
from ...operate.runner import Runner
from ...operate.stages import stages
from ...operate.stretch import Stretch
from ...program import evaluate
from .climate import DAYS_PER_YEAR
from .daily_range import estimated_extremes
from .roles import EVAPORATION, LAND, OUTLET, players, plays
from .shipped_processes import shipped

__all__ = ["NEEDED", "equilibrium", "seasons"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)

NEEDED = ("p_mean", "t_mean", "latitude")
"""What must be known of a climate to begin with the stores it leads to."""

_YEAR = 365
_MOST_YEARS = 30
_SNOW = ("snowpack", "meltwater")
_SNOW_OF_A_GLACIER = 1.0  # mm, left at the end of a summer
_STILL = 1e-3  # change of all water in a year, relative to it

_WARMEST_DAY = 200.0  # north of the equator
_DEGREES_PER_LATITUDE = 0.28  # half the range of monthly temperatures
_USUAL_WET_SHARE = 0.4  # of days


def seasons(attributes: Mapping[str, Array], day_of_year: Array) -> dict[str, Array]:
    """Return a synthetic year of weather with the means of a climate.

    Temperature swings with the seasons, the more the farther from the equator;
    precipitation swings with it as far as ``p_seasonality`` says, and falls on as many
    days as ``low_prec_freq`` leaves; extremes of days lie around their means as usual;
    potential evaporation has the course of Oudin's formula and the mean ``pet_mean``
    where that is known.

    Parameters
    ----------
    attributes : mapping of str to ndarray
        (location,): ``p_mean``, ``t_mean``, ``latitude``, and others where known.
    day_of_year : ndarray
        (day, 1).

    Returns
    -------
    dict of str to ndarray
        (day, location).
    """
    latitude, rain = attributes["latitude"], attributes["p_mean"]
    swing = np.cos(2.0 * np.pi * (day_of_year - _WARMEST_DAY) / DAYS_PER_YEAR)
    temperature = attributes["t_mean"] + _DEGREES_PER_LATITUDE * latitude * swing
    in_phase = _known(attributes, "p_seasonality", 0.0).clip(-1.0, 1.0)
    summer = np.where(latitude < 0.0, -1.0, 1.0) * swing
    dry = _known(attributes, "low_prec_freq", np.nan) / DAYS_PER_YEAR
    wet = np.where(np.isnan(dry), _USUAL_WET_SHARE, 1.0 - dry).clip(0.05, 1.0)
    day = np.arange(len(day_of_year))[:, None]
    falls = np.floor((day + 1) * wet) - np.floor(day * wet)
    oudin = shipped("oudin").programs[step_key(DAY)]
    (evaporation,) = evaluate(oudin, {
        "f.air_temperature": temperature, "f.day_of_year": day_of_year,
        "p.latitude": latitude[None, :],
    }).values()  # fmt: skip
    mean = evaporation.mean(axis=0)
    pet_mean = _known(attributes, "pet_mean", np.nan)
    scaled = np.where(np.isnan(pet_mean) | (mean == 0.0), mean, pet_mean)
    factor = np.divide(scaled, mean, out=np.ones_like(mean), where=mean > 0.0)
    precipitation = rain * (1.0 + in_phase * summer) * falls / wet
    lowest, highest = estimated_extremes(temperature, precipitation)
    return {
        "precipitation": precipitation,
        "air_temperature": temperature,
        "air_temperature_min": lowest,
        "air_temperature_max": highest,
        "potential_evaporation": evaporation * factor,
    }


def _known(attributes: Mapping[str, Array], name: str, otherwise: float) -> Array:
    attribute = attributes.get(name)
    if attribute is None:
        return np.full_like(attributes["latitude"], otherwise)
    return np.where(np.isfinite(attribute), attribute, otherwise)


def equilibrium(runner: Runner) -> None:
    """Bring the stores to where the climate of each location leads in the long run.

    Years of :func:`seasons` that end at the start of the run are repeated, in days,
    until the water stored stays the same.

    Raises
    ------
    ConfigError
        When an attribute of climate is not known, or the model cannot run days.
    """
    attributes = runner.parameters.attribute
    for name in NEEDED:
        values = attributes.get(name)
        if values is None or not np.isfinite(values).all():
            raise ConfigError(
                f"state: equilibrium needs attribute {name!r} at {runner.place}"
            )
    begins = runner.clock.day_of_year
    days = (begins - 1.0 + np.arange(float(_YEAR))) % _YEAR + 1.0
    year = seasons(attributes, days[:, None])
    year |= {name: days[:, None] for name in runner.dates}
    answered = runner.parameters.answers()
    runner.parameterize(answered)
    with _days(runner) as daily:
        daily.settle(runner, year, answered)
        runner.adopt(daily.runner, _fill_transit)


class _Days:
    """The same model at as many places at daily steps, for any of their climates.

    Parameters
    ----------
    runner : Runner
        What it is to serve first.

    Raises
    ------
    ConfigError
        When the model cannot run days.
    """

    def __init__(self, runner: Runner) -> None:
        bundle, n = runner.operation.bundle, len(runner.ids)
        # What is given has the known mean; models that differ in it keep their own.
        several = len(players(bundle.parts, EVAPORATION)) > 1
        formula = "bundle" if several else "given"
        operation = Operation(bundle, DAY, DAY, {EVAPORATION: formula})
        attributes = {a.name: np.full(n, np.nan) for a in operation.attributes}
        clock = Clock(runner.clock.start, None, DAY)
        self.runner = Runner(stages(operation), runner.ids, attributes, clock)
        names = (*self.runner.forcing, *self.runner.dates)
        self._year = {name: np.empty((_YEAR, n)) for name in names}
        shown = self.runner.stages.shown
        snow = [name for name in shown if name.rpartition(".")[2] in _SNOW]
        self._stretch = Stretch(self.runner, self._year, snow)

    @property
    def reusable(self) -> bool:
        """Whether nothing is left of a climate once the stores are as at first."""
        return self._stretch.in_kernels and len(self.runner.ids) == 1

    def settle(
        self,
        runner: Runner,
        year: Mapping[str, Array],
        answered: Mapping[tuple[str, str], Array] | None,
    ) -> None:
        """Come to where the climate of a runner leads.

        Parameters
        ----------
        runner : Runner
            For its attributes, and what was set there.
        year : mapping of str to ndarray
            (day, place or 1): weather, and what the calendar gives.
        answered : mapping, optional
            What networks answer to the attributes.

        Raises
        ------
        ConfigError
            When the model needs weather of which there are no seasons.
        """
        missing = set(self._year) - set(year)
        if missing:
            raise ConfigError(
                f"state: equilibrium knows no seasons of {', '.join(sorted(missing))}"
            )
        for name, series in self._year.items():
            series[:] = year[name]
        self.runner.storage.restart()
        self.runner.parameters.settings_of(runner.parameters)
        self.runner.parameterize(answered)
        moving, glaciated = self._repeat()
        _tell(
            runner.ids,
            moving,
            "has not come to rest after {years} years of its climate",
        )
        _tell(
            runner.ids, glaciated, "has snow all year; the start is without the old one"
        )

    def _repeat(self) -> tuple[Array, Array]:
        """Repeat the year until the water stored stays the same.

        Each place keeps what it came to in its own last year, so that it does not
        matter which others are run beside it. Snow that lies all year is taken away
        with the year: no model here has the ice that would carry it off, and it would
        grow without end.

        Returns
        -------
        moving, glaciated : (place,) ndarray of bool
            Where it has not come to rest, and where there was snow all year.
        """
        daily, stretch = self.runner, self._stretch
        outcome = _outcome(daily)
        final = {name: array.copy() for name, array in outcome.items()}
        moving = np.ones(len(daily.ids), dtype=bool)
        # Of many places the sums are one array, which is written to again.
        before = np.array(daily.storage.everything())
        glaciated = np.zeros(len(daily.ids), dtype=bool)
        for _ in range(_MOST_YEARS):
            for lowest, store in zip(stretch.run(), stretch.stores, strict=True):
                store -= lowest
                glaciated |= lowest.mean(axis=1) > _SNOW_OF_A_GLACIER
            for name, array in outcome.items():
                final[name][moving] = array[moving]
            after = np.array(daily.storage.everything())
            moving &= np.abs(after - before) > _STILL * after
            if not moving.any():
                break
            before = after
        for name, array in outcome.items():
            array[...] = final[name]
        return moving, glaciated


_idle: dict[tuple[str, ...], list[_Days]] = {}


@contextmanager
def _days(runner: Runner) -> Iterator[_Days]:
    """Lend the model of a runner at daily steps: one that another is done with, or new.

    Making one costs more than a year of its steps, and hosts start catchments one by
    one.
    """
    # Bundle and declarations; how hosts step it does not matter here.
    key = runner.operation.key[:2]
    idle = _idle.setdefault(key, []) if len(runner.ids) == 1 else []
    try:
        # Whoever has taken it has it alone, whatever the threads.
        days = idle.pop()
    except IndexError:
        days = _Days(runner)
    yield days
    if days.reusable:
        idle.append(days)


def _outcome(daily: Runner) -> dict[str, Array]:
    """Return what a model has come to, views with the place first."""
    plan = daily.operation.plan
    views = {
        f"{part}.{name}": np.moveaxis(array, -2, 0)
        for (part, name), array in daily.stores().items()
        if plays(plan[part], LAND)
    }
    flows = {
        buffer: daily.output[buffer]
        for (_, name), buffer in daily.stages.buffers.items()
        if name == "streamflow"
    }
    return views | flows | daily.memory_of_networks()


def _fill_transit(runner: Runner, daily: Runner) -> None:
    """Put on its way to the outlet what a steady runoff has left there."""
    plan = runner.operation.plan
    for (outlet, name), transit in runner.stores().items():
        if not plays(plan[outlet], OUTLET) or name != "in_transit":
            continue
        weights = runner.parameter(outlet, "weight")[..., 0]
        days = runner.operation.inner / DAY
        runoff = daily.output[daily.stages.buffers[outlet, "streamflow"]] * days
        later = weights[::-1].cumsum(axis=0)[::-1]
        transit[...] = (later[1:] * runoff).reshape(transit.shape)


def _tell(ids: Sequence[str], at: Array, what: str) -> None:
    """Warn of the locations at which something is doubtful, if there are any."""
    if at.any():
        others = int(at.sum()) - 1
        place = ids[int(np.argmax(at))] + (f" and {others} more" if others else "")
        text = what.format(years=_MOST_YEARS)
        warn_once(_log, what, "%s: state: equilibrium %s", place, text)
