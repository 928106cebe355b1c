"""CF NetCDF files with the series and attributes of many basins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....data.identity import joined, names_of
from .....data.netcdf import identifying, numbers, opened, raw, stamps, units_of
from .....errors import DataError, UnitsError, suggestion
from .....models.hydrology.names import usual_names
from .basins import (
    Array64,
    TargetObservations,
    Times,
    positions,
    refuse_uneven,
    time_axis,
)
from .fluxes import flow_depth, series_of, unobserved
from .remarks import assume, remark
from .source import (
    Period,
    Series,
    Source,
    add_common_names,
    increasing,
    numeric,
    of_product,
    others_in,
    products_of,
    within,
)
from .spec import FORCINGS, NO_TARGET, VARIABLES, DataSpec

__all__ = ["BasinFile"]

USUAL_NAMES = {name: usual_names(name) for name in FORCINGS}
USUAL_TARGETS = ("streamflow", "qobs")


class BasinFile(Source):
    """One CF NetCDF file with dimensions basin and time.

    The identifiers are the variable with ``cf_role = "timeseries_id"``, or else the
    coordinate of the dimension that is not ``time``, whose steps are days or equal
    parts of a day. Every series needs ``units``; streamflow may be a depth (mm d-1) or
    a volume (m3 s-1) per time. Numeric variables along the basins alone are attributes,
    text ones are encoded by :func:`~.source.numeric`. Of several forcing products side
    by side, such as ``prcp_daymet`` and ``prcp_maurer``, ``data.product`` chooses one.

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

    choices = ("product", "products", "forcings", "target", "targets")

    def __init__(self, spec: DataSpec, path: Path) -> None:
        self.path = path
        self.spec = spec
        with opened(path) as file:
            self.variables = _variables(file, spec, path)
            self.target = _target(file, spec, path)
            self.others = others_in(
                file.variables, spec, self.variables, self.target, str(path)
            )
            names = [*self.variables.values(), *self.others.values()]
            names += filter(None, [self.target])
            self.written = {n: units_of(file[n]) for n in names}
            self.dimension = _basin_dimension(file, self.variables, path)
            identifier = _identifier(file, self.dimension, path)
            self.ids = _names(path, identifier)
            self.attributes, self.units = _attributes(
                file, self.dimension, identifier.name, path
            )

    def series(self, ids: NDArray[np.str_], period: Period | None) -> Series:
        """Return the series of ``ids``; see :class:`Source`."""
        at = positions(ids, self.ids)
        with opened(self.path) as file:
            time, steps = _times(file, self.path, period)
            forcing = {
                name: series_of(
                    self._raw(file[variable], steps, at),
                    self.written[variable],
                    VARIABLES[name],
                    f"{self.path}: variable {variable!r}",
                )
                for name, variable in self.variables.items()
            }
            others = {
                name: TargetObservations(
                    self._raw(file[variable], steps, at).astype(np.float32),
                    self.written[variable],
                    f"{self.path}: variable {variable!r}",
                )
                for name, variable in self.others.items()
            }
            if self.target is None:
                flow = unobserved(time.size, at.size)
                return Series(time, forcing, flow, others)
            target = self._raw(file[self.target], steps, at)
        area = self.attributes.get("area_km2")
        flow = flow_depth(
            target,
            self.written[self.target],
            None if area is None else area[at],
            f"{self.path}: variable {self.target!r}",
        )
        return Series(time, forcing, flow, others)

    def where(self, name: str, basin: str) -> str:
        """Return file and variable; see :class:`Source`."""
        variable = self.variables.get(name, self.target or "")
        return f"{self.path}: variable {variable!r} ({self.written.get(variable)})"

    def _raw(self, variable: Any, steps: slice, at: NDArray[np.intp]) -> Array64:
        where = f"{self.path}: variable {variable.name!r}"
        if not units_of(variable):
            raise UnitsError(f"{where} has no units")
        if sorted(variable.dimensions) != sorted(("time", self.dimension)):
            raise DataError(
                f"{where} has dimensions {variable.dimensions}, expected"
                f" ('time', {self.dimension!r})"
            )
        # The library reads runs fast; basins between those asked for are few.
        first = int(at.min())
        run = slice(first, int(at.max()) + 1)
        if variable.dimensions[0] == "time":
            block = numbers(self.path, variable, (steps, run))
        else:
            block = numbers(self.path, variable, (run, steps)).T
        part: Array64 = block[:, at - first]
        return part


def _variables(file: Any, spec: DataSpec, path: Path) -> dict[str, str]:
    """Return the file's variable of every forcing there is."""
    variables = {}
    for name, candidates in USUAL_NAMES.items():
        choice = spec.forcings.get(name)
        if choice is not None and choice not in file.variables:
            hint = suggestion(choice, file.variables)
            raise DataError(f"{path}: no variable {choice!r} for {name!r}{hint}")
        aliases = of_product(candidates, spec.product)
        here = [alias for alias in aliases if alias in file.variables]
        marked = [alias for alias in here if alias not in candidates]
        here = marked or here
        if choice is None and len(here) > 1:
            remark(
                f"{path}: variables {' and '.join(map(repr, here))} are both {name}; "
                f"{here[0]!r} is used, data.forcings.{name} chooses another"
            )
        if choice or here:
            variables[name] = choice or here[0]
    if "precipitation" not in variables:
        usual = USUAL_NAMES["precipitation"]
        several = products_of(file.variables, usual)
        hint = f"; data.product chooses one of {', '.join(several)}" if several else ""
        raise DataError(
            f"{path}: no precipitation under {usual}; name its variable in"
            f" data.forcings.precipitation{hint}"
        )
    return variables


def _target(file: Any, spec: DataSpec, path: Path) -> str | None:
    """Return the variable of observed streamflow; None where there shall be none."""
    if spec.target == NO_TARGET:
        return None
    names = (spec.target,) if spec.target else USUAL_TARGETS
    variables = [name for name in names if name in file.variables]
    if not variables:
        hint = suggestion(names[0], file.variables)
        raise DataError(
            f"{path}: no observed streamflow under {names}; name its variable in"
            f" data.target{hint}"
        )
    if len(variables) > 1:
        remark(
            f"{path}: variables {' and '.join(map(repr, variables))} are both observed"
            f" streamflow; {variables[0]!r} is used, data.target chooses another"
        )
    return variables[0]


def _basin_dimension(file: Any, variables: dict[str, str], path: Path) -> str:
    dims = file[variables["precipitation"]].dimensions
    others = [str(name) for name in dims if name != "time"]
    if "time" not in dims or len(others) != 1:
        raise DataError(
            f"{path}: variable {variables['precipitation']!r} has dimensions {dims},"
            " expected 'time' and one of basins"
        )
    return others[0]


def _identifier(file: Any, dimension: str, path: Path) -> Any:
    marked = identifying(file)
    along = [v for v in marked if v.dimensions[:1] == (dimension,)]
    if along:
        return along[0]
    if dimension not in file.variables:
        raise DataError(
            f"{path}: no identifiers along {dimension!r}: neither a variable with"
            " cf_role 'timeseries_id' nor a coordinate of that name"
        )
    return file[dimension]


def _names(path: Path, variable: Any) -> NDArray[np.str_]:
    values = raw(path, variable)
    if np.ma.getdata(values).dtype.kind in "iuf":
        remark(
            f"{path}: {variable.name}: identifiers are numbers, which have no leading"
            " zeros"
        )
    return np.array(names_of(values, f"{path}: {variable.name}"), dtype=np.str_)


def _attributes(
    file: Any, dimension: str, identifier: str, path: Path
) -> tuple[dict[str, Array64], dict[str, str]]:
    attributes: dict[str, Array64] = {}
    units = {}
    for name, variable in file.variables.items():
        if name in (dimension, identifier):
            continue
        if str(getattr(variable, "cf_role", "")) == "timeseries_id":
            continue
        values = _constants(path, variable, dimension)
        if values is None:
            continue
        attributes.update(numeric(str(name), values, str(path)))
        units[str(name)] = units_of(variable)
    return attributes, add_common_names(attributes, units, str(path))


def _constants(path: Path, variable: Any, dimension: str) -> NDArray[Any] | None:
    """Return one number or text for every basin; None if it is something else."""
    kind = "O" if variable.dtype is str else getattr(variable.dtype, "kind", "V")
    if variable.dimensions == (dimension,) and kind in "iufb":
        return numbers(path, variable)
    if variable.dimensions[:1] != (dimension,) or kind not in "OSU":
        return None
    if variable.ndim == 2 and variable.dtype == "S1":
        characters = np.ma.filled(raw(path, variable), b"")
        return np.asarray(joined(characters))
    return np.asarray(raw(path, variable)) if variable.ndim == 1 else None


def _times(file: Any, path: Path, period: Period | None) -> tuple[Times, slice]:
    """Return when the steps of a period begin, and where they stand in the file."""
    if "time" not in file.variables:
        raise DataError(f"{path}: no coordinate 'time' with units 'days since ...'")
    coordinate = stamps(path, file, file["time"])
    begins = coordinate.moments if coordinate.bounds is None else coordinate.bounds[0]
    try:
        axis = coordinate.axis()
        steps = within(time_axis(axis.times), period, str(path))
    except DataError:
        # A gap that is not read does no harm.
        if period is None or begins.offsets.size < 2:
            raise
        all_times = increasing(time_axis(begins.times), f"{path}: 'time'")
        steps = within(all_times, period, str(path))
        axis = coordinate.axis(steps)
        times = time_axis(axis.times)
    else:
        times = time_axis(axis.times)[steps]
    for text in axis.remarks:
        remark(f"{path}: 'time': {text}")
    if axis.assumption:
        assume(f"{path}: 'time': {axis.assumption}")
    refuse_uneven(times, str(path))
    return times, steps
