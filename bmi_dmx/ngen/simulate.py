"""A whole domain at once: blocks of catchments, each one component."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..bmi import Component
from ..files import atomic, wanted_from
from ..models.hydrology.system import PLACES as KNOWN_OF_PLACES
from ..operate.bundle_cache import bundle_named
from ..run.cluster import Crew, run_all
from ..run.output import Axis, OutputVariable, SeriesFile
from ..run.pieces import digest_of
from ..run.steps import Read
from ..run.tasks import (
    PLACES,
    Division,
    Task,
    divided,
    first_of,
    folder_of,
    pieces_of,
    save_last,
)
from .attributes import Attributes
from .catchment_map import write_map
from .domain import Domain
from .forcing import STEP, Array, ForcingProvider
from .netcdf_forcing import NetcdfForcing
from .setup import Setup, SetupResult, interesting, started

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
    places: int | None = None,
    crew: Crew | None = None,
    single: bool = False,
) -> SetupResult:
    """Run a model over a domain and write a NetCDF file.

    Catchments are stepped in blocks, hours in pieces; memory grows with neither. A run
    that was stopped or killed goes on from where it was when it is asked for again.

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
    places : int, optional
        Catchments that are stepped together.
    crew : Crew, optional
        Who runs them; this process unless told.
    single : bool
        Whether numbers of the output have 32 bits, of which 24 are digits.

    Returns
    -------
    SetupResult

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
    division = _division(domain, places)
    properties, begin = setup.attributes, str(setup.settings["state"])
    whole = _Catchments(
        setup=setup.settings, attributes=properties.values, forcing=domain.forcing,
        start=domain.start, ids=properties.ids, state=begin, folder=folder_of(output),
        plan={}, names=(), steps=domain.steps,
        rows=division.rows, some=slice(0, len(domain.ids)), single=single,
    )  # fmt: skip
    blocks = [whole.part(some) for some in division.blocks]
    component = first_of(blocks).started()
    names = tuple(outputs or interesting(component))
    plan = _plan(setup, names, division, single)
    tasks = [replace(block, names=names, plan=plan) for block in blocks]
    sums = {name: np.zeros(len(domain.ids)) for name in names}
    with (
        wanted_from(folder_of(output), output),
        divided(tasks, plan, component.runner) as tasks,
    ):
        run_all(tasks, crew or Crew())
        for some, values in _written(setup, component, output, tasks, division):
            for name, block in values.items():
                sums[name][some] += block.sum(axis=0, dtype=np.float64)
        if save_state is not None:
            save_last(tasks, component.runner, save_state)
        if map_file is not None:
            means = {
                f"{name}[{component.get_var_units(name)}]": total / domain.steps
                for name, total in sums.items()
            }
            write_map(map_file, domain.hydrofabric, means)
        os.replace(_whole(output), output)
    return setup.done(output)


def _whole(output: Path) -> Path:
    return folder_of(output) / f"whole{output.suffix}"


@dataclass(frozen=True, kw_only=True)
class _Catchments(Task):
    """Some catchments of a domain.

    Parameters
    ----------
    setup : dict
        Settings of the component, as of :class:`~.setup.Setup`.
    attributes : dict of str to ndarray
        (catchment,) attributes of them.
    forcing : ForcingProvider
    start : int
        Beginning of the first hour, seconds since 1970.
    """

    setup: dict[str, Any]
    attributes: dict[str, Array]
    forcing: ForcingProvider
    start: int

    def __getstate__(self) -> dict[str, Any]:
        # Elsewhere paths would start from another folder.
        return {**self.__dict__, "folder": self.folder.absolute()}

    def part(self, some: slice) -> _Catchments:
        """Return the part at some of the catchments."""
        attributes = {name: values[some] for name, values in self.attributes.items()}
        return replace(self, attributes=attributes, ids=self.ids[some], some=some)

    def started(self) -> Component:
        """Return a component at the first hour."""
        bundle = bundle_named(str(self.setup["bundle"]), Path())
        return started(
            bundle, {**self.setup, "state": self.state}, self.ids, self.attributes
        )

    @contextmanager
    def opened(self) -> Iterator[tuple[Component, Read]]:
        """Give a component at the first hour, and what reads its forcing."""
        component = self.started()
        units = {n: component.get_var_units(n) for n in component.get_input_var_names()}

        def read(first: int, count: int) -> dict[str, Array]:
            begin = self.start + first * STEP
            return {
                name: self.forcing.block(self.ids, name, unit, begin, count)
                for name, unit in units.items()
            }

        yield component, read


def _division(domain: Domain, places: int | None) -> Division:
    """Return how hours and catchments are divided."""
    chunk = (
        domain.forcing.chunk if isinstance(domain.forcing, NetcdfForcing) else (1, 1)
    )
    width = PLACES if places is None else places
    return Division.of(domain.steps, len(domain.ids), width, chunk=chunk)


def _plan(
    setup: Setup, names: Sequence[str], division: Division, single: bool
) -> dict[str, str]:
    """Return what decides the numbers of a run."""
    domain, attributes = setup.domain, setup.attributes
    stat = domain.forcing.path.stat()
    entries = (entry for pair in attributes.values.items() for entry in pair)
    state = Path(str(setup.settings["state"]))
    return {
        "version": __version__,
        "bundle": f"{setup.bundle.name}, {digest_of(setup.bundle.fingerprint)}",
        "forcing": f"{domain.forcing.path.name}, {stat.st_size} bytes, "
        f"{stat.st_mtime_ns}",
        "settings": repr(sorted(setup.settings.items())),
        "hours": f"{domain.steps} from {domain.start_time}",
        "catchments": f"{len(attributes.ids)}, {digest_of(*attributes.ids)}",
        "attributes": digest_of(*entries),
        "state": digest_of(state.read_bytes()) if state.is_file() else "",
        "choice of outputs": ", ".join(names),
        "precision of outputs": "single" if single else "double",
        "size of a piece": f"{division.rows} hours of {division.width} catchments",
    }


def _written(
    setup: Setup,
    component: Component,
    output: Path,
    tasks: Sequence[Task],
    division: Division,
) -> Iterator[tuple[slice, dict[str, Array]]]:
    """Write all pieces to one file; yield them with their places."""
    domain = setup.domain
    names = tasks[0].names
    variables = [OutputVariable(n, component.get_var_units(n)) for n in names]
    with (
        atomic(_whole(output)) as temporary,
        SeriesFile(
            temporary, variables, component.grids.descriptions, setup.attributes.ids,
            Axis(domain.start, STEP, domain.steps), place="catchment",
            chunk=division.chunk, title="Runoff of catchments",
            single=tasks[0].single, source=component.get_component_name(),
        ) as file,
    ):  # fmt: skip
        file.write_constants(_constants(setup.attributes))
        for first, some, values in pieces_of(tasks):
            file.write(first, values, some)
            yield some, values


def _constants(attributes: Attributes) -> dict[OutputVariable, Array]:
    """Return where the catchments are, and how large."""
    return {
        OutputVariable(a.name, a.units): attributes.values[a.name]
        for a in KNOWN_OF_PLACES
        if a.name in attributes.values
    }
