"""Chunks of cells that take turns give the numbers of those that do not."""

from __future__ import annotations

import pytest
import torch

from bmi_dmx.models.hydrology.hbv import Hbv11p
from bmi_dmx.scan import cells, scan

from .cases import some_case


def found(locations: int, members: int, average: bool) -> list[torch.Tensor]:
    case = some_case(Hbv11p(), steps=31, locations=locations, members=members,
                     varying=2, gradient=True)  # fmt: skip
    ran = scan(case.process, case.state, case.forcing, case.parameters,
               warmup=3, average=average, backend="cells")  # fmt: skip
    numbers = [*ran.outputs.values(), *ran.state.values()]
    loss = sum(((k + 1) * x * x).sum() for k, x in enumerate(numbers))
    gradients = torch.autograd.grad(loss, case.leaves(), allow_unused=True,
                                    materialize_grads=True)  # fmt: skip
    return [x.detach() for x in (*numbers, *gradients)]


@pytest.mark.parametrize(
    ("locations", "members", "average"),
    [(5, 16, True), (23, 3, False), (70, 1, False), (1, 70, True)],
)
def test_numbers_do_not_depend_on_turns(
    locations: int, members: int, average: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "ABREAST", (1,))
    expected = found(locations, members, average)
    for most in (2, 4):
        monkeypatch.setattr(cells, "ABREAST", (most, 1))
        assert all(map(torch.equal, found(locations, members, average), expected))


def test_one_chunk_does_not_wait_for_others() -> None:
    assert cells._abreast(1, 16) == 1
    assert cells._abreast(2, 16) == 2
    assert cells._abreast(100, 16) == 4


def test_gradients_of_series_lie_as_the_series() -> None:
    case = some_case(Hbv11p(), steps=9, locations=3, members=4)
    series = torch.rand(3, 9, 4, dtype=torch.float64).transpose(0, 1) + 1.0
    series.requires_grad_()
    parameters = {**case.parameters, "beta": series}
    ran = scan(case.process, case.state, case.forcing, parameters, warmup=2)
    (gradient,) = torch.autograd.grad(ran.outputs["runoff"].sum(), series)
    assert gradient.stride() == series.stride()
    assert not gradient[:2].any()
    assert gradient[2:].any()


@pytest.mark.parametrize(("locations", "members"), [(3, 4), (5, 1), (1, 1)])
def test_nothing_that_memory_held_is_left(
    locations: int, members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = found(locations, members, False)
    monkeypatch.setattr(
        cells, "new_flat", lambda like, size: like.new_full((size,), float("nan"))
    )
    assert all(map(torch.equal, found(locations, members, False), expected))
    assert all(x.isfinite().all() for x in expected)
