"""Models of parts, against loops by hand: members, steps, what is known and learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.compose import Model, ModelSpec, fit_statistics
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.space import Tree
from tests.systems import ATTRIBUTES, BLOCK, changed, made, tensors, voltages

OUTPUTS = (
    "heat",
    "rated",
    "gained",
    "cooling",
    "energy",
    "warmth",
    "released",
    "power",
)
WHERE = tensors(ATTRIBUTES)


def numbers(model: Model) -> dict[str, np.ndarray[Any, Any]]:
    """Return the learned parameters as (place, member or 1)."""
    parameters = model.constant_parameters(WHERE)
    columns = {n: x if x.ndim == 2 else x[:, None] for n, x in parameters.items()}
    return {name: x.detach().numpy() for name, x in columns.items()}


def by_hand(
    p: dict[str, np.ndarray[Any, Any]], voltage: np.ndarray[Any, Any], dt: float
) -> dict[str, np.ndarray[Any, Any]]:
    """Return the outputs at steps of ``dt`` hours in a loop, members averaged."""
    leak = 1.0 - (1.0 - p["leak"]) ** dt
    energy = np.full_like(leak, 0.5)
    waiting = [np.zeros(len(voltage[0]))] * round(3 / dt)
    rows: dict[str, list[np.ndarray[Any, Any]]] = {name: [] for name in OUTPUTS}
    for now in voltage:
        heat = now**2 / p["resistance"][:, 0]
        gained = p["gain"] * (heat[:, None] * 1e-3 * dt)
        filled = energy + gained
        cooling = leak * filled
        energy = filled - cooling
        out = waiting[0] * (1.0 - p["loss"][:, 0])
        waiting = [*waiting[1:], cooling.mean(-1)]
        outputs = {
            "heat": heat, "rated": 230.0**2 / p["resistance"][:, 0],
            "gained": gained.mean(-1) / dt, "energy": energy.mean(-1),
            "cooling": cooling.mean(-1) / dt, "warmth": out / dt, "released": out,
            "power": 1e3 * out / dt,
        }  # fmt: skip
        for name in OUTPUTS:
            rows[name].append(outputs[name])
    return {name: np.array(x) for name, x in rows.items()}


@pytest.mark.parametrize("dt", [1.0, 0.5, 1 / 6, 3.0])
@pytest.mark.parametrize("gradient", [False, True])
def test_a_model_of_parts_is_the_loop_over_them(dt: float, gradient: bool) -> None:
    model, forcing = made(BLOCK), voltages(40)
    with torch.set_grad_enabled(gradient):
        ran = model.simulate(tensors(forcing), WHERE, dt=dt, outputs=OUTPUTS)
    expected = by_hand(numbers(model), forcing["voltage"], dt)
    for name in OUTPUTS:
        output = ran.outputs[name].detach()
        np.testing.assert_allclose(
            output, expected[name], rtol=1e-12, atol=1e-15, err_msg=name
        )
    assert ran.state["tank.energy"].shape == (2, 3)
    size = round(3 / dt)
    assert ran.state["radiator.waiting"].shape == ((size, 2) if size > 1 else (2,))


def test_steps_are_the_run() -> None:
    model, forcing = made(BLOCK), tensors(voltages(30))
    whole = model.simulate(forcing, WHERE, dt=0.5, outputs=OUTPUTS)
    state, rows = None, []
    for t in range(30):
        now = {name: x[t] for name, x in forcing.items()}
        outputs, state = model.step(now, WHERE, state, dt=0.5, outputs=OUTPUTS)
        rows.append(outputs)
    for name in OUTPUTS:
        series = torch.stack([row[name] for row in rows])
        torch.testing.assert_close(series, whole.outputs[name], rtol=1e-12, atol=0.0)
    assert state is not None
    for name, x in whole.state.items():
        torch.testing.assert_close(state[name], x, rtol=1e-12, atol=1e-15)


def test_what_a_model_is_given_and_gives() -> None:
    model = made(BLOCK)
    assert (model.time, model.dt) == ("h", 1.0)
    assert model.forcings == ("voltage",)
    assert model.attributes == ("size", "slope")
    assert model.answers == ("warmth", "released", "power")
    assert {*OUTPUTS, "resistance", "leak", "gain", "loss"} <= set(model.outputs)
    assert "waiting" not in model.outputs
    assert set(model.initial_state(2)) == {"tank.energy", "radiator.waiting"}


def test_members_have_their_own_and_places_share() -> None:
    values = made(BLOCK).constant_parameters(WHERE)
    assert {name: tuple(x.shape) for name, x in values.items()} == {
        "resistance": (2,), "leak": (2, 3), "gain": (2, 3), "loss": (2,),
    }  # fmt: skip


def test_log_spacing_starts_in_the_middle_of_the_orders() -> None:
    model = made(BLOCK)
    with torch.no_grad():
        for weight in model.network("wiring").network.output.parameters():
            weight.zero_()
    values = model.constant_parameters(WHERE)
    middle = torch.full((2,), 100.0, dtype=torch.float64)
    torch.testing.assert_close(values["resistance"], middle)
    expected = torch.full((2, 3), (1e-3 * 0.5) ** 0.5, dtype=torch.float64)
    torch.testing.assert_close(values["leak"], expected)
    expected = torch.full((2, 3), 1.25, dtype=torch.float64)
    torch.testing.assert_close(values["gain"], expected)


@pytest.mark.parametrize(("push", "at"), [(1e3, 1), (-1e3, 0)])
def test_learned_parameters_reach_their_bounds_and_no_further(
    push: float, at: int
) -> None:
    model = made(BLOCK)
    with torch.no_grad():
        model.network("wiring").network.output.bias.fill_(push)
    values = model.constant_parameters(WHERE)
    bounds = {p.name: p.bounds for _, p in model.plan.given()}
    for name, x in values.items():
        assert bounds[name] is not None
        np.testing.assert_allclose(x.detach(), bounds[name][at], rtol=1e-12)


def test_every_weight_has_a_gradient() -> None:
    model = made(BLOCK)
    ran = model.simulate(tensors(voltages(20)), WHERE, outputs=("warmth",))
    ran.outputs["warmth"].square().mean().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.isfinite().all()), name
        assert bool((weight.grad != 0.0).any()), name


def test_a_known_property_may_be_lacking() -> None:
    model, forcing = made(BLOCK), tensors(voltages(5))
    names = ("aged", "energy")
    without = model.simulate(forcing, WHERE, outputs=names).outputs
    assert bool(without["aged"].isnan().all())
    age = {"age": torch.tensor([3.0, 7.0], dtype=torch.float64)}
    complete = model.simulate(forcing, {**WHERE, **age}, outputs=names).outputs
    torch.testing.assert_close(complete["aged"], complete["energy"] * age["age"])
    assert torch.equal(complete["energy"], without["energy"])


def test_a_default_is_taken_where_nobody_supplies_it() -> None:
    gives = ["resistance", "leak", "loss"]
    model = made(changed({"wiring": {"gives": gives}}))
    assert set(model.constant_parameters(WHERE)) == {*gives}
    forcing = voltages(10)
    ran = model.simulate(tensors(forcing), WHERE, outputs=OUTPUTS).outputs
    parameters = {**numbers(model), "gain": np.ones((2, 1))}
    expected = by_hand(parameters, forcing["voltage"], 1.0)
    for name in OUTPUTS:
        np.testing.assert_allclose(ran[name].detach(), expected[name], rtol=1e-12)


def test_what_no_network_supplies_is_an_attribute() -> None:
    model = made(changed({"wiring": {"gives": ["resistance", "leak", "gain"]}}))
    assert model.attributes == ("size", "slope", "loss")
    with pytest.raises(DataError, match="attribute 'loss' is missing"):
        model.simulate(tensors(voltages(3)), WHERE)
    loss = torch.tensor([0.25, 0.5], dtype=torch.float64)
    ran = model.simulate(tensors(voltages(9)), {**WHERE, "loss": loss})
    whole = made(changed({"wiring": {"gives": ["resistance", "leak", "gain"]}}))
    none = whole.simulate(tensors(voltages(9)), {**WHERE, "loss": 0.0 * loss})
    torch.testing.assert_close(
        ran.outputs["warmth"], none.outputs["warmth"] * (1.0 - loss)
    )


def test_members_may_be_handed_on_one_by_one() -> None:
    """Linear in what comes in: the mean of all is that of the mean."""
    mean = made(BLOCK)
    parts = {"tank": {"mean": False}, "radiator": {"members": 3}}
    single = made(changed(parts))
    single.load_state_dict(mean.state_dict())
    forcing = tensors(voltages(12))
    expected = mean.simulate(forcing, WHERE, outputs=OUTPUTS)
    simulated = single.simulate(forcing, WHERE, outputs=OUTPUTS)
    assert simulated.state["radiator.waiting"].shape == (3, 2, 3)
    for name in OUTPUTS:
        torch.testing.assert_close(
            simulated.outputs[name], expected.outputs[name], rtol=1e-12, atol=1e-15
        )
    waiting = simulated.state["radiator.waiting"].mean(-1)
    torch.testing.assert_close(waiting, expected.state["radiator.waiting"])


def test_a_part_without_memory_may_have_members() -> None:
    model = made(changed({"lamp": {"members": 4}, "tank": {"members": None}}))
    forcing = tensors(voltages(6))
    with torch.no_grad():
        quick = model.simulate(forcing, WHERE, outputs=OUTPUTS).outputs
    slow = model.simulate(forcing, WHERE, outputs=OUTPUTS).outputs
    for name in OUTPUTS:
        torch.testing.assert_close(quick[name], slow[name].detach(), rtol=1e-12, atol=0)
        assert quick[name].shape == (6, 2)


def test_parts_without_memory_see_the_places_upstream() -> None:
    block = {
        "seconds": 3600,
        "parts": {"junction": {"process": "junction"}},
        "space": {"kind": "tree", "ids": ["a", "b", "c"], "downstream": ["c", "c", ""]},
    }
    model = Model(convert(block, ModelSpec), fit_statistics(
        convert(block, ModelSpec), {}, {}
    )).double()  # fmt: skip
    side = torch.rand(4, 3, dtype=torch.float64)
    leaving = model.simulate({"side": side}, {}).outputs["leaving"]
    torch.testing.assert_close(leaving[:, :2], side[:, :2])
    torch.testing.assert_close(leaving[:, 2], side.sum(1))


def test_a_model_runs_in_another_space_with_the_weights_it_has() -> None:
    block = {
        "seconds": 3600,
        "parts": {
            "wiring": {"network": "mlp", "options": {"hidden": [3]},
                       "attributes": ["size"], "gives": ["resistance"]},
            "lamp": {"process": "lamp"},
            "junction": {"process": "junction", "reads": {"side": "heat"}},
        },
        "space": {"kind": "tree", "ids": ["a", "b"], "downstream": ["b", ""]},
    }  # fmt: skip
    spec = convert(block, ModelSpec)
    size = np.array([1.0, 2.0, 3.0])
    model = Model(spec, fit_statistics(spec, {}, {"size": size})).double()
    other = model.on(Tree(["c", "d", "e"], [2, 2, -1]))
    voltage = {"voltage": torch.rand(4, 3, dtype=torch.float64)}
    attributes = {"size": torch.from_numpy(size)}
    ran = other.simulate(voltage, attributes, outputs=("heat", "leaving")).outputs
    torch.testing.assert_close(ran["leaving"][:, 2], ran["heat"].sum(1) / 1e3)
    ran["leaving"].sum().backward()
    assert all(w.grad is not None for w in model.parameters())
    assert (len(model.space.ids), len(other.space.ids)) == (2, 3)
    two = {name: x[..., :2] for name, x in {**voltage, **attributes}.items()}
    outputs = model.simulate(two, two, outputs=("heat", "leaving")).outputs
    torch.testing.assert_close(outputs["heat"], ran["heat"][:, :2])
    torch.testing.assert_close(outputs["leaving"][:, 1], outputs["heat"].sum(1) / 1e3)


def test_a_part_may_have_no_forcing() -> None:
    parts = {"lamp": None, "sun": {"process": "sun"}, "wiring": None}
    block = changed(parts)
    del block["parts"]["radiator"]
    block["parts"]["tank"]["members"] = None
    block["parts"] = {name: block["parts"][name] for name in ("sun", "tank")}
    model = made(block)
    assert model.forcings == ()
    where = {**WHERE, "leak": torch.full((2,), 0.1, dtype=torch.float64)}
    ran = model.simulate({}, where, steps=3, outputs=("heat", "energy"))
    heat = (100.0 * WHERE["size"]).expand(3, 2)
    torch.testing.assert_close(ran.outputs["heat"], heat)
    assert ran.outputs["energy"].shape == (3, 2)


VARYING = {
    "wiring": {"gives": ["resistance", "loss"]},
    "control": {
        "network": "lstm", "forcings": ["voltage", "heat"], "attributes": ["size"],
        "gives": ["leak", "gain"], "options": {"hidden": 3},
    },
}  # fmt: skip


def varying(**control: Any) -> dict[str, Any]:
    """Return the block with a network that reads what the lamp gives."""
    block = changed({**VARYING, "control": {**VARYING["control"], **control}})
    parts = block["parts"]
    order = ("wiring", "lamp", "control", "tank", "radiator")
    return {**block, "steps": [], "parts": {name: parts[name] for name in order}}


def test_a_network_may_read_what_an_earlier_part_gives() -> None:
    """Known beforehand, for the lamp's resistance is no longer learned."""
    block = varying()
    block["parts"]["wiring"]["gives"] = ["loss"]
    spec = convert(block, ModelSpec)
    attributes = {n: np.array([1.0, 2.0]) for n in ("size", "slope")}
    attributes["resistance"] = np.array([50.0, 200.0])
    forcing = voltages(30)
    statistics = fit_statistics(spec, forcing, attributes)
    heat = forcing["voltage"] ** 2 / attributes["resistance"]
    assert statistics["heat"].mean == pytest.approx(heat.mean(), rel=1e-12)
    model = Model(spec, statistics).double()
    ran = model.simulate(tensors(forcing), tensors(attributes), outputs=("leak",))
    assert bool((ran.outputs["leak"].std(0) > 0.0).all())


def test_a_network_cannot_read_what_only_a_trained_model_computes() -> None:
    spec = convert(varying(), ModelSpec)
    message = r"^parts\.wiring: a network reads it, but it cannot be computed before"
    with pytest.raises(ConfigError, match=message):
        fit_statistics(spec, voltages(5), {n: np.ones(2) for n in ATTRIBUTES})
    block = varying(forcings=["cooling"])
    order = ("wiring", "lamp", "tank", "control", "radiator")
    block["parts"] = {name: block["parts"][name] for name in order}
    block["parts"]["control"]["gives"] = ["loss"]
    block["parts"]["wiring"]["gives"] = ["resistance", "leak", "gain"]
    message = r"^parts\.tank: a network reads it, but .* a process without memory"
    with pytest.raises(ConfigError, match=message):
        fit_statistics(
            convert(block, ModelSpec), voltages(5), {n: np.ones(2) for n in ATTRIBUTES}
        )


@pytest.mark.parametrize("every", ["trained", "step"])
def test_a_network_runs_as_often_as_it_is_told(every: str) -> None:
    model = made(varying(every=every, forcings=["voltage"]))
    forcing = tensors(voltages(6))
    assert model.plan["control"].every == every
    once = model.simulate(forcing, WHERE, outputs=("leak",))
    assert once.state["control.hidden"].shape == (2, 3)
    if every == "trained":
        message = r"^dt: network 'control' was trained at steps of 1 h and cannot run"
        with pytest.raises(ConfigError, match=message):
            model.simulate(forcing, WHERE, dt=0.5)
    else:
        other = model.simulate(forcing, WHERE, dt=0.5, outputs=("leak",))
        # It knows nothing of the length of the step.
        assert torch.equal(other.outputs["leak"], once.outputs["leak"])


def test_shared_parameters_are_declared_alike() -> None:
    block = changed({"second": {"process": "boiler", "members": 2}})
    message = (
        r"^wiring\.gives: 'leak' is shared by 'tank' and 'second', whose bounds, "
        "spacing or members differ"
    )
    with pytest.raises(ConfigError, match=message):
        made(block)
    other = changed({
        "second": {"process": "boiler", "members": 2,
                   "reads": {"leak": "drip", "gain": "win", "heat": "heat"}},
    })  # fmt: skip
    values = made(other).constant_parameters(WHERE)
    assert values["leak"].shape == (2, 3)
    assert values["drip"].shape == (2, 2)
    alike = made(changed({"second": {"process": "boiler", "members": 3}}))
    assert alike.constant_parameters(WHERE)["leak"].shape == (2, 3)
