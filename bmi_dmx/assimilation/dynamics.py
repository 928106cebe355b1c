"""A process as a map of ensembles, compiled once and called again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

_GRADIENT = "gradient"

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
        self._bound_back: dict[
            int, tuple[dict[str, Array], Array, Callable[[], object]]
        ] = {}

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
        parts = [
            np.repeat(np.arange(places), count)
            for count, places in self._fields.values()
        ]
        return np.concatenate(parts)

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
        take no longer than two ensembles; backward by the compiled derivative.

        Parameters
        ----------
        ensemble : Tensor
            (..., entry), float64.
        steps : int
            How many.
        """
        from .derivatives import stepped

        return stepped(self, self._pulled, ensemble, steps)

    def _pulled(self, ensemble: Array, gradient: Array) -> Array:
        """Return the gradient at a state, given that at the state one step later."""
        rows = ensemble.reshape(-1, self.size)
        if len(rows) not in self._bound_back:
            if len(self._bound_back) >= _KEPT:
                self._bound_back.clear()
            self._bound_back[len(rows)] = self._bind_back(len(rows))
        inputs, gradients, pull = self._bound_back[len(rows)]
        inputs[_STATE][:], inputs[_GRADIENT][:] = rows, gradient.reshape(rows.shape)
        pull()
        return np.array(gradients.reshape(ensemble.shape))

    def _apart(self, ensemble: Tensor) -> list[Tensor]:
        """Return the entries of the states, each (..., place)."""
        return [
            ensemble[..., at.start + k : at.stop : s.size]
            for s in self._process.states
            for at in (self.entries(s.name),)
            for k in range(s.size)
        ]

    def _moved(
        self, entries: Sequence[Tensor], parameters: Mapping[str, Tensor]
    ) -> list[Tensor]:
        """Return the entries one step later."""
        from ..program.trace import call_step

        names = [n for s in self._process.states for n in entry_names("s", s)]
        values = {f"p.{name}": parameters[name] for name in self.parameters}
        outputs = call_step(
            self._process, {**values, **dict(zip(names, entries, strict=True))}
        )
        return [outputs[name] for name in names]

    def _together(self, entries: Sequence[Tensor]) -> Tensor:
        """Return entries as one array, (..., entry)."""
        import torch

        parts, rest = [], list(entries)
        for s in self._process.states:
            components, rest = rest[: s.size], rest[s.size :]
            if s.size > 1:
                sizes = (*components[0].shape[:-1], s.size * components[0].shape[-1])
                components = [torch.stack(components, -1).reshape(sizes)]
            parts += components
        return torch.cat(parts, -1) if len(parts) > 1 else parts[0]

    @cached_property
    def _program(self) -> NetworkProgram:
        return self._traced("step", (_STATE,), self._step)

    @cached_property
    def _adjoint(self) -> NetworkProgram:
        return self._traced("derivative", (_STATE, _GRADIENT), self._pull)

    def _step(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take the step of the process apart from, and together to, one array."""
        moved = self._moved(self._apart(values[_STATE]), values)
        return {_STATE: self._together(moved)}

    def _pull(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the product of a gradient and the derivative of the step."""
        import torch

        entries = self._apart(values[_STATE])
        pull = torch.func.vjp(lambda *x: self._moved(x, values), *entries)[1]
        return {_GRADIENT: self._together(pull(self._apart(values[_GRADIENT])))}

    def _traced(
        self,
        what: str,
        reads: Sequence[str],
        function: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
    ) -> NetworkProgram:
        """Return a function of ensembles and of the parameters as a program."""
        import torch

        from ..program.trace import BATCH, named, trace

        sizes = {name: x.shape for name, x in self.parameters.items()}
        sizes |= dict.fromkeys(reads, (BATCH, self.size))
        examples = {
            name: torch.empty(shape, dtype=torch.float64, device="meta")
            for name, shape in sizes.items()
        }
        with named(self._process):
            program = trace(function, examples)
        return NetworkProgram(
            f"{what} of {self._process.name}", program, self.parameters,
            dict.fromkeys(reads, (self.size,)),
        )  # fmt: skip

    def _bind(self, rows: int) -> tuple[Array, Callable[[], object]]:
        buffer = {_STATE: np.empty((rows, self.size))}
        return buffer[_STATE], self._program.bind(buffer, buffer)

    def _bind_back(
        self, rows: int
    ) -> tuple[dict[str, Array], Array, Callable[[], object]]:
        inputs = {name: np.empty((rows, self.size)) for name in (_STATE, _GRADIENT)}
        gradients = np.empty((rows, self.size))
        return inputs, gradients, self._adjoint.bind(inputs, {_GRADIENT: gradients})


def _complete(
    process: Process, values: Mapping[str, float | Array]
) -> dict[str, Array]:
    """Return every parameter, as an array."""
    parameters = {p.name: p for p in process.parameters}
    for name in values:
        if name not in parameters:
            raise ConfigError(
                f"{process.name}: parameter {name!r}{suggestion(name, parameters)}"
            )
    arrays = {}
    for name, p in parameters.items():
        value = values.get(name, p.default)
        if value is None:
            raise ConfigError(f"{process.name}: parameter {name!r} is missing")
        arrays[name] = np.asarray(value, dtype=np.float64)
        if p.first_outside(np.atleast_1d(arrays[name])) is not None:
            raise ConfigError(
                f"{process.name}: parameter {name!r}: found {value}, expected "
                f"{p.expected}"
            )
    return arrays
