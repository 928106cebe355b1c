"""The report of a study on basins: tables for people and programs, and one page."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....conversion import plain
from ....describe import versions
from ....files import atomic_folder
from ....tables import Column, print_table
from ...protocols.trial import Study
from ...provenance import commit
from ..streamflow.metrics import median, metrics, score
from ..streamflow.signatures import baseflow_index
from .peaks import PeakClass, peak_classes
from .pooling import Line, Pooled, pool
from .study_page import write_page

__all__ = ["SHOWN", "StudyReport", "report_study"]

SHOWN = (
    "nse", "kge", "log_nse", "bias", "fhv_abs", "flv_abs", "rmse_peak", "rmse_low",
    "bfi_error", "flashiness_error",
)  # fmt: skip
"""Scores of the tables for people; files hold all."""

CONVENTION = 365
"""Days at the start that the usual convention spends on warming up."""


@dataclass(frozen=True, kw_only=True)
class StudyReport:
    """What a study found.

    Parameters
    ----------
    folder : Path
        Of ``report.html``, ``scores.csv`` and ``summary.json``.
    title : str
        Protocol and days.
    rows : sequence of Row
        The models, means and baselines.
    notes : sequence of str
        What a reader must know.
    """

    folder: Path
    title: str
    rows: Sequence[Row]
    notes: Sequence[str]

    def show(self) -> None:
        """Print medians over basins, with the spread over seeds."""
        columns = [
            Column(header="median over basins", values=[r.name for r in self.rows])
        ]
        for name in SHOWN:
            values = [r.medians[name].mean for r in self.rows]
            columns.append(Column(header=name, values=values, format=".3f"))
            if name == "nse" and any(r.seeds > 1 for r in self.rows):
                spread = [r.medians[name].spread for r in self.rows]
                columns.append(Column(header="± seeds", values=spread, format=".3f"))
        print_table(columns, title=self.title)
        for note in self.notes:
            print(f"note: {note}")


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


def report_study(study: Study) -> StudyReport:
    """Pool the answers of a study, score them, and write the report.

    Parameters
    ----------
    study : Study
        All of whose trainings are finished.

    Returns
    -------
    StudyReport
        Its folder is ``report`` in that of the study.
    """
    pooled = pool(study)
    rows = _rows(study, pooled)
    time, whole = pooled.flows.time, pooled.everything
    flows = {name: line.flow for name, line in pooled.best.items()}
    classes = peak_classes(time, whole, pooled.observed, flows)
    notes = _notes(study, pooled)
    days = f"{time[0].astype('datetime64[D]')} to {time[-1].astype('datetime64[D]')}"
    if study.withheld is not None:
        days = f"held days of {days}"
    report = StudyReport(
        folder=study.folder / "report",
        title=f"{study.protocol.name}: {len(pooled.flows.ids)} basins, {days}",
        rows=rows,
        notes=notes,
    )
    with atomic_folder(report.folder) as made:
        _write_scores(made / "scores.csv", pooled)
        summary = _summary(study, pooled, report, classes)
        text = json.dumps(plain(summary, "summary", lambda *_: None), indent=2)
        (made / "summary.json").write_text(f"{text}\n", encoding="utf-8")
        write_page(made, study, pooled, report, classes)
    return report


def _rows(study: Study, pooled: Pooled) -> list[Row]:
    groups = [
        *pooled.models.values(),
        *([line] for line in (*pooled.means, *pooled.baselines)),
    ]
    return [_row(study, pooled, lines) for lines in groups]


def _row(study: Study, pooled: Pooled, lines: Sequence[Line]) -> Row:
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


def _convention(study: Study, pooled: Pooled, lines: Sequence[Line]) -> Spread | None:
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


def _notes(study: Study, pooled: Pooled) -> list[str]:
    lead = {s["warmup_steps_before"] for s in pooled.summaries}
    notes = [
        f"{study.about_folds}: {len(study.folds)}"
        f" fold{'s' if len(study.folds) > 1 else ''}",
        f"models warm up on {' or '.join(map(str, sorted(lead)))} time steps before the"
        " scored days, all of which count",
    ]
    if study.withheld is not None:
        share = float(np.isfinite(pooled.observed).mean())
        notes.append(
            f"scored are the days withheld from all training, {share:.1%} of the days"
            " shown; the weather before them warms the models up"
        )
    notes += [f"{name}: {text}" for name, text in pooled.about.items()]
    return notes


def _summary(
    study: Study, pooled: Pooled, report: StudyReport, classes: Sequence[PeakClass]
) -> dict[str, Any]:
    protocol = study.protocol
    return {
        "protocol": protocol.name,
        "about": protocol.about,
        "title": report.title,
        "basins": len(pooled.flows.ids),
        "folds": {fold.name: len(fold.held) for fold in study.folds},
        "how": study.about_folds,
        "seeds": list(protocol.seeds),
        "scores": {row.name: asdict(row) for row in report.rows},
        "median_nse_by_fold": by_fold(study, pooled),
        "peaks": [asdict(one) for one in classes],
        "parameters_at_bounds": {
            model: {"all": p.share_at_bounds, **p.at_bounds}
            for model, p in pooled.parameters.items()
        },
        "published": [plain(one) for one in protocol.published],
        "notes": list(report.notes),
        "trainings": [
            {
                **{key: one[key] for key in ("model", "fold", "seed", "median_nse")},
                **{key: one["training"][key] for key in ("steps", "seconds")},
            }
            for one in pooled.summaries
        ],
        "units": {name: metrics[name].units for name in metrics},
        "commit": commit() or "unknown",
        "versions": versions(("torch", "numpy")),
    }


def by_fold(study: Study, pooled: Pooled) -> dict[str, dict[str, float]]:
    """Return the median NSE by fold and model."""
    return {
        fold.name: {
            model: median(line.scores["nse"][pooled.fold == fold.name])[0]
            for model, line in pooled.best.items()
        }
        for fold in study.folds
    }


def _write_scores(path: Path, pooled: Pooled) -> None:
    """Write one row for each basin and model, mean or baseline."""
    flows = pooled.flows
    where: dict[str, NDArray[Any]] = {
        name: values
        for name in ("latitude", "longitude", "area_km2")
        if (values := getattr(flows, name)) is not None
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("basin_id", "fold", *where, "model", "kind", "seed", *metrics))
        for line in pooled.lines:
            seed = "" if line.seed is None else line.seed
            for at, basin in enumerate(flows.ids.tolist()):
                writer.writerow(
                    (
                        basin,
                        pooled.fold[at],
                        *(f"{values[at]:.7g}" for values in where.values()),
                        line.name,
                        line.kind,
                        seed,
                        *_cells(line.scores, at),
                    )
                )


def _cells(scores: Mapping[str, NDArray[np.float64]], at: int) -> list[str]:
    values = [scores[name][at] for name in metrics]
    return ["" if np.isnan(value) else f"{value:.7g}" for value in values]
