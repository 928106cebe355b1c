"""Processes: what a class of one must declare, and the table of what it does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bmi_dmx.describe import declaration_table
from bmi_dmx.process import Budget, Process
from bmi_dmx.variables import Flux, Forcing, Parameter, State, Variable


class Bucket(Process):
    """A linear store."""

    forcings = (Forcing(name="rain", units="mm d-1", symbol="P", about="rain"),)
    states = (State(name="past", units="mm", size=3, about="what fell"),)
    parameters = (
        Parameter(name="k", symbol="k", bounds=(0, 0.5), default=0.1, about="share"),
    )
    fluxes = (Flux(name="flow", units="mm d-1", symbol="Q", about="outflow"),)

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"past": (f.rain, *s.past[:2])}, {"flow": p.k * s.past[2]}


TABLE = """\
| kind      | symbol | name     | units  | bounds   | meaning            |
| --------- | ------ | -------- | ------ | -------- | ------------------ |
| forcing   | P      | rain     | mm d-1 |          | rain               |
| state     |        | past [3] | mm     |          | what fell          |
| parameter | k      | k        | 1      | 0 to 0.5 | share; default 0.1 |
| flux      | Q      | flow     | mm d-1 |          | outflow            |"""


def test_the_table_is_aligned_and_in_order() -> None:
    assert declaration_table(Bucket()) == TABLE


def test_a_process_is_called_like_its_class() -> None:
    assert Bucket().name == "Bucket"


@pytest.mark.parametrize(
    ("kind", "again"),
    [
        ("states", State(name="rain")),
        ("parameters", Parameter(name="past")),
        ("fluxes", Flux(name="k")),
        ("forcings", Forcing(name="flow")),
    ],
)
def test_a_name_means_one_thing_whatever_its_kind(kind: str, again: Variable) -> None:
    declared = {kind: (*getattr(Bucket, kind), again)}
    with pytest.raises(ValueError, match=f"'{again.name}' is declared twice"):
        type("Ambiguous", (Bucket,), declared)


def test_a_process_without_a_step_is_none() -> None:
    class Idle(Process):
        pass

    with pytest.raises(TypeError, match="abstract method"):
        Idle()


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (
            Budget(("rian",), ("flow",), ("past",), "x", "1"),
            "'rian' is not declared.*'rain'",
        ),
        (Budget(("rain",), ("past",), ("past",), "x", "1"), "'past' is not declared"),
        (
            Budget(("rain",), ("flow",), ("passed",), "x", "1"),
            "'passed' is not declared.*'past'",
        ),
    ],
)
def test_a_budget_is_of_what_is_declared(budget: Budget, message: str) -> None:
    with pytest.raises(ValueError, match=f"budget: {message}"):
        type("Unbalanced", (Bucket,), {"budget": budget})
