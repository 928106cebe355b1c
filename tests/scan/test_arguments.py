"""What does not fit a process is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ScanError
from bmi_dmx.models.hydrology.hbv import Hbv
from bmi_dmx.process import Process
from bmi_dmx.scan import scan
from bmi_dmx.variables import Parameter, State
from tests.scan.cases import Case, Delay, some_case


def _forcing(
    name: str, change: Callable[[torch.Tensor], Any]
) -> Callable[[Case], None]:
    def apply(case: Case) -> None:
        case.forcing[name] = change(case.forcing[name])

    return apply


FAULTS: dict[str, tuple[Callable[[Case], Any], str]] = {
    "misspelt parameter": (
        lambda c: c.parameters.update(beta_=c.parameters["beta"]),
        "Hbv: unknown parameter 'beta_'; did you mean 'beta'?",
    ),
    "missing parameter": (
        lambda c: c.parameters.pop("fc"),
        "Hbv: parameter 'fc' is missing",
    ),
    "missing forcing": (
        lambda c: c.forcing.pop("air_temperature"),
        "Hbv: forcing 'air_temperature' is missing",
    ),
    "unknown state": (
        lambda c: c.state.update(snow=c.state["snowpack"]),
        "Hbv: unknown state 'snow'; did you mean 'snowpack'?",
    ),
    "no locations": (
        _forcing("precipitation", lambda x: x[:, :0]),
        "Hbv: forcing 'precipitation' has no places",
    ),
    "no steps": (
        _forcing("precipitation", lambda x: x[:0]),
        "Hbv: forcing 'precipitation' has no times",
    ),
    "one dimension": (
        _forcing("precipitation", lambda x: x[:, 0]),
        "forcing 'precipitation' has shape (20,); expected (time, place)",
    ),
    "other length": (
        _forcing("air_temperature", lambda x: x[:-1]),
        "forcing 'air_temperature' has 19 times, forcing 'precipitation' has 20",
    ),
    "other type": (
        _forcing("air_temperature", lambda x: x.float()),
        "forcing 'air_temperature' is torch.float32 on cpu",
    ),
    "number": (
        _forcing("air_temperature", lambda x: 3.0),
        "forcing 'air_temperature': found 3.0, expected a tensor, (time, place)",
    ),
    "array": (
        lambda c: c.parameters.update(beta=c.parameters["beta"].numpy()),
        "parameter 'beta': found array(",
    ),
    "integers": (
        _forcing("precipitation", lambda x: x.long()),
        "forcing 'precipitation' must be floating point, found torch.int64",
    ),
    "other members": (
        lambda c: c.parameters.update(beta=torch.ones(3, 5, dtype=torch.float64)),
        "parameter 'fc' has 2 members, parameter 'beta' has 5",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_are_named(spoil: Callable[[Case], Any], message: str) -> None:
    case = some_case(Hbv())
    spoil(case)
    with pytest.raises(ScanError, match=re.escape(message)):
        scan(case.process, case.state, case.forcing, case.parameters)


@pytest.mark.parametrize("backend", ["cells", "reference"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_found(backend: str, value: float) -> None:
    case = some_case(Hbv(), locations=40)
    case.forcing["potential_evaporation"][7, 33] = value
    message = "forcing 'potential_evaporation' is not finite at time 7, place 33;"
    with pytest.raises(ScanError, match=message):
        scan(case.process, case.state, case.forcing, case.parameters, backend=backend)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outputs": ["runof"]}, "unknown output 'runof'; did you mean 'runoff'?"),
        ({"outputs": "runoff"}, "outputs: expected names, found 'runoff'"),
        ({"warmup": 20}, "warmup must be at least 0 and below the 20 steps"),
        ({"warmup": -1}, "found -1"),
        ({"dt": 0.0}, "dt must be positive (in d), found 0.0"),
        ({"backend": "cell"}, "unknown backend 'cell'; did you mean 'cells'?"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    case = some_case(Hbv())
    with pytest.raises(ScanError, match=re.escape(message)):
        scan(case.process, case.state, case.forcing, case.parameters, **options)


def test_a_class_is_no_process() -> None:
    with pytest.raises(ScanError, match=r"a process, such as Hbv\(\), found <class"):
        scan(Hbv, None, {}, {})  # type: ignore[arg-type]


def test_numbers_may_be_of_numpy() -> None:
    case = some_case(Hbv())
    arguments = case.process, case.state, case.forcing
    runoffs = [
        scan(*arguments, {**case.parameters, "perc": value}).outputs["runoff"]
        for value in (2.0, np.float32(2.0), np.int64(2))
    ]
    assert all(torch.equal(x, runoffs[0]) for x in runoffs)


def test_entries_of_a_parameter_are_counted() -> None:
    case = some_case(Delay(4))
    case.parameters["weight"] = case.parameters["weight"][:3]
    with pytest.raises(ScanError, match=re.escape("expected 4 × a number, (place,")):
        scan(case.process, case.state, case.forcing, case.parameters)


def test_states_left_out_start_as_declared() -> None:
    case = some_case(Hbv())
    cold = {
        v.name: torch.full((3, 2), v.initial, dtype=torch.float64) for v in Hbv.states
    }
    cold_run = scan(case.process, cold, case.forcing, case.parameters)
    left_out = scan(case.process, None, case.forcing, case.parameters)
    assert torch.equal(cold_run.outputs["runoff"], left_out.outputs["runoff"])


def test_a_process_need_not_have_forcings() -> None:
    class Decay(Process):
        states = (State(name="x", initial=1.0),)
        parameters = (Parameter(name="k"),)

        def step(self, s: Any, f: Any, p: Any) -> Any:
            return {"x": s.x * p.k}, {}

    k = torch.full((3, 2, 1), 0.5, dtype=torch.float64)
    for backend in ("cells", "reference"):
        run = scan(
            Decay(), {"x": torch.ones(2, 1).double()}, {}, {"k": k}, backend=backend
        )
        assert (run.state["x"] == 0.125).all()


@pytest.mark.parametrize("table", [[1.0], torch.ones(()), torch.nn.Linear(1, 1)])
def test_what_a_kernel_is_made_of_must_not_change(table: object) -> None:
    class Changeable(Hbv):
        def __init__(self) -> None:
            super().__init__()
            self.table = table

    case = some_case(Changeable())
    with pytest.raises(ScanError, match="attributes must not be changeable"):
        scan(case.process, None, case.forcing, case.parameters, backend="cells")
