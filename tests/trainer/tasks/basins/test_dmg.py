"""Runs of δMG become bundles that give the same numbers, in both conventions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from bmi_dmx import Component
from bmi_dmx.bundle import Bundle, load_bundle
from bmi_dmx.compose import Model
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.evaluate import score
from bmi_dmx.trainer.importing import ImportedModel, write_imported
from bmi_dmx.trainer.requests import ScoringRequest
from bmi_dmx.trainer.tasks.basins import scoring
from bmi_dmx.trainer.tasks.basins.dmg import imported
from bmi_dmx.trainer.tasks.streamflow.results import read_streamflow
from bmi_dmx.trainer.window_ends import as_trained

from .dmg_files import (
    ATTRIBUTES,
    CHANGING,
    FORCINGS,
    HIDDEN,
    configuration,
    random_weights,
    restated_flow,
    weather,
    write_run,
)

WARMUP = 25
NAMES = ("precipitation", "air_temperature", "potential_evaporation")
PLACES = ("p_mean", "area_km2", "elevation_mean", "sand_frac")


@pytest.fixture(scope="module", params=["Hbv", "Hbv_1_1p"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def run(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp(name) / "run", name)


@pytest.fixture(scope="module")
def bundle(run: Path) -> Bundle:
    path, _ = write_imported("dmg", run, (), run.parent / "bundle")
    return load_bundle(path)


def model_of(path: Path) -> ImportedModel:
    """Return the model of a run, which no bundle is made of."""
    one = imported(path)
    assert isinstance(one, ImportedModel)
    return one


def flow(model: Model, x: np.ndarray, a: np.ndarray, warmup: int) -> np.ndarray:
    """Return streamflow after a warm-up in mm per day."""
    forcing = {n: torch.from_numpy(x[..., k]) for k, n in enumerate(NAMES)}
    places = {n: torch.from_numpy(a[:, k]) for k, n in enumerate(PLACES)}
    with torch.no_grad():
        ran = model.simulate(forcing, places, warmup=warmup, outputs=["streamflow"])
    return np.asarray(ran.outputs["streamflow"].numpy(), float)


def test_constants_are_means_of_what_came_so_far_in_operation(
    bundle: Bundle, name: str, run: Path
) -> None:
    x, a = weather()
    expected = restated_flow(run, name, x, a, lambda day, _: day, over=30)
    simulated = flow(bundle.model(), x, a, 0)
    assert expected.max() > 1.0
    np.testing.assert_allclose(simulated, expected, rtol=1e-5, atol=1e-5)


def read_of(name: str, days: int) -> Callable[[int, str], int]:
    """Return of which day a parameter is in the published convention."""

    def read_at(day: int, parameter: str) -> int:
        if name == "Hbv" and day < WARMUP:
            return WARMUP - 1
        return day if parameter in CHANGING[name] else days - 1

    return read_at


def test_the_last_day_decides_as_it_did_in_training(
    bundle: Bundle, name: str, run: Path
) -> None:
    x, a = weather()
    read_at = read_of(name, len(x))
    expected = restated_flow(run, name, x, a, read_at)[WARMUP:]
    simulated = flow(as_trained(bundle, bundle.model()), x, a, WARMUP)
    np.testing.assert_allclose(simulated, expected, rtol=1e-5, atol=1e-5)
    assert np.abs(simulated - flow(bundle.model(), x, a, WARMUP)).max() > 0.1


def test_behind_bmi_steps_give_the_batch_run(bundle: Bundle, tmp_path: Path) -> None:
    x, a = weather()
    settings = {
        "bundle": str(bundle.path),
        "start_time": "2000-01-01",
        "time_step": "daily",
        "locations": {
            "ids": ["one", "two"],
            "attributes": {n: a[:, k].tolist() for k, n in enumerate(PLACES)},
        },
    }
    file = tmp_path / "run.yaml"
    file.write_text(as_yaml(settings), encoding="utf-8")
    component = Component()
    component.initialize(str(file))
    rows = []
    for day in x:
        for k, forcing in enumerate(NAMES):
            component.set_value(forcing, day[:, k].copy())
        component.update()
        rows.append(component.get_value_ptr("streamflow").copy())
    np.testing.assert_allclose(
        rows, flow(bundle.model(), x, a, 0), rtol=1e-5, atol=1e-6
    )


def test_what_is_printed_tells_both_conventions_and_the_licence(tmp_path: Path) -> None:
    text = "\n".join(imported(write_run(tmp_path / "run")).remarks)
    for words in (
        "constants (fc, k1, k2, lp, perc, uzl, tt, cfmax, cfr, cwh, c, routing_a, rout",
        "this is what dmx run, BMI and NextGen give",
        "dmx evaluate BUNDLE --data DATA --window-end scores them so",
        "under the terms of who trained them",
        "a missing attribute is refused",
        "area_gages2 is area_km2",
    ):
        assert words in text


def test_a_bundle_tells_what_it_was_trained_as(bundle: Bundle, name: str) -> None:
    manifest = bundle.manifest
    assert manifest.licence == "LicenseRef-unknown"
    assert manifest.provenance["imported"] == "dmg"
    assert manifest.provenance["epoch"] == 50
    assert manifest.provenance["periods"] == {"train": ["1999-10-01", "2008-09-30"]}
    ends = manifest.provenance["window_ends"]["dynamic"]
    assert ends["warmup"] == {"Hbv": "constant", "Hbv_1_1p": "shared"}[name]
    assert not set(ends["parameters"]) & set(CHANGING[name])


# Variants of the model


def test_without_betaet_among_the_changing_1_0_has_none(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", "Hbv", dynamic_params={"Hbv": ["parBETA"]})
    network = model_of(folder).model.spec.parts["dynamic"]
    assert "betaet" not in network.gives
    assert len(network.gives) == 12 + 2


def test_without_routing_runoff_is_the_flow(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", routing=False)
    model = model_of(folder).model.double()
    x, a = weather(20)
    forcing = {n: torch.from_numpy(x[..., k]) for k, n in enumerate(NAMES)}
    places = {n: torch.from_numpy(a[:, k]) for k, n in enumerate(PLACES)}
    outputs = model.simulate(forcing, places, outputs=["streamflow", "runoff"]).outputs
    torch.testing.assert_close(outputs["streamflow"], outputs["runoff"])


def test_older_names_of_keys_mean_the_same(tmp_path: Path) -> None:
    whole = write_run(tmp_path / "run")
    settings = configuration()
    model, train = settings.pop("model"), settings["train"]
    phy, network = model.pop("phy"), model.pop("nn")
    older = {
        **{key: settings[key] for key in ("mode", "test", "device", "gpu_id")},
        "random_seed": settings["seed"],
        "save_path": "results",
        "train": {
            key: train[key] for key in ("start_time", "end_time", "target", "epochs")
        },
        "loss_function": {"model": "RmseLossFlowComb"},
        "dpl_model": {
            "rho": 30,
            "nmul": phy.pop("nmul"),
            "phy_model": {
                "model": ["HBV_1_1p"],
                "warm_up": 365,
                "warm_up_states": phy["warmup_states"],
                "dy_params": {"HBV_1_1p": ["parBETA", "parK0", "parBETAET"]},
                "use_log_norm": [],
                "forcings": FORCINGS,
            },
            "nn_model": {
                "model": "LSTM",
                "hidden_size": HIDDEN,
                "learning_rate": 1.0,
                "forcings": network["forcings"],
                "attributes": network["attributes"],
            },
        },
    }
    older_run = write_run(tmp_path / "older")
    (older_run / "config.yaml").write_text(as_yaml(older), encoding="utf-8")
    weights = older_run / "hbv_1_1p_ep50.pt"
    weights.rename(older_run / "HBV_1_1p_model_Ep50.pt")
    one, other = model_of(whole), model_of(older_run)
    assert one.provenance["window_ends"] == other.provenance["window_ends"]
    assert one.model.spec == other.model.spec
    weights = other.model.state_dict()
    for array, x in one.model.state_dict().items():
        assert torch.equal(weights[array], x)


def test_weights_of_the_tested_epoch_are_taken(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    other = random_weights(14 * 3 + 2, seed=1)
    torch.save(other, folder / "hbv_1_1p_ep100.pt")
    torch.save({"optimizer_state_dict": {}}, folder / "trainer_state_ep100.pt")
    assert model_of(folder / "config.yaml").provenance["epoch"] == 50
    (folder / "hbv_1_1p_ep50.pt").unlink()
    last = model_of(folder)
    assert last.provenance["epoch"] == 100
    assert any("there are none of test.test_epoch, 50" in r for r in last.remarks)


def test_copies_that_a_run_on_a_processor_leaves_are_no_matter(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    file = folder / "hbv_1_1p_ep50.pt"
    weights = torch.load(file, weights_only=True)
    weights["nn_model.lstm.lstm.weight_ih_l0"] = weights["nn_model.lstm.w_ih"]
    torch.save(weights, file)
    assert model_of(folder).provenance["epoch"] == 50


# What is refused


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "model.phy.name",
            ["Hbv_2_1_hourly"],
            "'hbv21_hourly' has its equations",
        ),
        ("model.phy.name", ["Hbv_2"], r"expected Hbv \(1.0\) or Hbv_1_1p; 'hbv20' has"),
        ("model.phy.name", ["HbvAdj"], "'hbv_implicit' has its equations"),
        ("model.phy.name", ["Hbv_2_mts"], "model.phy.name: found 'Hbv_2_mts'"),
        ("model.phy.name", ["Hbv", "Hbv_1_1p"], "expected one model; import each"),
        ("model.nn.name", "LstmMlpModel", "expected CudnnLstmModel or LstmModel"),
        ("model.nn.hidden_size", 7, "found 7, but hbv_1_1p_ep50.pt holds a network of"),
        ("model.nn.forcings", ["prcp", "srad"], "unknown 'srad'.*expected prcp, tmean"),
        ("model.nn.hidden_sise", 6, "unknown key.*hidden_size"),
        ("model.phy.muwts", [0.5, 0.5], "model.phy.muwts: found .* expected nothing"),
        ("model.phy.comprout", True, "members are averaged before they are routed"),
        (
            "model.phy.dynamic_params",
            {"Hbv_1_1p": ["parBET"]},
            "mean 'parBETA'",
        ),
        ("model.phy.dynamic_params", {"Hbv": ["parBETA"]}, "expected 'Hbv_1_1p'"),
        ("model.flow_regime", "low", "model.flow_regime: found 'low', expected none"),
        ("model.use_log_norm", ["srad"], "'srad' is no input of the network"),
        ("model.warm_up", 30, "model.warm_up: found 30, but 365 under its newer name"),
        (
            "train.target",
            ["streamflow", "AET_hydro"],
            "train.target: found stream",
        ),
        ("multimodel_type", "nn_parallel", "multimodel_type 'nn_parallel'"),
        ("modell", {}, "unknown key.*model"),
    ],
)
def test_what_is_not_taken_over_is_refused_by_its_key(
    tmp_path: Path, key: str, value: Any, message: str
) -> None:
    folder = write_run(tmp_path / "run")
    settings = configuration()
    *above, last = key.split(".")
    block = settings
    for part in above:
        block = block[part]
    block[last] = value
    (folder / "config.yaml").write_text(as_yaml(settings), encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as error:
        write_imported("dmg", folder, (), tmp_path / "bundle")
    assert str(folder / "config.yaml") in str(error.value)
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("sand_frac"), "no statistics of 'sand_frac'"),
        (lambda s: s.update(pet=[1.0, 2.0]), "pet: found .* expected four numbers"),
        (lambda s: s.update(pet=[0, 1, 2, 0]), "pet: std: expected a number above 0"),
    ],
)
def test_statistics_that_do_not_serve_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], message: str
) -> None:
    folder = write_run(tmp_path / "run")
    file = folder / "normalization_statistics.json"
    statistics = json.loads(file.read_text(encoding="utf-8"))
    change(statistics)
    file.write_text(json.dumps(statistics), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        write_imported("dmg", folder, (), tmp_path / "bundle")


def test_files_that_are_missing_are_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    (folder / "normalization_statistics.json").unlink()
    with pytest.raises(DataError, match=r"no normalization_statistics\.json"):
        write_imported("dmg", folder, (), tmp_path / "bundle")
    (folder / "hbv_1_1p_ep50.pt").unlink()
    with pytest.raises(DataError, match=r"no weights such as hbv_ep50\.pt"):
        write_imported("dmg", folder, (), tmp_path / "bundle")
    (folder / "config.yaml").unlink()
    with pytest.raises(ConfigError, match=r"found no configuration, expected one of"):
        write_imported("dmg", folder, (), tmp_path / "bundle")


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", nmul=4)
    file = folder / "hbv_1_1p_ep50.pt"
    torch.save(random_weights(14 * 3 + 2), file)
    with pytest.raises(DataError, match="gives 44 numbers, the configuration asks"):
        write_imported("dmg", folder, (), tmp_path / "bundle")
    weights = random_weights(14 * 4 + 2)
    weights["nn_model.linear_in.weight"] = torch.zeros(HIDDEN, len(ATTRIBUTES))
    torch.save(weights, file)
    with pytest.raises(DataError, match=r"linear_in.weight has shape \(6, 4\)"):
        write_imported("dmg", folder, (), tmp_path / "bundle")


def test_weights_that_are_code_are_not_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    torch.save(torch.nn.Linear(2, 2), folder / "hbv_1_1p_ep50.pt")
    with pytest.raises(DataError, match="expected arrays by name, and nothing else"):
        write_imported("dmg", folder, (), tmp_path / "bundle")


# Scores


@pytest.fixture
def basins(tmp_path: Path) -> Path:
    """Write the weather of two basins, whose observed flow is made up."""
    x, a = weather()
    series = {"prcp": "mm day-1", "tmean": "degC", "pet": "mm day-1"}
    units = {"area_km2": "km2", "elevation_mean": "m", "p_mean": "mm day-1"}
    over = ("time", "basin")
    rain = np.abs(x[..., 0] - 3.0)
    variables = {
        **{
            n: (over, x[..., k], {"units": u})
            for k, (n, u) in enumerate(series.items())
        },
        "qobs": (over, rain, {"units": "mm day-1"}),
        **{
            n: ("basin", a[:, k], {"units": units.get(n, "1")})
            for k, n in enumerate(PLACES)
        },
    }
    days = np.datetime64("2000-01-01", "ns") + np.arange(len(x)) * np.timedelta64(
        1, "D"
    )
    coordinates = {"time": days.astype("M8[ns]"), "basin": ["one", "two"]}
    file = tmp_path / "basins.nc"
    xr.Dataset(variables, coordinates).to_netcdf(file)
    return file


@pytest.mark.parametrize("window_end", [False, True])
def test_scores_are_of_the_convention_that_is_asked_for(
    bundle: Bundle,
    basins: Path,
    tmp_path: Path,
    window_end: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scoring, "draw", lambda *_, **__: None)
    first = date(2000, 1, 1) + timedelta(days=WARMUP)
    x, a = weather()
    last = date(2000, 1, 1) + timedelta(days=len(x) - 1)
    request = ScoringRequest(
        data=basins, settings=("data.attributes=file",), period=(first, last),
        warmup=WARMUP, window_end=window_end, output=tmp_path / "out",
    )  # fmt: skip
    report = score(bundle.path, request)
    model = bundle.model()
    model = as_trained(bundle, model) if window_end else model
    scored = read_streamflow(report.folder / "streamflow.nc")["simulated"]
    np.testing.assert_allclose(scored, flow(model, x, a, WARMUP), rtol=1e-5, atol=1e-5)
    words = "NOT AS IN OPERATION" if window_end else "as in operation; --window-end"
    assert any(words in note for note in report.notes)


def test_what_was_not_trained_so_cannot_be_scored_so(basins: Path) -> None:
    request = ScoringRequest(data=basins, window_end=True)
    with pytest.raises(ConfigError, match="no parameter was that of the end of a wind"):
        score("dhbv-conus-daily", request)
