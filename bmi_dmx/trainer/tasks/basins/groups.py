"""Groups of basins whose scores are reported besides those of all."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from ..streamflow.comparison import ALL
from .data.basins import BasinData
from .data.spec import looked_at, satisfied
from .experiment import Experiment

__all__ = ["basin_groups"]

log = logging.getLogger(__name__)


def basin_groups(
    experiment: Experiment, data: BasinData
) -> dict[str, NDArray[np.intp]]:
    """Return the positions of the basins of every group, those of all first.

    A group that no basin belongs to is left out, and it is logged.

    Raises
    ------
    ConfigError
        A condition has a list without anything in it.
    DataError
        A group is of basins with an attribute that the data do not hold.
    """
    count = len(data.ids)
    groups = {ALL: np.arange(count)}
    for name, conditions in experiment.evaluation.groups.items():
        key = f"evaluation.groups.{name}"
        for attribute in looked_at(conditions, key):
            data.require_read(attribute, f"{key}: ")
        members = satisfied(data.attributes, conditions, count, key)
        if members.any():
            groups[name] = np.flatnonzero(members)
        else:
            log.warning(
                "%s: none of %d basins satisfies %s; the group is left out",
                key,
                count,
                conditions,
            )
    return groups
