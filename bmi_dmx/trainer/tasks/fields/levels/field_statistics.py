"""What is usual of fields that are looked at one step after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..climatology import Climatology, day_of_year, waves

__all__ = ["FieldStatistics"]

Array = NDArray[np.float64]

_YEAR = 365.25 * 86400.0
_HARMONICS = 3


@dataclass(frozen=True)
class FieldStatistics:
    """Climatology and usual sizes of fields.

    Parameters
    ----------
    climatology : dict of str to Climatology
        By state: a mean and waves of the year by the day, or the mean alone where the
        steps that were looked at span less than a year.
    spread : dict of str to (level,) array
        Standard deviation of what states differ by from that, over the system.
    sizes : dict of str to (array, array)
        Means and standard deviations of whole fields, (level,), for networks to read;
        of all that was looked at.
    """

    climatology: dict[str, Climatology]
    spread: dict[str, Array]
    sizes: dict[str, tuple[Array, Array]]

    @classmethod
    def of(
        cls,
        steps: Iterable[dict[str, Array]],
        begins: NDArray[np.datetime64],
        sea: Array,
        weights: Array,
        states: tuple[str, ...],
    ) -> FieldStatistics:
        """Return what is usual, holding one step at a time.

        Parameters
        ----------
        steps : iterable of dict of str to (level, row, column) array
            Fields of each step, the same names in each.
        begins : (T,) datetime64
            When these begin.
        sea : (level, row, column) array
            1 inside the system.
        weights : (row,) array
            How much rows count.
        states : tuple of str
            Fields that are known inside the system alone.
        """
        span = float((begins[-1] - begins[0]) / np.timedelta64(1, "s"))
        count = _HARMONICS if span >= _YEAR else 0
        x = waves(day_of_year(begins), count)
        product: dict[str, Array] = {}
        first: dict[str, Array] = {}
        second: dict[str, Array] = {}
        for row, fields in zip(x, steps, strict=True):
            for name, field in fields.items():
                inside = sea[: field.shape[0]] if name in states else 1.0
                values = np.where(inside, field, 0.0)
                term = row[:, None, None, None] * values
                present = name in product
                product[name] = product[name] + term if present else term
                first[name] = first[name] + values if present else values
                second[name] = second[name] + values**2 if present else values**2
        inverse = np.linalg.pinv(x.T @ x)
        climatology, spread, sizes = {}, {}, {}
        for name, total in product.items():
            area = weights[:, None] * (
                sea[: total.shape[1]] if name in states else np.ones(total.shape[1:])
            )
            share = area / np.maximum(area.sum((-2, -1), keepdims=True), 1e-300)
            mean = (first[name] / len(x) * share).sum((-2, -1))
            square = (second[name] / len(x) * share).sum((-2, -1))
            sizes[name] = mean, _root(square - mean**2)
            if name in states:
                coefficients = np.tensordot(inverse, total, 1)
                climatology[name] = Climatology.of_waves(coefficients, count)
                # What waves explain of the squares, by normal equations.
                explained = (coefficients * total).sum(0) / len(x)
                residual = ((second[name] / len(x) - explained) * share).sum((-2, -1))
                spread[name] = _root(residual)
        return cls(climatology, spread, sizes)


def _root(square: Array) -> Array:
    """Return the root of variances; one where nothing varies."""
    root: Array = np.sqrt(np.maximum(square, 0.0))
    return np.where(root > 1e-9, root, 1.0)
