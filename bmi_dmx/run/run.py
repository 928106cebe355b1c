"""Any bundle over any file of forcing that can be read."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..bmi.component import Component
from ..bmi.settings import LocationSettings, Settings
from ..errors import ConfigError, DataError
from ..files import atomic, wanted_from
from ..operate.attributes import own_attributes
from ..operate.bundle_cache import bundle_named
from ..operate.operation import Operation
from .cluster import run_all
from .output import Axis, OutputVariable, SeriesFile
from .pieces import digest_of
from .request import (
    Request,
    attributes_of,
    closed_at,
    files_of,
    forcing_of,
    operation_of,
    told_with,
)
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

__all__ = ["run"]

Array = np.ndarray[Any, np.dtype[Any]]


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
    folder = folder_of(request.output)
    with (
        wanted_from(folder, request.output),
        forcing_of(request) as (operation, series),
    ):
        division = _division(request, operation, series)
        attributes = attributes_of(request, operation, series)
        whole = _Block(
            request=request, attributes=attributes, ids=series.ids, state=request.state,
            series=series, folder=folder, plan={}, names=(),
            steps=series.steps, rows=division.rows, some=slice(0, len(series.ids)),
            single=request.single,
        )  # fmt: skip
        blocks = [whole.part(some) for some in division.blocks]
        component = first_of(blocks).started(operation)
        names = tuple(_outputs(request, component))
        plan = _plan(request, operation, series, attributes, names, division)
        tasks = [replace(block, names=names, plan=plan) for block in blocks]
        with divided(tasks, plan, component.runner) as tasks:
            run_all(tasks, request.crew)
            _finish(request, component, attributes, series, tasks, division)
    return request.output


@dataclass(frozen=True, kw_only=True)
class _Block(Task):
    """Some places of a file of forcing.

    Parameters
    ----------
    request : Request
        What is run over them.
    attributes : dict of str to ndarray
        (place,) attributes of them.
    series : Series or None
        The file, where this process has it open.
    """

    request: Request
    attributes: dict[str, Array]
    series: Series | None

    def __getstate__(self) -> dict[str, Any]:
        # Elsewhere paths would start from another folder.
        request, state = self.request, Path(self.state)
        bundle = Path(request.bundle)
        request = replace(
            request,
            forcing=request.forcing.absolute(),
            bundle=str(bundle.absolute()) if bundle.is_dir() else request.bundle,
        )
        changes: dict[str, Any] = {"series": None, "request": request}
        changes["folder"] = self.folder.absolute()
        if state.is_file():
            changes["state"] = str(state.absolute())
        return {**self.__dict__, **changes}

    def part(self, some: slice) -> _Block:
        """Return the part at some of the places."""
        attributes = {name: values[some] for name, values in self.attributes.items()}
        return replace(self, attributes=attributes, ids=self.ids[some], some=some)

    def started(self, operation: Operation) -> Component:
        """Return a component at the beginning of the forcing."""
        assert self.series is not None
        return _started(self.request, operation, self.series, self.ids, self.attributes,
                        self.state)  # fmt: skip

    @contextmanager
    def opened(self) -> Iterator[tuple[Component, Read]]:
        """Give a component at the first step, and what reads its forcing."""
        request, bundle = self.request, bundle_named(self.request.bundle, Path())
        with ExitStack() as stack:
            series = self.series
            if series is None:
                _, series = stack.enter_context(forcing_of(request))
            operation = operation_of(request, bundle, series)
            series.narrow(self.some)
            component = replace(self, series=series).started(operation)
            forcings, reader = component.runner.operation.forcings, series

            closed = closed_at(operation)

            def read(begin: int, count: int) -> Mapping[str, Array]:
                forcing = reader.together(forcings, begin, count, request.policy)
                for name, outside in closed.items():
                    # What is missing there is not of the system.
                    values = forcing[name]
                    forcing[name] = np.where(np.isnan(values) & outside, 0.0, values)
                return forcing

            try:
                yield component, read
            except DataError as error:
                where = f"{series.path}: "
                raise DataError(f"{where}{str(error).removeprefix(where)}") from None


def _started(
    request: Request,
    operation: Operation,
    series: Series,
    ids: Sequence[str],
    attributes: Mapping[str, Array],
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
    component.start(settings, operation.bundle, attributes)
    with told_with(files_of(request)):
        component.runner.parameterize()
    return component


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
    attributes: Mapping[str, Array],
    names: Sequence[str],
    division: Division,
) -> dict[str, str]:
    """Return what decides the numbers of a run."""
    stat = series.path.stat()
    fingerprint, declared, *way = operation.key
    state = Path(request.state)
    entries = (entry for pair in attributes.items() for entry in pair)
    sources = series.sources.items()
    return {
        "version": __version__,
        "bundle": f"{operation.bundle.name}, {digest_of(fingerprint, declared)}",
        "file of forcing": f"{series.path.name}, {stat.st_size} bytes, "
        f"{stat.st_mtime_ns}",
        "choice of series": ", ".join(f"{name} is {s}" for name, s in sources),
        "way of running (steps, parts, units)": ", ".join(way),
        "places": f"{len(series.ids)}, {digest_of(*series.ids)}",
        "attributes": digest_of(*entries),
        "state": (
            f"{state.name}, {digest_of(state.read_bytes())}"
            if state.is_file()
            else request.state
        ),
        "choice of outputs": ", ".join(names),
        "precision of outputs": "single" if request.single else "double",
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
    attributes: Mapping[str, Array],
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
    arrays = own_attributes(
        operation.required, operation.plan.optional, operation.understood,
        attributes, {}, series.ids,
    )  # fmt: skip
    constants = {
        OutputVariable(e.short, e.units, e.about): arrays[e.short]
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
            single=tasks[0].single, source=component.get_component_name(),
        ) as file,
    ):  # fmt: skip
        file.write_constants(constants)
        for first, some, values in pieces_of(tasks):
            file.write(first, values, some)
    if request.save_state is not None:
        save_last(tasks, component.runner, request.save_state)
    os.replace(whole, request.output)
