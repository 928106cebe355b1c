"""Make the bundle of rivers whose channels are alike.

    python scripts/make_rivers_bundle.py

writes ``bmi_dmx/bundles/rivers-plain``. Nothing in it is learned: it is for rivers
whose channels are given, and to have something to compare a trained one with.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch

from bmi_dmx.bundle import save_bundle
from bmi_dmx.compose import Model, ModelSpec, Statistics
from bmi_dmx.conversion import convert

FOLDER = Path(__file__).resolve().parents[1] / "bmi_dmx" / "bundles" / "rivers-plain"

CHANNEL = {"manning": 0.05, "width_exponent": 0.5, "width_coefficient": 21.0}
"""A winding natural channel (Chow 1959, table 5-6), 21 m wide where it is 1 m deep."""

SPEC = {
    "parts": {
        "channel": {"network": "constant", "gives": list(CHANNEL)},
        "river": {"process": "muskingum_cunge"},
    },
    "seconds": 3600,
    "steps": [60, 300, 600, 900, 1800, 10800, 21600, 86400],
    "system": "rivers",
    "answers": ["discharge", "velocity", "depth", "width"],
}


def made() -> Model:
    """Return the model, whose network answers with the one channel."""
    spec = convert(SPEC, ModelSpec)
    model = Model(spec, Statistics({})).double().eval()
    declared = {p.name: p for p in model.processes["river"].parameters}
    bias = []
    for name, value in CHANNEL.items():
        low, high = declared[name].limits
        share = (value - low) / (high - low)
        if declared[name].spacing == "log":
            share = math.log(value / low) / math.log(high / low)
        bias.append(math.log(share / (1.0 - share)))
    answer = torch.tensor(bias, dtype=torch.float64)
    model.load_state_dict({**model.state_dict(), BIAS: answer})
    return model


BIAS = "channel.network.output.bias"
"""What the network answers with, before it is brought into bounds."""


def main() -> None:
    save_bundle(
        made(),
        FOLDER,
        licence="CC0-1.0",
        about="rivers whose channels are alike: declared, not learned",
        provenance={"channel": CHANNEL, "made_by": "scripts/make_rivers_bundle.py"},
        scores={},
        overwrite=True,
    )


if __name__ == "__main__":
    main()
