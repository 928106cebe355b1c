"""What windows of an ocean hold: the right days, levels and faces, and no land."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.tasks.fields.levels.samples import LevelSamples
from bmi_dmx.trainer.tasks.fields.levels.task import samples_of

from . import made

BEGIN = np.datetime64("2019-01-01")


def samples(
    ocean: Path, folder: Path, data: Any = None, **changes: Any
) -> LevelSamples:
    plain = made.experiment(ocean, **changes)
    plain["data"] |= data or {}
    path = folder / "e.yaml"
    path.write_text(as_yaml(plain), encoding="utf-8")
    return samples_of(load_experiment(path))[1]


def observed(day: str, name: str) -> Any:
    """Fields of a day on the rows of the grid, (level, row, column), south first."""
    number = int((np.datetime64(day) - BEGIN).astype(int))
    whole = made.fields([number])[0][slice(*made.channels()[name])]
    return np.nan_to_num(whole[:, ::-1][:, 1:9])


SEA = ~made.land()[::-1][1:9]


def test_a_window_has_the_days_after_its_start(ocean: Path, tmp_path: Path) -> None:
    dataset = samples(ocean, tmp_path)
    start = np.flatnonzero(dataset.store.begins == np.datetime64("2019-12-31"))
    batch = dataset.cut(start, 2)
    field = batch["state"]["temperature"][0].numpy()
    np.testing.assert_allclose(field, observed("2019-12-31", "temperature"), rtol=1e-6)
    for k, day in enumerate(("2020-01-01", "2020-01-02")):
        field = batch["targets"]["salinity"][k, 0].numpy()
        np.testing.assert_allclose(field, observed(day, "salinity"), rtol=1e-6)
    assert batch["targets"]["elevation"].shape == (2, 1, 8, 24)
    assert not batch["state"]["temperature"][0, :, ~SEA].any()


def test_currents_stand_between_two_cells_of_sea(ocean: Path, tmp_path: Path) -> None:
    dataset = samples(ocean, tmp_path)
    batch = dataset.cut(np.array([40]), 1)
    u, v = (observed("2019-02-10", n) for n in "uv")
    open_x, open_y = SEA & np.roll(SEA, -1, 1), SEA[:-1] & SEA[1:]
    expected = 0.5 * (u + np.roll(u, -1, -1)) * open_x
    np.testing.assert_allclose(batch["state"]["u"][0], expected, atol=1e-7)
    expected = np.pad(0.5 * (v[:, :-1] + v[:, 1:]) * open_y, ((0, 0), (1, 1), (0, 0)))
    np.testing.assert_allclose(batch["state"]["v"][0], expected, atol=1e-7)
    assert dataset.weights("u").sum() == pytest.approx(made.LEVELS)
    assert not dataset.weights("u")[:, ~open_x].any()


def test_weather_lies_between_the_days_or_stays(ocean: Path, tmp_path: Path) -> None:
    dataset = samples(ocean, tmp_path)
    series = dataset.cut(np.array([40]), 2)["forcing"]["northward_wind"][:, 0].numpy()
    days = [observed(f"2019-02-{d}", "northward_wind")[0] for d in (10, 11, 12)]
    assert len(series) == 16
    np.testing.assert_allclose(series[0], (15 * days[0] + days[1]) / 16, atol=1e-5)
    np.testing.assert_allclose(series[15], (days[1] + 15 * days[2]) / 16, atol=1e-5)
    still = replace(dataset, spec=replace(dataset.spec, forcing="persisted"))
    series = still.cut(np.array([40]), 2)["forcing"]["northward_wind"][:, 0].numpy()
    np.testing.assert_allclose(series, np.broadcast_to(days[0], series.shape))


def test_earlier_days_come_latest_first(ocean: Path, tmp_path: Path) -> None:
    model = made.alone()
    model["history"] = 3
    dataset = samples(ocean, tmp_path, model=model)
    state = dataset.cut(np.array([40]), 1)["state"]
    assert state["earlier_temperature"].shape == (2, 1, made.LEVELS, 8, 24)
    for k, day in enumerate(("2019-02-09", "2019-02-08")):
        field = state["earlier_temperature"][k, 0].numpy()
        np.testing.assert_allclose(field, observed(day, "temperature"), rtol=1e-6)
    assert dataset.starts(("2019-01-01", "2019-01-31"), 1)[0] == 2


def test_what_is_usual_is_of_the_days_to_learn_from_alone(
    ocean: Path, tmp_path: Path
) -> None:
    dataset = samples(ocean, tmp_path)
    other = tmp_path / "ocean"
    made.write(other, 2019, 365)
    made.write(other, 2020, 70)
    import netCDF4

    with netCDF4.Dataset(other / "ocean_2020.h5", "a") as file:
        file["fields"][:] = file["fields"][:] * 2.0
    poisoned = samples(other, tmp_path)
    for name, (mean, spread) in dataset.usual.sizes.items():
        np.testing.assert_array_equal(mean, poisoned.usual.sizes[name][0])
        np.testing.assert_array_equal(spread, poisoned.usual.sizes[name][1])
    # Less than a year was looked at: what is usual is the mean.
    days = np.arange(0, 362, 7)
    expected = made.fields(days)[:, slice(*made.channels()["temperature"])].mean(0)
    table = dataset.usual.climatology["temperature"].table[0]
    np.testing.assert_allclose(
        table[:, SEA], np.nan_to_num(expected)[:, ::-1][:, 1:9][:, SEA], rtol=1e-5
    )


def test_waves_of_the_year_are_found_again(ocean: Path, tmp_path: Path) -> None:
    made.write(tmp_path / "ocean", 2018, 365)
    made.write(tmp_path / "ocean", 2019, 365)
    made.write(tmp_path / "ocean", 2020, 70)
    periods = {**made.experiment(ocean)["periods"],
               "train": ["2018-01-01", "2019-12-28"]}  # fmt: skip
    dataset = samples(tmp_path / "ocean", tmp_path, {"looked_at": 90}, periods=periods)
    air = dataset.usual.climatology["temperature"]
    days = np.array(["2020-02-28", "2020-02-29", "2019-08-01"], "M8[us]")
    february, leap, august = air.at(days)
    np.testing.assert_array_equal(february, leap)
    north = observed("2019-08-01", "temperature") - observed(
        "2019-02-28", "temperature"
    )
    rows = slice(6, 8)
    difference = (august - february)[:, rows][:, SEA[rows]]
    assert (
        np.corrcoef(difference.ravel(), north[:, rows][:, SEA[rows]].ravel())[0, 1] > 0
    )
    assert difference.mean() < -1.0


def test_what_does_not_suit_the_model_is_refused(ocean: Path, tmp_path: Path) -> None:
    def refused(error: Any, message: str, data: Any = None, **changes: Any) -> None:
        with pytest.raises(error, match=message):
            samples(ocean, tmp_path, data, **changes)

    lacking = {n: x for n, x in made.channels().items() if n != "eastward_wind"}
    refused(ConfigError, "nothing is read for 'eastward_wind'", {"channels": lacking})
    grid = {**made.GRID, "south": -70.0}
    refused(DataError, "none of them is -62.5", model=made.hybrid(grid=grid))
    few = {**made.GRID, "depths": [10.0, 40.0]}
    refused(DataError, "found 3 levels, the model has 2", model=made.hybrid(grid=few))
    refused(ConfigError, "expected a whole part of the 86400 s",
            model=made.hybrid(seconds=10000.0))  # fmt: skip
    periods = {
        **made.experiment(ocean)["periods"],
        "train": ["2010-01-01", "2010-12-31"],
    }
    refused(DataError, "the files have 2019-01-01 to 2020-03-10", periods=periods)
    refused(ConfigError, "usual.target_salinity: 'salt' is not read",
            {"usual": {"target_salinity": "salt"}})  # fmt: skip


def test_numbers_that_are_missing_in_the_sea_are_named(tmp_path: Path) -> None:
    made.write(tmp_path / "ocean", 2019, 365)
    made.write(tmp_path / "ocean", 2020, 70)
    import netCDF4

    with netCDF4.Dataset(tmp_path / "ocean" / "ocean_2020.h5", "a") as file:
        file["fields"][3, 9, 5, 0] = np.nan
    dataset = samples(tmp_path / "ocean", tmp_path)
    with pytest.raises(DataError, match=r"temperature: is missing on 2020-01-04"):
        dataset.cut(np.array([367]), 1)


def test_a_number_may_stand_for_land(ocean: Path, tmp_path: Path) -> None:
    dataset = samples(ocean, tmp_path)
    folder = tmp_path / "ocean"
    import netCDF4

    for year, days in ((2019, 365), (2020, 70)):
        with netCDF4.Dataset(made.write(folder, year, days), "a") as file:
            file["fields"][:] = np.nan_to_num(np.ma.filled(file["fields"][:], np.nan))
    filled = samples(folder, tmp_path, {"land": 0.0})
    np.testing.assert_array_equal(dataset.sea, filled.sea)


def test_fields_of_another_grid_are_means_over_cells(tmp_path: Path) -> None:
    rows, columns, degrees = 24, 48, 7.5
    finer = made.write(tmp_path / "finer", 2019, 40, rows=rows, columns=columns).parent
    data = {"rows": [90.0, -degrees], "columns": [0.0, degrees]}
    periods = {"train": ["2019-01-01", "2019-01-30"],
               "validation": ["2019-02-01", "2019-02-04"],
               "test": ["2019-02-05", "2019-02-09"]}  # fmt: skip
    with pytest.raises(DataError, match="regrid"):
        samples(finer, tmp_path, {**data, "columns": [1.0, degrees]}, periods=periods)
    dataset = samples(finer, tmp_path, {**data, "regrid": True}, periods=periods)
    means = dataset.cut(np.array([20]), 1)["state"]["temperature"][0, 1].numpy()
    whole = made.fields([20], rows=rows, columns=columns)[0]
    field = whole[made.channels()["temperature"][0] + 1]
    # A cell near land and one beside where columns begin, by many points in each.
    points = (np.arange(300) + 0.5) / 300 - 0.5
    for row, column in ((4, 4), (3, 0), (6, 15)):
        y = -60.0 + made.DEGREES * (row + points)
        x = made.DEGREES * (column + points)
        at = np.rint((90.0 - y) / degrees).astype(int)[:, None]
        values = field[at, np.rint(x / degrees).astype(int) % columns]
        weights = np.cos(np.radians(y))[:, None] * np.isfinite(values)
        expected = (weights * np.nan_to_num(values)).sum() / weights.sum()
        assert means[row, column] == pytest.approx(expected, abs=2e-3)
    assert dataset.sea.sum() > 0.7 * dataset.sea.size


def test_a_number_may_stand_for_land_on_another_grid_too(tmp_path: Path) -> None:
    path = made.write(tmp_path / "numbered", 2019, 40, rows=24, columns=48)
    with netCDF4.Dataset(path, "a") as file:
        values = file["fields"][:].filled(np.nan)
        file["fields"][:] = np.where(np.isnan(values), -5.0, values)
    data = {"rows": [90.0, -7.5], "columns": [0.0, 7.5], "regrid": True, "land": -5.0}
    periods = {"train": ["2019-01-01", "2019-01-30"],
               "validation": ["2019-02-01", "2019-02-04"],
               "test": ["2019-02-05", "2019-02-09"]}  # fmt: skip
    dataset = samples(path.parent, tmp_path, data, periods=periods)
    temperature = dataset.cells(np.array([3]), ("temperature",))["temperature"]
    assert temperature[0, 0][dataset.sea[0] > 0.0].min() > -1.0
    assert dataset.sea[0].min() == 0.0
