"""The programs of a model, traced; what a bundle needs to run without PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from ..compose.learned_process import LearnedProcess
from ..compose.model import Model
from ..compose.part import Part, step_key
from ..compose.precursors import transfer_name
from ..process import SECONDS, Process
from ..program import Program, entry_names
from ..program.trace import BATCH, call_step, trace, trace_step
from ..variables import Variable

__all__ = ["programs_of"]


def programs_of(model: Model) -> dict[str, Program]:
    """Trace a model's parts; names and interfaces as in :class:`~.load.Bundle`."""
    training = model.training
    model.eval()
    try:
        return {
            name: program
            for part in model.parts
            for name, program in _programs(model, part)
        }
    finally:
        model.train(training)


def _programs(model: Model, part: Part) -> Iterator[tuple[str, Program]]:
    if part.kind == "network":
        yield part.name, _network(model, part)
        if part.before:
            yield transfer_name(part), _transfer(model, part)
        return
    process = model.processes[part.name]
    steps = model.spec.lengths if part.timed else (model.spec.seconds,)
    for seconds in steps:
        suffix = f"@{step_key(seconds)}" if part.timed else ""
        ready = process.at(seconds / SECONDS[part.time])
        yield part.name + suffix, _step(model, part, ready)
        if ready.prepared:
            yield f"{part.name}.prepare{suffix}", _prepare(model, part, ready)


def _step(model: Model, part: Part, process: Process) -> Program:
    if part.coupling != "stencil":
        return trace_step(process)
    assert model.space is not None
    inputs = {
        **_fields(model, "s", process.states),
        **_fields(model, "f", process.forcings),
        **_fields(model, "p", process.step_parameters),
    }
    if not isinstance(process, LearnedProcess):
        return trace(lambda values: call_step(process, values), inputs)
    return _with_weights(
        _Step(process), "network.", part.name, inputs, lambda run, values: run(values)
    )


def _fields(
    model: Model, prefix: str, variables: tuple[Variable, ...]
) -> dict[str, Tensor]:
    assert model.space is not None
    return {
        name: torch.rand(model.space.shape(v), dtype=torch.float64)
        for v in variables
        for name in entry_names(prefix, v)
    }


class _Step(nn.Module):
    """The step of a process as a module, so that its weights may be inputs."""

    def __init__(self, process: LearnedProcess) -> None:
        super().__init__()
        self.process = process
        self.network = process.network

    def forward(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return call_step(self.process, values)


def _prepare(model: Model, part: Part, process: Process) -> Program:
    """Trace what makes of the parameters what the step sees of them."""
    if part.coupling == "stencil":
        inputs = _fields(model, "p", process.parameters)
    else:
        # Without members there is no axis for them, as in a model and in operation.
        shape = (BATCH, part.members) if part.members else (BATCH,)
        inputs = {
            f"p.{p.name}": torch.empty(shape, dtype=torch.float64, device="meta")
            for p in process.parameters
        }

    def prepared(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        parameters = {name[2:]: x for name, x in values.items()}
        outputs = process.prepare(SimpleNamespace(**parameters))
        return {f"p.{p.name}": outputs[p.name] for p in process.prepared}

    return trace(prepared, inputs)


def _network(model: Model, part: Part) -> Program:
    module = model._modules[part.name]
    assert module is not None
    inputs = {"attributes": _free(len(part.attributes))}
    if part.every == "once":
        return _with_weights(
            module, "", part.name, inputs,
            lambda run, values: _named("p", run(values["attributes"])),
        )  # fmt: skip
    inputs = {"forcing": _free(len(part.inputs)), **inputs}
    states = {s.name: _free(s.size) for s in part.variables.states}
    inputs |= {f"s.{name}": x for name, x in states.items()}

    def step(
        run: Callable[..., Any], values: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        memory = {name: values[f"s.{name}"] for name in states}
        answers, after = run(values["forcing"], values["attributes"], memory)
        return {**_named("p", answers), **_named("s", after)}

    return _with_weights(module, "", part.name, inputs, step)


def _transfer(model: Model, part: Part) -> Program:
    """Trace what leads from the memory of a network to that of the one after it."""
    network: Any = model.network(part.name)
    module: nn.Module = network.transfer
    inputs = {f"s.{s.name}": _free(s.size) for s in part.variables.states}

    def passed_on(
        run: Callable[..., Any], values: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        return _named("s", run({n[2:]: values[n] for n in inputs}))

    return _with_weights(module, "", transfer_name(part), inputs, passed_on)


def _with_weights(
    module: nn.Module,
    prefix: str,
    name: str,
    inputs: Mapping[str, Tensor],
    answer: Callable[..., dict[str, Tensor]],
) -> Program:
    """Trace a module with its weights as inputs, ``w.<part>.<name>``."""
    weights = {
        n.removeprefix(prefix): x.detach().to(torch.float64)
        for n, x in module.state_dict().items()
        # What leads on from a memory is a program of its own.
        if not n.startswith("transfer.")
    }
    fake = any(BATCH in x.shape for x in inputs.values())
    device = "meta" if fake else "cpu"
    weight_inputs = {f"w.{name}.{n}": x.to(device) for n, x in weights.items()}

    def whole(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        parameters = {f"{prefix}{n}": values[f"w.{name}.{n}"] for n in weights}

        def run(*arguments: object) -> Any:
            return torch.func.functional_call(module, parameters, arguments)

        return answer(run, values)

    return trace(whole, {**inputs, **weight_inputs})


def _free(width: int) -> Tensor:
    """Return an example for tracing: any number of places, so many columns."""
    return torch.empty(BATCH, width, dtype=torch.float64, device="meta")


def _named(prefix: str, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": x for name, x in values.items()}
