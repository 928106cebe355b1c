"""What reaches hold and are to receive, after their flow was changed from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...operate.runner import Runner
from ...operate.system import DependentStores
from .hot_start import held_by_flow, reaches_part

__all__ = ["FOLLOWING", "settling"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_LEAST = 1.0
"""m3; what holds less by its flow has no proportions to keep."""


def settling(runner: Runner) -> Callable[[], None]:
    """Return what brings a river in line with its flow once that was changed.

    What a reach is to receive from above becomes what now leaves there, so that no
    water appears between two reaches. What it holds changes with what its physics
    stores at its flow: by as much, or in proportion where what leaves a reach follows
    from what it holds (the option ``conserving``), which keeps that above 0.

    Parameters
    ----------
    runner : Runner
        A model of reaches, whose stores are about to be changed.

    Raises
    ------
    ConfigError
        When the model has no reaches.
    """
    part, tree = reaches_part(runner)
    stores = {name: x for (key, name), x in runner.stores().items() if key == part.name}
    leading = [stores[name] for name in ("discharge", "lake_storage") if name in stores]
    before = [array.copy() for array in leading]
    storage = held_by_flow(runner, part).copy()
    leaves = runner.operation.program(part).select(["q.solution"])
    key = leaves.inputs["s.volume"]
    in_proportion = any(key in line.args for line in leaves.instructions)

    def settle() -> None:
        pairs = zip(leading, before, strict=True)
        changed = np.any([now[:, 0] != old[:, 0] for now, old in pairs], axis=0)
        flow, above, volume = (
            stores[name][:, 0] for name in ("discharge", "inflow_before", "volume")
        )
        below = tree.received((flow != before[0][:, 0]).astype(float)) > 0.0
        above[below] = tree.received(flow)[below]
        at = np.flatnonzero(changed | below)
        now = held_by_flow(runner, part)[at, 0]
        old = storage[at, 0]
        more = now - old
        if in_proportion:
            some = old > _LEAST
            share = np.divide(now, old, out=np.ones_like(now), where=some)
            more = np.where(some, volume[at] * (share - 1.0), more)
        volume[at] += more

    return settle


FOLLOWING = DependentStores(("volume",), settling)
"""What follows from the flow of reaches, and how."""
