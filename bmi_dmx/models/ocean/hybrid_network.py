"""An ocean of levels by a network alone: what hybrids are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ...compose.learned_process import LearnedProcess
from ...conversion import MOST, refuse_outside
from ...process import Process, Stencil
from ...variables import State
from .corrector import Corrector
from .declarations import PARAMETERS, STATES
from .hybrid import WEATHER

__all__ = ["NetworkOcean"]

_FRACTION = next(p for p in PARAMETERS if p.name == "cell_fraction")


@dataclass(frozen=True)
class NetworkOptions:
    """Levels, days, weather and network.

    Parameters
    ----------
    levels : int
        Levels of the grid.
    history : int
        Days that are read, the present one included.
    weather : bool
        Whether the weather is read.
    network : str
        Registered network over grids.
    settings : mapping
        What the network lets choose.
    """

    levels: int = 1
    history: int = 1
    weather: bool = True
    network: str = "unet"
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse_outside("levels", self.levels, 1, MOST)
        refuse_outside("history", self.history, 1, 100)


class NetworkOcean(LearnedProcess):
    """An ocean that changes in a day by what a network answers.

    Nothing is conserved. All fields stand in the middle of cells, where they are given;
    each is measured in what is usual of it.

    Parameters
    ----------
    options : mapping or Options
        What is read, and by what.
    """

    about = "an ocean by a network alone, by days"
    time = "d"
    coupling = Stencil()
    Options = NetworkOptions
    options: NetworkOptions
    parameters = (_FRACTION,)

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        choices = self.options
        fields = tuple(replace(s, at="cell") for s in STATES)
        days = range(1, choices.history)
        earlier = tuple(_earlier(s, len(days)) for s in fields if days)
        self._fields = fields
        self.states = (*fields, *earlier)
        self.forcings = WEATHER if choices.weather else ()
        size = {s.name: choices.levels if s.axes else 1 for s in fields}
        alike = {f"{name}_{k}": name for k in days for name in size}
        reads = size | {name: size[of] for name, of in alike.items()}
        reads |= {w.name: 1 for w in self.forcings}
        self.network = Corrector(
            choices.network, choices.settings, reads, 1, {"change": sum(size.values())},
            alike,
        )  # fmt: skip

    def at(self, dt: float) -> Process:
        """Return it for steps of some days, with the same network."""
        timed = copy(self)
        timed.dt = dt
        return timed

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Go on by what the network answers."""
        names = [one.name for one in self._fields]
        flat = {one.name: not one.axes for one in self._fields}
        now = {n: _levelled(getattr(s, n), flat[n]) for n in names}
        inputs = dict(now)
        before = {n: _several(getattr(s, f"earlier_{n}", ())) for n in names}
        for k in range(1, self.options.history):
            inputs |= {f"{n}_{k}": _levelled(before[n][k - 1], flat[n]) for n in names}
        inputs |= {w.name: getattr(f, w.name).unsqueeze(-3) for w in self.forcings}
        sea = torch.sign(p.cell_fraction)
        surface = sea[..., :1, :, :]
        changes = self.network(inputs, sea, (surface,))["change"]
        pieces = torch.split(changes, [now[n].shape[-3] for n in names], -3)
        state: dict[str, Any] = {}
        for name, change in zip(names, pieces, strict=True):
            size = self.network.usual_change(name)
            inside = surface if flat[name] else sea
            after = now[name] + self.dt * size * change * inside
            state[name] = after.squeeze(-3) if flat[name] else after
            if self.options.history > 1:
                earlier = (getattr(s, name), *before[name][:-1])
                state[f"earlier_{name}"] = earlier if len(earlier) > 1 else earlier[0]
        return state, {}


def _earlier(state: State, count: int) -> State:
    """Return the state that holds a state of some days before."""
    return replace(
        state, name=f"earlier_{state.name}", symbol=f"{state.symbol}⁻", size=count,
        standard_name="", about=f"{state.about} on the days before, the latest first",
    )  # fmt: skip


def _levelled(x: Tensor, flat: bool) -> Tensor:
    return x.unsqueeze(-3) if flat else x


def _several(x: Any) -> tuple[Tensor, ...]:
    """Return entries of a state as a tuple, of one as well."""
    return x if isinstance(x, tuple) else (x,) if isinstance(x, torch.Tensor) else ()
