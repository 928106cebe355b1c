"""How far forecasts on levels are from what was observed: in all, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .samples import LevelSamples

__all__ = ["ErrorMap", "Measure", "chosen", "stable_until", "usual_of"]

Array = NDArray[np.float64]


def chosen(fields: Mapping[str, Any], leads: Sequence[int]) -> dict[str, Array]:
    """Return fields of some leads of those of all, (lead, 1, *field), by state."""
    at = np.array(leads) - 1
    return {name: np.asarray(x[at], np.float64) for name, x in fields.items()}


def usual_of(
    samples: LevelSamples, start: int, leads: Sequence[int]
) -> dict[str, Array]:
    """Return what is usual on days after a step, (lead, 1, *field), by state."""
    days = samples.store.begins[start + np.array(leads)]
    return {
        name: samples.fields(name, samples.usual.climatology[name].at(days))[:, None]
        for name in samples.states
    }


def stable_until(ahead: Mapping[str, Array], samples: LevelSamples) -> int:
    """Return how many steps of a forecast, (L, 1, *field), are possible states."""
    good = np.ones(len(next(iter(ahead.values()))), bool)
    for name, x in ahead.items():
        low, high = samples.states[name].limits
        inside = (x >= low) & (x <= high)
        good &= inside.reshape(len(x), -1).all(-1)
    return int(np.logical_and.accumulate(good).sum())


class Measure:
    """Measures forecasts of one state.

    Parameters
    ----------
    samples : LevelSamples
        Weights and usual sizes.
    name : str
        The state.
    """

    def __init__(self, samples: LevelSamples, name: str) -> None:
        weights = samples.weights(name)
        self._weights = weights / weights.sum()
        self._spread = samples.spread(name)

    def __call__(
        self, forecast: Array, observed: Array, usual: Array
    ) -> dict[str, float]:
        """Return squared errors and the correlation of anomalies of one field."""
        square = (forecast - observed) ** 2 * self._weights
        one, other = forecast - usual, observed - usual
        size = (one**2 * self._weights).sum() * (other**2 * self._weights).sum()
        product = (one * other * self._weights).sum()
        return {
            "rmse": float(square.sum()),
            "normalised": float((square / self._spread**2).sum()),
            "acc": float(product / np.sqrt(size)) if size > 0.0 else 0.0,
        }


class ErrorMap:
    """Where forecasts of temperature err, or of the first state on levels.

    Parameters
    ----------
    samples : LevelSamples
        Grid and sea.
    leads : sequence of int
        Steps ahead.

    Attributes
    ----------
    name : str
        The state.
    samples, leads
        As given.
    """

    def __init__(self, samples: LevelSamples, leads: Sequence[int]) -> None:
        levelled = [n for n, s in samples.states.items() if s.axes and s.at == "cell"]
        self.name = "temperature" if "temperature" in levelled else levelled[0]
        self.samples, self.leads = samples, tuple(leads)
        self._squares = np.zeros((len(leads), *samples.sea.shape))
        self._count = 0

    def add(self, forecast: Mapping[str, Array], observed: Mapping[str, Array]) -> None:
        """Take the errors of another forecast, (lead, 1, level, row, column)."""
        self._squares += ((forecast[self.name] - observed[self.name]) ** 2)[:, 0]
        self._count += 1

    @property
    def surface(self) -> Array:
        """(row, column) errors of the uppermost level at the last lead, NaN on land."""
        sea = self.samples.sea[0] > 0.0
        errors: Array = np.where(
            sea, np.sqrt(self._squares[-1, 0] / self._count), np.nan
        )
        return errors

    @property
    def section(self) -> Array:
        """(level, row) errors along rows at the last lead, NaN where no sea is."""
        return self._along(self._squares[-1], -1)

    @property
    def course(self) -> Array:
        """(lead, column) errors of the uppermost level within 20 degrees of 0."""
        y = self.samples.grid.nodes("y")
        some = np.abs(y) <= max(20.0, np.abs(y).min())
        squares = np.where(some[:, None], self._squares[:, 0], 0.0)
        return self._along(squares, -2, some[:, None])

    def _along(self, squares: Array, axis: int, also: Any = True) -> Array:
        """Return roots of means over cells of the sea along an axis."""
        sea = self.samples.sea if axis == -1 else self.samples.sea[0]
        inside = np.where(also, sea, 0.0)
        count = inside.sum(axis) * self._count
        with np.errstate(invalid="ignore"):
            total = np.where(inside > 0.0, squares, 0.0).sum(axis)
            errors: Array = np.sqrt(total / np.where(count > 0.0, count, np.nan))
        return errors
