"""HBV against an independent restatement: one location, plain numbers, no tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bmi_dmx.models.hydrology.hbv import Hbv, Hbv11p
from bmi_dmx.models.hydrology.hbv20 import Hbv20

VARIANTS = pytest.mark.parametrize(
    "process",
    [Hbv(), Hbv11p(), Hbv20({"elevation_threshold": True})],
    ids=lambda p: p.name,
)

STORES = ("snowpack", "meltwater", "soil_moisture", "upper_zone", "lower_zone")


def restated_day(store, weather, p, driest=1e-8, floor=0.0):
    """Return the stores after a day and its runoff.

    ``driest`` is the least saturation in the power laws, ours; ``floor`` the least
    water of soil and lower zone in mm, that of the published code.
    """
    sp, mw, sm, uz, lz = store
    rainfall, temperature, demand = weather
    high = p.get("elevation_mean", 0.0) >= 2000.0
    above = temperature - (4.0 if high else p["tt"])
    if above < 0:
        sp += rainfall
        rainfall = 0.0
        frozen = min(-above * p["cfmax"] * p["cfr"], mw)
        sp, mw = sp + frozen, mw - frozen
    else:
        thawed = min(above * p["cfmax"], sp)
        sp, mw = sp - thawed, mw + thawed
    into = rainfall + max(mw - p["cwh"] * sp, 0.0)
    mw = min(mw, p["cwh"] * sp)
    below = into * min(max(sm / p["fc"], driest) ** p["beta"], 1.0)
    sm += into - below
    over = max(sm - p["fc"], 0.0)
    sm -= over
    ratio = max(sm / (p["lp"] * p["fc"]), driest)
    sm -= min(sm, demand * min(ratio ** p["betaet"], 1.0))
    sm = max(sm, floor)
    if "c" in p:
        up = min(lz, p["c"] * lz * (1.0 - min(sm / p["fc"], 1.0)))
        sm, lz = max(sm + up, floor), max(lz - up, floor)
    uz += below + over
    down = min(uz, p["perc"])
    uz -= down
    q0 = p["k0"] * max(uz - p["uzl"], 0.0)
    uz -= q0
    q1 = p["k1"] * uz
    uz -= q1
    lz += down
    if "rt" in p:
        lz = max(lz + p["rt"] * regional_share(p), floor)
    q2 = p["k2"] * lz
    return (sp, mw, sm, uz, lz - q2), q0 + q1 + q2


def regional_share(p):
    """Return the exchange with the region relative to its largest."""
    area = p["drainage_area_km2"]
    if area < 2500.0:
        return min(max((area - p["ac"]) / 1000.0, -1.0), 1.0)
    return np.exp(max(-(area - 2500.0) / 50.0, -10.0))


def restated(forcing, parameters, location, **floors):
    columns = ("precipitation", "air_temperature", "potential_evaporation")
    days = np.stack([forcing[n][:, location].numpy() for n in columns], axis=1)
    values = {n: float(x[location, 0]) for n, x in parameters.items()}
    store, runoff = (0.001,) * 5, []
    for day in days.tolist():
        store, flow = restated_day(store, day, values, **floors)
        runoff.append(flow)
    return np.array(store), np.array(runoff)


@VARIANTS
@pytest.mark.parametrize("regime", ["humid", "storm", "thaw"])
def test_two_years_of_weather(process, regime, run, parameters, weather):
    forcing = weather(regime, 21, 730, 8)
    drawn = parameters(process, 22, 8, corners=0.1)
    result = run(process, None, forcing, drawn, outputs=["runoff"])
    for location in range(8):
        store, runoff = restated(forcing, drawn, location)
        final = [result.state[n][location, 0].item() for n in STORES]
        np.testing.assert_allclose(final, store, rtol=1e-12, atol=1e-12)
        computed = result.outputs["runoff"][:, location, 0]
        np.testing.assert_allclose(computed, runoff, rtol=1e-12, atol=1e-12)


@VARIANTS
def test_published_code_adds_a_trace_of_water_to_empty_stores(
    process, run, parameters, weather
):
    """Its floor of 1e-5 mm under soil and lower zone is worth 1e-4 mm/d here."""
    forcing = weather("thaw", 31, 730, 8)
    drawn = parameters(process, 32, 8, corners=0.1)
    result = run(process, None, forcing, drawn, outputs=["runoff"])
    for location in range(8):
        _, runoff = restated(forcing, drawn, location, driest=0.0, floor=1e-5)
        computed = result.outputs["runoff"][:, location, 0]
        np.testing.assert_allclose(computed, runoff, rtol=0.0, atol=1e-4)


def test_parameters_that_change_from_day_to_day(run, parameters, weather):
    forcing = weather("humid", 41, 120, 1)
    fixed = parameters(Hbv11p(), 42, 1)
    daily = torch.linspace(1.0, 6.0, 120, dtype=torch.float64).reshape(-1, 1, 1)
    result = run(Hbv11p(), None, forcing, {**fixed, "beta": daily}, outputs=["runoff"])
    values = {n: x.item() for n, x in fixed.items()}
    store = (0.001,) * 5
    for t in range(120):
        day = [
            forcing[n][t, 0].item()
            for n in ("precipitation", "air_temperature", "potential_evaporation")
        ]
        today = {**values, "beta": daily[t].item()}
        store, flow = restated_day(store, day, today)
        computed = result.outputs["runoff"][t, 0, 0].item()
        assert computed == pytest.approx(flow, rel=1e-11)
