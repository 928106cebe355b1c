"""Parameters that vary, held at one value in training."""

from __future__ import annotations

import pytest
import torch

from bmi_dmx.compose.spec import PartSpec
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.recipe import DynamicSpec


def dropping(share):
    return DynamicSpec(
        parameters=("beta", "k0"), forcings=("precipitation",),
        attributes=("aridity",), hidden=5, drop=share,
    )  # fmt: skip


def test_dropped_parameters_keep_their_last_value_in_training_alone(
    build, weather, places
):
    """One draw a place and parameter, for all members and through the warm-up."""
    model, outputs = build(dynamic=dropping(0.5)), ("beta", "k0")
    forcing, where = weather(30, 40), places(40)
    model.eval()
    varying = model.simulate(forcing, where, outputs=outputs).outputs
    again = model.simulate(forcing, where, outputs=outputs).outputs
    assert all(torch.equal(again[n], varying[n]) for n in outputs)
    model.train()
    torch.manual_seed(4)
    drawn = model.simulate(forcing, where, outputs=outputs).outputs
    masks = {}
    for name, x in drawn.items():
        masks[name] = (x == x[-1:]).all(0)
        last = varying[name][-1:].expand_as(x)
        expected = torch.where(masks[name], last, varying[name])
        assert torch.equal(x, expected)
        assert 5 < int(masks[name].sum()) < 35
    assert not torch.equal(masks["beta"], masks["k0"])
    torch.manual_seed(4)
    warm = model.simulate(forcing, where, warmup=12, outputs=outputs).outputs
    for name, x in warm.items():
        torch.testing.assert_close(x, drawn[name][12:])


def test_what_is_dropped_must_be_a_share_of_what_varies(build):
    with pytest.raises(ConfigError, match=r"dynamic\.drop: expected 0 to 1, found 1.5"):
        build(dynamic=dropping(1.5))
    part = {"network": "mlp", "attributes": ["aridity"], "gives": "all", "drop": 0.5}
    with pytest.raises(ConfigError, match=r"drop: .* of a network that reads forcings"):
        convert(part, PartSpec)
