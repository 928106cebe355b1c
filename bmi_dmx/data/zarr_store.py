"""Zarr stores, read as if they were NetCDF files."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, DataError

__all__ = ["ZarrFile", "is_zarr"]

_MARKS = (".zgroup", ".zmetadata", "zarr.json")
"""Files that a store has, of version 2 and 3."""

_NAMES = "_ARRAY_DIMENSIONS"
"""Attribute of version 2 with the names of the dimensions (as xarray writes it)."""


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a store."""
    return any((path / mark).is_file() for mark in _MARKS)


class ZarrFile:
    """A group of arrays, with as much of ``netCDF4.Dataset`` as readers use.

    Parameters
    ----------
    path : Path
        The store.
    inside : str
        A group in it.

    Raises
    ------
    ConfigError
        When the package zarr is not installed.
    DataError
        When it cannot be read.
    """

    data_model = "ZARR"

    def __init__(self, path: Path, inside: str = "") -> None:
        try:
            import zarr
        except ModuleNotFoundError:
            raise ConfigError(
                f"{path}: is a Zarr store; to read it, install the package zarr"
            ) from None
        try:
            group: Any = zarr.open_group(str(path), mode="r", path=inside or None)
            arrays, inner = dict(group.arrays()), sorted(group.group_keys())
            self.attributes: Mapping[str, Any] = dict(group.attrs)
        except Exception as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{path}: not a Zarr store: {reason}") from None
        self._path, self._inside = path, inside
        self._inner: list[str] = inner
        self.variables = {
            name: ZarrVariable(path, name, arrays[name]) for name in sorted(arrays)
        }
        self.dimensions: dict[str, range] = {}
        for variable in self.variables.values():
            for name, size in zip(variable.dimensions, variable.shape, strict=True):
                self.dimensions.setdefault(name, range(size))

    def __getitem__(self, name: str) -> ZarrVariable:
        return self.variables[name]

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the group."""
        try:
            return self.__dict__["attributes"][name]
        except KeyError:
            raise AttributeError(name) from None

    def ncattrs(self) -> list[str]:
        """Return the names of the attributes."""
        return list(self.attributes)

    @property
    def groups(self) -> dict[str, ZarrFile]:
        """Groups in the group, by name."""
        return {
            name: ZarrFile(self._path, f"{self._inside}/{name}".strip("/"))
            for name in self._inner
        }

    def __enter__(self) -> ZarrFile:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: nothing is kept open."""

    def isopen(self) -> bool:
        """Return that there is nothing to close."""
        return False

    def close(self) -> None:
        """Do nothing."""

    def get_variables_by_attributes(self, **attributes: Any) -> list[ZarrVariable]:
        """Return the variables with some attributes."""
        return [
            variable
            for variable in self.variables.values()
            if all(
                variable.attributes.get(n) == value for n, value in attributes.items()
            )
        ]


class ZarrVariable:
    """One array, unpacked, with what its attributes declare missing masked."""

    def __init__(self, path: Path, name: str, array: Any) -> None:
        self.name, self._array = name, array
        self.attributes: Mapping[str, Any] = _declared(array)
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.ndim, self.size = len(self.shape), int(np.prod(self.shape))
        names = getattr(getattr(array, "metadata", None), "dimension_names", None)
        dimensions = self.attributes.get(_NAMES) or names
        if dimensions is None or len(dimensions) != self.ndim:
            dimensions = [f"{name}_{k}" for k in range(self.ndim)]
        self.dimensions = tuple(str(d) for d in dimensions)
        kind = np.dtype(array.dtype).kind if _plain(array.dtype) else "O"
        self.dtype: Any = str if kind in "OUT" else np.dtype(array.dtype)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the array."""
        try:
            return self.__dict__["attributes"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:])

    def ncattrs(self) -> list[str]:
        """Return the names of the attributes."""
        return list(self.attributes)

    def chunking(self) -> str:
        """Return that there is no cache of pieces to be set."""
        return "contiguous"

    def __getitem__(self, index: Any) -> Any:
        try:
            values = np.asarray(self._array[index])
        except (IndexError, KeyError):
            raise
        except Exception as error:
            raise OSError(" ".join(str(error).split())) from None
        if values.dtype.kind not in "fiu":
            return values
        if str(self.attributes.get("_Unsigned", "")).lower() == "true":
            values = values.view(values.dtype.str.replace("i", "u"))
        mask = self._missing(values)
        scale = float(self.attributes.get("scale_factor", 1.0))
        offset = float(self.attributes.get("add_offset", 0.0))
        if scale != 1.0 or offset != 0.0:
            values = values * scale + offset
        return np.ma.masked_array(values, mask)

    def _missing(self, values: Any) -> Any:
        """Return where numbers are missing, by the rules of the NetCDF library.

        Markers and limits are those of the numbers before they are unpacked.
        """
        mask = np.zeros(values.shape, dtype=bool)
        for name in ("_FillValue", "missing_value"):
            if name in self.attributes:
                mask |= np.isin(values, _fill(self.attributes[name], values.dtype))
        least, most = self._numbers("valid_range", (-np.inf, np.inf))
        mask |= values < self._numbers("valid_min", (least,))[0]
        mask |= values > self._numbers("valid_max", (most,))[0]
        return mask

    def _numbers(self, name: str, usual: tuple[float, ...]) -> Any:
        """Return the numbers of an attribute; the usual ones where it has others."""
        values = np.atleast_1d(np.asarray(self.attributes.get(name, usual)))
        fits = values.dtype.kind in "fiu" and values.size == len(usual)
        return values if fits else usual


def _declared(array: Any) -> dict[str, Any]:
    """Return the attributes of an array, a marker of what is missing among them.

    In version 2 the marker is the value of chunks that were never written, which is
    zero unless one was chosen: zero marks nothing.
    """
    attributes = dict(array.attrs)
    fill = getattr(array, "fill_value", None)
    if getattr(getattr(array, "metadata", None), "zarr_format", 2) == 2 and fill:
        attributes.setdefault("_FillValue", fill)
    return attributes


def _fill(value: Any, dtype: np.dtype[Any]) -> Any:
    """Return markers, which stores of version 3 hold in base 64.

    A fraction is held as one of double precision there, whatever the array has.
    """
    if isinstance(value, str):
        try:
            data = base64.b64decode(value, validate=True)
            stored = "<f8" if dtype.kind == "f" and len(data) == 8 else dtype
            return np.frombuffer(data, np.dtype(stored).newbyteorder("<")).astype(dtype)
        except ValueError:
            return np.nan
    values = np.asarray(value)
    if values.dtype.kind not in "fiu":
        return np.nan
    markers = values.astype(dtype)
    # One that cannot be a number of the array marks none of them.
    return markers if dtype.kind == "f" else markers[markers == values]


def _plain(dtype: Any) -> bool:
    try:
        np.dtype(dtype)
    except TypeError:
        return False
    return True
