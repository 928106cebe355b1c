"""One compiled step with persistent buffers: what a component runs at every update.

Built from a traced program alone, so that operation needs no PyTorch. Where no kernel
can be compiled, the same program runs on NumPy arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ScanError, suggestion
from . import build
from .evaluate import evaluate
from .kernel import Block, View
from .print_c import Layout, source
from .program import Program

__all__ = ["Stepper"]

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
        (location, member), by input name of the program.
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
        for name in outputs:
            if name not in program.outputs:
                hint = suggestion(name, program.outputs)
                raise ScanError(f"unknown output {name!r}{hint}")
        self.layout = Layout.of(program, outputs)
        self._program = program.select(dict.fromkeys([*self.layout.states, *outputs]))
        kind = np.dtype(dtype)
        # Side by side per location, so that a step reads memory as one stream.
        cells = np.zeros((locations, len(self.layout.states) + len(self.layout.parameters), members), kind)
        names = (*self.layout.states, *self.layout.parameters)
        columns = {n: cells[:, k] for k, n in enumerate(names)}
        self.state = {n: columns[n] for n in self.layout.states}
        self.parameter = {n: columns[n] for n in self.layout.parameters}
        self.forcing = self._adopt(self.layout.forcings, forcing or {}, locations, kind)
        self.output = self._adopt(self.layout.outputs, output or {}, locations, kind)
        self._members = members
        text = source(self.layout, program, None, double=kind == np.float64)
        library = build.load(text)
        self.compiled = library is not None
        self.step: Callable[[], object] = self._step_numpy
        """Advance one step; return a false value if every input was finite."""
        if library is not None:
            self.step = self._bind(library, locations, members)

    @staticmethod
    def _adopt(
        names: Sequence[str], given: Mapping[str, Array], n: int, kind: np.dtype[Any]
    ) -> dict[str, Array]:
        """Return given arrays where they fit, new ones elsewhere."""
        arrays = {}
        for name in names:
            array = given.get(name)
            if array is None:
                array = np.zeros(n, kind)
            elif array.shape != (n,) or array.dtype != kind or not array.flags.c_contiguous:
                raise ScanError(
                    f"buffer of {name!r} is {array.dtype}{array.shape}, expected a "
                    f"contiguous {kind}({n},)"
                )
            arrays[name] = array
        return arrays

    def _bind(self, library: Any, locations: int, members: int) -> Callable[[], object]:
        block = Block(
            steps=1, locations=locations, members=members, average=True,
            state=_views(self.state), forcing=_views(self.forcing),
            parameter=_views(self.parameter), final=_views(self.state),
            output=_views(self.output),
        )  # fmt: skip
        words = block.pack(self.layout)
        address, groups, forward = words.ctypes.data, 0, library.forward
        groups = int(library.groups(address))
        outputs = list(self.output.values())

        def step(_keep: Any = words) -> object:
            # Averages are accumulated by the kernel.
            for array in outputs:
                array.fill(0.0)
            return forward(address, 0, groups)

        return step

    def _step_numpy(self) -> object:
        inputs: dict[str, Array] = {**self.state, **self.parameter}
        inputs.update({n: x[:, None] for n, x in self.forcing.items()})
        finite = all(np.isfinite(x).all() for x in inputs.values())
        results = evaluate(self._program, inputs)
        for name, array in self.state.items():
            array[...] = results[name]
        for name, array in self.output.items():
            array[...] = np.broadcast_to(
                results[name], (array.shape[0], self._members)
            ).mean(axis=1)
        return not finite


def _views(arrays: Mapping[str, Array]) -> list[View]:
    views = []
    for x in arrays.values():
        location = 0 if x.shape[0] == 1 else x.strides[0] // x.itemsize
        members = 0
        if x.ndim == 2 and x.shape[1] > 1:
            members = x.strides[1] // x.itemsize
        views.append((x.ctypes.data, 0, location, members))
    return views
