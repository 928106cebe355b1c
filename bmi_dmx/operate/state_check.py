"""What may stand in a saved state: bounds of every array, and where its places are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import StateError
from ..variables import Variable
from .runner import Runner

__all__ = ["MEMBERS", "Content", "contents", "in_order", "refuse_absurd"]

Array = np.ndarray[Any, np.dtype[Any]]
Indices = np.ndarray[Any, np.dtype[Any]]

_ABSURD = 1e30
"""What no quantity of any system is larger than."""

MEMBERS = "members."
"""Beginning of the names of what the members of an ensemble hold."""

_SLACK = 1e-9
"""Share of the width of its bounds by which a store may lie outside, by rounding."""


@dataclass(frozen=True)
class Content:
    """What may stand in an array of a state.

    Parameters
    ----------
    axis : int or None
        That of the places, counted from the end; None where there is none.
    low, high : float
        Smallest and largest number.
    units : str
        Of these, for messages.
    missing : bool
        Whether NaN may stand there, for what is not known yet.
    rows : tuple of Variable
        What the rows of a table are, each with bounds of its own.
    """

    axis: int | None
    low: float = -_ABSURD
    high: float = _ABSURD
    units: str = ""
    missing: bool = False
    rows: tuple[Variable, ...] = ()


def contents(runner: Runner, names: Iterable[str]) -> dict[str, Content]:
    """Return what may stand in the arrays of a state.

    Parameters
    ----------
    runner : Runner
        The model.
    names : iterable of str
        Those of the arrays: the runner's, and what is kept for each place beside.
    """
    plan = runner.operation.plan
    fields = any(part.coupling == "stencil" for part in plan.parts)
    schema = dict(_stores(runner))
    networks = {part.name for part in plan.networks}
    budgets = runner.storage.memory()["balance"]
    rows = runner.parameters.rows
    for name in names:
        group, _, entry = name.partition(".")
        if group == "settings":
            each = None if fields else -1
            schema[name] = Content(each, missing=True, rows=rows[entry])
        elif group == "balance":
            each = budgets[entry].size == len(runner.ids) and entry != "begun"
            schema[name] = Content(-1 if each else None)
        elif group in networks or group == "varying":
            unknown = group == "varying" and not runner.operation.lags
            schema[name] = Content(None if fields else -2, missing=unknown)
        elif entry and name not in schema:
            schema[name] = Content(None if fields else -1, missing=True)
    if runner.members is not None:
        theirs = [n.removeprefix(MEMBERS) for n in names if n.startswith(MEMBERS)]
        more = contents(runner.members, theirs)
        schema |= {f"{MEMBERS}{name}": content for name, content in more.items()}
        schema["ensemble.draws"] = Content(None, 0.0)
    schema["balance.begun"] = Content(None, 0.0, 1.0)
    schema["period.steps"] = Content(None, 0.0)
    return schema


def _stores(runner: Runner) -> Iterator[tuple[str, Content]]:
    for part in runner.operation.plan.processes:
        axis = -2 if part.members else -1
        for state in part.declared(runner.operation.inner).states:
            low, high = _bounds(state)
            yield (
                f"{part.name}.{state.name}",
                Content(
                    None if part.coupling == "stencil" else axis, low, high, state.units
                ),
            )


def _bounds(variable: Variable) -> tuple[float, float]:
    return variable.bounds or (-_ABSURD, _ABSURD)


def in_order(
    arrays: Mapping[str, Array], order: Indices, schema: Mapping[str, Content]
) -> dict[str, Array]:
    """Return arrays with their places in another order."""
    ordered = {}
    for name, array in arrays.items():
        axis = schema[name].axis if name in schema else None
        ordered[name] = array if axis is None else np.take(array, order, axis)
    return ordered


def refuse_absurd(
    arrays: Mapping[str, Array],
    schema: Mapping[str, Content],
    ids: Sequence[str],
    where: str,
) -> None:
    """Refuse numbers that no state of a model holds.

    Raises
    ------
    StateError
        Naming the array, the place and the number.
    """
    for name, array in arrays.items():
        if name not in schema:
            continue
        content = schema[name]
        if not content.rows:
            _refuse(f"{where}: {name}", array, content, ids)
            continue
        for variable, row in zip(content.rows, array, strict=True):
            low, high = _bounds(variable)
            one = Content(content.axis, low, high, variable.units, missing=True)
            _refuse(f"{where}: {name}: {variable.name}", row, one, ids)


def _refuse(what: str, array: Array, content: Content, ids: Sequence[str]) -> None:
    low, high = content.low, content.high
    slack = _SLACK * (high - low) if low > -_ABSURD and high < _ABSURD else 0.0
    bad = ~((array >= low - slack) & (array <= high + slack))
    if content.missing:
        bad &= ~np.isnan(array)
    if not bad.any():
        return
    at = np.unravel_index(int(bad.argmax()), bad.shape)
    place = "" if content.axis is None else f" at {ids[int(at[content.axis])]!r}"
    units = f" {content.units}" if content.units not in ("", "1") else ""
    bounded = low > -_ABSURD or high < _ABSURD
    expected = f"{low:g} to {high:g}" if bounded else "a finite number"
    raise StateError(f"{what}{place} is {array[at]:g}{units}, expected {expected}")
