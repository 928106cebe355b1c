"""Flow at gauges from time slices, the files that t-route takes observations from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...assimilation.operation.series import ObservedSeries, seconds_of
from ...data.identity import texts_of
from ...data.netcdf import numbers, opened, raw, units_of
from ...data.times import moment_of_text
from ...errors import DataError, suggestion

__all__ = ["read_timeslice"]

_STATION, _TIME, _FLOW, _QUALITY = "stationId", "time", "discharge", "discharge_quality"


def read_timeslice(path: Path) -> ObservedSeries:
    """Read one time slice: the discharge of many stations around one time.

    Parameters
    ----------
    path : Path
        NetCDF with ``stationId``, ``time`` and ``discharge`` along the stations. Where
        there is a ``discharge_quality``, 0 to 100, values of 0 are taken as missing;
        so are those below 0, which stand for it.

    Raises
    ------
    ConfigError
        When there is no such file.
    DataError
        When it is none of these, naming the variable.

    References
    ----------
    NOAA Office of Water Prediction, t-route, streamflow data assimilation,
    https://github.com/NOAA-OWP/t-route.
    """
    with opened(path) as file:
        for name in (_STATION, _TIME, _FLOW):
            if name not in file.variables:
                hint = suggestion(name, file.variables)
                raise DataError(f"{path}: no variable {name!r}{hint}")
        names = texts_of(raw(path, file[_STATION]), f"{path}: {_STATION}")
        flow = np.asarray(numbers(path, file[_FLOW]), float).reshape(-1)
        units = units_of(file[_FLOW]) or "m3 s-1"
        times = _times(path, raw(path, file[_TIME]))
        quality = None
        if _QUALITY in file.variables:
            quality = np.asarray(numbers(path, file[_QUALITY]), float).reshape(-1)
    if not len(names) == len(flow) == len(times):
        raise DataError(
            f"{path}: found {len(names)} stations, {len(times)} times and {len(flow)} "
            "values, expected as many of each"
        )
    remarks = []
    bad = flow < 0.0
    if quality is not None:
        bad |= quality == 0.0
    if bad.any():
        flow = np.where(bad, np.nan, flow)
        remarks.append("values below 0 or of quality 0 are taken as missing")
    stations = tuple(dict.fromkeys(names))
    at = {name: k for k, name in enumerate(stations)}
    return ObservedSeries(
        path=path, places=stations, units=units, time=times,
        place=np.array([at[name] for name in names], np.intp), value=flow,
        remarks=tuple(remarks),
    )  # fmt: skip


def _times(path: Path, cells: Any) -> Any:
    """Return times that are written as text, seconds since 1970."""
    moments = []
    for k, text in enumerate(texts_of(cells, f"{path}: {_TIME}")):
        moment = moment_of_text(text)
        if moment is None:
            raise DataError(
                f"{path}: {_TIME}: entry {k} is {text!r}, expected a time such as "
                "2020-10-01_00:15:00"
            )
        moments.append(moment)
    return seconds_of(np.array(moments, "datetime64[us]"))
