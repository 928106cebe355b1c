"""A model's variables and its programs: what a bundle says and does without PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ..models.delta import DeltaModel, unit_hydrograph
from ..models.hydrology.unit_hydrograph import gamma_weights
from ..models.spec import ROUTING_PARAMETERS, hydrograph_length
from ..program import Program
from ..program.trace import BATCH, trace, trace_step
from ..variables import Attribute, Parameter, State
from .manifest import Part, Variables

__all__ = ["programs_of", "variables_of"]


def variables_of(model: DeltaModel, attributes: Iterable[Attribute] = ()) -> Variables:
    """Return everything named that goes into, stays in or comes out of a model.

    Parameters
    ----------
    model : DeltaModel
        The model.
    attributes : iterable of Attribute
        Declarations, with units, of the attributes it reads. What its evaporation
        needs is known; others are described by their name alone.
    """
    declared = {a.name: a for a in attributes}
    evaporation = None
    if model.evaporation is not None:
        evaporation = Part.of(model.evaporation)
        declared.update({p.name: _as_attribute(p) for p in evaporation.parameters})
    return Variables(
        attributes=tuple(declared.get(n, Attribute(name=n)) for n in model.attributes),
        process=Part.of(model.process),
        evaporation=evaporation,
        routing=_routing(model),
        network=_memory(model),
    )


def _as_attribute(parameter: Parameter) -> Attribute:
    return Attribute(
        name=parameter.name, symbol=parameter.symbol, units=parameter.units,
        bounds=parameter.bounds, about=parameter.about,
    )  # fmt: skip


def _routing(model: DeltaModel) -> Part | None:
    if model.spec.routing == "none":
        return None
    routing = unit_hydrograph(hydrograph_length(model.spec.trained_step))
    return Part(
        forcings=routing.forcings,
        states=routing.states,
        parameters=ROUTING_PARAMETERS,
        fluxes=routing.fluxes,
    )


def _memory(model: DeltaModel) -> Part | None:
    if model.dynamic is None:
        return None
    widths = model.dynamic.network.memory
    return Part(
        states=tuple(
            State(name=name, size=width, about="memory of the dynamic network")
            for name, width in widths.items()
        )
    )


def programs_of(model: DeltaModel) -> dict[str, Program]:
    """Trace a model's parts; names and interfaces as in :class:`~.load.Bundle`."""
    training = model.training
    model.eval()
    try:
        programs = {"static": _static(model), "process": trace_step(model.process)}
        if model.dynamic is not None:
            programs["dynamic"] = _dynamic(model)
    finally:
        model.train(training)
    if model.evaporation is not None:
        programs["evaporation"] = trace_step(model.evaporation)
    if model.spec.routing == "gamma":
        for step, dt in model.spec.time_steps.items():
            routing = unit_hydrograph(hydrograph_length(dt))
            programs[f"routing@{step}"] = trace_step(routing)
    return programs


def _static(model: DeltaModel) -> Program:
    steps = model.spec.time_steps if model.spec.routing == "gamma" else {}

    def parameters(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        weights = _unprefixed(values, "w.static.")
        found = torch.func.functional_call(
            model.static, weights, (values["attributes"],)
        )
        results = {f"p.{name}": x for name, x in found.items()}
        for step, dt in steps.items():
            a, b = (found[p.name] for p in ROUTING_PARAMETERS)
            shares = gamma_weights(a, b, hydrograph_length(dt), dt)
            results[f"routing.weight@{step}"] = shares
        return results

    inputs = {"attributes": _free(len(model.spec.static.attributes))}
    return trace(parameters, {**inputs, **_weights(model, "static.")})


def _dynamic(model: DeltaModel) -> Program:
    head, spec = model.dynamic, model.spec.dynamic
    assert head is not None
    assert spec is not None

    def step(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        found, memory = torch.func.functional_call(
            head,
            _unprefixed(values, "w.dynamic."),
            (values["forcing"], values["attributes"], _unprefixed(values, "network.")),
        )
        results = {f"p.{name}": x for name, x in found.items()}
        return {**results, **{f"network.{name}": x for name, x in memory.items()}}

    inputs = {
        "forcing": _free(len(spec.forcings)),
        "attributes": _free(len(spec.attributes)),
        **{f"network.{n}": _free(width) for n, width in head.network.memory.items()},
    }
    return trace(step, {**inputs, **_weights(model, "dynamic.")})


def _free(width: int) -> Tensor:
    """Return an example for tracing: any number of locations, so many columns."""
    return torch.empty(BATCH, width, dtype=torch.float64, device="meta")


def _weights(model: DeltaModel, prefix: str) -> dict[str, Tensor]:
    return {
        f"w.{name}": x.detach().to("meta", torch.float64)
        for name, x in model.state_dict().items()
        if name.startswith(prefix)
    }


def _unprefixed(values: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n[len(prefix) :]: x for n, x in values.items() if n.startswith(prefix)}
