"""Rivers from files, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ....errors import ConfigError, suggestion
from .reach_table import read_reach_file
from .river import River

__all__ = ["FORMATS", "Format", "read_river"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """One kind of file.

    Parameters
    ----------
    about : str
        What it is, for people.
    read : callable
        Takes the file, and one of lakes or None.
    """

    about: str
    read: Callable[[Path, Path | None], River]


FORMATS = {
    "reaches": Format(
        about="NetCDF with a row for every reach: MERIT-Basins, RouteLink",
        read=read_reach_file,
    ),
}
"""Kinds of files by name."""


def read_river(
    path: str | Path, *, format: str | None = None, lakes: str | Path | None = None
) -> River:
    """Read a river from a file; of what kind it is, its content says.

    Parameters
    ----------
    path : str or Path
        The file or store.
    format : str, optional
        One of :data:`FORMATS`; by default it is told by the content.
    lakes : str or Path, optional
        A file of lakes beside it, such as ``LAKEPARM.nc``.

    Raises
    ------
    ConfigError, DataError
        When there is no such file, no such format, or its content is not usable.
    """
    path = Path(path)
    if not path.exists():
        raise ConfigError(f"{path}: no such file")
    name = format or "reaches"
    if name not in FORMATS:
        raise ConfigError(f"format: found {name!r}{suggestion(name, FORMATS)}")
    return FORMATS[name].read(path, None if lakes is None else Path(lakes))
