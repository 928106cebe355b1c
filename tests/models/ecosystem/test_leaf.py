"""Gas exchange of leaves: against another solution, and at its limits."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.ecosystem.humidity import saturation_pressure
from bmi_dmx.models.ecosystem.leaf import Leaf

from .independent import gas_exchange
from .leaves import exchange, given, leaf, weather

KINDS = [
    {"pathway": pathway, "stomata": stomata}
    for pathway, stomata in product(("c3", "c4"), ("medlyn", "ball_berry"))
]
VARIANTS = [
    *KINDS,
    {"colimitation": "minimum"},
    {"pathway": "c4", "colimitation": "minimum"},
    {"phosphate": True},
    {"temperature": "peaked"},
    {"temperature": "acclimated", "stomata": "ball_berry"},
]
SWEEPS = {
    "photon_flux": np.linspace(0.0, 2000.0, 41),
    "carbon_dioxide": np.linspace(60.0, 1500.0, 41),
    "air_temperature": np.linspace(0.0, 40.0, 41),
    "vapour_pressure_deficit": np.linspace(0.0, 3000.0, 41),
    "wind_speed": np.linspace(0.0, 10.0, 41),
    "air_pressure": np.linspace(60000.0, 105000.0, 41),
}


def named(options: dict[str, Any]) -> str:
    return "-".join(map(str, options.values()))


def compared(process: Leaf, **values: Any) -> float:
    """Return the largest relative difference from the independent solution."""
    inputs = given(process, **values)
    count = max(np.size(x) for x in inputs.values())
    expected = gas_exchange(
        process.options, **{n: np.broadcast_to(x, count) for n, x in inputs.items()}
    )
    fluxes = exchange(process, **values)
    scale = {
        # Net assimilation passes through 0.
        "net_assimilation": expected["day_respiration"],
        "gross_assimilation": expected["day_respiration"],
    }
    worst = 0.0
    for name, x in expected.items():
        size = np.maximum(np.abs(x), scale.get(name, 1e-30))
        worst = max(worst, float(np.max(np.abs(fluxes[name].numpy() - x) / size)))
    return worst


@pytest.mark.parametrize("swept", SWEEPS)
@pytest.mark.parametrize("options", VARIANTS, ids=named)
def test_sweeps_agree_with_an_independent_solver(
    options: dict[str, Any], swept: str
) -> None:
    assert compared(leaf(**options), **{swept: SWEEPS[swept]}) < 1e-9


@pytest.mark.parametrize("options", VARIANTS, ids=named)
def test_any_weather_agrees_with_an_independent_solver(options: dict[str, Any]) -> None:
    assert compared(leaf(**options), **weather(3, 300)) < 1e-9


@pytest.mark.parametrize("options", KINDS, ids=named)
def test_carbon_dioxide_diffuses_in_as_fast_as_it_is_assimilated(
    options: dict[str, Any],
) -> None:
    air = weather(4, 100)
    fluxes = exchange(leaf(**options), **air)
    gb = 1.4 * 0.147 * np.sqrt(np.maximum(air["wind_speed"], 0.1) / (0.72 * 0.05))
    gs, ci = fluxes["stomatal_conductance"], fluxes["intercellular_carbon_dioxide"]
    supply = (air["carbon_dioxide"] - ci.numpy()) / (1.37 / gb + 1.6 / gs.numpy())
    assert supply == pytest.approx(fluxes["net_assimilation"].numpy(), rel=1e-9)


@pytest.mark.parametrize("options", VARIANTS, ids=named)
def test_in_the_dark_a_leaf_respires(options: dict[str, Any]) -> None:
    process = leaf(**options)
    inputs = given(process)
    fluxes = exchange(process, photon_flux=0.0)
    assert fluxes["gross_assimilation"] == 0.0
    assert fluxes["net_assimilation"] == pytest.approx(-inputs["rd25"], rel=1e-12)
    assert fluxes["stomatal_conductance"] == pytest.approx(inputs["stomatal_intercept"])
    assert fluxes["intercellular_carbon_dioxide"] > inputs["carbon_dioxide"]


@pytest.mark.parametrize("options", VARIANTS, ids=named)
def test_assimilation_rises_with_light_and_saturates(options: dict[str, Any]) -> None:
    light = torch.linspace(0.0, 4000.0, 81)
    rises = exchange(leaf(**options), photon_flux=light)["net_assimilation"].diff()
    assert (rises > -1e-12).all()
    assert rises[-1] < 0.02 * rises[0]


@pytest.mark.parametrize("options", KINDS, ids=named)
def test_assimilation_rises_with_carbon_dioxide(options: dict[str, Any]) -> None:
    air = torch.linspace(50.0, 2000.0, 81)
    fluxes = exchange(leaf(**options), carbon_dioxide=air)
    assert (fluxes["net_assimilation"].diff() > 0.0).all()
    assert (fluxes["intercellular_carbon_dioxide"].diff() > 0.0).all()


@pytest.mark.parametrize("options", KINDS, ids=named)
def test_stomata_close_in_dry_air(options: dict[str, Any]) -> None:
    dry = torch.linspace(200.0, 3000.0, 41)
    fluxes = exchange(leaf(**options), vapour_pressure_deficit=dry)
    assert (fluxes["stomatal_conductance"].diff() < 0.0).all()
    assert (fluxes["net_assimilation"].diff() < 0.0).all()


def test_nothing_is_fixed_at_the_compensation_point() -> None:
    process = leaf()
    for pressure in (101325.0, 70000.0):
        point = 42.75 * 101325.0 / pressure
        air = point + torch.tensor([-0.01, 0.01])
        # Respiring next to nothing: the same carbon dioxide inside as outside.
        fluxes = exchange(
            process, carbon_dioxide=air, air_pressure=pressure, rd25=1e-12
        )
        below, above = fluxes["gross_assimilation"]
        assert below < 0.0 < above


def test_wind_and_small_leaves_do_not_hold_gases_back() -> None:
    still = exchange(leaf(), wind_speed=0.2, leaf_width=0.2)
    windy = exchange(leaf(), wind_speed=10.0, leaf_width=0.01)
    assert still["transpiration"] < windy["transpiration"]
    assert still["net_assimilation"] < windy["net_assimilation"]


def test_a_c4_leaf_gains_more_with_less_water() -> None:
    sun = {"photon_flux": 2000.0, "air_temperature": 30.0}
    c3, c4 = exchange(leaf(), **sun), exchange(leaf(pathway="c4"), **sun)
    assert c4["net_assimilation"] > c3["net_assimilation"]
    # A smaller slope of stomata, but more assimilation.
    c3, c4 = (x["net_assimilation"] / x["transpiration"] for x in (c3, c4))
    assert c4 > 1.4 * c3


def test_phosphate_limits_a_leaf_in_much_carbon_dioxide() -> None:
    rich = {"carbon_dioxide": 2000.0, "photon_flux": 2000.0, "jmax_ratio": 3.0}
    limited = exchange(leaf(phosphate=True, colimitation="minimum"), **rich)
    assert limited["gross_assimilation"] == pytest.approx(3.0 * 0.167 * 60.0)
    free = exchange(leaf(colimitation="minimum"), **rich)
    assert free["gross_assimilation"] > limited["gross_assimilation"]


def test_rounded_corners_lie_below_sharp_ones() -> None:
    light = torch.linspace(10.0, 2000.0, 50)
    smooth, sharp = (
        exchange(leaf(colimitation=c), photon_flux=light)["gross_assimilation"]
        for c in ("smooth", "minimum")
    )
    assert (smooth < sharp).all()
    # Where both limits are the same, 1 / (1 + sqrt(1 - 0.98)) of either.
    assert (smooth > 0.85 * sharp).all()


def test_specific_humidity_says_the_same_as_the_deficit() -> None:
    temperature, pressure = 22.0, 95000.0
    saturated = float(saturation_pressure(torch.tensor(temperature).double()))
    vapour = 0.6 * saturated
    humidity = 0.622 * vapour / (pressure - 0.378 * vapour)
    air = {"air_temperature": temperature, "air_pressure": pressure}
    by_deficit = exchange(leaf(), vapour_pressure_deficit=0.4 * saturated, **air)
    by_humidity = exchange(leaf(humidity="specific"), specific_humidity=humidity, **air)
    for name, x in by_deficit.items():
        assert by_humidity[name] == pytest.approx(float(x), rel=1e-12)


def test_units_of_carbon_and_water_agree() -> None:
    fluxes = exchange(leaf())
    assert fluxes["carbon_uptake"] == pytest.approx(
        12.011e-9 * float(fluxes["net_assimilation"])
    )
    assert fluxes["sap_flow"] == pytest.approx(3600.0 * float(fluxes["transpiration"]))
    # A leaf in the sun transpires a few mmol m-2 s-1.
    assert 1e-3 < fluxes["transpiration"] / 0.018015 < 1e-2


def test_amounts_are_those_of_the_step() -> None:
    hour, second = exchange(leaf().at(3600.0)), exchange(leaf())
    for flux in leaf().fluxes:
        factor = 3600.0 if flux.per_step == "rate" else 1.0
        assert hour[flux.name] == pytest.approx(factor * float(second[flux.name]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pathway": "c5"}, "c5"),
        ({"pathway": "c4", "phosphate": True}, "phosphate"),
        ({"pathway": "c4", "temperature": "peaked"}, "temperature"),
        ({"stoma": "medlyn"}, "stomata"),
    ],
)
def test_leaves_that_there_are_not_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Leaf(options)


def anywhere(process: Leaf, seed: int, count: int, dtype: torch.dtype) -> Any:
    """Return any weather and leaves, a third of the values at the end of the bounds."""
    rng = np.random.default_rng(seed)
    inputs = SimpleNamespace()
    for v in (*process.forcings, *process.parameters, *process.states):
        low, high = v.bounds
        share = rng.random(count)
        share = np.where(rng.random(count) < 1 / 3, share.round(), share)
        values = torch.from_numpy(low + (high - low) * share).to(dtype)
        setattr(inputs, v.name, values.requires_grad_())
    return inputs


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    "options", [*VARIANTS, {"dynamic": True}, {"humidity": "specific"}], ids=named
)
@settings(max_examples=10)
@drawn(st.integers(0, 2**32 - 1))
def test_any_weather_gives_numbers_with_slopes(
    options: dict[str, Any], dtype: torch.dtype, seed: int
) -> None:
    process = leaf(**options)
    inputs = anywhere(process, seed, 300, dtype)
    state, fluxes = process.step(inputs, inputs, inputs)
    results = fluxes | state
    for name, x in results.items():
        assert x.isfinite().all(), name
    total = sum((x.sum() for x in results.values()), torch.zeros(()))
    slopes = torch.autograd.grad(total, list(vars(inputs).values()))
    for name, slope in zip(vars(inputs), slopes, strict=True):
        assert slope.isfinite().all(), name
    assert (fluxes["net_assimilation"] <= fluxes["gross_assimilation"]).all()
    assert (fluxes["stomatal_conductance"] > 0.0).all()
    assert (fluxes["transpiration"] >= 0.0).all()
    assert (fluxes["day_respiration"] > 0.0).all()
    if not options.get("dynamic"):
        least = 0.999 * inputs.stomatal_intercept
        assert (fluxes["stomatal_conductance"] >= least).all()
