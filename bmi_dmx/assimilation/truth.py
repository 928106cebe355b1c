"""What a twin experiment follows: truths, what is seen of them, and what is usual."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError, suggestion
from .dynamics import Dynamics
from .experiment import Experiment, System
from .observation import Observation
from .observing_system import Operators

__all__ = ["Climate", "Truth", "climate_of", "truth_of"]

Array = np.ndarray[Any, np.dtype[Any]]

_START, _NOISE, _ENSEMBLE, _GAPS = range(4)
"""Streams of random numbers of a seed, so that none depends on how many are drawn."""

_PARTED = 0.1
"""Standard deviation of where systems start, which are to run apart."""


@dataclass(frozen=True, eq=False)
class Climate:
    """What is usual of a system.

    Parameters
    ----------
    mean : ndarray
        (n,).
    covariance : ndarray
        (n, n).
    states : ndarray
        (sample, n) of it.
    """

    mean: Array
    covariance: Array
    states: Array

    @property
    def deviation(self) -> float:
        """Standard deviation of all entries together."""
        return float(np.sqrt(np.trace(self.covariance) / len(self.covariance)))


@dataclass(frozen=True, eq=False)
class Truth:
    """Truths side by side, and what is seen of them.

    Parameters
    ----------
    experiment : Experiment
        How they were made.
    model : Dynamics
        The model of the filters.
    states : ndarray
        (cycle + 1, seed, n) at the start and at the end of each cycle, in the entries
        of the model.
    values : ndarray
        (cycle, seed, p) observed; NaN is missing.
    operators : Operators
        What they are of.
    """

    experiment: Experiment
    model: Dynamics
    states: Array
    values: Array
    operators: Operators

    def observation(self, cycle: int) -> Observation:
        """Return what was seen at the end of a cycle, (seed, p)."""
        return Observation(
            self.values[cycle], np.asarray(self.experiment.observe.error)
        )

    @property
    def seeds(self) -> range:
        """Seed of each truth."""
        return _seeds(self.experiment)

    @cached_property
    def climate(self) -> Climate:
        """What is usual of the model."""
        return climate_of(self.experiment, self.model)

    def ensembles(self, members: int) -> Array:
        """Return where ensembles start, (seed, m, n)."""
        experiment, first = self.experiment, self.states[0]
        shape = (members, self.model.size)
        if experiment.start == "near":
            error = experiment.start_error or experiment.observe.error
            drawn = [_generator(s, _ENSEMBLE).normal(size=shape) for s in self.seeds]
            near: Array = first[:, None] + error * np.stack(drawn)
            return near
        states = self.climate.states
        samples = [
            states[_generator(s, _ENSEMBLE).integers(len(states), size=members)]
            for s in self.seeds
        ]
        return np.stack(samples)


def truth_of(experiment: Experiment) -> Truth:
    """Return the truths of an experiment, and what is seen of them.

    Raises
    ------
    ConfigError
        When keys contradict each other.
    DataError
        When the system does not stay finite.
    """
    model = experiment.system.dynamics()
    followed = experiment.truth or experiment.system
    nature = model if experiment.truth is None else followed.dynamics()
    shown = _shown(experiment, nature, model)
    steps = followed.steps(experiment.cycle)
    x = _spun_up(nature, followed, experiment, _seeds(experiment))
    states = np.empty((experiment.cycles + 1, len(x), model.size))
    states[0] = x[:, shown]
    for cycle in range(experiment.cycles):
        x = nature(x, steps)
        states[cycle + 1] = x[:, shown]
    _refuse_infinite(states, followed)
    state = experiment.observe.state
    visible = model.entries(state) if state else slice(None)
    operators = Operators(experiment.observe, model.places, visible)
    return Truth(
        experiment, model, states, _seen(experiment, operators, states), operators
    )


def _seeds(experiment: Experiment) -> range:
    return range(experiment.first_seed, experiment.first_seed + experiment.seeds)


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.default_rng([seed, stream])


def _shown(experiment: Experiment, nature: Dynamics, model: Dynamics) -> slice:
    """Return which entries of the truth are those of the model."""
    if experiment.truth is None:
        return slice(None)
    names = [s.name for s in nature.states]
    if experiment.shown not in names:
        hint = suggestion(experiment.shown, names)
        raise ConfigError(f"shown: found {experiment.shown!r}{hint}")
    shown = nature.entries(experiment.shown)
    if shown.stop - shown.start != model.size:
        raise ConfigError(
            f"shown: {experiment.shown!r} has {shown.stop - shown.start} entries, "
            f"expected the {model.size} of the model"
        )
    return shown


def _spun_up(
    system: Dynamics, spec: System, experiment: Experiment, seeds: range
) -> Array:
    """Return states that have forgotten where they started, (seed, n)."""
    start = np.empty(system.size)
    for s in system.states:
        start[system.entries(s.name)] = s.initial
    drawn = [_generator(s, _START).normal(size=system.size) for s in seeds]
    x = system(start + _PARTED * np.stack(drawn), round(experiment.spin_up / spec.step))
    _refuse_infinite(x, spec)
    return x


def _refuse_infinite(states: Array, system: System) -> None:
    if not np.isfinite(states).all():
        raise DataError(
            f"{system.process}: does not stay finite at steps of {system.step:g}"
        )


def _seen(experiment: Experiment, operators: Operators, states: Array) -> Array:
    """Return what is observed, with errors and gaps, (cycle, seed, p)."""
    observe, cycles = experiment.observe, experiment.cycles
    exact = np.stack(
        [operators.predict(states[k + 1], k) for k in range(cycles)], axis=1
    )
    shape = (cycles, operators.count)
    values = np.empty((len(exact), *shape))
    for series, true, seed in zip(values, exact, _seeds(experiment), strict=True):
        noise = _generator(seed, _NOISE).normal(size=shape)
        series[:] = true + observe.error * noise
        gaps = _generator(seed, _GAPS).random(shape) < observe.missing
        series[gaps] = np.nan
    return np.moveaxis(values, 0, 1)


_SAMPLES, _TIMES = 64, 60


def climate_of(experiment: Experiment, model: Dynamics) -> Climate:
    """Return what is usual, of many runs of the model with seeds of their own.

    Parameters
    ----------
    experiment : Experiment
        The system, and how long it takes to forget where it started.
    model : Dynamics
        That system.
    """
    apart = range(1 << 20, (1 << 20) + _SAMPLES)
    x = _spun_up(model, experiment.system, experiment, apart)
    every = max(1, round(experiment.spin_up / 20.0 / experiment.system.step))
    samples = []
    for _ in range(_TIMES):
        x = model(x, every)
        samples.append(x)
    states = np.concatenate(samples)
    _refuse_infinite(states, experiment.system)
    return Climate(states.mean(0), np.cov(states, rowvar=False), states)
