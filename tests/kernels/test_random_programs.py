"""Whatever a program computes, its kernel computes what NumPy does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.kernels.stepper import Stepper
from bmi_dmx.program import Arg, Builder, Program, evaluate

INPUTS = ("s.a", "s.b", "f.x", "f.y", "p.k", "p.m")
PLACES, MEMBERS = 21, 3

SMOOTH = ("neg", "abs", "sin", "cos", "tanh", "sigmoid")
"""Bounded, or as large as what goes in."""
PAIRS = ("add", "sub", "maximum", "minimum")
COMPARISONS = ("gt", "ge", "lt", "le", "ne", "eq")

values = st.integers(0, 10**6)
constants = st.floats(-2.0, 2.0).map(lambda x: round(x, 3))


def _guarded(builder: Builder, op: str, x: Arg, y: Arg) -> Arg:
    """Return an operation that is not defined everywhere, where it is."""
    small = builder.emit("tanh", x)
    positive = builder.emit("add", 0.1, builder.emit("abs", x))
    match op:
        case "div":
            return builder.emit("div", y, builder.emit("add", 1.0, positive))
        case "log" | "sqrt":
            return builder.emit(op, positive)
        case "mul":
            return builder.emit("mul", small, y)
        case "log1p" | "acos":
            return builder.emit(op, builder.emit("mul", 0.9, small))
    return builder.emit(op, small)  # exp, expm1, tan


GUARDED = ("mul", "div", "log", "sqrt", "log1p", "acos", "exp", "expm1", "tan")


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Draw a program over two states, two forcings and two parameters."""
    builder = Builder()
    operands: list[Arg] = [builder.input(name) for name in INPUTS]
    first = list(operands)

    def one() -> Arg:
        # Late values come more often, or half of the program would be dead.
        return operands[-1 - draw(values) % min(len(operands), 9)]

    def mask() -> Arg:
        # Of inputs alone: what rounding may turn over says nothing about the kernel.
        operand = first[draw(values) % len(first)]
        return builder.emit(
            draw(st.sampled_from(COMPARISONS)), operand, draw(constants)
        )

    for _ in range(draw(st.integers(4, 24))):
        kind = draw(st.sampled_from(["smooth", "pair", "guarded", "where", "number"]))
        if kind == "smooth":
            new = builder.emit(draw(st.sampled_from(SMOOTH)), one())
        elif kind == "pair":
            # Halved: sums of sums would grow, and lose their digits when they cancel.
            pair = builder.emit(draw(st.sampled_from(PAIRS)), one(), one())
            new = builder.emit("mul", 0.5, pair)
        elif kind == "guarded":
            new = _guarded(builder, draw(st.sampled_from(GUARDED)), one(), one())
        elif kind == "where":
            both = builder.emit(draw(st.sampled_from(["and", "or"])), mask(), mask())
            condition = builder.emit("not", both) if draw(st.booleans()) else both
            new = builder.emit("where", condition, one(), one())
        else:
            new = builder.emit(draw(st.sampled_from(PAIRS)), one(), draw(constants))
        operands.append(new)
    outputs = dict(zip(["s.a", "s.b", "q.u", "q.v"], operands[-4:], strict=True))
    return builder.build(outputs)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@settings(max_examples=12)
@given(program=programs(), seed=st.integers(0, 99))
def test_a_kernel_is_its_program(dtype: str, program: Program, seed: int) -> None:
    rng = np.random.default_rng(seed)
    outputs = ["q.u", "q.v"]
    stepper = Stepper(program, PLACES, MEMBERS, outputs, dtype)
    assert stepper.compiled
    inputs = {
        name: rng.normal(0.0, 1.0, (PLACES, 1 if name[0] == "f" else MEMBERS))
        for name in program.inputs
    }
    for name, x in inputs.items():
        if name[0] == "f":
            stepper.forcing[name][:] = x[:, 0]
        else:
            {"s": stepper.state, "p": stepper.parameter}[name[0]][name][:] = x
    assert not stepper.step()
    exact = {
        name: np.broadcast_to(x, (PLACES, MEMBERS))
        for name, x in evaluate(program, inputs).items()
    }
    tolerance = {"float64": 1e-10, "float32": 1e-3}[dtype]
    for name in ("s.a", "s.b"):
        np.testing.assert_allclose(
            stepper.state[name], exact[name], rtol=tolerance, atol=tolerance
        )
    for name in outputs:
        np.testing.assert_allclose(
            stepper.output[name], exact[name].mean(1), rtol=tolerance, atol=tolerance
        )
