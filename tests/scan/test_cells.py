"""The compiled backend among the rest of PyTorch, and in several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from bmi_dmx.errors import ScanError
from bmi_dmx.models.hydrology.hbv import Hbv, Hbv11p
from bmi_dmx.process import Process
from bmi_dmx.scan import scan
from tests.scan.cases import Case, some_case


def run(case: Case, backend: str) -> Tensor:
    """Return the runoff."""
    arguments = case.process, case.state, case.forcing, case.parameters
    return scan(*arguments, backend=backend).outputs["runoff"]


def test_a_gradient_may_stand_for_its_negative() -> None:
    """Of an imaginary part PyTorch hands on a view that is negated when it is read."""
    case = some_case(Hbv11p(), gradient=True)
    slopes = []
    for backend in ("cells", "reference"):
        runoff = run(case, backend)
        cotangent = torch.complex(runoff, runoff).detach().conj().imag
        assert cotangent.is_neg()
        slopes += torch.autograd.grad(runoff, [case.parameters["fc"]], cotangent)
    torch.testing.assert_close(*slopes)


def test_transforms_of_functions_are_refused() -> None:
    case = some_case(Hbv())

    def runoff(fc: Tensor, backend: str) -> Tensor:
        changed = replace(case, parameters={**case.parameters, "fc": fc})
        return run(changed, backend).sum()

    gradient = torch.func.grad(runoff)
    assert gradient(case.parameters["fc"], "reference").any()
    with pytest.raises(ScanError, match=r"not by the transforms of torch\.func"):
        gradient(case.parameters["fc"], "cells")


def test_several_threads_may_trace_at_once() -> None:
    def own(factor: float) -> Process:
        class Scaled(Hbv11p):
            def step(self, s: Any, f: Any, p: Any) -> Any:
                state, fluxes = super().step(s, f, p)
                return state, {**fluxes, "runoff": factor * fluxes["runoff"]}

        return Scaled()

    def found(factor: float) -> Tensor:
        return run(some_case(own(factor)), "cells")

    factors = [1.0, 2.0, 4.0, 8.0]
    with ThreadPoolExecutor(len(factors)) as threads:
        results = list(threads.map(found, factors))
    for factor, result in zip(factors, results, strict=True):
        assert torch.equal(result, factor * results[0])
