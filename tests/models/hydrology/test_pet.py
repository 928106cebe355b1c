"""Potential evaporation against FAO-56's worked examples and hand calculation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.models.hydrology.pet import Hargreaves, Oudin, extraterrestrial_radiation
from bmi_dmx.program.trace import trace_step


def radiation(day, latitude):
    tensor = extraterrestrial_radiation(
        torch.tensor(float(day), dtype=torch.float64),
        torch.tensor(float(latitude), dtype=torch.float64),
    )
    return tensor.item()


def distance(day):
    """Return the factor of the sun's distance, FAO-56 equation 23."""
    return 1 + 0.033 * math.cos(2 * math.pi * day / 365)


def series(**columns):
    return {n: torch.from_numpy(np.array([x]).T) for n, x in columns.items()}


def latitude(value):
    return {"latitude": torch.tensor([[value]], dtype=torch.float64)}


def evaporation(run, process, forcing, where, **kwargs):
    result = run(process, None, forcing, latitude(where), **kwargs)
    return result.outputs["potential_evaporation"].squeeze(-1)[:, 0].numpy()


@pytest.mark.parametrize(
    ("day", "where", "published"),
    [
        (246, -20.0, 32.2),  # FAO-56, example 8: 3 September at 20 degrees south
        (196, 45.72, 16.55 * 2.45),  # example 20: 15 July at Lyon
        (46, -34.0, 39.2),  # annex 2, table 2.6: February at 34 degrees south
    ],
)
def test_radiation_is_that_of_fao56(day, where, published):
    assert radiation(day, where) == pytest.approx(published, rel=0.005)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_polar_day_and_night(dtype):
    solstices = torch.tensor([172.0, 355.0], dtype=dtype)
    for pole in (70.0, 80.0, 90.0):
        north = extraterrestrial_radiation(solstices, torch.tensor(pole, dtype=dtype))
        south = extraterrestrial_radiation(solstices, torch.tensor(-pole, dtype=dtype))
        assert north[0] > 40.0
        assert north[1] == 0.0
        assert south[1] > 40.0
        assert south[0] == 0.0


def test_radiation_in_the_polar_day_is_the_sum_over_a_sun_that_never_sets():
    angle = 2.0 * math.pi * 172 / 365
    mean = 0.0820 * 24 * 60 * math.sin(0.409 * math.sin(angle - 1.39))
    assert radiation(172, 90.0) == pytest.approx(mean * distance(172))


def test_radiation_is_the_integral_of_the_sun_height():
    """Sum the sun's height over the day, minute by minute."""
    for day, where in [(15, 40.0), (100, -35.0), (200, 60.0), (300, 0.0)]:
        angle = 2.0 * math.pi * day / 365
        declination = 0.409 * math.sin(angle - 1.39)
        phi = math.radians(where)
        hour = (np.arange(1440) + 0.5) / 1440 * 2 * np.pi - np.pi
        height = math.sin(phi) * math.sin(declination)
        height = height + math.cos(phi) * math.cos(declination) * np.cos(hour)
        total = 0.0820 * distance(day) * np.maximum(height, 0.0).sum()
        assert radiation(day, where) == pytest.approx(total, rel=1e-4)


def test_hemispheres_mirror_each_other_but_for_the_distance_of_the_sun():
    """Half a year apart the declination changes sign; the distance does not."""
    for day in (20, 80, 140):
        opposite = day + 182.5
        north = radiation(day, 50.0) / distance(day)
        south = radiation(opposite, -50.0) / distance(opposite)
        assert north == pytest.approx(south, rel=1e-9)


def test_hargreaves_at_lyon(run):
    """FAO-56, example 20: 14.8 to 26.6 degC in July gives 5.0 mm per day."""
    forcing = series(
        air_temperature_min=[14.8], air_temperature_max=[26.6], day_of_year=[196.0]
    )
    computed = evaporation(run, Hargreaves(), forcing, 45.72)
    assert computed == pytest.approx(5.0, abs=0.05)


def test_oudin_by_hand(run):
    forcing = series(air_temperature=[15.0, -4.0], day_of_year=[246.0, 246.0])
    by_hand = [32.2 / 2.45 * 20.0 / 100.0, 32.2 / 2.45 * 1.0 / 100.0]
    computed = evaporation(run, Oudin(), forcing, -20.0)
    assert computed == pytest.approx(by_hand, rel=0.005)


def test_no_evaporation_when_too_cold_or_without_sun(run):
    cold = series(air_temperature=[-5.0, -30.0], day_of_year=[180.0, 180.0])
    assert (evaporation(run, Oudin(), cold, 45.0) == 0.0).all()
    frost = series(
        air_temperature_min=[-40.0], air_temperature_max=[-20.0], day_of_year=[180.0]
    )
    assert (evaporation(run, Hargreaves(), frost, 45.0) == 0.0).all()
    night = series(air_temperature=[10.0], day_of_year=[355.0])
    assert (evaporation(run, Oudin(), night, 80.0) == 0.0).all()


def test_extremes_in_the_wrong_order_count_as_equal(run):
    forcing = series(
        air_temperature_min=[20.0], air_temperature_max=[10.0], day_of_year=[180.0]
    )
    assert evaporation(run, Hargreaves(), forcing, 45.0) == pytest.approx(0.0, abs=1e-5)


@given(
    st.floats(-90, 90), st.integers(1, 366), st.floats(-90, 60), st.floats(-90, 60),
    st.sampled_from([torch.float32, torch.float64]),
)  # fmt: skip
def test_evaporation_and_its_slope_are_always_usable(where, day, low, high, dtype):
    numbers = {"air_temperature_min": low, "air_temperature_max": high}
    numbers |= {"air_temperature": low, "day_of_year": float(day)}
    for process in (Oudin(), Hargreaves()):
        forcing = {
            f.name: torch.tensor([[numbers[f.name]]], dtype=dtype, requires_grad=True)
            for f in process.forcings
        }
        f = type("Forcing", (), forcing)
        p = type("Parameters", (), {"latitude": torch.tensor([[where]], dtype=dtype)})
        value = process.step(None, f, p)[1]["potential_evaporation"]
        assert 0.0 <= value.item() < 100.0
        value.sum().backward()
        for name, x in forcing.items():
            if name != "day_of_year":
                assert torch.isfinite(x.grad).all()


def test_hourly_steps_give_the_daily_rate(run):
    """The rate is per day at any step, and hours' temperatures average to the day's."""
    hours = 20.0 + 5.0 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    hourly = series(air_temperature=hours.tolist(), day_of_year=[180.0] * 24)
    daily = series(air_temperature=[20.0], day_of_year=[180.0])
    by_hour = evaporation(run, Oudin(), hourly, 45.0, dt=1 / 24)
    by_day = evaporation(run, Oudin(), daily, 45.0)
    assert by_hour.mean() == pytest.approx(by_day[0], rel=1e-12)


@pytest.mark.parametrize("process", [Oudin(), Hargreaves()], ids=lambda p: p.name)
def test_the_step_can_be_compiled(process):
    assert set(trace_step(process).outputs) == {"q.potential_evaporation"}
