"""The compiled kernel gives the numbers and the gradients of the readable loop."""

from __future__ import annotations

import math
import os
import signal
import time
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bmi_dmx.errors import ScanError
from bmi_dmx.kernels.call import history_interval
from bmi_dmx.models.hydrology.hbv import Hbv, Hbv11p
from bmi_dmx.process import Process
from bmi_dmx.scan import cells, scan
from bmi_dmx.scan.engine import ScanResult
from bmi_dmx.variables import Forcing, State
from tests.scan.cases import REGISTERED, Case, Delay, some_case

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
LEFT_OVER = "residual"
"""The flux of what a search for a root did not find."""


def run(case: Case, backend: str, **options: object) -> ScanResult:
    return scan(
        case.process,
        case.state,
        case.forcing,
        case.parameters,
        backend=backend,
        **{"dt": case.dt, **options},  # type: ignore[arg-type]
    )


def tensors(result: ScanResult) -> list[Tensor]:
    """States and outputs, but for what a search for a root leaves over."""
    outputs = {n: x for n, x in result.outputs.items() if n != LEFT_OVER}
    return [*result.state.values(), *outputs.values()]


def assert_nothing_is_left_over(result: ScanResult) -> None:
    """What a search leaves over differs from loop to kernel, and is rounding in both.

    Its scale is that of the numbers it is the difference of.
    """
    residual = result.outputs.get(LEFT_OVER)
    if residual is not None:
        scale = max(float(x.detach().abs().max()) for x in tensors(result))
        assert float(residual.detach().abs().max()) <= TOLERANCE[residual.dtype] * scale


def gradients(case: Case, backend: str, **options: object) -> list[Tensor]:
    return gradients_of(case, run(case, backend, **options))


def gradients_of(case: Case, result: ScanResult) -> list[Tensor]:
    """Return the gradients of a sum of all that a run made."""
    results = tensors(result)
    loss = sum(
        (x * torch.linspace(0.5, 2.0, x.numel(), dtype=x.dtype).reshape(x.shape)).sum()
        for x in results
    )
    return list(
        torch.autograd.grad(
            loss, case.leaves(), allow_unused=True, materialize_grads=True
        )
    )


def assert_equal(ours: list[Tensor], expected: list[Tensor]) -> None:
    for x, y in zip(ours, expected, strict=True):
        scale = float(y.detach().abs().max()) + 1e-30
        tolerance = TOLERANCE[y.dtype]
        torch.testing.assert_close(x, y, rtol=tolerance, atol=tolerance * scale)


def assert_as_exact(
    ours: list[Tensor],
    loop: list[Tensor],
    exact: list[Tensor],
    jumps: int = 0,
    among: float = 0.0,
) -> None:
    """Ours is equal to the loop, but for what rounding makes of the loop itself.

    Of numbers of size 1 that cancel, the last digits are left; of those that are
    differences of others, a digit of the largest ``among`` which they were found.
    ``jumps`` is how many may be off by more, but by 1 % at most.
    """
    for x, y, z in zip(ours, loop, exact, strict=True):
        scale = max(float(z.detach().abs().max()), 1e-3)
        rounding = float((y.double() - z).detach().abs().max())
        allowed = TOLERANCE[y.dtype] * scale + 4.0 * rounding
        allowed += among * torch.finfo(y.dtype).eps
        error = (x - y).detach().abs()
        assert int((error > allowed).sum()) <= jumps
        assert float(error.max()) <= max(allowed, 0.01 * scale)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("process", [*REGISTERED, Delay(4)], ids=lambda p: p.name)
@settings(max_examples=8)
@given(data=st.data())
def test_kernel_equals_the_loop(
    process: Process, dtype: torch.dtype, data: st.DataObject
) -> None:
    steps = data.draw(st.sampled_from([1, 2, 7, 40]), "steps")
    locations = data.draw(st.sampled_from([1, 2, 5, 16, 37]), "locations")
    members = data.draw(st.sampled_from([1, 3, 4, 16, 20]), "members")
    case = some_case(
        process,
        steps=steps,
        locations=locations,
        members=members,
        varying=data.draw(st.integers(0, len(process.parameters)), "varying"),
        seed=data.draw(st.integers(0, 99), "seed"),
        dtype=dtype,
        gradient=True,
    )
    options = {
        "warmup": data.draw(st.integers(0, steps - 1), "warmup"),
        "average": data.draw(st.booleans(), "average"),
    }

    # Bits do not depend on turns (tests/scan/test_turns.py), compiled anew for each.
    turns = cells.ABREAST if type(process) in (Hbv11p, Delay) else (1,)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "ABREAST", turns)
        kernel = run(case, "cells", **options)
    loop = run(case, "reference", **options)
    # In double precision the loop is what is exact.
    double = case if dtype == torch.float64 else case.double()
    exact = loop if double is case else run(double, "reference", **options)
    largest = max(float(x.detach().abs().max()) for x in tensors(loop))
    assert_as_exact(tensors(kernel), tensors(loop), tensors(exact), among=largest)
    assert_nothing_is_left_over(kernel)
    assert_nothing_is_left_over(loop)
    # Where rounding takes a minimum for its other side a gradient jumps: of thousands
    # of steps of a cell in float32 one may.
    jumps = locations * members * steps // 2000
    slopes = gradients_of(case, loop)
    assert_as_exact(
        gradients_of(case, kernel),
        slopes,
        slopes if double is case else gradients_of(double, exact),
        jumps=jumps if dtype == torch.float32 else 0,
        among=max(float(x.abs().max()) for x in slopes),
    )


@pytest.mark.parametrize(
    "outputs", [("runoff",), ("soil_moisture",), ("lower_zone", "evaporation"), ()]
)
def test_any_choice_of_outputs_is_recorded(outputs: tuple[str, ...]) -> None:
    case = some_case(Hbv11p(), gradient=True, varying=3)
    result = run(case, "cells", outputs=outputs)
    assert tuple(result.outputs) == outputs
    assert_equal(tensors(result), tensors(run(case, "reference", outputs=outputs)))
    assert_equal(gradients(case, "cells", outputs=outputs),
                 gradients(case, "reference", outputs=outputs))  # fmt: skip


def test_gradients_pass_finite_differences() -> None:
    case = some_case(Hbv(), steps=6, locations=2, members=2, gradient=True)
    names = list(case.parameters)

    def runoff(*values: Tensor) -> Tensor:
        parameters = dict(zip(names, values, strict=True))
        return scan(
            case.process, case.state, case.forcing, parameters, backend="cells"
        ).outputs["runoff"]

    assert torch.autograd.gradcheck(runoff, tuple(case.parameters.values()), atol=1e-6)


@pytest.mark.parametrize("members", [1, 3, 16])
def test_threads_do_not_change_a_bit(members: int) -> None:
    case = some_case(
        Hbv11p(), steps=300, locations=300, members=members, dtype=torch.float32,
        gradient=True,
    )  # fmt: skip
    before = torch.get_num_threads()
    runs = []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            options = {"outputs": ("runoff",), "average": True}
            runs.append(
                [
                    *tensors(run(case, "cells", **options)),
                    *gradients(case, "cells", **options),
                ]
            )
    finally:
        torch.set_num_threads(before)
    for other in runs[1:]:
        assert all(torch.equal(x, y) for x, y in zip(runs[0], other, strict=True))


def test_inputs_need_not_be_contiguous() -> None:
    case = some_case(Hbv(), locations=4, members=3, varying=2)
    expected = run(case, "reference")
    for group in (case.state, case.forcing, case.parameters):
        for name, x in group.items():
            group[name] = x.transpose(0, -1).contiguous().transpose(0, -1)
            assert not group[name].is_contiguous()
    assert_equal(tensors(run(case, "cells")), tensors(expected))


def test_numbers_and_axes_of_size_one_are_shared() -> None:
    case = some_case(Hbv(), locations=5, members=3)
    case.parameters["beta"] = torch.full((1, 1), 2.0, dtype=torch.float64)
    case.parameters["fc"] = torch.rand(1, 3, dtype=torch.float64) * 100 + 100
    full = dict(case.parameters)
    full["beta"] = torch.full((5, 3), 2.0, dtype=torch.float64)
    full["fc"] = case.parameters["fc"].expand(5, 3).clone()
    expected = run(Case(case.process, case.state, case.forcing, full), "reference")
    assert_equal(tensors(run(case, "cells")), tensors(expected))
    case.parameters["beta"] = 2.0  # type: ignore[assignment]
    assert_equal(tensors(run(case, "cells")), tensors(expected))


def test_shared_parameters_collect_the_gradient_of_all_locations() -> None:
    case = some_case(Hbv(), locations=5, members=3)
    shared = torch.full((1, 1), 2.0, dtype=torch.float64, requires_grad=True)
    slopes = []
    for backend in ("cells", "reference"):
        parameters = {**case.parameters, "beta": shared}
        result = scan(
            case.process, case.state, case.forcing, parameters, backend=backend
        )
        slopes += torch.autograd.grad(result.outputs["runoff"].sum(), [shared])
    assert_equal(slopes[:1], slopes[1:])


def test_forcing_may_differ_among_members() -> None:
    case = some_case(Hbv(), locations=2, members=3)
    case.forcing["precipitation"] = torch.rand(20, 2, 3, dtype=torch.float64) * 9
    assert_equal(tensors(run(case, "cells")), tensors(run(case, "reference")))


@pytest.mark.parametrize("backend", ["cells", "reference"])
def test_chunks_equal_one_run(backend: str) -> None:
    case = some_case(Hbv11p(), steps=50, varying=4)
    whole = run(case, backend)
    state, parts = case.state, []
    for start, stop in ((0, 1), (1, 30), (30, 50)):
        parameters = {
            n: x[start:stop] if x.ndim == 3 else x for n, x in case.parameters.items()
        }
        forcing = {n: x[start:stop] for n, x in case.forcing.items()}
        part = scan(case.process, state, forcing, parameters, backend=backend)
        state = part.state
        parts.append(part.outputs["runoff"])
    assert torch.equal(torch.cat(parts), whole.outputs["runoff"])
    assert all(torch.equal(state[n], whole.state[n]) for n in state)


def test_warmup_has_no_gradient() -> None:
    case = some_case(Hbv(), steps=30, varying=1, gradient=True)
    loss = run(case, "cells", warmup=10, outputs=("runoff",)).outputs["runoff"].sum()
    loss.backward()
    beta = case.parameters["beta"].grad
    assert beta is not None
    assert not beta[:10].any()
    assert beta[10:].any()
    assert all(x.grad is None or not x.grad.any() for x in case.state.values())


def test_hours_make_a_day() -> None:
    case = some_case(Hbv(), steps=24)
    for backend in ("cells", "reference"):
        result = run(case, backend, dt=1 / 24)
        inflow = case.forcing["precipitation"].sum(0) / 24
        out = (result.outputs["runoff"] + result.outputs["evaporation"]).sum(0) / 24
        stored = sum(result.state.values()) - sum(case.state.values())
        torch.testing.assert_close(inflow[:, None] - out, stored)


def test_gradients_survive_checkpointing_and_hooks() -> None:
    """What autograd keeps may lie elsewhere by the time it is needed."""
    case = some_case(Hbv11p(), steps=60, locations=20, gradient=True)
    expected = gradients(case, "cells")

    def copied(x: Tensor) -> Tensor:
        return x.clone()

    with torch.autograd.graph.saved_tensors_hooks(copied, copied):
        results = tensors(run(case, "cells"))
    trash = [torch.full((10_000,), 1e3, dtype=torch.float64) for _ in range(20)]
    loss = sum(
        (x * torch.linspace(0.5, 2.0, x.numel(), dtype=x.dtype).reshape(x.shape)).sum()
        for x in results
    )
    slopes = torch.autograd.grad(
        loss, case.leaves(), allow_unused=True, materialize_grads=True
    )
    assert all((x == 1e3).all() for x in trash)
    for x, y in zip(slopes, expected, strict=True):
        assert torch.equal(x, y)


def test_a_parameter_repeated_in_time_has_a_gradient_for_each_step() -> None:
    case = some_case(Hbv11p(), steps=9)
    for backend in ("cells", "reference"):
        beta = case.parameters["beta"].expand(9, -1, -1).requires_grad_()
        parameters = {**case.parameters, "beta": beta}
        ran = scan(case.process, case.state, case.forcing, parameters, backend=backend)
        (slope,) = torch.autograd.grad(ran.outputs["runoff"].sum(), beta)
        if backend == "cells":
            ours = slope
    assert_equal([ours], [slope])
    assert (ours[1:] != 0.0).any()


def test_an_output_asked_for_twice_counts_once() -> None:
    case = some_case(Hbv11p(), gradient=True)
    once, twice = (
        gradients(case, "cells", outputs=["runoff"] * count) for count in (1, 2)
    )
    assert all(torch.equal(x, y) for x, y in zip(once, twice, strict=True))


def test_a_constant_of_a_class_may_be_changed() -> None:
    class Scaled(Hbv11p):
        factor = 1.0
        factors = (3.0, 1.0)

        def step(self, s: Any, f: Any, p: Any) -> Any:
            state, fluxes = super().step(s, f, p)
            factor = self.factor * self.factors[1]
            return state, {**fluxes, "runoff": factor * fluxes["runoff"]}

    case = some_case(Scaled())
    first = run(case, "cells").outputs["runoff"]
    Scaled.factor = 2.0
    assert torch.equal(run(case, "cells").outputs["runoff"], 2.0 * first)
    Scaled.factors = (3.0, 2.0)
    assert torch.equal(run(case, "cells").outputs["runoff"], 4.0 * first)


def test_a_state_that_overflows_is_told() -> None:
    class Growing(Process):
        forcings = (Forcing(name="rate"),)
        states = (State(name="x", initial=1.0),)

        def step(self, s: Any, f: Any, p: Any) -> Any:
            return {"x": s.x * f.rate}, {}

    rate = torch.full((400, 1), 1e3, dtype=torch.float64)
    with pytest.raises(ScanError, match="Growing: the step made a state that is not"):
        scan(Growing(), None, {"rate": rate}, {}, backend="cells")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_has_threads_of_its_own() -> None:
    case = some_case(Hbv11p(), steps=300, locations=64, members=16)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        expected = run(case, "cells").outputs["runoff"]
        with warnings.catch_warnings():
            # That forking is dangerous is what this is about.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            # Compared by NumPy: the threads of PyTorch itself do not survive a fork.
            runoff = run(case, "cells").outputs["runoff"].numpy()
            os._exit(0 if np.array_equal(runoff, expected.numpy()) else 1)
        deadline = time.monotonic() + 60.0
        pid, status = 0, 1
        while not pid and time.monotonic() < deadline:
            pid, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.01)
        if not pid:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert pid
        assert os.waitstatus_to_exitcode(status) == 0
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("states", "itemsize"), [(5, 4), (359, 4), (359, 8)])
def test_memory_grows_with_the_root_of_the_steps(states: int, itemsize: int) -> None:
    def kept(steps: int) -> int:
        interval = history_interval(steps, states, itemsize)
        return -(-steps // interval) + interval

    for steps in (100, 10_000, 1_000_000):
        assert kept(steps) <= 5.2 * math.sqrt(steps)
