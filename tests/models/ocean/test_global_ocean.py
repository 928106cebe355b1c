"""A global ocean of one file is read as it stands on this grid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.models.ocean.climatological import (
    ClimatologicalRun,
    surface_error,
    through_drake,
)
from bmi_dmx.models.ocean.formats.global_ocean import read_global_ocean

Z, Y, X = 3, 6, 8
UNITS = {
    "temperature": "degC", "salinity": "1", "sst": "degC", "sss": "1e-3", "taux": "Pa",
    "tauy": "Pa", "qnet": "W m-2", "emp": "m s-1", "spinup_u": "m s-1",
    "spinup_v": "m s-1", "spinup_temperature": "degC", "spinup_salinity": "1",
    "spinup_eta": "m",
}  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a small file, with changes by variable."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "ocean.nc"
        rng = np.random.default_rng(0)
        fraction = np.ones((Z, Y, X))
        fraction[2] = 0.5
        fraction[:, 0] = 0.0
        monthly = (
            "temperature",
            "salinity",
            "sst",
            "sss",
            "taux",
            "tauy",
            "qnet",
            "emp",
        )
        level = ("temperature", "salinity", "spinup_u", "spinup_v",
                 "spinup_temperature", "spinup_salinity")  # fmt: skip
        with netCDF4.Dataset(path, "w") as file:
            for name, size in (
                ("month", 12),
                ("z", Z),
                ("lat", Y),
                ("lon", X),
                ("nv", 2),
            ):
                file.createDimension(name, size)
            for name, edges in (
                ("lon", np.linspace(0, 360, X + 1)),
                ("lat", np.linspace(-60, 60, Y + 1)),
                ("z", np.array([0.0, 50.0, 150.0, 400.0])),
            ):  # fmt: skip
                file.createVariable(f"{name}_bnds", "f8", (name, "nv"))[:] = np.stack(
                    (edges[:-1], edges[1:]), 1
                )
            file.createVariable("cell_fraction", "f8", ("z", "lat", "lon"))[:] = (
                fraction
            )
            for name, units in UNITS.items():
                axes = (
                    ("month",) * (name in monthly)
                    + ("z",) * (name in level)
                    + ("lat", "lon")
                )
                variable = file.createVariable(name, "f8", axes, fill_value=1e30)
                shape = tuple(
                    {"month": 12, "z": Z, "lat": Y, "lon": X}[a] for a in axes
                )
                values = np.ma.array(rng.uniform(1.0, 2.0, shape))
                if not name.startswith(("tau", "spinup_u", "spinup_v")):
                    values[..., 0, :] = np.ma.masked
                variable[:] = changes.get(name, values)
                variable.units = changes.get(f"{name}_units", units)
        return path

    return write


def test_faces_are_moved_to_the_east_and_north(made: Callable[..., Path]) -> None:
    path = made()
    ocean = read_global_ocean(path)
    with netCDF4.Dataset(path) as file:
        for name, field in (
            ("taux", ocean.months["stress_x"]),
            ("spinup_u", ocean.state["u"]),
        ):
            there = file[name][:].filled()
            np.testing.assert_array_equal(field[..., :-1], there[..., 1:])
            np.testing.assert_array_equal(field[..., -1], there[..., 0])
        for name, field in (
            ("tauy", ocean.months["stress_y"]),
            ("spinup_v", ocean.state["v"]),
        ):
            np.testing.assert_array_equal(field[..., :-1, :], file[name][:].filled())
            assert not field[..., -1, :].any()
    assert ocean.grid.field("y_face", ("level",)) == (Z, Y + 1, X)


def test_fluxes_are_into_the_water(made: Callable[..., Path]) -> None:
    ocean = read_global_ocean(made())
    sea = ocean.grid.open_at()
    assert (ocean.months["heat"][:, sea] < 0.0).all()
    assert (ocean.months["fresh_water"][:, sea] <= -1000.0).all()
    assert not ocean.months["heat"][:, ~sea].any()


def test_days_lie_between_the_middles_of_months(made: Callable[..., Path]) -> None:
    ocean = read_global_ocean(made())
    heat = ocean.months["heat"]
    for day, expected in ((15.0, heat[0]), (375.0, heat[0]),
                          (30.0, (heat[0] + heat[1]) / 2),
                          (0.0, (heat[11] + heat[0]) / 2)):  # fmt: skip
        np.testing.assert_allclose(ocean.on_day(day, ("heat",))["heat"], expected)


def test_what_is_wrong_is_said(made: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_global_ocean(tmp_path / "none.nc")
    with pytest.raises(DataError, match=r"ocean\.nc: qnet: "):
        read_global_ocean(made(qnet_units="kg"))
    holes = np.full((12, Y, X), np.nan)
    with pytest.raises(
        DataError, match=r"sst: not a number on the sea, at \(0, 1, 0\)"
    ):
        read_global_ocean(made(sst=holes))
    path = made()
    with netCDF4.Dataset(path, "a") as file:
        file.renameVariable("emp", "evap")
    with pytest.raises(DataError, match="has no variable 'emp'"):
        read_global_ocean(path)


def test_the_real_ocean_runs_for_a_month(shared_data: Path) -> None:
    path = shared_data / "ocean_4deg_levitus_trenberth.nc"
    if not path.is_file():
        pytest.skip(f"{path.name} is not beside the checkout")
    ocean = read_global_ocean(path)
    # What the file's own model came to, by the same formulae.
    assert through_drake(ocean, ocean.state["u"]) == pytest.approx(80.6, abs=0.1)
    assert surface_error(ocean, ocean.state["temperature"], 360.0) == pytest.approx(
        0.81, abs=0.01
    )
    run = ClimatologicalRun(
        ocean, {"viscosity": 5e5},
        {"forced_by": ("wind", "heat", "water", "targets"), "damping": 0.05}, 7200.0,
    )  # fmt: skip
    (month,) = run.months(1, days=3)
    assert month.speed < 1.0
    assert max(map(abs, month.residuals.values())) < 1e-13
