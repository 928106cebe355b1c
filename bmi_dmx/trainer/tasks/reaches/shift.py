"""From the flow of every step to the means of days as gauges count them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....errors import ConfigError
from .experiment import DAY, Days
from .gauges import Gauges

__all__ = ["Shift"]


@dataclass(frozen=True)
class Shift:
    """By how much later than those of the inflow the days of gauges begin.

    Parameters
    ----------
    steps : (gauge,) float64
        In steps of the model; parts of one are weighted means.
    per_day : int
        Steps of the model in a day.
    """

    steps: NDArray[np.float64]
    per_day: int

    @classmethod
    def of(cls, days: Days, gauges: Gauges, seconds: float) -> Shift:
        """Return the shift of gauges, for a model with steps of a length."""
        hours = days.advance - gauges.utc_offset
        return cls(hours * 3600.0 / seconds, round(DAY / seconds))

    @property
    def steps_behind(self) -> int:
        """Steps that are needed behind the last day of a window."""
        return max(0, math.ceil(float(self.steps.max())))

    @property
    def days_behind(self) -> int:
        """Days of inflow that are needed behind the last day of a window."""
        return -(-self.steps_behind // self.per_day)

    def refuse_short(self, warmup: int) -> None:
        """Refuse a warm-up that days which begin earlier reach beyond.

        Raises
        ------
        ConfigError
            It is too short.
        """
        least = math.ceil(max(0.0, -float(self.steps.min())) / self.per_day)
        if warmup < least:
            raise ConfigError(
                f"training.warmup: found {warmup}, expected at least {least} days, for"
                " days of gauges begin earlier than those of the inflow"
            )

    def days(self, flow: Tensor, before: Tensor, gauges: NDArray[np.intp], warmup: int
             ) -> Tensor:  # fmt: skip
        """Return means of days.

        Between the ends of two steps the flow is taken to change evenly.

        Parameters
        ----------
        flow : Tensor
            (step, place) at the end of every step; a whole number of times the gauges.
        before : Tensor
            (place,) at the beginning of the first step.
        gauges : (G,) array of int
            Which gauges the places are, over and over.
        warmup : int
            Days at the beginning that are left out.

        Returns
        -------
        Tensor
            (day, place).
        """
        means = 0.5 * (flow + torch.cat([before[None], flow[:-1]]))
        count = (len(flow) - self.steps_behind) // self.per_day - warmup
        copies = flow.shape[1] // len(gauges)
        shift = np.tile(self.steps[gauges], copies)
        daily = torch.empty(0)
        columns, order = [], []
        for value in np.unique(shift):
            places = np.flatnonzero(shift == value)
            block = means[:, torch.from_numpy(places)]
            columns.append(self._means(block, float(value), warmup, count))
            order.append(places)
        daily = torch.cat(columns, 1)
        return daily[:, torch.from_numpy(np.argsort(np.concatenate(order)))]

    def _means(self, means: Tensor, shift: float, warmup: int, count: int) -> Tensor:
        low = math.floor(shift)
        part = shift - low

        def from_step(late: int) -> Tensor:
            begin = warmup * self.per_day + late
            days = means[begin : begin + count * self.per_day]
            return days.reshape(count, self.per_day, -1).mean(1)

        first = from_step(low)
        return first if not part else torch.lerp(first, from_step(low + 1), part)
