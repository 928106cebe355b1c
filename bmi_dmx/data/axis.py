"""The axis of time of a file: when each step begins, in UTC.

Times follow the CF conventions (Eaton et al., chapter 4.4); calendars are those in
which dates are the usual ones. What a file does not say is assumed and said.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .time_units import length_and_origin

__all__ = ["CALENDARS", "Moments", "TimeAxis", "moments", "span_text"]

CALENDARS = ("standard", "gregorian", "proleptic_gregorian")

Times = NDArray[np.datetime64]

_DAY = 86400.0

_LONGEST = 1e4 * 366.0 * _DAY
"""Seconds in all years that dates can have."""

_REFORM = np.datetime64("1582-10-15", "us")
"""Since when dates of the standard calendar are those of ours."""

_YEAR_ONE = np.datetime64("0001-01-01", "us")

_UNEVEN = 1e-3
"""Share of a step by which times may be off: files round them."""


@dataclass(frozen=True)
class Moments:
    """Times as a file gives them, made comparable.

    Parameters
    ----------
    first : datetime64[us]
        The first, UTC.
    offsets : (T,) float64
        Seconds since then.
    precision : float
        Seconds by which times may be off that went through single precision; 0 where
        they did not.
    """

    first: np.datetime64
    offsets: NDArray[np.float64]
    precision: float = 0.0

    def part(self, some: slice) -> Moments:
        """Return a part of them."""
        offsets = self.offsets[some]
        if offsets.size == 0:
            return Moments(self.first, offsets, self.precision)
        first = _shifted(self.first, float(offsets[0]))
        return Moments(first, offsets - offsets[0], self.precision)

    @property
    def times(self) -> Times:
        """Return all of them, (T,) datetime64[us]."""
        offsets = np.round(self.offsets * 1e6).astype("timedelta64[us]")
        micro: Times = self.first + offsets
        return micro

    def text(self, entry: int) -> str:
        """Return the time of an entry, to the second, for messages."""
        return _text(_shifted(self.first, float(self.offsets[entry])))


@dataclass(frozen=True)
class TimeAxis:
    """Steps of one length that follow each other.

    Parameters
    ----------
    first : datetime64[us]
        Where the first step begins, UTC.
    seconds : float
        Length of a step.
    steps : int
        Number of steps.
    remarks : tuple of str
        What is odd and how it was taken, without the name of the file.
    assumption : str
        What is usual and was taken for granted; empty where the file says it.
    """

    first: np.datetime64
    seconds: float
    steps: int
    remarks: tuple[str, ...] = ()
    assumption: str = ""

    @property
    def start(self) -> datetime:
        """Return where the first step begins, UTC."""
        start: datetime = self.first.astype("datetime64[us]").item()
        return start

    @property
    def times(self) -> Times:
        """Return where all steps begin, (T,) datetime64[s]."""
        offsets = np.round(np.arange(self.steps) * self.seconds * 1e6)
        micro: Times = self.first + offsets.astype("timedelta64[us]")
        return micro.astype("datetime64[s]")

    @classmethod
    def of(
        cls,
        stamps: Moments,
        where: str,
        *,
        bounds: tuple[Moments, Moments] | None = None,
        centred: bool = True,
    ) -> TimeAxis:
        """Return the steps that times stand for.

        Parameters
        ----------
        stamps : Moments
            Of the file, one for each step.
        where : str
            File and variable, for messages.
        bounds : (Moments, Moments), optional
            Where the steps begin and end, where the file says it.
        centred : bool
            Whether stamps in the middle between round times are taken for the middles
            of steps. Otherwise, and where they stand elsewhere, for the beginnings.

        Raises
        ------
        DataError
            When there is one time without bounds, or none, or they do not follow each
            other evenly; names the entries.
        """
        if bounds is not None:
            return cls._bounded(stamps, bounds, where)
        if len(stamps.offsets) < 2:
            raise DataError(
                f"{where}: found {len(stamps.offsets)} times, expected at least 2, "
                "which say how long a step is"
            )
        seconds, rounded = _step(stamps, where)
        first, remarks, assumption = _begin(stamps, seconds, centred, rounded)
        return cls(first, seconds, len(stamps.offsets), remarks, assumption)

    @classmethod
    def _bounded(
        cls, stamps: Moments, bounds: tuple[Moments, Moments], where: str
    ) -> TimeAxis:
        begin, end = bounds
        if len(begin.offsets) == 0:
            raise DataError(f"{where}: found 0 times, expected at least 1")
        lengths = end.offsets - begin.offsets + _between(begin.first, end.first)
        at = _first(~(lengths > 0.0))
        if at is not None:
            raise DataError(
                f"{where}: bounds: step {at} from {begin.text(at)} to {end.text(at)} "
                "has no length"
            )
        seconds, rounded = _nominal(float(np.median(lengths)), 0.0), False
        if len(begin.offsets) > 1:
            seconds, rounded = _step(begin, f"{where}: bounds")
        slack = begin.precision if rounded else 0.0
        at = _first(np.abs(lengths - seconds) > _allowed(seconds, slack))
        if at is not None:
            raise DataError(
                f"{where}: bounds: step {at} from {begin.text(at)} to {end.text(at)} "
                f"is {span_text(lengths[at])}, but the steps begin every "
                f"{span_text(seconds)}"
            )
        first, remarks, _ = _begin(begin, seconds, centred=False, rounded=rounded)
        away = _between(first, stamps.first)
        if not -_allowed(seconds, stamps.precision) <= away <= 1.001 * seconds:
            raise DataError(
                f"{where}: time {stamps.text(0)} lies outside its bounds, "
                f"{begin.text(0)} to {end.text(0)}"
            )
        return cls(first, seconds, len(begin.offsets), remarks)


def moments(
    values: Any,
    units: str,
    calendar: str,
    where: str,
    *,
    origin: datetime | None = None,
) -> Moments:
    """Return numbers of a CF coordinate of time as moments.

    Parameters
    ----------
    values : (T,) array of number
        Masked or NaN where missing, which is refused.
    units : str
        Such as ``hours since 1980-01-01 00:00:00 -05:00``; an offset is applied.
    calendar : str
        Of CF; empty: the standard one.
    where : str
        File and variable, for messages.
    origin : datetime, optional
        What units without ``since`` count from; they are refused where it is absent.

    Raises
    ------
    DataError
        When the units or the calendar are others, or a time is missing.
    """
    name = calendar.strip().lower() or "standard"
    if name not in CALENDARS:
        raise DataError(
            f"{where}: calendar {calendar!r}, expected one of {', '.join(CALENDARS)}"
        )
    raw = np.ma.asarray(values)
    numbers = np.ma.filled(raw.astype(np.float64), np.nan).reshape(-1)
    at = _first(~np.isfinite(numbers))
    if at is not None:
        raise DataError(f"{where}: time of entry {at} is missing")
    unit, reference = length_and_origin(units, where, origin)
    if numbers.size == 0:
        return Moments(np.datetime64(0, "us"), numbers)
    far = _first(~(np.abs(numbers) <= _LONGEST / unit))
    if far is not None:
        raise DataError(
            f"{where}: units: found {numbers[far]:g} {units}, which is no date"
        )
    precision = 0.0
    single = numbers.astype(np.float32)
    if raw.dtype.kind == "f" and (single == numbers).all():
        precision = float(np.spacing(np.abs(single).max())) * unit
    first = _moment_at(float(numbers[0]) * unit, reference, name, where)
    # Differences of whole numbers are exact, also of nanoseconds since 1970.
    offsets = numbers - numbers[0]
    if raw.dtype.kind in "iu":
        whole = np.ma.getdata(raw).reshape(-1).astype(np.int64)
        offsets = (whole - whole[0]).astype(np.float64)
    if first < _REFORM:
        # The calendar leaves out ten days, which no count of steps does: the dates
        # that we still have are those that must be right.
        last = _moment_at(float(numbers[-1]) * unit, reference, name, where)
        if last >= _REFORM:
            first = max(_shifted(last, -float(offsets[-1]) * unit), _YEAR_ONE)
    return Moments(first, offsets * unit, precision)


def _moment_at(
    seconds: float, reference: datetime, calendar: str, where: str
) -> np.datetime64:
    """Return a time as a date of the usual calendar."""
    import cftime  # type: ignore[import-untyped]

    since = f"seconds since {reference.isoformat(sep=' ')}"
    whole, part = divmod(seconds, 1.0)
    try:
        with warnings.catch_warnings():
            # Years before 1 are no dates of a file, and are only warned of.
            warnings.simplefilter("error")
            moment: Any = cftime.num2date(
                whole, since, calendar, only_use_cftime_datetimes=True
            )
        micro = np.datetime64(datetime(*moment.timetuple()[:6]), "us")
    except (ValueError, OverflowError, Warning) as error:
        raise DataError(f"{where}: units: found {seconds:g} {since}: {error}") from None
    return micro + np.timedelta64(round(part * 1e6), "us")


def _step(times: Moments, where: str) -> tuple[float, bool]:
    """Return the length of the steps between times, which must all be alike.

    With it comes whether they are so but for the rounding of single precision.
    """
    lengths = np.diff(times.offsets)
    at = _first(~(lengths > 0.0))
    if at is not None:
        one, other = times.text(at), times.text(at + 1)
        again = f"{other} is given twice, in entries {at} and {at + 1}"
        back = f"the times do not increase: {one} is followed by {other}"
        raise DataError(f"{where}: {again if one == other else back}")
    for precision in (0.0, times.precision):
        # Of rounded times no single length is right, but all stay near the even ones.
        usual = float(np.mean(lengths)) if precision else _usual(lengths)
        seconds = _nominal(usual, precision)
        even = seconds * np.arange(len(times.offsets))
        if (np.abs(times.offsets - even) <= _allowed(seconds, precision)).all():
            return seconds, precision > 0.0
    seconds = _nominal(_usual(lengths), 0.0)
    at = _first(np.abs(lengths - seconds) > _allowed(seconds, 0.0))
    if at is None:
        return float(f"{times.offsets[-1] / len(lengths):.9g}"), False
    missing = lengths[at] / seconds - 1.0
    gap = ""
    if missing > 0.5 and abs(missing - round(missing)) < 0.01:
        gap = f": {round(missing)} {'is' if round(missing) == 1 else 'are'} missing"
    raise DataError(
        f"{where}: the times do not follow each other evenly: {times.text(at)} is "
        f"followed by {times.text(at + 1)} (entries {at} and {at + 1}), expected one "
        f"{span_text(seconds)} later{gap}"
    )


def _usual(lengths: NDArray[np.float64]) -> float:
    """Return the length in the middle; of two, the lower, for their mean is none."""
    return float(np.sort(lengths)[(lengths.size - 1) // 2])


def _nominal(seconds: float, precision: float) -> float:
    """Return the length of a step that times of limited precision stand for."""
    for unit in (_DAY, 3600.0, 60.0, 1.0):
        whole = round(seconds / unit) * unit
        if whole > 0.0 and abs(seconds - whole) <= max(2.0 * precision, 1e-5 * seconds):
            return whole
    return float(f"{seconds:.9g}")


def _allowed(seconds: float, precision: float) -> float:
    return max(_UNEVEN * seconds, min(2.0 * precision, 0.25 * seconds))


def _begin(
    times: Moments, seconds: float, centred: bool, rounded: bool
) -> tuple[np.datetime64, tuple[str, ...], str]:
    """Return where the first step begins, what is odd, and what was assumed."""
    remarks = []
    first = times.first
    # Days as numbers with a fraction are off by microseconds.
    grain = 1e-3 if seconds % 1.0 else 1.0
    if rounded:
        remarks.append(
            f"times went through single precision, which rounds them to "
            f"{times.precision:g} s; they are taken for every {span_text(seconds)}"
        )
        grain = seconds
    first = _rounded(first, grain)
    if seconds < 1.0 or _DAY % seconds:
        return first, tuple(remarks), ""
    phase = _between(first.astype("datetime64[D]").astype("datetime64[us]"), first)
    phase %= seconds
    if centred and seconds >= 2.0 and abs(phase - 0.5 * seconds) < 0.5:
        remarks.append(
            f"times such as {_text(first)} are taken for the middles "
            f"of steps of {span_text(seconds)}"
        )
        return _shifted(first, -0.5 * seconds), tuple(remarks), ""
    assumption = (
        f"a time is taken for the beginning of its step of {span_text(seconds)} (the "
        f"first is {_text(first)}); there are no bounds that say so"
    )
    return first, tuple(remarks), assumption


def _rounded(moment: np.datetime64, grain: float) -> np.datetime64:
    micro = int(moment.astype("datetime64[us]").astype(np.int64))
    size = round(grain * 1e6)
    return np.datetime64((micro + size // 2) // size * size, "us")


def _shifted(moment: np.datetime64, seconds: float) -> np.datetime64:
    return moment + np.timedelta64(round(seconds * 1e6), "us")


def _text(moment: np.datetime64) -> str:
    return str(moment.astype("datetime64[s]")).replace("T", " ")


def _between(one: np.datetime64, other: np.datetime64) -> float:
    return float((other - one) / np.timedelta64(1, "us")) * 1e-6


def _first(flags: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(flags)) if flags.any() else None


def span_text(seconds: float) -> str:
    """Return a length of time as people say it."""
    for unit, word in ((_DAY, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= unit and not seconds % unit:
            return f"{seconds / unit:g} {word}"
    return f"{seconds:g} s"
