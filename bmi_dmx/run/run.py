"""Any bundle over any file of forcing that can be read."""

from __future__ import annotations

import hashlib
import logging
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..bmi.component import Component
from ..bmi.locations import read_locations
from ..bmi.settings import LocationSettings, Settings
from ..bmi.steps import step_length
from ..bundle import Bundle
from ..data.table import is_table
from ..errors import ConfigError, DataError, suggestion
from ..files import atomic, wanted_from
from ..operate.attributes import own_attributes
from ..operate.operation import Operation, step_text
from ..operate.screen import Policy
from ..operate.shared import bundle_named
from ..operate.system import system_of
from .cluster import Crew, run_all
from .csv_series import CsvSeries
from .netcdf_series import NetcdfSeries
from .output import Axis, OutputVariable, SeriesFile
from .series import Series
from .steps import Read
from .tasks import (
    PLACES,
    Division,
    Task,
    divided,
    first_of,
    folder_of,
    pieces_of,
    save_last,
)

__all__ = ["Request", "forcing_of", "run"]

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


def run(request: Request) -> Path:
    """Run a bundle over a file of forcing.

    The run is streamed: memory grows neither with its length nor, where places do not
    see each other, with their number. One that was stopped or killed goes on from where
    it was when it is asked for again.

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
    kept = folder_of(request.output)
    with (
        wanted_from(kept, request.output),
        forcing_of(request) as (operation, series),
    ):
        division = _division(request, operation, series)
        known = _attributes(request, operation, series)
        whole = _Block(
            request=request, known=known, ids=series.ids, state=request.state,
            series=series, folder=kept, plan={}, names=(),
            steps=series.steps, rows=division.rows, some=slice(0, len(series.ids)),
        )  # fmt: skip
        blocks = [whole.part(some) for some in division.blocks]
        component = first_of(blocks).started(operation)
        names = tuple(_outputs(request, component))
        plan = _plan(request, operation, series, known, names, division)
        tasks = [replace(block, names=names, plan=plan) for block in blocks]
        with divided(tasks, plan, component.runner) as tasks:
            run_all(tasks, request.crew)
            _finish(request, component, known, series, tasks, division)
    return request.output


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
        operation = _operation(request, bundle, series)
        _choose(request, operation, series)
        yield operation, series


@dataclass(frozen=True, kw_only=True)
class _Block(Task):
    """Some places of a file of forcing.

    Parameters
    ----------
    request : Request
        What is run over them.
    known : dict of str to ndarray
        (place,) attributes of them.
    series : Series or None
        The file, where this process has it open.
    """

    request: Request
    known: dict[str, Array]
    series: Series | None

    def __getstate__(self) -> dict[str, Any]:
        # Elsewhere paths would start from another folder.
        request, state = self.request, Path(self.state)
        named = Path(request.bundle)
        request = replace(
            request,
            forcing=request.forcing.absolute(),
            bundle=str(named.absolute()) if named.is_dir() else request.bundle,
        )
        own: dict[str, Any] = {"series": None, "request": request}
        own["folder"] = self.folder.absolute()
        if state.is_file():
            own["state"] = str(state.absolute())
        return {**self.__dict__, **own}

    def part(self, some: slice) -> _Block:
        """Return the part at some of the places."""
        known = {name: values[some] for name, values in self.known.items()}
        return replace(self, known=known, ids=self.ids[some], some=some)

    def started(self, operation: Operation) -> Component:
        """Return a component at the beginning of the forcing."""
        assert self.series is not None
        return _started(self.request, operation, self.series, self.ids, self.known,
                        self.state)  # fmt: skip

    @contextmanager
    def opened(self) -> Iterator[tuple[Component, Read]]:
        """Give a component at the first step, and what reads its forcing."""
        request, bundle = self.request, bundle_named(self.request.bundle, Path())
        with ExitStack() as stack:
            series = self.series
            if series is None:
                _, series = stack.enter_context(forcing_of(request))
            operation = _operation(request, bundle, series)
            series.narrow(self.some)
            component = replace(self, series=series).started(operation)
            forcings, reader = component.runner.operation.forcings, series

            def read(begin: int, count: int) -> Mapping[str, Array]:
                return {f.name: reader.read(f, begin, count) for f in forcings}

            try:
                yield component, read
            except DataError as error:
                where = f"{series.path}: "
                raise DataError(f"{where}{str(error).removeprefix(where)}") from None


def _opened(request: Request, bundle: Bundle) -> Series:
    path = request.forcing
    if not path.exists():
        raise DataError(f"{path}: no such file")
    kind = CsvSeries if is_table(path) else NetcdfSeries
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


def _started(
    request: Request,
    operation: Operation,
    series: Series,
    ids: Sequence[str],
    known: Mapping[str, Array],
    state: str,
) -> Component:
    """Return a component of some places at the beginning of the forcing."""
    component = Component()
    lives = operation.space is not None
    settings = Settings(
        start_time=series.start,
        locations=None if lives else LocationSettings(ids=tuple(ids)),
        time_step=series.seconds,
        mode=operation.inner,
        parts=request.parts,
        units=request.units,
        outputs=request.outputs or None,
        state=state,
        forcing_policy=request.policy,
    )
    component.start(settings, operation.bundle, known)
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
    request: Request,
    operation: Operation,
    series: Series,
    known: Mapping[str, Array],
    names: Sequence[str],
    division: Division,
) -> dict[str, str]:
    """Return what decides the numbers of a run."""
    stat = series.path.stat()
    start = hashlib.sha256("\n".join((*operation.key, *series.ids)).encode())
    for name, values in known.items():
        start.update(name.encode() + np.ascontiguousarray(values).tobytes())
    state = Path(request.state)
    start.update(state.read_bytes() if state.is_file() else request.state.encode())
    sources = series.sources.items()
    return {
        "version": __version__,
        "file of forcing": f"{series.path.name}, {stat.st_size} bytes, "
        f"{stat.st_mtime_ns}",
        "choice of series": ", ".join(f"{name} is {s}" for name, s in sources),
        "start (bundle, settings, places, attributes, state)": start.hexdigest(),
        "choice of outputs": ", ".join(names),
        "steps of a piece": str(division.rows),
        "places of a piece": str(division.width),
        "treatment of missing forcing": str(request.policy),
    }


def _division(request: Request, operation: Operation, series: Series) -> Division:
    """Return how steps and places are divided."""
    places, space = len(series.ids), operation.space
    width, (rows, wide) = places, series.chunk
    if space is None and series.divisible:
        width = PLACES if request.places is None else request.places
        wide = wide if request.places is None else 1
    elif request.places is not None and request.places < places:
        raise ConfigError(
            f"--block-places: the places of {operation.bundle.name} over "
            f"{series.path} are run together"
        )
    size = None
    if space is not None:
        size = max([math.prod(space.shape(f)) for f in operation.forcings], default=1)
    return Division.of(
        series.steps, places, width, chunk=(rows, wide), block=request.block, size=size
    )


def _finish(
    request: Request,
    component: Component,
    known: Mapping[str, Array],
    series: Series,
    tasks: Sequence[Task],
    division: Division,
) -> None:
    """Write the output, and the last state where it is wanted."""
    catalogue, operation = component.catalogue, component.runner.operation
    names = tasks[0].names
    entries = [entry for name in names if (entry := catalogue.get(name)) is not None]
    variables = [
        OutputVariable(e.short, e.units, e.about, component.get_var_grid(e.short))
        for e in entries
    ]
    own = own_attributes(
        operation.required, operation.plan.optional, operation.understood, known, {},
        series.ids,
    )  # fmt: skip
    constants = {
        OutputVariable(e.short, e.units, e.about): own[e.short]
        for e in catalogue.of("attribute")
        if e.short not in names
    }
    begin = component.start_time
    epoch = (begin - type(begin)(1970, 1, 1)).total_seconds()
    whole = folder_of(request.output) / f"whole{request.output.suffix}"
    with (
        atomic(whole) as temporary,
        SeriesFile(
            temporary, variables, component.grids.descriptions, series.ids,
            Axis(epoch, series.seconds, series.steps), chunk=division.chunk,
            source=component.get_component_name(),
        ) as file,
    ):  # fmt: skip
        file.write_constants(constants)
        for first, some, values in pieces_of(tasks):
            file.write(first, values, some)
    if request.save_state is not None:
        save_last(tasks, component.runner, request.save_state)
    os.replace(whole, request.output)
