"""Data larger than memory: series in a file, read group by group."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build
from bmi_dmx.trainer.tasks.basins.data.basins import BasinData
from bmi_dmx.trainer.tasks.basins.data.memory_map import mapped
from bmi_dmx.trainer.tasks.basins.data.read import read, read_for_training
from bmi_dmx.trainer.tasks.basins.data.spec import DataSpec
from bmi_dmx.trainer.tasks.basins.task import BasinsTask

WHOLE = DataSpec(reader="delaware")
GROUPS = replace(WHOLE, at_once=7)

Make = Callable[..., BasinData]


def dataset_of(data: BasinData) -> xarray.Dataset:
    """Return basins as the reader ``basins`` takes them from files."""
    units = {name: "degC" for name in data.forcing} | {"precipitation": "mm d-1"}
    return xarray.Dataset(
        {
            "basin": ("basin", data.ids.astype(object)),
            **{
                name: (("time", "basin"), values, {"units": units[name]})
                for name, values in data.forcing.items()
            },
            "streamflow": (("time", "basin"), data.target, {"units": "mm d-1"}),
            "area_km2": ("basin", data.attributes["area_km2"], {"units": "km2"}),
        },
        coords={"time": data.time.astype("datetime64[ns]")},
    )


def same(one: BasinData, other: BasinData) -> None:
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.time, other.time)
    np.testing.assert_array_equal(one.target, other.target)
    assert one.forcing.keys() == other.forcing.keys()
    for name, values in one.forcing.items():
        np.testing.assert_array_equal(values, other.forcing[name])
    assert one.attributes.keys() == other.attributes.keys()
    for name, constants in one.attributes.items():
        np.testing.assert_allclose(constants, other.attributes[name], rtol=1e-12)
    assert (one.units, one.unread, one.computed) == (
        other.units, other.unread, other.computed,
    )  # fmt: skip


def test_data_read_in_groups_are_those_read_at_once() -> None:
    same(read(GROUPS), read(WHOLE))


def test_a_store_of_chunks_is_read_in_groups_like_a_whole_file(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    data = read(WHOLE)
    file, store = tmp_path / "basins.nc", tmp_path / "basins.zarr"
    made = dataset_of(data)
    made.to_netcdf(file)
    series = [name for name, x in made.items() if x.dims == ("time", "basin")]
    chunks = {name: {"chunks": (100, 5)} for name in series}
    made.to_zarr(store, encoding=chunks, zarr_format=2)
    given = DataSpec(reader="basins", attributes="file")
    whole = read(replace(given, path=str(file)))
    groups = read(replace(given, path=str(store), at_once=7))
    same(groups, whole)
    assert not (groups.target == 0.0).all()
    assert groups.target.base is not None  # in a file, not in memory


def test_each_basin_of_a_series_is_a_run_of_the_file() -> None:
    data = read(GROUPS)
    rain = data.forcing["precipitation"]
    assert rain.strides == (4, 4 * len(data.time))
    assert rain.base is not None
    # Forcing and flow are views of one file, in which nothing of them is repeated.
    assert np.shares_memory(rain.base, data.target.base)


def test_basins_without_observations_are_left_out_of_every_group() -> None:
    whole = read(WHOLE)
    first, last = (day.item() for day in whole.time[[0, -1]])
    period = (first, last)
    alone = replace(WHOLE, unobserved="leave_out")
    same(
        read_for_training(replace(alone, at_once=5), period),
        read_for_training(alone, period),
    )


def test_withheld_days_are_withheld_in_every_group(
    make_data: Make, tmp_path: Path
) -> None:
    path, table = tmp_path / "data.nc", tmp_path / "withheld.csv"
    dataset_of(make_data(basins=5, days=1500)).to_netcdf(path)
    rows = ["00000001,2002-03-01,2002-03-20", "00000004,2001-05-01,2001-05-03"]
    table.write_text("\n".join(["place,first,last", *rows]), encoding="utf-8")
    spec = DataSpec(path=str(path), attributes="file", withheld=str(table))
    whole, groups = read(spec), read(replace(spec, at_once=2))
    same(groups, whole)
    assert whole.withheld is not None
    assert whole.withheld.sum() == 23
    np.testing.assert_array_equal(groups.withheld, whole.withheld)


def test_a_training_learns_the_same(tiny: Path) -> None:
    def learned(*changes: str) -> list[torch.Tensor]:
        module = build(load_experiment(tiny, changes))
        assert isinstance(module.task, BasinsTask)
        batch = next(iter(module.task.batches))
        loss = module.task.loss(module.model, batch)
        gradient = torch.autograd.grad(loss, list(module.model.parameters()))
        return [loss, *gradient, torch.tensor(module.task.validate(module.model))]

    for one, other in zip(learned(), learned("data.at_once=2"), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


def test_what_is_true_of_all_groups_is_said_once(
    make_data: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "data.nc"
    dataset_of(make_data(basins=5, days=40)).to_netcdf(path)
    with caplog.at_level("INFO", logger="bmi_dmx"):
        read(DataSpec(path=str(path), attributes="file", at_once=2))
    messages = [text for text in caplog.messages if "beginning of its step" in text]
    assert len(messages) == 1


def test_groups_must_hold_the_same(make_data: Make) -> None:
    data = make_data()
    later = replace(data, time=data.time + 1)
    with pytest.raises(DataError, match=r"'00000000' on have other times, 2001-01-02"):
        mapped(iter((data, later)), 6)
    poorer = replace(data, forcing={**data.forcing})
    del poorer.forcing["air_temperature"]  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="differ from those before in forcing air_temp"):
        mapped(iter((data, poorer)), 6)


def test_nothing_is_read_at_once() -> None:
    with pytest.raises(ConfigError, match="at_once: found 0, expected at least 1"):
        replace(WHOLE, at_once=0)


def test_a_full_disk_is_said(
    make_data: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setenv("BMI_DMX_CACHE", str(tmp_path))
    with pytest.raises(
        OSError, match=r"No space.*for 43800 bytes .*at_once.*"
    ) as raised:
        mapped(iter((make_data(),)), 3)
    assert raised.value.filename == str(tmp_path)
    assert not list(tmp_path.iterdir())
