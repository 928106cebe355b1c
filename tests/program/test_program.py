"""Programs are plain data that mean the same in PyTorch, NumPy and C."""

from __future__ import annotations

import json
import math
import operator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bmi_dmx.errors import BundleError, ScanError
from bmi_dmx.process import Process
from bmi_dmx.program import Builder, Program, evaluate
from bmi_dmx.program.ops import OPS, fold
from bmi_dmx.program.trace import BATCH, trace, trace_adjoint, trace_step
from bmi_dmx.scan import scan
from bmi_dmx.variables import Flux, Forcing, Parameter
from tests.scan.cases import PROCESSES, some_case

X = torch.linspace(-0.9, 0.9, 11, dtype=torch.float64)[:, None]
FUNCTIONS: dict[str, Any] = {
    "arithmetic": lambda x, p: (x + p) * (x - p) / (2.0 + p) - (-x),
    "reversed": lambda x, p: 3.0 - x + 2.0 / (2.0 + p),
    "powers": lambda x, p: (
        x**2 + x**3 + (x + 1) ** 0.5 + (x + 1) ** 1.7 + (x + 2) ** -1
    ),
    "learned power": lambda x, p: (x + 1.0) ** p,
    "learned power of nothing": lambda x, p: torch.relu(x) ** (p - 0.5),
    "nothing to the power of nothing": lambda x, p: torch.relu(x) ** (p - 1.5),
    "whole powers of any sign": lambda x, p: x**4 + x**9 - (x - 2.0) ** -3,
    "exponentials": lambda x, p: torch.exp(x) + torch.log(x + 1) + torch.sqrt(x + 1),
    "near one": lambda x, p: torch.expm1(x) + torch.log1p(x),
    "angles": lambda x, p: torch.sin(x) + torch.cos(x) * torch.tan(x) + torch.acos(x),
    "squashing": lambda x, p: torch.sigmoid(5 * x) + torch.tanh(3 * x),
    "kinks": lambda x, p: torch.relu(x) + torch.abs(x) + torch.clamp(x, -0.5, 0.4),
    "larger": lambda x, p: torch.maximum(x, p - 1) - torch.minimum(x, 0.1 * p),
    "choices": lambda x, p: torch.where((x > 0) & (x < 0.5) | ~(x >= -0.3), x * p, p),
    "equality": lambda x, p: torch.where((x == 0.0) | (x != p), x, 2.0 * x),
    "masks as numbers": lambda x, p: (x > 0).to(x.dtype) * p + torch.sign(x),
    "numbers as masks": lambda x, p: torch.where(x.bool() & (x < 0.3), p, x),
    "sums of masks": lambda x, p: ((x > 0) + (x > 0.2)) * p + (x > 0) * (x < 0.3) * x,
    "choices of masks": lambda x, p: (
        (torch.where(x > 0, x < 0.5, x > -0.5) & (x != 0.1)) * p
    ),
    "infinity": lambda x, p: torch.where(x > 0, torch.full_like(x, torch.inf), p).clamp(
        max=3.0
    ),
    "fills": lambda x, p: x.masked_fill(x <= 0, 0.5) + torch.zeros_like(x) + p,
    "constant tensors": lambda x, p: (
        torch.minimum(x, torch.tensor(0.25)) * p
        + x.masked_fill(x < 0, torch.tensor(0.5, dtype=x.dtype))
    ),
    "masks that hold everywhere": lambda x, p: torch.where(
        torch.ones_like(x, dtype=torch.bool) & (x > 0), x, p
    ),
    "masks that hold nowhere": lambda x, p: torch.where(
        torch.zeros_like(x, dtype=torch.bool) | (x > 0), x, p
    ),
    "logic of numbers": lambda x, p: torch.where(torch.logical_and(x, p), x * p, 1.0),
    "gates": lambda x, p: torch.nn.functional.silu(x) * torch.lerp(x, p, x.sigmoid()),
    "roots": lambda x, p: torch.rsqrt(x + 1) + torch.reciprocal(p) + torch.square(x),
}


HALF = torch.tensor(0.5, dtype=torch.float64)
LEARNED = torch.tensor(0.5, requires_grad=True)


def process_of(function: Any) -> Process:
    class Plain(Process):
        forcings = (Forcing(name="x"),)
        parameters = (Parameter(name="p"),)
        fluxes = (Flux(name="y"),)

        def step(
            self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
        ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
            return {}, {"y": function(f.x, p.p)}

    return Plain()


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_an_expression_is_the_same_everywhere(function: Any) -> None:
    process = process_of(function)
    p = torch.full((1, 1), 1.5, dtype=torch.float64, requires_grad=True)
    x = X.clone().requires_grad_()
    expected = function(x, p)
    y = scan(process, None, {"x": x}, {"p": p}, backend="cells").outputs["y"]
    torch.testing.assert_close(y[..., 0], expected, rtol=1e-13, atol=1e-14)
    ones = torch.ones_like(expected)
    for ours, theirs in zip(
        torch.autograd.grad(y, [x, p], ones[..., None], materialize_grads=True),
        torch.autograd.grad(expected, [x, p], ones, materialize_grads=True),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)
    values = {"f.x": x.detach().numpy(), "p.p": p.detach().numpy()}
    (numpy_,) = evaluate(trace_step(process), values).values()
    np.testing.assert_allclose(
        numpy_, expected.detach().numpy(), rtol=1e-13, atol=1e-14
    )


def test_every_elementwise_operation_is_covered_by_an_expression() -> None:
    operations = {
        i.op
        for function in FUNCTIONS.values()
        for program in (
            trace_step(process_of(function)),
            trace_adjoint(process_of(function), ["q.y"]),
        )
        for i in program.instructions
    }
    assert {name for name, op in OPS.items() if op.c} - operations == set()


def test_an_operation_without_translation_is_named() -> None:
    with pytest.raises(ScanError, match="operation 'erfinv' cannot be compiled"):
        trace_step(process_of(lambda x, p: torch.erfinv(x)))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x, p: torch.div(x, p, rounding_mode="floor"),
            "'div' with round",
        ),
        (lambda x, p: x.half() * p, r"cannot be made torch\.float16"),
        (lambda x, p: x - x.sum(), "operation 'sum' is not elementwise"),
        (lambda x, p: x if x > 0 else p, r"torch\.where in place of if: Boolean value"),
        (lambda x, p: x if (x > 0).any() else p, "data-dependent control flow"),
        (lambda x, p: x * p.mean().item(), "data-dependent control flow"),
        (lambda x, p: x * np.mean(p.detach().numpy()), r"taken out by numpy\(\)"),
        (lambda x, p: x * np.asarray(p.detach()).mean(), r"out by __array__\(\)"),
        (lambda x, p: x * sum(p.tolist()), r"taken out by tolist\(\)"),
        (lambda x, p: x + torch.tensor([1.0, 2.0])[0], r"tensor of shape \(2,\)"),
        (lambda x, p: x.mul_(p), r"write x = x \+ y, not x \+= y"),
        (lambda x, p: (x * p).index_put_((x > 0,), HALF), "not x.mask. = y"),
        (lambda x, p: x * LEARNED, "from outside the step has a gradient"),
    ],
)
def test_what_cannot_be_compiled_is_refused_in_the_name_of_its_process(
    function: Any, message: str
) -> None:
    arguments = {"x": X}, {"p": torch.tensor([[1.5]], dtype=torch.float64)}
    with pytest.raises(ScanError, match=f"^Plain.step.*{message}"):
        scan(process_of(function), None, *arguments, backend="cells")


@pytest.mark.parametrize(
    "function",
    [
        lambda x, p: torch.clamp(torch.log(x), min=-2.0),
        lambda x, p: torch.relu(torch.log(x)),
        lambda x, p: torch.maximum(torch.log(x), p),
        lambda x, p: torch.minimum(p, torch.sqrt(x)),
    ],
)
def test_the_larger_of_a_number_and_none_is_none(function: Any) -> None:
    arguments = {"x": X}, {"p": torch.tensor([[1.5]], dtype=torch.float64)}
    answers = [
        scan(process_of(function), None, *arguments, backend=backend).outputs["y"]
        for backend in ("cells", "reference")
    ]
    assert answers[0].isnan().any()
    torch.testing.assert_close(*answers, equal_nan=True)


@pytest.mark.parametrize("backend", ["cells", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_step_may_ask_for_the_type_of_its_numbers(
    dtype: torch.dtype, backend: str
) -> None:
    process = process_of(lambda x, p: torch.log(x.clamp(torch.finfo(x.dtype).tiny)))
    x, p = X.to(dtype), torch.ones(1, 1, dtype=dtype)
    y = scan(process, None, {"x": x}, {"p": p}, backend=backend).outputs["y"]
    assert y.min() == pytest.approx(np.log(torch.finfo(dtype).tiny))


@pytest.mark.parametrize("backend", ["cells", "reference"])
@pytest.mark.parametrize("function", [lambda x, p: x > 0, lambda x, p: x.double() * p])
def test_an_output_has_the_type_of_the_run(function: Any, backend: str) -> None:
    x, p = X.float(), torch.ones(1, 1)
    ran = scan(process_of(function), None, {"x": x}, {"p": p}, backend=backend)
    assert ran.outputs["y"].dtype == torch.float32
    assert torch.equal(ran.outputs["y"][..., 0], function(x, p).float())


def test_a_network_runs_for_any_number_of_rows() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(3, 8),
        torch.nn.Tanh(),
        torch.nn.Linear(8, 4),
        torch.nn.Softmax(1),
    ).double()
    weights = {f"w.{n}": w for n, w in network.named_parameters()}

    def run(values: Any) -> dict[str, Tensor]:
        tensors = {n[2:]: w for n, w in values.items() if n.startswith("w.")}
        return {"y": torch.func.functional_call(network, tensors, (values["x"],))}

    with torch.no_grad():
        any_rows = torch.zeros(1, 3, dtype=torch.float64).expand(BATCH, 3)
        program = trace(run, {"x": any_rows, **weights})
        for rows in (1, 7):
            x = torch.rand(rows, 3, dtype=torch.float64)
            arrays = {n: w.detach().numpy() for n, w in weights.items()}
            y = evaluate(program, {"x": x.numpy(), **arrays})["y"]
            np.testing.assert_allclose(y, network(x).numpy(), rtol=1e-13)


@pytest.mark.parametrize("reduction", [Tensor.sum, Tensor.mean, Tensor.amax])
def test_a_reduction_without_axes_is_over_all_of_them(reduction: Any) -> None:
    table = torch.rand(3, 4, dtype=torch.float64)
    program = trace(lambda values: {"y": reduction(values["table"])}, {"table": table})
    y = evaluate(program, {"table": table.numpy()})["y"]
    np.testing.assert_allclose(y, reduction(table).numpy(), rtol=1e-14)
    assert y.shape == ()


@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: p.name)
def test_a_program_survives_json(process: Process) -> None:
    program = trace_step(process)
    again = Program.from_json(json.loads(json.dumps(program.to_json())))
    assert again.to_json() == program.to_json()
    assert dict(again.inputs) == dict(program.inputs)


def test_tracing_twice_gives_the_same_program() -> None:
    first, second = trace_step(PROCESSES[0]), trace_step(type(PROCESSES[0])())
    assert first.to_json() == second.to_json()


def test_tracing_leaves_random_numbers_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    trace_step(PROCESSES[0])
    assert torch.equal(before, torch.get_rng_state())


DAMAGE: dict[str, tuple[Any, str]] = {
    "unknown operation": (lambda d: d["instructions"][0].__setitem__(1, "system"),
                          "unknown operation 'system'"),
    "use before assignment": (lambda d: d["instructions"].reverse(),
                              "is used before assignment"),
    "name that is no value": (lambda d: d["instructions"][0].__setitem__(0, "v1;"),
                              "is not a value name"),
    "text argument": (lambda d: d["instructions"][0].__setitem__(2, ["x", 1.0]),
                      "value 'x' is used before assignment"),
    "twice assigned": (lambda d: d["instructions"].append(d["instructions"][0]),
                       "is assigned twice"),
    "no outputs": (lambda d: d.pop("outputs"), "not a program"),
    "operation that is a list": (lambda d: d["instructions"][0].__setitem__(1, ["add"]),
                                 "unknown operation"),
    # NumPy would take the third for where to write.
    "one argument more": (lambda d: d["instructions"][0][2].append(1.0),
                          "with 3 arguments, expected 2"),
    "digits of another alphabet": (
        lambda d: d["instructions"][0].__setitem__(0, "v\uff19"),
        "is not a value name"),
    "infinite constant": (lambda d: d["outputs"].update(x=float("inf")),
                          "inf is not an argument"),
    "list of outputs": (lambda d: d["outputs"].update(x=[1.0]), "is not an output"),
    "endless range": (
        lambda d: d["instructions"].append(["v999", "arange", [0, 1e9, 1]]),
        "'arange' of too many numbers"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_programs_are_refused(spoil: Any, message: str) -> None:
    data = json.loads(json.dumps(trace_step(PROCESSES[0]).to_json()))
    spoil(data)
    with pytest.raises(BundleError, match=message):
        Program.from_json(data, "programs.json")


MEANINGS: dict[str, Any] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "abs": abs,
    "sigmoid": lambda x: 1.0 / (1.0 + math.exp(-x)),
    "maximum": max,
    "minimum": min,
    "where": lambda mask, x, y: x if mask else y,
    **{op: getattr(math, op) for op in (
        "exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "acos", "tanh")},
}  # fmt: skip
"""What the operations on numbers mean, by the standard library."""

numbers = st.floats(-4, 4).map(lambda x: round(x, 2))


@given(st.sampled_from(sorted(MEANINGS)), numbers, numbers, numbers)
def test_constants_fold_to_what_the_operation_means(
    op: str, a: float, b: float, c: float
) -> None:
    args = (a, b, c)[: OPS[op].arguments[0]]
    try:
        meant = MEANINGS[op](*args)
    except (ArithmeticError, ValueError):  # no finite number, which no program may hold
        meant = None
    folded = fold(op, args)
    assert folded == (None if meant is None else pytest.approx(meant, rel=1e-15, abs=0))


def test_the_meaning_of_every_operation_on_numbers_is_tested() -> None:
    assert set(MEANINGS) == {n for n, op in OPS.items() if op.c and not op.boolean}


def test_equal_expressions_are_computed_once() -> None:
    builder = Builder()
    x = builder.input("x")
    assert builder.emit("exp", x) == builder.emit("exp", x)
    builder.emit("log", x)
    program = builder.build({"y": builder.emit("exp", x)})
    assert [i.op for i in program.instructions] == ["exp"]


def test_an_input_declared_again_is_the_same() -> None:
    builder = Builder()
    x = builder.input("x")
    y = builder.emit("exp", x)
    assert builder.input("x") == x
    program = builder.build({"y": builder.emit("add", y, builder.input("x"))})
    assert evaluate(program, {"x": np.zeros(1)})["y"] == 1.0


def test_a_missing_input_is_named() -> None:
    with pytest.raises(ScanError, match=r"program input 's.snowpack' is missing"):
        evaluate(trace_step(PROCESSES[0]), {})


def test_state_is_recomputed_not_stored() -> None:
    """The saved history of 400 steps is a few per cent of the states themselves."""
    case = some_case(PROCESSES[0], steps=400, locations=16, members=4, gradient=True)
    arguments = (case.process, case.state, case.forcing, case.parameters)
    scan(*arguments, outputs=["runoff"])  # compiled; tracing has tensors of its own
    saved: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda x: saved.append(x) or x, lambda x: x
    ):
        scan(*arguments, outputs=["runoff"])
    inputs = {x.data_ptr() for x in case.leaves()}
    history = sum(x.numel() for x in saved if x.data_ptr() not in inputs)
    assert history <= 5 * 16 * 4 * 400 * 0.06


def test_whole_numbers_are_refused_not_rounded_in_another_way() -> None:
    process = process_of(lambda x, p: x.to(torch.int64) * p)
    with pytest.raises(ScanError, match=r"cannot be made torch\.int64"):
        trace_step(process)


def test_a_program_on_shapes_is_no_time_step() -> None:
    build = Builder()
    x = build.input("x")
    program = build.build({"y": build.emit("matmul", x, x)})
    with pytest.raises(BundleError, match="a: operation 'matmul' is not elementwise"):
        program.refuse_shaped("a")


def test_a_number_is_no_flux() -> None:
    process = process_of(lambda x, p: 0.0)
    for backend in ("cells", "reference"):
        with pytest.raises(
            ScanError, match=r"returned 0\.0 for 'y', expected a tensor"
        ):
            scan(process, None, {"x": X}, {"p": 1.0}, backend=backend)


@pytest.mark.parametrize("size", [len, Tensor.numel, lambda x: x.shape[0]])
def test_sizes_of_tensors_are_no_numbers(size: Any) -> None:
    with pytest.raises(ScanError, match=r"step: 'y' depends on how many cells there"):
        trace_step(process_of(lambda x, p: x * p / size(x)))
    program = trace_step(process_of(lambda x, p: x * p + torch.ones(size(x))))
    assert [i.op for i in program.instructions] == ["mul", "add"]


@pytest.mark.parametrize("backend", ["cells", "reference"])
@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (({"w": X}, {"y": X}), "returned state 'w', which is not declared"),
        (({}, {"y": X, "z": X}), "returned flux 'z', which is not declared; known: y"),
    ],
)
def test_what_a_step_returns_is_declared(
    returned: Any, message: str, backend: str
) -> None:
    process = process_of(lambda x, p: x)
    object.__setattr__(process, "step", lambda s, f, p: returned)
    with pytest.raises(ScanError, match=message):
        scan(process, None, {"x": X}, {"p": 1.0}, backend=backend)


def test_tracing_does_not_see_the_hooks_of_the_caller() -> None:
    process = process_of(lambda x, p: x * p)
    with torch.autograd.graph.save_on_cpu(), torch.inference_mode():
        assert trace_adjoint(process, ["q.y"]).instructions
