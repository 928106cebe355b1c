"""A table of attributes that people give: some catchments, some attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..data.identity import match, meant
from ..data.quantity import quantity
from ..data.table import heading, read_table
from ..errors import DataError, suggestion
from ..variables import Attribute
from .forcing import Array

__all__ = ["read_attribute_table"]


def read_attribute_table(
    path: Path, ids: Sequence[str], attributes: Mapping[str, Attribute]
) -> tuple[dict[str, Array], list[str]]:
    """Read a table of attributes.

    Parameters
    ----------
    path : Path
        A first column of catchments, and others named as the attributes, with units in
        brackets unless they are those of the model. Rows may be missing and cells
        empty.
    ids : sequence of str
        The catchments.
    attributes : mapping of str to Attribute
        Attributes that can be given; other columns are not read, and remarked on.

    Returns
    -------
    values : dict of str to ndarray
        (catchment,) by name, in the model's units; NaN where the table says nothing.
    remarks : list of str
        What was recognised, assumed and passed over.

    Raises
    ------
    ConfigError
        When there is no such file.
    DataError
        When it is of none of the catchments, has a row or column twice, or a cell that
        is no number.
    UnitsError
        When units cannot be converted.
    """
    table = read_table(path, "at least one catchment")
    names = list(table.places())
    matched = match(ids, names)
    if not matched.places:
        hint = suggestion(ids[0], names)
        raise DataError(
            f"{path}: no row for catchment {ids[0]!r}, nor for any other{hint}"
        )
    here = [(k, matched.places[n]) for k, n in enumerate(ids) if n in matched.places]
    to, row_of = (list(x) for x in zip(*here, strict=True))
    remarks = [f"{path}: {remark}" for remark in table.remarks]
    if matched.remark:
        remarks.append(f"{path}: {matched.remark}")
    values: dict[str, Array] = {}
    heads = {heading(title)[0] for title in table.titles[1:]}
    for column, title in enumerate(table.titles[1:], 1):
        head, units = heading(title)
        name = meant(head, attributes, heads)
        if name is None:
            if title:
                hint = suggestion(head, attributes)
                remarks.append(
                    f"{path}: column {title!r} is no attribute and is passed over{hint}"
                )
            continue
        if name != head:
            remarks.append(f"{path}: column {title!r} is taken for {name!r}")
        if name in values:
            raise DataError(f"{path}: column {name!r} is given twice")
        where = f"{path}: column {title!r}"
        numbers = table.numbers(column)
        cells = quantity(numbers, units, attributes[name], where, remarks.append)
        values[name] = np.full(len(ids), np.nan)
        values[name][to] = cells[row_of]
    return values, remarks
