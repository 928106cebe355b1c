"""The task ``basins``: windows of weather and flow, scored by the median NSE."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ....bundle import Bundle
from ....compose import Model, Statistics, fit_statistics, plan
from ....compose.parts import make_parts
from ....conversion import plain
from ....errors import DataError, TrainingError
from ....models.hydrology.climate import CLIMATE, TOPOGRAPHY
from ....variables import Attribute
from ...protocols.trial import Trial
from ...report.content import Findings
from ...report.evaluation import scored_summary
from ...requests import (
    ComparisonRequest,
    ExaminationRequest,
    ModelWeights,
    ScoringRequest,
)
from ...run_folder import RunFolder
from ...shares import Divisible
from ...task import Monitor, Task, attributes_in
from ..streamflow.comparison import Comparison
from ..streamflow.comparison_table import ComparisonResult
from ..streamflow.losses import Scale, compose
from ..streamflow.metrics import median_of_all
from ..streamflow.missing_scores import UNCHOSEN, unscored
from .checks import check_daily_warmup, check_periods
from .climates import Climates
from .data.basins import AT_ONCE, BasinData
from .data.read import read_for_training
from .evaluate import Report, evaluate
from .examination import Examination, examine
from .experiment import Experiment
from .groups import basin_groups
from .prediction import (
    Blocks,
    blocks,
    periods_in,
    predict,
    simulate,
    steps_within,
    with_lead,
)
from .run_files import ATTRIBUTES, means_of, write_attributes
from .sampler import Batch, WindowSampler, share
from .scoring import score_bundle
from .targets import TARGET, TargetLoss, by_target, compared_units, targets_of
from .training_basins import BASIN_IDS

__all__ = ["BasinsTask"]

EVAPORATION = "potential_evaporation"
"""A forcing that the model may compute, where the data do not hold it."""


class BasinsTask(Divisible, Task[Experiment]):
    """Streamflow of many basins, learned from windows of their weather.

    Statistics of inputs and scales of losses are those of the training period.

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
        train = experiment.periods.train
        data = read_for_training(experiment.data, train)
        # Observations in the units of what the model answers with.
        self.data = data = targets_of(compared_units(experiment.model), data)
        self.parts = steps_within(data, experiment.model)
        check_periods(experiment, data)
        basin_groups(experiment, data)
        self.training = data.period(*experiment.periods.train)
        losses = by_target(experiment.loss)
        self.compared = compose(losses.pop(TARGET))
        self.scale = Scale.of(self.training.target, data.ids.tolist())
        self.others = [
            TargetLoss.of(name, loss, self.training) for name, loss in losses.items()
        ]
        self.validation: Blocks | None = None
        self.read: tuple[str, ...] = ()
        self.units: dict[str, str] = {}
        self.computed = list(data.computed)

    @property
    def about(self) -> str:
        """Basins, and days to learn from."""
        first, last = self.experiment.periods.train
        return (
            f"{len(self.data.ids)} basins, learning from {first} to {last} "
            f"({(last - first).days + 1} days)"
        )

    @property
    def extent(self) -> tuple[int, int]:
        """Basins and time steps of the training period."""
        return len(self.data.ids), len(self.training.time)

    def statistics(self) -> Statistics:
        """Return the moments of all that the networks read, and of the flow.

        Raises
        ------
        DataError
            The data lack something, or a transform does not suit them.
        """
        self._check_inputs()
        training = self.training
        try:
            return fit_statistics(
                self.experiment.model,
                training.dated_forcing(),
                training.attributes,
                training.seconds,
                {TARGET: training.target},
            )
        except DataError as error:
            # All inputs are finite, so it is their logarithm or root that is not.
            raise DataError(f"model.transforms: {error}") from None

    def prepare(self, model: Model, count: int) -> None:
        """Choose the series and attributes that the model reads."""
        spec, data = self.experiment.training, self.data
        if spec.warmup_step == "daily":
            check_daily_warmup(model, data, spec.warmup)
        if model.spec.step_before is not None:
            lead = self.experiment.evaluation_warmup
            check_daily_warmup(model, data, lead, "evaluation")
        with_warmup, _ = with_lead(data, self.experiment.periods.train, spec.warmup)
        with_warmup = with_warmup.compared(other.name for other in self.others)
        self.batches = WindowSampler(
            with_warmup,
            model.forcings,
            model.attributes,
            warmup=spec.warmup,
            length=spec.window,
            basins=spec.batch,
            steps=count,
            seed=self.experiment.seed,
            climates=self._climates(model),
            **periods_in(with_warmup, self.experiment.model),
        )
        self.validation = self._validation(model)
        self.read = tuple(model.attributes)
        self.means = means_of(self.training, model.forcings, self.read)
        self.units = {n: u for n, u in data.units.items() if n in self.read}

    def _climates(self, model: Model) -> Climates | None:
        """Return what is drawn from, where climates of several years are asked for."""
        spec = self.experiment.data
        if spec.attributes_years is None:
            return None
        period = spec.attributes_period or self.experiment.learned_days
        computed = set(self.data.computed) & set(model.attributes)
        return Climates.of(self.data, period, spec.attributes_years, computed)

    def _validation(self, model: Model) -> Blocks | None:
        period = self.experiment.periods.validation
        if period is None:
            return None
        part, lead = with_lead(self.data, period, self.experiment.evaluation_warmup)
        part = part.compared(self.experiment.monitored)
        for name in self.experiment.monitored:
            series = part.target if name == TARGET else part.targets[name].values
            observed = series[lead:]
            # A perfect simulation has a score wherever any has.
            if math.isnan(median_of_all("nse", observed, observed)):
                of = "" if name == TARGET else f" of {name}"
                raise DataError(
                    f"periods.validation: {unscored(observed, 'basin', of)} from"
                    f" {period[0]} to {period[1]}: {UNCHOSEN}"
                )
        return blocks(
            model, part, warmup=lead, basins=self.experiment.evaluation.basins
        )

    def answers(self, model: Model, batch: Batch) -> dict[str, Tensor]:
        """Return what is compared, in windows of some basins, (T, B)."""
        spec = self.experiment.training
        outputs = (TARGET, *(other.name for other in self.others))
        return simulate(
            model, batch, warmup=spec.warmup, parts=self.parts,
            warmup_gradient=spec.warmup_gradient,
            daily_warmup=spec.warmup_step == "daily", outputs=outputs,
        )  # fmt: skip

    def judged(self, answers: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Return the loss of the flow, and of all else that is compared."""
        basins = batch["basin"]
        loss = self.compared(answers[TARGET], batch["target"], self.scale[basins])
        for other in self.others:
            observed = batch["others"][other.name]
            loss = loss + other(answers[other.name], observed, basins)
        return loss

    def share(self, batch: Batch, first: int, last: int) -> Batch:
        """Return some windows of a batch."""
        return share(batch, first, last)

    def validate(self, model: Model) -> float:
        """Return the median NSE over the basins in the validation period.

        Of several targets their mean, by their weights. Basins in which the model gives
        no number are worse than all others.
        """
        assert self.validation is not None
        weights = self.experiment.monitored
        simulated = predict(model, self.validation, tuple(weights))
        observed = {TARGET: self.validation.observed, **self.validation.others}
        total = 0.0
        for name, weight in weights.items():
            value = median_of_all("nse", simulated[name], observed[name])
            if not math.isfinite(value):
                raise TrainingError(
                    f"no {name} of the validation period is a number, in half or more "
                    "of the basins"
                )
            total += weight * value
        return total / sum(weights.values())

    @property
    def fingerprint(self) -> dict[str, Any]:
        """The basins, and a hash of all series and attributes that are seen."""
        windows = self.batches.windows
        digest = hashlib.sha256()

        def see(tensors: Iterable[Tensor]) -> None:
            for numbers in tensors:
                digest.update(numbers.contiguous().numpy().data)

        for series in windows.series:
            see(torch.split(series, AT_ONCE))
        see(windows.attributes.values())
        for batch in [] if self.validation is None else self.validation.batches:
            see((*batch["forcing"].values(), batch["target"]))
            see(batch["others"].values())
        return {"basins": self.data.ids.tolist(), "series": digest.hexdigest()}

    def keep(self, folder: RunFolder) -> None:
        """Write the attributes that the model reads, as a table."""
        write_attributes(folder.path / ATTRIBUTES, self.data, self.read)

    @property
    def facts(self) -> dict[str, Any]:
        """The basins, and what is known of their attributes."""
        ids = self.data.ids.tolist()
        return {
            "basins": len(ids),
            "ids": ids,
            "units": self.units,
            "computed": self.computed,
            "means": self.means,
        }

    def to(self, device: torch.device) -> None:
        """Bring the scales of the basins to the model."""
        self.scale = self.scale.to(device)
        self.others = [other.to(device) for other in self.others]

    def _check_inputs(self) -> None:
        """Refuse data that lack what the model reads."""
        spec, data = self.experiment.data, self.data
        forcings, attributes = _read_by(self.experiment, data)
        try:
            data.require(forcings, attributes)
        except DataError as error:
            where = spec.path or f"the data of {spec.reader!r}"
            raise DataError(f"{where}: {error}") from None

    @classmethod
    def evaluate(
        cls,
        folders: Sequence[RunFolder],
        experiments: Sequence[Experiment],
        period: str,
        output: Path | None,
    ) -> Report:
        """Score the flow of a period; see :func:`~.evaluate.evaluate`."""
        return evaluate(folders, experiments, period, output)

    @classmethod
    def findings(
        cls, folder: RunFolder, experiment: Experiment, period: str
    ) -> Findings:
        """Return what a report tells of a run; see :func:`~.findings.findings`."""
        from .findings import findings

        return findings(folder, experiment, period)

    @classmethod
    def score(cls, bundle: Bundle, request: ScoringRequest) -> Comparison:
        """Score a bundle beside baselines; see :func:`~.scoring.score_bundle`."""
        return score_bundle(bundle, request)

    @classmethod
    def compare(
        cls,
        runs: Mapping[str, RunFolder],
        bundles: Mapping[str, Bundle],
        request: ComparisonRequest,
    ) -> ComparisonResult:
        """Score models on the same basins and days; see :func:`~.compare.compare`."""
        from .compare import compare

        return compare(runs, bundles, request)

    @classmethod
    def yardstick(cls, experiment: Experiment) -> Experiment:
        """Return the experiment of an LSTM; see :func:`~.compare.yardstick`."""
        from .compare import yardstick

        return yardstick(experiment)

    @classmethod
    def weigh(cls, bundle: Bundle, request: ScoringRequest) -> ModelWeights:
        """Return weights of several models; see :func:`~.together.weigh`."""
        from .model_bundles import weigh

        return weigh(bundle, request)

    @classmethod
    def examine(cls, bundle: Bundle, request: ExaminationRequest) -> Examination:
        """Score a bundle under conditions; see :func:`~.examination.examine`."""
        return examine(bundle, request)

    @classmethod
    def trial(cls) -> Trial[Experiment]:
        """Return how basins and days are held out; see :class:`~.trial.BasinsTrial`."""
        from .trial import BasinsTrial

        return BasinsTrial()

    @classmethod
    def provenance(
        cls, experiment: Experiment, facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return basins, periods, data and loss."""
        data = plain(experiment.data)
        # Where the file lay says nothing; what it is called does.
        data["path"] = Path(experiment.data.path).name
        return {
            "basins": facts["basins"],
            # So that whoever scores the bundle knows which basins are new to it.
            **({BASIN_IDS: list(facts["ids"])} if "ids" in facts else {}),
            "periods": plain(experiment.periods),
            "data": data,
            "loss": plain(experiment.loss),
        }

    @classmethod
    def attributes(cls, facts: Mapping[str, Any]) -> list[Attribute]:
        """Return what is known of attributes: computed, or said by the data.

        An index that the data gave bears the name of one that is computed here, but
        not its definition, nor units that nobody stated.
        """
        computed = facts.get("computed", CLIMATE.names)
        portables = [*(a for a in CLIMATE if a.name in computed), *TOPOGRAPHY]
        names = {attribute.name for attribute in portables}
        more = {n: text for n, text in facts["units"].items() if n not in names}
        return [*portables, *attributes_in(more)]

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
            keys = ("scored", "warmup_days_before", "basins", "medians")
            more = "median_nse_with_first_year_as_warmup"
            scores["test"] = {name: summary[name] for name in (*keys, more)}
            if "targets" in summary:
                scores["test"]["targets"] = summary["targets"]
        return scores

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


def _read_by(experiment: Experiment, data: BasinData) -> tuple[list[str], list[str]]:
    """Return the names of the forcings and attributes that the model reads."""
    spec = experiment.model
    whole = plan((one.part for one in make_parts(spec)), spec.seconds)
    forcings = [forcing.name for forcing in whole.forcings]
    lacking = EVAPORATION in forcings and EVAPORATION not in data.forcing
    if lacking and spec.recipe is not None:
        raise DataError(
            f"model.evaporation: 'given' takes {EVAPORATION!r} from the data, which do"
            " not hold it; a formula such as 'hargreaves' computes it"
        )
    links = [whole.link(part, name) for part in whole.networks for name in part.inputs]
    forcings += [link.name for link in links if link.giver == "host"]
    attributes = (a.name for a in whole.attributes if a.name not in whole.optional)
    return list(dict.fromkeys(forcings)), list(attributes)
