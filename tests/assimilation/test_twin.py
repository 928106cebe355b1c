"""Filters that follow truths: many side by side, and well."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from bmi_dmx.assimilation.experiment import FilterRun, System
from bmi_dmx.assimilation.truth import Truth, truth_of
from bmi_dmx.assimilation.twin import follow
from bmi_dmx.errors import ConfigError

from .small import experiment

B = {"climatology": 0.02}
RUNS: dict[str, tuple[dict[str, Any], float]] = {
    "letkf": ({"members": 8, "inflation": 1.05, "radius": 4.0}, 0.33),
    "etkf": ({"members": 25, "inflation": 1.03}, 0.33),
    "enkf": ({"members": 40, "inflation": 1.08}, 0.36),
    "denkf": ({"members": 25, "inflation": 1.03}, 0.33),
    "enkf_n": ({"members": 20}, 0.36),
    "ienks": ({"members": 20, "inflation": 1.03, "lag": 2}, 0.33),
    "var4d": ({"members": 1, "lag": 2, "options": {"covariance": B}}, 0.45),
    "oi": ({"members": 1, "options": {"covariance": B}}, 0.6),
}
"""Settings, and an error that is reached by what works; observed is it with 1."""


@pytest.fixture(scope="module")
def truth() -> Truth:
    return truth_of(experiment())


def error_of(truth: Truth, run: FilterRun) -> float:
    (scores,) = follow(truth, run).scores()
    return float(scores["rmse_analysis"])


@pytest.mark.parametrize("name", RUNS)
def test_filters_follow_better_than_what_is_observed(truth: Truth, name: str) -> None:
    settings, bound = RUNS[name]
    assert error_of(truth, FilterRun(filter=name, **settings)) < bound


def test_what_is_not_corrected_is_lost(truth: Truth) -> None:
    free = follow(truth, FilterRun(filter="nudging", members=2, options={"share": 0.0}))
    assert free.error[..., -10:].mean() > 2.5
    assert free.scores()[0]["divergence_rate"] == 1.0


def test_settings_and_seeds_side_by_side_are_runs_of_their_own(truth: Truth) -> None:
    settings = {"filter": "letkf", "members": 6}
    both = follow(
        truth, FilterRun(**settings, inflation=(1.02, 1.1), radius=(3.0, 5.0))
    )
    alone = follow(truth, FilterRun(**settings, inflation=1.1, radius=5.0))
    at = both.run.settings.index((1.1, 5.0))
    # Chaos makes of rounding what it can in so many cycles.
    np.testing.assert_allclose(
        both.error[at, :, :20], alone.error[0, :, :20], rtol=1e-6
    )
    one = truth_of(experiment(seeds=1, first_seed=2))
    seed = follow(one, FilterRun(**settings, inflation=1.1, radius=5.0))
    np.testing.assert_allclose(alone.error[0, 1, :20], seed.error[0, 0, :20], rtol=1e-6)


def test_the_same_seeds_give_the_same(truth: Truth) -> None:
    run = FilterRun(filter="enkf", members=10, inflation=1.1)
    first, again = follow(truth, run), follow(truth, run)
    np.testing.assert_array_equal(first.error, again.error)
    np.testing.assert_array_equal(first.ranks, again.ranks)


def test_ensembles_that_explode_are_started_again_and_counted(truth: Truth) -> None:
    wild = follow(truth, FilterRun(filter="etkf", members=3, inflation=1e6))
    assert wild.restarts.sum() > 0
    assert np.isfinite(wild.error).all()


def test_what_is_missing_is_not_needed() -> None:
    gaps = truth_of(experiment(observe={"missing": 0.5}))
    run = FilterRun(filter="letkf", members=8, inflation=1.05, radius=4.0)
    assert error_of(gaps, run) < 0.6


def test_every_fourth_place_and_projections_are_enough_to_follow() -> None:
    run = FilterRun(filter="etkf", members=30, inflation=1.05)
    for observe in ({"every": 4}, {"every": 4, "projections": True}):
        partly = truth_of(experiment(observe=observe, cycles=120, burn_in=60))
        assert error_of(partly, run) < 1.2


def test_ranks_are_counted_and_spread_is_about_the_error(truth: Truth) -> None:
    followed = follow(truth, FilterRun(filter="etkf", members=25, inflation=1.03))
    assert followed.ranks.shape == (1, 26)
    assert followed.ranks.sum() == 3 * 40 * 20
    (scores,) = followed.scores()
    assert 0.7 < scores["spread"] / scores["rmse_analysis"] < 1.5
    assert 0.7 < scores["spread_forecast"] / scores["rmse_forecast"] < 1.5
    assert scores["spread"] < scores["spread_forecast"]
    assert scores["crps"] < scores["rmse_analysis"] < scores["rmse_forecast"]


def test_innovations_are_kept_and_are_what_the_forecast_says_of_them(
    truth: Truth,
) -> None:
    followed = follow(truth, FilterRun(filter="etkf", members=25, inflation=1.03))
    assert followed.innovation.shape == (1, 3, 60, 20)
    late = slice(20, None)
    standard = (followed.innovation / followed.expected)[..., late, :]
    assert 0.8 < standard.std() < 1.2
    (scores,) = followed.scores()
    assert 0.8 < scores["consistency"] < 1.2
    wide = follow(truth, FilterRun(filter="etkf", members=25, inflation=1.5))
    assert wide.scores()[0]["consistency"] < 0.8 * scores["consistency"]


def test_what_is_missing_has_no_innovation() -> None:
    gaps = truth_of(experiment(observe={"missing": 0.5}))
    followed = follow(gaps, FilterRun(filter="etkf", members=25, inflation=1.03))
    missing = np.moveaxis(np.isnan(gaps.values), 0, 1)
    np.testing.assert_array_equal(np.isnan(followed.innovation[0]), missing)
    assert np.isfinite(followed.consistency).all()
    nothing = truth_of(experiment(observe={"missing": 0.95}))
    blind = follow(nothing, FilterRun(filter="etkf", members=25))
    assert np.isnan(blind.consistency).any()  # some cycles see nothing at all
    assert np.isfinite(blind.scores()[0]["consistency"])


def test_one_state_of_several_can_be_all_that_is_observed() -> None:
    levels = System(
        process="two_level_lorenz", space={"kind": "ring", "size": 8}, step=0.005,
        options={"fast": 4}, parameters={"drive": 20.0},
    )  # fmt: skip
    partly = truth_of(experiment(system=levels, observe={"state": "slow"}))
    assert partly.values.shape[-1] == 8
    np.testing.assert_array_equal(partly.operators.entries(3), np.arange(8))
    with pytest.raises(ConfigError, match="state 'slo'; did you mean 'slow'"):
        truth_of(experiment(system=levels, observe={"state": "slo"}))


def test_what_is_known_of_a_start_moves_on_until_it_is_seen(truth: Truth) -> None:
    """Few members far from what a window ends with follow where they look ahead."""
    settings = {"filter": "ienks", "members": 8, "lag": 4, "radius": 4.0}
    errors = [
        error_of(truth, FilterRun(**settings, inflation=1.05, drift=drift))
        for drift in (0.0, 5.0, -20.0)
    ]
    assert errors[0] < 0.4
    assert errors[1] < 0.4
    assert errors[2] > 1.2 * errors[0]


@pytest.mark.parametrize("name", ["letkf", "aenkf"])
def test_what_does_not_analyse_a_start_alone_does_not_drift(
    truth: Truth, name: str
) -> None:
    with pytest.raises(ConfigError, match=f"drift: {name} does not localise the start"):
        error_of(truth, FilterRun(filter=name, radius=4.0, drift=1.0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filter": "letkff"}, "filter: unknown 'letkff'; did you mean 'letkf'"),
        ({"filter": "etkf", "options": {"rotat": 1}}, "etkf has no 'rotat'"),
        ({"filter": "oi"}, "options: oi: "),
        (
            {"filter": "oi", "options": {"covariance": {"some": 1.0}}},
            "options.covariance: expected climatology: SHARE or identity: VARIANCE",
        ),
        ({"filter": "etkf", "inflation": 0.0}, "inflation: expected above 0"),
        ({"filter": "etkf", "radius": -1.0}, "radius: expected none below 0"),
    ],
)
def test_wrong_settings_are_refused(
    truth: Truth, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        follow(truth, FilterRun(**settings))
