"""``dmx bench train``: a step of training, and what of it is network or process."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..compose import Model, ModelSpec, Moments, Statistics
from ..conversion import convert
from ..kernels.memory import retained
from .measure import Effort, Record, Value, peak_growth, seconds_of
from .problems import DYNAMIC, MEMBERS, Problem, scan_with
from .report import RecordColumn, show
from .scan import threads
from .whole_training import Parts, cost
from .whole_training import record as whole_record

__all__ = ["CASES", "TRAININGS", "Case", "Step", "run"]

_ATTRIBUTES = tuple(f"attribute_{k}" for k in range(13))
_DRIVERS = ("precipitation", "air_temperature", "potential_evaporation")

_WIDE = 256
"""Width of the LSTM that targets are for."""

_SHARE_TARGET = 0.05
"""Share of a step that processes may take."""

_NEITHER_TARGET = 0.10
"""Share of a whole training that may be neither network nor process."""

_THROUGH_TARGET = 0.08
"""Seconds that HBV 1.1p may take with gradient through the warm-up, 100 places."""


_FEW = 5
"""Steps of the shorter of two trainings whose difference is what steps cost."""

_MEASURED_S = 12.0
"""CPU seconds of steps that the longer one takes more."""


class Case(NamedTuple):
    """A model: its process, and the width of its LSTM, 0 where there is none."""

    process: str
    width: int

    @property
    def networks(self) -> str:
        """What supplies the parameters."""
        return f"LSTM-{self.width}" if self.width else "static"

    def settings(self) -> dict[str, Any]:
        """Return the model as an experiment has it."""
        settings: dict[str, Any] = {
            "process": self.process,
            "members": MEMBERS,
            "static": {"attributes": list(_ATTRIBUTES), "hidden": [128, 128]},
        }
        if self.width:
            settings["dynamic"] = {
                "parameters": list(DYNAMIC),
                "forcings": list(_DRIVERS),
                "attributes": list(_ATTRIBUTES),
                "hidden": self.width,
            }
        return settings

    def model(self) -> Model:
        """Return the model as it begins training."""
        spec = convert(self.settings(), ModelSpec, "model")
        moments = {name: Moments(0.0, 1.0) for name in spec.network_inputs}
        return Model(spec, Statistics(moments))


TRAININGS = {
    Case("hbv11p", 0): 10_000,
    Case("hbv11p", 64): 4_500,
    Case("hbv11p", 256): 4_500,
}
"""Steps of whole trainings: of ``camels_static``, and of ``camels_dynamic``."""

CASES = tuple(Case(p, width) for p in ("hbv10", "hbv11p") for width in (0, 64, 256))


class _Answers(nn.Module):
    """Stands for a network whose answers are known: leaves that gradients end in."""

    def __init__(self, answers: dict[str, Tensor], memory: dict[str, Tensor]) -> None:
        super().__init__()
        self.answers, self.memory, self.at = answers, memory, 0

    def forward(self, *inputs: Tensor) -> Any:
        """Return them, of the steps that come next where they change with time."""
        if len(inputs) == 1:
            return self.answers
        steps, first = len(inputs[0]), self.at
        self.at = (first + steps) % len(next(iter(self.answers.values())))
        now = {n: x[first : first + steps] for n, x in self.answers.items()}
        return now, self.memory


class Step:
    """A step of training on made-up weather, whole and in parts.

    Parameters
    ----------
    case : Case
        The model.
    places : int
        Places of the batch.
    warmup, steps : int
        Steps of the window without and with gradient.
    """

    def __init__(self, case: Case, places: int, warmup: int, steps: int) -> None:
        torch.manual_seed(0)
        self.case, self.places, self.warmup, self.steps = case, places, warmup, steps
        self.forcing = Problem.of(places, steps=warmup + steps).forcing
        self.attributes = {n: torch.randn(places) for n in _ATTRIBUTES}
        self.model = case.model()
        self.optimizer = torch.optim.Adam(self.model.parameters())
        self.target = torch.rand(steps, places)

    def whole(self) -> None:
        """Simulate, compare, go back, and change the weights."""
        self.optimizer.zero_grad()
        self.compared(self.model, self.warmup).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()

    def compared(self, model: Model, warmup: int) -> Tensor:
        """Return the loss of a model, with so many steps without gradient."""
        ran = model.simulate(
            self.forcing, self.attributes, warmup=warmup, outputs=["streamflow"]
        )
        # With gradient through the warm-up that is recorded as well, and left out.
        last = ran.outputs["streamflow"][self.warmup - warmup :]
        return (last - self.target).square().mean()

    def networks(self) -> None:
        """Run the networks alone as the model does, and go back from their answers."""
        answers: list[Tensor] = []
        for part in self.model.plan.networks:
            network = self.model.network(part.name)
            fixed = torch.stack([self.attributes[n] for n in part.attributes], -1)
            if not part.inputs:
                answers += network(fixed).values()
                continue
            series = torch.stack([self.forcing[n] for n in part.inputs], -1)
            memory = self._memory(part.name)
            with torch.no_grad():
                memory = network(series[: self.warmup], fixed, memory)[1]
            answers += network(series[self.warmup :], fixed, memory)[0].values()
        self.optimizer.zero_grad()
        torch.autograd.backward(answers, [torch.ones_like(x) for x in answers])

    def _memory(self, part: str) -> dict[str, Tensor]:
        state = self.model.initial_state(self.places)
        start = f"{part}."
        return {n[len(start) :]: x for n, x in state.items() if n.startswith(start)}

    def answered(self) -> tuple[Model, list[Tensor]]:
        """Return the model with answers for networks, and these answers."""
        model = deepcopy(self.model)
        leaves: list[Tensor] = []
        for part in model.plan.networks:
            network, memory = model.network(part.name), self._memory(part.name)
            fixed = torch.stack([self.attributes[n] for n in part.attributes], -1)
            with torch.no_grad():
                if part.inputs:
                    series = torch.stack([self.forcing[n] for n in part.inputs], -1)
                    outputs = network(series, fixed, memory)[0]
                else:
                    outputs = network(fixed)
            answers = {n: x.requires_grad_() for n, x in outputs.items()}
            leaves += answers.values()
            setattr(model, part.name, _Answers(answers, memory))
        return model, leaves

    def processes(self, warmup: int) -> Callable[[], object]:
        """Return what runs the processes alone; ``warmup`` steps without gradient."""
        model, leaves = self.answered()
        return lambda: torch.autograd.grad(self.compared(model, warmup), leaves)

    def sizes(self) -> dict[str, Value]:
        """Return what a record tells about the case."""
        return {
            "process": self.case.process, "networks": self.case.networks,
            "locations": self.places, "warmup": self.warmup,
            "steps": self.warmup + self.steps, "members": MEMBERS,
            "dtype": "float32", "threads": torch.get_num_threads(),
        }  # fmt: skip


def run(
    cases: Sequence[Case] = CASES,
    places: int = 100,
    warmup: int = 365,
    steps: int = 365,
) -> list[Record]:
    """Measure, print and return everything about steps of training.

    Parameters
    ----------
    cases : sequence of Case
        The models.
    places : int
        Places of a batch.
    warmup, steps : int
        Steps of a window without and with gradient.
    """
    with threads(1), retained():
        records = [_measured(Step(case, places, warmup, steps)) for case in cases]
        _print(records)
        loop = _loop(places, warmup, steps)
        wholes = [
            _whole(case, TRAININGS[case], record, (warmup, steps))
            for case, record in zip(cases, records, strict=True)
            if case in TRAININGS
        ]
    _print_wholes(wholes)
    return [*records, loop, *wholes]


def _whole(case: Case, number: int, step: Record, window: tuple[int, int]) -> Record:
    """Return a training of so many steps, by the cost of one that was measured."""
    parts = Parts(*(float(step.more[n] or 0.0) for n in ("networks_s", "processes_s")))
    longer = _FEW + math.ceil(_MEASURED_S / float(step.more["step_s"] or 1.0))
    places = int(step.sizes["locations"] or 0)
    spent = cost(case.settings(), places, window, (_FEW, longer))
    target = _NEITHER_TARGET if case.width == _WIDE else None
    return whole_record(step.sizes, number, spent, parts, target)


def _print_wholes(records: Sequence[Record]) -> None:
    show(
        records,
        "A whole training, CPU seconds of one thread",
        (
            RecordColumn("networks", "networks"),
            RecordColumn("steps", "training_steps"),
            RecordColumn("start and end", "fixed_s", 1.0, ".1f"),
            RecordColumn("a step", "step_s", 1.0, ".3f"),
            RecordColumn("whole", "whole_s", 1.0, ".0f"),
            RecordColumn(
                "neither network nor process %", "share_of_neither", 100.0, ".1f"
            ),
            RecordColumn(
                "aim %", "target_share_of_neither", 100.0, ".0f", optional=True
            ),
        ),
    )


def _measured(training: Step) -> Record:
    effort = Effort(repeats=3, seconds=0.5)
    whole = seconds_of(training.whole, effort)
    networks = seconds_of(training.networks, effort)
    processes = seconds_of(training.processes(training.warmup), effort)
    through = seconds_of(training.processes(0), effort)
    case = training.case
    aims: dict[str, Value] = {}
    if case.width == _WIDE:
        aims["target_share"] = _SHARE_TARGET
    if case.process == "hbv11p" and training.places == 100:
        aims["target_through_warmup_s"] = _THROUGH_TARGET
    return Record(
        case="training step", implementation="bmi_dmx", sizes=training.sizes(),
        memory_bytes=peak_growth(training.whole),
        more={
            "step_s": whole, "networks_s": networks, "processes_s": processes,
            "through_warmup_s": through, "share_of_processes": processes / whole,
            "share_of_neither": 1.0 - (networks + processes) / whole, **aims,
        },
    )  # fmt: skip


def _print(records: Sequence[Record]) -> None:
    show(
        records,
        "A step of training, CPU seconds of one thread",
        (
            RecordColumn("process", "process"),
            RecordColumn("networks", "networks"),
            RecordColumn("step", "step_s", 1.0, ".3f"),
            RecordColumn("networks alone", "networks_s", 1.0, ".3f"),
            RecordColumn("processes alone", "processes_s", 1.0, ".4f"),
            RecordColumn("%", "share_of_processes", 100.0, ".1f"),
            RecordColumn("neither %", "share_of_neither", 100.0, ".1f"),
            RecordColumn("gradient through warm-up", "through_warmup_s", 1.0, ".4f"),
            RecordColumn("MB", "memory_bytes", 1e-6, ".0f"),
        ),
    )


def _loop(places: int, warmup: int, steps: int) -> Record:
    """Return a record of the plain loop over PyTorch's operations, as a yardstick."""
    problem = Problem.of(places, steps=warmup + steps, warmup=warmup)
    loop = scan_with("reference")
    seconds = seconds_of(
        lambda: problem.backward(loop(problem)), Effort(repeats=1, seconds=0.0)
    )
    print(f"The plain loop, HBV 1.1p alone, static: {seconds:.2f} s")
    return Record(
        case="plain loop", implementation="reference", sizes=problem.sizes(),
        memory_bytes=peak_growth(partial(_both, loop, problem)),
        more={"processes_s": seconds},
    )  # fmt: skip


def _both(loop: Callable[[Problem], Tensor], problem: Problem) -> None:
    problem.backward(loop(problem))
