"""Networks over rings: their sizes, and that one does not depend on the ring's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bmi_dmx.errors import ConfigError
from bmi_dmx.networks.amenf import AmenfConvolution, AmenfMlp
from bmi_dmx.networks.residual_conv import ResidualConvolution, RingConvolution
from bmi_dmx.program import evaluate
from bmi_dmx.program.trace import trace
from bmi_dmx.registries import networks


def count(network: nn.Module) -> int:
    return sum(w.numel() for w in network.parameters())


@pytest.mark.parametrize(
    ("network", "weights"),
    [
        (AmenfConvolution(12, 14), 90_574),
        (AmenfConvolution(13, 14), 90_894),
        (AmenfConvolution(19, 16), 93_456),
        (AmenfConvolution(7, 10, kernel=7, second=1), 93_898),
        (AmenfMlp(370, 580, places=1, first=80), 458_580),
    ],
    ids=["full", "partial", "two fields", "kuramoto-sivashinsky", "perceptrons"],
)
def test_published_networks_have_as_many_weights_as_published(
    network: nn.Module, weights: int
) -> None:
    assert count(network) == weights


def test_a_convolution_on_a_ring_is_the_sum_over_neighbours() -> None:
    layer = RingConvolution(2, 3, 5).double()
    x = torch.rand(2, 7, dtype=torch.float64)
    weight = layer.weight.detach().reshape(3, 5, 2)
    expected = layer.bias.detach().unsqueeze(-1).repeat(1, 7)
    for place in range(7):
        for k in range(5):
            expected[:, place] += weight[:, k] @ x[:, (place + k - 2) % 7]
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer(x.expand(4, 2, 2, 7))[3, 1], expected)


@pytest.mark.parametrize("name", ["residual_conv", "amenf_conv", "amenf_mlp"])
def test_a_field_alone_is_answered_as_among_others(name: str) -> None:
    options = {"places": 8} if name == "amenf_mlp" else {}
    network = networks[name].make(3, 5, {"hidden": 4, **options}).double().eval()
    x = torch.rand(2, 3, 3, 8, dtype=torch.float64)
    with torch.no_grad():
        together, _ = network.step(x, {})
        alone, _ = network.step(x[1, 2], {})
    assert together.shape == (2, 3, 5, 8)
    torch.testing.assert_close(together[1, 2], alone)


def test_a_program_of_one_field_runs_many_and_on_other_rings() -> None:
    network = ResidualConvolution(3, 2, hidden=4, kernel=3, blocks=1).double()
    weights = {n: w.detach() for n, w in network.named_parameters()}

    def answer(values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        tensors = {n: values[n] for n in weights}
        y, _ = torch.func.functional_call(
            _Stepped(network),
            {f"network.{n}": w for n, w in tensors.items()},
            values["x"],
        )
        return {"y": y}

    program = trace(answer, {"x": torch.rand(3, 6, dtype=torch.float64), **weights})
    x = torch.rand(4, 3, 11, dtype=torch.float64)
    plain = {n: w.numpy() for n, w in weights.items()}
    field = evaluate(program, {"x": x.numpy(), **plain})["y"]
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(field), network.step(x, {})[0])


class _Stepped(nn.Module):
    def __init__(self, network: ResidualConvolution) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> object:
        return self.network.step(x, {})


def test_a_ring_turned_is_answered_turned() -> None:
    network = ResidualConvolution(2, 2, hidden=4).double()
    x = torch.rand(3, 2, 9, dtype=torch.float64)
    with torch.no_grad():
        turned, _ = network.step(torch.roll(x, 4, -1), {})
        torch.testing.assert_close(turned, torch.roll(network.step(x, {})[0], 4, -1))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("residual_conv", {"kernel": 4}, "kernel: found 4, expected an odd number"),
        ("residual_conv", {"blocks": 0}, "blocks: expected at least 1, found 0"),
        ("amenf_conv", {"second": 3}, "second: expected at most 2, found 3"),
        ("amenf_conv", {"dropout": 1.0}, "dropout: expected 0 to below 1, found 1.0"),
        ("amenf_mlp", {"first": 9}, "first: found 9, expected 1 to below 4"),
    ],
)
def test_impossible_networks_are_refused(
    name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        networks[name].make(3, 4, options)


def test_published_networks_are_silenced_in_training_alone() -> None:
    network = AmenfConvolution(2, 2, hidden=4)
    x = torch.rand(1, 2, 8)
    with torch.no_grad():
        assert not torch.equal(network.step(x, {})[0], network.step(x, {})[0])
        network.eval()
        assert torch.equal(network.step(x, {})[0], network.step(x, {})[0])
