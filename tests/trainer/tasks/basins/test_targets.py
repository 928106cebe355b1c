"""What models are compared with beside streamflow: read, learned from and scored."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from bmi_dmx.compose.spec import ModelSpec, PartSpec
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError, DataError, UnitsError
from bmi_dmx.process import Process
from bmi_dmx.registries import processes
from bmi_dmx.trainer.evaluate import evaluate
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build, train
from bmi_dmx.trainer.tasks.basins.data import BasinData
from bmi_dmx.trainer.tasks.basins.data.basins import TargetObservations
from bmi_dmx.trainer.tasks.basins.prediction import blocks, predict
from bmi_dmx.trainer.tasks.basins.targets import (
    TargetLoss,
    by_target,
    compared_units,
    flow_factor,
    targets_of,
)
from bmi_dmx.variables import Flux, Forcing

from .leaks import DAYS, EXPERIMENT, made

SNOW = "snow_water_equivalent"


def observed_snow() -> xr.Dataset:
    """Return made basins in which snow melts slowly, in inches, with gaps."""
    data = made()
    rain, mean = (
        data["prcp"].values,
        0.5 * (data["tmin"].values + data["tmax"].values),
    )
    snow, pack = np.zeros_like(rain), np.zeros(rain.shape[1])
    for day in range(DAYS):
        pack = pack + np.where(mean[day] < 0.0, rain[day], 0.0)
        pack = pack - np.minimum(np.clip(0.6 * mean[day], 0.0, None), pack)
        snow[day] = pack
    snow[::3] = np.nan
    snow[:, 5] = np.nan
    data["swe"] = (("time", "basin"), snow / 25.4, {"units": "inch"})
    return data


def written(folder: Path, basins: xr.Dataset, /, **keys: Any) -> Path:
    """Write data and an experiment on them."""
    folder.mkdir(parents=True, exist_ok=True)
    basins.to_netcdf(folder / "made.nc")
    experiment = {**deepcopy(EXPERIMENT), "evaluation": {"basins": 6}}
    experiment["periods"] = {
        "train": ["2001-10-01", "2003-09-30"],
        "validation": ["2003-10-01", "2004-09-30"],
        "test": ["2004-10-01", "2005-09-30"],
    }
    for key, value in keys.items():
        base = experiment.get(key)
        experiment[key] = (
            {**base, **value} if isinstance(base, dict) and key != "loss" else value
        )
    path = folder / "made.yaml"
    path.write_text(as_yaml(experiment), encoding="utf-8")
    return path


BOTH: dict[str, Any] = {
    "data": {"targets": {SNOW: "swe"}},
    "loss": {"streamflow": {"nse_batch": 0.05}, SNOW: "nse_batch"},
}


def snow_error(task: Any, model: Any) -> float:
    """Return the median NSE of snow in the training period."""
    inputs = blocks(model, task.training, warmup=60, basins=6)
    simulated = predict(model.eval(), inputs, (SNOW,))[SNOW]
    observed = inputs.others[SNOW]
    error = np.nanmean((simulated - observed)[:, :5] ** 2, axis=0)
    return float(np.median(error / np.nanvar(observed[:, :5], axis=0)))


def melt(module: Any) -> float:
    """Return the mean degree-day factor that a model has learned."""
    task = module.task
    attributes = {
        n: torch.from_numpy(task.data.attributes[n].astype("f4"))
        for n in module.model.attributes
    }
    with torch.no_grad():
        return float(
            module.model.eval().constant_parameters(attributes)["cfmax"].mean()
        )


def fitted(path: Path, steps: int = 24) -> Any:
    """Return a module after some steps on all windows of a sampler."""
    module = build(load_experiment(path), length=steps)
    optimizer = torch.optim.Adam(module.model.parameters(), lr=0.03)
    module.model.train()
    for batch in module.task.batches:
        optimizer.zero_grad()
        module.task.loss(module.model, batch).backward()
        optimizer.step()
    return module


def test_observed_snow_changes_the_parameters_of_snow(tmp_path: Path) -> None:
    data = observed_snow()
    training = {"training": {"steps": 24}}
    flow = fitted(written(tmp_path / "flow", data, **training))
    both = fitted(written(tmp_path / "both", data, **BOTH, **training))
    # The truth melts 0.6 mm a degree and day; without snow nothing says so.
    assert melt(both) < melt(flow) - 0.3
    flow.task.training = both.task.training
    assert snow_error(both.task, both.model) < snow_error(flow.task, flow.model)


def test_targets_are_read_in_the_units_of_the_model(tmp_path: Path) -> None:
    data = observed_snow()
    task = build(load_experiment(written(tmp_path, data, **BOTH))).task
    snow = task.data.targets[SNOW]
    assert snow.units == "mm"
    np.testing.assert_allclose(snow.values, data["swe"] * 25.4, rtol=1e-5)


def test_no_model_reads_a_target(tmp_path: Path) -> None:
    data = observed_snow()
    task = build(load_experiment(written(tmp_path, data, **BOTH))).task
    batch = task.batches.cut(np.array([0, 1]), np.array([0, 0]))
    poisoned = observed_snow()
    poisoned["swe"][:] = 1e4 + np.arange(6)[None] + np.arange(DAYS)[:, None]
    other = build(load_experiment(written(tmp_path / "bad", poisoned, **BOTH))).task
    same = other.batches.cut(np.array([0, 1]), np.array([0, 0]))
    assert SNOW not in batch["forcing"]
    for part in ("forcing", "attributes"):
        for name, values in batch[part].items():
            torch.testing.assert_close(values, same[part][name], rtol=0, atol=0)
    assert not torch.equal(batch["others"][SNOW], same["others"][SNOW])
    assert dict(task.statistics()) == dict(other.statistics())


@pytest.mark.parametrize(
    ("block", "error", "message"),
    [
        ({"targets": {SNOW: "sve"}}, DataError, r"no variable 'sve' for .*'swe'"),
        ({"targets": {SNOW: "tmin"}}, DataError, r"'tmin' is read as air_temperature_"),
        ({"targets": {SNOW: "qobs"}}, DataError, r"'qobs' is read as streamflow"),
        (
            {"targets": {"snow_water_equivalnt": "swe"}},
            ConfigError,
            r"data\.targets: the model has no output .*'snow_water_equivalent'",
        ),
        ({"targets": {"evaporation": "swe"}}, UnitsError, r"'swe'.*inch.*mm d-1"),
        ({"targets": {"streamflow": "swe"}}, ConfigError, "named by the key 'target'"),
        ({"targets": {"precipitation": "swe"}}, ConfigError, "is a forcing"),
    ],
)
def test_what_cannot_be_a_target_is_refused_by_name(
    tmp_path: Path, block: dict[str, Any], error: type[Exception], message: str
) -> None:
    path = written(tmp_path, observed_snow(), data=block)
    with pytest.raises(error, match=message):
        build(load_experiment(path))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"loss": {"streamflow": "kge", "snow": "kge"}}, r"loss: no target 'snow'"),
        ({"loss": {SNOW: "kge"}}, r"expected 'streamflow' among them"),
        ({"loss": {"streamflow": "kge", SNOW: 1.0}}, r"expected weights of losses, or"),
        ({"loss": {"streamflow": "kge", SNOW: "kgee"}}, rf"loss\.{SNOW}: .*'kge'"),
        ({"evaluation": {"monitored": {"snow": 1.0}}}, r"monitored: no target 'snow'"),
        ({"evaluation": {"monitored": {SNOW: -1.0}}}, r"expected a positive number"),
    ],
)
def test_losses_of_what_is_no_target_are_refused(
    tmp_path: Path, keys: dict[str, Any], message: str
) -> None:
    path = written(tmp_path, observed_snow(), **{**BOTH, **keys})
    with pytest.raises(ConfigError, match=message):
        load_experiment(path)


def test_a_loss_of_streamflow_alone_is_that_of_streamflow() -> None:
    assert by_target("kge") == {"streamflow": "kge"}
    assert by_target({"kge": 2.0}) == {"streamflow": {"kge": 2.0}}


def _with_snow(data: BasinData, factor: float, units: str) -> BasinData:
    rng = np.random.default_rng(3)
    values = (rng.gamma(2.0, 20.0, data.target.shape) * factor).astype(np.float32)
    values[::4], values[:, -1] = np.nan, np.nan
    return replace(data, targets={SNOW: TargetObservations(values, units, "file: swe")})


@pytest.mark.parametrize("name", ["nse_batch", "nse_sqrt", "rmse", "kge", "mae"])
def test_gaps_of_a_target_have_neither_loss_nor_gradient(
    make_data: Callable[..., BasinData], name: str
) -> None:
    data = _with_snow(make_data(), 1.0, "mm")
    loss = TargetLoss.of(SNOW, name, data)
    observed = torch.from_numpy(data.targets[SNOW].values)
    simulated = torch.full_like(observed, 30.0).requires_grad_()
    cost = loss(simulated, observed, torch.arange(3))
    (gradient,) = torch.autograd.grad(cost, simulated)
    missing = observed.isnan()
    assert torch.isfinite(gradient).all()
    assert (gradient[missing] == 0.0).all()
    assert (gradient[~missing] != 0.0).any()
    other = torch.where(missing, torch.tensor(-7.0), simulated.detach())
    assert loss(other, observed, torch.arange(3)) == cost


def test_a_loss_of_a_target_does_not_depend_on_its_units(
    make_data: Callable[..., BasinData],
) -> None:
    costs = []
    for factor in (1.0, 1e-3):
        data = _with_snow(make_data(), factor, "mm")
        observed = torch.from_numpy(data.targets[SNOW].values)
        loss = TargetLoss.of(SNOW, {"nse_sqrt": 1.0, "mse": 0.5}, data)
        costs.append(
            loss(torch.full_like(observed, 30.0 * factor), observed, torch.arange(3))
        )
    torch.testing.assert_close(costs[0], costs[1], rtol=1e-4, atol=0.0)


def test_a_target_that_says_nothing_is_refused(
    make_data: Callable[..., BasinData],
) -> None:
    data = make_data()
    for value, message in ((np.nan, "nothing is observed"), (3.0, "does not change")):
        still = np.full(data.target.shape, value, dtype=np.float32)
        targets = {SNOW: TargetObservations(still, "mm", "file: swe")}
        with pytest.raises(DataError, match=f"file: swe: .*{message}"):
            TargetLoss.of(SNOW, "kge", replace(data, targets=targets))


def test_every_target_is_scored_and_written(tmp_path: Path, capsys: Any) -> None:
    path = written(
        tmp_path, observed_snow(), **BOTH, evaluation={"monitored": {SNOW: 1.0}}
    )
    run = train(path, root=tmp_path / "runs")
    report = evaluate(run, "test")
    report.show()
    assert f"{SNOW} (mm), test period" in capsys.readouterr().out
    with open(report.folder / "scores.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [bool(row[f"nse_{SNOW}"]) for row in rows] == [True] * 5 + [False]
    text = (report.folder / "summary.json").read_text(encoding="utf-8")
    summary = json.loads(text)["targets"][SNOW]
    assert summary["units"] == "mm"
    assert summary["basins"] == {"all": 5}
    with xr.open_dataset(report.folder / "streamflow.nc") as flows:
        pair = [flows[f"{kind}_{SNOW}"] for kind in ("simulated", "observed")]
        assert all(x.attrs["units"] == "mm" for x in pair)
        simulated, observed = (x.values[:, 0] for x in pair)
    valid = np.isfinite(observed)
    error = ((simulated - observed)[valid] ** 2).sum()
    nse = 1.0 - error / ((observed[valid] - observed[valid].mean()) ** 2).sum()
    assert float(rows[0][f"nse_{SNOW}"]) == pytest.approx(nse, abs=1e-4)


class Leak(Process):
    """Streamflow that is rain, in other units."""

    time = "d"
    forcings = (Forcing(name="precipitation", units="mm d-1"),)
    fluxes: Any = (Flux(name="streamflow", units="mm h-1"),)

    def step(self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace) -> Any:
        return {}, {"streamflow": f.precipitation / 24.0}


class Wrong(Leak):
    """Streamflow that is a temperature."""

    fluxes = (Flux(name="streamflow", units="degC"),)


@pytest.fixture
def made_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kind in (("leak_of_tests", Leak), ("wrong_of_tests", Wrong)):
        monkeypatch.setitem(processes._entries, name, kind)


def spec_of(process: str) -> ModelSpec:
    return ModelSpec(parts={"land": PartSpec(process=process)}, seconds=86400.0)


def test_streamflow_is_compared_in_millimetres_a_day(made_processes: None) -> None:
    assert flow_factor(compared_units(spec_of("leak_of_tests"))) == pytest.approx(24.0)


def test_an_answer_that_is_no_depth_per_time_is_refused(made_processes: None) -> None:
    with pytest.raises(UnitsError, match=r"model: .*'streamflow': .*degC.*mm d-1"):
        compared_units(spec_of("wrong_of_tests"))


def test_targets_without_an_output_are_refused(
    make_data: Callable[..., BasinData], made_processes: None
) -> None:
    data = _with_snow(make_data(), 1.0, "mm")
    with pytest.raises(ConfigError, match=f"no output '{SNOW}'"):
        targets_of(compared_units(spec_of("leak_of_tests")), data)
