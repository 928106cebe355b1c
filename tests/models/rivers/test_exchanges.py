"""What rivers exchange, against plain numbers; budgets, gradients, going on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bmi_dmx.models.rivers.start import hot_start

from .plain import Plain
from .trees import (
    DOWNSTREAM,
    EVERYTHING,
    HOUR,
    beginning,
    channels,
    process,
    run,
    weather,
)  # fmt: skip

OPTIONS = [
    {},
    {"lakes": True},
    {"leakance": {}},
    {"leakance": {"losing_only": True, "gate": True}},
    {"leakance": {"published": True}},
    {"diversions": True},
    {"observations": True},
    EVERYTHING,
]


def named(options: dict[str, Any]) -> str:
    return " ".join(f"{k} {v if v is not True else ''}" for k, v in options.items())


@pytest.mark.parametrize("options", OPTIONS, ids=named)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-5)]
)
def test_the_numbers_are_those_of_a_plain_loop(
    options: dict[str, Any], dtype: torch.dtype, tolerance: float
) -> None:
    parameters, forcing = channels(), weather(30)
    start = beginning(parameters)
    routing = run(process(**options), start, forcing, parameters, dtype)
    plain = Plain(DOWNSTREAM, parameters, options, HOUR)
    end = plain.run(start, forcing)
    flow = plain.series("solution").max()
    for name in sorted({"solution", *routing.outputs} & set(plain.fluxes)):
        theirs = plain.series(name)
        ours = routing.outputs[name].squeeze(-1).double().numpy()
        # What is left of flows is known as well as these.
        size = np.maximum(np.abs(theirs).max(axis=0), flow)
        assert (np.abs(ours - theirs) <= tolerance * size).all(), name
    for name in ("discharge", "lake_storage"):
        if name in routing.state:
            ours = routing.state[name].squeeze(-1).double().numpy()
            np.testing.assert_allclose(ours, end[name], rtol=tolerance)


@given(seed=st.integers(0, 10_000), options=st.sampled_from(OPTIONS))
def test_no_water_is_lost_or_made_untold(seed: int, options: dict[str, Any]) -> None:
    parameters, forcing = channels(seed), weather(12, seed)
    physics = process(**options)
    start = beginning(parameters, seed)
    routing = run(physics, start, forcing, parameters)
    (budget,) = physics.budgets
    of = {n: torch.from_numpy(x) for n, x in forcing.items()}
    of |= {n: x.squeeze(-1) for n, x in routing.outputs.items()}
    entered = torch.stack([of[n].sum(0) for n in budget.inputs]).sum(0)
    outflow = torch.stack([of[n].sum(0) for n in budget.outputs]).sum(0)
    change = routing.state["volume"].squeeze(-1) - torch.from_numpy(start["volume"])
    torch.testing.assert_close(
        (entered - outflow) * HOUR,
        change,
        rtol=1e-9,
        atol=1e-9 * float(outflow.max()) * HOUR,
    )


def test_the_volume_of_lakes_is_what_they_hold() -> None:
    parameters, forcing = channels(), weather(40)
    start = beginning(parameters)
    physics = process(**EVERYTHING)
    lakes = parameters["lake"] > 0.0
    half = 0.5 * HOUR * (start["discharge"] - start["inflow_before"])
    start["volume"] = np.where(lakes, start["lake_storage"] + half, 0.0)
    state = {n: x.squeeze(-1).numpy() for n, x in
             run(physics, start, forcing, parameters).state.items()}  # fmt: skip
    half = 0.5 * HOUR * (state["discharge"] - state["inflow_before"])
    expected = state["lake_storage"] + half
    np.testing.assert_allclose(state["volume"][lakes], expected[lakes], rtol=1e-10)


def test_water_of_a_tree_goes_from_reach_to_reach() -> None:
    parameters, forcing = channels(), weather(30)
    outputs = run(
        process(**EVERYTHING), beginning(parameters), forcing, parameters
    ).outputs
    entering, leaving = (outputs[n].squeeze(-1) for n in ("entering", "leaving"))
    inflow = torch.zeros_like(entering)
    for i, down in enumerate(DOWNSTREAM):
        if down >= 0:
            inflow[:, down] += leaving[:, i]
    # All but the first step, whose past was drawn, not solved for.
    torch.testing.assert_close(entering, inflow, rtol=1e-12, atol=1e-3)


@pytest.mark.parametrize("options", [EVERYTHING, {"lakes": True}], ids=named)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_run_in_two_parts_is_the_run_in_one(
    options: dict[str, Any], dtype: torch.dtype
) -> None:
    parameters, forcing = channels(), weather(30)
    physics, start = process(**options), beginning(parameters)
    whole = run(physics, start, forcing, parameters, dtype)
    first = run(
        physics, start, {n: x[:13] for n, x in forcing.items()}, parameters, dtype
    )
    second = run(
        physics, first.state, {n: x[13:] for n, x in forcing.items()}, parameters, dtype
    )
    for name, x in whole.state.items():
        assert torch.equal(x, second.state[name]), name
    for name, x in whole.outputs.items():
        assert torch.equal(x[13:], second.outputs[name]), name


def test_nothing_exchanged_is_the_river_alone() -> None:
    parameters, forcing = channels(), weather(20)
    parameters["lake"][:] = 0.0
    forcing["diversion"][:] = 0.0
    forcing["observation_weight"][:] = 0.0
    start = beginning(parameters)
    alone = run(process(), start, forcing, parameters)
    options = {"lakes": True, "diversions": True, "observations": True}
    routing = run(process(**options), start, forcing, parameters)
    for name, x in alone.outputs.items():
        torch.testing.assert_close(routing.outputs[name], x, rtol=1e-14, atol=1e-14)


def test_diversions_take_what_is_there_and_tell_what_was_not() -> None:
    parameters, forcing = channels(), weather(20)
    forcing["diversion"][:] = 1e3
    outputs = run(
        process(diversions=True), beginning(parameters), forcing, parameters
    ).outputs
    assert (outputs["diverted"] >= 0.0).all()
    demand = outputs["diverted"] + outputs["undelivered"]
    torch.testing.assert_close(demand, torch.full_like(demand, 1e3))
    assert (outputs["undelivered"] > 0.0).any()
    # Taking lets no flow fall below the least.
    low = outputs["solution"] < 1e-4 - 1e-12
    assert not (low & (outputs["diverted"] > 0.0)).any()


def test_flow_that_was_seen_flows() -> None:
    parameters, forcing = channels(), weather(20)
    forcing["observation_weight"][:, 4] = 1.0
    outputs = run(
        process(observations=True), beginning(parameters), forcing, parameters
    ).outputs
    observation = torch.from_numpy(forcing["observed_discharge"][:, 4])
    torch.testing.assert_close(outputs["solution"][:, 4, 0], observation)
    untouched = torch.from_numpy(forcing["observation_weight"]) == 0.0
    assert (outputs["nudged"].squeeze(-1)[untouched] == 0.0).all()


def test_a_lake_gives_the_flow_that_was_seen_from_what_it_holds() -> None:
    parameters, forcing = channels(), weather(20)
    parameters["lake_area"][6] = 1e3
    forcing["observation_weight"][:] = 0.0
    forcing["observation_weight"][:, 6] = 1.0
    start = beginning(parameters)
    start["lake_storage"][6] = 1e9
    options = {"lakes": True, "observations": True}
    routing = run(process(**options), start, forcing, parameters)
    assert (routing.outputs["nudged"] == 0.0).all()
    torch.testing.assert_close(
        routing.outputs["solution"][:, 6, 0],
        torch.from_numpy(forcing["observed_discharge"][:, 6]),
    )


LEARNED = (
    "manning", "width_exponent", "conductivity_correction", "water_table_depth",
    "orifice_area", "weir_length", "weir_elevation", "lake_area", "residence_time",
    "dam_length",
)  # fmt: skip


def loss(
    values: dict[str, Tensor], fixed: dict[str, Any], options: dict[str, Any]
) -> Tensor:
    state, forcing, parameters = (
        {n: values.get(n, x) for n, x in group.items()} for group in fixed["all"]
    )
    routing = run(process(**options), state, forcing, parameters)
    total = torch.zeros(())
    for k, name in enumerate(sorted(routing.outputs)):
        if name == "negative":
            continue
        x = routing.outputs[name]
        slope = torch.linspace(0.5, 1.5, x.numel(), dtype=x.dtype).reshape(x.shape)
        total = total + (x * slope).sum() / fixed["sizes"][name] * (1.0 + 0.1 * k)
    return total


@pytest.mark.parametrize(
    "options",
    [EVERYTHING, {"lakes": True}, {"leakance": {"published": True}}],
    ids=named,
)
def test_gradients_are_those_of_differences(options: dict[str, Any]) -> None:
    parameters, forcing = channels(3), weather(14, 3)
    start = beginning(parameters, 3)
    routing = run(process(**options), start, forcing, parameters)
    bound = binding(options, routing.outputs, parameters)
    assert all(bound.values()), bound
    sizes = {n: max(float(x.abs().max()), 1e-3) for n, x in routing.outputs.items()}
    fixed = {"all": (start, forcing, parameters), "sizes": sizes}
    declared = {p.name for p in process(**options).parameters}
    names = [n for n in LEARNED if n in declared]
    names += ["lateral_inflow", "discharge", *(["lake_storage"] if "lake" in declared
                                               else [])]  # fmt: skip
    origin = {**start, **forcing, **parameters}
    for name in names:
        x = torch.tensor(origin[name], dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(loss({name: x}, fixed, options), x)
        assert gradient.isfinite().all(), name
        flat = gradient.flatten()
        size = float(flat.abs().max())
        for at in np.linspace(0, x.numel() - 1, 10).astype(int):
            difference = central(x.detach(), name, at, fixed, options)
            assert abs(float(flat[at]) - difference) <= 1e-7 * size, (name, at)


def central(
    x: Tensor, name: str, at: int, fixed: dict[str, Any], options: dict[str, Any]
) -> float:
    """Return the slope of the loss, of fourth order."""
    step = 1e-5 * max(float(x.flatten()[at].abs()), 1e-3)
    losses = {}
    for k in (-2, -1, 1, 2):
        moved = x.clone()
        moved.view(-1)[at] += k * step
        losses[k] = float(loss({name: moved}, fixed, options))
    return (8 * (losses[1] - losses[-1]) - (losses[2] - losses[-2])) / (12 * step)


def binding(
    options: dict[str, Any], outputs: dict[str, Tensor], parameters: dict[str, Any]
) -> dict[str, bool]:
    """Return which of the bounds that an option brings are met in a run."""
    met: dict[str, bool] = {}
    if options.get("diversions"):
        met["diversion"] = bool((outputs["undelivered"] > 0.0).any())
    if options.get("lakes"):
        above = outputs["elevation"].squeeze(-1).numpy()
        pool = parameters["lake"] == 1.0
        met["weir"] = bool((above > parameters["weir_elevation"])[:, pool].any())
        met["below the weir"] = bool(
            (above < parameters["weir_elevation"])[:, pool].any()
        )
        met["dam"] = bool((above > parameters["dam_elevation"])[:, pool].any())
    if options.get("leakance") is not None:
        met["gained"] = bool((outputs["leakage"] < 0.0).any())
        met["lost"] = bool((outputs["leakage"] > 0.0).any())
        least = (outputs["solution"] - 1e-4).abs() < 1e-12
        met["all lost"] = bool((least & (outputs["leakage"] > 0.0)).any())
    return met


def test_a_hot_start_knows_of_everything_exchanged() -> None:
    parameters, physics = channels(), process(**EVERYTHING)
    declared = {p.name for p in physics.parameters}
    values = {n: torch.as_tensor(x).reshape(-1, 1)
              for n, x in parameters.items() if n in declared}  # fmt: skip
    lateral = torch.ones(len(DOWNSTREAM), dtype=torch.float64)
    start = hot_start(physics, lateral, values, dt=HOUR)
    assert start.keys() == {s.name for s in physics.states}
    half = 0.5 * HOUR * (start["discharge"] - start["inflow_before"])
    lakes = torch.as_tensor(parameters["lake"]) > 0.0
    expected = (start["lake_storage"] + half)[lakes]
    torch.testing.assert_close(start["volume"][lakes], expected)


def test_declarations_of_what_is_exchanged_are_complete() -> None:
    physics = process(**EVERYTHING)
    for variable in (*physics.forcings, *physics.parameters, *physics.fluxes,
                     *physics.states):  # fmt: skip
        assert variable.about, variable.name
        assert variable.symbol, variable.name
    for variable in (*physics.forcings, *physics.parameters):
        assert variable.bounds is not None, variable.name
    assert {"leakage", "diverted"} <= set(physics.budgets[0].outputs)
    assert "nudged" in physics.budgets[0].inputs
