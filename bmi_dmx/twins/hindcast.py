"""Hindcasts: forecasts of past days, started from what gauges had shown by then."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .. import config
from ..assimilation.error_model import Autoregression
from ..assimilation.leads import by_lead, damped_anomaly, persistence
from ..conversion import refuse_outside
from ..errors import ConfigError, DataError, suggestion
from ..operate.bundle_cache import bundle_named
from ..tables import Column, render
from ..trainer.experiment_file import anchor_of
from ..trainer.tasks.basins.baselines import climatology
from ..trainer.tasks.basins.data.basins import BasinData
from ..trainer.tasks.basins.data.read import read
from ..trainer.tasks.basins.data.spec import DataSpec
from ..trainer.tasks.streamflow.missing_scores import unscored
from .blocks import OPEN_LOOP, merged
from .hindcast_run import OpenLoop, UpdatedRun, alone, corrected
from .report import write_json
from .variational import Variational, variational

__all__ = [
    "Hindcast",
    "HindcastResult",
    "Leads",
    "Method",
    "hindcast",
    "hindcast_of",
    "hindcasts",
    "medians",
    "position",
]

Array = np.ndarray[Any, np.dtype[np.float64]]

_YEAR = 365


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to correct the model.

    Parameters
    ----------
    assimilation : mapping
        What differs from the block of the file.
    gaps : float
        Share of the observations that it is not told, drawn day by day and basin by
        basin; forecasts are scored with all of them.
    variational : Variational, optional
        Fits windows of days in place of what a component does.

    Raises
    ------
    ConfigError
        When the share is none, or two ways are asked for.
    """

    assimilation: dict[str, Any] = field(default_factory=dict)
    gaps: float = 0.0
    variational: Variational | None = None

    def __post_init__(self) -> None:
        if self.variational is not None and self.assimilation:
            raise ConfigError(
                "assimilation: not with variational, which has all that it needs"
            )
        if not 0.0 <= self.gaps < 1.0:
            raise ConfigError(f"gaps: found {self.gaps}, expected 0 to below 1")


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
    methods : mapping of str to Method
        Ways to correct the model by name; default: one, as the block says.
    spin_up : int, optional
        Days before the first scored one from which on the model is corrected; default:
        all.
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
    methods: dict[str, Method] = field(default_factory=lambda: {"filter": Method()})
    spin_up: int | None = None
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
        before = (self.scored[0] - self.begin).days
        if self.spin_up is not None:
            refuse_outside("spin_up", self.spin_up, 0, before)


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

        Nash and Sutcliffe (1970), doi:10.1016/0022-1694(70)90255-6. NaN where nothing
        is observed on them, or what is never changes.
        """
        there = ~np.isnan(self.observed)
        for values in self.forecast.values():
            there &= ~np.isnan(values)
        observed = np.where(there, self.observed, np.nan)
        count = np.maximum(there.sum(axis=1, keepdims=True), 1)
        mean = np.nansum(observed, axis=1, keepdims=True) / count
        power = np.nansum((observed - mean) ** 2, axis=1)
        power[power == 0.0] = np.nan
        return {
            name: 1.0 - np.nansum((values - observed) ** 2, axis=1) / power
            for name, values in self.forecast.items()
        }


def medians(scores: Mapping[str, Array]) -> dict[str, Array]:
    """Return the median, (lead,), of efficiencies over the basins that have some.

    Parameters
    ----------
    scores : mapping of str to ndarray
        (lead, basin) by method, of the same basins.
    """
    has = ~np.isnan(next(iter(scores.values()))).all(axis=0)
    return {
        name: np.array([_median(row) for row in values[:, has]])
        for name, values in scores.items()
    }


def _median(row: Array) -> float:
    valid = row[~np.isnan(row)]
    return float(np.median(valid)) if valid.size else np.nan


@dataclass(frozen=True, eq=False)
class HindcastResult:
    """A hindcast that was made.

    Parameters
    ----------
    settings : Hindcast
        What was asked for.
    data : BasinData
        All days that were run.
    scored : slice
        Of these days.
    leads : Leads
        The forecasts.
    alone : OpenLoop
        The model without a gauge.
    corrected : dict of str to UpdatedRun
        With it, by method of a component.
    """

    settings: Hindcast
    data: BasinData
    scored: slice
    leads: Leads
    alone: OpenLoop
    corrected: dict[str, UpdatedRun]


def hindcasts() -> dict[str, Path]:
    """Return the hindcasts of the package by name."""
    folder = Path(str(files("bmi_dmx.configs") / "hindcasts"))
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def hindcast(options: Namespace) -> None:
    """Run ``dmx da hindcast``."""
    path = _found(options.file)
    if _of_river(path):
        from .held_out_gauges import held_out

        held_out(options, path)
        return
    settings = config.load(path, Hindcast, options.settings)
    anchored = anchor_of(path, options.settings)
    settings = replace(settings, data=settings.data.resolved(anchored))
    hindcast = hindcast_of(settings, path.parent)
    scores = hindcast.leads.efficiency()
    print(shown(hindcast, scores, settings.about or path.stem))
    if options.json is not None:
        by_method = {name: x.tolist() for name, x in medians(scores).items()}
        write_json(
            options.json,
            {"leads": list(range(1, settings.leads + 1)), "median_nse": by_method,
             "nse": {name: x.tolist() for name, x in scores.items()}},
        )  # fmt: skip
    if options.output is not None:
        from .hindcast_pictures import draw

        for file in draw(options.output, hindcast):
            print(file)


def _of_river(path: Path) -> bool:
    """Return whether a file is of a river, whose gauges are left out in turn."""
    settings = config.read(path)
    data = settings.get("data") if isinstance(settings, Mapping) else None
    return isinstance(data, Mapping) and "river" in data


def _found(name: Path) -> Path:
    paths = hindcasts()
    if name.exists() or str(name) not in paths:
        if not name.exists():
            hint = suggestion(str(name), paths)
            raise ConfigError(f"{name}: no such file, nor a hindcast{hint}")
        return name
    return paths[str(name)]


def shown(hindcast: HindcastResult, scores: Mapping[str, Array], title: str) -> str:
    """Return medians of efficiencies by method and lead as a table of text."""
    settings = hindcast.settings
    at = [k for k in range(settings.leads) if k < 3 or k in (4, 6, 9)]
    columns = [Column(header="method", values=list(scores))]
    by_method = medians(scores)
    without = np.isnan(scores[OPEN_LOOP]).all(axis=0)
    count = f"{int((~without).sum())} basins"
    if without.any():
        count += f" ({int(without.sum())} more have no score: too little is observed)"
    for k in at:
        values = [float(x[k]) for x in by_method.values()]
        columns.append(Column(header=f"{k + 1} d", values=values, format=".3f"))
    head = (
        f"{title}: {count}, {settings.scored[0]} to {settings.scored[1]}; median "
        "Nash-Sutcliffe efficiency by days ahead, the weather being known"
    )
    return render(columns, title=head)


def hindcast_of(settings: Hindcast, folder: Path = Path()) -> HindcastResult:
    """Make forecasts of the model, corrected and not, and of what they must beat.

    The weather of the days ahead is that which came (perfect forcing). A forecast k
    days ahead knows what was observed up to k days before.

    Parameters
    ----------
    settings : Hindcast
        What is run.
    folder : Path
        What paths of bundles start from.

    Raises
    ------
    DataError
        When the data lack some of the days, or nothing is observed on scored ones.
    """
    data = read(settings.data)
    days = (position(data, day) for day in settings.scored)
    shown_then = data.target[slice(next(days), next(days) + 1)]
    if not (np.nanstd(shown_then[:, np.isfinite(shown_then).any(0)], axis=0) > 0).any():
        raise DataError(
            f"scored: {unscored(shown_then, 'basin')} from {settings.scored[0]} to "
            f"{settings.scored[1]}"
        )
    bundle = bundle_named(settings.bundle, folder)
    first, last = position(data, settings.begin), position(data, settings.scored[1])
    # Forecasts that reach beyond the scored days have those that follow, if any.
    run = data.part(slice(first, last + settings.leads + 1))
    scored = slice(position(run, settings.scored[0]), last + 1 - first)
    learned = slice(*(position(run, day) for day in settings.learned))
    observed = run.target.astype(float)
    early = scored.start if settings.spin_up is None else settings.spin_up
    past = alone(bundle, run, scored.start - early)
    arranged = _baselines(run, observed, past.flow, learned, settings.leads)
    analyses: dict[str, UpdatedRun] = {}
    for name, method in settings.methods.items():
        inputs = _thinned(observed, method.gaps)
        if method.gaps:
            arranged[f"AR(1), {method.gaps:.0%} missing"] = _autoregressive(
                inputs, past.flow, learned, settings.leads
            )
        if method.variational is not None:
            arranged[name] = variational(
                bundle, run, inputs, method.variational, past, learned, scored.start,
                settings.leads,
            )  # fmt: skip
            continue
        block = merged(settings.assimilation, method.assimilation)
        analyses[name] = corrected(
            bundle, run, inputs, block, past, scored.start, settings.leads, folder
        )
        arranged[name] = analyses[name].ahead
    leads = _on_the_same_days(arranged, observed, scored, settings.leads)
    return HindcastResult(settings, run, scored, leads, past, analyses)


def position(data: BasinData, day: date) -> int:
    """Return which of its days one is.

    Raises
    ------
    DataError
        When it is none of them.
    """
    days = data.time.astype("datetime64[D]")
    at = int(np.searchsorted(days, np.datetime64(day)))
    if at == len(days) or days[at] != np.datetime64(day):
        raise DataError(f"data: has no {day}, expected {days[0]} to {days[-1]}")
    return at


def _thinned(observed: Array, gaps: float) -> Array:
    """Return observations of which a share is missing."""
    missing = np.random.default_rng(0).random(observed.shape) < gaps
    return np.where(missing, np.nan, observed)


def _baselines(
    data: BasinData, observed: Array, flow: Array, learned: slice, leads: int
) -> dict[str, Array]:
    """Return what has to be beaten as (day, lead, basin), by name."""
    span = slice(learned.start, learned.stop + 1)
    usual = climatology(data.time[span], data.target[span], data.time)
    return {
        "persistence": persistence(observed, leads),
        "damped anomaly": damped_anomaly(observed, usual, leads, span),
        OPEN_LOOP: by_lead(flow, leads),
        "AR(1) on the error": _autoregressive(observed, flow, learned, leads),
        "AR(1) of roots": _squared(
            _autoregressive(np.sqrt(observed), np.sqrt(flow), learned, leads)
        ),
    }


def _squared(roots: Array) -> Array:
    return np.maximum(roots, 0.0) ** 2


def _autoregressive(observed: Array, flow: Array, learned: slice, leads: int) -> Array:
    """Return the model with what is left of its last known error."""
    errors = observed - flow
    model = Autoregression.fitted(errors[learned.start : learned.stop + 1])
    last, age = _last_known(errors)
    ahead = by_lead(flow, leads)
    return np.stack([
        model.corrected(forecast, last[day], age[day])
        for day, forecast in enumerate(ahead)
    ])  # fmt: skip


def _last_known(series: Array) -> tuple[Array, Array]:
    """Return what was last known of a series, (day, basin), and for how many days."""
    days = np.arange(len(series))[:, None]
    at = np.maximum.accumulate(np.where(np.isnan(series), -1, days), axis=0)
    last = np.take_along_axis(series, np.maximum(at, 0), axis=0)
    return np.where(at < 0, np.nan, last), np.where(at < 0, 0, days - at)


def _on_the_same_days(
    arranged: Mapping[str, Array], observed: Array, scored: slice, leads: int
) -> Leads:
    """Return forecasts by lead of the scored days, each from as long before."""
    days = np.arange(scored.start, scored.stop)
    ahead = {
        name: np.stack([_of(values, days - lead, lead) for lead in range(1, leads + 1)])
        for name, values in arranged.items()
    }
    return Leads(np.broadcast_to(observed[days], (leads, *observed[days].shape)), ahead)


def _of(values: Array, starts: Array, lead: int) -> Array:
    """Return forecasts of a lead from some days; NaN from those that have none."""
    out = np.full((len(starts), values.shape[2]), np.nan)
    there = (starts >= 0) & (starts < len(values))
    out[there] = values[starts[there], lead - 1]
    return out
