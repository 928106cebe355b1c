"""Parts that run together: networks supply parameters, processes run, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError, DataError, StateError, suggestion
from ..networks.statistics import Statistics
from ..process import SECONDS, Process
from ..space import Space, space_from
from ..variables import State
from .correction import Corrected
from .inputs import attribute_values, columns
from .learned_process import LearnedProcess
from .parameterization import ConstantParameters, VaryingParameters, supplied
from .part import Part
from .parts import BuiltPart, make_parts
from .periods import gathered_states
from .plan import Plan, attributes_of, plan, public, required_by
from .precursors import running, steps_before
from .simulation import Simulation, SimulationResult
from .spec import ModelSpec
from .transfer import Transfer

__all__ = ["Model", "SimulationResult"]

Tensors = Mapping[str, Tensor]


class Model(nn.Module):
    r"""A differentiable model: parts in the order in which they run.

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
    parts : tuple of Part
        All its parts, with those that run at other steps alone.
    plan : Plan
        Those that run at the step it is trained at, and who gives each input.
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
    the memory of a network. A network with a step of its own has what it gathered in a
    period beside it, how many steps that were, and the answer that holds; a series from
    a cold start begins with a period. Whole fields are (..., \*shape of the space).
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
        pieces = make_parts(spec, space)
        self.processes: dict[str, Process] = {
            m.part.name: m.process for m in pieces if m.process is not None
        }
        for m in pieces:
            if m.part.coupling == "stencil" and space is None:
                raise ConfigError(
                    f"space: part {m.part.name!r} lives on fields; say where"
                )
        self._gathered: dict[str, tuple[State, ...]] = {}
        self.parts = tuple(self._with_network(m.part, pieces) for m in pieces)
        self.plan: Plan = plan(self.parts, spec.seconds)
        for part in self.parts:
            if part.before:
                self._join(part)
        self.register_buffer("_like", torch.zeros(()), persistent=False)

    def _with_network(self, part: Part, pieces: Sequence[BuiltPart]) -> Part:
        """Make the network of a part; return the part with what the network keeps."""
        entry = self.spec.parts[part.name]
        if entry.correction is not None:
            try:
                process = Corrected(self.processes[part.name], entry.correction)
            except ConfigError as error:
                raise ConfigError(f"parts.{part.name}: {error}") from None
            self.processes[part.name] = process
            # What a network adds is per unit of time, whatever the process depends on.
            part = replace(part, timed=True)
        if isinstance(learned := self.processes.get(part.name), LearnedProcess):
            self._modules[part.name] = learned.network
            weights = tuple(f"{part.name}.{n}" for n in learned.network.state_dict())
            return replace(part, weights=weights)
        if part.kind == "process":
            return part
        kind = ConstantParameters if part.every == "once" else VaryingParameters
        seconds = part.step if part.before and part.step else self.spec.seconds
        at = plan((m.part for m in pieces), seconds)
        supplies = supplied(at, part.name, self.statistics)
        module: Any = kind(part, entry, self.statistics, supplies)
        # Not by attribute: a part may be called as something that modules have.
        self._modules[part.name] = module
        if part.every == "once":
            return part
        memory = tuple(
            State(name=name, size=width, about=f"memory of network {part.name!r}")
            for name, width in module.network.memory.items()
        )
        if part.gathers:
            self._gathered[part.name] = gathered_states(part, module.channels)
        return replace(part, variables=replace(part.variables, states=memory))

    def _join(self, part: Part) -> None:
        """Make what leads from the memory of a network to that of the one after it."""
        network: Any = self.network(part.name)
        after: Any = self.network(part.before)
        kind = self.spec.parts[part.name].transfer
        for name, module in ((part.name, network), (part.before, after)):
            if not module.network.joins:
                raise ConfigError(
                    f"parts.{part.name}.before: memories of {name!r}, a network "
                    f"{self.spec.parts[name].network!r}, are no numbers that a map "
                    "could lead to or from; expected such as 'lstm'"
                )
        try:
            network.transfer = Transfer(
                network.network.memory, after.network.memory, kind
            )
        except ConfigError as error:
            raise ConfigError(
                f"parts.{part.name}.before: {part.before!r}: {error}"
            ) from None

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
        """Names of the attributes the model must be given, at any of its steps."""
        required = required_by(self.plans)
        return tuple(a.name for a in attributes_of(self.plans) if a.name in required)

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plan of the trained step, and that of longer ones before it."""
        return self.plan, *(plan(self.parts, step) for step in steps_before(self.parts))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of everything :meth:`simulate` can record."""
        learned = (public(*pair) for pair in self.plan.given())
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
        return self.like.dtype

    @property
    def like(self) -> Tensor:
        """A tensor of the type and device of the weights."""
        like: Tensor = self._like  # type: ignore[assignment]
        return like

    def network(self, part: str) -> nn.Module:
        """Return the network of a part."""
        module = self._modules[part]
        assert module is not None
        return module

    def on(self, space: Space) -> Model:
        """Return the model in another space; networks and their weights are the same.

        Parameters
        ----------
        space : Space
            Such as another tree. What networks were trained for must stand for it.
        """
        placed = copy(self)
        placed.space = space
        placed.processes = {
            n: process.on(space) for n, process in self.processes.items()
        }
        return placed

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
        at = self.plan_at(dt)
        lead = (places,) if isinstance(places, int) else tuple(places)
        like = self.like
        state: dict[str, Tensor] = {}
        for part in at.parts:
            gathered = self._gathered.get(part.name, ())
            for s in (*part.declared(at.seconds).states, *gathered):
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
        warmup_gradient: bool = False,
        steps: int | None = None,
        dt: float | None = None,
        outputs: Sequence[str] | None = None,
    ) -> SimulationResult:
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
            Number of first steps run without recording.
        warmup_gradient : bool
            Whether the gradient reaches back through them.
        steps : int, optional
            Number of steps, of a model without forcing.
        dt : float, optional
            Length of a step in units of :attr:`time`; default: the trained one.
        outputs : sequence of str, optional
            What to record; names in :attr:`outputs`, default :attr:`answers`.

        Returns
        -------
        SimulationResult
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
        at = self.plan_at(dt)
        recorded = self.answers if outputs is None else tuple(outputs)
        for name in recorded:
            if name not in self.outputs:
                hint = suggestion(name, self.outputs)
                raise ConfigError(f"outputs: unknown {name!r}{hint}")
        run = Simulation(self, at, recorded)
        series = run.series(forcing, attributes, state, steps)
        if not 0 <= warmup < run.steps:
            raise DataError(
                f"warmup: expected 0 to below the {run.steps} steps of the forcing, "
                f"found {warmup}"
            )
        run.constants(attributes)
        current = self._state(state, run.lead, at)
        entries = self.spec.parts.values()
        shared = any(entry.window_warmup == "shared" for entry in entries)
        if warmup and (warmup_gradient or shared):
            ran = run.advance(series, current, run.steps, recorded)
            return SimulationResult(
                {n: x[warmup:] for n, x in ran.outputs.items()}, ran.state
            )
        if warmup:
            past = {name: x[:warmup] for name, x in series.items()}
            series = {name: x[warmup:] for name, x in series.items()}
            run.warming = True
            with torch.no_grad():
                current = run.advance(past, current, warmup, ()).state
            run.warming = False
        return run.advance(series, current, run.steps - warmup, recorded)

    def step(
        self,
        forcing: Tensors,
        attributes: Tensors,
        state: Tensors | None = None,
        *,
        dt: float | None = None,
        outputs: Sequence[str] | None = None,
    ) -> SimulationResult:
        """Run one step: :meth:`simulate` with forcings and outputs (place,)."""
        series = {name: x.unsqueeze(0) for name, x in forcing.items()}
        one = None if series else 1
        result = self.simulate(
            series, attributes, state=state, steps=one, dt=dt, outputs=outputs
        )
        return SimulationResult(
            {n: x[0] for n, x in result.outputs.items()}, result.state
        )

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
        parameters: dict[str, Tensor] = {}
        for part in self.plan.networks:
            if part.every == "once":
                values = attribute_values(attributes, part.attributes, self.dtype)
                nothing = self.like.new_zeros(0)
                parameters |= self.network(part.name)(
                    columns(values, part.attributes, nothing)
                )
        return parameters

    def plan_at(self, dt: float | None) -> Plan:
        """Return the plan for steps of a length, in units of :attr:`time`.

        Raises
        ------
        ConfigError
            A part cannot run in such steps.
        """
        if dt is None or dt == self.dt:
            return self.plan
        if not dt > 0.0:
            raise ConfigError(f"dt: expected a time above 0, found {dt}")
        seconds = dt * SECONDS[self.time]
        lengths = (x for x in self.spec.lengths if abs(seconds / x - 1.0) <= 1e-9)
        seconds = next(lengths, seconds)
        if seconds == self.spec.seconds:
            return self.plan
        for part in running(self.parts, seconds):
            if part.every != "trained":
                continue
            length = self.dt if part.step is None else part.step / SECONDS[self.time]
            if part.step is None or abs(length / dt - round(length / dt)) > 1e-9:
                raise ConfigError(
                    f"dt: network {part.name!r} was trained at steps of {length:g} "
                    f"{self.time} and cannot run at steps of {dt:g} {self.time}"
                )
        processes = {n: p for n, p in self.spec.parts.items() if p.process}
        spec = replace(
            self.spec, parts=processes, seconds=seconds, steps=(), transforms={}
        )
        by_name = {m.part.name: m.part for m in make_parts(spec, self.space)}
        parts = (
            part
            if part.kind == "network"
            else replace(part, variables=by_name[part.name].variables, at={})
            for part in self.parts
        )
        return plan(parts, seconds)

    def _state(self, state: Tensors | None, lead: Sequence[int], at: Plan) -> Tensors:
        cold = self.initial_state(lead, at.seconds / SECONDS[self.time])
        if state is None:
            return cold
        for name in state:
            if name not in cold:
                raise StateError(f"unknown state {name!r}{suggestion(name, cold)}")
        for name, expected in cold.items():
            if name not in state:
                raise StateError(f"state {name!r} is missing")
            if state[name].shape != expected.shape:
                raise StateError(
                    f"state {name!r} has shape {tuple(state[name].shape)}, expected "
                    f"{tuple(expected.shape)} for {tuple(lead)} places"
                )
        return {name: state[name].to(self.like) for name in cold}
