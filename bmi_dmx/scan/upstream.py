"""One step of places that pass fluxes on to those downstream of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ..process import Process, Upstream
from ..program.trace import call_step
from .arguments import Arguments
from .axes import tree_of

__all__ = ["UpstreamFirst", "passed_on"]


def passed_on(process: Process) -> dict[str, str]:
    """Return what the step makes that is summed up for a forcing, by its input name."""
    coupling = process.coupling
    assert isinstance(coupling, Upstream)
    states = {state.name for state in process.states}
    return {
        f"f.{forcing}": f"{'s' if source in states else 'q'}.{source}"
        for forcing, source in coupling.links.items()
    }


class _Level(NamedTuple):
    """Places that do not depend on each other.

    ``flowing`` are the positions among them of those with a place downstream, and
    ``downstream`` are these.
    """

    places: Tensor
    flowing: Tensor
    downstream: Tensor


class UpstreamFirst:
    """Steps a tree level by level; fluxes are summed into forcings downstream.

    A forcing that is linked to a flux upstream may be given as well: it is what enters
    from elsewhere, and is added.

    Parameters
    ----------
    process : Process
        Physics coupled :class:`~bmi_dmx.process.Upstream`, on its tree.
    a : Arguments
        What the scan was given.
    """

    def __init__(self, process: Process, a: Arguments) -> None:
        self.process = process
        self.a = a
        self.links = passed_on(process)
        tree = tree_of(process)
        downstream = torch.tensor(tree.downstream, device=a.device)
        self.levels = []
        for level in tree.levels:
            places = torch.tensor(level, device=a.device)
            below = downstream[places]
            flowing = (below >= 0).nonzero().squeeze(-1)
            self.levels.append(_Level(places, flowing, below[flowing]))
        self._order = torch.argsort(torch.cat([level.places for level in self.levels]))

    def __call__(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return new states and fluxes of all places."""
        a = self.a
        nothing = next(iter(a.tensors())).new_zeros(a.shape)
        received = {
            forcing: values[forcing].expand(a.shape) if forcing in values else nothing
            for forcing in self.links
        }
        results: list[dict[str, Tensor]] = []
        for places, flowing, downstream in self.levels:
            here = {n: x[places] for n, x in {**values, **received}.items()}
            result = call_step(self.process, here)
            shape = (len(places), *a.shape[1:])
            result = {n: x.to(a.dtype).expand(shape) for n, x in result.items()}
            for forcing, source in self.links.items():
                arriving = result[source][flowing]
                received[forcing] = received[forcing].index_add(0, downstream, arriving)
            results.append(result)
        return {n: torch.cat([r[n] for r in results])[self._order] for n in results[0]}
