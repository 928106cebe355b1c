"""Which basins and days a bundle learned from, as its provenance says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import BundleError
from ..streamflow.periods import Period

__all__ = ["BASIN_IDS", "TrainingBasins", "learned"]

BASIN_IDS = "basin_ids"
"""Key of the provenance under which the basins are listed."""


@dataclass(frozen=True)
class TrainingBasins:
    """What a bundle learned from.

    Parameters
    ----------
    ids : tuple of str, optional
        The basins; None where the bundle does not list them.
    periods : tuple of (date, date)
        The days of training and validation, as far as they are said.
    about : str
        Basins and data as a reader is told.
    models : tuple of TrainingBasins
        Each of several models that run as one, and the weights between them; empty of
        one model.
    """

    ids: tuple[str, ...] | None
    periods: tuple[Period, ...]
    about: str
    models: tuple[TrainingBasins, ...] = ()

    def among(self, ids: NDArray[np.str_]) -> NDArray[np.bool_] | None:
        """Return which of some basins it learned from; None where nobody knows.

        Leading zeros do not matter, nor whether an identifier names its data set, as
        ``camels_01013500``, where the other does not.
        """
        if self.ids is None:
            return None
        whole = {_plain(name) for name in self.ids}
        tails = {_tail(name) for name in self.ids}
        bare = {_plain(name) for name in self.ids if "_" not in name}
        return np.array(
            [
                _plain(name) in whole
                or (_tail(name) in bare if "_" in name else _plain(name) in tails)
                for name in ids.tolist()
            ]
        )

    def on_days(
        self, ids: NDArray[np.str_], period: Period
    ) -> NDArray[np.bool_] | None:
        """Return of which basins it learned from days of a period.

        Parameters
        ----------
        ids : array (B,) of str
            The basins.
        period : (date, date)
            The days.

        Returns
        -------
        array (B,) of bool, or None
            None where nobody knows.
        """
        shared = np.zeros(len(ids), dtype=bool)
        for one in self.models or (self,):
            if one.shares_days(period):
                among = one.among(ids)
                if among is None:
                    return None
                shared |= among
        return shared

    def shares_days(self, period: Period) -> bool:
        """Return whether days of a period are among those it learned from."""
        first, last = period
        return any(start <= last and first <= end for start, end in self.periods)


def _plain(name: str) -> str:
    return name.lstrip("0")


def _tail(name: str) -> str:
    return _plain(name.rpartition("_")[2])


def learned(provenance: Mapping[str, Any], where: str) -> TrainingBasins:
    """Return what the provenance of a bundle says it learned from.

    Parameters
    ----------
    provenance : mapping
        That of a manifest.
    where : str
        What messages begin with.

    Raises
    ------
    BundleError
        Basins or periods are not written as the package writes them.
    """
    if "models" in provenance:
        return _together(provenance, where)
    basins = provenance.get(BASIN_IDS)
    if basins is not None and not isinstance(basins, list):
        raise BundleError(f"{where}: provenance.{BASIN_IDS}: expected a list")
    periods = provenance.get("periods") or {}
    try:
        spans = tuple(
            (date.fromisoformat(str(first)), date.fromisoformat(str(last)))
            for name in ("train", "validation")
            if (days := periods.get(name))
            for first, last in [days]
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise BundleError(f"{where}: provenance.periods: {error}") from None
    data = provenance.get("data")
    source = data.get("path") if isinstance(data, Mapping) else None
    count = provenance.get("basins", "unknown")
    about = f"{count} basins" + (f" of {source}" if source else "")
    ids = None if basins is None else tuple(map(str, basins))
    return TrainingBasins(ids, spans, about)


def _together(provenance: Mapping[str, Any], where: str) -> TrainingBasins:
    """Return what several models that run as one, and their weights, learned from."""
    models = provenance["models"]
    try:
        each = [learned(model["provenance"], where) for model in models]
        if "weights" in provenance:
            each.append(learned(provenance["weights"], where))
    except (KeyError, TypeError) as error:
        raise BundleError(f"{where}: provenance.models: {error}") from None
    names = (one.ids for one in each)
    ids: tuple[str, ...] | None = ()
    for more in names:
        ids = None if more is None or ids is None else tuple(dict.fromkeys(ids + more))
    periods = dict.fromkeys(period for one in each for period in one.periods)
    about = " and ".join(dict.fromkeys(one.about for one in each))
    return TrainingBasins(ids, tuple(periods), about, tuple(each))
