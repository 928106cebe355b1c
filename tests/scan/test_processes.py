"""A scan runs a process as it declares itself: at its step, with what it prepares."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from bmi_dmx.errors import ScanError
from bmi_dmx.process import Process
from bmi_dmx.scan import scan
from bmi_dmx.variables import Flux, Forcing, Parameter, State

BACKENDS = ("cells", "reference")


class Ageing(Process):
    """A store that loses shares which depend on its age and on the step."""

    @dataclass(frozen=True)
    class Options:
        ages: int = 3

    time = "h"
    forcings = (Forcing(name="gain", per_step="rate"),)
    states = (State(name="store"),)
    parameters = (
        Parameter(name="halved", bounds=(0.1, 50.0), units="h", per="place"),
        Parameter(name="loss", per_step="fraction", default=0.0),
    )
    fluxes = (
        Flux(name="lost", per_step="rate"),
        Flux(name="lost_in_step", per_step="amount"),
    )

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        size = self.options.ages
        self.prepared = (
            Parameter(name="kept", size=size, per="place"),
            self.parameters[1],
        )

    def at(self, dt: float) -> Process:
        timed = copy(self)
        timed.dt = dt
        return timed

    def prepare(self, p: Any) -> Any:
        once = 0.5 ** (self.dt / p.halved)
        share = torch.stack([once ** (k + 1) for k in range(self.options.ages)])
        return {"kept": share, "loss": p.loss}

    def step(self, s: Any, f: Any, p: Any) -> Any:
        share = sum(p.kept) / len(p.kept)
        filled = s.store + f.gain
        store = filled * share * (1.0 - p.loss)
        return {"store": store}, {
            "lost": filled - store,
            "lost_in_step": filled - store,
        }


GAIN = torch.rand(12, 3, dtype=torch.float64)
HALVED = torch.tensor([2.0, 5.0, 9.0], dtype=torch.float64)


def kept_after(dt: float, ages: int) -> Tensor:
    once = 0.5 ** (dt / HALVED)
    return torch.stack([once ** (k + 1) for k in range(ages)])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dt", [1.0, 0.25])
def test_parameters_are_prepared_for_the_step(backend: str, dt: float) -> None:
    process = Ageing({"ages": 2})
    halving = scan(process, None, {"gain": GAIN}, {"halved": HALVED}, dt=dt,
                 backend=backend)  # fmt: skip
    shares = kept_after(dt, 2)
    prepared = scan(process, None, {"gain": GAIN}, {"kept": shares, "loss": 0.0}, dt=dt,
                    backend=backend)  # fmt: skip
    store, losses = torch.zeros(3, dtype=torch.float64), []
    for gain in GAIN:
        filled = store + gain * dt
        store = filled * shares.mean(0)
        losses.append(filled - store)
    for run in (halving, prepared):
        amounts = torch.stack(losses)[..., None]
        torch.testing.assert_close(run.outputs["lost"], amounts / dt)
        torch.testing.assert_close(run.outputs["lost_in_step"], amounts)


def test_prepared_parameters_become_those_of_a_step() -> None:
    """What is prepared per unit of time is converted as it declares."""
    dt = 0.5
    parameters = {"kept": kept_after(dt, 3), "loss": 0.36}
    run = scan(Ageing(), {"store": torch.ones(3, 1).double()},
                 {"gain": 0.0 * GAIN[:1]}, parameters, dt=dt)  # fmt: skip
    expected = parameters["kept"].mean(0) * 0.8  # the root of 1 - 0.36
    torch.testing.assert_close(run.state["store"][:, 0], expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_pass_through_what_is_prepared(backend: str) -> None:
    def lost(halved: Tensor) -> Tensor:
        result = scan(Ageing(), None, {"gain": GAIN}, {"halved": halved}, dt=0.5,
                      backend=backend)  # fmt: skip
        return result.outputs["lost"]

    assert torch.autograd.gradcheck(lost, HALVED.clone().requires_grad_())


def test_lengths_of_a_step_do_not_share_kernels() -> None:
    """The step is another program where it depends on its length."""

    class Counting(Process):
        states = (State(name="elapsed"),)
        at = Ageing.at

        def step(self, s: Any, f: Any, p: Any) -> Any:
            return {"elapsed": s.elapsed + self.dt}, {}

    start = {"elapsed": torch.zeros(1, 1)}
    for dt in (1.0, 0.25, 1.0):
        run = scan(Counting(), start, {}, {}, dt=dt, steps=8, backend="cells")
        assert run.state["elapsed"] == 8 * dt


def test_options_that_are_equal_share_kernels() -> None:
    from bmi_dmx.scan import cells

    kernels = {
        id(cells.entry_of(process, ("q.lost",), double=True))
        for process in (Ageing(), Ageing({"ages": 3}), Ageing())
    }
    assert len(kernels) == 1
    other = cells.entry_of(Ageing({"ages": 4}), ("q.lost",), double=True)
    assert id(other) not in kernels


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"halved": torch.ones(3, 2).double()},
         r"'halved' has shape \(3, 2\); expected a number, \(place,\), \(place, 1\)"),
        ({"kept": torch.ones(3, 3).double()}, "unknown parameter 'kept'"),
        ({}, "parameter 'halved' is missing"),
    ],
)  # fmt: skip
def test_parameters_of_places_are_checked(parameters: Any, message: str) -> None:
    with pytest.raises(ScanError, match=message):
        scan(Ageing(), None, {"gain": GAIN}, parameters)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_parameter_that_may_be_lacking_is_nan_where_it_is(backend: str) -> None:
    class Scaled(Process):
        forcings = (Forcing(name="x"),)
        states = (State(name="sum"),)
        parameters = (Parameter(name="width", optional=True, per="place"),)
        fluxes = (Flux(name="y"),)

        def step(self, s: Any, f: Any, p: Any) -> Any:
            return {"sum": s.sum + f.x}, {"y": f.x * p.width}

    width = torch.tensor([2.0, float("nan"), 1.0], dtype=torch.float64)
    run = scan(Scaled(), None, {"x": GAIN}, {"width": width}, backend=backend)
    assert run.outputs["y"][:, 1].isnan().all()
    torch.testing.assert_close(run.outputs["y"][:, 0, 0], 2.0 * GAIN[:, 0])
    bad = GAIN.clone()
    bad[3, 2] = float("nan")
    with pytest.raises(ScanError, match="'x' is not finite at time 3, place 2"):
        scan(Scaled(), None, {"x": bad}, {"width": width}, backend=backend)


class Decay(Process):
    states = (State(name="x", initial=1.0),)
    parameters = (Parameter(name="k", per_step="fraction"),)
    fluxes = (Flux(name="gone", per_step="amount"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {"x": s.x - p.k * s.x}, {"gone": p.k * s.x}


@pytest.mark.parametrize("backend", BACKENDS)
def test_steps_are_counted_where_nothing_drives(backend: str) -> None:
    start = {"x": torch.ones(2, 3).double()}
    run = scan(Decay(), start, {}, {"k": 0.5}, steps=4, warmup=1, backend=backend)
    assert run.outputs["gone"].shape == (3, 2, 3)
    assert (run.state["x"] == 0.5**4).all()
    once = scan(Decay(), start, {}, {"k": 0.5}, backend=backend)
    assert once.outputs["gone"].shape == (1, 2, 3)


@pytest.mark.parametrize(
    ("k", "steps", "message"),
    [
        (0.5, 0, "steps: found 0, expected at least 1"),
        (torch.full((3, 2, 1), 0.5), 5, "steps: found 5, expected 3 as of parameter"),
    ],
)
def test_a_wrong_number_of_steps_is_refused(k: Any, steps: int, message: str) -> None:
    with pytest.raises(ScanError, match=message):
        scan(Decay(), {"x": torch.ones(2, 1)}, {}, {"k": k}, steps=steps)
