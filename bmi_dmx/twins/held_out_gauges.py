"""Hindcasts of rivers: what some gauges tell of the flow at others, left out."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from .. import config
from ..bmi.settings import Settings
from ..bmi.steps import operation_of
from ..bundle import Bundle
from ..errors import ConfigError
from ..operate.bundle_cache import bundle_named
from ..tables import Column, render
from ..trainer.experiment_file import anchor_of
from ..trainer.tasks.reaches.data import RiverData, read
from ..trainer.tasks.reaches.experiment import DataSpec
from ..trainer.tasks.streamflow.metrics import score
from .blocks import OPEN_LOOP, merged
from .held_out_baselines import NEAREST, RATIO, transferred
from .held_out_run import Days, Estimates, assimilated, days_of, nudged, observing
from .made_truth import MadeTruth, made_truth
from .report import write_json

__all__ = [
    "HeldOutGauges",
    "HeldOutHindcast",
    "Method",
    "Nudging",
    "held_out",
    "hindcast_of",
]

Array = np.ndarray[Any, np.dtype[np.float64]]

_SCORES = ("nse", "kge")


@dataclass(frozen=True, kw_only=True)
class Nudging:
    """Flow of gauges is taken for that of their reaches.

    Parameters
    ----------
    weight : float
        Share of the way to what was seen, at every step.
    decay : float
        Hours after the last observation at which the weight is 1/e of it.

    Raises
    ------
    ConfigError
        When a number makes no sense.
    """

    weight: float = 1.0
    decay: float = 2.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.weight <= 1.0:
            raise ConfigError(f"weight: found {self.weight}, expected 0 to 1")
        if not self.decay > 0.0:
            raise ConfigError(f"decay: found {self.decay}, expected hours above 0")


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to bring what gauges show into the river.

    Parameters
    ----------
    assimilation : mapping
        What differs from the block of the file.
    nudging : Nudging, optional
        In place of it.

    Raises
    ------
    ConfigError
        When both are asked for.
    """

    assimilation: dict[str, Any] = field(default_factory=dict)
    nudging: Nudging | None = None

    def __post_init__(self) -> None:
        if self.nudging is not None and self.assimilation:
            raise ConfigError("assimilation: not with nudging, which is no ensemble")


@dataclass(frozen=True, kw_only=True)
class HeldOutGauges:
    """A river whose gauges are left out in turn.

    Parameters
    ----------
    bundle : str
        Name or folder of the model of the river.
    data : DataSpec
        Reaches, lateral inflow, and flow at gauges; all gauges share a time zone.
    begin : date
        First day that is run, from the steady flow of its inflow.
    scored : (date, date)
        First and last day that are scored.
    folds : int
        In how many turns gauges are left out: sorted by the land above them, each goes
        to the next turn. 0 leaves none out.
    assimilation : mapping
        As in the configuration of a component; it observes ``discharge``, the mean of a
        day.
    methods : mapping of str to Method
        By name.
    truth : MadeTruth, optional
        Gauges show a truth that is made, in place of what was measured.

    Raises
    ------
    ConfigError
        When days do not follow each other, there is only one turn, or a method has the
        name of a row that is always there.
    """

    bundle: str
    data: DataSpec
    begin: date
    scored: tuple[date, date]
    folds: int = 5
    assimilation: dict[str, Any] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=lambda: {"filter": Method()})
    truth: MadeTruth | None = None
    about: str = ""

    def __post_init__(self) -> None:
        if not self.begin <= self.scored[0] <= self.scored[1]:
            raise ConfigError(
                f"begin, scored: found {self.begin}, {self.scored[0]}, "
                f"{self.scored[1]}, expected days that follow each other"
            )
        if self.folds == 1 or self.folds < 0:
            raise ConfigError(f"folds: found {self.folds}, expected 0, or 2 or more")
        for name in (OPEN_LOOP, NEAREST, RATIO):
            if name in self.methods:
                raise ConfigError(
                    f"methods: found {name!r}, a row that is always there; expected "
                    "another name"
                )


@dataclass(frozen=True, eq=False)
class HeldOutHindcast:
    """A hindcast that was made.

    Parameters
    ----------
    data : RiverData
        The river.
    fold : ndarray of int
        (gauge,) the turn in which each is left out, -1 in none.
    days : Days
        The days that were run.
    scored : slice
        Of these.
    observed : ndarray
        (day, gauge) m3 s-1.
    estimates : dict of str to Estimates
        By method.
    """

    data: RiverData
    fold: np.ndarray[Any, np.dtype[np.intp]]
    days: Days
    scored: slice
    observed: Array
    estimates: dict[str, Estimates]

    def scores(self) -> dict[str, dict[str, dict[str, Array]]]:
        """Return scores, (gauge,), by method, by what was known, and by metric.

        ``same_day`` and ``day_ahead`` are of gauges in the turn that leaves them out;
        ``gauged_day_ahead`` is the mean of those turns that do not. NaN where there is
        none.
        """
        observed = self.observed[self.scored]
        return {name: self._of(one, observed) for name, one in self.estimates.items()}

    def told_above(self) -> np.ndarray[Any, np.dtype[np.intp]]:
        """Return how many gauges above each are told in the turn that leaves it out."""
        tree, reaches = self.data.river.tree, self.data.gauges.reaches
        at = np.asarray(tree.positions(reaches))
        counts = np.zeros(len(reaches), np.intp)
        for k, reach in enumerate(reaches):
            above = np.isin(at, tree.upstream_of([reach]))
            counts[k] = np.count_nonzero(above & (self.fold != self.fold[k]))
        return counts

    def _of(self, one: Estimates, observed: Array) -> dict[str, dict[str, Array]]:
        turns = [
            {
                what: score(series[turn][self.scored], observed, _SCORES)
                for what, series in (("same", one.same_day), ("ahead", one.day_ahead))
            }
            for turn in range(len(one.same_day))
        ]
        left_out = np.arange(len(turns))[:, None] == self.fold
        scores: dict[str, dict[str, Array]] = {}
        for what, turn_of, mask in (
            ("same_day", "same", left_out), ("day_ahead", "ahead", left_out),
            ("gauged_day_ahead", "ahead", ~left_out),
        ):  # fmt: skip
            scores[what] = {
                metric: _mean_where(np.stack([t[turn_of][metric] for t in turns]), mask)
                for metric in _SCORES
            }
        return scores


def _mean_where(values: Array, mask: Any) -> Array:
    """Return the mean over the first axis of what is chosen; NaN of nothing."""
    count = mask.sum(axis=0)
    total = np.where(mask, values, 0.0).sum(axis=0)
    mean = np.full(len(count), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def held_out(options: Namespace, path: Path) -> None:
    """Run ``dmx da hindcast`` on a file of a river."""
    settings = config.load(path, HeldOutGauges, options.settings)
    anchored = anchor_of(path, options.settings)
    settings = replace(settings, data=settings.data.resolved(anchored))
    hindcast = hindcast_of(settings, path.parent)
    scores = hindcast.scores()
    print(shown(hindcast, scores, settings.about or path.stem))
    if options.json is not None:
        write_json(options.json, _plain(hindcast, scores))
    if options.output is not None:
        from .held_out_pictures import draw

        for file in draw(options.output, hindcast, scores):
            print(file)


def hindcast_of(settings: HeldOutGauges, folder: Path = Path()) -> HeldOutHindcast:
    """Run the river with the gauges of every turn, by every method.

    Parameters
    ----------
    settings : HeldOutGauges
        What is run.
    folder : Path
        What paths of bundles start from.

    Raises
    ------
    ConfigError, DataError
        When something of it is not there, naming it.
    """
    bundle = bundle_named(settings.bundle, folder)
    plan = operation_of(Settings(start_time="state"), bundle).plan
    data = read(settings.data, plan)
    days = days_of(data, settings.data.days, settings.begin, settings.scored[1])
    if settings.truth is not None:
        data, days = made_truth(settings.truth, bundle, data, days)
    observed = days.observed
    fold = turns(data, settings.folds)
    watching = observing(bundle)
    alone = nudged(watching, data, days, np.full_like(observed, np.nan), 0.0, 1.0)
    estimates = {OPEN_LOOP: _repeated(alone, max(1, settings.folds))}
    estimates |= transferred(data, days, fold, max(1, settings.folds), alone)
    for name, method in settings.methods.items():
        models = watching if method.nudging is not None else bundle
        estimates[name] = _by(method, settings, models, data, days, fold, folder)
    first = days.position(settings.scored[0])
    return HeldOutHindcast(
        data, fold, days, slice(first, len(observed)), observed, estimates
    )


def turns(data: RiverData, folds: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Return the turn in which each gauge is left out; -1 in none.

    Gauges of one reach are left out together.
    """
    if not folds:
        return np.full(len(data.gauges), -1)
    order = np.argsort(data.gauges.area_km2, kind="stable")
    reaches = list(dict.fromkeys(data.gauges.reaches[k] for k in order))
    if len(reaches) < folds:
        raise ConfigError(
            f"folds: found {folds}, expected at most the {len(reaches)} reaches with "
            "gauges"
        )
    turn = {reach: k % folds for k, reach in enumerate(reaches)}
    return np.array([turn[reach] for reach in data.gauges.reaches])


def _repeated(one: tuple[Array, Array], folds: int) -> Estimates:
    same, ahead = one
    return Estimates(np.stack([same] * folds), np.stack([ahead] * folds))


def _by(
    method: Method,
    settings: HeldOutGauges,
    bundle: Bundle,
    data: RiverData,
    days: Days,
    fold: np.ndarray[Any, np.dtype[np.intp]],
    folder: Path,
) -> Estimates:
    same, ahead = [], []
    for turn in range(max(1, settings.folds)):
        inputs = np.where(fold == turn, np.nan, days.observed)
        if method.nudging is not None:
            how = method.nudging
            one = nudged(bundle, data, days, inputs, how.weight, how.decay)
        else:
            block = merged(settings.assimilation, method.assimilation)
            one = assimilated(bundle, data, days, inputs, block, folder)
        same.append(one[0])
        ahead.append(one[1])
    return Estimates(np.stack(same), np.stack(ahead))


def shown(
    hindcast: HeldOutHindcast,
    scores: Mapping[str, dict[str, dict[str, Array]]],
    title: str,
) -> str:
    """Return medians over gauges by method as a table of text."""
    columns = [Column(header="method", values=list(scores))]
    heads = (
        ("same_day", "left out, same day"), ("day_ahead", "left out, day ahead"),
        ("gauged_day_ahead", "told, day ahead"),
    )  # fmt: skip
    for what, head in heads:
        for metric in _SCORES:
            values = [one[what][metric] for one in scores.values()]
            if not np.isfinite(values).any():
                continue
            medians = [float(np.nanmedian(x)) for x in values]
            columns.append(
                Column(header=f"{metric.upper()} {head}", values=medians, format=".3f")
            )
    first, last = (
        hindcast.days.day(k) for k in (hindcast.scored.start, hindcast.scored.stop - 1)
    )
    count = len(hindcast.data.gauges)
    head = (
        f"{title}: {count} gauge{'' if count == 1 else 's'}, {first} to {last}; "
        "medians, the inflow being known"
    )
    return render(columns, title=head)


def _plain(
    hindcast: HeldOutHindcast, scores: Mapping[str, dict[str, dict[str, Array]]]
) -> dict[str, Any]:
    return {
        "gauges": list(hindcast.data.gauges.ids),
        "area_km2": hindcast.data.gauges.area_km2.tolist(),
        "turn": hindcast.fold.tolist(),
        "told_above": hindcast.told_above().tolist(),
        "scores": {
            name: {
                what: {metric: values.tolist() for metric, values in one.items()}
                for what, one in by.items()
            }
            for name, by in scores.items()
        },
    }
