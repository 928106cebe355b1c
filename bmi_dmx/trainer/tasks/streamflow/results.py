"""Files of a finished evaluation: ``streamflow.nc``, ``scores.csv``, ``summary.json``.

Each file is written next to its place and moved there when complete, so that a reader
never sees half of one and a failed run never destroys an older one.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....conversion import plain
from ....errors import DataError, suggestion
from ....files import atomic
from .metrics import metrics, summarise

__all__ = [
    "Hydrographs",
    "Series",
    "read_streamflow",
    "shown_of",
    "write_results",
    "write_scores",
    "write_streamflow",
    "write_summary",
]

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One quantity at every time step and basin.

    Parameters
    ----------
    values : array (T, B)
        NaN where missing.
    units : str
        UDUNITS string.
    about : str
        What the quantity is, in a few words.
    """

    values: NDArray[Any]
    units: str
    about: str


@dataclass(frozen=True, kw_only=True)
class Hydrographs:
    """What a run says about every basin and time step, and where the basins are.

    Parameters
    ----------
    time : array (T,) of datetime64
        Start of each time step.
    ids : array (B,) of str
        Station identifiers, unique.
    series : mapping of str to Series
        At least ``simulated``; ``observed``, ``precipitation`` and anything else the
        run put out.
    latitude, longitude, area_km2 : array (B,), optional
        Of the stations: degrees north, degrees east, km².
    names : array (B,) of str, optional
        What people call the stations.
    attributes : mapping of str to str
        Global attributes of the file, such as ``title`` and ``source``.

    Raises
    ------
    DataError
        If a shape does not fit, an identifier occurs twice, or time does not increase.
    """

    time: NDArray[np.datetime64]
    ids: NDArray[np.str_]
    series: Mapping[str, Series]
    latitude: NDArray[np.float64] | None = None
    longitude: NDArray[np.float64] | None = None
    area_km2: NDArray[np.float64] | None = None
    names: NDArray[np.str_] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.time), len(self.ids))
        if len(set(self.ids.tolist())) != len(self.ids):
            raise DataError("station identifiers are not unique")
        if not (np.diff(self.time) > np.timedelta64(0)).all():
            raise DataError("time does not increase from step to step")
        self["simulated"]
        for name, entry in self.series.items():
            if entry.values.shape != shape:
                raise DataError(
                    f"{name} has shape {entry.values.shape}, expected "
                    f"(time, basin) = {shape}"
                )
        for name in _STATION:
            values = getattr(self, name)
            if values is not None and values.shape != shape[1:]:
                raise DataError(
                    f"{name} has shape {values.shape}, expected {shape[1:]}"
                )

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return the values (T, B) of one series."""
        if name not in self.series:
            raise DataError(
                f"there is no series {name!r}{suggestion(name, self.series)}"
            )
        return self.series[name].values


NAMES = "station_name"

_STATION: dict[str, dict[str, str]] = {
    "latitude": {
        "standard_name": "latitude",
        "long_name": "latitude of the station",
        "units": "degrees_north",
    },
    "longitude": {
        "standard_name": "longitude",
        "long_name": "longitude of the station",
        "units": "degrees_east",
    },
    "area_km2": {"long_name": "area of the basin", "units": "km2"},
}
"""Attributes in the file of what is known of a station, by name."""


def write_streamflow(path: PathLike, hydrographs: Hydrographs) -> Path:
    """Write time series as CF NetCDF4 (discrete sampling geometry, time × basin).

    Parameters
    ----------
    path : path-like
        The file; its folder is created.
    hydrographs : Hydrographs
        What to write. Floating-point types are kept.
    """
    import netCDF4

    created = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    written_by = {
        "Conventions": "CF-1.10",
        "featureType": "timeSeries",
        "history": f"{created} written by bmi_dmx",
    }
    with atomic(path) as temporary, netCDF4.Dataset(temporary, "w") as file:
        file.setncatts({**hydrographs.attributes, **written_by})
        file.createDimension("time", len(hydrographs.time))
        file.createDimension("basin", len(hydrographs.ids))
        _write_time(file, hydrographs.time)
        _write_stations(file, hydrographs)
        coordinates = " ".join(
            name
            for name in ("basin_id", "latitude", "longitude")
            if name in file.variables
        )
        for name, entry in hydrographs.series.items():
            variable = file.createVariable(
                name,
                entry.values.dtype,
                ("time", "basin"),
                zlib=True,
                complevel=4,
                shuffle=True,
                fill_value=np.nan,
                # One basin is read at a time more often than one day.
                chunksizes=(len(hydrographs.time), min(16, len(hydrographs.ids))),
            )
            variable.setncatts(
                {
                    "long_name": entry.about,
                    "units": entry.units,
                    "cell_methods": "time: mean",
                    "coordinates": coordinates,
                }
            )
            variable[:] = entry.values
    return Path(path)


def _write_time(file: Any, time: NDArray[np.datetime64]) -> None:
    whole_days = (time == time.astype("datetime64[D]")).all()
    unit, name = ("D", "days") if whole_days else ("s", "seconds")
    variable = file.createVariable("time", "i8", ("time",))
    variable.setncatts(
        {
            "standard_name": "time",
            "long_name": "start of the time step",
            "units": f"{name} since 1970-01-01 00:00:00",
            "calendar": "proleptic_gregorian",
            "axis": "T",
        }
    )
    variable[:] = time.astype(f"datetime64[{unit}]").astype(np.int64)


def _write_stations(file: Any, hydrographs: Hydrographs) -> None:
    station = file.createVariable("basin_id", str, ("basin",))
    station.setncatts({"long_name": "station identifier", "cf_role": "timeseries_id"})
    station[:] = hydrographs.ids.astype(object)
    if hydrographs.names is not None:
        name = file.createVariable(NAMES, str, ("basin",))
        name.setncatts({"long_name": "name of the station"})
        name[:] = hydrographs.names.astype(object)
    for name, attributes in _STATION.items():
        values = getattr(hydrographs, name)
        if values is not None:
            variable = file.createVariable(name, "f8", ("basin",), fill_value=np.nan)
            variable.setncatts(attributes)
            variable[:] = values


def shown_of(
    path: Path,
    flows: Hydrographs,
    names: Sequence[str],
    start: date | None,
    end: date | None,
    *,
    what: str,
) -> tuple[list[int], NDArray[np.bool_]]:
    """Return which places and steps of a file are to be drawn.

    Parameters
    ----------
    path : Path
        The file, for messages.
    flows : Hydrographs
        What it holds.
    names : sequence of str
        Ids of places; all when empty.
    start, end : date, optional
        First and last day.
    what : str
        What a place is called.

    Raises
    ------
    DataError
        A place is not in the file, or it has no such days.
    """
    ids = flows.ids.tolist()
    for name in names:
        if name not in ids:
            raise DataError(f"{path}: no {what} {name!r}{suggestion(name, ids)}")
    days = flows.time.astype("datetime64[D]")
    steps = np.ones(len(days), dtype=bool)
    if start is not None:
        steps &= days >= np.datetime64(start)
    if end is not None:
        steps &= days <= np.datetime64(end)
    if not steps.any():
        raise DataError(f"{path}: no such days; it has {days[0]} to {days[-1]}")
    return [ids.index(name) for name in names or ids], steps


def read_streamflow(path: PathLike) -> Hydrographs:
    """Read a file of :func:`write_streamflow`.

    Raises
    ------
    DataError
        If the file is not NetCDF or lacks what such a file has.
    """
    import netCDF4

    if not Path(path).is_file():
        raise DataError(
            f"{path}: no such file; dmx evaluate RUN writes one, in a folder of the run"
        )
    try:
        file = netCDF4.Dataset(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read as NetCDF: {error}") from error
    with file:
        file.set_auto_mask(False)
        for name in ("time", "basin_id"):
            if name not in file.variables:
                hint = suggestion(name, file.variables)
                raise DataError(f"{path}: there is no variable {name!r}{hint}")
        units, _, start = file["time"].units.partition(" since ")
        if units not in ("days", "seconds"):
            raise DataError(
                f"{path}: time: units {file['time'].units!r}, expected "
                "'days since …' or 'seconds since …'"
            )
        steps = file["time"][:].astype(
            f"timedelta64[{'D' if units == 'days' else 's'}]"
        )
        stations = {n: file[n][:] for n in _STATION if n in file.variables}
        return Hydrographs(
            time=np.datetime64(start.split()[0]) + steps,
            ids=file["basin_id"][:].astype(str),
            series={
                name: Series(values=v[:], units=v.units, about=v.long_name)
                for name, v in file.variables.items()
                if v.dimensions == ("time", "basin")
            },
            names=file[NAMES][:].astype(str) if NAMES in file.variables else None,
            attributes={name: str(file.getncattr(name)) for name in file.ncattrs()},
            **stations,
        )


def write_scores(
    path: PathLike,
    ids: NDArray[np.str_],
    scores: Mapping[str, ArrayLike],
    stations: Mapping[str, ArrayLike] | None = None,
) -> Path:
    """Write one row per basin: identifier, station columns, scores.

    Parameters
    ----------
    path : path-like
        The CSV file; its folder is created.
    ids : array (B,) of str
        Station identifiers.
    scores : mapping of str to array (B,)
        Scores by name; one that is not defined becomes an empty cell. Their units are
        those of the registry of metrics, repeated in ``summary.json``.
    stations : mapping of str to array (B,), optional
        Further columns, placed between identifier and scores.
    """
    columns: dict[str, NDArray[Any]] = {"basin_id": np.asarray(ids)}
    for name, column in {**(stations or {}), **scores}.items():
        values = np.asarray(column)
        if values.shape != columns["basin_id"].shape:
            raise DataError(
                f"{name} has shape {values.shape}, expected one value for each of "
                f"{len(ids)} basins"
            )
        columns[name] = values
    with (
        atomic(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow([_cell(value) for value in row])
    return Path(path)


def _cell(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return "" if math.isnan(value) else f"{value:.7g}"
    return str(value)


def write_summary(
    path: PathLike,
    scores: Mapping[str, ArrayLike],
    about: Mapping[str, Any] | None = None,
) -> Path:
    """Write the distribution over basins of every score, with units and meaning.

    Parameters
    ----------
    path : path-like
        The JSON file; its folder is created.
    scores : mapping of str to array (B,)
        Scores by name, all of them registered metrics.
    about : mapping, optional
        What else a reader must know, put first: scored periods, seeds, model.
        Anything JSON can hold; NaN becomes null.
    """
    table = {}
    for name, values in scores.items():
        metric = metrics[name]
        meaning = {"units": metric.units, "about": metric.about, "ideal": metric.ideal}
        table[name] = {**meaning, **asdict(summarise(values))}
    content = {**(about or {}), "scores": table}
    summary = plain(content, Path(path).name, lambda *_: None)
    with atomic(path) as temporary:
        text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    return Path(path)


def write_results(
    folder: PathLike,
    hydrographs: Hydrographs,
    scores: Mapping[str, ArrayLike],
    about: Mapping[str, Any] | None = None,
    columns: Mapping[str, ArrayLike] | None = None,
) -> dict[str, Path]:
    """Write the three files of an evaluation into a folder.

    Parameters
    ----------
    folder : path-like
        Created if needed.
    hydrographs : Hydrographs
        Becomes ``streamflow.nc``.
    scores : mapping of str to array (B,)
        Registered metrics of every basin; become ``scores.csv`` and ``summary.json``.
    about : mapping, optional
        Head of ``summary.json``. The period of the time series is added as ``period``.
    columns : mapping of str to array (B,), optional
        Further columns of ``scores.csv``, behind the scores.

    Returns
    -------
    dict of str to Path
        The files by name.
    """
    root = Path(folder)
    entries = {name: getattr(hydrographs, name) for name in _STATION}
    stations = {name: values for name, values in entries.items() if values is not None}
    first, last = hydrographs.time[[0, -1]]
    period = {"start": first, "end": last, "steps": len(hydrographs.time)}
    return {
        "streamflow.nc": write_streamflow(root / "streamflow.nc", hydrographs),
        "scores.csv": write_scores(
            root / "scores.csv",
            hydrographs.ids,
            {**scores, **(columns or {})},
            stations,
        ),
        "summary.json": write_summary(
            root / "summary.json", scores, {**(about or {}), "period": period}
        ),
    }
