"""Columns are learned from free runs, and scored beside baselines."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import torch
import yaml

from bmi_dmx.compose import Model
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.models.ocean.column_declarations import column_forcings
from bmi_dmx.trainer.checkpoint import load_model, read_checkpoint
from bmi_dmx.trainer.evaluate import evaluate
from bmi_dmx.trainer.report.evaluated import summary_as_it_is
from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.tasks.columns.baselines import Climatology, baselines
from bmi_dmx.trainer.tasks.columns.evaluate import Report
from bmi_dmx.trainer.tasks.columns.experiment import DataSpec, Experiment, Periods
from bmi_dmx.trainer.tasks.columns.record import Modelled, Observed, read, years_inside
from bmi_dmx.trainer.tasks.columns.samples import Runs, means, simulate
from bmi_dmx.trainer.tasks.columns.task import ColumnsTask, modelled, opened

from . import made


def asked(weather: Path, surface: str = "fluxes", **changes: Any) -> Experiment:
    return convert(made.experiment(weather, surface, **changes), Experiment)


def test_training_lowers_the_error_and_keeps_the_best(run: Path) -> None:
    summary = json.loads((run / "training.json").read_text())
    checkpoint = read_checkpoint(run / "checkpoints" / "best.ckpt")
    assert checkpoint["global_step"] in (3, 6)
    assert 0.0 < summary["best_validation_error"] < 3.0


def test_scores_stand_beside_those_of_baselines(run: Path) -> None:
    report = evaluate(run, "test")
    assert isinstance(report, Report)
    assert set(report.scores) == {"model", "climatology", "persistence", "damped"}
    for groups in report.scores.values():
        assert list(groups) == ["1-20", "20"]
    ran = np.load(report.folder / "runs.npz")
    error = ran["temperature"][..., :1] - ran["observed"]
    expected = float(np.sqrt((error**2).mean()))
    assert report.scores["model"]["1-20"]["top"] == pytest.approx(expected, rel=1e-5)
    difference = report.scores["model"]["20"]["difference"]["top"]
    assert difference["low"] <= difference["value"] <= difference["high"]
    for name in ("scores.csv", "summary.json", "runs.png", "column.png"):
        assert (report.folder / name).stat().st_size > 0


def test_scores_of_runs_that_begin_on_other_days_are_not_those_asked_for(
    run: Path, tmp_path: Path
) -> None:
    shutil.copytree(run, tmp_path / "run")
    evaluate(tmp_path / "run", "test")
    folder = RunFolder(tmp_path / "run")
    assert summary_as_it_is(folder, "test") is not None
    settings = yaml.safe_load(folder.config.read_text(encoding="utf-8"))
    settings["runs"]["judged"] = ["02-11"]
    folder.config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert summary_as_it_is(folder, "test") is None


def test_several_models_are_scored_together_and_each_by_itself(
    run: Path, tmp_path: Path
) -> None:
    alike = Path(shutil.copytree(run, tmp_path / "alike"))
    alone, both = evaluate(run, "test"), evaluate([run, alike], "test")
    assert isinstance(alone, Report)
    assert isinstance(both, Report)
    for leads, one in alone.scores["model"].items():
        assert "each" not in one
        found = both.scores["model"][leads]
        assert found["top"] == pytest.approx(one["top"])
        assert found["each"]["top"] == pytest.approx([one["top"]] * 2)


def test_feedback_is_said_by_the_weather_of_the_day_before(weather: Path) -> None:
    changed = made.experiment(weather)["model"] | {
        "hidden": 0, "drawn": True, "carried": True, "feedback": 3,
    }  # fmt: skip
    task = ColumnsTask(asked(weather, model=changed))
    model = Model(task.experiment.model, task.statistics())
    batch = task.runs.whole
    found = simulate(model, task.column, batch, ["heat_feedback"])["heat_feedback"]
    assert ((found > 0.0) & (found < 60.0)).all()
    # Two steps a day: what is said holds through both.
    assert torch.equal(found[2::2], found[3::2])
    warmer = batch["forcing"]["heat"].clone()
    warmer[6:8] += 200.0
    batch["forcing"]["heat"] = warmer
    other = simulate(model, task.column, batch, ["heat_feedback"])["heat_feedback"]
    assert torch.equal(found[:8], other[:8])
    assert (found[8:10] != other[8:10]).all()
    with pytest.raises(ConfigError, match="drawn to a temperature"):
        asked(weather, model=changed | {"drawn": False})


def test_profiles_are_scored_by_thickness(run_of_profiles: Path) -> None:
    report = evaluate(run_of_profiles, "test")
    assert isinstance(report, Report)
    ran = np.load(report.folder / "runs.npz")
    square = ((ran["temperature"] - ran["observed"]) ** 2).mean(1)
    weights = np.array(made.THICKNESS) / sum(made.THICKNESS)
    expected = float(np.sqrt(square[0] @ weights))
    found = report.scores["model"]["1"]
    assert found["profile"] == pytest.approx(expected, rel=1e-5)
    assert found["top"] == pytest.approx(float(np.sqrt(square[0, 0])), rel=1e-5)
    assert found["runs"] == 4


def test_where_gradients_end_changes_no_number(weather: Path, run: Path) -> None:
    task = ColumnsTask(asked(weather))
    model = load_model(run / "checkpoints" / "best.ckpt", task.experiment.model)
    batch, names = task.runs.whole, task.outputs
    whole = simulate(model, task.column, batch, names)
    pieces = simulate(model, task.column, batch, names, reach=7)
    for name, x in whole.items():
        assert torch.equal(x, pieces[name])
    grown, cut = (
        torch.autograd.grad(x[names[0]][-1].sum(), [*model.parameters()])
        for x in (whole, pieces)
    )
    assert any(not torch.equal(a, b) for a, b in zip(grown, cut, strict=True))


def test_means_over_leads_are_those_of_their_steps() -> None:
    rng = np.random.default_rng(0)
    series = torch.from_numpy(rng.normal(10.0, 1.0, (30, 2)))
    edges = torch.tensor([[[1, 2], [5, 9]], [[5, 9], [6, 30]]])
    found = means(series, edges)
    for run in range(2):
        for lead in range(2):
            first, last = edges[:, lead, run]
            expected = series[first:last, run].mean()
            assert float(found[lead, run]) == pytest.approx(float(expected))


def test_runs_begin_and_end_inside_their_years(weather: Path) -> None:
    experiment = asked(weather)
    record = opened(experiment, modelled(experiment))
    runs = Runs.of(record, [(2001, 2002)], ["03-15", "12-20"], 20)
    # The run that begins on 20 December 2002 would end in the year after.
    assert [str(m)[:10] for m in runs.moments] == [
        "2001-03-15", "2001-12-20", "2002-03-15",
    ]  # fmt: skip
    batch = runs.whole
    assert batch["edges"].shape == (2, 20, 3)
    # The first lead is the day after that of the beginning, at two steps a day.
    assert batch["edges"][:, 0].tolist() == [[2, 2, 2], [4, 4, 4]]
    day = record.observed.begins == np.datetime64("2001-03-16", "s")
    expected = record.observed.values[day[:-1]]
    np.testing.assert_allclose(runs.targets[0, 0], expected[0])


def test_years_that_judge_are_left_out_of_those_to_learn_from(weather: Path) -> None:
    def periods(train: Any, validation: Any, test: Any) -> Periods:
        return Periods(train=train, validation=validation, test=test)

    apart = periods((2001, 2006), (2006, 2006), (2003, 2004))
    assert apart.learned == ((2001, 2002), (2005, 2005))
    assert periods((2001, 2003), (2004, 2004), (2005, 2006)).learned == ((2001, 2003),)
    experiment = asked(weather)
    record = opened(experiment, modelled(experiment))
    runs = Runs.of(record, apart.learned, ["12-20", "03-15"], 20)
    # None goes on from 2002 to 2003, and none from 2005 to 2006.
    begun = [str(m)[:10] for m in runs.moments]
    assert begun == ["2001-12-20", "2001-03-15", "2002-03-15", "2005-03-15"]
    changed = replace(record.observed, values=record.observed.values.copy())
    changed.values[years_inside(changed.begins[:-1], [(2003, 2004)])] += 40.0
    poisoned = replace(record, observed=changed)
    other = Runs.of(poisoned, apart.learned, ["12-20", "03-15"], 20)
    for name, x in baselines(runs, apart.learned).items():
        np.testing.assert_array_equal(x, baselines(other, apart.learned)[name])
    assert poisoned.fingerprint(apart.learned) == record.fingerprint(apart.learned)
    assert poisoned.fingerprint([apart.test]) != record.fingerprint([apart.test])
    with pytest.raises(ConfigError, match="none of the years of the validation"):
        periods((2001, 2003), (2004, 2005), (2005, 2006))
    with pytest.raises(ConfigError, match="no year is left"):
        periods((2001, 2002), (2001, 2001), (2002, 2006))


def test_runs_begin_with_what_is_usual_moved_by_the_surface(weather: Path) -> None:
    experiment = asked(weather)
    record = opened(experiment, modelled(experiment))
    moment = np.datetime64("2002-01-15", "s")
    start = record.start(moment)
    observed = record.observed.values[379]
    assert str(record.observed.begins[379])[:10] == "2002-01-15"
    assert start["temperature"][0] == pytest.approx(float(observed[0]))
    # Half a degree colder is below what moves with the surface.
    usual = record.profiles["temperature"][0]
    assert usual[0] - usual[2] < -1.0
    moved = start["temperature"] - usual
    assert moved[1] == pytest.approx(moved[0], abs=0.05)


def test_what_is_usual_is_found_again() -> None:
    days = np.arange("2001-01-01", "2004-01-02", dtype="datetime64[D]")
    days = days.astype("datetime64[s]")
    observed = Observed(days, np.zeros((3 * 365, 1)))
    turn = 2.0 * np.pi * observed.season()
    values = 8.0 + 3.0 * np.cos(turn) - np.sin(3.0 * turn)
    observed = Observed(days, np.where(np.arange(1095) % 50, values, np.nan)[:, None])
    found = Climatology.fit(observed, [(2001, 2003)]).at(observed.season())
    np.testing.assert_allclose(found[:, 0], values, atol=1e-10)


PAPA = {
    (1, 290): (0.856, 0.724), (1, 30): (0.414, None), (31, 90): (0.666, None),
    (91, 180): (1.032, None), (181, 290): (0.879, None),
}  # fmt: skip
"""Errors of climatology and persistence in K, 1974 to 1980, learned from 1961-70."""


def test_baselines_at_station_papa_are_as_known(shared_data: Path) -> None:
    spec = DataSpec(
        source=str(shared_data / "ows_papa_1959_1980.nc"),
        forcing={
            "heat": ("non_solar_heat_flux", "shortwave_flux"),
            "light": ("shortwave_flux",), "stress_x": ("taux",), "stress_y": ("tauy",),
        },
        surface="sst",
        usual={
            "temperature": "climatology_temperature",
            "salinity": "climatology_salinity",
        },
    )  # fmt: skip
    column = Modelled(
        "column", np.full(10, 10.0), (), column_forcings("fluxes"), 10800.0
    )
    runs = Runs.of(read(spec, column), [(1974, 1980)], ["03-15"], 290)
    assert len(runs) == 7
    made_of = baselines(runs, [(1961, 1970)])
    for (first, last), (usual, kept) in PAPA.items():
        for name, expected in (("climatology", usual), ("persistence", kept)):
            error = made_of[name][first - 1 : last] - runs.targets[first - 1 : last]
            if expected is not None:
                # Days begin at midnight here, and months have three harmonics.
                found = float(np.sqrt((error**2).mean()))
                assert found == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"surface": None}, "surface, profiles: expected one of them"),
        ({"usual": {}}, "usual: found none, expected temperature and salinity"),
        ({"levels": 2}, "levels: found 2, a surface has one"),
    ],
)
def test_data_that_contradict_themselves_are_refused(
    weather: Path, changed: dict[str, Any], told: str
) -> None:
    asked_for = made.experiment(weather)
    asked_for["data"] |= changed
    with pytest.raises(ConfigError, match=told):
        convert(asked_for, Experiment)


def test_what_the_file_has_not_is_refused(weather: Path) -> None:
    asked_for = made.experiment(weather)
    asked_for["data"]["surface"] = "sts"
    with pytest.raises(DataError, match=r"no variable 'sts'; did you mean 'sst'"):
        ColumnsTask(convert(asked_for, Experiment))


def test_long_gaps_of_the_weather_are_refused_and_short_ones_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    calm = np.full(len(made.begins()), 0.1)
    calm[100:103] = np.nan
    path = made.written(tmp_path / "short.nc", taux=calm)
    ColumnsTask(asked(path))
    assert "taux: 3 missing steps are bridged" in caplog.text
    calm[100:120] = np.nan
    path = made.written(tmp_path / "long.nc", taux=calm)
    with pytest.raises(DataError, match="taux: 20 steps in a row are missing"):
        ColumnsTask(asked(path))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"t2": 11.0}, "t2: is 11 K at entry 0, .* expected 180 to 330"),
        ({"p": 1013.0}, "p: is 1013 Pa at entry 0, .*: are the units right"),
        ({"c": 50.0}, "c: is 50 1 at entry 0"),
    ],
)
def test_weather_that_cannot_be_is_refused(
    tmp_path: Path, changed: dict[str, float], told: str
) -> None:
    series = {n: np.full(len(made.begins()), x) for n, x in changed.items()}
    path = made.written(tmp_path / "wrong.nc", **series)
    with pytest.raises(DataError, match=told):
        ColumnsTask(convert(made.experiment(path, "weather"), Experiment))


def test_profiles_that_cannot_be_are_refused(weather: Path, tmp_path: Path) -> None:
    path = shutil.copy(weather, tmp_path / "kelvin.nc")
    with netCDF4.Dataset(path, "a") as file:
        file["temperature"][:] = file["temperature"][:] + 273.15
    with pytest.raises(DataError, match=r"temperature: is 28\S+ degC at entry 0"):
        ColumnsTask(convert(made.experiment(path, "weather"), Experiment))


@pytest.mark.parametrize(
    ("units", "number"),
    [("1", 33.0), ("PSU", 33.0), ("1e-3", 33.0), ("g kg-1", 33.0), ("kg kg-1", 0.033)],
)
def test_salinity_is_the_same_in_all_its_units(
    weather: Path, tmp_path: Path, units: str, number: float
) -> None:
    path = shutil.copy(weather, tmp_path / "salt.nc")
    with netCDF4.Dataset(path, "a") as file:
        file["salinity"].units = units
        file["salinity"][:] = number
    task = ColumnsTask(convert(made.experiment(path, "weather"), Experiment))
    np.testing.assert_allclose(task.record.profiles["salinity"], 33.0, rtol=1e-12)


def test_a_model_of_another_step_is_refused(weather: Path) -> None:
    asked_for = made.experiment(weather)
    asked_for["model"]["seconds"] = 3600
    with pytest.raises(DataError, match="found steps of 43200 s, the model has 3600"):
        ColumnsTask(convert(asked_for, Experiment))


def test_levels_elsewhere_than_what_is_observed_are_refused(weather: Path) -> None:
    asked_for = made.experiment(weather, "weather")
    asked_for["model"]["thickness"] = [5.0, 20.0, 20.0]
    with pytest.raises(DataError, match="the levels of the model are at"):
        ColumnsTask(convert(asked_for, Experiment))
