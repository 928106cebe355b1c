"""How protocols hold basins and days out of trainings, and what models say of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from .... import config
from ....compose import Model
from ....conversion import plain, refuse_outside
from ....errors import ConfigError, DataError
from ....files import atomic_folder
from ...checkpoint import load_model
from ...protocols.splits import PlaceTable
from ...protocols.trial import Cell, Span, Study, Trial
from ..streamflow.frequency import (
    LEAST_PEAKS,
    OCTOBER,
    annual_peaks,
    return_periods,
)
from ..streamflow.metrics import median, score
from ..streamflow.periods import Period
from ..streamflow.results import Series, write_streamflow
from .baselines import beside
from .data.basins import BasinData
from .data.read import open_source, read
from .evaluate import flow_series, mean_answers
from .experiment import Experiment
from .prediction import with_lead
from .study_report import StudyReport, report_study
from .targets import TARGET, targets_of, with_targets

__all__ = ["ANSWERS", "BasinsTrial", "Extremes", "held_data", "scored_days"]

ANSWERS = ("streamflow.nc", "parameters.json", "summary.json")
"""Files of the answers of one training."""


@dataclass(frozen=True, kw_only=True)
class Extremes:
    """Years of high peaks, held out of all training.

    Parameters
    ----------
    hold : {"extremes"}
        What is held out.
    return_period : float
        Years of which the highest flow returns after more than so many years are held
        out.
    fitted : (date, date)
        Days whose annual peaks the distribution of each basin is fitted to.
    begin : int
        Month in which years begin.
    """

    hold: Literal["extremes"]
    return_period: float = 5.0
    fitted: tuple[date, date] | None = None
    begin: int = OCTOBER

    def __post_init__(self) -> None:
        refuse_outside("begin", self.begin, 1, 12)
        if not 1.0 < self.return_period < 1e6:
            raise ConfigError(
                f"return_period: found {self.return_period}, expected years above 1"
            )


@dataclass(frozen=True)
class _Block:
    """The times of a protocol."""

    times: Extremes


class BasinsTrial(Trial[Experiment]):
    """Basins and days held out of the task ``basins``."""

    def places(self, experiment: Experiment) -> PlaceTable:
        """Return basins and attributes of the data set, those computed left out."""
        spec, here = experiment.data, Path.cwd()
        source = open_source(spec, here)
        ids = spec.choose(source.ids, source.attributes, here, source.left_out)
        order = {name: at for at, name in enumerate(source.ids.tolist())}
        at = np.array([order[name] for name in ids.tolist()])
        numbers = {name: values[at] for name, values in source.attributes.items()}
        return PlaceTable(
            ids=ids,
            numbers=numbers,
            classes=_classes(numbers),
            longitude=numbers.get("longitude"),
            latitude=numbers.get("latitude"),
        )

    def withheld(self, experiment: Experiment, times: Mapping[str, Any]) -> list[Span]:
        """Return the years of every basin whose peak is rare."""
        options = config.convert({"times": dict(times)}, _Block).times
        data = read(experiment.data.without_computed())
        learned = data.period(*experiment.learned_days)
        fitted = learned if options.fitted is None else data.period(*options.fitted)
        years, peaks = annual_peaks(learned.time, learned.target, options.begin)
        _, fitted_peaks = annual_peaks(fitted.time, fitted.target, options.begin)
        rare = return_periods(peaks, fitted_peaks) > options.return_period
        spans = []
        for basin, year in np.argwhere(rare.T):
            first, after = (_begin(int(years[year]) + n, options.begin) for n in (0, 1))
            spans.append(Span(str(data.ids[basin]), first, after - timedelta(days=1)))
        if not spans:
            begin, end = experiment.learned_days
            raise DataError(
                f"times: nothing would be held out: in {begin} to {end} no basin has a "
                f"year whose peak returns after more than {options.return_period:g} "
                f"years, which {LEAST_PEAKS} observed years and more can tell"
            )
        return spans

    def learning(
        self, experiment: Experiment, learned: Sequence[str], withheld: Path | None
    ) -> Experiment:
        """Return an experiment on some basins; nothing else is ever read."""
        data = replace(
            experiment.data,
            basins=list(learned),
            withheld=str(withheld or experiment.data.withheld),
        )
        return replace(experiment, data=data)

    def answer(self, study: Study, cell: Cell) -> None:
        """Simulate the held basins over the held days."""
        run = study.run(cell)
        experiment = run.experiment()
        assert isinstance(experiment, Experiment)
        basins = study.fold(cell.fold).held_out
        model = load_model(run.require_best(), experiment.model)
        data = targets_of(model.plan, held_data(experiment, basins))
        days = scored_days(experiment)
        part, lead = with_lead(data, days, experiment.evaluation_warmup)
        scored = part.part(slice(lead, None))
        answers = mean_answers(
            [model], [(part, lead)], experiment.evaluation.basins,
            (TARGET, *part.targets),
        )  # fmt: skip
        simulated = answers[TARGET]
        flows = flow_series(str(cell), scored, simulated)
        flows = with_targets(flows, scored, answers)
        about: dict[str, str] = {}
        if cell.seed == study.protocol.seeds[0]:
            others, about = beside(model, data, part, lead)
            more = {
                name: Series(values=x.astype(np.float32), units="mm d-1", about=name)
                for name, x in others.items()
            }
            flows = replace(flows, series={**flows.series, **more})
        judged = scored.target
        if scored.withheld is not None:
            judged = np.where(scored.withheld, judged, np.float32(np.nan))
        nse = score(simulated, judged, ["nse"])["nse"]
        summary = {
            "model": cell.model,
            "fold": cell.fold,
            "seed": cell.seed,
            "basins": len(data.ids),
            "median_nse": median(nse)[0],
            "scored": plain(days),
            "warmup_steps_before": lead,
            "baselines": about,
            "training": run.outcome(),
        }
        with atomic_folder(study.answers(cell)) as temporary:
            write_streamflow(temporary / ANSWERS[0], flows)
            for name, content in zip(
                ANSWERS[1:], (_parameters(model, data), summary), strict=True
            ):
                text = json.dumps(plain(content, name, lambda *_: None)) + "\n"
                (temporary / name).write_text(text, encoding="utf-8")

    def report(self, study: Study) -> StudyReport:
        """Pool the answers, score them and write the report."""
        return report_study(study)


def scored_days(experiment: Experiment) -> Period:
    """Return the days that models answer on: test days, or those withheld among all.

    Raises
    ------
    ConfigError
        Nothing is held out for the test.
    """
    if experiment.data.withheld:
        return experiment.learned_days
    if experiment.periods.test is None:
        raise ConfigError("periods.test: the protocol needs days to judge models on")
    return experiment.periods.test


def held_data(experiment: Experiment, basins: Sequence[str]) -> BasinData:
    """Return basins with their attributes as in training, and their own weather.

    Attributes are computed by the rules of the training: of the days learned from, the
    withheld ones left out.
    """
    spec = replace(experiment.data, basins=list(basins), unobserved="refuse")
    data = read(spec)
    if not spec.withheld:
        return data
    whole = read(replace(spec.without_computed(), withheld=""))
    return replace(
        data, forcing=whole.forcing, target=whole.target, targets=whole.targets
    )


def _begin(year: int, month: int) -> date:
    """Return the first day of a year that is named after its end."""
    return date(year if month == 1 else year - 1, month, 1)


def _classes(numbers: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.str_]]:
    """Return the classes of text attributes, which readers give as one number each."""
    classes: dict[str, NDArray[np.str_]] = {}
    for column, values in numbers.items():
        name, mark, label = column.partition("__")
        if mark:
            before = classes.get(name, np.full(len(values), "", dtype="<U80"))
            classes[name] = np.where(values == 1.0, label, before)
    return classes


def _parameters(model: Model, data: BasinData) -> dict[str, Any]:
    """Return the constant parameters of basins, with bounds and units."""
    attributes = {
        name: torch.from_numpy(data.attributes[name]) for name in model.attributes
    }
    with torch.no_grad():
        values = model.constant_parameters(attributes)
    declared = model.plan.supplied
    return {
        "ids": data.ids.tolist(),
        "parameters": {
            name: {
                "bounds": declared[name].bounds,
                "units": declared[name].units,
                "values": np.round(x.numpy().astype(np.float64), 7).tolist(),
            }
            for name, x in values.items()
            if name in declared and declared[name].bounds is not None
        },
    }
