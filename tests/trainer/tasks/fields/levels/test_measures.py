"""Scores of forecasts on levels against loops over their cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.config import as_yaml
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.tasks.fields.levels.measures import (
    ErrorMap,
    Measure,
    stable_until,
    usual_of,
)
from bmi_dmx.trainer.tasks.fields.levels.samples import LevelSamples
from bmi_dmx.trainer.tasks.fields.levels.task import samples_of

from . import made

LEADS = (1, 2)


@pytest.fixture(scope="module")
def samples(ocean: Path, tmp_path_factory: pytest.TempPathFactory) -> LevelSamples:
    path = tmp_path_factory.mktemp("measures") / "e.yaml"
    path.write_text(as_yaml(made.experiment(ocean)), encoding="utf-8")
    return samples_of(load_experiment(path))[1]


def drawn(samples: LevelSamples, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    shape = (len(LEADS), 1, *samples.sea.shape)
    return rng.normal(10.0, 1.0, shape) * samples.sea


def test_errors_and_correlations_are_those_of_a_loop(samples: LevelSamples) -> None:
    forecast, observed, usual = (drawn(samples, seed)[0] for seed in range(3))
    found = Measure(samples, "temperature")(forecast, observed, usual)
    y = -60.0 + made.DEGREES * np.arange(8)
    square = product = one = other = total = 0.0
    for level in range(made.LEVELS):
        inside = samples.sea[level]
        share = np.cos(np.radians(y))[:, None] * inside
        share = share / share.sum() / made.LEVELS
        a, b = (x[0, level] - usual[0, level] for x in (forecast, observed))
        square += float((share * (a - b) ** 2).sum())
        product += float((share * a * b).sum())
        one += float((share * a**2).sum())
        other += float((share * b**2).sum())
        total += float(share.sum())
    assert total == pytest.approx(1.0)
    assert found["rmse"] == pytest.approx(square)
    assert found["acc"] == pytest.approx(product / np.sqrt(one * other))
    assert Measure(samples, "temperature")(usual, observed, usual)["acc"] == 0.0


def test_what_is_usual_is_that_of_the_days_ahead(samples: LevelSamples) -> None:
    start = int(np.flatnonzero(samples.store.begins == np.datetime64("2020-02-27"))[0])
    found = usual_of(samples, start, LEADS)["temperature"]
    days = np.array(["2020-02-28", "2020-02-29"], "datetime64[us]")
    expected = samples.usual.climatology["temperature"].at(days)
    np.testing.assert_array_equal(found[:, 0], expected)


@pytest.mark.parametrize(("wrong", "steps"), [(99.0, 1), (np.nan, 1), (20.0, 3)])
def test_a_forecast_is_stable_while_its_states_are_possible(
    samples: LevelSamples, wrong: float, steps: int
) -> None:
    ahead = {"temperature": np.full((3, 1, 2, 4, 4), 15.0)}
    ahead["temperature"][1, 0, 1, 2, 3] = wrong
    assert stable_until(ahead, samples) == steps


def test_errors_are_where_they_were_made(samples: LevelSamples) -> None:
    where = ErrorMap(samples, LEADS)
    assert where.name == "temperature"
    level, row, column = (int(k[0]) for k in np.nonzero(samples.sea[:, 3:5]))
    observed = drawn(samples, 0)
    for error in (3.0, 4.0):
        forecast = observed.copy()
        forecast[:, 0, level, 3 + row, column] += error
        where.add({"temperature": forecast}, {"temperature": observed})
    size = np.sqrt((3.0**2 + 4.0**2) / 2.0)
    at = level, 3 + row, column
    assert where.surface[at[1:]] == pytest.approx(size)
    assert np.isnan(where.surface[samples.sea[0] == 0.0]).all()
    assert np.nansum(where.surface) == pytest.approx(size)
    around = samples.sea[level, at[1]].sum()
    assert where.section[level, at[1]] == pytest.approx(size / np.sqrt(around))
    near = np.abs(samples.grid.nodes("y")) <= 20.0
    beside = samples.sea[0, near, column].sum()
    assert where.course[:, column] == pytest.approx([size / np.sqrt(beside)] * 2)
