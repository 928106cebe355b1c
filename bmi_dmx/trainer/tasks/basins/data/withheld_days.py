"""Days of some basins that nothing may be learned from, taken out of the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....data.identity import match
from .....data.table import read_table
from .....errors import DataError, suggestion
from .basins import BasinData, Times, parse_period
from .remarks import remark

__all__ = ["read_withheld", "without"]

COLUMNS = ("place", "first", "last")

YEAR = 365.25
"""Days."""


def read_withheld(path: Path, ids: NDArray[np.str_], time: Times) -> NDArray[np.bool_]:
    """Return which steps of which basins a table withholds.

    Parameters
    ----------
    path : Path
        Table with the columns ``place``, ``first`` and ``last``; days, both included.
        Other basins do not matter. Names that a spreadsheet took zeros from are those
        of basins still, and that is remarked on, as is a table of other basins alone.
    ids : array (B,) of str
        Basins.
    time : array (T,) of datetime64
        Steps.

    Returns
    -------
    array (T, B) of bool

    Raises
    ------
    DataError
        The table cannot be read or is not as described.
    """
    if not path.is_file():
        raise DataError(f"data.withheld: no file {path}")
    table = read_table(path, "one row for each span of days")
    for title in COLUMNS:
        if title not in table.titles:
            raise DataError(f"{path}: no column {title!r} in {list(table.titles)}")
    places, firsts, lasts = (
        table.plain(table.titles.index(title)) for title in COLUMNS
    )
    index = _index_of(places, ids.tolist(), path)
    days = time.astype("datetime64[D]")
    mask = np.zeros((len(days), ids.size), dtype=bool)
    for place, start, end in zip(places, firsts, lasts, strict=True):
        try:
            first, last = parse_period(start, end)
        except DataError as error:
            raise DataError(f"{path}: place {place!r}: {error}") from None
        if place in index:
            mask[(days >= first) & (days <= last), index[place]] = True
    return mask


def _index_of(places: Iterable[str], ids: Sequence[str], path: Path) -> dict[str, int]:
    """Return which basin each place of a table is, of those that are one."""
    there = list(dict.fromkeys(places))
    matched = match(ids, there, by_number=False)
    if matched.remark:
        remark(f"{path}: {matched.remark}")
    if there and not matched.places:
        hint = suggestion(there[0], ids)
        remark(
            f"{path}: names none of {len(ids)} basins, so that nothing of them is"
            f" withheld; the first is {there[0]!r}{hint}"
        )
    return {there[row]: ids.index(name) for name, row in matched.places.items()}


def without(
    data: BasinData, withheld: NDArray[np.bool_], period: tuple[date, date] | None
) -> BasinData:
    """Return data in which nothing of the withheld steps is left.

    Flow and all else that was observed is missing there. The weather is that of the
    same season in the nearest year that is not withheld, so that climate and moments
    are those of the other years; no window of a training reaches into these steps.

    Parameters
    ----------
    data : BasinData
        All there is.
    withheld : array (T, B) of bool
        Steps that are taken out.
    period : (date, date), optional
        Days whose weather may stand in; all when absent.

    Raises
    ------
    DataError
        A basin has no other year of a season.
    """
    if not withheld.any():
        return replace(data, withheld=withheld)
    allowed = ~withheld
    if period is not None:
        inside = np.zeros(len(data.time), dtype=bool)
        inside[data.within(*period)] = True
        allowed &= inside[:, None]
    source = _stand_ins(withheld, allowed, round(YEAR * 86400 / data.seconds))
    lacking = source < 0
    if lacking.any():
        step, basin = np.argwhere(lacking)[0]
        raise DataError(
            f"data.withheld: basin '{data.ids[basin]}' has no year beside that of"
            f" {data.time[step]} to learn from in this season"
        )
    forcing = {
        name: np.take_along_axis(values, source, axis=0)
        for name, values in data.forcing.items()
    }
    nothing = np.float32(np.nan)
    others = {
        name: replace(target, values=np.where(withheld, nothing, target.values))
        for name, target in data.targets.items()
    }
    return replace(
        data,
        forcing=forcing,
        target=np.where(withheld, nothing, data.target),
        withheld=withheld,
        targets=others,
    )


def _stand_ins(
    withheld: NDArray[np.bool_], allowed: NDArray[np.bool_], year: int
) -> NDArray[np.intp]:
    """Return which step stands at each: itself, or one whole years away; else -1."""
    steps = len(withheld)
    rows = np.arange(steps)[:, None]
    source: NDArray[Any] = np.where(withheld, -1, np.broadcast_to(rows, withheld.shape))
    for years in range(1, steps // year + 2):
        for way in (-years, years):
            near = rows[:, 0] + way * year
            reached = (near >= 0) & (near < steps)
            there = np.clip(near, 0, steps - 1)
            free = allowed[there] & reached[:, None] & (source < 0)
            source = np.where(free, there[:, None], source)
    return source
