"""Stomata that open and close with a delay."""

from __future__ import annotations

import math

import pytest
import torch

from bmi_dmx.scan import scan

from .leaves import exchange, given, leaf, tensors

AT = {"lagged_conductance": torch.tensor(0.05, dtype=torch.float64)}
SLOW = {"opening_time": 900.0, "closing_time": 300.0}


def test_stomata_come_closer_by_their_time_constant() -> None:
    steady = float(exchange(leaf())["stomatal_conductance"])
    fluxes = exchange(leaf(dynamic=True).at(60.0), state=AT, **SLOW)
    rest = math.exp(-60.0 / 900.0)
    expected = steady + (0.05 - steady) * rest
    assert fluxes["lagged_conductance"] == pytest.approx(expected, rel=1e-12)
    mean = steady + (0.05 - steady) * (1.0 - rest) * 900.0 / 60.0
    assert fluxes["stomatal_conductance"] == pytest.approx(mean, rel=1e-12)


def test_they_close_by_another() -> None:
    steady = float(exchange(leaf(), photon_flux=0.0)["stomatal_conductance"])
    fluxes = exchange(leaf(dynamic=True).at(60.0), AT, photon_flux=0.0, **SLOW)
    expected = steady + (0.05 - steady) * math.exp(-60.0 / 300.0)
    assert fluxes["lagged_conductance"] == pytest.approx(expected, rel=1e-12)


def test_assimilation_is_what_diffuses_through_stomata_as_they_are() -> None:
    fluxes = exchange(leaf(dynamic=True).at(1.0), state=AT, **SLOW)
    steady = exchange(leaf())
    assert fluxes["net_assimilation"] < steady["net_assimilation"]
    gb = 1.4 * 0.147 * math.sqrt(2.0 / 0.036)
    resistance = 1.37 / gb + 1.6 / float(fluxes["stomatal_conductance"])
    supply = (410.0 - float(fluxes["intercellular_carbon_dioxide"])) / resistance
    assert fluxes["net_assimilation"] == pytest.approx(supply, rel=1e-10)


def test_long_steps_are_steady() -> None:
    process = leaf(dynamic=True).at(86400.0)
    fluxes = exchange(process, state=AT, opening_time=10.0, closing_time=10.0)
    steady = exchange(leaf().at(86400.0))
    for name, x in steady.items():
        assert fluxes[name] == pytest.approx(float(x), rel=1e-3)


def test_long_steps_are_as_many_short_ones_in_steady_weather() -> None:
    long = exchange(leaf(dynamic=True).at(600.0), state=AT, **SLOW)
    state, opened = AT, 0.0
    for _ in range(60):
        now = exchange(leaf(dynamic=True).at(10.0), state=state, **SLOW)
        state = {"lagged_conductance": now["lagged_conductance"]}
        opened += float(now["stomatal_conductance"]) / 60.0
    assert state["lagged_conductance"] == pytest.approx(
        float(long["lagged_conductance"]), rel=1e-12
    )
    assert opened == pytest.approx(float(long["stomatal_conductance"]), rel=1e-12)


def test_steps_are_the_batch() -> None:
    process = leaf(dynamic=True)
    inputs = given(process)
    light = torch.rand(12, 3, dtype=torch.float64) * 1500.0
    forcing = {
        f.name: torch.full_like(light, inputs[f.name]) for f in process.forcings
    } | {"photon_flux": light}
    parameters = tensors({p.name: inputs[p.name] for p in process.parameters})
    run = {"dt": 300.0, "backend": "reference"}
    whole = scan(process, None, forcing, parameters, **run)
    state, steps = None, []
    for t in range(len(light)):
        now = {name: x[t : t + 1] for name, x in forcing.items()}
        one = scan(process, state, now, parameters, **run)
        state, steps = one.state, [*steps, one.outputs]
    for name, series in whole.outputs.items():
        assert torch.equal(series, torch.cat([step[name] for step in steps]))
    assert torch.equal(whole.state["lagged_conductance"], state["lagged_conductance"])
