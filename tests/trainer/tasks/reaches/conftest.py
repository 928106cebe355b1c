"""A river of seven reaches and two gauges, as a file and as an experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.compose import ModelSpec, Plan, plan
from bmi_dmx.compose.parts import make_parts
from bmi_dmx.config import as_yaml
from bmi_dmx.conversion import convert
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build, train
from bmi_dmx.trainer.tasks.reaches.data import RiverData, read
from bmi_dmx.trainer.tasks.reaches.experiment import DataSpec, Days
from bmi_dmx.trainer.tasks.reaches.task import ReachesTask

REACHES = [11, 12, 13, 14, 15, 16, 17]
BELOW = [13, 13, 16, 15, 16, 17, 0]
GAUGES = {"A": 17, "B": 13}
DAYS = 90

EXPERIMENT: dict[str, Any] = {
    "name": "brook",
    "about": "a test",
    "licence": "CC0-1.0",
    "sources": ["a computer"],
    "seed": 5,
    "task": "reaches",
    "data": {"river": "river.nc", "days": {"utc_offset": -5}},
    "periods": {
        "train": ["2001-01-11", "2001-02-19"],
        "validation": ["2001-02-20", "2001-03-06"],
        "test": ["2001-03-07", "2001-03-30"],
    },
    "model": {
        "parts": {
            "channel": {
                "network": "mlp", "options": {"hidden": [4], "dropout": 0.2},
                "attributes": ["wooded"],
                "gives": ["manning", "width_exponent", "width_coefficient"],
            },
            "river": {"process": "muskingum_cunge"},
        },
        "seconds": 3600,
    },
    "loss": {"nse_batch": 1.0, "mae": 0.1},
    "priors": {"manning": {"value": 0.05}},
    "training": {
        "steps": 8, "batch": 2, "warmup": 3, "window": 6,
        "optimizer": {"name": "adam", "rate": 0.02, "weight_decay": 0.0},
        "validate_every": 4, "checkpoint_every": 1, "threads": 1,
    },
    "evaluation": {"areas": [500], "chunk": 7},
}  # fmt: skip


def write_river(path: Path, **other: Any) -> Path:
    """Write a river; a variable may be given in place of the usual one."""
    rng = np.random.default_rng(2)
    count = len(REACHES)
    area = rng.uniform(50.0, 150.0, count)
    drained = area.copy()
    for k, below in enumerate(BELOW):
        if below:
            drained[REACHES.index(below)] += drained[k]
    wet = np.where(rng.random(DAYS) < 0.3, rng.gamma(1.0, 8.0, DAYS), 0.0)
    depth = np.convolve(wet, 0.6 ** np.arange(12))[:DAYS] * 0.4 + 0.5
    inflow = depth[:, None] * area / 86.4 * rng.uniform(0.8, 1.2, (DAYS, count))
    flow = np.stack(
        [inflow[:, list(above)].sum(1) for above in (range(7), range(3))], axis=1
    )
    late = 0.7 * flow + 0.3 * np.concatenate([flow[:1], flow[:-1]])
    late[20:23, 1] = np.nan
    variables: dict[str, Any] = {
        "reach_id": (("reach",), REACHES, ""),
        "down_id": (("reach",), BELOW, ""),
        "length": (("reach",), rng.uniform(4e3, 1.5e4, count), "m"),
        "slope": (("reach",), rng.uniform(5e-4, 5e-3, count), "1"),
        "area_km2": (("reach",), area, "km2"),
        "drainage_area_km2": (("reach",), drained, "km2"),
        "wooded": (("reach",), rng.random(count), "1"),
        "latitude": (("reach",), np.full(count, 40.0), "degrees_north"),
        "longitude": (("reach",), -77.0 + np.arange(count) / 50, "degrees_east"),
        "warmth": (("time", "reach"), 280.0 + 10 * rng.random((DAYS, count)), "K"),
        "q_prime": (("time", "reach"), inflow, "m3 s-1"),
        "gauge_id": (("gauge",), np.array(list(GAUGES), dtype=object), ""),
        "gauge_reach_id": (("gauge",), list(GAUGES.values()), ""),
        "gauge_area": (("gauge",), drained[[6, 2]], "km2"),
        "gauge_flow": (("time", "gauge"), late, "m3 s-1"),
        **other,
    }
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("reach", count), ("gauge", 2), ("time", None)):
            file.createDimension(name, size)
        steps = file.createVariable("time", "f8", ("time",))
        steps.units = other.pop("time_units", "days since 2001-01-01")
        length = np.shape(variables["q_prime"][1])[0]
        steps[:] = np.arange(length)
        for name, entry in variables.items():
            if name == "time_units" or entry is None:
                continue
            dimensions, values, units = entry
            text = np.asarray(values).dtype == object
            kind = str if text else np.asarray(values).dtype
            variable = file.createVariable(name, kind, dimensions)
            if units:
                variable.units = units
            variable[:] = np.asarray(values)
    return path


@pytest.fixture(scope="session")
def river_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the river; tests must not write it."""
    return write_river(tmp_path_factory.mktemp("river") / "river.nc")


def planned(**parts: Any) -> Plan:
    """Return the plan of the model of the experiment, with other parts before it."""
    all_parts = {**parts, **EXPERIMENT["model"]["parts"]}
    spec = convert({**EXPERIMENT["model"], "parts": all_parts}, ModelSpec)
    return plan((one.part for one in make_parts(spec)), spec.seconds)


@pytest.fixture(scope="session")
def river(river_file: Path) -> RiverData:
    """The river as it is read."""
    return read(DataSpec(river=str(river_file), days=Days(utc_offset=-5)), planned())


@pytest.fixture(scope="session")
def brook(river_file: Path) -> Path:
    """The configuration file of the experiment, beside its river."""
    path = river_file.with_name("brook.yaml")
    path.write_text(as_yaml(EXPERIMENT), encoding="utf-8")
    return path


Tasks = Callable[..., tuple[ReachesTask, Any]]


@pytest.fixture
def prepared(brook: Path) -> Tasks:
    """Return the task of the experiment with settings, and its model in float64."""

    def made(*settings: str) -> tuple[ReachesTask, Any]:
        module = build(load_experiment(brook, settings))
        task = module.task
        assert isinstance(task, ReachesTask)
        return task, module.model.double().eval()

    return made


@pytest.fixture(scope="session")
def finished(brook: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run; tests must not write into it."""
    return train(brook, root=tmp_path_factory.mktemp("runs"))


@pytest.fixture
def run(brook: Path, tmp_path: Path) -> Callable[..., Path]:
    """Train the experiment with other settings."""

    def run_with(*settings: str) -> Path:
        return train(brook, settings, root=tmp_path / "runs")

    return run_with


def with_gauges(data: RiverData, **changes: Any) -> RiverData:
    """Return a river whose gauges differ."""
    return replace(data, gauges=replace(data.gauges, **changes))
