"""One named piece of a model with all that it declares, as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from ..process import SECONDS, Budget, Cells, Process, Stencil, Upstream
from ..variables import Flux, Forcing, Parameter, State

__all__ = ["RESERVED", "Coupled", "Declarations", "Every", "Part", "step_key"]

Coupled = Literal["cells", "upstream", "stencil"]

Every = Literal["once", "step", "trained"]
"""When a part runs: once for every place, at every step of the model, or at steps of
the length it was trained at, however fast the model is stepped."""

RESERVED = frozenset({
    "balance", "clock", "ensemble", "forcing", "host", "last", "members", "output",
    "parameter", "period", "repaired", "settings", "varying",
})  # fmt: skip
"""What states hold beside what parts remember; no part may be called so."""


def step_key(seconds: float) -> str:
    """Return how the length of a step is written in names and files."""
    return f"{seconds:g}" if seconds < 1e6 else str(int(seconds))


@dataclass(frozen=True, kw_only=True)
class Declarations:
    """What a part takes in, remembers, is set by, answers and keeps.

    ``prepared`` is what its step sees in place of the parameters, where it is made of
    them once.
    """

    forcings: tuple[Forcing, ...] = ()
    states: tuple[State, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    prepared: tuple[Parameter, ...] = ()
    fluxes: tuple[Flux, ...] = ()
    budgets: tuple[Budget, ...] = ()

    @classmethod
    def of(cls, process: Process) -> Declarations:
        """Return what a process declares."""
        return cls(**{f.name: getattr(process, f.name) for f in fields(cls)})

    @property
    def step_parameters(self) -> tuple[Parameter, ...]:
        """What the step sees: the prepared parameters, or the declared ones."""
        return self.prepared or self.parameters

    @property
    def outputs(self) -> Iterator[Flux | State]:
        """Everything that can be recorded: fluxes, and states of one entry."""
        yield from self.fluxes
        yield from (s for s in self.states if s.size == 1 and not s.internal)

    def to_dict(self) -> dict[str, Any]:
        """Return the kinds of variables the part has."""
        kinds = {f.name: getattr(self, f.name) for f in fields(self)}
        return {kind: variables for kind, variables in kinds.items() if variables}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One named piece of a model.

    Parameters
    ----------
    name : str
        Name in the model.
    kind : {"process", "network"}
        What it is.
    every : {"once", "step", "trained"}
        When it runs.
    variables : Declarations
        At the step the model is trained at; the states of a network are its memory,
        entries for each place and none for each member.
    at : dict of str to Declarations
        What differs at other steps, by :func:`step_key`.
    time : str
        Unit of time of the declarations.
    members : int, optional
        Number of parallel parameter sets.
    mean : bool
        Whether later parts get the mean of the members.
    coupling : {"cells", "upstream", "stencil"}
        How places see each other inside one step.
    links : dict of str to str
        For ``upstream``: the forcing that receives, and the flux or state summed up for
        it.
    reads : dict of str to str
        Other names of its inputs.
    step : float, optional
        Length of a network's own step, in seconds: it reads what has gathered in one,
        and its answer holds through the next.
    before : str
        The network that goes on from what this one remembers. This one runs in its
        place where steps are as long as its own, which it then reads as they are.
    attributes, inputs, gives : tuple of str
        What a network reads, of places and of every step, and what it supplies.
    weights : tuple of str
        Names of the arrays a process is corrected with.
    timed : bool
        Whether its equations depend on the length of the step.
    model : str, optional
        Of several models that run as one, the one it is of.
    share : float, optional
        How much of the answer is that of its model.
    """

    name: str
    kind: Literal["process", "network"]
    every: Every = "step"
    variables: Declarations = field(default_factory=Declarations)
    at: dict[str, Declarations] = field(default_factory=dict)
    time: str = "d"
    members: int | None = None
    mean: bool = True
    coupling: Coupled = "cells"
    links: dict[str, str] = field(default_factory=dict)
    reads: dict[str, str] = field(default_factory=dict)
    step: float | None = None
    before: str = ""
    attributes: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    timed: bool = False
    model: str | None = None
    share: float | None = None

    def declared(self, seconds: float) -> Declarations:
        """Return what it declares at steps of a length."""
        return self.at.get(step_key(seconds), self.variables)

    def dt(self, seconds: float) -> float:
        """Return the length of a step in the part's unit of time."""
        return seconds / SECONDS[self.time]

    @property
    def gathers(self) -> bool:
        """Whether it reads what has gathered in a step of its own."""
        return self.step is not None and not self.before

    def source(self, name: str) -> str:
        """Return the name under which an input is looked for."""
        return self.reads.get(name, name)

    def to_dict(self) -> dict[str, Any]:
        """Return what differs from the usual part."""
        usual = Part(name=self.name, kind=self.kind)
        entries = {f.name: getattr(self, f.name) for f in fields(self)}
        required = ("name", "kind", "every", "time")
        return {
            key: value
            for key, value in entries.items()
            if key in required or value != getattr(usual, key)
        }


def coupled(process: Process) -> tuple[Coupled, dict[str, str]]:
    """Return the coupling of a process as plain data."""
    kinds: dict[type, Coupled] = {
        Cells: "cells", Upstream: "upstream", Stencil: "stencil"
    }  # fmt: skip
    coupling = process.coupling
    links = dict(coupling.links) if isinstance(coupling, Upstream) else {}
    return kinds[type(coupling)], links
