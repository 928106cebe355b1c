"""What is the same at every step is taken out of a program, and no number changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.program import Builder, Program, evaluate
from bmi_dmx.program.hoist import hoisted
from bmi_dmx.program.ops import OPS
from tests.kernels.test_random_programs import INPUTS, programs

FIXED = st.sets(st.sampled_from(INPUTS))


@given(program=programs(), fixed=FIXED, seed=st.integers(0, 99))
def test_both_programs_together_are_the_one(
    program: Program, fixed: set[str], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=(7, 2)) for name in program.inputs}
    apart = hoisted(program, fixed, "made.")
    once = evaluate(
        apart.once,
        {n: x for n, x in values.items() if n in fixed}
        | {n: np.full((7, 2), np.nan) for n in INPUTS if n not in fixed},
    )
    outputs = evaluate(apart.step, {**values, **once})
    expected = evaluate(program, values)
    for name, x in expected.items():
        np.testing.assert_array_equal(outputs[name], x)
    assert all(np.isfinite(x).all() for x in once.values())


@given(program=programs(), fixed=FIXED)
def test_nothing_is_left_that_could_be_taken_out(
    program: Program, fixed: set[str]
) -> None:
    apart = hoisted(program, fixed, "made.")
    constants = {v for n, v in program.inputs.items() if n in fixed}
    products = {v for n, v in apart.step.inputs.items() if n not in program.inputs}
    for instruction in apart.step.instructions:
        operands = {a for a in instruction.args if isinstance(a, str)}
        # Masks are repeated where they are used.
        if not OPS[instruction.op].boolean:
            assert not operands or not operands <= constants | products
        elif operands <= constants | products:
            constants.add(instruction.out)
    # And nothing that no step needs.
    arguments = {a for i in apart.step.instructions for a in i.args}
    arguments |= set(apart.step.outputs.values())
    assert products <= arguments
    assert all(name.startswith("made.") for name in apart.once.outputs)


def masked() -> Program:
    builder = Builder()
    k, x = builder.input("p.k"), builder.input("f.x")
    large = builder.emit("gt", builder.emit("exp", k), 2.0)
    return builder.build(
        {"q.y": builder.emit("where", large, x, k), "q.k": builder.emit("exp", k)}
    )


@pytest.mark.parametrize(
    ("fixed", "operations"),
    [(set(), ["exp", "gt", "where"]), ({"p.k"}, ["gt", "where"]),
     ({"f.x"}, ["exp", "gt", "where"])],
)  # fmt: skip
def test_masks_are_made_of_what_was_taken_out(
    fixed: set[str], operations: list[str]
) -> None:
    apart = hoisted(masked(), fixed, "made.")
    assert [i.op for i in apart.step.instructions] == operations
    assert [i.op for i in apart.once.instructions] == (
        ["exp"] if "p.k" in fixed else []
    )
    x = {"p.k": np.array([0.1, 3.0]), "f.x": np.array([5.0, 6.0])}
    outputs = evaluate(apart.step, {**x, **evaluate(apart.once, x)})
    np.testing.assert_array_equal(outputs["q.y"], [0.1, 6.0])
    np.testing.assert_array_equal(outputs["q.k"], np.exp(x["p.k"]))
