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
from .tree_paths import Ways

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
        self._settings = settings
        tree = runner.space
        self._ways = Ways(runner, tree) if isinstance(tree, Tree) else None
        # Gauges of which some are silent at times, whose weights stay as they are.
        self._measured: Array | None = None
        self._column = np.full(len(runner.ids), -1)
        self._known = np.empty((len(runner.ids), 0))

    def weights(self, observed: Indices) -> Array | None:
        """Return how much observations count at each place, (place, p).

        Parameters
        ----------
        observed : ndarray of int
            (p,) places where they were made.
        """
        settings = self._settings
        if settings is None or self._ways is None:
            return None
        tree, ways = self._ways.tree, self._ways.now()
        if ways is not self._measured:
            self._measured, self._known = ways, self._known[:, :0]
            self._column.fill(-1)
        new = np.unique(observed[self._column[observed] < 0])
        if new.size:
            every = np.arange(len(tree))
            apart = on_tree(tree, every, new, ways, flowing=settings.flowing)
            width = self._known.shape[1]
            self._column[new] = np.arange(width, width + new.size)
            self._known = np.hstack([self._known, taper(apart, settings.radius)])
        column = self._column[observed]
        if np.array_equal(column, np.arange(self._known.shape[1])):
            return self._known
        return self._known[:, column]


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
