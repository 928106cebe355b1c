"""Run folders, in the layout of NextGen In A Box."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..bmi import Component
from ..bmi.settings import STARTS
from ..bmi.shared import bundle_named
from ..errors import ConfigError
from ..files import atomic, atomic_folder
from .attributes import Attributes, attributes_of
from .domain import Domain
from .routing import routing_settings
from .subset import copy_hydrofabric
from .write_forcing import write_forcing

__all__ = ["OUTPUTS", "Prepared", "component_settings", "prepare", "realization_text"]

FOLDERS = (
    "config/cat_config/dmx", "forcings", "outputs/ngen", "outputs/troute", "metadata",
    "restart", "lakeout",
)  # fmt: skip

OUTPUTS = {
    "land_surface_water__runoff_depth": "runoff",
    "snowpack__leq_depth": "snow_water_equivalent",
    "land_surface_water_evaporation__volume_flux": "evaporation",
}
"""Variables of interest, where the model has them: published name and heading."""

EQUILIBRIUM = ("p_mean", "t_mean", "latitude")
"""What must be known of a climate to begin with the stores it leads to."""

MAIN = "land_surface_water__runoff_depth"

TOLERANCE = 1e-6
"""Of the mass balance, mm: far above rounding over decades, far below any leak."""


@dataclass(frozen=True)
class Prepared:
    """What was made.

    Parameters
    ----------
    folder : Path
    catchments, hours : int
    remarks : tuple of str
        What to know before running it.
    """

    folder: Path
    catchments: int
    hours: int
    remarks: tuple[str, ...]


def component_settings(
    bundle: str,
    domain: Domain,
    *,
    evaporation: str | None = None,
    state: str | None = None,
) -> dict[str, Any]:
    """Return the settings of a component at any of the catchments, without them.

    Parameters
    ----------
    bundle : str
        Name of a bundle that comes with the package, or the folder of one.
    domain : Domain
        For the period.
    evaporation : str, optional
        Where potential evaporation comes from; default: as the model was trained.
    state : str, optional
        ``cold``, ``equilibrium`` or a state file; default: ``equilibrium`` where the
        model knows enough of the climate.

    Raises
    ------
    ConfigError
        When the model has another step than an hour.
    """
    model = bundle_named(bundle, Path())
    if "hourly" not in model.spec.time_steps:
        raise ConfigError(f"bundle {bundle!r} cannot be run with a step of an hour")
    if state is None:
        known = {attribute.name for attribute in model.variables.attributes}
        state = "equilibrium" if known >= set(EQUILIBRIUM) else "cold"
    elif state not in STARTS:
        if not Path(state).is_file():
            raise ConfigError(f"state: {state}: no such file")
        state = str(Path(state).resolve())
    settings: dict[str, Any] = {
        "bundle": str(Path(bundle).resolve()) if Path(bundle).is_dir() else bundle,
        "time_step": "hourly",
        "units": "ngen",
        "start_time": domain.start_time,
        "state": state,
    }
    if evaporation is not None:
        settings["evaporation"] = evaporation
    return settings


def prepare(
    domain: Domain,
    bundle: str,
    folder: Path,
    *,
    attributes: Path | None = None,
    evaporation: str | None = None,
    state: str | None = None,
    routing: bool = False,
) -> Prepared:
    """Make a run folder.

    Parameters
    ----------
    domain : Domain
        From :func:`~bmi_dmx.ngen.domain.open_domain`.
    bundle : str
        Name of a bundle that comes with the package, or the folder of one.
    folder : Path
        To be made; must be empty or not there.
    attributes : Path, optional
        CSV table of attributes, which go before those of the hydrofabric.
    evaporation : str, optional
        Where potential evaporation comes from.
    state : str, optional
        ``cold`` or ``equilibrium``; see :func:`component_settings`.
    routing : bool
        Write a configuration of the channel routing, too.

    Returns
    -------
    Prepared

    Raises
    ------
    ConfigError, DataError, BundleError
        When the folder is not empty, or something that is needed is not there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: is there already and not empty")
    if state not in (None, *STARTS):
        raise ConfigError(
            f"state: found {state!r}, expected {' or '.join(STARTS)}: a saved state is "
            "of all its catchments together, or restored by the framework"
        )
    settings = component_settings(bundle, domain, evaporation=evaporation, state=state)
    model = bundle_named(bundle, Path())
    known = attributes_of(model, domain.hydrofabric, domain.forcing, attributes)
    with atomic_folder(folder) as made:
        _fill(made, domain, settings, known, routing)
    begin = f"catchments start from state {settings['state']!r}"
    remarks = (*domain.remarks, *known.remarks, begin)
    return Prepared(folder, len(domain.ids), domain.steps, remarks)


def _fill(
    folder: Path,
    domain: Domain,
    settings: Mapping[str, Any],
    known: Attributes,
    routing: bool,
) -> None:
    """Write all that belongs into a run folder."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    fabric = copy_hydrofabric(domain.hydrofabric, folder / "config")
    components = folder / "config/cat_config/dmx"
    _write_components(components, settings, domain, known)
    start, steps = domain.start, domain.steps
    if routing:
        plan = routing_settings(fabric, domain.start_time, steps)
        _write(folder / "config/troute.yaml", yaml.safe_dump(plan, sort_keys=False))
    columns = _columns(components / f"{domain.ids[0]}.yml")
    text = realization_text(domain, columns, routing=routing)
    _write(folder / "config/realization.json", text)
    forcings = folder / "forcings/forcings.nc"
    write_forcing(forcings, domain.forcing, domain.ids, start, steps)


def _write(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_components(
    folder: Path, settings: Mapping[str, Any], domain: Domain, known: Attributes
) -> None:
    for k, catchment in enumerate(known.ids):
        values = {name: float(array[k]) for name, array in known.values.items()}
        places = {"ids": [catchment], "attributes": values}
        content = {**settings, "locations": places}
        text = yaml.safe_dump(content, sort_keys=False)
        (folder / f"{catchment}.yml").write_text(text, encoding="utf-8")


def _columns(config: Path) -> dict[str, str]:
    """Return output variables and their headings, with the units of the component."""
    component = Component()
    component.initialize(str(config))
    published = component.get_output_var_names()
    found = {
        name: f"{title}[{component.get_var_units(name)}]"
        for name, title in OUTPUTS.items()
        if name in published
    }
    component.finalize()
    return found


def realization_text(
    domain: Domain, columns: Mapping[str, str], *, routing: bool = False
) -> str:
    """Return a realization file that runs a component in a run folder.

    Parameters
    ----------
    domain : Domain
        For the period.
    columns : mapping of str to str
        Output variables and their headings.
    routing : bool
        Whether ``config/troute.yaml`` is there.
    """
    params = {
        "model_type_name": "bmi_dmx",
        "python_type": "bmi_dmx.Component",
        "init_config": "./config/cat_config/dmx/{{id}}.yml",
        "main_output_variable": MAIN,
        "allow_exceed_end_time": True,
        "uses_forcing_file": False,
        "cache_input_variable_metadata": True,
        "output_variables": list(columns),
        "output_header_fields": list(columns.values()),
        "mass_balance": {
            "check": True, "tolerance": TOLERANCE, "frequency": 1, "fatal": False,
        },
    }  # fmt: skip
    content: dict[str, Any] = {
        "global": {
            "formulations": [{"name": "bmi_python", "params": params}],
            "forcing": {"path": "./forcings/forcings.nc", "provider": "NetCDF"},
        },
        "time": {
            "start_time": domain.start_time,
            "end_time": domain.end_time,
            "output_interval": 3600,
        },
    }
    if routing:
        content["routing"] = {"t_route_config_file_with_path": "./config/troute.yaml"}
    content["output_root"] = "./outputs/ngen"
    return json.dumps(content, indent=2) + "\n"
