"""The task basins: which days serve what, and data that cannot be learned from."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.checkpoint import load_model
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build
from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.tasks.basins import task
from bmi_dmx.trainer.tasks.basins.data.basins import BasinData
from bmi_dmx.trainer.tasks.basins.data.read import read
from bmi_dmx.trainer.tasks.basins.data.spec import DataSpec
from bmi_dmx.trainer.tasks.basins.prediction import blocks, predict, with_lead
from bmi_dmx.trainer.tasks.basins.task import BasinsTask
from bmi_dmx.trainer.tasks.streamflow.metrics import score

from ...test_fit import equal, weights

Run = Callable[..., Path]


def test_the_best_checkpoint_has_the_best_validation_score(finished: Path) -> None:
    folder = RunFolder(finished)
    experiment = folder.experiment()
    assert experiment.periods.validation is not None
    model = load_model(folder.best, experiment.model)
    data, lead = with_lead(read(experiment.data), experiment.periods.validation, 40)
    flow = predict(model, blocks(model, data, warmup=lead, basins=2))["streamflow"]
    nse = np.median(score(flow, data.target[lead:], ["nse"])["nse"])
    with open(finished / "metrics.csv", encoding="utf-8", newline="") as file:
        cells = [row["validation_nse"] for row in csv.DictReader(file)]
    assert nse == pytest.approx(max(float(c) for c in cells if c), abs=1e-6)


def test_the_test_period_has_no_influence(
    finished: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def altered(spec: object, train: object = None) -> BasinData:
        data = read(spec)  # type: ignore[arg-type]
        test = data.time >= np.datetime64("1980-01-01")
        days = test[:, None].astype(np.float32)
        return replace(
            data,
            forcing={name: x + 7 * days for name, x in data.forcing.items()},
            target=data.target + 7 * days,
        )

    monkeypatch.setattr(task, "read_for_training", altered)
    assert equal(weights(finished), weights(run()))


def test_statistics_and_scales_are_those_of_the_training_period(tiny: Path) -> None:
    experiment = load_experiment(tiny, ["periods.validation=null"])
    module, data = build(experiment), read(experiment.data)
    assert isinstance(module.task, BasinsTask)
    observed = data.period("1979-02-01", "1979-09-30").target
    scale = module.task.scale
    np.testing.assert_allclose(scale.flow, observed.std(axis=0), rtol=1e-5)
    moments = module.model.statistics["p_mean"]
    assert moments.mean == pytest.approx(data.attributes["p_mean"].mean())


def test_no_loss_is_taken_before_the_training_period(tiny: Path) -> None:
    module = build(load_experiment(tiny))
    # 31 days of record lie before the period, 40 are wanted.
    assert module.task.batches.windows.steps == 31 + 242
    assert module.task.batches.warmup == 40


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("periods.test=[1980-01-01, 1981-01-01]", r"periods\.test: the period"),
        ("periods.train=[1977-01-01, 1979-09-30]", r"spans training .* 1977-01-01"),
        ("training.warmup=300", r"training\.window: 300 \+ 60 steps"),
        ("model.static.attributes=[p_men]", "p_men"),
        (
            "model.dynamic={parameters: [beta], forcings: [streamflow],"
            " attributes: [p_mean]}",
            "the data hold no forcing 'streamflow'",
        ),
        ("data.basins=[nowhere]", r"data\.basins: basin 'nowhere' is not in the data"),
        ("data.basins=[]", r"data\.basins: the list is empty"),
        ("data.basins=['01466500', '01466500']", r"data\.basins: identifier '0146"),
        ("model.evaporation=given", r"model\.evaporation: 'given' .*'hargreaves'"),
        (
            "evaluation.groups={wet: {p_meen: [3, 9]}}",
            r"evaluation\.groups\.wet: no attribute 'p_meen'.*'p_mean'",
        ),
    ],
)  # fmt: skip
def test_data_that_do_not_fit_leave_no_folder(
    run: Run, tmp_path: Path, setting: str, message: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=message) as caught:
        run(setting)
    # Who is told of a key is told of the file as well.
    assert re.match(r"\S+tiny\.yaml: ", str(caught.value)) or re.match(
        "the data of 'delaware': ", str(caught.value)
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("p_mean", np.nan, r"'delaware': attribute 'p_mean' is not known in 1 of 6"),
        (
            "target",
            np.nan,
            r"periods\.validation: no basin has observations from 1979-10",
        ),
        (
            "target",
            1.0,
            r"periods\.validation: the observations never change at any of the 6",
        ),
    ],
)
def test_what_no_score_or_parameter_can_come_from_leaves_no_folder(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    values: float,
    message: str,
) -> None:
    def altered(spec: DataSpec, train: object = None) -> BasinData:
        data = read(spec)
        late = (data.time >= np.datetime64("1979-10-01"))[:, None]
        if name == "target":
            return replace(data, target=np.where(late, np.float32(values), data.target))
        spoiled = data.attributes[name].copy()
        spoiled[2] = values
        return replace(data, attributes={**data.attributes, name: spoiled})

    monkeypatch.setattr(task, "read_for_training", altered)
    with pytest.raises(DataError, match=message):
        run()
    assert not (tmp_path / "runs").exists()


def test_a_logarithm_of_nothing_is_told_from_missing_data(run: Run) -> None:
    dynamic = "parameters: [beta], forcings: [precipitation], attributes: [p_mean]"
    message = r"yaml: model\.transforms: precipitation: .* domain of transform 'log'"
    with pytest.raises(DataError, match=message):
        run(f"model.dynamic={{{dynamic}}}", "model.transforms={precipitation: log}")


def test_an_attribute_that_was_not_read_is_told_from_one_that_is_not_there(
    run: Run,
) -> None:
    settings = ["data.attributes=portable", "evaluation.groups={}"]
    with pytest.raises(DataError, match=r"'slope_fine' was not read.*to 'both'"):
        run(*settings, "model.static.attributes=[p_mean, slope_fine]")
    message = r"yaml: evaluation\.groups\.steep: .*'slope_fine' was not read.*'both'"
    with pytest.raises(DataError, match=message):
        run("data.attributes=portable", "evaluation.groups.steep={slope_fine: [1, 2]}")
    with pytest.raises(DataError, match=r"no attribute 'frac_forest'.*Known: area_km2"):
        run(*settings, "model.static.attributes=[p_mean, frac_forest]")
