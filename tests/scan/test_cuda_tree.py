"""Trees on a GPU have the numbers and gradients of the readable loop.

Their text is compiled for the CPU; see tests/kernels/on_host.py.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmi_dmx.errors import ScanError
from bmi_dmx.kernels import waves as in_waves
from bmi_dmx.process import Process
from bmi_dmx.scan import cuda_tree
from tests.kernels.on_host import needs_compiler
from tests.models.rivers import trees as river
from tests.scan.test_tree import BUSHY, KINDS, assert_equal
from tests.scan.tree_cases import Valve, Wave, case_of, downstreams

pytestmark = [needs_compiler, pytest.mark.usefixtures("on_host")]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(KINDS),
    downstream=downstreams(),
    steps=st.sampled_from([1, 2, 4, 5, 31, 65]),
    warmup=st.sampled_from([0, 0, 1, 15, 40]),
    average=st.booleans(),
    drawn=st.fixed_dictionaries(
        {
            "members": st.sampled_from([1, 1, 2, 5]),
            "shared": st.booleans(),
            "side_by_side": st.booleans(),
            "seed": st.integers(0, 99),
        }
    ),
)
def test_any_tree_has_the_numbers_and_gradients_of_the_loop(
    kind: tuple[Process, dict[str, bool], tuple[str, ...]],
    downstream: list[int],
    steps: int,
    warmup: int,
    average: bool,
    drawn: dict[str, Any],
) -> None:
    process, flags, outputs = kind
    case = case_of(process, downstream, steps=steps, **flags, **drawn)
    options = {
        "outputs": outputs, "average": average, "warmup": min(warmup, steps - 1)
    }  # fmt: skip
    assert_equal(case.found("cuda", **options), case.found("reference", **options))


def test_single_precision_is_that_of_the_loop() -> None:
    case = case_of(Wave(), BUSHY, steps=100, members=2, dtype=torch.float32)
    assert_equal(case.found("cuda"), case.found("reference"))


def test_no_place_of_a_wave_reads_what_another_writes_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = case_of(Wave(), BUSHY, steps=40, members=2, given=True)
    forwards = case.found("cuda")
    monkeypatch.setenv("BACKWARDS", "1")
    assert all(map(torch.equal, case.found("cuda"), forwards))


def test_results_are_the_same_whatever_the_blocks_of_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = case_of(Wave(), BUSHY, steps=40, members=2, given=True, varying=True)
    numbers = case.found("cuda")
    assert in_waves.block_steps(40, 8) not in (7, 40)
    for length in (7, 40):
        monkeypatch.setattr(cuda_tree, "block_steps", lambda *_, n=length: n)
        assert all(map(torch.equal, case.found("cuda"), numbers))


def test_without_gradients_the_numbers_are_the_same() -> None:
    case = case_of(Wave(), BUSHY)
    run = case.run("cuda")
    with torch.no_grad():
        plain = case.run("cuda")
    assert all(map(torch.equal, run.outputs.values(), plain.outputs.values()))
    assert all(map(torch.equal, run.state.values(), plain.state.values()))


def test_what_is_not_finite_is_refused_by_name() -> None:
    case = case_of(Valve(), [-1, 0, 1, 1])
    with torch.no_grad():
        case.parameters["least"][2, 0] = torch.nan
    ours, loop = (case.run(b).outputs["outflow"] for b in ("cuda", "reference"))
    torch.testing.assert_close(ours, loop)
    with torch.no_grad():
        case.forcing["lateral"][7, 3] = torch.inf
    message = "Valve: forcing 'lateral' is not finite at time 7, place 3"
    with pytest.raises(ScanError, match=message):
        case.run("cuda")


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, river.EVERYTHING], ids=["plain", "everything"])
def test_rivers_are_those_of_the_loop(options: dict[str, Any]) -> None:
    physics, parameters = river.process(**options), river.channels()
    state = river.beginning(parameters, lakes=bool(options))
    runs = [
        river.run(physics, state, river.weather(30), parameters, backend=backend)
        for backend in ("cuda", "reference")
    ]
    assert_equal(*([*one.state.values(), *one.outputs.values()] for one in runs))
