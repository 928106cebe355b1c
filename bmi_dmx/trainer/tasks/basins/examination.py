"""How far a bundle can be trusted: scored under conditions that it was not made for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ....bundle import Bundle
from ....compose import Model
from ....conversion import plain
from ....errors import ConfigError, DataError
from ....files import atomic_folder
from ....logs import capture
from ....tables import Column, print_table
from ...protocols.page import Page
from ...provenance import commit
from ...records import read_record
from ...requests import ExaminationRequest
from ...run_folder import numbered_folder, refuse_other_files
from ..streamflow.metrics import median, metrics, score
from ..streamflow.periods import Period
from .data.basins import BasinData
from .data.spec import DataSpec
from .evaluate import AT_ONCE, mean_flow
from .pictures import RAIN
from .pooling import Parameters
from .prediction import steps_within, usual_warmup, with_lead
from .scored_data import completed, data_spec
from .scoring import model_of
from .training_basins import learned

__all__ = ["Examination", "examine"]

SHOWN = ("nse", "kge", "log_nse", "bias", "flashiness_error", "bfi_error")
"""Scores of the table."""

FOLDER = Path("evaluations")

FILES = ("report.html", "summary.json")
"""Files of a report."""

Scored = tuple[BasinData, dict[str, NDArray[np.float64]]]
"""What was simulated, and the scores of it."""


@dataclass(frozen=True)
class Condition:
    """A way of running a bundle, and how good it then is.

    Parameters
    ----------
    name : str
        What differs.
    basins : int
        How many were scored.
    medians : dict of str to float
        Median over basins, by metric.
    change : float or None
        Median over basins of the change of NSE against the first condition.
    """

    name: str
    basins: int
    medians: dict[str, float]
    change: float | None


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What an examination found.

    Parameters
    ----------
    folder : Path
        Of ``report.html`` and ``summary.json``.
    title : str
        Bundle, data and days.
    conditions : sequence of Condition
        As it is meant to be run first.
    at_bounds : dict of str to float
        Share of the values of each parameter within 1 % of its range of a bound.
    notes : sequence of str
        What a reader must know.
    """

    folder: Path
    title: str
    conditions: Sequence[Condition]
    at_bounds: dict[str, float]
    notes: Sequence[str]

    @property
    def share_at_bounds(self) -> float | None:
        """Mean over the parameters; None where there are none."""
        shares = list(self.at_bounds.values())
        return float(np.mean(shares)) if shares else None

    def show(self) -> None:
        """Print the table of conditions, and what lies at bounds."""
        rows = self.conditions
        columns = [
            Column(header="condition", values=[row.name for row in rows]),
            Column(header="basins", values=[row.basins for row in rows]),
            *(
                Column(
                    header=name,
                    values=[row.medians.get(name) for row in rows],
                    format=".3f",
                )
                for name in SHOWN
            ),
            Column(
                header="NSE changes by", values=[r.change for r in rows], format="+.3f"
            ),
        ]
        print_table(columns, title=self.title)
        if self.at_bounds:
            worst = sorted(self.at_bounds.items(), key=lambda item: -item[1])
            listed = ", ".join(f"{name} {share:.0%}" for name, share in worst[:5])
            print(f"\nparameters at bounds: {self.share_at_bounds:.1%} ({listed}, …)")
        for note in self.notes:
            print(f"note: {note}")


def examine(bundle: Bundle, request: ExaminationRequest) -> Examination:
    """Score a bundle as it is, and where attributes or forcing are not what they were.

    Parameters
    ----------
    bundle : Bundle
        A trained model whose answer is streamflow.
    request : ExaminationRequest
        Data, scored days and conditions.

    Raises
    ------
    BundleError, ConfigError, DataError, UnitsError
        As of :func:`~.scoring.score_bundle`; or a study of held-out places is none.
    """
    if request.period is None:
        raise ConfigError("--period: expected the first and the last day to score")
    refuse_other_files(request.output, FILES)
    model = model_of(bundle, request.choices)
    spec = data_spec(request)
    scored_data = completed(bundle, model, spec, request.period)
    steps_within(scored_data.data, model.spec)
    # Conditions that move forcing may cut a step off the record; this one does not.
    scored_data.data.within(*request.period)
    first = _scores(model, scored_data.data, request.period, request.warmup)
    conditions = [_condition("as trained", first, None)]
    for days in request.attributes:
        name = f"attributes of {days[0]} to {days[1]}"
        other = replace(spec, attributes_period=days)
        conditions.append(_other(bundle, model, other, request, first, name))
    for steps in request.shifts:
        later = "later" if steps > 0 else "earlier"
        name = f"{RAIN} {abs(steps)} step{'s' if abs(steps) > 1 else ''} {later}"
        moved = spec.shift.get(RAIN, 0) + steps
        other = replace(spec, shift={**spec.shift, RAIN: moved})
        conditions.append(_other(bundle, model, other, request, first, name))
    for study in request.held_out:
        conditions += _held_out(study)
    source = Path(spec.path).name or spec.reader
    scored = f"{request.period[0]} to {request.period[1]}"
    report = Examination(
        folder=request.output or numbered_folder(FOLDER, f"{bundle.name}-examined"),
        title=f"{bundle.name} on {source}, {scored}",
        conditions=conditions,
        at_bounds=_at_bounds(model, scored_data.data),
        notes=(*scored_data.notes, *_seen(bundle, scored_data.data, request.period)),
    )
    _write(report, bundle, spec)
    return report


def _other(
    bundle: Bundle,
    model: Model,
    spec: DataSpec,
    request: ExaminationRequest,
    first: Scored,
    name: str,
) -> Condition:
    """Score with other data; what is said of them was said before."""
    assert request.period is not None
    with capture():
        data = completed(bundle, model, spec, request.period).data
    return _condition(name, _scores(model, data, request.period, request.warmup), first)


def _scores(
    model: Model, data: BasinData, period: Period, warmup: int | None
) -> Scored:
    steps = usual_warmup(data) if warmup is None else warmup
    # Forcing that is moved leaves a step at an end of the record without any.
    first, last = (data.time[at].astype("datetime64[D]").item() for at in (0, -1))
    days = max(period[0], first), min(period[1], last)
    part, lead = with_lead(data, days, steps)
    simulated = mean_flow([model], [(part, lead)], AT_ONCE)
    return part, score(simulated, part.target[lead:])


def _condition(name: str, scored: Scored, first: Scored | None) -> Condition:
    data, scores = scored
    change = None
    if first is not None:
        before = dict(zip(first[0].ids.tolist(), first[1]["nse"].tolist(), strict=True))
        other = np.array([before.get(basin, np.nan) for basin in data.ids.tolist()])
        change = median(scores["nse"] - other)[0]
    medians = {metric: median(values)[0] for metric, values in scores.items()}
    return Condition(name, len(data.ids), medians, change)


def _held_out(folder: Path) -> list[Condition]:
    """Return what a study says of models like this one in basins that were held out."""
    file = folder / "report" / "summary.json"
    if not file.is_file():
        raise DataError(
            f"--held-out: {folder} is no finished study: no report/summary.json"
        )
    summary = read_record(file, "protocol", "folds", "basins", "scores")
    of = f"{summary['protocol']} ({len(summary['folds'])} folds)"
    return [
        Condition(
            f"held out: {row['name']} of {of}",
            int(summary["basins"]),
            {name: entry["mean"] for name, entry in row["medians"].items()},
            None,
        )
        for row in summary["scores"].values()
        if row["kind"] == "model"
    ]


def _at_bounds(model: Model, data: BasinData) -> dict[str, float]:
    attributes = {
        name: torch.from_numpy(data.attributes[name]) for name in model.attributes
    }
    with torch.no_grad():
        values = model.constant_parameters(attributes)
    declared = model.plan.supplied
    bounds = {n: b for n in values if (b := declared[n].bounds) is not None}
    constants = {n: values[n].numpy().astype(np.float64) for n in bounds}
    return Parameters(constants, bounds, {}).at_bounds


def _seen(bundle: Bundle, data: BasinData, period: Period) -> tuple[str, ...]:
    training = learned(bundle.manifest.provenance, str(bundle.path))
    among = training.among(data.ids)
    if among is None:
        return (
            f"the bundle does not list the basins it learned from ({training.about})",
        )
    shared = training.on_days(data.ids, period)
    some = shared is not None and shared.any()
    days = "some of these days" if some else "other days"
    count = f"{int(among.sum())} of {len(among)} basins"
    return (f"{count} are among those it learned from, on {days}",)


def _write(report: Examination, bundle: Bundle, spec: DataSpec) -> None:
    data = plain(spec)
    data["path"] = Path(spec.path).name
    summary = {
        "bundle": bundle.name,
        "fingerprint": bundle.fingerprint,
        "title": report.title,
        "data": data,
        "conditions": [asdict(one) for one in report.conditions],
        "parameters_at_bounds": {"all": report.share_at_bounds, **report.at_bounds},
        "notes": list(report.notes),
        "commit": commit() or "unknown",
    }
    with atomic_folder(report.folder) as temporary:
        text = json.dumps(plain(summary, "summary", lambda *_: None), indent=2)
        (temporary / "summary.json").write_text(f"{text}\n", encoding="utf-8")
        _page(report).write(temporary / "report.html")


def _page(report: Examination) -> Page:
    page = Page(report.title)
    page.heading("Scores")
    page.table(
        ["condition", "basins", *SHOWN, "NSE changes by"],
        [
            [one.name, one.basins, *map(one.medians.get, SHOWN), one.change]
            for one in report.conditions
        ],
        caption="Medians over basins; the last column is the median over basins of the"
        " change against the first row.",
    )
    if report.at_bounds:
        page.heading("Parameters at bounds")
        shares = {"all": report.share_at_bounds or 0.0, **report.at_bounds}
        page.table(
            ["parameter", "%"],
            [[name, 100.0 * share] for name, share in shares.items()],
            format=".1f",
            caption="Share of the values, over basins and members, within 1 % of the"
            " range of a bound.",
        )
    page.heading("Notes")
    definitions = [f"{name}: {metrics[name].about}" for name in SHOWN]
    page.items([*report.notes, *definitions])
    return page
