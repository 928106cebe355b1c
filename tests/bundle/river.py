"""A small river model, its weather and places, and ways to spoil its bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
import yaml

from bmi_dmx.bundle import load_bundle
from bmi_dmx.bundle.manifest import block_digest, file_digest
from bmi_dmx.compose import Model, ModelSpec, fit_statistics
from bmi_dmx.config import as_yaml
from bmi_dmx.conversion import convert, plain
from bmi_dmx.errors import BundleError
from bmi_dmx.models.hydrology.recipe import Dhbv, DynamicSpec, StaticSpec
from bmi_dmx.variables import Attribute

READS = ("aridity", "area_km2")
FILES = ("model.yaml", "weights.safetensors", "programs.json")
TEXTS = {
    "licence": "Apache-2.0",
    "provenance": {"commit": "12e5", "seeds": [1, 2], "period": "1980-10-01"},
    "scores": {"nse": np.float64(0.7)},
    "attributes": [Attribute(name="area_km2", units="km2", about="drainage area")],
}

PLACES = {
    "aridity": np.array([0.5, 1.5]),
    "area_km2": np.array([20.0, 3000.0]),
    "latitude": np.array([35.0, 45.0]),
}


def series(steps: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    days = np.arange(steps)[:, None] + np.zeros((1, 2))
    return {
        "precipitation": rng.exponential(4.0, days.shape),
        "air_temperature": rng.normal(3.0, 6.0, days.shape),
        "day_of_year": days % 365 + 1.0,
    }


def make(*, dynamic: bool = False, seed: int = 0) -> Model:
    head = DynamicSpec(
        parameters=("k0", "betaet"),
        forcings=("precipitation", "potential_evaporation"),
        attributes=("aridity",),
        hidden=5,
    )
    settings = Dhbv(
        process="hbv11p",
        members=3,
        evaporation="oudin",
        static=StaticSpec(
            attributes=READS, hidden=(8,), activation="gelu", dropout=0.1
        ),
        dynamic=head if dynamic else None,
        transforms={"area_km2": "log", "precipitation": "sqrt"}
        if dynamic
        else {"area_km2": "log"},
    )
    spec = convert(plain(settings), ModelSpec)
    torch.manual_seed(seed)
    return Model(spec, fit_statistics(spec, series(365), PLACES))


def edit(folder: Path, change) -> None:
    """Change the manifest's data in place, without telling its hashes."""
    path = folder / "model.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(as_yaml(data), encoding="utf-8")


def part(data: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one part in the data of a manifest."""
    return next(entry for entry in data["parts"] if entry["name"] == name)


def sign(folder: Path) -> None:
    """Make all hashes right, as who means to deceive would do."""

    def hashes(data):
        for name in data["sha256"]:
            data["sha256"][name] = (
                file_digest((folder / name).read_bytes())
                if name in FILES
                else block_digest(data[name])
            )

    edit(folder, hashes)


def change_weights(folder: Path, change) -> None:
    path = folder / "weights.safetensors"
    arrays = dict(safetensors.numpy.load_file(path))
    change(arrays)
    safetensors.numpy.save_file(arrays, path)
    sign(folder)


def change_programs(folder: Path, change) -> None:
    path = folder / "programs.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    sign(folder)


def refused(folder: Path, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        load_bundle(folder)
