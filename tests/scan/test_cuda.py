"""Kernels of a GPU have the numbers and gradients of the readable loop.

Their text is compiled for the CPU; see tests/kernels/on_host.py.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from bmi_dmx.errors import ScanError
from bmi_dmx.kernels import driver
from bmi_dmx.kernels import geometry as geometries
from bmi_dmx.kernels.geometry import Geometry
from bmi_dmx.models.hydrology.hbv import Hbv11p
from bmi_dmx.process import Process
from bmi_dmx.scan import cuda, scan
from bmi_dmx.scan.operator import Sizes, operate
from bmi_dmx.variables import Flux, Forcing, Parameter, State
from tests.kernels.on_host import needs_compiler
from tests.scan.cases import REGISTERED, Case, Delay, some_case
from tests.scan.test_backends import (
    assert_as_exact,
    gradients,
    gradients_of,
    run,
    tensors,
)

pytestmark = [needs_compiler, pytest.mark.usefixtures("on_host")]

SLOW = [
    pytest.param(process, dtype, marks=pytest.mark.slow)
    for process in REGISTERED
    for dtype in (torch.float64, torch.float32)
    if not isinstance(process, Hbv11p)
]
DRAWN = {
    "steps": st.sampled_from([1, 2, 7, 40]),
    "locations": st.sampled_from([1, 2, 5, 16, 37]),
    "members": st.sampled_from([1, 2, 3, 16, 20, 130]),
    "seed": st.integers(0, 99),
}
"""Members are more than a block has threads as well."""


@pytest.mark.parametrize(
    ("process", "dtype"),
    [
        (Hbv11p(), torch.float64), (Hbv11p(), torch.float32), (Delay(4), torch.float64),
        # So many arguments do not come with a launch.
        (Delay(40), torch.float32), *SLOW,
    ],
    ids=lambda x: getattr(x, "name", str(x)),
)  # fmt: skip
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), drawn=st.fixed_dictionaries(DRAWN))
def test_the_kernel_equals_the_loop(
    process: Process, dtype: torch.dtype, data: st.DataObject, drawn: dict[str, int]
) -> None:
    varying = data.draw(st.integers(0, len(process.parameters)), "varying")
    case = some_case(process, varying=varying, dtype=dtype, gradient=True, **drawn)
    options = {
        "warmup": data.draw(st.integers(0, drawn["steps"] - 1), "warmup"),
        "average": data.draw(st.booleans(), "average"),
    }
    kernel, loop = (run(case, backend, **options) for backend in ("cuda", "reference"))
    # In double precision the loop is what is exact.
    double = case if dtype == torch.float64 else case.double()
    exact = loop if double is case else run(double, "reference", **options)
    assert_as_exact(tensors(kernel), tensors(loop), tensors(exact))
    cells = drawn["locations"] * drawn["members"] * drawn["steps"]
    slopes = gradients_of(case, loop)
    assert_as_exact(
        gradients_of(case, kernel),
        slopes,
        slopes if double is case else gradients_of(double, exact),
        # Where rounding takes a minimum for its other side a gradient jumps.
        jumps=cells // 2000 if dtype == torch.float32 else 0,
    )


def found(case: Case, **options: object) -> list[Tensor]:
    """Return all numbers and gradients of a run on the kernel."""
    return [*tensors(run(case, "cuda", **options)), *gradients(case, "cuda", **options)]


def assert_same_bits(ours: list[Tensor], others: list[Tensor]) -> None:
    assert all(map(torch.equal, ours, others))


AVERAGED: dict[str, Any] = {"average": True, "warmup": 3}


@pytest.mark.parametrize("members", [5, 130])
def test_no_thread_reads_what_another_writes_before_their_barrier(
    members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = some_case(Hbv11p(), members=members, locations=40, varying=3, gradient=True)
    forwards = found(case, **AVERAGED)
    monkeypatch.setenv("BACKWARDS", "1")
    assert_same_bits(found(case, **AVERAGED), forwards)


@pytest.mark.parametrize("members", [3, 16, 128])
def test_results_are_the_same_whatever_the_blocks(
    members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = some_case(Hbv11p(), members=members, locations=11, varying=3, gradient=True)
    numbers = found(case, **AVERAGED)
    per_block = 128 // members
    one = Geometry(-(-11 // per_block), 128)
    assert one != geometries.geometry(11, members, 2) or members == 128
    monkeypatch.setattr(cuda, "geometry", lambda *_: one)
    assert_same_bits(found(case, **AVERAGED), numbers)


@pytest.mark.parametrize("outputs", [("soil_moisture",), ("lower_zone", "melt"), ()])
def test_any_choice_of_outputs_is_recorded(outputs: tuple[str, ...]) -> None:
    case = some_case(Hbv11p(), gradient=True)
    assert tuple(run(case, "cuda", outputs=outputs).outputs) == outputs
    ours, loop = (gradients(case, b, outputs=outputs) for b in ("cuda", "reference"))
    assert_as_exact(ours, loop, loop)


def test_forcing_may_differ_between_members_and_lie_in_any_order() -> None:
    case = some_case(Hbv11p(), members=3, gradient=True)
    rain = torch.rand(3, 3, 20, dtype=torch.float64).permute(2, 1, 0)
    case.forcing["precipitation"] = rain.requires_grad_()
    case.parameters["fc"] = case.parameters["fc"].detach().t().contiguous().t()
    case.parameters["fc"].requires_grad_()
    ours, loop = (gradients(case, backend) for backend in ("cuda", "reference"))
    assert_as_exact(ours, loop, loop)


class Optional(Process):
    """Has a parameter that may be NaN."""

    forcings = (Forcing(name="gain"),)
    states = (State(name="store"),)
    parameters = (Parameter(name="share"), Parameter(name="most", optional=True))
    fluxes = (Flux(name="loss"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        filled = s.store + f.gain
        most = torch.where(p.most == p.most, p.most, 1.0)
        loss = torch.minimum(p.share * filled, most)
        return {"store": filled - loss}, {"loss": loss}


def test_what_is_not_finite_is_refused_by_name() -> None:
    case = some_case(Optional(), locations=9)
    case.parameters["most"][4, 1] = torch.nan
    expected = tensors(run(case, "reference"))
    assert_as_exact(tensors(run(case, "cuda")), expected, expected)
    case.forcing["gain"][13, 6] = torch.inf
    message = "Optional: forcing 'gain' is not finite at time 13, place 6"
    with pytest.raises(ScanError, match=message):
        run(case, "cuda")
    case.forcing["gain"][13, 6] = 1e308
    case.forcing["gain"][14, 6] = 1e308
    with pytest.raises(ScanError, match="made a state that is not finite of inputs"):
        run(case, "cuda")


def test_without_gradients_the_numbers_are_the_same() -> None:
    case = some_case(Hbv11p(), gradient=True)
    numbers = tensors(run(case, "cuda"))
    with torch.no_grad():
        assert_same_bits(tensors(run(case, "cuda")), numbers)


def test_the_operators_keep_the_rules_of_pytorch() -> None:
    case = some_case(Hbv11p(), steps=5, locations=2, members=3, gradient=True)
    entry = cuda._entry_of(
        case.process, ("q.runoff", "s.snowpack"), double=True, adjoint=True,
        forcing=False, number=0,
    )  # fmt: skip
    assert not isinstance(entry, str)
    sizes = list(Sizes(5, 1, 2, 3, True, True, False))
    rain = [x.detach().unsqueeze(-1) for x in case.forcing.values()]
    operands = [*case.state.values(), *rain, *case.parameters.values()]
    torch.library.opcheck(torch.ops.bmi_dmx.run, (operands, entry.number, sizes))
    with torch.no_grad():
        final, series = operate(entry, Sizes(*sizes), operands)
        *_, tape = torch.ops.bmi_dmx.run(operands, entry.number, sizes)
    cotangents = [torch.ones_like(x) for x in (*final, *series)]
    plain = [x.detach() for x in operands]
    torch.library.opcheck(
        torch.ops.bmi_dmx.run_backward,
        (cotangents, tape, plain, entry.number, sizes),
    )


def test_where_tensors_are_on_a_gpu_its_kernels_are_taken() -> None:
    case = some_case(Hbv11p(), members=7)
    explicit, automatic = (tensors(run(case, backend)) for backend in ("cuda", "auto"))
    assert_same_bits(explicit, automatic)


def test_a_kernel_that_cannot_be_made_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "there is no GPU here: its driver was not found"
    monkeypatch.setattr(driver, "_library", lambda: reason)
    case = some_case(Hbv11p())
    with pytest.raises(ScanError, match=f"Hbv11p: {reason}"):
        run(case, "cuda")


def test_backwards_is_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the order of threads decides is found out by running them backwards."""
    case = some_case(Delay(4), locations=5)
    source = cuda.cuda_source
    racing = (
        "if (!(probed == 0)) *bad = 1;",
        "*bad = 0; s.view[FINAL].data[0] = threadIdx.x;",
    )
    monkeypatch.setattr(
        cuda, "cuda_source", lambda *a, **k: source(*a, **k).replace(*racing)
    )
    one = tensors(run(case, "cuda"))
    monkeypatch.setenv("BACKWARDS", "1")
    assert not torch.equal(one[0], tensors(run(case, "cuda"))[0])


def test_threads_that_come_apart_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    case = some_case(Delay(4), locations=5)
    source = cuda.cuda_source
    apart = ("team.width = (int)width;", "team.width = (int)width; "
             "if (threadIdx.x == 3) __syncthreads();")  # fmt: skip
    monkeypatch.setattr(
        cuda, "cuda_source", lambda *a, **k: source(*a, **k).replace(*apart)
    )
    with pytest.raises(ScanError, match="cuLaunchKernel forward: threads of a block"):
        run(case, "cuda")


def test_other_places_of_tensors_and_types_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = some_case(Hbv11p(), dtype=torch.float16)
    with pytest.raises(ScanError, match=r"found torch\.float16 on cpu"):
        run(case, "cuda")
    monkeypatch.setattr(cuda, "DEVICE", "cuda")
    case = some_case(Hbv11p())
    message = (
        r"runs float32 and float64 on a GPU of NVIDIA, found torch\.float64 on cpu"
    )
    with pytest.raises(ScanError, match=message):
        scan(case.process, None, case.forcing, case.parameters, backend="cuda")
