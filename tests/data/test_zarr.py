"""Zarr stores are read like the NetCDF files of the same content."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bmi_dmx.data.netcdf import numbers, opened, time_axis, time_variable
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.models.hydrology.system import HYDROLOGY
from bmi_dmx.run.netcdf_series import NetcdfSeries
from bmi_dmx.trainer.tasks.basins.data import DataSpec, read

pytestmark = [
    pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning"),
    pytest.mark.filterwarnings("ignore:Consolidated metadata"),
]


@pytest.fixture(params=[2, 3])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store of two basins beside the NetCDF file, with gaps and packed numbers."""
    rng = np.random.default_rng(1)
    both = ("time", "basin")
    rain, flow = rng.gamma(0.5, 5.0, (40, 2)), rng.gamma(1.0, 1.0, (40, 2))
    flow[3, 1] = np.nan
    low = rng.normal(2.0, 3.0, (40, 2)).round(2)
    data = xr.Dataset(
        {
            "prcp": (both, rain, {"units": "mm/day"}),
            "tmin": (both, low, {"units": "degC"}),
            "tmax": (both, low + 8.0, {"units": "degC"}),
            "qobs": (both, flow, {"units": "mm/day"}),
            "area_km2": ("basin", [10.0, 20.0], {"units": "km2"}),
        },
        coords={
            "basin": ("basin", ["01", "02"], {"cf_role": "timeseries_id"}),
            "time": np.datetime64("2000-01-01") + np.arange(40),
        },
    )
    packed = {"dtype": "i4", "scale_factor": 0.01, "_FillValue": -99999}
    encoding = {"tmin": packed, "tmax": packed}
    data.to_netcdf(tmp_path / "basins.nc", encoding=encoding)
    path = tmp_path / "basins.zarr"
    data.to_zarr(path, zarr_format=request.param, encoding=encoding)
    return path


def test_basins_are_those_of_the_netcdf_file(store: Path) -> None:
    spec = {"attributes": "file"}
    one, other = (
        read(DataSpec(path=str(path), **spec))  # type: ignore[arg-type]
        for path in (store, store.with_suffix(".nc"))
    )
    assert one.ids.tolist() == other.ids.tolist() == ["01", "02"]
    np.testing.assert_array_equal(one.time, other.time)
    np.testing.assert_array_equal(one.target, other.target)
    for name, values in other.forcing.items():
        np.testing.assert_array_equal(one.forcing[name], values)
    assert one.attributes["area_km2"].tolist() == [10.0, 20.0]


def test_a_bundle_runs_over_it(store: Path) -> None:
    series = [
        NetcdfSeries(path, {}, HYDROLOGY) for path in (store, store.with_suffix(".nc"))
    ]
    assert series[0].start == series[1].start
    assert (series[0].steps, series[0].seconds) == (40, 86400.0)
    assert set(series[0].variables) == set(series[1].variables)


def test_what_is_declared_missing_is_missing(store: Path) -> None:
    with opened(store) as file:
        assert np.isnan(numbers(store, file["qobs"])[3, 1])
        axis, dimension = time_axis(store, file, time_variable(store, file))
    assert (dimension, axis.steps) == ("time", 40)


def test_a_damaged_store_is_named(store: Path) -> None:
    chunks = sorted(
        p for p in (store / "prcp").rglob("*")
        if p.is_file() and p.name not in (".zarray", ".zattrs", "zarr.json")
    )  # fmt: skip
    chunks[0].write_bytes(b"no chunk at all")
    with (
        opened(store) as file,
        pytest.raises(DataError, match=r"basins.zarr: prcp: cannot be read"),
    ):
        numbers(store, file["prcp"])
    for mark in (".zgroup", ".zmetadata", "zarr.json"):
        if (store / mark).is_file():
            (store / mark).write_text("{")
    with pytest.raises(DataError, match=r"basins.zarr: not a Zarr store"):
        opened(store)


def test_a_folder_is_no_store(store: Path) -> None:
    shutil.rmtree(store)
    store.mkdir()
    with pytest.raises(DataError, match=r"basins.zarr: is a folder, expected a NetCDF"):
        opened(store)
    store.rmdir()
    with pytest.raises(ConfigError, match=r"basins.zarr: no such file"):
        opened(store)


_MARKED = {
    "zeros of single precision beside gaps": ([0.0, 1.5, np.nan, 3.0], {"dtype": "f4"}),
    "zeros of double precision beside gaps": ([0.0, 1.5, np.nan, 3.0], {"dtype": "f8"}),
    "packed numbers": (
        [0.0, 1.5, np.nan, 3.0],
        {"dtype": "i2", "scale_factor": 0.5, "_FillValue": -32768},
    ),
    "whole numbers": ([0.0, 1.0, np.nan, 3.0], {"dtype": "i4", "_FillValue": -9}),
}


@pytest.mark.parametrize("limits", [{}, {"valid_max": 2.0}, {"valid_range": [1, 9]}])
@pytest.mark.parametrize("content", _MARKED)
@pytest.mark.parametrize("version", [2, 3])
def test_the_same_is_missing_as_in_the_netcdf_file(
    tmp_path: Path, version: int, content: str, limits: dict[str, object]
) -> None:
    values, encoding = _MARKED[content]
    if encoding.get("scale_factor") and "valid_range" in limits:
        limits = {"valid_range": np.array([1, 9], dtype="i2")}
    data = xr.Dataset({"rain": ("time", np.array(values), limits)})
    data.to_netcdf(tmp_path / "r.nc", encoding={"rain": encoding})
    data.to_zarr(tmp_path / "r.zarr", zarr_format=version, encoding={"rain": encoding})  # type: ignore[call-overload]
    read = []
    for path in (tmp_path / "r.nc", tmp_path / "r.zarr"):
        with opened(path) as file:
            read.append(numbers(path, file["rain"]))
    assert np.isnan(read[0]).any()
    assert np.isfinite(read[0]).any()
    np.testing.assert_array_equal(read[1], read[0])


def test_a_zero_that_nobody_chose_marks_nothing(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "r.zarr"), mode="w", zarr_format=2)
    rain = group.create_array("rain", shape=(2,), dtype="f4", fill_value=0.0)
    rain[:] = [0.0, 2.0]
    with opened(tmp_path / "r.zarr") as file:
        assert numbers(tmp_path, file["rain"]).tolist() == [0.0, 2.0]


def test_markers_that_cannot_be_are_passed_over(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "r.zarr"), mode="w", zarr_format=2)
    rain = group.create_array("rain", shape=(3,), dtype="i4", fill_value=0)
    rain[:] = [0, 1, -7]
    rain.attrs.update(missing_value=[1.5, -7], valid_min="none", valid_max=[1, 2])
    with opened(tmp_path / "r.zarr") as file:
        np.testing.assert_array_equal(
            numbers(tmp_path, file["rain"]), [0.0, 1.0, np.nan]
        )


def test_bytes_without_a_sign(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "r.zarr"), mode="w", zarr_format=2)
    rain = group.create_array("rain", shape=(2,), dtype="i1", fill_value=0)
    rain[:] = [7, -1]
    rain.attrs["_Unsigned"] = "true"
    with opened(tmp_path / "r.zarr") as file:
        assert numbers(tmp_path, file["rain"]).tolist() == [7.0, 255.0]
