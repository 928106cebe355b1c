"""What a filter is, and what all of them refuse and prepare alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...errors import ConfigError, DataError
from ...space.description import Array
from ..observation import Observation
from ..window import Window, WindowAnalysis

__all__ = [
    "Departures",
    "Filter",
    "WindowFilter",
    "checked",
    "checked_ensemble",
    "drawing",
    "where_observed",
]


class Filter(Protocol):
    """Turns a forecast ensemble and observations into an analysis."""

    def analyse(
        self,
        ensemble: Array,
        predicted: Array,
        observation: Observation,
        *,
        taper: Array | None = None,
        generator: np.random.Generator | None = None,
    ) -> Array:
        """Return the analysed ensemble.

        Parameters
        ----------
        ensemble : ndarray
            (…, m, n) forecast.
        predicted : ndarray
            (…, m, p) what the members predict of what is observed.
        observation : Observation
            (…, p); NaN is missing.
        taper : ndarray, optional
            (n, p) or (…, n, p) weights of observations at entries of the state; or
            (r, p), each row of n/r entries side by side.
        generator : numpy.random.Generator, optional
            Of random numbers, for filters that draw some.

        Returns
        -------
        ndarray
            (…, m, n) of the type of the forecast; of problems without an observation
            the forecast itself.
        """


class WindowFilter(Protocol):
    """Analyses the start of a window of cycles, which needs the model."""

    def analyse_window(
        self,
        ensemble: Array,
        window: Window,
        *,
        taper: Array | None = None,
        generator: np.random.Generator | None = None,
    ) -> WindowAnalysis:
        """Return the analysed ensemble at the start of the window and at its end.

        Parameters
        ----------
        ensemble : ndarray
            (…, m, n) at the start of the window.
        window : Window
            The model, and what was observed.
        taper : ndarray, optional
            (n, p) or (…, n, p) weights of observations at entries of the state.
        generator : numpy.random.Generator, optional
            Of random numbers, for filters that draw some.
        """


def checked_ensemble(name: str, ensemble: Array, least: int) -> None:
    """Refuse ensembles that are too small or not finite.

    Parameters
    ----------
    name : str
        Of the filter, for messages.
    ensemble : ndarray
        (…, m, n).
    least : int
        Least number of members.

    Raises
    ------
    DataError
        Naming what is wrong.
    """
    if ensemble.ndim < 2 or ensemble.dtype.kind != "f":
        raise DataError(
            f"{name}: ensemble: expected floats (…, member, entry), found "
            f"{ensemble.dtype} {ensemble.shape}"
        )
    if ensemble.shape[-2] < least:
        raise DataError(
            f"{name}: ensemble: expected at least {least} members, found "
            f"{ensemble.shape[-2]}"
        )
    finite = np.isfinite(ensemble)
    if not finite.all():
        _refuse(name, "ensemble", ensemble, finite)


def checked(
    name: str, ensemble: Array, predicted: Array, observation: Observation, least: int
) -> None:
    """Refuse arrays that do not fit each other or are not finite.

    Parameters
    ----------
    name : str
        Of the filter, for messages.
    ensemble, predicted : ndarray
        (…, m, n) and (…, m, p).
    observation : Observation
        (…, p).
    least : int
        Least number of members.

    Raises
    ------
    DataError
        Naming what is wrong.
    """
    checked_ensemble(name, ensemble, least)
    *problems, members, _ = ensemble.shape
    expected = (*problems, *observation.value.shape[-1:])
    if observation.value.shape != expected:
        raise DataError(
            f"{name}: observation: expected shape {tuple(problems)} and one more axis, "
            f"found {observation.value.shape}"
        )
    expected = (*problems, members, observation.value.shape[-1])
    if predicted.shape != expected:
        raise DataError(
            f"{name}: predicted: expected shape {expected}, found {predicted.shape}"
        )
    finite = np.isfinite(predicted) | ~observation.valid[..., None, :]
    if not finite.all():
        _refuse(name, "predicted", predicted, finite)


def _refuse(name: str, what: str, array: Array, finite: Array) -> None:
    at = tuple(np.argwhere(~finite)[0].tolist())
    raise DataError(f"{name}: {what}: found {array[at]} at {at}, expected a number")


def drawing(name: str, generator: np.random.Generator | None) -> np.random.Generator:
    """Return a generator that is there.

    Raises
    ------
    ConfigError
        When it is None.
    """
    if generator is None:
        raise ConfigError(f"{name}: generator: this filter draws numbers, found None")
    return generator


@dataclass(frozen=True, eq=False)
class Departures:
    """An ensemble and observations as ensemble filters see them.

    What is observed is divided by the standard deviation of its error and by √(m − 1),
    so that products over members are covariances; what is missing is zero.

    Parameters
    ----------
    mean : ndarray
        (…, 1, n) of the ensemble.
    anomalies : ndarray
        (…, m, n) members minus mean.
    scaled : ndarray
        (…, m, p) anomalies of what is predicted.
    innovation : ndarray
        (…, p) observed minus the predicted mean.
    """

    mean: Array
    anomalies: Array
    scaled: Array
    innovation: Array

    @classmethod
    def of(
        cls,
        name: str,
        ensemble: Array,
        predicted: Array,
        observation: Observation,
    ) -> Departures:
        """Return the departures of at least two members, checked."""
        checked(name, ensemble, predicted, observation, least=2)
        kind = ensemble.dtype
        mean = ensemble.mean(-2, keepdims=True)
        valid = observation.valid
        weight = np.zeros(valid.shape, kind)
        scale = np.sqrt(ensemble.shape[-2] - 1)
        np.divide(1.0 / scale, observation.error, out=weight, where=valid)
        there = np.where(valid[..., None, :], predicted, 0.0).astype(kind, copy=False)
        middle = there.mean(-2, keepdims=True)
        value = np.where(valid, observation.value, 0.0).astype(kind, copy=False)
        return cls(
            mean,
            ensemble - mean,
            (there - middle) * weight[..., None, :],
            (value - middle[..., 0, :]) * weight,
        )


def where_observed(
    ensemble: Array, analysis: Array, observation: Observation, taper: Array | None
) -> Array:
    """Return an analysis, but the forecast itself wherever nothing was observed.

    Parameters
    ----------
    ensemble, analysis : ndarray
        (…, m, n).
    observation : Observation
        (…, p).
    taper : ndarray or None
        (…, r, p), each row of n/r entries side by side.
    """
    valid = observation.valid
    if taper is None:
        if valid.all() and valid.shape[-1]:
            return analysis
        return np.where(np.any(valid, -1, keepdims=True)[..., None], analysis, ensemble)
    near = taper > 0
    if not valid.all():
        near = near & valid[..., None, :]
    touched = np.any(near, -1)[..., None, :]
    if touched.all():
        return analysis
    touched = np.repeat(touched, ensemble.shape[-1] // touched.shape[-1], -1)
    return np.where(touched, analysis, ensemble)
