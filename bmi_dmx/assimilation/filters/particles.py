"""The particle filter, for states of few entries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import ConfigError
from ...space.description import Array
from ..observation import Observation
from .filter import checked, drawing, where_observed

__all__ = ["ParticleFilter"]


@dataclass(frozen=True)
class ParticleFilter:
    """Bootstrap particle filter: members are weighed, drawn again, and shaken.

    Gordon et al. (1993), doi:10.1049/ip-f-2.1993.0015. Every member is copied as often
    as the whole part of m times its weight says (residual resampling, Liu and Chen
    1998, doi:10.1080/01621459.1998.10473765), the rest systematically. Copies but for
    the first of each are moved by Gaussian noise with the covariance of the analysis
    and the bandwidth m^(−1/(n+4)) of kernel densities (Musso et al. 2001,
    doi:10.1007/978-1-4757-3437-9_12).

    Parameters
    ----------
    jitter : float
        Factor of that bandwidth; 0 leaves copies alike.
    """

    jitter: float = 0.8

    def analyse(
        self,
        ensemble: Array,
        predicted: Array,
        observation: Observation,
        *,
        taper: Array | None = None,
        generator: np.random.Generator | None = None,
    ) -> Array:
        """Return the analysed ensemble; see :class:`Filter`.

        Raises
        ------
        ConfigError
            When there is a taper: weights are of whole members.
        """
        if taper is not None:
            raise ConfigError("ParticleFilter: taper: expected None, has no local form")
        checked("ParticleFilter", ensemble, predicted, observation, least=1)
        generator = drawing("ParticleFilter", generator)
        weight = _weights(predicted, observation)
        ancestors = _resampled(weight, generator.random(weight.shape[:-1]))
        result = np.take_along_axis(ensemble, ancestors[..., None], -2)
        if self.jitter and ensemble.shape[-2] > 1:
            again = np.diff(ancestors, axis=-1, prepend=-1) == 0
            noise = self._noise(ensemble, weight, generator)
            result = result + again[..., None] * noise
        return where_observed(
            ensemble, result.astype(ensemble.dtype), observation, taper
        )

    def _noise(
        self, ensemble: Array, weight: Array, generator: np.random.Generator
    ) -> Array:
        """Return noise with the covariance of weighted members, scaled."""
        *_, members, entries = ensemble.shape
        anomalies = ensemble - weight[..., None, :] @ ensemble
        lighter = np.sqrt(weight)[..., None] * anomalies
        value, vector = np.linalg.eigh(np.swapaxes(lighter, -1, -2) @ lighter)
        root = vector * np.sqrt(np.maximum(value, 0.0))[..., None, :]
        width = self.jitter * members ** (-1.0 / (entries + 4))
        drawn = generator.standard_normal(ensemble.shape)
        noise: Array = width * (drawn @ np.swapaxes(root, -1, -2))
        return noise


def _weights(predicted: Array, observation: Observation) -> Array:
    """Return (…, m) weights by the likelihood, which add up to 1."""
    valid = observation.valid[..., None, :]
    departure = np.where(valid, observation.value[..., None, :] - predicted, 0.0)
    error = np.where(observation.valid, observation.error, 1.0)[..., None, :]
    misfit = 0.5 * ((departure / error) ** 2).sum(-1, dtype=np.float64)
    weight = np.exp(misfit.min(-1, keepdims=True) - misfit)
    return np.asarray(weight / weight.sum(-1, keepdims=True))


def _resampled(weight: Array, start: Array) -> Array:
    """Return (…, m) which members are taken, ascending.

    Parameters
    ----------
    weight : ndarray
        (…, m).
    start : ndarray
        (…,) uniform draws, where the systematic part begins.
    """
    members = weight.shape[-1]
    flat = weight.reshape(-1, members)
    number = np.arange(len(flat))[:, None]
    copies = np.floor(members * flat + 1e-9).astype(np.int64)
    rest = np.maximum(members * flat - copies, 0.0)
    lacking = members - copies.sum(-1, keepdims=True)
    # Ends of the shares of members, problem after problem on one line.
    ends = np.cumsum(rest, axis=-1)
    ends = ends / np.where(ends[:, -1:] > 0, ends[:, -1:], 1.0)
    ends[:, -1] = 1.0
    step = np.arange(members)
    active = step < lacking
    places = (step + start.reshape(-1, 1)) / np.maximum(lacking, 1) + number
    positions = np.searchsorted((ends + number).ravel(), places[active], side="right")
    positions = np.minimum(positions, flat.size - 1)
    copies += np.bincount(positions, minlength=flat.size).reshape(copies.shape)
    ancestors = np.repeat(np.arange(flat.size), copies.ravel()) % members
    return np.reshape(ancestors, weight.shape)
