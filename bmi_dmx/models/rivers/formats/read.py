"""Rivers from files, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from ....data import netcdf
from ....data.geopackage import is_sqlite
from ....data.table import heading, read_table
from ....data.zarr_store import is_zarr
from ....errors import ConfigError, DataError, suggestion
from .adjacency import ARRAYS, read_adjacency
from .gauge_table import GaugeTable, read_gauges, with_gauges
from .hydrofabric import read_hydrofabric_river
from .rapid import read_rapid
from .reach_table import BELOW, REACH, read_reach_file, read_reach_text, title_of
from .river import River
from .segments import BELOW_BY_NUMBER, read_segments

__all__ = ["FORMATS", "Format", "read_river"]

SAMPLES = {"delaware": "delaware_1979_1980.nc", "sample": "made_river.nc"}
"""Files that come with the package, by the name that serves in place of a path."""

_BINARY = (b"CDF", b"\x89HDF")
"""How NetCDF files begin."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """One kind of file.

    Parameters
    ----------
    about : str
        What it is, for people.
    needs : str
        By what it is told from others.
    read : callable
        Takes the file, a file of lakes or None, and gauges or None.
    """

    about: str
    needs: str
    read: Callable[[Path, Path | None, GaugeTable | None], River]


def _fabric(path: Path, lakes: Path | None, gauges: GaugeTable | None) -> River:
    return read_hydrofabric_river(path, lakes, gauges.areas if gauges else None)


def _reaches(path: Path, lakes: Path | None, gauges: GaugeTable | None) -> River:
    binary = path.is_dir() or _begins(path).startswith(_BINARY)
    return (read_reach_file if binary else read_reach_text)(path, lakes)


def _plain(reader: Callable[[Path], River]) -> Callable[..., River]:
    def without_lakes(
        path: Path, lakes: Path | None, gauges: GaugeTable | None
    ) -> River:
        if lakes is not None:
            raise ConfigError(
                f"lakes: {lakes} is of no use: {path} does not say which reach lies in "
                "a lake"
            )
        return reader(path)

    return without_lakes


FORMATS = {
    "hydrofabric": Format(
        about="GeoPackage of NextGen's hydrofabric, 2.1 or 2.2",
        needs="the layers flowpaths and nexus",
        read=_fabric,
    ),
    "reaches": Format(
        about="table with a row for every reach: MERIT-Basins, RouteLink (NetCDF, "
        "Zarr or text)",
        needs="names of reaches (such as reach_id, link, COMID) and of those below "
        "(such as down_id, to, NextDownID)",
        read=_reaches,
    ),
    "segments": Format(
        about="NetCDF of the National Hydrologic Model",
        needs="segment_downstream or tosegment",
        read=_plain(read_segments),
    ),
    "adjacency": Format(
        about="Zarr store of a sparse matrix (COO of binsparse)",
        needs="the arrays indices_0, indices_1 and order",
        read=_plain(read_adjacency),
    ),
    "rapid": Format(
        about="connectivity of RAPID, text",
        needs="rows of whole numbers without a header",
        read=_plain(read_rapid),
    ),
}
"""Kinds of files by name."""


def found(path: Path) -> Path:
    """Return a path, that of a sample where it is none but the name of one."""
    if not path.exists() and path.name in SAMPLES:
        return Path(str(files("bmi_dmx") / "data" / SAMPLES[path.name]))
    return path


def read_river(
    path: str | Path,
    *,
    format: str | None = None,
    lakes: str | Path | None = None,
    gauges: str | Path | None = None,
) -> River:
    """Read a river from a file; of what kind it is, its content says.

    Parameters
    ----------
    path : str or Path
        The file or store; or ``delaware``, the sample that comes with the package, or
        ``sample``, a small made river with its lateral inflow.
    format : str, optional
        One of :data:`FORMATS`; by default it is told by the content.
    lakes : str or Path, optional
        A file of lakes beside it, such as ``LAKEPARM.nc``.
    gauges : str or Path, optional
        A table of gauges, or a Zarr store with a group for each.

    Raises
    ------
    ConfigError, DataError
        When there is no such file, no such format, or its content is not usable.
    """
    path = found(Path(path))
    if not path.exists():
        raise ConfigError(f"{path}: no such file")
    if format is not None and format not in FORMATS:
        raise ConfigError(f"format: found {format!r}{suggestion(format, FORMATS)}")
    table = None if gauges is None else read_gauges(Path(gauges))
    name = format or _told(path)
    river = FORMATS[name].read(path, None if lakes is None else Path(lakes), table)
    river = replace(river, format=name, path=str(path))
    return river if table is None else with_gauges(river, table)


def _begins(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _told(path: Path) -> str:
    """Return the name of the format that the content of a file is of."""
    if path.is_dir() and not is_zarr(path):
        raise DataError(f"{path}: is a folder, expected a file or a Zarr store")
    if not path.is_dir() and is_sqlite(path):
        return "hydrofabric"
    if not path.is_dir() and not _begins(path).startswith(_BINARY):
        return _told_of_text(path)
    with netcdf.opened(path) as file:
        names = list(file.variables)
    if all(name in names for name in ARRAYS):
        return "adjacency"
    if title_of(names, BELOW_BY_NUMBER):
        return "segments"
    if title_of(names, REACH) and title_of(names, BELOW):
        return "reaches"
    raise _unknown(path, names)


def _told_of_text(path: Path) -> str:
    try:
        table = read_table(path, "a row for every reach", titled=False)
    except DataError as error:
        raise DataError(f"{error}; {_looked_for()}") from None
    first = [cell.strip() for cell in table.rows[0]]
    if len(first) >= 3 and all(cell.isdigit() for cell in first):
        return "rapid"
    names = [heading(cell)[0] for cell in first]
    if title_of(names, REACH) and title_of(names, BELOW):
        return "reaches"
    raise _unknown(path, names)


def _unknown(path: Path, names: list[str]) -> DataError:
    content = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return DataError(
        f"{path}: no river: found {content or 'nothing'}; {_looked_for()}"
    )  # fmt: skip


def _looked_for() -> str:
    needs = "; ".join(f"{format.needs} ({name})" for name, format in FORMATS.items())
    return f"looked for {needs}"
