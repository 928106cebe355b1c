"""Nothing that is held out reaches a training; what models say of it is pooled."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.checkpoint import read_checkpoint
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.protocols.study import conduct
from bmi_dmx.trainer.run_folder import RunFolder
from bmi_dmx.trainer.tasks.basins import trial
from bmi_dmx.trainer.tasks.basins.study_report import StudyReport
from bmi_dmx.trainer.tasks.basins.trial import BasinsTrial
from bmi_dmx.trainer.tasks.streamflow.metrics import score
from bmi_dmx.trainer.tasks.streamflow.results import read_streamflow

from .leaks import IDS, made, poisoned_days, poisoned_places, written

FOLDS = {"by": "folds", "folds": 3, "seed": 1}
REGIONS = {"by": "regions", "attribute": "zone"}
EXTREMES = {
    "settings": {
        "periods.train": ["2001-10-01", "2006-09-30"], "periods.test": None,
        "training.window": 60, "data.attributes_years": [1, 3],
    },
    "times": {"hold": "extremes", "return_period": 4},
}  # fmt: skip


class Unanswered(BasinsTrial):
    """Trains and stops there."""

    def answer(self, *_: Any) -> None:
        pass

    def report(self, study: Any) -> Any:
        return study


@pytest.fixture
def trained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., dict[str, RunFolder]]:
    """Train what a protocol asks for, and return the runs by fold."""

    def train(name: str, data: xr.Dataset, **protocol: Any) -> dict[str, RunFolder]:
        with monkeypatch.context() as patched:
            patched.setattr(trial, "BasinsTrial", Unanswered)
            path = written(tmp_path / name, data, **protocol)
            study: Any = conduct(path, root=tmp_path / name)
        return {cell.fold: study.run(cell) for cell in study.cells}

    return train


def weights(run: RunFolder) -> dict[str, bytes]:
    """Return all that a checkpoint of a training holds of the model, as bytes."""
    checkpoint = read_checkpoint(run.last)
    state = checkpoint["state_dict"]
    assert state
    return {name: x.contiguous().numpy().tobytes() for name, x in state.items()}


@pytest.mark.parametrize("places", [FOLDS, REGIONS], ids=["folds", "regions"])
def test_a_poisoned_place_changes_nothing_where_it_is_held_out(
    trained: Callable[..., dict[str, RunFolder]], places: dict[str, Any]
) -> None:
    clean = trained("clean", made(), places=places)
    fold = sorted(clean)[0]
    learned = load_experiment(clean[fold].config).data.basins  # type: ignore[attr-defined]
    held_out = sorted(set(IDS) - set(learned))
    assert len(held_out) == 2
    # The other folds learn from it, and refuse it.
    bad = poisoned_places(made(), held_out)
    with pytest.raises(DataError):
        trained("bad", bad, places=places, seeds=[0])
    run = clean[fold].path
    other = run.parents[5] / "bad" / run.relative_to(run.parents[4])
    poisoned = RunFolder(other)
    assert weights(poisoned) == weights(clean[fold])


def test_poisoned_test_days_change_nothing(
    trained: Callable[..., dict[str, RunFolder]],
) -> None:
    clean = trained("clean", made(), places=FOLDS)
    spans = [(name, "2004-10-01", "2006-10-01") for name in IDS]
    bad = trained("bad", poisoned_days(made(), spans), places=FOLDS)
    for fold, run in clean.items():
        assert weights(bad[fold]) == weights(run)


def test_poisoned_training_days_change_everything(
    trained: Callable[..., dict[str, RunFolder]],
) -> None:
    clean = trained("clean", made())["all"]
    spans = [(IDS[0], "2002-03-01", "2002-03-20")]
    bad = trained("bad", poisoned_days(made(), spans))["all"]
    assert weights(bad) != weights(clean)


def test_poisoned_extreme_years_change_nothing(
    trained: Callable[..., dict[str, RunFolder]],
) -> None:
    clean = trained("clean", made(), **EXTREMES)["all"]
    table = clean.path.parents[3] / "withheld.csv"
    with table.open(encoding="utf-8") as file:
        spans = [(r["place"], r["first"], r["last"]) for r in csv.DictReader(file)]
    assert {first[5:] for _, first, _ in spans} == {"10-01"}
    assert 0 < len(spans) < 5 * len(IDS)
    # Which years are held out is decided once, from the clean flow.
    bad = poisoned_days(made(), spans)
    settings = {**EXTREMES["settings"], "data.withheld": str(table)}
    other = trained("bad", bad, settings=settings)
    assert weights(other["all"]) == weights(clean)
    unheld = {**settings, "data.withheld": ""}
    leaky = trained("leaky", bad, settings=unheld)
    assert weights(leaky["all"]) != weights(clean)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyReport]:
    """A study of two models, two seeds and three folds, and its report."""
    folder = tmp_path_factory.mktemp("study")
    path = written(
        folder,
        made(),
        models={"one": "made.yaml", "two": "made.yaml"},
        model_settings={"two": {"model.members": 1}},
        seeds=[0, 1],
        places=FOLDS,
        published=[
            {"name": "other", "source": "a paper", "scores": {"nse": 0.5}},
            {"name": "third", "source": "a book", "about": "floods are nearer"},
        ],
    )
    report = conduct(path, root=folder)
    assert isinstance(report, StudyReport)
    return folder, report


def test_every_basin_is_judged_by_a_model_that_did_not_know_it(
    study: tuple[Path, StudyReport],
) -> None:
    folder, report = study
    with (report.folder / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    singles = [r for r in rows if r["kind"] == "model"]
    keys = [(r["basin_id"], r["model"], r["seed"]) for r in singles]
    assert len(keys) == len(set(keys)) == len(IDS) * 2 * 2
    for row in singles:
        run = folder / "study/runs" / row["model"] / row["fold"] / f"seed-{row['seed']}"
        learned = load_experiment(run / "config.yaml").data.basins  # type: ignore[attr-defined]
        assert row["basin_id"] not in learned
        assert len(learned) == 4
        flow = read_streamflow(run / "held" / "streamflow.nc")
        at = flow.ids.tolist().index(row["basin_id"])
        part = slice(at, at + 1)
        nse = score(flow["simulated"][:, part], flow["observed"][:, part], ["nse"])
        assert float(row["nse"]) == pytest.approx(nse["nse"][0], rel=1e-5)


def test_medians_come_with_their_spread_over_seeds(
    study: tuple[Path, StudyReport],
) -> None:
    _, report = study
    summary = json.loads((report.folder / "summary.json").read_text(encoding="utf-8"))
    with (report.folder / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    nse = summary["scores"]["one, single (2 seeds)"]["medians"]["nse"]
    pairs = [(r["seed"], float(r["nse"])) for r in rows if r["model"] == "one"]
    medians = [float(np.median([x for of, x in pairs if of == s])) for s in "01"]
    assert nse["seeds"] == pytest.approx(medians, rel=1e-5)
    assert nse["mean"] == pytest.approx(np.mean(medians), rel=1e-5)
    assert nse["spread"] == pytest.approx(np.std(medians, ddof=1), rel=1e-4)
    assert {"one, mean of 2 seeds", "all models, mean", "climatology", "persistence",
            "mid-range"} <= summary["scores"].keys()  # fmt: skip
    assert set(summary["median_nse_by_fold"]) == {"fold-1", "fold-2", "fold-3"}
    shares = summary["parameters_at_bounds"]["one"]
    assert all(0.0 <= share <= 1.0 for share in shares.values())


def test_the_mean_over_seeds_is_that_of_the_flow(
    study: tuple[Path, StudyReport],
) -> None:
    folder, report = study
    runs = [folder / f"study/runs/one/fold-1/seed-{seed}/held" for seed in (0, 1)]
    flows = [read_streamflow(run / "streamflow.nc") for run in runs]
    mean = np.mean([f["simulated"].astype(np.float64) for f in flows], axis=0)
    nse = score(mean, flows[0]["observed"], ["nse"])["nse"]
    with (report.folder / "scores.csv").open(encoding="utf-8") as file:
        by_basin = {
            r["basin_id"]: float(r["nse"])
            for r in csv.DictReader(file)
            if r["model"] == "one, mean of 2 seeds"
        }
    for name, value in zip(flows[0].ids.tolist(), nse, strict=True):
        assert by_basin[name] == pytest.approx(value, rel=1e-5)


def test_seeds_are_judged_as_a_range(
    study: tuple[Path, StudyReport], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, report = study
    crps = []
    for fold in ("fold-1", "fold-2", "fold-3"):
        runs = [folder / f"study/runs/one/{fold}/seed-{seed}/held" for seed in (0, 1)]
        a, b = (read_streamflow(run / "streamflow.nc") for run in runs)
        x, y, observed = a["simulated"], b["simulated"], a["observed"]
        x, y, observed = (values.astype(np.float64) for values in (x, y, observed))
        fair = (np.abs(x - observed) + np.abs(y - observed) - np.abs(x - y)) / 2.0
        crps += np.nanmean(fair, axis=0).tolist()
    summary = json.loads((report.folder / "summary.json").read_text(encoding="utf-8"))
    assert set(summary["ranges"]) == {"one", "two", "all models"}
    entry = summary["ranges"]["one"]
    assert entry["medians"]["crps_fair"] == pytest.approx(np.median(crps), rel=1e-6)
    assert entry["medians"]["crps_fair"] < entry["medians"]["crps"]
    assert len(summary["ranges"]["all models"]["ranks"]) == 5
    report.show()
    assert "fair" in capsys.readouterr().out
    text = (report.folder / "report.html").read_text(encoding="utf-8")
    assert "<h2>Several trainings as a range</h2>" in text


def test_what_else_was_observed_is_judged_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = made()
    swe = np.clip(4.0 - data["tmin"].to_numpy(), 0.0, None)
    swe[::3] = np.nan
    data["swe"] = (("time", "basin"), swe, {"units": "mm"})
    settings = {"data.targets": {"snow_water_equivalent": "swe"}}
    path = written(tmp_path, data, settings=settings, seeds=[0, 1])
    report = conduct(path, root=tmp_path)
    assert isinstance(report, StudyReport)
    (row,) = report.targets
    flows = read_streamflow(tmp_path / "study/runs/hbv/all/seed-1/held/streamflow.nc")
    name = "snow_water_equivalent"
    scores = score(flows[f"simulated_{name}"], flows[f"observed_{name}"], ["r"])["r"]
    assert row.medians["r"].seeds[1] == pytest.approx(np.median(scores), rel=1e-6)
    with (report.folder / "scores.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["seed"] == "1"]
    assert [float(r[f"r_{name}"]) for r in rows] == pytest.approx(scores, rel=1e-5)
    assert len(rows) == len(IDS)
    text = (report.folder / "report.html").read_text(encoding="utf-8")
    assert "<h2>Beside streamflow</h2>" in text
    assert f"{name} (mm)" in text
    report.show()
    assert "beside streamflow" in capsys.readouterr().out


def test_the_page_says_what_is_published_and_by_whom(
    study: tuple[Path, StudyReport], capsys: pytest.CaptureFixture[str]
) -> None:
    _, report = study
    text = (report.folder / "report.html").read_text(encoding="utf-8")
    assert "other (published)" in text
    assert "other: a paper" in text
    assert "third: a book. floods are nearer" in text
    assert "third (published)" not in text
    for heading in (
        "Scores",
        "By fold",
        "Floods",
        "Learned parameters",
        "What was done",
    ):
        assert f"<h2>{heading}</h2>" in text
    assert text.count("<img") >= 6
    report.show()
    assert "± seeds" in capsys.readouterr().out


def test_seeds_can_be_added_and_nothing_is_done_twice(
    study: tuple[Path, StudyReport], tmp_path: Path
) -> None:
    folder, _ = study
    again = tmp_path / "again"
    shutil.copytree(folder, again)

    def finished() -> dict[Path, int]:
        paths = again.glob("study/runs/**/training.json")
        return {path: path.stat().st_mtime_ns for path in paths}

    before = finished()
    settings = ["seeds=[0,1,2]", "models={one: made.yaml}", "model_settings={}"]
    report = conduct(again / "protocol.yaml", settings, root=again)
    after = finished()
    assert len(before) == 12
    assert before.items() <= after.items()
    assert len(after) == 12 + 3
    summary = json.loads((report.folder / "summary.json").read_text(encoding="utf-8"))
    assert (
        len(summary["scores"]["one, single (3 seeds)"]["medians"]["nse"]["seeds"]) == 3
    )


def test_another_protocol_does_not_go_into_the_same_folder(
    study: tuple[Path, StudyReport],
) -> None:
    folder, _ = study
    for setting, key in (
        ("places.seed=2", "folds"),
        ("settings.training.steps=6", "experiments.one.training.steps"),
    ):
        with pytest.raises(ConfigError, match=key) as error:
            conduct(folder / "protocol.yaml", [setting], root=folder)
        assert "name=… begins another study" in str(error.value)


def test_floods_that_nobody_had_cannot_be_held_out(tmp_path: Path) -> None:
    rare = {**EXTREMES, "times": {"hold": "extremes", "return_period": 5000}}
    with pytest.raises(DataError, match="times: nothing would be held out: in 2001-10"):
        conduct(written(tmp_path, made(), **rare), root=tmp_path)
    assert not (tmp_path / "study").exists()


def test_extreme_years_are_judged_alone(tmp_path: Path) -> None:
    report = conduct(written(tmp_path, made(), **EXTREMES), root=tmp_path)
    assert isinstance(report, StudyReport)
    with (tmp_path / "study/withheld.csv").open(encoding="utf-8") as file:
        spans = list(csv.DictReader(file))
    counts = {name: 0 for name in IDS}
    for span in spans:
        days = np.datetime64(span["last"]) - np.datetime64(span["first"])
        counts[span["place"]] += int(days / np.timedelta64(1, "D")) + 1
    with (report.folder / "scores.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["model"] == "hbv":
                assert float(row["n_observations"]) == counts[row["basin_id"]]
    # The highest flow of a year that is held out is above that of all others.
    data = made()["qobs"]
    for name in {span["place"] for span in spans}:
        flow = data.sel(basin=name, time=slice("2001-10-01", "2006-09-30"))
        gaps = [s for s in spans if s["place"] == name]
        rest = flow.copy()
        for span in gaps:
            rest.loc[{"time": slice(span["first"], span["last"])}] = 0.0
        tops = [float(flow.sel(time=slice(s["first"], s["last"])).max()) for s in gaps]
        assert min(tops) > float(rest.max())
