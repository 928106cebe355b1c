"""What a report shows of flow at gauges: scores, places, hydrographs, parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....compose import Plan
from ...plots.style import COLOURS, with_units
from ...report.content import (
    Curve,
    Line,
    Panel,
    Parameter,
    PlaceColumn,
    Places,
    PlaceScore,
    SeriesSet,
    Table,
    Tile,
)
from .comparison import COMPARED
from .metrics import median, metrics, score
from .results import Hydrographs

__all__ = [
    "BASELINE_COLOURS",
    "baseline_scores",
    "beside_baselines",
    "distribution",
    "gauge_places",
    "hydrograph_series",
    "learned",
    "score_table",
    "tiles",
]

MAPPED = ("nse", "kge", "bias", "r", "alpha", "beta", "log_nse")
"""Scores that can be chosen on the map, as far as they were computed."""

FIRST = ("nse", "kge", "log_nse", "bias")
"""Scores that are seen first."""

LEAST = -0.25
"""Least NSE of the distribution."""

BASELINE_COLOURS = (COLOURS[2], COLOURS[3], COLOURS[4], COLOURS[0])

Scores = Mapping[str, NDArray[np.float64]]


def tiles(scores: Scores, baselines: Mapping[str, Scores]) -> list[Tile]:
    """Return medians over gauges, and the best baseline beside them."""
    tiles = []
    for name in FIRST:
        if name not in scores:
            continue
        middle, count = median(scores[name])
        others = {n: median(x[name])[0] for n, x in baselines.items() if name in x}
        finite = {n: x for n, x in others.items() if np.isfinite(x)}
        ideal = metrics[name].ideal or 0.0
        best = min(finite, key=lambda n: abs(finite[n] - ideal)) if finite else None
        note = f"{best}: {_number(name, finite[best])}" if best else metrics[name].about
        label = f"{_called(name)}, median of {count}"
        tiles.append(Tile(_number(name, middle), label, note))
    return tiles


def _number(name: str, value: float) -> str:
    if not np.isfinite(value):
        return "–"
    if metrics[name].units == "percent":
        return f"{value:+.1f} %".replace("-", "−")
    return f"{value:.2f}".replace("-", "−")


def _called(name: str) -> str:
    return name.upper() if len(name) <= 3 else name.replace("_", " ")


def score_table(
    scores: Scores, groups: Mapping[str, NDArray[np.intp]], period: str
) -> Table:
    """Return medians of all scores by group of gauges."""
    rows = [
        [
            _called(name),
            *(_middle(name, values[at]) for at in groups.values()),
            "" if metrics[name].ideal is None else f"{metrics[name].ideal:g}",
            metrics[name].units,
            metrics[name].about,
        ]
        for name, values in scores.items()
    ]
    heads = [f"{group} ({len(at)})" for group, at in groups.items()]
    return Table(
        ["score", *heads, "ideal", "units", "what it is"], rows,
        f"Medians over gauges, {period}.",
    )  # fmt: skip


def _middle(name: str, values: NDArray[np.float64]) -> float | int:
    middle = median(values)[0]
    counts = metrics[name].ideal is None and np.isfinite(middle)
    return round(middle) if counts else middle


def distribution(name: str, scores: Scores, baselines: Mapping[str, Scores]) -> Panel:
    """Return the share of gauges below each NSE, of a model and of baselines."""
    curves = []
    models = {name: scores, **baselines}
    colours = (COLOURS[1], *BASELINE_COLOURS)  # as in the hydrographs
    for (label, values), colour in zip(models.items(), cycle(colours), strict=False):
        ranked = np.sort(values["nse"][np.isfinite(values["nse"])])
        if ranked.size:
            share = np.arange(ranked.size + 1) / ranked.size
            x = np.maximum(np.concatenate((ranked[:1], ranked)), LEAST)
            curves.append(Curve(label=label, x=x, y=share, steps=True, colour=colour))
    return Panel(
        title="share of gauges with a lower NSE", x_label="NSE", curves=curves,
        x_range=(LEAST, 1.0), y_range=(0.0, 1.0),
        about="The further right, the better; what is lower stands at the edge.",
    )  # fmt: skip


def gauge_places(flows: Hydrographs, scores: Scores) -> Places:
    """Return the gauges with their scores."""
    columns = []
    if flows.area_km2 is not None:
        columns.append(PlaceColumn(label="area", units="km²", values=flows.area_km2))
    return Places(
        what="gauge",
        ids=flows.ids.tolist(),
        names=None if flows.names is None else flows.names.tolist(),
        x=flows.longitude,
        y=flows.latitude,
        columns=columns,
        scores=[
            PlaceScore.of(_called(name), metrics[name].about, scores[name], ideal)
            for name in MAPPED
            if name in scores and (ideal := metrics[name].ideal) is not None
        ],
    )


def hydrograph_series(flows: Hydrographs, baselines: Mapping[str, Any]) -> SeriesSet:
    """Return flow, rain where it is known, and flow by baselines to be switched on.

    Parameters
    ----------
    flows : Hydrographs
        Simulated and observed flow, perhaps ``precipitation``.
    baselines : mapping of str to array (T, B)
        Flow, in its units.
    """
    units = flows.series["simulated"].units
    shown = with_units("", units).strip(" ()")
    lines = [
        Line(
            name="observed", label="observed", units=shown, values=flows["observed"]
        ),
        Line(
            name="simulated", label="simulated", units=shown,
            values=flows["simulated"], colour=COLOURS[1],
        ),
    ]  # fmt: skip
    if "precipitation" in flows.series:
        rain = flows.series["precipitation"]
        rain_units = with_units("", rain.units).strip(" ()")
        lines.append(
            Line(
                name="precipitation", label="precipitation", units=rain_units,
                values=rain.values, kind="hanging", colour=COLOURS[5],
            )
        )  # fmt: skip
    for (name, values), colour in zip(
        baselines.items(), cycle(BASELINE_COLOURS), strict=False
    ):
        lines.append(
            Line(
                name=name, label=name, units=shown, values=values, colour=colour,
                on=False,
            )
        )  # fmt: skip
    return SeriesSet(
        time=flows.time, units=shown, lines=lines, judged=("simulated", "observed")
    )


def learned(
    plan: Plan, values: Mapping[str, NDArray[Any]], *, places: bool = True
) -> Sequence[Parameter]:
    """Return what networks supply once, as far as it has bounds.

    Parameters
    ----------
    plan : Plan
        Of the model; it declares the parameters.
    values : mapping of str to array (place,) or (place, member)
        By parameter.
    places : bool
        Whether they are of the gauges.
    """
    declared = plan.supplied
    return [
        Parameter(
            label=name,
            units=with_units("", declared[name].units).strip(" ()") or "1",
            about=declared[name].about,
            bounds=bounds,
            values=np.asarray(numbers, dtype=np.float64).reshape(len(numbers), -1),
            log=declared[name].spacing == "log",
            places=places,
        )
        for name, numbers in values.items()
        if (bounds := declared[name].bounds) is not None
    ]


def baseline_scores(
    flows: Hydrographs,
    baselines: Mapping[str, NDArray[Any]],
    names: Sequence[str],
    factor: NDArray[np.float64] | float = 1.0,
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return scores of baselines on the days of a file.

    ``factor`` brings flow to mm per day.
    """
    observed = flows["observed"] * factor
    return {n: score(x * factor, observed, names) for n, x in baselines.items()}


def beside_baselines(
    name: str, scores: Scores, baselines: Mapping[str, Scores]
) -> Table:
    """Return a model beside baselines: medians, and where these are worse."""
    rows = []
    for label, values in {name: scores, **baselines}.items():
        medians = [median(values[metric])[0] for metric in COMPARED]
        both = np.isfinite(scores["nse"]) & np.isfinite(values["nse"])
        won = scores["nse"][both] > values["nse"][both]
        share = "" if label == name else f"{int(won.sum())} of {len(won)}"
        rows.append([label, *medians, share])
    heads = ["model", *(m.upper() for m in COMPARED), "worse than the model at"]
    caption = "Beside baselines: medians over gauges; where the NSE is lower."
    return Table(heads, rows, caption)
