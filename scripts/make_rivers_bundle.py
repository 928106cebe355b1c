"""Make the bundles of rivers in which nothing is learned.

    python scripts/make_rivers_bundle.py

writes ``bmi_dmx/bundles/rivers-plain``, whose channels are alike, for rivers whose
channels are given and to have something to compare a trained one with; and
``rivers-compound``: channels, flood plains and lakes of the National Water Model and of
t-route, all of which the file of the tree says.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch

from bmi_dmx.bundle import save_bundle
from bmi_dmx.compose import Model, ModelSpec, Statistics
from bmi_dmx.conversion import convert

BUNDLES = Path(__file__).resolve().parents[1] / "bmi_dmx" / "bundles"

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

COMPOUND = {
    "parts": {
        "river": {
            "process": "muskingum_cunge",
            # Reaches of one step do not see each other, and the floors are those of the
            # National Water Model.
            "options": {
                "geometry": "compound", "lakes": True, "assume_short_ts": True,
                "floors": {"discharge": 1e-6, "slope": 1e-5},
            },
        }
    },
    "seconds": 300,
    "steps": [60, 600, 900, 1800, 3600],
    "system": "rivers",
    "answers": ["discharge", "velocity", "depth", "width", "elevation"],
}  # fmt: skip


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
    by = {"made_by": "scripts/make_rivers_bundle.py"}
    save_bundle(
        made(),
        BUNDLES / "rivers-plain",
        licence="CC0-1.0",
        about="rivers whose channels are alike: declared, not learned",
        provenance={"channel": CHANNEL, **by},
        scores={},
        overwrite=True,
    )
    save_bundle(
        Model(convert(COMPOUND, ModelSpec), Statistics({})).double().eval(),
        BUNDLES / "rivers-compound",
        licence="CC0-1.0",
        about="compound channels and lakes as in the National Water Model, all given",
        provenance=by,
        scores={},
        overwrite=True,
    )


if __name__ == "__main__":
    main()
