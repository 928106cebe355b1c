"""Hindcasts: forecasts of past days, started from what gauges had shown by then."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from .. import config
from ..assimilation.error_model import Autoregression
from ..assimilation.leads import by_lead, damped_anomaly, persistence
from ..bmi.component import Component
from ..bmi.settings import LocationSettings, Settings
from ..bundle import Bundle
from ..conversion import convert, refuse_outside
from ..errors import ConfigError, DataError
from ..operate.shared import bundle_named
from ..tables import Column, render
from ..trainer.tasks.basins.baselines import climatology
from ..trainer.tasks.basins.data.basins import BasinData
from ..trainer.tasks.basins.data.read import read
from ..trainer.tasks.basins.data.spec import DataSpec
from .report import write_json

__all__ = ["Hindcast", "Leads", "hindcast", "leads_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]


_YEAR = 365


@dataclass(frozen=True, kw_only=True)
class Hindcast:
    """What is forecast, from when on, and what corrects it.

    Parameters
    ----------
    bundle : str
        Name or folder of the model.
    data : DataSpec
        Basins, their weather and what their gauges showed.
    begin : date
        First day that is run.
    learned : (date, date)
        First and last day from which baselines learn.
    scored : (date, date)
        First and last day that are scored, after them.
    assimilation : mapping
        As in the configuration of a component; it observes ``streamflow``.
    leads : int
        Days ahead.

    Raises
    ------
    ConfigError
        When days do not follow each other.
    """

    bundle: str
    data: DataSpec
    begin: date
    learned: tuple[date, date]
    scored: tuple[date, date]
    assimilation: dict[str, Any]
    leads: int = 10
    about: str = field(default="")

    def __post_init__(self) -> None:
        refuse_outside("leads", self.leads, 1, 60)
        days = (self.begin, *self.learned, *self.scored)
        if any(b < a for a, b in pairwise(days)):
            raise ConfigError(
                f"begin, learned, scored: found {', '.join(map(str, days))}, expected "
                "days that follow each other"
            )
        if (self.learned[1] - self.learned[0]).days < _YEAR - 1:
            raise ConfigError(
                f"learned: found {self.learned[0]} to {self.learned[1]}, expected a "
                "year or more, for the baselines know seasons"
            )


@dataclass(frozen=True, eq=False)
class Leads:
    """Forecasts of the scored days by how far ahead they were made.

    Parameters
    ----------
    observed : ndarray
        (lead, day, basin), the same days for all.
    forecast : dict of str to ndarray
        (lead, day, basin) by method; NaN where one has none.
    """

    observed: Array
    forecast: dict[str, Array]

    def efficiency(self) -> dict[str, Array]:
        """Return Nash-Sutcliffe efficiencies, (lead, basin), on days all methods have.

        Nash and Sutcliffe (1970), doi:10.1016/0022-1694(70)90255-6.
        """
        there = ~np.isnan(self.observed)
        for values in self.forecast.values():
            there &= ~np.isnan(values)
        seen = np.where(there, self.observed, np.nan)
        mean = np.nanmean(seen, axis=1, keepdims=True)
        power = np.nansum((seen - mean) ** 2, axis=1)
        return {
            name: 1.0 - np.nansum((values - seen) ** 2, axis=1) / power
            for name, values in self.forecast.items()
        }


def hindcast(options: Namespace) -> None:
    """Run ``dmx da hindcast``."""
    data = config.read(options.file)
    settings = convert(data, Hindcast, str(options.file))
    found = leads_of(settings, options.file.parent)
    scores = found.efficiency()
    print(
        f"{settings.about or options.file.stem}: {found.observed.shape[2]} basins, "
        f"{settings.scored[0]} to {settings.scored[1]}; median Nash-Sutcliffe "
        "efficiency by days ahead, the weather being known"
    )
    shown = [k for k in range(settings.leads) if k < 3 or k in (4, 6, 9)]
    medians = {name: np.median(x, axis=1) for name, x in scores.items()}
    columns = [Column(header="method", values=list(medians))]
    for k in shown:
        values = [float(x[k]) for x in medians.values()]
        columns.append(Column(header=f"{k + 1} d", values=values, format=".3f"))
    print(render(columns))
    if options.json is not None:
        write_json(
            options.json,
            {"leads": list(range(1, settings.leads + 1)),
             "median_nse": {name: x.tolist() for name, x in medians.items()},
             "nse": {name: x.tolist() for name, x in scores.items()}},
        )  # fmt: skip


def leads_of(settings: Hindcast, folder: Path = Path()) -> Leads:
    """Return forecasts of the model, corrected and not, and of what they must beat.

    The weather of the days ahead is that which came (perfect forcing). A forecast k
    days ahead knows what was observed up to k days before.

    Parameters
    ----------
    settings : Hindcast
        What is run.
    folder : Path
        What the path of a bundle starts from.

    Raises
    ------
    DataError
        When the data lack some of the days.
    """
    data = read(settings.data)
    bundle = bundle_named(settings.bundle, folder)
    first, last = _position(data, settings.begin), _position(data, settings.scored[1])
    # Forecasts that reach beyond the scored days have those that follow, if any.
    run = data.part(slice(first, last + settings.leads + 1))
    scored = slice(_position(run, settings.scored[0]), last + 1 - first)
    learned = slice(*(_position(run, day) for day in settings.learned))
    observed = run.target.astype(float)
    alone, _ = _followed(_component(settings, bundle, run, {}), run, len(run.time), 1)
    wanted = {"assimilation": settings.assimilation}
    _, filtered = _followed(
        _component(settings, bundle, run, wanted), run, scored.start, settings.leads
    )
    arranged = _arranged(settings, run, observed, alone, learned)
    arranged["filter"] = filtered
    return _on_the_same_days(arranged, observed, scored, settings.leads)


def _position(data: BasinData, day: date) -> int:
    days = data.time.astype("datetime64[D]")
    at = int(np.searchsorted(days, np.datetime64(day)))
    if at == len(days) or days[at] != np.datetime64(day):
        raise DataError(f"data: has no {day}, expected {days[0]} to {days[-1]}")
    return at


def _component(
    settings: Hindcast, bundle: Bundle, data: BasinData, more: Mapping[str, Any]
) -> Component:
    needed = [a.name for a in bundle.manifest.attributes]
    names = dict.fromkeys([*needed, "latitude", "area_km2"])
    attributes = {
        name: data.attributes[name].astype(float)
        for name in names if name in data.attributes
    }  # fmt: skip
    component = Component()
    start = datetime.combine(settings.begin, datetime.min.time())
    ids = tuple(str(name) for name in data.ids)
    component.start(
        Settings(start_time=start, locations=LocationSettings(ids=ids), **more),
        bundle, attributes,
    )  # fmt: skip
    return component


def _followed(
    component: Component, data: BasinData, scored: int, leads: int
) -> tuple[Array, Array]:
    """Step through all days, and ahead from each before a scored one.

    Returns
    -------
    series : ndarray
        (day, basin) flow, before what was observed on the day is looked at.
    ahead : ndarray
        (day, lead, basin) flow on the days after each; NaN where none was forecast.
    """
    runner = component.runner
    days, basins = data.target.shape
    forcing = {n: data.forcing[n].astype(float) for n in runner.forcing}
    series = np.full((days, basins), np.nan)
    ahead = np.full((days, leads, basins), np.nan)
    observing = runner.members is not None
    bar = tqdm(total=days, desc="hindcast", unit=" days", leave=False, disable=None)
    for day in range(days):
        for name, values in forcing.items():
            component.set_value(name, values[day])
        if observing:
            component.set_value("streamflow~observed", data.target[day].astype(float))
        component.update()
        series[day] = component.get_value_ptr("streamflow")
        if day + leads >= scored and day + 1 < days and observing:
            ahead[day] = _ahead(component, forcing, day, leads)
        bar.update()
    bar.close()
    component.finalize()
    return series, ahead


def _ahead(
    component: Component, forcing: Mapping[str, Array], day: int, leads: int
) -> Array:
    """Return the flow of the days after one, and come back to it."""
    runner, clock = component.runner, component.runner.clock
    before, step = runner.save(), clock.step
    flow = np.full((leads, len(runner.ids)), np.nan)
    for lead in range(min(leads, len(next(iter(forcing.values()))) - day - 1)):
        for name, values in forcing.items():
            runner.forcing[name][:] = values[day + 1 + lead]
        runner.advance()
        clock.tick()
        flow[lead] = runner.output["streamflow"]
    runner.restore(before)
    clock.set(step)
    return flow


def _arranged(
    settings: Hindcast, data: BasinData, observed: Array, alone: Array, learned: slice
) -> dict[str, Array]:
    """Return the baselines as (day, lead, basin), by name."""
    leads = settings.leads
    known = slice(learned.start, learned.stop + 1)
    usual = climatology(data.time[known], data.target[known], data.time)
    errors = observed - alone
    ahead = by_lead(alone, leads)
    model = Autoregression.fitted(errors[known])
    corrected = np.stack([
        model.corrected(forecast, error)
        for forecast, error in zip(ahead, errors, strict=False)
    ])  # fmt: skip
    return {
        "persistence": persistence(observed, leads),
        "damped anomaly": damped_anomaly(observed, usual, leads, known),
        "open loop": ahead,
        "AR(1) on the error": corrected,
    }


def _on_the_same_days(
    arranged: Mapping[str, Array], observed: Array, scored: slice, leads: int
) -> Leads:
    """Return forecasts by lead of the scored days, each from as long before."""
    days = np.arange(scored.start, scored.stop)
    found = {
        name: np.stack([_of(values, days - lead, lead) for lead in range(1, leads + 1)])
        for name, values in arranged.items()
    }
    return Leads(np.broadcast_to(observed[days], (leads, *observed[days].shape)), found)


def _of(values: Array, starts: Array, lead: int) -> Array:
    """Return forecasts of a lead from some days; NaN from those that have none."""
    out = np.full((len(starts), values.shape[2]), np.nan)
    there = (starts >= 0) & (starts < len(values))
    out[there] = values[starts[there], lead - 1]
    return out
