"""From a run to a bundle that says where it comes from and how good it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bmi_dmx.bundle import Bundle, load_bundle
from bmi_dmx.errors import BundleError, DataError
from bmi_dmx.trainer.checkpoint import load_model
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.tasks.basins.data.delaware import Delaware

Run = Callable[..., Path]


@pytest.fixture(scope="module")
def exported(
    finished: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Bundle]:
    run = tmp_path_factory.mktemp("exported") / "run"
    shutil.copytree(finished, run)
    return run, export(run)


def test_the_bundle_holds_the_best_checkpoint(exported: tuple[Path, Bundle]) -> None:
    run, bundle = exported
    folder = RunFolder(run)
    best = load_model(folder.best, folder.experiment().model).state_dict()
    state = load_bundle(run / "bundle").model().state_dict()
    assert state.keys() == best.keys()
    assert all(torch.equal(state[name], best[name]) for name in best)
    assert bundle.path == run / "bundle"


def test_the_bundle_says_where_it_comes_from(exported: tuple[Path, Bundle]) -> None:
    manifest = exported[1].manifest
    assert (manifest.name, manifest.about) == ("tiny", "a test")
    assert manifest.licence == "CC0-1.0"
    provenance = manifest.provenance
    assert provenance["sources"] == ["a river"]
    assert provenance["basins"] == len(provenance["basin_ids"]) == 6
    assert "01466500" in provenance["basin_ids"]
    assert provenance["periods"]["train"] == ["1979-02-01", "1979-09-30"]
    assert provenance["seeds"] == [3]
    assert provenance["versions"]["torch"] == torch.__version__
    assert provenance["training"]["optimizer"]["rate"] == 0.05
    assert provenance["best_step"] in (10, 20)


def test_the_bundle_says_how_good_it_is(exported: tuple[Path, Bundle]) -> None:
    scores = exported[1].manifest.scores
    assert scores["validation"]["scored"] == ["1979-10-01", "1979-12-31"]
    assert scores["test"]["scored"] == ["1980-01-01", "1980-12-30"]
    assert scores["test"]["basins"]["all"] == 6
    assert scores["test"]["medians"]["all"]["nse"] < 1.0


@pytest.mark.parametrize("change", [{"steps": [1]}, {"settings": {}}])
def test_scores_are_those_of_the_checkpoint_and_the_days_that_are_meant(
    exported: tuple[Path, Bundle], tmp_path: Path, change: dict[str, Any]
) -> None:
    run, bundle = exported
    file = run / "test" / "summary.json"
    summary = json.loads(file.read_text("utf-8"))
    # As an evaluation in the middle of the training leaves it behind.
    summary["medians"]["all"]["nse"] = -9.0
    file.write_text(json.dumps({**summary, **change}), "utf-8")
    again = export(run, tmp_path / "again").manifest.scores
    assert again == bundle.manifest.scores


def test_attributes_have_units(exported: tuple[Path, Bundle]) -> None:
    units = {a.name: a.units for a in exported[1].manifest.attributes}
    assert units == {
        "p_mean": "mm d-1",
        "elevation_mean": "m",
        "area_km2": "km2",
        "latitude": "degrees_north",
    }


def test_attributes_of_the_data_have_their_units(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = {**Delaware.units, "regulated_fraction": "log10(m2)"}
    monkeypatch.setattr(Delaware, "units", odd)
    names = "model.static.attributes=[slope_fine, p_mean, regulated_fraction]"
    path = run(names, "training.steps=1", "periods.test=null")
    units = {a.name: a.units for a in export(path, tmp_path / "b").manifest.attributes}
    assert units["slope_fine"] == "m km-1"
    assert units["p_mean"] == "mm d-1"
    assert units["regulated_fraction"] == "1"


def test_an_older_bundle_is_kept_unless_told(exported: tuple[Path, Bundle]) -> None:
    run, bundle = exported
    with pytest.raises(BundleError, match="exists already"):
        export(run)
    assert export(run, overwrite=True).fingerprint == bundle.fingerprint


def test_no_path_of_this_machine_is_in_the_bundle(run: Run, tmp_path: Path) -> None:
    path = run("training.steps=1", "periods.test=null", "periods.validation=null")
    text = (export(path, tmp_path / "b").path / "model.yaml").read_text("utf-8")
    assert str(tmp_path) not in text


def test_without_other_periods_there_are_no_scores(run: Run, tmp_path: Path) -> None:
    path = run("training.steps=1", "periods.test=null", "periods.validation=null")
    assert export(path, tmp_path / "b").manifest.scores == {}


def test_an_unfinished_run_is_not_exported(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "a", ignore=lambda *_: ["training.json"])
    with pytest.raises(DataError, match=r"no training\.json; the training is not"):
        export(tmp_path / "a")


def test_what_a_damaged_summary_says_is_not_exported(
    finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished, tmp_path / "a")
    (tmp_path / "a" / "training.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"training\.json: damaged or cut short"):
        export(tmp_path / "a")
    assert not (tmp_path / "a" / "bundle").exists()
