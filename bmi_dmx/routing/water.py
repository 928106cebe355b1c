"""Where the water of a run came from, and where it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.rivers.component import MuskingumCunge
from ..space import Tree

__all__ = ["Water", "account", "lines", "texts"]

Array = NDArray[np.float64]

LATERAL, ENTERING, LEAVING, CREATED = "lateral_inflow", "entering", "leaving", "created"

WORDS = {
    LATERAL: "entered from the sides",
    LEAVING: "left at the outlets",
    CREATED: "created where the least flow is taken",
    "leakage": "leaked into the ground",
    "stored": "stored more than at the start",
    "drift": "kept back by coefficients that follow the flow",
}
"""What is said of the terms."""

BUDGET, STORED = "water", "stored"


class Water:
    """Sums over a river, m3, in the order of :attr:`terms`.

    Parameters
    ----------
    component : MuskingumCunge
        The river.

    Attributes
    ----------
    terms : tuple of str
        What enters and leaves the river as a whole, and the change of what it holds.
    recorded : tuple of str
        Outputs of the model that are needed for it.
    """

    def __init__(self, component: MuskingumCunge) -> None:
        runner = component.runner
        (balance,) = (b for b in runner.stages.balances if b.budget == BUDGET)
        inside = {LATERAL, ENTERING, LEAVING}
        gains = [name for _, name in balance.inputs if name not in inside]
        losses = [name for _, name in balance.outputs if name not in inside]
        self.recorded = (LEAVING, *gains, *losses)
        self.terms = (LATERAL, LEAVING, *gains, *losses, "stored", "drift")
        outward = [-1.0] * (len(losses) + 2)
        self.signs = np.array([1.0, -1.0, *[1.0] * len(gains), *outward])
        assert isinstance(runner.space, Tree)
        self._outlets = np.flatnonzero(runner.space.downstream < 0)
        self._storage, self._output = runner.storage, runner.output
        self._before = 0.0, 0.0

    def begin(self, *, first: bool) -> None:
        """Count what is stored from here on; at first it is all by flow."""
        total, by_flow = self._held()
        self._before = (total, total) if first else (total, by_flow)

    def _held(self) -> tuple[float, float]:
        """Return what came in less what went out, and what belongs to the flow."""
        total = float(np.sum(self._storage.total(BUDGET)))
        return total, float(self._output[STORED].sum())

    def of(self, lateral: Array, series: Mapping[str, Array], seconds: float) -> Array:
        """Return the terms of a block of steps that was just run."""
        after = self._held()
        change, stored = (b - a for a, b in zip(self._before, after, strict=True))
        self._before = after
        rates = [lateral.sum(), series[LEAVING][:, self._outlets].sum()]
        rates += [series[name].sum() for name in self.recorded[1:]]
        return np.array([*(seconds * rate for rate in rates), stored, change - stored])


def account(water: Water, pieces: Iterable[Array]) -> tuple[dict[str, float], float]:
    """Return the sums of pieces of a run by term, and what they do not account for."""
    total = np.sum([*pieces], axis=0)
    residual = float((water.signs * total).sum())
    return dict(zip(water.terms, total.tolist(), strict=True)), residual


def lines(terms: Mapping[str, float], residual: float) -> list[str]:
    """Return the account of water in words, a line for each term."""
    whole = max(map(abs, terms.values())) or 1.0
    lines = [
        f"{WORDS.get(name, name):47}{value:13.6g} m3 {value / whole:10.4%}"
        for name, value in terms.items()
    ]
    return [
        *lines,
        f"{'not accounted for':47}{residual:13.3g} m3 {residual / whole:10.1e}",
    ]


def texts(terms: Mapping[str, float], residual: float) -> dict[str, Any]:
    """Return the account as attributes of a file."""
    return {
        **{f"water_{n}_m3": x for n, x in terms.items()},
        "water_residual_m3": residual,
    }
