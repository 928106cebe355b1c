"""What a step and its adjoint both compute is computed once."""

from __future__ import annotations

import numpy as np

from bmi_dmx.models.hydrology.hbv import Hbv11p
from bmi_dmx.program import Program
from bmi_dmx.program.evaluate import evaluate
from bmi_dmx.program.shared_values import shared_functions
from bmi_dmx.program.trace import trace_adjoint, trace_step

STEP = trace_step(Hbv11p())
ADJOINT = trace_adjoint(Hbv11p(), ("q.runoff",))
SHARED = shared_functions(STEP, ADJOINT)


def count(program: Program, op: str) -> int:
    return sum(i.op == op for i in program.instructions)


def test_functions_of_the_step_are_left_to_it() -> None:
    assert count(ADJOINT, "log") == count(STEP, "log") == 2
    assert count(SHARED.adjoint, "log") == 0
    assert count(SHARED.adjoint, "exp") == count(ADJOINT, "exp") - count(STEP, "exp")
    assert set(SHARED.tape) == SHARED.adjoint.inputs.keys() - ADJOINT.inputs.keys()


def test_gradients_are_the_same_to_the_last_bit() -> None:
    random = np.random.default_rng(0)
    inputs = {name: random.uniform(0.1, 9.0, 50) for name in ADJOINT.inputs}
    expected = evaluate(ADJOINT, inputs)
    outputs = evaluate(SHARED.step, {n: inputs[n] for n in STEP.inputs})
    tape = {name: outputs[name] for name in SHARED.tape}
    gradients = evaluate(SHARED.adjoint, inputs | tape)
    assert expected.keys() == gradients.keys()
    for name, gradient in expected.items():
        assert np.array_equal(gradient, gradients[name]), name


def test_a_step_gives_what_it_gave() -> None:
    assert SHARED.step.select(STEP.outputs) == STEP


def test_a_step_that_is_not_the_one_of_the_adjoint_shares_nothing_of_it() -> None:
    other = Program({"s.x": "a"}, (), {"s.x": "a"})
    assert shared_functions(other, ADJOINT).tape == ()
