"""The task ``reaches``: a river that learns from the flow at its gauges."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....bundle import Bundle
from ....compose import Model, ModelSpec, Statistics, fit_statistics, plan
from ....compose.parts import make_parts
from ....conversion import plain
from ....errors import DataError, TrainingError
from ....variables import Attribute
from ...companion import Companion
from ...report.content import Findings
from ...report.evaluation import scored_summary
from ...requests import ScoringRequest
from ...run_folder import RunFolder
from ...shares import Divisible
from ...task import Monitor, Task, attributes_in
from ..streamflow.comparison import Comparison
from ..streamflow.losses import Scale, compose
from ..streamflow.metrics import median_of_all
from ..streamflow.missing_scores import UNCHOSEN, unscored
from .data import read
from .evaluate import evaluate
from .experiment import DAY, Experiment
from .forest import Forests
from .land import write_links
from .land_runs import LandRuns, companion
from .land_spec import LAND
from .prediction import Span, followed
from .priors import check_priors, penalty
from .scoring import score_bundle
from .shift import Shift
from .simulation import FLOW, Routing, learned
from .windows import Batch, WindowSampler, share

__all__ = ["ReachesTask"]

log = logging.getLogger(__name__)

AREAS = {"area_km2": "km2", "latitude": "degrees_north", "longitude": "degrees_east"}
"""Units of attributes that go without saying."""


class ReachesTask(Divisible, Task[Experiment]):
    """Flow at gauges of a river, learned from what enters its reaches.

    A batch is a few windows of time, side by side, of the merged trees above some
    gauges. Every window begins with the steady flow of its first lateral inflow, is
    warmed up, and compared with means of days as the gauges count them. Days without
    observations do not count.

    Parameters
    ----------
    experiment : Experiment
        Data, periods, loss and scoring.
    """

    schema = Experiment
    monitor = Monitor(name="validation_nse", about="median validation NSE")

    batches: WindowSampler

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        spec = experiment.model
        self.data = read(
            experiment.data, plan((m.part for m in make_parts(spec)), spec.seconds),
            experiment.land,
        )  # fmt: skip
        for remark in self.data.remarks:
            log.info("%s", remark)
        self.shift = Shift.of(
            experiment.data.days, self.data.gauges, experiment.model.seconds
        )
        self.shift.refuse_short(experiment.training.warmup)
        self.days = {
            name: self.data.within(experiment.periods[name], f"periods.{name}")
            for name in experiment.periods.names
        }
        self.forests = Forests(self.data)
        self.compared = compose(experiment.loss)
        self.learning = self._observed_gauges()
        self.scale = Scale.of(
            self.data.target[self.days["train"]][:, self.learning],
            [self.data.gauges.ids[g] for g in self.learning.tolist()],
        )
        self.routing: Routing | None = None
        self.land: LandRuns | None = None

    def _observed_gauges(self) -> np.ndarray[Any, Any]:
        """Return the gauges with observations to learn from; say which have none."""
        finite = np.isfinite(self.data.observed[self.days["train"]])
        observed = np.asarray(finite.any(axis=0))
        if not observed.any():
            raise DataError("periods.train: no gauge has observations in it")
        unobserved = [
            n for n, k in zip(self.data.gauges.ids, observed, strict=True) if not k
        ]
        if unobserved:
            log.warning(
                "periods.train: %d of %d gauges have no observations in it and are only"
                " scored: %s",
                len(unobserved),
                len(observed),
                ", ".join(unobserved),
            )
        return np.flatnonzero(observed)

    @property
    def about(self) -> str:
        """Gauges and reaches, and days to learn from."""
        first, last = self.experiment.periods.train
        return (
            f"{len(self.learning)} gauges on {len(self.data.river)} reaches, learning"
            f" from {first} to {last} ({(last - first).days + 1} days)"
        )

    @property
    def together(self) -> int:
        """Gauges of a batch."""
        return min(self.experiment.together or len(self.learning), len(self.learning))

    @property
    def extent(self) -> tuple[int, int]:
        """Groups of merged gauges, and days to learn from."""
        days = self.days["train"]
        return math.ceil(len(self.learning) / self.together), days.stop - days.start

    def statistics(self) -> Statistics:
        """Return the moments of what the networks read."""
        spec, per_day = self.experiment.model, self.data.per_day
        attributes = self.data.attributes(spec.network_attributes)
        days = self.days["train"]
        steps = slice(days.start * per_day, days.stop * per_day)
        forcing = {name: x[steps] for name, x in self.data.forcing.items()}
        try:
            return fit_statistics(spec, forcing, attributes, DAY / per_day)
        except DataError as error:
            raise DataError(f"model.transforms: {error}") from None

    def companions(self) -> dict[str, Companion]:
        """Return the land, where there is some."""
        spec = self.experiment.land
        if spec is None:
            return {}
        assert self.data.land is not None
        land = companion(spec, self.data.land, self.days["train"])
        self.land = LandRuns(spec, self.data.land, land.model)
        if not land.learns:
            self.data = self.land.whole(self.data)
        return {LAND: land}

    def prepare(self, model: Model, count: int) -> None:
        """Choose what the model reads, and make ready to draw windows."""
        spec, days = self.experiment.training, self.days["train"]
        self.routing = Routing(self.data, self.forests, self.shift, model, self.land)
        check_priors(self.experiment.priors, model)
        self.batches = WindowSampler(
            self.data,
            self.forests,
            self.shift,
            self.routing.forcings,
            first=days.start,
            last=days.stop,
            warmup=spec.warmup,
            length=spec.window,
            together=self.together,
            size=spec.batch,
            steps=count,
            seed=self.experiment.seed,
            among=self.learning,
        )
        if self.experiment.validates:
            observed = self.data.target[self.days["validation"]]
            # A perfect simulation has a score wherever any has.
            if math.isnan(median_of_all("nse", observed, observed)):
                raise DataError(
                    f"periods.validation: {unscored(observed, 'gauge')}: {UNCHOSEN}"
                )

    def answers(self, model: Model, batch: Batch) -> dict[str, Tensor]:
        """Return the mean flow of days at gauges, m3 s-1, (L, windows * gauges)."""
        assert self.routing is not None
        return {FLOW: self.routing.run(model, batch, self.experiment.training.warmup)}

    def judged(self, answers: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Return the loss of windows of some gauges."""
        days = answers[FLOW]
        gauges = batch["gauges"].cpu().numpy()
        windows = len(batch["start"])
        depth = torch.from_numpy(self.data.gauges.depth[gauges]).to(days)
        at = np.searchsorted(self.learning, gauges)
        scale = self.scale[torch.from_numpy(np.tile(at, windows)).to(days.device)]
        return self.compared(days * depth.repeat(windows), batch["target"], scale)

    def beside(self, model: Model, batch: Batch) -> Tensor | None:
        """Return what departs from priors, and from the land as it was."""
        terms = []
        if self.land is not None and self.land.learns and self.land.spec.keep:
            terms.append(self.land.spec.keep * self.land.departure())
        if self.experiment.priors:
            assert self.routing is not None
            of_reaches = self.routing.of_reaches(self.routing.forest(batch))
            terms.append(penalty(self.experiment.priors, model, of_reaches))
        return torch.stack(terms).sum() if terms else None

    def share(self, batch: Batch, first: int, last: int) -> Batch:
        """Return some windows of a batch."""
        return share(batch, first, last)

    def validate(self, model: Model) -> float:
        """Return the median NSE over the gauges in the validation period.

        Gauges at which the model gives no number are worse than all others.
        """
        assert self.routing is not None
        span = Span.of(self.experiment, self.days["validation"])
        simulated = followed(self.routing, model, span, self.land).days
        observed = self.data.observed[span.days]
        value = median_of_all("nse", simulated, observed)
        if not math.isfinite(value):
            raise TrainingError(
                "the flow of the validation period is no number at half or more of the "
                "gauges"
            )
        self._say_parameters(model)
        return value

    def _say_parameters(self, model: Model) -> None:
        for name, x in learned(model, self.data).items():
            log.info(
                "%s: median %.4g, from %.4g to %.4g",
                name,
                float(np.median(x)),
                float(x.min()),
                float(x.max()),
            )

    @property
    def fingerprint(self) -> dict[str, Any]:
        """The gauges, and a hash of all series and attributes that are seen."""
        assert self.routing is not None
        return {
            "gauges": list(self.data.gauges.ids),
            "series": self.data.fingerprint(
                self.routing.attributes, self.routing.forcings
            ),
        }

    @property
    def facts(self) -> dict[str, Any]:
        """The gauges, and units of the attributes."""
        learned = [self.data.gauges.ids[g] for g in self.learning.tolist()]
        units = {**AREAS, **self.data.river.units}
        assert self.routing is not None
        return {
            "gauges": learned,
            "reaches": len(self.data.river),
            "units": {n: units[n] for n in self._read if units.get(n)},
        }

    @property
    def _read(self) -> set[str]:
        """Attributes that are read, by the river and the land."""
        assert self.routing is not None
        land = {} if self.land is None else self.land.attributes
        return {*self.routing.attributes, *land}

    def to(self, device: torch.device) -> None:
        """Bring the scales of the gauges to the model."""
        self.scale = self.scale.to(device)

    @classmethod
    def evaluate(
        cls,
        folders: Sequence[RunFolder],
        experiments: Sequence[Experiment],
        period: str,
        output: Path | None,
    ) -> Comparison:
        """Score a period; see :func:`~.evaluate.evaluate`."""
        return evaluate(folders, experiments, period, output)

    @classmethod
    def score(cls, bundle: Bundle, request: ScoringRequest) -> Comparison:
        """Score a bundle on any river; see :func:`~.scoring.score_bundle`."""
        return score_bundle(bundle, request)

    @classmethod
    def provenance(
        cls, experiment: Experiment, facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return gauges, periods, and how inflow and days were taken."""
        data = plain(experiment.data)
        for series in (data["inflow"], data["observed"], *data["forcings"].values()):
            series.pop("path", None)
        data["river"] = Path(experiment.data.river).name
        if isinstance(experiment.data.gauges, str):
            data["gauges"] = Path(experiment.data.gauges).name
        return {
            "gauges": facts["gauges"],
            "reaches": facts["reaches"],
            "data": data,
            "periods": plain(experiment.periods),
            "loss": plain(experiment.loss),
            "priors": plain(experiment.priors),
            **({} if experiment.land is None else {LAND: experiment.land.course()}),
        }

    @classmethod
    def accompanying(cls, experiment: Experiment) -> dict[str, ModelSpec]:
        """Return what the land is made of, where there is some."""
        return {} if experiment.land is None else {LAND: experiment.land.spec}

    @classmethod
    def accompany(cls, experiment: Experiment, target: Path) -> None:
        """Write which land enters which reach, as ``<target>-land.csv``."""
        if experiment.land is None:
            return
        spec = experiment.model
        data = read(
            experiment.data, plan((m.part for m in make_parts(spec)), spec.seconds),
            experiment.land,
        )  # fmt: skip
        assert data.land is not None
        write_links(target.with_name(f"{target.name}-{LAND}.csv"), data.land)

    @classmethod
    def attributes(cls, facts: Mapping[str, Any]) -> list[Attribute]:
        """Return the attributes whose units the river says."""
        return attributes_in(facts["units"])

    @classmethod
    def scores(
        cls, folder: RunFolder, experiment: Experiment, training: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the scores of validation and test period.

        The run is evaluated over its test period first if that has not been done, or
        was done with another checkpoint or other settings.
        """
        scores: dict[str, Any] = {}
        if training[cls.monitor.best] is not None:
            scores["validation"] = {
                "scored": plain(experiment.periods["validation"]),
                "median_nse": training[cls.monitor.best],
            }
        if experiment.periods.test is not None:
            summary = scored_summary(
                folder, "test", lambda: evaluate([folder], [experiment], "test", None)
            )
            scores["test"] = {n: summary[n] for n in ("scored", "gauges", "medians")}
        return scores

    @classmethod
    def findings(
        cls, folder: RunFolder, experiment: Experiment, period: str
    ) -> Findings:
        """Return what a report tells of a run; see :func:`~.findings.findings`."""
        from .findings import findings

        return findings(folder, experiment, period)

    @classmethod
    def plot(
        cls,
        source: Path,
        names: Sequence[str],
        start: date | None,
        end: date | None,
        output: Path,
    ) -> Path:
        """Draw observed and simulated flow; see :func:`~.pictures.plot`."""
        from .pictures import plot

        return plot(source, names, start, end, output)
