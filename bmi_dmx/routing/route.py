"""Lateral inflow of a river routed to wherever its flow is wanted."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .. import __version__
from ..bundle import Bundle
from ..data.zarr_store import is_zarr
from ..errors import ConfigError, DataError
from ..files import atomic, wanted_from
from ..models.rivers.component import MuskingumCunge
from ..models.rivers.formats import River, read_gauges
from ..models.rivers.formats.gauge_table import with_gauges
from ..models.rivers.formats.read import found
from ..models.rivers.hot_start import hot_start
from ..models.rivers.settings import RiverSettings
from ..operate.bundle_cache import bundle_named
from ..operate.repeated_warnings import warn_once
from ..progress import progress
from ..run.output import Axis, OutputVariable, SeriesFile
from ..run.pieces import Pieces
from ..run.steps import BLOCK, rows_of
from .inflow import LATERAL, Array, Inflow, NetcdfInflow
from .run_folder import RunFolder
from .span import Lateral, RequestedSpan, Span
from .start import flow_at
from .stations import Stations
from .water import Water, account, texts

__all__ = ["BUNDLE", "Request", "RoutingResult", "opened_inflow", "route"]

_log = logging.getLogger(__name__)

BUNDLE = MuskingumCunge.default_bundle
"""The bundle that is run unless another is asked for."""

FLOW = "discharge"
CF_FLOW = "water_volume_transport_in_river_channel"
STARTS = ("hot", "cold")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is routed, and where the flow is written.

    Parameters
    ----------
    inflow : Path
        NetCDF file, Zarr store, or folder of what NextGen wrote.
    tree : Path
        File of the reaches, or the name of the sample.
    output : Path
        CF NetCDF file to write.
    bundle : str
        Name of a bundle that comes with the package, or the folder of one.
    at : str
        As of :meth:`.stations.Stations.of`.
    when : RequestedSpan
        Steps.
    format, lakes, gauges
        As of :func:`~bmi_dmx.models.rivers.formats.read_river`.
    above : tuple of str
        Reaches or gauges: only what drains through them is run.
    parameters : str, optional
        As of :class:`~bmi_dmx.models.rivers.settings.RiverSettings`.
    attributes : dict of str to float
        Attributes of all reaches that the file of the tree lacks.
    variable, units : str
        Name of the lateral inflow and its units, where the file does not say.
    ends : bool
        Whether times of the inflow are those of the ends of its steps.
    by_catchment : bool
        Whether of a run folder the files of catchments are read.
    lines : bool
        Whether inflow follows straight lines within its steps.
    state : str
        ``hot``, ``cold``, or a saved state.
    first_flow : str, optional
        Variable of the inflow's file, the flow of reaches to start from.
    save_state : Path, optional
        Where to save the last state.
    threads : int
        That share the work.
    block : int
        Most numbers of one variable in memory.
    """

    inflow: Path
    tree: Path
    output: Path
    bundle: str = BUNDLE
    at: str = "gauges"
    when: RequestedSpan = field(default_factory=RequestedSpan)
    format: str | None = None
    lakes: Path | None = None
    gauges: Path | None = None
    above: tuple[str, ...] = ()
    parameters: str | None = None
    attributes: dict[str, float] = field(default_factory=dict)
    variable: str | None = None
    units: str = ""
    ends: bool = False
    by_catchment: bool = False
    lines: bool = False
    state: str = "hot"
    first_flow: str | None = None
    save_state: Path | None = None
    threads: int = 1
    block: int = BLOCK


@dataclass(frozen=True)
class RoutingResult:
    """What a run did.

    Parameters
    ----------
    path : Path
        The output.
    stations, reaches, steps : int
        How many.
    water : dict of str to float
        m3 by term.
    residual : float
        m3 that are not accounted for.
    remarks : tuple of str
        What was assumed.
    """

    path: Path
    stations: int
    reaches: int
    steps: int
    water: dict[str, float]
    residual: float
    remarks: tuple[str, ...]


def route(request: Request) -> RoutingResult:
    """Route lateral inflow down a river, and write the flow.

    Memory does not grow with the length of the run. One that was stopped or killed goes
    on from where it was when it is asked for again.

    Raises
    ------
    DmxError
        When something that is needed is not there or does not fit.
    """
    if request.output.is_dir():
        raise ConfigError(f"--output: {request.output} is a folder, expected a file")
    bundle = bundle_named(request.bundle, Path())
    with closing(opened_inflow(request)) as inflow:
        run = _Run(request, bundle, inflow)
        folder = request.output.with_name(f".{request.output.name}.pieces")
        with (
            wanted_from(folder, request.output),
            closing(Pieces(folder, run.plan())) as pieces,
        ):
            for values, state in run.pieces(pieces):
                pieces.add(values, state)
            outcome = run.finish(pieces)
    pieces.remove()
    return outcome


def opened_inflow(request: Request) -> Inflow:
    """Open the inflow, of whatever kind it is."""
    path = request.inflow
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if path.is_dir() and not is_zarr(path):
        return RunFolder(
            path, request.variable, request.units, by_catchment=request.by_catchment
        )
    return NetcdfInflow(path, request.variable, request.units, ends=request.ends)


class _Run:
    """A river at the beginning of what is to be routed.

    Parameters
    ----------
    request : Request
    bundle : Bundle
    inflow : Inflow
        Open.
    """

    def __init__(self, request: Request, bundle: Bundle, inflow: Inflow) -> None:
        self.request, self.inflow = request, inflow
        saved = request.state not in STARTS
        if saved and request.first_flow is not None:
            raise ConfigError(
                f"--first-flow: there is a state already, {request.state}; remove one"
            )
        self._fresh = not saved
        where = str(request.inflow)
        flow = None
        if request.first_flow is not None:
            flow = flow_at(request.inflow, request.first_flow, request.when)
        begun = None if flow is None else flow.time
        if not saved:
            self.span = Span.of(request.when, inflow.axis, where, begun=begun)
        self.component = component = MuskingumCunge()
        component.start(self._settings("state" if saved else self.span.begin), bundle)
        if saved:
            begun = component.start_time
            self.span = Span.of(request.when, inflow.axis, where, begun=begun)
        self.river = self._with_gauges()
        inflow.join(self.river)
        self.stations = Stations.of(request.at, self.river)
        self.lateral = Lateral(inflow, self.span, lines=request.lines)
        self._refuse_others()
        self.water = Water(component)
        self._wanted = (FLOW, *self.water.recorded)
        component.set_value(LATERAL, self.lateral.read(0, 1)[0])
        component.settle()
        if flow is not None:
            total = self.river.tree.accumulate(component.get_value_ptr(LATERAL))
            hot_start(component.runner, flow.of(self.river, total))
        for text in inflow.remarks:
            warn_once(_log, text, "%s", text)

    def _settings(self, begin: datetime | Literal["state"]) -> RiverSettings:
        request = self.request
        return RiverSettings(
            tree=found(request.tree).resolve(),
            format=request.format,
            lakes=None if request.lakes is None else request.lakes.resolve(),
            outlets=request.above,
            parameters=request.parameters,
            attribute_defaults=request.attributes,
            start_time=begin,
            time_step=request.when.step,
            # What is known of the flow replaces it.
            state=request.state if request.first_flow is None else "cold",
        )

    def _with_gauges(self) -> River:
        river = self.component.river
        assert river is not None
        if self.request.gauges is None:
            return river
        return with_gauges(river, read_gauges(self.request.gauges))

    def _refuse_others(self) -> None:
        """Refuse a model that reads more than lateral inflow."""
        operation = self.component.runner.operation
        others = [f.name for f in operation.forcings if f.name != LATERAL]
        if others or not operation.forcings:
            raise ConfigError(
                f"--bundle: {operation.bundle.name} reads {', '.join(others)}, "
                f"expected one that reads {LATERAL} alone"
            )

    # Running

    @property
    def _each(self) -> int:
        """Numbers written that a piece has."""
        rows = rows_of(
            self.span.every * self.span.count, self._width, self.request.block
        )
        return max(1, rows // self.span.every)

    @property
    def _width(self) -> int:
        return max(len(self.river), len(self.inflow.ids))

    def plan(self) -> dict[str, str]:
        """Return what decides the numbers of the run."""
        request, span = self.request, self.span
        start = hashlib.sha256(self.component.state_bytes()).hexdigest()
        return {
            "version": __version__,
            "inflow": _file_text(request.inflow),
            "way of reading it": (
                f"{request.variable}, {request.units}, {request.lines}"
            ),
            "steps": f"{span}",
            "start (bundle, settings, tree, attributes, state)": start,
            "choice of places": hashlib.sha256(
                "\n".join(self.stations.names).encode()
            ).hexdigest(),
            "steps of a piece": f"{self._each}, {self._rows}",
        }

    @property
    def _rows(self) -> int:
        return rows_of(self.span.every * self._each, self._width, self.request.block)

    def pieces(self, pieces: Pieces) -> Iterator[tuple[dict[str, Array], bytes]]:
        """Run what is still to be run, and yield it with the state behind it."""
        span, component = self.span, self.component
        total, first = span.lead + span.every * span.count, pieces.done * self._each
        initial = span.lead + first * span.every if first else 0
        with progress(total=total, initial=initial, desc="route", unit=" steps") as bar:
            if first:
                component.set_state_bytes(pieces.state(), str(pieces.folder))
                _log.info("%s: goes on from step %d", self.request.output, initial)
            else:
                for begin in range(0, span.lead, self._rows):
                    count = min(self._rows, span.lead - begin)
                    component.pass_through(self.lateral.read(begin, count), ())
                    bar.update(count)
            for at in range(first, span.count, self._each):
                count = min(self._each, span.count - at)
                yield self._piece(at, count, bar), component.state_bytes()

    def _piece(self, first: int, count: int, bar: Any) -> dict[str, Array]:
        """Run the steps of some numbers that are written."""
        span, columns = self.span, self.stations.positions
        series = np.zeros((count, len(columns)))
        water = np.zeros(len(self.water.terms))
        steps = count * span.every
        self.water.begin(first=not self.component.get_current_time() and self._fresh)
        for begin in range(0, steps, self._rows):
            rows = min(self._rows, steps - begin)
            lateral = self.lateral.read(span.lead + first * span.every + begin, rows)
            before = self.component.get_value(FLOW, np.empty(len(self.river)))[columns]
            ran = self.component.pass_through(
                lateral, self._wanted, self.request.threads
            )
            self._record(series, ran[FLOW][:, columns], before, begin)
            water += self.water.of(lateral, ran, span.seconds)
            bar.update(rows)
        return {FLOW: series, "water": water[None]}

    def _record(self, series: Array, flow: Array, before: Array, begin: int) -> None:
        """Add the flow at the ends of some steps to what is written."""
        every = self.span.every
        at = (begin + np.arange(len(flow))) // every
        if not self.span.means:
            ends = (begin + np.arange(len(flow)) + 1) % every == 0
            series[at[ends]] = flow[ends]
            return
        # Between the ends of two steps the flow is taken to change evenly.
        means = 0.5 * (flow + np.concatenate([before[None], flow[:-1]]))
        first = np.flatnonzero(np.diff(at, prepend=-1))
        series[at[first]] += np.add.reduceat(means, first, axis=0) / every

    # Writing

    def finish(self, pieces: Pieces) -> RoutingResult:
        """Write the output, and the last state where it is wanted."""
        request, span = self.request, self.span
        sums, residual = account(self.water, (piece["water"][0] for piece in pieces))
        whole = pieces.whole(request.output.suffix)
        with (
            atomic(whole) as temporary,
            self._file(temporary, texts(sums, residual)) as file,
        ):
            file.write_constants(self._constants())
            first = 0
            for piece in pieces:
                file.write(first, {FLOW: piece[FLOW]})
                first += len(piece[FLOW])
        if request.save_state is not None:
            self.component.save_state(request.save_state)
        os.replace(whole, request.output)
        return RoutingResult(
            request.output, len(self.stations), len(self.river),
            span.lead + span.every * span.count, sums, residual, self._remarks(),
        )  # fmt: skip

    def _remarks(self) -> tuple[str, ...]:
        return (*self.river.remarks, *self.inflow.remarks)

    def _file(self, path: Path, water: dict[str, Any]) -> SeriesFile:
        span, river, request = self.span, self.river, self.request
        seconds = span.every * span.seconds
        epoch = (span.start - datetime(1970, 1, 1)).total_seconds()
        method = "time: mean" if span.means else "time: point"
        entry = self.component.catalogue.get(FLOW)
        assert entry is not None
        variable = OutputVariable(
            FLOW, entry.units, "flow at the lower end of the reach",
            texts=(("standard_name", CF_FLOW), ("cell_methods", method)),
        )  # fmt: skip
        bundle = self.component.bundle
        located = ("longitude", "latitude") if _located(river) else ()
        return SeriesFile(
            path, [variable], self.component.grids.descriptions, self.stations.names,
            Axis(epoch, seconds, span.count, ends=not span.means),
            place="reach" if self.stations.are_reaches else "station", beside=located,
            title=f"flow of {Path(river.path).name}, routed by dmx route",
            source=f"bmi_dmx {__version__}, bundle {bundle.name}",
            bundle_fingerprint=bundle.fingerprint,
            licence_of_bundle=bundle.manifest.licence,
            inflow=f"{request.inflow.name}: {self.inflow.describe()}",
            channels=request.parameters or "answered by the bundle",
            start=request.first_flow or request.state,
            steps_before=f"{span.lead} of {span.seconds:g} s",
            tree_fingerprint=river.tree.fingerprint,
            comment="; ".join(self._remarks()) or "nothing was assumed",
            **water,
        )  # fmt: skip

    def _constants(self) -> dict[OutputVariable, Any]:
        """Return what is known of the places beside their flow."""
        river, at = self.river, self.stations.positions
        constants: dict[OutputVariable, Any] = {}
        if _located(river):
            for name, units in (
                ("longitude", "degrees_east"),
                ("latitude", "degrees_north"),
            ):
                values = getattr(river.tree, name)[at]
                label = OutputVariable(name, units, texts=(("standard_name", name),))
                constants[label] = values
        area = river.attributes.get("drainage_area_km2")
        if area is not None:
            constants[
                OutputVariable("drainage_area_km2", "km2", "what drains through")
            ] = area[at]
        if not self.stations.are_reaches:
            label = OutputVariable(
                "reach_id", "1", "the reach at whose lower end it is"
            )
            constants[label] = np.array(self.stations.reaches, dtype=object)
        return constants


def _located(river: River) -> bool:
    return river.tree.longitude is not None and river.tree.latitude is not None


def _file_text(path: Path) -> str:
    """Return what changes with the content of a file, or of the files of a folder."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            stat = file.stat()
            digest.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return f"{path.name}, {digest.hexdigest()[:16]}"
