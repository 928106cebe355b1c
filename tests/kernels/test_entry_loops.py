"""Entries that are made alike are one loop, with the numbers of their statements."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from bmi_dmx.kernels.layout import Layout
from bmi_dmx.kernels.print_c import source
from bmi_dmx.kernels.stepper import Stepper
from bmi_dmx.program import Arg, Builder, Program, evaluate

SIZE = 70
Entry = Callable[[Builder, list[Arg], list[Arg], Arg, int], Arg]


def shifted(build: Builder, s: list[Arg], w: list[Arg], x: Arg, k: int) -> Arg:
    """Return what moves on by one entry, and what comes in."""
    share = build.emit("mul", w[k], x)
    return build.emit("add", s[k + 1], share) if k + 1 < SIZE else share


def held_back(build: Builder, s: list[Arg], w: list[Arg], x: Arg, k: int) -> Arg:
    """Return what comes from the entry before, which is written first."""
    return build.emit("add", s[k - 1], w[k]) if k else x


def bounded(build: Builder, s: list[Arg], w: list[Arg], x: Arg, k: int) -> Arg:
    """Return what is made of one entry, within bounds."""
    most = build.emit("minimum", build.emit("mul", s[k], w[k]), 2.0)
    return build.emit("maximum", 0.5, most)


def chosen(build: Builder, s: list[Arg], w: list[Arg], x: Arg, k: int) -> Arg:
    """Return what depends on a truth about the entry."""
    return build.emit("where", build.emit("gt", s[k], 0.0), w[k], x)


def program_of(entry: Entry) -> Program:
    build = Builder()
    s = [build.input(f"s.line.{k}") for k in range(SIZE)]
    x = build.input("f.supply")
    w = [build.input(f"p.weight.{k}") for k in range(SIZE)]
    doubled = build.emit("mul", x, 2.0)
    outputs = {f"s.line.{k}": entry(build, s, w, doubled, k) for k in range(SIZE)}
    outputs["q.first"] = build.emit("add", s[0], s[SIZE - 1])
    return build.build(outputs)


@pytest.mark.parametrize("locations", [1, 3])
@pytest.mark.parametrize("entry", [shifted, held_back, bounded, chosen])
def test_steps_are_those_of_numpy(entry: Entry, locations: int) -> None:
    program = program_of(entry)
    stepper = Stepper(program, locations, 1, ["q.first"])
    assert stepper.compiled
    numbers = np.random.default_rng(2)
    line, weight = numbers.normal(size=(2, SIZE, locations, 1))
    stepper.state["s.line"][...], stepper.parameter["p.weight"][...] = line, weight
    for _ in range(3):
        supply = stepper.forcing["f.supply"]
        supply[:] = numbers.normal(size=locations)
        inputs = {f"s.line.{k}": x for k, x in enumerate(line)}
        inputs |= {f"p.weight.{k}": x for k, x in enumerate(weight)}
        outputs = evaluate(program, {**inputs, "f.supply": supply[:, None]})
        assert not stepper.step()
        line = np.stack([outputs[f"s.line.{k}"] for k in range(SIZE)])
        np.testing.assert_allclose(
            stepper.state["s.line"], line, rtol=1e-14, atol=1e-15
        )
        expected = outputs["q.first"][:, 0]
        np.testing.assert_allclose(stepper.output["q.first"], expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("entry", "loops"), [(shifted, 1), (bounded, 1), (held_back, 0), (chosen, 0)]
)
def test_only_what_may_be_written_in_order_is_a_loop(entry: Entry, loops: int) -> None:
    program = program_of(entry)
    layout = Layout.of(program, ["q.first"], together=True)
    text = source(layout, program, None, double=True, lanes=1)
    # In both functions of a step.
    assert len(re.findall(r"\b(?:s|next)\[k\] =", text)) == 2 * loops


def test_a_long_delay_is_a_short_text() -> None:
    program = program_of(shifted)
    layout = Layout.of(program, ["q.first"], together=True)
    alone = source(layout, program, None, double=True, lanes=1)
    together = source(layout, program, None, double=True, lanes=16)
    assert "s[k] = (s[k + 1] + (p[k + 0] * v" in alone
    assert len(alone) < len(together) - 4 * SIZE * 20
