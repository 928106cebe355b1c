"""What enters and leaves whole fields, added up by budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .stages import LOST, Balance, Stages
from .storage import add_up

__all__ = ["FieldSums"]

Array = np.ndarray[Any, np.dtype[np.float64]]


class FieldSums:
    """Adds up the budgets of models that live on fields, over the whole space.

    Parameters
    ----------
    stages : Stages
        What is run.
    buffers : mapping of str to ndarray
        Values by the names of buffers, in units of the host, as of the present step.
    sums : mapping of (str, str) to ndarray
        (1,) by budget and ``in`` or ``out``; what :meth:`step` adds to. With ``_lost``
        at the end it is what rounding has taken.
    """

    def __init__(
        self,
        stages: Stages,
        buffers: Mapping[str, Array],
        sums: Mapping[tuple[str, str], Array],
    ) -> None:
        self._stages = stages
        self._terms = [
            (
                sums[balance.budget, way],
                sums[balance.budget, way + LOST],
                buffers[name].sum,
                scale,
            )
            for balance in stages.balances
            for way in ("in", "out")
            for name, scale in self._named(balance, way)
        ]

    def _named(self, balance: Balance, way: str) -> Iterator[tuple[str, float]]:
        """Yield the buffer of each term, and the factor to what a step brings."""
        plan, inner = self._stages.operation.plan, self._stages.operation.inner
        terms = balance.inputs if way == "in" else balance.outputs
        for part, name in ((plan[owner], name) for owner, name in terms):
            declared = part.declared(inner)
            variable = next(
                v for v in (*declared.fluxes, *declared.forcings) if v.name == name
            )
            time = part.dt(inner) if variable.per_step == "rate" else 1.0
            buffer, factor, source = name, 1.0, variable
            link = plan.links.get((part.name, name))
            if link is None:
                buffer = self._stages.buffers[part.name, name]
            elif link.giver == "part":
                fluxes = plan[link.part].declared(inner).fluxes
                source = next(f for f in fluxes if f.name == link.name)
                buffer = self._stages.buffers[link.part, link.name]
                factor = link.factor
            else:
                buffer = link.name
            yield buffer, time / self._stages.operation.factor(source) * factor

    def step(self) -> None:
        """Add what the present step brings."""
        for total, rounding, summed, scale in self._terms:
            add_up(total, rounding, summed() * scale)
