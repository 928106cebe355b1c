"""What a component publishes is what its configuration says."""

from __future__ import annotations

from typing import Any

import numpy as np

from .untrained import give, weather


def test_outputs_may_be_parameters_and_diagnostics(start: Any) -> None:
    outputs = ["streamflow", "fc", "water_stored", "repaired_precipitation"]
    component = start(2, outputs=outputs)
    assert component.get_output_var_names() == tuple(outputs)
    give(component, weather(1, 2), 0)
    component.update()
    stored = component.get_value("water_stored", np.empty(2))
    state = component.state()
    parts = ("snowpack", "meltwater", "soil_moisture", "upper_zone", "lower_zone")
    total = sum(state[f"land.{name}"].mean(axis=1) for name in parts)
    total = total + state["outlet.in_transit"].sum(axis=0)
    np.testing.assert_allclose(stored, total, rtol=1e-12)
    assert (component.get_value("fc", np.empty(2)) > 50.0).all()
