"""Flow at gauges from tables of the USGS, format RDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...assimilation.operation.series import ObservedSeries, seconds_of
from ...data.identity import listed
from ...data.table import text_of
from ...data.times import moment_of_text
from ...errors import DataError
from .usgs import DAY, DISCHARGE, FEET3, OF_A_DAY, UNKNOWN, hours_of_zone, number

__all__ = ["read_rdb"]

_SITE, _TIME, _ZONE = "site_no", "datetime", "tz_cd"


@dataclass
class _Rows:
    """What was read so far."""

    place: list[str] = field(default_factory=list)
    time: list[float] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    daily: bool = False


def read_rdb(path: Path) -> ObservedSeries:
    """Read discharge from a file of the USGS's water services in format RDB.

    Parameters
    ----------
    path : Path
        Of daily or instantaneous values, of one or more sites. Lines of ``#`` are
        remarks; every table begins with a line of titles and one of widths.

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
        When it is none of these, naming the line.

    References
    ----------
    USGS Water Services, https://waterservices.usgs.gov/docs/ (tab-delimited RDB).
    """
    text, remarks = text_of(path)
    rows = _Rows()
    titles: list[str] = []
    column, widths = -1, False
    for line, cells in _cells(text):
        if _SITE in cells and _TIME in cells:
            titles, widths = cells, True
            column = _discharge(path, line, titles)
            continue
        if not titles:
            raise DataError(
                f"{path}: line {line}: expected titles with {_SITE!r} and {_TIME!r}, "
                f"parted by tabs; found {cells[0]!r:.60}"
            )
        if widths:
            widths = False
            continue
        if len(cells) != len(titles):
            raise DataError(
                f"{path}: line {line} has {len(cells)} cells, the titles {len(titles)}"
            )
        _take(rows, path, line, dict(zip(titles, cells, strict=True)), cells[column])
    if not rows.place:
        raise DataError(f"{path}: found no values of discharge")
    if rows.daily:
        remarks = (*remarks, OF_A_DAY)
    if rows.words:
        remarks = (*remarks, UNKNOWN.format(listed(sorted(rows.words))))
    names = tuple(dict.fromkeys(rows.place))
    at = {name: k for k, name in enumerate(names)}
    return ObservedSeries(
        path=path, places=names, units=FEET3, time=np.array(rows.time),
        place=np.array([at[name] for name in rows.place]), value=np.array(rows.value),
        remarks=remarks,
    )  # fmt: skip


def _cells(text: str) -> Iterator[tuple[int, list[str]]]:
    for line, row in enumerate(text.splitlines(), 1):
        if row.strip() and not row.startswith("#"):
            yield line, [cell.strip() for cell in row.split("\t")]


def _discharge(path: Path, line: int, titles: Sequence[str]) -> int:
    """Return the one column of discharge; of days that of means."""
    columns = [
        k for k, title in enumerate(titles)
        if title.split("_")[1:] in ([DISCHARGE], [DISCHARGE, "00003"])
    ]  # fmt: skip
    if len(columns) != 1:
        shown = [titles[k] for k in columns] or titles
        raise DataError(
            f"{path}: line {line}: found {len(columns)} columns of discharge "
            f"(…_{DISCHARGE} or …_{DISCHARGE}_00003) among {listed(list(shown))}; "
            "expected one"
        )
    return columns[0]


def _take(
    rows: _Rows, path: Path, line: int, cells: dict[str, str], value: str
) -> None:
    moment = moment_of_text(cells[_TIME])
    if moment is None:
        raise DataError(
            f"{path}: line {line}: found {cells[_TIME]!r}, expected a time such as "
            "2020-10-01 or 2020-10-01 00:15"
        )
    seconds = float(seconds_of(moment))
    if _ZONE in cells:
        seconds -= 3600.0 * hours_of_zone(cells[_ZONE], f"{path}: line {line}")
    else:
        seconds += DAY
        rows.daily = True
    rows.place.append(cells[_SITE])
    rows.time.append(seconds)
    rows.value.append(number(value, rows.words))
