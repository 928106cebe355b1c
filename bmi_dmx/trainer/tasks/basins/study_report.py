"""The report of a study on basins: tables for people and programs, and one page."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
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
from ..streamflow.comparison import range_summary, show_ranges, target_columns
from ..streamflow.metrics import metrics
from ..streamflow.probability import Range
from .peaks import PeakClass, peak_classes
from .pooling import PooledStudy, pool
from .study_page import write_page
from .study_ranges import ranges_of
from .study_scores import SHOWN, Row, TargetRow, by_fold, rows_of, target_rows

__all__ = ["StudyReport", "report_study"]


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
    targets : sequence of TargetRow
        Scores of what was observed beside streamflow.
    ranges : mapping of str to Range
        How good the ranges are that several trainings span.
    notes : sequence of str
        What a reader must know.
    """

    folder: Path
    title: str
    rows: Sequence[Row]
    targets: Sequence[TargetRow]
    ranges: Mapping[str, Range]
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
        self._show_targets()
        show_ranges(self.ranges)
        for note in self.notes:
            print(f"note: {note}")

    def _show_targets(self) -> None:
        if not self.targets:
            return
        columns = [
            Column(header="median over basins", values=[r.model for r in self.targets]),
            Column(header="of", values=[r.target for r in self.targets]),
            Column(header="basins", values=[r.basins for r in self.targets]),
        ]
        for name in self.targets[0].medians:
            values = [row.medians[name].mean for row in self.targets]
            columns.append(Column(header=name, values=values, format=".3f"))
        print()
        print_table(columns, title="beside streamflow")


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
    rows = rows_of(study, pooled)
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
        targets=target_rows(pooled),
        ranges=ranges_of(pooled.models, pooled.observed),
        notes=notes,
    )
    with atomic_folder(report.folder) as temporary:
        _write_scores(temporary / "scores.csv", pooled)
        summary = _summary(study, pooled, report, classes)
        text = json.dumps(plain(summary, "summary", lambda *_: None), indent=2)
        (temporary / "summary.json").write_text(f"{text}\n", encoding="utf-8")
        page = write_page(
            study, pooled, report.title, rows, notes, classes, report.ranges,
            report.targets,
        )  # fmt: skip
        page.write(temporary / "report.html")
    return report


def _notes(study: Study, pooled: PooledStudy) -> list[str]:
    lead = {s["warmup_steps_before"] for s in pooled.summaries}
    notes = [
        study.about_folds,
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
    study: Study, pooled: PooledStudy, report: StudyReport, classes: Sequence[PeakClass]
) -> dict[str, Any]:
    protocol = study.protocol
    return {
        "protocol": protocol.name,
        "about": protocol.about,
        "title": report.title,
        "basins": len(pooled.flows.ids),
        "folds": {fold.name: len(fold.held_out) for fold in study.folds},
        "how": study.about_folds,
        "seeds": list(protocol.seeds),
        "scores": {row.name: asdict(row) for row in report.rows},
        "targets": [asdict(row) for row in report.targets],
        **range_summary(report.ranges),
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


def _write_scores(path: Path, pooled: PooledStudy) -> None:
    """Write one row for each basin and model, mean or baseline."""
    flows = pooled.flows
    where: dict[str, NDArray[Any]] = {
        name: values
        for name in ("latitude", "longitude", "area_km2")
        if (values := getattr(flows, name)) is not None
    }
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        more = [
            f"{metric}_{row.target}" for row in target_rows(pooled)
            for metric in row.medians
        ]  # fmt: skip
        more = list(dict.fromkeys(more))
        writer.writerow(
            ("basin_id", "fold", *where, "model", "kind", "seed", *metrics, *more)
        )
        for line in pooled.lines:
            seed = "" if line.seed is None else line.seed
            scores = {**line.scores, **target_columns(line.targets)}
            for at, basin in enumerate(flows.ids.tolist()):
                writer.writerow(
                    (
                        basin,
                        pooled.fold[at],
                        *(f"{values[at]:.7g}" for values in where.values()),
                        line.name,
                        line.kind,
                        seed,
                        *_cells(scores, (*metrics, *more), at),
                    )
                )


def _cells(
    scores: Mapping[str, NDArray[np.float64]], names: Iterable[str], at: int
) -> list[str]:
    values = [scores[name][at] if name in scores else np.nan for name in names]
    return ["" if np.isnan(value) else f"{value:.7g}" for value in values]
