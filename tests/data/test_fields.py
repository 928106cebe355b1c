"""Whole fields along time, as files have them."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from bmi_dmx.data.fields import month_numbers, read_fields, read_mask
from bmi_dmx.errors import ConfigError, DataError
from tests.trainer.tasks.fields import made


def test_rows_that_fall_are_turned_round(tmp_path: Path) -> None:
    sst = made.temperatures()
    up = read_fields(made.write(tmp_path / "up.nc", sst), ["sst"])
    down_path = made.write(tmp_path / "down.nc", sst, falling=True)
    down = read_fields(down_path, ["sst"])
    np.testing.assert_array_equal(up.values["sst"], sst.astype(np.float32))
    np.testing.assert_array_equal(down.values["sst"], up.values["sst"])
    np.testing.assert_array_equal(down.y, up.y)
    np.testing.assert_array_equal(read_mask(down_path, "mask"), made.sea())
    assert np.isnan(up.values["sst"][:, ~made.sea()]).all()
    assert up.begins[1] == np.datetime64("1980-02-01")
    assert up.units == {"sst": "degC"}


def test_columns_may_come_first(tmp_path: Path) -> None:
    path = made.write(tmp_path / "a.nc", made.temperatures()[:3])
    with netCDF4.Dataset(path, "a") as file:
        other = file.createVariable("turned", "f8", ("lon", "time", "lat"))
        other[:] = np.transpose(file["sst"][:].filled(np.nan), (2, 0, 1))
    fields = read_fields(path, ["sst", "turned"])
    np.testing.assert_array_equal(fields.values["turned"], fields.values["sst"])


def test_what_is_no_series_of_fields_is_refused(tmp_path: Path) -> None:
    path = made.write(tmp_path / "a.nc", made.temperatures()[:3])
    with pytest.raises(ConfigError, match=r"b\.nc: no such file"):
        read_fields(tmp_path / "b.nc", ["sst"])
    with pytest.raises(DataError, match=r"no variable 'sts'; did you mean 'sst'"):
        read_fields(path, ["sts"])
    with pytest.raises(
        DataError, match="mask: found dimensions lat, lon, expected time"
    ):
        read_fields(path, ["mask"])
    with pytest.raises(DataError, match="expected rows and columns"):
        read_mask(path, "sst")


def test_months_follow_each_other() -> None:
    begins = np.array(["1999-11", "1999-12", "2000-01"], dtype="datetime64[M]")
    assert month_numbers(begins, "x").tolist() == [358, 359, 360]
    with pytest.raises(DataError, match="found 1999-11 and then 2000-01"):
        month_numbers(begins[[0, 2]], "x")
