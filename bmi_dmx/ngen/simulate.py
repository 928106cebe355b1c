"""A whole domain at once: one component with a location for every catchment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..files import atomic
from ..models.hydrology.system import PLACES
from ..run.output import Axis, OutputVariable, SeriesFile
from ..run.steps import Steps, rows_of
from .attributes import Attributes
from .catchment_map import write_map
from .domain import Domain
from .forcing import STEP, Array
from .setup import Done, Setup, interesting

__all__ = ["simulate"]


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
    units = {n: component.get_var_units(n) for n in component.get_input_var_names()}

    def read(first: int, count: int) -> dict[str, Array]:
        begin = domain.start + first * STEP
        return {
            name: domain.forcing.block(domain.ids, name, unit, begin, count)
            for name, unit in units.items()
        }

    rows = rows_of(domain.steps, len(domain.ids))
    variables = [OutputVariable(n, component.get_var_units(n)) for n in names]
    with (
        atomic(output) as temporary,
        SeriesFile(
            temporary, variables, component.grids.descriptions, setup.attributes.ids,
            Axis(domain.start, STEP, domain.steps), place="catchment",
            title="Runoff of catchments", source=component.get_component_name(),
        ) as file,
    ):  # fmt: skip
        file.write_constants(_constants(setup.attributes))
        for first, values in Steps(component, read, names).blocks(domain.steps, rows):
            file.write(first, values)
            for name, block in values.items():
                sums[name] += block.sum(axis=0)
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


def _constants(known: Attributes) -> dict[OutputVariable, Array]:
    """Return where the catchments are, and how large."""
    return {
        OutputVariable(a.name, a.units): known.values[a.name]
        for a in PLACES
        if a.name in known.values
    }
