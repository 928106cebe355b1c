"""One analysis of all places of a tree, each with what is observed near it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ConfigError
from ...operate.ensemble import EnsembleRunner
from ...space import Tree
from ..localisation import on_tree, taper
from ..observation import Observation
from .settings import Localisation
from .tree_paths import ways_of

__all__ = ["TreeLocalisation", "as_one", "together_on"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.intp]]


class TreeLocalisation:
    """How far observations reach on the tree of an ensemble, of which all is one state.

    Parameters
    ----------
    runner : EnsembleRunner
        Whose places they are.
    settings : Localisation, optional
        None lets every observation reach everywhere.
    """

    def __init__(self, runner: EnsembleRunner, settings: Localisation | None) -> None:
        self._runner, self._settings = runner, settings
        self._known: tuple[Indices, Array] | None = None

    def weights(self, observed: Indices) -> Array | None:
        """Return how much observations count at each place, (place, p).

        Parameters
        ----------
        observed : ndarray of int
            (p,) places where they were made.
        """
        settings, tree = self._settings, self._runner.space
        if settings is None or not isinstance(tree, Tree):
            return None
        if self._known is None or not np.array_equal(self._known[0], observed):
            apart = on_tree(
                tree, np.arange(len(tree)), observed, ways_of(self._runner, tree),
                flowing=settings.flowing,
            )  # fmt: skip
            self._known = observed.copy(), taper(apart, settings.radius)
        return self._known[1]


def as_one(
    whole: Array, predicted: Sequence[Array], observations: Sequence[Observation]
) -> tuple[Array, Array, Observation]:
    """Return the problems of single places as one.

    Parameters
    ----------
    whole : ndarray
        (place, member, entry) states.
    predicted : sequence of ndarray
        (member, p) of each quantity.
    observations : sequence of Observation
        (p,) of each quantity.

    Returns
    -------
    ensemble : ndarray
        (1, member, place and entry).
    predicted : ndarray
        (1, member, p) of all quantities.
    observation : Observation
        (1, p).
    """
    members = whole.shape[1]
    ensemble = np.transpose(whole, (1, 0, 2)).reshape(1, members, -1)
    value = np.concatenate([one.value for one in observations])
    error = np.concatenate([one.error for one in observations])
    observation = Observation(value[None], error[None])
    return ensemble, np.concatenate(predicted, axis=1)[None], observation


def together_on(
    runner: EnsembleRunner, settings: Localisation | None
) -> TreeLocalisation | None:
    """Return how far observations reach; None where places are analysed one by one.

    Raises
    ------
    ConfigError
        When it is said of places that are.
    """
    couplings = {part.coupling for part in runner.operation.plan.processes}
    if "upstream" in couplings:
        return TreeLocalisation(runner, settings)
    if settings is not None:
        raise ConfigError(
            "localisation: places of this model do not see each other, and each is "
            "analysed by itself; remove it"
        )
    return None
