"""The official directory tree of CAMELS-US."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .....data.identity import refuse_repeated
from .....errors import ConfigError, DataError, UnitsError, suggestion
from .basins import Array32, Array64, Times, positions, refuse_uneven
from .fluxes import flow_depth, series_of
from .source import (
    Period,
    Series,
    Source,
    add_common_names,
    by_name,
    increasing,
    numeric,
    table_rows,
    within,
)
from .spec import VARIABLES, DataSpec

__all__ = ["CamelsUs"]

PRODUCTS = ("daymet", "maurer", "nldas")

USUAL_COLUMNS = {
    "precipitation": "prcp",
    "air_temperature_min": "tmin",
    "air_temperature_max": "tmax",
}

HEADER_UNITS = {"mm/day": "mm d-1", "C": "degC", "W/m2": "W m-2", "s": "s", "Pa": "Pa"}
"""Units as the column titles write them, and as UDUNITS does."""

COMMON_UNITS = {
    "area_gages2": "km2",
    "gauge_lat": "degrees_north",
    "gauge_lon": "degrees_east",
    "elev_mean": "m",
    "slope_mean": "m km-1",
}
"""Units that the documentation, not the files, gives (Addor et al. 2017, table 1)."""

MISSING_FLOW = -999.0
M2_PER_KM2 = 1e6
HEADER_LINES = 4

DIGITS = 8
"""Digits of the number of a gauge."""


class CamelsUs(Source):
    """CAMELS-US as distributed (Newman et al. 2015; Addor et al. 2017).

    Below the given folder, or below ``basin_dataset_public_v1p2`` in it, are expected
    ``basin_mean_forcing/<product>/<region>/<gauge>_lump_*_forcing_leap.txt`` and
    ``usgs_streamflow/<region>/<gauge>_streamflow_qc.txt``; the tables
    ``camels_attributes_v2.0/camels_*.txt`` lie in either. Streamflow (ft3 s-1, -999 is
    missing) is turned into depth with ``area_gages2``. The attribute ``area_mismatch``
    is ``area_gages2`` relative to the area in the forcing file, less 1.

    Parameters
    ----------
    spec : DataSpec
        ``product`` chooses the forcing: ``daymet`` unless said otherwise.
    path : Path
        The folder.

    References
    ----------
    Newman et al. (2015), Hydrol. Earth Syst. Sci. 19, 209-223,
    doi:10.5194/hess-19-209-2015; Addor et al. (2017), ibid. 21, 5293-5313,
    doi:10.5194/hess-21-5293-2017.
    """

    choices = ("product", "products", "forcings")

    def __init__(self, spec: DataSpec, path: Path) -> None:
        product = spec.product or "daymet"
        if product not in PRODUCTS:
            hint = suggestion(product, PRODUCTS)
            raise ConfigError(f"data.product: unknown {product!r}{hint}")
        self.path = path
        inner = path / "basin_dataset_public_v1p2"
        root = inner if inner.is_dir() else path
        self.columns = {**USUAL_COLUMNS, **spec.forcings}
        self.forcing_files = _by_gauge(
            root / "basin_mean_forcing" / product, "*/*_forcing_leap.txt"
        )
        self.flow_files = _by_gauge(root / "usgs_streamflow", "*/*_streamflow_qc.txt")
        tables = (path / "camels_attributes_v2.0", root / "camels_attributes_v2.0")
        folder = next((t for t in tables if t.is_dir()), tables[0])
        rows, lacking = _tables(folder)
        self.left_out = _incomplete(
            rows,
            lacking,
            {"forcing": self.forcing_files, "streamflow": self.flow_files},
        )
        gauges = sorted(gauge for gauge in rows if gauge not in self.left_out)
        if not gauges:
            raise DataError(f"{root}: no gauge has forcing, streamflow and attributes")
        self.ids = np.array(gauges, dtype=np.str_)
        self.attributes = _attributes([rows[gauge] for gauge in gauges], str(folder))
        self.units = add_common_names(self.attributes, COMMON_UNITS, str(folder))
        if "area_km2" not in self.attributes:
            hint = suggestion("area_gages2", self.attributes)
            raise DataError(
                f"{folder}: no column 'area_gages2' in any table, which turns"
                f" streamflow into depth{hint}"
            )
        self.attributes["area_mismatch"] = self._area_mismatch()

    def _area_mismatch(self) -> Array64:
        area = [_header(self.forcing_files[str(gauge)])[0] for gauge in self.ids]
        mismatch: Array64 = self.attributes["area_km2"] / np.array(area) - 1.0
        return mismatch

    def series(self, ids: NDArray[np.str_], period: Period | None) -> Series:
        """Return the series of ``ids``; see :class:`Source`."""
        at = positions(ids, self.ids)
        time: Times | None = None
        forcing: dict[str, list[Array32]] = {name: [] for name in self.columns}
        flows = []
        for gauge in map(str, ids):
            file = self.forcing_files[gauge]
            record, columns = _read_forcing(file, self.columns)
            flow = _read_flow(self.flow_files[gauge], gauge, record)
            steps = within(record, period, str(file))
            days = record[steps]
            if time is not None and not np.array_equal(days, time):
                odd = np.setxor1d(days, time)[0]
                raise DataError(
                    f"{file}: days {days[0]} to {days[-1]} differ from those of"
                    f" '{ids[0]}', {time[0]} to {time[-1]}: only one of them has {odd};"
                    " data.period chooses days that all have"
                )
            time = days
            for name, values in columns.items():
                forcing[name].append(values[steps])
            flows.append(flow[steps])
        assert time is not None  # ids are never empty
        refuse_uneven(time, str(self.forcing_files[str(ids[0])]))
        depth = flow_depth(
            np.column_stack(flows),
            "ft3 s-1",
            self.attributes["area_km2"][at],
            "usgs_streamflow",
        )
        stacked = {name: np.column_stack(parts) for name, parts in forcing.items()}
        return Series(time, stacked, depth)

    def where(self, name: str, basin: str) -> str:
        """Return file and variable; see :class:`Source`."""
        if name == "streamflow":
            return str(self.flow_files[basin])
        return f"{self.forcing_files[basin]}: column {self.columns[name]!r}"


def _by_gauge(folder: Path, pattern: str) -> dict[str, Path]:
    there = sorted(folder.glob(pattern))
    files = by_name(there, lambda path: path.name.split("_")[0])
    if not files:
        raise DataError(f"no files {pattern} in {folder}")
    return files


def _incomplete(
    rows: Mapping[str, Mapping[str, str]],
    lacking: Mapping[str, str],
    files: Mapping[str, Mapping[str, Path]],
) -> dict[str, str]:
    """Return the gauges that have not everything, and what they lack.

    Parameters
    ----------
    rows : mapping of str to mapping
        Attributes by gauge.
    lacking : mapping of str to str
        Gauges without a row in some table, and the first such table.
    files : mapping of str to mapping of str to Path
        Files by gauge, by what they hold.
    """
    gauges = {gauge for by_gauge in files.values() for gauge in by_gauge}
    reasons = {}
    for gauge in sorted({*rows, *gauges}):
        absent = [what for what, by_gauge in files.items() if gauge not in by_gauge]
        if gauge.zfill(DIGITS) != gauge and gauge.zfill(DIGITS) in gauges:
            reasons[gauge] = "without leading zero in the attribute tables"
        elif absent:
            reasons[gauge] = f"no file of {' and '.join(absent)}"
        elif gauge not in rows:
            reasons[gauge] = "no row in the attribute tables"
        elif gauge in lacking:
            reasons[gauge] = f"no row in {lacking[gauge]}"
    return reasons


def _tables(folder: Path) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Return the attributes by gauge, and in which table a gauge has no row."""
    files = sorted(folder.glob("camels_*.txt"))
    if not files:
        raise DataError(f"no files camels_*.txt in {folder}")
    tables = {file.name: table_rows(file) for file in files}
    merged: dict[str, dict[str, str]] = {}
    for table in tables.values():
        for gauge, row in table.items():
            merged.setdefault(gauge, {}).update(row)
    lacking = {
        gauge: name
        for name, table in reversed(tables.items())
        for gauge in merged
        if gauge not in table
    }
    return merged, lacking


def _attributes(rows: list[dict[str, str]], where: str) -> dict[str, Array64]:
    attributes: dict[str, Array64] = {}
    for name in rows[0]:
        column = np.array([row[name] for row in rows], dtype=np.str_)
        attributes.update(numeric(name, column, where))
    return attributes


def _header(file: Path) -> tuple[float, list[str]]:
    """Return the basin area (km2) and the column titles of a forcing file."""
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            head = [next(lines, "").strip() for _ in range(HEADER_LINES)]
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from None
    try:
        return float(head[2]) / M2_PER_KM2, head[3].split()
    except ValueError:
        raise DataError(
            f"{file}: the third line is {head[2]!r}, expected the basin area in m2"
        ) from None


def _read_forcing(
    file: Path, columns: dict[str, str]
) -> tuple[Times, dict[str, Array32]]:
    _, titles = _header(file)
    names = [title.split("(")[0].lower() for title in titles]
    index = refuse_repeated(names, f"{file}: header", first=1, entry="column")
    for column in columns.values():
        if column.lower() not in index:
            hint = suggestion(column, index)
            raise DataError(f"{file}: no column {column!r}{hint}")
    places = {name: index[column.lower()] for name, column in columns.items()}
    table = _numbers(file, (0, 1, 2, *places.values()), skip=HEADER_LINES)
    values = {
        name: series_of(
            table[:, 3 + at],
            _units(titles[place], file),
            VARIABLES[name],
            f"{file}: column {titles[place]!r}",
        )
        for at, (name, place) in enumerate(places.items())
    }
    return _dates(table, file), values


def _numbers(file: Path, columns: tuple[int, ...], *, skip: int = 0) -> Array64:
    """Return columns of numbers below a header."""
    try:
        with warnings.catch_warnings():
            # A file without lines is refused below, where it is named.
            warnings.filterwarnings("ignore", "loadtxt: input contained no data")
            table: Array64 = np.loadtxt(
                file, skiprows=skip, usecols=columns, encoding="utf-8", ndmin=2
            )
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{file}: {reason}") from None
    if not table.size:
        raise DataError(f"{file}: no days, the file ends after {skip} lines")
    return table


def _units(title: str, file: Path) -> str:
    units = title.partition("(")[2].rstrip(")")
    if units not in HEADER_UNITS:
        raise UnitsError(
            f"{file}: column {title!r} has units {units!r}, expected one of"
            f" {', '.join(HEADER_UNITS)}"
        )
    return HEADER_UNITS[units]


def _read_flow(file: Path, gauge: str, time: Times) -> Array64:
    """Return streamflow in ft3 s-1 on the days of ``time``, NaN where missing."""
    table = _numbers(file, (1, 2, 3, 4))
    days = _dates(table, file)
    flow = np.where(table[:, 3] == MISSING_FLOW, np.nan, table[:, 3])
    result = np.full(time.size, np.nan)
    common, here, there = np.intersect1d(
        time, days, assume_unique=False, return_indices=True
    )
    if common.size == 0:
        raise DataError(f"{file}: no day of {gauge!r} lies in the forcing's record")
    result[here] = flow[there]
    return result


def _dates(table: Array64, file: Path) -> Times:
    years, months, days = table[:, :3].astype(np.int64).T
    at = (months < 1) | (months > 12) | (days < 1) | (days > 31)
    dates: Times = (
        (years - 1970).astype("datetime64[Y]").astype("datetime64[M]")
        + (months - 1).astype("timedelta64[M]")
    ).astype("datetime64[D]") + (days - 1).astype("timedelta64[D]")
    # The 30th of February would be a day of March.
    at |= dates.astype("datetime64[M]").astype(np.int64) % 12 != months - 1
    if at.any():
        year, month, day = (int(x[np.argmax(at)]) for x in (years, months, days))
        raise DataError(f"{file}: found {year}-{month}-{day}, which is no date")
    return increasing(dates, str(file))
