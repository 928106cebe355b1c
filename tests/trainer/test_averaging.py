"""The running mean of weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bmi_dmx.errors import StateError
from bmi_dmx.trainer.averaging import Average


def test_the_mean_follows_and_stands_in_for_the_weights() -> None:
    layer = nn.Linear(1, 1)
    layer.bias.requires_grad_(False)
    average = Average(layer, 0.9)
    expected = 0.0
    for step in range(5):
        with torch.no_grad():
            layer.weight.fill_(float(step))
        average.follow()
        expected = 0.9 * expected + 0.1 * step
        with average.instead():
            assert layer.weight.item() == pytest.approx(expected, rel=1e-6)
        assert layer.weight.item() == step
    assert set(average.weights()) == {"weight"}
    other = Average(layer, 0.9)
    other.resume(average.weights())
    average.follow()
    other.follow()
    assert torch.equal(other.weights()["weight"], average.weights()["weight"])
    with pytest.raises(StateError, match="no mean of these weights"):
        other.resume({})


def test_before_the_first_step_the_weights_are_as_they_are() -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.detach().clone()
    with Average(layer, 0.5).instead():
        assert torch.equal(layer.weight, before)
