"""Snow-17: against a restatement of the source, and in limiting cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bmi_dmx.models.hydrology.snow17 import Snow17

NAMES = ("precipitation", "air_temperature", "day_of_year")
STORES = tuple(state.name for state in Snow17.states)
PLAIN = {
    "scf": 1.0, "pxtemp": 1.0, "mfmax": 6.0, "mfmin": 2.0, "uadj": 0.16, "mbase": 0.0,
    "nmf": 0.6, "tipm": 0.35, "plwhc": 0.05, "daygm": 0.0, "latitude": 45.0,
    "elevation_mean": 1000.0,
}  # fmt: skip


def restated_step(store, weather, p, dt):
    """Return stores and outflow of a step of dt days, with the source's hours."""
    wi, wq, hd, ati, passage = store
    precip, t, day = weather
    hours = 24 * dt
    precip *= dt
    snow = precip * p["scf"] if t <= p["pxtemp"] else 0.0
    rain = 0.0 if t <= p["pxtemp"] else precip
    wi += snow
    sign = -1 if p["latitude"] < 0 else 1
    season = 0.5 + sign * 0.5 * math.sin(2 * math.pi * (day - 80) / 366)
    mf = season * (p["mfmax"] - p["mfmin"]) + p["mfmin"]  # per day
    tn = min(t, 0.0)
    hd += -tn * snow / 160 + p["nmf"] * dt * mf / p["mfmax"] * (ati - tn)
    if snow > 1.5 * hours:
        ati = tn
    else:
        ati = min(ati + (1 - (1 - p["tipm"]) ** dt) * (t - ati), 0.0)
    hd = min(max(hd, 0.0), 0.33 * wi)
    if rain > 0.25 * hours:
        h = max(p["elevation_mean"], 1.0) / 100
        pa = 33.86 * (29.9 - 0.335 * h + 0.00022 * h**2.4)
        esat = 2.7489e8 * math.exp(-4278.63 / (t + 242.792))
        melt = 6.12e-10 * hours * ((t + 273) ** 4 - 273**4)
        melt += 0.0125 * rain * max(t, 0.0)
        melt += 8.5 * p["uadj"] * dt * (0.9 * esat - 6.11 + 0.00057 * pa * t)
        melt = max(melt, 0.0)
    else:
        melt = mf * dt * max(t - p["mbase"], 0.0) + 0.0125 * rain * max(t, 0.0)
    melt = min(melt, wi)
    wi -= melt
    qw = melt + rain
    if qw >= hd:
        wi, wq, hd = wi + hd, wq + qw - hd, 0.0
    else:
        wi, hd = wi + qw, hd - qw
    excess = max(wq - p["plwhc"] * wi, 0.0)
    wq -= excess
    through = 1.0
    if wi > 0.1:
        x = min(500 * excess / hours / wi**1.3, 30.0)
        through = 1 / (5 * math.exp(-x) + 1)
    passage += excess
    out = passage * (1 - (1 - through) ** hours)
    ground = min(p["daygm"] * dt, wi)
    return (wi - ground, wq, hd, ati, passage - out), (out + ground) / dt


@pytest.mark.parametrize("regime", ["freeze", "thaw", "humid"])
@pytest.mark.parametrize("dt", [1.0, 1 / 24])
def test_some_hundred_steps_of_weather(regime, dt, run, parameters, weather):
    forcing = weather(regime, 1, 400, 5)
    del forcing["potential_evaporation"]
    days = 1.0 + (250 + torch.arange(400)) % 365
    forcing["day_of_year"] = days.double()[:, None].expand(400, 5)
    drawn = parameters(Snow17(), 2, 5, corners=0.1)
    result = run(Snow17(), None, forcing, drawn, outputs=["snow_outflow"], dt=dt)
    for place in range(5):
        p = {n: x[place, 0].item() for n, x in drawn.items()}
        store, out = (0.0,) * 5, []
        for day in torch.stack([forcing[n][:, place] for n in NAMES], 1).tolist():
            store, outflow = restated_step(store, day, p, dt)
            out.append(outflow)
        series = result.outputs["snow_outflow"][:, place, 0]
        np.testing.assert_allclose(series, out, rtol=1e-8, atol=1e-9)
        final = [result.state[n][place, 0] for n in STORES]
        np.testing.assert_allclose(final, store, rtol=1e-8, atol=1e-9)


def stepped(run, start=None, days=1, outputs=("melt",), dt=1.0, **weather):
    defaults = {"precipitation": 0.0, "air_temperature": 5.0, "day_of_year": 80.0}
    forcing = {
        n: torch.full((days, 1), x).double() for n, x in (defaults | weather).items()
    }
    full = {n: torch.full((1, 1), (start or {}).get(n, 0.0)).double() for n in STORES}
    parameters = {n: torch.full((1, 1), x).double() for n, x in PLAIN.items()}
    parameters |= {n: parameters[n][:, 0] for n in ("latitude", "elevation_mean")}
    return run(Snow17(), full, forcing, parameters, outputs=outputs, dt=dt)


def test_a_degree_melts_most_at_midsummer(run):
    def melt(day):
        pack = {"snowpack": 500.0}
        return stepped(run, pack, day_of_year=day).outputs["melt"].item()

    assert melt(80.0) == pytest.approx(5.0 * 4.0)
    assert melt(80.0 + 91.5) == pytest.approx(5.0 * 6.0)
    assert melt(80.0 - 91.5 + 366.0) == pytest.approx(5.0 * 2.0)


def test_a_cold_pack_freezes_what_melts_first(run):
    start = {"snowpack": 100.0, "heat_deficit": 15.0, "snow_temperature": 0.0}
    result = stepped(run, start, outputs=("melt", "refreezing", "snow_outflow"))
    fluxes = {n: x.item() for n, x in result.outputs.items()}
    assert fluxes["melt"] == pytest.approx(20.0)
    assert fluxes["refreezing"] == pytest.approx(15.0)
    # What does not freeze again is held by a pack of 95 mm up to a twentieth of it.
    assert result.state["meltwater"].item() == pytest.approx(0.05 * 95.0)
    assert fluxes["snow_outflow"] == pytest.approx(5.0 - 4.75, rel=0.05)


def test_frost_makes_a_deficit_and_snow_is_counted_as_the_gauge_misses_it(run):
    cold = stepped(run, {"snowpack": 100.0}, air_temperature=-10.0, precipitation=16.0)
    # Nothing was known of the cold before, and the index was 0.
    by_air = 0.6 * (4.0 / 6.0) * 10.0
    assert cold.state["heat_deficit"].item() == pytest.approx(by_air + 1.0)
    assert cold.state["snowpack"].item() == 116.0


def test_rain_brings_its_heat(run):
    """Under an overcast sky melt depends on the rain by its heat alone."""

    def melt(rain):
        pack = {"snowpack": 500.0}
        return stepped(run, pack, precipitation=rain).outputs["melt"].item()

    assert melt(80.0) - melt(40.0) == pytest.approx(0.0125 * 40.0 * 5.0)
    assert melt(5.0) - melt(0.0) == pytest.approx(0.0125 * 5.0 * 5.0)
    radiation = 6.12e-10 * 24 * (278.0**4 - 273.0**4)
    assert melt(40.0) > 0.0125 * 40.0 * 5.0 + radiation


def test_water_takes_some_hours_through_a_thick_pack(run):
    start = {"snowpack": 500.0, "meltwater": 25.0}

    def outflow(steps):
        outputs = ("snow_outflow",)
        weather = {"air_temperature": 2.0}
        return stepped(run, start, steps, outputs, 1 / 24, **weather).outputs[
            "snow_outflow"
        ].flatten()  # fmt: skip

    flow = outflow(48)
    assert flow[0] < 0.5 * flow[-1]
    assert (flow.diff() > -1e-12).all()
