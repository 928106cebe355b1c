"""Scores of a model over basins, of all its targets, and of baselines beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....tables import Column, print_table
from .metrics import median, metrics, summarise
from .probability import Range

__all__ = [
    "ALL",
    "COMPARED",
    "Comparison",
    "TargetScores",
    "range_medians",
    "range_summary",
    "show_medians",
    "show_ranges",
    "show_targets",
    "target_columns",
    "target_summary",
]

Scores = Mapping[str, NDArray[np.float64]]

ALL = "all"
"""Name of the group of all basins."""

COMPARED = ("nse", "kge")
"""Scores by which a model is compared with the baselines."""


@dataclass(frozen=True, kw_only=True)
class TargetScores:
    """Scores of one target.

    Parameters
    ----------
    units : str
        Of the target.
    scores : mapping of str to array (B,)
        Of all basins, NaN where nothing was observed.
    medians : mapping of str to mapping of str to float
        By group of basins and metric.
    basins : mapping of str to int
        In each group those that have an NSE.
    """

    units: str
    scores: Mapping[str, NDArray[np.float64]]
    medians: Mapping[str, Mapping[str, float]]
    basins: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What scoring a model beside baselines found.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    title : str
        Bundle, data and days.
    name : str
        The model.
    scores : mapping of str to array (B,)
        All scores of all basins.
    baselines : mapping of str to mapping of str to array (B,)
        Those of :data:`COMPARED` by baseline.
    groups : mapping of str to array of int
        Positions of the basins of every group, those of all first.
    about : mapping of str to str
        What the baselines are.
    notes : tuple of str
        What a reader of the scores must know.
    kind : str
        What the model is called in tables.
    ranges : mapping of str to Range
        How good ranges around the answer are.
    targets : mapping of str to TargetScores
        Scores of what was observed beside streamflow.
    """

    folder: Path
    title: str
    name: str
    scores: Scores
    baselines: Mapping[str, Scores]
    groups: Mapping[str, NDArray[np.intp]]
    about: Mapping[str, str]
    notes: tuple[str, ...]
    kind: str = "bundle"
    ranges: Mapping[str, Range] = field(default_factory=dict)
    targets: Mapping[str, TargetScores] = field(default_factory=dict)

    @property
    def basins(self) -> dict[str, int]:
        """Size of the groups."""
        return {group: len(at) for group, at in self.groups.items()}

    @property
    def medians(self) -> dict[str, dict[str, float]]:
        """Medians over basins by group and metric."""
        return {
            group: {name: median(values[at])[0] for name, values in self.scores.items()}
            for group, at in self.groups.items()
        }

    def compared(self) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
        """Return quartiles by group, model and score, and how often the model wins.

        ``better`` is the share of basins, of those where both are defined, in which the
        model has the higher score.
        """
        models = {self.name: self.scores, **self.baselines}
        return {
            group: {
                model: {
                    name: self._against(model, values[name][at], name, at)
                    for name in COMPARED
                }
                for model, values in models.items()
            }
            for group, at in self.groups.items()
        }

    def _against(
        self,
        model: str,
        values: NDArray[np.float64],
        name: str,
        at: NDArray[np.intp],
    ) -> dict[str, float]:
        summary = summarise(values)
        quartiles = {
            "q25": summary.q25,
            "median": summary.median,
            "q75": summary.q75,
            "basins": summary.defined,
        }
        scores = self.scores[name][at]
        both = np.isfinite(scores) & np.isfinite(values)
        if model != self.name and both.any():
            quartiles["better"] = float((scores[both] > values[both]).mean())
        return quartiles

    def show(self) -> None:
        """Print medians of all scores, and the model beside the baselines."""
        show_medians(self.medians, self.basins, self.title)
        rows = [
            (group, model, quartiles)
            for group, models in self.compared().items()
            for model, quartiles in models.items()
        ]
        columns = [
            Column(
                header="basins", values=[f"{g} ({self.basins[g]})" for g, *_ in rows]
            ),
            Column(header="model", values=[model for _, model, _ in rows]),
        ]
        for name in COMPARED:
            for key, head in (
                ("q25", "25 %"),
                ("median", name.upper()),
                ("q75", "75 %"),
            ):
                values = [quartiles[name][key] for *_, quartiles in rows]
                columns.append(Column(header=head, values=values, format=".3f"))
            better = [quartiles[name].get("better") for *_, quartiles in rows]
            columns.append(
                Column(header=f"{self.kind} better", values=better, format=".0%")
            )
        print()
        print_table(columns, title="beside baselines: median and quartiles over basins")
        show_ranges(self.ranges)
        print()
        show_targets(self.targets, self.title)
        for name, text in self.about.items():
            print(f"{name}: {text}")
        for note in self.notes:
            print(f"note: {note}")


def show_medians(
    medians: Mapping[str, Mapping[str, float]], basins: Mapping[str, int], title: str
) -> None:
    """Print a table of medians over basins.

    Parameters
    ----------
    medians : mapping of str to mapping of str to float
        By group, ``all`` among them, and by metric.
    basins : mapping of str to int
        Size of the groups.
    title : str
        Headline.
    """
    names = list(medians[ALL])
    columns = [
        Column(header="median over basins", values=names),
        *(
            Column(
                header=f"{group} ({basins[group]})",
                values=[values[name] for name in names],
                format=".3f",
            )
            for group, values in medians.items()
        ),
        Column(header="ideal", values=[metrics[n].ideal for n in names], format="g"),
        Column(header="units", values=[metrics[n].units for n in names]),
    ]
    print_table(columns, title=title)


def show_targets(targets: Mapping[str, TargetScores], title: str) -> None:
    """Print a table of medians for every target.

    Parameters
    ----------
    targets : mapping of str to TargetScores
        By name.
    title : str
        What was scored.
    """
    for name, scores in targets.items():
        print()
        show_medians(scores.medians, scores.basins, f"{name} ({scores.units}), {title}")


def target_columns(targets: Mapping[str, TargetScores]) -> dict[str, NDArray[Any]]:
    """Return the columns of a table of scores, such as ``nse_evaporation``."""
    return {
        f"{metric}_{name}": values
        for name, scores in targets.items()
        for metric, values in scores.scores.items()
    }


def target_summary(targets: Mapping[str, TargetScores]) -> dict[str, Any]:
    """Return units, medians and counts under ``targets``; nothing without targets."""
    summary = {
        name: {"units": one.units, "medians": one.medians, "basins": one.basins}
        for name, one in targets.items()
    }
    return {"targets": summary} if summary else {}


def show_ranges(ranges: Mapping[str, Range]) -> None:
    """Print a table of how good ranges are; nothing where there are none.

    Parameters
    ----------
    ranges : mapping of str to Range
        By name.
    """
    if not ranges:
        return
    medians = range_medians(ranges)
    columns = [Column(header="range", values=list(ranges))]
    for name, (head, form) in _RANGE_HEADS.items():
        values = [entry.get(name) for entry in medians.values()]
        if any(value is not None for value in values):
            columns.append(Column(header=head, values=values, format=form))
    print()
    print_table(columns, title="ranges around the answer: median over basins")
    for name, one in ranges.items():
        print(f"{name}: {one.about}")


_RANGE_HEADS = {
    "crps": ("CRPS (mm d-1)", ".3f"),
    "crps_fair": ("fair", ".3f"),
    "coverage_90": ("in the 90 % range", ".0%"),
}


def range_medians(ranges: Mapping[str, Range]) -> dict[str, dict[str, float]]:
    """Return the medians over basins of the scores of ranges."""
    return {
        name: {score: median(values)[0] for score, values in one.scores.items()}
        for name, one in ranges.items()
    }


def range_summary(ranges: Mapping[str, Range]) -> dict[str, Any]:
    """Return medians and ranks under ``ranges``; nothing where there are none."""
    medians = range_medians(ranges)
    summary = {
        name: {
            "about": one.about, "medians": medians[name], "ranks": one.ranks.tolist()
        }
        for name, one in ranges.items()
    }  # fmt: skip
    return {"ranges": summary} if summary else {}
