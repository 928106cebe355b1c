"""The Caravan collection of basins, as NetCDF or CSV."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....data.identity import refuse_repeated
from .....data.netcdf import numbers, opened, stamps, units_of
from .....data.table import read_table
from .....data.times import times_of
from .....errors import DataError, suggestion
from .....models.hydrology.climate import DAYS_PER_YEAR
from .basins import Array32, Array64, Times
from .fluxes import series_of, unobserved
from .remarks import remark
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
from .spec import NO_TARGET, STREAMFLOW, VARIABLES, DataSpec

__all__ = ["Caravan"]

log = logging.getLogger(__name__)

USUAL_COLUMNS = {
    "precipitation": ("total_precipitation_sum",),
    "air_temperature": ("temperature_2m_mean",),
    "air_temperature_min": ("temperature_2m_min",),
    "air_temperature_max": ("temperature_2m_max",),
    "potential_evaporation": (
        "potential_evaporation_sum_FAO_PENMAN_MONTEITH",
        "potential_evaporation_sum",
    ),
}
USUAL_TARGET = "streamflow"

COMMON_UNITS = {
    "area": "km2",
    "gauge_lat": "degrees_north",
    "gauge_lon": "degrees_east",
    "elev_mean": "m",
    "slope_mean": "degree",
}
"""Units by Caravan's documentation; its tables hold none."""


SHARES = ("high_prec_freq", "low_prec_freq")
"""Frequencies that are shares of days, not days in a year."""

OTHERWISE = {
    "frac_snow": "frac_snow_monthly",
    "pet_mean": "pet_mean_era5_land",
    "aridity": "aridity_era5_land",
}
"""Indices whose definition is another than that of the name here: the snow fraction is
one of months, and potential evaporation is not Hargreaves'."""


class Caravan(Source):
    """Caravan (Kratzert et al. 2023) and its extensions.

    Expected are ``timeseries/netcdf/<set>/<gauge>.nc`` or, where that folder is absent,
    ``timeseries/csv/<set>/<gauge>.csv``, with the tables
    ``attributes/<set>/attributes_*_<set>.csv``.
    Precipitation, potential evaporation and streamflow are daily sums in mm,
    temperatures in degC; a NetCDF variable that states its units is held to them.

    Basins start and end on different days, hence the days common to all chosen basins
    are read: those between the first and the last with complete forcing. From
    HydroATLAS the mean elevation (``ele_mt_sav``) and slope (``slp_dg_sav``, tenths of
    a degree) are taken over as ``elevation_mean`` and ``slope_mean``. Frequencies of
    high and low precipitation become days in a year; what is defined otherwise than
    here has a name of its own: :data:`OTHERWISE`.

    Parameters
    ----------
    spec : DataSpec
        ``product`` chooses one source data set, such as ``camelsgb``; all when empty.
    path : Path
        The folder.

    References
    ----------
    Kratzert et al. (2023), Scientific Data 10, 61, doi:10.1038/s41597-023-01975-w.
    """

    choices = ("product", "forcings", "target")

    def __init__(self, spec: DataSpec, path: Path) -> None:
        self.spec = spec
        self.path = path
        sets = _source_sets(path / "attributes", spec.product)
        table = _attribute_table(path / "attributes", sets)
        self.files = _series_files(path / "timeseries", sets)
        gauges = sorted(table.keys() & self.files.keys())
        lacking = {
            "no file of series": table.keys() - self.files.keys(),
            "no row in the attribute tables": self.files.keys() - table.keys(),
        }
        self.left_out = {
            gauge: reason
            for reason, group in lacking.items()
            for gauge in sorted(group)
        }
        if not gauges:
            raise DataError(f"{path}: no gauge has both attributes and a series")
        self.ids = np.array(gauges, dtype=np.str_)
        tables = str(path / "attributes")
        self.attributes = _attributes([table[gauge] for gauge in gauges], tables)
        self.units = add_common_names(self.attributes, COMMON_UNITS, tables)

    def series(self, ids: NDArray[np.str_], period: Period | None) -> Series:
        """Return the series of ``ids``; see :class:`Source`."""
        files = [self.files[str(gauge)] for gauge in ids]
        names: dict[str, str] = {}
        records = []
        for file in files:
            actual, days, columns = self._basin(file)
            names = names or actual
            _same_columns(actual, file, names, files[0])
            records.append((days, columns))
        first = max(days[0] for days, _ in records)
        last = min(days[-1] for days, _ in records)
        if first > last:
            raise DataError(f"{self.path}: the chosen basins share no day with forcing")
        log.info("%d basins from %s to %s", ids.size, first, last)
        time = np.arange(first, last + 1)
        steps = within(time, period, str(self.path))
        parts = [
            _part(file, days, time[steps])
            for file, (days, _) in zip(files, records, strict=True)
        ]
        stacked = {
            name: np.column_stack(
                [
                    columns[name][p]
                    for p, (_, columns) in zip(parts, records, strict=True)
                ]
            )
            for name in names
        }
        nothing = unobserved(time[steps].size, len(files))
        target = stacked.pop(USUAL_TARGET, nothing)
        return Series(time[steps], stacked, target)

    def where(self, name: str, basin: str) -> str:
        """Return the file; see :class:`Source`."""
        return str(self.files[basin])

    def _basin(self, file: Path) -> tuple[dict[str, str], Times, dict[str, Array32]]:
        """Return columns used, days with forcing, and series in our names and units."""
        days, raw, units = (_netcdf if file.suffix == ".nc" else _csv)(file)
        increasing(days, str(file))
        columns = {}
        variables = {**VARIABLES, USUAL_TARGET: STREAMFLOW}
        names = self._columns(raw, file)
        for name, column in names.items():
            where = f"{file}: variable {column!r}"
            # The documentation promises daily sums: mm of a day are mm per day.
            unit = units.get(column) or variables[name].units
            unit = "mm d-1" if unit == "mm" else unit
            columns[name] = series_of(raw[column], unit, variables[name], where)
        forcing = [columns[name] for name in columns if name != USUAL_TARGET]
        complete = np.flatnonzero(np.isfinite(forcing).all(axis=0))
        if complete.size == 0:
            raise DataError(f"{file}: no day with complete forcing")
        span = slice(complete[0], complete[-1] + 1)
        return names, days[span], {name: x[span] for name, x in columns.items()}

    def _columns(self, raw: Mapping[str, Any], file: Path) -> dict[str, str]:
        columns = {}
        for name, candidates in USUAL_COLUMNS.items():
            choice = self.spec.forcings.get(name)
            here = choice or next((c for c in candidates if c in raw), None)
            if here is not None:
                columns[name] = here
        if self.spec.target != NO_TARGET:
            columns[USUAL_TARGET] = self.spec.target or USUAL_TARGET
        columns.setdefault("precipitation", USUAL_COLUMNS["precipitation"][0])
        for column in columns.values():
            if column not in raw:
                raise DataError(f"{file}: no {column!r}{suggestion(column, raw)}")
        return columns


def _source_sets(folder: Path, product: str) -> list[str]:
    sets = sorted(entry.name for entry in folder.glob("*") if entry.is_dir())
    if not sets:
        raise DataError(f"no folders of source data sets in {folder}")
    if product and product not in sets:
        raise DataError(
            f"data.product: no {folder / product}{suggestion(product, sets)}"
        )
    return [product] if product else sets


def _series_files(folder: Path, sets: list[str]) -> dict[str, Path]:
    for kind, ending in (("netcdf", "nc"), ("csv", "csv")):
        if (folder / kind).is_dir():
            files = [f for s in sets for f in (folder / kind / s).glob(f"*.{ending}")]
            return by_name(sorted(files), lambda file: file.stem)
    raise DataError(f"neither 'netcdf' nor 'csv' in {folder}")


def _attribute_table(folder: Path, sets: list[str]) -> dict[str, dict[str, str]]:
    """Return all attributes as text, by gauge."""
    table: dict[str, dict[str, str]] = {}
    for name in sets:
        for file in sorted((folder / name).glob(f"attributes_*_{name}.csv")):
            for gauge, row in table_rows(file).items():
                table.setdefault(gauge, {}).update(row)
    if not table:
        raise DataError(f"no attributes_*.csv for {', '.join(sets)} in {folder}")
    return table


def _attributes(rows: list[dict[str, str]], where: str) -> dict[str, Array64]:
    attributes: dict[str, Array64] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        # A column that one of the source data sets lacks is unknown there.
        column = np.array([row.get(name, "") for row in rows], dtype=np.str_)
        attributes.update(numeric(name, column, where))
    if "ele_mt_sav" in attributes:
        attributes["elev_mean"] = attributes["ele_mt_sav"]
    if "slp_dg_sav" in attributes:
        attributes["slope_mean"] = attributes["slp_dg_sav"] / 10.0
    for name in SHARES:
        if name in attributes:
            attributes[name] = attributes[name] * DAYS_PER_YEAR
    for name, common in OTHERWISE.items():
        if name in attributes:
            attributes[common] = attributes.pop(name)
    return attributes


def _netcdf(file: Path) -> tuple[Times, dict[str, NDArray[Any]], dict[str, str]]:
    with opened(file) as data:
        if "date" not in data.variables:
            raise DataError(f"{file}: no coordinate 'date'")
        coordinate = stamps(file, data, data["date"])
        begins = (
            coordinate.moments if coordinate.bounds is None else coordinate.bounds[0]
        )
        series = {
            name: variable
            for name, variable in data.variables.items()
            if variable.dimensions == ("date",) and name != "date"
        }
        values = {name: numbers(file, v) for name, v in series.items()}
        units = {name: units_of(v) for name, v in series.items()}
    return begins.times.astype("datetime64[D]"), values, units


def _csv(file: Path) -> tuple[Times, dict[str, NDArray[Any]], dict[str, str]]:
    table = read_table(file, "one line for each day")
    refuse_repeated(table.titles, f"{file}: header", first=1, entry="column")
    times, remarks = times_of(table, 0)
    for text in (*table.remarks, *remarks):
        remark(f"{file}: {text}")
    titles = enumerate(table.titles[1:], 1)
    values = {title: table.numbers(at) for at, title in titles}
    return times.astype("datetime64[D]"), values, {}


def _same_columns(
    actual: Mapping[str, str], file: Path, expected: Mapping[str, str], first: Path
) -> None:
    """Refuse files that take a series from different columns, or lack one."""
    for name in {**expected, **actual}:
        here, there = (columns.get(name) for columns in (actual, expected))
        if here != there:
            raise DataError(
                f"{file}: {name} is {_under(here)}, in {first} {_under(there)}; name a"
                f" column of both in data.forcings.{name}"
            )


def _under(column: str | None) -> str:
    return "absent" if column is None else f"under {column!r}"


def _part(file: Path, days: Times, time: Times) -> slice:
    """Return which of the days are those of ``time``, all of which must be there.

    Both increase, so that what is not there is missing.
    """
    start = int(np.searchsorted(days, time[0]))
    part = slice(start, start + time.size)
    if not np.array_equal(days[part], time):
        raise DataError(
            f"{file}: the days {time[0]} to {time[-1]} are not consecutive:"
            f" {np.setdiff1d(time, days)[0]} is missing"
        )
    return part
