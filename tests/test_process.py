"""Processes: what a class of one must declare, and the table of what it does."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import pytest
import torch

from bmi_dmx.describe import declaration_table
from bmi_dmx.errors import ConfigError
from bmi_dmx.process import Budget, NoOptions, Process, Upstream
from bmi_dmx.scan import scan
from bmi_dmx.space import Points
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
    with pytest.raises(ValueError, match=f"budget.*: {message}"):
        type("Unbalanced", (Bucket,), {"budgets": (budget,)})


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ({"rian": "flow"}, "'rian' is not declared.*'rain'"),
        ({"rain": "flwo"}, "'flwo' is not declared.*'flow'"),
        ({"rain": "past"}, "'past' is not declared"),
    ],
)
def test_a_coupling_is_of_what_is_declared(links: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=f"coupling: {message}"):
        type("Uncoupled", (Bucket,), {"coupling": Upstream(links)})


def test_the_unit_of_time_is_one_that_is_known() -> None:
    with pytest.raises(
        ValueError, match="time: found 'w', expected s, min, h, d, month, 1"
    ):
        type("Timeless", (Bucket,), {"time": "w"})


class Delay(Process):
    """What comes in leaves after some steps, part of it lost."""

    @dataclass(frozen=True)
    class Options:
        """How long, and where to."""

        hours: float = 2.0
        way: Literal["down", "up"] = "down"

        def __post_init__(self) -> None:
            if not self.hours > 0.0:
                raise ConfigError(f"hours: expected more than 0, found {self.hours}")

    time: ClassVar[str] = "h"
    forcings = (Forcing(name="inflow", units="1 h-1", per_step="rate"),)
    parameters = (
        Parameter(name="loss", bounds=(0, 1)),
        Parameter(name="gain", bounds=(0, 9), default=1.0),
    )
    prepared = (Parameter(name="left", bounds=(0, 9)),)
    fluxes = (Flux(name="outflow", units="1 h-1", per_step="rate"),)

    def __init__(self, options: Any = None, dt: float = 1.0) -> None:
        super().__init__(options)
        self.dt = dt
        self.states = (State(name="waiting", size=round(self.options.hours / dt)),)

    def at(self, dt: float) -> Process:
        return Delay(self.options, dt)

    def prepare(self, p: SimpleNamespace) -> dict[str, Any]:
        return {"left": p.gain * (1.0 - p.loss)}

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        waiting = (*s.waiting[1:], f.inflow * p.left)
        return {"waiting": waiting}, {"outflow": s.waiting[0]}


def test_options_are_typed_and_decide_declarations() -> None:
    assert Bucket().options == NoOptions()
    assert Delay().states[0].size == 2
    delay = Delay({"hours": 5, "way": "up"})
    assert delay.options == Delay.Options(5.0, "up")
    assert delay.states[0].size == 5
    assert Delay(delay.options).options is delay.options


@pytest.mark.parametrize(
    ("process", "options", "message"),
    [
        (Delay, {"hour": 5}, "Delay: options: hour: unknown key; did you mean 'hours'"),
        (Delay, {"hours": "5"}, "Delay: options: hours: found '5', expected a number"),
        (Delay, {"hours": 0}, "Delay: options: hours: expected more than 0, found 0"),
        (Delay, {"way": "dwon"}, "options: way: unknown value 'dwon'.*'down'"),
        (Bucket, {"size": 3}, "Bucket: options: size: unknown key"),
    ],
)
def test_options_are_refused_by_name(process: Any, options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        process(options)


def test_a_process_for_another_step_keeps_its_options() -> None:
    assert Bucket().at(0.25).__class__ is Bucket
    shorter = Delay({"hours": 3}).at(0.5)
    assert shorter.options.hours == 3.0
    assert shorter.states[0].size == 6


def test_a_process_on_a_space_is_another_object() -> None:
    process, space = Bucket(), Points(("a", "b"))
    placed = process.on(space)
    assert placed.space is space
    assert process.space is None
    assert type(placed) is Bucket


def test_what_a_step_sees_is_prepared_once() -> None:
    process = Delay()
    assert [p.name for p in process.step_parameters] == ["left"]
    assert Bucket().step_parameters == Bucket.parameters
    inflow = torch.ones(7, 3, dtype=torch.float64)
    loss = torch.tensor([[0.0], [0.5], [1.0]], dtype=torch.float64)
    forcing = {"inflow": inflow}
    # What is not given takes its default before the others are prepared.
    ran = scan(process, None, forcing, {"loss": loss}, dt=0.5)
    again = scan(process, None, forcing, {"left": 1.0 - loss}, dt=0.5)
    outflow = ran.outputs["outflow"].squeeze(-1)
    assert torch.equal(outflow, again.outputs["outflow"].squeeze(-1))
    # Four steps of half an hour.
    assert outflow[:4].abs().max() == 0.0
    assert torch.equal(outflow[4:], (1.0 - loss).squeeze(-1).expand(3, 3))
