"""Series of reaches and gauges, with the names of their places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import DataError, UnitsError
from bmi_dmx.models.rivers.formats import read_series

from .made import netcdf

VALUES = np.arange(6.0).reshape(2, 3)
"""(reach, time)."""


def written(folder: Path, **others: Any) -> Path:
    """Return a file of inflow at two reaches on three days."""
    return netcdf(folder / "inflow.nc", {"reach": 2, "time": 3}, {
        "reach_id": (("reach",), [9, 5], {}),
        "time": (("time",), [0, 1, 2], {"units": "days since 2000-01-01"}),
        "inflow": (("reach", "time"), VALUES, {"units": "m3 s-1"}),
        **others,
    })  # fmt: skip


def test_a_series_has_times_and_places(tmp_path: Path) -> None:
    series = read_series(written(tmp_path), "inflow")
    assert series.ids == ("9", "5")
    assert series.time.seconds == 86400.0
    assert str(series.time.times[0]) == "2000-01-01T00:00:00"
    np.testing.assert_array_equal(series.values, VALUES.T)
    assert (series.units, series.remarks) == ("m3 s-1", ())


def test_time_may_be_the_first_dimension(tmp_path: Path) -> None:
    other = (("time", "reach"), VALUES.T, {"units": "m3 s-1"})
    series = read_series(written(tmp_path, inflow=other), "inflow")
    np.testing.assert_array_equal(series.values, VALUES.T)


def test_some_of_the_times_are_read(tmp_path: Path) -> None:
    series = read_series(written(tmp_path), "inflow", some=slice(1, 3))
    np.testing.assert_array_equal(series.values, VALUES.T[1:])
    assert str(series.time.times[0]) == "2000-01-02T00:00:00"


def test_packed_numbers_and_gaps_are_understood(tmp_path: Path) -> None:
    packed = {"scale_factor": 0.5, "_FillValue": -9999.0, "units": "m3 s-1"}
    values = np.where(VALUES == 4.0, np.nan, VALUES)
    packing = (("reach", "time"), np.nan_to_num(values, nan=-4999.5), packed)
    series = read_series(written(tmp_path, inflow=packing), "inflow")
    np.testing.assert_allclose(series.values, values.T)


def test_units_are_converted_or_assumed_and_said(tmp_path: Path) -> None:
    litres = (("reach", "time"), 1e3 * VALUES, {"units": "L s-1"})
    series = read_series(written(tmp_path, inflow=litres), "inflow")
    np.testing.assert_allclose(series.values, VALUES.T)
    plain = (("reach", "time"), VALUES, {})
    series = read_series(written(tmp_path, inflow=plain), "inflow")
    assert "no units are stated, taken as m3 s-1" in series.remarks[0]


def test_what_is_no_flow_is_refused(tmp_path: Path) -> None:
    metres = (("reach", "time"), VALUES, {"units": "m"})
    with pytest.raises(UnitsError, match=r"inflow.nc: inflow: .*'m' cannot"):
        read_series(written(tmp_path, inflow=metres), "inflow")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("inflo", "no variable 'inflo'; did you mean 'inflow'"),
        ("reach_id", "reach_id: stands along reach, expected time and places"),
    ],
)
def test_what_is_no_series_is_named(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_series(written(tmp_path), name)


def test_places_without_names_are_refused(tmp_path: Path) -> None:
    path = netcdf(tmp_path / "a.nc", {"x": 2, "time": 3}, {
        "time": (("time",), [0, 1, 2], {"units": "days since 2000-01-01"}),
        "inflow": (("x", "time"), VALUES, {"units": "m3 s-1"}),
    })  # fmt: skip
    with pytest.raises(DataError, match="nothing names the places along 'x'"):
        read_series(path, "inflow")
