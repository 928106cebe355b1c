"""The Delaware River Basin sample: gauged catchments derived from its river network."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .....errors import DataError
from .basins import Array64, Times, positions
from .fluxes import converted, flow_depth
from .source import (
    Period,
    Series,
    Source,
    within,
)
from .spec import FORCINGS, DataSpec
from .stations import Station, readable

__all__ = ["Delaware", "upstream"]

COMPLETE = 0.9
"""Share of the days of every year on which a gauge must have been read."""

COARSE_SLOPE = 0.27
"""Slope on the elevation model behind CAMELS-US, relative to that on the one here.

A mean slope depends on the resolution it is measured with. Ten gauges are in both data
sets; the ratios of their slopes lie around this value: 0.24 to 0.31 in eight of them,
0.13 and 0.16 in the other two.
"""

VARIABLES = {
    "precipitation": "prcp",
    "air_temperature_min": "tmin",
    "air_temperature_max": "tmax",
}


class Delaware(Source):
    """Gauged catchments of the Delaware River, 1979 and 1980.

    The file holds hydrologic response units (HRU) that drain into river segments, and
    gauges at the lower ends of segments. A catchment is all the units whose water
    passes its gauge; its forcing, elevation, slope and location are their means
    weighted by area. Gauges with flow on at least 90 % of the days of each year are
    kept.

    Streamflow becomes depth with the drainage area that the gauge's owner publishes
    (``area_km2``). Further attributes:

    ``area_mismatch``
        area of the derived catchment relative to ``area_km2``, less 1; a large one
        means that the segment ends far from the gauge.
    ``regulated_fraction``
        share of the catchment that lies above a large dam or diversion. Below the
        reservoirs that supply New York City (Pepacton, Cannonsville, Neversink) much
        of the water is missing, which no rainfall-runoff model can know.
    ``units``
        number of HRU.
    ``slope_fine``
        mean slope (m km-1) as in the file, from a fine elevation model;
        ``slope_mean`` is brought to the scale of CAMELS-US by :data:`COARSE_SLOPE`.

    Parameters
    ----------
    spec : DataSpec
        Nothing of it is used: there is no choice.
    path : Path
        The file.
    """

    choices = ()
    units = MappingProxyType({**Source.units, "slope_fine": "m km-1"})

    @classmethod
    def shipped(cls) -> Path:
        """Return the file that comes with the package."""
        return Path(str(files("bmi_dmx") / "data" / "delaware_1979_1980.nc"))

    def __init__(self, spec: DataSpec, path: Path) -> None:
        self.path = path
        with opened(path) as file:
            self.time: Times = file["time"].to_numpy().astype("datetime64[D]")
            flow = _flow(file, path)
            complete = _well_observed(flow, self.time)
            self.ids = file["gauge_id"].to_numpy().astype(np.str_)[complete]
            area = file["hru_area"].to_numpy().astype(np.float64)
            within_catchment = _catchments(file, path)[complete]
            self.weights = within_catchment * area
            self.area = self.weights.sum(axis=1)
            self.weights /= self.area[:, None]
            self.attributes = self._attributes(file, complete)
            self.stations = _stations(file)
            self.flow = flow_depth(
                flow[complete].T,
                "m3 s-1",
                self.attributes["area_km2"],
                f"{path}: variable 'discharge'",
            )

    def _attributes(
        self, file: xr.Dataset, complete: NDArray[np.bool_]
    ) -> dict[str, Array64]:
        published = file["gauge_area"].to_numpy().astype(np.float64)[complete]

        def mean(variable: str) -> Array64:
            values: Array64 = self.weights @ file[variable].to_numpy().astype(float)
            return values

        slope = converted(mean("hru_slope"), "1", "m km-1", str(self.path))
        dammed = _above_dams(file)
        return {
            "area_km2": published,
            "latitude": mean("hru_lat"),
            "longitude": mean("hru_lon"),
            "elevation_mean": mean("hru_elev"),
            "slope_mean": COARSE_SLOPE * slope,
            "slope_fine": slope,
            "area_mismatch": self.area / published - 1.0,
            "regulated_fraction": self.weights @ dammed.astype(np.float64),
            "units": (self.weights > 0).sum(axis=1).astype(np.float64),
        }

    def series(self, ids: NDArray[np.str_], period: Period | None) -> Series:
        """Return the series of ``ids``; see :class:`Source`."""
        at = positions(ids, self.ids)
        days = within(self.time, period, str(self.path))
        forcing = {}
        with opened(self.path) as file:
            for name, variable in VARIABLES.items():
                part = file[variable].isel(time=days).transpose("time", "hru")
                where = f"{self.path}: variable {variable!r}"
                units = str(part.attrs.get("units", ""))
                values = converted(part.to_numpy(), units, FORCINGS[name], where)
                forcing[name] = (values @ self.weights[at].T).astype(np.float32)
        return Series(self.time[days], forcing, self.flow[days][:, at])

    def where(self, name: str, basin: str) -> str:
        """Return file and variable; see :class:`Source`."""
        variable = VARIABLES.get(name, "discharge")
        return f"{self.path}: variable {variable!r}"


def opened(path: Path) -> xr.Dataset:
    """Open the file; use it in a ``with`` statement."""
    try:
        # A length of time is a number: older releases of xarray would think otherwise.
        return xr.open_dataset(path, engine="netcdf4", decode_timedelta=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as NetCDF: {error}") from None


def _stations(file: xr.Dataset) -> dict[str, Station]:
    """Return names and coordinates of all gauges."""
    columns = (
        file[f"gauge_{what}"].to_numpy() for what in ("id", "name", "lon", "lat")
    )
    return {
        str(gauge): Station(readable(str(name)), float(x), float(y))
        for gauge, name, x, y in zip(*columns, strict=True)
    }


def upstream(downstream: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Return which segments drain through which.

    Parameters
    ----------
    downstream : (S,) array of int
        1-based number of the segment below each segment; 0 for an outlet.

    Returns
    -------
    (S, S) array of bool
        ``[i, j]`` is True when the water of segment ``j`` passes the lower end of
        ``i``; every segment drains through itself.

    Raises
    ------
    DataError
        The network runs in a circle.
    """
    count = downstream.size
    through = np.zeros((count, count), dtype=bool)
    # Follow all the drops of water downstream together, one segment at a time.
    source: NDArray[np.intp] = np.arange(count)
    place: NDArray[np.integer[Any]] = np.arange(count)
    for _ in range(count):
        through[place, source] = True
        below = downstream[place]
        source, place = source[below > 0], below[below > 0] - 1
        if source.size == 0:
            return through
    raise DataError("the river network runs in a circle")


def _catchments(file: xr.Dataset, path: Path) -> NDArray[np.bool_]:
    """Return which HRU (columns) drain to which gauge (rows)."""
    through = upstream(file["segment_downstream"].to_numpy())
    receiving = file["hru_segment"].to_numpy()
    gauged = file["gauge_segment"].to_numpy()
    if (gauged < 1).any():
        name = file["gauge_id"].to_numpy()[gauged < 1][0]
        raise DataError(f"{path}: gauge '{name}' is at no segment")
    drains = through[gauged - 1][:, receiving - 1]
    # HRU that drain into no segment (0) run straight into the sea.
    result: NDArray[np.bool_] = drains & (receiving > 0)
    return result


def _above_dams(file: xr.Dataset) -> NDArray[np.bool_]:
    """Return which HRU drain through a gauge at a large dam or diversion."""
    dams = file["gauge_segment"].to_numpy()[file["gauge_dam"].to_numpy() == 1]
    through = upstream(file["segment_downstream"].to_numpy())[dams - 1].any(axis=0)
    receiving = file["hru_segment"].to_numpy()
    result: NDArray[np.bool_] = through[receiving - 1] & (receiving > 0)
    return result


def _flow(file: xr.Dataset, path: Path) -> Array64:
    """Return the discharge of all gauges, (G, T) in m3 s-1."""
    variable = file["discharge"].transpose("gauge", "time")
    where = f"{path}: variable 'discharge'"
    units = str(variable.attrs.get("units", ""))
    flow: Array64 = converted(
        variable.to_numpy().astype(np.float64), units, "m3 s-1", where
    )
    return flow


def _well_observed(flow: Array64, time: Times) -> NDArray[np.bool_]:
    years = time.astype("datetime64[Y]")
    shares = [np.isfinite(flow[:, years == y]).mean(axis=1) for y in np.unique(years)]
    complete: NDArray[np.bool_] = np.min(shares, axis=0) >= COMPLETE
    return complete
