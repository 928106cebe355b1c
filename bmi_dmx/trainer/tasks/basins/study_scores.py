"""Medians over basins of a study, and their spread over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...protocols.trial import Study
from ..streamflow.comparison import ALL
from ..streamflow.metrics import median, metrics, score
from ..streamflow.signatures import baseflow_index
from .pooling import Line, PooledStudy

__all__ = ["SHOWN", "Row", "Spread", "TargetRow", "by_fold", "rows_of", "target_rows"]

SHOWN = (
    "nse", "kge", "log_nse", "bias", "fhv_abs", "flv_abs", "rmse_peak", "rmse_low",
    "bfi_error", "flashiness_error",
)  # fmt: skip
"""Scores of the tables for people; files hold all."""

CONVENTION = 365
"""Days at the start that the usual convention spends on warming up."""


@dataclass(frozen=True)
class Spread:
    """A median over basins, by seed.

    Parameters
    ----------
    seeds : list of float
        One for each seed.
    mean : float
        Over the seeds.
    spread : float or None
        Standard deviation over the seeds; None where there is one.
    """

    seeds: list[float]
    mean: float
    spread: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of some values."""
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
        return cls(list(values), float(np.mean(values)), spread)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table of scores.

    Parameters
    ----------
    name : str
        Of the model, mean or baseline.
    kind : str
        See :class:`~.pooling.Line`.
    seeds : int
        Single trainings in the row.
    medians : dict of str to Spread
        By metric.
    convention : Spread, optional
        Median NSE when the first year is not scored.
    bfi_correlation : float
        Correlation over basins between simulated and observed baseflow index.
    """

    name: str
    kind: str
    seeds: int
    medians: dict[str, Spread]
    convention: Spread | None
    bfi_correlation: float


@dataclass(frozen=True, kw_only=True)
class TargetRow:
    """How good a model is in something else than streamflow.

    Parameters
    ----------
    target, units : str
        What was observed.
    model : str
        The model.
    basins : int
        Those that have an NSE.
    medians : dict of str to Spread
        By metric, over the basins and by seed.
    """

    target: str
    units: str
    model: str
    basins: int
    medians: dict[str, Spread]


def target_rows(pooled: PooledStudy) -> list[TargetRow]:
    """Return the scores of what was observed beside streamflow, by target and model."""
    rows = []
    for model, lines in pooled.models.items():
        for name, first in lines[0].targets.items():
            each = [line.targets[name].medians[ALL] for line in lines]
            rows.append(
                TargetRow(
                    target=name,
                    units=first.units,
                    model=model,
                    basins=first.basins[ALL],
                    medians={n: Spread.of([one[n] for one in each]) for n in each[0]},
                )
            )
    return sorted(rows, key=lambda row: row.target)


def rows_of(study: Study, pooled: PooledStudy) -> list[Row]:
    """Return the rows of the table of scores: models, means, baselines."""
    groups = [
        *pooled.models.values(),
        *([line] for line in (*pooled.means, *pooled.baselines)),
    ]
    return [_row(study, pooled, lines) for lines in groups]


def _row(study: Study, pooled: PooledStudy, lines: Sequence[Line]) -> Row:
    first = lines[0]
    name = first.name
    if first.kind == "model" and len(lines) > 1:
        name += f", single ({len(lines)} seeds)"
    observed = baseflow_index(pooled.observed)
    simulated = baseflow_index(
        np.where(np.isfinite(pooled.observed), first.flow, np.nan)
    )
    return Row(
        name=name,
        kind=first.kind,
        seeds=len(lines) if first.kind == "model" else 0,
        medians={
            metric: Spread.of([median(line.scores[metric])[0] for line in lines])
            for metric in metrics
        },
        convention=_convention(study, pooled, lines),
        bfi_correlation=_correlation(simulated, observed),
    )


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3 or a[both].std() == 0.0 or b[both].std() == 0.0:
        return float("nan")
    return float(np.corrcoef(a[both], b[both])[0, 1])


def _convention(
    study: Study, pooled: PooledStudy, lines: Sequence[Line]
) -> Spread | None:
    """Return the NSE of the convention that does not score the first year."""
    time = pooled.flows.time
    first = np.searchsorted(time, time[0] + np.timedelta64(CONVENTION, "D"))
    if study.withheld is not None or 2 * first > len(time):
        return None
    observed = pooled.observed[first:]
    return Spread.of(
        [
            median(score(line.flow[first:], observed, ["nse"])["nse"])[0]
            for line in lines
        ]
    )


def by_fold(study: Study, pooled: PooledStudy) -> dict[str, dict[str, float]]:
    """Return the median NSE by fold and model."""
    return {
        fold.name: {
            model: median(line.scores["nse"][pooled.fold == fold.name])[0]
            for model, line in pooled.best.items()
        }
        for fold in study.folds
    }
