"""A river whose truth is made: with other inflow than is known, seen at reaches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..assimilation.localisation import ways_down
from ..assimilation.operation.tree_paths import TreeCorrelation
from ..bundle import Bundle
from ..errors import ConfigError
from ..trainer.tasks.reaches.data import RiverData
from ..trainer.tasks.reaches.gauges import Gauges
from .held_out_run import Days, nudged, observing

__all__ = ["MadeTruth", "made_truth"]

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, kw_only=True)
class MadeTruth:
    """What makes a truth differ from what is known, and where it is seen.

    Parameters
    ----------
    gauges : tuple of str
        Reaches where flow is seen.
    std : float
        Of the factor of mean 1 by which lateral inflow differs, lognormal.
    correlation_time : float
        Days after which 1/e of it is left.
    correlation_length : float
        Way along the tree after which reaches share 1/e of it, m.
    error : float
        Relative error of what is seen, its standard deviation.
    seed : int
        Of the random numbers.

    Raises
    ------
    ConfigError
        When a number makes no sense.
    """

    gauges: tuple[str, ...]
    std: float = 0.4
    correlation_time: float = 5.0
    correlation_length: float = 50e3
    error: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("std", "error"):
            number = getattr(self, name)
            if not 0.0 <= number <= 10.0:
                raise ConfigError(f"{name}: found {number}, expected 0 to 10")
        for name in ("correlation_time", "correlation_length"):
            number = getattr(self, name)
            if not number > 0.0:
                raise ConfigError(f"{name}: found {number}, expected more than 0")


def made_truth(
    settings: MadeTruth, bundle: Bundle, data: RiverData, days: Days
) -> tuple[RiverData, Days]:
    """Return a river with gauges that show what was made.

    Parameters
    ----------
    settings : MadeTruth
        How.
    bundle : Bundle
        The model of the river.
    data : RiverData
        Its reaches and inflow.
    days : Days
        Its days.
    """
    rng = np.random.default_rng(settings.seed)
    tree = data.river.tree
    attributes = data.attributes(["length", "drainage_area_km2"])
    ways = ways_down(tree, attributes["length"])
    count = len(days.observed)
    likeness = TreeCorrelation(tree, ways, settings.correlation_length)
    drawn = likeness.of(rng.standard_normal((count, len(tree))))
    rho = np.exp(-1.0 / settings.correlation_time)
    for day in range(1, count):
        drawn[day] = rho * drawn[day - 1] + np.sqrt(1.0 - rho**2) * drawn[day]
    log = np.sqrt(np.log1p(settings.std**2))
    factor = np.exp(log * drawn - 0.5 * log**2)
    places = np.asarray(tree.positions(settings.gauges))
    nobody = np.full((count, len(places)), np.nan)
    gauged = replace(
        days, places=places, observed=nobody, unseen=np.zeros(nobody.shape)
    )
    true = replace(gauged, lateral=days.lateral * np.repeat(factor, 24, axis=0))
    flow, _ = nudged(observing(bundle), data, true, nobody, 0.0, 1.0)
    obs = flow * (1.0 + settings.error * rng.standard_normal(flow.shape))
    gauges = Gauges(
        settings.gauges, settings.gauges, attributes["drainage_area_km2"][places],
        np.ones(len(places)), np.zeros(len(places)),
    )  # fmt: skip
    return replace(data, gauges=gauges), replace(gauged, observed=np.maximum(obs, 0.0))
