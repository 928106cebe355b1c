"""Units of time as CF writes them: what they count, and from when."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from ..errors import DataError

__all__ = ["length_and_origin", "time_of_day"]

_DAY = 86400.0

_UNITS = {
    **dict.fromkeys(("days", "day", "d"), _DAY),
    **dict.fromkeys(("hours", "hour", "hrs", "hr", "h"), 3600.0),
    **dict.fromkeys(("minutes", "minute", "mins", "min", "m"), 60.0),
    **dict.fromkeys(("seconds", "second", "secs", "sec", "s"), 1.0),
    **dict.fromkeys(("milliseconds", "millisecond", "msecs", "msec", "ms"), 1e-3),
    **dict.fromkeys(("microseconds", "microsecond", "us"), 1e-6),
    **dict.fromkeys(("nanoseconds", "nanosecond", "ns"), 1e-9),
}  # fmt: skip

_REFERENCE = re.compile(
    r"(?P<date>\d{1,4}-\d{1,2}-\d{1,2})"
    r"(?:(?:T|\s+)(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})"
    r"(?::(?P<second>\d{1,2})(?P<fraction>\.\d*)?)?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?)?",
    re.IGNORECASE,
)


def length_and_origin(
    units: str, where: str, origin: datetime | None
) -> tuple[float, datetime]:
    """Return the length of a unit in seconds, and what is counted from (UTC).

    Parameters
    ----------
    units : str
        Such as ``hours since 1980-01-01 00:00:00 -05:00``; an offset is applied.
    where : str
        File and variable, for messages.
    origin : datetime, optional
        What units without ``since`` count from.

    Raises
    ------
    DataError
        When they are no units of time.
    """
    text = units.strip()
    word, since, rest = (*text.split(maxsplit=2), "", "", "")[:3]
    unit = _UNITS.get(word.lower())
    expected = "expected such as 'hours since 1980-01-01 00:00:00'"
    if unit is None or (since.lower() != "since" and since):
        raise DataError(f"{where}: units: found {units!r}, {expected}")
    if not since:
        if origin is None:
            raise DataError(f"{where}: units: found {units!r}, {expected}")
        return unit, origin
    match = _REFERENCE.fullmatch(rest.strip())
    if match is None:
        raise DataError(f"{where}: units: found {units!r}, {expected}")
    try:
        day = datetime(*(int(part) for part in match["date"].split("-")))  # type: ignore[arg-type]
        time = time_of_day(match)
        return unit, day + time
    except (ValueError, OverflowError) as error:
        raise DataError(f"{where}: units: found {units!r}: {error}") from None


def time_of_day(match: re.Match[str]) -> timedelta:
    """Return the time of a day, with its offset from UTC taken away.

    Parameters
    ----------
    match : re.Match
        With groups ``hour``, ``minute``, ``second``, ``fraction`` and ``zone``.

    Raises
    ------
    ValueError
        When there is no such time, or offset.
    """
    hour, minute, second = (int(match[n] or 0) for n in ("hour", "minute", "second"))
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and minute + second):
        raise ValueError(f"no such time of a day: {hour:02}:{minute:02}:{second:02}")
    fraction = match["fraction"] or ""
    part = float(fraction) if len(fraction) > 1 else 0.0
    time = timedelta(hours=hour, minutes=minute, seconds=second + part)
    zone = (match["zone"] or "Z").upper()
    if zone in ("Z", "UTC", "GMT"):
        return time
    digits = zone[1:].replace(":", "")
    hours = int(digits[:-2] if len(digits) > 2 else digits)
    minutes = int(digits[-2:]) if len(digits) > 2 else 0
    if hours > 18 or minutes > 59:
        raise ValueError(f"no such offset from UTC: {zone}")
    offset = timedelta(hours=hours, minutes=minutes)
    return time + offset if zone[0] == "-" else time - offset
