"""Programs, run with NumPy alone, give the numbers of the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bmi_dmx.bundle import load_bundle, save_bundle
from bmi_dmx.compose import Model, ModelSpec
from bmi_dmx.conversion import convert, plain
from bmi_dmx.program import evaluate

from .numeric import run
from .river import PLACES, TEXTS, make, series

OUTPUTS = (
    "streamflow", "evaporation", "potential_evaporation", "runoff_depth",
    "runoff_volume",
)  # fmt: skip


@pytest.mark.parametrize(
    ("dynamic", "seconds"), [(False, 86400.0), (False, 3600.0), (True, 86400.0)]
)
def test_programs_in_numpy_give_the_numbers_of_the_model(tmp_path, dynamic, seconds):
    model = make(dynamic=dynamic)
    bundle = save_bundle(model, tmp_path / "river", **TEXTS)
    forcing = series(20)
    with torch.no_grad():
        expected = (
            bundle.model()
            .double()
            .simulate(
                {n: torch.from_numpy(x) for n, x in forcing.items()},
                {n: torch.from_numpy(x) for n, x in PLACES.items()},
                dt=seconds / 86400.0,
                outputs=OUTPUTS,
            )
        )
    outputs = run(bundle, forcing, PLACES, seconds, OUTPUTS)
    for name in OUTPUTS:
        np.testing.assert_allclose(
            outputs[name], expected.outputs[name], rtol=1e-12, atol=1e-15, err_msg=name
        )
    assert bool(np.isfinite(outputs["runoff_volume"]).all())


def test_parts_of_a_recipe_run_at_any_step_that_is_asked_for(tmp_path):
    steps = (86400.0, 10800.0, 900.0)
    spec = make().spec
    block = plain(replace(spec, recipe=None, settings=None, steps=steps[1:]))
    block["parts"]["evaporation"]["process"] = "hargreaves"
    statistics = make().statistics
    torch.manual_seed(0)
    model = Model(convert(block, ModelSpec), statistics)
    bundle = save_bundle(model, tmp_path / "river", **TEXTS)
    assert bundle.manifest.steps == steps
    forcing = series(12)
    forcing["air_temperature_min"] = forcing["air_temperature"] - 3.0
    forcing["air_temperature_max"] = forcing["air_temperature"] + 4.0
    whole = bundle.model().double()
    for seconds in steps:
        with torch.no_grad():
            expected = whole.simulate(
                {n: torch.from_numpy(x) for n, x in forcing.items()},
                {n: torch.from_numpy(x) for n, x in PLACES.items()},
                dt=seconds / 86400.0,
                outputs=OUTPUTS,
            )
        outputs = run(bundle, forcing, PLACES, seconds, OUTPUTS)
        for name in OUTPUTS:
            np.testing.assert_allclose(
                outputs[name],
                expected.outputs[name],
                rtol=1e-12,
                atol=1e-15,
                err_msg=name,
            )


def test_learned_parameters_are_those_of_the_model(saved):
    bundle = load_bundle(saved)
    places = {n: torch.from_numpy(x) for n, x in PLACES.items()}
    with torch.no_grad():
        expected = bundle.model().double().constant_parameters(places)
    network = bundle.plan["static"]
    attributes = np.stack([PLACES[name] for name in network.attributes], -1)
    program = bundle.program(network, bundle.manifest.seconds)
    inputs = {"attributes": attributes, **bundle.constants}
    parameters = evaluate(program, {name: inputs[name] for name in program.inputs})
    assert {name.removeprefix("p.") for name in parameters} == set(expected)
    for name, x in expected.items():
        np.testing.assert_allclose(parameters[f"p.{name}"], x, rtol=1e-12, err_msg=name)
