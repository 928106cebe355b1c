"""The kernel of a tree gives the numbers and gradients of the readable loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bmi_dmx.errors import ScanError
from bmi_dmx.kernels import tree as kernels_tree
from bmi_dmx.process import Process
from bmi_dmx.scan import scan, tree
from bmi_dmx.scan.operator import Sizes
from tests.scan.tree_cases import Case, Queue, Valve, Wave, case_of, downstreams

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
BUSHY = [-1, *((k - 1) // 2 for k in range(1, 150))]


def assert_equal(ours: list[Tensor], expected: list[Tensor]) -> None:
    for x, y in zip(ours, expected, strict=True):
        tolerance = TOLERANCE[y.dtype]
        size = float(y.detach().abs().max()) + 1e-30
        torch.testing.assert_close(x, y, rtol=tolerance, atol=tolerance * size)


@contextmanager
def threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def sharing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let threads share however little there is to do."""
    monkeypatch.setattr(kernels_tree, "_FEW", 0)


KINDS: list[tuple[Process, dict[str, bool], tuple[str, ...]]] = [
    (Wave(), {}, ("outflow", "other")),
    (Wave(), {"given": True}, ("level", "total")),
    (Wave(), {"varying": True, "given": True}, ("other",)),
    (Queue(), {}, ("outflow", "store")),
    (Queue(), {"varying": True}, ()),
]
"""Physics, what it is given, and what is recorded; each is a kernel."""


@settings(max_examples=25)
@given(
    kind=st.sampled_from(KINDS),
    downstream=downstreams(),
    steps=st.sampled_from([1, 2, 16, 31, 32, 33, 65]),
    warmup=st.sampled_from([0, 0, 1, 15, 32, 40]),
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
    assert_equal(case.found(**options), case.found("reference", **options))


@pytest.mark.parametrize("process", [Wave(), Queue()], ids=lambda p: p.name)
def test_single_precision_is_that_of_the_loop(process: Process) -> None:
    case = case_of(process, BUSHY, steps=100, members=2, dtype=torch.float32)
    assert_equal(case.found(), case.found("reference"))


@pytest.mark.parametrize("outputs", [("outflow",), ()], ids=["series", "none"])
def test_what_nothing_depends_on_has_its_gradient_when_it_is_asked_for(
    outputs: tuple[str, ...],
) -> None:
    case = case_of(Wave(), BUSHY, steps=40)
    gradients = []
    for backend in ("tree", "reference"):
        result = case.run(backend, outputs=outputs)
        gradients.append(
            case.gradients([result.state["total"], *result.outputs.values()])
        )
    assert_equal(*gradients)


def test_without_gradients_the_numbers_are_the_same() -> None:
    case = case_of(Wave(), BUSHY)
    run = case.run()
    with torch.no_grad():
        plain = case.run()
    assert all(map(torch.equal, run.outputs.values(), plain.outputs.values()))
    assert all(map(torch.equal, run.state.values(), plain.state.values()))


@pytest.mark.usefixtures("sharing")
@pytest.mark.parametrize("kept", [1 << 30, 0], ids=["kept", "computed again"])
@pytest.mark.parametrize(
    "drawn", [{"side_by_side": True}, {"members": 3, "shared": True}], ids=str
)
@pytest.mark.parametrize("average", [False, True])
def test_any_number_of_threads_makes_the_same_bits(
    kept: int, average: bool, drawn: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "_KEPT_BYTES", kept)
    case = case_of(Wave(), [*BUSHY, -1, 150, 3], steps=70, **drawn)
    runs = []
    for number in (1, 2, 3):
        with threads(number):
            runs.append(case.found(warmup=3, average=average))
    assert all(map(torch.equal, runs[0], runs[1]))
    assert all(map(torch.equal, runs[0], runs[2]))


@pytest.mark.usefixtures("sharing")
def test_the_way_back_is_that_of_the_way_there_whatever_the_threads() -> None:
    case = case_of(Wave(), BUSHY)
    gradients = []
    for there, back in ((1, 1), (3, 1), (1, 3)):
        with threads(there):
            outputs = list(case.run().outputs.values())
        with threads(back):
            gradients.append(case.gradients(outputs))
    assert all(map(torch.equal, gradients[0], gradients[1]))
    assert all(map(torch.equal, gradients[0], gradients[2]))


@pytest.mark.parametrize("process", [Wave(), Queue()], ids=lambda p: p.name)
def test_what_is_not_kept_is_computed_again(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(process, BUSHY, steps=70, given=True)
    numbers = case.found()
    monkeypatch.setattr(tree, "_KEPT_BYTES", 0)
    assert all(map(torch.equal, case.found(), numbers))


def test_the_order_of_the_places_does_not_matter() -> None:
    case = case_of(Wave(), BUSHY)
    order = torch.randperm(len(BUSHY))
    subset = case.process.space.subset(order.numpy())
    other = scan(
        Wave().on(subset), {n: x[order] for n, x in case.state.items()},
        {n: x[:, order] for n, x in case.forcing.items()},
        {n: x[order] for n, x in case.parameters.items()},
    )  # fmt: skip
    for name, x in case.run().outputs.items():
        torch.testing.assert_close(other.outputs[name], x[:, order],
                                   rtol=1e-13, atol=1e-13)  # fmt: skip


def test_a_river_of_single_places_in_single_steps_is_one_of_all() -> None:
    case = case_of(Wave(), BUSHY, steps=35, members=2)
    whole = case.run()
    state, rows = case.state, []
    for t in range(35):
        forcing = {n: x[t : t + 1] for n, x in case.forcing.items()}
        state, outputs = scan(case.process, state, forcing, case.parameters)
        rows.append(outputs["outflow"])
    assert torch.equal(torch.cat(rows), whole.outputs["outflow"])
    assert all(map(torch.equal, state.values(), whole.state.values()))


@pytest.mark.parametrize("group", ["state", "forcing", "parameters"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_named(group: str, value: float) -> None:
    case = case_of(Wave(), BUSHY, steps=5)
    for name, x in getattr(case, group).items():
        bad = x.detach().clone()
        bad.reshape(-1)[-1] = value
        changed = Case(case.process, case.state, case.forcing, case.parameters)
        setattr(changed, group, {**getattr(case, group), name: bad})
        what = group.removesuffix("s")
        with pytest.raises(ScanError, match=f"Wave: {what} '{name}' is not finite at"):
            changed.run()


def test_what_may_be_nan_may_be_so_in_a_warm_up() -> None:
    case = case_of(Valve(), BUSHY, steps=9)
    case.parameters["least"].detach()[::2] = torch.nan
    for warmup in (0, 4):
        outflows = [case.run(name, warmup=warmup).outputs["outflow"]
                 for name in ("tree", "reference")]  # fmt: skip
        torch.testing.assert_close(*outflows)


def test_a_second_derivative_is_refused_not_wrong() -> None:
    case = case_of(Wave(), BUSHY, steps=3)
    k = case.parameters["k"]
    outflow = case.run().outputs["outflow"]
    (first,) = torch.autograd.grad(outflow.sum(), [k], create_graph=True)
    with pytest.raises(ScanError, match="Wave: kernels are differentiated once"):
        torch.autograd.grad(first.sum() + k.square().sum(), [k])


def lateral_of(case: Case) -> tuple[Tensor, Tensor]:
    return case.forcing["lateral"].detach(), case.parameters["k"]


def changed(case: Case, lateral: Tensor, k: Tensor) -> Tensor:
    """Return twice the outflow of a case with other forcing and another parameter."""
    result = scan(case.process, case.state, {"lateral": lateral},
                  {**case.parameters, "k": k}, outputs=["outflow"])  # fmt: skip
    return 2.0 * result.outputs["outflow"]


def plain(case: Case) -> Case:
    groups = (case.state, case.forcing, case.parameters)
    return Case(case.process, *({n: x.detach() for n, x in g.items()} for g in groups))


def test_an_exported_function_holds_the_operator() -> None:
    case = plain(case_of(Wave(), BUSHY, steps=6))

    class Model(torch.nn.Module):
        def forward(self, lateral: Tensor, k: Tensor) -> Tensor:
            return changed(case, lateral, k)

    inputs = lateral_of(case)
    exported = torch.export.export(Model(), inputs, strict=False)
    targets = [node.target for node in exported.graph.nodes]
    assert targets.count(torch.ops.bmi_dmx.run.default) == 1
    assert torch.equal(exported.module()(*inputs), changed(case, *inputs))


@pytest.mark.parametrize("members", [1, 2])
def test_a_compiled_function_has_the_numbers_and_gradients(members: int) -> None:
    case = plain(case_of(Wave(), BUSHY, steps=6, members=members))
    lateral, k = lateral_of(case)
    k.requires_grad_()
    expected = changed(case, lateral, k)
    compiled = torch.compile(changed, fullgraph=True, backend="aot_eager")
    outflow = compiled(case, lateral, k)
    assert torch.equal(outflow, expected)
    gradients = [torch.autograd.grad(x.sum(), [k])[0] for x in (outflow, expected)]
    assert torch.equal(*gradients)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("members", [1, 3])
def test_the_operators_keep_the_rules_of_pytorch(members: int, average: bool) -> None:
    case = case_of(Wave(), [2, 0, -1, 0, 2], steps=5, members=members)
    entry = tree._entry_for(
        case.process, members, ("q.outflow", "s.level"), ("f.lateral",), (), (),
        double=True, adjoint=True,
    )  # fmt: skip
    assert not isinstance(entry, str)
    slots = tree._parts(case.process, members, 5, entry.request.lanes)[1]
    sizes = Sizes(5, 1, 5, members, average, True, True, 1, slots)
    forcing = [x.detach().unsqueeze(-1) for x in case.forcing.values()]
    below = torch.from_numpy(case.process.space.downstream.copy())
    states, parameters = case.state.values(), case.parameters.values()
    tensors = [*states, *(x.requires_grad_() for x in forcing), *parameters, below]
    torch.library.opcheck(torch.ops.bmi_dmx.run, (tensors, entry.number, list(sizes)))
    with torch.no_grad():
        *outputs, tape = torch.ops.bmi_dmx.run(tensors, entry.number, list(sizes))
    cotangents = [torch.ones_like(x) for x in outputs]
    inputs = [x.detach() for x in tensors]
    torch.library.opcheck(
        torch.ops.bmi_dmx.run_backward,
        (cotangents, tape, inputs, entry.number, list(sizes)),
    )


def test_a_tree_that_is_not_the_one_of_a_run_is_refused() -> None:
    case = plain(case_of(Wave(), BUSHY, steps=3))
    entry = tree._entry_for(case.process, 1, ("q.outflow",), ("f.lateral",), (), (),
                            double=True, adjoint=False)  # fmt: skip
    assert not isinstance(entry, str)
    forcing = [x.unsqueeze(-1) for x in case.forcing.values()]
    tensors = [*case.state.values(), *forcing, *case.parameters.values(),
               torch.full((150,), -1)]  # fmt: skip
    sizes = Sizes(3, 0, 150, 1, False, False, False, 1, 176)
    with pytest.raises(ScanError, match="176 slots was asked for, its tree has 160"):
        torch.ops.bmi_dmx.run(tensors, entry.number, list(sizes))
