"""Land and river as one model: trained together, run one after the other."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx import DeltaHbv, MuskingumCunge
from bmi_dmx.bundle import load_bundle
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError, DataError, UnitsError
from bmi_dmx.models.rivers.formats import read_river
from bmi_dmx.space import Map
from bmi_dmx.trainer.checkpoint import load_model, read_checkpoint
from bmi_dmx.trainer.evaluate import evaluate
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import build, resume, train
from bmi_dmx.trainer.module import TrainingModule
from bmi_dmx.trainer.tasks.reaches.experiment import Experiment
from bmi_dmx.trainer.tasks.reaches.land_runs import LandRuns
from bmi_dmx.trainer.tasks.reaches.task import ReachesTask
from bmi_dmx.trainer.tasks.streamflow.results import read_streamflow

from ...test_resume import Killed, assert_same_run
from .valleys import ATTRIBUTES, DAYS, EXPERIMENT, write_valley


@pytest.fixture(scope="module")
def valley(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The experiment, beside its data; tests must not write there."""
    return write_valley(tmp_path_factory.mktemp("valley"))


@pytest.fixture(scope="module")
def finished(valley: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run; tests must not write into it."""
    return train(valley, root=tmp_path_factory.mktemp("runs"))


@pytest.fixture
def run(valley: Path, tmp_path: Path) -> Callable[..., Path]:
    """Train the experiment with settings."""
    return lambda *settings: train(valley, settings, root=tmp_path / "runs")


def made(valley: Path, *settings: str) -> tuple[ReachesTask, Any]:
    """Return the task and its training, all in double precision, without dropout."""
    module = build(load_experiment(valley, settings))
    assert isinstance(module.task, ReachesTask)
    module.double().eval()
    return module.task, module


# Training


@pytest.mark.parametrize("gives", ["streamflow", "runoff"])
@pytest.mark.parametrize("routed", ["true", "false"])
def test_gauges_teach_the_land(valley: Path, gives: str, routed: str) -> None:
    # Before the windows there is no gradient.
    task, module = made(
        valley, f"land.gives={gives}", f"land.routed={routed}", "land.spin_up=0"
    )
    batch = task.batches.draw()
    assert task.land is not None
    weight = next(
        w for n, w in task.land.model.named_parameters() if n.endswith("weight")
    )

    def loss() -> Tensor:
        return task.loss(module.model, batch)

    loss().backward()
    assert weight.grad is not None
    largest = float(weight.grad.abs().max())
    assert largest > 0.0
    at = divmod(int(weight.grad.abs().argmax()), weight.shape[1])
    for place in (at, (0, 1)):
        with torch.no_grad():
            here, h = weight[place].clone(), 1e-6
            weight[place] = here + h
            above = loss()
            weight[place] = here - h
            below = loss()
            weight[place] = here
        slope = float((above - below) / (2 * h))
        assert float(weight.grad[place]) == pytest.approx(slope, abs=1e-5 * largest)


def test_what_keeps_weights_is_felt_once_they_left(
    valley: Path, finished: Path, tmp_path: Path
) -> None:
    bundle = export(finished, tmp_path / "bundle")
    start = f"land.start={bundle.path}-land"
    task, module = made(valley, start, "land.keep=5.0")
    free, other = made(valley, start)
    batch = task.batches.draw()
    assert task.loss(module.model, batch) == free.loss(other.model, batch)
    for one in (task, free):
        assert one.land is not None
        with torch.no_grad():
            for weight in one.land.model.parameters():
                weight *= 1.1
    apart = task.loss(module.model, batch) - free.loss(other.model, batch)
    assert float(apart.detach()) == pytest.approx(5.0 * 0.01, rel=1e-5)


def test_land_that_does_not_learn_is_the_bundle(
    finished: Path, run: Callable[..., Path], tmp_path: Path
) -> None:
    bundle = export(finished, tmp_path / "bundle")
    path = run(f"land.start={bundle.path}-land", "land.rate=0")
    weights = read_checkpoint(path / "checkpoints" / "last.ckpt")["state_dict"]
    start = load_bundle(f"{bundle.path}-land").weights
    for name, expected in start.items():
        weight = weights[f"companions.land.{name}"].numpy()
        np.testing.assert_array_equal(weight, expected)
    report = evaluate(path, "test", output=path / "scores")
    assert (report.folder / "streamflow.nc").is_file()


def test_files_are_found_beside_the_experiment(tmp_path: Path) -> None:
    land = {**EXPERIMENT["land"], "start": "begun"}
    path = tmp_path / "other.yaml"
    path.write_text(as_yaml({**EXPERIMENT, "land": land}), encoding="utf-8")
    experiment = load_experiment(path)
    assert isinstance(experiment, Experiment)
    assert experiment.land is not None
    assert experiment.land.start == str(tmp_path / "begun")
    assert experiment.land.attributes == str(tmp_path / "land.csv")


@pytest.mark.parametrize("step", [1, 3])
def test_a_resumed_run_equals_an_uninterrupted_one(
    finished: Path,
    run: Callable[..., Path],
    step: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    good = TrainingModule.training_step

    def dying(self: TrainingModule, batch: Any, index: int) -> Tensor:
        if self.global_step == step:
            raise Killed
        return good(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingModule, "training_step", dying)
        with pytest.raises(Killed):
            run()
    (path,) = (tmp_path / "runs").iterdir()
    resume(path)
    assert_same_run(finished, path)
    last = read_checkpoint(path / "checkpoints" / "last.ckpt")["state_dict"]
    assert any(name.startswith("companions.land.static.") for name in last)


# Water


def test_no_water_is_lost_from_the_sky_to_the_outlet(valley: Path) -> None:
    task, module = made(valley)
    module.requires_grad_(False)
    land, data = task.land, task.data.land
    assert land is not None
    assert data is not None
    assert task.routing is not None
    area = torch.from_numpy(data.attributes["area_km2"]) * 1e3
    forcing = {n: torch.from_numpy(x).double() for n, x in data.forcing.items()}
    constants = {n: torch.from_numpy(x) for n, x in data.attributes.items()}
    stores = ("snowpack", "meltwater", "soil_moisture", "upper_zone", "lower_zone")
    ran = land.model.simulate(forcing, constants, outputs=("streamflow", "evaporation"))
    before = land.model.initial_state(len(area))
    gain = sum((ran.state[f"land.{n}"] - before[f"land.{n}"]).mean(-1) for n in stores)
    gain = gain + ran.state["outlet.in_transit"].sum(0)
    rain, vapour = forcing["precipitation"].sum(0), ran.outputs["evaporation"].sum(0)
    runoff = float(((rain - vapour - gain) * area).sum())

    whole = land.whole(task.data)
    lateral = torch.from_numpy(whole.inflow).double().repeat_interleave(24, 0)
    spun = land.data.steps(np.array([0]), 20, len(data.days))[0]
    wet = {n: torch.from_numpy(x[spun]).double() for n, x in data.forcing.items()}
    depth = land.model.simulate(wet, constants, warmup=20, outputs=("streamflow",))
    entered = float((depth.outputs["streamflow"] * area).sum())
    assert float(lateral.sum() * 3600) == pytest.approx(entered, rel=1e-6)
    cold = float((ran.outputs["streamflow"] * area).sum())
    assert cold == pytest.approx(runoff, rel=1e-9)

    forest = task.forests.of(np.arange(2), 1)
    start = task.routing.steady(module.model.on(forest.tree), forest, lateral[0])
    routing = task.routing
    _, state, more = routing.advance(
        module.model, forest, {"lateral_inflow": lateral}, start, ("leaving", "created")
    )
    outlet = forest.outlets[0]
    out = float(more["leaving"][:, outlet].sum() - more["created"].sum()) * 3600
    stored = float((state["river.volume"] - start["river.volume"]).sum())
    assert out + stored == pytest.approx(float(lateral.sum()) * 3600, rel=1e-9)


def test_unrouted_flow_is_the_sum_of_what_enters_above(valley: Path) -> None:
    task, module = made(valley, "land.routed=false")
    assert task.land is not None
    assert task.routing is not None
    batch = task.batches.cut(np.array([0, 1]), np.array([2, 30]))
    flow = task.routing.run(module.model, batch, 3)
    lateral = task.land.inflow(np.arange(5), batch["start"], 13)[3:]
    above = [list(range(5)), [0, 1, 2]]
    for window in range(2):
        inflow = lateral[:, 5 * window : 5 * window + 5]
        for k, reaches in enumerate(above):
            torch.testing.assert_close(
                flow[:, 2 * window + k], inflow[:, reaches].sum(1), rtol=1e-9, atol=0.0
            )


def test_before_the_record_its_first_year_is_repeated(valley: Path) -> None:
    task, _ = made(valley)
    data = task.data.land
    assert data is not None
    steps = data.steps(np.array([0, 2]), 3, 4)
    assert steps[0].tolist() == [DAYS - 3, DAYS - 2, DAYS - 1, 0, 1, 2, 3]
    assert steps[1].tolist() == [DAYS - 1, 0, 1, 2, 3, 4, 5]


# Operation


def test_components_give_the_trained_flow(
    run: Callable[..., Path], valley: Path, tmp_path: Path
) -> None:
    """DeltaHbv by days, the map, and MuskingumCunge by hours."""
    path = run("land.spin_up=0", "evaluation.warmup=200")
    report = evaluate(path, "test", output=tmp_path / "test")
    expected = read_streamflow(report.folder / "streamflow.nc")["simulated"]
    bundle = export(path, tmp_path / "bundle")
    with open(tmp_path / "bundle-land.csv", encoding="utf-8", newline="") as file:
        links = list(csv.DictReader(file))
    land, drains = started_land(valley, tmp_path, links)
    river = MuskingumCunge()
    settings = {
        "bundle": str(bundle.path), "start_time": "2001-01-01",
        "tree": str(valley.with_name("valley.nc")), "state": "hot",
    }  # fmt: skip
    river.initialize(write(tmp_path / "river.yaml", settings))
    flow = []
    weather = weather_of(valley)
    for day in range(DAYS):
        for name, series in weather.items():
            land.set_value(name, series[day])
        land.update()
        depth = land.get_value("streamflow", np.empty(len(links)))
        river.set_value("lateral_inflow", drains.apply(depth))
        if not flow:
            flow.append(river.state()["river.discharge"].copy())
        for _ in range(24):
            river.update()
            flow.append(river.get_value("discharge", np.empty(5)))
    hourly = np.array(flow)[:, [4, 2]]
    means = (0.5 * (hourly[1:] + hourly[:-1])).reshape(DAYS, 24, 2).mean(1)
    np.testing.assert_allclose(means[90 : 90 + len(expected)], expected, rtol=1e-5)


def started_land(
    valley: Path, folder: Path, links: list[dict[str, str]]
) -> tuple[DeltaHbv, Map]:
    """Return the component of the land, and the map from depth to lateral inflow."""
    river = read_river(valley.with_name("valley.nc"))
    names = [row["land"] for row in links]
    whole = river.map_from(names)
    area = np.array([float(row["area_km2"]) for row in links])
    assert {(row["land"], row["reach"]) for row in links} == {
        (n, r) for n in names for r in river.entering[n]
    }
    with open(valley.with_name("land.csv"), encoding="utf-8", newline="") as file:
        table = {row["land"]: row for row in csv.DictReader(file)}
    titles = (*ATTRIBUTES, "area_km2", "latitude")
    land = DeltaHbv()
    settings = {
        "bundle": str(folder / "bundle-land"),
        "start_time": "2001-01-01",
        "time_step": "daily",
        "locations": {
            "ids": names,
            "attributes": {t: [float(table[n][t]) for n in names] for t in titles},
        },
    }
    land.initialize(write(folder / "land.yaml", settings))
    factor = area[whole.columns] / 86.4
    return land, Map(
        whole.source, whole.target, whole.rows, whole.columns,
        whole.weights * factor, conserves=False,
    )  # fmt: skip


def weather_of(valley: Path) -> dict[str, Any]:
    """Return the weather over the land that enters the river."""
    with netCDF4.Dataset(valley.with_name("valley.nc")) as file:
        low, high = (np.asarray(file[n][:7]).T for n in ("tmin", "tmax"))
        rain = np.asarray(file["prcp"][:7]).T
    return {
        "precipitation": rain, "air_temperature": 0.5 * (low + high),
        "air_temperature_min": low, "air_temperature_max": high,
    }  # fmt: skip


def write(path: Path, settings: Any) -> str:
    """Write a configuration; return its path."""
    path.write_text(as_yaml(settings), encoding="utf-8")
    return str(path)


def test_runs_of_several_seeds_are_averaged(
    finished: Path, run: Callable[..., Path], tmp_path: Path
) -> None:
    other = run("seed=4")
    both = evaluate([finished, other], "test", output=tmp_path / "both")
    alone = [
        read_streamflow(
            evaluate(p, "test", output=tmp_path / p.parent.name / p.name).folder
            / "streamflow.nc"
        )
        for p in (finished, other)
    ]
    flows = read_streamflow(both.folder / "streamflow.nc")
    for name in ("simulated", "summed_inflow"):
        mean = np.mean([one[name] for one in alone], axis=0)
        np.testing.assert_allclose(flows[name], mean, rtol=1e-5)


def test_a_checkpoint_holds_both_models(finished: Path, valley: Path) -> None:
    experiment = load_experiment(valley)
    assert isinstance(experiment, Experiment)
    assert experiment.land is not None
    best = finished / "checkpoints" / "best.ckpt"
    task, _ = made(valley)
    assert task.land is not None
    assert task.data.land is not None
    loaded = load_model(best, experiment.land.spec, "land")
    now = LandRuns(experiment.land, task.data.land, loaded).whole(task.data).inflow
    before = task.land.whole(task.data).inflow
    assert np.isfinite(now).all()
    assert not np.allclose(now, before)
    load_model(best, experiment.model)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("land.model=null", "land: expected 'start' or 'model', found neither"),
        ("land.rate=0", "rate: land that learns nothing needs 'start'"),
        ("land.keep=1", "keep: there is no bundle"),
        ("land.gives=streamflw", "land.gives: .*no 'streamflw'.*'streamflow'"),
        ("land.gives=soil_moisture", "'soil_moisture' is in mm, expected a depth in"),
        (
            "land={model: {recipe: dhbv, process: hbv11p, evaporation: oudin,"
            " time_step: hourly, static: {attributes: [p_mean]}}, attributes: land.csv,"
            " forcings: {precipitation: {variable: prcp}, air_temperature: {variable:"
            " tmin}}}",
            "steps are of 3600 s, those of the weather",
        ),
        ("land.forcings.rain={variable: prcp}", "the land reads no 'rain'"),
        ("land.forcings={}", "reads 'precipitation', of which nothing is said"),
        ("land.forcings.precipitation.variable=prc", "no variable 'prc'.*'prcp'"),
        ("land.forcings.precipitation.variable=discharge", "cannot be converted into"),
        ("land.model.static.attributes=[p_mea]", "no column 'p_mea'.*'p_mean'"),
        ("data.inflow.variable=prcp", "inflow.variable: the inflow comes from the"),
        (
            "land.start=dhbv-conus-daily",
            "dhbv-conus-daily was trained with does not fit",
        ),
        (
            "land.start=dhbv-conus-daily-0.1",
            "weights of dhbv-conus-daily-0.1 do not fit",
        ),
    ],
)
def test_what_is_wrong_is_refused(valley: Path, setting: str, message: str) -> None:
    with pytest.raises((ConfigError, DataError, UnitsError), match=message):
        made(valley, setting)
