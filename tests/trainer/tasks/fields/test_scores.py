"""Scores, on data of which they are known."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from bmi_dmx.trainer.tasks.fields.scores import (
    correlation,
    moving_block_bootstrap,
    pattern_correlation,
    zonal_spectrum,
)


def test_an_interval_covers_the_true_difference_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        common = rng.normal(size=100)
        one = (common + 0.3 * rng.normal(size=100)) ** 2
        other = (common + 0.3 * rng.normal(size=100)) ** 2
        difference = moving_block_bootstrap(one, other, 4, draws=200, seed=seed)
        covered += difference.low <= 0.0 <= difference.high
    # Of blocks that are not many, somewhat fewer than 95 of 100.
    assert 170 <= covered <= 200


def test_a_forecast_that_is_always_better_is_found_to_be() -> None:
    errors = np.random.default_rng(0).uniform(1.0, 2.0, 60)
    difference = moving_block_bootstrap(0.81 * errors, errors, 6)
    assert difference.value == pytest.approx(-0.1 * np.sqrt(errors.mean()))
    assert difference.low <= difference.value <= difference.high < 0.0
    same = moving_block_bootstrap(errors, errors, 6)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_the_error_of_seeds_is_the_mean_of_theirs() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.uniform(1.0, 2.0, (3, 60)), rng.uniform(1.0, 2.0, (2, 60))
    difference = moving_block_bootstrap(one, other, 6)
    mean = [np.mean([np.sqrt(seed.mean()) for seed in x]) for x in (one, other)]
    assert difference.value == pytest.approx(mean[0] - mean[1])
    thrice = moving_block_bootstrap(np.stack([one[0]] * 3), other[0], 6)
    once = moving_block_bootstrap(one[0], other[0], 6)
    assert astuple(thrice) == pytest.approx(astuple(once))


def test_blocks_are_drawn_together() -> None:
    # Neighbours cancel: of whole pairs every mean is the same.
    errors = np.tile([1.0, 3.0], 30)
    assert moving_block_bootstrap(errors, 0.0 * errors, 60).low == pytest.approx(2**0.5)
    assert moving_block_bootstrap(errors, 0.0 * errors, 1).low < 1.4


def test_correlations_of_fields_and_series() -> None:
    rng = np.random.default_rng(1)
    x, weights = rng.normal(size=(5, 20)), np.full(20, 0.05)
    assert pattern_correlation(3.0 * x, x, weights) == pytest.approx(1.0)
    assert pattern_correlation(0.0 * x, x, weights) == 0.0
    expected = np.mean(
        [(a @ b) / np.sqrt((a @ a) * (b @ b)) for a, b in zip(x, x[::-1], strict=True)]
    )
    assert pattern_correlation(x, x[::-1], weights) == pytest.approx(expected)
    a, b = x[:, 0], x[:, 1]
    assert correlation(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])


def test_a_wave_has_its_variance_at_its_number() -> None:
    x = 2.0 * np.pi * np.arange(24) / 24
    fields = np.broadcast_to(3.0 * np.cos(2.0 * x) + 1.0, (2, 4, 24))
    spectrum = zonal_spectrum(
        fields, np.ones((4, 24), bool), np.array([-30, -10, 10, 30])
    )
    expected = np.zeros(13)
    expected[[0, 2]] = 1.0, 4.5
    np.testing.assert_allclose(spectrum, expected, atol=1e-12)
