"""Climate attributes over runs of years: which runs, and whose attributes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.tasks.basins.climates import Climates, runs_of_years
from bmi_dmx.trainer.tasks.basins.data.attributes import portable
from bmi_dmx.trainer.tasks.basins.data.spec import DataSpec
from bmi_dmx.trainer.tasks.basins.sampler import WindowSampler

NAMES = ("p_mean", "aridity", "area_km2")


def test_runs_are_whole_years_inside_the_period() -> None:
    runs = list(runs_of_years((date(1980, 10, 1), date(1985, 9, 29)), (1, 4)))
    assert runs == [
        *((date(1980 + k, 10, 1), date(1981 + k, 9, 30)) for k in range(4)),
        *((date(1980 + k, 10, 1), date(1982 + k, 9, 30)) for k in range(3)),
        (date(1980, 10, 1), date(1984, 9, 30)),
    ]


def test_a_run_from_a_leap_day_ends_before_the_next_march() -> None:
    (run,) = runs_of_years((date(2000, 2, 29), date(2001, 2, 28)), (1, 1))
    assert run == (date(2000, 2, 29), date(2001, 2, 28))


@pytest.fixture
def data(make_data):
    basins = make_data(basins=4)
    return replace(basins, attributes={**basins.attributes, **portable(basins)})


def span(data) -> tuple[date, date]:
    return data.time[0].astype(object), data.time[-1].astype(object)


def test_each_window_has_the_climate_of_its_basin_over_one_run(data) -> None:
    first, last = span(data)
    climates = Climates.of(data, (first, last), (1, 1), NAMES)
    assert set(climates.values) == {"p_mean", "aridity"}
    sampler = WindowSampler(
        data, ("precipitation",), ("p_mean", "area_km2"),
        warmup=20, length=30, basins=8, steps=6, seed=1, climates=climates,
    )  # fmt: skip
    runs = list(runs_of_years((first, last), (1, 1)))
    by_run = np.stack([portable(data, run)["p_mean"] for run in runs])
    drawn = set()
    for batch in sampler:
        basin = batch["basin"].numpy()
        near = np.isclose(by_run[:, basin], batch["attributes"]["p_mean"].numpy())
        assert near.any(axis=0).all()
        drawn |= set(near.argmax(axis=0).tolist())
        area = batch["attributes"]["area_km2"].numpy()
        np.testing.assert_allclose(area, data.attributes["area_km2"][basin])
    assert drawn == set(range(climates.runs))


def test_a_sampler_that_goes_on_draws_the_same_climates(data) -> None:
    climates = Climates.of(data, span(data), (1, 1), NAMES)

    def made() -> WindowSampler:
        return WindowSampler(
            data, ("precipitation",), ("p_mean",),
            warmup=20, length=30, basins=8, steps=3, seed=1, climates=climates,
        )  # fmt: skip

    one, other = made(), made()
    list(one)
    other.load_state_dict(one.state_dict())
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a["attributes"]["p_mean"], b["attributes"]["p_mean"])


def test_too_few_years_are_refused(data) -> None:
    with pytest.raises(DataError, match=r"attributes_years: no 9 years in"):
        Climates.of(data, span(data), (9, 12), NAMES)


def test_a_model_without_climate_is_refused(data) -> None:
    with pytest.raises(DataError, match="reads no climate that is computed"):
        Climates.of(data, span(data), (1, 1), ("area_km2",))


@pytest.mark.parametrize("years", [(0, 3), (4, 3)])
def test_impossible_lengths_are_refused(years: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="attributes_years: found"):
        DataSpec(attributes_years=years)


def test_attributes_of_a_file_have_no_years() -> None:
    with pytest.raises(ConfigError, match="attributes_years: attributes: 'file'"):
        replace(DataSpec(attributes="file"), attributes_years=(1, 2))
