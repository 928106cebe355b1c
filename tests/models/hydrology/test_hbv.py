"""HBV: closed budgets, signs, behaviour in limiting cases."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.hbv import Hbv, Hbv11p
from bmi_dmx.models.hydrology.hbv20 import Hbv20
from bmi_dmx.models.hydrology.hbv_hourly import Hbv20Hourly, Hbv21Hourly
from bmi_dmx.scan import scan
from tests.scan.cases import some_case

EXPLICIT = {
    "1.0": Hbv(),
    "1.1p": Hbv11p(),
    "1.1p, gradual snow": Hbv11p({"snow_transition": 1.5}),
    "2.0": Hbv20(),
    "2.0, cold heights": Hbv20({"elevation_threshold": True}),
    "2.0, no exchange": Hbv20({"exchange": False}),
    "2.0 hourly": Hbv20Hourly(),
    "2.1 hourly": Hbv21Hourly({"snow_transition": 0.5, "elevation_threshold": True}),
}
VARIANTS = pytest.mark.parametrize("process", EXPLICIT.values(), ids=EXPLICIT)
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
@settings(max_examples=15)
@given(
    regimes=st.lists(
        st.sampled_from(["humid", "storm", "drought", "freeze", "thaw"]),
        min_size=1, max_size=3,
    ),
    seed=st.integers(0, 2**32 - 1),
    corners=st.sampled_from([0.0, 0.5, 1.0]),
    dtype=st.sampled_from([torch.float64, torch.float32]),
    steps=st.sampled_from([1, 24]),
)  # fmt: skip
def test_no_water_is_made_or_lost(
    process, regimes, seed, corners, dtype, steps, run, parameters, weather, residual
):
    draws = [weather(regime, seed + i, 40, 3) for i, regime in enumerate(regimes)]
    forcing = {n: torch.cat([w[n] for w in draws]).to(dtype) for n in draws[0]}
    drawn = parameters(process, seed, places=3, members=2, corners=corners)
    outputs = [x.name for x in (*process.fluxes, *process.states)]
    result = run(
        process, None, forcing, {n: x.to(dtype) for n, x in drawn.items()},
        outputs=outputs, dt=1 / steps,
    )  # fmt: skip
    assert residual(process, {}, forcing, result, 1 / steps) <= TOLERANCE[dtype]
    for name, series in result.outputs.items():
        signed = name == "exchange"
        assert signed or (series >= 0.0).all(), f"{name} is negative"


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
            # Which side of its threshold a place lies on has no gradient.
            if name != "elevation_mean":
                assert torch.isfinite(x.grad).all(), f"{name} in a {regime}"


@VARIANTS
def test_gradients_are_finite_at_an_empty_soil(process, run, parameters):
    drawn = parameters(process, 3, 1, corners=1.0)
    elevation = drawn.pop("elevation_mean", None)
    drawn = {n: x.float().requires_grad_() for n, x in drawn.items()}
    attributes = {} if elevation is None else {"elevation_mean": elevation.float()}
    empty = torch.zeros(1, 1)
    start = {s.name: empty.clone().requires_grad_() for s in process.states}
    forcing = {n: x.float() for n, x in forced(3, potential_evaporation=5.0).items()}
    outputs = ["runoff", "evaporation"]
    result = run(process, start, forcing, {**drawn, **attributes}, outputs=outputs)
    sum(x.sum() for x in result.outputs.values()).backward()
    for x in (*drawn.values(), *start.values()):
        assert torch.isfinite(x.grad).all()


def test_without_water_the_lower_zone_recedes_exponentially(run):
    result = run(Hbv(), stores(lower_zone=50.0), forced(30), PLAIN)
    storage = 50.0 * 0.98 ** torch.arange(30, dtype=torch.float64)
    torch.testing.assert_close(flux(result, "runoff"), 0.02 * storage)
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


@pytest.mark.parametrize(
    "name", ["1.1p, gradual snow", "2.0", "2.0 hourly", "2.1 hourly"]
)
def test_gradients_pass_finite_differences(name):
    """Away from kinks: where a minimum changes sides there is no derivative."""
    process = EXPLICIT[name]
    case = some_case(process, steps=6, locations=2, members=2, seed=3, gradient=True)
    if "drainage_area_km2" in case.parameters:
        case.parameters["drainage_area_km2"] = torch.tensor(
            [[700.0], [2530.0]]
        ).double()
    learned = [n for n, x in case.parameters.items() if x.requires_grad]

    def runoff(*values):
        parameters = {**case.parameters, **dict(zip(learned, values, strict=True))}
        ran = scan(
            process, case.state, case.forcing, parameters, dt=1 / 24, backend="cells"
        )
        return ran.outputs["runoff"], ran.outputs["evaporation"]

    values = tuple(case.parameters[n] for n in learned)
    assert torch.autograd.gradcheck(runoff, values, atol=1e-6)


def test_small_places_lose_water_and_middling_ones_gain_it(run):
    """By drainage area, km2, relative to the largest exchange of 4 mm/d."""
    area = {100.0: -0.9, 500.0: -0.5, 1000.0: 0.0, 2000.0: 1.0, 2500.0: 1.0,
            2600.0: math.exp(-2.0), 1e5: math.exp(-10.0)}  # fmt: skip
    places = torch.tensor(list(area), dtype=torch.float64)[:, None]
    parameters = {
        **PLAIN,
        "c": 0.0,
        "rt": 4.0,
        "ac": 1000.0,
        "drainage_area_km2": places,
    }
    dry = {n: x.expand(1, len(area)) for n, x in forced(1).items()}
    start = {n: x.expand(len(area), 1) for n, x in stores(lower_zone=50.0).items()}
    ran = run(Hbv20(), start, dry, parameters)
    expected = [4.0 * share for share in area.values()]
    assert ran.outputs["exchange"].flatten().tolist() == pytest.approx(expected)
    assert (ran.outputs["exchange_cut"] == 0.0).all()


def test_an_empty_zone_loses_what_it_has_and_the_rest_is_named(run):
    parameters = {**PLAIN, "c": 0.0, "rt": 20.0, "ac": 2500.0, "drainage_area_km2": 1.0}
    ran = run(Hbv20(), stores(lower_zone=3.0), forced(1), parameters)
    assert flux(ran, "exchange").item() == -20.0
    assert flux(ran, "exchange_cut").item() == 17.0
    assert ran.state["lower_zone"].item() == 0.0


def test_without_exchange_2_0_is_1_1p(run, parameters, weather):
    forcing, drawn = weather("thaw", 8, 200, 5), parameters(Hbv11p(), 8, 5, members=3)
    plain = run(Hbv11p(), None, forcing, drawn)
    process = Hbv20({"exchange": False})
    assert not {"rt", "ac", "drainage_area_km2"} & {p.name for p in process.parameters}
    closed = run(process, None, forcing, drawn)
    assert set(closed.outputs) == set(plain.outputs)
    for name, series in plain.outputs.items():
        assert torch.equal(series, closed.outputs[name])
    rested = {**drawn, "rt": 0.0, "ac": 100.0, "drainage_area_km2": 50.0}
    with_none = run(Hbv20(), None, forcing, rested)
    assert torch.equal(with_none.outputs["runoff"], plain.outputs["runoff"])


def test_the_threshold_of_high_places_is_not_learned(run):
    process = Hbv20({"elevation_threshold": True, "exchange": False})

    def snowfall(elevation, temperature):
        parameters = {**PLAIN, "c": 0.0, "elevation_mean": elevation}
        forcing = forced(1, 5.0, air_temperature=temperature)
        return flux(run(process, stores(), forcing, parameters), "snowfall").item()

    assert snowfall(2000.0, 3.9) == 5.0
    assert snowfall(2000.0, 4.0) == 0.0
    assert snowfall(1999.0, 3.9) == 0.0
    assert snowfall(1999.0, -0.1) == 5.0


def test_a_gradual_change_from_snow_to_rain_is_centred_and_gives_a_gradient(run):
    def snowfall(temperature, width, tt=0.0):
        parameters = {**PLAIN, "tt": torch.tensor([[tt]], dtype=torch.float64)}
        parameters["tt"].requires_grad_()
        forcing = forced(1, 8.0, air_temperature=temperature)
        ran = run(Hbv({"snow_transition": width}), stores(), forcing, parameters)
        snow = flux(ran, "snowfall")
        gradient = 0.0
        if snow.requires_grad:
            (gradient,) = torch.autograd.grad(snow.sum(), parameters["tt"])
        return snow.item(), float(gradient)

    assert snowfall(0.0, 1.0) == pytest.approx((4.0, 2.0))  # P / 4 at the middle
    assert snowfall(1.0, 1.0)[0] == pytest.approx(8.0 / (1.0 + math.e))
    assert snowfall(1.0, 1.0, tt=1.0)[0] == pytest.approx(4.0)
    for temperature in (-0.5, 0.5):
        gradual, jump = (snowfall(temperature, w)[0] for w in (0.01, 0.0))
        assert gradual == pytest.approx(jump, abs=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"snow_transition": -1.0}, "snow_transition: expected 0 to 20 degC, found -1"),
        ({"snow_transition": float("nan")}, "found nan, expected a number"),
        ({"exchnge": False}, "exchnge: unknown key; did you mean 'exchange'"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ConfigError, match=rf"^Hbv20: options: .*{message}"):
        Hbv20(options)


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
