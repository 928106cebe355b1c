"""What users point at: a hydrofabric, its forcing, and a table between their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from ..data.identity import match
from ..data.table import read_table
from ..errors import ConfigError, DataError, TimeError, suggestion
from .assumed_units import assumed_units
from .csv_forcing import CsvForcing, matching
from .forcing import STEP, ForcingProvider, epoch, moment
from .hydrofabric import Hydrofabric, read_hydrofabric
from .netcdf_forcing import NetcdfForcing
from .rain import contradiction

__all__ = ["Domain", "open_domain"]


@dataclass(frozen=True)
class Domain:
    """Catchments with forcing, over a period.

    Parameters
    ----------
    hydrofabric : Hydrofabric
        Only catchments that have forcing.
    forcing : ForcingProvider
    start, steps : int
        Seconds since 1970, and hours.
    remarks : tuple of str
        What was left out, and what is doubtful.
    """

    hydrofabric: Hydrofabric
    forcing: ForcingProvider
    start: int
    steps: int
    remarks: tuple[str, ...] = ()

    def __enter__(self) -> Domain:
        """Return the domain, which closes its files at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the forcing."""
        self.forcing.close()

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the catchments."""
        return tuple(self.hydrofabric.catchments)

    @property
    def start_time(self) -> str:
        """Return the beginning of the first hour as text."""
        return moment(self.start)

    @property
    def end_time(self) -> str:
        """Return the beginning of the last hour as text."""
        return moment(self.start + (self.steps - 1) * STEP)


def open_domain(
    hydrofabric: Path,
    forcing: Path,
    *,
    nexuses: Path | None = None,
    catchments: Sequence[str] | None = None,
    crosswalk: Path | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Domain:
    """Open a hydrofabric and its forcing, and see what they have in common.

    Parameters
    ----------
    hydrofabric : Path
        GeoPackage or GeoJSON.
    forcing : Path
        NetCDF file, or folder of one CSV file per catchment.
    nexuses : Path, optional
        For GeoJSON.
    catchments : sequence of str, optional
        Only these; by default all that have forcing.
    crosswalk : Path, optional
        CSV file of two columns: catchment, and its name in the forcing.
    start, end : datetime, optional
        Beginning of the first and of the last hour; by default those of the forcing.

    Raises
    ------
    ConfigError, DataError, TimeError
        When a file is not there or of another kind, nothing is in common, or the period
        is not covered.
    """
    whole = read_hydrofabric(hydrofabric, nexuses)
    names, remarks = _read_crosswalk(crosswalk, whole)
    ids = list(whole.catchments) if catchments is None else list(catchments)
    provider = _provider(forcing, names)
    try:
        if isinstance(provider, NetcdfForcing) and not names:
            provider.adopt(ids)
        domain = _common(whole.select(ids), provider, catchments is None, start, end)
        left_out = whole.remarks if catchments is None else ()
        return replace(domain, remarks=(*remarks, *left_out, *domain.remarks))
    except BaseException:
        provider.close()
        raise


def _common(
    domain: Hydrofabric,
    provider: ForcingProvider,
    may_lack: bool,
    start: datetime | None,
    end: datetime | None,
) -> Domain:
    """Return the part of a domain that has forcing."""
    ids = list(domain.catchments)
    have = [name for name in ids if _has(provider, name)]
    lacking = [name for name in ids if name not in set(have)]
    if not have or (lacking and not may_lack):
        raise DataError(_nothing_in_common(domain.path, provider, lacking))
    remarks: tuple[str, ...] = ()
    if lacking:
        first = ", ".join(lacking[:3]) + (", ..." if len(lacking) > 3 else "")
        remarks = (
            f"{len(lacking)} of {len(ids)} catchments have no forcing and are left "
            f"out ({first})",
        )
        domain = domain.select(have)
    begin, steps = _period(provider, have, start, end)
    all_remarks = [
        *dict.fromkeys(provider.remarks),
        *remarks,
        *assumed_units(provider, have, begin, steps),
        *contradiction(provider, have, begin, steps),
    ]
    return Domain(domain, provider, begin, steps, tuple(all_remarks))


def _provider(path: Path, names: Mapping[str, str]) -> ForcingProvider:
    if not path.is_dir():
        return NetcdfForcing(path, strict=False, names=names)

    return CsvForcing(path, partial(_file_of, path, names), strict=False)


def _file_of(path: Path, names: Mapping[str, str], catchment: str) -> Path:
    name = names.get(catchment, catchment)
    return matching(path, rf"{re.escape(name)}(?!\d).*\.csv", name)


def _has(forcing: ForcingProvider, catchment: str) -> bool:
    if isinstance(forcing, NetcdfForcing):
        return catchment in forcing.ids
    try:
        return bool(forcing.names(catchment))
    except ConfigError:
        return False


def _nothing_in_common(
    path: Path, forcing: ForcingProvider, lacking: Sequence[str]
) -> str:
    theirs = ""
    if isinstance(forcing, NetcdfForcing):
        theirs = f"; the forcing is of {', '.join(forcing.ids[:3])}, ..."
    return (
        f"{forcing.path}: no forcing of {len(lacking)} catchments of {path} "
        f"({', '.join(lacking[:3])}, ...){theirs}; are both of the same version of the "
        "hydrofabric? A table (--crosswalk FILE) can say which is which"
    )


def _read_crosswalk(
    path: Path | None, domain: Hydrofabric
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return names in the forcing by catchment, and what was passed over."""
    if path is None:
        return {}, ()
    table = read_table(path, "at least one catchment")
    if len(table.titles) != 2:
        raise DataError(
            f"{path}: expected two columns: catchment, and its name in the forcing; "
            f"found {len(table.titles)}"
        )
    remarks = [f"{path}: {remark}" for remark in table.remarks]
    rows = table.places()
    matched = match(list(domain.catchments), list(rows))
    if matched.remark:
        remarks.append(f"{path}: {matched.remark}")
    theirs = [row[1].strip() for row in table.rows]
    names = {name: theirs[k] for name, k in matched.places.items()}
    places = set(matched.places.values())
    others = {name: theirs[k] for name, k in rows.items() if k not in places}
    if others:
        first = next(iter(others))
        hint = suggestion(first, domain.catchments)
        remarks.append(
            f"{path}: {len(others)} of {len(rows)} catchments are not in {domain.path} "
            f"and are passed over; the first is {first!r}{hint}"
        )
    return {**names, **others}, tuple(remarks)


def _period(
    forcing: ForcingProvider,
    ids: Sequence[str],
    start: datetime | None,
    end: datetime | None,
) -> tuple[int, int]:
    spans = [forcing.span(name) for name in ids]
    first, last = max(s for s, _ in spans), min(e for _, e in spans)
    begin = first if start is None else epoch(start)
    until = last if end is None else epoch(end) + STEP
    if not first <= begin < until <= last or (begin - first) % STEP:
        raise TimeError(
            f"{forcing.path}: the period from {moment(begin)} to the hour before "
            f"{moment(until)} is not one of whole hours within the forcing, which has "
            f"{moment(first)} to {moment(last)}"
        )
    return begin, (until - begin) // STEP
