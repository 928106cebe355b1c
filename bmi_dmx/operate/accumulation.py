"""The period that is passing: what its steps brought, for what is run at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..variables import Flux, Forcing

__all__ = ["Accumulation"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_FUNCTIONS = {"min": np.minimum, "max": np.maximum}


class Accumulation:
    """Sums up steps and closes the period.

    Rates become the amount of the steps over a whole period, so that one of fewer
    steps, as the first of a run may be, brings no more than its steps did. Amounts are
    summed up, and all else is the mean of the steps. Extremes are those of the steps,
    or of the forcing they belong to where that is given in their place, and what the
    calendar gives is that of the first step.

    Parameters
    ----------
    sources : mapping of str to ndarray
        (place,) values of the present step by name, whose arrays stay.
    targets : mapping of str to Forcing or Flux
        What is asked of the period, by the names of the sources.
    steps : int
        Number of steps in a whole period.

    Attributes
    ----------
    values : dict of str to ndarray
        (place,) values of the last period that was closed; NaN before. What the
        calendar gives is that of the period that was begun last.
    memory : dict of str to ndarray
        What has to be saved and restored.
    """

    def __init__(
        self,
        sources: Mapping[str, Array],
        targets: Mapping[str, Forcing | Flux],
        steps: int,
    ) -> None:
        forcings = {n: f for n, f in targets.items() if isinstance(f, Forcing)}
        extremes = {n: f.extreme for n, f in forcings.items() if f.extreme}
        dated = [n for n, f in forcings.items() if f.source == "clock"]
        summed = [n for n in targets if n not in extremes and n not in dated]
        n = len(next(iter(sources.values())))
        # By what sums are divided; all else by the number of steps there were.
        whole = {"rate": float(steps), "amount": 1.0}
        self.values = {name: np.full(n, np.nan) for name in targets}
        self._summed = [(x, whole.get(targets[x].per_step), sources[x]) for x in summed]
        self._total = np.zeros((len(summed), n))
        self._extreme = np.zeros((len(extremes), n))
        self._steps = np.zeros(1)
        self._sums = list(zip(self._total, (x for *_, x in self._summed), strict=True))
        self._pairs = [
            (_FUNCTIONS[function], row, sources[name if name in sources else base])
            for (name, (function, base)), row in zip(
                extremes.items(), self._extreme, strict=True
            )
        ]
        self._names = list(extremes)
        self._read = {
            name: name if name in sources else base
            for name, (_, base) in extremes.items()
        }
        self._dated = dated
        self._dates = [(self.values[name], sources[name]) for name in dated]
        self.memory = {
            "total": self._total, "extreme": self._extreme, "steps": self._steps,
            **{f"last.{name}": array for name, array in self.values.items()},
        }  # fmt: skip

    @property
    def begun(self) -> bool:
        """Whether there is a step of a period that was not closed."""
        return bool(self._steps[0])

    def add(self) -> None:
        """Take in the present step."""
        if not self.begun:
            self._total.fill(0.0)
            for _, row, source in self._pairs:
                row[:] = source
            for date, present in self._dates:
                date[:] = present
        for total, source in self._sums:
            total += source
        for extreme, row, source in self._pairs:
            extreme(row, source, out=row)
        self._steps += 1.0

    def close(self) -> None:
        """End the period: set :attr:`values`, and begin the next."""
        steps = self._steps[0]
        for row, (name, whole, _) in enumerate(self._summed):
            np.divide(self._total[row], whole or steps, out=self.values[name])
        for name, extreme in zip(self._names, self._extreme, strict=True):
            self.values[name][:] = extreme
        self._steps[0] = 0.0

    def gathered(self, series: Mapping[str, Array]) -> dict[str, Array]:
        """Return what whole periods come to, whose steps are known beforehand.

        The numbers are those of :meth:`add` and :meth:`close`; nothing changes here.

        Parameters
        ----------
        series : mapping of str to ndarray
            (period, step, place) by the names of the sources.

        Returns
        -------
        dict of str to ndarray
            (period, place) by the names of :attr:`values`.
        """
        values = {name: series[name][:, 0].copy() for name in self._dated}
        for name, whole, _ in self._summed:
            steps = series[name].swapaxes(0, 1)
            total = np.zeros(steps.shape[1:])
            for step in steps:
                total += step
            values[name] = total / (whole or float(len(steps)))
        for name, (function, _, _) in zip(self._names, self._pairs, strict=True):
            values[name] = function.reduce(series[self._read[name]], axis=1)
        return values
