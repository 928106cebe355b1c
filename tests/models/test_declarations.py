"""Every process shipped: its budgets in any weather, and its table."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bmi_dmx.describe import declaration_table
from bmi_dmx.models.hydrology.hbv import Hbv11p
from bmi_dmx.models.hydrology.unit_hydrograph import UnitHydrograph
from bmi_dmx.process import SECONDS, Process


def declared(process):
    return (
        *process.forcings, *process.states, *process.parameters, *process.fluxes
    )  # fmt: skip


def within_bounds(variable, rng, *shape):
    low, high = variable.bounds or (0.0, 1.0)
    return torch.from_numpy(low + (high - low) * rng.random(shape) ** 3)


@pytest.mark.parametrize("steps", [1, 24])
def test_budgets_close(balanced, steps, run, parameters, residual):
    process = balanced
    day = 1.0 if process.time == "1" else 86400.0 / SECONDS[process.time]
    dt = process.dt if steps == 1 else day / steps
    rng = np.random.default_rng(1)
    forcing = {
        f.name: within_bounds(f, rng, 50, 6)
        for f in process.forcings
        if f.source != "upstream"
    }
    drawn = parameters(process, 1, 6, members=3, corners=0.2)
    result = run(process, None, forcing, drawn, dt=dt)
    assert residual(process.at(dt), {}, forcing, result, dt=dt) < 1e-12


def test_declarations_are_complete(shipped):
    process = shipped
    assert process.about
    for variable in declared(process):
        assert variable.about, variable.name
        assert variable.symbol, variable.name
    for variable in (*process.forcings, *process.parameters, *process.prepared):
        assert variable.bounds is not None, variable.name
    amounts = {v.name: v for v in (*process.forcings, *process.fluxes)}
    for budget in process.budgets:
        for name in (*budget.inputs, *budget.outputs):
            assert amounts[name].per_step in ("rate", "amount"), name
        assert set(budget.storages) <= {s.name for s in process.states}


def test_the_table_shows_every_variable(shipped):
    lines = declaration_table(shipped).splitlines()
    variables = declared(shipped)
    assert len(lines) == 2 + len(variables)
    assert len({len(line) for line in lines}) == 1
    for line, variable in zip(lines[2:], variables, strict=True):
        for text in (variable.kind, variable.name, variable.units, variable.about):
            assert text in line


def test_the_table_shows_bounds_defaults_and_sizes():
    table = declaration_table(Hbv11p())
    assert "| 0.3 to 5     | shape of evaporation reduction; default 1 " in table
    assert "| in_transit [14] | mm " in declaration_table(UnitHydrograph())


def test_a_process_without_variables_has_a_heading():
    class Nothing(Process):
        def step(self, s, f, p):
            return {}, {}

    assert declaration_table(Nothing()).splitlines()[0].startswith("| kind | symbol ")
