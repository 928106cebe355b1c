"""What of a year of a global ocean is left out of learning, and how it is scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .formats.global_ocean import GlobalOcean

__all__ = ["MONTHS", "Exclusion", "middle_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

MONTHS = (3, 7, 11)
"""April, August and December, of months counted from 0."""

_BLOCK = 20.0
"""Degrees that a block is wide and high; every other one in both directions is left
out, which is a quarter of the sphere."""

_DEPTHS = {"top 50 m": 50.0, "0-220 m": 220.0, "all": np.inf}

_MONTH = 30.0
"""Days of a month; twelve are a year."""


def middle_of(month: int) -> float:
    """Return the day of the year in the middle of a month counted from 0."""
    return _MONTH * (month + 0.5)


@dataclass(frozen=True)
class Exclusion:
    """Months and blocks of an ocean that nothing is learned from.

    Parameters
    ----------
    ocean : GlobalOcean
        All that is known of it.
    months : tuple of int
        Those that are left out, none of which follows another.
    """

    ocean: GlobalOcean
    months: tuple[int, ...] = MONTHS

    @property
    def known(self) -> tuple[int, ...]:
        """Months that may be learned from."""
        return tuple(m for m in range(12) if m not in self.months)

    @property
    def blocks(self) -> Flags:
        """(row, column) True where nothing is learned."""
        grid = self.ocean.grid
        rows = np.floor((grid.nodes("y") + 90.0) / _BLOCK) % 2 == 0
        columns = np.floor(grid.nodes("x") / _BLOCK) % 2 == 0
        blocks: Flags = rows[:, None] & columns
        return blocks

    @property
    def volumes(self) -> Array:
        """(level, row, column) water of a cell, m3."""
        grid = self.ocean.grid
        thick = grid.widths("z")[:, None, None]
        volumes: Array = grid.areas * thick * self.ocean.cell_fraction
        return volumes

    def levels(self, depth: float) -> int:
        """Return how many levels there are down to a depth in m."""
        floors = self.ocean.grid.widths("z").cumsum()
        return int((floors <= depth).sum())

    def wave(self, months: Array) -> Array:
        """Return fields of all months by a mean and a wave of those that are known."""
        turns = 2.0 * np.pi * (np.arange(12) + 0.5) / 12.0
        waves = np.stack((np.ones(12), np.cos(turns), np.sin(turns)), 1)
        rows = list(self.known)
        factors = np.linalg.lstsq(waves[rows], months[rows].reshape(len(rows), -1))[0]
        every: Array = (waves @ factors).reshape(months.shape)
        return every

    def without_targets(self, hidden: tuple[int, ...] | None = None) -> GlobalOcean:
        """Return the ocean with targets that know nothing of months left out.

        In their place are those of :meth:`wave`.

        Parameters
        ----------
        hidden : tuple of int, optional
            Months left out that this is true of; default: all of them.
        """
        months = list(self.months if hidden is None else hidden)
        changed = {}
        for name in ("target_temperature", "target_salinity"):
            targets = self.ocean.months[name].copy()
            targets[months] = self.wave(targets)[months]
            changed[name] = targets
        return replace(self.ocean, months={**self.ocean.months, **changed})

    def beside(self, months: Mapping[int, Array]) -> dict[int, Array]:
        """Return the mean of the months before and after each that is left out."""
        return {
            m: 0.5 * (months[(m - 1) % 12] + months[(m + 1) % 12]) for m in self.months
        }

    def baselines(self) -> dict[str, dict[int, Array]]:
        """Return temperatures of the months left out without a model, by name."""
        every = self.ocean.months["temperature"]
        usual, wave = every[list(self.known)].mean(0), self.wave(every)
        return {
            "January": dict.fromkeys(self.months, every[0]),
            "mean of the known months": dict.fromkeys(self.months, usual),
            "months beside": self.beside(dict(enumerate(every))),
            "wave of the known months": {m: wave[m] for m in self.months},
        }

    def corrected(self, simulated: Mapping[int, Array]) -> dict[int, Array]:
        """Return what was simulated, moved by its errors in the months beside.

        Parameters
        ----------
        simulated : dict of int to (level, row, column) array
            Temperatures in the middle of months.
        """
        observed = self.beside(dict(enumerate(self.ocean.months["temperature"])))
        model = self.beside(simulated)
        return {m: simulated[m] + observed[m] - model[m] for m in self.months}

    def score(self, temperatures: Mapping[int, Array]) -> dict[str, dict[str, float]]:
        """Return errors of temperatures in the months left out, K.

        Parameters
        ----------
        temperatures : dict of int to (level, row, column) array
            By month.

        Returns
        -------
        dict
            Root mean squares weighted by volume, by depth and by where: everywhere, in
            blocks left out, in the others.
        """
        every = np.ones_like(self.blocks)
        where = {"everywhere": every, "blocks": self.blocks, "rest": ~self.blocks}
        return {
            depth: {
                name: self._error(temperatures, self.levels(end), mask)
                for name, mask in where.items()
            }
            for depth, end in _DEPTHS.items()
        }

    def _error(
        self, temperatures: Mapping[int, Array], levels: int, mask: Flags
    ) -> float:
        weights = (self.volumes * mask)[:levels]
        observed = self.ocean.months["temperature"]
        squares = [
            (weights * (temperatures[m][:levels] - observed[m][:levels]) ** 2).sum()
            for m in self.months
        ]
        return float(np.sqrt(sum(squares) / (len(self.months) * weights.sum())))
