"""Methods of DAPPER on systems from here, and filters from here on its settings."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

from bmi_dmx.assimilation.experiment import FilterRun
from bmi_dmx.assimilation.truth import Truth, truth_of
from bmi_dmx.assimilation.twin import follow
from bmi_dmx.cli import main
from bmi_dmx.errors import ConfigError
from bmi_dmx.twins.dapper import errors_of, hidden_markov_model, method

from ..assimilation.small import experiment

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    da_methods = pytest.importorskip(
        "dapper.da_methods", reason="the extra 'dapper' is not installed"
    )

pytestmark = pytest.mark.filterwarnings("ignore")
"""Of packages that it needs."""


@pytest.fixture(scope="module")
def truth() -> Truth:
    return truth_of(experiment())


@pytest.mark.parametrize(
    ("name", "options", "run"),
    [
        (
            "EnKF",
            {"upd_a": "Sqrt", "N": 25, "infl": 1.03},
            {"filter": "etkf", "members": 25, "inflation": 1.03},
        ),
        (
            "LETKF",
            {"N": 8, "infl": 1.05, "loc_rad": 4.0},
            {"filter": "letkf", "members": 8, "inflation": 1.05, "radius": 4.0},
        ),
        ("EnKF_N", {"N": 20}, {"filter": "enkf_n", "members": 20}),
    ],
)
def test_its_methods_do_as_well_as_filters_of_the_same_name(
    truth: Truth, name: str, options: dict[str, Any], run: dict[str, Any]
) -> None:
    late = slice(truth.experiment.burn_in, None)
    theirs = errors_of(truth, name, options)
    ours = follow(truth, FilterRun(**run)).error[0]
    assert theirs.shape == ours.shape
    assert theirs[:, late].mean() == pytest.approx(ours[:, late].mean(), rel=0.15)


def test_the_derivative_of_a_cycle_is_that_of_the_model(truth: Truth) -> None:
    model = hidden_markov_model(truth, 0)
    state, moved = truth.states[3, 0], np.zeros(truth.model.size)
    moved[2] = 1e-4
    ahead = model.Dyn(state + moved, 0.0, 0.1) - model.Dyn(state - moved, 0.0, 0.1)
    linear = model.Dyn.linear(state, 0.0, 0.1)
    np.testing.assert_allclose(linear[:, 2], ahead / 2e-4, atol=1e-5)


def test_the_extended_filter_that_needs_derivatives_follows(truth: Truth) -> None:
    error = errors_of(truth, "ExtKF", {"infl": 1.05})
    assert error[:, truth.experiment.burn_in :].mean() < 0.5


def test_filters_run_on_its_settings() -> None:
    from dapper.mods.Lorenz96.sakov2008 import HMM
    from dapper.tools.seeding import set_seed

    model = HMM.copy()
    model.tseq.Ko, model.tseq.BurnIn = 400, 10.0
    set_seed(3)
    states, values = model.simulate()
    run = FilterRun(filter="letkf", members=7, inflation=1.04, radius=4.0)
    ours = method(run)
    ours.assimilate(model, states, values, liveplots=False)
    theirs = da_methods.LETKF(N=7, infl=1.04, loc_rad=4.0)
    theirs.assimilate(model, states, values, liveplots=False)
    late = slice(200, None)
    errors = [one.stats.err.rms.a[late].mean() for one in (ours, theirs)]
    assert errors[0] == pytest.approx(errors[1], rel=0.1)


def test_what_it_cannot_do_is_refused(truth: Truth) -> None:
    with pytest.raises(ConfigError, match="method 'LETK'; did you mean 'LETKF'"):
        errors_of(truth, "LETK", {})
    with pytest.raises(ConfigError, match=r"LETKF of DAPPER: .*loc_rad"):
        errors_of(truth, "LETKF", {"N": 5})
    gaps = truth_of(experiment(observe={"missing": 0.5}))
    with pytest.raises(ConfigError, match=re.escape("observe.missing: found 0.5")):
        errors_of(gaps, "LETKF", {"N": 5, "loc_rad": 4.0})
    with pytest.raises(ConfigError, match="that has no window"):
        method(FilterRun(filter="ienks"))
    with pytest.raises(ConfigError, match="expected one inflation and one radius"):
        method(FilterRun(filter="etkf", inflation=(1.0, 1.1)))


def test_the_command_says_how_well_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--option", "N=20", "--option", "upd_a=Sqrt", "--option", "infl=1.05"]
    arguments = ["da", "dapper", "lorenz_96", "--method", "EnKF", "--seeds", "2"]
    assert main([*arguments, "--cycles", "12", *options]) == 0
    assert "EnKF of DAPPER: median error of analysis" in capsys.readouterr().out
