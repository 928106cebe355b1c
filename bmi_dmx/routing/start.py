"""Flow of reaches that is known at one time, to start from."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from ..data.identity import match
from ..errors import ConfigError, DataError
from ..models.rivers.formats import River
from ..models.rivers.formats.series import SeriesOfPlaces
from ..operate.repeated_warnings import warn_once
from .inflow import Array
from .span import RequestedSpan

__all__ = ["FirstFlow", "flow_at"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FirstFlow:
    """Flow at one time.

    Parameters
    ----------
    where : str
        File and variable, for messages.
    time : datetime
        UTC.
    ids : tuple of str
        Names of reaches.
    values : ndarray
        (reach,) m3 s-1; NaN where it is not known.
    """

    where: str
    time: datetime
    ids: tuple[str, ...]
    values: Array

    def of(self, river: River, else_: Array) -> Array:
        """Return the flow of all reaches of a river.

        Parameters
        ----------
        river : River
        else_ : ndarray
            (reach,) of reaches of which nothing is known.
        """
        matched = match(river.tree.ids, self.ids)
        flow = np.array(else_, dtype=np.float64)
        for k, name in enumerate(river.tree.ids):
            if name in matched.places:
                value = self.values[matched.places[name]]
                flow[k] = value if np.isfinite(value) else flow[k]
        count = sum(np.isfinite(self.values[p]) for p in matched.places.values())
        if not count:
            raise DataError(f"{self.where}: says the flow of no reach of the river")
        if count < len(river):
            warn_once(
                _log, self.where,
                "%s: says nothing of %d of %d reaches, which start with the sum of the "
                "first inflow above", self.where, len(river) - count, len(river),
            )  # fmt: skip
        return flow


def flow_at(path: Path, variable: str, period: RequestedSpan) -> FirstFlow:
    """Return the flow of a file at the start that is asked for, else at its first time.

    Raises
    ------
    ConfigError, DataError
        When there is no such variable, or no flow of that time.
    """
    start = period.moment("start")
    with SeriesOfPlaces(path, variable) as series:
        moments = series.stamps.moments.times.astype("datetime64[s]")
        at = 0
        if start is not None:
            same = np.flatnonzero(moments == np.datetime64(start, "s"))
            if not same.size:
                raise ConfigError(
                    f"{path}: {variable}: has no flow of {start}, its times are from "
                    f"{moments[0]} to {moments[-1]}"
                )
            at = int(same[0])
        values = series.read(slice(at, at + 1))[0]
        time: datetime = moments[at].astype("datetime64[us]").item()
        return FirstFlow(f"{path}: {variable}", time, series.ids, values)
