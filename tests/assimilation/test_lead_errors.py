"""Forecasts from the analyses of a twin experiment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmi_dmx.assimilation.experiment import FilterRun
from bmi_dmx.assimilation.lead_errors import errors_ahead
from bmi_dmx.assimilation.truth import Truth, truth_of
from bmi_dmx.assimilation.twin import follow

from .small import experiment

RUN = FilterRun(filter="etkf", members=25, inflation=1.03)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return truth_of(experiment())


def test_errors_grow_with_the_lead_and_are_those_of_a_loop(truth: Truth) -> None:
    followed = follow(truth, RUN)
    ahead = errors_ahead(truth, followed)
    assert ahead.forecast.shape == (30, 3)  # half of the cycles, by seed
    square = 0.0
    for start in range(30):
        later = followed.shown[start, 1]
        for _ in range(5):
            later = truth.model(later, 1)
        square += ((later - truth.states[start + 6, 1]) ** 2).mean()
    assert ahead.forecast[4, 1] == pytest.approx(np.sqrt(square / 30), rel=1e-9)
    assert (ahead.forecast[-1] > 1.5 * ahead.forecast[0]).all()
    assert (ahead.persistence[9] > ahead.forecast[9]).all()


def test_from_the_truth_the_model_makes_no_error(truth: Truth) -> None:
    followed = replace(follow(truth, RUN), shown=truth.states[1:])
    np.testing.assert_allclose(errors_ahead(truth, followed).forecast, 0.0, atol=1e-9)
