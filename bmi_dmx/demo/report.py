"""What the demonstration leaves behind, and what it prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..conversion import plain
from ..tables import TERMINAL, Column, print_table
from ..trainer.tasks.streamflow.metrics import median, score
from ..trainer.tasks.streamflow.plots import hydrographs, score_map
from ..trainer.tasks.streamflow.results import (
    Hydrographs,
    Series,
    write_scores,
    write_streamflow,
    write_summary,
)
from .basin import Gauges, gauges, rivers
from .result import CLIMATOLOGY, SHIPPED, TRAINED, UNTRAINED, Result

__all__ = ["write"]

Scores = dict[str, dict[str, NDArray[np.float64]]]

SHORT = {SHIPPED: "conus"}
"""Heads of columns, where the name is too long for one."""

METRICS = ("nse", "kge")


def write(output: Path, result: Result) -> None:
    """Write all files and print the table.

    Parameters
    ----------
    output : Path
        Where to write.
    result : Result
        What to write.
    """
    places = gauges(result.data.ids.tolist())
    observed = result.data.target
    scores = {m: score(x, observed, METRICS) for m, x in result.flows.items()}
    _write_series(output / "streamflow.nc", result, places)
    write_scores(
        output / "scores.csv",
        result.data.ids,
        {f"{m}_{_key(n)}": x for n, s in scores.items() for m, x in s.items()},
        {"name": np.array(places.names), "area_km2": result.data.attributes["area_km2"],
         "latitude": places.latitude, "longitude": places.longitude},
    )  # fmt: skip
    write_summary(output / "summary.json", scores[TRAINED], _summary(result, scores))
    _draw(output, result, scores, places)
    _print(output, result, scores, places)


def _key(model: str) -> str:
    return SHORT.get(model, model).replace(" ", "_")


def _write_series(path: Path, result: Result, places: Gauges) -> None:
    data = result.data
    flows: dict[str, tuple[NDArray[Any], str]] = {
        "simulated": (result.flows[TRAINED], result.about[TRAINED]),
        "batch": (result.batch, "the same model run through all days at once"),
        "observed": (data.target, "observed streamflow"),
        **{_key(m): (x, result.about[m]) for m, x in result.flows.items()
           if m != TRAINED},
    }  # fmt: skip
    write_streamflow(
        path,
        Hydrographs(
            time=data.time,
            ids=data.ids,
            series={
                name: Series(values=values, units="mm d-1", about=about)
                for name, (values, about) in flows.items()
            },
            latitude=places.latitude,
            longitude=places.longitude,
            area_km2=data.attributes["area_km2"],
            attributes={"title": "Delaware River, a differentiable HBV through BMI"},
        ),
    )


def _summary(result: Result, scores: Scores) -> dict[str, Any]:
    agreement, experiment = result.agreement, result.experiment
    return {
        "experiment": experiment.name,
        "periods": plain(experiment.periods),
        "gauges": len(result.data.ids),
        "chosen_by": plain(experiment.data.where),
        "stepping_against_batch": {
            "precision": "float64",
            "values": agreement.values,
            "largest_difference_mm_d-1": agreement.absolute,
            "largest_relative_difference": agreement.relative,
        },
        "water_balance_gap_mm": result.imbalance,
        "medians": {
            model: {m: median(x)[0] for m, x in values.items()}
            for model, values in scores.items()
        },
        "models": result.about,
        "seconds": round(result.seconds, 1),
    }


def _draw(output: Path, result: Result, scores: Scores, places: Gauges) -> None:
    data, nse = result.data, scores[TRAINED]["nse"]
    hydrographs(
        output / "hydrographs.png",
        time=data.time,
        ids=data.ids,
        names=[_cut(name, 34) for name in places.names],
        simulated=result.flows[TRAINED],
        observed=data.target,
        precipitation=data.forcing["precipitation"],
        title=f"Delaware River {data.time[0].item().year}: trained on the year before, "
        "stepped through BMI",
    )
    network = rivers()
    score_map(
        output / "map.png",
        longitude=places.longitude,
        latitude=places.latitude,
        scores=nse,
        label="NSE",
        rivers=network.lines,
        river_widths=0.35 + 3.0 * np.sqrt(network.area / network.area.max()),
        title=f"Delaware River {data.time[0].item().year}: scores at the gauges",
    )


def _cut(name: str, length: int) -> str:
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


def _print(output: Path, result: Result, scores: Scores, places: Gauges) -> None:
    data = result.data
    order = np.argsort(-scores[TRAINED]["nse"])
    area = data.attributes["area_km2"]
    columns = [
        Column(header="gauge", values=data.ids[order].tolist(), summary="median"),
        Column(header="name", values=[places.names[i] for i in order], summary=""),
        Column(header="km²", values=area[order].tolist(), format=".0f",
               summary=float(np.median(area))),
    ]  # fmt: skip
    for model, values in scores.items():
        nse = values["nse"]
        columns.append(
            Column(
                header="NSE" if model == TRAINED else SHORT.get(model, model),
                values=nse[order].tolist(),
                format=".2f",
                summary=median(nse)[0],
                bar=(0.0, 1.0) if model == TRAINED else None,
            )
        )
    print_table(columns, title=_title(result))
    print(_legend(output, result, scores))


def _title(result: Result) -> str:
    first, last = result.experiment.periods.train
    data = result.data
    return (
        f"Delaware River, {len(data.ids)} gauges: learned on {first} to {last}, "
        f"scored on {data.time[0]} to {data.time[-1]}"
    )


def _legend(output: Path, result: Result, scores: Scores) -> str:
    experiment, agreement = result.experiment, result.agreement
    conditions = ", ".join(_condition(*item) for item in experiment.data.where.items())
    days = [str(day) for day in experiment.periods["validation"]]
    nse = scores[TRAINED]["nse"]
    better = [
        f"{int((nse > scores[model]['nse']).sum())} against {model}"
        for model in (UNTRAINED, CLIMATOLOGY)
    ]
    paragraphs = [
        f"Gauges: all where {conditions}. Checkpoint chosen on {' to '.join(days)}.",
        f"Of {len(nse)} gauges the trained model has the higher NSE at "
        f"{' and '.join(better)}.",
        "Stepping equals the batch run, with the state saved and restored on the way: "
        f"of {agreement.values} daily flows in float64 none is off by more than "
        f"{agreement.absolute:.0e} mm/d or {agreement.relative:.0e} of its value.",
        "Water is conserved: over both years no catchment's balance is off by more "
        f"than {result.imbalance:.0e} mm.",
    ]
    lines = [
        "",
        *_models(result, scores),
        "",
        *(fill(text, TERMINAL, subsequent_indent="  ") for text in paragraphs),
        "",
        f"{output} ({result.seconds:.0f} s)",
        "  scores.csv summary.json streamflow.nc hydrographs.png map.png bundle/",
    ]
    return "\n".join(lines)


def _models(result: Result, scores: Scores) -> Iterator[str]:
    """Yield what each model is, with its medians over the gauges."""
    names = {model: SHORT.get(model, model) for model in result.about}
    width = max(map(len, names.values()))
    yield f"{'medians':{width}}    NSE    KGE"
    for model, about in result.about.items():
        medians = (f"{median(scores[model][m])[0]:5.2f}" for m in METRICS)
        line = f"{names[model]:{width}}  {'  '.join(medians)}  {about}"
        yield fill(line, TERMINAL, subsequent_indent=" " * (width + 16))


def _condition(name: str, condition: object) -> str:
    if isinstance(condition, tuple):
        return f"{name} is {condition[0]:g} to {condition[1]:g}"
    return f"{name} is {condition}"
