"""Configurations of DDR become experiments, and what differs is said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from bmi_dmx.cli import main
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer.checkpoint import load_model
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build, train
from bmi_dmx.trainer.importing import write_imported
from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.tasks.reaches.ddr import imported

WHOLE: dict[str, Any] = {
    "defaults": ["_self_", {"hydra": "settings"}],
    "mode": "training",
    "geodataset": "merit",
    "name": "ddr-v${oc.env:DDR_VERSION,dev}-${geodataset}",
    "device": 0,
    "seed": 42,
    "np_seed": 1,
    "data_sources": {
        "conus_adjacency": "${oc.env:DDR_FOLDER,nowhere}/merit.zarr",
        "streamflow": "s3://bucket/q_prime",
        "observations": "gages.nc",
        "gages": "gages.csv",
        "statistics": "data/statistics",
    },
    "experiment": {
        "batch_size": 2,
        "start_time": "2000/03/01",
        "end_time": "2000/07/28",
        "checkpoint": "old.pt",
        "epochs": 3,
        "rho": 30,
        "warmup": 5,
        "shuffle": True,
        "learning_rate": {1: 1e-3, 3: 5e-4},
    },
    "params": {
        "parameter_ranges": {"n": [0.015, 0.25], "p_spatial": [1, 300]},
        "log_space_parameters": ["p_spatial"],
        "attribute_minimums": {"slope": 1e-4, "depth": 0.01},
        "use_leakance": False,
        "tau": 9,
    },
    "kan": {
        "hidden_size": 5,
        "input_var_names": ["wooded", "drainage_area_km2"],
        "num_hidden_layers": 2,
        "learnable_parameters": ["q_spatial", "p_spatial", "K_D_delta"],
        "grid": 50,
        "k": 2,
    },
    "cuda_lstm": {
        "hidden_size": 4,
        "num_layers": 1,
        "dropout": 0.5,
        "forcing_var_names": ["P", "PET", "Temp"],
        "input_var_names": ["wooded"],
        "learnable_parameters": ["d_gw", "n"],
    },
}
"""All the keys of the file that belong to the published training guide."""

SAMPLE = ("data={river: sample, days: {utc_offset: -6}}", "training.threads=1")


def changed(data: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return the file with a value replaced, or taken away where it is None."""
    first, _, rest = key.partition(".")
    copy = dict(data)
    copy[first] = changed(copy[first], rest, value) if rest else value
    if copy[first] is None:
        del copy[first]
    return copy


def written(folder: Path, data: Any) -> Path:
    path = folder / "ddr.yaml"
    path.write_text(as_yaml(data), encoding="utf-8")
    return path


def test_every_key_of_the_file_is_taken_over_or_spoken_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DDR_FOLDER", "/data")
    conversion = imported(written(tmp_path, WHOLE))
    e = conversion.experiment
    assert [e["name"], e["seed"], e["task"]] == ["ddr-vdev-merit", 42, "reaches"]
    assert e["data"] == {
        "river": "/data/merit.zarr",
        "inflow": {"path": "s3://bucket/q_prime"},
        "observed": {"path": str(tmp_path / "gages.nc")},
        "gauges": str(tmp_path / "gages.csv"),
    }
    assert e["periods"] == {"train": ["2000-03-01", "2000-07-28"]}
    parts = e["model"]["parts"]
    assert parts["channel"] == {
        "network": "kan",
        "options": {"hidden": 5, "layers": 2, "grid": 50, "order": 2},
        "attributes": ["wooded", "drainage_area_km2"],
        "gives": ["width_exponent", "width_coefficient"],
    }
    assert parts["changing"] == {
        "network": "lstm",
        "options": {"hidden": 4, "dropout": 0.5},
        "step": 86400,
        "forcings": ["lateral_inflow"],
        "attributes": ["wooded"],
        "gives": ["manning"],
    }
    assert parts["river"] == {
        "process": "muskingum_cunge", "options": {"floors": {"slope": 1e-4}},
    }  # fmt: skip
    training = e["training"]
    assert [training["warmup"], training["window"], e["together"]] == [5, 25, 2]
    assert training["optimizer"]["rate"] == 1e-3
    keys = {remark.partition(":")[0] for remark in conversion.remarks}
    assert keys == {
        "physics", "gauges", "loss", "device", "np_seed", "defaults", "params.tau",
        "params.parameter_ranges.p_spatial", "cuda_lstm",
        "cuda_lstm.forcing_var_names", "cuda_lstm.learnable_parameters",
        "kan.learnable_parameters", "experiment.checkpoint",
        "experiment.learning_rate", "data_sources.statistics",
        "data_sources.streamflow",
    }  # fmt: skip


def test_what_is_made_of_it_is_trained_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    source = str(written(tmp_path, WHOLE))
    assert main(["import", "ddr", source, *SAMPLE, "-o", "river.yaml"]) == 0
    output = capsys.readouterr().out
    assert "params.tau: 9 h are not taken over" in output
    assert output.endswith("river.yaml\n")
    text = Path("river.yaml").read_text("utf-8")
    assert "# params.tau: 9 h" in text
    assert yaml.safe_load(text)["data"]["river"] == "sample"
    learner = build(load_experiment(Path("river.yaml")))
    # Three passes over three gauges, two at a time.
    assert learner.steps == 3 * 2
    moments = learner.task.statistics()["lateral_inflow"]
    inflow = learner.task.data.inflow[31 + 29 :][:150]
    expected = [inflow.mean(dtype=float), inflow.std(dtype=float)]
    assert [moments.mean, moments.std] == pytest.approx(expected, rel=1e-5)
    run = RunFolder(train(Path("river.yaml"), root=tmp_path / "runs"))
    trained = load_model(run.best, run.experiment().model)
    weights = dict(trained.named_parameters())
    assert all(bool(x.isfinite().all()) for x in weights.values())
    assert any("coefficients" in name for name in weights)


def test_nothing_already_written_is_lost(tmp_path: Path) -> None:
    source = written(tmp_path, WHOLE)
    output = tmp_path / "river.yaml"
    output.write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"river\.yaml: there is such a file already"):
        write_imported("ddr", source, SAMPLE, output)
    assert output.read_text("utf-8") == "mine"


def test_an_experiment_that_cannot_be_is_not_written(tmp_path: Path) -> None:
    source = written(tmp_path, changed(WHOLE, "kan.grid", 0))
    output = tmp_path / "river.yaml"
    with pytest.raises(ConfigError, match=r"ddr\.yaml: .*grid: expected at least 1"):
        write_imported("ddr", source, SAMPLE, output)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ddr.yaml"]


def test_leakance_is_that_of_the_process(tmp_path: Path) -> None:
    data = changed(WHOLE, "params.use_leakance", True)
    learned = [*WHOLE["kan"]["learnable_parameters"], "leakance_gate"]
    data = changed(data, "kan.learnable_parameters", learned)
    attributes = ["SoilGrids1km_sand", "SoilGrids1km_clay", "aridity"]
    data = changed(data, "kan.input_var_names", attributes)
    conversion = imported(written(tmp_path, data))
    parts = conversion.experiment["model"]["parts"]
    assert parts["river"]["options"]["leakance"] == {"gate": True}
    assert parts["river"]["reads"] == {
        "sand": "SoilGrids1km_sand", "clay": "SoilGrids1km_clay",
    }  # fmt: skip
    assert parts["changing"]["gives"] == ["water_table_depth", "manning"]
    assert parts["channel"]["gives"][2:] == ["conductivity_correction", "leakance_gate"]
    output, remarks = write_imported(
        "ddr", written(tmp_path, data), SAMPLE, tmp_path / "leaking.yaml"
    )
    assert any(
        remark.startswith("params.use_leakance: the width") for remark in remarks
    )
    load_experiment(output)


def test_known_widths_become_learned_ones(tmp_path: Path) -> None:
    learned = ["n", "q_spatial", "top_width", "side_slope"]
    data = changed(WHOLE, "kan.learnable_parameters", learned)
    conversion = imported(written(tmp_path, changed(data, "cuda_lstm", None)))
    parts = conversion.experiment["model"]["parts"]
    assert parts["channel"]["gives"] == [
        "manning", "width_exponent", "top_width", "side_slope",
    ]  # fmt: skip
    assert parts["river"]["options"]["geometry"] == "given"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("kan.hiden_size", 4, r"ddr\.yaml: kan.hiden_size: unknown key.*hidden_size"),
        ("experiment.rhoo", 4, r"experiment.rhoo: unknown key.*'rho'"),
        ("params.attribute_minimums.dept", 1.0, r"dept: unknown key.*'depth'"),
        ("kan.learnable_parameters", ["q_spatal"], "unknown 'q_spatal'.*'q_spatial'"),
        ("params.log_space_parameters", ["p"], "unknown parameter 'p'"),
        ("kan.learnable_parameters", ["n"], "'n' is learned by the KAN as well"),
        ("mode", "testing", "mode: found 'testing', expected 'training'"),
        ("geodataset", "merrit", "geodataset: unknown value 'merrit'.*'merit'"),
        ("experiment.start_time", "1981/13/01", "start_time: found '1981/13/01'"),
        ("experiment.warmup", 30, "warmup: 30 days leave none of the 30 days"),
        ("experiment.learning_rate", {}, "learning_rate: found nothing"),
        ("name", "${nane}", r"name: \$\{nane\} is not there.*'name'"),
        ("name", "${oc.env:NO_SUCH_NAME}", "no 'NO_SUCH_NAME' in the environment"),
        ("name", "${name}", "refers to itself"),
        ("name", "${oc.dict:a}", "expected 'oc.env:…'"),
    ],
)
def test_what_cannot_be_taken_over_is_refused_by_name(
    tmp_path: Path, key: str, value: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        imported(written(tmp_path, changed(WHOLE, key, value)))


def test_what_nothing_learns_is_refused(tmp_path: Path) -> None:
    data = changed(WHOLE, "kan.learnable_parameters", ["K_D", "K_D_delta"])
    data = changed(data, "cuda_lstm.learnable_parameters", ["d_gw"])
    with pytest.raises(ConfigError, match="expected at least one of n, q_spatial"):
        imported(written(tmp_path, data))


def test_parameters_of_the_network_of_attributes_do_not_change_with_time(
    tmp_path: Path,
) -> None:
    """The two kinds of networks supply what the file says, in one model."""
    output, _ = write_imported(
        "ddr", written(tmp_path, WHOLE), SAMPLE, tmp_path / "river.yaml"
    )
    learner = build(load_experiment(output))
    model, data = learner.model, learner.task.data
    lateral = torch.from_numpy(data.inflow[:4].repeat(24, 0))
    attributes = {
        n: torch.from_numpy(x.astype(np.float32))
        for n, x in data.attributes(model.attributes).items()
    }
    with torch.no_grad():
        ran = model.on(data.river.tree).simulate(
            {"lateral_inflow": lateral},
            attributes,
            outputs=("manning", "width_exponent"),
        )
    by_day = ran.outputs["manning"].reshape(4, 24, -1)
    assert torch.equal(by_day.amin(1), by_day.amax(1))
    assert not torch.equal(by_day[1], by_day[2])
    q = ran.outputs["width_exponent"]
    assert torch.equal(q, q[:1].expand_as(q))
