"""What PyTorch sees of a compiled scan: one operator, with a derivative of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import sleep
from typing import Any

import pytest
import torch
from torch import Tensor

from bmi_dmx.errors import ScanError
from bmi_dmx.kernels.layout import Layout
from bmi_dmx.models.hydrology.hbv import Hbv, Hbv11p
from bmi_dmx.scan import operator, scan
from bmi_dmx.scan.cells import entry_of
from bmi_dmx.scan.operator import Sizes, operate
from tests.scan.cases import Case, some_case


def changed(case: Case, rain: Tensor, fc: Tensor) -> Tensor:
    """Return twice the runoff of a case with other rain and another capacity."""
    other = replace(
        case,
        forcing={**case.forcing, "precipitation": rain},
        parameters={**case.parameters, "fc": fc},
    )
    result = scan(other.process, other.state, other.forcing, other.parameters,
                  outputs=["runoff"])  # fmt: skip
    return 2.0 * result.outputs["runoff"]


def inputs_of(case: Case) -> tuple[Tensor, Tensor]:
    return case.forcing["precipitation"], case.parameters["fc"].requires_grad_()


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("forcing", [False, True])
def test_the_operators_keep_the_rules_of_pytorch(average: bool, forcing: bool) -> None:
    case = some_case(Hbv(), steps=5, locations=2, members=3, varying=2, gradient=True)
    entry = entry_of(case.process, ("q.runoff", "s.snowpack"), double=True,
                     adjoint=True, forcing_gradient=forcing)  # fmt: skip
    assert not isinstance(entry, str)
    sizes = list(Sizes(5, 1, 2, 3, average, True, forcing))
    rain = [x.detach().unsqueeze(-1) for x in case.forcing.values()]
    states, parameters = case.state.values(), case.parameters.values()
    tensors = [*states, *(x.requires_grad_(forcing) for x in rain), *parameters]
    torch.library.opcheck(torch.ops.bmi_dmx.run, (tensors, entry.number, sizes))
    with torch.no_grad():
        final, series = operate(entry, Sizes(*sizes), tensors)
        *_, tape = torch.ops.bmi_dmx.run(tensors, entry.number, sizes)
    cotangents = [torch.ones_like(x) for x in (*final, *series)]
    plain = [x.detach() for x in tensors]
    torch.library.opcheck(
        torch.ops.bmi_dmx.run_backward,
        (cotangents, tape, plain, entry.number, sizes),
    )


def test_an_exported_function_holds_the_operator() -> None:
    case = some_case(Hbv11p(), steps=6)

    class Model(torch.nn.Module):
        def forward(self, rain: Tensor, fc: Tensor, others: Any) -> Tensor:
            return changed(replace(case, parameters=others), rain, fc)

    rain, fc = inputs_of(case)
    arguments = (rain, fc.detach(), case.parameters)
    exported = torch.export.export(Model(), arguments, strict=False)
    targets = [node.target for node in exported.graph.nodes]
    assert targets.count(torch.ops.bmi_dmx.run.default) == 1
    assert torch.equal(exported.module()(*arguments), changed(case, rain, fc))


def test_a_compiled_function_has_the_numbers_and_gradients() -> None:
    case = some_case(Hbv11p(), steps=6)
    arguments = inputs_of(case)
    expected = changed(case, *arguments)
    compiled = torch.compile(changed, fullgraph=True, backend="aot_eager")
    runoff = compiled(case, *arguments)
    assert torch.equal(runoff, expected)
    gradients = [
        torch.autograd.grad(x.sum(), [arguments[1]])[0] for x in (runoff, expected)
    ]
    assert torch.equal(*gradients)


def test_a_second_derivative_is_refused_not_wrong() -> None:
    case = some_case(Hbv(), gradient=True)
    rain, fc = inputs_of(case)
    (first,) = torch.autograd.grad(changed(case, rain, fc).sum(), [fc],
                                   create_graph=True)  # fmt: skip
    with pytest.raises(ScanError, match="Hbv: kernels are differentiated once"):
        # Of a sum with what has a second derivative nothing may be missing either.
        torch.autograd.grad((first.sum() + fc.square().sum()), [fc])


class Waiting(list[Any]):
    """A list that lets all threads see its length before one of them adds to it."""

    def __len__(self) -> int:
        length = super().__len__()
        sleep(0.05)
        return length


class Idle(operator.Entry):
    """A kernel that does nothing."""

    def tape_size(self, sizes: Any, tensors: Any) -> int:
        return 0

    def forward(self, sizes: Any, tensors: Any, results: Any) -> bool:
        return True

    def backward(self, *arguments: Any) -> None:
        pass


def test_kernels_made_at_once_have_numbers_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operator, "_entries", Waiting())
    with ThreadPoolExecutor(4) as threads:
        entries = list(threads.map(lambda k: Idle(str(k), Layout((), (), (), ()), ()),
                                range(4)))  # fmt: skip
    assert all(operator._entries[entry.number] is entry for entry in entries)
