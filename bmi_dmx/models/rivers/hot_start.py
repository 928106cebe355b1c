"""The flow to begin with: as if the first lateral inflow had lasted."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ConfigError, DataError
from ...operate.runner import Runner
from ...program import evaluate
from ...space import Tree

__all__ = ["accumulated", "hot_start"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_LATERAL, _SOLUTION = "lateral_inflow", "discharge"


def accumulated(tree: Tree, values: Array) -> Array:
    """Return the sum of values over each reach and all that drains into it, (reach,).

    Parameters
    ----------
    tree : Tree
        The reaches.
    values : ndarray
        (reach,).
    """
    total = np.array(values, dtype=np.float64)
    for level in tree.levels[:-1]:
        below = tree.downstream[level]
        inside = below >= 0
        np.add.at(total, below[inside], total[level][inside])
    return total


def hot_start(runner: Runner) -> None:
    """Bring a runner to the steady flow of the lateral inflow it was given.

    What leaves a reach is all that enters above and along it, and no less than the
    physics lets flow; what it holds is what its physics stores at that flow.

    Parameters
    ----------
    runner : Runner
        A model of reaches before its first step, whose lateral inflow is set.

    Raises
    ------
    DataError
        When that is not set.
    ConfigError
        When the model has no such states.
    """
    tree, plan = runner.space, runner.operation.plan
    part = next((p for p in plan.processes if p.coupling == "upstream"), None)
    if part is None or not isinstance(tree, Tree):
        raise ConfigError("state: 'hot' is for models of rivers on a tree")
    lateral = runner.forcing[_LATERAL]
    bad = ~np.isfinite(lateral)
    if bad.any():
        raise DataError(
            f"state: hot: forcing {_LATERAL!r} at {runner.ids[int(bad.argmax())]!r} is "
            "not set; the start follows from the first one"
        )
    runner.parameterize()
    stores = runner.stores()
    discharge = stores[part.name, "discharge"]
    discharge[:, 0] = accumulated(tree, lateral)
    least = _least(runner, part.name)
    np.maximum(discharge, least, out=discharge)
    above = stores[part.name, "inflow_before"]
    above.fill(0.0)
    inside = tree.downstream >= 0
    np.add.at(above, tree.downstream[inside], discharge[inside])
    stores[part.name, "volume"][:] = _stored(runner, part.name)
    runner.storage.begin_balance()


def _inputs(runner: Runner, part: str) -> dict[str, Array]:
    """Return states and parameters of a process as its program names them."""
    declared = runner.operation.plan[part].declared(runner.operation.inner)
    stores = runner.stores()
    inputs = {f"s.{s.name}": stores[part, s.name] for s in declared.states}
    inputs |= {f"p.{p.name}": runner.seen(part, p.name) for p in declared.step_parameters}
    return inputs | {
        f"f.{f.name}": np.zeros_like(stores[part, "discharge"])
        for f in declared.forcings
    }
