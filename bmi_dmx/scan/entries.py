"""What kernels of cells, and those of trees, have in common on any processor."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor

from ..kernels.call import ABSENT, Block, View
from .operator import Entry, Sizes, series_views, views

__all__ = ["CellEntry", "LinkedEntry"]


class CellEntry(Entry):
    """A kernel of cells that do not see each other: one block of arguments a run."""

    @abstractmethod
    def interval(self, sizes: Sizes, like: Tensor) -> int:
        """Return the number of steps between the states that are kept."""

    def block(
        self, sizes: Sizes, tensors: Sequence[Tensor], final: Sequence[Tensor]
    ) -> Block:
        """Return the arguments that the way there and the way back share."""
        states, forcing, parameters = self.split(tensors)
        return Block(
            steps=sizes.steps, warmup=sizes.warmup,
            locations=sizes.places, members=sizes.members,
            interval=self.interval(sizes, tensors[0]), average=bool(sizes.average),
            state=views(states), forcing=views(forcing), parameter=views(parameters),
            final=views(final), output=(),
        )  # fmt: skip

    def block_of_results(
        self, sizes: Sizes, tensors: Sequence[Tensor], results: Sequence[Tensor]
    ) -> Block:
        """Return the arguments of the way there; results as of :meth:`results`."""
        states = len(self.layout.states)
        block = self.block(sizes, tensors, results[:states])
        block.output = series_views(results[states : states + self.recorded])
        if sizes.kept:
            block.checkpoints = results[-1].data_ptr()
        return block

    def block_of_gradients(
        self,
        sizes: Sizes,
        tensors: Sequence[Tensor],
        tape: Tensor,
        cotangents: Sequence[Tensor],
        gradients: Sequence[Tensor],
    ) -> Block:
        """Return the arguments of the way back, as of :meth:`backward`."""
        states, forcing, _ = self.split(tensors)
        count = len(states)
        block = self.block(sizes, tensors, states)
        block.checkpoints = tape.data_ptr()
        block.d_final = views(cotangents[:count])
        block.d_output = series_views(cotangents[count:])
        block.g_state = views(gradients[:count])
        rest = gradients[count:]
        if sizes.forcing:
            block.g_forcing, rest = views(rest[: len(forcing)]), rest[len(forcing) :]
        block.g_parameter = views(rest)
        return block


class LinkedEntry(Entry):
    """A kernel of places that see those upstream.

    The last of its inputs is the position of the place below each place.

    Attributes
    ----------
    forcings : tuple of str
        Forcings that are among the inputs; those that are linked need not be.
    """

    forcings: tuple[str, ...]

    def split(self, tensors: Sequence[Tensor]) -> tuple[Sequence[Tensor], ...]:
        """Return states, forcings and parameters of the inputs."""
        first = len(self.layout.states)
        second = first + len(self.forcings)
        return tensors[:first], tensors[first:second], tensors[second:-1]

    def gives(self, forcing: str) -> bool:
        """Return whether a forcing is among the inputs."""
        return forcing in self.forcings

    def block(
        self,
        sizes: Sizes,
        tensors: Sequence[Tensor],
        span: tuple[int, int],
        state: Sequence[Tensor],
    ) -> Block:
        """Return the arguments of a run over a span of steps, the last not included."""
        first, last = span
        _, forcing, parameters = self.split(tensors)
        at = [x[first:last] if x.ndim == 3 else x for x in (*forcing, *parameters)]
        return Block(
            steps=last - first, locations=sizes.places, members=sizes.members,
            state=views(state),
            forcing=self.views_of_forcings(at[: len(forcing)]),
            parameter=views(at[len(forcing) :]), final=(), output=(),
        )  # fmt: skip

    def views_of_forcings(self, tensors: Sequence[Tensor]) -> list[View]:
        """Return views of all forcings, absent ones of those that are not given."""
        there = dict(zip(self.forcings, views(tensors), strict=True))
        return [there.get(name, ABSENT) for name in self.layout.forcings]

    def views_of_outputs(self, series: Sequence[Tensor]) -> list[View]:
        """Return views of all outputs, absent ones of what is passed on alone."""
        rest = len(self.layout.outputs) - self.recorded
        return [*series_views(series), *([ABSENT] * rest)]
