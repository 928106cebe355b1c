"""An ocean of levels behind BMI: the numbers of a batch run, on the grids of faces."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import torch

import bmi_dmx
from bmi_dmx import HybridOcean, load_bundle
from bmi_dmx.cli import main
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError, DataError, StateError, VariableError
from bmi_dmx.models.ocean.made_basin import basin_water
from bmi_dmx.units import unknown

from ...bmi.test_bmi_tester import OPTIONS
from .basin import (
    FORCINGS,
    GRID,
    SEA,
    advance,
    started,
    weather,
    write_water,
    write_weather,
)

STATES = ("u", "v", "temperature", "salinity", "elevation")
SURFACE = "sea_surface_water__temperature"
LAND = int(np.flatnonzero(~GRID.open_at().reshape(-1))[0])


@pytest.fixture
def ocean(tmp_path: Path) -> HybridOcean:
    return started(tmp_path)


def test_it_is_public_and_has_a_bundle_of_its_own() -> None:
    assert bmi_dmx.HybridOcean is HybridOcean
    assert HybridOcean.default_bundle in bmi_dmx.bundle.bundles
    component = HybridOcean()
    assert "sea_surface_water__net_heat_energy_flux" in component.get_input_var_names()
    assert "sea_water__residual_of_heat" in component.get_output_var_names()


def test_stepped_it_gives_the_numbers_of_one_run(ocean: HybridOcean) -> None:
    steps = 6
    model = load_bundle("ocean-basin-made").model().double()
    series = [weather(k) for k in range(steps)]
    forcing = {n: torch.from_numpy(np.stack([s[n] for s in series])) for n in FORCINGS}
    state = model.initial_state(())
    state |= {f"ocean.{n}": torch.from_numpy(x) for n, x in basin_water().items()}
    with torch.no_grad():
        ran = model.simulate(forcing, {}, state=state, outputs=(*STATES, "courant"))
    advance(ocean, range(steps))
    for name, values in ran.outputs.items():
        expected = values[-1].numpy().reshape(-1)
        scale = np.abs(expected).max()
        field = ocean.get_value_ptr(name)
        np.testing.assert_allclose(field, expected, rtol=1e-12, atol=1e-12 * scale)
        assert scale > 0.0


_CONTINUE = """
import sys
from pathlib import Path
from tests.models.ocean.basin import advance, started
ocean = started(Path(sys.argv[1]))
ocean.load_state(Path(sys.argv[1]) / "state")
advance(ocean, range(3, 6))
ocean.save_state(Path(sys.argv[1]) / "after")
assert "torch" not in sys.modules
"""


def test_a_run_goes_on_in_another_process_bit_for_bit(
    ocean: HybridOcean, tmp_path: Path
) -> None:
    advance(ocean, range(3))
    (tmp_path / "other").mkdir()
    viscosity = 4e5 * np.ones(SEA.size)
    ocean.set_value("viscosity", viscosity)
    ocean.save_state(tmp_path / "other" / "state")
    advance(ocean, range(3, 6))
    root = Path(bmi_dmx.__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", _CONTINUE, str(tmp_path / "other")], cwd=root, check=True
    )
    assert (tmp_path / "other" / "after").read_bytes() == ocean.state_bytes()


def test_a_coupling_step_is_as_many_steps_of_the_model(
    ocean: HybridOcean, tmp_path: Path
) -> None:
    coupled = started(tmp_path / "coupled", coupling_step="3 h")
    assert coupled.get_time_step() == 10800.0
    entered = 0.0
    for component, count in ((ocean, 3), (coupled, 1)):
        for name, values in weather(0).items():
            component.set_value(name, values.reshape(-1))
        for _ in range(count):
            component.update()
            if component is ocean:
                entered += component.get_value_ptr("heat_entering").sum()
    assert coupled.get_current_time() == ocean.get_current_time() == 10800.0
    for name in STATES:
        np.testing.assert_array_equal(
            coupled.get_value_ptr(name), ocean.get_value_ptr(name)
        )
    assert coupled.get_value_ptr("heat_entering").sum() == pytest.approx(entered)
    with pytest.raises(ConfigError, match="coupling_step: found 90 min"):
        started(tmp_path / "odd", coupling_step="90 min")


def test_every_variable_has_the_grid_on_which_it_stands(ocean: HybridOcean) -> None:
    outputs = ocean.get_output_var_names()
    names = (*ocean.get_input_var_names(), *outputs, "viscosity", "cell_area", "wet_x")
    for name in names:
        grid = ocean.get_var_grid(name)
        size = ocean.get_grid_size(grid)
        assert ocean.get_value_ptr(name).size == size
        assert ocean.get_var_nbytes(name) == 8 * size
        assert not unknown(ocean.get_var_units(name))
        rank = ocean.get_grid_rank(grid)
        kind = ocean.get_grid_type(grid)
        assert (rank, kind) in {
            (0, "scalar"), (2, "uniform_rectilinear"), (3, "rectilinear"),
        }  # fmt: skip
        if rank:
            shape = ocean.get_grid_shape(grid, np.empty(rank, np.int32))
            assert np.prod(shape) == size
            for axis, count in zip("xyz", shape[::-1], strict=False):
                fill = getattr(ocean, f"get_grid_{axis}")
                assert np.isfinite(fill(grid, np.full(count, np.nan))).all()
    half = {"u": (2.0, 0.0), "v": (0.0, 2.0), "temperature": (0.0, 0.0)}
    for name, (east, north) in half.items():
        grid = ocean.get_var_grid(name)
        level, row, column = ocean.get_grid_shape(grid, np.empty(3, np.int32))
        x, y = np.empty(column), np.empty(row)
        assert ocean.get_grid_x(grid, x)[0] == 302.0 - east
        assert ocean.get_grid_y(grid, y)[0] == 14.0 - north
        assert ocean.get_grid_z(grid, np.empty(level))[0] == -25.0


def test_what_is_conserved_is_accounted_for(ocean: HybridOcean) -> None:
    advance(ocean, range(8))
    heat = np.abs(ocean.get_value_ptr("heat_gained")).sum()
    assert heat > 0.0
    for kind in ("", "step_"):
        residual = ocean.get_value_ptr(f"sea_water__{kind}residual_of_heat")
        assert (
            ocean.get_grid_rank(ocean.get_var_grid("sea_water__residual_of_heat")) == 0
        )
        # Of the heat that the basin holds, about 1e23 J.
        assert abs(residual[0]) < 1e-12 * 1e23
    volume = GRID.areas.sum() * 1000.0
    assert abs(ocean.get_value_ptr("sea_water__residual_of_volume")[0]) < 1e-12 * volume


def test_maps_can_be_read_and_set(ocean: HybridOcean, tmp_path: Path) -> None:
    usual = ocean.get_value("sea_water__eddy_viscosity", np.empty(SEA.size))
    np.testing.assert_allclose(usual, 5e5)
    thick = np.where(np.arange(SEA.size) % 3 == 0, 6e5, 4e5)
    ocean.set_value("sea_water__eddy_viscosity", thick)
    other = started(tmp_path / "other")
    for component in (ocean, other):
        advance(component, range(4))
    assert (ocean.get_value_ptr("u") != other.get_value_ptr("u")).any()
    np.testing.assert_array_equal(ocean.get_value_ptr("viscosity"), thick)
    ocean.set_value_at_indices("viscosity", np.array([200]), np.array([0.5]))
    with pytest.raises(DataError, match="viscosity' at '1,5', level 1 cannot be"):
        advance(ocean, range(1))
    with pytest.raises(VariableError, match="diagnostic and cannot be set"):
        ocean.set_value("cell_area", np.ones(180))


def test_the_surface_is_read_and_set_as_a_field_of_its_own(ocean: HybridOcean) -> None:
    whole = ocean.get_value_ptr("temperature")
    surface = ocean.get_value_ptr(SURFACE)
    np.testing.assert_array_equal(surface, whole[: surface.size])
    warmer = surface + 1.0
    warmer[LAND] = np.nan
    deep = whole[surface.size :].copy()
    ocean.set_value(SURFACE, warmer)
    sea = GRID.open_at().reshape(-1)
    np.testing.assert_allclose(ocean.get_value_ptr(SURFACE)[sea], warmer[sea])
    assert ocean.get_value_ptr(SURFACE)[LAND] == 0.0
    np.testing.assert_array_equal(whole[surface.size :], deep)
    warmer[~sea], warmer[50] = 0.0, 90.0
    with pytest.raises(DataError, match="at '3,5', level 0 cannot be set to 90 degC"):
        ocean.set_value(SURFACE, warmer)
    advance(ocean, range(1))
    assert ocean.get_value_ptr(SURFACE).max() > 20.0


def test_currents_are_given_at_the_middles_of_cells(ocean: HybridOcean) -> None:
    advance(ocean, range(2))
    u = ocean.get_value_ptr("u").reshape(SEA.shape[0], SEA.shape[1], -1)
    name = "sea_water_flowing__x_component_of_velocity_at_centers"
    centred = ocean.get_value_ptr(name).reshape(SEA.shape)
    np.testing.assert_allclose(centred, (u[..., 1:] + u[..., :-1]) / 2.0)
    assert np.abs(centred).max() > 0.0


def test_what_is_set_on_land_counts_for_nothing(ocean: HybridOcean) -> None:
    for name, values in weather(0).items():
        ocean.set_value(name, values.reshape(-1))
    dry = weather(0)["heat"].reshape(-1)
    dry[LAND] = np.nan
    ocean.set_value("heat", dry)
    ocean.update()
    assert np.isfinite(ocean.get_value_ptr("temperature")).all()
    wet = weather(0)["stress_y"].reshape(-1)
    wet[50] = np.nan
    ocean.set_value("stress_y", wet)
    with pytest.raises(DataError, match="forcing 'stress_y' at '3,5' is nan Pa"):
        ocean.update()


def test_forcing_that_is_too_old_is_refused(tmp_path: Path) -> None:
    ocean = started(tmp_path, max_age="2 h")
    advance(ocean, range(1))
    others = [n for n in FORCINGS if n != "heat"]
    for step in (1, 2):
        for name in others:
            ocean.set_value(name, weather(step)[name].reshape(-1))
        if step == 1:
            ocean.update()
    with pytest.raises(DataError, match="'heat' was set 7200 s ago, at time 0"):
        ocean.update()
    ocean.set_value("heat", weather(2)["heat"].reshape(-1))
    ocean.update()
    assert ocean.get_current_time() == 10800.0


def test_forcing_of_a_state_counts_as_set_when_the_state_is_taken(
    tmp_path: Path,
) -> None:
    ocean = started(tmp_path, max_age="2 h")
    advance(ocean, range(5))
    for name, values in weather(5).items():
        ocean.set_value(name, values.reshape(-1))
    saved = ocean.state_bytes()
    ocean.update()
    expected = ocean.get_value_ptr("temperature").copy()
    again = started(tmp_path, max_age="2 h")
    again.set_state_bytes(saved)
    again.update()
    assert np.array_equal(again.get_value_ptr("temperature"), expected)
    again.update()
    with pytest.raises(DataError, match="was set 7200 s ago, at time 18000"):
        again.update()
    again.reset_clock()
    again.update()
    again.update()
    with pytest.raises(DataError, match="was set 7200 s ago, at time 0"):
        again.update()


def test_numbers_that_no_ocean_has_stop_a_run(ocean: HybridOcean) -> None:
    ocean.set_value("temperature", np.where(SEA, 44.9, 0.0).reshape(-1))
    hot = weather(0) | {"heat": np.full(SEA.shape[1:], 1500.0)}
    for name, values in hot.items():
        ocean.set_value(name, values.reshape(-1))
    with pytest.raises(StateError, match=r"'temperature' at '.*', level 0 is 45\.\d+"):
        ocean.update_until(86400.0)


def test_steps_that_are_too_long_are_told(
    ocean: HybridOcean, caplog: pytest.LogCaptureFixture
) -> None:
    ocean.get_value_ptr("courant")[7] = 1.4
    assert ocean._monitor is not None
    ocean._monitor.look()
    assert "1.4 of a cell of column 0,7 is replaced" in caplog.text


@pytest.mark.parametrize(
    ("water", "message"),
    [
        ({"temperature": basin_water()["temperature"]}, "has no salinity or so"),
        ({"temperature": np.ones((3, 2))}, r"found shape \(3, 2\), expected \(5, 12"),
        (
            {"temperature": np.full(5, np.nan), "salinity": np.full(5, 35.0)},
            "is no number at level 0, row 0",
        ),
    ],
    ids=["missing", "shape", "gap"],
)
def test_water_that_does_not_fit_is_refused(
    water: dict[str, Any], message: str, tmp_path: Path
) -> None:
    write_water(tmp_path / "odd.nc", water)
    with pytest.raises(DataError, match=message):
        started(tmp_path, initial_fields="odd.nc")


def test_profiles_serve_as_the_start(tmp_path: Path) -> None:
    profile = {"temperature": np.arange(5.0), "salinity": np.full(5, 35.0)}
    write_water(tmp_path / "profile.nc", profile)
    ocean = started(tmp_path, initial_fields="profile.nc")
    temperature = ocean.get_value_ptr("temperature").reshape(SEA.shape)
    for level in range(5):
        assert (temperature[level][SEA[level]] == level).all()
        assert (temperature[level][~SEA[level]] == 0.0).all()


def test_profiles_from_the_bottom_up_are_turned_round(tmp_path: Path) -> None:
    middles = -GRID.nodes("z")
    profile = {"temperature": np.arange(5.0)[::-1], "salinity": np.full(5, 35.0)}
    path = write_water(tmp_path / "profile.nc", profile)
    with netCDF4.Dataset(path, "a") as file:
        (level,) = file["temperature"].dimensions
        file.createVariable(level, "f8", (level,))[:] = middles[::-1]
    ocean = started(tmp_path, initial_fields="profile.nc")
    found = ocean.get_value_ptr("temperature").reshape(SEA.shape)
    for level in range(5):
        np.testing.assert_allclose(found[level][SEA[level]], level, atol=1e-12)


def test_bmi_tester_passes(tmp_path: Path) -> None:
    config = tmp_path / "run" / "ocean.yaml"
    config.parent.mkdir()
    forcing = dict(zip(FORCINGS, (0.05, 0.0, 20.0, 10.0, 1e-5), strict=True))
    settings = {"start_time": "2000-01-01", "forcing_policy": forcing}
    config.write_text(as_yaml(settings), "utf-8")
    process = subprocess.run(
        [
            sys.executable, "-m", "bmi_tester", "bmi_dmx:HybridOcean",
            "--root-dir", str(config.parent), "--config-file", str(config),
        ],
        env={**os.environ, "PYTEST_ADDOPTS": OPTIONS},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    # So that none is skipped unseen.
    assert re.findall(r"(\d+) passed", output) == ["4", "35", "162", "91"], output


def test_a_run_over_a_file_writes_fields_as_it_goes(tmp_path: Path) -> None:
    write_weather(tmp_path / "weather.nc", 5)
    output = tmp_path / "out.nc"
    command = ["run", "ocean-basin-made", str(tmp_path / "weather.nc")]
    outputs = ["u", "sea_surface__elevation"]
    assert main([*command, "--output", str(output), "--outputs", *outputs]) == 0
    with netCDF4.Dataset(output) as file:
        velocity = file["u"][-1].reshape(-1)
        assert file["elevation"].shape == (5, 12, 15)
    ocean = started(tmp_path / "plain", initial_fields=None)
    advance(ocean, range(5))
    np.testing.assert_array_equal(velocity, ocean.get_value_ptr("u"))


def test_water_of_another_grid_is_brought_to_that_of_the_ocean(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    z, y, x = (
        np.array([10.0, 3000.0]),
        np.arange(65.0, 5.0, -2.0),
        np.arange(-70.0, 5.0),
    )
    # Warmer to the south and above; the file has land in the east.
    warm = 20.0 - 0.2 * y[:, None] - 0.002 * z[:, None, None] + 0.0 * x
    warm[..., x > -5.0] = np.nan
    with netCDF4.Dataset(tmp_path / "other.nc", "w") as file:
        for name, values in (("depth", z), ("lat", y), ("lon", x)):
            file.createDimension(name, len(values))
            file.createVariable(name, "f8", (name,))[:] = values
        salt = np.where(np.isfinite(warm), 35.0, np.nan)
        for name, units, values in (("thetao", "degC", warm), ("so", "1e-3", salt)):
            variable = file.createVariable(name, "f8", ("depth", "lat", "lon"))
            variable.units = units
            variable[:] = np.ma.masked_invalid(values)
    ocean = started(tmp_path, initial_fields="other.nc")
    temperature = ocean.get_value_ptr("temperature").reshape(SEA.shape)
    depth, north = -GRID.nodes("z"), GRID.nodes("y")
    expected = 20.0 - 0.2 * north[:, None] - 0.002 * depth[:, None, None]
    expected = np.broadcast_to(expected, SEA.shape)
    np.testing.assert_allclose(temperature[SEA], expected[SEA], atol=0.02)
    assert (temperature[~SEA] == 0.0).all()
    np.testing.assert_allclose(ocean.get_value_ptr("salinity")[SEA.reshape(-1)], 35.0)
    assert "brought to the grid of the model" in caplog.text
