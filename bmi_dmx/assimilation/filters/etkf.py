"""The ensemble transform Kalman filter, whole and local."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import ConfigError
from ...kernels.roots import applied_roots
from ...space.description import Array
from ..observation import Observation
from ..rotation import rotated
from .ensemble import EnsembleFilter
from .filter import Departures, drawing
from .local_analysis import in_groups, local_systems
from .spectrum import Spectrum

__all__ = ["Etkf", "Letkf"]


@dataclass(frozen=True)
class Etkf(EnsembleFilter):
    """Ensemble transform Kalman filter with the symmetric root.

    Bishop et al. (2001), doi:10.1175/1520-0493(2001)129<0420:ASWTET>2.0.CO;2; the
    symmetric root as of Hunt et al. (2007), doi:10.1016/j.physd.2006.11.008. With a
    taper it is :class:`Letkf`, without its kernel.

    Parameters
    ----------
    rotate : bool
        Whether the analysed anomalies are turned by a random rotation of members that
        keeps mean and covariance (Sakov and Oke 2008, doi:10.1175/2007MWR2021.1).
    """

    rotate: bool = False

    def analyse(
        self,
        ensemble: Array,
        predicted: Array,
        observation: Observation,
        *,
        taper: Array | None = None,
        generator: np.random.Generator | None = None,
    ) -> Array:
        """Return the analysed ensemble; see :class:`Filter`."""
        result = super().analyse(ensemble, predicted, observation, taper=taper)
        if not self.rotate:
            return result
        turned = rotated(result, drawing(self._name, generator))
        updated = np.any(observation.valid, -1, keepdims=True)[..., None]
        return np.where(updated, turned, ensemble)

    def _deviations(
        self, anomalies: Array, scaled: Array, innovation: Array, noise: Array | None
    ) -> Array:
        spectrum = Spectrum.of(scaled, innovation)
        return spectrum.applied(anomalies, *spectrum.root())


@dataclass(frozen=True)
class Letkf(Etkf):
    """Local ensemble transform Kalman filter.

    Hunt et al. (2007), doi:10.1016/j.physd.2006.11.008: :class:`Etkf` around every
    entry of the state, which a taper has to say. As one entry alone is kept of each
    analysis, its anomalies are all that roots of matrices are applied to, which a
    kernel does without eigenvectors.
    """

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
            When there is no taper.
        """
        if taper is None:
            raise ConfigError(
                f"{self._name}: taper: expected weights (n, p), found None"
            )
        return super().analyse(
            ensemble, predicted, observation, taper=taper, generator=generator
        )

    def _locally(
        self, departures: Departures, taper: Array, noise: Array | None
    ) -> Array:
        result = np.empty_like(departures.anomalies)
        groups, columns = (in_groups(x, taper) for x in (departures.anomalies, result))
        for block, matrix, vector in local_systems(departures, taper):
            # Every entry of a group is a case of its own.
            anomalies = np.moveaxis(groups[..., block, :], -3, -1)
            matrix, vector = (
                np.repeat(x[..., None, :], anomalies.shape[-2], -2)
                for x in (matrix, vector)
            )
            deviations = applied_roots(matrix, anomalies, vector)
            if deviations is None:
                return super()._locally(departures, taper, noise)
            columns[..., block, :] = np.moveaxis(deviations, -1, -3)
        result += departures.mean
        return result
