"""Tables with a row for every reach: NetCDF, Zarr, and text.

Those of MERIT-Basins, the ``RouteLink`` of the National Water Model and of t-route, and
whatever names a reach and the one below it in one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ....data import netcdf
from ....data.table import heading, read_table
from ....errors import DataError
from .assemble import assembled, gauges_on, left_out
from .lakes import lakes_of, lakes_within
from .place_variables import columns_along, length_of, numbers_along, texts_along
from .river import River
from .rows import Column, Rows

__all__ = ["BELOW", "REACH", "read_reach_file", "read_reach_text", "title_of", "whole"]

REACH = ("reach_id", "link", "comid", "linkno", "rivid", "segment_id", "feature_id",
         "reach", "id")  # fmt: skip
"""What files call the names of reaches, in small letters; the first that is there."""

BELOW = ("down_id", "to_id", "to", "toid", "nextdownid", "nextdown", "dslinkno",
         "down_comid", "downstream_id", "downstream")  # fmt: skip
"""What files call the names of the reaches below."""

GAUGE = ("gages", "gage", "gauge", "gauge_id", "gage_id", "staid")
"""What files call the gauge on a reach."""

LAKE = ("nhdwaterbodycomid", "waterbody_id", "waterbodyid", "rl_nhdwaterbodycomid")
"""What files call the lake that a reach lies in."""

NAMES = frozenset({"down_index", "n_upstream", "level", *GAUGE, *LAKE})
"""What names others, or follows from the tree and is wrong for a part of it."""


def title_of(names: Iterable[str], aliases: Sequence[str]) -> str:
    """Return the name that is one of those wanted; empty if none is."""
    lowered = {name.casefold(): name for name in names}
    return next((lowered[name] for name in aliases if name in lowered), "")


def read_reach_file(path: Path, lakes: Path | None = None) -> River:
    """Read a NetCDF file or Zarr store with a row for every reach.

    Gauges are named by reaches, or stand along a dimension of their own with
    ``gauge_id`` and ``gauge_reach_id``; lakes along one with ``lake_id``, or in a file
    of their own. All are joined by name.

    Parameters
    ----------
    path : Path
        The file.
    lakes : Path, optional
        A file of lakes, such as ``LAKEPARM.nc``.

    Raises
    ------
    ConfigError, DataError
        When a file is not there, or not such a one.
    """
    remarks: list[str] = []
    with netcdf.opened(path) as file:
        all_rows = _rows(path, file)
        gauges, areas = _gauges(path, file)
        lake_table = lakes_within(path, file)
    rows = all_rows.once(remarks.append)
    gauges = {**gauges_on(all_rows), **left_out(gauges, rows, remarks)}
    return assembled(
        rows,
        remarks=remarks,
        gauges=gauges,
        gauge_areas=areas,
        lakes=lakes_of(rows, lake_table, lakes, remarks),
    )


def _rows(path: Path, file: Any) -> Rows:
    variables = file.variables
    reach, below = title_of(variables, REACH), title_of(variables, BELOW)
    if not reach or not below:
        lacking = "reaches" if not reach else "the reaches below"
        expected = REACH if not reach else BELOW
        raise DataError(
            f"{path}: no variable names {lacking}: found "
            f"{', '.join(variables) or 'none'}, expected one of {', '.join(expected)}"
        )
    size = length_of(path, variables[reach])
    along = variables[reach].dimensions[:1]
    texts: dict[str, Sequence[str]] = {}
    for what, names in (("gauge", GAUGE), ("lake", LAKE)):
        title = title_of(variables, names)
        if title and variables[title].dimensions[:1] == along:
            texts[what] = texts_along(path, variables[title], size)
    columns = columns_along(path, variables, along)
    others = {reach, below, *(n for n in columns if n.casefold() in NAMES)}
    return Rows(
        where=str(path),
        ids=texts_along(path, variables[reach], size),
        below=texts_along(path, variables[below], size),
        columns={name: c for name, c in columns.items() if name not in others},
        texts=texts,
    )


def _gauges(path: Path, file: Any) -> tuple[dict[str, str], dict[str, float]]:
    """Return reaches and drainage areas of gauges with a dimension of their own."""
    variables = file.variables
    if "gauge_id" not in variables or "gauge_reach_id" not in variables:
        return {}, {}
    ids = netcdf.identifiers(path, variables["gauge_id"])
    reaches = texts_along(path, variables["gauge_reach_id"], len(ids))
    areas: dict[str, float] = {}
    if "gauge_area" in variables:
        numbers = numbers_along(path, variables["gauge_area"], len(ids)).tolist()
        areas = {n: area for n, area in zip(ids, numbers, strict=True) if area > 0.0}
    return dict(zip(ids, reaches, strict=True)), areas


def read_reach_text(path: Path, lakes: Path | None = None) -> River:
    """Read a table of text with a row for every reach.

    Parameters
    ----------
    path : Path
        Its header names columns as NetCDF files do; units may follow in brackets.
    lakes : Path, optional
        As for :func:`read_reach_file`.

    Raises
    ------
    ConfigError, DataError
        When a file is not there, or not such a one.
    """
    table = read_table(path, "a row for every reach")
    remarks = [f"{path}: {text}" for text in table.remarks]
    titles = [heading(title) for title in table.titles]
    at = {name: k for k, (name, _) in enumerate(titles)}
    reach, below = title_of(at, REACH), title_of(at, BELOW)
    if not reach or not below:
        lacking = "reaches" if not reach else "the reaches below"
        expected = REACH if not reach else BELOW
        raise DataError(
            f"{path}: no column names {lacking}: found {', '.join(at)}, expected one "
            f"of {', '.join(expected)}"
        )
    columns: dict[str, Column] = {}
    texts: dict[str, Sequence[str]] = {}
    for name, k in at.items():
        kind = name.casefold()
        if kind in GAUGE or kind in LAKE:
            texts["gauge" if kind in GAUGE else "lake"] = whole(table.cells(k))
        if name in (reach, below) or kind in NAMES:
            continue
        try:
            columns[name] = Column(table.numbers(k), titles[k][1])
        except DataError as error:
            if _words(table.cells(k)):
                continue
            raise error
    all_rows = Rows(
        where=str(path),
        ids=whole(table.cells(at[reach])),
        below=whole(table.cells(at[below])),
        columns=columns,
        texts=texts,
    )
    rows = all_rows.once(remarks.append)
    return assembled(
        rows,
        remarks=remarks,
        gauges=gauges_on(all_rows),
        lakes=lakes_of(rows, None, lakes, remarks),
    )


def whole(cells: Sequence[str]) -> list[str]:
    """Return names; whole numbers that a program wrote as 71.0 without the rest."""
    return [
        cell[:-2] if cell.endswith(".0") and cell[:-2].lstrip("-").isdigit() else cell
        for cell in cells
    ]


def _words(cells: Sequence[str]) -> bool:
    """Return whether hardly a cell of a column is a number: it holds words."""
    digits = sum(any(c.isdigit() for c in cell) for cell in cells)
    return 2 * digits < len(cells)
