"""The time of a component: whole steps from its start, and the day of the year."""

from __future__ import annotations

import sys
from calendar import isleap
from datetime import datetime, timedelta, timezone
from math import isnan
from typing import Any

import numpy as np

from ..conversion import shown
from ..errors import ConfigError, TimeError

__all__ = ["DAY", "Clock", "date_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]

DAY = 86400
"""Seconds of a day."""

_EPOCH = datetime(1970, 1, 1)
_SLACK = 1e-6
"""Share of a step by which a time is taken for the end of one."""

_NEVER = datetime.min
"""The start while it is not known: before any end."""


def date_of(moment: float) -> datetime:
    """Return the date and time, UTC, of seconds since 1970.

    Raises
    ------
    TimeError
        When it is none of the years 1 to 9999.
    """
    try:
        return _EPOCH + timedelta(seconds=moment)
    except (OverflowError, ValueError):
        raise TimeError(
            f"is of {moment:g} s since 1970, expected a time in the years 1 to 9999"
        ) from None


class Clock:
    """Counts steps; time is their number times their length, so it never drifts.

    Parameters
    ----------
    start : datetime or None
        Date and time at BMI time 0, UTC; None where a state is to bring it, see
        :meth:`begin_at`.
    end : datetime or None
        Last time to be reached.
    seconds : float
        Length of a step.
    day_start_hour : int
        Hour, UTC, at which periods begin that are run as a whole.
    period : float, optional
        Length of these periods in seconds; a whole part of a day, or a day. Without it
        nobody asks where they begin.

    Attributes
    ----------
    dated : bool
        Whether the date and time of the start are known.
    step : int
        Number of steps done.
    time : float
        Seconds since the start; the step that comes next begins here.
    end : float
        Seconds from the start to the last time; the largest float without one.
    last : float
        The latest time at which a step may begin: the end, and that of the calendar,
        are not passed.
    begins_period, ends_period : bool
        Whether the step that comes next is the first, or the last, of a period.
    """

    def __init__(
        self,
        start: datetime | None,
        end: datetime | None,
        seconds: float,
        day_start_hour: int = 0,
        period: float | None = None,
    ) -> None:
        self.seconds, self._length = seconds, float(seconds)
        self._until = end
        self._day_of_year: Array | None = None
        self.day_start_hour = day_start_hour
        self._period = max(1, round(period or DAY))
        self._first = day_start_hour * 3600 % self._period
        self._last = (self._first - seconds) % self._period
        self._watched = period is not None
        self.begins_period = self.ends_period = False
        self.begin_at(start or _NEVER)
        self.dated = start is not None

    def begin_at(self, start: datetime) -> None:
        """Let BMI time 0 be at another date and time, and go there.

        Raises
        ------
        ConfigError
            When the end is before it.
        """
        if self._until is not None and self._until < start:
            raise ConfigError(f"end_time: {self._until} is before the start {start}")
        self.start, self.dated = start, True
        self.end = sys.float_info.max
        if self._until is not None:
            self.end = (self._until - start).total_seconds()
        # Where the calendar ends, dates could no longer be told.
        steps = (datetime.max - start).total_seconds() // self.seconds
        self.last = min(self.end, steps * self.seconds) - self.seconds
        self.set(0)

    def keep(self, name: str, values: Array) -> None:
        """Keep an array at what the calendar gives for the next step.

        Parameters
        ----------
        name : str
            ``day_of_year``, 1 to 366, which is all it gives.
        values : ndarray
            To be kept.

        Raises
        ------
        ConfigError
            When the calendar has no such quantity.
        """
        if name != "day_of_year":
            raise ConfigError(
                f"forcing {name!r}: the calendar gives 'day_of_year' alone"
            )
        self._day_of_year = values
        self._set_day(self._day)

    @property
    def now(self) -> datetime:
        """Date and time at which the next step begins."""
        return self.moment(self.step)

    def moment(self, step: int) -> datetime:
        """Return the date and time at which a step begins.

        Raises
        ------
        TimeError
            When the calendar, of years 1 to 9999, does not have it.
        """
        try:
            return self.start + timedelta(seconds=step * self.seconds)
        except OverflowError:
            raise TimeError(
                f"step {step} of {self.seconds} s from {self.start} on is not within "
                f"the calendar, {datetime.min} to {datetime.max:%Y-%m-%d %H:%M:%S}"
            ) from None

    def set(self, step: int) -> None:
        """Go to the beginning of a step.

        Raises
        ------
        TimeError
            When the calendar does not have it; the clock stays where it is.
        """
        now = self.moment(step)
        self.step = step
        self.time = step * self._length
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._elapsed = (now - midnight).total_seconds()
        self._see_period()
        self._year = now.year
        self._set_day(now.timetuple().tm_yday)

    def _see_period(self) -> None:
        elapsed = self._elapsed % self._period
        self.begins_period = elapsed == self._first
        self.ends_period = elapsed == self._last

    def _set_day(self, day: int) -> None:
        self._day = day
        if self._day_of_year is not None:
            self._day_of_year.fill(day)

    @property
    def day_of_year(self) -> int:
        """Day of the year of the step that comes next, 1 to 366."""
        return self._day

    def tick(self) -> None:
        """Go on by one step."""
        self.step += 1
        self.time = self.step * self._length
        self._elapsed += self.seconds
        if self._elapsed >= DAY:
            if self.seconds > DAY:
                self.set(self.step)
                return
            self._elapsed -= DAY
            if self._day < 365 + isleap(self._year):
                self._set_day(self._day + 1)
            else:
                self._year += 1
                self._set_day(1)
        if self._watched:
            self._see_period()

    def meets_periods(self) -> bool:
        """Return whether some step begins where a period does."""
        midnight = datetime(self.start.year, self.start.month, self.start.day)
        return (
            not ((self.start - midnight).total_seconds() - self._first) % self.seconds
        )

    def refuse_unmet_periods(self) -> None:
        """Refuse a start from which on no step begins where a period does.

        Raises
        ------
        ConfigError
            When it is one.
        """
        if not self.meets_periods():
            raise ConfigError(
                f"start_time: found {self.start}; no step from then on begins "
                "with a day, of which the steps are counted: expected a full hour"
            )

    def steps_until(self, time: float) -> int:
        """Return the number of steps to a time.

        Raises
        ------
        TimeError
            When the time is in the past, past the end or that of the calendar, not at
            the end of a step, or no number.
        """
        try:
            argument: Any = time
            if isinstance(argument, str | bytes):
                raise TypeError
            time = float(argument)  # of less precision the end would be too large
        except (TypeError, ValueError, OverflowError):
            raise TimeError(
                f"expected a time in seconds, found {shown(time)}"
            ) from None
        if isnan(time):
            raise TimeError("expected a time in seconds, found nan")
        # Hosts add up fractions of a day, which end beside the time that they mean.
        slack = _SLACK * self.seconds
        if time < self.time - slack:
            raise TimeError(
                f"cannot go back: time {time:g} s is before the current {self.time:g} s"
            )
        if time > self.end + slack:
            raise TimeError(f"time {time:g} s is after the end at {self.end:g} s")
        if time > self.last + self.seconds + slack:
            raise TimeError(
                f"time {time:g} s from {self.start} on is not within the calendar, "
                f"which ends at {datetime.max:%Y-%m-%d %H:%M:%S}"
            )
        steps = round((time - self.time) / self.seconds)
        if abs(self.time + steps * self.seconds - time) > slack:
            raise TimeError(
                f"time {time:g} s is not at the end of a step of {self.seconds} s from "
                f"{self.time:g} s on; partial steps are not possible"
            )
        return steps

    def seconds_since_1970(self) -> float:
        """Return the date and time of the next step as a number for files.

        A whole one where steps are whole seconds.
        """
        moment = self.now.replace(tzinfo=timezone.utc).timestamp()
        return round(moment) if float(self.seconds).is_integer() else moment

    def resume(self, moment: float) -> None:
        """Go to a date and time as of :meth:`seconds_since_1970`.

        Raises
        ------
        TimeError
            When it lies before the start, not at the beginning of a step, or outside
            the calendar.
        """
        saved = date_of(moment)
        elapsed = (saved - self.start).total_seconds()
        steps = round(elapsed / self.seconds)
        if steps < 0 or abs(steps * self.seconds - elapsed) > 1e-3 * self.seconds:
            raise TimeError(
                f"is of {saved}, which is not a number of steps of {self.seconds} s "
                f"after start_time {self.start}"
            )
        self.set(steps)
