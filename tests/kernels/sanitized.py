"""Run kernels with arrays of NumPy: what is checked of them in a process of its own.

``python -m tests.kernels.sanitized FOLDER [short]`` runs the programs ``step.json`` and
``adjoint.json`` forwards and backwards, and steps them, compiled to stop at the first
fault by the compiler ``CC``. ``short`` makes one: an array that ends too early.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from bmi_dmx.kernels import build
from bmi_dmx.kernels.call import Block, Kernel, View
from bmi_dmx.kernels.layout import LANES, Layout
from bmi_dmx.kernels.print_c import source
from bmi_dmx.kernels.stepper import Stepper
from bmi_dmx.program import Program
from tests.kernels import sanitizers


def view(array: np.ndarray) -> View:
    """Return a view of (place, member) or (time, place, member)."""
    strides = [0 if n == 1 else s // array.itemsize
               for n, s in zip(array.shape, array.strides, strict=True)]  # fmt: skip
    time = strides[0] if array.ndim == 3 else 0
    return (array.__array_interface__["data"][0], time, *strides[-2:], 0)


def compile_to_stop() -> None:
    """Let kernels of this process be compiled to stop at the first fault."""
    flags = sanitizers.LIBRARIES[os.environ["CC"]][1]
    build._FLAGS = (*build._FLAGS, *sanitizers.FLAGS, *flags)


ABREAST = 2
"""Chunks that take turns; some runs have an odd number of them."""


def train(step: Program, adjoint: Program, shape: tuple[int, int], short: int) -> None:
    """Run forwards and backwards."""
    steps, warmup, interval = 11, 2, 4
    outputs = tuple(n for n in step.outputs if n.startswith("q."))
    layout = Layout.of(step, outputs)
    text = source(layout, step, adjoint, double=True, forcing_gradient=True,
                  abreast=ABREAST)  # fmt: skip
    library = build.library(text)
    assert not isinstance(library, str), library
    kernel = Kernel(library, layout)
    rng = np.random.default_rng(0)

    def some(count: int, *shape: int) -> list[np.ndarray]:
        return [rng.random(shape) for _ in range(count)]

    grid = shape
    recorded = (steps - warmup, *grid)
    states = some(len(layout.states), *grid)
    forcing = some(len(layout.forcings), steps - short, grid[0], 1)
    parameters = some(len(layout.parameters), *grid)
    parameters[0] = rng.random((steps, *grid))
    final, series = some(len(states), *grid), some(len(outputs), *recorded)
    row = ABREAST * LANES
    rows = -(-grid[0] * grid[1] // row)
    segments = -(-(steps - warmup) // interval)
    checkpoints = np.zeros(rows * segments * len(states) * row)
    gradients = [[np.zeros(x.shape) for x in group]
                 for group in (states, forcing, parameters)]  # fmt: skip
    views = [list(map(view, group)) for group in (states, forcing, parameters)]
    block = Block(
        steps, *grid, *views, list(map(view, final)), list(map(view, series)),
        warmup=warmup, interval=interval, checkpoints=view(checkpoints[None])[0],
        d_final=list(map(view, final)), d_output=list(map(view, series)),
        g_state=list(map(view, gradients[0])), g_forcing=list(map(view, gradients[1])),
        g_parameter=list(map(view, gradients[2])),
    )  # fmt: skip
    assert kernel.forward(block.pack(layout), 1)
    kernel.backward(block.pack(layout, adjoint=True), 1)
    assert all(np.isfinite(x).all() for group in gradients for x in group)


def operate(step: Program, shape: tuple[int, int]) -> None:
    """Take some steps."""
    outputs = [n for n in step.outputs if n.startswith("q.")]
    stepper = Stepper(step, *shape, outputs)
    assert stepper.compiled
    for array in (*stepper.state.values(), *stepper.parameter.values()):
        array[...] = 0.5
    for _ in range(3):
        assert not stepper.step()


def main(folder: str, *faults: str) -> None:
    """Run everything."""
    compile_to_stop()
    programs = (json.loads(Path(folder, name).read_text())
                for name in ("step.json", "adjoint.json"))  # fmt: skip
    step, adjoint = map(Program.from_json, programs)
    for shape in ((1, 1), (5, 3), (33, 1), (2, 20), (16, 16)):
        train(step, adjoint, shape, 1 if "short" in faults else 0)
        operate(step, shape)


if __name__ == "__main__":
    main(*sys.argv[1:])
