"""One step along a tree, compiled or level by level."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bmi_dmx.compose.part import Declarations
from bmi_dmx.errors import ConfigError
from bmi_dmx.kernels import build
from bmi_dmx.operate.fields import TreeStepper
from bmi_dmx.process import Process, Upstream
from bmi_dmx.program import Program
from bmi_dmx.program.trace import trace_step
from bmi_dmx.space import Points
from tests.scan.tree_cases import Case, Queue, Valve, Wave, case_of

BUSHY = [-1, *((k - 1) // 2 for k in range(1, 70)), -1, 70, 5]
PROCESSES = [Wave(), Queue()]


class Reaches:
    """A stepper of a process on the tree of a case, and its buffers."""

    def __init__(self, case: Case, *, shown: bool = False, scale: float = 1.0) -> None:
        process = case.process
        declared = Declarations.of(process)
        assert isinstance(process.coupling, Upstream)
        links = process.coupling.links
        n = len(case.process.space)
        program = trace_step(process)

        def name(label: str) -> str:
            is_own = label[0] in "sp" or label[2:] in links
            return f"{label[:2]}reaches/{label[2:]}" if is_own else label

        outputs = {name(n): x for n, x in program.outputs.items()}
        # What is recorded of states has a buffer of its own.
        recorded = {f"q.{s.name}": program.outputs[f"s.{s.name}"]
                    for s in process.states if s.size == 1}  # fmt: skip
        program = Program({name(n): x for n, x in program.inputs.items()},
                          program.instructions, {**outputs, **recorded})  # fmt: skip
        self.forcing = {f"f.{f.name}": np.zeros(n) for f in process.forcings
                        if f.name not in links}  # fmt: skip
        self.output = {n_: np.zeros(n) for n_ in program.fluxes}
        self.inflow = {f: np.zeros(n) for f in links} if shown else {}
        part: Any = SimpleNamespace(name="reaches", links=dict(links))
        self.stepper = TreeStepper(
            program, part, declared, process.space, self.forcing, self.output,
            {state: f"q.{state}" for state in links.values()},
            dict.fromkeys(links.values(), scale), self.inflow,
        )  # fmt: skip
        for kind, arrays, fields in (
            ("s", self.stepper.state, case.state),
            ("p", self.stepper.parameter, case.parameters),
        ):
            for variable, x in fields.items():
                array = arrays[f"{kind}.reaches/{variable}"]
                array[...] = x.detach().numpy()

    @property
    def compiled(self) -> bool:
        return self.stepper._advance != self.stepper._by_levels

    def run(self, case: Case, first: int = 0) -> dict[str, np.ndarray]:
        """Return all outputs of the steps from one on."""
        forcing = {f"f.{n}": x.detach().numpy() for n, x in case.forcing.items()}
        rows: dict[str, list[np.ndarray]] = {n: [] for n in self.output}
        for t in range(first, len(next(iter(forcing.values())))):
            for name, x in forcing.items():
                self.forcing[name][:] = x[t]
            assert not self.stepper.step()
            for name, x in self.output.items():
                rows[name].append(x.copy())
        return {name[2:]: np.stack(x) for name, x in rows.items()}


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Reaches]:
    """Make steppers as where there is no compiler."""

    def make(*arguments: Any, **options: Any) -> Reaches:
        with monkeypatch.context() as patched:
            patched.setattr(build, "load", lambda source: None)
            return Reaches(*arguments, **options)

    return make


@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: p.name)
def test_steps_are_those_of_the_series(process: Process) -> None:
    case = case_of(process, BUSHY, steps=12)
    reaches = Reaches(case)
    assert reaches.compiled
    arrays = reaches.run(case)
    recorded = [s.name for s in process.states if s.size == 1]
    outputs = [*(f.name for f in process.fluxes), *recorded]
    expected = case.run(outputs=outputs).outputs
    for name in outputs:
        series = expected[name][..., 0].detach().numpy()
        np.testing.assert_allclose(arrays[name], series, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("shown", [False, True])
@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: p.name)
def test_without_a_compiler_levels_make_the_same_numbers(
    process: Process, shown: bool, uncompiled: Callable[..., Reaches]
) -> None:
    case = case_of(process, BUSHY, steps=5)
    ours, plain = (
        maker(case, shown=shown, scale=0.5) for maker in (Reaches, uncompiled)
    )
    assert ours.compiled
    assert not plain.compiled
    arrays, expected = ours.run(case), plain.run(case)
    for name, x in (*expected.items(), *plain.inflow.items()):
        y = {**arrays, **ours.inflow}[name]
        np.testing.assert_allclose(y, x, rtol=1e-13, atol=1e-13)
    for name, x in plain.stepper.state.items():
        np.testing.assert_allclose(ours.stepper.state[name], x, rtol=1e-13, atol=1e-13)


def test_what_comes_from_upstream_is_shown() -> None:
    case = case_of(Wave(), [2, 0, -1, 0, 2], steps=1)
    reaches = Reaches(case, shown=True, scale=2.0)
    reaches.run(case)
    outflow = reaches.output["q.outflow"]
    both = [outflow[1] + outflow[3], 0.0, outflow[0] + outflow[4], 0.0, 0.0]
    np.testing.assert_allclose(reaches.inflow["inflow"], 2.0 * np.array(both))


@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: p.name)
def test_a_restart_continues_bit_for_bit(process: Process) -> None:
    case = case_of(process, BUSHY, steps=9)
    whole = Reaches(case).run(case)
    first, second = Reaches(case), Reaches(case)
    begun = Case(case.process, case.state,
                 {n: x[:4] for n, x in case.forcing.items()}, {})  # fmt: skip
    first.run(begun)
    for name, x in first.stepper.state.items():
        second.stepper.state[name][...] = x
    for name, x in second.run(case, 4).items():
        assert np.array_equal(x, whole[name][4:])


@pytest.mark.parametrize("group", ["state", "parameter", "forcing"])
@pytest.mark.parametrize("made", [True, False], ids=["compiled", "levels"])
def test_what_is_not_finite_is_told(
    group: str, made: bool, uncompiled: Callable[..., Reaches]
) -> None:
    case = case_of(Wave(), BUSHY, steps=1)
    reaches = (Reaches if made else uncompiled)(case)
    arrays = {"state": reaches.stepper.state, "parameter": reaches.stepper.parameter,
              "forcing": reaches.forcing}[group]  # fmt: skip
    next(iter(arrays.values()))[-1] = np.nan
    assert reaches.stepper.step()


def test_nothing_is_told_of_lanes_that_are_spare() -> None:
    """They have no inflow of their own to divide by."""
    case = case_of(Valve(), [-1, 0, 0, 0], steps=3)
    for x in (case.forcing["lateral"], case.parameters["least"]):
        x.data.fill_(0.3)
    case.forcing["lateral"].data[:, 0] = 0.0
    assert Reaches(case).run(case)["outflow"].min() > 0.0


def test_places_without_anything_below_them_are_refused() -> None:
    case = case_of(Wave(), [-1, 0], steps=1)
    case.process = Wave().on(Points(["a", "b"]))
    with pytest.raises(ConfigError, match="'reaches' needs places with one downstream"):
        Reaches(case)
