"""The configuration of a series."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Series"]


@dataclass(frozen=True, kw_only=True)
class Series:
    """Where a series comes from.

    Parameters
    ----------
    path : str, optional
        NetCDF file or Zarr store; default: the file of the river.
    variable : str, optional
        Its name in the file; told by what it is where only one can be meant.
    """

    path: str | None = None
    variable: str | None = None
