"""Extremes of the last day against a search through the series."""

from __future__ import annotations

import numpy as np
import torch

from bmi_dmx.models.hydrology.daily_extremes import DailyExtremes


def test_extremes_are_those_of_the_last_24_hours(run):
    series = np.random.default_rng(4).normal(10.0, 5.0, (100, 3))
    forcing = {"air_temperature": torch.from_numpy(series)}
    extremes = run(DailyExtremes(), None, forcing, {})
    for name, extreme in (("min", np.min), ("max", np.max)):
        expected = [extreme(series[max(0, t - 23) : t + 1], axis=0) for t in range(100)]
        values = extremes.outputs[f"air_temperature_{name}"].squeeze(-1)
        np.testing.assert_array_equal(values, expected)


def test_the_future_is_not_known(run):
    series = torch.linspace(0.0, 20.0, 40, dtype=torch.float64)[:, None]
    changed = series.clone()
    changed[30:] = 99.0
    forcings = [{"air_temperature": x} for x in (series, changed)]
    runs = [run(DailyExtremes(), None, forcing, {}) for forcing in forcings]
    for name in ("air_temperature_min", "air_temperature_max"):
        before = [x.outputs[name][:30] for x in runs]
        assert torch.equal(*before)
