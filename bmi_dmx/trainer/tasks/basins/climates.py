"""Climate attributes over runs of years: what another decade would have given."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....errors import DataError
from ....models.hydrology.climate import CLIMATE
from ..streamflow.periods import Period
from .data.attributes import portable
from .data.basins import BasinData

__all__ = ["Climates", "runs_of_years"]


@dataclass(frozen=True)
class Climates:
    """Climate attributes of all basins, computed over several runs of years.

    The indices of ten years differ from those of the next ten. A network that always
    sees the same takes their last digits for the name of the basin; one that sees
    those of many runs of years learns what they have in common.

    Parameters
    ----------
    values : mapping of str to Tensor
        (run, basin), float32, by attribute.
    """

    values: Mapping[str, Tensor]

    @classmethod
    def of(
        cls,
        data: BasinData,
        period: Period,
        years: tuple[int, int],
        names: Collection[str],
    ) -> Climates:
        """Compute the indices over runs of years within a period.

        Parameters
        ----------
        data : BasinData
            With what :func:`~.data.attributes.portable` needs.
        period : (date, date)
            First and last day that may be looked at.
        years : (int, int)
            Years of the shortest and longest run.
        names : collection of str
            Attributes that are wanted; those that are no climate are left out.

        Raises
        ------
        DataError
            The period does not hold a run, or none of the attributes is a climate.
        """
        indices = [name for name in CLIMATE.names if name in names]
        if not indices:
            raise DataError(
                "data.attributes_years: the model reads no climate that is computed"
                f" from the forcing; expected one of {', '.join(CLIMATE.names)}"
            )
        climates = [portable(data, run) for run in runs_of_years(period, years)]
        if not climates:
            raise DataError(
                f"data.attributes_years: no {years[0]} years in {period[0]} to"
                f" {period[1]}, over which the attributes are computed"
            )
        return cls(
            {
                n: torch.from_numpy(
                    np.stack([f[n] for f in climates]).astype(np.float32)
                )
                for n in indices
            }
        )

    @property
    def runs(self) -> int:
        """How many runs of years there are."""
        return len(next(iter(self.values.values())))

    def at(self, run: NDArray[np.intp], basin: Tensor) -> dict[str, Tensor]:
        """Return the attributes of some basins, each over a run of its own, (B,)."""
        runs = torch.as_tensor(run, dtype=torch.int64)
        return {name: values[runs, basin] for name, values in self.values.items()}


def runs_of_years(period: Period, years: tuple[int, int]) -> Iterator[Period]:
    """Yield runs of whole years, each a year later, of lengths that double.

    Parameters
    ----------
    period : (date, date)
        Days that hold them all; the first runs begin with it.
    years : (int, int)
        Years of the shortest and longest run.
    """
    first, last = period
    length, longest = years
    while length <= longest:
        begin = first
        while (end := _later(begin, length) - timedelta(days=1)) <= last:
            yield begin, end
            begin = _later(begin, 1)
        length *= 2


def _later(day: date, years: int) -> date:
    """Return the date so many years later; there, 29 February may be 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
