"""Twenty-four hourly steps against one daily step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bmi_dmx.models.hydrology.hbv import Hbv, Hbv11p
from bmi_dmx.models.hydrology.hbv20 import Hbv20

VARIANTS = pytest.mark.parametrize(
    "process", [Hbv(), Hbv11p(), Hbv20()], ids=lambda p: p.name
)
BASINS = 300


def constant_climates(days):
    """Return a constant climate per basin, from cold and dry to warm and wet."""
    rng = np.random.default_rng(1)
    columns = {
        "precipitation": rng.uniform(0.5, 5.0, BASINS),
        "air_temperature": rng.uniform(-3.0, 20.0, BASINS),
        "potential_evaporation": rng.uniform(0.5, 5.0, BASINS),
    }
    return {n: torch.from_numpy(x).expand(days, BASINS) for n, x in columns.items()}


@VARIANTS
def test_a_year_of_constant_weather(process, run, parameters):
    """Runoff of a year from almost empty stores, over random parameter sets.

    It differs by less than 0.2 % of the precipitation in the middle of the sets and by
    less than 2 % in 98 of 100.
    """
    days = constant_climates(365)
    hours = {n: x[:1].expand(365 * 24, BASINS) for n, x in days.items()}
    drawn = parameters(process, 2, BASINS)
    names = ["runoff", "evaporation", "melt"]
    daily = run(process, None, days, drawn, outputs=names)
    hourly = run(process, None, hours, drawn, outputs=names, dt=1 / 24)
    rain = days["precipitation"].sum(0)[:, None]
    for name, allowed in {"runoff": 0.002, "evaporation": 0.003, "melt": 1e-9}.items():
        by_day = daily.outputs[name].sum(0)
        by_hour = hourly.outputs[name].sum(0) / 24
        difference = ((by_hour - by_day) / rain).abs()
        assert difference.median() < allowed, name
        assert difference.quantile(0.98) < 10 * allowed, name
    soil = hourly.state["soil_moisture"] - daily.state["soil_moisture"]
    assert soil.abs().median() < 1.0
    assert (hourly.state["snowpack"] - daily.state["snowpack"]).abs().max() < 1e-9


@VARIANTS
def test_recessions_are_the_same_at_any_step(process, run, parameters):
    """Without water, demand or exchange each store empties as it does by days."""
    drawn = parameters(process, 3, 50)
    drawn["perc"] = torch.zeros(50, 1, dtype=torch.float64)
    drawn["uzl"] = torch.zeros(50, 1, dtype=torch.float64)
    if "rt" in drawn:
        drawn["rt"] = torch.zeros(50, 1, dtype=torch.float64)
    start = {
        "soil_moisture": drawn["fc"].clone(),  # full: no capillary rise
        "upper_zone": torch.full((50, 1), 80.0, dtype=torch.float64),
        "lower_zone": torch.full((50, 1), 200.0, dtype=torch.float64),
    }

    def dry(steps):
        zero = torch.zeros(steps, 50, dtype=torch.float64)
        return {
            "precipitation": zero,
            "potential_evaporation": zero,
            "air_temperature": zero + 10.0,
        }

    daily = run(process, start, dry(20), drawn)
    for steps in (2, 24):
        finer = run(process, start, dry(20 * steps), drawn, dt=1 / steps)
        for zone in ("upper_zone", "lower_zone"):
            torch.testing.assert_close(
                finer.state[zone], daily.state[zone], rtol=1e-12, atol=0.0
            )
        by_day = daily.outputs["runoff"]
        by_step = finer.outputs["runoff"].reshape(20, steps, 50, 1).mean(1)
        torch.testing.assert_close(by_step, by_day, rtol=1e-10, atol=0.0)


def test_slow_recessions_keep_their_digits_in_float32(run):
    """An hour's share of 0.001 per day is 4e-5, far below the resolution near 1."""
    zero = torch.zeros(24, 1)
    names = ("precipitation", "air_temperature", "potential_evaporation")
    forcing = dict.fromkeys(names, zero)
    middle = {p.name: sum(p.bounds) / 2 for p in Hbv.parameters}
    start = {"lower_zone": torch.full((1, 1), 500.0)}
    result = run(Hbv(), start, forcing, {**middle, "k2": 0.001}, dt=1 / 24)
    first = result.outputs["baseflow"][0].item() / 24
    assert first == pytest.approx(500.0 * (1 - 0.999 ** (1 / 24)), rel=1e-5)


@VARIANTS
def test_budgets_close_at_hourly_steps(process, run, parameters, weather, residual):
    forcing = weather("thaw", 5, 200, 5)
    result = run(process, None, forcing, parameters(process, 5, 5), dt=1 / 24)
    assert residual(process, {}, forcing, result, dt=1 / 24) < 1e-12


def test_a_slow_reservoir_holds_water_half_a_day_longer_at_short_steps(run, parameters):
    """A day's water drains with the day that brings it, but with each hour after it."""
    process = Hbv()
    drawn = parameters(process, 6, 40)
    # Everything goes to the lower zone.
    drawn["perc"] = torch.full((40, 1), 1e3, dtype=torch.float64)
    drawn["k2"] = torch.linspace(0.05, 0.2, 40, dtype=torch.float64)[:, None]
    start = {"soil_moisture": drawn["fc"]}

    def delay(steps, dt):
        rain = torch.zeros(steps, 40, dtype=torch.float64)
        rain[: round(1 / dt)] = 10.0
        zero = torch.zeros_like(rain)
        forcing = {
            "precipitation": rain,
            "potential_evaporation": zero,
            "air_temperature": zero + 10.0,
        }
        flow = run(process, start, forcing, drawn, outputs=["runoff"], dt=dt)
        q = flow.outputs["runoff"].squeeze(-1)
        time = (torch.arange(steps, dtype=torch.float64)[:, None] + 0.5) * dt
        return (q * time).sum(0) / q.sum(0) - 0.5  # the rain's mean time is 0.5 days

    later = delay(365 * 4, 0.25) - delay(365, 1.0)
    assert later.numpy() == pytest.approx((1 - 0.25) / 2, abs=0.02)
