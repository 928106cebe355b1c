"""Normalisation statistics of what networks read: fitted once, stored as plain numbers.

This module needs NumPy alone; the module that applies them is :mod:`.normalization`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..conversion import convert
from ..errors import ConfigError, DataError, suggestion

__all__ = ["FAR", "TRANSFORMS", "Moments", "Statistics", "Transform"]

Transform = Literal["none", "log", "sqrt", "log_sqrt"]
"""What is standardised: the value, its natural logarithm, its square root, or the
decimal logarithm of that plus 0.1, which is defined where the value is 0."""

_LN_10 = math.log(10.0)

TRANSFORMS: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "none": (lambda library, x: x, lambda library, y: y),
    "log": (lambda library, x: library.log(x), lambda library, y: library.exp(y)),
    "sqrt": (lambda library, x: library.sqrt(x), lambda library, y: library.square(y)),
    "log_sqrt": (
        lambda library, x: library.log(library.sqrt(x) + 0.1) / _LN_10,
        lambda library, y: library.square(library.exp(y * _LN_10) - 0.1),
    ),
}
"""Each transform and its inverse, of the library (NumPy, PyTorch) and its array."""

FAR = 3.0
"""Standard deviations from the mean beyond which a network has seen next to nothing."""

_NOTHING = 1e-6

_AT_ONCE = 2**24
"""Values that are looked at together; of series in files all of them might not fit."""


@dataclass(frozen=True)
class Moments:
    """Mean and population standard deviation of a variable after its transform."""

    mean: float
    std: float
    transform: Transform = "none"

    def __post_init__(self) -> None:
        if not math.isfinite(self.mean):
            raise ConfigError(f"mean: expected a finite number, found {self.mean}")
        if not 0.0 < self.std < math.inf:
            raise ConfigError(f"std: expected a number above 0, found {self.std}")

    @property
    def typical(self) -> float:
        """The value that normalises to zero."""
        _, inverse = TRANSFORMS[self.transform]
        return float(inverse(np, np.float64(self.mean)))

    @cached_property
    def usual(self) -> tuple[float, float]:
        """The values :data:`FAR` standard deviations below and above the typical."""
        _, inverse = TRANSFORMS[self.transform]
        ends = [self.mean - FAR * self.std, self.mean + FAR * self.std]
        # What the transform of no value is stands for that of the lowest one, 0.
        lowest = {"sqrt": 0.0, "log_sqrt": -1.0}.get(self.transform, -math.inf)
        ends = [max(lowest, end) for end in ends]
        with np.errstate(over="ignore"):
            low, high = inverse(np, np.array(ends)).tolist()
        return low, high

    def standardized(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return values after the transform, in standard deviations from the mean.

        Parameters
        ----------
        values : array_like
            Of any shape; NaN or infinite where outside the domain of the transform.
        """
        return (_transformed(values, self.transform) - self.mean) / self.std


class Statistics(Mapping[str, Moments]):
    """Moments by variable name.

    Parameters
    ----------
    moments : mapping of str to Moments
        One entry per variable a network reads; see also :meth:`seen_by`.
    """

    def __init__(self, moments: Mapping[str, Moments]) -> None:
        self._moments = dict(moments)

    def __getitem__(self, name: str) -> Moments:
        try:
            return self._moments[name]
        except KeyError:
            hint = suggestion(name, self._moments)
            raise ConfigError(f"no statistics for {name!r}{hint}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._moments

    def __iter__(self) -> Iterator[str]:
        return iter(self._moments)

    def __len__(self) -> int:
        return len(self._moments)

    def seen_by(self, part: str) -> Statistics:
        """Return the moments that a network works with, by the names of its inputs.

        Parameters
        ----------
        part : str
            Name of the part. Where models that learned from different data run as one,
            a network has moments of its own, under ``part.input``.
        """
        start = f"{part}."
        moments = {n[len(start) :]: m for n, m in self.items() if n.startswith(start)}
        return Statistics({**self._moments, **moments}) if moments else self

    def of(self, name: str) -> tuple[Moments, ...]:
        """Return the different moments that networks have of an input."""
        if name in self._moments:
            return (self._moments[name],)
        end = f".{name}"
        return tuple(dict.fromkeys(m for n, m in self.items() if n.endswith(end)))

    @classmethod
    def fit(
        cls,
        values: Mapping[str, ArrayLike],
        transforms: Mapping[str, Transform] | None = None,
    ) -> Statistics:
        """Return the statistics of the given values.

        Parameters
        ----------
        values : mapping of str to array_like
            All values of each variable in the training period, of any shape.
        transforms : mapping of str to {"none", "log", "sqrt", "log_sqrt"}, optional
            Transforms of some of the variables; default none.

        Raises
        ------
        DataError
            When a value is missing, or not in the domain of its transform.
        """
        transforms = dict(transforms or {})
        for name in transforms:
            if name not in values:
                hint = suggestion(name, values)
                raise ConfigError(f"transform of unknown variable {name!r}{hint}")
        return cls(
            {
                name: _fit(name, np.asarray(x), transforms.get(name, "none"))
                for name, x in values.items()
            }
        )

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return the statistics as plain YAML-ready values."""
        return {name: asdict(moments) for name, moments in self.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Statistics:
        """Rebuild statistics from :meth:`to_dict`.

        Raises
        ------
        ConfigError
            Naming the key that is missing, unknown or has a wrong value.
        """
        return cls(convert(data, dict[str, Moments]))


def _transformed(values: ArrayLike, transform: Transform) -> NDArray[np.float64]:
    apply, _ = TRANSFORMS[transform]
    with np.errstate(divide="ignore", invalid="ignore"):
        x: NDArray[np.float64] = apply(np, np.asarray(values, dtype=np.float64))
    return x


def _fit(name: str, values: NDArray[Any], transform: Transform) -> Moments:
    pieces = [values]
    if values.size > _AT_ONCE:
        count = min(-(-values.size // _AT_ONCE), values.shape[-1])
        pieces = np.array_split(values, count, axis=-1)
    counts, means = np.empty((2, len(pieces)))
    bad = 0
    for at, piece in enumerate(pieces):
        x = _transformed(piece, transform)
        bad += int(x.size - np.count_nonzero(np.isfinite(x)))
        counts[at], means[at] = x.size, x.mean() if x.size else 0.0
    if bad or not values.size:
        raise DataError(
            f"{name}: {bad} of {values.size} values are missing or outside the domain "
            f"of transform {transform!r}; statistics need finite values"
        )
    shares = counts / counts.sum()
    mean = float(shares @ means)
    about = [
        np.square(_transformed(piece, transform) - mean).mean() for piece in pieces
    ]
    std = math.sqrt(float(shares @ about))
    # A constant variable carries no information; measured against its own size, or
    # against one where that is next to nothing, it stays near zero, here and wherever
    # the model is taken.
    size = abs(mean)
    if std <= 1e-6 * max(size, _NOTHING):
        std = size if size > _NOTHING else 1.0
    return Moments(mean, std, transform)
