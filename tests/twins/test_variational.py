"""Windows of days are explained by stores and rain, as far as these may be wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pytest

from bmi_dmx import load_bundle
from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer.tasks.basins.data.basins import BasinData
from bmi_dmx.trainer.tasks.basins.data.read import read
from bmi_dmx.trainer.tasks.basins.data.spec import DataSpec
from bmi_dmx.twins.hindcast import Method, position
from bmi_dmx.twins.hindcast_run import OpenLoop, alone
from bmi_dmx.twins.variational import Variational, variational

LEADS = 3
SPEC = DataSpec(reader="delaware", attributes="both", basins=["01423000", "01413500"])


@cache
def made(change: Any = None) -> tuple[BasinData, OpenLoop, Any, int]:
    """Return a twin of two basins: data whose gauges show a model with other rain."""
    data = read(SPEC)
    start, scored = (position(data, date(1979, m, 1)) for m in (4, 5))
    data = data.part(slice(0, position(data, date(1979, 5, 20)) + 1))
    bundle = load_bundle("dhbv-conus-daily")
    errors = np.random.default_rng(1).lognormal(-0.08, 0.4, data.target.shape)
    rain = (data.forcing["precipitation"] * errors).astype(np.float32)
    wet = replace(data, forcing={**data.forcing, "precipitation": rain})
    observed = alone(bundle, wet, start).flow
    if change is not None:
        change(observed, scored)
    past = alone(bundle, data, start)
    stores = {"soil_moisture": 0.05, "upper_zone": 0.5, "lower_zone": 0.1}
    settings = Variational(window=4, stores=stores, precipitation=0.4)
    learned = slice(60, start)
    ahead = variational(bundle, data, observed, settings, past, learned, scored, LEADS)
    return replace(data, target=observed.astype(np.float32)), past, ahead, scored


def test_forecasts_come_closer_to_what_is_observed() -> None:
    data, past, ahead, scored = made()
    first = np.array([ahead[day - 1, 0] for day in range(scored, len(ahead))])
    observed, model = data.target[scored:], past.flow[scored:]
    error, usual = (np.square(x - observed).mean(0) for x in (first, model))
    assert (error < 0.8 * usual).all()
    # Nothing is known of days after the last one, nor forecast before it is scored.
    assert np.isnan(ahead[-1]).all()
    assert np.isnan(ahead[: scored - LEADS]).all()


def test_what_comes_later_changes_no_forecast() -> None:
    def poisoned(observed: np.ndarray, scored: int) -> None:
        observed[scored + 5 :] = 9.0

    _, _, ahead, scored = made()
    _, _, other, _ = made(poisoned)
    np.testing.assert_array_equal(ahead[: scored + 5], other[: scored + 5])
    assert not np.allclose(ahead[scored + 5, 0], other[scored + 5, 0])


def test_without_observations_it_is_the_model_alone() -> None:
    def silent(observed: np.ndarray, scored: int) -> None:
        observed[scored - 30 :] = np.nan

    _, past, ahead, scored = made(silent)
    days = range(scored, len(ahead) - LEADS)
    first = np.array([ahead[day - 1] for day in days])
    expected = np.array([past.flow[day : day + LEADS] for day in days])
    np.testing.assert_allclose(first, expected, rtol=1e-6, atol=1e-9)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"stores\.soil: found 0, expected above 0"):
        Variational(stores={"soil": 0})
    with pytest.raises(ConfigError, match="window: "):
        Variational(window=1)
    with pytest.raises(ConfigError, match="assimilation: not with variational"):
        Method(assimilation={"members": 3}, variational=Variational())
