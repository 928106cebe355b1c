"""The analysis in the space of members, from the eigenvectors of one matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...space.description import Array

__all__ = ["Spectrum"]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues g and factors L of the scaled anomalies S, (…, m, p).

    Where observations are fewer than members, SᵀS = W diag(g) Wᵀ and L = SW; else
    SSᵀ = L diag(g) Lᵀ. Either way r = min(m, p).

    Parameters
    ----------
    value : ndarray
        (…, r) g, none below 0.
    left : ndarray
        (…, m, r) L.
    projection : ndarray
        (…, r) innovation in the directions of L.
    few : bool
        Whether observations are fewer than members.
    """

    value: Array
    left: Array
    projection: Array
    few: bool

    @classmethod
    def of(cls, scaled: Array, innovation: Array) -> Spectrum:
        """Return the spectrum of scaled anomalies (…, m, p) and innovation (…, p)."""
        members, observations = scaled.shape[-2:]
        across = np.swapaxes(scaled, -1, -2)
        if observations < members:
            value, vector = np.linalg.eigh(across @ scaled)
            projection = innovation[..., None, :] @ vector
            left = scaled @ vector
        else:
            value, left = np.linalg.eigh(scaled @ across)
            projection = innovation[..., None, :] @ across @ left
        few = observations < members
        return cls(np.maximum(value, 0.0), left, projection[..., 0, :], few)

    def root(self, stretch: Array | None = None) -> tuple[Array, Array]:
        """Return what makes the symmetric root and the weights of the mean.

        With S multiplied by a stretch l, (I + l²SSᵀ)^(−1/2) = I + L diag(h) Lᵀ, and the
        members weigh L c in the mean.

        Parameters
        ----------
        stretch : ndarray, optional
            (…,) l of anomalies; None is 1.

        Returns
        -------
        h, c : ndarray
            (…, r).
        """
        factor = 1.0 if stretch is None else stretch[..., None]
        root = np.sqrt(1.0 + factor**2 * self.value)
        weight = factor * self.projection / root**2
        if self.few:
            return -(factor**2) / (root * (1.0 + root)), weight
        return 1.0 / root - 1.0, weight

    def applied(self, anomalies: Array, shrink: Array, weight: Array) -> Array:
        """Return analysed members minus the mean of the forecast.

        Parameters
        ----------
        anomalies : ndarray
            (…, m, q).
        shrink, weight : ndarray
            (…, r) h and c of :meth:`root`.
        """
        inside = np.swapaxes(self.left, -1, -2) @ anomalies
        change: Array = weight[..., None, :] @ inside
        change = change + self.left @ (shrink[..., None] * inside)
        return anomalies + change
