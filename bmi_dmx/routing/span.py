"""Which steps are run, which of them are written, and how."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ..data.axis import TimeAxis
from ..data.times import moment_of_text
from ..errors import ConfigError
from ..models.rivers.disaggregation import interpolated, repeated
from ..operate.operation import step_text
from .inflow import Array, Inflow

__all__ = ["DAY", "HOUR", "Lateral", "RequestedSpan", "Span"]

HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True, kw_only=True)
class RequestedSpan:
    """When, as it is asked for.

    Parameters
    ----------
    start, end : str or None
        Dates, or dates and times, in the time of ``utc_offset``; a date ends with its
        day. Default: all of the inflow.
    step : float
        Length of a step of the physics, s.
    daily : bool
        Whether means of days are written, and not the flow at the ends of hours.
    utc_offset : float
        Hours east of Greenwich of the time in which days begin.
    warmup : float
        Days that are run before, as far as there is inflow.
    """

    start: str | None = None
    end: str | None = None
    step: float = HOUR
    daily: bool = False
    utc_offset: float = 0.0
    warmup: float = 30.0

    def moment(self, key: str, *, ends: bool = False) -> datetime | None:
        """Return a date and time as UTC, of a date the end of its day where it ends.

        Raises
        ------
        ConfigError
            When it is none.
        """
        text = self.end if ends else self.start
        if text is None:
            return None
        time = moment_of_text(text)
        if time is None:
            raise ConfigError(
                f"--{key}: found {text!r}, expected a date such as 1995-10-01, or "
                "1995-10-01 12:00"
            )
        moment: datetime = time.astype("datetime64[us]").item()
        if ends and ":" not in text:
            moment += timedelta(days=1)
        return moment - timedelta(hours=self.utc_offset)


@dataclass(frozen=True)
class Span:
    """Steps of a run.

    Parameters
    ----------
    begin : datetime
        Of the first step, UTC.
    seconds : float
        Length of a step.
    lead : int
        Steps before the first that is written.
    every : int
        Steps of what is written at once: an hour, a day.
    count : int
        How many of these.
    means : bool
        Whether means are written, or what is at the end.
    """

    begin: datetime
    seconds: float
    lead: int
    every: int
    count: int
    means: bool

    @property
    def start(self) -> datetime:
        """When what is written begins."""
        return self.begin + timedelta(seconds=self.lead * self.seconds)

    @classmethod
    def of(
        cls,
        period: RequestedSpan,
        axis: TimeAxis,
        where: str,
        *,
        begun: datetime | None,
    ) -> Span:
        """Return the steps that are asked for, as far as there is inflow.

        Parameters
        ----------
        period : RequestedSpan
        axis : TimeAxis
            Of the inflow.
        where : str
            Its file, for messages.
        begun : datetime, optional
            When the state is known from which the run starts; nothing is run before.

        Raises
        ------
        ConfigError
            When there is no inflow then, or steps do not fit.
        """
        first = axis.start
        last = first + timedelta(seconds=axis.steps * axis.seconds)
        start, end = period.moment("start"), period.moment("end", ends=True)
        start = start or begun or first
        if period.daily:
            start = _midnight(start, period.utc_offset)
        limit = last if end is None else end
        if (begun is not None and start < begun) or start < first or limit > last:
            raise ConfigError(
                f"{where}: found inflow from {begun or first} to {last}, asked for are "
                f"{start} to {limit} (UTC)"
            )
        every = DAY if period.daily else max(HOUR, period.step)
        _refuse_uneven(period.step, every, axis, where)
        count = int((limit - start).total_seconds() // every)
        if count < 1:
            raise ConfigError(
                f"{where}: there is no whole {step_text(every)} from {start} to {limit}"
            )
        if begun is not None:
            lead = (start - begun).total_seconds()
        else:
            there = (start - first).total_seconds()
            lead = min(period.warmup * DAY, there) // period.step * period.step
        begin = start - timedelta(seconds=lead)
        if (begin - first).total_seconds() % period.step or lead % period.step:
            raise ConfigError(
                f"--start: {start} is not at the end of a step of "
                f"{step_text(period.step)} from {begun or first} on"
            )
        steps = round(every / period.step)
        return cls(
            begin, period.step, round(lead / period.step), steps, count, period.daily
        )


def _midnight(moment: datetime, utc_offset: float) -> datetime:
    """Return the first midnight from a time on, in the time of an offset."""
    local = moment + timedelta(hours=utc_offset)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if day < local:
        day += timedelta(days=1)
    return day - timedelta(hours=utc_offset)


def _refuse_uneven(step: float, every: float, axis: TimeAxis, where: str) -> None:
    """Refuse steps that do not fill those of the inflow, or what is written."""
    for length, what in ((axis.seconds, f"of {where}"), (every, "that are written")):
        if step <= 0.0 or length % step:
            raise ConfigError(
                f"--step: found {step:g} s, expected a whole part of the steps {what}, "
                f"which are {step_text(length)}"
            )


class Lateral:
    """Lateral inflow of steps of the physics.

    Parameters
    ----------
    inflow : Inflow
        Joined to a river.
    span : Span
    lines : bool
        Whether it follows straight lines within its own steps, and is not constant.
    """

    def __init__(self, inflow: Inflow, span: Span, *, lines: bool) -> None:
        axis = inflow.axis
        self._inflow, self._lines = inflow, lines
        self._parts = round(axis.seconds / span.seconds)
        offset = (span.begin - axis.start).total_seconds()
        self._first = round(offset / span.seconds)

    def read(self, first: int, count: int) -> Array:
        """Return the inflow of some steps, (step, reach), m3 s-1."""
        begin, parts = self._first + first, self._parts
        low, high = begin // parts, -(-(begin + count) // parts)
        if not self._lines or parts == 1:
            rows = self._inflow.read(low, high - low)
            inflow: NDArray[np.float64] = repeated(rows, parts)
            at = begin - low * parts
            return np.ascontiguousarray(inflow[at : at + count])
        # Lines within a step depend on those before and after.
        before, after = max(low - 1, 0), min(high + 1, self._inflow.axis.steps)
        inflow = interpolated(self._inflow.read(before, after - before), parts)
        at = begin - before * parts
        return np.ascontiguousarray(inflow[at : at + count])
