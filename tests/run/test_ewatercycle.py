"""Components as models of eWaterCycle, where that is installed."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.run.request import Request
from bmi_dmx.run.run import run

if sys.version_info < (3, 11):
    pytest.skip("eWaterCycle needs Python 3.11", allow_module_level=True)

CONDA_ONLY = {
    "esmvaltool.diag_scripts.shared": (
        "ProvenanceLogger", "get_diagnostic_filename", "run_diagnostic",
    ),
    "esmvalcore.config": ("CFG", "Session"),
    "esmvalcore.dataset": ("Dataset",),
    "esmvalcore.experimental.recipe": ("Recipe",),
    "esmvalcore.experimental.recipe_output": ("DataFile", "ImageFile", "RecipeOutput"),
}  # fmt: skip
"""Of ESMValTool, which makes forcing and is not on the Python package index."""


def stand_in() -> None:
    """Let modules of eWaterCycle that name these be imported; nothing calls them."""
    for full, names in CONDA_ONLY.items():
        parts = full.split(".")
        for depth in range(1, len(parts) + 1):
            name = ".".join(parts[:depth])
            module = sys.modules.setdefault(name, ModuleType(name))
            module.__path__ = []
        for name in names:
            setattr(sys.modules[full], name, type(name, (), {}))


pytest.importorskip("ewatercycle")
try:
    import esmvaltool  # noqa: F401
except ImportError:
    stand_in()

import xarray as xr  # noqa: E402
from ewatercycle.base.forcing import LumpedUserForcing  # noqa: E402

DAYS = 60
ATTRIBUTES = {
    "p_mean": 3.3, "pet_mean": 2.2, "p_seasonality": 0.1, "frac_snow": 0.2,
    "low_prec_freq": 240.0, "t_mean": 8.5, "area_km2": 303.0, "elevation_mean": 400.0,
    "slope_mean": 20.0, "latitude": 41.1,
}  # fmt: skip


def weather() -> dict[str, tuple[Any, str]]:
    """Return daily weather as climate models write it, by name."""
    dice = np.random.default_rng(5)
    rain = dice.gamma(0.5, 8.0, DAYS) / 86400.0
    mean = 278.0 + dice.normal(0.0, 5.0, DAYS)
    return {
        "pr": (rain, "kg m-2 s-1"),
        "tas": (mean, "K"),
        "tasmin": (mean - 4.0, "K"),
        "tasmax": (mean + 4.0, "K"),
    }


def dataset(series: dict[str, tuple[Any, str]]) -> xr.Dataset:
    """Return series whose days are stamped at noon and bounded by midnights."""
    begin = np.datetime64("2000-01-01", "ns") + np.arange(DAYS) * np.timedelta64(1, "D")
    edges = np.stack([begin, begin + np.timedelta64(1, "D")], axis=1)
    dataset = xr.Dataset(
        {name: ("time", values, {"units": u}) for name, (values, u) in series.items()}
        | {"time_bnds": (("time", "bnds"), edges)},
        coords={"time": ("time", begin + np.timedelta64(12, "h"))},
    )
    dataset.time.attrs["bounds"] = "time_bnds"
    for name in ("time", "time_bnds"):
        dataset[name].encoding.update(units="hours since 1990-01-01", dtype="float64")
    return dataset


@pytest.fixture
def forcing(tmp_path: Path) -> LumpedUserForcing:
    for name, one in weather().items():
        dataset({name: one}).to_netcdf(tmp_path / f"{name}.nc")
    return LumpedUserForcing(
        directory=tmp_path,
        start_time="2000-01-01T00:00:00Z",
        end_time="2000-02-29T00:00:00Z",
        filenames={name: f"{name}.nc" for name in weather()},
    )


def model_class(name: str = "DeltaHbv") -> Any:
    """Return a model as eWaterCycle finds it."""
    (entry,) = entry_points(group="ewatercycle.models", name=name)
    return entry.load()


def set_up(forcing: LumpedUserForcing | None, folder: Path, **more: Any) -> Any:
    model = model_class()(forcing=forcing)
    places = {"ids": ["bush-kill"], "attributes": ATTRIBUTES}
    config, _ = model.setup(cfg_dir=str(folder / "run"), locations=places, **more)
    model.initialize(config)
    return model


def test_a_model_takes_its_weather_from_the_forcing(
    forcing: LumpedUserForcing, tmp_path: Path
) -> None:
    model = set_up(forcing, tmp_path)
    assert model.start_time_as_isostr == "2000-01-01T00:00:00Z"
    assert model.end_time_as_isostr == "2000-03-01T00:00:00Z"
    flows = []
    while model.time < model.end_time:
        model.update()
        flows.append(model.get_value_as_xarray("streamflow"))
    model.finalize()
    flow = xr.concat(flows, "time")
    assert flow.attrs["units"] == "mm d-1"
    assert flow.place.values.tolist() == ["bush-kill"]

    dataset(weather()).to_netcdf(tmp_path / "all.nc")
    table = tmp_path / "table.csv"
    table.write_text(
        f"id,{','.join(ATTRIBUTES)}\nall,{','.join(map(str, ATTRIBUTES.values()))}\n"
    )
    output = run(
        Request(
            bundle="dhbv-conus-daily",
            forcing=tmp_path / "all.nc",
            output=tmp_path / "flow.nc",
            attributes=table,
        )
    )
    with xr.open_dataset(output) as expected:
        np.testing.assert_array_equal(
            flow.values.ravel(), expected["streamflow"].values.ravel()
        )


def test_a_model_without_forcing_is_driven_by_hand(tmp_path: Path) -> None:
    model = set_up(None, tmp_path, start_time="2000-01-01")
    for name, value in zip(model.input_var_names, (9.0, 5.0, 1.0, 9.0), strict=True):
        model.set_value(name, np.array([value]))
    model.update()
    assert model.time_as_isostr == "2000-01-02T00:00:00Z"


def test_forcing_that_ends_is_said(forcing: LumpedUserForcing, tmp_path: Path) -> None:
    model = set_up(forcing, tmp_path, start_time="2000-02-29")
    model.update()
    with pytest.raises(DataError, match=r"no step of \w+ begins at 2000-03-01"):
        model.update()


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    dataset({"snow": (np.ones(DAYS), "mm")}).to_netcdf(tmp_path / "snow.nc")
    nothing = LumpedUserForcing(
        directory=tmp_path, start_time="2000-01-01T00:00:00Z",
        end_time="2000-02-29T00:00:00Z", filenames={"snow": "snow.nc"},
    )  # fmt: skip
    with pytest.raises(DataError, match=r"found snow; the component needs air_temp"):
        set_up(nothing, tmp_path)
