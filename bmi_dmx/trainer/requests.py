"""What is asked of a task about a bundle: scores, weights, conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

__all__ = ["ComparisonRequest", "ExaminationRequest", "ModelWeights", "ScoringRequest"]


@dataclass(frozen=True, kw_only=True)
class ScoringRequest:
    """What a bundle is scored on, and how.

    Parameters
    ----------
    data : Path
        File or folder.
    settings : sequence of str
        ``data.KEY=value``: how the data are read, by the keys of experiments.
    period : (date, date), optional
        First and last day that are scored; default: all that the data allow.
    places : sequence of str
        Which places, or a file that lists them; all when empty.
    warmup : int, optional
        Time steps of the data simulated before the scored ones.
    choices : mapping of str to str
        What is run in place of parts of the bundle, by part.
    window_end : bool
        Whether constants are those of the last scored step, as in the training of a
        model that reads them there, in place of those that it has in operation.
    output : Path, optional
        Folder of the results; default: a new one.
    calibration : (date, date), optional
        First and last day from whose errors a range around the answer is learned; none
        of them is scored.
    """

    data: Path
    settings: Sequence[str] = ()
    period: tuple[date, date] | None = None
    places: Sequence[str] = ()
    warmup: int | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    window_end: bool = False
    output: Path | None = None
    calibration: tuple[date, date] | None = None


@dataclass(frozen=True)
class ModelWeights:
    """By which weights several models do best on data.

    Parameters
    ----------
    weights : mapping of str to float
        By model, none below 0; they sum to one.
    provenance : mapping
        Data, places and days that they were learned from, as in the provenance of a
        bundle.
    """

    weights: Mapping[str, float]
    provenance: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ExaminationRequest(ScoringRequest):
    """Under which conditions a bundle is scored.

    Parameters
    ----------
    attributes : sequence of (date, date)
        Days from which attributes are computed instead, one condition each.
    shifts : sequence of int
        Steps by which forcing is moved later than the data are read, one condition
        each.
    held_out : sequence of Path
        Folders of studies that say how models like this one do in places that were
        held out.
    """

    attributes: Sequence[tuple[date, date]] = ()
    shifts: Sequence[int] = ()
    held_out: Sequence[Path] = ()


@dataclass(frozen=True, kw_only=True)
class ComparisonRequest:
    """On what models are compared.

    Parameters
    ----------
    names : sequence of str
        The models, in the order of the table; the others are compared with the first.
    period : str
        Of runs: ``train``, ``validation`` or ``test``.
    scoring : ScoringRequest, optional
        Data and days, where no run says which.
    baselines : bool
        Whether simple baselines are scored beside.
    output : Path, optional
        Folder of the results; default: a new one.
    """

    names: Sequence[str] = ()
    period: str = "test"
    scoring: ScoringRequest | None = None
    baselines: bool = False
    output: Path | None = None
