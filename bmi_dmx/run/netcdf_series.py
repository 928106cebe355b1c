"""Forcing of many places, or of whole fields, in a NetCDF file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..bmi.location_files import IDENTIFIERS, in_units
from ..data.identity import match, names_of, spelt_otherwise
from ..data.netcdf import (
    identifying,
    numbers,
    opened,
    raw,
    time_axis,
    time_variable,
    units_of,
)
from ..errors import DataError, suggestion
from ..operate.system import System
from ..variables import Attribute
from .series import Array, Series

__all__ = ["NetcdfSeries"]

_ELSEWHERE = 0.02
"""Share of the width of a cell by which a coordinate may be off, by rounding."""

_CACHE = 2**28
"""Most bytes of decompressed pieces of one variable that are kept."""


class NetcdfSeries(Series):
    """Places along one dimension, whole fields, or one place, and a CF time.

    A time is when a step begins, unless it has bounds that say so. Places are named by
    the variable with the attribute ``cf_role = timeseries_id``, by the one that is
    called as their dimension, with or without ``_id``, or by one of the usual names;
    by their numbers where there is none.

    Parameters
    ----------
    path, names, system
        As of :class:`.Series`.
    lone_step : float, optional
        Seconds of the step of a file of one time without bounds, which does not say it.

    Raises
    ------
    DataError
        When it is no NetCDF file, or its times are missing, of no usual calendar, or do
        not follow each other evenly.
    """

    def __init__(
        self,
        path: Path,
        names: Mapping[str, str],
        system: System,
        lone_step: float | None = None,
    ) -> None:
        super().__init__(path, names, system)
        self._dims: tuple[str, ...] = ()
        self._rows: list[int] | None = None
        self._some = slice(None)
        self._read: tuple[str, ...] = ()
        self._file = opened(path)
        try:
            time = time_variable(path, self._file)
            axis, self._axis = time_axis(path, self._file, time, lone_step=lone_step)
            self._keep_time(axis, f"{path}: {time.name}")
        except BaseException:
            self._file.close()
            raise
        self._own = {
            name: variable
            for name, variable in self._file.variables.items()
            if self._axis in variable.dimensions
            and name not in (time.name, getattr(time, "bounds", ""))
            and getattr(variable.dtype, "kind", "O") in "fiu"
        }

    def close(self) -> None:
        """Close the file."""
        if self._file.isopen():
            self._file.close()

    # Places

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables along the time."""
        return tuple(self._own)

    def _units(self, name: str) -> str:
        return units_of(self._own[name])

    def _others(self, name: str) -> tuple[str, ...]:
        return tuple(d for d in self._own[name].dimensions if d != self._axis)

    def _places(
        self,
        names: Sequence[str],
        ids: Sequence[str] | None,
        fields: Sequence[tuple[int, ...]] | None,
    ) -> tuple[str, ...]:
        self._read = tuple(names)
        self._cache(slice(None))
        if fields is not None and ids is not None:
            for name, shape in zip(names, fields, strict=True):
                self._refuse_shape(name, shape)
            self._dims = self._others(names[0]) if names else ()
            return tuple(ids)
        if not names:
            return tuple(ids or ())
        self._dims = self._others(names[0])
        for name in names:
            if self._others(name) != self._dims:
                raise DataError(
                    f"{self.path}: {name} has dimensions {self._text(name)} besides "
                    f"{self._axis}, {names[0]} has {self._text(names[0])}"
                )
        places = self._identifiers()
        return places if ids is None else self._ordered(places, ids)

    def _text(self, name: str) -> str:
        return ", ".join(self._others(name)) or "none"

    def _refuse_shape(self, name: str, shape: tuple[int, ...]) -> None:
        sizes = tuple(len(self._file.dimensions[d]) for d in self._others(name))
        if sizes != shape:
            raise DataError(
                f"{self.path}: {name}: found a field of {sizes} along "
                f"{self._text(name)}, the model has one of {shape}"
            )
        for dimension in self._others(name)[-2:]:
            coordinate = self._file.variables.get(dimension)
            if coordinate is not None and len(coordinate) > 1:
                low, high = numbers(self.path, coordinate)[[0, -1]]
                if low > high:
                    raise DataError(
                        f"{self.path}: {name}: {dimension} falls from {low:g} to "
                        f"{high:g}, rows and columns of the model are in rising order"
                    )

    def refuse_elsewhere(self, nodes: Mapping[str, tuple[Array, Array]]) -> None:
        """Refuse fields whose coordinates, if in degrees, are not the model's."""
        for forcing, expected in nodes.items():
            for name in self.sources[forcing].names:
                for dimension, axis in zip(
                    self._others(name)[-2:], expected, strict=True
                ):
                    self._refuse_coordinate(name, dimension, axis)

    def _refuse_coordinate(self, name: str, dimension: str, expected: Array) -> None:
        coordinate = self._file.variables.get(dimension)
        if coordinate is None or not units_of(coordinate).startswith("degree"):
            return
        values = numbers(self.path, coordinate)
        # A turn more or less is the same place.
        apart = np.abs((values - expected + 180.0) % 360.0 - 180.0)
        least = _ELSEWHERE * np.abs(np.diff(expected)).min(initial=360.0)
        if not (apart <= least).all():
            at = int(apart.argmax())
            raise DataError(
                f"{self.path}: {name}: {dimension} is {values[at]:g} at entry {at}, "
                f"where the grid of the model has {expected[at]:g}"
            )

    def _identifiers(self) -> tuple[str, ...]:
        """Return the names of the places; their numbers where the file has none."""
        shape = [len(self._file.dimensions[d]) for d in self._dims]
        if not self._dims:
            return (self._only_name(),)
        marked = identifying(self._file)
        last = self._dims[-1]
        usual = (f"{last}_id", last, *IDENTIFIERS)
        by_name = [self._file[n] for n in usual if n in self._file.variables]
        for variable in (*marked, *by_name):
            if variable.dimensions[: len(self._dims)] != self._dims:
                continue
            values = raw(self.path, variable)
            if values.dtype.kind == "f" and (np.asarray(values) % 1.0).any():
                continue  # a coordinate, which names nothing
            ids = names_of(values, f"{self.path}: {variable.name}")
            if len(ids) == math.prod(shape):
                return ids
        return tuple(str(k) for k in range(math.prod(shape)))

    def _only_name(self) -> str:
        """Return the name of the one place; that of the file where it has none."""
        titles = [self._file[n] for n in IDENTIFIERS if n in self._file.variables]
        for variable in (*identifying(self._file), *titles):
            words = np.atleast_1d(raw(self.path, variable))
            characters = words.dtype in (np.dtype("S1"), np.dtype("U1"))
            if words.size == 1 or (characters and words.ndim == 1):
                where = f"{self.path}: {variable.name}"
                return names_of(words.reshape(1, -1) if characters else words, where)[0]
        return self.path.stem

    def _ordered(self, names: Sequence[str], ids: Sequence[str]) -> tuple[str, ...]:
        """Find the places of the model among those of the file."""
        unnamed = tuple(names) == tuple(map(str, range(len(names))))
        if unnamed and len(names) == len(ids):
            return tuple(ids)
        matched = match(ids, names)
        if matched.lacking:
            name = matched.lacking[0]
            hint = suggestion(name, names)
            raise DataError(
                f"{self.path}: place {name!r} of the model is not in it{hint}"
            )
        if matched.remark:
            self.remark(f"{self.path}: {matched.remark}")
        self._rows = [matched.places[name] for name in ids]
        return tuple(ids)

    # Numbers

    def _chunks(self, name: str) -> dict[str, int]:
        """Return the sizes of the chunks of a series; nothing where it has none."""
        variable = self._own[name]
        chunks = variable.chunking()
        if chunks in (None, "contiguous"):
            return {}
        return dict(zip(variable.dimensions, chunks, strict=True))

    @property
    def chunk(self) -> tuple[int, int]:
        """Steps and places that the file has together; the most of any series."""
        chunks = [c for name in self._read if (c := self._chunks(name))]
        along = self._dims[-1] if self.divisible else ""
        return (
            max((c[self._axis] for c in chunks), default=1),
            max((c.get(along, 1) for c in chunks), default=1),
        )

    @property
    def divisible(self) -> bool:
        """Whether the places are one dimension, in the order of the file."""
        return len(self._dims) == 1 and self._rows is None

    @property
    def here(self) -> tuple[str, ...]:
        """Names of the places that are read."""
        return self.ids[self._some]

    def narrow(self, some: slice) -> None:
        """Read some of the places from now on."""
        if not self.divisible:
            super().narrow(some)
            return
        self._some = some
        self._cache(some)

    def _cache(self, some: slice) -> None:
        """Keep what one piece of time needs, lest it be decompressed many times."""
        for name in self._read:
            variable, chunks = self._own[name], self._chunks(name)
            if not chunks:
                continue
            number = 1
            for dimension, size in zip(
                variable.dimensions, variable.shape, strict=True
            ):
                if dimension != self._axis:
                    width = size if some.stop is None else some.stop - some.start
                    number *= -(-width // chunks[dimension]) + (width < size)
            room = number * math.prod(chunks.values()) * variable.dtype.itemsize
            size, count, preemption = variable.get_var_chunk_cache()
            if size < room:
                variable.set_var_chunk_cache(
                    min(room, _CACHE), max(count, number), preemption
                )

    def _raw(self, name: str, first: int, count: int) -> Array:
        variable = self._own[name]
        at = variable.dimensions.index(self._axis)
        index = [self._some if self._some.stop else slice(None)] * variable.ndim
        index[at] = slice(first, first + count)
        moved = np.moveaxis(numbers(self.path, variable, tuple(index)), at, 0)
        values = moved.reshape(moved.shape[0], -1)
        return np.ascontiguousarray(values if self._rows is None else
                                    values[:, self._rows])  # fmt: skip

    def _along(self, alias: str) -> Any:
        """Return the constant that is called so, if need be in other capitals."""
        variables = self._file.variables
        title = alias if alias in variables else spelt_otherwise(alias, variables)
        return variables.get(title)

    def attributes(self, declared: Mapping[str, Attribute]) -> dict[str, Array]:
        """Return the variables along the places that are called as attributes."""
        constants = {}
        for name, attribute in declared.items():
            for alias in self.aliases(name):
                variable = self._along(alias)
                if variable is not None and variable.dimensions == self._dims:
                    if variable.name != alias:
                        title = variable.name
                        self.remark(f"{self.path}: {title!r} is taken for {alias!r}")
                    values = in_units(self.path, variable, attribute).reshape(-1)
                    constants[name] = (
                        values if self._rows is None else values[self._rows]
                    )
                    break
        return constants
