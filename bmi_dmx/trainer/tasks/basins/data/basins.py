"""Series and attributes of many basins: what training reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....errors import DataError, suggestion
from .....models.hydrology.climate import day_of_year
from .stations import Station

__all__ = [
    "AT_ONCE",
    "SECONDS_PER_DAY",
    "Array32",
    "Array64",
    "BasinData",
    "Day",
    "TargetObservations",
    "Times",
    "covered",
    "parse_period",
    "positions",
    "refuse_repeated",
    "refuse_uneven",
    "step_seconds",
    "time_axis",
]

Array32 = NDArray[np.float32]
Array64 = NDArray[np.float64]
Times = NDArray[np.datetime64]
Day = str | date

ONE_DAY = np.timedelta64(1, "D")
SECONDS_PER_DAY = 86400

AT_ONCE = 256
"""Basins that are looked at together where all of them might not fit."""


@dataclass(frozen=True)
class TargetObservations:
    """Observations of something else than streamflow, to be compared with a model.

    Parameters
    ----------
    values : (T, B) float32
        NaN where there is no observation.
    units : str
        Their units.
    where : str
        File and variable, for messages.
    """

    values: Array32
    units: str
    where: str


@dataclass(frozen=True)
class BasinData:
    """Forcing, attributes and observed streamflow of basins on one axis of time.

    Parameters
    ----------
    ids : (B,) array of str
        Gauge identifiers, unique.
    time : (T,) array of datetime64
        Where time steps begin: days, or parts of a day that are all of one length.
    forcing : mapping of str to (T, B) float32
        Finite values by name: ``precipitation`` and ``potential_evaporation`` in
        mm d-1, ``air_temperature``, ``air_temperature_min`` and
        ``air_temperature_max`` in degC.
    attributes : mapping of str to (B,) float64
        Constant properties, among them ``area_km2``, ``latitude`` and ``longitude``
        where known. NaN marks a value the data set does not give; :meth:`require`
        refuses it where a model asks for it.
    target : (T, B) float32
        TargetObservations streamflow in mm d-1; NaN where there is no observation.
    unread : tuple of str
        Attributes that the data set has, but that were not asked for.
    units : mapping of str to str
        Units of the attributes, as far as they are known.
    computed : tuple of str
        Attributes that were computed from the forcing, by the definitions of
        :data:`~bmi_dmx.models.hydrology.climate.CLIMATE`; others are the data set's.
    withheld : (T, B) array of bool, optional
        Steps of which nothing is left to be learned from; see
        :func:`~.withheld.without`.
    targets : mapping of str to TargetObservations
        What else was observed, by the name of the output of a model. No model ever
        reads it.
    stations : mapping of str to Station
        What is known of the gauges, by basin; those of other basins may be among it.

    Raises
    ------
    DataError
        Shapes or types disagree, an identifier is repeated, the time steps are not of
        one length, or a forcing holds NaN or an infinite value.
    """

    ids: NDArray[np.str_]
    time: Times
    forcing: Mapping[str, Array32]
    attributes: Mapping[str, Array64]
    target: Array32
    unread: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    computed: tuple[str, ...] = ()
    withheld: NDArray[np.bool_] | None = None
    targets: Mapping[str, TargetObservations] = field(default_factory=dict)
    stations: Mapping[str, Station] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", np.asarray(self.ids, dtype=np.str_))
        object.__setattr__(self, "time", time_axis(self.time))
        self._check_axes()
        shape = (self.time.size, self.ids.size)
        others = ((name, target.values) for name, target in self.targets.items())
        for name, values in (*self.forcing.items(), ("target", self.target), *others):
            self._check_shape(name, values, shape)
            if values.dtype != np.float32:
                raise DataError(f"{name!r} is {values.dtype}, expected float32")
        for name, values in self.forcing.items():
            self._check_finite(name, values)
        for name, constants in self.attributes.items():
            self._check_shape(name, constants, shape[1:])
        if self.withheld is not None and self.withheld.shape != shape:
            raise DataError(
                f"'withheld' has shape {self.withheld.shape}, expected {shape}"
            )

    def _check_axes(self) -> None:
        if self.ids.size == 0 or self.time.size == 0:
            raise DataError(
                f"{self.ids.size} basins and {self.time.size} time steps; at least one"
                " of each is needed"
            )
        refuse_repeated(self.ids, "basins")
        refuse_uneven(self.time)

    @staticmethod
    def _check_shape(
        name: str, values: NDArray[np.floating[Any]], shape: tuple[int, ...]
    ) -> None:
        if values.shape != shape:
            raise DataError(f"{name!r} has shape {values.shape}, expected {shape}")

    def _check_finite(self, name: str, values: Array32) -> None:
        # Group by group: what is made on the way may be larger than memory as well.
        for first in range(0, self.ids.size, AT_ONCE):
            bad = ~np.isfinite(values[:, first : first + AT_ONCE])
            if bad.any():
                day, basin = np.argwhere(bad)[0]
                raise DataError(
                    f"forcing {name!r} of basin '{self.ids[first + basin]}' is"
                    f" {values[day, first + basin]} on {self.time[day]}; forcing must"
                    f" be complete ({int((~np.isfinite(values)).sum())} such values in"
                    " all)"
                )

    @property
    def seconds(self) -> int:
        """Length of a time step."""
        return step_seconds(self.time)

    def day_of_year(self) -> Array32:
        """Return the day of the year (1 to 366) as a ``(T,)`` float32 array."""
        return day_of_year(self.time).astype(np.float32)

    def dated_forcing(self) -> dict[str, Array32]:
        """Return the forcing and ``day_of_year``, all (T, B), as models take it."""
        days = np.broadcast_to(self.day_of_year()[:, None], self.target.shape)
        return {**self.forcing, "day_of_year": days}

    def period(self, start: Day, end: Day) -> BasinData:
        """Return the days from ``start`` to ``end``, both included.

        Raises
        ------
        DataError
            The period is empty or not covered by the data.
        """
        return self.part(self.within(start, end))

    def within(self, start: Day, end: Day) -> slice:
        """Return where the time steps of the days ``start`` to ``end`` stand.

        Raises
        ------
        DataError
            As of :meth:`period`.
        """
        first, last = parse_period(start, end)
        steps = covered(self.time, first, last)
        if steps is None:
            raise DataError(
                f"the period {first} to {last} is not covered: the data reach from"
                f" {self.time[0]} to {self.time[-1]}"
            )
        return steps

    @property
    def names(self) -> NDArray[np.str_] | None:
        """What people call the gauges, (B,); None where no name is known."""
        names = [self.stations.get(i, Station()).name for i in self.ids.tolist()]
        return np.array(names, dtype=np.str_) if any(names) else None

    def where(self) -> tuple[Array64, Array64] | None:
        """Return longitude and latitude, of the gauges where these are known.

        NaN where those of a basin are not; None where no basin has any.
        """
        axes = []
        for axis in ("longitude", "latitude"):
            middle = self.attributes.get(axis, np.full(self.ids.size, np.nan))
            gauges = (self.stations.get(i) for i in self.ids.tolist())
            at_gauges = [getattr(gauge, axis, None) for gauge in gauges]
            pairs = zip(at_gauges, middle.tolist(), strict=True)
            axes.append(np.array([m if x is None else x for x, m in pairs]))
        some = any(np.isfinite(values).any() for values in axes)
        return (axes[0], axes[1]) if some else None

    def part(self, steps: slice) -> BasinData:
        """Return some time steps, by their positions."""
        return replace(
            self,
            time=self.time[steps],
            forcing={name: values[steps] for name, values in self.forcing.items()},
            target=self.target[steps],
            withheld=None if self.withheld is None else self.withheld[steps],
            targets={
                name: replace(target, values=target.values[steps])
                for name, target in self.targets.items()
            },
        )

    def compared(self, names: Iterable[str]) -> BasinData:
        """Return the data with those targets alone that are among some names."""
        selection = set(names)
        targets = {n: target for n, target in self.targets.items() if n in selection}
        return replace(self, targets=targets)

    def select(self, ids: Iterable[str]) -> BasinData:
        """Return the basins ``ids``, in the order given.

        Raises
        ------
        DataError
            A basin is not in the data.
        """
        at = positions(ids, self.ids)
        return replace(
            self,
            ids=self.ids[at],
            forcing={name: values[:, at] for name, values in self.forcing.items()},
            attributes={name: values[at] for name, values in self.attributes.items()},
            target=self.target[:, at],
            withheld=None if self.withheld is None else self.withheld[:, at],
            targets={
                name: replace(target, values=target.values[:, at])
                for name, target in self.targets.items()
            },
        )

    def require(
        self, forcing: Iterable[str] = (), attributes: Iterable[str] = ()
    ) -> None:
        """Refuse data that lack what a model reads.

        Raises
        ------
        DataError
            A forcing (``day_of_year`` excepted, which the days give) or an attribute is
            absent, or an attribute is not a finite number in some basin.
        """
        for name in forcing:
            if name not in self.forcing and name != "day_of_year":
                hint = suggestion(name, self.forcing)
                raise DataError(f"the data hold no forcing {name!r}{hint}")
        for name in attributes:
            self.require_read(name)
            if name not in self.attributes:
                hint = suggestion(name, self.attributes)
                raise DataError(f"the data hold no attribute {name!r}{hint}")
            bad = ~np.isfinite(self.attributes[name])
            if bad.any():
                raise DataError(
                    f"attribute {name!r} is not known in {int(bad.sum())} of"
                    f" {self.ids.size} basins, first '{self.ids[bad][0]}'; leave out"
                    " the attribute or these basins"
                )

    def require_read(self, name: str, where: str = "") -> None:
        """Refuse an attribute that the data set has, but that was not asked for.

        Parameters
        ----------
        name : str
            The attribute.
        where : str
            What the message begins with.

        Raises
        ------
        DataError
            Saying how to ask for it.
        """
        if name in self.unread:
            raise DataError(
                f"{where}attribute {name!r} was not read, but the data have it; set"
                " data.attributes to 'both'"
            )


def time_axis(time: Times) -> Times:
    """Return times as days where they are whole days apart, else to the second."""
    seconds = time.astype("datetime64[s]")
    if (np.diff(seconds) % ONE_DAY == np.timedelta64(0, "s")).all():
        return time.astype("datetime64[D]")
    return seconds


def step_seconds(time: Times) -> int:
    """Return the length of the steps of an axis; a single time is a day."""
    if time.dtype == np.dtype("datetime64[D]") or time.size < 2:
        return SECONDS_PER_DAY
    return int(np.diff(time).min() // np.timedelta64(1, "s"))


def refuse_uneven(time: Times, where: str = "") -> None:
    """Refuse time steps that are neither days nor equal parts of a day.

    Parameters
    ----------
    time : (T,) array of datetime64
        An axis, see :func:`time_axis`.
    where : str
        What the message begins with.

    Raises
    ------
    DataError
        Naming the first step that is too long or too short.
    """
    steps, length = np.diff(time), step_seconds(time)
    begin = f"{where}: " if where else ""
    if length < 1 or SECONDS_PER_DAY % length:
        raise DataError(
            f"{begin}time steps of {length} s, expected a day or a part of it that"
            " divides it"
        )
    uneven = steps != np.timedelta64(length, "s")
    if uneven.any():
        at = int(np.argmax(uneven))
        what = "days" if length == SECONDS_PER_DAY else f"time steps of {length} s"
        raise DataError(
            f"{begin}the {what} are not consecutive: {time[at]} is followed by"
            f" {time[at + 1]}"
        )


def covered(time: Times, first: np.datetime64, last: np.datetime64) -> slice | None:
    """Return where whole days stand on an axis; None where it does not reach so far.

    Parameters
    ----------
    time : (T,) array of datetime64
        The axis.
    first, last : datetime64[D]
        First and last day.
    """
    end = time[-1] + np.timedelta64(step_seconds(time), "s")
    if first < time[0] or last + ONE_DAY > end:
        return None
    start, stop = np.searchsorted(time, [first, last + ONE_DAY])
    return slice(int(start), int(stop))


def parse_period(start: Day, end: Day) -> tuple[np.datetime64, np.datetime64]:
    """Return two dates, ISO text or ``date``, as days.

    Raises
    ------
    DataError
        A date cannot be read or the end lies before the start.
    """
    try:
        first, last = np.datetime64(start, "D"), np.datetime64(end, "D")
    except ValueError as error:
        raise DataError(
            f"period {start} to {end}: dates are written YYYY-MM-DD ({error})"
        ) from None
    if not first <= last:
        raise DataError(f"period {start} to {end} ends before it starts")
    return first, last


def refuse_repeated(ids: NDArray[np.str_], where: str) -> None:
    """Refuse identifiers that name two basins, for none could be told from the other.

    Parameters
    ----------
    ids : (B,) array of str
        Identifiers.
    where : str
        File and variable, or whatever holds them, for messages.

    Raises
    ------
    DataError
        Naming the identifier and where it appears.
    """
    first: dict[str, int] = {}
    for at, name in enumerate(ids.tolist()):
        if name in first:
            raise DataError(
                f"{where}: identifier {name!r} appears at positions {first[name]} and"
                f" {at}, expected each once"
            )
        first[name] = at


def positions(ids: Iterable[str], all_ids: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return where the ids ``ids`` stand in ``all_ids``, refusing unknown ones."""
    index = {str(name): at for at, name in enumerate(all_ids)}
    positions = []
    for name in ids:
        if name not in index:
            raise DataError(
                f"basin {name!r} is not in the data{suggestion(name, index)}"
            )
        positions.append(index[name])
    return np.array(positions, dtype=np.intp)
