"""The frame of ensemble filters: one update, of the whole state or entry by entry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from ...errors import DataError
from ...space.description import Array
from ..observation import Observation
from .filter import Departures, where_observed
from .local_analysis import in_groups, local_blocks

__all__ = ["EnsembleFilter", "fitting"]


def fitting(name: str, taper: Array, problems: tuple[int, ...], n: int, p: int) -> None:
    """Refuse a taper of another shape.

    One for all problems may have fewer rows than there are entries, each of as many
    entries side by side.

    Raises
    ------
    DataError
        Saying which shapes fit.
    """
    groups = taper.ndim == 2 and taper.shape[1] == p and taper.shape[0] > 0
    if groups and n % taper.shape[0] == 0:
        return
    if taper.shape not in {(n, p), (*problems, n, p)}:
        raise DataError(
            f"{name}: taper: expected shape {(n, p)} or {(*problems, n, p)}, found "
            f"{taper.shape}"
        )


@dataclass(frozen=True)
class EnsembleFilter(ABC):
    """Base of filters that combine members: whole, or locally where there is a taper.

    A local analysis is made for every entry of the state, with the observations that
    have weight there, and of it that entry alone is kept (Hunt et al. 2007,
    doi:10.1016/j.physd.2006.11.008).
    """

    @property
    def _name(self) -> str:
        return type(self).__name__

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
        departures = Departures.of(self._name, ensemble, predicted, observation)
        noise = self._noise(departures, generator)
        if taper is None:
            result = departures.mean + self._deviations(
                departures.anomalies, departures.scaled, departures.innovation, noise
            )
        else:
            *problems, _, n = ensemble.shape
            p = observation.value.shape[-1]
            fitting(self._name, taper, tuple(problems), n, p)
            result = self._locally(departures, taper, noise)
        return where_observed(ensemble, result, observation, taper)

    def _locally(
        self, departures: Departures, taper: Array, noise: Array | None
    ) -> Array:
        result = np.empty_like(departures.anomalies)
        grouped = in_groups(result, taper)
        for block, anomalies, scaled, innovation, near in local_blocks(
            departures, taper
        ):
            local = None if noise is None else _local_noise(noise, near)
            deviations = self._deviations(anomalies, scaled, innovation, local)
            grouped[..., block, :] = np.moveaxis(deviations, -3, -2)
        result += departures.mean
        return result

    def _noise(
        self, departures: Departures, generator: np.random.Generator | None
    ) -> Array | None:
        """Return what the filter draws, (…, m, p), scaled as departures are."""
        return None

    @abstractmethod
    def _deviations(
        self, anomalies: Array, scaled: Array, innovation: Array, noise: Array | None
    ) -> Array:
        """Return analysed members minus the mean of the forecast.

        Parameters
        ----------
        anomalies : ndarray
            (…, m, q) of any entries.
        scaled, innovation : ndarray
            (…, m, p) and (…, p), as of :class:`Departures`.
        noise : ndarray or None
            (…, m, p).
        """


def _local_noise(noise: Array, near: Array | None) -> Array:
    """Return (…, b, m, k) what was drawn for the observations near entries."""
    if near is None:
        return noise[..., None, :, :]
    return np.moveaxis(noise[..., near], -3, -2)
