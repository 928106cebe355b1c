"""Where a river starts: everything that enters has arrived everywhere downstream."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ...program.trace import call_step, namespaces
from ...scan.arguments import arrange
from ...scan.axes import tree_of
from ...space import Tree
from .lakes import initial_storage, storage_at
from .muskingum_cunge import MuskingumCunge

__all__ = ["accumulated", "hot_start", "received"]


def hot_start(
    process: MuskingumCunge,
    lateral_inflow: Tensor,
    parameters: Mapping[str, Tensor | float],
    *,
    dt: float,
    elevation: Tensor | None = None,
) -> dict[str, Tensor]:
    r"""Return the state of a river whose lateral inflow has long been the same.

    The discharge is the sum of the lateral inflow over all that drains into a reach,
    at least the least discharge; the volume belongs to it, and what lakes hold: a level
    pool stands where its orifice lets out that discharge, but no higher than its weir.

    Parameters
    ----------
    process : MuskingumCunge
        The physics, on its tree.
    lateral_inflow : Tensor
        (reach,) or (reach, member), m3 s-1.
    parameters : mapping of str to Tensor or float
        As for a scan; of those that change with time the first is taken.
    dt : float
        Length of the steps that are to follow, s.
    elevation : Tensor, optional
        (reach,) or (reach, member), of the surface of level pools, m; NaN where it is
        not known, and at reaches that are none.

    Returns
    -------
    dict of str to Tensor
        States, (reach, member), differentiable.
    """
    tree = tree_of(process)
    process = process.at(dt)
    lateral = lateral_inflow.reshape(len(tree), -1)
    flow = accumulated(tree, lateral)
    flow = torch.clamp(flow, min=process.options.floors.discharge)
    before = received(tree, flow)
    state = {"discharge": flow, "inflow_before": before}
    steady = {f.name: torch.zeros_like(flow) for f in process.options.forcings}
    steady |= {"lateral_inflow": lateral, "inflow": before}
    steady["upstream_discharge"] = before
    a = arrange(
        process,
        {**state, "volume": torch.zeros_like(flow)},
        {name: x[None] for name, x in steady.items()},
        {name: _first(x) for name, x in parameters.items()},
        dt=dt, outputs=("stored",), warmup=0, average=False, steps=1,
    ).in_steps()  # fmt: skip
    forcing = {name: x[0] for name, x in a.forcing.items()}
    values = {**a.state, **forcing, **a.parameters}
    if process.options.lakes:
        p = namespaces(process, values)[-1]
        storage = initial_storage(p, flow)
        if elevation is not None:
            surface = elevation.reshape(len(tree), -1)
            storage = torch.where(surface.isnan(), storage, storage_at(p, surface))
        state["lake_storage"] = values["s.lake_storage"] = storage.expand(a.shape)
    step = call_step(process, values)
    return {**state, "volume": step["q.stored"].expand(a.shape)}


def _first(x: Tensor | float) -> Tensor | float:
    return x[0] if isinstance(x, Tensor) and x.ndim == 3 else x


def accumulated(tree: Tree, values: Tensor) -> Tensor:
    """Return for every reach the sum over itself and all that drains into it.

    Parameters
    ----------
    tree : Tree
        The reaches.
    values : Tensor
        (reach, …).
    """
    for source, target in tree.leaps():
        values = _handed(values, values, source, target)
    return values


def received(tree: Tree, values: Tensor) -> Tensor:
    """Return for every reach the sum over those directly upstream.

    Parameters
    ----------
    tree : Tree
        The reaches.
    values : Tensor
        (reach, …).
    """
    source, target = next(tree.leaps(), ([], []))
    return _handed(torch.zeros_like(values), values, source, target)


def _handed(total: Tensor, values: Tensor, source: object, target: object) -> Tensor:
    above, below = (
        torch.as_tensor(x, dtype=torch.int64, device=values.device)
        for x in (source, target)
    )
    return total.index_add(0, below, values[above])
