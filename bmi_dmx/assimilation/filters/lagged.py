"""Ensemble smoothers without iterations: past states, and past observations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import DataError
from ...space.description import Array
from ..observation import Observation
from ..window import Window, WindowAnalysis
from .etkf import Etkf
from .filter import Filter

__all__ = ["Aenkf", "Enks", "gathered"]


def gathered(
    predicted: Sequence[Array], observations: Sequence[Observation]
) -> tuple[Array, Observation]:
    """Return what members predicted of several times as if it were of one.

    So past observations of the same members update the present: the asynchronous
    filter, for any filter that combines members.

    Parameters
    ----------
    predicted : sequence of ndarray
        (…, m, p) of every time; p may vary.
    observations : sequence of Observation
        (…, p) of the same times.

    Returns
    -------
    ndarray
        (…, m, Σp).
    Observation
        (…, Σp).
    """
    value = np.concatenate([o.value for o in observations], axis=-1)
    error = np.concatenate([o.error for o in observations], axis=-1)
    return np.concatenate(predicted, axis=-1), Observation(value, error)


@dataclass(frozen=True)
class Enks:
    """Ensemble Kalman smoother: what is observed updates the states before as well.

    Evensen and van Leeuwen (2000),
    doi:10.1175/1520-0493(2000)128<1852:AEKSFN>2.0.CO;2. At the end of every cycle of a
    window, all states of it so far are analysed as one; the lag is the length of the
    window.

    Parameters
    ----------
    filter : Filter
        Any that combines members.
    """

    filter: Filter = field(default_factory=Etkf)

    def analyse_window(
        self,
        ensemble: Array,
        window: Window,
        *,
        taper: Array | None = None,
        generator: np.random.Generator | None = None,
    ) -> WindowAnalysis:
        """Return the smoothed ensembles; see :class:`WindowFilter`."""
        states = [ensemble]
        for cycle, observation in enumerate(window.observations):
            states.append(window.propagate(states[-1], cycle))
            predicted = window.predict(states[-1], cycle)
            analysis = self.filter.analyse(
                np.concatenate(states, axis=-1), predicted, observation,
                taper=_repeated(taper, len(states)), generator=generator,
            )  # fmt: skip
            states = np.split(analysis, len(states), axis=-1)
        return WindowAnalysis(tuple(states))


@dataclass(frozen=True)
class Aenkf:
    """Asynchronous ensemble Kalman filter: one analysis for all of a window.

    Sakov et al. (2010), doi:10.1111/j.1600-0870.2009.00417.x: members run freely
    through the window, and all that was observed in it updates the states of all its
    times at once.

    Parameters
    ----------
    filter : Filter
        Any that combines members.
    """

    filter: Filter = field(default_factory=Etkf)

    def analyse_window(
        self,
        ensemble: Array,
        window: Window,
        *,
        taper: Array | None = None,
        generator: np.random.Generator | None = None,
    ) -> WindowAnalysis:
        """Return the smoothed ensembles; see :class:`WindowFilter`.

        A taper has the columns of all observations of the window, one cycle after the
        other, or those of one cycle where all have as many.
        """
        states = [ensemble, *window.trajectory(ensemble)]
        predictions = [window.predict(x, k) for k, x in enumerate(states[1:])]
        predicted, observation = gathered(predictions, window.observations)
        if taper is not None:
            taper = _of_all(taper, [x.shape[-1] for x in predictions])
        analysis = self.filter.analyse(
            np.concatenate(states, axis=-1), predicted, observation,
            taper=_repeated(taper, len(states)), generator=generator,
        )  # fmt: skip
        return WindowAnalysis(tuple(np.split(analysis, len(states), axis=-1)))


def _repeated(taper: Array | None, states: int) -> Array | None:
    """Return the taper of several states as one."""
    if taper is None:
        return None
    return np.concatenate([taper] * states, axis=-2)


def _of_all(taper: Array, sizes: list[int]) -> Array:
    """Return a taper with the columns of all cycles."""
    columns = taper.shape[-1]
    if columns == sum(sizes):
        return taper
    if set(sizes) != {columns}:
        raise DataError(
            f"Aenkf: taper: expected {sum(sizes)} columns, one for each of what was "
            f"observed in the window, found {columns}"
        )
    return np.concatenate([taper] * len(sizes), axis=-1)
