"""Which backend runs what, and what is said where a slow one does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from bmi_dmx.errors import ScanError
from bmi_dmx.models.hydrology.hbv import Hbv
from bmi_dmx.process import Stencil
from bmi_dmx.scan import backends, scan
from bmi_dmx.scan.backends import AUTO, BACKENDS, ON_GPU
from tests.scan.cases import some_case


@pytest.fixture(autouse=True)
def _nothing_was_said(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    backends._say_once.cache_clear()
    yield
    backends._say_once.cache_clear()


class Unusual(Hbv):
    """A step that no kernel is made of."""

    def step(self, s: Any, f: Any, p: Any) -> Any:
        state, fluxes = super().step(s, f, p)
        return state, {**fluxes, "melt": torch.erfinv(0.0 * fluxes["melt"])}


REFUSED = {
    "half": (Hbv(), torch.float16, "runs float32 and float64 on a CPU, found torch.fl"),
    "operation": (Unusual(), torch.float64, "operation 'erfinv' cannot be compiled"),
}


@pytest.mark.parametrize(("process", "dtype", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_detour_is_said_once_with_its_reason(
    process: Hbv, dtype: torch.dtype, reason: str
) -> None:
    case = some_case(process, dtype=dtype, steps=3)
    arguments = case.process, case.state, case.forcing, case.parameters
    with pytest.warns(
        RuntimeWarning, match=f"{reason}.*'reference' runs it"
    ) as records:
        slow = scan(*arguments)
    assert records[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = scan(*arguments)
    reference = scan(*arguments, backend="reference")
    for run in (again, reference):
        assert torch.equal(run.outputs["runoff"], slow.outputs["runoff"])
    with pytest.raises(ScanError, match=reason):
        scan(*arguments, backend="cells")


def test_other_devices_are_refused_by_kernels() -> None:
    case = some_case(Hbv(), steps=3)
    groups = (case.state, case.forcing, case.parameters)
    there = [{n: x.to("meta") for n, x in group.items()} for group in groups]
    with pytest.raises(ScanError, match=r"found torch\.float64 on meta"):
        scan(case.process, *there, backend="cells")


def test_couplings_have_backends_of_their_own() -> None:
    class Coupled(Hbv):
        coupling = Stencil()

    assert {type(Hbv.coupling), type(Coupled.coupling)} <= AUTO.keys()
    assert all(AUTO[kind][-1] == "reference" for kind in AUTO)
    case = some_case(Hbv(), steps=3)
    with pytest.raises(ScanError, match="runs whole fields, found coupling Cells"):
        scan(case.process, None, case.forcing, case.parameters, backend="tensors")
    backends = [name for table in (AUTO, ON_GPU) for names in table.values()
              for name in names]  # fmt: skip
    assert set(backends) == BACKENDS.keys()
    assert AUTO.keys() == ON_GPU.keys()
