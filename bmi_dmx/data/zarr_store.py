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
        self.attributes: Mapping[str, Any] = dict(array.attrs)
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
        mask = np.zeros(values.shape, dtype=bool)
        for name in ("_FillValue", "missing_value"):
            if name in self.attributes:
                mask |= values == _fill(self.attributes[name], values.dtype)
        scale = float(self.attributes.get("scale_factor", 1.0))
        offset = float(self.attributes.get("add_offset", 0.0))
        if scale != 1.0 or offset != 0.0:
            values = values * scale + offset
        return np.ma.masked_array(values, mask)


def _fill(value: Any, dtype: np.dtype[Any]) -> Any:
    """Return a fill value, which stores of version 3 hold in base 64."""
    if isinstance(value, str):
        try:
            return np.frombuffer(base64.b64decode(value), dtype.newbyteorder("<"))[0]
        except (ValueError, IndexError):
            return np.nan
    return np.asarray(value).astype(dtype)


def _plain(dtype: Any) -> bool:
    try:
        np.dtype(dtype)
    except TypeError:
        return False
    return True
