"""Random rotations of members that keep their mean and covariance."""

from __future__ import annotations

import numpy as np

from ..space.description import Array

__all__ = ["rotated"]


def rotated(ensemble: Array, generator: np.random.Generator) -> Array:
    """Return an ensemble whose anomalies are mixed by a random orthogonal matrix.

    The matrix keeps the vector of ones, so the mean is kept, and is else uniformly
    distributed (Sakov and Oke 2008, doi:10.1175/2007MWR2021.1).

    Parameters
    ----------
    ensemble : ndarray
        (…, m, n).
    generator : numpy.random.Generator
        Of the rotation.
    """
    *problems, members, _ = ensemble.shape
    if members < 2:
        return ensemble
    mean = ensemble.mean(-2, keepdims=True)
    inside = _contrasts(members).astype(ensemble.dtype)
    drawn = generator.standard_normal((*problems, members - 1, members - 1))
    turn, upper = np.linalg.qr(drawn)
    # Without the signs, the decomposition prefers some rotations to others.
    turn = turn * np.sign(np.einsum("...ii->...i", upper))[..., None, :]
    within = inside.T @ (ensemble - mean)
    mixed: Array = mean + inside @ (turn.astype(ensemble.dtype) @ within)
    return mixed


def _contrasts(members: int) -> Array:
    """Return (m, m − 1) orthonormal columns whose sums are zero (Helmert)."""
    k = np.arange(1, members)
    columns = np.triu(np.ones((members, members - 1)), 0)
    columns[k, k - 1] = -k
    return columns / np.sqrt(k * (k + 1.0))
