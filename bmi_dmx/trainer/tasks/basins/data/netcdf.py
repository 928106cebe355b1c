"""CF NetCDF files with the series and attributes of many basins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .....errors import DataError, UnitsError, suggestion
from .....models.hydrology.names import usual_names
from .basins import (
    Array32,
    Times,
    positions,
    refuse_repeated,
    refuse_uneven,
    time_axis,
)
from .source import (
    Period,
    Series,
    Source,
    add_common_names,
    converted,
    increasing,
    numeric,
    within,
)
from .spec import FORCINGS, DataSpec

__all__ = ["BasinFile", "flow_depth", "opened"]

USUAL_NAMES = {name: usual_names(name) for name in FORCINGS}
USUAL_TARGETS = ("streamflow", "qobs")

SECONDS_PER_DAY = 86400.0
M3_PER_MM_KM2 = 1000.0


class BasinFile(Source):
    """One CF NetCDF file with dimensions basin and time.

    The identifiers are the text variable with ``cf_role = "timeseries_id"``, or else
    the text coordinate of the dimension that is not ``time``, whose steps are days or
    equal parts of a day. Every series needs
    ``units``; streamflow may be a depth (mm d-1) or a volume (m3 s-1) per time. Numeric
    variables along the basins alone are attributes, text ones are encoded by
    :func:`~.source.numeric`.

    Parameters
    ----------
    spec : DataSpec
        Names of variables.
    path : Path
        The file.

    Raises
    ------
    DataError
        The file cannot be read, or a variable or dimension is not as described.
    UnitsError
        Units are missing or cannot be converted.
    """

    def __init__(self, spec: DataSpec, path: Path) -> None:
        self.path = path
        self.spec = spec
        with opened(path) as file:
            self.variables = _variables(file, spec, path)
            self.target = _target(file, spec, path)
            named = (*self.variables.values(), self.target)
            self.written = {n: str(file[n].attrs.get("units", "")) for n in named}
            self.dimension = _basin_dimension(file, self.variables, path)
            self.ids = _identifiers(file, self.dimension, path)
            self.attributes, self.units = _attributes(file, self.dimension, path)

    def series(self, ids: NDArray[np.str_], period: Period | None) -> Series:
        """Return the series of ``ids``; see :class:`Source`."""
        at = positions(ids, self.ids)
        with opened(self.path) as file:
            time = _times(file, self.path)
            steps = within(time, period, str(self.path))
            refuse_uneven(time[steps], str(self.path))
            part = file.isel({"time": steps, self.dimension: at})
            forcing = {
                name: self._values(part[variable], FORCINGS[name])
                for name, variable in self.variables.items()
            }
            target = self._flow(part[self.target], at)
        return Series(time[steps], forcing, target)

    def where(self, name: str, basin: str) -> str:
        """Return file and variable; see :class:`Source`."""
        variable = self.target if name == "streamflow" else self.variables[name]
        return f"{self.path}: variable {variable!r} ({self.written[variable]})"

    def _raw(self, variable: xr.DataArray) -> tuple[NDArray[Any], str]:
        where = f"{self.path}: variable {variable.name!r}"
        units = variable.attrs.get("units")
        if not units:
            raise UnitsError(f"{where} has no units")
        if set(variable.dims) != {"time", self.dimension}:
            raise DataError(
                f"{where} has dimensions {variable.dims}, expected"
                f" ('time', {self.dimension!r})"
            )
        return variable.transpose("time", self.dimension).to_numpy(), str(units)

    def _values(self, variable: xr.DataArray, to: str) -> Array32:
        values, units = self._raw(variable)
        where = f"{self.path}: variable {variable.name!r}"
        if to == "mm d-1":
            return np.asarray(_depth(values, units, where), dtype=np.float32)
        return np.asarray(converted(values, units, to, where), dtype=np.float32)

    def _flow(self, variable: xr.DataArray, at: NDArray[np.intp]) -> Array32:
        values, units = self._raw(variable)
        area = self.attributes.get("area_km2")
        where = f"{self.path}: variable {variable.name!r}"
        return flow_depth(values, units, None if area is None else area[at], where)


def flow_depth(
    values: NDArray[Any], units: str, area: NDArray[np.floating[Any]] | None, where: str
) -> Array32:
    """Return streamflow in mm d-1.

    Parameters
    ----------
    values : (T, B) array
        Depth or volume per time.
    units : str
        Its units.
    area : (B,) array or None
        Basin area in km2, needed for volumes.
    where : str
        File and variable, for messages.

    Raises
    ------
    UnitsError
        The units are neither, or a volume comes without areas.
    """
    try:
        depth = _depth(values, units, where)
    except UnitsError as error:
        try:
            volume = converted(values, units, "m3 s-1", where)
        except UnitsError:
            raise UnitsError(
                f"{error}; expected a depth or a volume per time, such as 'm3 s-1'"
            ) from None
        if area is None or not np.isfinite(area).all() or (area <= 0).any():
            raise UnitsError(
                f"{where}: {units!r} needs the area of every basin ('area_km2')"
            ) from None
        depth = volume * (SECONDS_PER_DAY / M3_PER_MM_KM2) / area
    return np.asarray(depth, dtype=np.float32)


def _depth(values: NDArray[Any], units: str, where: str) -> Any:
    """Return a flux of water in mm d-1; a mass of 1 kg m-2 is a depth of 1 mm."""
    try:
        return converted(values, units, "mm d-1", where)
    except UnitsError as error:
        try:
            return converted(values, units, "kg m-2 d-1", where)
        except UnitsError:
            raise error from None


def opened(path: Path) -> xr.Dataset:
    """Open a NetCDF file; use it in a ``with`` statement."""
    try:
        # A length of time is a number: older releases of xarray would think otherwise.
        return xr.open_dataset(path, engine="netcdf4", decode_timedelta=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as NetCDF: {error}") from None


def _variables(file: xr.Dataset, spec: DataSpec, path: Path) -> dict[str, str]:
    """Return the file's variable of every forcing there is."""
    found = {}
    for name, candidates in USUAL_NAMES.items():
        asked = spec.forcings.get(name)
        if asked is not None and asked not in file:
            hint = suggestion(asked, map(str, file.data_vars))
            raise DataError(f"{path}: no variable {asked!r} for {name!r}{hint}")
        here = next((alias for alias in candidates if alias in file), asked)
        if asked or here:
            found[name] = asked or str(here)
    if "precipitation" not in found:
        raise DataError(
            f"{path}: no precipitation under {USUAL_NAMES['precipitation']}; name its"
            " variable in data.forcings.precipitation"
        )
    return found


def _target(file: xr.Dataset, spec: DataSpec, path: Path) -> str:
    names = (spec.target,) if spec.target else USUAL_TARGETS
    found = next((name for name in names if name in file), None)
    if found is None:
        hint = suggestion(names[0], map(str, file.data_vars))
        raise DataError(
            f"{path}: no observed streamflow under {names}; name its variable in"
            f" data.target{hint}"
        )
    return found


def _basin_dimension(file: xr.Dataset, variables: dict[str, str], path: Path) -> str:
    dims = file[variables["precipitation"]].dims
    others = [str(name) for name in dims if name != "time"]
    if "time" not in dims or len(others) != 1:
        raise DataError(
            f"{path}: variable {variables['precipitation']!r} has dimensions {dims},"
            " expected 'time' and one of basins"
        )
    return others[0]


def _identifiers(file: xr.Dataset, dimension: str, path: Path) -> NDArray[np.str_]:
    marked = [
        name
        for name, variable in file.variables.items()
        if variable.attrs.get("cf_role") == "timeseries_id"
    ]
    name = next((n for n in marked if file[n].dims == (dimension,)), dimension)
    if name not in file.variables:
        raise DataError(
            f"{path}: no identifiers along {dimension!r}: neither a variable with"
            " cf_role 'timeseries_id' nor a coordinate of that name"
        )
    values = _decoded(file[name])
    if values.dtype.kind not in "UO":
        raise DataError(
            f"{path}: identifiers {name!r} are of type {values.dtype}; text is"
            " expected, as numbers lose leading zeros"
        )
    ids = np.char.strip(values.astype(np.str_))
    refuse_repeated(ids, f"{path}: {name!r}")
    return ids


def _decoded(variable: xr.DataArray) -> NDArray[Any]:
    """Return values, text as such where the file holds an array of characters."""
    values = variable.to_numpy()
    if values.dtype.kind != "S":
        return values
    return np.char.decode(values, "utf-8", "replace")


def _attributes(
    file: xr.Dataset, dimension: str, path: Path
) -> tuple[dict[str, NDArray[np.float64]], dict[str, str]]:
    attributes: dict[str, NDArray[np.float64]] = {}
    units = {}
    for name, variable in file.variables.items():
        if variable.dims == (dimension,) and variable.dtype.kind in "iufbSUO":
            if name == dimension or variable.attrs.get("cf_role") == "timeseries_id":
                continue
            attributes.update(numeric(str(name), _decoded(file[name])))
            units[str(name)] = str(variable.attrs.get("units", ""))
    return attributes, add_common_names(attributes, units, str(path))


def _times(file: xr.Dataset, path: Path) -> Times:
    values: Any = file["time"].to_numpy() if "time" in file.variables else np.arange(0)
    if values.dtype.kind != "M":
        calendar = file["time"].encoding.get("calendar") if values.size else None
        found = f"in the calendar {calendar!r}" if calendar else f"of {values.dtype}"
        raise DataError(
            f"{path}: 'time' {found} is not a CF time axis in the standard calendar"
            " (units 'days since ...')"
        )
    return increasing(time_axis(values), f"{path}: 'time'")
