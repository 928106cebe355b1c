"""Any bundle over any file of forcing that can be read."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..bmi.component import Component
from ..bmi.locations import read_locations
from ..bmi.settings import LocationSettings, Settings
from ..bmi.steps import step_length
from ..bundle import Bundle
from ..errors import ConfigError, DataError, suggestion
from ..files import atomic
from ..operate.operation import Operation, step_text
from ..operate.screen import Policy
from ..operate.shared import bundle_named
from ..operate.system import system_of
from .csv_series import CsvSeries
from .netcdf_series import NetcdfSeries
from .output import Axis, OutputVariable, SeriesFile
from .pieces import Pieces
from .series import Series
from .steps import BLOCK, Steps, rows_of

__all__ = ["Request", "run"]

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
    block : int
        Most numbers of one variable in memory.
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
    block: int = BLOCK


def run(request: Request) -> Path:
    """Run a bundle over a file of forcing.

    The run is streamed: memory does not grow with its length. One that was stopped or
    killed goes on from where it was when it is asked for again.

    Returns
    -------
    Path
        The output.

    Raises
    ------
    DmxError
        When something that is needed is not there or does not fit.
    """
    if request.output.is_dir():
        raise ConfigError(f"--output: {request.output} is a folder, expected a file")
    bundle = bundle_named(request.bundle, Path())
    with _opened(request, bundle) as series:
        operation = _operation(request, bundle, series)
        _choose(request, operation, series)
        component = _started(request, operation, series)
        names = _outputs(request, component)
        folder = request.output.with_name(f".{request.output.name}.pieces")
        pieces = Pieces(folder, _plan(request, component, series, names))
        try:
            _advance(request, component, series, names, pieces)
            _finish(request, component, series, names, pieces)
        finally:
            pieces.close()
    component.finalize()
    pieces.remove()
    return request.output


def _opened(request: Request, bundle: Bundle) -> Series:
    path = request.forcing
    if not path.exists():
        raise DataError(f"{path}: no such file")
    text = path.suffix.lower() in (".csv", ".txt", ".tsv")
    kind = CsvSeries if text else NetcdfSeries
    return kind(path, request.names, system_of(bundle.manifest.system))


def _operation(request: Request, bundle: Bundle, series: Series) -> Operation:
    """Return how the bundle is run at the steps of the file."""
    inner = bundle.manifest.seconds
    if request.mode is not None:
        inner = step_length(
            "mode", request.mode, system_of(bundle.manifest.system).steps
        )
    elif series.seconds in bundle.manifest.steps:
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
    known = {f.name for f in forcings} | set(operation.understood)
    for name in request.names:
        if name not in known:
            hint = suggestion(name, known)
            raise ConfigError(f"--names: no forcing or attribute {name!r}{hint}")
    declared = {f.name: f.units for f in plan.forcings}
    declared |= {f.extreme[1]: f.units for f in plan.forcings if f.extreme is not None}
    space, fields = operation.space, None
    if space is not None and any(part.coupling == "stencil" for part in plan.parts):
        fields = {forcing.name: space.shape(forcing) for forcing in forcings}
    ids = None if space is None else space.ids
    series.choose(forcings, declared, ids, fields)
    for name, source in series.sources.items():
        tell = _log.warning if source.assumed else _log.info
        note = "; units are assumed, the file gives none" if source.assumed else ""
        tell("%s: %s is %s%s", series.path, name, source, note)
    _log.info(
        "%s: %d steps of %s from %s at %d places",
        series.path, series.steps, step_text(series.seconds), series.start,
        len(series.ids),
    )  # fmt: skip


def _started(request: Request, operation: Operation, series: Series) -> Component:
    """Return a component at the beginning of the forcing."""
    component = Component()
    lives = operation.space is not None
    settings = Settings(
        start_time=series.start,
        locations=None if lives else LocationSettings(ids=series.ids),
        time_step=series.seconds,
        mode=operation.inner,
        parts=request.parts,
        units=request.units,
        outputs=request.outputs or None,
        state=request.state,
        forcing_policy=request.policy,
    )
    component.start(settings, operation.bundle, _attributes(request, operation, series))
    component.runner.parameterize()
    return component


def _attributes(
    request: Request, operation: Operation, series: Series
) -> dict[str, Array]:
    """Return what is known of the places, from the table before the forcing."""
    units = operation.understood
    found = series.attributes(units)
    where = [series.path]
    if request.attributes is not None:
        where.insert(0, request.attributes)
        called = {c: units[name] for name in units for c in series.called(name)}
        block = LocationSettings(ids=series.ids, file=request.attributes.resolve())
        columns = read_locations(block, Path(), called).attributes
        for name in units:
            given = next((c for c in series.called(name) if c in columns), None)
            if given is not None:
                found[name] = columns[given]
    files = ", ".join(map(str, where))
    for name, called_so in request.names.items():
        if name in units and name not in found:
            raise DataError(f"{files}: no attribute {called_so!r} of the places")
    lacking = [name for name in operation.required if name not in found]
    if lacking:
        raise DataError(
            f"{files}: no {', '.join(lacking)} of the places, which the model needs; "
            f"--attributes TABLE gives them, --names {lacking[0]}=NAME says what it is "
            "called there"
        )
    return found


def _outputs(request: Request, component: Component) -> list[str]:
    """Return the short names of what is written."""
    entries = map(component.catalogue.get, component.get_output_var_names())
    published = [entry.short for entry in entries if entry is not None]
    answers = component.bundle.manifest.answers
    usual = [name for name in published if name in answers]
    return published if request.outputs else usual or published


def _plan(
    request: Request, component: Component, series: Series, names: Sequence[str]
) -> dict[str, str]:
    """Return what decides the numbers of a run."""
    stat = series.path.stat()
    start = hashlib.sha256(component.state_bytes()).hexdigest()
    sources = series.sources.items()
    return {
        "version": __version__,
        "file of forcing": f"{series.path.name}, {stat.st_size} bytes, "
        f"{stat.st_mtime_ns}",
        "choice of series": ", ".join(f"{name} is {s}" for name, s in sources),
        "start (bundle, settings, places, attributes, state)": start,
        "choice of outputs": ", ".join(names),
        "steps of a piece": str(_rows(request, component, series)),
        "treatment of missing forcing": str(request.policy),
    }


def _rows(request: Request, component: Component, series: Series) -> int:
    widths = [component.get_value_ptr(name).size for name in series.sources]
    return rows_of(series.steps, max((len(series.ids), *widths)), request.block)


def _advance(
    request: Request,
    component: Component,
    series: Series,
    names: Sequence[str],
    pieces: Pieces,
) -> None:
    """Run what is still to be run, piece by piece."""
    rows = _rows(request, component, series)
    first = pieces.done * rows
    if first:
        component.set_state_bytes(pieces.state(), str(pieces.folder))
        _log.info("%s: goes on from step %d", request.output, first)
    forcings = component.runner.operation.forcings

    def read(begin: int, count: int) -> Mapping[str, Array]:
        return {f.name: series.read(f, begin, count) for f in forcings}

    try:
        for _, values in Steps(component, read, names).blocks(series.steps, rows, first):
            pieces.add(values, component.state_bytes())
    except DataError as error:
        where = f"{series.path}: "
        raise DataError(f"{where}{str(error).removeprefix(where)}") from None


def _finish(
    request: Request,
    component: Component,
    series: Series,
    names: Sequence[str],
    pieces: Pieces,
) -> None:
    """Write the output, and the last state where it is wanted."""
    known = component.catalogue
    entries = [entry for name in names if (entry := known.get(name)) is not None]
    variables = [
        OutputVariable(e.short, e.units, e.about, component.get_var_grid(e.short))
        for e in entries
    ]
    constants = {
        OutputVariable(e.short, e.units, e.about): component.get_value_ptr(e.short)
        for e in known.of("attribute")
        if e.short not in names
    }
    begin = component.start_time
    epoch = (begin - type(begin)(1970, 1, 1)).total_seconds()
    whole = pieces.whole(request.output.suffix)
    with (
        atomic(whole) as temporary,
        SeriesFile(
            temporary, variables, component.grids.descriptions, component.runner.ids,
            Axis(epoch, series.seconds, series.steps),
            source=component.get_component_name(),
        ) as file,
    ):  # fmt: skip
        file.write_constants(constants)
        first = 0
        for piece in pieces:
            file.write(first, piece)
            first += len(next(iter(piece.values())))
    if request.save_state is not None:
        component.save_state(request.save_state)
    os.replace(whole, request.output)
