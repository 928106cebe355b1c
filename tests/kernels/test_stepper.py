"""The compiled single step continues where the batch run would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ScanError
from bmi_dmx.kernels import build
from bmi_dmx.kernels import stepper as stepper_module
from bmi_dmx.kernels.stepper import Stepper
from bmi_dmx.process import Process
from bmi_dmx.program.trace import trace_step
from bmi_dmx.scan import scan
from bmi_dmx.variables import Flux, Forcing, State
from tests.scan.cases import PROCESSES, Case, Delay, some_case

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
LONG = Delay(80)
"""One cell of it fills the vectors of any processor."""


def outputs_of(process: Process) -> list[str]:
    return [f"q.{v.name}" for v in process.fluxes]


def prepared(case: Case, locations: int, members: int, dtype: str) -> Stepper:
    process = case.process
    stepper = Stepper(
        trace_step(process), locations, members, outputs_of(process), dtype
    )
    for kind, values, variables, target in (
        ("s", case.state, process.states, stepper.state),
        ("p", case.parameters, process.parameters, stepper.parameter),
    ):
        for v in variables:
            target[f"{kind}.{v.name}"][...] = values[v.name].numpy()
    return stepper


def run_steps(stepper: Stepper, case: Case) -> dict[str, np.ndarray]:
    series: dict[str, list[np.ndarray]] = {n: [] for n in stepper.output}
    for t in range(next(iter(case.forcing.values())).shape[0]):
        for name, x in case.forcing.items():
            stepper.forcing[f"f.{name}"][:] = x[t].numpy()
        assert not stepper.step()
        for name, y in stepper.output.items():
            series[name].append(y.copy())
    return {n[2:]: np.stack(rows) for n, rows in series.items()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("locations", "members"), [(1, 1), (1, 16), (5, 3), (33, 1)])
@pytest.mark.parametrize(
    "process", [*PROCESSES, LONG], ids=lambda p: "long" if p is LONG else p.name
)
@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "numpy"])
def test_steps_equal_the_series(
    process: Process,
    locations: int,
    members: int,
    dtype: str,
    compiled: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not compiled:
        monkeypatch.setattr(build, "load", lambda source: None)
        stepper_module._prepared.cache_clear()
    case = some_case(
        process, steps=30, locations=locations, members=members,
        dtype=getattr(torch, dtype),
    )  # fmt: skip
    stepper = prepared(case, locations, members, dtype)
    stepper_module._prepared.cache_clear()
    assert stepper.compiled == compiled
    series = run_steps(stepper, case)
    expected = scan(
        process, case.state, case.forcing, case.parameters, average=True
    ).outputs
    for name, x in expected.items():
        scale = float(x.abs().max()) or 1.0
        np.testing.assert_allclose(
            series[name], x.numpy(), rtol=0, atol=TOLERANCE[dtype] * scale
        )


class HandedOn(Process):
    """A store that hands what it held to another one, which reports what it loses."""

    forcings = (Forcing(name="inflow"),)
    states = (State(name="first"), State(name="second"))
    fluxes = (Flux(name="lost"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {"first": f.inflow * 1.0, "second": s.first}, {"lost": s.second}


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "numpy"])
def test_a_state_is_handed_on_as_it_was_before_the_step(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setattr(build, "load", lambda source: None)
    stepper = Stepper(trace_step(HandedOn()), 2, 1, ["q.lost"])
    assert stepper.compiled == compiled
    stepper.state["s.first"][:], stepper.state["s.second"][:] = 1.0, 2.0
    stepper.forcing["f.inflow"][:] = 7.0
    stepper.step()
    assert stepper.state["s.first"].tolist() == [[7.0], [7.0]]
    assert stepper.state["s.second"].tolist() == [[1.0], [1.0]]
    assert stepper.output["q.lost"].tolist() == [2.0, 2.0]


def test_buffers_are_never_rebound() -> None:
    case = some_case(PROCESSES[0])
    stepper = prepared(case, 3, 2, "float64")
    buffers = [
        *stepper.state.values(),
        *stepper.forcing.values(),
        *stepper.output.values(),
    ]
    addresses = [x.__array_interface__["data"][0] for x in buffers]
    run_steps(stepper, case)
    after = [
        *stepper.state.values(),
        *stepper.forcing.values(),
        *stepper.output.values(),
    ]
    assert all(x is y for x, y in zip(buffers, after, strict=True))
    assert addresses == [x.__array_interface__["data"][0] for x in after]


def test_an_output_buffer_can_drive_the_next_step() -> None:
    shared = np.zeros(4)
    first = Stepper(
        trace_step(PROCESSES[0]), 4, 2, ["q.runoff"], output={"q.runoff": shared}
    )
    second = Stepper(
        trace_step(PROCESSES[-1]), 4, 1, ["q.outflow"], forcing={"f.inflow": shared}
    )
    assert first.output["q.runoff"] is second.forcing["f.inflow"] is shared


def test_a_buffer_that_does_not_fit_is_refused() -> None:
    program = trace_step(PROCESSES[0])
    with pytest.raises(ScanError, match=r"buffer of 'q.runoff' is float32\(4,\)"):
        Stepper(
            program, 4, 2, ["q.runoff"], output={"q.runoff": np.zeros(4, np.float32)}
        )


def test_an_unknown_output_is_refused() -> None:
    with pytest.raises(ScanError, match=r"unknown output 'q.runof'; did you mean"):
        Stepper(trace_step(PROCESSES[0]), 1, 1, ["q.runof"])


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "numpy"])
@pytest.mark.parametrize(
    ("process", "members", "kind", "name"),
    [
        (PROCESSES[0], 2, "forcing", "f.precipitation"),
        (PROCESSES[0], 2, "state", "s.soil_moisture"),
        (LONG, 1, "state", "s.in_transit"),
        (LONG, 1, "parameter", "p.weight"),
    ],
)
def test_a_step_says_when_an_input_was_not_finite(
    process: Process,
    members: int,
    kind: str,
    name: str,
    compiled: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not compiled:
        monkeypatch.setattr(build, "load", lambda source: None)
    stepper_module._prepared.cache_clear()
    case = some_case(process, members=members)
    stepper = prepared(case, 3, members, "float64")
    stepper_module._prepared.cache_clear()
    for forcing, values in case.forcing.items():
        stepper.forcing[f"f.{forcing}"][:] = values[0].numpy()
    assert not stepper.step()
    inputs = getattr(stepper, kind)[name]
    inputs[(..., 1) if kind == "forcing" else (..., 1, members - 1)] = np.nan
    assert stepper.step()


def test_a_long_series_of_a_location_is_the_same_bits_alone_and_among_others() -> None:
    case = some_case(LONG, steps=9, locations=7, members=1)
    together = run_steps(prepared(case, 7, 1, "float64"), case)
    one = slice(3, 4)
    alone = Case(
        LONG,
        {n: x[..., one, :] for n, x in case.state.items()},
        {n: x[:, one] for n, x in case.forcing.items()},
        {n: x[..., one, :] for n, x in case.parameters.items()},
    )
    for name, x in run_steps(prepared(alone, 1, 1, "float64"), alone).items():
        np.testing.assert_array_equal(x, together[name][:, one])


@pytest.mark.parametrize(("locations", "members"), [(70, 1), (5, 16), (9, 7)])
def test_chunks_that_take_turns_change_no_bit(
    monkeypatch: pytest.MonkeyPatch, locations: int, members: int
) -> None:
    case = some_case(Delay(5), steps=9, locations=locations, members=members)
    turns = prepared(case, locations, members, "float64")
    series = {f"f.{n}": x.numpy() for n, x in case.forcing.items()}
    # What was there before is of no matter to an average.
    outputs = {n: np.full((9, locations), np.nan) for n in turns.output}
    assert not turns.stretch(series, outputs)()
    monkeypatch.setattr(stepper_module, "ABREAST", (1,))
    monkeypatch.setattr(
        stepper_module, "_together", stepper_module._together.__wrapped__
    )
    alone = prepared(case, locations, members, "float64")
    for name, x in run_steps(alone, case).items():
        np.testing.assert_array_equal(outputs[f"q.{name}"], x)
    for name, state in turns.state.items():
        np.testing.assert_array_equal(state, alone.state[name])


class Stocked(Delay):
    """A delay beside a store."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.states = (*self.states, State(name="pond", units="mm"))

    def step(self, s: Any, f: Any, p: Any) -> Any:
        """Leave the store as it is."""
        state, fluxes = super().step(s, f, p)
        return {**state, "pond": s.pond}, fluxes


@pytest.mark.parametrize("members", [1, 5])
@pytest.mark.parametrize("locations", [1, 3])
@pytest.mark.parametrize("steps", [6, 80])
def test_states_are_added_up_where_they_are(
    steps: int, locations: int, members: int
) -> None:
    stepper = Stepper(trace_step(Stocked(steps)), locations, members, ["q.outflow"])
    rng = np.random.default_rng(0)
    transit, pond = stepper.state["s.in_transit"], stepper.state["s.pond"]
    flowing, all_of_it = (
        stepper.summing(names)
        for names in (["s.in_transit"], ["s.pond", "s.in_transit"])
    )
    for _ in range(2):
        transit[:] = rng.random((steps - 1, locations, members))
        pond[:] = rng.random((locations, members))
        expected = transit.mean(axis=-1).sum(axis=0)
        np.testing.assert_allclose(flowing(), expected.squeeze(), rtol=1e-14)
        expected += pond.mean(axis=-1)
        np.testing.assert_allclose(all_of_it(), expected.squeeze(), rtol=1e-14)
    assert np.all(stepper.summing([])() == 0.0)
