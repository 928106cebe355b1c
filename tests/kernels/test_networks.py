"""Networks over places: the kernels give what NumPy gives, at any number of places."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ScanError
from bmi_dmx.kernels import evaluator
from bmi_dmx.kernels.evaluator import NetworkProgram
from bmi_dmx.networks.kan import Kan
from bmi_dmx.networks.lstm import Lstm
from bmi_dmx.networks.mlp import Mlp
from bmi_dmx.program import Builder, Program, evaluate
from bmi_dmx.program.trace import BATCH, trace

PLACES = (1, 2, 16, 33)
INPUTS, OUTPUTS = 5, 7

NETWORKS = {
    "mlp": lambda: Mlp(INPUTS, OUTPUTS, hidden=(40, 9), activation="relu"),
    "mlp of one layer": lambda: Mlp(INPUTS, OUTPUTS, hidden=3, activation="gelu"),
    "lstm": lambda: Lstm(INPUTS, OUTPUTS, hidden=24, activation="silu"),
    "kan": lambda: Kan(INPUTS, OUTPUTS, grid=6, order=3),
    "kan apart": lambda: Kan(INPUTS, 2, grid=4, order=2, trunks="separate"),
}


def traced(kind: str) -> tuple[Program, dict[str, np.ndarray], dict[str, tuple[int]]]:
    """Return the program of a network, its weights, and the widths of its inputs."""
    torch.manual_seed(3)
    network = NETWORKS[kind]().double().eval()
    weights = {f"w.{n}": x.detach() for n, x in network.named_parameters()}
    memory = {f"s.{n}": width for n, width in network.memory.items()}

    def whole(inputs: Any) -> dict[str, torch.Tensor]:
        weights = {n[2:]: x for n, x in inputs.items() if n.startswith("w.")}
        past = {n[2:]: inputs[n] for n in memory}
        y, after = torch.func.functional_call(
            Step(network), named(weights), (inputs["x"], past)
        )
        return {"y": y, **{f"s.{n}": x for n, x in after.items()}}

    widths = {"x": INPUTS, **memory}
    examples = {
        n: torch.zeros(BATCH, k, dtype=torch.float64) for n, k in widths.items()
    }
    program = trace(whole, {**examples, **weights})
    arrays = {name: x.numpy() for name, x in weights.items()}
    return program, arrays, {name: (k,) for name, k in widths.items()}


class Step(torch.nn.Module):
    """One step of a network as its forward pass."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor, memory: dict[str, torch.Tensor]) -> Any:
        return self.network.step(x, memory)


def named(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"network.{name}": x for name, x in weights.items()}


def drawn(widths: dict[str, tuple[int, ...]], places: int) -> dict[str, np.ndarray]:
    numbers = np.random.default_rng(5)
    return {n: numbers.normal(size=(places, *width)) for n, width in widths.items()}


def room(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.full(x.shape, np.nan) for name, x in arrays.items()}


def compiled(
    program: Program,
    fixed: dict[str, np.ndarray],
    inputs: dict[str, np.ndarray],
    **more: Any,
) -> dict[str, np.ndarray]:
    """Return the outputs, which a kernel must have computed."""
    widths = {name: x.shape[1:] for name, x in inputs.items()}
    outputs = room(evaluate(program, {**fixed, **inputs}))
    call = NetworkProgram("it", program, fixed, widths).bind(inputs, outputs, **more)
    assert isinstance(call, evaluator._Call)
    assert not call()
    return outputs


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_kernel_gives_what_numpy_gives(kind: str, places: int) -> None:
    program, weights, widths = traced(kind)
    inputs = drawn(widths, places)
    expected = evaluate(program, {**weights, **inputs})
    for name, x in compiled(program, weights, inputs).items():
        np.testing.assert_allclose(x, expected[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", ["mlp", "lstm"])
def test_a_number_that_is_none_stays_with_its_place(kind: str) -> None:
    program, weights, widths = traced(kind)
    inputs = drawn(widths, 20)
    inputs["x"][17, 2] = np.nan
    expected = evaluate(program, {**weights, **inputs})
    for name, x in compiled(program, weights, inputs).items():
        bad = np.isnan(x).any(axis=1)
        np.testing.assert_array_equal(np.flatnonzero(bad), [17])
        np.testing.assert_array_equal(np.isnan(x), np.isnan(expected[name]))


def test_arrays_may_have_any_strides_and_be_written_where_they_are_read() -> None:
    program, weights, widths = traced("lstm")
    inputs = drawn(widths, 18)
    expected = evaluate(program, {**weights, **inputs})
    spaced = {n: np.repeat(x, 3, axis=0)[::3] for n, x in inputs.items()}
    y = np.zeros((OUTPUTS, 18)).T
    outputs = {"y": y, "s.hidden": spaced["s.hidden"], "s.cell": spaced["s.cell"]}
    NetworkProgram("it", program, weights, widths).bind(spaced, outputs)()
    for name, x in outputs.items():
        np.testing.assert_allclose(x, expected[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("places", [1, 19])
@pytest.mark.parametrize("kernel", [True, False])
def test_inputs_are_divided_first(
    places: int, kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, weights, widths = traced("mlp")
    inputs = drawn(widths, places)
    expected = evaluate(program, {**weights, "x": inputs["x"] / 24.0})["y"]
    if not kernel:
        monkeypatch.setattr(evaluator, "kernel_of", lambda _: None)
    y = np.zeros((places, OUTPUTS))
    NetworkProgram("it", program, weights, widths).bind(inputs, {"y": y}, {"x": 24.0})()
    np.testing.assert_allclose(y, expected, rtol=1e-12)


def shapes(build: Builder) -> dict[str, Any]:
    """Return what the operations on shapes make of x, (place, 6), and y, (place,)."""
    x, y, w = (build.input(name) for name in ("x", "y", "w"))
    mask = build.emit("gt", x, 0.0)
    table = build.emit("reshape", x, [-1, 2, 3])
    column = build.emit("expand_dims", y, 1)
    rows = build.emit("trunc", build.emit("mul", x, 4.0))
    turned = build.emit("transpose", table, [0, 2, 1])
    return {
        "turned": turned,
        "part": build.emit("slice", x, 1, 1, 6, 2),
        "last": build.emit("slice", x, -1, -2, 1000, 1),
        "joined": build.emit("cat", [x, column, build.emit("neg", x)], -1),
        "chosen": build.emit("where", mask, x, column),
        "kept": build.emit("mul", build.emit("where", mask, 1.0, 0.0), w),
        "sums": build.emit("sum", table, [2], 0),
        "largest": build.emit("amax", table, [1], 1),
        "mean": build.emit("mean", x, [1], 0),
        "rows": build.emit("rows", build.input("table"), rows),
        "taken": build.emit("take", x, 1, [4, 0, 4]),
        "one": build.emit("take", x, 1, -2),
        "one row": build.emit("take", turned, 2, 1),
        "product": build.emit("matmul", turned, table),
        "each": build.emit("matmul", table, build.input("square")),
        "same": build.emit("squeeze", build.emit("expand", column, [-1, 1]), 1),
        "straight": build.emit("reshape", turned, [-1, 6]),
        "rolled": build.emit("roll", x, [2], [-1]),
        "rolled back": build.emit("roll", table, [-1, 4], [1, 2]),
        "fixed": build.emit("add", build.emit("mul", y, 0.0001), 2.0),
    }  # fmt: skip


@pytest.mark.parametrize("places", PLACES)
def test_operations_on_shapes_do_what_they_do_in_numpy(places: int) -> None:
    build = Builder()
    program = build.build(shapes(build))
    numbers = np.random.default_rng(1)
    fixed = {
        "w": numbers.normal(size=6), "table": numbers.normal(size=(3, 4)),
        "square": numbers.normal(size=(3, 3)),
    }  # fmt: skip
    inputs = drawn({"x": (6,), "y": ()}, places)
    inputs["x"][0, 0] = np.nan
    expected = evaluate(program, {**fixed, **inputs})
    outputs = compiled(program, fixed, inputs)
    for name, x in outputs.items():
        if name != "rows":
            np.testing.assert_allclose(x, expected[name], rtol=1e-13, err_msg=name)
    real = np.isfinite(inputs["x"])
    np.testing.assert_array_equal(outputs["rows"][real], expected["rows"][real])


def test_what_has_no_c_form_is_evaluated_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    build = Builder()
    rolled = build.emit("roll", build.input("x"), [1], [0])
    program = build.build({"y": rolled})
    inputs = drawn({"x": (4,)}, 3)
    whole = NetworkProgram("network 'it'", program, {}, {"x": (4,)})
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            y = np.zeros((3, 4))
            whole.bind(inputs, {"y": y})()
            np.testing.assert_array_equal(y, np.roll(inputs["x"], 1, 0))
    assert [r.getMessage() for r in caplog.records] == [
        "network 'it' is evaluated in NumPy, which is slower: places change their order"
    ]


def test_sums_over_places_have_no_c_form() -> None:
    build = Builder()
    total = build.emit("sum", build.input("x"), [0], 1)
    program = build.build({"y": build.emit("sub", build.input("x"), total)})
    inputs = drawn({"x": (4,)}, 3)
    y = np.zeros((3, 4))
    NetworkProgram("it", program, {}, {"x": (4,)}).bind(inputs, {"y": y})()
    np.testing.assert_allclose(y, inputs["x"] - inputs["x"].sum(0))


def test_arrays_that_do_not_fit_are_refused() -> None:
    program, weights, widths = traced("mlp")
    whole = NetworkProgram("it", program, weights, widths)
    inputs = drawn(widths, 2)
    with pytest.raises(ScanError, match="'y' has 7 entries, found room for 6"):
        whole.bind(inputs, {"y": np.zeros((2, 6))})
    with pytest.raises(ScanError, match="'x' is float32, expected float64"):
        whole.bind({"x": inputs["x"].astype("f4")}, {"y": np.zeros((2, 7))})
