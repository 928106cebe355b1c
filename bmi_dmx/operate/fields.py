"""Steps of processes whose places see each other, on NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..compose.part import Declarations, Part
from ..errors import ConfigError
from ..kernels.tree import tree_step, tree_steps
from ..program import Program, evaluate
from ..space import Space, Tree
from .stages import qualified

__all__ = ["FieldStepper", "TreeStepper"]

Array = np.ndarray[Any, np.dtype[np.float64]]


class TreeStepper:
    """Steps places from upstream to downstream.

    Parameters
    ----------
    program : Program
        One step of a place; see :class:`~.stages.Stage`.
    part : Part
        The process; its links say which flux or state is summed up for which forcing.
    declared : Declarations
        Its variables.
    tree : Tree
        The places.
    forcing, output : mapping of str to ndarray
        (place,) buffers by input and output name of the program.
    fluxes : mapping of str to str
        Buffers of what is summed up, ``q.<buffer>``, by name.
    scale : mapping of str to float
        From what that is in its buffer to what a step makes of it.
    inflow : mapping of str to ndarray
        (place,) arrays that are to show what comes from upstream in a step, by forcing.

    Attributes
    ----------
    state, parameter : dict of str to ndarray
        (place, 1), or (entry, place, 1), by input name of the program.
    """

    def __init__(
        self,
        program: Program,
        part: Part,
        declared: Declarations,
        tree: Space | None,
        forcing: Mapping[str, Array],
        output: Mapping[str, Array],
        fluxes: Mapping[str, str],
        scale: Mapping[str, float],
        inflow: Mapping[str, Array],
    ) -> None:
        if not isinstance(tree, Tree):
            raise ConfigError(
                f"space: part {part.name!r} needs places with one downstream each; "
                "expected a tree"
            )
        self._program, self._tree = program, tree
        self._forcing, self._output = forcing, output
        n = len(tree.ids)
        self.state = {
            f"s.{qualified(part, s.name)}": _zeros(s.size, n) for s in declared.states
        }
        self.parameter = {
            f"p.{qualified(part, p.name)}": _zeros(p.size, n)
            for p in declared.step_parameters
        }
        self._passed = {
            f"f.{qualified(part, name)}": (fluxes[flux], scale[flux])
            for name, flux in part.links.items()
        }
        self._shown = {f"f.{qualified(part, n)}": x for n, x in inflow.items()}
        self._flowing = np.flatnonzero(tree.downstream >= 0)
        self._down = tree.downstream[self._flowing]
        compiled = self._compiled()
        self._advance: Callable[[], object] = compiled or self._by_levels
        self.step: Callable[[], object] = self._step if inflow else self._advance
        """Advance all places; return a false value if every number was finite."""

    def _compiled(self) -> Callable[[], object] | None:
        return tree_step(*self._arguments())

    def _arguments(self) -> tuple[Any, ...]:
        arrays = {**self._forcing, **self._output}
        for name, array in (*self.state.items(), *self.parameter.items()):
            arrays |= _entries(name, array)
        return (
            self._program,
            {name: flux for name, (flux, _) in self._passed.items()},
            {name: scale for name, (_, scale) in self._passed.items()},
            self._tree.downstream,
            {n: x for n, x in arrays.items() if n not in self._passed},
        )

    def stretching(
        self, outputs: Collection[str]
    ) -> Callable[[Mapping[str, Array], Mapping[str, Array], int], bool] | None:
        """Return what advances all places by many steps; None where nothing does.

        It takes (step, place) forcings, arrays for outputs, both by names of the
        program, and a number of threads; it answers as :attr:`step`.

        Parameters
        ----------
        outputs : collection of str
            Outputs that are asked for, by names of the program; no others are made.
        """
        if self._shown:
            return None
        program, links, scale, downstream, arrays = self._arguments()
        names = [
            name
            for name in program.outputs
            if not name.startswith("q.") or name in outputs or name in links.values()
        ]
        subset = {n: x for n, x in arrays.items() if n[:2] != "q." or n in names}
        return tree_steps(program.select(names), links, scale, downstream, subset)

    def _step(self) -> object:
        bad = self._advance()
        for name, array in self._shown.items():
            flux, scale = self._passed[name]
            flow = self._output[flux][self._flowing] * scale
            array[:] = np.bincount(self._down, flow, len(array))
        return bad

    def _by_levels(self) -> bool:
        n = len(self._tree.ids)
        received = {name: np.zeros(n) for name in self._passed}
        bad = False
        for level in self._tree.levels:
            bad |= self._advance_level(level, received)
        return bad

    def _advance_level(self, level: Array, received: Mapping[str, Array]) -> bool:
        inputs = {
            n: x[level][:, None] for n, x in {**self._forcing, **received}.items()
        }
        for arrays in (self.state, self.parameter):
            for name, array in arrays.items():
                inputs |= {n: x[level] for n, x in _entries(name, array).items()}
        finite = all(np.isfinite(x).all() for x in inputs.values())
        result = evaluate(self._program, inputs)
        for name, array in self.state.items():
            for key, row in _entries(name, array).items():
                row[level] = result[key]
        for name, array in self._output.items():
            array[level] = np.broadcast_to(result[name], (len(level), 1))[:, 0]
        down = self._tree.downstream[level]
        inside = down >= 0
        for name, (flux, scale) in self._passed.items():
            flow = self._output[flux][level][inside] * scale
            np.add.at(received[name], down[inside], flow)
        return not finite

    def summing(self, names: Sequence[str]) -> Callable[[], Any]:
        """Return a function that adds up states over their entries, (place,)."""
        states = [self.state[name] for name in names]
        return partial(_sums, states, len(self._tree.ids))


def _sums(states: Sequence[Array], n: int) -> Array:
    total = np.zeros(n)
    for array in states:
        total += array.reshape(-1, n).sum(axis=0)
    return total


def _zeros(size: int, n: int) -> Array:
    return np.zeros((n, 1)) if size == 1 else np.zeros((size, n, 1))


def _entries(name: str, array: Array) -> dict[str, Array]:
    if array.ndim == 2:
        return {name: array}
    return {f"{name}.{k}": row for k, row in enumerate(array)}


class FieldStepper:
    """Steps whole fields.

    Parameters
    ----------
    program : Program
        One step of all fields.
    part : Part
        The process.
    declared : Declarations
        Its variables.
    space : Space
        Where the fields are.
    constants : mapping of str to ndarray
        Weights of a correction, ``w.<name>``.
    forcing, output : mapping of str to ndarray
        Flat buffers by input and output name of the program.
    buffers : mapping of str to str
        Names of the output buffers by variable.

    Attributes
    ----------
    state, parameter : dict of str to ndarray
        Fields by input name of the program, with a leading axis of several entries.
    """

    def __init__(
        self,
        program: Program,
        part: Part,
        declared: Declarations,
        space: Space | None,
        constants: Mapping[str, Array],
        forcing: Mapping[str, Array],
        output: Mapping[str, Array],
        buffers: Mapping[str, str],
    ) -> None:
        if space is None:
            raise ConfigError(f"space: part {part.name!r} lives on fields; say which")
        self._program = program
        self._constants = {n: x for n, x in constants.items() if n in program.inputs}
        self.state = {
            f"s.{qualified(part, s.name)}": np.zeros(_shape(s, space))
            for s in declared.states
        }
        self.parameter = {
            f"p.{qualified(part, p.name)}": np.zeros(_shape(p, space))
            for p in declared.step_parameters
        }
        shapes = {f.name: space.shape(f) for f in declared.forcings}
        self._forcing = {
            n: x.reshape(shapes.get(n[2:], x.shape)) for n, x in forcing.items()
        }
        self._output = output
        self._shapes = {
            f"q.{buffers[v.name]}": space.shape(v) for v in declared.outputs
        }

    def step(self) -> bool:
        """Advance all fields; return whether something was not finite."""
        inputs: dict[str, Array] = dict(self._forcing)
        for arrays in (self.state, self.parameter):
            for name, array in arrays.items():
                inputs |= _parts(self._program, name, array)
        finite = all(np.isfinite(x).all() for x in inputs.values())
        result = evaluate(self._program, {**inputs, **self._constants})
        # What a state hands on to another one may be its own array, which changes.
        after = {n: np.array(x) for n, x in result.items() if n.startswith("s.")}
        for name, array in self._output.items():
            array[:] = np.broadcast_to(result[name], self._shapes[name]).reshape(-1)
        for name, array in self.state.items():
            for key, row in _parts(self._program, name, array).items():
                row[...] = after[key]
        return not finite

    def summing(self, names: Sequence[str]) -> Callable[[], Any]:
        """Return a function that adds up states over the whole space, (1,)."""
        states = [self.state[name] for name in names]
        return lambda: np.array([sum(float(array.sum()) for array in states)])


def _shape(variable: Any, space: Space) -> tuple[int, ...]:
    shape = space.shape(variable)
    return shape if variable.size == 1 else (variable.size, *shape)


def _parts(program: Program, name: str, array: Array) -> dict[str, Array]:
    if name in program.inputs:
        return {name: array}
    return {f"{name}.{k}": row for k, row in enumerate(array)}
