"""A process as a map of ensembles, compiled once and called again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, suggestion
from ..kernels.evaluator import NetworkProgram
from ..process import Process, Upstream
from ..program import entry_names
from ..space import Space
from ..variables import State

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Dynamics"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_STATE = "state"

_KEPT = 8
"""Most sizes of ensembles for which memory is kept."""


class Dynamics:
    """Steps ensembles of a process, (..., member, entry), as one array.

    The step is traced once, and compiled where there is a compiler; members and the
    axes before them are what the kernel runs over.

    Parameters
    ----------
    process : Process
        Without forcing; of places or of whole fields.
    space : Space
        Where it runs.
    parameters : mapping of str to (float or ndarray)
        Numbers, or (place,); those left out have their defaults.
    dt : float
        Length of a step, in the unit of time of the process.

    Attributes
    ----------
    size : int
        Entries of a state: state by state, and of several entries a place those of one
        place side by side.

    Raises
    ------
    ConfigError
        When the process has forcings or sees upstream, a parameter is not known, or one
        is missing.
    """

    def __init__(
        self,
        process: Process,
        space: Space,
        parameters: Mapping[str, float | Array] | None = None,
        *,
        dt: float,
    ) -> None:
        if process.forcings or isinstance(process.coupling, Upstream):
            raise ConfigError(
                f"{process.name}: reads forcing, expected a process that goes by itself"
            )
        self.space, self.dt = space, dt
        self._process = process.on(space).at(dt)
        self.parameters = _complete(self._process, parameters or {})
        self._fields = {
            s.name: (s.size, int(np.prod(space.shape(s)))) for s in process.states
        }
        self.size = sum(k * places for k, places in self._fields.values())
        self._bound: dict[int, tuple[Array, Callable[[], object]]] = {}

    def entries(self, state: str) -> slice:
        """Return where a state stands among the entries.

        Raises
        ------
        ConfigError
            When the process has no such state.
        """
        if state not in self._fields:
            raise ConfigError(f"state {state!r}{suggestion(state, self._fields)}")
        first = 0
        for name, (count, places) in self._fields.items():
            if name == state:
                return slice(first, first + count * places)
            first += count * places
        raise AssertionError

    @property
    def states(self) -> tuple[State, ...]:
        """Declarations of the states, in the order of the entries."""
        return self._process.states

    @property
    def places(self) -> Array:
        """Place of every entry, (entry,)."""
        found = [
            np.repeat(np.arange(places), count)
            for count, places in self._fields.values()
        ]
        return np.concatenate(found)

    def __call__(self, ensemble: Array, steps: int = 1) -> Array:
        """Return an ensemble some steps later, as a new array.

        Parameters
        ----------
        ensemble : ndarray
            (..., entry), float64.
        steps : int
            How many.
        """
        rows = ensemble.reshape(-1, self.size)
        if len(rows) not in self._bound:
            if len(self._bound) >= _KEPT:
                self._bound.clear()
            self._bound[len(rows)] = self._bind(len(rows))
        buffer, advance = self._bound[len(rows)]
        buffer[:] = rows
        for _ in range(steps):
            advance()
        return np.array(buffer.reshape(ensemble.shape))

    def differentiable(self, ensemble: Tensor, steps: int = 1) -> Tensor:
        """Return the same of a tensor, through which derivatives are found.

        Forward by central differences of the compiled step, which have ten digits and
        take no longer than two ensembles; backward by PyTorch.

        Parameters
        ----------
        ensemble : Tensor
            (..., entry), float64.
        steps : int
            How many.
        """
        from .derivatives import stepped

        return stepped(self, self._by_torch, ensemble, steps)

    def _by_torch(self, ensemble: Tensor, steps: int) -> Tensor:
        import torch

        given = {
            name: torch.as_tensor(value, dtype=ensemble.dtype)
            for name, value in self.parameters.items()
        }
        for _ in range(steps):
            ensemble = self._stepped(ensemble, given)
        return ensemble

    def _stepped(self, ensemble: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        """Take the step of the process apart from, and together to, one array."""
        import torch

        from ..program.trace import call_step

        values = {f"p.{name}": x for name, x in given.items()}
        for s in self._process.states:
            at = self.entries(s.name)
            for k, name in enumerate(entry_names("s", s)):
                values[name] = ensemble[..., at.start + k : at.stop : s.size]
        found = call_step(self._process, values)
        parts = []
        for s in self._process.states:
            entries = [found[name] for name in entry_names("s", s)]
            if s.size > 1:
                sizes = (*ensemble.shape[:-1], s.size * entries[0].shape[-1])
                entries = [torch.stack(entries, -1).reshape(sizes)]
            parts += entries
        return torch.cat(parts, -1) if len(parts) > 1 else parts[0]

    @cached_property
    def _program(self) -> NetworkProgram:
        import torch

        from ..program.trace import BATCH, named, trace

        examples = {
            name: torch.empty(x.shape, dtype=torch.float64, device="meta")
            for name, x in self.parameters.items()
        }
        sizes = (BATCH, self.size)
        examples[_STATE] = torch.empty(sizes, dtype=torch.float64, device="meta")
        with named(self._process):
            program = trace(
                lambda values: {_STATE: self._stepped(values[_STATE], values)},
                examples,
            )
        return NetworkProgram(
            f"step of {self._process.name}", program, self.parameters,
            {_STATE: (self.size,)},
        )  # fmt: skip

    def _bind(self, rows: int) -> tuple[Array, Callable[[], object]]:
        buffer = {_STATE: np.empty((rows, self.size))}
        return buffer[_STATE], self._program.bind(buffer, buffer)


def _complete(process: Process, given: Mapping[str, float | Array]) -> dict[str, Array]:
    """Return every parameter, as an array."""
    known = {p.name: p for p in process.parameters}
    for name in given:
        if name not in known:
            raise ConfigError(
                f"{process.name}: parameter {name!r}{suggestion(name, known)}"
            )
    found = {}
    for name, p in known.items():
        value = given.get(name, p.default)
        if value is None:
            raise ConfigError(f"{process.name}: parameter {name!r} is missing")
        found[name] = np.asarray(value, dtype=np.float64)
        if p.first_outside(np.atleast_1d(found[name])) is not None:
            raise ConfigError(
                f"{process.name}: parameter {name!r}: found {value}, expected "
                f"{p.expected}"
            )
    return found
