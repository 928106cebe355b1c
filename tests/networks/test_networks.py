"""Networks: numbers against plain NumPy, memory, dropout, errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.errors import ConfigError
from bmi_dmx.networks.base import ACTIVATIONS
from bmi_dmx.networks.constant import Constant
from bmi_dmx.networks.conv import Convolution
from bmi_dmx.networks.lstm import Lstm
from bmi_dmx.networks.mlp import Mlp
from bmi_dmx.registries import networks


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def lstm_loop(
    network: Lstm, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run the published equations in a loop, from an empty memory."""
    w = {name: value.numpy() for name, value in network.state_dict().items()}
    h = c = np.zeros((x.shape[1], w["lstm.weight_hh_l0"].shape[1]))
    series = []
    for now in x:
        inner = np.maximum(now @ w["input.weight"].T + w["input.bias"], 0.0)
        gates = inner @ w["lstm.weight_ih_l0"].T + w["lstm.bias_ih_l0"]
        gates = gates + h @ w["lstm.weight_hh_l0"].T + w["lstm.bias_hh_l0"]
        i, f, g, o = np.split(gates, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        series.append(h @ w["output.weight"].T + w["output.bias"])
    return np.array(series), h, c


@pytest.fixture
def lstm() -> Lstm:
    torch.manual_seed(1)
    return Lstm(3, 4, hidden=6, dropout=0.5).double().eval()


@pytest.fixture
def inputs() -> torch.Tensor:
    return torch.randn(50, 2, 3, dtype=torch.float64, generator=torch.manual_seed(2))


def test_lstm_series_follows_the_published_equations(lstm, inputs):
    y, memory = lstm.series(inputs, lstm.blank(inputs, 2))
    expected, hidden, cell = lstm_loop(lstm, inputs.numpy())
    np.testing.assert_allclose(y.detach(), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(memory["hidden"].detach(), hidden, rtol=1e-12)
    np.testing.assert_allclose(memory["cell"].detach(), cell, rtol=1e-12)


def test_lstm_steps_are_its_series(lstm, inputs):
    expected, last = lstm.series(inputs, lstm.blank(inputs, 2))
    memory = lstm.blank(inputs, 2)
    for now, target in zip(inputs, expected, strict=True):
        y, memory = lstm.step(now, memory)
        torch.testing.assert_close(y, target, rtol=1e-12, atol=1e-14)
    for name, value in last.items():
        torch.testing.assert_close(memory[name], value, rtol=1e-12, atol=1e-14)


@given(cut=st.integers(1, 49))
@settings(max_examples=10)
def test_lstm_series_may_be_cut_anywhere(cut):
    network = Lstm(3, 4, hidden=6).double()
    x = torch.randn(50, 2, 3, dtype=torch.float64)
    whole, _ = network.series(x, network.blank(x, 2))
    first, memory = network.series(x[:cut], network.blank(x, 2))
    second, _ = network.series(x[cut:], memory)
    torch.testing.assert_close(
        torch.cat([first, second]), whole, rtol=1e-12, atol=1e-14
    )


def test_lstm_dropout_leaves_the_memory_whole(lstm, inputs):
    _, calm = lstm.series(inputs, lstm.blank(inputs, 2))
    y, noisy = lstm.train().series(inputs, lstm.blank(inputs, 2))
    again, _ = lstm.series(inputs, lstm.blank(inputs, 2))
    assert not torch.equal(y, again)
    assert all(torch.equal(noisy[name], calm[name]) for name in calm)


def test_mlp_is_matrix_products_and_activations():
    network = Mlp(3, 2, hidden=(5, 4), activation="tanh").double()
    x = torch.randn(7, 3, dtype=torch.float64)
    w = [value.numpy() for value in network.state_dict().values()]
    inner = np.tanh(np.tanh(x.numpy() @ w[0].T + w[1]) @ w[2].T + w[3])
    y, memory = network.step(x, {})
    np.testing.assert_allclose(y.detach(), inner @ w[4].T + w[5], rtol=1e-12)
    assert memory == {}
    assert network.memory == {}


def test_mlp_series_treats_all_times_alike():
    network = Mlp(3, 2, hidden=5)
    x = torch.randn(4, 7, 3)
    series, _ = network.series(x, {})
    torch.testing.assert_close(series[2], network.step(x[2], {})[0])


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_is_pointwise_and_finite(activation):
    layer = ACTIVATIONS[activation]()
    x = torch.linspace(-50.0, 50.0, 101)
    assert bool(layer(x).isfinite().all())
    torch.testing.assert_close(layer(x[:7]), layer(x)[:7])


def test_an_unknown_activation_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"unknown activation 'rely'.*'relu'"):
        Mlp(1, 1, activation="rely")


def test_networks_are_found_by_name():
    assert networks["mlp"] is Mlp
    assert networks["lstm"] is Lstm
    assert networks["constant"] is Constant
    assert networks["conv"] is Convolution


def test_a_constant_answers_what_it_learned_whatever_it_reads():
    network = Constant.make(0, 3, {})
    with torch.no_grad():
        network.output.bias.copy_(torch.tensor([1.0, -2.0, 0.5]))
    for shape in [(7, 0), (4, 7, 0), (7, 2)]:
        y, memory = network.step(torch.rand(shape), {})
        assert torch.equal(y, network.output.bias.expand(*shape[:-1], 3))
        assert memory == {}
    with pytest.raises(ConfigError, match=r"hidden: unknown key"):
        Constant.make(0, 3, {"hidden": 4})


@pytest.mark.parametrize("axes", [1, 2])
def test_a_convolution_around_a_ring_does_not_know_where_it_begins(axes):
    network = Convolution(2, 3, hidden=4, axes=axes, kernel=5, activation="tanh")
    field = torch.rand(6, 2, *(9, 8)[:axes])
    y, _ = network.step(field, {})
    assert y.shape == (6, 3, *field.shape[2:])
    moved, _ = network.step(torch.roll(field, 2, -1), {})
    torch.testing.assert_close(moved, torch.roll(y, 2, -1))
    bounded = Convolution(2, 3, hidden=4, axes=axes, edges="zeros")
    y, _ = bounded.step(field, {})
    moved, _ = bounded.step(torch.roll(field, 2, -1), {})
    assert not torch.allclose(moved, torch.roll(y, 2, -1))


def test_a_convolution_is_a_sum_over_neighbours():
    network = Convolution(1, 1, hidden=1, axes=1, activation="relu").double()
    x = torch.rand(1, 8, dtype=torch.float64)
    with torch.no_grad():
        for layer, weight in (
            (network.input, [0.5, 1.0, 0.25]),
            (network.output, [0.0, 1.0, 0.0]),
        ):
            layer.weight.copy_(torch.tensor(weight).reshape(1, 1, 3))
            layer.bias.fill_(0.5)
        output, _ = network.step(x, {})
    around = 0.5 * x.roll(1, -1) + x + 0.25 * x.roll(-1, -1) + 0.5
    torch.testing.assert_close(output, around + 0.5)


def test_fields_may_have_any_axes_before_them():
    network = Convolution(2, 1, axes=2)
    fields = torch.rand(3, 4, 2, 5, 6)
    y, _ = network.step(fields, {})
    one, _ = network.step(fields[1, 2], {})
    assert y.shape == (3, 4, 1, 5, 6)
    torch.testing.assert_close(y[1, 2], one)


@pytest.mark.parametrize(
    ("kind", "inputs", "options", "message"),
    [
        ("mlp", 0, {}, "attributes: a network reads at least one, or a forcing"),
        ("lstm", 0, {}, "attributes: a network reads at least one, or a forcing"),
        ("mlp", 1, {"hidden": [4, 0]}, "hidden: expected at least 1, found 0"),
        ("lstm", 1, {"hidden": [4]}, "hidden: found a list, expected a whole number"),
        ("mlp", 1, {"dropout": 1.0}, "dropout: expected 0 to below 1, found 1"),
        ("mlp", 1, {"activation": "rleu"}, "unknown activation 'rleu'.*'relu'"),
        ("conv", 1, {"kernel": 4}, "axes and kernel: found 2 and 4, expected"),
        ("conv", 1, {"edges": "none"}, "edges: unknown value 'none'"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(kind, inputs, options, message):
    with pytest.raises(ConfigError, match=message):
        networks[kind].make(inputs, 2, options)
