"""HBV of hours against an independent restatement: plain numbers, rates times hours."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bmi_dmx.models.hydrology.hbv20 import Hbv20
from bmi_dmx.models.hydrology.hbv_hourly import Hbv20Hourly, Hbv21Hourly

from .test_hbv_restated import regional_share

VARIANTS = pytest.mark.parametrize(
    "process",
    [
        Hbv20Hourly({"elevation_threshold": True}),
        Hbv21Hourly({"elevation_threshold": True}),
    ],
    ids=lambda p: p.name,
)
HOUR = 1.0 / 24.0
COLUMNS = ("precipitation", "air_temperature", "potential_evaporation")


def clipped(x, low, high):
    return min(max(x, low), high)


def excess_of_one_capacity(wet, sm, p):
    """Return infiltration excess and recharge of 2.0, rates."""
    s = clipped(sm / p["fc"], 0.0, 0.99)
    least = p["fmin"] * p["f0"]
    most = least + (p["f0"] - least) * (1.0 - s) ** p["alpha"]
    share = clipped((sm / p["fc"]) ** p["beta"], 0.0, 1.0)
    return max(wet - most, 0.0), min(wet, most) * share


def excess_of_many_capacities(wet, sm, p):
    """Return infiltration excess and recharge of 2.1, rates."""
    saturated = clipped(clipped(sm / p["fc"], 0.0, 1.0 - 1e-4) ** p["beta"], 0.0, 1.0)
    depth = clipped((wet / p["f0"]) ** (1.0 / p["alpha"]), 0.0, 1.0)
    order = p["alpha"] + 1.0
    surplus = wet * depth - p["f0"] * depth**order / order
    return max((1.0 - saturated) * surplus, 0.0), wet * saturated


def restated_hour(store, weather, p, dt=HOUR, driest=1e-8, floor=0.0):
    """Return the stores after an hour and its runoff, mm per day.

    ``driest`` is the least saturation that limits evaporation, ours; ``floor`` the
    least water of all stores but snow in mm, that of the published code.
    """
    precipitation, temperature, demand = weather
    sp, mw, *others = store
    sp, mw = max(sp, 0.0), max(mw, 0.0)
    sm, uz, lz, *surface = (max(x, floor) for x in others)
    tt = 4.0 if p["elevation_mean"] >= 2000.0 else p["tt"]
    rain, snow = (precipitation, 0.0) if temperature >= tt else (0.0, precipitation)
    sp += snow * dt
    melt = min(max(p["cfmax"] * (temperature - tt), 0.0) * dt, sp)
    mw, sp = mw + melt, sp - melt
    frozen = min(max(p["cfr"] * p["cfmax"] * (tt - temperature), 0.0) * dt, mw)
    sp, mw = sp + frozen, mw - frozen
    out = max(mw - p["cwh"] * sp, 0.0) / dt
    mw -= out * dt
    infiltration = excess_of_many_capacities if surface else excess_of_one_capacity
    excess, recharge = infiltration(rain + out, sm, p)
    sm += (rain + out - excess - recharge) * dt
    over = max(sm - p["fc"], 0.0) / dt
    sm -= over * dt
    limit = clipped(max(sm / (p["lp"] * p["fc"]), driest) ** p["betaet"], 0.0, 1.0)
    sm = max(sm - min(demand * limit * dt, sm), floor)
    rise = min(p["c"] * lz * (1.0 - min(sm / p["fc"], 1.0)) * dt, lz)
    sm, lz = max(sm + rise, floor), max(lz - rise, floor)
    uz += (recharge + over) * dt
    down = min(p["perc"] * dt, uz)
    uz -= down
    q0 = p["k0"] * max(uz - p["uzl"], 0.0)
    uz -= q0 * dt
    q1 = p["k1"] * uz
    uz -= q1 * dt
    lz = max(lz + down + p["rt"] * regional_share(p) * dt, floor)
    q2 = p["k2"] * lz
    lz -= q2 * dt
    if not surface:
        return (sp, mw, sm, uz, lz), q0 + q1 + q2 + excess
    first, second = surface
    first += excess * dt
    transfer = min(2.0 * p["ks"] * first * dt, first)
    second += transfer
    release = min(2.0 * p["ks"] * second * dt, second)
    return (
        (sp, mw, sm, uz, lz, first - transfer, second - release),
        q0 + q1 + q2 + release / dt,
    )


def restated(process, forcing, parameters, location, **floors):
    hours = np.stack([forcing[n][:, location].numpy() for n in COLUMNS], axis=1)
    values = {n: float(x[location, 0]) for n, x in parameters.items()}
    store, runoff = (0.001,) * len(process.states), []
    for hour in hours.tolist():
        store, flow = restated_hour(store, hour, values, **floors)
        runoff.append(flow)
    return np.array(store), np.array(runoff)


def hourly(weather, regime, seed):
    """Return weather whose wet hours bring up to what a cloudburst does."""
    forcing = weather(regime, seed, 2000, 8)
    return {**forcing, "precipitation": 8.0 * forcing["precipitation"]}


@VARIANTS
@pytest.mark.parametrize("regime", ["humid", "storm", "thaw"])
def test_hours_of_weather(process, regime, run, parameters, weather):
    forcing = hourly(weather, regime, 21)
    drawn = parameters(process, 22, 8, corners=0.1)
    outputs = ["runoff", "infiltration_excess"]
    result = run(process, None, forcing, drawn, outputs=outputs, dt=HOUR)
    for location in range(8):
        store, runoff = restated(process, forcing, drawn, location)
        final = [result.state[s.name][location, 0].item() for s in process.states]
        np.testing.assert_allclose(final, store, rtol=1e-10, atol=1e-11)
        computed = result.outputs["runoff"][:, location, 0]
        np.testing.assert_allclose(computed, runoff, rtol=1e-10, atol=1e-10)
    if regime == "storm":
        assert (result.outputs["infiltration_excess"] > 0.0).any()


@VARIANTS
def test_published_code_adds_a_trace_of_water_to_empty_stores(
    process, run, parameters, weather
):
    """Its floor of 1e-5 mm under the stores, every hour, is worth 5e-3 mm/d here."""
    forcing = hourly(weather, "thaw", 31)
    drawn = parameters(process, 32, 8, corners=0.1)
    result = run(process, None, forcing, drawn, outputs=["runoff"], dt=HOUR)
    errors = []
    for location in range(8):
        floors = {"driest": 0.0, "floor": 1e-5}
        _, runoff = restated(process, forcing, drawn, location, **floors)
        computed = result.outputs["runoff"][:, location, 0].numpy()
        errors.append(np.abs(computed - runoff).max())
    assert 0.0 < max(errors) < 5e-3


def test_recessions_are_those_of_days_that_lose_as_much(run, parameters, weather):
    """Of a soil that takes in everything, hours are those of HBV 2.0 at such rates."""
    forcing = weather("thaw", 5, 2000, 6)
    drawn = parameters(Hbv20Hourly(), 6, 6, members=2)
    drawn["f0"][:], drawn["fmin"][:] = 1e9, 1.0
    by_hour = run(Hbv20Hourly(), None, forcing, drawn, dt=HOUR)
    shares = {p.name: drawn[p.name] for p in Hbv20.parameters}
    for name in ("k0", "k1", "k2"):
        shares[name] = 1.0 - (1.0 - drawn[name] * HOUR) ** 24
    by_day = run(Hbv20(), None, forcing, shares, dt=HOUR)
    for flux in Hbv20.fluxes:
        np.testing.assert_allclose(
            by_hour.outputs[flux.name], by_day.outputs[flux.name], rtol=1e-8, atol=1e-8
        )


def test_two_surface_stores_delay_excess_by_the_inverse_of_their_rate(run):
    """Mean travel time of both is 1/KS: two stores of rate 2 KS."""
    process = Hbv21Hourly({"exchange": False})
    drawn = {p.name: sum(p.bounds) / 2 for p in process.parameters}
    drawn |= {"ks": 4.0, "fc": 1000.0, "tt": 0.0, "f0": 120.0}
    hours = 24 * 10
    rain = torch.zeros(hours, 1, dtype=torch.float64)
    rain[0] = 24.0 * 60.0  # 60 mm in an hour
    zero = torch.zeros_like(rain)
    forcing = {
        "precipitation": rain, "air_temperature": zero + 10.0,
        "potential_evaporation": zero,
    }  # fmt: skip
    empty = {s.name: zero[:1] for s in process.states}
    ran = run(process, empty, forcing, drawn, dt=HOUR)
    excess, flow = (
        ran.outputs[n][:, 0, 0] for n in ("infiltration_excess", "surface_flow")
    )
    assert excess[0] > 0.0
    assert flow.sum().item() == pytest.approx(excess.sum().item(), rel=1e-9)
    time = torch.arange(hours, dtype=torch.float64) * HOUR
    delay = (time * flow).sum() / flow.sum()
    # In steps, what a store receives begins to leave with the step that brings it.
    assert delay.item() == pytest.approx(1.0 / 4.0 - 2.0 * HOUR, rel=1e-6)
    assert math.isclose(flow[0].item(), excess[0].item() * (2.0 * 4.0 * HOUR) ** 2)
