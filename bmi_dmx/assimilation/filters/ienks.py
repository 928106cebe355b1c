"""The iterative ensemble Kalman smoother, whole and local."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...space.description import Array
from ..inflation import inflated
from ..rotation import rotated
from ..window import Window, WindowAnalysis
from .enkf_n import finite_size
from .ensemble import fitting
from .filter import Departures, drawing, where_observed

__all__ = ["Ienks"]


@dataclass(frozen=True)
class Ienks:
    """Iterative ensemble Kalman smoother in its transform form.

    Bocquet and Sakov (2014), doi:10.1002/qj.2236: Gauss–Newton in the space of members
    for the start of a window, from what was observed at its end; what was observed at
    the ends of earlier cycles has been used by earlier windows. The lag is the number
    of cycles of the window. With a taper, weights and transforms are those of every
    entry of the state (Bocquet 2016, doi:10.1002/qj.2711), with an observation as near
    to the start of the window as the taper says.
    A step from which the model runs to infinity is not taken, and is the last one.

    Parameters
    ----------
    iterations : int
        Most Gauss–Newton steps.
    tolerance : float
        Mean square of the step of a weight at which a problem has converged.
    inflation : float
        Of the anomalies at the start of the window.
    rotate : bool
        Whether members are mixed by a random rotation that keeps mean and covariance.
    hyperprior : float, optional
        With it, inflation is found as by :class:`EnkfN`; 1 is what theory gives.
    """

    iterations: int = 10
    tolerance: float = 1e-5
    inflation: float = 1.0
    rotate: bool = False
    hyperprior: float | None = None

    def analyse_window(
        self,
        ensemble: Array,
        window: Window,
        *,
        taper: Array | None = None,
        generator: np.random.Generator | None = None,
    ) -> WindowAnalysis:
        """Return the smoothed ensembles; see :class:`WindowFilter`."""
        start = self._minimised(ensemble, window, taper)
        observed = np.any(window.observations[-1].valid, -1, keepdims=True)[..., None]
        if self.inflation != 1.0:
            start = np.where(observed, inflated(start, self.inflation), start)
        if self.rotate:
            turned = rotated(start, drawing("Ienks", generator))
            start = np.where(observed, turned, start)
        return WindowAnalysis((start, *window.trajectory(start)))

    def _minimised(self, ensemble: Array, window: Window, taper: Array | None) -> Array:
        """Return the smoothed ensemble at the start of the window."""
        observation = window.observations[-1]
        last = len(window.observations) - 1
        mean = ensemble.mean(-2, keepdims=True)
        anomalies = _blocks(ensemble - mean, taper)
        weights = _Weights.first(anomalies)
        current, end = ensemble, _end(window, ensemble)
        for _ in range(self.iterations):
            predicted = window.predict(end, last)
            departures = Departures.of("Ienks", end, predicted, observation)
            if taper is not None:
                *problems, _, n = ensemble.shape
                p = predicted.shape[-1]
                fitting("Ienks", taper, tuple(problems), n, p)
                taper = np.repeat(taper, n // taper.shape[-2], -2)
            after = self._step(weights, departures, taper)
            members = after.weight[..., None, :] + after.transform
            moved = mean + _whole(members @ anomalies, taper)
            moved = where_observed(ensemble, moved, observation, taper)
            if not after.moving.any():
                return moved
            ahead = _end(window, moved)
            sound = np.asarray(np.isfinite(ahead).all((-2, -1)))
            weights = weights.followed(after, sound)
            current, end = (
                np.where(sound[..., None, None], new, old)
                for new, old in ((moved, current), (ahead, end))
            )
        return current

    def _step(
        self, weights: _Weights, departures: Departures, taper: Array | None
    ) -> _Weights:
        """Return weights and transforms after a step of Gauss–Newton."""
        scaled = departures.scaled[..., None, :, :]
        innovation = departures.innovation[..., None, :]
        if taper is not None:
            root = np.sqrt(taper).astype(scaled.dtype, copy=False)
            scaled = scaled * root[..., None, :]
            innovation = innovation * root
        # As far apart as members would be without the transform.
        sensitivity = weights.inverse @ scaled
        across = np.swapaxes(sensitivity, -1, -2)
        value, vector = np.linalg.eigh(sensitivity @ across)
        value = np.maximum(value, 0.0)
        prior = self._prior(value, weights.weight)[..., None]
        falling = (innovation[..., None, :] @ across)[
            ..., 0, :
        ] - prior * weights.weight
        inside = (falling[..., None, :] @ vector)[..., 0, :] / (value + prior)
        step = (vector @ inside[..., None])[..., 0]
        turned = np.swapaxes(vector, -1, -2)
        root = np.sqrt(value + prior)
        after = _Weights(
            weights.weight + step,
            (vector / root[..., None, :]) @ turned,
            (vector * root[..., None, :]) @ turned,
            (step**2).mean(-1) >= self.tolerance,
        )
        return weights.where_moving(after, taper is not None)

    def _prior(self, value: Array, weight: Array) -> Array:
        """Return the precision of the prior, (…, b), in units of that of members."""
        if self.hyperprior is None:
            return np.ones(value.shape[:-1], value.dtype)
        e, c = finite_size(value, value.shape[-1], self.hyperprior)
        return np.asarray(c / (e + (weight**2).sum(-1)))


@dataclass(frozen=True, eq=False)
class _Weights:
    """What members weigh: (…, b, m) of the mean, (…, b, m, m) of anomalies.

    b is 1, or every entry of the state where analyses are local.
    """

    weight: Array
    transform: Array
    inverse: Array
    moving: Array

    @classmethod
    def first(cls, anomalies: Array) -> _Weights:
        """Return the weights of the forecast itself."""
        *blocks, members, _ = anomalies.shape
        identity = np.broadcast_to(
            np.eye(members, dtype=anomalies.dtype), (*blocks, members, members)
        )
        still = np.zeros((*blocks, members), anomalies.dtype)
        return cls(still, identity, identity, np.ones(blocks, dtype=bool))

    def followed(self, after: _Weights, sound: Array) -> _Weights:
        """Return the next weights; of problems that are not sound these, which stay.

        Parameters
        ----------
        after : _Weights
            The next.
        sound : ndarray of bool
            (…,).
        """
        mask = sound[..., None]
        return _Weights(
            np.where(mask[..., None], after.weight, self.weight),
            np.where(mask[..., None, None], after.transform, self.transform),
            np.where(mask[..., None, None], after.inverse, self.inverse),
            after.moving & mask,
        )

    def where_moving(self, after: _Weights, local: bool) -> _Weights:
        """Return the weights after a step, of problems that have not converged.

        The entries of one problem depend on each other and stop together.
        """
        moving = self.moving
        if local:
            moving = np.broadcast_to(moving.any(-1, keepdims=True), moving.shape)
        return _Weights(
            np.where(moving[..., None], after.weight, self.weight),
            np.where(moving[..., None, None], after.transform, self.transform),
            np.where(moving[..., None, None], after.inverse, self.inverse),
            moving & after.moving,
        )


def _end(window: Window, ensemble: Array) -> Array:
    """Return an ensemble at the end of a window, given that at the start."""
    *_, end = window.trajectory(ensemble)
    return end


def _blocks(anomalies: Array, taper: Array | None) -> Array:
    """Return anomalies as (…, 1, m, n); or (…, n, m, 1) where analyses are local."""
    if taper is None:
        return anomalies[..., None, :, :]
    return np.swapaxes(anomalies, -1, -2)[..., None]


def _whole(blocks: Array, taper: Array | None) -> Array:
    """Return blocks as (…, m, n) again."""
    if taper is None:
        return blocks[..., 0, :, :]
    return np.swapaxes(blocks[..., 0], -1, -2)
