"""A whole domain at once: one component with a location for every catchment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import netCDF4
import numpy as np
from tqdm import tqdm

from ..bmi import Component
from ..files import atomic
from .attributes import Attributes
from .catchment_map import write_map
from .domain import Domain
from .forcing import STEP, Array
from .setup import Done, Setup, interesting

__all__ = ["simulate"]

_BLOCK = 2**20
"""Numbers of one variable in memory: forcing and output pass through in pieces."""


def simulate(
    domain: Domain,
    bundle: str,
    output: Path,
    *,
    attributes: Path | None = None,
    evaporation: str | None = None,
    outputs: Sequence[str] | None = None,
    state: str | None = None,
    settings: Mapping[str, object] | None = None,
    save_state: Path | None = None,
    map_file: Path | None = None,
) -> Done:
    """Run a model over a domain, all catchments together, and write a NetCDF file.

    Parameters
    ----------
    domain : Domain
        From :func:`~bmi_dmx.ngen.domain.open_domain`.
    bundle : str
        Name of a bundle that comes with the package, or the folder of one.
    output : Path
        CF NetCDF file; exists whole or not at all.
    attributes : Path, optional
        CSV table of attributes, which go before those of the hydrofabric.
    evaporation : str, optional
        Where potential evaporation comes from.
    outputs : sequence of str, optional
        Variables to write, by either of their names.
    state : str, optional
        What to start from; see :meth:`.setup.Setup.of`.
    settings : mapping of str to object, optional
        More settings of the component; see there.
    save_state : Path, optional
        Where to save the last state.
    map_file : Path, optional
        GeoPackage of the outlines with the means of the outputs over the period; needs
        geopandas.

    Returns
    -------
    Done

    Raises
    ------
    DmxError
        When something that is needed is not there or does not fit.
    """
    if map_file is not None:
        import geopandas  # noqa: F401 - where it is missing, say so before the run

    setup = Setup.of(
        domain,
        bundle,
        attributes=attributes,
        evaporation=evaporation,
        state=state,
        settings=settings,
    )
    component = setup.started()
    names = list(outputs or interesting(component))
    sums = {name: np.zeros(len(domain.ids)) for name in names}
    with atomic(output) as temporary:
        file = _OutputFile(temporary, component, setup, names)
        try:
            for first, values in _blocks(component, domain, names):
                file.write(first, values)
                for name, block in values.items():
                    sums[name] += block.sum(axis=0)
        finally:
            file.close()
    if save_state is not None:
        component.save_state(save_state)
    if map_file is not None:
        means = {
            f"{name}[{component.get_var_units(name)}]": total / domain.steps
            for name, total in sums.items()
        }
        write_map(map_file, domain.hydrofabric, means)
    component.finalize()
    return setup.done(output)


def _blocks(
    component: Component, domain: Domain, names: Sequence[str]
) -> Iterator[tuple[int, dict[str, Array]]]:
    """Yield the number of the first hour and (time, catchment) outputs, in pieces."""
    inputs = {n: component.get_var_units(n) for n in component.get_input_var_names()}
    rows = max(1, min(domain.steps, _BLOCK // len(domain.ids)))
    pointers = {name: component.get_value_ptr(name) for name in names}
    with tqdm(total=domain.steps, desc="run", unit=" hours", disable=None) as hours:
        for first in range(0, domain.steps, rows):
            count = min(rows, domain.steps - first)
            at = domain.start + first * STEP
            given = {
                name: domain.forcing.block(domain.ids, name, units, at, count)
                for name, units in inputs.items()
            }
            found = {name: np.empty((count, len(domain.ids))) for name in names}
            for row in range(count):
                for name, block in given.items():
                    component.set_value(name, block[row])
                component.update()
                for name, pointer in pointers.items():
                    found[name][row] = pointer
                hours.update()
            yield first, found


class _OutputFile:
    """A CF file of time series (discrete sampling geometry)."""

    def __init__(
        self,
        path: Path,
        component: Component,
        setup: Setup,
        names: Sequence[str],
    ) -> None:
        domain, known = setup.domain, setup.attributes
        self._file = netCDF4.Dataset(path, "w", format="NETCDF4")
        self._file.setncatts(
            {
                "Conventions": "CF-1.10",
                "featureType": "timeSeries",
                "title": "Runoff of catchments",
                "source": component.get_component_name(),
            }
        )
        self._file.createDimension("time", domain.steps)
        self._file.createDimension("catchment", len(known.ids))
        self._file.createDimension("bounds", 2)
        self._time(domain)
        self._places(known)
        for name in names:
            self._file.createVariable(
                name, "f8", ("time", "catchment"), zlib=True, complevel=1
            ).setncatts(
                {
                    "units": component.get_var_units(name),
                    "coordinates": "catchment_id",
                }
            )

    def _time(self, domain: Domain) -> None:
        begin = domain.start + STEP * np.arange(domain.steps)
        time = self._file.createVariable("time", "i8", ("time",))
        time.setncatts(
            {
                "standard_name": "time", "calendar": "standard", "axis": "T",
                "units": "seconds since 1970-01-01 00:00:00", "bounds": "time_bounds",
                "comment": "beginning of the hour, UTC",
            }
        )  # fmt: skip
        time[:] = begin
        bounds = self._file.createVariable("time_bounds", "i8", ("time", "bounds"))
        bounds[:] = np.column_stack((begin, begin + STEP))

    def _places(self, known: Attributes) -> None:
        ids = self._file.createVariable("catchment_id", str, ("catchment",))
        ids.cf_role = "timeseries_id"
        ids[:] = np.array(known.ids, dtype=object)
        units = {
            "area_km2": "km2", "latitude": "degrees_north", "longitude": "degrees_east"
        }  # fmt: skip
        for name, unit in units.items():
            if name in known.values:
                variable = self._file.createVariable(name, "f8", ("catchment",))
                variable.units = unit
                variable[:] = known.values[name]

    def write(self, first: int, values: dict[str, Array]) -> None:
        for name, block in values.items():
            self._file[name][first : first + len(block)] = block

    def close(self) -> None:
        self._file.close()
