"""The finite-size ensemble Kalman filter, which finds its inflation itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...space.description import Array
from .etkf import Etkf
from .spectrum import Spectrum

__all__ = ["EnkfN", "finite_size"]

_SCANNED = 33
_ROUNDS = 20


def finite_size(
    value: Array, members: int, hyperprior: float
) -> tuple[float | Array, float | Array]:
    """Return the two coefficients of the prior of a finite ensemble, mode corrected.

    Bocquet et al. (2015), doi:10.5194/npg-22-645-2015, their equation 36.

    Parameters
    ----------
    value : ndarray
        (…, r) eigenvalues of the scaled anomalies; as many as lack to m are 0.
    members : int
        m.
    hyperprior : float
        Weight of the prior of the inflation; 1 is what theory gives.

    Returns
    -------
    e, c : ndarray
        (…,) of 1/l² and of ln l².
    """
    mode, log = (members + 1) / members, members / (members - 1)
    unseen = members - value.shape[-1]
    share = ((1.0 / (1.0 + value)).sum(-1) + unseen) / members
    correction = (mode / log) ** (0.5 * share)
    return hyperprior * mode / correction, hyperprior * log * correction


@dataclass(frozen=True)
class EnkfN(Etkf):
    """Ensemble Kalman filter of finite size: the inflation is a result.

    Bocquet (2011), doi:10.5194/npg-18-735-2011; in its dual form, one scalar for every
    analysis, Bocquet and Sakov (2012), doi:10.5194/npg-19-383-2012. With a taper, every
    local analysis has an inflation of its own.

    Parameters
    ----------
    rotate : bool
        As of :class:`Etkf`.
    hyperprior : float
        1, or more where the model is nearly linear and hardly adds errors.
    """

    hyperprior: float = 1.0

    def _deviations(
        self, anomalies: Array, scaled: Array, innovation: Array, noise: Array | None
    ) -> Array:
        spectrum = Spectrum.of(scaled, innovation)
        stretch = self.stretch(spectrum, scaled.shape[-2])
        stretched = stretch[..., None, None] * anomalies
        return spectrum.applied(stretched, *spectrum.root(stretch))

    def stretch(self, spectrum: Spectrum, members: int) -> Array:
        """Return the factors of anomalies, l, that minimise the cost.

        It is Σ d²/(1 + l²g) + e/l² + c ln l² over the directions that are seen, with g
        the eigenvalues and d the innovation.

        Parameters
        ----------
        spectrum : Spectrum
            (…, r).
        members : int
            m.

        Returns
        -------
        ndarray
            (…,).
        """
        value = spectrum.value
        inside = value > 1e-12 * value.max(-1, keepdims=True, initial=0.0)
        square = spectrum.projection**2
        if not spectrum.few:
            square = np.divide(square, value, out=np.zeros_like(value), where=inside)
        e, c = finite_size(value, members, self.hyperprior)
        # Between these the slope changes from falling to rising.
        ratio = np.divide(square, value, out=np.zeros_like(value), where=inside)
        low, high = np.log(e / c), np.log((e + ratio.sum(-1)) / c)
        cost = _Cost(value, np.where(inside, square, 0.0), e, c)
        return np.asarray(np.exp(0.5 * cost.least(low, high)), dtype=value.dtype)


@dataclass(frozen=True, eq=False)
class _Cost:
    """The cost of u = ln l², for all problems at once."""

    value: Array
    square: Array
    e: float | Array
    c: float | Array

    def __call__(self, u: Array) -> Array:
        """Return the cost at (k, …) values."""
        misfit = self.square / (1.0 + np.exp(u)[..., None] * self.value)
        return np.asarray(misfit.sum(-1) + self.e * np.exp(-u) + self.c * u)

    def slopes(self, u: Array) -> tuple[Array, Array]:
        """Return the first and second derivative at (…,) values."""
        grown = np.exp(u)[..., None] * self.value
        first = self.square * grown / (1.0 + grown) ** 2
        second = first * (grown - 1.0) / (1.0 + grown)
        prior = self.e * np.exp(-u)
        slope: Array = self.c - prior - first.sum(-1)
        return slope, prior + second.sum(-1)

    def least(self, low: Array, high: Array) -> Array:
        """Return where the cost is least: by a scan, then Newton's steps."""
        share = np.linspace(0.0, 1.0, _SCANNED).reshape(-1, *(1,) * np.ndim(low))
        scanned = low + share * (high - low)
        best = self(scanned).argmin(0)[None]
        low = np.take_along_axis(scanned, np.maximum(best - 1, 0), 0)[0]
        high = np.take_along_axis(scanned, np.minimum(best + 1, _SCANNED - 1), 0)[0]
        u = np.take_along_axis(scanned, best, 0)[0]
        for _ in range(_ROUNDS):
            slope, bend = self.slopes(u)
            low, high = np.where(slope < 0, u, low), np.where(slope < 0, high, u)
            step = np.divide(slope, bend, out=np.full_like(u, np.inf), where=bend > 0)
            after: Array = u - step
            # Newton's step may leave the bracket; half of it never does.
            after = np.where((after < low) | (after > high), (low + high) / 2, after)
            converged = np.abs(after - u) <= 4 * np.finfo(u.dtype).eps * (1 + np.abs(u))
            u = after
            if converged.all():
                break
        return np.asarray(u)
