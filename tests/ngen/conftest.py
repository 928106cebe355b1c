"""Domains, forcing and realizations that are small."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.bundle import load_bundle, save_bundle
from bmi_dmx.compose import Model, ModelSpec, Moments, Statistics
from bmi_dmx.conversion import convert
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.forcing import STEP
from bmi_dmx.ngen.hydrofabric import Hydrofabric, read_hydrofabric
from bmi_dmx.ngen.prepare import prepare
from bmi_dmx.ngen.realization import Realization
from bmi_dmx.ngen.realization_file import read_realization
from bmi_dmx.ngen.sample import make_sample
from bmi_dmx.operate.operation import Operation

from .files import write_netcdf
from .modules import RUNOFF
from .run_folder import SPAN

START = "2015-12-01 00:00:00"


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path) -> Iterator[Path]:
    """Work in an empty folder, as relative paths start from there."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


@pytest.fixture
def params() -> dict[str, Any]:
    """Params of a Python module."""
    Path("module.yml").touch()
    return {
        "model_type_name": "simple",
        "python_type": "tests.ngen.modules.Module",
        "init_config": "module.yml",
        "main_output_variable": RUNOFF,
        "allow_exceed_end_time": True,
    }


@pytest.fixture
def content(params: dict[str, Any]) -> dict[str, Any]:
    """A realization of three hours at all catchments, forced by NetCDF."""
    return {
        "global": {
            "formulations": [{"name": "bmi_python", "params": params}],
            "forcing": {"path": "forcing.nc", "provider": "NetCDF"},
        },
        "time": {
            "start_time": START,
            "end_time": "2015-12-01 02:00:00",
            "output_interval": 3600,
        },
        "output_root": "out",
    }


@pytest.fixture
def realize(content: dict[str, Any]) -> Callable[[], Realization]:
    """Write the content as a file and read it."""

    def make() -> Realization:
        path = Path("realization.json")
        path.write_text(json.dumps(content), encoding="utf-8")
        return read_realization(path)

    return make


@pytest.fixture
def domain() -> Hydrofabric:
    """Two catchments that drain to one nexus, and a third."""
    areas = {"cat-1": 10.0, "cat-2": 20.0, "cat-3": 5.0}
    below = {"cat-1": "nex-1", "cat-2": "nex-1", "cat-3": "nex-2"}
    features = [
        {"type": "Feature", "id": n, "properties": {"areasqkm": a, "toid": below[n]}}
        for n, a in areas.items()
    ]
    path = Path("catchments.geojson")
    content = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(content), encoding="utf-8")
    return read_hydrofabric(path)


@pytest.fixture
def forcing() -> Path:
    """Six hours of rain of 1, 2, ... mm h-1 (times the catchment), at 5 degC."""
    ids = ["cat-1", "cat-2", "cat-3"]
    rain = np.outer([1, 2, 3], np.arange(1, 7)) / 3600.0
    path = Path("forcing.nc")
    write_netcdf(
        path,
        ids,
        {
            "precip_rate": ("mm s^-1", rain),
            "TMP_2maboveground": ("K", np.full((3, 6), 278.15)),
        },
    )
    return path


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The hydrofabric and forcing that come with the package."""
    return make_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained model that needs temperature alone for its evaporation."""
    names = ("p_mean", "aridity", "elevation_mean", "slope_mean")
    centres = dict(zip(names, (3.0, 1.0, 500.0, 50.0), strict=True))
    spec = convert(
        {
            "process": "hbv11p",
            "members": 4,
            "evaporation": "oudin",
            "static": {"attributes": list(names), "hidden": [16]},
        },
        ModelSpec,
        "model",
    )
    moments = {n: Moments(x, 0.3 * x) for n, x in centres.items()}
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = Model(spec, Statistics(moments)).double().eval()
        for name, weight in model.named_parameters():
            if name.endswith("weight"):
                torch.nn.init.normal_(weight, std=0.4)
    path = tmp_path_factory.mktemp("bundle") / "untrained"
    save_bundle(model, path, licence="CC0-1.0", provenance={}, scores={})
    return path


@pytest.fixture
def operation(bundle: Path) -> Operation:
    """That model in steps of an hour."""
    return Operation(load_bundle(bundle), STEP, STEP)


@pytest.fixture
def folder(sample: tuple[Path, Path], bundle: Path, somewhere: Path) -> Path:
    """A run folder of three catchments and four days, which is the current folder."""
    ids = ["cat-1451", "cat-1453", "cat-1455"]
    with open_domain(*sample, catchments=ids, **SPAN) as domain:
        report = prepare(domain, str(bundle), Path("run"))
    assert (report.catchments, report.hours) == (3, 96)
    os.chdir("run")
    return somewhere / "run"
