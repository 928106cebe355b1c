"""The page of a study: what was asked, the scores, and pictures of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ...protocols.page import Page
from ...protocols.trial import Study
from ..streamflow.comparison import range_medians
from ..streamflow.metrics import median, metrics
from ..streamflow.plots import (
    flood_events,
    fold_map,
    learned_parameters,
    nse_cdf,
    score_map,
)
from ..streamflow.plots.ranks import rank_histograms
from ..streamflow.probability import Range
from .peaks import PeakClass
from .pooling import PooledStudy
from .study_scores import SHOWN, Row, Spread, TargetRow, by_fold

__all__ = ["write_page"]

MOST_MAPS = 3
"""Models with a map of their own."""


def write_page(
    study: Study,
    pooled: PooledStudy,
    title: str,
    rows: Sequence[Row],
    notes: Sequence[str],
    classes: Sequence[PeakClass],
    ranges: Mapping[str, Range],
    targets: Sequence[TargetRow],
) -> Page:
    """Return the page of a study.

    Parameters
    ----------
    study : Study
        What was asked.
    pooled : PooledStudy
        What was answered.
    title : str
        Protocol, basins and days.
    rows : sequence of Row
        The scores.
    notes : sequence of str
        What a reader must know.
    classes : sequence of PeakClass
        How peaks were met.
    ranges : mapping of str to Range
        How good the ranges are that several trainings span.
    targets : sequence of TargetRow
        Scores of what was observed beside streamflow.
    """
    page = Page(f"{study.protocol.name}: {study.protocol.about}".rstrip(": "))
    page.text(title.partition(": ")[2])
    with TemporaryDirectory() as place:
        pictures = Path(place)
        _scores(page, study, rows)
        _targets(page, targets)
        _distribution(page, study, pooled, pictures)
        _ranges(page, ranges, pictures)
        _places(page, study, pooled, pictures)
        _floods(page, pooled, classes, pictures)
        _parameters(page, pooled, pictures)
    page.heading("What was done")
    page.items(notes)
    _trainings(page, study, pooled)
    page.heading("What the scores are")
    definitions = [f"{_head(name)}: {metrics[name].about}" for name in SHOWN]
    page.items(
        [*definitions, f"{BFI}: over basins, of simulated and observed baseflow index"]
    )
    return page


BFI, CONVENTION = "BFI correlation", "NSE, 1st year unscored"
"""Heads of columns that are no score of a single basin."""


def _scores(page: Page, study: Study, rows: Sequence[Row]) -> None:
    published = study.protocol.published
    heads = ["median over basins", *(_head(name) for name in SHOWN), BFI, CONVENTION]
    cells = [_row(row) for row in rows]
    scored = [one for one in published if one.scores]
    for one in scored:
        names = (*SHOWN, "bfi_correlation", "nse_first_year_unscored")
        values = [_digits(name, one.scores.get(name)) for name in names]
        cells.append([f"{one.name} (published)", *values])
    columns = [at for at in range(len(heads)) if any(row[at] != DASH for row in cells)]
    page.heading("Scores")
    page.table(
        [heads[at] for at in columns],
        [[row[at] for at in columns] for row in cells],
        caption="Medians over basins; where there are several seeds, their mean ± "
        "standard deviation. Italics: baselines and published values.",
        others=[*(row.kind == "baseline" for row in rows), *(True for _ in scored)],
    )
    if published:
        page.text("Published values are of others, on their basins and days:")
        page.items(
            [
                f"{one.name}: {one.source}" + (f". {one.about}" if one.about else "")
                for one in published
            ]
        )


DASH = "–"


def _digits(name: str, value: float | None) -> str:
    """Return a median as text: percentages with one digit after the point."""
    if value is None or not np.isfinite(value):
        return DASH
    percent = name in metrics and metrics[name].units == "percent"
    return f"{value:.1f}" if percent else f"{value:.3f}"


def _head(name: str) -> str:
    short = {"percent": " (%)", "mm d-1": " (mm/d)"}.get(metrics[name].units, "")
    upper = {"nse", "kge", "fhv", "flv", "rmse", "bfi"}
    words = [word.upper() if word in upper else word for word in name.split("_")]
    return " ".join(words) + short


def _row(row: Row) -> list[str]:
    cells = [_cell(name, row.medians[name]) for name in SHOWN]
    bfi = _digits("", row.bfi_correlation)
    return [row.name, *cells, bfi, _cell("", row.convention)]


def _cell(name: str, spread: Spread | None) -> str:
    """Return a median with its spread over seeds as text."""
    if spread is None:
        return DASH
    text = _digits(name, spread.mean)
    more = "" if spread.spread is None else f" ± {_digits(name, spread.spread)}"
    return f"{text}{more}"


def _targets(page: Page, targets: Sequence[TargetRow]) -> None:
    if not targets:
        return
    page.heading("Beside streamflow")
    names = [name for name in targets[0].medians if name != "n_observations"]
    page.table(
        ["median over basins", "of", "basins", *map(_head, names)],
        [
            [
                row.model, f"{row.target} ({row.units})", row.basins,
                *(_cell(name, row.medians[name]) for name in names),
            ]
            for row in targets
        ],
        caption="What else was observed; where there are several seeds, mean ± "
        "standard deviation of the medians.",
    )  # fmt: skip


def _distribution(
    page: Page, study: Study, pooled: PooledStudy, pictures: Path
) -> None:
    curves = {
        line.name: line.scores["nse"]
        for line in (*pooled.best.values(), *pooled.means, *pooled.baselines)
    }
    if not any(median(values)[1] for values in curves.values()):
        page.text("No basin has a defined NSE; there is no picture of it.")
        return
    published = {
        one.name: one.scores["nse"]
        for one in study.protocol.published
        if "nse" in one.scores
    }
    path = nse_cdf(pictures / "cdf.png", curves, published=published)
    page.heading("Distribution over basins")
    marks = "; marks are published medians" if published else ""
    page.picture(path, f"Share of basins below each NSE{marks}.")


def _ranges(page: Page, ranges: Mapping[str, Range], pictures: Path) -> None:
    """Show how far several trainings agree, and how right they are in that."""
    if not ranges or not all(one.ranks.any() for one in ranges.values()):
        return
    page.heading("Several trainings as a range")
    page.table(
        ["median over basins", "CRPS (mm/d)", "fair CRPS (mm/d)", "in the 90 % range"],
        [
            [ranges[name].about, row["crps"], row["crps_fair"], row["coverage_90"]]
            for name, row in range_medians(ranges).items()
        ],
        caption="Continuous ranked probability score, as it is and as of infinitely "
        "many trainings (Ferro 2014), and share of the observations in the central "
        "90 % range.",
    )
    counts = {name: one.ranks for name, one in ranges.items()}
    path = rank_histograms(pictures / "ranks.png", counts)
    page.picture(
        path, "Ranks of the observations among the trainings: flat where the range is "
        "reliable, high at both ends where it is too narrow.",
    )  # fmt: skip


def _places(page: Page, study: Study, pooled: PooledStudy, pictures: Path) -> None:
    if len(study.folds) > 1:
        page.heading("By fold")
        models = list(pooled.best)
        rows: list[list[Any]] = []
        for fold, values in by_fold(study, pooled).items():
            count = len(study.fold(fold).held_out)
            rows.append([fold, count, *(values[model] for model in models)])
        page.table(
            ["fold", "basins", *models], rows, caption="Median NSE of the held basins."
        )
    longitude, latitude = pooled.flows.longitude, pooled.flows.latitude
    if longitude is None or latitude is None:
        return
    if not (np.isfinite(longitude).all() and np.isfinite(latitude).all()):
        return
    if len(study.folds) == 1:
        page.heading("Where")
    else:
        path = fold_map(
            pictures / "folds.png", longitude=longitude, latitude=latitude,
            folds=pooled.fold, names=[fold.name for fold in study.folds],
        )  # fmt: skip
        page.picture(path, "The fold in which each basin was held out.")
    for at, (model, line) in enumerate(list(pooled.best.items())[:MOST_MAPS]):
        path = score_map(
            pictures / f"map-{at}.png", longitude=longitude, latitude=latitude,
            scores=line.scores["nse"], title=line.name,
        )  # fmt: skip
        page.picture(path, f"NSE of {model} in each basin.")


def _floods(
    page: Page, pooled: PooledStudy, classes: Sequence[PeakClass], pictures: Path
) -> None:
    if not np.isfinite(pooled.observed).any():
        return
    page.heading("Floods")
    flows = {model: line.flow for model, line in pooled.best.items()}
    path = flood_events(
        pictures / "floods.png", time=pooled.flows.time, ids=pooled.flows.ids,
        observed=pooled.observed, models=flows,
    )  # fmt: skip
    page.picture(
        path, "The highest scored flows, one for each basin: observed and simulated."
    )
    if not classes:
        return
    models = list(pooled.best)
    heads = ["peaks that return after", "number"]
    for model in models:
        heads += [f"{model}: error (%)", "bias (%)"]
    heads += [f"{model} nearer than {models[0]} (%)" for model in models[1:]]
    rows: list[list[Any]] = []
    for one in classes:
        cells: list[Any] = [one.name, one.peaks]
        for model in models:
            cells += [one.error[model], one.bias[model]]
        rows.append([*cells, *(100.0 * one.nearer[m] for m in models[1:])])
    page.table(
        heads,
        rows,
        format=".1f",
        caption="Annual peaks by their return period (log-Pearson III of the observed "
        "years of each basin): median absolute error and median bias of the simulated "
        "peak within a day of it.",
    )


def _parameters(page: Page, pooled: PooledStudy, pictures: Path) -> None:
    if not pooled.parameters:
        return
    page.heading("Learned parameters")
    models = pooled.parameters
    names = list(dict.fromkeys(n for p in models.values() for n in p.values))
    rows: list[list[Any]] = [
        ["all", *(100.0 * learned.share_at_bounds for learned in models.values())]
    ]
    for name in names:
        shares = (p.at_bounds.get(name, np.nan) for p in models.values())
        rows.append([name, *(100.0 * share for share in shares)])
    page.table(
        ["at bounds (%)", *models],
        rows,
        format=".1f",
        caption="Share of the values, over basins and members, within 1 % of the range "
        "of a bound.",
    )
    for at, (model, learned) in enumerate(pooled.parameters.items()):
        path = learned_parameters(
            pictures / f"parameters-{at}.png", learned.values, learned.bounds,
            units=learned.units,
        )  # fmt: skip
        page.picture(path, f"{model}: parameters that do not change, in held basins.")


def _trainings(page: Page, study: Study, pooled: PooledStudy) -> None:
    rows = [
        [
            one["model"],
            one["fold"],
            one["seed"],
            one["basins"],
            one["training"]["steps"],
            round(one["training"]["seconds"]),
            one["median_nse"],
        ]
        for one in pooled.summaries
    ]
    page.table(
        ["model", "fold", "seed", "basins judged", "steps", "seconds", "median NSE"],
        rows,
        caption="Trainings.",
    )
    settings = {**study.protocol.settings, **study.protocol.model_settings}
    listed = ", ".join(f"{key}: {value}" for key, value in settings.items())
    models = ", ".join(f"{m} = {e}" for m, e in study.protocol.models.items())
    page.text(f"Models: {models}. Settings: {listed or 'none'}.", small=True)
