"""What the files of the USGS have in common: codes, time zones, words for no value."""

from __future__ import annotations

import math

from ...errors import DataError, suggestion

__all__ = [
    "DAY", "DISCHARGE", "FEET3", "OF_A_DAY", "UNKNOWN", "hours_of_zone", "number",
]  # fmt: skip

DISCHARGE = "00060"
"""Code of discharge in cubic feet per second."""

FEET3 = "ft3 s-1"

DAY = 86400.0

OF_A_DAY = "days are local ones of which the file does not say where; taken as UTC"

UNKNOWN = "there is no number where it says {}; the values are taken as missing"

_MISSING = -999999.0

_ZONES = {
    "UTC": 0.0, "GMT": 0.0, "AST": -4.0, "ADT": -3.0, "EST": -5.0, "EDT": -4.0,
    "CST": -6.0, "CDT": -5.0, "MST": -7.0, "MDT": -6.0, "PST": -8.0, "PDT": -7.0,
    "AKST": -9.0, "AKDT": -8.0, "HST": -10.0, "HDT": -9.0, "SST": -11.0, "GST": 10.0,
}  # fmt: skip
"""Hours of local time from UTC; GST is that of Guam."""


def hours_of_zone(code: str, where: str) -> float:
    """Return the hours by which a time zone is ahead of UTC.

    Raises
    ------
    DataError
        When the code is none of the USGS.
    """
    if code not in _ZONES:
        hint = suggestion(code, _ZONES)
        raise DataError(f"{where}: unknown time zone {code!r}{hint}")
    return _ZONES[code]


def number(text: str, words: set[str]) -> float:
    """Return a value; NaN where there is none, whose word is added to others.

    Gauges that are frozen, broken or not there in a season have words, such as ``Ice``,
    ``Eqp`` and ``Ssn``.
    """
    if not text:
        return math.nan
    try:
        reading = float(text)
    except ValueError:
        words.add(text)
        return math.nan
    return math.nan if reading == _MISSING else reading
