"""Twin experiments: filters that follow truths which are known, many at once.

Seeds are an axis of one run, and so are factors of inflation and radii of localisation
that are tried side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from ..errors import ConfigError, suggestion
from ..registries import filters
from ..space import Ring
from .experiment import FilterRun
from .filters.ienks import Ienks
from .inflation import inflated
from .localisation import on_ring, taper
from .observation import Observation
from .tracking import Record, Tracking
from .truth import Truth
from .window import Twin, Window

__all__ = ["follow"]

Array = np.ndarray[Any, np.dtype[Any]]

_BEYOND = 100.0
"""Standard deviations of the system from its mean at which an ensemble is given up."""


def follow(
    truth: Truth, run: FilterRun, progress: Callable[[int], object] | None = None
) -> Tracking:
    """Follow truths with a filter.

    Parameters
    ----------
    truth : Truth
        Known, and seen with errors.
    run : FilterRun
        The filter and its settings.
    progress : callable, optional
        Is told each cycle that is done.

    Raises
    ------
    ConfigError
        When the filter has no such option, a drift means nothing to it, or the space
        has no distances.
    """
    cycling = _FilterCycle(truth, run)
    record = Record(truth, run)
    for cycle, (forecast, analysis) in enumerate(cycling):
        record.add(cycle, forecast, analysis)
        if progress is not None:
            progress(cycle)
    return record.followed(cycling.restarts)


class _FilterCycle:
    """Forecast and analysis in turn, (setting, seed, m, n)."""

    def __init__(self, truth: Truth, run: FilterRun) -> None:
        self._truth, self._run = truth, run
        experiment = truth.experiment
        self._model = truth.model
        self._steps = experiment.system.steps(experiment.cycle)
        self._filters = _filters_of(truth, run)
        if run.drift and not isinstance(self._filters[0], Ienks):
            raise ConfigError(
                f"drift: {run.filter} does not localise the start of a window alone, "
                "expected ienks"
            )
        self._tapers = [
            _taper_of(truth, run, phase) for phase in range(truth.operators.phases)
        ]
        self._factor = np.array([f for f, _ in run.settings])[:, None, None, None]
        self._generator = np.random.default_rng([experiment.first_seed, run.members])
        start = truth.ensembles(run.members)
        self._ensemble = np.tile(start, (len(run.settings), 1, 1, 1))
        self.restarts = np.zeros(self._ensemble.shape[:2], dtype=np.int64)

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        """Yield forecast and analysis at the end of each cycle."""
        if hasattr(self._filters[0], "analyse_window"):
            return self._windows()
        return self._one_by_one()

    def _one_by_one(self) -> Iterator[tuple[Array, Array]]:
        ensemble = self._ensemble
        for cycle in range(self._truth.experiment.cycles):
            forecast = self._kept(self._model(ensemble, self._steps))
            if self._run.background == "climatology":
                mean = self._truth.climate.mean
                forecast = np.broadcast_to(mean, forecast.shape)
            phase = cycle % len(self._filters)
            analysis = self._filters[phase].analyse(
                forecast, self._truth.operators.predict(forecast, cycle),
                self._seen(cycle), taper=self._tapers[phase],
                generator=self._generator,
            )  # fmt: skip
            ensemble = self._kept(self._inflated(analysis))
            yield forecast, ensemble

    def _windows(self) -> Iterator[tuple[Array, Array]]:
        """Analyse the start of windows, which move on by a cycle.

        What was observed at the end of a window alone is new in it.
        """
        ensemble, lag = self._ensemble, self._run.lag
        for cycle in range(self._truth.experiment.cycles):
            first = max(0, cycle + 1 - lag)
            phase = cycle % len(self._filters)
            window = self._window(first, cycle)
            *_, forecast = window.trajectory(ensemble)
            if not self._usable(forecast).all():
                ensemble = self._started_again(ensemble, self._usable(forecast))
                *_, forecast = window.trajectory(ensemble)
            analysed = self._filters[phase].analyse_window(
                ensemble, window, taper=self._tapers[phase], generator=self._generator
            )
            ensemble = analysed.start
            yield forecast, analysed.end
            if cycle + 1 - lag >= 0:
                ensemble = self._inflated(ensemble)
                ensemble = self._kept(window.propagate(ensemble, 0))

    def _window(self, first: int, last: int) -> Window:
        truth, model, steps = self._truth, self._model, self._steps
        nothing = np.full_like(truth.values[0], np.nan)
        blanks = [Observation(nothing, np.asarray(1.0))] * (last - first)
        observations = [self._spread_out(o) for o in (*blanks, truth.observation(last))]
        operators = truth.operators
        return Window(
            propagate=lambda ensemble, cycle: model(ensemble, steps),
            predict=lambda ensemble, cycle: operators.predict(ensemble, first + cycle),
            observations=tuple(observations),
            twin=Twin(
                propagate=lambda states, cycle: model.differentiable(states, steps),
                predict=lambda states, cycle: operators.predict(states, first + cycle),
                forward=True,
            ),
        )

    def _seen(self, cycle: int) -> Observation:
        return self._spread_out(self._truth.observation(cycle))

    def _spread_out(self, observation: Observation) -> Observation:
        """Return what was seen for every setting."""
        shape = (*self.restarts.shape, observation.value.shape[-1])
        return Observation(
            np.broadcast_to(observation.value, shape),
            np.broadcast_to(observation.error, shape),
        )

    def _inflated(self, ensemble: Array) -> Array:
        if ensemble.shape[-2] == 1 or (self._factor == 1.0).all():
            return ensemble
        return inflated(ensemble, self._factor)

    def _usable(self, ensemble: Array) -> Array:
        """Return which problems are still numbers of a size that can be, (..., )."""
        climate = self._truth.climate
        limit = _BEYOND * climate.deviation + np.abs(climate.mean).max()
        return np.asarray((np.abs(ensemble) <= limit).all((-2, -1)))

    def _kept(self, ensemble: Array) -> Array:
        usable = self._usable(ensemble)
        return ensemble if usable.all() else self._started_again(ensemble, usable)

    def _started_again(self, ensemble: Array, usable: Array) -> Array:
        """Return ensembles of which those given up are drawn from what is usual."""
        self.restarts += ~usable
        states = self._truth.climate.states
        result = np.array(ensemble)
        indices = np.argwhere(~usable)
        drawn = self._generator.integers(
            len(states), size=(len(indices), self._run.members)
        )
        for (setting, seed), rows in zip(indices, drawn, strict=True):
            result[setting, seed] = states[rows]
        return result


def _filters_of(truth: Truth, run: FilterRun) -> list[Any]:
    """Return a filter for what is observed at each phase; what they remember is one."""
    first, phases = _filter_of(truth, run), range(1, truth.operators.phases)
    if "operator" not in run.options and hasattr(first, "operator"):
        more = [replace(first, operator=truth.operators.whole(k)) for k in phases]
        return [first, *more]
    return [first, *(first for _ in phases)]


def _filter_of(truth: Truth, run: FilterRun) -> Any:
    """Return the filter for what is observed first."""
    kind: Any = filters[run.filter]
    names = [f.name for f in fields(kind)] if is_dataclass(kind) else []
    options: dict[str, Any] = {}
    for name, value in run.options.items():
        if name not in names:
            hint = suggestion(name, names)
            raise ConfigError(f"options: {run.filter} has no {name!r}{hint}")
        is_covariance = isinstance(value, Mapping) and name == "covariance"
        options[name] = _covariance(truth, name, value) if is_covariance else value
    if "operator" in names:
        options.setdefault("operator", truth.operators.whole(0))
    try:
        return kind(**options)
    except TypeError as error:
        raise ConfigError(f"options: {run.filter}: {error}") from None


def _covariance(truth: Truth, name: str, value: Mapping[str, Any]) -> Any:
    """Return the covariance that a mapping of one entry stands for."""
    kinds = ("climatology", "identity")
    if len(value) != 1 or next(iter(value)) not in kinds:
        raise ConfigError(
            f"options.{name}: expected climatology: SHARE or identity: VARIANCE, "
            f"found {dict(value)}"
        )
    ((what, share),) = value.items()
    if what == "climatology":
        return float(share) * truth.climate.covariance
    return float(share) * np.eye(truth.model.size)


def _taper_of(truth: Truth, run: FilterRun, phase: int) -> Array | None:
    """Return weights of what is observed at a phase; None where all counts alike."""
    if not any(run.radii):
        return None
    space, places = truth.model.space, truth.model.places
    if not isinstance(space, Ring):
        raise ConfigError(
            f"radius: places of {space!r} have no distances, expected a ring"
        )
    entries = truth.operators.entries(phase)
    whole = np.ones((truth.model.size, truth.operators.count))
    if entries is None:
        return whole  # what is made of the whole state is nowhere
    window = truth.experiment.cycle * run.lag
    ahead = places + round(run.drift * window)
    distance = on_ring(ahead, places[entries], len(space))
    weights = {r: taper(distance, r) if r else whole for r in run.radii}
    if len(weights) == 1:
        return next(iter(weights.values()))
    stacked = np.stack([weights[radius] for _, radius in run.settings])
    sizes = (len(stacked), truth.experiment.seeds, *whole.shape)
    return np.broadcast_to(stacked[:, None], sizes)
