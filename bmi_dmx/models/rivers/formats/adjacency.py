"""Rivers as sparse matrices: coordinates of entries (COO) of binsparse in Zarr stores.

Row and column of an entry are positions in ``order``, the names of the reaches: what is
in the column drains into what is in the row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....data import netcdf
from ....data.identity import names_of
from ....errors import DataError
from .assemble import assembled
from .river import River
from .rows import Column, Rows

__all__ = ["ARRAYS", "read_adjacency", "read_gauge_groups"]

ARRAYS = ("indices_0", "indices_1", "order")
"""What a store of a river has."""

INDICES = NDArray[np.int64]


def read_adjacency(path: Path) -> River:
    """Read a store of a whole river.

    Parameters
    ----------
    path : Path
        Arrays ``indices_0`` (below), ``indices_1`` (above), ``order``; others along the
        reaches, such as ``length_m`` and ``slope``, are numbers of them.

    Raises
    ------
    ConfigError, DataError
        When an array is missing or its entries are not positions, when a reach has two
        below it, or when the store is that of one gauge.
    """
    remarks: list[str] = []
    with netcdf.opened(path) as file:
        variables = file.variables
        lacking = [name for name in ARRAYS if name not in variables]
        if lacking:
            raise DataError(
                f"{path}: no array {lacking[0]!r}: found {', '.join(variables)}"
            )
        if "gage_catchment" in file.ncattrs():
            raise DataError(
                f"{path}: holds what is above one gauge by positions in the whole "
                "river; read the store of that, with the store of all gauges beside it"
            )
        ids = names_of(netcdf.raw(path, variables["order"]), f"{path}: order")
        below, above = _entries(path, variables, len(ids))
        columns = {
            name: Column(netcdf.numbers(path, variable), netcdf.units_of(variable))
            for name, variable in variables.items()
            if name not in (*ARRAYS, "values", "toid")
            and tuple(variable.shape) == (len(ids),)
            and getattr(variable.dtype, "kind", "O") in "fiu"
        }
    names = _below(path, ids, below, above)
    rows = Rows(where=str(path), ids=ids, below=names, columns=columns)
    return assembled(
        rows,
        remarks=remarks,
    )


def _entries(path: Path, variables: Any, size: int) -> tuple[INDICES, INDICES]:
    """Return the positions of reaches below and above."""
    ends = []
    for name in ARRAYS[:2]:
        values = netcdf.numbers(path, variables[name])
        good = (values >= 0) & (values < size) & (values == np.floor(values))
        if values.ndim != 1 or not good.all():
            odd = f"{values[~good][0]:g}" if values.ndim == 1 else str(values.shape)
            raise DataError(
                f"{path}: {name}: found {odd}, expected positions of the {size} "
                "reaches in 'order'"
            )
        ends.append(values.astype(np.int64))
    if ends[0].size != ends[1].size:
        raise DataError(
            f"{path}: indices_1: found {ends[1].size}, expected as many as indices_0, "
            f"{ends[0].size}"
        )
    return ends[0], ends[1]


def _below(
    path: Path, ids: tuple[str, ...], below: INDICES, above: INDICES
) -> list[str]:
    """Return the name of the reach below each; refuse two."""
    names = [""] * len(ids)
    for to, of in zip(below.tolist(), above.tolist(), strict=True):
        if names[of] and names[of] != ids[to]:
            raise DataError(
                f"{path}: {ids[of]!r} drains into two reaches, {names[of]!r} and "
                f"{ids[to]!r}"
            )
        names[of] = ids[to]
    return names


def read_gauge_groups(path: Path) -> dict[str, str]:
    """Read which reach each gauge is at, from a store with a group for every gauge.

    Parameters
    ----------
    path : Path
        Groups named as gauges, with the attribute ``gage_catchment``.

    Raises
    ------
    ConfigError, DataError
        When it is no such store.
    """
    with netcdf.opened(path) as file:
        reaches = {}
        for name, group in file.groups.items():
            reach = getattr(group, "gage_catchment", None)
            if reach is None:
                raise DataError(
                    f"{path}: group {name!r} has no attribute 'gage_catchment'"
                )
            reaches[str(name)] = str(reach)
    if not reaches:
        raise DataError(f"{path}: found no groups, expected one for every gauge")
    return reaches
