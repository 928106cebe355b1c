"""Members with learned weights, stepped as any other model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.bundle import load_bundle

from .test_batch import OUTPUTS as SHOWN
from .test_batch import PRECISE, batch
from .untrained import attributes, dynamic, run, static, weather

STEPS = 100


@pytest.mark.parametrize("make", [static, dynamic])
def test_stepping_gives_the_numbers_of_one_run(
    make: Any, start: Any, bundle_of: Any
) -> None:
    path = bundle_of(make(member_weights="learned"))
    forcing = weather(STEPS, 3)
    expected = batch(path, forcing, 3, 1)
    component = start(3, bundle=str(path))
    outputs = run(component, forcing, range(STEPS), SHOWN)
    for name, series in outputs.items():
        np.testing.assert_allclose(series, expected.outputs[name], **PRECISE)


def test_no_water_is_lost_between_members_of_different_weight(
    start: Any, bundle_of: Any
) -> None:
    path = bundle_of(static(member_weights="learned"))
    component = start(3, bundle=str(path))
    run(component, weather(STEPS, 3), range(STEPS), ())
    entered, outflow, stored, leaked = (
        component.get_value_ptr(f"ngen::mass_{name}")
        for name in ("in", "out", "stored", "leaked")
    )
    rest = entered - outflow - stored - leaked
    assert (np.abs(rest) < 1e-9 * entered).all()
    assert (outflow > 50.0).all()
    assert (leaked == 0.0).all()


def test_weights_of_members_differ_from_place_to_place(bundle_of: Any) -> None:
    model = load_bundle(bundle_of(static(member_weights="learned"))).model()
    places = {k: torch.tensor(x, dtype=torch.float64) for k, x in attributes(3).items()}
    with torch.no_grad():
        weights = model.constant_parameters(places)["member_weight"]
    torch.testing.assert_close(
        weights.mean(-1), torch.ones(3, dtype=torch.float64), rtol=1e-14, atol=0.0
    )
    assert float(weights.std(0).min()) > 0.0
