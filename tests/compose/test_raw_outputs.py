"""What networks answer before it is brought inside the bounds."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bmi_dmx.compose import Model, ModelSpec, Moments, Statistics
from bmi_dmx.compose.parameterization import raw_outputs
from bmi_dmx.conversion import convert
from tests.systems import PARTS, voltages

NETWORKS: dict[str, dict[str, Any]] = {
    "mlp": {"options": {"hidden": 4}},
    "kan": {"options": {"grid": 4}},
    "kan apart": {"network": "kan", "options": {"grid": 4, "trunks": "separate"}},
    "constant": {"attributes": []},
    "lstm": {"forcings": ["voltage"], "options": {"hidden": 4}},
    "lstm_heads": {"forcings": ["voltage"], "options": {"hidden": 4, "heads": 2}},
    "transformer": {"forcings": ["voltage"], "options": {"hidden": 4, "window": 3}},
}
PLACES, STEPS = 2, 5


@pytest.mark.parametrize("name", NETWORKS)
def test_they_are_the_logits_of_the_share_of_the_bounds(name: str) -> None:
    wiring = {"network": name, "attributes": ["slope"], "gives": ["gain"]}
    parts = {
        "rest": {"network": "constant", "gives": ["resistance", "leak"]},
        "wiring": {**wiring, **NETWORKS[name]},
        "lamp": PARTS["lamp"],
        "tank": PARTS["tank"],
    }
    block = {"seconds": 3600, "parts": parts}
    statistics = Statistics({n: Moments(0.0, 1.0) for n in ("slope", "voltage")})
    torch.manual_seed(3)
    model = Model(convert(block, ModelSpec), statistics).double()
    forcing = {n: torch.from_numpy(x) for n, x in voltages(STEPS, PLACES).items()}
    places = {"slope": torch.rand(PLACES, dtype=torch.float64),
              "age": torch.ones(PLACES, dtype=torch.float64)}  # fmt: skip
    with raw_outputs(model) as raw:
        ran = model.simulate(forcing, places, outputs=["gain", "cooling"])
    (logits,) = [x for x in raw if x.shape[-1] == 3]
    share = (ran.outputs["gain"] - 0.5) / 1.5
    torch.testing.assert_close(torch.sigmoid(logits).mean(-1).expand_as(share), share)
    model.simulate(forcing, places)
    assert len(raw) == 2
