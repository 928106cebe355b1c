"""Parts that run together: networks supply parameters, processes run, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..errors import ConfigError, DataError, StateError, suggestion
from ..networks.statistics import Statistics
from ..process import SECONDS, Process
from ..program.trace import call_step
from ..scan.engine import scan
from ..space import Space, space_from
from ..variables import Parameter, State, Variable, in_step
from .correction import Corrected
from .inputs import attribute_values, columns, forcing_series
from .parameterization import Constant, Supplied, Varying
from .part import Part
from .parts import make_parts
from .plan import Plan, plan
from .spec import ModelSpec

__all__ = ["Model", "Simulated"]

Tensors = Mapping[str, Tensor]


class Simulated(NamedTuple):
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


class Model(nn.Module):
    """A differentiable model: parts in the order in which they run.

    Networks compute in the type of their weights, and everything given is brought to
    it.

    Parameters
    ----------
    spec : ModelSpec
        What the model is made of.
    statistics : Statistics
        Moments of everything its networks read; see :func:`~.inputs.fit_statistics`.
    space : Space, optional
        Where it lives; default: that of the specification, or any points.

    Attributes
    ----------
    plan : Plan
        Its parts, and who gives each input, at the step it is trained at.
    processes : dict of str to Process
        The processes by the name of their part.

    Raises
    ------
    ConfigError
        When names in the specification are unknown or do not fit together.

    Notes
    -----
    The state is one flat mapping, ``<part>.<store>``: (place,) or (place, member) of a
    process, with a leading axis for stores of several entries, and (place, width) of
    the memory of a network. Whole fields are (..., \\*shape of the space).
    """

    def __init__(
        self, spec: ModelSpec, statistics: Statistics, space: Space | None = None
    ) -> None:
        super().__init__()
        self.spec = spec
        self.statistics = statistics
        if space is None and spec.space is not None:
            space = space_from(spec.space)
        self.space = space
        made = make_parts(spec, space)
        self.processes: dict[str, Process] = {
            m.part.name: m.process for m in made if m.process is not None
        }
        first = plan((m.part for m in made), spec.seconds)
        remembering = [self._with_network(part, first) for part in first.parts]
        self.plan: Plan = plan(remembering, spec.seconds)
        self.register_buffer("_like", torch.zeros(()), persistent=False)

    def _with_network(self, part: Part, first: Plan) -> Part:
        """Make the network of a part; return the part with what the network keeps."""
        entry = self.spec.parts[part.name]
        if entry.correction is not None:
            process = Corrected(self.processes[part.name], entry.correction)
            self.processes[part.name] = process
            self._modules[part.name] = process.network
            names = tuple(f"{part.name}.{n}" for n in process.network.state_dict())
            return replace(part, weights=names)
        if part.kind == "process":
            return part
        kind = Constant if part.every == "once" else Varying
        module = kind(part, entry, self.statistics, supplied(first, part.name))
        # Not by attribute: a part may be called as something that modules have.
        self._modules[part.name] = module
        if part.every == "once":
            return part
        memory = tuple(
            State(name=name, size=width, about=f"memory of network {part.name!r}")
            for name, width in module.network.memory.items()
        )
        return replace(part, variables=replace(part.variables, states=memory))

    # What there is

    @property
    def time(self) -> str:
        """Unit of time in which the model is stepped: that of its first process."""
        return self.plan.processes[0].time

    @property
    def dt(self) -> float:
        """Length of the step it is trained at, in units of :attr:`time`."""
        return self.spec.seconds / SECONDS[self.time]

    @property
    def forcings(self) -> tuple[str, ...]:
        """Names of the forcings the model must be given, the calendar's included."""
        return tuple(forcing.name for forcing in self.plan.forcings)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes the model must be given."""
        return tuple(
            a.name for a in self.plan.attributes if a.name not in self.plan.optional
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of everything :meth:`simulate` can record."""
        learned = (parameter.name for _, parameter in self.plan.given())
        return tuple(dict.fromkeys((*self.plan.outputs, *learned)))

    @property
    def answers(self) -> tuple[str, ...]:
        """What is recorded unless said otherwise.

        The fluxes of the last process, or its states where it has none, unless the
        specification says it.
        """
        if self.spec.answers:
            return self.spec.answers
        last = self.plan.processes[-1].variables
        return tuple(v.name for v in last.fluxes or last.outputs)

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the weights and so of all results."""
        like: Tensor = self._like  # type: ignore[assignment]
        return like.dtype

    # Running

    def initial_state(
        self, places: int | Sequence[int], dt: float | None = None
    ) -> dict[str, Tensor]:
        """Return the state of a cold start.

        Parameters
        ----------
        places : int, or sequence of int
            Number of places; of whole fields the sizes of the axes before those of the
            space.
        dt : float, optional
            Length of a step in units of :attr:`time`; default: the trained one.
        """
        at = self._at(dt)
        lead = (places,) if isinstance(places, int) else tuple(places)
        like: Tensor = self._like  # type: ignore[assignment]
        state: dict[str, Tensor] = {}
        for part in at.parts:
            for s in part.declared(at.seconds).states:
                name = f"{part.name}.{s.name}"
                if part.kind == "network":
                    state[name] = like.new_zeros(*lead, s.size)
                    continue
                shape = self._shape(part, s, lead)
                state[name] = like.new_full(shape, s.initial)
        return state

    def _shape(self, part: Part, s: State, lead: tuple[int, ...]) -> tuple[int, ...]:
        if part.coupling == "stencil":
            assert self.space is not None
            shape = (*lead, *self.space.shape(s))
        else:
            shape = (*lead, part.members) if part.members else lead
        return shape if s.size == 1 else (s.size, *shape)

    def simulate(
        self,
        forcing: Tensors,
        attributes: Tensors,
        *,
        state: Tensors | None = None,
        warmup: int = 0,
        steps: int | None = None,
        dt: float | None = None,
        outputs: Sequence[str] | None = None,
    ) -> Simulated:
        """Run the model through a series.

        A series run in pieces, each started with the state the one before returned,
        gives the numbers of one run.

        Parameters
        ----------
        forcing : mapping of str to Tensor
            (time, place), in declared units; at least :attr:`forcings`.
        attributes : mapping of str to Tensor
            (place,); at least :attr:`attributes`.
        state : mapping of str to Tensor, optional
            State to start from; default :meth:`initial_state`.
        warmup : int
            Number of first steps run without gradient and without recording.
        steps : int, optional
            Number of steps, of a model without forcing.
        dt : float, optional
            Length of a step in units of :attr:`time`; default: the trained one.
        outputs : sequence of str, optional
            What to record; names in :attr:`outputs`, default :attr:`answers`.

        Returns
        -------
        Simulated
            Series over the steps after the warm-up, and the final state.

        Raises
        ------
        DataError
            When a forcing or attribute is missing, misshapen or not finite.
        StateError
            When the state is not one of this model for these places and ``dt``.
        ConfigError
            When an output is unknown, or ``dt`` does not suit the model.
        """
        at = self._at(dt)
        recorded = self.answers if outputs is None else tuple(outputs)
        for name in recorded:
            if name not in self.outputs:
                hint = suggestion(name, self.outputs)
                raise ConfigError(f"outputs: unknown {name!r}{hint}")
        run = _Run(self, at, recorded)
        series = run.series(forcing, state, steps)
        if not 0 <= warmup < run.steps:
            raise DataError(
                f"warmup: expected 0 to below the {run.steps} steps of the forcing, "
                f"found {warmup}"
            )
        run.constants(attributes)
        current = self._state(state, run.lead, at)
        if warmup:
            past = {name: x[:warmup] for name, x in series.items()}
            series = {name: x[warmup:] for name, x in series.items()}
            with torch.no_grad():
                current = run.advance(past, current, warmup, ()).state
        return run.advance(series, current, run.steps - warmup, recorded)

    def step(
        self,
        forcing: Tensors,
        attributes: Tensors,
        state: Tensors | None = None,
        *,
        dt: float | None = None,
        outputs: Sequence[str] | None = None,
    ) -> Simulated:
        """Run one step: :meth:`simulate` with forcings and outputs (place,)."""
        series = {name: x.unsqueeze(0) for name, x in forcing.items()}
        one = None if series else 1
        result = self.simulate(
            series, attributes, state=state, steps=one, dt=dt, outputs=outputs
        )
        return Simulated({n: x[0] for n, x in result.outputs.items()}, result.state)

    def constant_parameters(self, attributes: Tensors) -> dict[str, Tensor]:
        """Return the parameters that never change, as physical values.

        Parameters
        ----------
        attributes : mapping of str to Tensor
            (place,).

        Returns
        -------
        dict of str to Tensor
            (place, member), or (place,) where members share it; per unit of time.
        """
        found: dict[str, Tensor] = {}
        for part in self.plan.networks:
            if part.every == "once":
                values = attribute_values(attributes, part.attributes, self.dtype)
                module = self._modules[part.name]
                assert module is not None
                nothing = self._like.new_zeros(0)  # type: ignore[operator]
                found |= module(columns(values, part.attributes, nothing))
        return found

    def _at(self, dt: float | None) -> Plan:
        """Return the plan for steps of a length."""
        if dt is None or dt == self.dt:
            return self.plan
        if not dt > 0.0:
            raise ConfigError(f"dt: expected a time above 0, found {dt}")
        if abs(dt / self.dt - 1.0) > 1e-9 and any(
            part.every == "trained" for part in self.plan.parts
        ):
            (name, *_) = (p.name for p in self.plan.parts if p.every == "trained")
            raise ConfigError(
                f"dt: network {name!r} was trained at steps of {self.dt:g} "
                f"{self.time} and cannot run at steps of {dt:g} {self.time}"
            )
        spec = replace(
            self.spec, seconds=dt * SECONDS[self.time], steps=(), transforms={}
        )
        made = {m.part.name: m.part for m in make_parts(spec, self.space)}
        parts = (
            part
            if part.kind == "network"
            else replace(part, **_at_step(made[part.name]))
            for part in self.plan.parts
        )
        return plan(parts, spec.seconds)

    def _state(self, given: Tensors | None, lead: Sequence[int], at: Plan) -> Tensors:
        cold = self.initial_state(lead, at.seconds / SECONDS[self.time])
        if given is None:
            return cold
        for name in given:
            if name not in cold:
                raise StateError(f"unknown state {name!r}{suggestion(name, cold)}")
        for name, expected in cold.items():
            if name not in given:
                raise StateError(f"state {name!r} is missing")
            if given[name].shape != expected.shape:
                raise StateError(
                    f"state {name!r} has shape {tuple(given[name].shape)}, expected "
                    f"{tuple(expected.shape)} for {tuple(lead)} places"
                )
        return {name: given[name].to(self._like) for name in cold}


def _at_step(part: Part) -> dict[str, object]:
    return {"variables": part.variables, "at": {}}


def supplied(whole: Plan, network: str) -> list[Supplied]:
    """Return what a network supplies, in the order of its channels."""
    found: dict[str, Supplied] = {}
    for part, parameter in whole.given():
        link = whole.link(part, parameter.name)
        if link.part == network:
            own = parameter.per == "member"
            known = replace(parameter, name=link.name)
            found[link.name] = Supplied(known, part.members if own else None)
    order = whole[network].gives
    return [found[name.rpartition(".")[2]] for name in order]


class _Run:
    """One simulation: what is computed once, and the pieces of the series."""

    def __init__(self, model: Model, at: Plan, recorded: Sequence[str]) -> None:
        self.model, self.at, self.recorded = model, at, recorded
        self.steps = 0
        self.lead: tuple[int, ...] = ()
        self.place: dict[str, Tensor] = {}
        self.learned: dict[tuple[str, str], Tensor] = {}
        self.needed = _needed(at, recorded)

    def series(
        self, forcing: Tensors, state: Tensors | None, steps: int | None
    ) -> dict[str, Tensor]:
        """Check the forcing, and find out how many steps and places there are."""
        names = [f.name for f in self.at.forcings]
        if not names:
            self.steps = steps or 1
            self.lead = _lead(self.model, state)
            return {}
        fields = any(part.coupling == "stencil" for part in self.at.parts)
        series = forcing_series(forcing, names, self.model.dtype, fields=fields)
        first = series[names[0]]
        self.steps, self.lead = first.shape[0], _places(self.model, first)
        return series

    def constants(self, attributes: Tensors) -> None:
        """Take in the attributes, and run the networks that run once."""
        model = self.model
        given = [
            a.name
            for a in self.at.attributes
            if a.name not in self.at.optional or a.name in attributes
        ]
        fields = bool(_field_axes(model))
        places = self.lead[-1] if self.lead and not fields else None
        self.place = attribute_values(
            attributes, given, model.dtype, places, fields=fields
        )
        for part in self.at.networks:
            if part.every == "once":
                module = model._modules[part.name]
                assert module is not None
                values = module(columns(self.place, part.attributes, self._nothing()))
                self.learned |= {(part.name, n): x for n, x in values.items()}

    def _nothing(self) -> Tensor:
        """Return the attributes of a network that reads none."""
        like: Tensor = self.model._like  # type: ignore[assignment]
        return like.new_zeros(*(() if _field_axes(self.model) else self.lead), 0)

    def advance(
        self, series: Tensors, state: Tensors, steps: int, outputs: Sequence[str]
    ) -> Simulated:
        """Run all parts over a piece of the series."""
        known: dict[tuple[str, str], Tensor] = dict(self.learned)
        known |= {("", name): x for name, x in series.items()}
        after: dict[str, Tensor] = {}
        for part in self.at.parts:
            if part.name not in self.needed:
                continue
            if part.kind == "network":
                if part.every != "once":
                    self._vary(part, known, state, after)
            else:
                self._run(part, known, state, after, steps, outputs)
        return Simulated(
            {name: self._output(name, known, steps) for name in outputs},
            {**{n: x for n, x in state.items() if n not in after}, **after},
        )

    def _vary(
        self,
        part: Part,
        known: dict[tuple[str, str], Tensor],
        state: Tensors,
        after: dict[str, Tensor],
    ) -> None:
        """Run a network over the piece."""
        module = self.model._modules[part.name]
        assert module is not None
        drivers = {name: self._given(part, name, known) for name in part.inputs}
        values, memory = module(
            columns(drivers, part.inputs),
            columns(self.place, part.attributes, self._nothing()),
            _own(state, part.name),
        )
        known |= {(part.name, name): x for name, x in values.items()}
        after |= {f"{part.name}.{name}": m for name, m in memory.items()}

    def _given(
        self, part: Part, name: str, known: Mapping[tuple[str, str], Tensor]
    ) -> Tensor:
        link = self.at.link(part, name)
        x = known[link.part, link.name]
        return x if link.factor == 1.0 else x * link.factor

    def _run(
        self,
        part: Part,
        known: dict[tuple[str, str], Tensor],
        state: Tensors,
        after: dict[str, Tensor],
        steps: int,
        outputs: Sequence[str],
    ) -> None:
        """Run a process over the piece."""
        process = self.model.processes[part.name]
        declared = part.declared(self.at.seconds)
        forcing = {
            f.name: self._given(part, f.name, known)
            for f in declared.forcings
            if self.at.link(part, f.name).giver != "upstream"
        }
        parameters = self._parameters(part, declared.parameters, known)
        wanted = self._wanted(part, outputs)
        dt = part.dt(self.at.seconds)
        tensors = (*forcing.values(), *parameters.values())
        if not declared.states and not any(x.requires_grad for x in tensors):
            # Without memory one call of the step serves the whole series.
            found = _at_once(process.at(dt), part, forcing, parameters, dt)
            known |= {(part.name, name): x for name, x in found.items()}
            return
        own = _own(state, part.name)
        cells = part.coupling != "stencil"
        ran = scan(
            process,
            {n: _membered(x, part) for n, x in own.items()},
            forcing,
            {n: _membered(x, part) for n, x in parameters.items()},
            dt=dt,
            outputs=wanted,
            average=cells and (part.mean or not part.members),
            steps=None if forcing else steps,
        )
        known |= {(part.name, name): x for name, x in ran.outputs.items()}
        after |= {f"{part.name}.{n}": _bare(x, part) for n, x in ran.state.items()}

    def _parameters(
        self,
        part: Part,
        declared: Iterable[Parameter],
        known: Mapping[tuple[str, str], Tensor],
    ) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for p in declared:
            link = self.at.link(part, p.name)
            if link.giver == "part":
                found[p.name] = known[link.part, link.name]
            elif link.giver == "attribute" and link.name in self.place:
                found[p.name] = self.place[link.name]
            elif link.giver == "attribute":
                like: Tensor = self.model._like  # type: ignore[assignment]
                found[p.name] = like.new_full((self.lead[-1],), float("nan"))
        return found

    def _wanted(self, part: Part, outputs: Sequence[str]) -> list[str]:
        """Return what later parts read of a part, and what is recorded."""
        read = [
            link.name
            for link in self.at.links.values()
            if link.giver == "part" and link.part == part.name
        ]
        own = [
            n for n in outputs if n in self.at.outputs and self.at.outputs[n][0] is part
        ]
        return list(dict.fromkeys((*read, *own)))

    def _output(
        self, name: str, known: Mapping[tuple[str, str], Tensor], steps: int
    ) -> Tensor:
        if name in self.at.outputs:
            return known[self.at.outputs[name][0].name, name]
        for part, parameter in self.at.given():
            if parameter.name == name:
                link = self.at.link(part, name)
                x = known[link.part, link.name]
                if parameter.per == "member" and part.members:
                    x = x.mean(-1)
                return x.expand(steps, *self.lead)
        raise KeyError(name)


def _needed(at: Plan, outputs: Sequence[str]) -> set[str]:
    """Return the parts that outputs depend on, and those that remember something."""
    needed = {part.name for part in at.parts if part.declared(at.seconds).states}
    needed |= {at.outputs[name][0].name for name in outputs if name in at.outputs}
    needed |= {part.name for part in at.networks}
    for part in reversed(at.parts):
        if part.name in needed:
            links = (link for (name, _), link in at.links.items() if name == part.name)
            needed |= {link.part for link in links if link.giver == "part"}
    return needed


def _own(state: Tensors, part: str) -> dict[str, Tensor]:
    """Return the entries of one part of the state under their own names."""
    start = f"{part}."
    return {n[len(start) :]: x for n, x in state.items() if n.startswith(start)}


def _places(model: Model, forcing: Tensor) -> tuple[int, ...]:
    """Return the sizes of the axes between time and the field of a series."""
    return tuple(forcing.shape[1 : forcing.ndim - _field_axes(model)])


def _field_axes(model: Model) -> int:
    if model.space is None or not any(
        part.coupling == "stencil" for part in model.plan.parts
    ):
        return 0
    return len(model.space.shape(Variable(name="cell")))


def _lead(model: Model, state: Tensors | None) -> tuple[int, ...]:
    """Return the sizes of the places of a model without forcing."""
    axes = _field_axes(model)
    if state:
        for part in model.plan.processes:
            for s in part.variables.states:
                x = state.get(f"{part.name}.{s.name}")
                if x is not None:
                    first, last = int(s.size > 1), axes + bool(part.members)
                    return tuple(x.shape[first : x.ndim - last])
    if axes or model.space is None:
        return () if axes else (1,)
    return (len(model.space.ids),)


def _at_once(
    process: Process, part: Part, forcing: Tensors, parameters: Tensors, dt: float
) -> dict[str, Tensor]:
    """Return the fluxes of a process without memory over a whole series."""
    declared = (*process.forcings, *process.step_parameters)
    rules = {v.name: v.per_step for v in declared}

    def per_step(name: str, x: Tensor) -> Tensor:
        return in_step(x, rules[name], dt, torch.expm1, torch.log1p)

    if process.prepared:
        parameters = process.prepare(SimpleNamespace(**parameters))
    drivers = {n: x.unsqueeze(-1) if part.members else x for n, x in forcing.items()}
    values = {f"f.{n}": per_step(n, x) for n, x in drivers.items()}
    for p in process.step_parameters:
        x = parameters.get(p.name)
        if x is None:
            x = next(iter(values.values())).new_tensor(p.default)
        values[f"p.{p.name}"] = per_step(p.name, x)
    found = call_step(process, values)
    fluxes = {flux.name: found[f"q.{flux.name}"] for flux in process.fluxes}
    if part.members and part.mean:
        fluxes = {name: x.mean(-1) for name, x in fluxes.items()}
    return {
        flux.name: fluxes[flux.name] / dt
        if flux.per_step == "rate" and dt != 1.0
        else fluxes[flux.name]
        for flux in process.fluxes
    }


def _membered(x: Tensor, part: Part) -> Tensor:
    """Return a tensor of a part without members as one of a single member."""
    return x if part.members or part.coupling == "stencil" else x.unsqueeze(-1)


def _bare(x: Tensor, part: Part) -> Tensor:
    return x if part.members or part.coupling == "stencil" else x.squeeze(-1)
