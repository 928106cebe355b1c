"""Run folders of NeuralHydrology become bundles that give the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.bundle import load_bundle
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.importing import write_imported

HIDDEN = 5
INPUTS = ["prcp(mm/day)", "tmax(C)", "tmin(C)", "vp(Pa)"]
ATTRIBUTES = ["elev_mean", "aridity"]
FLOW = "QObs(mm/d)"
CENTER = dict(zip([*INPUTS, FLOW], [3.0, 14.0, 3.0, 900.0, -0.6], strict=True))
SCALE = dict(zip([*INPUTS, FLOW], [7.0, 10.0, 9.0, 500.0, 3.0], strict=True))
MEANS = {"elev_mean": 600.0, "aridity": 1.1}
STDS = {"elev_mean": 400.0, "aridity": 0.5}
CONFIG: dict[str, Any] = {
    "experiment_name": "small",
    "dataset": "camels_us",
    "model": "cudalstm",
    "head": "regression",
    "output_activation": "linear",
    "hidden_size": HIDDEN,
    "dynamic_inputs": INPUTS,
    "static_attributes": ATTRIBUTES,
    "target_variables": [FLOW],
    "clip_targets_to_zero": [FLOW],
    "seq_length": 30,
    "seed": 1,
}


class Network(torch.nn.Module):
    """The arrays of such a run, by their names."""

    def __init__(self, inputs: int = len(INPUTS) + len(ATTRIBUTES)) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(inputs, HIDDEN)
        self.head = torch.nn.Module()
        self.head.net = torch.nn.Sequential(torch.nn.Linear(HIDDEN, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.head.net(self.lstm(x)[0])[..., 0]
        return answer


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "small_2911_101010"
    (folder / "train_data").mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(Network().state_dict(), folder / "model_epoch001.pt")
    torch.save(Network().state_dict(), folder / "model_epoch002.pt")
    configured(folder)
    series = {
        f"xarray_feature_{key}": {
            "coords": {}, "attrs": {}, "dims": {},
            "data_vars": {n: {"dims": [], "data": x} for n, x in moments.items()},
        }
        for key, moments in {"center": CENTER, "scale": SCALE}.items()
    }  # fmt: skip
    moments = {**series, "attribute_means": MEANS, "attribute_stds": STDS}
    scaler = folder / "train_data" / "train_data_scaler.yml"
    scaler.write_text(as_yaml(moments), encoding="utf-8")
    return folder


def configured(folder: Path, **changes: Any) -> None:
    text = as_yaml({**CONFIG, **changes})
    (folder / "config.yml").write_text(text, encoding="utf-8")


def test_the_bundle_gives_the_numbers_of_the_network(run: Path, tmp_path: Path) -> None:
    path, remarks = write_imported("neuralhydrology", run, (), tmp_path / "bundle")
    rng = np.random.default_rng(0)
    x = rng.normal(0.0, 1.0, (60, 3, len(INPUTS))).astype("f4")
    a = rng.normal(0.0, 1.0, (3, len(ATTRIBUTES))).astype("f4")
    network = Network()
    network.load_state_dict(torch.load(run / "model_epoch002.pt", weights_only=True))
    # Attributes follow in the order of the alphabet.
    fixed = torch.from_numpy(a[:, [1, 0]]).expand(60, 3, 2)
    with torch.no_grad():
        raw = network(torch.cat([torch.from_numpy(x), fixed], -1))
    expected = (raw * SCALE[FLOW] + CENTER[FLOW]).clamp(min=0.0)
    model = load_bundle(path).model()
    names = ("precipitation", "air_temperature_max", "air_temperature_min", "vp")
    forcing = {
        key: torch.from_numpy(x[..., k] * SCALE[theirs] + CENTER[theirs])
        for k, (key, theirs) in enumerate(zip(names, INPUTS, strict=True))
    }
    places = {
        name: torch.from_numpy(a[:, k] * STDS[name] + MEANS[name])
        for k, name in enumerate(ATTRIBUTES)
    }
    with torch.no_grad():
        ran = model.simulate(forcing, places, outputs=["streamflow"])
    torch.testing.assert_close(
        ran.outputs["streamflow"], expected, rtol=1e-5, atol=2e-6
    )
    assert bool((expected == 0.0).any())
    assert bool((expected > 0.1).any())
    assert any(remark.startswith("seq_length: ") for remark in remarks)
    assert not any(remark.startswith("clip_targets") for remark in remarks)


def test_name_and_licence_are_as_they_are_set(run: Path, tmp_path: Path) -> None:
    settings = ["licence=MIT", "name=theirs"]
    path, _ = write_imported("neuralhydrology", run, settings, tmp_path / "bundle")
    manifest = load_bundle(path).manifest
    assert (manifest.name, manifest.licence) == ("theirs", "MIT")
    assert manifest.provenance["epoch"] == 2
    with pytest.raises(ConfigError, match="unknown key; did you mean 'licence'"):
        write_imported("neuralhydrology", run, ["license=MIT"], tmp_path / "other")


def test_what_is_one_need_not_be_a_list(run: Path, tmp_path: Path) -> None:
    path, _ = write_imported("neuralhydrology", run, (), tmp_path / "listed")
    configured(
        run, target_variables=FLOW, clip_targets_to_zero=FLOW, use_frequencies="D"
    )
    alone, _ = write_imported("neuralhydrology", run, (), tmp_path / "alone")
    assert load_bundle(alone).fingerprint == load_bundle(path).fingerprint


def test_flow_that_was_negative_is_cut_off_and_that_is_said(
    run: Path, tmp_path: Path
) -> None:
    configured(run, clip_targets_to_zero=[])
    _, remarks = write_imported("neuralhydrology", run, (), tmp_path / "bundle")
    assert any(remark.startswith("clip_targets_to_zero: ") for remark in remarks)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("model", "mclstm", "model: found 'mclstm', expected 'cudalstm'"),
        ("model", "odelstm", "model: found 'odelstm', expected 'cudalstm'"),
        ("head", "gmm", "head: found 'gmm', expected 'regression'"),
        ("output_activation", "relu", "found 'relu', expected 'linear'"),
        ("statics_embedding", {"type": "fc"}, "statics_embedding: found"),
        ("autoregressive_inputs", ["QObs_shift1"], "autoregressive_inputs: found"),
        ("target_variables", [FLOW, "et"], "target_variables: found QObs"),
        ("use_frequencies", ["1D", "1h"], "use_frequencies: found"),
        ("dynamic_inputs", ["prcp(cubits)"], "unknown units 'cubits'"),
        ("dynamic_inputs", [], "dynamic_inputs: expected at least one"),
        ("dynamic_inputs", {"1D": INPUTS}, "dynamic_inputs: found .*, expected a list"),
        ("use_frequencies", "2D", r"use_frequencies: found \['2D'\]"),
    ],
)
def test_what_is_not_taken_over_is_refused_by_its_key(
    run: Path, tmp_path: Path, key: str, value: Any, expected: str
) -> None:
    configured(run, **{key: value})
    with pytest.raises(ConfigError, match=expected) as error:
        write_imported("neuralhydrology", run, (), tmp_path / "bundle")
    assert str(run / "config.yml") in str(error.value)
    assert not (tmp_path / "bundle").exists()


def test_weights_that_are_no_arrays_are_not_run(run: Path, tmp_path: Path) -> None:
    torch.save(Network(), run / "model_epoch003.pt")
    with pytest.raises(DataError, match="expected arrays by name, and nothing else"):
        write_imported("neuralhydrology", run, (), tmp_path / "bundle")


def test_weights_cut_short_are_refused(run: Path, tmp_path: Path) -> None:
    whole = (run / "model_epoch002.pt").read_bytes()
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        (run / "model_epoch003.pt").write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"model_epoch003.pt: expected arrays"):
            write_imported("neuralhydrology", run, (), tmp_path / "bundle")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("head.net.0.bias", torch.tensor([torch.nan]), "holds values that are no num"),
        ("head.net.0.bias", 3.0, "expected an array of real numbers"),
        ("head.net.0.bias", torch.tensor([1]), "expected an array of real numbers"),
        ("lstm.weight_hh_l0", torch.tensor(1.0), "found 0 dimensions"),
    ],
)
def test_weights_that_are_no_numbers_are_refused(
    run: Path, tmp_path: Path, name: str, value: Any, expected: str
) -> None:
    weights = {**Network().state_dict(), name: value}
    torch.save(weights, run / "model_epoch003.pt")
    with pytest.raises(DataError, match=f"model_epoch003.pt: {name}: {expected}"):
        write_imported("neuralhydrology", run, (), tmp_path / "bundle")


def test_a_width_that_the_weights_do_not_have_is_refused(
    run: Path, tmp_path: Path
) -> None:
    configured(run, hidden_size=HIDDEN + 1)
    with pytest.raises(ConfigError, match="hidden_size: found 6, but model_epoch002"):
        write_imported("neuralhydrology", run, (), tmp_path / "bundle")


def test_the_last_epoch_is_taken_by_its_number(run: Path, tmp_path: Path) -> None:
    for name in ("model_epoch1000.pt", "model_epoch999.pt", "model_epoch_best.pt"):
        torch.save(Network().state_dict(), run / name)
    path, _ = write_imported("neuralhydrology", run, (), tmp_path / "bundle")
    assert load_bundle(path).manifest.provenance["epoch"] == 1000


def test_weights_of_another_shape_are_refused(run: Path, tmp_path: Path) -> None:
    torch.save(Network(9).state_dict(), run / "model_epoch003.pt")
    with pytest.raises(DataError, match=r"lstm.weight_ih_l0 has shape \(20, 9\)"):
        write_imported("neuralhydrology", run, (), tmp_path / "bundle")


def test_products_of_one_forcing_keep_their_names(run: Path, tmp_path: Path) -> None:
    names = ["prcp(mm/day)_daymet", "prcp(mm/day)_maurer", "tmax(C)_daymet", "vp(Pa)"]
    configured(run, dynamic_inputs=names)
    scaler = run / "train_data" / "train_data_scaler.yml"
    text = scaler.read_text(encoding="utf-8")
    for theirs, key in zip(INPUTS, names, strict=True):
        text = text.replace(f"{theirs}:", f"{key}:")
    scaler.write_text(text, encoding="utf-8")
    path, _ = write_imported("neuralhydrology", run, (), tmp_path / "bundle")
    forcings = [f.name for f in load_bundle(path).model().plan.forcings]
    products = ["precipitation_daymet", "precipitation_maurer"]
    assert forcings == [*products, "air_temperature_max", "vp"]
