"""Lakes: outflow and level, however small the lake and long the step."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bmi_dmx.models.rivers.lakes import (
    initial_storage,
    level_pool,
    linear_reservoir,
    outlet,
    storage_at,
)  # fmt: skip
from bmi_dmx.models.rivers.start import hot_start
from bmi_dmx.scan import scan

from .plain import Plain, pool_outflow
from .trees import DOWNSTREAM, HOUR, channels, process, run, weather

POOL = {
    "lake": 1.0, "lake_area": 2.0, "orifice_elevation": 100.0,
    "orifice_coefficient": 0.6, "orifice_area": 1.0, "weir_elevation": 102.0,
    "weir_coefficient": 0.4, "weir_length": 30.0, "dam_elevation": 103.0,
    "dam_length": 5.0, "residence_time": 1e5,
}  # fmt: skip


def pool(**values: float) -> SimpleNamespace:
    """Return the parameters of one lake."""
    parameters = {**POOL, **values}
    return SimpleNamespace(
        **{n: torch.tensor([x], dtype=torch.float64) for n, x in parameters.items()}
    )


def stepped(inflow: np.ndarray, start: float, dt: float, **values: float) -> np.ndarray:
    """Return the height of a level pool after every step, m."""
    p = pool(**values)
    lake, storage = outlet(p), torch.tensor([start], dtype=torch.float64)
    heights = []
    for entering in inflow:
        storage = level_pool(storage + dt * float(entering), lake, dt).storage
        heights.append(float(storage / lake.area))
    return np.array(heights)


def solved(inflow: np.ndarray, start: float, dt: float, **values: float) -> np.ndarray:
    """Return the height by many steps of Runge and Kutta in each step, m."""
    p = SimpleNamespace(**{**POOL, **values})
    area, fine = p.lake_area * 1e6, 400
    height, heights = start / area, []
    for entering in inflow:
        for _ in range(fine):
            h = dt / fine

            def rate(at: float, entering: float = float(entering)) -> float:
                return (entering - pool_outflow(p, max(at, 0.0))) / area

            k1 = rate(height)
            k2 = rate(height + 0.5 * h * k1)
            k3 = rate(height + 0.5 * h * k2)
            k4 = rate(height + h * k3)
            height += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        heights.append(height)
    return np.array(heights)


FLOOD = 5.0 + 160.0 * np.exp(-(((np.arange(96) - 30.0) / 10.0) ** 2))


def test_the_level_is_that_of_the_differential_equation() -> None:
    exact = solved(FLOOD, 1e6, HOUR)
    # Above the orifice alone, over the weir, and over the dam.
    assert exact.min() < 2.0
    assert exact.max() > 3.0
    errors = []
    for parts in (1, 4):
        inflow = np.repeat(FLOOD, parts)
        levels = stepped(inflow, 1e6, HOUR / parts)[parts - 1 :: parts]
        errors.append(np.abs(levels - exact).max())
    assert errors[0] < 0.02 * exact.max()
    # Of first order in the length of the step.
    assert errors[1] == pytest.approx(errors[0] / 4, rel=0.1)


def test_a_lake_too_small_for_explicit_steps_comes_to_rest() -> None:
    small = {"lake_area": 1e-3, "dam_length": 10.0}
    levels = stepped(np.full(30, 20.0), 0.0, HOUR, **small)
    p = SimpleNamespace(**{**POOL, **small})
    rest, slight = levels[-1], 1e-6
    slope = (pool_outflow(p, rest + slight) - pool_outflow(p, rest)) / slight
    assert HOUR / (small["lake_area"] * 1e6) * slope > 20.0
    assert pool_outflow(p, rest) == pytest.approx(20.0, rel=1e-9)
    assert (np.diff(levels) >= -1e-9).all()


sizes = st.floats(-3.0, 6.0)


@given(
    area=st.floats(-5.0, 4.0), orifice=sizes, weir=sizes, water=st.floats(-3.0, 10.0),
    dt=st.sampled_from([300.0, 3600.0, 86400.0]), height=st.floats(0.0, 30.0),
)  # fmt: skip
def test_the_balance_of_any_lake_is_solved(
    area: float, orifice: float, weir: float, water: float, dt: float, height: float
) -> None:
    p = pool(
        lake_area=10**area, orifice_area=10**orifice, weir_length=10**weir,
        weir_elevation=100.0 + height, dam_elevation=101.0 + height,
    )  # fmt: skip
    whole = 10**water
    balance = level_pool(torch.tensor([whole], dtype=torch.float64), outlet(p), dt)
    plain = SimpleNamespace(**{name: float(x) for name, x in vars(p).items()})
    flow, _, _ = Plain([], {}, {}, dt).lake(plain, 1.0, whole)
    assert abs(float(balance.outflow) - flow) * dt <= 1e-6 * whole
    assert 0.0 <= float(balance.outflow) * dt <= whole * (1.0 + 1e-12)
    total = (
        float(balance.storage) + dt * float(balance.outflow) - float(balance.created)
    )
    assert total == pytest.approx(whole, rel=1e-12)


def test_more_than_there_is_makes_water_that_is_told() -> None:
    water = torch.tensor([-7.0], dtype=torch.float64)
    for balance in (
        level_pool(water, outlet(pool()), HOUR),
        linear_reservoir(water, torch.tensor([1e5]).double(), HOUR),
    ):
        assert float(balance.outflow) == 0.0
        assert float(balance.storage) == 0.0
        assert float(balance.created) == 7.0


def test_a_linear_reservoir_empties_in_its_time() -> None:
    storage, time = torch.tensor([1e6]).double(), torch.tensor([10 * HOUR]).double()
    for _ in range(600):
        storage = linear_reservoir(storage, time, HOUR / 60).storage
    assert float(storage) == pytest.approx(1e6 * math.exp(-1.0), rel=1e-3)


def test_a_reservoir_whose_time_changes_keeps_its_water() -> None:
    parameters, forcing = channels(), weather(24)
    physics = process(lakes=True)
    season = 1e5 * (2.0 + np.sin(np.arange(24)))
    varying = np.broadcast_to(season[:, None, None], (24, len(DOWNSTREAM), 1)).copy()
    state = start_of(parameters)
    groups = {p.name: torch.as_tensor(parameters[p.name]).reshape(-1, 1)
              for p in physics.parameters}  # fmt: skip
    groups["residence_time"] = torch.from_numpy(varying)
    routing = scan(
        physics, state, {"lateral_inflow": torch.from_numpy(forcing["lateral_inflow"])},
        groups, dt=HOUR,
    )  # fmt: skip
    at = int(np.flatnonzero(parameters["lake"] == 2.0)[0])
    entered = torch.as_tensor(np.maximum(forcing["lateral_inflow"][:, at], 1e-4)).sum()
    outflow = routing.outputs["solution"][:, at, 0].sum()
    change = (routing.state["lake_storage"] - state["lake_storage"])[at, 0]
    torch.testing.assert_close((entered - outflow) * HOUR, change)


def start_of(parameters: dict[str, np.ndarray]) -> dict[str, Tensor]:
    lateral = torch.ones(len(DOWNSTREAM), dtype=torch.float64)
    declared = {p.name for p in process(lakes=True).parameters}
    values = {n: torch.as_tensor(x).reshape(-1, 1)
              for n, x in parameters.items() if n in declared}  # fmt: skip
    return hot_start(process(lakes=True), lateral, values, dt=HOUR)


def test_what_is_inside_a_lake_passes_on_at_once() -> None:
    parameters, forcing = channels(), weather(10)
    inside = int(np.flatnonzero(parameters["lake"] == 3.0)[0])
    outputs = run(
        process(lakes=True), start_of(parameters), forcing, parameters
    ).outputs
    solution = outputs["solution"].squeeze(-1)
    above = [j for j, down in enumerate(DOWNSTREAM) if down == inside]
    lateral = torch.from_numpy(np.maximum(forcing["lateral_inflow"], 1e-4))
    expected = solution[:, above].sum(1) + lateral[:, inside]
    torch.testing.assert_close(solution[:, inside], expected)


def test_a_hot_start_fills_lakes_to_their_orifice_or_weir() -> None:
    parameters = channels()
    state = start_of(parameters)
    at = int(np.flatnonzero(parameters["lake"] == 1.0)[0])
    p = SimpleNamespace(**{n: float(x[at]) for n, x in parameters.items()})
    height = float(state["lake_storage"][at]) / (p.lake_area * 1e6)
    weir = p.weir_elevation - p.orifice_elevation
    flow = float(state["discharge"][at])
    orifice = pool_outflow(p, min(height, weir))
    assert height == pytest.approx(weir) or orifice == pytest.approx(flow)
    # One whose orifice is wide enough for all that flows stands below its weir.
    wide = {
        **parameters,
        "orifice_area": np.full_like(parameters["orifice_area"], 100.0),
    }
    height = float(start_of(wide)["lake_storage"][at]) / (p.lake_area * 1e6)
    assert pool_outflow(SimpleNamespace(**{**vars(p), "orifice_area": 100.0}), height) \
        == pytest.approx(flow)  # fmt: skip
    reservoir = int(np.flatnonzero(parameters["lake"] == 2.0)[0])
    torch.testing.assert_close(
        state["lake_storage"][reservoir, 0],
        state["discharge"][reservoir, 0] * parameters["residence_time"][reservoir],
    )
    assert (
        state["lake_storage"].squeeze(-1).numpy()[parameters["lake"] == 0.0] == 0.0
    ).all()


def test_a_known_elevation_is_where_a_lake_starts() -> None:
    parameters = channels()
    declared = {p.name for p in process(lakes=True).parameters}
    values = {n: torch.as_tensor(x).reshape(-1, 1)
              for n, x in parameters.items() if n in declared}  # fmt: skip
    surface = torch.full((len(DOWNSTREAM),), math.nan, dtype=torch.float64)
    at = int(np.flatnonzero(parameters["lake"] == 1.0)[0])
    surface[at] = parameters["orifice_elevation"][at] + 0.75
    lateral = torch.ones(len(DOWNSTREAM), dtype=torch.float64)
    storage = hot_start(
        process(lakes=True), lateral, values, dt=HOUR, elevation=surface
    )["lake_storage"].squeeze(-1)  # fmt: skip
    area = parameters["lake_area"] * 1e6
    assert float(storage[at]) == pytest.approx(0.75 * area[at])
    others = np.arange(len(DOWNSTREAM)) != at
    usual = start_of(parameters)["lake_storage"].squeeze(-1)
    assert torch.equal(storage[others], usual[others])


def test_the_water_below_an_orifice_does_not_count() -> None:
    p = pool()
    assert float(storage_at(p, torch.tensor([99.0]).double())) == 0.0
    assert float(storage_at(p, torch.tensor([101.0]).double())) == pytest.approx(2e6)


def test_a_steady_river_with_lakes_stays_as_it_is() -> None:
    parameters = channels()
    parameters["orifice_area"][:] = 100.0
    lateral = np.ones((400, len(DOWNSTREAM)))
    state = start_of(parameters)
    routing = run(process(lakes=True), state, {"lateral_inflow": lateral}, parameters)
    torch.testing.assert_close(
        routing.state["discharge"], state["discharge"], rtol=1e-6, atol=0.0
    )


@pytest.mark.parametrize("name", ["lake_area", "orifice_area", "weir_length"])
def test_gradients_are_finite_where_nothing_flows(name: str) -> None:
    p = pool()
    learned = getattr(p, name).requires_grad_()
    water = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    balance = level_pool(water, outlet(p), HOUR)
    gradients: Any = torch.autograd.grad(balance.outflow.sum(), (learned, water))
    assert all(g.isfinite().all() for g in gradients)
    assert initial_storage(p, water).isfinite().all()
