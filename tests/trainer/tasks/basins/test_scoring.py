"""Bundles scored on data of whoever asks, beside what they must beat."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bmi_dmx.bundle import Bundle, load_bundle
from bmi_dmx.cli import main
from bmi_dmx.errors import BundleError, ConfigError, DataError, UnitsError
from bmi_dmx.trainer.evaluate import evaluate, score
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.requests import ScoringRequest
from bmi_dmx.trainer.tasks.basins import model_bundles, scoring
from bmi_dmx.trainer.tasks.basins.data.delaware import Delaware
from bmi_dmx.trainer.tasks.streamflow.comparison import Comparison
from bmi_dmx.trainer.tasks.streamflow.metrics import metrics
from bmi_dmx.trainer.tasks.streamflow.results import read_streamflow

IDS = ("01466500", "01467150", "01483700", "01473120", "01440400", "01442500")
YEAR = (date(1980, 1, 1), date(1980, 12, 30))
LEARNED = "data.attributes_period=[1979-02-01, 1979-12-31]"

Score = Callable[..., Comparison]


@pytest.fixture(scope="module")
def bundle(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return export(finished, tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "draw", lambda *_, **__: None)


@pytest.fixture
def scored(bundle: Bundle, tmp_path: Path, no_pictures: None) -> Score:
    """Score the tiny bundle, on the sample unless other data are given."""

    def scored_on(data: Path | str = "delaware", **options: Any) -> Comparison:
        settings = {"period": YEAR, "warmup": 40, "output": tmp_path / "out", **options}
        report = score(bundle.path, ScoringRequest(data=Path(data), **settings))
        assert isinstance(report, Comparison)
        return report

    return scored_on


def test_a_bundle_scores_as_its_run_does(
    scored: Score, finished: Path, tmp_path: Path
) -> None:
    run = evaluate(finished, output=tmp_path / "run")
    report = scored(places=IDS, settings=[LEARNED])
    assert list(report.scores) == list(run.scores)
    for name, values in run.scores.items():
        np.testing.assert_array_equal(report.scores[name], values)
    assert report.medians["all"] == run.medians["all"]
    flows = [read_streamflow(r.folder / "streamflow.nc") for r in (report, run)]
    np.testing.assert_array_equal(flows[0]["simulated"], flows[1]["simulated"])
    np.testing.assert_array_equal(flows[0]["observed"], flows[1]["observed"])
    assert flows[0].ids.tolist() == list(IDS)


def test_the_files_say_what_was_scored_and_what_beside_it(
    scored: Score, bundle: Bundle
) -> None:
    report = scored(places=(*IDS[:3], "01439500", "01440000"))
    with open(report.folder / "scores.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [f"{m}_{n}" for n in ("climatology", "persistence", "mid_range")
               for m in ("nse", "kge")]  # fmt: skip
    assert [*metrics.names(), *columns, "learned_from"] == list(rows[0])[4:]
    assert [row["learned_from"] for row in rows] == ["yes"] * 3 + ["no"] * 2
    summary = json.loads((report.folder / "summary.json").read_text("utf-8"))
    assert summary["bundle"] == "tiny"
    assert summary["fingerprint"] == bundle.fingerprint
    assert summary["scored"] == ["1980-01-01", "1980-12-30"]
    assert summary["warmup_days_before"] == 40
    assert summary["basins"] == {"all": 5, "learned from": 3, "new": 2}
    assert summary["notes"] == list(report.notes)
    for group, at in (("all", slice(None)), ("new", slice(3, None))):
        for model, key in (("persistence", "persistence"), ("mid-range", "mid_range")):
            nse = np.array([float(row["nse"]) for row in rows])[at]
            other = np.array([float(row[f"nse_{key}"]) for row in rows])[at]
            entry = summary["compared"][group][model]["nse"]
            assert entry["median"] == pytest.approx(np.median(other), rel=1e-5)
            assert entry["q25"] == pytest.approx(np.quantile(other, 0.25), rel=1e-5)
            assert entry["q75"] == pytest.approx(np.quantile(other, 0.75), rel=1e-5)
            assert entry["better"] == (nse > other).mean()


def test_days_and_basins_that_were_learned_from_are_no_test(scored: Score) -> None:
    report = scored(places=IDS, period=(date(1979, 8, 1), date(1980, 3, 1)))
    days = "1979-02-01 to 1979-09-30 and 1979-10-01 to 1979-12-31"
    note = "NO TEST in 6 of 6 basins: it learned from them, and scored days are"
    assert any(n.startswith(note) and days in n for n in report.notes)
    assert list(report.groups) == ["all"]
    later = scored(places=IDS)
    assert any("on other days (1979-02-01 to" in note for note in later.notes)
    new = scored(places=("01439500",))
    assert any("learned from none of 1 basins" in note for note in new.notes)


def test_a_bundle_that_does_not_list_its_basins_says_so(
    scored: Score, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    provenance = dict(bundle.manifest.provenance)
    del provenance["basin_ids"]
    silent = replace(bundle, manifest=replace(bundle.manifest, provenance=provenance))
    monkeypatch.setattr("bmi_dmx.trainer.evaluate.load_bundle", lambda _: silent)
    report = scored(places=IDS)
    assert any("does not list the basins" in note for note in report.notes)
    header = (report.folder / "scores.csv").read_text("utf-8").partition("\n")[0]
    assert "learned_from" not in header


def test_all_after_the_warm_up_is_scored_unless_days_are_given(scored: Score) -> None:
    report = scored(places=IDS[:1], period=None, warmup=100)
    flow = read_streamflow(report.folder / "streamflow.nc")
    assert (str(flow.time[0]), str(flow.time[-1])) == ("1979-04-11", "1980-12-31")
    with pytest.raises(
        DataError, match=r"not longer than the warm-up of 5000 .*--warm"
    ):
        scored(places=IDS[:1], period=None, warmup=5000)


def test_a_warm_up_that_the_record_cuts_short_is_said(scored: Score) -> None:
    period = (date(1979, 1, 11), date(1979, 12, 31))
    report = scored(places=IDS[:1], period=period)
    assert any("on 10 time steps, not on 40" in note for note in report.notes)


# Data that lack something


@pytest.fixture
def basins() -> xr.Dataset:
    """Two basins and three years of made weather, with attributes in other units."""
    rng = np.random.default_rng(0)
    days = 3 * 365
    both = ("basin", "time")
    wave = 10.0 - 10.0 * np.cos(2 * np.pi * np.arange(days) / 365.25)
    mean = wave + rng.normal(0, 3, (2, days))
    return xr.Dataset(
        {
            "prcp": (both, rng.gamma(0.3, 10.0, (2, days)), {"units": "mm d-1"}),
            "tmin": (both, mean - 4, {"units": "degC"}),
            "tmax": (both, mean + 4, {"units": "degC"}),
            "qobs": (both, rng.gamma(1.0, 1.0, (2, days)), {"units": "mm d-1"}),
            "gauge_lat": ("basin", [45.0, 40.0], {"units": "degrees_north"}),
            "elev_mean": ("basin", [0.3, 0.4], {"units": "km"}),
            "area": ("basin", [1e8, 2e8], {"units": "m2"}),
        },
        coords={
            "basin": ("basin", ["a", "b"], {"cf_role": "timeseries_id"}),
            "time": np.datetime64("2001-01-01") + np.arange(days),
        },
    )


@pytest.fixture
def scored_file(scored: Score, tmp_path: Path) -> Score:
    def scored_on(data: xr.Dataset, **options: Any) -> Comparison:
        data.to_netcdf(tmp_path / "basins.nc")
        return scored(tmp_path / "basins.nc", **{"period": None, **options})

    return scored_on


def mean_only(basins: xr.Dataset) -> xr.Dataset:
    mean = 0.5 * (basins["tmin"] + basins["tmax"])
    mean.attrs["units"] = "degC"
    return basins.drop_vars(["tmin", "tmax"]).assign(tmean=mean)


def test_without_extremes_their_range_is_estimated(
    basins: xr.Dataset, scored_file: Score
) -> None:
    report = scored_file(mean_only(basins))
    assert any("13.7 degC on dry and 9.3 degC on wet" in note for note in report.notes)
    wet = basins["prcp"] >= 1.0
    mean = 0.5 * (basins["tmin"] + basins["tmax"])
    half = xr.where(wet, 4.65, 6.85)
    by_hand = basins.assign(tmin=mean - half, tmax=mean + half)
    for name in ("tmin", "tmax"):
        by_hand[name].attrs["units"] = "degC"
    flow = read_streamflow(report.folder / "streamflow.nc")["simulated"]
    again = scored_file(by_hand)
    expected = read_streamflow(again.folder / "streamflow.nc")["simulated"]
    np.testing.assert_allclose(flow, expected, rtol=1e-3, atol=1e-4)
    assert not any("estimated" in note for note in again.notes)


def test_evaporation_can_be_chosen(basins: xr.Dataset, scored_file: Score) -> None:
    usual = scored_file(basins)
    flow = read_streamflow(usual.folder / "streamflow.nc")["simulated"]
    other = scored_file(basins, choices={"evaporation": "oudin"})
    changed = read_streamflow(other.folder / "streamflow.nc")["simulated"]
    # Oudin's formula is the lower one here, so more water runs off.
    assert (changed.sum(axis=0) > 1.02 * flow.sum(axis=0)).all()
    assert any("is 'oudin', as was chosen" in note for note in other.notes)
    assert any("is 'hargreaves', as the bundle was" in note for note in usual.notes)
    with pytest.raises(DataError, match=r"lack forcing .*potential_evaporation \[mm d"):
        scored_file(basins, choices={"evaporation": "given"})


def test_units_of_attributes_are_brought_to_those_of_the_bundle(
    basins: xr.Dataset, scored_file: Score
) -> None:
    report = scored_file(basins)
    flow = read_streamflow(report.folder / "streamflow.nc")
    metres = basins.assign(elev_mean=("basin", [300.0, 400.0], {"units": "m"}))
    expected = read_streamflow(scored_file(metres).folder / "streamflow.nc")
    np.testing.assert_allclose(flow["simulated"], expected["simulated"], rtol=1e-6)
    np.testing.assert_allclose(flow.area_km2, [100.0, 200.0])


def test_units_that_do_not_fit_are_refused(
    basins: xr.Dataset, scored_file: Score
) -> None:
    wrong = basins.assign(elev_mean=("basin", [300.0, 400.0], {"units": "kg"}))
    with pytest.raises(UnitsError, match="elev_mean"):
        scored_file(wrong)


def test_what_the_data_lack_is_named_with_what_could_give_it(
    basins: xr.Dataset, scored_file: Score
) -> None:
    message = (
        r"basins\.nc: .*lack attributes .*elevation_mean \[m\] \(from an elevation"
    )
    with pytest.raises(DataError, match=message):
        scored_file(basins.drop_vars("elev_mean"))
    with pytest.raises(DataError, match=r"portable attributes: .*no attribute 'latitu"):
        scored_file(basins.drop_vars("gauge_lat"))
    with pytest.raises(DataError, match=r"p_mean \[mm d-1\] \(computed from"):
        scored_file(basins, settings=["data.attributes=file"])


def test_basins_of_which_something_is_not_known_are_left_out(
    basins: xr.Dataset, scored_file: Score
) -> None:
    one = basins.assign(elev_mean=("basin", [300.0, np.nan], {"units": "m"}))
    report = scored_file(one)
    assert len(report.scores["nse"]) == 1
    assert any(
        "1 of 2 basins are left out, for elevation_mean is not known: b" in note
        for note in report.notes
    )
    none = basins.assign(elev_mean=("basin", [np.nan, np.nan], {"units": "m"}))
    with pytest.raises(DataError, match=r"in no basin .*elevation_mean"):
        scored_file(none)


def test_there_must_be_something_to_score(
    basins: xr.Dataset, scored_file: Score
) -> None:
    unseen = basins.assign(qobs=basins["qobs"] * np.nan)
    unseen["qobs"].attrs["units"] = "mm d-1"
    with pytest.raises(DataError, match="there is nothing to score"):
        scored_file(unseen)


def test_a_bundle_that_gives_no_number_is_not_scored(
    scored: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = model_bundles.predict

    def broken(*arguments: Any) -> Any:
        answers = usual(*arguments)
        answers["streamflow"][3, 1] = np.nan
        return answers

    monkeypatch.setattr(model_bundles, "predict", broken)
    message = r"gives nan in basin '01467150' on 1980-01-04, .* in 1 of 2 basins"
    with pytest.raises(DataError, match=message):
        scored(places=IDS[:2])


# What is asked for


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"settings": ["gaps=hold"]}, ConfigError, r"'gaps=hold', expected data\.KEY"),
        (
            {"settings": ["data.gapz=hold"]},
            ConfigError,
            r"data\.gapz: unknown key;",
        ),
        ({"settings": ["data.path=x"]}, ConfigError, r"data\.path: given already"),
        (
            {"data": str(Delaware.shipped()), "settings": ["data.reader=dela"]},
            ConfigError,
            r"data\.reader: unknown reader 'dela'",
        ),
        ({"data": "nowhere.nc"}, DataError, r"nowhere\.nc: no such file or folder"),
        ({"places": ["0146650"]}, DataError, "'0146650' is not in the data; did you"),
        ({"warmup": -1}, ConfigError, "--warmup: expected at least 0, found -1"),
        ({"choices": {"evaporation": "odin"}}, ConfigError, "evaporation: unknown"),
        (
            {"period": (date(1980, 1, 1), date(1990, 1, 1))},
            DataError,
            "the period 1980-01-01 to 1990-01-01 is not covered",
        ),
    ],
)
def test_what_cannot_be_had_is_refused(
    scored: Score, asked: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        scored(**asked)


def test_a_folder_of_something_else_is_not_replaced(
    scored: Score, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match=r"holds 'thesis\.tex', which is none of"):
        scored()
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"
    file = tmp_path / "a"
    file.write_text("")
    with pytest.raises(ConfigError, match="is a file, expected a folder"):
        scored(output=file)
    with pytest.raises(ConfigError, match="is the current folder, which would be"):
        scored(output=Path())


def test_an_older_evaluation_stays_where_a_new_one_fails(
    scored: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = scored(places=IDS[:1])
    before = {path.name: path.read_bytes() for path in report.folder.iterdir()}

    def failing(*_: object, **__: object) -> None:
        raise OSError("no picture")

    monkeypatch.setattr(scoring, "draw", failing)
    with pytest.raises(OSError, match="no picture"):
        scored(places=IDS[:2])
    assert before == {path.name: path.read_bytes() for path in report.folder.iterdir()}
    assert [path.name for path in report.folder.parent.glob(".*")] == []


def test_bundles_of_other_tasks_and_runs_are_refused(finished: Path) -> None:
    request = ScoringRequest(data=Path("delaware"))
    with pytest.raises(ConfigError, match=r"leaf-c3-made: .* not scored on data"):
        score("leaf-c3-made", request)
    with pytest.raises(ConfigError, match="the folder of a run; dmx export makes"):
        score(finished, request)
    with pytest.raises(BundleError, match="no bundle of that name; did you mean 'dhbv"):
        score("dhbv-conus-dail", request)
    with pytest.raises(ConfigError, match="a bundle; --data says what it is scored on"):
        evaluate("dhbv-conus-daily")


# The command


def test_the_command_scores_a_shipped_bundle(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    basins = ["--basins", "01439500", "01440000", "01466500"]
    period = ["--period", "1980-01-01", "1980-12-31"]
    command = ["evaluate", "dhbv-conus-daily", "--data", "delaware", *basins, *period]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("dhbv-conus-daily on delaware, 1980-01-01 to 1980-12-31")
    for text in ("climatology", "persistence", "mid-range", "bundle better", "note: "):
        assert text in printed
    folder = Path("evaluations", "dhbv-conus-daily-1")
    assert printed.splitlines()[-1] == str(folder)
    assert {path.name for path in folder.iterdir()} == {
        "hydrographs.png", "map.png", "nse_cdf.png", "parameters.png",
        "scores.csv", "streamflow.nc", "summary.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a --basins 1", "--basins: goes with a bundle and --data"),
        ("a --output b", "--output: goes with a bundle and --data"),
        ("a --warmup 0", "--warmup: goes with a bundle and --data"),
        ("a --window-end", "--window-end: goes with a bundle and --data"),
        ("a --period 1980-01-01 1981-01-01", "two days are for a bundle and --data"),
        ("a --period tst", "--period: found 'tst', expected one of train, valid"),
        ("a b --data delaware", "one bundle is scored at a time, found 2"),
        ("a --data delaware --period test", "--period: found 'test', expected first"),
        ("a --data delaware --period 1981-01-01 1980-01-01", "ends before it starts"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *line.split()]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_basins_may_be_listed_in_a_file(scored: Score, tmp_path: Path) -> None:
    listed = tmp_path / "mine.txt"
    listed.write_text("01439500  # Bush Kill\n01440000\n")
    report = scored(places=(str(listed),))
    flow = read_streamflow(report.folder / "streamflow.nc")
    assert flow.ids.tolist() == ["01439500", "01440000"]


@pytest.mark.usefixtures("no_pictures")
def test_the_shipped_bundle_scores_what_its_card_says(
    shared_data: Path, tmp_path: Path
) -> None:
    path = shared_data / "camels_us_569_daymet_1980_2010.nc"
    period = (date(1995, 10, 1), date(2010, 9, 30))
    request = ScoringRequest(data=path, period=period, output=tmp_path / "out")
    report = score("dhbv-conus-daily", request)
    assert isinstance(report, Comparison)
    card = load_bundle("dhbv-conus-daily").manifest.scores["test"]
    assert report.basins == {"all": 569, "learned from": 541, "new": 28}
    for name, value in card["medians"]["all"].items():
        median = report.medians["learned from"][name]
        assert median == pytest.approx(value, rel=1e-3, abs=1e-4), name
