"""Networks of splines against recursions of the textbook, and weights of pykan."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.errors import ConfigError
from bmi_dmx.networks.kan import Kan, SplineLayer, splines
from bmi_dmx.networks.pykan import kan_of
from bmi_dmx.program import evaluate
from bmi_dmx.program.trace import BATCH, trace
from bmi_dmx.registries import networks


def knots_of(grid: int, order: int) -> np.ndarray:
    return -1.0 + 2.0 / grid * np.arange(-order, grid + order + 1)


def b_splines(x: np.ndarray, grid: int, order: int) -> np.ndarray:
    """Return all B-splines, (…, grid + order), by the recursion of Cox and de Boor."""
    t = knots_of(grid, order)
    values = ((x[..., None] >= t[:-1]) & (x[..., None] < t[1:])).astype(float)
    for k in range(1, order + 1):
        rising = (x[..., None] - t[: -k - 1]) / (t[k:-1] - t[: -k - 1])
        falling = (t[k + 1 :] - x[..., None]) / (t[k + 1 :] - t[1:-k])
        values = rising * values[..., :-1] + falling * values[..., 1:]
    return values


def all_of(x: torch.Tensor, grid: int, order: int) -> np.ndarray:
    """Return the few B-splines that are computed among all."""
    first, values = splines(x, grid, order)
    basis = np.zeros((*x.shape, grid + 3 * order))
    at = (first + order).unsqueeze(-1) + torch.arange(order + 1)
    np.put_along_axis(basis, at.numpy(), values.numpy(), -1)
    return basis[..., order : grid + 2 * order]


@given(
    x=st.lists(st.floats(-1.6, 1.6), min_size=1, max_size=20),
    grid=st.integers(1, 50),
    order=st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_b_splines_are_those_of_the_recursion(x, grid, order):
    values = np.array(x)
    basis = all_of(torch.from_numpy(values), grid, order)
    # Which side of a knot a value is on is a matter of rounding.
    np.testing.assert_allclose(basis, b_splines(values, grid, order), atol=1e-11)


def test_b_splines_add_up_to_one_inside_and_nothing_is_outside_the_knots():
    inside = torch.linspace(-1.0, 1.0, 501, dtype=torch.float64)
    np.testing.assert_allclose(all_of(inside, 50, 2).sum(-1), 1.0, rtol=1e-12)
    far = [-np.inf, -5.0, -1.0800001, 1.0800001, 3.0, np.inf, np.nan]
    assert not all_of(torch.tensor(far, dtype=torch.float64), 50, 2).any()
    near = torch.tensor([-1.0799, 1.0799], dtype=torch.float64)
    assert all_of(near, 50, 2).any(-1).all()


def layer_by_hand(w: dict[str, np.ndarray], x: np.ndarray, order: int) -> np.ndarray:
    grid = w["coefficients"].shape[1] - order
    spline = np.einsum(
        "pim,imj,ij->pj", b_splines(x, grid, order), w["coefficients"], w["scale"]
    )
    base = (x / (1.0 + np.exp(-x))) @ w["base"]
    return (base + spline) * w["gain"] + w["shift"]


@pytest.mark.parametrize(("grid", "order"), [(50, 2), (3, 3), (8, 1)])
def test_a_layer_is_a_sum_of_functions_of_one_variable(grid, order):
    layer = SplineLayer(4, 3, grid, order).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(generator=torch.manual_seed(3))
    x = torch.rand(40, 4, dtype=torch.float64) * 3.0 - 1.5
    w = {name: value.numpy() for name, value in layer.state_dict().items()}
    np.testing.assert_allclose(
        layer(x).detach(), layer_by_hand(w, x.numpy(), order), rtol=1e-11, atol=1e-12
    )


@pytest.mark.parametrize("trunks", ["shared", "separate"])
def test_gradients_are_those_of_finite_differences(trunks):
    torch.manual_seed(4)
    network = Kan(2, 2, hidden=3, grid=6, trunks=trunks).double()
    names, weights = zip(*network.named_parameters(), strict=True)

    def answer(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        tensors = dict(zip(names, values, strict=True))
        return torch.func.functional_call(network, tensors, (x,))

    network.forward = lambda x: network.step(x, {})[0]
    x = torch.rand(5, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(answer, (x, *weights))


def test_its_width_is_twice_the_inputs_and_one_unless_said():
    assert Kan(10, 3).output.in_features == 21
    assert Kan(10, 3, hidden=5).output.in_features == 5
    layer = Kan(10, 3).trunks[0].layers[0]
    assert layer.coefficients.shape == (21, 52, 21)


@pytest.mark.parametrize("trunks", ["shared", "separate"])
def test_an_untrained_network_answers_next_to_its_bias(trunks):
    torch.manual_seed(5)
    network = Kan(10, 3, trunks=trunks)
    y, memory = network.step(torch.randn(200, 10), {})
    assert memory == {}
    assert float((torch.sigmoid(y.detach()) - 0.5).abs().max()) < 0.05
    assert not network.output.bias.any()


def test_separate_trunks_have_nothing_in_common():
    network = Kan(3, 2, trunks="separate")
    y, _ = network.step(torch.rand(6, 3), {})
    y[:, 0].sum().backward()
    grad = [p.grad for trunk in network.trunks for p in trunk.parameters()]
    half = len(grad) // 2
    assert all(g is not None and bool(g.isfinite().all()) for g in grad[:half])
    assert all(g is None or not g.any() for g in grad[half:])


@pytest.mark.parametrize("trunks", ["shared", "separate"])
def test_places_may_have_any_axes_before_them(trunks):
    network = Kan(3, 2, trunks=trunks)
    x = torch.rand(4, 7, 3)
    series, _ = network.series(x, {})
    assert series.shape == (4, 7, 2)
    torch.testing.assert_close(series[2], network.step(x[2], {})[0])


def test_what_is_no_number_gives_none():
    network = Kan(2, 1)
    y, _ = network.step(torch.tensor([[float("nan"), 0.0], [0.5, 0.0]]), {})
    assert y.isnan().flatten().tolist() == [True, False]


class Answer(torch.nn.Module):
    def __init__(self, network: Kan) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network.step(x, {})[0]


@pytest.mark.parametrize("trunks", ["shared", "separate"])
@pytest.mark.parametrize(("grid", "order"), [(50, 2), (5, 3)])
def test_its_program_in_numpy_gives_its_numbers(trunks, grid, order):
    torch.manual_seed(6)
    module = Answer(Kan(4, 3, grid=grid, order=order, trunks=trunks).double())
    weights = {f"w.{n}": x.detach() for n, x in module.state_dict().items()}

    def whole(values):
        tensors = {n[2:]: values[n] for n in weights}
        return {"y": torch.func.functional_call(module, tensors, (values["x"],))}

    free = torch.empty(BATCH, 4, dtype=torch.float64, device="meta")
    meta = {n: x.to("meta") for n, x in weights.items()}
    program = trace(whole, {"x": free, **meta})
    x = torch.randn(30, 4, dtype=torch.float64)
    inputs = {"x": x.numpy(), **{n: w.numpy() for n, w in weights.items()}}
    np.testing.assert_allclose(
        evaluate(program, inputs)["y"], module(x).detach(), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 0}, "order: expected at least 1, found 0"),
        ({"order": 6}, "order: expected at most 5, found 6"),
        ({"grid": 0}, "grid: expected at least 1, found 0"),
        ({"trunks": "seperate"}, "trunks: unknown value 'seperate'.*'separate'"),
        ({"activation": "relu"}, "activation: unknown key"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        networks["kan"].make(2, 1, options)


# Weights of pykan


def pykan_weights(layers: int = 2, width: int = 5) -> dict[str, torch.Tensor]:
    """Return what pykan names its arrays, one layer each between linear ones."""
    random = torch.manual_seed(7)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    weights = {
        "input.weight": draw(width, 3), "input.bias": draw(width),
        "output.weight": draw(2, width), "output.bias": draw(2),
    }  # fmt: skip
    knots = torch.from_numpy(knots_of(6, 2)).expand(width, -1)
    for at in range(layers):
        start = f"layers.{at}."
        weights |= {
            f"{start}act_fun.0.grid": knots,
            f"{start}act_fun.0.coef": draw(width, width, 8),
            f"{start}act_fun.0.mask": torch.ones(width, width, dtype=torch.float64),
            f"{start}act_fun.0.scale_base": draw(width, width),
            f"{start}act_fun.0.scale_sp": draw(width, width),
            f"{start}node_bias_0": draw(width), f"{start}node_scale_0": draw(width),
            f"{start}subnode_bias_0": draw(width),
            f"{start}subnode_scale_0": draw(width),
            f"{start}symbolic_fun.0.mask": torch.zeros(width, width),
        }  # fmt: skip
    weights["layers.0.act_fun.0.mask"][1, 2] = 0.0
    return weights


def pykan_by_hand(w: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return what its equations, written out, make of the arrays."""
    x = x @ w["input.weight"].T + w["input.bias"]
    for at in range(2):
        layer = {
            n.split(".", 2)[2]: v for n, v in w.items() if n.startswith(f"layers.{at}")
        }
        spline = np.einsum("pim,ijm->pij", b_splines(x, 6, 2), layer["act_fun.0.coef"])
        base = (x / (1.0 + np.exp(-x)))[..., None]
        y = layer["act_fun.0.scale_base"] * base + layer["act_fun.0.scale_sp"] * spline
        x = (layer["act_fun.0.mask"] * y).sum(1)
        x = layer["subnode_scale_0"] * x + layer["subnode_bias_0"]
        x = layer["node_scale_0"] * x + layer["node_bias_0"]
    return x @ w["output.weight"].T + w["output.bias"]


def test_weights_of_pykan_give_its_numbers():
    weights = pykan_weights()
    network = kan_of(weights)
    x = torch.rand(20, 3, dtype=torch.float64) - 0.5
    expected = pykan_by_hand({n: w.numpy() for n, w in weights.items()}, x.numpy())
    y, _ = network.step(x, {})
    np.testing.assert_allclose(y.detach(), expected, rtol=1e-11, atol=1e-12)


def moved(weights):
    weights["layers.1.act_fun.0.grid"] = weights["layers.1.act_fun.0.grid"] * 1.1


def fixed(weights):
    weights["layers.0.symbolic_fun.0.mask"][0, 0] = 1.0


def without(name):
    return lambda weights: weights.pop(name)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            moved,
            r"layers.1.act_fun.0.grid: found knots 0.16\d* from where they are made",
        ),
        (fixed, r"layers.0.symbolic_fun.0.mask: found functions that were fixed"),
        (without("layers.1.node_bias_0"), "array 'layers.1.node_bias_0' is missing"),
        (without("output.weight"), "array 'output.weight' is missing"),
        (
            lambda w: w.update({"input.weight": torch.ones(4, 3)}),
            "expected 4 inputs and",
        ),
        (lambda w: w.clear(), "not the weights of a pykan"),
    ],
)
def test_weights_that_are_no_such_network_are_refused_by_name(damage, message):
    weights = pykan_weights()
    damage(weights)
    with pytest.raises(ConfigError, match=message):
        kan_of(weights)
