"""One compiled step with persistent buffers: what a component runs at every update.

Built from a traced program alone, so that operation needs no PyTorch. Where no kernel
can be compiled, the same program runs on NumPy arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ..errors import ScanError, suggestion
from ..program import Program, evaluate
from . import build
from .call import ABSENT, Block, View, refuse_other_layout
from .layout import ABREAST, LANES, Layout
from .print_c import source

__all__ = ["Stepper", "kernel_of", "kernels_listed"]

Array = np.ndarray[Any, np.dtype[Any]]


class Stepper:
    """Advances ``n`` locations by one step at each :meth:`step`.

    All arrays are allocated once and never rebound: write forcings and parameters into
    them, call :meth:`step`, read states and outputs from them. All quantities are per
    step (see :data:`bmi_dmx.variables.PerStep`).

    Parameters
    ----------
    program : Program
        A traced time step.
    locations, members : int
        Sizes of the arrays.
    outputs : sequence of str
        ``q.<flux>`` or ``s.<state>`` to record, averaged over members.
    dtype : {"float64", "float32"}
        Type of every array.

    Attributes
    ----------
    state, parameter : dict of str to ndarray
        (location, member), by input name of the program; a variable of several entries
        is one array, (entry, location, member).
    forcing, output : dict of str to ndarray
        (location,), by input or output name of the program.
    compiled : bool
        Whether a kernel runs the step.
    """

    def __init__(
        self,
        program: Program,
        locations: int,
        members: int,
        outputs: Sequence[str],
        dtype: str = "float64",
        *,
        forcing: Mapping[str, Array] | None = None,
        output: Mapping[str, Array] | None = None,
    ) -> None:
        kind = np.dtype(dtype)
        lanes, abreast = _together(program, locations, members)
        self.layout, self._program, text = _prepared(
            program, tuple(outputs), kind == np.float64, lanes, abreast
        )
        library = self._library = kernel_of(text)
        self._members = members
        self._streams = [
            (runs, _stream(runs, locations, members, kind, members == 1 and lanes > 1))
            for runs in _streamed(self.layout, locations > 1 and lanes == 1)
        ]
        columns: dict[str, Array] = {}
        for runs, array in self._streams:
            columns.update(_columns(runs, array))
        self.state = {n: columns[n] for n in self.layout.state_runs}
        self.parameter = {n: columns[n] for n in self.layout.parameter_runs}
        self.forcing = self._adopt(self.layout.forcings, forcing or {}, locations, kind)
        self.output = self._adopt(self.layout.outputs, output or {}, locations, kind)
        self.compiled = library is not None
        self.step: Callable[[], object] = self._step_numpy
        """Advance one step; return a false value if every input was finite."""
        if library is not None:
            self.step = self._bind(library, locations, members)

    def summing(self, names: Sequence[str]) -> Callable[[], Any]:
        """Return a function that adds up states, over entries and the mean of members.

        Parameters
        ----------
        names : sequence of str
            States, ``s.<name>``.

        Returns
        -------
        callable
            Returns the sums, (location,), or of one location a number; where it is an
            array it is the same at every call.
        """
        terms = [
            self._sum_in(runs, array, tuple(names))
            for runs, array in self._streams
            if not runs.keys().isdisjoint(names)
        ]
        if len(terms) == 1:
            return terms[0]
        zero = np.zeros(self._streams[0][1].shape[1])
        return lambda: sum((term() for term in terms), zero)

    def _sum_in(
        self, runs: Mapping[str, int], array: Array, names: tuple[str, ...]
    ) -> Callable[[], Any]:
        sizes = tuple((n, k) for n, k in runs.items() if n in self.state)
        weights = _weights(sizes, names, self._members, array.dtype.str)
        states = array[: len(weights)]
        # One call for all, for this is asked at every step.
        if array.shape[1] == 1:
            return partial(np.dot, states.reshape(-1), weights.reshape(-1))
        sums = np.zeros(array.shape[1], array.dtype)
        return partial(np.einsum, "elm,em->l", states, weights, out=sums)

    @staticmethod
    def _adopt(
        names: Sequence[str], buffers: Mapping[str, Array], n: int, kind: np.dtype[Any]
    ) -> dict[str, Array]:
        """Return given arrays where they fit, new ones elsewhere."""
        arrays = {}
        for name in names:
            array = buffers.get(name)
            if array is None:
                array = np.zeros(n, kind)
            elif (
                array.shape != (n,)
                or array.dtype != kind
                or not array.flags.c_contiguous
            ):
                raise ScanError(
                    f"buffer of {name!r} is {array.dtype}{array.shape}, expected a "
                    f"contiguous {kind}({n},)"
                )
            arrays[name] = array
        return arrays

    def _bind(self, library: Any, locations: int, members: int) -> Callable[[], object]:
        states = _views(self.state)
        block = Block(
            steps=1, locations=locations, members=members, average=True,
            state=states, forcing=_views(self.forcing),
            parameter=_views(self.parameter), final=states, output=_views(self.output),
        )  # fmt: skip
        refuse_other_layout(library, self.layout)
        self._words = block.pack(self.layout)
        return partial(library.step, self._words.ctypes.data)

    def stretch(
        self, forcing: Mapping[str, Array], output: Mapping[str, Array]
    ) -> Callable[[], object]:
        """Return a function that runs many steps in one call, with the same numbers.

        It answers as :meth:`step` does, and keeps its arrays alive.

        Parameters
        ----------
        forcing : mapping of str to ndarray
            (step, location), by input name of the program, C-contiguous.
        output : mapping of str to ndarray
            What is recorded, by output name, C-contiguous: all the averages over the
            members, (step, location), or all the members, (step, location, member).
            Outputs that are left out are computed, which costs less than recording.

        Raises
        ------
        ScanError
            When no kernel runs the steps.
        """
        if self._library is None:
            raise ScanError("many steps in one call need a kernel")
        recorded = [output[name] for name in self.layout.outputs if name in output]
        average = all(x.ndim == 2 for x in recorded)
        states = _views(self.state)
        series = (*forcing.values(), *recorded)
        block = Block(
            steps=len(series[0]), locations=series[0].shape[1],
            members=self._members, average=average, state=states,
            forcing=[_series(forcing[name]) for name in self.layout.forcings],
            parameter=_views(self.parameter), final=states,
            output=[
                _series(output[name]) if name in output else ABSENT
                for name in self.layout.outputs
            ],
        )  # fmt: skip
        return partial(
            _stretch, self._library, block.pack(self.layout), (forcing, output)
        )

    def _step_numpy(self) -> object:
        states, parameters = _entries(self.state), _entries(self.parameter)
        inputs: dict[str, Array] = {**states, **parameters}
        inputs.update({n: x[:, None] for n, x in self.forcing.items()})
        finite = all(np.isfinite(x).all() for x in inputs.values())
        # A result may be the array of an input, which is written to below.
        results = {n: np.array(x) for n, x in evaluate(self._program, inputs).items()}
        for name, array in states.items():
            array[...] = results[name]
        for name, array in self.output.items():
            array[...] = np.broadcast_to(
                results[name], (array.shape[0], self._members)
            ).mean(axis=1)
        return not finite


_listed: ContextVar[list[str] | None] = ContextVar("listed", default=None)


@contextmanager
def kernels_listed() -> Iterator[list[str]]:
    """Within it, the kernels of new steppers are listed as C text, and not made."""
    sources: list[str] = []
    token = _listed.set(sources)
    try:
        yield sources
    finally:
        _listed.reset(token)


def kernel_of(text: str) -> Any:
    """Return the kernel of a C text, or None where there is none or it is listed."""
    sources = _listed.get()
    if sources is None:
        return build.load(text)
    if text not in sources:
        sources.append(text)
    return None


@lru_cache(maxsize=64)
def _together(program: Program, locations: int, members: int) -> tuple[int, int]:
    """Return how many cells are worked on together, and how many such chunks by turns.

    A cell by itself has no others, and one of many entries fills the vectors of the
    processor alone, out of memory read from start to end. Turns are taken where there
    are chunks for all of them, and what is worked on stays in the nearest cache.
    """
    entries = Layout.of(program, (), together=True).state_runs.values()
    many = max(entries, default=1) > 4 * LANES
    if members == 1 and (locations == 1 or many):
        return 1, 1
    chunks, most = -(-locations * members // LANES), max(ABREAST)
    return LANES, most if chunks >= most and not many else 1


@lru_cache(maxsize=64)
def _prepared(
    program: Program, outputs: tuple[str, ...], double: bool, lanes: int, abreast: int
) -> tuple[Layout, Program, str]:
    """Return layout, selected program and C text: one for all that run the same."""
    for name in outputs:
        if name not in program.outputs:
            hint = suggestion(name, program.outputs)
            raise ScanError(f"unknown output {name!r}{hint}")
    layout = Layout.of(program, outputs, together=True)
    selected = program.select(dict.fromkeys([*layout.states, *outputs]))
    text = source(layout, program, None, double=double, lanes=lanes, abreast=abreast)
    return layout, selected, text


@lru_cache(maxsize=64)
def _weights(
    runs: tuple[tuple[str, int], ...], names: tuple[str, ...], members: int, kind: str
) -> Array:
    """Return 1 / members for the entries of some runs, else 0, (entry, member)."""
    flags = [[float(name in names)] * size for name, size in runs]
    column = np.array([x for run in flags for x in run], kind) / members
    return np.repeat(column[:, None], members, axis=1)


def _views(arrays: Mapping[str, Array]) -> list[View]:
    views = []
    for x in arrays.values():
        # An axis of one repeats; a forcing or output has no axis of members.
        item, axes = x.itemsize, zip(x.shape, x.strides, strict=True)
        steps = [0 if n == 1 else stride // item for n, stride in axes]
        entry = steps.pop(0) if x.ndim == 3 else 0
        member = steps[1] if len(steps) == 2 else 0
        # Four times as fast as x.ctypes.data.
        address = int(x.__array_interface__["data"][0])
        views.append((address, 0, steps[0], member, entry))
    return views


def _stretch(library: Any, words: Array, _: object) -> object:
    """Run the steps of an argument block; the last argument is what it points into."""
    locations, members = words[2:4].tolist()
    return library.forward(words.ctypes.data, 0, library.groups(locations, members))


def _series(array: Array) -> View:
    """Return the view of a series, (step, location) or (step, location, member)."""
    address = int(array.__array_interface__["data"][0])
    time, location, *member = (stride // array.itemsize for stride in array.strides)
    return (address, time, location, member[0] if member else 0, 0)


@lru_cache(maxsize=64)
def _streamed(layout: Layout, apart: bool) -> tuple[Mapping[str, int], ...]:
    """Return which runs share a piece of memory, and how many entries each has.

    All do, but where many cells with their entries side by side are to be shown to
    hosts: as arrays of one entry each, in which the locations are side by side.
    """
    runs = {**layout.state_runs, **layout.parameter_runs}
    return tuple({n: size} for n, size in runs.items()) if apart else (runs,)


def _stream(
    runs: Mapping[str, int],
    locations: int,
    members: int,
    kind: np.dtype[Any],
    in_lines: bool,
) -> Array:
    """Return zeros, (entry, location, member), in the order in which a step reads them.

    ``in_lines`` tells that cells of successive locations are worked on together.
    """
    total = sum(runs.values())
    if in_lines:
        return np.zeros((total, locations, members), kind)
    by_location: Array = np.zeros((locations, total, members), kind)
    return np.swapaxes(by_location, 0, 1)


def _columns(runs: Mapping[str, int], array: Array) -> Iterator[tuple[str, Array]]:
    """Yield the part of each run, (location, member) where it is one entry."""
    first = 0
    for name, size in runs.items():
        part = array[first : first + size]
        yield name, part[0] if size == 1 else part
        first += size


def _entries(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return every entry by the input name of the program."""
    entries = {}
    for name, array in arrays.items():
        if array.ndim == 2:
            entries[name] = array
        else:
            entries.update({f"{name}.{k}": row for k, row in enumerate(array)})
    return entries
