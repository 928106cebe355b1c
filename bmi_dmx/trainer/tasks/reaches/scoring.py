"""Score a bundle on a river that it need not have learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from .... import config
from ....bundle import Bundle
from ....conversion import plain, refuse_outside
from ....errors import ConfigError, DataError
from ...provenance import commit
from ...requests import ScoringRequest
from ...run_folder import numbered_folder
from ..streamflow.comparison import Comparison
from .baselines import Lag
from .data import RiverData, read
from .evaluate import write
from .experiment import SAMPLE, DataSpec, Evaluation
from .forest import Forests
from .prediction import Span, predict
from .shift import Shift
from .simulation import Routing

__all__ = ["score_bundle"]

FOLDER = Path("evaluations")

WARMUP = 30
"""Days of warm-up unless something else is said."""


@dataclass(frozen=True, kw_only=True)
class _Block:
    data: DataSpec


def score_bundle(bundle: Bundle, request: ScoringRequest) -> Comparison:
    """Route the inflow of a river with a bundle, and score it beside baselines.

    Days of gauges are taken as in the training unless settings say something else.

    Parameters
    ----------
    bundle : Bundle
        A trained river.
    request : ScoringRequest
        The river, and what of it is scored.

    Raises
    ------
    BundleError
        The model of the bundle cannot be made by this version.
    ConfigError, DataError, UnitsError
        What is asked for cannot be had, or the data do not suit the bundle.
    """
    refuse_outside("--warmup", request.warmup, 0)
    for part in request.choices:
        raise ConfigError(f"parts: nothing can be chosen for {part!r}")
    if request.window_end:
        raise ConfigError("--window-end: rivers are scored as they are in operation")
    provenance = bundle.manifest.provenance
    spec = _spec(provenance, request)
    model = bundle.model()
    data = read(spec, model.plan)
    span, notes = _span(data, request)
    shift = Shift.of(spec.days, data.gauges, model.spec.seconds)
    run = predict(Routing(data, Forests(data), shift, model), model, span)
    first, last = data.days[span.days][[0, -1]]
    train, lag_notes = _train(provenance, data)
    head = {
        "bundle": bundle.name,
        "fingerprint": bundle.fingerprint,
        "data": {**plain(spec), "river": Path(spec.river).name},
        "scored": [str(first), str(last)],
        "warmup_days_before": span.lead,
        "commit": commit() or "unknown",
    }
    return write(
        request.output or numbered_folder(FOLDER, bundle.name),
        bundle.name,
        f"{bundle.name} on {Path(spec.river).name}, {first} to {last}",
        "bundle",
        [model],
        data,
        [run],
        span,
        Lag(data, train),
        Evaluation(),
        head,
        (*notes, *lag_notes, *_new(provenance, data, span)),
    )


def _spec(provenance: Mapping[str, Any], request: ScoringRequest) -> DataSpec:
    for setting in request.settings:
        if not setting.partition("=")[0].strip().startswith("data."):
            raise ConfigError(f"--data: setting {setting!r}, expected data.KEY=VALUE")
    learned = provenance.get("data")
    days = learned.get("days", {}) if isinstance(learned, Mapping) else {}
    block: dict[str, Any] = {"days": dict(days), "gauges": _chosen(request.places)}
    block = config.override({"data": block}, request.settings)["data"]
    if "river" in block:
        raise ConfigError(f"data.river: given already, as --data {request.data}")
    block["river"] = str(request.data)
    if str(request.data) != SAMPLE and not request.data.exists():
        raise DataError(f"{request.data}: no such file or folder")
    return config.convert({"data": block}, _Block).data


def _chosen(places: Sequence[str]) -> str | list[str]:
    if len(places) == 1 and Path(places[0]).is_file():
        return str(Path(places[0]).resolve())
    return list(places) or "all"


def _span(data: RiverData, request: ScoringRequest) -> tuple[Span, tuple[str, ...]]:
    warmup = WARMUP if request.warmup is None else request.warmup
    chunk = Evaluation().chunk
    if request.period is None:
        if warmup >= len(data.days):
            raise DataError(
                f"{request.data}: {len(data.days)} days, no longer than the warm-up of"
                f" {warmup}; --warmup sets a shorter one"
            )
        return Span(0, slice(warmup, len(data.days)), chunk), ()
    days = data.within(request.period, "--period")
    span = Span(max(days.start - warmup, 0), days, chunk)
    if span.lead >= warmup:
        return span, ()
    return span, (
        f"warmed up on {span.lead} days, not on {warmup}: the record has no more",
    )


def _train(
    provenance: Mapping[str, Any], data: RiverData
) -> tuple[slice, tuple[str, ...]]:
    """Return the days on which the lag is fitted: those of the training, if any."""
    periods = provenance.get("periods")
    period = periods.get("train") if isinstance(periods, Mapping) else None
    nothing = slice(0, 0)
    if not period:
        return nothing, ("the lag is 0: the bundle does not say when it was trained",)
    first, last = (
        np.datetime64(day if isinstance(day, date) else str(day), "D") for day in period
    )
    inside = np.flatnonzero((data.days >= first) & (data.days <= last))
    days = slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else nothing
    if not np.isfinite(data.observed[days]).any():
        return nothing, (
            f"the lag is 0: nothing is observed here from {first} to {last}, the days"
            " of the training",
        )
    return days, ()


def _new(provenance: Mapping[str, Any], data: RiverData, span: Span) -> tuple[str, ...]:
    """Return what scores owe to gauges and days that the bundle learned from."""
    learned = provenance.get("gauges")
    if not isinstance(learned, list):
        return ()
    shared = [name for name in data.gauges.ids if name in learned]
    count = f"{len(shared)} of {len(data.gauges)} gauges"
    if not shared:
        return (
            f"new to the bundle: it learned from none of {len(data.gauges)} gauges",
        )
    periods = provenance.get("periods")
    spans = periods if isinstance(periods, Mapping) else {}
    scored = data.days[span.days]
    for name in ("train", "validation"):
        if name in spans:
            first, last = (np.datetime64(str(day), "D") for day in spans[name])
            if scored[0] <= last and first <= scored[-1]:
                return (
                    f"NO TEST at {count}: it learned from them, and scored days are"
                    f" among those of its {name}, {first} to {last}",
                )
    return (f"{count} are among those it learned from, on other days",)
