"""A learned tendency: nothing before it is trained, and only where it may add."""

from __future__ import annotations

from copy import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bmi_dmx.compose import Model, ModelSpec, Statistics
from bmi_dmx.compose.correction import Corrected
from bmi_dmx.compose.spec import CorrectionSpec
from bmi_dmx.compose.weighted_process import WeightedProcess
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError
from bmi_dmx.process import Budget, Process, Stencil
from bmi_dmx.registries import processes
from bmi_dmx.scan import scan
from bmi_dmx.space import space_from
from bmi_dmx.variables import Forcing, Parameter, State

SIZE = 12


class Mixing(Process):
    """What is carried along a ring, and mixes with its neighbours."""

    time = "h"
    coupling = Stencil()
    forcings = (Forcing(name="source", units="h-1"),)
    states = (State(name="dye"), State(name="age", units="h"), State(name="mass"),
              State(name="past", size=2))  # fmt: skip
    parameters = (
        Parameter(name="rate", units="h-1", bounds=(0.0, 1.0), default=0.1,
                  per="place"),
    )  # fmt: skip
    budgets = (Budget((), (), ("mass",), name="mass", units="kg"),)

    def at(self, dt: float) -> Process:
        timed = copy(self)
        timed.dt = dt
        return timed

    def step(self, s: Any, f: Any, p: Any) -> Any:
        around = torch.roll(s.dye, 1, -1) + torch.roll(s.dye, -1, -1)
        mixed = p.rate * (around - 2.0 * s.dye)
        return {
            "dye": s.dye + self.dt * (mixed + f.source),
            "age": s.age + self.dt,
            "mass": s.mass,
            "past": (s.past[1], s.dye),
        }, {}


class Lone(Process):
    """One place at a time."""

    states = (State(name="x"),)
    parameters = (Parameter(name="a", bounds=(0.0, 1.0), default=0.5),)
    prepared = (Parameter(name="a", bounds=(0.0, 1.0)),)

    def refuse(self, p: Any) -> None:
        raise ConfigError("a: found 0.5, with which a step overshoots")

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {"x": s.x}, {}


for _name, _process in {"mixing": Mixing, "lone": Lone}.items():
    processes.register(_name)(_process)

CORRECTION: dict[str, Any] = {
    "network": "conv",
    "options": {"axes": 1, "hidden": 3, "activation": "tanh"},
    "reads": ["dye", "source", "rate"],
    "adds": ["dye"],
}
SPACE = {"kind": "ring", "size": SIZE}


def made(correction: dict[str, Any] | None = None, **keys: Any) -> Model:
    part: dict[str, Any] = {"process": "mixing"}
    if correction is not None:
        part["correction"] = {**CORRECTION, **correction}
    block = {"seconds": 1800, "space": SPACE, "parts": {"ring": part}, **keys}
    torch.manual_seed(1)
    return Model(convert(block, ModelSpec), Statistics({})).double()


def start(model: Model) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    state = model.initial_state(())
    state["ring.dye"] = torch.rand(SIZE, dtype=torch.float64, generator=generator)
    return state


def run(model: Model, steps: int = 8, dt: float | None = None) -> Any:
    source = torch.linspace(0.0, 0.1, steps * SIZE, dtype=torch.float64)
    forcing = {"source": source.reshape(steps, SIZE)}
    return model.simulate(
        forcing, {}, state=start(model), dt=dt, outputs=("dye", "age")
    )


def test_before_it_is_trained_nothing_changes() -> None:
    plain, corrected = run(made()), run(made({}))
    for name, x in plain.outputs.items():
        assert torch.equal(corrected.outputs[name], x)
    for name, x in plain.state.items():
        assert torch.equal(corrected.state[name], x)


class Unsteady(Mixing):
    """A process that knows of a limit beyond which its steps overshoot."""

    prepared = (Parameter(name="rate", units="h-1", per="place"),)
    refuse = Lone.refuse


@pytest.mark.parametrize(
    "process",
    [
        Corrected(Unsteady(), convert(CORRECTION, CorrectionSpec)).on(
            space_from(SPACE)
        ),
        WeightedProcess(Lone()),
    ],
    ids=["corrected", "weighted"],
)
def test_what_the_process_inside_refuses_is_refused(process: Process) -> None:
    shape = (SIZE,) if isinstance(process, Corrected) else (1, 1)
    state = {"dye" if isinstance(process, Corrected) else "x": torch.zeros(shape)}
    forcing = {f.name: torch.zeros(2, *shape) for f in process.forcings}
    weights = {} if process.forcings else {"member_weight": 1.0}
    with pytest.raises(ConfigError, match="with which a step overshoots"):
        scan(process, state, forcing, weights)


def test_the_gradient_reaches_the_network() -> None:
    model = made({})
    run(model).outputs["dye"].square().sum().backward()
    weights = dict(model.named_parameters())
    assert set(weights) == {f"ring.{layer}.{kind}" for layer in ("input", "output")
                            for kind in ("weight", "bias")}  # fmt: skip
    # The last layer starts at zero, and lets no gradient through yet.
    assert float(weights["ring.output.weight"].grad.abs().sum()) > 0.0
    with torch.no_grad():
        weights["ring.output.weight"].fill_(0.01)
    model.zero_grad()
    run(model).outputs["dye"].square().sum().backward()
    for name, weight in weights.items():
        assert weight.grad is not None, name
        assert float(weight.grad.abs().sum()) > 0.0, name


@pytest.mark.parametrize("dt", [0.5, 0.25])
def test_it_adds_to_states_per_unit_of_time(dt: float) -> None:
    model = made({"scale": 2.0})
    with torch.no_grad():
        model.network("ring").output.bias.fill_(0.3)
    plain, corrected = run(made(), 1, dt), run(model, 1, dt)
    added = corrected.outputs["dye"] - plain.outputs["dye"]
    torch.testing.assert_close(added, torch.full_like(added, 2.0 * 0.3 * dt))
    assert torch.equal(corrected.outputs["age"], plain.outputs["age"])


def test_every_entry_of_a_state_is_a_channel() -> None:
    model = made({"reads": ["past", "dye"]})
    network = model.network("ring")
    assert network.input.in_channels == 3
    with torch.no_grad():
        network.output.weight.fill_(0.1)
    whole = run(model).outputs["dye"]
    with torch.no_grad():
        network.input.weight[:, :2] = 0.0
    assert not torch.equal(run(model).outputs["dye"], whole)


def test_nothing_is_added_where_a_parameter_is_zero() -> None:
    rate = torch.linspace(0.0, 0.3, SIZE, dtype=torch.float64)
    process = Corrected(
        Mixing(), convert({**CORRECTION, "within": "rate"}, CorrectionSpec)
    )
    network = process.on(space_from(SPACE)).network.double()  # type: ignore[attr-defined]
    with torch.no_grad():
        network.output.bias.fill_(1.0)
    s = SimpleNamespace(dye=rate * 0.0, age=rate, mass=rate, past=(rate, rate))
    values = (s, SimpleNamespace(source=rate * 0.0), SimpleNamespace(rate=rate))
    placed = process.on(space_from(SPACE))
    state, _ = placed.step(*values)
    torch.testing.assert_close(state["dye"], rate)


def test_what_is_silenced_is_silenced_again_on_the_way_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gradients = []
    for few in (1 << 24, 0):
        monkeypatch.setattr("bmi_dmx.scan.tensors._FEW", few)
        model = made({"options": {**CORRECTION["options"], "dropout": 0.5}}).train()
        with torch.no_grad():
            model.network("ring").output.weight.fill_(0.1)
        torch.manual_seed(5)
        run(model).outputs["dye"].square().sum().backward()
        gradients.append({n: w.grad for n, w in model.named_parameters()})
    for name, gradient in gradients[0].items():
        assert gradient is not None
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-12, atol=0.0)


def test_its_part_depends_on_the_step_and_names_its_weights() -> None:
    (part,) = made({}).plan.parts
    assert part.timed
    assert part.weights[0] == "ring.input.weight"
    assert made().plan.parts[0].weights == ()


@pytest.mark.parametrize(
    ("correction", "message"),
    [
        ({"reads": ["dye", "dy"]}, r"correction\.reads: unknown 'dy'; did you mean"),
        ({"adds": ["past"]}, r"correction\.adds: unknown 'past'; known: age, dye"),
        ({"within": "rat"}, r"correction\.within: unknown 'rat'; did you mean 'rate'"),
        ({"adds": ["source"]}, r"correction\.adds: unknown 'source'"),
        ({"adds": ["mass"]}, r"adds: 'mass' is of the budget of mass, which what is"),
        ({"network": "cnov"}, r"unknown network 'cnov'; did you mean 'conv'"),
        ({"options": {"hiden": 3}}, r"hiden: unknown key; did you mean 'hidden'"),
        ({"options": {"axes": 3}}, r"axes and kernel: found 3 and 3"),
    ],
)
def test_what_does_not_fit_is_refused_by_key(
    correction: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^parts\.ring: .*{message}"):
        made(correction)


def test_a_process_of_single_places_is_not_corrected() -> None:
    part = {"process": "lone", "correction": {**CORRECTION, "reads": ["x"],
                                              "adds": ["x"]}}  # fmt: skip
    block = {"seconds": 60, "parts": {"lone": part}}
    with pytest.raises(ConfigError, match=r"parts\.lone: correction: Lone sees one pl"):
        Model(convert(block, ModelSpec), Statistics({}))


def test_fields_need_a_space() -> None:
    with pytest.raises(ConfigError, match="space: part 'ring' lives on fields"):
        made(space=None)
