"""Divisions by the same number are one division."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.program import Builder, Program, evaluate
from bmi_dmx.program.divisions import shared_divisions
from tests.kernels.test_random_programs import programs


def divisors(program: Program) -> list[str]:
    return [i.args[1] for i in program.instructions
            if i.op == "div" and isinstance(i.args[1], str)]  # fmt: skip


@given(program=programs(), seed=st.integers(0, 99))
def test_nobody_is_divided_by_twice_and_numbers_stay(
    program: Program, seed: int
) -> None:
    shared = shared_divisions(program)
    denominators = divisors(shared)
    assert len(denominators) == len(set(denominators))
    assert set(denominators) == set(divisors(program))
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=(7, 2)) for name in program.inputs}
    expected, ours = evaluate(program, values), evaluate(shared, values)
    for name, x in expected.items():
        np.testing.assert_allclose(ours[name], x, rtol=1e-12, atol=1e-12)


def test_only_what_is_divided_by_again_is_inverted() -> None:
    builder = Builder()
    x, y, z = map(builder.input, ("f.x", "f.y", "f.z"))
    outputs = {
        "q.a": builder.emit("div", x, z), "q.b": builder.emit("div", y, z),
        "q.c": builder.emit("div", x, y), "q.d": builder.emit("div", x, 3.0),
        "q.e": builder.emit("div", y, 3.0),
    }  # fmt: skip
    shared = shared_divisions(builder.build(outputs))
    assert [i.op for i in shared.instructions] == [
        "div", "mul", "mul", "div", "div", "div",
    ]  # fmt: skip
    assert shared.instructions[0].args == (1.0, z)
