"""Forecasts beside what was observed of the steps that they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import ConfigError
from .experiment import Experiment
from .samples import FieldSamples
from .scores import correlation, mean_square

__all__ = ["LeadVerification", "Verification"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LeadVerification:
    """What forecasts of one lead are compared with.

    Parameters
    ----------
    inside : (forecast,) array of bool
        Which forecasts verify inside the period.
    now, observed : (inside, cell) array
        Anomalies that these begin with, and those that came.
    weights : (cell,) array
        How much cells count.
    boxes : mapping of str to (cell,) array of bool
        Cells of regions; of vectors none.
    """

    inside: NDArray[np.bool_]
    now: Array
    observed: Array
    weights: Array
    boxes: Mapping[str, NDArray[np.bool_]]

    def errors(self, forecast: Array) -> Array:
        """Return the mean squared error of each forecast, (inside,)."""
        return mean_square(forecast - self.observed, self.weights)

    def correlations(self, forecast: Array) -> dict[str, float]:
        """Return how well the means of regions go together in time, as ``r_NAME``."""
        return {
            f"r_{name}": correlation(
                forecast[:, box].mean(1), self.observed[:, box].mean(1)
            )
            for name, box in self.boxes.items()
        }


class Verification:
    """Forecasts from some starts, field by field and lead by lead.

    Parameters
    ----------
    samples : FieldSamples
        What was observed.
    experiment : Experiment
        Leads, regions and vectors.
    starts : (forecast,) array of int
        Steps that forecasts begin with.
    end : int
        The step after the last one that counts.

    Raises
    ------
    ConfigError
        A region has no cell.
    """

    def __init__(
        self,
        samples: FieldSamples,
        experiment: Experiment,
        starts: NDArray[np.intp],
        end: int,
    ) -> None:
        self.samples, self.experiment = samples, experiment
        self.starts, self.end = starts, end
        regions = experiment.evaluation.regions
        self._boxes = {name: _box(samples, box) for name, box in regions.items()}

    def fields(self) -> dict[str, tuple[str, ...]]:
        """Return the fields that are scored, and which of the file each is made of."""
        singles = {name: (name,) for name in self.samples.anomalies}
        return {**singles, **self.experiment.evaluation.vectors}

    def weights(self, of: Sequence[str]) -> Array:
        """Return how much the cells of some fields count, one after the other."""
        return np.tile(self.samples.weights[self.samples.mask], len(of))

    def learned(self, of: Sequence[str]) -> Array:
        """Return anomalies of the years that are learned from, (time, cell)."""
        steps = self.samples.steps(self.experiment.periods.train)
        return self._observed(of, slice(steps.start, steps.stop))

    def cuts(self, of: Sequence[str]) -> dict[int, LeadVerification]:
        """Return what forecasts of some fields are compared with, by lead.

        Leads that no forecast verifies at are left out.
        """
        cuts = {}
        for lead in self.experiment.evaluation.leads:
            inside = self.starts + lead < self.end
            if inside.any():
                cuts[lead] = LeadVerification(
                    inside,
                    self._observed(of, self.starts[inside]),
                    self._observed(of, self.starts[inside] + lead),
                    self.weights(of),
                    self._boxes if len(of) == 1 else {},
                )
        return cuts

    def _observed(self, names: Sequence[str], at: Any) -> Array:
        """Return anomalies of some fields, one after the other, (time, cell)."""
        return np.concatenate([self.samples.cells(n, at) for n in names], axis=-1)


def _box(samples: FieldSamples, box: tuple[float, ...]) -> NDArray[np.bool_]:
    """Return which cells that belong to the system lie in a box.

    Raises
    ------
    ConfigError
        None does.
    """
    south, north, west, east = box
    rows = (samples.y > south) & (samples.y < north)
    columns = (samples.x > west) & (samples.x < east)
    inside: NDArray[np.bool_] = (rows[:, None] & columns)[samples.mask]
    if not inside.any():
        raise ConfigError(f"evaluation.regions: no cell lies in {list(box)}")
    return inside
