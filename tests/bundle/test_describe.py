"""Programs, run with NumPy alone, give the numbers of the model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bmi_dmx.bundle import save_bundle
from bmi_dmx.program import evaluate

from .river import PLACES, TEXTS, make, series


@pytest.mark.parametrize(
    ("dynamic", "step", "dt"),
    [(False, "daily", 1.0), (False, "hourly", 1.0 / 24.0), (True, "daily", 1.0)],
)
def test_programs_in_numpy_give_the_numbers_of_the_model(tmp_path, dynamic, step, dt):
    model = make(dynamic=dynamic)
    bundle = save_bundle(model, tmp_path / "river", **TEXTS)
    forcing = series(20)
    outputs = ("streamflow", "evaporation", "k0")
    with torch.no_grad():
        wanted = (
            bundle.model()
            .double()
            .simulate(
                {n: torch.from_numpy(x) for n, x in forcing.items()},
                {n: torch.from_numpy(x) for n, x in PLACES.items()},
                dt=dt,
                outputs=outputs,
            )
        )
    flows = run_programs(bundle, forcing, step, dt)
    for name in outputs:
        np.testing.assert_allclose(
            flows[name], wanted.outputs[name], rtol=1e-12, atol=1e-15, err_msg=name
        )


def run_programs(bundle, forcing, step: str, dt: float) -> dict[str, np.ndarray]:
    """Run a bundle day by day with NumPy alone."""
    variables, spec = bundle.variables, bundle.spec
    read = np.stack([PLACES[n] for n in spec.static.attributes], -1)
    fixed = run(bundle, "static", {"attributes": read, **bundle.constants})
    weight = fixed.pop(f"routing.weight@{step}")
    routed = {f"p.weight.{k}": w for k, w in enumerate(weight)}
    routed |= {f"s.in_transit.{k}": np.zeros(2) for k in range(len(weight) - 1)}
    stores = {
        f"s.{s.name}": np.full((2, 3), s.initial) for s in variables.process.states
    }
    memory = {}
    if variables.network is not None:
        memory = {
            f"network.{s.name}": np.zeros((2, s.size)) for s in variables.network.states
        }
    flows: dict[str, list[np.ndarray]] = {"streamflow": [], "evaporation": [], "k0": []}
    for t in range(len(forcing["precipitation"])):
        now = {f"f.{name}": x[t] for name, x in forcing.items()}
        found = run(bundle, "evaporation", {**now, "p.latitude": PLACES["latitude"]})
        now["f.potential_evaporation"] = found["q.potential_evaporation"]
        moving = {}
        if spec.dynamic is not None:
            drivers = np.stack([now[f"f.{n}"] for n in spec.dynamic.forcings], -1)
            places = np.stack([PLACES[n] for n in spec.dynamic.attributes], -1)
            moving = run(
                bundle, "dynamic",
                {"forcing": drivers, "attributes": places, **memory}
                | bundle.constants,
            )  # fmt: skip
            memory = {n: moving.pop(n) for n in memory}
        daily = {**fixed, **moving}
        rules = {f"f.{f.name}": f.per_step for f in variables.process.forcings}
        rules |= {f"p.{p.name}": p.per_step for p in variables.process.parameters}
        inputs = {
            n: per_step(x, rules.get(n, "none"), dt)
            for n, x in {**now, **daily}.items()
        }
        inputs = {n: x[:, None] if n.startswith("f.") else x for n, x in inputs.items()}
        found = run(bundle, "process", {**stores, **inputs})
        stores = {name: found[name] for name in stores}
        runoff = found["q.runoff"].mean(-1)
        through = run(bundle, f"routing@{step}", {**routed, "f.runoff": runoff})
        routed.update({n: x for n, x in through.items() if n.startswith("s.")})
        flows["streamflow"].append(through["q.streamflow"] / dt)
        flows["evaporation"].append(found["q.evaporation"].mean(-1) / dt)
        flows["k0"].append(daily["p.k0"].mean(-1))
    return {name: np.array(values) for name, values in flows.items()}


def run(bundle, name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    program = bundle.programs[name]
    return evaluate(program, {n: inputs[n] for n in program.inputs})


def per_step(x: np.ndarray, rule: str, dt: float) -> np.ndarray:
    if rule == "fraction":
        return 1.0 - (1.0 - x) ** dt
    return x * dt if rule == "rate" else x
