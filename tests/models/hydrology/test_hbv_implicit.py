"""Implicit HBV: against bisection, differences, and the explicit scheme."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.hbv import Hbv
from bmi_dmx.models.hydrology.hbv_implicit import HbvImplicit
from bmi_dmx.program.trace import trace_adjoint, trace_step

STORES = ("snowpack", "meltwater", "soil_moisture", "upper_zone", "lower_zone")
WEATHER = ("precipitation", "air_temperature", "potential_evaporation")


def zero(function, high):
    """Return where a rising function from 0 on passes 0, by bisection."""
    low = 0.0
    for _ in range(70):
        middle = 0.5 * (low + high)
        if function(middle) > 0.0:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


def restated_step(store, weather, p, h):
    """Return the stores after a step of h days, and its runoff in mm per day.

    Every unknown is found by bisection, those of the snow one within the other.
    """
    sp0, mw0, sm0, uz0, lz0 = store
    rain, warmth, demand = weather
    above = warmth - p["tt"]
    snow = rain if above < 0 else 0.0
    melting = p["cfmax"] * max(above, 0.0)
    freezing = p["cfr"] * p["cfmax"] * max(-above, 0.0)
    all_snow = sp0 + mw0 + h * snow

    def pack(mw):
        gained = sp0 + h * (snow + min(freezing, mw))
        return zero(lambda sp: sp - gained + h * min(melting, sp), all_snow)

    def meltwater(mw):
        sp = pack(mw)
        change = min(melting, sp) - min(freezing, mw) - max(mw - p["cwh"] * sp, 0.0)
        return mw - mw0 - h * change

    mw = zero(meltwater, all_snow)
    sp = pack(mw)
    inflow = rain - snow + max(mw - p["cwh"] * sp, 0.0)

    def passing(sm):
        share = min(max(sm, 1e-8) / p["fc"], 1.0) ** p["beta"]
        return inflow * share + max(sm - p["fc"], 0.0)

    def soil(sm):
        share = min(max(sm, 1e-8) / (p["lp"] * p["fc"]), 1.0) ** p["betaet"]
        return sm - sm0 - h * (inflow - passing(sm) - min(demand * share, sm))

    sm = zero(soil, sm0 + h * inflow)

    def outflow(uz):
        return p["k0"] * max(uz - p["uzl"], 0.0) + p["k1"] * uz

    def upper(uz):
        return uz - uz0 - h * (passing(sm) - min(p["perc"], uz) - outflow(uz))

    uz = zero(upper, uz0 + h * passing(sm))
    down = min(p["perc"], uz)
    lz = zero(lambda lz: lz - lz0 - h * (down - p["k2"] * lz), lz0 + h * down)
    return (sp, mw, sm, uz, lz), outflow(uz) + p["k2"] * lz


@pytest.mark.parametrize("regime", ["humid", "storm", "thaw"])
@pytest.mark.parametrize("dt", [1.0, 1 / 24])
def test_stores_solve_the_equations(regime, dt, run, parameters, weather):
    forcing = weather(regime, 51, 30, 3)
    drawn = parameters(HbvImplicit(), 52, 3, corners=0.2)
    result = run(HbvImplicit(), None, forcing, drawn, outputs=["runoff"], dt=dt)
    for place in range(3):
        p = {n: x[place, 0].item() for n, x in drawn.items()}
        days = torch.stack([forcing[n][:, place] for n in WEATHER], 1)
        store, runoff = (0.001,) * 5, []
        for day in days.tolist():
            store, flow = restated_step(store, day, p, dt)
            runoff.append(flow)
        final = [result.state[n][place, 0].item() for n in STORES]
        np.testing.assert_allclose(final, store, rtol=1e-10, atol=1e-10)
        computed = result.outputs["runoff"][:, place, 0]
        np.testing.assert_allclose(computed, runoff, rtol=1e-10, atol=1e-10)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    corners=st.sampled_from([0.0, 0.3, 1.0]),
    wettest=st.sampled_from([1e-6, 1.0, 300.0, 3000.0]),
    dt=st.sampled_from([1.0, 0.25, 1 / 24]),
)
def test_the_search_ends_at_the_root(seed, corners, wettest, dt, run, parameters):
    """From any stores, full and empty, in any weather."""
    rng = np.random.default_rng(seed)
    places = 200
    drawn = parameters(HbvImplicit(), seed, places, corners=corners)
    share = np.where(rng.random(places) < 0.2, 0.0, 2.0 * rng.random(places) ** 2)
    start = {n: torch.from_numpy(rng.random((places, 1)) ** 3 * 300) for n in STORES}
    start["soil_moisture"] = drawn["fc"] * torch.from_numpy(share)[:, None]
    forcing = {
        "precipitation": rng.random((1, places)) ** 3 * wettest,
        "air_temperature": rng.uniform(-20.0, 30.0, (1, places)),
        "potential_evaporation": rng.random((1, places)) ** 2 * 30.0,
    }
    forcing = {n: torch.from_numpy(x) for n, x in forcing.items()}
    names = ["residual", "infiltration", *STORES, "runoff", "evaporation", "recharge"]
    fluxes = run(HbvImplicit(), start, forcing, drawn, outputs=names, dt=dt).outputs
    water = start["soil_moisture"] + fluxes["infiltration"][0] * dt
    assert (fluxes["residual"][0].abs() * dt <= 1e-12 * (water + 1.0)).all()
    for name in names[1:]:
        assert (fluxes[name] >= 0.0).all(), name


def gentle(seed, parameters, weather):
    """Return parameters and forcing of some days whose steps are far from kinks."""
    forcing = weather("humid", seed, 3, 2)
    forcing["precipitation"] = forcing["precipitation"] + 0.5
    drawn = parameters(HbvImplicit(), seed, 2)
    start = {
        "snowpack": 40.0, "meltwater": 5.0, "upper_zone": 30.0, "lower_zone": 50.0
    }  # fmt: skip
    start = {n: torch.full((2, 1), x, dtype=torch.float64) for n, x in start.items()}
    return forcing, drawn, {**start, "soil_moisture": 0.4 * drawn["fc"]}


def test_gradients_are_those_of_differences(run, parameters, weather):
    forcing, drawn, start = gentle(61, parameters, weather)
    names, stores = list(drawn), list(start)

    def outcome(*values):
        at = len(names)
        result = run(
            HbvImplicit(), dict(zip(stores, values[at:], strict=True)), forcing,
            dict(zip(names, values[:at], strict=True)),
            outputs=["runoff", "evaporation"],
        )  # fmt: skip
        return (*result.outputs.values(), *result.state.values())

    values = [x.requires_grad_() for x in (*drawn.values(), *start.values())]
    assert torch.autograd.gradcheck(outcome, values, eps=1e-5, atol=1e-5, rtol=1e-4)


def test_the_search_is_not_differentiated():
    """More steps of it add to the adjoint what they add to the step, and no more."""

    def size(trace, iterations):
        return len(trace(HbvImplicit({"iterations": iterations})).instructions)

    def adjoint(process):
        return trace_adjoint(process, ["q.runoff"])

    longer = size(trace_step, 9) - size(trace_step, 4)
    assert size(adjoint, 9) - size(adjoint, 4) == longer


def test_the_explicit_scheme_is_met_as_steps_become_short(run, parameters):
    """Half the step, half the difference, where no store is a limit."""
    drawn = parameters(HbvImplicit(), 71, 40)
    shares = {n: 1.0 - torch.exp(-drawn[n]) for n in ("k0", "k1", "k2")}
    drawn["perc"] = drawn["perc"] * 0.1
    start = {
        "snowpack": 0.0, "meltwater": 0.0, "soil_moisture": 45.0, "upper_zone": 60.0,
        "lower_zone": 80.0,
    }  # fmt: skip
    start = {n: torch.full((40, 1), x, dtype=torch.float64) for n, x in start.items()}

    def difference(steps):
        full = {"precipitation": 6.0, "air_temperature": 15.0,
                "potential_evaporation": 3.0}  # fmt: skip
        forcing = {
            n: torch.full((4 * steps, 40), x, dtype=torch.float64)
            for n, x in full.items()
        }
        ends = [
            run(process, start, forcing, values, dt=1 / steps).state
            for process, values in (
                (HbvImplicit(), drawn), (Hbv(), {**drawn, **shares})
            )
        ]  # fmt: skip
        return {n: (ends[0][n] - ends[1][n]).abs().max().item() for n in STORES[2:]}

    coarse, fine = difference(48), difference(96)
    for name, error in fine.items():
        assert 0.0 < error < 0.1, name
        assert coarse[name] / error == pytest.approx(2.0, abs=0.15), name


def test_a_full_day_of_melt_leaves_half_a_small_pack(run):
    """At the end of a day it gives what is left, which is half of what there was."""
    p = {q.name: sum(q.bounds) / 2 for q in HbvImplicit.parameters}
    start = {n: torch.zeros(1, 1, dtype=torch.float64) for n in STORES}
    start["snowpack"] += 10.0
    forcing = {"precipitation": 0.0, "air_temperature": 25.0,
               "potential_evaporation": 0.0}  # fmt: skip
    forcing = {n: torch.full((1, 1), x).double() for n, x in forcing.items()}
    result = run(HbvImplicit(), start, forcing, p, outputs=["melt"])
    assert result.outputs["melt"].item() == pytest.approx(5.0)
    assert result.state["snowpack"].item() == pytest.approx(5.0)


def test_gradients_are_finite_where_nothing_is_stored(run, parameters):
    drawn = parameters(HbvImplicit(), 3, 50, corners=0.5)
    drawn = {n: x.float().requires_grad_() for n, x in drawn.items()}
    start = {n: torch.zeros(50, 1, requires_grad=True) for n in STORES}
    forcing = {"precipitation": 0.0, "air_temperature": 5.0,
               "potential_evaporation": 5.0}  # fmt: skip
    forcing = {n: torch.full((3, 50), x) for n, x in forcing.items()}
    result = run(HbvImplicit(), start, forcing, drawn, outputs=["runoff"])
    result.outputs["runoff"].sum().backward()
    for x in (*drawn.values(), *start.values()):
        assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("iterations", [0, 51])
def test_a_wrong_number_of_iterations_is_refused(iterations):
    with pytest.raises(ConfigError, match="iterations: expected"):
        HbvImplicit({"iterations": iterations})
