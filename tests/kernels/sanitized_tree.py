"""Run kernels of trees with arrays of NumPy, compiled to stop at the first fault.

``python -m tests.kernels.sanitized_tree FOLDER [short]`` runs ``step.json``
and ``adjoint.json``, whose links are in ``links.json``, forwards and backwards, and
steps them. ``short`` makes a fault: a series that ends too early.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from bmi_dmx.kernels import build
from bmi_dmx.kernels.call import ABSENT, Block
from bmi_dmx.kernels.print_c import Layout, source
from bmi_dmx.kernels.schedule import schedule
from bmi_dmx.kernels.tree import Passage, TreeKernel, tree_step
from bmi_dmx.program import Program
from tests.kernels.sanitized import compile_to_stop, view

BUSHY = np.array([-1, *((k - 1) // 2 for k in range(1, 37)), -1, 37])
CHAIN = np.arange(-1, 4)
SINGLE = np.array([-1])


class Run:
    """A kernel, and programs to make it from."""

    def __init__(self, step: Program, adjoint: Program, links: dict[str, str]) -> None:
        outputs = tuple(n for n in step.outputs if n.startswith("q."))
        self.step, self.links = step, links
        self.layout = Layout.of(step, outputs, links=links)
        self.varying = self.layout.parameters[:1]
        text = source(
            self.layout, step, adjoint, double=True, forcing_gradient=True,
            fixed=set(self.layout.parameters) - set(self.varying),
        )  # fmt: skip
        library = build.library(text)
        assert not isinstance(library, str), library
        self.kernel = TreeKernel(library, self.layout)

    def train(
        self, below: np.ndarray, members: int, steps: int, whole: bool, short: int
    ) -> None:
        """Run forwards and backwards, on several threads."""
        layout, n = self.layout, len(below)
        order = schedule(below, members, 4)
        rng = np.random.default_rng(0)
        drivers = [name for name in layout.forcings if name not in self.links]

        def some(count: int, *shape: int) -> list[np.ndarray]:
            return [rng.uniform(0.1, 0.6, shape) for _ in range(count)]

        states = some(len(layout.states), n, members)
        # Of one series the steps of a place stand side by side.
        forcing = [np.moveaxis(x, -1, 0) for x in
                   some(len(drivers), n, 1, steps - short)]  # fmt: skip
        parameters = some(len(layout.parameters), n, members)
        parameters[0] = rng.random((steps, n, members))
        final = some(len(states), n, members)
        series = some(len(layout.outputs), steps, n, members)
        gradients = [[np.zeros(x.shape) for x in group]
                     for group in (states, forcing, parameters)]  # fmt: skip
        storage = np.zeros(sum(Passage.size_kept(layout, order.slots, steps, whole)))
        at = dict(zip(drivers, map(view, forcing), strict=True))
        back = dict(zip(drivers, map(view, gradients[1]), strict=True))
        block = Block(
            steps, n, members, list(map(view, states)),
            [at.get(name, ABSENT) for name in layout.forcings],
            list(map(view, parameters)), list(map(view, final)),
            list(map(view, series)), d_final=list(map(view, final)),
            d_output=list(map(view, series)), g_state=list(map(view, gradients[0])),
            g_forcing=[back.get(name, ABSENT) for name in layout.forcings],
            g_parameter=list(map(view, gradients[2])),
        )  # fmt: skip
        passage = Passage(
            layout, order, steps, self.kernel.fixed, "float64",
            [*drivers, *self.varying], layout.outputs, checkpoint=storage, whole=whole,
        )  # fmt: skip
        assert self.kernel.forward(block, passage, 2)
        self.kernel.backward(block, passage, [*drivers, *self.varying], 2)
        assert all(np.isfinite(x).all() for group in gradients for x in group)

    def operate(self, below: np.ndarray) -> None:
        """Take some steps."""
        n = len(below)
        arrays = {name: np.full((n, 1), 0.5) for name in
                  (*self.layout.states, *self.layout.parameters)}  # fmt: skip
        arrays |= {name: np.full(n, 0.5) for name in
                   (*self.layout.forcings, *self.layout.outputs)}  # fmt: skip
        for name in self.links:
            del arrays[name]
        step = tree_step(self.step, self.links, dict.fromkeys(self.links, 1.0), below,
                         arrays)  # fmt: skip
        assert step is not None
        for _ in range(3):
            assert not step()


def main(folder: str, *faults: str) -> None:
    """Run everything."""
    compile_to_stop()
    contents = (json.loads(Path(folder, name).read_text())
             for name in ("step.json", "adjoint.json", "links.json"))  # fmt: skip
    step, adjoint, links = contents
    run = Run(Program.from_json(step), Program.from_json(adjoint), links)
    short = int("short" in faults)
    for below in (SINGLE, CHAIN, BUSHY):
        for members, steps in ((1, 1), (1, 70), (3, 33), (16, 16)):
            for whole in (True, False):
                run.train(below, members, steps, whole, short)
        run.operate(below)


if __name__ == "__main__":
    main(*sys.argv[1:])
