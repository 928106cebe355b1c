"""Gauges that are left out know nothing of themselves, and something of the others."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.bundle import load_bundle
from bmi_dmx.cli import main
from bmi_dmx.config import as_yaml
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError
from bmi_dmx.twins import held_out_gauges
from bmi_dmx.twins.held_out_baselines import NEAREST, RATIO, transferred
from bmi_dmx.twins.held_out_gauges import (
    OPEN_LOOP,
    HeldOutGauges,
    HeldOutHindcast,
    hindcast_of,
    turns,
)
from bmi_dmx.twins.held_out_run import days_of, nudged, observing, on_reaches

FILTER = {
    "members": 4,
    "filter": {"name": "letkf"},
    "localisation": {"radius": 60000.0},
    "observed": {
        "discharge": {
            "mean": "1 d", "scale": "log", "gross_error": None,
            "error": {"relative": 0.1, "absolute": 0.1},
        }
    },
    "perturbations": {
        "forcing": {
            "lateral_inflow": {
                "kind": "lognormal", "std": 0.5, "correlation_time": "5 d",
                "correlation_length": 60000.0, "update": True,
            }
        }
    },
}  # fmt: skip


def settings(**changes: Any) -> dict[str, Any]:
    """Return a hindcast of the made river; changes replace keys."""
    return {
        "bundle": "rivers-delaware",
        "data": {"river": "sample", "days": {"utc_offset": -6}},
        "begin": "2002-03-01",
        "scored": ["2002-03-02", "2002-03-08"],
        "folds": 3,
        "assimilation": FILTER,
        "methods": {"nudging": {"nudging": {}}, "update": {}},
        **changes,
    }


def found(**changes: Any) -> HeldOutHindcast:
    """Return a hindcast that was made."""
    return hindcast_of(convert(settings(**changes), HeldOutGauges))


@pytest.fixture(scope="module")
def usual() -> HeldOutHindcast:
    """Return the hindcast as it is."""
    return found()


@pytest.fixture(scope="module")
def alone() -> HeldOutHindcast:
    """Return one that knows no methods, and leaves no gauge out."""
    return found(methods={}, folds=0)


def test_all_methods_are_scored_at_gauges_that_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, scores, pictures = (tmp_path / n for n in ("a.yaml", "a.json", "pictures"))
    path.write_text(as_yaml(settings()), encoding="utf-8")
    code = main(
        ["da", "hindcast", str(path), "--json", str(scores), "--output", str(pictures)]
    )
    output = capsys.readouterr().out
    assert code == 0
    names = [OPEN_LOOP, NEAREST, RATIO, "nudging", "update"]
    assert all(name in output for name in names)
    data = json.loads(scores.read_text(encoding="utf-8"))
    assert list(data["scores"]) == names
    assert sorted(data["turn"]) == [0, 1, 2]
    # G3 lies above G2, and both above G1.
    assert dict(zip(data["gauges"], data["told_above"], strict=True)) == {
        "G1": 2, "G2": 1, "G3": 0
    }  # fmt: skip
    for by in data["scores"].values():
        assert np.isfinite(by["same_day"]["nse"]).all()
    with open(pictures / "gauges.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["gauge_id"] for row in rows] == data["gauges"]
    nse = data["scores"]["update"]["same_day"]["nse"]
    assert [float(row["nse update, same_day"]) for row in rows] == pytest.approx(
        nse, abs=1e-4
    )
    assert (pictures / "gauges.png").stat().st_size > 10000


def test_what_is_left_out_has_no_part_in_its_own_score(
    usual: HeldOutHindcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a day ahead nothing of that day has."""
    day, gauge = 5, int(np.flatnonzero(usual.fold == 1)[0])
    plain = held_out_gauges.days_of

    def poisoned(*arguments: Any) -> Any:
        days = plain(*arguments)
        observed = days.observed.copy()
        observed[:, gauge] *= 7.0
        observed[day:] *= 3.0
        return replace(days, observed=observed)

    monkeypatch.setattr(held_out_gauges, "days_of", poisoned)
    other = found()
    for name in usual.estimates:
        same, ahead = usual.estimates[name], other.estimates[name]
        np.testing.assert_array_equal(
            ahead.same_day[1, :day, gauge], same.same_day[1, :day, gauge], name
        )
        np.testing.assert_array_equal(
            ahead.day_ahead[1, : day + 1, gauge], same.day_ahead[1, : day + 1, gauge],
            name,
        )  # fmt: skip
    for name in ("nudging", "update", NEAREST):
        changed = usual.estimates[name].same_day[1] != other.estimates[name].same_day[1]
        assert changed[day:].any(), name


def test_a_river_that_is_nudged_has_the_flow_of_its_gauges(
    alone: HeldOutHindcast,
) -> None:
    spec = convert(settings(), HeldOutGauges)
    days = alone.days
    observed = days.observed.copy()
    observed[5:8] = np.nan
    bundle = observing(load_bundle(spec.bundle))
    same, ahead = nudged(bundle, alone.data, days, observed, 1.0, 2.0)
    there = ~np.isnan(observed)
    np.testing.assert_allclose(same[there], observed[there], rtol=1e-9)
    free = alone.estimates[OPEN_LOOP].same_day[0]
    # Two hours after it was last seen half of the way is left, and after a day nothing.
    before, after = (np.abs(x - observed)[1:5] for x in (free, ahead))
    assert after.mean() < before.mean()
    np.testing.assert_allclose(same[7], free[7], rtol=0.2)
    assert not np.allclose(same[5], free[5], rtol=1e-3)


def test_the_nearest_gauge_tells_of_the_day_before_or_the_model_runs_alone(
    alone: HeldOutHindcast,
) -> None:
    """Where no gauge is told or a day is missing it is the model of the day itself."""
    series = alone.estimates[OPEN_LOOP]
    pair, model = (series.same_day[0], series.day_ahead[0]), series.same_day[0]
    observed = alone.days.observed.copy()
    observed[4] = np.nan
    days = replace(alone.days, observed=observed)
    transfers = transferred(alone.data, days, np.full(3, -1), 1, pair)
    nobody = transferred(alone.data, days, np.zeros(3, np.intp), 1, pair)
    np.testing.assert_allclose(transfers[NEAREST].day_ahead[0, 1:5], observed[:4])
    np.testing.assert_allclose(
        transfers[RATIO].day_ahead[0, 1:5], (observed / model)[:4] * model[1:5]
    )
    for name in (NEAREST, RATIO):
        np.testing.assert_array_equal(transfers[name].same_day[0, 4], model[4])
        np.testing.assert_array_equal(
            transfers[name].day_ahead[0, [0, 5]], model[[0, 5]]
        )
        np.testing.assert_array_equal(nobody[name].same_day[0], model)
        np.testing.assert_array_equal(nobody[name].day_ahead[0], model)


def test_a_made_truth_is_found_better_with_the_other_gauges() -> None:
    one = found(
        truth={
            "gauges": ["1010", "1013", "1026", "1032", "1036"], "std": 0.6,
            "correlation_time": 10, "correlation_length": 5e5,
        },
        scored=["2002-03-05", "2002-03-20"], folds=5, methods={"update": {}},
    )  # fmt: skip
    error = {
        name: np.sqrt(np.mean((by.same_day[one.fold, :, np.arange(5)] - one.observed.T)
                              [:, one.scored] ** 2, axis=1))
        for name, by in one.estimates.items()
    }  # fmt: skip
    assert np.median(error["update"] / error[OPEN_LOOP]) < 0.8


def test_gauges_of_one_reach_are_left_out_together(alone: HeldOutHindcast) -> None:
    gauges = alone.data.gauges
    twice = replace(
        gauges, reaches=(gauges.reaches[0], gauges.reaches[0], gauges.reaches[2])
    )
    turn = turns(replace(alone.data, gauges=twice), 2)
    assert turn[0] == turn[1] != turn[2]
    with pytest.raises(ConfigError, match="at most the 2 reaches"):
        turns(replace(alone.data, gauges=twice), 3)
    places = alone.days.places.copy()
    places[1] = places[0]
    days = replace(alone.days, places=places, unseen=alone.days.unseen[:2])
    flow = on_reaches(days, np.array([[2.0, 4.0, 8.0], [np.nan, 4.0, np.nan]]))
    below = days.unseen
    assert flow[0, places[0]] == pytest.approx(3.0 + below[0, :2].mean())
    assert flow[1, places[0]] == pytest.approx(4.0 + below[1, 1])
    assert np.isnan(flow[1, places[2]])


def test_days_begin_at_midnight_of_gauges(alone: HeldOutHindcast) -> None:
    spec = convert(settings(), HeldOutGauges)
    hours = alone.data.inflow.repeat(24 // alone.data.per_day, axis=0)
    at = int((np.datetime64("2002-03-01") - alone.data.days[0]).astype(int)) * 24 + 6
    np.testing.assert_allclose(alone.days.lateral[:30], hours[at : at + 30])
    offset = alone.data.gauges.utc_offset.copy()
    offset[0] = -5.0
    other = replace(alone.data, gauges=replace(alone.data.gauges, utc_offset=offset))
    with pytest.raises(ConfigError, match="expected one whole number of hours"):
        days_of(other, spec.data.days, spec.begin, spec.scored[1])


def test_what_is_observed_is_the_flow_of_days() -> None:
    observed = {"discharge": {"mean": "1 h", "error": {"relative": 0.1}}}
    block = {**FILTER, "observed": observed}
    with pytest.raises(ConfigError, match=r"expected 'discharge' with 'mean: 1 d'"):
        found(assimilation=block, methods={"update": {}})


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"folds": 1}, "folds: found 1, expected 0, or 2 or more"),
        ({"begin": "2002-04-01"}, "begin, scored"),
        ({"methods": {"a": {"nudging": {"weight": 2.0}}}}, "weight: found 2"),
        ({"methods": {OPEN_LOOP: {}}}, "'open loop', a row that is always there"),
        (
            {"methods": {"a": {"nudging": {}, "assimilation": {"members": 3}}}},
            "not with nudging",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        convert(settings(**changes), HeldOutGauges)
