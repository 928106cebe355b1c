"""Models that live in a space of their own: a grid, a tree, a ring without forcing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import torch

from bmi_dmx.bundle import save_bundle
from bmi_dmx.compose import Model, ModelSpec, Statistics
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.process import Process, Stencil, Upstream
from bmi_dmx.registries import processes
from bmi_dmx.run.request import Request
from bmi_dmx.run.run import run
from bmi_dmx.space import Grid
from bmi_dmx.variables import Flux, Forcing, Parameter, State

from .files import read, write_series

STEPS = 25
GRID = Grid.uniform((3, 4), (1e3, 1e3), (0.0, 0.0), periodic=("x",))
GLOBE = Grid.uniform(
    (3, 4), (10.0, 90.0), (5.0, 0.0), periodic=("x",), radius=6.4e6,
    mask=["1111", "1011", "1111"],
)  # fmt: skip
IDS = ["low", "left", "right", "spring"]
CLOSE: Any = {"rtol": 1e-12, "atol": 1e-12}


class Plate(Process):
    """A plate that is heated, and that wind blows the warmth along."""

    time = "h"
    coupling = Stencil()
    forcings = (
        Forcing(name="heating", units="K h-1", bounds=(-10.0, 10.0)),
        Forcing(name="wind", units="m s-1", bounds=(-50.0, 50.0), at="y_face"),
    )
    states = (State(name="warmth", units="K", initial=1.0),)
    parameters = (Parameter(name="cooling", bounds=(0.0, 0.5), per="place"),)
    fluxes = (Flux(name="moved", units="K"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        blown = 1e-3 * (f.wind[..., 1:, :] + f.wind[..., :-1, :]) * s.warmth
        moved = torch.roll(blown, 1, -1) - blown
        return {"warmth": (1.0 - p.cooling) * s.warmth + f.heating + moved}, {
            "moved": moved
        }


class Pond(Process):
    """A share of what is stored leaves into the pond below."""

    time = "h"
    coupling = Upstream({"inflow": "outflow"})
    forcings = (
        Forcing(name="side", units="m3 h-1", per_step="rate", bounds=(0.0, 1e6)),
        Forcing(name="inflow", units="m3 h-1", per_step="rate", source="upstream"),
    )
    states = (State(name="volume", units="m3", bounds=(0.0, 1e9)),)
    parameters = (Parameter(name="share", bounds=(0.1, 0.9), per="place"),)
    fluxes = (Flux(name="outflow", units="m3 h-1", per_step="rate"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        filled = s.volume + f.side + f.inflow
        outflow = p.share * filled
        return {"volume": filled - outflow}, {"outflow": outflow}


class Wheel(Process):
    """It turns; nothing drives it."""

    time = "h"
    coupling = Stencil()
    states = (State(name="angle", units="degree", initial=1.0),)
    parameters = (Parameter(name="speed", bounds=(0.0, 9.0), per="place"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {"angle": s.angle + p.speed * torch.roll(s.angle, 1, -1)}, {}


processes.register("heated_plate")(Plate)
processes.register("chain_of_ponds")(Pond)
processes.register("turning_wheel")(Wheel)

MODELS = {
    "plate": {
        "parts": {
            "constants": {"network": "constant", "gives": ["cooling"]},
            "plate": {"process": "heated_plate"},
        },
        "seconds": 3600, "space": GRID.to_dict(), "answers": ["warmth", "moved"],
    },
    "globe": {
        "parts": {
            "constants": {"network": "constant", "gives": ["cooling"]},
            "plate": {"process": "heated_plate"},
        },
        "seconds": 3600, "space": GLOBE.to_dict(), "answers": ["warmth", "moved"],
    },
    "ponds": {
        "parts": {
            "constants": {"network": "constant", "gives": ["share"]},
            "ponds": {"process": "chain_of_ponds"},
        },
        "seconds": 3600,
        "space": {
            "kind": "tree", "ids": IDS, "downstream": ["", "low", "low", "right"],
        },
        "answers": ["outflow"],
    },
    "wheel": {
        "parts": {
            "constants": {"network": "constant", "gives": ["speed"]},
            "wheel": {"process": "turning_wheel"},
        },
        "seconds": 3600, "space": {"kind": "ring", "size": 5}, "answers": ["angle"],
    },
}  # fmt: skip


@pytest.fixture
def model(request: pytest.FixtureRequest) -> Model:
    """An untrained model."""
    torch.manual_seed(3)
    spec = convert(MODELS[request.param], ModelSpec)
    return Model(spec, Statistics({})).double().eval()


def ran(model: Model, forcing: Path, folder: Path, **more: Any) -> dict[str, Any]:
    """Return the output of a run of a model over a file."""
    bundle = folder / "bundle"
    if not bundle.exists():
        save_bundle(model, bundle, licence="CC0-1.0", provenance={}, scores={})
    output = folder / "out.nc"
    return read(
        run(Request(bundle=str(bundle), forcing=forcing, output=output, **more))
    )


def write_fields(path: Path, fields: dict[str, Any], dims: dict[str, Any]) -> Path:
    """Write hours of fields, each along dimensions of its own."""
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", STEPS)
        file.createVariable("time", "f8", ("time",)).units = "hours since 2000-01-01"
        file["time"][:] = np.arange(STEPS)
        for name, values in fields.items():
            for dimension, size in zip(dims[name], values.shape[1:], strict=True):
                if dimension not in file.dimensions:
                    file.createDimension(dimension, size)
            variable = file.createVariable(name, "f8", ("time", *dims[name]))
            variable[:] = values
    return path


FIELD_DIMS = {"heating": ("y", "x"), "wind": ("edge", "x")}


def plate_forcing() -> dict[str, Any]:
    luck = np.random.default_rng(8)
    return {
        "heating": luck.normal(0.0, 1.0, (STEPS, 3, 4)),
        "wind": luck.normal(0.0, 5.0, (STEPS, 4, 4)),
    }


@pytest.mark.parametrize("model", ["plate"], indirect=True)
@pytest.mark.parametrize("block", [2**20, 12 * 4])
def test_whole_fields(model: Model, tmp_path: Path, block: int) -> None:
    forcing = plate_forcing()
    path = write_fields(tmp_path / "fields.nc", forcing, FIELD_DIMS)
    outputs = ran(model, path, tmp_path, block=block)
    with torch.no_grad():
        inputs = {name: torch.from_numpy(x) for name, x in forcing.items()}
        expected = model.simulate(inputs, {}).outputs
    for name in ("warmth", "moved"):
        assert outputs[name].shape == (STEPS, 3, 4)
        np.testing.assert_allclose(outputs[name], expected[name].numpy(), **CLOSE)
    np.testing.assert_array_equal(outputs["x"], GRID.grid().x)
    np.testing.assert_array_equal(outputs["y"], GRID.grid().y)
    assert "place_id" not in outputs


@pytest.mark.parametrize("model", ["plate"], indirect=True)
def test_fields_of_another_shape_are_refused(model: Model, tmp_path: Path) -> None:
    forcing = plate_forcing()
    turned = {**forcing, "heating": forcing["heating"].transpose(0, 2, 1)}
    path = write_fields(
        tmp_path / "fields.nc", turned, {**FIELD_DIMS, "heating": ("x", "y")}
    )
    message = r"heating: found a field of \(4, 3\) along x, y, the model has one of \(3"
    with pytest.raises(DataError, match=message):
        ran(model, path, tmp_path)


@pytest.mark.parametrize("model", ["plate"], indirect=True)
def test_rows_the_other_way_round_are_refused(model: Model, tmp_path: Path) -> None:
    path = write_fields(tmp_path / "fields.nc", plate_forcing(), FIELD_DIMS)
    with netCDF4.Dataset(path, "a") as file:
        file.createVariable("y", "f8", ("y",))[:] = [2.0, 1.0, 0.0]
    with pytest.raises(DataError, match=r"heating: y falls from 2 to 0, rows and col"):
        ran(model, path, tmp_path)


@pytest.mark.parametrize("model", ["globe"], indirect=True)
def test_fields_somewhere_else_are_refused(model: Model, tmp_path: Path) -> None:
    longitude = GLOBE.nodes("x")
    for east, fits in (
        (longitude, True), (longitude - 360.0, True), (longitude - 180.0, False),
        (longitude + 5.0, False), (np.full_like(longitude, np.nan), False),
    ):  # fmt: skip
        path = write_fields(tmp_path / "fields.nc", plate_forcing(), FIELD_DIMS)
        with netCDF4.Dataset(path, "a") as file:
            variable = file.createVariable("x", "f4", ("x",))
            variable[:], variable.units = east, "degrees_east"
        if fits:
            ran(model, path, tmp_path)
            continue
        message = rf"x is {east[0]:g} at entry 0, where the grid of the model has 45"
        with pytest.raises(DataError, match=message):
            ran(model, path, tmp_path)


@pytest.mark.parametrize("model", ["globe"], indirect=True)
def test_what_is_missing_outside_of_the_mask_counts_for_nothing(
    model: Model, tmp_path: Path
) -> None:
    warmth = {}
    for missing in (np.nan, 0.0):
        forcing = plate_forcing()
        forcing["heating"][:, 1, 1] = missing
        path = write_fields(tmp_path / "fields.nc", forcing, FIELD_DIMS)
        warmth[missing] = ran(model, path, tmp_path)["warmth"]
    np.testing.assert_array_equal(*warmth.values())
    forcing["heating"][7, 0, 1] = np.nan
    path = write_fields(tmp_path / "fields.nc", forcing, FIELD_DIMS)
    with pytest.raises(DataError, match="'heating' at '0,1' is nan"):
        ran(model, path, tmp_path)


@pytest.mark.parametrize("model", ["plate"], indirect=True)
def test_fields_are_not_gathered(model: Model, tmp_path: Path) -> None:
    path = write_fields(tmp_path / "fields.nc", plate_forcing(), FIELD_DIMS)
    with netCDF4.Dataset(path, "a") as file:
        file["time"][:] = np.arange(STEPS) / 2.0
    message = "30 min: mode: fields are not gathered: .*expected steps of the same len"
    with pytest.raises(ConfigError, match=message):
        ran(model, path, tmp_path)


@pytest.mark.parametrize("model", ["ponds"], indirect=True)
@pytest.mark.parametrize("named", [True, False])
def test_places_of_a_tree_are_found_by_name(
    model: Model, tmp_path: Path, named: bool
) -> None:
    side = np.random.default_rng(1).gamma(0.5, 2.0, (STEPS, 4))
    order = [2, 0, 3, 1] if named else [0, 1, 2, 3]
    path = write_series(
        tmp_path / "side.nc", {"side": side[:, order]}, hours=1.0,
        ids=[IDS[k] for k in order] if named else None, units={},
    )  # fmt: skip
    outputs = ran(model, path, tmp_path)
    with torch.no_grad():
        expected = model.simulate({"side": torch.from_numpy(side)}, {}).outputs
    assert outputs["place_id"].tolist() == IDS
    np.testing.assert_allclose(outputs["outflow"], expected["outflow"].numpy(), **CLOSE)


@pytest.mark.parametrize("model", ["ponds"], indirect=True)
def test_places_that_are_not_in_the_file_are_named(
    model: Model, tmp_path: Path
) -> None:
    side = np.ones((STEPS, 4))
    ids = ["low", "left", "right", "sprint"]
    path = write_series(tmp_path / "side.nc", {"side": side}, hours=1.0, ids=ids)
    message = r"side.nc: place 'spring' of the model is not in it; did you mean 'sprint"
    with pytest.raises(DataError, match=message):
        ran(model, path, tmp_path)
    path = write_series(tmp_path / "few.nc", {"side": side[:, :3]}, hours=1.0)
    with pytest.raises(DataError, match=r"few.nc: place 'low' of the model is not"):
        ran(model, path, tmp_path)


@pytest.mark.parametrize("model", ["wheel"], indirect=True)
def test_a_model_without_forcing_needs_times_alone(
    model: Model, tmp_path: Path
) -> None:
    path = write_fields(tmp_path / "times.nc", {}, {})
    outputs = ran(model, path, tmp_path)
    with torch.no_grad():
        expected = model.simulate({}, {}, steps=STEPS).outputs["angle"].numpy()
    np.testing.assert_allclose(outputs["angle"], expected, rtol=1e-12)
