"""HBV: closed budgets, signs, behaviour in limiting cases."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.models.hydrology.hbv import Hbv, Hbv11p

VARIANTS = pytest.mark.parametrize("process", [Hbv(), Hbv11p()], ids=lambda p: p.name)
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}

# A soil of 200 mm above reservoirs without thresholds.
PLAIN = {
    "beta": 2.0, "fc": 200.0, "k0": 0.3, "k1": 0.1, "k2": 0.02, "lp": 0.5, "perc": 2.0,
    "uzl": 20.0, "tt": 0.0, "cfmax": 3.0, "cfr": 0.05, "cwh": 0.1, "betaet": 1.0,
}  # fmt: skip


def forced(steps, precipitation=0.0, air_temperature=10.0, potential_evaporation=0.0):
    def full(x):
        return torch.full((steps, 1), x, dtype=torch.float64)

    return {
        "precipitation": full(precipitation),
        "air_temperature": full(air_temperature),
        "potential_evaporation": full(potential_evaporation),
    }


def stores(**mm):
    names = ("snowpack", "meltwater", "soil_moisture", "upper_zone", "lower_zone")
    return {n: torch.tensor([[mm.get(n, 0.0)]], dtype=torch.float64) for n in names}


def flux(result, name):
    return result.outputs[name][:, 0, 0]


@VARIANTS
@settings(max_examples=25)
@given(
    regimes=st.lists(
        st.sampled_from(["humid", "storm", "drought", "freeze", "thaw"]),
        min_size=1, max_size=3,
    ),
    seed=st.integers(0, 2**32 - 1),
    corners=st.sampled_from([0.0, 0.5, 1.0]),
    dtype=st.sampled_from([torch.float64, torch.float32]),
)  # fmt: skip
def test_no_water_is_made_or_lost(
    process, regimes, seed, corners, dtype, run, parameters, weather, residual
):
    draws = [weather(regime, seed + i, 40, 3) for i, regime in enumerate(regimes)]
    forcing = {n: torch.cat([w[n] for w in draws]).to(dtype) for n in draws[0]}
    drawn = parameters(process, seed, places=3, members=2, corners=corners)
    outputs = [x.name for x in (*process.fluxes, *process.states)]
    result = run(
        process, None, forcing, {n: x.to(dtype) for n, x in drawn.items()},
        outputs=outputs,
    )  # fmt: skip
    assert residual(process, {}, forcing, result) <= TOLERANCE[dtype]
    for name, series in result.outputs.items():
        assert (series >= 0.0).all(), f"{name} is negative"


@VARIANTS
def test_gradients_are_finite_in_every_regime(process, run, parameters, weather):
    for i, regime in enumerate(["humid", "storm", "drought", "freeze", "thaw"]):
        forcing = {n: x.float() for n, x in weather(regime, i, 60, 4).items()}
        drawn = {
            n: x.float().requires_grad_()
            for n, x in parameters(process, i, 4, members=2, corners=0.5).items()
        }
        result = run(process, None, forcing, drawn, outputs=["runoff", "evaporation"])
        sum(x.sum() for x in result.outputs.values()).backward()
        for name, x in drawn.items():
            assert torch.isfinite(x.grad).all(), f"{name} in a {regime}"


@VARIANTS
def test_gradients_are_finite_at_an_empty_soil(process, run, parameters):
    drawn = parameters(process, 3, 1, corners=1.0)
    drawn = {n: x.float().requires_grad_() for n, x in drawn.items()}
    start = {n: x.float().requires_grad_() for n, x in stores().items()}
    forcing = {n: x.float() for n, x in forced(3, potential_evaporation=5.0).items()}
    result = run(process, start, forcing, drawn, outputs=["runoff", "evaporation"])
    sum(x.sum() for x in result.outputs.values()).backward()
    for x in (*drawn.values(), *start.values()):
        assert torch.isfinite(x.grad).all()


def test_without_water_the_lower_zone_recedes_exponentially(run):
    result = run(Hbv(), stores(lower_zone=50.0), forced(30), PLAIN)
    left = 50.0 * 0.98 ** torch.arange(30, dtype=torch.float64)
    torch.testing.assert_close(flux(result, "runoff"), 0.02 * left)
    assert result.state["lower_zone"].item() == pytest.approx(50.0 * 0.98**30)


def test_the_upper_zone_recedes_by_both_outlets_and_percolation(run):
    result = run(Hbv(), stores(upper_zone=100.0), forced(1), PLAIN)
    quick = 0.3 * (100.0 - 2.0 - 20.0)
    slow = 0.1 * (98.0 - quick)
    assert flux(result, "percolation").item() == 2.0
    assert flux(result, "quick_flow").item() == pytest.approx(quick)
    assert flux(result, "interflow").item() == pytest.approx(slow)
    assert result.state["upper_zone"].item() == pytest.approx(98.0 - quick - slow)


def test_snow_accumulates_below_the_threshold_and_rain_falls_on_it(run):
    cold = run(Hbv(), stores(), forced(10, 5.0, air_temperature=-1e-6), PLAIN)
    assert cold.state["snowpack"].item() == pytest.approx(50.0)
    assert (flux(cold, "infiltration") == 0.0).all()
    mild = run(Hbv(), stores(), forced(10, 5.0, air_temperature=0.0), PLAIN)
    assert (flux(mild, "snowfall") == 0.0).all()
    assert (flux(mild, "infiltration") == 5.0).all()


def test_a_pack_holds_its_melt_water_until_it_is_full(run):
    result = run(Hbv(), stores(snowpack=100.0), forced(3, air_temperature=1.0), PLAIN)
    assert flux(result, "melt").tolist() == [3.0, 3.0, 3.0]
    # After three days 9 mm of water in 91 mm of ice, which holds 9.1 mm.
    assert (flux(result, "infiltration") == 0.0).all()
    assert result.state["meltwater"].item() == pytest.approx(9.0)
    more = run(Hbv(), result.state, forced(1, air_temperature=1.0), PLAIN)
    assert flux(more, "infiltration").item() == pytest.approx(12.0 - 8.8)


def test_melt_is_limited_by_the_pack_and_refreezing_by_its_water(run):
    warm = run(Hbv(), stores(snowpack=4.0), forced(1, air_temperature=30.0), PLAIN)
    assert flux(warm, "melt").item() == 4.0
    assert warm.state["snowpack"].item() == 0.0
    start = stores(snowpack=50.0, meltwater=2.0)
    frost = run(Hbv(), start, forced(2, air_temperature=-10.0), PLAIN)
    assert flux(frost, "refreezing").tolist() == pytest.approx([1.5, 0.5])
    assert frost.state["snowpack"].item() == 52.0


def test_warm_rain_on_empty_stores_stays_in_the_soil(run):
    result = run(Hbv(), stores(), forced(1, precipitation=30.0), PLAIN)
    assert result.state["soil_moisture"].item() == pytest.approx(30.0)
    assert flux(result, "runoff").item() == pytest.approx(0.0, abs=1e-12)


def test_rain_on_a_full_soil_passes_it(run):
    result = run(Hbv(), stores(soil_moisture=200.0), forced(1, 30.0), PLAIN)
    assert flux(result, "recharge").item() == 30.0
    assert result.state["soil_moisture"].item() == 200.0


def test_evaporation_falls_below_the_limit_and_never_exceeds_the_soil(run):
    def taken(soil, demand):
        forcing = forced(1, potential_evaporation=demand)
        result = run(Hbv(), stores(soil_moisture=soil), forcing, PLAIN)
        return flux(result, "evaporation").item()

    assert taken(150.0, 4.0) == 4.0
    assert taken(50.0, 4.0) == pytest.approx(2.0)
    assert taken(1.0, 100.0) == pytest.approx(1.0)
    assert taken(0.0, 4.0) == 0.0


def test_capillary_rise_fills_a_dry_soil_and_stops_at_a_full_one(run):
    def rise(soil):
        start = stores(soil_moisture=soil, lower_zone=40.0)
        result = run(Hbv11p(), start, forced(1), {**PLAIN, "c": 0.5})
        return flux(result, "capillary_rise").item()

    assert rise(0.0) == pytest.approx(0.5 * 40.0)
    assert rise(100.0) == pytest.approx(0.5 * 40.0 * 0.5)
    assert rise(200.0) == 0.0


def test_without_capillary_rise_both_variants_agree(run, parameters, weather):
    forcing = weather("humid", 7, 200, 5)
    drawn = parameters(Hbv(), 7, 5, members=3)
    old = run(Hbv(), None, forcing, drawn).outputs
    new = run(Hbv11p(), None, forcing, {**drawn, "c": 0.0}).outputs
    for name, series in old.items():
        assert torch.equal(series, new[name])


def test_float32_follows_float64(run, parameters, weather):
    """Differences stay near 1e-5 mm per day over two years."""
    forcing = weather("humid", 11, 730, 10)
    drawn = parameters(Hbv11p(), 11, 10, members=4)
    exact = run(Hbv11p(), None, forcing, drawn, outputs=["runoff"], average=True)
    single = run(
        Hbv11p(), None, {n: x.float() for n, x in forcing.items()},
        {n: x.float() for n, x in drawn.items()}, outputs=["runoff"], average=True,
    )  # fmt: skip
    difference = single.outputs["runoff"].double() - exact.outputs["runoff"]
    assert difference.abs().max().item() < 5e-5
