"""``dmx bench simulate``: many catchments over many days, from file to file."""

from __future__ import annotations

import json
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from ..bmi.component import Component
from ..bmi.settings import LocationSettings, Settings
from ..bundle import load_bundle
from ..operate.screen import Screen
from ..run.netcdf_series import NetcdfSeries
from ..run.output import SeriesFile
from ..run.pieces import Pieces
from ..run.request import Request
from ..run.run import run as run_file
from ..run.steps import Steps
from .components import static_bundle, typical
from .measure import Effort, Record, in_new_process, seconds_of
from .report import RecordColumn, show

__all__ = ["run", "whole"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_TARGET = 2e6
"""Catchment-days per CPU second that the computation is to do."""

_NATION = 180_000, 40
"""Catchments and years of what is extrapolated to."""

_YEAR = 365.25

_CHUNK = 256, 512
"""Days and catchments that are compressed together in the file of forcing."""


def run(
    places: int = 4096, years: float = 4.0, computed: tuple[int, int] = (2048, 365)
) -> list[Record]:
    """Measure, print and return the computation, and a whole run with its parts.

    Parameters
    ----------
    places, years : int, float
        Size of the run from file to file.
    computed : (int, int)
        Catchments and days of the computation alone.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = static_bundle(folder)
        alone = _computation(bundle, *computed)
        full = _whole(folder, bundle, places, round(years * _YEAR))
    catchments, decades = _NATION
    days = catchments * round(decades * _YEAR)
    nation = Record(
        case="all of it, extrapolated", implementation="dmx run",
        sizes={"catchments": catchments, "days": round(decades * _YEAR)},
        forward_s=full.forward_s and full.forward_s * days / _cells(full),
        memory_bytes=full.memory_bytes,
    )  # fmt: skip
    records = [alone, full, nation]
    _print(records)
    return records


def _cells(record: Record) -> float:
    return float(record.sizes["catchments"] or 0) * float(record.sizes["days"] or 0)


def _weather(days: int, places: int, seed: int) -> dict[str, Array]:
    """Return made-up weather, (day, catchment)."""
    generator = np.random.default_rng(seed)
    season = np.cos(2.0 * np.pi * (np.arange(days)[:, None] - 20.0) / _YEAR)
    mean = 8.0 - 12.0 * season + generator.normal(0.0, 3.0, (days, places))
    wet = generator.random((days, places)) < 0.3
    return {
        "precipitation": np.where(wet, generator.gamma(1.0, 9.0, (days, places)), 0.0),
        "air_temperature_min": mean - 5.0,
        "air_temperature_max": mean + 5.0,
        "air_temperature": mean,
        "potential_evaporation": 2.0 - 1.5 * season + 0.0 * mean,
    }


def _computation(bundle: Path, places: int, days: int) -> Record:
    """Return what stepping costs on forcing that is in memory."""
    component = Component()
    model = load_bundle(bundle)
    attributes = {n: np.full(places, x) for n, x in typical(model).items()}
    settings = Settings(
        start_time=datetime(1980, 10, 1),
        locations=LocationSettings(ids=tuple(str(k) for k in range(places))),
    )
    component.start(settings, model, {"area_km2": np.full(places, 10.0), **attributes})
    weather = _weather(days, places, 1)
    forcings = {f.name: weather[f.name] for f in component.runner.operation.forcings}
    steps = Steps(component, lambda first, count: forcings, ["streamflow"])
    seconds = seconds_of(lambda: list(steps.blocks(days, days)), Effort(repeats=3))
    return Record(
        case="computation", implementation="kernels",
        sizes=_sizes(component, places, days), forward_s=seconds,
        more={"per_s": places * days / seconds, "target_per_s": _TARGET},
    )  # fmt: skip


def _sizes(component: Component, places: int, days: int) -> dict[str, Any]:
    members = [part.members for part in component.bundle.plan.processes]
    return {
        "catchments": places, "days": days, "members": max(m or 1 for m in members),
        "bundle": component.bundle.name,
    }  # fmt: skip


def _write_forcing(path: Path, bundle: Path, places: int, days: int) -> None:
    """Write forcing and attributes block by block, as numbers of 32 bits."""
    import netCDF4

    model = load_bundle(bundle)
    names = [f.name for f in model.plan.forcings if f.source != "clock"]
    units = {f.name: f.units for f in model.plan.forcings}
    rows, wide = (min(*pair) for pair in zip(_CHUNK, (days, places), strict=True))
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", days)
        file.createDimension("place", places)
        time = file.createVariable("time", "f8", ("time",))
        time.units = "days since 1980-10-01"
        time[:] = np.arange(days)
        for name in names:
            variable = file.createVariable(
                name, "f4", ("time", "place"), zlib=True, complevel=1,
                chunksizes=(rows, wide),
            )  # fmt: skip
            variable.units = units[name]
        for first in range(0, days, rows):
            for at in range(0, places, wide):
                shape = min(rows, days - first), min(wide, places - at)
                weather = _weather(*shape, first + at)
                for name in names:
                    file[name][first : first + rows, at : at + wide] = weather[name]
        for name, value in {"area_km2": 10.0, **typical(model)}.items():
            file.createVariable(name, "f8", ("place",))[:] = np.full(places, value)


def _whole(folder: Path, bundle: Path, places: int, days: int) -> Record:
    """Return what a run from file to file costs, and which share of it is what."""
    path, output = folder / "forcing.nc", folder / "flow.nc"
    _write_forcing(path, bundle, places, days)
    arguments = ", ".join(repr(str(name)) for name in (bundle, path, output))
    statement = "from bmi_dmx.benchmarks.simulate import whole; "
    costs = in_new_process(f"{statement}whole({arguments})")
    seconds = costs.pop("seconds")
    return Record(
        case="file to file", implementation="dmx run",
        sizes={"catchments": places, "days": days}, forward_s=seconds,
        memory_bytes=costs.pop("memory_bytes"),
        more={
            "per_s": places * days / seconds,
            **{f"{name}_share": x / seconds for name, x in costs.items()},
            "forcing_bytes": path.stat().st_size,
            "output_bytes": output.stat().st_size,
        },
    )  # fmt: skip


def whole(bundle: str, forcing: str, output: str) -> None:
    """Run a file, and print the CPU seconds of the parts, and the memory, as JSON."""
    parts = (
        (NetcdfSeries, "_raw", "reading"),
        (NetcdfSeries, "together", "preparing"),
        (Screen, "accepts", "preparing"),
        (Steps, "_block", "computing"),
        (Pieces, "add", "pieces"),
        (SeriesFile, "write", "writing"),
    )
    spent = {label: 0.0 for _, _, label in parts}
    inside: list[float] = []
    with ExitStack() as stack:
        for owner, name, label in parts:
            stack.enter_context(_timed(owner, name, label, spent, inside))
        start = process_time()
        run_file(Request(bundle=bundle, forcing=Path(forcing), output=Path(output)))
        spent["seconds"] = process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**spent, "memory_bytes": peak}))


@contextmanager
def _timed(
    owner: type, name: str, label: str, spent: dict[str, float], inside: list[float]
) -> Iterator[None]:
    """Add up the CPU seconds of a function of a class, but for others called inside."""
    original: Callable[..., Any] = getattr(owner, name)

    def timed(*arguments: Any, **more: Any) -> Any:
        start = process_time()
        inside.append(0.0)
        try:
            return original(*arguments, **more)
        finally:
            seconds = process_time() - start
            spent[label] += seconds - inside.pop()
            if inside:
                inside[-1] += seconds

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, original)


def _print(records: list[Record]) -> None:
    show(
        records,
        "Many catchments over many days, one core, CPU time",
        (
            RecordColumn("case", "case"),
            RecordColumn("catchments", "catchments"),
            RecordColumn("days", "days"),
            RecordColumn("CPU s", "forward_s", 1.0, ".2f"),
            RecordColumn("catchment-days/s", "per_s", 1.0, ".3g"),
            RecordColumn("target", "target_per_s", 1.0, ".1g"),
            RecordColumn("computing %", "computing_share", 100.0, ".0f"),
            RecordColumn("reading %", "reading_share", 100.0, ".0f"),
            RecordColumn("preparing %", "preparing_share", 100.0, ".0f"),
            RecordColumn("pieces %", "pieces_share", 100.0, ".0f"),
            RecordColumn("writing %", "writing_share", 100.0, ".0f"),
            RecordColumn("peak MB", "memory_bytes", 1e-6, ".0f"),
        ),
    )
