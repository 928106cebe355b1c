"""Any bundle over any file of forcing that can be read."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ..bmi.component import Component
from ..bmi.settings import LocationSettings, Settings
from ..bmi.steps import step_length
from ..bundle import Bundle
from ..errors import ConfigError, DataError
from ..operate.operation import Operation, step_text
from ..operate.shared import bundle_named
from ..operate.system import system_of
from .output import OutputVariable, Pieces, write_series
from .series import Series, missing, open_series

__all__ = ["Request", "run"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)

_BLOCK = 2**20
"""Numbers of one variable in memory: forcing and output pass through in pieces."""


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
        Name in the file by forcing, where it is none of the usual ones.
    policy : str
        What to do with forcing that is missing or absurd: ``raise`` or ``hold``.
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
    policy: str = "raise"
    block: int = _BLOCK


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
    bundle = bundle_named(request.bundle, Path())
    series = open_series(request.forcing, request.names, _system(bundle))
    try:
        component = _started(request, bundle, series)
        names = _outputs(request, component)
        pieces = Pieces(
            request.output.with_name(f".{request.output.name}.pieces"),
            _plan(request, component, series, names),
        )
        for values in _blocks(request, component, series, names, pieces):
            pieces.add(values, component.state_bytes())
        _finish(request, component, series, names, pieces)
    finally:
        series.close()
    component.finalize()
    pieces.remove()
    return request.output


def _system(bundle: Bundle) -> Any:
    return system_of(bundle.manifest.system)


def _started(request: Request, bundle: Bundle, series: Series) -> Component:
    """Return a component at the beginning of the forcing."""
    inner = _inner(request, bundle, series)
    choices = {part: name for part, name in request.parts.items() if name != "bundle"}
    operation = Operation(bundle, series.seconds, inner, choices, request.units)
    lacking = missing(series, operation.forcings)
    if lacking:
        raise DataError(
            f"{series.path}: no series of {', '.join(lacking)}; found "
            f"{', '.join(series.variables)}; --names FORCING=NAME says which one is "
            "meant"
        )
    wanted = {name: a.units for name, a in operation.understood.items()}
    settings = Settings(
        start_time=series.start,
        locations=_locations(request, operation, series),
        space=bundle.manifest.space or None,
        time_step=series.seconds,
        mode=inner,
        parts=request.parts,
        units=request.units,
        state=request.state,
        forcing_policy=request.policy,  # type: ignore[arg-type]
    )
    component = Component()
    given = series.attributes(wanted)
    if request.attributes is not None:
        table = _table(request, series, wanted)
        given = {**given, **table}
    component.start(settings, bundle, given)
    _tell(series, operation)
    return component


def _inner(request: Request, bundle: Bundle, series: Series) -> float:
    words = _system(bundle).steps
    if request.mode is not None:
        return step_length("mode", request.mode, words)
    if series.seconds in bundle.manifest.steps:
        return series.seconds
    return bundle.manifest.seconds


def _locations(
    request: Request, operation: Operation, series: Series
) -> LocationSettings | None:
    space = operation.space
    if space is None:
        return LocationSettings(ids=series.ids)
    if len(space.ids) != len(series.ids):
        raise DataError(
            f"{series.path}: found {len(series.ids)} places, the model lives at "
            f"{len(space.ids)}"
        )
    return None


def _table(
    request: Request, series: Series, wanted: Mapping[str, str]
) -> dict[str, Array]:
    from ..bmi.locations import read_locations

    assert request.attributes is not None
    block = LocationSettings(ids=series.ids, file=request.attributes.resolve())
    return read_locations(block, Path(), wanted).attributes


def _tell(series: Series, operation: Operation) -> None:
    """Say what was understood, and what was assumed."""
    for forcing in operation.forcings:
        name = series.find(forcing) or ""
        units, assumed = series.given_units(forcing, name)
        note = " (assumed: the file gives none)" if assumed else ""
        _log.info("%s: %s is %s, %s%s", series.path, name, forcing.name, units, note)
    _log.info(
        "%s: %d steps of %s from %s at %d places",
        series.path, series.steps, step_text(series.seconds), series.start,
        len(series.ids),
    )  # fmt: skip


def _outputs(request: Request, component: Component) -> list[str]:
    """Return the short names of what is written."""
    known = component._table.catalogue
    if not request.outputs:
        answers = component.bundle.manifest.answers
        entries = known.of("flux", "state")
        chosen = [e.short for e in entries if e.short in answers]
        return chosen or [e.short for e in entries]
    found = []
    for name in request.outputs:
        # Which refuses what is not there, with the nearest name.
        component.get_value_ptr(name)
        entry = known.get(name)
        if entry is None or entry.role == "forcing":
            raise ConfigError(f"outputs: {name!r} is no output")
        found.append(entry.short)
    return list(dict.fromkeys(found))


def _plan(
    request: Request, component: Component, series: Series, names: Sequence[str]
) -> dict[str, str]:
    """Return what decides the numbers of a run."""
    stat = series.path.stat()
    start = component.state_bytes()
    return {
        "forcing": f"{series.path.name}, {stat.st_size} bytes, {stat.st_mtime_ns}",
        "start": hashlib.sha256(start).hexdigest(),
        "outputs": ", ".join(names),
        "block": str(_rows(request, component, series)),
        "forcing policy": request.policy,
    }


def _rows(request: Request, component: Component, series: Series) -> int:
    widest = max(len(x) for x in component._model().forcing.values()) if (
        component._model().forcing
    ) else len(series.ids)  # fmt: skip
    return max(1, min(series.steps, request.block // widest))


def _blocks(
    request: Request,
    component: Component,
    series: Series,
    names: Sequence[str],
    pieces: Pieces,
) -> Iterator[dict[str, Array]]:
    """Yield the outputs of the pieces that are still to be run."""
    rows, done = _rows(request, component, series), pieces.done
    if done:
        component.set_state_bytes(pieces.state(), str(pieces.folder))
        _log.info("%s: goes on from step %d", request.output, done * rows)
    runner = component._model()
    pointers = {name: component.get_value_ptr(name) for name in names}
    with tqdm(
        total=series.steps, initial=done * rows, desc="run", unit=" steps", disable=None
    ) as progress:
        for first in range(done * rows, series.steps, rows):
            count = min(rows, series.steps - first)
            given = [
                (runner.forcing[f.name], series.read(f, first, count))
                for f in runner.operation.forcings
            ]
            found = {name: np.empty((count, x.size)) for name, x in pointers.items()}
            for row in range(count):
                for buffer, block in given:
                    buffer[:] = block[row]
                component.update()
                for name, pointer in pointers.items():
                    component.get_value_ptr(name)
                    found[name][row] = pointer
                progress.update()
            yield found


def _finish(
    request: Request,
    component: Component,
    series: Series,
    names: Sequence[str],
    pieces: Pieces,
) -> None:
    """Write the output, and the last state where it is wanted."""
    if pieces.done:
        component.set_state_bytes(pieces.state(), str(pieces.folder))
    known = component._table.catalogue
    entries = [entry for name in names if (entry := known.get(name)) is not None]
    variables = [
        OutputVariable(e.short, e.units, e.about, component.get_var_grid(e.short))
        for e in entries
    ]
    begin = component.start_time
    epoch = (begin - type(begin)(1970, 1, 1)).total_seconds()
    times = epoch + series.seconds * np.arange(series.steps)
    write_series(
        request.output, pieces, variables, component._located().descriptions,
        component._model().ids, times, series.seconds, component.get_component_name(),
    )  # fmt: skip
    if request.save_state is not None:
        component.save_state(request.save_state)
