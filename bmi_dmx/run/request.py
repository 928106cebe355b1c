"""What to run over what: the request, and what its files have of what a model needs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bmi.locations import read_locations
from ..bmi.settings import LocationSettings
from ..bmi.steps import step_length
from ..bundle import Bundle
from ..data.table import is_table
from ..errors import ConfigError, DataError, suggestion
from ..operate.bundle_cache import bundle_named
from ..operate.operation import Operation, step_text
from ..operate.parameters import check_attribute
from ..operate.screen import Policy
from ..operate.system import system_of
from ..space import Grid
from .cluster import Crew
from .csv_series import CsvSeries
from .netcdf_series import NetcdfSeries
from .series import Series

__all__ = [
    "Request",
    "attributes_of",
    "closed_at",
    "files_of",
    "forcing_of",
    "operation_of",
    "told_with",
]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to run, over what, and what to keep.

    Parameters
    ----------
    bundle : str
        Name of a bundle that comes with the package, or the folder of one.
    forcing : Path
        NetCDF file of forcing at any number of places, or CSV file of one.
    output : Path
        CF NetCDF file to write.
    attributes : Path, optional
        CSV or NetCDF table of what is known of the places; it goes before what the
        file of forcing has of them.
    outputs : tuple of str
        What to write, by either of its names; default: what the model answers with.
    state : str
        What to start from: ``cold``, a start of the system, or a saved state.
    save_state : Path, optional
        Where to save the last state.
    mode : str, optional
        Length of a step of the physics; default: that of the forcing, where the bundle
        runs at it, else that of its training.
    parts : dict of str to str
        What is run in place of parts of the bundle.
    units : str
        Unit system of the outputs.
    names : dict of str to str
        Name in the files by forcing or attribute, where it is none of the usual ones.
    policy : Policy
        What to do with forcing that is missing or absurd; see
        :class:`~bmi_dmx.bmi.settings.Settings`.
    block : int, optional
        Most numbers of one variable in memory.
    places : int, optional
        Places that are stepped together, where they do not see each other.
    crew : Crew
        Who runs them.
    single : bool
        Whether numbers of the output have 32 bits, of which 24 are digits.
    lone_step : float, optional
        Seconds of the step of a file of one time, which does not say it; default:
        that of ``mode``, else that of the training of the bundle.
    """

    bundle: str
    forcing: Path
    output: Path
    attributes: Path | None = None
    outputs: tuple[str, ...] = ()
    state: str = "cold"
    save_state: Path | None = None
    mode: str | None = None
    parts: dict[str, str] = field(default_factory=dict)
    units: str = "model"
    names: dict[str, str] = field(default_factory=dict)
    policy: Policy = "raise"
    block: int | None = None
    places: int | None = None
    crew: Crew = field(default_factory=Crew)
    single: bool = False
    lone_step: float | None = None


@contextmanager
def forcing_of(request: Request) -> Iterator[tuple[Operation, Series]]:
    """Give how a bundle is run at the steps of its forcing, and the file, open.

    Raises
    ------
    DmxError
        When the bundle cannot be run over the file.
    """
    bundle = bundle_named(request.bundle, Path())
    with _opened(request, bundle) as series:
        operation = operation_of(request, bundle, series)
        _choose(request, operation, series)
        yield operation, series


def _opened(request: Request, bundle: Bundle) -> Series:
    path = request.forcing
    if not path.exists():
        raise DataError(f"{path}: no such file")
    kind = CsvSeries if is_table(path) else NetcdfSeries
    lone_step = request.lone_step
    if lone_step is None:
        lone_step = _asked(request, bundle)
    return kind(path, request.names, system_of(bundle.manifest.system), lone_step)


def _asked(request: Request, bundle: Bundle) -> float:
    """Return the length of a step of the physics where the forcing does not say it."""
    if request.mode is None:
        return bundle.manifest.seconds
    return step_length("mode", request.mode, system_of(bundle.manifest.system).steps)


def operation_of(request: Request, bundle: Bundle, series: Series) -> Operation:
    """Return how the bundle is run at the steps of the file."""
    inner = _asked(request, bundle)
    if request.mode is None and series.seconds in bundle.manifest.steps:
        inner = series.seconds
    choices = {part: name for part, name in request.parts.items() if name != "bundle"}
    try:
        return Operation(bundle, series.seconds, inner, choices, request.units)
    except ConfigError as error:
        length = step_text(series.seconds)
        raise ConfigError(f"{series.path}: steps of {length}: {error}") from None


def _choose(request: Request, operation: Operation, series: Series) -> None:
    """Find in the file what the model needs, and say what was found."""
    forcings, plan = operation.forcings, operation.plan
    names = {f.name for f in forcings} | set(operation.understood)
    for name in request.names:
        if name not in names:
            hint = suggestion(name, names)
            raise ConfigError(f"--names: no forcing or attribute {name!r}{hint}")
    declared = {f.name: f.units for f in plan.forcings}
    declared |= {f.extreme[1]: f.units for f in plan.forcings if f.extreme is not None}
    space, fields = operation.space, None
    if space is not None and any(part.coupling == "stencil" for part in plan.parts):
        fields = {forcing.name: space.shape(forcing) for forcing in forcings}
    ids = None if space is None else space.ids
    series.choose(forcings, declared, ids, fields)
    if fields is not None and isinstance(space, Grid) and space.radius is not None:
        series.refuse_elsewhere(
            {f.name: (space.nodes("y", f.at), space.nodes("x", f.at)) for f in forcings}
        )
    for name, source in series.sources.items():
        tell = _log.warning if source.assumed else _log.info
        note = "; units are assumed, the file gives none" if source.assumed else ""
        tell("%s: %s is %s%s", series.path, name, source, note)
    _log.info(
        "%s: %d steps of %s from %s at %d places",
        series.path, series.steps, step_text(series.seconds), series.start,
        len(series.ids),
    )  # fmt: skip


def closed_at(operation: Operation) -> dict[str, NDArray[np.bool_]]:
    """Return which numbers of whole fields are not of the system, by forcing.

    Parameters
    ----------
    operation : Operation
        The model; of one without a mask there are none.
    """
    space = operation.space
    if not isinstance(space, Grid) or space.mask is None:
        return {}
    return {
        f.name: ~space.open_at(f.at, f.axes).reshape(-1) for f in operation.forcings
    }


def files_of(request: Request) -> str:
    """Return the files that attributes of places are looked for in, the first first."""
    return ", ".join(map(str, filter(None, (request.attributes, request.forcing))))


def attributes_of(
    request: Request, operation: Operation, series: Series
) -> dict[str, Array]:
    """Return what is known of the places, from the table before the forcing.

    Raises
    ------
    DataError
        When something that the model needs is not there, or cannot be; names the file.
    """
    units = operation.understood
    attributes = series.attributes(units)
    origin = dict.fromkeys(attributes, str(series.path))
    if request.attributes is not None:
        if not request.attributes.exists():
            raise DataError(f"--attributes: {request.attributes}: no such file")
        aliases = {c: units[name] for name in units for c in series.aliases(name)}
        block = LocationSettings(ids=series.ids, file=request.attributes.resolve())
        columns = read_locations(block, Path(), aliases).attributes
        for name in units:
            alias = next((c for c in series.aliases(name) if c in columns), None)
            if alias is not None:
                attributes[name] = columns[alias]
                origin[name] = f"{request.attributes}: column {alias!r}"
    for name, called_so in request.names.items():
        if name in units and name not in attributes:
            where = files_of(request)
            raise DataError(f"{where}: no attribute {called_so!r} of the places")
    lacking = [name for name in operation.required if name not in attributes]
    if lacking:
        raise DataError(
            f"{files_of(request)}: no {', '.join(lacking)} of the places, which the "
            f"model needs; --attributes TABLE gives them, --names {lacking[0]}=NAME "
            "says what it is called there"
        )
    for name in operation.required:
        with told_with(origin[name]):
            check_attribute(units[name], attributes[name], series.ids)
    return attributes


@contextmanager
def told_with(files: str) -> Iterator[None]:
    """Put the files that data are of before the message of an error about them."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{files}: {error}") from None
