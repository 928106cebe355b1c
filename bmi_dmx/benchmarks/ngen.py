"""``dmx bench ngen``: what a catchment costs an hour, called as the framework calls.

The calls are those of :class:`~bmi_dmx.ngen.adapter.Adapter`, without forcing files and
output files. A component that does nothing takes the same calls; what a model costs is
the difference.
"""

from __future__ import annotations

import gc
import json
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from ..config import as_yaml, read
from ..models.hydrology.forcings import FORCINGS
from ..ngen.adapter import Adapter
from ..ngen.mass import MassWatch
from ..ngen.realization import MassBalance, Module
from ..ngen.setup import MAIN_OUTPUT
from .components import configuration, dynamic_bundle, static_bundle
from .counter import instructions_of, why_not_counted
from .measure import Effort, Record, Value, in_new_process, resident, seconds_of
from .report import RecordColumn, show

__all__ = ["EmptyComponent", "many", "run"]

_WEATHER = {
    FORCINGS[name].standard_name: value
    for name, value in {
        "precipitation": 0.2, "air_temperature": 8.0, "specific_humidity": 0.005,
        "longwave_radiation": 300.0, "shortwave_radiation": 200.0,
        "air_pressure": 1.0e5, "wind_x": 2.0, "wind_y": 1.0,
    }.items()
}  # fmt: skip
"""Constant weather in the units a component asks for."""

_EVAPORATIONS = {2: "bundle", 8: "penman_monteith"}
"""What asks for so many inputs."""

_STEP_TARGETS = {"static": 10e-6, "dynamic": 60e-6}
"""Seconds of an hour beyond those of a component that does nothing."""

_START_TARGETS = 2e-3, 50 * 10**3
"""CPU seconds to initialize, and bytes of, each further catchment."""

_DAY = 24


class EmptyComponent:
    """A component that takes and gives values, and does nothing with them.

    It has the functions that are called when a catchment is run, and no others.
    """

    def initialize(self, config_file: str) -> None:
        """Read how many inputs there are."""
        count = int(Path(config_file).read_text(encoding="utf-8"))
        self._inputs = tuple(_WEATHER)[:count]
        self._outputs = (MAIN_OUTPUT,)
        self._values = {n: np.zeros(1) for n in (*self._inputs, *self._outputs)}
        self._time = 0.0

    def update(self) -> None:
        """Let an hour pass."""
        self._time += 3600.0

    def finalize(self) -> None:
        """End."""

    def get_input_item_count(self) -> int:
        """Return the number of inputs."""
        return len(self._inputs)

    def get_output_item_count(self) -> int:
        """Return the number of outputs."""
        return len(self._outputs)

    def get_input_var_names(self) -> tuple[str, ...]:
        """Return the inputs."""
        return self._inputs

    def get_output_var_names(self) -> tuple[str, ...]:
        """Return the outputs."""
        return self._outputs

    def get_var_type(self, name: str) -> str:
        """Return the type of numbers."""
        return "float64"

    def get_var_units(self, name: str) -> str:
        """Return units; what they are does not matter."""
        return "m"

    def get_var_itemsize(self, name: str) -> int:
        """Return the bytes of a number."""
        return self._values[name].itemsize

    def get_var_nbytes(self, name: str) -> int:
        """Return the bytes of a variable."""
        return self._values[name].nbytes

    def get_time_units(self) -> str:
        """Return the unit of time."""
        return "s"

    def get_start_time(self) -> float:
        """Return the first time."""
        return 0.0

    def get_current_time(self) -> float:
        """Return the present time."""
        return self._time

    def get_time_step(self) -> float:
        """Return an hour."""
        return 3600.0

    def set_value(self, name: str, src: Any) -> None:
        """Take a value."""
        self._values[name][:] = src

    def get_value_at_indices(self, name: str, dest: Any, inds: Any) -> Any:
        """Give a value."""
        dest[:] = self._values[name][inds]
        return dest


def run(catchments: int = 1000, hours: int = 100) -> list[Record]:
    """Measure, print and return what catchments cost.

    Parameters
    ----------
    catchments, hours : int
        Size of the run in which memory must not grow.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundles = {"static": static_bundle(folder), "dynamic": dynamic_bundle(folder)}
        records = _steps(folder, bundles)
        _print_steps(records)
        runs = _runs(folder, bundles, catchments, hours)
        _print_runs(runs)
    return [*records, *runs]


def _adapter(python_type: str, config: Path | str, catchment: str) -> Adapter:
    """Return a catchment at which only runoff is asked for."""
    module = Module(
        kind="bmi_python", model_type_name="benchmark", python_type=python_type,
        init_config=str(config), main_output_variable=MAIN_OUTPUT,
        allow_exceed_end_time=True,
    )  # fmt: skip
    return Adapter(module, catchment, {}, set())


def _component(config: Path | str, catchment: str = "cat-0") -> Adapter:
    return _adapter("bmi_dmx.Component", config, catchment)


def _hour(adapter: Adapter, watch: MassWatch | None = None) -> None:
    """Run an hour: inputs, step, main output, one column of output, mass balance."""
    adapter.begin()
    for name in adapter.refresh_inputs():
        adapter.input_units(name)
        adapter.give(name, _WEATHER[name])
    adapter.advance()
    adapter.read(MAIN_OUTPUT)
    adapter.read(MAIN_OUTPUT)
    if watch is not None:
        watch.check(0, "")


def _hour_seconds(adapter: Adapter, watch: MassWatch | None = None) -> float:
    """Return the seconds of an hour, the mean over a day: some work is done daily."""

    def day() -> None:
        for _ in range(_DAY):
            _hour(adapter, watch)

    return seconds_of(day, Effort()) / _DAY


def _settings(path: Path, bundle: Path, inputs: int) -> Path:
    """Write the configuration of one catchment; return its path."""
    configuration(path, bundle, 1, "hourly")
    content = read(path)
    content |= {"units": "ngen", "evaporation": _EVAPORATIONS[inputs]}
    path.write_text(as_yaml(content), encoding="utf-8")
    return path


def _steps(folder: Path, bundles: dict[str, Path]) -> list[Record]:
    records = []
    for inputs in _EVAPORATIONS:
        count = folder / "count.txt"
        count.write_text(str(inputs), encoding="utf-8")
        nothing = _adapter(f"{__name__}.{EmptyComponent.__name__}", count, "cat-0")
        idle = _hour_seconds(nothing)
        least = instructions_of(partial(_hour, nothing))
        nothing.finalize()
        sizes: dict[str, Value] = {"inputs": inputs, "outputs": 1}
        records.append(
            Record(
                case="hour", implementation="Nothing", sizes=sizes, forward_s=idle,
                more={"instructions": least},
            )
        )  # fmt: skip
        for parameters, bundle in bundles.items():
            config = _settings(folder / "component.yaml", bundle, inputs)
            component = _component(config)
            spent = _hour_seconds(component)
            watch = MassWatch(component, MassBalance(tolerance=1e-6))
            watched = _hour_seconds(component, watch)
            instructions = instructions_of(partial(_hour, component))
            component.finalize()
            records.append(
                Record(
                    case="hour", implementation="Component",
                    sizes={**sizes, "parameters": parameters}, forward_s=spent,
                    more={
                        "difference_s": spent - idle,
                        "instructions": instructions,
                        "instructions_beyond": _beyond(instructions, least),
                        "balance_s": watched - spent,
                        "target_s": _STEP_TARGETS[parameters],
                    },
                )
            )  # fmt: skip
    return records


def _beyond(instructions: float | None, least: float | None) -> float | None:
    return None if instructions is None or least is None else instructions - least


def _runs(
    folder: Path, bundles: dict[str, Path], catchments: int, hours: int
) -> list[Record]:
    records = []
    for parameters, bundle in bundles.items():
        config = _settings(folder / "component.yaml", bundle, 2)
        statement = f"many({str(config)!r}, {catchments}, {hours})"
        costs = in_new_process(f"from bmi_dmx.benchmarks.ngen import many; {statement}")
        settled = None
        if parameters == "static":
            statement = f"settling({str(config)!r}, {max(2, catchments // 20)})"
            settled = in_new_process(
                f"from bmi_dmx.benchmarks.ngen import settling; {statement}"
            )["first_hour_s"]
        records.append(
            Record(
                case="many catchments", implementation="Component",
                sizes={
                    "parameters": parameters, "catchments": catchments, "hours": hours,
                },
                forward_s=costs["hour_s"], memory_bytes=round(costs["memory_bytes"]),
                more={
                    "initialize_s": costs["initialize_s"],
                    "first_hour_s": costs["first_hour_s"],
                    "equilibrium_s": settled,
                    "growth_bytes": costs["growth_bytes"],
                    "target_initialize_s": _START_TARGETS[0],
                    "target_bytes": _START_TARGETS[1],
                },
            )
        )  # fmt: skip
    return records


def many(config: str, catchments: int, hours: int) -> None:
    """Run many catchments, each with a file of its own; print what they cost, as JSON.

    Starting ends with the first hour, in which parameters are computed. The first
    catchment, which loads what all share, does not count.
    """
    with tempfile.TemporaryDirectory() as name:
        paths = _copies(Path(config), Path(name), catchments)
        first = _component(paths[0])
        _hour(first)
        gc.collect()
        before, begin = resident() or 0, process_time()
        others = [_component(path, path.stem) for path in paths[1:]]
        ready = process_time()
    for adapter in others:
        _hour(adapter)
    stepped, started = process_time(), resident() or 0
    for _ in range(hours):
        for adapter in others:
            _hour(adapter)
    count = len(others)
    costs = {
        "initialize_s": (ready - begin) / count,
        "first_hour_s": (stepped - ready) / count,
        "memory_bytes": (started - before) / count,
        "hour_s": (process_time() - stepped) / (count * hours),
        "growth_bytes": (resident() or 0) - started,
    }
    print(json.dumps(costs))


def settling(config: str, catchments: int) -> None:
    """Start catchments from equilibrium; print what the first hour costs, as JSON."""
    with tempfile.TemporaryDirectory() as name:
        paths = _copies(Path(config), Path(name), catchments, state="equilibrium")
        first, *others = (_component(path, path.stem) for path in paths)
    _hour(first)
    begin = process_time()
    for adapter in others:
        _hour(adapter)
    print(json.dumps({"first_hour_s": (process_time() - begin) / len(others)}))


def _copies(config: Path, folder: Path, count: int, **settings: str) -> list[Path]:
    """Write files of catchments that differ in names and in an attribute."""
    content = read(config)
    content |= settings
    attributes = content["locations"]["attributes"]
    name, value = next((n, x) for n, x in attributes.items() if n != "area_km2")
    paths = []
    for k in range(count):
        content["locations"]["ids"] = [f"cat-{k}"]
        attributes[name] = value + 1e-4 * k
        paths.append(folder / f"cat-{k}.yml")
        paths[-1].write_text(as_yaml(content), encoding="utf-8")
    return paths


def _print_steps(records: Sequence[Record]) -> None:
    show(
        records,
        "One hour of one catchment, called as the framework calls, CPU time",
        (
            RecordColumn("component", "implementation"),
            RecordColumn("parameters", "parameters"),
            RecordColumn("inputs", "inputs"),
            RecordColumn("outputs", "outputs"),
            RecordColumn("µs", "forward_s", 1e6, ".1f"),
            RecordColumn("beyond nothing µs", "difference_s", 1e6, ".1f"),
            RecordColumn("target", "target_s", 1e6, ".0f"),
            RecordColumn("mass balance µs", "balance_s", 1e6, ".1f"),
            RecordColumn("instructions", "instructions", 1.0, ".0f", optional=True),
            RecordColumn("beyond", "instructions_beyond", 1.0, ".0f", optional=True),
        ),
    )
    reason = why_not_counted()
    if reason is not None:
        print(f"instructions are not counted: {reason}")


def _print_runs(records: Sequence[Record]) -> None:
    show(
        records,
        "Many catchments in one process; each further one",
        (
            RecordColumn("parameters", "parameters"),
            RecordColumn("catchments", "catchments"),
            RecordColumn("initialize ms", "initialize_s", 1e3, ".2f"),
            RecordColumn("target", "target_initialize_s", 1e3, ".0f"),
            RecordColumn("first hour ms", "first_hour_s", 1e3, ".2f"),
            RecordColumn("from equilibrium ms", "equilibrium_s", 1e3, ".1f"),
            RecordColumn("kB", "memory_bytes", 1e-3, ".0f"),
            RecordColumn("target", "target_bytes", 1e-3, ".0f"),
            RecordColumn("hours", "hours"),
            RecordColumn("µs an hour", "forward_s", 1e6, ".1f"),
            RecordColumn("growth kB in all", "growth_bytes", 1e-3, ".0f"),
        ),
    )
