"""Flow at gauges from the USGS's water services, format JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from ...assimilation.operation.series import ObservedSeries, seconds_of
from ...data.identity import listed
from ...data.table import text_of
from ...data.times import moment_of_text
from ...errors import DataError
from .usgs import DAY, DISCHARGE, FEET3, OF_A_DAY, UNKNOWN, number

__all__ = ["read_json"]

_OFFSET = re.compile(r".*T.*(?:Z|[+-]\d{2}:?\d{2})")
_MEAN = "00003"


def read_json(path: Path) -> ObservedSeries:
    """Read discharge from a file of the USGS's water services in format JSON.

    Parameters
    ----------
    path : Path
        Of daily or instantaneous values (WaterML 1.1 as JSON): series of other
        quantities, and of other statistics than means, are passed over.

    Returns
    -------
    ObservedSeries
        In cubic feet per second. A day's mean holds at its end; the file does not say
        where days begin, which is taken to be midnight UTC, and remarked on.

    Raises
    ------
    ConfigError
        When there is no such file.
    DataError
        When it is none of these, naming the entry.

    References
    ----------
    USGS Water Services, https://waterservices.usgs.gov/docs/.
    """
    text, remarks = text_of(path)
    try:
        data = json.loads(text)
        series = data["value"]["timeSeries"]
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}") from None
    except (KeyError, TypeError):
        series = None
    if not isinstance(series, list):
        raise DataError(f"{path}: expected value.timeSeries, a list of series")
    names: list[str] = []
    rows: list[tuple[int, float, float]] = []
    words: set[str] = set()
    daily = False
    for k, one in enumerate(series):
        where = f"{path}: value.timeSeries[{k}]"
        site = _site(one, where)
        if site is None:
            continue
        if site in names:
            raise DataError(f"{where}: site {site!r} has discharge twice")
        names.append(site)
        for entry in _entries(one, where):
            time, of_day = _time(entry, where)
            daily = daily or of_day
            rows.append((len(names) - 1, time, _value(entry, one, words, where)))
    if not rows:
        raise DataError(f"{path}: found no values of discharge ({DISCHARGE})")
    if daily:
        remarks = (*remarks, OF_A_DAY)
    if words:
        remarks = (*remarks, UNKNOWN.format(listed(sorted(words))))
    place, times, values = zip(*rows, strict=True)
    return ObservedSeries(
        path=path, places=tuple(names), units=FEET3, time=np.array(times),
        place=np.array(place), value=np.array(values), remarks=remarks,
    )  # fmt: skip


def _site(one: Any, where: str) -> str | None:
    """Return the site of a series of discharge; None of others."""
    try:
        code = one["variable"]["variableCode"][0]["value"]
        options = one["variable"].get("options", {}).get("option", [])
        site = one["sourceInfo"]["siteCode"][0]["value"]
    except (KeyError, IndexError, TypeError, AttributeError):
        raise DataError(
            f"{where}: expected sourceInfo.siteCode and variable.variableCode"
        ) from None
    option_codes = [o.get("optionCode") for o in options if isinstance(o, dict)]
    statistic = next((c for c in option_codes if c is not None), None)
    is_discharge = code == DISCHARGE and statistic in (None, _MEAN, "00000", "00011")
    return str(site) if is_discharge else None


def _entries(one: Any, where: str) -> list[Any]:
    """Return the values of a series, of the first way of measuring that has any."""
    try:
        methods = [method["value"] for method in one["values"]]
        filled = [values for values in methods if len(values)]
    except (KeyError, TypeError):
        raise DataError(f"{where}: expected values[].value, lists of values") from None
    if len(filled) > 1:
        raise DataError(
            f"{where}: found values of {len(filled)} ways of measuring, expected one"
        )
    return list(filled[0]) if filled else []


def _time(entry: Any, where: str) -> tuple[float, bool]:
    text = entry.get("dateTime") if isinstance(entry, dict) else None
    moment = moment_of_text(text) if isinstance(text, str) else None
    if moment is None:
        raise DataError(
            f"{where}: found dateTime {text!r:.60}, expected a time such as "
            "2020-10-01T00:15:00.000-05:00"
        )
    of_day = _OFFSET.fullmatch(str(text)) is None
    return float(seconds_of(moment)) + (DAY if of_day else 0.0), of_day


def _value(entry: Any, one: Any, words: set[str], where: str) -> float:
    text = entry.get("value")
    if not isinstance(text, str | int | float) or isinstance(text, bool):
        raise DataError(f"{where}: found value {text!r:.60}, expected a number")
    reading = number(str(text).strip(), words)
    return float("nan") if reading == one["variable"].get("noDataValue") else reading
