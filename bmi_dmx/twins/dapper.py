"""Twin experiments with the methods of DAPPER, and its settings with filters from here.

DAPPER (Raanes et al. 2024, doi:10.21105/joss.05150) is an optional dependency, the
extra ``dapper``. Both sides see the same truths and the same observations.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import config
from ..assimilation.experiment import FilterRun
from ..assimilation.inflation import inflated
from ..assimilation.localisation import on_ring
from ..assimilation.observation import Observation
from ..assimilation.scores import divergence_rate
from ..assimilation.tracking import LOST
from ..assimilation.truth import Truth, truth_of
from ..errors import ConfigError, ModuleError, suggestion
from ..registries import filters
from ..space import Ring
from .files import experiment_of

__all__ = ["compare", "errors_of", "hidden_markov_model", "method"]

Array = np.ndarray[Any, np.dtype[Any]]

_NEAR = 1e-5
"""Step of the differences that derivatives of the model are found by."""


def compare(options: Namespace) -> None:
    """Do what ``dmx da dapper`` does: follow a system with a method of DAPPER."""
    experiment = experiment_of(options)
    truth = truth_of(experiment)
    settings = config.override({}, options.option)
    error = errors_of(truth, options.method, settings)[:, experiment.burn_in :]
    seeds = error.mean(-1)
    divergence = divergence_rate(error, LOST * truth.climate.deviation)
    print(
        f"{options.method} of DAPPER: median error of analysis {np.median(seeds):.3f}, "
        f"of seeds {seeds.min():.3f} to {seeds.max():.3f}, lost {divergence:.0%}"
    )


def errors_of(truth: Truth, name: str, options: Mapping[str, Any]) -> Array:
    """Return errors of analyses by a method of DAPPER, (seed, cycle).

    Parameters
    ----------
    truth : Truth
        What is followed, one seed after the other.
    name : str
        Of the method, such as ``LETKF``.
    options : mapping
        What it is called with, such as ``N``, ``infl`` and ``loc_rad``.

    Raises
    ------
    ModuleError
        DAPPER is not installed.
    ConfigError
        It has no such method, or that takes no such options.
    """
    methods = _dapper("da_methods")
    names = [n for n in vars(methods) if n[0].isupper()]
    if name not in names:
        raise ConfigError(f"method {name!r}{suggestion(name, names)}")
    errors = []
    for at, seed in enumerate(truth.seeds):
        model = hidden_markov_model(truth, at)
        _dapper("tools.seeding").set_seed(seed)
        try:
            one = getattr(methods, name)(**options)
        except TypeError as error:
            raise ConfigError(f"{name} of DAPPER: {error}") from None
        one.assimilate(model, truth.states[:, at], truth.values[:, at], liveplots=False)
        errors.append(one.stats.err.rms.a)
    return np.stack(errors)


def hidden_markov_model(truth: Truth, at: int) -> Any:
    """Return one of the truths as what methods of DAPPER run on.

    A step of its time is a cycle; derivatives of the model are central differences.

    Parameters
    ----------
    truth : Truth
        The system, what is observed of it, and where ensembles start.
    at : int
        Which of the truths.

    Raises
    ------
    ModuleError
        DAPPER is not installed.
    ConfigError
        Values are missing, of which DAPPER knows nothing, or places have no distances.
    """
    experiment, model = truth.experiment, truth.model
    if experiment.observe.missing:
        raise ConfigError(
            f"observe.missing: found {experiment.observe.missing}, expected 0: DAPPER "
            "needs all values"
        )
    mods, steps = _dapper("mods"), experiment.system.steps(experiment.cycle)

    def linear(x: Array, time: float, length: float) -> Array:
        moved = _NEAR * np.eye(model.size)
        ahead = model(x + np.concatenate([moved, -moved]), steps)
        derivative: Array = (ahead[: model.size] - ahead[model.size :]) / (2.0 * _NEAR)
        return np.transpose(derivative)

    dynamics = {
        "M": model.size, "noise": 0, "linear": linear,
        "model": lambda x, time, length: model(x, steps),
    }  # fmt: skip
    observed = {"time_dependent": lambda cycle: _operator(truth, cycle)}
    times = mods.Chronology(
        experiment.cycle, dko=1, Ko=experiment.cycles - 1,
        BurnIn=experiment.burn_in * experiment.cycle,
    )  # fmt: skip
    return mods.HiddenMarkovModel(dynamics, observed, times, _start(truth, at))


def _operator(truth: Truth, cycle: int) -> Any:
    """Return what is observed at the end of a cycle, and its distances."""
    operators, whole = truth.operators, truth.operators.whole(cycle)
    entries, space = operators.entries(cycle), truth.model.space
    if not isinstance(space, Ring):
        raise ConfigError(f"places of {space!r} have no distances, expected a ring")
    places = truth.model.places
    localization = _dapper("tools.localization")
    distances = (
        np.zeros((operators.count, len(places)))
        if entries is None
        else on_ring(places[entries], places, len(space))
    )
    return _dapper("mods").Operator(
        operators.count,
        model=lambda states: operators.predict(states, cycle),
        noise=truth.experiment.observe.error**2,
        linear=lambda states: whole,
        localizer=localization.localization_setup(
            lambda: distances, np.arange(len(places))[:, None]
        ),
    )


def _start(truth: Truth, at: int) -> Any:
    """Return the distribution that ensembles start from."""
    experiment = truth.experiment
    if experiment.start == "near":
        error = experiment.start_error or experiment.observe.error
        return _dapper("mods").GaussRV(mu=truth.states[0, at], C=error**2)
    climate = truth.climate
    return _dapper("mods").GaussRV(mu=climate.mean, C=climate.covariance)


def method(run: FilterRun) -> Any:
    """Return a filter as a method of DAPPER, to be run on its settings.

    Parameters
    ----------
    run : FilterRun
        A filter that analyses an ensemble, and its settings; one of each.

    Raises
    ------
    ModuleError
        DAPPER is not installed.
    ConfigError
        The filter needs a window or a covariance, or several settings are asked for.
    """
    kind: Any = filters[run.filter]
    if not hasattr(kind, "analyse") or run.members < 2:
        raise ConfigError(
            f"{run.title}: expected a filter of at least two members that has no window"
        )
    if len(run.settings) > 1:
        raise ConfigError(f"{run.title}: expected one inflation and one radius")
    ((factor, radius),) = run.settings

    def assimilate(self: Any, model: Any, states: Array, values: Array) -> None:
        scheme, generator = kind(**run.options), np.random.default_rng(0)
        ensemble = model.X0.sample(run.members)
        self.stats.assess(0, E=ensemble)
        for k, cycle, time, length in model.tseq.ticker:
            ensemble = model.Dyn(ensemble, time - length, length)
            noise = model.Dyn.noise.sample(run.members)
            ensemble = ensemble + np.sqrt(length) * noise
            if cycle is not None:
                self.stats.assess(k, cycle, "f", E=ensemble)
                observing = model.Obs(cycle)
                ensemble = scheme.analyse(
                    ensemble, observing(ensemble),
                    Observation(values[cycle], _errors(observing)),
                    taper=_taper(observing, radius, model.Nx), generator=generator,
                )  # fmt: skip
                ensemble = inflated(ensemble, factor)
            self.stats.assess(k, cycle, E=ensemble)

    body = {"assimilate": assimilate, "N": run.members, "__annotations__": {"N": int}}
    return _dapper("da_methods").da_method()(type(run.filter, (), body))()


def _errors(observing: Any) -> Array:
    """Return standard deviations of errors, which are to be independent."""
    whole = observing.noise.C.full
    if np.any(whole != np.diag(np.diag(whole))):
        raise ConfigError("errors of observation depend on each other")
    return np.sqrt(np.diag(whole))


def _taper(observing: Any, radius: float, size: int) -> Array | None:
    """Return weights (n, p) by the distances that DAPPER knows; None without radius."""
    if not radius:
        return None
    batches, near = observing.localizer(radius, "x2y", "GC")
    weights = np.zeros((size, observing.M))
    for batch in batches:
        entries, some = near(batch)
        weights[np.ix_(batch, entries)] = some
    return weights


def _dapper(module: str) -> Any:
    """Return a module of DAPPER."""
    from importlib import import_module

    try:
        bars: Any = import_module("dapper.tools.progressbar")
        library = import_module(f"dapper.{module}")
    except ImportError as error:
        raise ModuleError(
            f"dapper.{module}: {error}; pip install 'bmi-dmx[dapper]' brings it"
        ) from None
    bars.disable_progbar = True
    return library
