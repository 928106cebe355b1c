"""Series that lie in a file instead of memory: data larger than that."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .....errors import DataError
from .....files import cache_folder
from .basins import Array32, Array64, BasinData, TargetObservations

__all__ = ["mapped"]

FORCING, OBSERVED, FLOW = "forcing ", "observed ", "streamflow"
"""How series of all kinds are told apart."""


def mapped(groups: Iterable[BasinData], basins: int) -> BasinData | None:
    """Return the data of all groups of basins, their series in a file.

    The file has no name and is gone with the process. It lies in the
    :func:`~bmi_dmx.files.cache_folder`, basin by basin, so that a window is one run of
    it; the system keeps in memory what is used, as far as there is room.

    Parameters
    ----------
    groups : iterable of BasinData
        With the same series on the same time steps; each is forgotten before the next.
    basins : int
        How many basins they have together at most.

    Returns
    -------
    BasinData or None
        None where there is no group.

    Raises
    ------
    DataError
        Groups differ in time or in what they hold.
    OSError
        There is no room for the files.
    """
    whole = _MappedBasins(basins)
    for group in groups:
        whole.add(group)
    return whole.data() if whole.ids else None


class _MappedBasins:
    """What is put together, group by group."""

    def __init__(self, basins: int) -> None:
        self.basins = basins
        self.series: dict[str, Array32] = {}
        self.ids: list[NDArray[np.str_]] = []
        self.attributes: list[Mapping[str, Array64]] = []
        self.withheld: list[NDArray[np.bool_] | None] = []

    def add(self, group: BasinData) -> None:
        """Copy the series of a group, of which only attributes stay in memory."""
        series = _series(group)
        if not self.ids:
            self.time, self.units = group.time, group.units
            self.unread, self.computed = group.unread, group.computed
            self.stations = group.stations
            self.targets = {n: (x.units, x.where) for n, x in group.targets.items()}
            self.series = _allocated(list(series), group.time.size, self.basins)
        else:
            self._refuse_other(group, series)
        first = sum(ids.size for ids in self.ids)
        for name, values in series.items():
            self.series[name][:, first : first + group.ids.size] = values
        self.ids.append(group.ids)
        self.attributes.append(group.attributes)
        self.withheld.append(group.withheld)

    def _refuse_other(self, group: BasinData, series: Mapping[str, Array32]) -> None:
        begin = f"data.at_once: basins from '{group.ids[0]}' on"
        differing = sorted(self.series.keys() ^ series.keys())
        if differing:
            raise DataError(
                f"{begin} differ from those before in {', '.join(differing)}; expected "
                "the same series of all basins"
            )
        if not np.array_equal(self.time, group.time):
            raise DataError(
                f"{begin} have other times, {group.time[0]} to {group.time[-1]}, than "
                f"those before, {self.time[0]} to {self.time[-1]}; data.period names "
                "days that all have"
            )

    def data(self) -> BasinData:
        """Return all of it."""
        ids = np.concatenate(self.ids)
        series = {name: values[:, : ids.size] for name, values in self.series.items()}
        masks = [mask for mask in self.withheld if mask is not None]
        return BasinData(
            ids=ids,
            time=self.time,
            forcing={
                name.removeprefix(FORCING): values
                for name, values in series.items()
                if name.startswith(FORCING)
            },
            attributes={
                name: np.concatenate([one[name] for one in self.attributes])
                for name in self.attributes[0]
            },
            target=series[FLOW],
            unread=self.unread,
            units=self.units,
            computed=self.computed,
            withheld=np.concatenate(masks, axis=1) if masks else None,
            targets={
                name: TargetObservations(series[OBSERVED + name], *details)
                for name, details in self.targets.items()
            },
            stations=self.stations,
        )


def _series(data: BasinData) -> dict[str, Array32]:
    """Return all series by names that tell forcing and observations apart."""
    return {
        **{FORCING + name: values for name, values in data.forcing.items()},
        **{OBSERVED + name: target.values for name, target in data.targets.items()},
        FLOW: data.target,
    }


def _allocated(names: Sequence[str], steps: int, basins: int) -> dict[str, Array32]:
    """Return arrays (time, basin) in a file, each basin of each one run of it."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    size = 4 * len(names) * basins * steps
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            # Where room is not reserved, a disk that is full later ends the process.
            os.posix_fallocate(file.fileno(), 0, size)
        except AttributeError:
            file.truncate(size)
        except OSError as error:
            reason = f"{error.strerror}, for {size} bytes of series (data.at_once)"
            raise OSError(error.errno, reason, str(folder)) from None
        shape = (len(names), basins, steps)
        values = np.memmap(file, np.float32, "r+", shape=shape)
    return {name: x.T for name, x in zip(names, np.asarray(values), strict=True)}
