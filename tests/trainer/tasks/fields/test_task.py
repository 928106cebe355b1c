"""From a file of fields to a bundle that forecasts from any month of such a file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import torch

from bmi_dmx import Component
from bmi_dmx.bundle import Bundle
from bmi_dmx.cli import main
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.checkpoint import load_model, read_checkpoint
from bmi_dmx.trainer.evaluate import evaluate
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import resume, train
from bmi_dmx.trainer.registries import tasks
from bmi_dmx.trainer.run_folder import RunFolder

from . import made


def written(folder: Path, source: Path, **changes: Any) -> Path:
    path = folder / "experiment.yaml"
    path.write_text(as_yaml(made.experiment(source, **changes)), encoding="utf-8")
    return path


def test_a_run_that_was_stopped_goes_on_bit_for_bit(
    run: Path, sea: Path, tmp_path: Path
) -> None:
    def stop(step: int, score: float) -> None:
        raise KeyboardInterrupt

    from bmi_dmx.trainer import fit

    path = written(tmp_path, sea)
    experiment = fit.load_experiment(path)
    module = fit.build(experiment)
    folder = RunFolder.create(tmp_path, experiment)
    with pytest.raises(KeyboardInterrupt):
        fit._fit(experiment, module, folder, resumed=False, watching=stop)
    assert read_checkpoint(folder.last)["global_step"] < 8
    resume(folder.path)
    one, other = (
        read_checkpoint(RunFolder(p).best)["state_dict"] for p in (run, folder.path)
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_mean_of_the_weights_is_what_is_exported(run: Path) -> None:
    last, best = (
        read_checkpoint(x) for x in (RunFolder(run).last, RunFolder(run).best)
    )
    mean = last["bmi_dmx"]["average"]
    assert last["global_step"] == 8
    if best["global_step"] == 8:
        for name, x in mean.items():
            assert torch.equal(best["state_dict"][name], x)
    name = "model.surface.output.convolution.weight"
    assert not torch.equal(last["state_dict"][name], mean[name])


def test_poison_outside_the_years_to_learn_from_changes_no_map(
    run: Path, sea: Path, tmp_path: Path
) -> None:
    sst = made.temperatures()
    sst[12 * 14 :] += 40.0
    poisoned = made.write(tmp_path / "poisoned.nc", sst)
    tables = []
    for source in (sea, poisoned):
        from bmi_dmx.trainer import fit

        experiment = fit.load_experiment(written(tmp_path, source))
        module = fit.build(experiment)
        state = module.model.state_dict()
        batch = next(iter(module.task.batches))
        tables.append({**state, **batch["state"], **batch["targets"]})
    for name, x in tables[0].items():
        assert torch.equal(x, tables[1][name]), name


def test_what_is_usual_in_other_units_is_refused_before_it_is_learned_from(
    tmp_path: Path,
) -> None:
    kelvin = made.write(tmp_path / "kelvin.nc", made.temperatures() + 273.15)
    message = r"kelvin\.nc: usual_1 is \d+\.?\d*, expected -5 to 45 degC, the units of"
    with pytest.raises(DataError, match=message):
        train(written(tmp_path, kelvin), root=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_the_report_has_the_scores_of_a_loop(run: Path, tmp_path: Path) -> None:
    report = evaluate(run, "test", output=tmp_path / "test")
    folder = RunFolder(run)
    experiment = folder.experiment()
    model = load_model(folder.require_best(), experiment.model)
    sst = made.temperatures().astype(np.float32).astype(float)
    mask, month = made.sea(), np.arange(len(sst)) % 12
    usual = np.stack([sst[: 12 * 14][month[: 12 * 14] == k].mean(0) for k in range(12)])
    a = np.nan_to_num(sst - usual[month])
    y = np.radians(-52.5 + made.DEGREES * np.arange(made.ROWS))
    weights = np.cos(y)[:, None] * mask
    square, count = 0.0, 0
    for t in range(12 * 17, 12 * 20 - 3):
        state = model.initial_state(())
        state["surface.anomaly"] = torch.from_numpy(a[t]).float()
        state["surface.earlier"] = torch.from_numpy(a[[t - 1, t - 2, t - 3]]).float()
        days = [1.0 + 30.4375 * ((t + k) % 12) for k in (1, 2, 3)]
        clock = torch.tensor(days)[:, None, None].expand(3, made.ROWS, made.COLUMNS)
        with torch.no_grad():
            outputs = model.simulate({"day_of_year": clock}, {}, state=state).outputs
        error = outputs["anomaly"][-1].double().numpy() - a[t + 3]
        square += float((weights * error**2).sum() / weights.sum())
        count += 1
    scores = report.scores["model"]["anomaly"]["3"]  # type: ignore[attr-defined]
    assert scores["pairs"] == count
    assert scores["rmse"] == pytest.approx(np.sqrt(square / count), rel=1e-5)
    summary = json.loads((tmp_path / "test" / "summary.json").read_text())
    assert summary["scores"]["model"]["anomaly"]["3"]["rmse"] == scores["rmse"]
    assert {f.name for f in (tmp_path / "test").iterdir()} == {
        "forecasts.npz", "scores.csv", "scores.png", "summary.json",
    }  # fmt: skip


def test_the_bundle_says_where_it_comes_from(bundle: Bundle) -> None:
    provenance = bundle.manifest.provenance
    assert provenance["data"]["source"] == "sea.nc"
    assert provenance["periods"]["train"] == ["1980-01", "1993-12"]
    assert provenance["cells"] == int(made.sea().sum())
    assert bundle.manifest.scores["test"]["anomaly"]["1"]["pairs"] == 35


def test_a_forecast_is_stepped_as_it_is_simulated(
    bundle: Bundle, sea: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "forecast.nc"
    options = ["--forecast-from", "1998-03", "--steps", "5", "--output", str(out)]
    main(["run", str(bundle.path), str(sea), *options])
    assert str(out) in capsys.readouterr().out
    with netCDF4.Dataset(out) as file:
        stepped = {n: np.asarray(file[n][:]) for n in ("anomaly", "temperature")}
    sst = made.temperatures().astype(np.float32).astype(float)
    model = bundle.model().double()
    tables = dict(zip(
        (e.parameter.name for e in model.network("known").supplied),
        model.network("known").network.output.bias.detach().unbind(-1), strict=True,
    ))  # fmt: skip
    t = 12 * 18 + 1
    shape = (made.ROWS, made.COLUMNS)
    usual = [tables[f"usual_{k % 12 + 1}"].reshape(shape).numpy() for k in range(t + 1)]
    past = [np.where(made.sea(), sst[k] - usual[k], 0.0) for k in range(t, t - 4, -1)]
    state = model.initial_state(())
    state["surface.anomaly"] = torch.from_numpy(past[0])
    state["surface.earlier"] = torch.from_numpy(np.stack(past[1:]))
    begin = np.datetime64("1998-03-01T00:00:00")
    moments = begin + (np.arange(5) * 2629800).astype("timedelta64[s]")
    day = (moments.astype("M8[D]") - moments.astype("M8[Y]").astype("M8[D]")).astype(
        int
    )
    days = torch.from_numpy(day + 1.0)[:, None, None].expand(5, *shape)
    with torch.no_grad():
        whole = model.simulate({"day_of_year": days}, {}, state=state).outputs
    for name, series in stepped.items():
        np.testing.assert_allclose(series, whole[name].numpy(), rtol=0, atol=1e-11)
    assert (stepped["anomaly"][:, ~made.sea()] == 0.0).all()


@pytest.mark.parametrize(
    ("date", "problem"),
    [
        ("1980-02", "needs the 4 months before it"),
        ("2001-02", "needs the 4 months before it, found 1980-01 to 1999-12"),
        ("1998-03-05", "expected the first of a month"),
    ],
)
def test_a_start_without_a_past_is_refused(
    bundle: Bundle, sea: Path, tmp_path: Path, date: str, problem: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    options = ["--forecast-from", date, "--output", str(tmp_path / "x.nc")]
    assert main(["run", str(bundle.path), str(sea), *options])
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "x.nc").exists()


@pytest.mark.parametrize("units", ["", "degC"])
def test_a_file_in_other_units_than_it_says_is_refused(
    bundle: Bundle, sea: Path, tmp_path: Path, units: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    kelvin = tmp_path / "kelvin.nc"
    shutil.copy(sea, kelvin)
    with netCDF4.Dataset(kelvin, "a") as file:
        (name,) = (n for n, v in file.variables.items() if v.ndim == 3)
        file[name][:] = file[name][:] + 273.15
        file[name].units = units
    options = ["--forecast-from", "1998-03", "--output", str(tmp_path / "x.nc")]
    assert main(["run", str(bundle.path), str(kelvin), *options]) == 1
    assert "expected -5 to 45 degC in the sea" in capsys.readouterr().err
    assert not (tmp_path / "x.nc").exists()


def test_a_file_in_kelvin_that_says_so_is_the_same(
    bundle: Bundle, sea: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for name, units, warmer in (("c", "degC", 0.0), ("k", "K", 273.15)):
        path = Path(shutil.copy(sea, tmp_path / f"{name}.nc"))
        with netCDF4.Dataset(path, "a") as file:
            file["sst"][:] = file["sst"][:] + warmer
            file["sst"].units = units
        out = tmp_path / f"{name}-forecast.nc"
        asked = ["--forecast-from", "1998-03", "--steps", "2", "--output", str(out)]
        assert not main(["run", str(bundle.path), str(path), *asked])
        with netCDF4.Dataset(out) as file:
            found.append(np.asarray(file["anomaly"][:]))
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)
    with netCDF4.Dataset(path, "a") as file:
        file["sst"].units = "parsec"
    assert main(["run", str(bundle.path), str(path), *asked])
    said = capsys.readouterr().err
    assert "k.nc: sst: units 'parsec' cannot be converted into 'degC'" in said


def test_bmi_names_grids_and_a_bitwise_restart(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "component.yaml"
    path.write_text(
        f"bundle: {bundle.path}\nstart_time: 1998-01-01\n", encoding="utf-8"
    )

    def started() -> Component:
        component = Component()
        component.initialize(str(path))
        rng = np.random.default_rng(0)
        name = "sea_surface_water__anomaly_of_temperature"
        component.set_value(name, rng.normal(size=made.sea().size) * made.sea().ravel())
        return component

    whole, other = started(), started()
    assert whole.get_input_var_names() == ()
    assert set(whole.get_output_var_names()) == {
        "sea_surface_water__anomaly_of_temperature", "sea_surface_water__temperature",
    }  # fmt: skip
    name = "sea_surface_water__temperature"
    grid = whole.get_var_grid(name)
    assert whole.get_grid_type(grid) == "uniform_rectilinear"
    assert whole.get_grid_shape(grid, np.empty(2, int)).tolist() == [8, 24]
    assert whole.get_grid_origin(grid, np.empty(2)).tolist() == [-52.5, 7.5]
    assert whole.get_var_units(name) == "degC"
    for _ in range(3):
        whole.update()
    other.set_state_bytes(whole.state_bytes())
    for _ in range(2):
        whole.update()
        other.update()
    assert other.state_bytes() == whole.state_bytes()
    assert whole.get_value_ptr(name).any()


def test_maps_that_cannot_be_are_refused_until_they_can(
    bundle: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "component.yaml"
    path.write_text(
        f"bundle: {bundle.path}\nstart_time: 1998-01-01\n", encoding="utf-8"
    )
    component = Component()
    component.initialize(str(path))
    cells = made.sea().size
    for name, wrong in (("damping", 2.0), ("response_1", np.nan), ("usual_3", 200.0)):
        right = component.get_value(name, np.empty(cells))
        component.set_value(name, np.full(cells, wrong))
        with pytest.raises(DataError, match=f"parameter '{name}' at '0,0' cannot be"):
            component.update()
        component.set_value(name, right)
    state = "sea_surface_water__anomaly_of_temperature"
    with pytest.raises(DataError, match=r"cannot be set to 50 K; expected -40 to 40"):
        component.set_value(state, np.full(cells, 50.0))
    before = component.get_current_time()
    component.update()
    assert component.get_current_time() - before == component.get_time_step()


def test_what_does_not_suit_is_refused_in_a_line(sea: Path, tmp_path: Path) -> None:
    def task(**changes: Any) -> None:
        from bmi_dmx.trainer.fit import load_experiment

        experiment = load_experiment(written(tmp_path, sea, **changes))
        tasks["fields"](experiment)

    data = made.experiment(sea)["data"]
    with pytest.raises(DataError, match=r"sea.nc: no variable 'sts'.*sst"):
        task(data={**data, "variables": {"anomaly": "sts"}})
    with pytest.raises(ConfigError, match=r"no part has a state 'anomly'.*anomaly"):
        task(data={**data, "variables": {"anomly": "sst"}, "history": {}})
    model = {"recipe": "surface_anomaly", "grid": {"rows": 8, "columns": 24}}
    with pytest.raises(DataError, match=r"found 8 from -52.5 to 52.5, the model has 8"):
        task(model=model)
    sst = made.temperatures()
    sst[5, 0, 0] = np.nan
    gap = made.write(tmp_path / "gap.nc", sst)
    with pytest.raises(DataError, match="missing in 1980-06-01 at row 0, column 0"):
        task(data={**data, "source": str(gap)})
    with pytest.raises(ConfigError, match="begin after 1993-12"):
        task(periods={
            "train": ["1980-01", "1993-12"], "validation": ["1993-12", "1996-12"],
            "test": ["1997-01", "1999-12"],
        })  # fmt: skip


def test_a_network_learns_in_half_precision_and_physics_does_not(
    sea: Path, tmp_path: Path
) -> None:
    training = {**made.experiment(sea)["training"], "precision": "bf16", "steps": 4}
    run = train(written(tmp_path, sea, training=training), root=tmp_path)
    state = read_checkpoint(RunFolder(run).last)["state_dict"]
    assert all(x.dtype == torch.float32 for x in state.values())


def currents(folder: Path, days: int = 120) -> Path:
    """Write two components that turn with a wave which drifts, by days."""
    path = folder / "currents.nc"
    t, y, x = np.mgrid[:days, :10, :14].astype(float)
    phase = 0.5 * x + 0.3 * y - 0.2 * t
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("time", days), ("lat", 10), ("lon", 14)):
            file.createDimension(name, size)
            file.createVariable(name, "f8", (name,))[:] = np.arange(size)
        file["time"].units = "days since 2001-02-01"
        file["lat"][:] = -35.875 + 0.25 * np.arange(10)
        file["lon"][:] = 20.125 + 0.25 * np.arange(14)
        for name, values in (("u", 0.3 + np.cos(phase)), ("v", 2.0 * np.sin(phase))):
            variable = file.createVariable(name, "f4", ("time", "lat", "lon"))
            variable[:] = values
    return path


CURRENTS: dict[str, Any] = {
    "name": "currents", "licence": "CC0-1.0", "task": "fields",
    "periods": {
        "train": ["2001-02-01", "2001-04-01"],
        "validation": ["2001-04-02", "2001-04-20"],
        "test": ["2001-04-21", "2001-05-20"],
    },
    "rollout": {"steps": [1]  , "until": []}, "start": {"kind": "fading"},
    "evaluation": {"leads": [1, 2], "monitor": [1], "block": 3,
                   "vectors": {"current": ["eastward", "northward"]}},
    "model": {
        "recipe": "surface_currents", "history": 3, "network": "unet",
        "grid": {"rows": 10, "columns": 14, "degrees": 0.25, "south": -36.0,
                 "west": 20.0},
        "options": {"hidden": 8, "patch": 2, "circular": False},
    },
    "training": {"steps": 10, "batch": 4, "warmup": 0, "window": 1, "validate_every": 5,
                 "optimizer": {"rate": 0.01}, "threads": 1},
}  # fmt: skip


def test_steps_may_be_days_and_fields_components_of_a_vector(tmp_path: Path) -> None:
    source = currents(tmp_path)
    data = {
        "source": str(source), "variables": {"eastward": "u", "northward": "v"},
        "history": {"earlier_eastward": "eastward", "earlier_northward": "northward"},
        "climatology": "mean",
    }  # fmt: skip
    path = tmp_path / "currents.yaml"
    path.write_text(as_yaml({**CURRENTS, "data": data}), encoding="utf-8")
    folder = train(path, root=tmp_path)
    scores = json.loads(
        (evaluate(folder, "test").folder / "summary.json").read_text("utf-8")
    )["scores"]
    # Patterns are those of both components together.
    alone = ("model", "climatology", "persistence", "damped")
    for forecast in (scores[name] for name in alone):
        one, other, both = (
            forecast[n]["2"]["rmse"] for n in ("eastward", "northward", "current")
        )
        assert both == pytest.approx(np.hypot(one, other), rel=1e-6)
    mean = (0.3 + np.cos(currents_phase(60))).mean(0)
    usual = load_model(
        RunFolder(folder).best, RunFolder(folder).experiment().model
    ).network("known")
    table = usual.network.output.bias[:, 1].reshape(10, 14).numpy()
    np.testing.assert_allclose(table, mean, atol=1e-5)
    # Saving a bundle runs its programs, which fill up what patches do not divide.
    saved = export(folder, tmp_path / "bundle")
    assert saved.manifest.provenance["task"] == "fields"
    monthly = {**CURRENTS, "data": data, "model": {"recipe": "surface_anomaly"}}
    path.write_text(as_yaml(monthly), encoding="utf-8")
    with pytest.raises(ConfigError, match="no part has a state 'eastward'"):
        train(path, root=tmp_path)


def currents_phase(days: int) -> Any:
    t, y, x = np.mgrid[:days, :10, :14].astype(float)
    return 0.5 * x + 0.3 * y - 0.2 * t


def test_files_of_other_steps_than_the_model_are_refused(
    sea: Path, tmp_path: Path
) -> None:
    data = {**CURRENTS, "data": {
        "source": str(sea), "variables": {"eastward": "sst", "northward": "sst"},
        "climatology": "mean", "mask": "mask",
    }, "periods": made.experiment(sea)["periods"]}  # fmt: skip
    path = tmp_path / "e.yaml"
    path.write_text(as_yaml(data), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"found steps of .* s, the model has 86400 s"
    ):
        train(path, root=tmp_path)
