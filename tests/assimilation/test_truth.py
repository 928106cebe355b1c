"""Truths of twin experiments, and what is seen of them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from bmi_dmx.assimilation.dynamics import Dynamics
from bmi_dmx.assimilation.experiment import System
from bmi_dmx.assimilation.truth import truth_of
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.registries import processes
from bmi_dmx.space import Points, Ring

from .small import LORENZ, experiment

TWO_LEVELS = System(
    process="two_level_lorenz", space={"kind": "ring", "size": 20}, step=0.005,
    options={"fast": 3},
)  # fmt: skip


def test_a_truth_is_a_run_of_the_model() -> None:
    truth = truth_of(experiment(cycles=4, burn_in=0, cycle=0.1))
    after = truth.model(truth.states[1], 2)
    np.testing.assert_array_equal(after, truth.states[2])


def test_a_seed_gives_the_same_whatever_runs_beside_it() -> None:
    many = truth_of(experiment(observe={"missing": 0.2}))
    one = truth_of(experiment(observe={"missing": 0.2}, seeds=1, first_seed=2))
    np.testing.assert_allclose(one.states[:, 0], many.states[:, 1], atol=1e-9)
    np.testing.assert_allclose(one.values[:, 0], many.values[:, 1], atol=1e-9)
    np.testing.assert_allclose(one.ensembles(4)[0], many.ensembles(4)[1], atol=1e-9)
    assert np.abs(many.states[0, 0] - many.states[0, 1]).max() > 1.0


def test_errors_and_gaps_are_as_large_as_said() -> None:
    truth = truth_of(experiment(cycles=400, observe={"error": 0.5, "missing": 0.3}))
    error = truth.values - truth.states[1:]
    assert np.nanstd(error) == pytest.approx(0.5, rel=0.03)
    assert np.isnan(error).mean() == pytest.approx(0.3, abs=0.02)


def test_ensembles_start_where_they_are_told_to() -> None:
    near = truth_of(experiment(start_error=0.1))
    away = near.ensembles(50) - near.states[0][:, None]
    assert away.std() == pytest.approx(0.1, rel=0.1)
    far = truth_of(experiment(start="climatology"))
    drawn = far.ensembles(200)
    assert drawn.std() == pytest.approx(far.climate.deviation, rel=0.1)


def test_of_a_truth_of_another_system_the_model_knows_a_part() -> None:
    truth = truth_of(experiment(truth=TWO_LEVELS, shown="slow", cycles=3, burn_in=0))
    assert truth.states.shape == (4, 3, 20)
    model = truth.model(truth.states[0])
    assert 0.0 < np.abs(model - truth.states[1]).max() < 3.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"cycle": 0.07},
            "cycle: found 0.07, expected a whole number of steps of 0.05",
        ),
        ({"shown": "slow"}, "shown: goes with truth"),
        ({"burn_in": 60}, "burn_in: expected at most 59, found 60"),
        ({"truth": TWO_LEVELS}, "shown: found ''; known: fast, slow"),
        ({"truth": TWO_LEVELS, "shown": "fast"}, "'fast' has 60 entries, expected the"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        truth_of(experiment(**changes))


def test_a_system_that_explodes_is_refused() -> None:
    coarse = System(process="lorenz_96", space=LORENZ.space, step=1.0)
    with pytest.raises(DataError, match="does not stay finite at steps of 1"):
        truth_of(experiment(system=coarse, cycle=1.0))


def test_parameters_are_checked() -> None:
    kind = processes["lorenz_96"]
    with pytest.raises(ConfigError, match="'driv'; did you mean 'drive'"):
        Dynamics(kind(), Ring(5), {"driv": 8.0}, dt=0.05)
    with pytest.raises(ConfigError, match=r"found -1\.0, expected 0 to 40"):
        Dynamics(kind(), Ring(5), {"drive": -1.0}, dt=0.05)
    with pytest.raises(ConfigError, match="reads forcing"):
        Dynamics(processes["oudin"](), Points(["a"]), dt=1.0)
    with pytest.raises(ConfigError, match="state 'y'; known: x"):
        Dynamics(kind(), Ring(5), dt=0.05).entries("y")
    with pytest.raises(ConfigError, match="process: unknown 'lorenz_69'; did you mean"):
        System(process="lorenz_69", space={}, step=1.0)
