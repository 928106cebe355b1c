"""A river, its inflow and its gauges are joined by name."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.tasks.reaches.data import RiverData, read
from bmi_dmx.trainer.tasks.reaches.experiment import DataSpec, Days, Series

from .conftest import DAYS, REACHES, planned, write_river


def spec(path: Path, **more: Any) -> DataSpec:
    return DataSpec(river=str(path), **more)


def read_as(data: DataSpec, **parts: Any) -> RiverData:
    return read(data, planned(**parts))


def test_all_of_it_is_there(river: RiverData) -> None:
    assert river.river.tree.ids == tuple(map(str, REACHES))
    assert river.gauges.ids == ("A", "B")
    assert river.gauges.reaches == ("17", "13")
    assert river.inflow.shape == (DAYS, 7)
    assert river.days[0] == np.datetime64("2001-01-01")
    assert np.isnan(river.observed).sum() == 3
    assert river.gauges.utc_offset.tolist() == [-5.0, -5.0]


def test_flow_over_the_area_is_a_depth(river: RiverData) -> None:
    assert river.target[5, 0] == pytest.approx(
        river.observed[5, 0] * 86.4 / river.gauges.area_km2[0], rel=1e-6
    )


def test_only_what_is_above_a_gauge_is_kept(river_file: Path) -> None:
    data = read_as(spec(river_file, gauges=("B",)))
    assert data.river.tree.ids == ("11", "12", "13")
    assert data.inflow.shape == (DAYS, 3)


def test_the_order_of_reaches_does_not_matter(river: RiverData, tmp_path: Path) -> None:
    order = [4, 2, 6, 0, 1, 5, 3]
    at = {name: k for k, name in enumerate(river.river.tree.ids)}
    other = {
        "reach_id": (("reach",), [REACHES[k] for k in order], ""),
        "down_id": (("reach",), [[13, 13, 16, 15, 16, 17, 0][k] for k in order], ""),
        "q_prime": (("time", "reach"), river.inflow[:, order], "m3 s-1"),
    }
    shuffled = read_as(spec(write_river(tmp_path / "other.nc", **other)))
    for k, name in enumerate(shuffled.river.tree.ids):
        assert np.array_equal(shuffled.inflow[:, k], river.inflow[:, at[name]])


def test_missing_inflow_is_refused_or_filled_as_asked(
    river: RiverData, tmp_path: Path
) -> None:
    inflow = river.inflow.copy()
    inflow[3, 1] = np.nan
    path = write_river(
        tmp_path / "gap.nc", q_prime=(("time", "reach"), inflow, "m3 s-1")
    )
    with pytest.raises(DataError, match=r"1 of 7 reaches lack some \(12\).*fill"):
        read_as(spec(path))
    filled = read_as(spec(path, missing_inflow="fill", least=0.5))
    assert filled.inflow[3, 1] == 0.5
    assert any("1 values of 1 reaches are missing" in r for r in filled.remarks)


def test_hours_of_inflow_are_cut_to_whole_days(
    river: RiverData, tmp_path: Path
) -> None:
    hours = np.repeat(river.inflow, 24, axis=0)[:100]
    path = write_river(
        tmp_path / "hours.nc",
        time_units="hours since 2001-01-01 06:00",
        q_prime=(("time", "reach"), hours, "m3 s-1"),
        gauge_flow=None,
    )
    observed = Series(path=str(write_river(tmp_path / "days.nc")))
    data = read_as(spec(path, observed=observed))
    assert (data.per_day, len(data.days)) == (24, 3)
    assert data.days[0] == np.datetime64("2001-01-02")
    assert np.array_equal(data.inflow, hours[18:90])


def test_a_table_says_which_gauges(river_file: Path, tmp_path: Path) -> None:
    table = tmp_path / "gauges.csv"
    table.write_text("gauge_id,reach_id,area_km2\nA,16,321.5\n", encoding="utf-8")
    data = read_as(spec(river_file, gauges=str(table)))
    assert (data.gauges.ids, data.gauges.reaches) == (("A",), ("16",))
    assert data.gauges.area_km2.tolist() == [321.5]


def test_a_gauge_inside_its_reach_sees_a_part_of_its_inflow(
    river: RiverData, river_file: Path, tmp_path: Path
) -> None:
    attributes = river.river.attributes
    at = river.river.tree.ids.index("17")
    area = attributes["drainage_area_km2"][at] - 0.25 * attributes["area_km2"][at]
    table = tmp_path / "gauges.csv"
    table.write_text(f"gauge_id,reach_id,area_km2\nA,17,{area}\n", encoding="utf-8")
    assert read_as(spec(river_file, gauges=str(table))).gauges.share == pytest.approx(
        0.75
    )
    whole = read_as(spec(river_file, gauges=str(table), partial_area=False))
    assert whole.gauges.share.tolist() == [1.0]


def test_days_begin_by_gauge(river_file: Path) -> None:
    data = read_as(spec(river_file, days=Days(utc_offset={"A": -5, "B": 9.5})))
    assert data.gauges.utc_offset.tolist() == [-5.0, 9.5]
    with pytest.raises(ConfigError, match="utc_offset: nothing is said of gauge 'B'"):
        read_as(spec(river_file, days=Days(utc_offset={"A": -5})))


def test_forcings_are_joined_by_name_and_day_in_units_of_the_model(
    river_file: Path, tmp_path: Path
) -> None:
    warmth = 273.15 + np.arange(100.0)[:, None] + np.arange(7.0)
    warmth[50, 2] = np.nan
    weather = write_river(
        tmp_path / "weather.nc",
        time_units="days since 2000-12-30",
        q_prime=(("time", "reach"), np.ones((100, 7)), "m3 s-1"),
        gauge_flow=None,
        warmth=(("time", "reach"), warmth, "K"),
    )
    series = Series(path=str(weather), variable="warmth")
    oudin = {"evaporation": {"process": "oudin"}}
    data = spec(river_file, forcings={"air_temperature": series})
    forcing = read_as(data, **oudin).forcing
    np.testing.assert_allclose(
        forcing["air_temperature"][:, 1], np.arange(2.0, 92.0) + 1.0, atol=1e-4
    )
    mean = 50.0 + (0 + 1 + 3 + 4 + 5 + 6) / 6
    assert forcing["air_temperature"][48, 2] == pytest.approx(mean, rel=1e-5)
    assert forcing["day_of_year"][[0, 31], 0].tolist() == [1.0, 32.0]
    observed = Series(path=str(river_file))
    longer = spec(
        weather,
        observed=observed,
        forcings={"air_temperature": Series(path=str(river_file), variable="warmth")},
    )
    with pytest.raises(DataError, match=r"air_temperature: found 1 steps a day"):
        read_as(longer, **oudin)
    with pytest.raises(ConfigError, match="the model reads no 'air_temperature'"):
        read_as(data)


def test_days_of_which_nothing_is_known_are_counted(
    river_file: Path, tmp_path: Path
) -> None:
    warmth = np.full((100, 7), 280.0)
    warmth[50:53] = np.nan
    weather = write_river(
        tmp_path / "weather.nc",
        time_units="days since 2000-12-30",
        q_prime=(("time", "reach"), np.ones((100, 7)), "m3 s-1"),
        gauge_flow=None,
        warmth=(("time", "reach"), warmth, "K"),
    )
    series = Series(path=str(weather), variable="warmth")
    data = spec(river_file, forcings={"air_temperature": series})
    message = "unknown at all reaches on 2001-02-18, the first of 3 such steps"
    with pytest.raises(DataError, match=message):
        read_as(data, evaporation={"process": "oudin"})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"gauges": ("C",)}, "has no gauge 'C'"),
        ({"inflow": Series(variable="qprime")}, "no variable 'qprime'.*q_prime"),
        ({"observed": Series(variable="length")}, "length"),
    ],
)
def test_what_is_not_there_is_named(
    river_file: Path, more: dict[str, Any], message: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        read_as(spec(river_file, **more))


def test_the_juniata_is_read_as_it_is(shared_data: Path) -> None:
    data = read_as(spec(shared_data / "juniata_reaches.nc"))
    assert len(data.river) == 213
    assert data.gauges.ids == ("01567000",)
    assert data.gauges.area_km2 == pytest.approx(8657.3, abs=0.1)
    valid = np.isfinite(data.observed[:, 0])
    assert data.days[valid][[0, -1]].astype(str).tolist() == [
        "1980-10-01",
        "1995-09-30",
    ]


@pytest.mark.parametrize(("factor", "told"), [(1.0, False), (1e3, True), (1e-3, True)])
def test_inflow_in_other_units_than_the_flow_is_doubted(
    river_file: Path, tmp_path: Path, factor: float, told: bool
) -> None:
    path = shutil.copy(river_file, tmp_path / "other.nc")
    with netCDF4.Dataset(path, "a") as file:
        above = file["q_prime"][:].sum(axis=1).mean()
        file["gauge_flow"][:] = np.full(file["gauge_flow"].shape, 0.7 * float(above))
        file["q_prime"][:] = file["q_prime"][:] * factor
    found = [r for r in read_as(spec(path)).remarks if "the inflow above gauges" in r]
    assert len(found) == told
    assert all("times the flow that they observe (median of 2)" in r for r in found)
