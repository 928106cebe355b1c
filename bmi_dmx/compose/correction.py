"""A process whose step a network corrects."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from types import SimpleNamespace
from typing import Any

import torch

from ..errors import ConfigError, suggestion
from ..process import Process, Stencil
from ..registries import networks
from ..space import Space
from .learned_process import LearnedProcess, answered
from .spec import CorrectionSpec

__all__ = ["Corrected"]


class Corrected(LearnedProcess):
    r"""A process with a learned tendency: ``state + dt * network(what it reads)``.

    The network sees fields as channels, (..., channel, \*field), as they are before
    the step, one for each entry of a state, and its last layer starts at zero: before
    it is trained nothing changes.

    Parameters
    ----------
    process : Process
        The physics.
    spec : CorrectionSpec
        The network, what it reads, and the states that it adds to.

    Raises
    ------
    ConfigError
        When the process does not see fields, when it reads or adds to what the process
        does not have as one field, or adds to what is conserved.
    """

    def __init__(self, process: Process, spec: CorrectionSpec) -> None:
        self.process, self.spec = process, spec
        if not isinstance(process.coupling, Stencil):
            raise ConfigError(
                f"correction: {process.name} sees one place at a time; only processes "
                "of whole fields, on a grid or ring, are corrected"
            )
        states = [s.name for s in process.states if s.size == 1]
        variables = (*process.states, *process.forcings, *process.step_parameters)
        sizes = {v.name: int(getattr(v, "size", 1)) for v in variables}
        sizes |= dict.fromkeys(process.features, 1)
        _refuse_unknown("reads", spec.reads, [*sizes])
        _refuse_unknown("adds", spec.adds, states)
        if spec.within is not None:
            parameters = [p.name for p in process.step_parameters]
            _refuse_unknown("within", (spec.within,), parameters)
        for budget in process.budgets:
            for name in spec.adds:
                if name in budget.storages:
                    raise ConfigError(
                        f"correction.adds: {name!r} is of the budget of {budget.name}, "
                        "which what is added to it would not close"
                    )
        kind = networks[spec.network]
        channels = sum(sizes[name] for name in spec.reads)
        self.network = kind.make(channels, len(spec.adds), spec.options)
        with torch.no_grad():
            for weight in self.network.output.parameters():
                weight.zero_()
        self._declare()

    def _declare(self) -> None:
        process = self.process
        self.forcings, self.states, self.fluxes = (
            process.forcings,
            process.states,
            process.fluxes,
        )
        self.parameters, self.prepared = process.parameters, process.prepared
        self.budgets, self.space = process.budgets, process.space
        self.features = process.features
        self.coupling, self.time = process.coupling, process.time  # type: ignore[misc]

    @property
    def name(self) -> str:
        """Name of the process inside."""
        return self.process.name

    def at(self, dt: float) -> Corrected:
        """Return it for steps of ``dt`` units of its time, with the same network."""
        timed = copy(self)
        timed.process, timed.dt = self.process.at(dt), dt
        timed._declare()
        return timed

    def on(self, space: Space | None) -> Corrected:
        """Return it where the process may ask for the space."""
        placed = copy(self)
        placed.process = self.process.on(space)
        placed._declare()
        return placed

    def refuse(self, p: SimpleNamespace) -> None:
        """Refuse parameters that the process refuses."""
        self.process.refuse(p)

    def prepare(self, p: SimpleNamespace) -> Mapping[str, Any]:
        """Return what the step of the process sees of the parameters."""
        return self.process.prepare(p)

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Take the step of the process, and add what the network answers."""
        state, fluxes = self.process.step(s, f, p)
        values = {**vars(p), **vars(f), **vars(s)}
        if self.process.features:
            values |= self.process.featured(s, f, p)
        axes = len(self.space.shape(self.states[0])) if self.space is not None else 0
        inputs = (values[n] for n in self.spec.reads)
        channels = [x for one in inputs for x in (one if _is_several(one) else (one,))]
        fields = torch.broadcast_tensors(*channels)  # type: ignore[no-untyped-call]
        answer = answered(self.network, torch.stack(fields, -1 - axes))
        added = dict(zip(self.spec.adds, answer.unbind(-1 - axes), strict=True))
        size = self.spec.scale * self.dt
        if self.spec.within is not None:
            size = size * values[self.spec.within]
        corrected = {**state, **{n: state[n] + size * x for n, x in added.items()}}
        after = SimpleNamespace(**corrected)
        return corrected, {**fluxes, **self.process.diagnosed(after, f, p)}


def _is_several(values: Any) -> bool:
    return isinstance(values, (tuple, list))


def _refuse_unknown(key: str, names: tuple[str, ...], choices: list[str]) -> None:
    for name in names:
        if name not in choices:
            hint = suggestion(name, choices)
            raise ConfigError(f"correction.{key}: unknown {name!r}{hint}")
