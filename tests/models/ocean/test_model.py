"""An ocean is a part of a model like any other, whose coefficients networks supply."""

from __future__ import annotations

import torch

from bmi_dmx.compose import Model, ModelSpec, Statistics
from bmi_dmx.conversion import convert

from .boxes import box, field, flow

GRID = box(6, 8, 1e5, 1000.0, levels=3, periodic=("x",))


def test_networks_supply_coefficients_within_their_bounds() -> None:
    options = {"forced_by": ["wind"], "rotation": 1e-4, "internal": 0.0, "damping": 0.0}
    settings = {
        "parts": {
            "constants": {"network": "constant", "gives": ["drag"]},
            "ocean": {"process": "primitive_equations", "options": options},
        },
        "seconds": 3600.0,
        "space": GRID.to_dict(),
    }
    model = Model(convert(settings, ModelSpec, "model"), Statistics({})).double()
    wind = {
        "stress_x": field(GRID, 0.1, "x_face", ()).expand(5, 6, 8),
        "stress_y": field(GRID, 0.0, "y_face", ()).expand(5, 7, 8),
    }
    whole = {"cell_fraction": field(GRID, 1.0)}
    ran = model.simulate(wind, whole, outputs=["u"])
    u = ran.outputs["u"]
    (weight,) = (w for w in model.parameters() if w.numel())
    (gradient,) = torch.autograd.grad(u.square().sum(), weight)
    assert float(gradient.abs().max()) > 0.0
    # A network that learned nothing yet answers with the middle of the bounds.
    usual = {
        p.name: p.default
        for p in model.processes["ocean"].parameters
        if p.default is not None and p.name != "cell_fraction"
    }
    alone = flow(GRID, options, {}, dt=3600.0, steps=5,
                 parameters={**usual, "drag": (1e-6 * 1e-1) ** 0.5},
                 forcing={n: x[0] for n, x in wind.items()}, outputs=["u"])  # fmt: skip
    torch.testing.assert_close(u.detach(), alone.outputs["u"], rtol=1e-9, atol=1e-14)
