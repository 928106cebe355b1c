"""The compiled backend of trees: kernels that run every place after those upstream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ..errors import ScanError
from ..kernels import build
from ..kernels.call import ABSENT, Block, View
from ..kernels.print_c import Layout, source
from ..kernels.schedule import Schedule, schedule
from ..kernels.tree import Passage, TreeKernel, units_for
from ..process import Process, Upstream
from ..program.trace import named
from .arguments import Arguments, optional_entries
from .axes import tree_of
from .operator import Entry, Sizes, operate, series_views, views
from .programs import Key, adjoint_of, step_of
from .upstream import passed_on

__all__ = ["refuses", "run"]

_KEPT_BYTES = 1 << 30
"""Most that is kept of what places pass on; what is more is computed again."""


def refuses(process: Process, a: Arguments) -> str | None:
    """Return why no kernel runs this, if none does."""
    if not isinstance(process.coupling, Upstream):
        return (
            f"{a.process}: backend 'tree' runs places that see those upstream, found "
            f"coupling {type(process.coupling).__name__}"
        )
    if a.device.type != "cpu" or a.dtype not in (torch.float32, torch.float64):
        return (
            f"{a.process}: backend 'tree' runs float32 and float64 on a CPU, found "
            f"{a.dtype} on {a.device}"
        )
    if torch._C._are_functorch_transforms_active():
        return (
            f"{a.process}: kernels are differentiated by autograd, and not by the "
            "transforms of torch.func; backend='reference' is"
        )
    entry = _entry_for(process, a)
    return entry if isinstance(entry, str) else None


def run(process: Process, a: Arguments) -> tuple[list[Tensor], list[Tensor]]:
    """Run the loop in a compiled kernel; same contract as the reference."""
    entry = _entry_for(process, a)
    assert isinstance(entry, TreeEntry)
    sizes = Sizes(
        a.steps, a.warmup, *a.shape, a.average, a.gradient, a.forcing_gradient
    )
    # A tree may be of one batch alone, and kernels are for all.
    downstream = torch.from_numpy(tree_of(process).downstream.copy())
    return operate(entry, sizes, [*a.tensors(), downstream])


# What compiles the function around a scan is to find the kernel, not how it is made.
@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _entry_for(process: Process, a: Arguments) -> TreeEntry | str:
    # One step of a place does not depend on the tree around it.
    anywhere = process.on(None)
    try:
        key = Key(anywhere)
    except ScanError as error:
        return str(error)
    return _entry(
        key, tuple(a.outputs), tuple(a.forcing), a.dtype == torch.float64, a.gradient
    )


@lru_cache(maxsize=256)
def _entry(
    key: Key,
    outputs: tuple[str, ...],
    given: tuple[str, ...],
    double: bool,
    adjoint: bool,
) -> TreeEntry | str:
    dtype = torch.float64 if double else torch.float32
    links = passed_on(key.process)
    made = dict.fromkeys((*outputs, *links.values()))
    fluxes = tuple(name for name in made if name.startswith("q."))
    try:
        step = step_of(key, dtype)
        backward = adjoint_of(key, fluxes, dtype) if adjoint else None
        layout = Layout.of(step, outputs, links=links)
        with named(key.process):
            text = source(layout, step, backward, double=double, forcing_gradient=True)
    except ScanError as error:
        return str(error)
    library = build.library(text)
    if isinstance(library, str):
        return f"{key.process.name}: {library}"
    return TreeEntry(key.process, TreeKernel(library, layout), outputs, given)


class TreeEntry(Entry):
    """The kernel of places that see those upstream.

    The last of its inputs is the position of the place below each place.

    Parameters
    ----------
    process : Process
        The physics.
    kernel : TreeKernel
        What runs it.
    outputs : tuple of str
        What is recorded.
    given : tuple of str
        Forcings that are given; those that are linked need not be.
    """

    def __init__(
        self,
        process: Process,
        kernel: TreeKernel,
        outputs: tuple[str, ...],
        given: tuple[str, ...],
    ) -> None:
        super().__init__(process.name, kernel.layout, optional_entries(process))
        self.kernel, self.outputs, self.given = kernel, outputs, given

    @property
    def recorded(self) -> int:
        """Number of outputs that are recorded."""
        return len(self.outputs)

    def split(self, tensors: Sequence[Tensor]) -> tuple[Sequence[Tensor], ...]:
        """Return states, forcings and parameters of the inputs."""
        first = len(self.layout.states)
        second = first + len(self.given)
        return tensors[:first], tensors[first:second], tensors[second:-1]

    def gives(self, forcing: str) -> bool:
        """Return whether a forcing is among the inputs."""
        return forcing in self.given

    def kept(self, sizes: Sizes, tensors: Sequence[Tensor]) -> int:
        """Return how many numbers are kept: states, and what is passed on."""
        order = self._order(sizes, tensors)
        steps = sizes.steps - sizes.warmup
        return sum(Passage.size_kept(self.layout, order, steps, self._whole(sizes)))

    def _order(self, sizes: Sizes, tensors: Sequence[Tensor]) -> Schedule:
        threads = torch.get_num_threads()
        units = units_for(threads, sizes.places * sizes.members, sizes.steps)
        # Traced with tensors that hold no numbers, nobody asks for the order.
        downstream = np.asarray(tensors[-1])
        return schedule(downstream, sizes.members, units)

    def _whole(self, sizes: Sizes) -> bool:
        numbers = sizes.steps * sizes.places * sizes.members * len(self.layout.links)
        return bool(sizes.kept) and numbers * 4 <= _KEPT_BYTES

    def _passage(
        self,
        sizes: Sizes,
        tensors: Sequence[Tensor],
        steps: int,
        kept: Tensor | None = None,
    ) -> Passage:
        varying = self._varying(self.split(tensors)[2])
        return Passage(
            self.layout, self._order(sizes, tensors), steps,
            "float64" if tensors[0].dtype == torch.float64 else "float32",
            (*self.given, *varying), self.outputs,
            kept=None if kept is None else kept.detach().numpy(),
            whole=kept is not None and self._whole(sizes),
        )  # fmt: skip

    def _varying(self, parameters: Sequence[Tensor]) -> tuple[str, ...]:
        named = zip(self.layout.parameters, parameters, strict=True)
        return tuple(name for name, x in named if x.ndim == 3)

    def _block(
        self,
        sizes: Sizes,
        tensors: Sequence[Tensor],
        first: int,
        last: int,
        state: Sequence[Tensor],
    ) -> Block:
        """Return the arguments of a run from one step to another."""
        _, forcing, parameters = self.split(tensors)
        at = [x[first:last] if x.ndim == 3 else x for x in (*forcing, *parameters)]
        return Block(
            steps=last - first, locations=sizes.places, members=sizes.members,
            average=bool(sizes.average), state=views(state),
            forcing=self._forcings(at[: len(forcing)]),
            parameter=views(at[len(forcing) :]), final=(), output=(),
        )  # fmt: skip

    def _forcings(self, tensors: Sequence[Tensor]) -> list[View]:
        """Return views of all forcings, absent ones of those that are not given."""
        there = dict(zip(self.given, views(tensors), strict=True))
        return [there.get(name, ABSENT) for name in self.layout.forcings]

    def _outputs(self, series: Sequence[Tensor]) -> list[View]:
        rest = len(self.layout.outputs) - self.recorded
        return [*series_views(series), *([ABSENT] * rest)]

    def forward(
        self, sizes: Sizes, tensors: Sequence[Tensor], results: Sequence[Tensor]
    ) -> bool:
        """Run the loop."""
        count, threads = len(self.layout.states), torch.get_num_threads()
        state, final = self.split(tensors)[0], results[:count]
        if sizes.warmup:
            warm = [torch.empty_like(x) for x in final]
            block = self._block(sizes, tensors, 0, sizes.warmup, state)
            block.final = views(warm)
            passage = replace(self._passage(sizes, tensors, sizes.warmup), made=())
            if not self.kernel.forward(block, passage, threads):
                return False
            state = warm
        block = self._block(sizes, tensors, sizes.warmup, sizes.steps, state)
        block.final = views(final)
        block.output = self._outputs(results[count : count + self.recorded])
        kept = results[-1] if sizes.kept else None
        steps = sizes.steps - sizes.warmup
        passage = self._passage(sizes, tensors, steps, kept)
        return self.kernel.forward(block, passage, threads)

    def backward(
        self,
        sizes: Sizes,
        tensors: Sequence[Tensor],
        kept: Tensor,
        cotangents: Sequence[Tensor],
        gradients: Sequence[Tensor],
    ) -> None:
        """Run the adjoint."""
        states, forcing, parameters = self.split(tensors)
        count, threads = len(states), torch.get_num_threads()
        block = self._block(sizes, tensors, sizes.warmup, sizes.steps, states)
        block.d_final = views(cotangents[:count])
        block.d_output = self._outputs(cotangents[count:])
        # Of what comes before the warm-up is over nothing is differentiated.
        first = [torch.zeros_like(x) for x in gradients[:count]]
        block.g_state = views(first if sizes.warmup else gradients[:count])
        rest = gradients[count:]
        late = [x[sizes.warmup :] if x.ndim == 3 else x for x in rest]
        wanted = self._varying(parameters)
        if sizes.forcing:
            block.g_forcing = self._forcings(late[: len(forcing)])
            late = late[len(forcing) :]
            wanted = (*self.given, *wanted)
        block.g_parameter = views(late)
        passage = self._passage(sizes, tensors, sizes.steps - sizes.warmup, kept)
        self.kernel.backward(block, passage, wanted, threads)
