"""One run of a model over a series: part after part, piece after piece."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from ..process import Process
from ..program import entry_names
from ..program.trace import call_step
from ..scan.arguments import measured, per_step, per_time
from ..scan.engine import scan
from ..space import field_shape
from ..variables import Parameter, Variable
from .inputs import attribute_values, columns, forcing_series
from .part import Part
from .periods import in_periods
from .plan import Plan, public

if TYPE_CHECKING:
    from .model import Model

__all__ = ["Simulation", "SimulationResult", "field_axes"]

Tensors = Mapping[str, Tensor]


class SimulationResult(NamedTuple):
    """What a simulation returns.

    Parameters
    ----------
    outputs : dict of str to Tensor
        Recorded series, (time, place), members averaged; rates per unit of time.
    state : dict of str to Tensor
        State after the last step, all that a continuation needs.
    """

    outputs: dict[str, Tensor]
    state: dict[str, Tensor]


class Simulation:
    """One simulation: what is computed once, and the pieces of the series.

    Parameters
    ----------
    model : Model
        What runs.
    at : Plan
        Its parts at the step of the simulation.
    recorded : sequence of str
        Names of the outputs.

    Attributes
    ----------
    steps : int
        Number of steps, once the series are known.
    lead : tuple of int
        Sizes of the axes of places; of whole fields those before the field's.
    warming : bool
        Whether the piece that is run is a warm-up of its own.
    """

    def __init__(self, model: Model, at: Plan, recorded: Sequence[str]) -> None:
        self.model, self.at, self.recorded = model, at, recorded
        self.steps = 0
        self.warming = False
        self.lead: tuple[int, ...] = ()
        self.place: dict[str, Tensor] = {}
        self.learned: dict[tuple[str, str], Tensor] = {}
        self.dropped: dict[tuple[str, str], Tensor] = {}
        self.needed = _needed(at, recorded)

    def series(
        self,
        forcing: Tensors,
        attributes: Tensors,
        state: Tensors | None,
        steps: int | None,
    ) -> dict[str, Tensor]:
        """Check the forcing, and find out how many steps and places there are."""
        names = [f.name for f in self.at.forcings]
        if not names:
            self.steps = steps or 1
            self.lead = _lead(self.model, attributes, state)
            return {}
        fields = any(part.coupling == "stencil" for part in self.at.parts)
        series = forcing_series(forcing, names, self.model.dtype, fields=fields)
        first = series[names[0]]
        last = first.ndim - field_axes(self.model, self.at.forcings[0])
        self.steps, self.lead = first.shape[0], tuple(first.shape[1:last])
        return series

    def constants(self, attributes: Tensors) -> None:
        """Take in the attributes, and run the networks that run once."""
        model = self.model
        names = [
            a.name
            for a in self.at.attributes
            if a.name not in self.at.optional or a.name in attributes
        ]
        fields = bool(field_axes(model))
        places = self.lead[-1] if self.lead and not fields else None
        self.place = attribute_values(
            attributes, names, model.dtype, places, fields=fields
        )
        for part in self.at.networks:
            if part.every == "once":
                network = model.network(part.name)
                values = network(columns(self.place, part.attributes, self._nothing()))
                self.learned |= {
                    (part.name, n): self._shaped(n, x) for n, x in values.items()
                }

    def _shaped(self, name: str, x: Tensor) -> Tensor:
        """Return as a field what is numbers in a row for a model of fields."""
        space, supplied = self.model.space, self.at.supplied
        plain = space is None or not field_axes(self.model) or x.ndim != 1
        if plain or space is None or x.numel() == 1 or name not in supplied:
            return x
        return x.reshape(field_shape(space, supplied[name], x.numel()))

    def _nothing(self) -> Tensor:
        """Return the attributes of a network that reads none."""
        return self.model.like.new_zeros(
            *(() if field_axes(self.model) else self.lead), 0
        )

    def advance(
        self, series: Tensors, state: Tensors, steps: int, outputs: Sequence[str]
    ) -> SimulationResult:
        """Run all parts over a piece of the series."""
        quantities: dict[tuple[str, str], Tensor] = dict(self.learned)
        quantities |= {("", name): x for name, x in series.items()}
        after: dict[str, Tensor] = {}
        for part in self.at.parts:
            if part.name not in self.needed:
                continue
            if part.kind == "network":
                if part.every != "once":
                    self._vary(part, quantities, state, after)
            else:
                self._run(part, quantities, state, after, steps, outputs)
        return SimulationResult(
            {name: self._output(name, quantities, steps) for name in outputs},
            {**{n: x for n, x in state.items() if n not in after}, **after},
        )

    def _vary(
        self,
        part: Part,
        quantities: dict[tuple[str, str], Tensor],
        state: Tensors,
        after: dict[str, Tensor],
    ) -> None:
        """Run a network over the piece."""
        drivers = {name: self._given(part, name, quantities) for name in part.inputs}
        x = columns(drivers, part.inputs)
        fixed = columns(self.place, part.attributes, self._nothing())
        before = _own(state, part.name)
        network = self.model.network(part.name)
        if not part.gathers:
            values, memory = network(x, fixed, before)
        else:
            values, memory = in_periods(self.model, self.at, part, x, fixed, before)
        entry = self.model.spec.parts[part.name]
        if self.model.training and entry.drop:
            values = {n: self._dropped(part, n, x) for n, x in values.items()}
        frozen = self.warming and entry.window_warmup == "constant"
        held = tuple(values) if frozen else entry.window_end
        values |= {name: values[name][-1] for name in held}
        quantities |= {(part.name, name): x for name, x in values.items()}
        after |= {f"{part.name}.{name}": m for name, m in memory.items()}

    def _dropped(self, part: Part, name: str, x: Tensor) -> Tensor:
        """Return a parameter, constant at some places, the same in all pieces."""
        where = self.dropped.get((part.name, name))
        if where is None:
            drawn = torch.rand(x.shape[1], dtype=x.dtype, device=x.device)
            where = drawn < self.model.spec.parts[part.name].drop
            self.dropped[part.name, name] = where
        return torch.where(where.reshape(-1, *(1,) * (x.ndim - 2)), x[-1:], x)

    def _given(
        self, part: Part, name: str, quantities: Mapping[tuple[str, str], Tensor]
    ) -> Tensor:
        link = self.at.link(part, name)
        x = quantities[link.part, link.name]
        return x if link.factor == 1.0 else x * link.factor

    def _run(
        self,
        part: Part,
        quantities: dict[tuple[str, str], Tensor],
        state: Tensors,
        after: dict[str, Tensor],
        steps: int,
        outputs: Sequence[str],
    ) -> None:
        """Run a process over the piece."""
        process = self.model.processes[part.name]
        declared = part.declared(self.at.seconds)
        forcing = {
            f.name: self._given(part, f.name, quantities)
            for f in declared.forcings
            if self.at.link(part, f.name).giver != "upstream"
        }
        parameters = self._parameters(part, declared.parameters, quantities)
        names = self._wanted(part, outputs)
        dt = part.dt(self.at.seconds)
        tensors = (*forcing.values(), *parameters.values())
        alone = forcing and not declared.states and part.coupling != "upstream"
        if alone and not any(x.requires_grad for x in tensors):
            # Without memory one call of the step serves the whole series.
            fluxes = _at_once(process.at(dt), part, forcing, parameters, dt)
            quantities |= {(part.name, name): x for name, x in fluxes.items()}
            return
        before = _own(state, part.name)
        cells = part.coupling != "stencil"
        ran = scan(
            process,
            {
                n: x if part.members or not cells else x.unsqueeze(-1)
                for n, x in before.items()
            },
            forcing,
            parameters,
            dt=dt,
            outputs=names,
            average=cells and (part.mean or not part.members),
            steps=None if forcing else steps,
        )
        quantities |= {(part.name, name): x for name, x in ran.outputs.items()}
        single = cells and not part.members
        after |= {
            f"{part.name}.{n}": x.squeeze(-1) if single else x
            for n, x in ran.state.items()
        }

    def _parameters(
        self,
        part: Part,
        declared: Iterable[Parameter],
        quantities: Mapping[tuple[str, str], Tensor],
    ) -> dict[str, Tensor]:
        """Return what is supplied: (place, member or 1), or as it is of fields."""
        parameters: dict[str, Tensor] = {}
        for p in declared:
            link = self.at.link(part, p.name)
            if link.giver in ("default", "space"):
                continue
            if link.giver == "part":
                x = quantities[link.part, link.name]
            elif link.name in self.place:
                x = self.place[link.name]
            else:
                x = self.model.like.new_full((self.lead[-1],), float("nan"))
            per_member = link.giver == "part" and p.per == "member" and part.members
            whole = per_member or part.coupling == "stencil"
            parameters[p.name] = x if whole else x.unsqueeze(-1)
        return parameters

    def _wanted(self, part: Part, outputs: Sequence[str]) -> list[str]:
        """Return what later parts read of a part, and what is recorded."""
        inputs = [
            link.name
            for link in self.at.links.values()
            if link.giver == "part" and link.part == part.name
        ]
        records = [
            self.at.outputs[n][1].name
            for n in outputs
            if n in self.at.outputs and self.at.outputs[n][0] is part
        ]
        return list(dict.fromkeys((*inputs, *records)))

    def _output(
        self, name: str, quantities: Mapping[tuple[str, str], Tensor], steps: int
    ) -> Tensor:
        if name in self.at.outputs:
            owner, variable = self.at.outputs[name]
            x = quantities[owner.name, variable.name]
            single = owner.mean or not owner.members or owner.coupling == "stencil"
            return x if single else x.mean(-1)
        for part, parameter in self.at.given():
            if public(part, parameter) == name:
                link = self.at.link(part, parameter.name)
                x = quantities[link.part, link.name]
                if parameter.per == "member" and part.members:
                    x = x.mean(-1)
                shape: tuple[int, ...] = ()
                if self.model.space is not None and field_axes(self.model):
                    shape = self.model.space.shape(parameter)
                return x.expand(steps, *self.lead, *shape)
        raise KeyError(name)


def _needed(at: Plan, outputs: Sequence[str]) -> set[str]:
    """Return the parts that outputs depend on, and those that remember something."""
    names = {part.name for part in at.parts if part.declared(at.seconds).states}
    names |= {at.outputs[name][0].name for name in outputs if name in at.outputs}
    names |= {part.name for part in at.networks}
    for part in reversed(at.parts):
        if part.name in names:
            links = (link for (name, _), link in at.links.items() if name == part.name)
            names |= {link.part for link in links if link.giver == "part"}
    return names


def _own(state: Tensors, part: str) -> dict[str, Tensor]:
    """Return the entries of one part of the state under their own names."""
    start = f"{part}."
    return {n[len(start) :]: x for n, x in state.items() if n.startswith(start)}


def field_axes(model: Model, variable: Variable | None = None) -> int:
    """Return the number of axes of a field of a model; 0 where it has none.

    Parameters
    ----------
    model : Model
        Of whole fields or of single places.
    variable : Variable, optional
        Whose field it is; default: one without axes beyond those of the space.
    """
    if model.space is None or not any(
        part.coupling == "stencil" for part in model.plan.parts
    ):
        return 0
    return len(model.space.shape(variable or Variable(name="cell")))


def _lead(model: Model, attributes: Tensors, state: Tensors | None) -> tuple[int, ...]:
    """Return the sizes of the places of a model without forcing."""
    if state:
        for part in model.plan.processes:
            for s in part.variables.states:
                x = state.get(f"{part.name}.{s.name}")
                if x is not None:
                    first = int(s.size > 1)
                    last = field_axes(model, s) + bool(part.members)
                    return tuple(x.shape[first : x.ndim - last])
    if field_axes(model):
        return ()
    if model.space is not None:
        return (len(model.space.ids),)
    values = (attributes[a.name] for a in model.plan.attributes if a.name in attributes)
    return next(((len(x),) for x in values if x.ndim == 1), (1,))


def _at_once(
    process: Process, part: Part, forcing: Tensors, parameters: Tensors, dt: float
) -> dict[str, Tensor]:
    """Return the fluxes of a process without memory over a whole series."""
    fields = part.coupling == "stencil"
    if not (fields or part.members):
        parameters = {n: x.squeeze(-1) for n, x in parameters.items()}
    drivers = {n: x.unsqueeze(-1) if part.members else x for n, x in forcing.items()}
    like = drivers[process.forcings[0].name]
    parameters = _completed(process, parameters, like)
    values = {
        f"f.{v.name}": per_step(drivers[v.name], v.per_step, dt)
        for v in process.forcings
    }
    for p in process.step_parameters:
        names, x = entry_names("p", p), parameters[p.name]
        entries = (x,) if len(names) == 1 else x.unbind(0)
        for name, entry in zip(names, entries, strict=True):
            values[name] = per_step(entry, p.per_step, dt)
    results = call_step(process, values)
    fluxes: dict[str, Tensor] = {}
    for flux in process.fluxes:
        x = per_time(results[f"q.{flux.name}"], flux.per_step, dt)
        # What follows from parameters alone is the same at all times.
        if fields and process.space is not None:
            shape = process.space.shape(process.forcings[0])
            lead = like.shape[: like.ndim - len(shape)]
            x = x.expand(*lead, *process.space.shape(flux))
        else:
            x = x.expand(*like.shape[: like.ndim - x.ndim], *x.shape)
        fluxes[flux.name] = x.mean(-1) if part.members and part.mean else x
    return fluxes


def _completed(process: Process, parameters: Tensors, like: Tensor) -> Tensors:
    """Return all that a step sees of the parameters, defaults included, prepared."""
    entries = dict(parameters)
    for p in process.parameters:
        if p.name in entries:
            continue
        if p.source == "space":
            entries[p.name] = measured(process, p, like)
        else:
            value = like.new_tensor(p.default)
            entries[p.name] = value if p.size == 1 else value.expand(p.size)
    if not process.prepared:
        return entries
    namespace = SimpleNamespace(**entries)
    process.refuse(namespace)
    return process.prepare(namespace)
