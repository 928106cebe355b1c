"""Time steps shorter than a day: read, averaged, learned from and scored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from bmi_dmx.compose.other_steps import after_longer_steps
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.models.hydrology.transit import in_shorter_steps
from bmi_dmx.trainer.checkpoint import load_model
from bmi_dmx.trainer.evaluate import evaluate
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build, train
from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.tasks.basins.data import BasinData, DataSpec, portable, read
from bmi_dmx.trainer.tasks.basins.data.attributes import whole_days
from bmi_dmx.trainer.tasks.streamflow.results import read_streamflow

DAYS, BASINS = 40, 4

MODEL: dict[str, Any] = {
    "process": "hbv11p",
    "members": 2,
    "static": {"hidden": [4], "attributes": ["p_mean", "area_km2"]},
    "time_step": "hourly",
}
EXPERIMENT: dict[str, Any] = {
    "name": "hourly",
    "seed": 1,
    "data": {"path": "basins.nc", "attributes": "both"},
    "periods": {
        "train": ["2001-01-03", "2001-01-20"],
        "validation": ["2001-01-21", "2001-01-30"],
        "test": ["2001-01-31", "2001-02-09"],
    },
    "model": MODEL,
    "loss": "mse",
    "training": {
        "steps": 2,
        "batch": 3,
        "warmup": 24,
        "window": 48,
        "validate_every": 1,
        "threads": 1,
    },
}

Make = Callable[..., Path]


def weather(hours: int, days: int = DAYS) -> xr.Dataset:
    """Made weather and flow in steps of some hours, mm per day and degC."""
    rng = np.random.default_rng(0)
    steps = days * 24 // hours
    hour = (np.arange(steps) * hours) % 24
    warmth = 5.0 - 6.0 * np.cos(2 * np.pi * (hour - 3) / 24)[:, None]
    warmth = warmth + rng.normal(0, 2, (steps, BASINS))
    rain = rng.gamma(0.2, 20.0, (steps, BASINS))
    flow = 1.0 + 0.2 * np.cumsum(rain - rain.mean(), axis=0) * hours / 24
    both = ("time", "basin")
    return xr.Dataset(
        {
            "prcp": (both, rain, {"units": "mm d-1"}),
            "tavg": (both, warmth, {"units": "degC"}),
            "pet": (both, np.maximum(warmth, 0) / 5, {"units": "mm d-1"}),
            "qobs": (both, np.maximum(flow, 0.1), {"units": "mm d-1"}),
            "lat": ("basin", np.linspace(30, 50, BASINS), {"units": "degrees_north"}),
            "area": ("basin", np.linspace(10, 900, BASINS), {"units": "km2"}),
        },
        coords={
            "basin": ("basin", list("abcd"), {"cf_role": "timeseries_id"}),
            "time": np.datetime64("2001-01-01", "ns")
            + np.arange(steps) * np.timedelta64(hours, "h"),
        },
    )


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write data of some step, and an experiment on them; return its file."""

    def made(hours: int, **model: Any) -> Path:
        weather(hours).to_netcdf(tmp_path / "basins.nc")
        path = tmp_path / "hourly.yaml"
        content = {**EXPERIMENT, "model": {**MODEL, **model}}
        path.write_text(as_yaml(content), encoding="utf-8")
        return path

    return made


def data_of(path: Path) -> BasinData:
    return read(DataSpec(path="basins.nc", attributes="file"), path.parent)


def test_periods_are_days_and_windows_are_steps(make: Make) -> None:
    path = make(3)
    data = data_of(path)
    day = data.period("2001-01-05", "2001-01-05")
    assert [str(day.time[0]), str(day.time[-1]), len(day.time)] == [
        "2001-01-05T00:00:00", "2001-01-05T21:00:00", 8,
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"2001-02-10 is not .* 2001-02-09T21"):
        data.period("2001-02-09", "2001-02-10")
    batch = next(iter(build(load_experiment(path)).task.batches))
    assert batch["forcing"]["precipitation"].shape == (24 + 48, 3)
    assert batch["target"].shape == (48, 3)
    day_of_year = batch["forcing"].get("day_of_year")
    assert day_of_year is None or set(np.diff(day_of_year[:, 0])) <= {0.0, 1.0}


def test_days_are_means_and_extremes_of_what_lies_in_them(make: Make) -> None:
    data = data_of(make(3))
    part = data.part(slice(2, len(data.time) - 5))
    days = whole_days(part)
    assert [str(days.time[0]), str(days.time[-1])] == ["2001-01-02", "2001-02-08"]
    blocks = weather(3)["tavg"].values[8:-8].reshape(-1, 8, BASINS)
    for name, expected in (
        ("air_temperature", blocks.mean(1)),
        ("air_temperature_min", blocks.min(1)),
        ("air_temperature_max", blocks.max(1)),
    ):
        np.testing.assert_allclose(days.forcing[name], expected, rtol=1e-4, atol=1e-5)
    assert days.seconds == 86400
    with pytest.raises(DataError, match="no whole day from 2001-01-01T06"):
        whole_days(data.part(slice(2, 9)))


def test_climate_is_that_of_days(make: Make) -> None:
    data = data_of(make(1))
    assert portable(data)["p_mean"] == pytest.approx(
        portable(whole_days(data))["p_mean"]
    )
    wet = weather(1)["prcp"].values.reshape(-1, 24, BASINS).mean(1)
    expected = (wet < 1.0).mean(0) * 365.25
    np.testing.assert_allclose(portable(data)["low_prec_freq"], expected, rtol=1e-6)


@pytest.mark.parametrize("hours", [1, 3, 24])
def test_models_are_trained_and_scored_at_any_step_of_the_data(
    make: Make, tmp_path: Path, hours: int
) -> None:
    warmup = 24 if hours < 24 else 1
    settings = ["data.attributes=file", "model.static.attributes=[area_km2, latitude]"]
    settings += [f"training.warmup={warmup}", "training.window=10"]
    path = make(hours)
    run = train(path, settings, root=tmp_path / "runs")
    folder = evaluate(run).folder
    flow = read_streamflow(folder / "streamflow.nc")
    assert len(flow.time) == 10 * 24 // hours
    lead = json.loads((folder / "summary.json").read_text("utf-8"))
    assert lead["warmup_days_before"] == warmup * hours / 24
    # The same by hand: forcing held within a step, the answer averaged over it.
    data = data_of(path)
    part = data.part(slice(30 * 24 // hours - warmup, None))
    experiment = RunFolder(run).experiment()
    model = load_model(RunFolder(run).best, experiment.model)
    hourly = {n: np.repeat(x, hours, axis=0) for n, x in part.forcing.items()}
    with torch.no_grad():
        ran = model.simulate(
            {n: torch.from_numpy(hourly[n]) for n in model.forcings},
            {n: torch.from_numpy(data.attributes[n]) for n in model.attributes},
        ).outputs["streamflow"]
    expected = ran.numpy().reshape(-1, hours, BASINS).mean(1)[warmup:]
    np.testing.assert_allclose(flow["simulated"], expected, rtol=1e-4, atol=1e-6)


OWN_STEP: dict[str, Any] = {
    "system": "hydrology",
    "seconds": 3600,
    "answers": ["streamflow"],
    "parts": {
        "static": {
            "network": "kan", "options": {"grid": 5}, "attributes": ["area_km2"],
            "gives": "all",
        },
        "dynamic": {
            "network": "lstm", "options": {"hidden": 3}, "step": 86400,
            "forcings": ["precipitation", "air_temperature"], "gives": ["beta", "k0"],
        },
        "land": {"process": "hbv11p", "members": 2},
        "outlet": {"process": "direct_outlet"},
    },
}  # fmt: skip


@pytest.mark.parametrize("hours", [3, 24])
def test_networks_of_days_learn_within_models_of_hours(
    make: Make, tmp_path: Path, hours: int
) -> None:
    path = make(hours)
    content = {**EXPERIMENT, "model": OWN_STEP}
    content["data"] = {"path": "basins.nc", "attributes": "file"}
    path.write_text(as_yaml(content), encoding="utf-8")
    warmup = 24 // hours
    settings = [f"training.warmup={warmup}", "training.window=8"]
    task = build(load_experiment(path, settings)).task
    starts = np.flatnonzero(task.batches.usable.any(axis=0))
    assert set(starts % (24 // hours)) == {0}
    # Networks read means of days, and so these are what is normalised.
    days = whole_days(data_of(path).part(slice(2 * warmup, 20 * warmup)))
    rain = days.forcing["precipitation"]
    moments = task.statistics()["precipitation"]
    assert [moments.mean, moments.std] == pytest.approx([rain.mean(), rain.std()], 1e-5)
    run = train(path, settings, root=tmp_path / "runs")
    folder = evaluate(run).folder
    assert np.isfinite(read_streamflow(folder / "streamflow.nc")["simulated"]).all()
    if hours < 24:
        message = r"warmup: 2001-01-20T21:00:00 is in the middle of a step of the netw"
        with pytest.raises(ConfigError, match=message):
            train(path, [*settings, "evaluation.warmup=1"])


def test_steps_of_the_model_make_up_those_of_the_data(make: Make) -> None:
    path = make(3, time_step="daily")
    message = (
        r"hourly\.yaml: model\.time_step: steps of 86400 s do not divide those of the "
        "data, 10800 s"
    )
    with pytest.raises(ConfigError, match=message):
        train(path, ["training.window=3"])


def test_a_window_fits_into_the_training_period_in_steps_of_the_data(
    make: Make,
) -> None:
    path = make(3)
    message = r"training\.window: 24 \+ 150 steps do not fit into the 160 steps from"
    with pytest.raises(ConfigError, match=message):
        train(path, ["training.window=150"])


def test_rain_is_more_intense_within_a_day(make: Make) -> None:
    path = make(1)
    data = weather(1)
    data["prcp"][3, 1] = 9000.0
    data.to_netcdf(path.parent / "basins.nc")
    assert data_of(path).forcing["precipitation"][3, 1] == 9000.0
    data["prcp"][3, 1] = 30000.0
    data.to_netcdf(path.parent / "basins.nc")
    with pytest.raises(DataError, match="30000 mm d-1 on 2001-01-01T03:00:00, expec"):
        data_of(path)


def test_windows_of_hours_are_warmed_up_in_days(make: Make) -> None:
    settings = ["data.attributes=file", "model.static.attributes=[area_km2, latitude]"]
    settings += ["training.warmup=96", "training.window=10", "model.routing=gamma"]
    answers, states = {}, {}
    for step in ("own", "daily"):
        setup = build(
            load_experiment(make(1), [*settings, f"training.warmup_step={step}"])
        )
        task, model = setup.task, setup.model.eval()
        batch = next(iter(task.batches))
        answers[step] = task.answers(model, batch)["streamflow"]
        states[step] = batch["forcing"]["precipitation"]
    torch.testing.assert_close(states["own"], states["daily"])
    assert answers["daily"].shape == (10, 3)
    assert not torch.equal(answers["own"], answers["daily"])
    # By hand: the means of days through the model, the rest from its state.
    with torch.no_grad():
        days = after_longer_steps(
            model,
            {n: x[:96] for n, x in batch["forcing"].items()},
            batch["attributes"], 24, in_shorter_steps,
        )  # fmt: skip
        rest = {n: x[96:] for n, x in batch["forcing"].items()}
        ran = model.simulate(rest, batch["attributes"], state=days)
    torch.testing.assert_close(answers["daily"], ran.outputs["streamflow"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["training.warmup=30"], r"warmup: .* whole days, found 30 steps of 3600 s"),
        (["model.time_step=daily"], "'daily' is for models of shorter steps, found"),
    ],
)
def test_a_warm_up_that_cannot_be_daily_is_refused(
    make: Make, settings: list[str], message: str
) -> None:
    common = ["data.attributes=file", "model.static.attributes=[area_km2, latitude]"]
    common += ["training.warmup_step=daily", "training.window=10"]
    with pytest.raises(ConfigError, match=message):
        build(load_experiment(make(1), [*common, *settings]))


BEFORE = [
    "data.attributes=file", "model.static.attributes=[area_km2, latitude]",
    "model.dynamic={parameters: [beta], forcings: [precipitation, air_temperature],"
    " attributes: [area_km2], hidden: 3, daily: {options: {hidden: 5}}}",
    "training.warmup=96", "training.window=10", "training.warmup_step=daily",
    "training.warmup_gradient=true",
]  # fmt: skip


def test_a_network_of_days_learns_and_is_scored_before_that_of_hours(
    make: Make, tmp_path: Path
) -> None:
    path = make(1)
    run = train(path, [*BEFORE, "training.steps=4"], root=tmp_path / "runs")
    flow = read_streamflow(evaluate(run).folder / "streamflow.nc")
    model = load_model(RunFolder(run).last, RunFolder(run).experiment().model)
    maps = model.network("daily").transfer.maps
    # Zero at first, so that it says whether anything was learned.
    assert maps["hidden"].weight.abs().min() > 0.0
    best = load_model(RunFolder(run).best, RunFolder(run).experiment().model)
    data = data_of(path)
    part = data.part(slice(30 * 24 - 96, None))
    forcing = {n: torch.from_numpy(part.forcing[n].copy()) for n in best.forcings}
    places = {n: torch.from_numpy(data.attributes[n]) for n in best.attributes}
    with torch.no_grad():
        past = {n: x[:96] for n, x in forcing.items()}
        state = after_longer_steps(best, past, places, 24, in_shorter_steps)
        ahead = {n: x[96:] for n, x in forcing.items()}
        ran = best.simulate(ahead, places, state=state).outputs["streamflow"]
    np.testing.assert_allclose(flow["simulated"], ran.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.warmup_step=own", r"warmup_step: found 'own', expected 'daily': th"),
        ("training.warmup_gradient=false", r"gradient: found False, expected True"),
        ("training.warmup=0", r"training\.warmup: found 0, expected days for the netw"),
        ("evaluation.warmup=30", r"evaluation\.warmup: .* whole days, found 30 steps"),
        (
            "model.dynamic.daily.transfer=cubic",
            "transfer: unknown value 'cubic'; known: li",
        ),
        ("model.time_step=daily", r"dynamic\.daily: is for time_step 'hourly', found"),
    ],
)
def test_a_network_of_days_that_would_not_learn_is_refused(
    make: Make, setting: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        build(load_experiment(make(1), [*BEFORE, setting]))


def test_a_record_without_whole_days_before_the_validation_is_refused(
    make: Make,
) -> None:
    path = make(1)
    late = weather(1).isel(time=slice(7, None))
    late.to_netcdf(path.parent / "basins.nc")
    settings = [*BEFORE, "periods.train=[2001-01-10, 2001-01-20]"]
    build(load_experiment(path, settings))
    message = r"warmup: 473 steps of 3600 s from 2001-01-01T07:00:00 on are no whole d"
    with pytest.raises(ConfigError, match=message):
        build(load_experiment(path, [*settings, "evaluation.warmup=480"]))
