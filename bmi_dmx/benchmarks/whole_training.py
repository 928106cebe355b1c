"""The whole command ``dmx train``: how much of it is neither network nor process.

The command is run twice in a process of its own, with few steps and with more. What
both take is what it costs to start and to end, the difference is what steps cost.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import netCDF4
import numpy as np
import yaml

from ..errors import DmxError
from .measure import Record, compiler_seconds
from .problems import Problem

__all__ = ["Cost", "Parts", "cost", "record"]

_YEARS = 15
"""Years of weather that are read, as many as are learned from of CAMELS."""

_FIRST_DAY = "1980-10-01"
_DAY_ONE = np.datetime64(_FIRST_DAY)

_UNITS = {"air_temperature": "degC"}
"""Units of forcings, where they are no depths a day."""


class Cost(NamedTuple):
    """CPU seconds of the command: of start and end together, and of a step."""

    fixed: float
    step: float

    def of(self, steps: int) -> float:
        """Return the seconds of a training of so many steps."""
        return self.fixed + steps * self.step


class Parts(NamedTuple):
    """CPU seconds that networks and processes take of a step, run alone."""

    networks: float
    processes: float


def record(
    sizes: Mapping[str, Any],
    steps: int,
    spent: Cost,
    parts: Parts,
    target: float | None = None,
) -> Record:
    """Return the record of a training of so many steps.

    Parameters
    ----------
    sizes : mapping
        What a record tells about the case.
    steps : int
        Steps of the training.
    spent : Cost
        Of the command.
    parts : Parts
        Of one of its steps.
    target : float, optional
        Share of the whole that may be neither network nor process.
    """
    whole = spent.of(steps)
    inner = steps * (parts.networks + parts.processes)
    return Record(
        case="whole training", implementation="bmi_dmx",
        sizes={**sizes, "training_steps": steps},
        more={
            "fixed_s": spent.fixed, "step_s": spent.step, "whole_s": whole,
            "share_of_neither": 1.0 - inner / whole, "target_share_of_neither": target,
        },
    )  # fmt: skip


def cost(
    model: Mapping[str, Any],
    places: int,
    window: tuple[int, int],
    steps: tuple[int, int],
    years: int = _YEARS,
) -> Cost:
    """Return what ``dmx train`` costs on made-up basins.

    Parameters
    ----------
    model : mapping
        Settings of the model, as an experiment file has them.
    places : int
        Basins, all of which are in every batch.
    window : (int, int)
        Days of a window without and with gradient.
    steps : (int, int)
        Steps of the shorter and of the longer run.
    years : int
        Years of weather in the file.

    Raises
    ------
    DmxError
        The command fails.
    """
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "basins.nc"
        _basins(data, places, years, model["static"]["attributes"])
        # The first run compiles what the others find compiled.
        _, short, long = (
            _seconds(_experiment(data, model, window, number)) for number in (1, *steps)
        )
    each = (long - short) / (steps[1] - steps[0])
    return Cost(short - steps[0] * each, each)


def _seconds(experiment: Path) -> float:
    """Return the CPU seconds of a training, all of its processes included."""
    before = compiler_seconds()
    process = subprocess.run(
        [sys.executable, "-m", "bmi_dmx", "train", experiment.name],
        capture_output=True, text=True, check=False,
        cwd=experiment.parent, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    if process.returncode:
        raise DmxError(f"a training that was to be measured failed:\n{process.stderr}")
    return compiler_seconds() - before


def _experiment(
    data: Path, model: Mapping[str, Any], window: tuple[int, int], steps: int
) -> Path:
    """Return the file of an experiment of so many steps, beside its data."""
    with netCDF4.Dataset(data) as file:
        places, days = (file.dimensions[n].size for n in ("basin", "time"))
    content = {
        "name": f"steps-{steps}", "seed": 0, "task": "basins",
        "data": {"path": data.name, "attributes": "file"},
        "periods": {"train": [_FIRST_DAY, str(_DAY_ONE + days - 1)]},
        "model": dict(model),
        "loss": "nse_batch",
        "training": {
            "steps": steps, "validate_every": steps, "batch": places,
            "warmup": window[0], "window": window[1], "gradient_clip": 1.0,
            "threads": 1, "optimizer": {"name": "adam", "rate": 1e-3},
        },
    }  # fmt: skip
    path = data.with_name(f"steps-{steps}.yaml")
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def _basins(path: Path, places: int, years: int, attributes: list[str]) -> None:
    """Write made-up basins: weather, flow that nothing explains, and attributes."""
    weather = Problem.of(places, steps=365 * years).forcing
    random = np.random.default_rng(0)
    shape = 365 * years, places
    series: dict[str, tuple[str, Any]] = {
        name: (_UNITS.get(name, "mm d-1"), x) for name, x in weather.items()
    }
    series["streamflow"] = "mm d-1", random.gamma(2.0, 1.0, shape)
    sites: dict[str, tuple[str, Any]] = {
        "area_km2": ("km2", 100.0), "latitude": ("degrees_north", 45.0),
        "longitude": ("degrees_east", -75.0),
    }  # fmt: skip
    sites |= {name: ("1", random.normal(size=places)) for name in attributes}
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", shape[0])
        file.createDimension("basin", places)
        time = file.createVariable("time", "f8", ("time",))
        time.units = f"days since {_FIRST_DAY}"
        time[:] = np.arange(shape[0])
        names = file.createVariable("basin", str, ("basin",))
        names[:] = np.array([f"made-{k}" for k in range(places)], dtype=object)
        for name, (units, values) in {**series, **sites}.items():
            axes = ("time", "basin") if name in series else ("basin",)
            variable = file.createVariable(name, "f4", axes)
            variable.units = units
            variable[:] = np.asarray(values)
