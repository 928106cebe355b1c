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
    known, forcing = channels(), weather(30)
    start = beginning(known)
    found = run(process(**options), start, forcing, known, dtype)
    plain = Plain(DOWNSTREAM, known, options, HOUR)
    end = plain.run(start, forcing)
    flow = plain.series("solution").max()
    for name in sorted({"solution", *found.outputs} & set(plain.fluxes)):
        theirs = plain.series(name)
        ours = found.outputs[name].squeeze(-1).double().numpy()
        # What is left of flows is known as well as these.
        size = np.maximum(np.abs(theirs).max(axis=0), flow)
        assert (np.abs(ours - theirs) <= tolerance * size).all(), name
    for name in ("discharge", "lake_storage"):
        if name in found.state:
            ours = found.state[name].squeeze(-1).double().numpy()
            np.testing.assert_allclose(ours, end[name], rtol=tolerance)


@given(seed=st.integers(0, 10_000), options=st.sampled_from(OPTIONS))
def test_no_water_is_lost_or_made_untold(seed: int, options: dict[str, Any]) -> None:
    known, forcing = channels(seed), weather(12, seed)
    physics = process(**options)
    start = beginning(known, seed)
    found = run(physics, start, forcing, known)
    (budget,) = physics.budgets
    of = {n: torch.from_numpy(x) for n, x in forcing.items()}
    of |= {n: x.squeeze(-1) for n, x in found.outputs.items()}
    entered = torch.stack([of[n].sum(0) for n in budget.inputs]).sum(0)
    left = torch.stack([of[n].sum(0) for n in budget.outputs]).sum(0)
    change = found.state["volume"].squeeze(-1) - torch.from_numpy(start["volume"])
    torch.testing.assert_close(
        (entered - left) * HOUR, change, rtol=1e-9, atol=1e-9 * float(left.max()) * HOUR
    )


def test_the_volume_of_lakes_is_what_they_hold() -> None:
    known, forcing = channels(), weather(40)
    start = beginning(known)
    physics = process(**EVERYTHING)
    lakes = known["lake"] > 0.0
    half = 0.5 * HOUR * (start["discharge"] - start["inflow_before"])
    start["volume"] = np.where(lakes, start["lake_storage"] + half, 0.0)
    found = {n: x.squeeze(-1).numpy() for n, x in
             run(physics, start, forcing, known).state.items()}  # fmt: skip
    half = 0.5 * HOUR * (found["discharge"] - found["inflow_before"])
    expected = found["lake_storage"] + half
    np.testing.assert_allclose(found["volume"][lakes], expected[lakes], rtol=1e-10)


def test_water_of_a_tree_goes_from_reach_to_reach() -> None:
    known, forcing = channels(), weather(30)
    outputs = run(process(**EVERYTHING), beginning(known), forcing, known).outputs
    entering, leaving = (outputs[n].squeeze(-1) for n in ("entering", "leaving"))
    passed = torch.zeros_like(entering)
    for i, down in enumerate(DOWNSTREAM):
        if down >= 0:
            passed[:, down] += leaving[:, i]
    # All but the first step, whose past was drawn, not solved for.
    torch.testing.assert_close(entering, passed, rtol=1e-12, atol=1e-3)


@pytest.mark.parametrize("options", [EVERYTHING, {"lakes": True}], ids=named)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_run_in_two_parts_is_the_run_in_one(
    options: dict[str, Any], dtype: torch.dtype
) -> None:
    known, forcing = channels(), weather(30)
    physics, start = process(**options), beginning(known)
    whole = run(physics, start, forcing, known, dtype)
    first = run(physics, start, {n: x[:13] for n, x in forcing.items()}, known, dtype)
    second = run(
        physics, first.state, {n: x[13:] for n, x in forcing.items()}, known, dtype
    )
    for name, x in whole.state.items():
        assert torch.equal(x, second.state[name]), name
    for name, x in whole.outputs.items():
        assert torch.equal(x[13:], second.outputs[name]), name


def test_nothing_exchanged_is_the_river_alone() -> None:
    known, forcing = channels(), weather(20)
    known["lake"][:] = 0.0
    forcing["diversion"][:] = 0.0
    forcing["observation_weight"][:] = 0.0
    start = beginning(known)
    alone = run(process(), start, forcing, known)
    options = {"lakes": True, "diversions": True, "observations": True}
    found = run(process(**options), start, forcing, known)
    for name, x in alone.outputs.items():
        torch.testing.assert_close(found.outputs[name], x, rtol=1e-14, atol=1e-14)


def test_diversions_take_what_is_there_and_tell_what_was_not() -> None:
    known, forcing = channels(), weather(20)
    forcing["diversion"][:] = 1e3
    found = run(process(diversions=True), beginning(known), forcing, known).outputs
    assert (found["diverted"] >= 0.0).all()
    asked = found["diverted"] + found["undelivered"]
    torch.testing.assert_close(asked, torch.full_like(asked, 1e3))
    assert (found["undelivered"] > 0.0).any()
    # Taking lets no flow fall below the least.
    low = found["solution"] < 1e-4 - 1e-12
    assert not (low & (found["diverted"] > 0.0)).any()


def test_flow_that_was_seen_flows() -> None:
    known, forcing = channels(), weather(20)
    forcing["observation_weight"][:, 4] = 1.0
    found = run(process(observations=True), beginning(known), forcing, known).outputs
    seen = torch.from_numpy(forcing["observed_discharge"][:, 4])
    torch.testing.assert_close(found["solution"][:, 4, 0], seen)
    untouched = torch.from_numpy(forcing["observation_weight"]) == 0.0
    assert (found["nudged"].squeeze(-1)[untouched] == 0.0).all()


def test_a_lake_gives_the_flow_that_was_seen_from_what_it_holds() -> None:
    known, forcing = channels(), weather(20)
    known["lake_area"][6] = 1e3
    forcing["observation_weight"][:] = 0.0
    forcing["observation_weight"][:, 6] = 1.0
    start = beginning(known)
    start["lake_storage"][6] = 1e9
    options = {"lakes": True, "observations": True}
    found = run(process(**options), start, forcing, known)
    assert (found.outputs["nudged"] == 0.0).all()
    torch.testing.assert_close(
        found.outputs["solution"][:, 6, 0],
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
    state, forcing, known = (
        {n: values.get(n, x) for n, x in group.items()} for group in fixed["all"]
    )
    found = run(process(**options), state, forcing, known)
    total = torch.zeros(())
    for k, name in enumerate(sorted(found.outputs)):
        if name == "negative":
            continue
        x = found.outputs[name]
        slope = torch.linspace(0.5, 1.5, x.numel(), dtype=x.dtype).reshape(x.shape)
        total = total + (x * slope).sum() / fixed["sizes"][name] * (1.0 + 0.1 * k)
    return total


@pytest.mark.parametrize(
    "options",
    [EVERYTHING, {"lakes": True}, {"leakance": {"published": True}}],
    ids=named,
)
def test_gradients_are_those_of_differences(options: dict[str, Any]) -> None:
    known, forcing = channels(3), weather(14, 3)
    start = beginning(known, 3)
    found = run(process(**options), start, forcing, known)
    bound = binding(options, found.outputs, known)
    assert all(bound.values()), bound
    sizes = {n: max(float(x.abs().max()), 1e-3) for n, x in found.outputs.items()}
    fixed = {"all": (start, forcing, known), "sizes": sizes}
    declared = {p.name for p in process(**options).parameters}
    names = [n for n in LEARNED if n in declared]
    names += ["lateral_inflow", "discharge", *(["lake_storage"] if "lake" in declared
                                               else [])]  # fmt: skip
    origin = {**start, **forcing, **known}
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
    found = {}
    for k in (-2, -1, 1, 2):
        moved = x.clone()
        moved.view(-1)[at] += k * step
        found[k] = float(loss({name: moved}, fixed, options))
    return (8 * (found[1] - found[-1]) - (found[2] - found[-2])) / (12 * step)


def binding(
    options: dict[str, Any], outputs: dict[str, Tensor], known: dict[str, Any]
) -> dict[str, bool]:
    """Return which of the bounds that an option brings are met in a run."""
    met: dict[str, bool] = {}
    if options.get("diversions"):
        met["diversion"] = bool((outputs["undelivered"] > 0.0).any())
    if options.get("lakes"):
        above = outputs["elevation"].squeeze(-1).numpy()
        pool = known["lake"] == 1.0
        met["weir"] = bool((above > known["weir_elevation"])[:, pool].any())
        met["below the weir"] = bool((above < known["weir_elevation"])[:, pool].any())
        met["dam"] = bool((above > known["dam_elevation"])[:, pool].any())
    if options.get("leakance") is not None:
        met["gained"] = bool((outputs["leakage"] < 0.0).any())
        met["lost"] = bool((outputs["leakage"] > 0.0).any())
        least = (outputs["solution"] - 1e-4).abs() < 1e-12
        met["all lost"] = bool((least & (outputs["leakage"] > 0.0)).any())
    return met


def test_a_hot_start_knows_of_everything_exchanged() -> None:
    known, physics = channels(), process(**EVERYTHING)
    declared = {p.name for p in physics.parameters}
    values = {n: torch.as_tensor(x).reshape(-1, 1)
              for n, x in known.items() if n in declared}  # fmt: skip
    lateral = torch.ones(len(DOWNSTREAM), dtype=torch.float64)
    start = hot_start(physics, lateral, values, dt=HOUR)
    assert start.keys() == {s.name for s in physics.states}
    half = 0.5 * HOUR * (start["discharge"] - start["inflow_before"])
    lakes = torch.as_tensor(known["lake"]) > 0.0
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
