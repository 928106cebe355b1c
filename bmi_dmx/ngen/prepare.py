"""Run folders, in the layout of NextGen In A Box."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..bmi import Component
from ..config import as_yaml
from ..errors import ConfigError, DmxError
from ..files import atomic, atomic_folder
from .domain import Domain
from .routing import routing_settings
from .setup import MAIN_OUTPUT, STARTS, Setup, SetupResult, interesting
from .subset import copy_hydrofabric
from .write_forcing import write_forcing

__all__ = ["prepare", "realization_text"]

FOLDERS = (
    "config/cat_config/dmx", "forcings", "outputs/ngen", "outputs/troute", "metadata",
    "restart", "lakeout",
)  # fmt: skip

TOLERANCE = 1e-6
"""Of the mass balance, mm: far above rounding over decades, far below any leak."""


def prepare(
    domain: Domain,
    bundle: str,
    folder: Path,
    *,
    attributes: Path | None = None,
    evaporation: str | None = None,
    state: str | None = None,
    settings: Mapping[str, object] | None = None,
    routing: bool = False,
) -> SetupResult:
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
        ``cold`` or ``equilibrium``; see :meth:`.setup.Setup.of`.
    settings : mapping of str to object, optional
        More settings of the component; see there.
    routing : bool
        Write a configuration of the channel routing, too.

    Returns
    -------
    SetupResult

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
    if domain.steps < 2:
        raise ConfigError(
            f"{domain.forcing.path}: found 1 hour, expected 2 at least: the framework "
            "takes the length of a step from the first two"
        )
    setup = Setup.of(
        domain,
        bundle,
        attributes=attributes,
        evaporation=evaporation,
        state=state,
        settings=settings,
    )
    # There may be 100 000 files, and what is lost can be made again.
    with atomic_folder(folder, durable=False) as temporary:
        _fill(temporary, setup, routing)
    return setup.done(folder)


def _fill(folder: Path, setup: Setup, routing: bool) -> None:
    """Write all that belongs into a run folder."""
    domain = setup.domain
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    copy_hydrofabric(domain.hydrofabric, folder / "config")
    components = folder / "config/cat_config/dmx"
    _write_components(components, setup)
    start, steps = domain.start, domain.steps
    if routing:
        # Of the file that people know, which has the same name.
        network = domain.hydrofabric.path
        plan = routing_settings(network, domain.start_time, steps)
        _write(folder / "config/troute.yaml", as_yaml(plan))
    columns = _columns(components / f"{domain.ids[0]}.yml")
    text = realization_text(domain, columns, routing=routing)
    _write(folder / "config/realization.json", text)
    forcings = folder / "forcings/forcings.nc"
    write_forcing(forcings, domain.forcing, domain.ids, start, steps)


def _write(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_components(folder: Path, setup: Setup) -> None:
    attributes = setup.attributes
    for k, catchment in enumerate(attributes.ids):
        places = {"ids": [catchment], "attributes": attributes.at(k)}
        content = {**setup.settings, "locations": places}
        text = as_yaml(content)
        (folder / f"{catchment}.yml").write_text(text, encoding="utf-8")


def _columns(config: Path) -> dict[str, str]:
    """Return output variables and their headings, with the units of the component."""
    component = Component()
    with _unseen(config):
        component.initialize(str(config))
    columns = {
        name: f"{title}[{component.get_var_units(name)}]"
        for name, title in interesting(component).items()
    }
    component.finalize()
    return columns


@contextmanager
def _unseen(path: Path) -> Iterator[None]:
    """Leave a temporary file out of messages: nobody knows it, and it will be gone."""
    try:
        yield
    except DmxError as error:
        raise type(error)(str(error).replace(f"{path}: ", "")) from error


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
        "main_output_variable": MAIN_OUTPUT,
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
