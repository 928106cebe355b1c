"""Score a bundle on any basins, beside what it must beat."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....bundle import Bundle
from ....compose import Model
from ....conversion import plain, refuse_outside
from ....errors import ConfigError, DataError
from ....files import atomic_folder
from ....models.hydrology.evaporation import with_evaporation
from ....models.hydrology.system import evaporation_remark
from ...provenance import commit
from ...requests import ScoringRequest
from ...run_folder import numbered_folder, refuse_other_files
from ...window_ends import KEY, as_trained
from ..streamflow.comparison import (
    ALL,
    COMPARED,
    Comparison,
    range_summary,
    target_columns,
    target_summary,
)
from ..streamflow.metrics import score
from ..streamflow.periods import Period
from ..streamflow.plots.ranks import rank_histograms
from ..streamflow.results import write_results
from .baselines import beside
from .data.basins import BasinData
from .data.spec import DataSpec
from .evaluate import flow_series, in_days
from .model_bundles import flows, ranges_of
from .pictures import draw
from .prediction import steps_within, usual_warmup, with_lead
from .scored_data import completed, data_spec
from .targets import TARGET, flow_factor, score_targets, targets_of, with_targets
from .training_basins import TrainingBasins, learned

__all__ = ["model_of", "score_bundle"]

log = logging.getLogger(__name__)

SEEN, NEW = "learned from", "new"
"""Groups of basins."""

FOLDER = Path("evaluations")

FILES = ("scores.csv", "streamflow.nc", "summary.json", "*.png")
"""Files of an evaluation."""


def score_bundle(bundle: Bundle, request: ScoringRequest) -> Comparison:
    """Simulate basins with a bundle, and score it beside baselines.

    The model warms up on the time before the scored days. What is written is that of
    the evaluation of a run, with the scores of the baselines; the folder exists whole
    or not at all.

    Parameters
    ----------
    bundle : Bundle
        A trained model whose answer is streamflow.
    request : ScoringRequest
        The data, and what of them is scored.

    Raises
    ------
    BundleError
        The model of the bundle cannot be made by this version.
    ConfigError, DataError, UnitsError
        What is asked for cannot be had, or the data do not suit the bundle.
    """
    refuse_outside("--warmup", request.warmup, 0)
    refuse_other_files(request.output, FILES)
    _refuse_learned(request)
    model = model_of(bundle, request.choices)
    if request.window_end:
        model = as_trained(bundle, model)
    spec = data_spec(request)
    scored_data = completed(bundle, model, spec, request.period)
    data = targets_of(model.plan, scored_data.data)
    steps_within(data, model.spec)
    warmup = usual_warmup(data) if request.warmup is None else request.warmup
    period = request.period or _everything(data, warmup)
    part, lead = with_lead(data, period, warmup)
    observed = part.target[lead:]
    if not np.isfinite(observed).any():
        raise DataError(
            f"{spec.path or spec.reader}: no streamflow is observed from {period[0]} to"
            f" {period[1]}; there is nothing to score"
        )
    simulation = flows(model, part, lead, tuple(part.targets))
    answers, simulated = simulation.answers, simulation.mean
    others, about = beside(model, data, part, lead)
    training = learned(bundle.manifest.provenance, str(bundle.path))
    among = training.among(data.ids)
    notes = (
        *scored_data.notes,
        evaporation_remark(bundle, request.choices.get("evaporation")),
        *_window_remark(bundle, request),
        *_cut_short(part, lead, warmup),
        *_trained(training, among, data.ids, period),
        *_calibrated(training, data.ids, request.calibration),
    )
    folder = request.output or numbered_folder(FOLDER, bundle.name)
    source = Path(spec.path).name or spec.reader
    groups = _groups(among, len(data.ids))
    report = Comparison(
        folder=folder,
        title=f"{bundle.name} on {source}, {period[0]} to {period[1]}",
        name=bundle.name,
        scores=score(simulated, observed),
        baselines={n: score(x, observed, COMPARED) for n, x in others.items()},
        groups=groups,
        about=about,
        notes=notes,
        ranges=ranges_of(
            model, data, simulation, observed, request.calibration, warmup
        ),
        targets=score_targets(answers, part.part(slice(lead, None)), groups),
    )
    head = _head(bundle, request, spec, period, in_days(lead, part))
    _write(report, model, part, lead, answers, head, among)
    return report


def _refuse_learned(request: ScoringRequest) -> None:
    """Refuse to judge a range on days that it learned from."""
    if request.calibration is None:
        return
    first, last = request.calibration
    if request.period is None or (
        request.period[0] <= last and first <= request.period[1]
    ):
        scored = (
            "all days" if request.period is None else "{} to {}".format(*request.period)
        )
        raise ConfigError(
            f"--calibrate: {first} to {last} are among the scored days ({scored}); "
            "expected others, and --period"
        )


def model_of(bundle: Bundle, choices: Mapping[str, str]) -> Model:
    """Return the model of a bundle, with what is run in place of its parts."""
    model = bundle.model()
    if TARGET not in model.outputs:
        raise ConfigError(
            f"{bundle.path}: the model does not answer with {TARGET!r}, but with"
            f" {', '.join(model.answers)}"
        )
    flow_factor(model.plan)
    spec = model.spec
    for part, name in choices.items():
        if part != "evaporation":
            raise ConfigError(f"parts: nothing can be chosen for {part!r}")
        spec = with_evaporation(spec, name)
    if spec is model.spec:
        return model
    other = Model(spec, model.statistics, model.space).to(model.dtype)
    other.load_state_dict(model.state_dict())
    return other.eval()


def _everything(data: BasinData, warmup: int) -> Period:
    """Return the whole days after a warm-up at the beginning of the record."""
    step = np.timedelta64(data.seconds, "s")
    begin = data.time[0].astype("datetime64[s]") + warmup * step
    first = begin.astype("datetime64[D]")
    first += first < begin
    last = (data.time[-1].astype("datetime64[s]") + step).astype("datetime64[D]") - 1
    if first > last:
        raise DataError(
            f"the record, {data.time[0]} to {data.time[-1]}, is not longer than the"
            f" warm-up of {warmup} time steps; --warmup sets a shorter one"
        )
    return first.item(), last.item()


def _window_remark(bundle: Bundle, request: ScoringRequest) -> tuple[str, ...]:
    """Return which constants a model has that was trained with those of a window."""
    if request.window_end:
        return (
            "NOT AS IN OPERATION: constant parameters are those of the last scored day,"
            " which nobody knew before",
        )
    if KEY in bundle.manifest.provenance:
        return (
            "constant parameters are running means of what the network has answered so"
            " far, as in operation; --window-end takes those of the last scored day, as"
            " in training",
        )
    return ()


def _cut_short(data: BasinData, lead: int, warmup: int) -> tuple[str, ...]:
    if lead >= warmup:
        return ()
    return (
        f"warmed up on {lead} time steps, not on {warmup}: the record has no more"
        f" before {data.time[lead]}",
    )


def _trained(
    training: TrainingBasins,
    among: NDArray[np.bool_] | None,
    ids: NDArray[np.str_],
    period: Period,
) -> tuple[str, ...]:
    """Return what the scores owe to the basins and days that were learned from."""
    days = " and ".join(f"{first} to {last}" for first, last in training.periods)
    if among is None:
        return (
            f"the bundle does not list the basins it learned from ({training.about}"
            f"{f', {days}' if days else ''}): where some are scored here, and on the"
            " same days, the scores are better than elsewhere",
        )
    if not among.any():
        return (f"new to the bundle: it learned from none of {len(among)} basins",)
    shared = training.on_days(ids, period)
    if shared is None or not shared.any():
        count = f"{int(among.sum())} of {len(among)} basins"
        return (f"{count} are among those it learned from, on other days ({days})",)
    return (
        f"NO TEST in {int(shared.sum())} of {len(among)} basins: it learned from them,"
        f" and scored days are among those it learned from ({days})",
    )


def _calibrated(
    training: TrainingBasins, ids: NDArray[np.str_], days: Period | None
) -> tuple[str, ...]:
    """Return what a range owes to errors on days that were learned from."""
    shared = None if days is None else training.on_days(ids, days)
    if shared is None or not shared.any():
        return ()
    return (
        f"the calibrated range rests on days that the bundle learned from in"
        f" {int(shared.sum())} of {len(ids)} basins, where its errors are smaller than"
        " elsewhere",
    )


def _groups(among: NDArray[np.bool_] | None, count: int) -> dict[str, NDArray[np.intp]]:
    groups = {ALL: np.arange(count)}
    if among is not None and among.any() and not among.all():
        groups |= {SEEN: np.flatnonzero(among), NEW: np.flatnonzero(~among)}
    return groups


def _head(
    bundle: Bundle, request: ScoringRequest, spec: DataSpec, period: Period, lead: float
) -> dict[str, Any]:
    """Return what ``summary.json`` says of what was scored, and with what."""
    data = plain(spec)
    data["path"] = Path(spec.path).name
    return {
        "bundle": bundle.name,
        "fingerprint": bundle.fingerprint,
        "parts": dict(request.choices),
        **({"window_end": True} if request.window_end else {}),
        "data": data,
        "scored": plain(period),
        "warmup_days_before": lead,
        "commit": commit() or "unknown",
    }


def _write(
    report: Comparison,
    model: Model,
    part: BasinData,
    lead: int,
    answers: Mapping[str, NDArray[Any]],
    head: Mapping[str, Any],
    among: NDArray[np.bool_] | None,
) -> None:
    """Write the files of an evaluation, all of them or none."""
    columns: dict[str, NDArray[Any]] = target_columns(report.targets) | {
        f"{name}_{model_name.replace('-', '_')}": values
        for model_name, scores in report.baselines.items()
        for name, values in scores.items()
    }
    for kind, one in report.ranges.items():
        columns |= {f"{name}_{kind}": values for name, values in one.scores.items()}
    if among is not None:
        columns["learned_from"] = np.where(among, "yes", "no")
    summary = {
        **head,
        "notes": list(report.notes),
        "basins": report.basins,
        "medians": report.medians,
        "baselines": dict(report.about),
        "compared": report.compared(),
        **range_summary(report.ranges),
        **target_summary(report.targets),
    }
    scored = part.part(slice(lead, None))
    with atomic_folder(report.folder) as temporary:
        write_results(
            temporary,
            with_targets(
                flow_series(report.title, scored, answers[TARGET]), scored, answers
            ),
            report.scores,
            summary,
            columns,
        )
        draw(
            temporary,
            report.name,
            [model],
            part,
            lead,
            answers[TARGET],
            report.groups,
            "scored",
            others={n: scores["nse"] for n, scores in report.baselines.items()},
        )
        if report.ranges:
            counts = {kind: one.ranks for kind, one in report.ranges.items()}
            rank_histograms(temporary / "rank_histograms.png", counts)
