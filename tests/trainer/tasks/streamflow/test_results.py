"""Result files: complete or absent, self-describing, read back as written."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.tasks.streamflow import results
from bmi_dmx.trainer.tasks.streamflow.results import (
    Hydrographs,
    Series,
    read_streamflow,
    write_results,
    write_scores,
    write_streamflow,
    write_summary,
)


@pytest.fixture
def hydrographs() -> Hydrographs:
    draw = np.random.default_rng(0)
    observed = draw.random((5, 3)).astype(np.float32)
    observed[2, 1] = np.nan
    flow = {"units": "mm d-1"}
    return Hydrographs(
        time=np.datetime64("1980-02-27") + np.arange(5),
        ids=np.array(["01413500", "0142", "é"]),
        series={
            "simulated": Series(
                values=draw.random((5, 3)), about="simulated flow", **flow
            ),
            "observed": Series(values=observed, about="observed flow", **flow),
            "snow": Series(values=draw.random((5, 3)), about="snow pack", units="mm"),
        },
        latitude=np.array([42.1, 41.0, np.nan]),
        longitude=np.array([-74.6, -75.0, -75.5]),
        area_km2=np.array([423.0, 10.0, 1.0]),
        attributes={"title": "Delaware", "source": "dHBV"},
    )


def test_streamflow_is_read_back_as_written(
    tmp_path: Path, hydrographs: Hydrographs
) -> None:
    path = write_streamflow(tmp_path / "run" / "streamflow.nc", hydrographs)
    back = read_streamflow(path)
    assert back.ids.tolist() == hydrographs.ids.tolist()
    np.testing.assert_array_equal(back.time, hydrographs.time)
    for name in ("latitude", "longitude", "area_km2"):
        np.testing.assert_array_equal(getattr(back, name), getattr(hydrographs, name))
    assert list(back.series) == ["simulated", "observed", "snow"]
    for name, series in hydrographs.series.items():
        assert back.series[name].units == series.units
        assert back.series[name].about == series.about
        assert back[name].dtype == series.values.dtype
        np.testing.assert_array_equal(back[name], series.values)
    assert back.attributes["title"] == "Delaware"


def test_hourly_time_and_absent_coordinates_survive(
    tmp_path: Path, hydrographs: Hydrographs
) -> None:
    hours = np.datetime64("2024-02-28T22:00") + np.arange(5) * np.timedelta64(1, "h")
    plain = replace(
        hydrographs, time=hours, latitude=None, longitude=None, area_km2=None
    )
    back = read_streamflow(write_streamflow(tmp_path / "hourly.nc", plain))
    np.testing.assert_array_equal(back.time, hours)
    assert back.latitude is None


def test_streamflow_follows_the_conventions(
    tmp_path: Path, hydrographs: Hydrographs
) -> None:
    path = write_streamflow(tmp_path / "streamflow.nc", hydrographs)
    with netCDF4.Dataset(path) as file:
        assert file.Conventions == "CF-1.10"
        assert file.featureType == "timeSeries"
        assert file["basin_id"].cf_role == "timeseries_id"
        assert file["time"].standard_name == "time"
        assert file["latitude"].units == "degrees_north"
        assert file["simulated"].dimensions == ("time", "basin")
        assert file["simulated"].coordinates == "basin_id latitude longitude"
        assert file["simulated"].units == "mm d-1"
    with xr.open_dataset(path) as dataset:
        np.testing.assert_array_equal(dataset.time.values, hydrographs.time)
        assert int(dataset.observed.isnull().sum()) == 1


def test_scores_have_one_row_per_basin_and_empty_cells_where_undefined(
    tmp_path: Path,
) -> None:
    scores = {"nse": np.array([0.5, math.nan]), "bias": np.array([-12.345678901, 3.0])}
    path = write_scores(
        tmp_path / "scores.csv", np.array(["01", "a,b"]), scores, {"area_km2": [1, 2]}
    )
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["basin_id", "area_km2", "nse", "bias"],
        ["01", "1", "0.5", "-12.34568"],
        ["a,b", "2", "", "3"],
    ]


def test_scores_of_another_number_of_basins_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nse has shape \(2,\), expected .* 1 basins"):
        write_scores(tmp_path / "scores.csv", np.array(["1"]), {"nse": [0.1, 0.2]})


def test_summary_is_valid_json_with_units_and_distribution(tmp_path: Path) -> None:
    about = {
        "seed": np.int64(3),
        "start": np.datetime64("1980-01-01"),
        "days": np.array(["1980-01-02"], "M8[D]"),
        "nothing": [math.nan, (1, 2.5)],
    }
    scores = {"nse": [0.2, 0.4, math.nan], "bias": [math.nan] * 3}
    path = write_summary(tmp_path / "summary.json", scores, about)

    def refuse(constant: str) -> Any:
        raise AssertionError(constant)

    content = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert content["seed"] == 3
    assert content["start"] == "1980-01-01"
    assert content["days"] == ["1980-01-02"]
    assert content["nothing"] == [None, [1, 2.5]]
    nse = content["scores"]["nse"]
    assert nse["median"] == pytest.approx(0.3)
    assert (nse["basins"], nse["defined"], nse["units"]) == (3, 2, "1")
    assert content["scores"]["bias"]["median"] is None
    assert content["scores"]["bias"]["units"] == "percent"
    with pytest.raises(ConfigError, match="unknown metric 'nsee'"):
        write_summary(path, {"nsee": [1.0]})


def test_a_run_leaves_three_files_and_nothing_else(
    tmp_path: Path, hydrographs: Hydrographs
) -> None:
    paths = write_results(tmp_path, hydrographs, {"nse": np.array([0.1, 0.2, 0.3])})
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(paths)
    summary = json.loads(paths["summary.json"].read_text(encoding="utf-8"))
    assert summary["period"] == {"start": "1980-02-27", "end": "1980-03-02", "steps": 5}
    header = paths["scores.csv"].read_text(encoding="utf-8").splitlines()[0]
    assert header == "basin_id,latitude,longitude,area_km2,nse"


def test_a_failed_write_keeps_the_older_file(
    tmp_path: Path, hydrographs: Hydrographs, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_streamflow(tmp_path / "streamflow.nc", hydrographs)
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(results, "_write_stations", fail)
    with pytest.raises(OSError, match="disk full"):
        write_streamflow(path, hydrographs)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_hydrographs_that_do_not_fit_are_refused(hydrographs: Hydrographs) -> None:
    with pytest.raises(DataError, match="not unique"):
        replace(hydrographs, ids=np.array(["1", "2", "1"]))
    with pytest.raises(DataError, match="time does not increase"):
        replace(hydrographs, time=hydrographs.time[::-1])
    with pytest.raises(
        DataError, match=r"simulated has shape \(5, 3\), expected .*4, 3"
    ):
        replace(hydrographs, time=hydrographs.time[:4])
    with pytest.raises(DataError, match=r"latitude has shape \(1,\), expected \(3,\)"):
        replace(hydrographs, latitude=np.zeros(1))
    with pytest.raises(
        DataError, match=r"no series 'simulated'; did you mean 'simulate'"
    ):
        replace(hydrographs, series={"simulate": hydrographs.series["snow"]})


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    text = tmp_path / "text.nc"
    text.write_text("no NetCDF", encoding="utf-8")
    with pytest.raises(DataError, match=r"text\.nc: cannot be read as NetCDF"):
        read_streamflow(text)
    with netCDF4.Dataset(tmp_path / "empty.nc", "w"):
        pass
    with pytest.raises(DataError, match=r"empty\.nc: there is no variable 'time'"):
        read_streamflow(tmp_path / "empty.nc")
