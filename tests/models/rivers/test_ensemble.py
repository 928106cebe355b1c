"""Ensembles of rivers: members are trees side by side, corrected along the stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx import MuskingumCunge
from bmi_dmx.assimilation.localisation import on_tree, taper
from bmi_dmx.assimilation.operation.inbox import USED
from bmi_dmx.errors import ConfigError

from .small_river import COLUMNS, FLOW, IDS, run, started, weather

SIZE = 6
RADIUS = 6000.0
INFLOW = {
    "kind": "lognormal", "std": 0.6, "correlation_time": "6 h",
    "correlation_length": 9000.0, "update": True,
}  # fmt: skip
ERROR = {"relative": 0.1, "absolute": 0.05}
BUNDLES = ("rivers-plain", "rivers-delaware")


def block(**changes: Any) -> dict[str, Any]:
    """Return a block ``assimilation`` of a river; changes replace keys."""
    return {
        "members": SIZE,
        "seed": 4,
        "filter": {"name": "letkf"},
        "localisation": {"radius": RADIUS},
        "observed": {"discharge": {"error": ERROR, "gross_error": None}},
        "perturbations": {"forcing": {"lateral_inflow": INFLOW}},
        **changes,
    }


def follow(
    river: MuskingumCunge,
    inflow: np.ndarray,
    observations: np.ndarray | None,
    *names: str,
) -> list[np.ndarray]:
    """Step through lateral inflow and observed flow; return series of outputs."""
    outputs: list[list[np.ndarray]] = [[] for _ in names]
    for step, row in enumerate(inflow):
        river.set_value(FLOW, row)
        if observations is not None:
            river.set_value("discharge~observed", observations[step])
        river.update()
        for series, name in zip(outputs, names, strict=True):
            series.append(river.get_value_ptr(name).copy())
    return [np.array(series) for series in outputs]


def gauged(flow: np.ndarray, at: str = "wb-1", every: int = 1) -> np.ndarray:
    """Return flow that is seen at one reach, in some of the steps."""
    observations = np.full(flow.shape, np.nan)
    place = IDS.index(at)
    observations[every - 1 :: every, place] = flow[every - 1 :: every, place]
    return observations


@pytest.mark.parametrize("bundle", BUNDLES)
def test_members_that_are_alike_give_the_bits_of_one(
    tmp_path: Path, bundle: str
) -> None:
    inflow = weather(40)
    names = ("discharge", "volume", "mass_in", "mass_out")
    one = run(started(tmp_path, bundle=bundle), inflow, *names)
    alike = started(tmp_path, bundle=bundle, assimilation={"members": SIZE})
    for series, expected in zip(run(alike, inflow, *names), one, strict=True):
        np.testing.assert_array_equal(series, expected)


@pytest.mark.parametrize("state", ["cold", "hot"])
def test_members_are_runs_of_their_own(tmp_path: Path, state: str) -> None:
    inflow = weather(30) + 0.1
    names = ("discharge", "volume", "lateral_inflow")
    river = started(tmp_path, state=state, assimilation=block(observed={}))
    members = follow(river, inflow, None, *(f"{name}__ensemble" for name in names))
    flow, volume, lateral = (x.reshape(30, SIZE, len(IDS)) for x in members)
    assert np.ptp(lateral, axis=1).min() > 0.0
    for member in range(SIZE):
        alone = started(tmp_path, state=state)
        if state == "hot":
            # All begin with the steady flow of what the host gave.
            alone.set_value(FLOW, inflow[0])
            alone.settle()
        series = run(alone, lateral[:, member], "discharge", "volume")
        np.testing.assert_array_equal(flow[:, member], series[0])
        np.testing.assert_array_equal(volume[:, member], series[1])


@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_run_goes_on_from_its_state_bit_for_bit(tmp_path: Path, bundle: str) -> None:
    inflow, half = weather(40), 17
    observations = gauged(1.5 * inflow.cumsum(axis=1), every=3)
    observed = {"discharge": {"error": ERROR, "mean": "3 h", "max_age": "2 h"}}
    settings = block(
        observed=observed, filter={"name": "letkf", "rotate": True},
        inflation={"name": "rtps", "factor": 0.4},
    )  # fmt: skip
    whole, other = (
        started(tmp_path, name=f"{k}.yaml", bundle=bundle, assimilation=settings)
        for k in "ab"
    )
    follow(whole, inflow[:half], observations[:half])
    other.set_state_bytes(whole.state_bytes())
    for river in (whole, other):
        follow(river, inflow[half:], observations[half:])
    assert np.abs(whole.get_value_ptr("mass_assimilated")).max() > 0.0
    assert other.state_bytes() == whole.state_bytes()


@pytest.mark.parametrize("bundle", BUNDLES)
def test_flow_of_a_gauge_corrects_the_river_about_it(
    tmp_path: Path, bundle: str
) -> None:
    """The truth has half as much again of the inflow that the members know of."""
    inflow = weather(96) + 0.05
    (true,) = run(started(tmp_path, bundle=bundle), 1.5 * inflow, "discharge")
    (alone,) = run(started(tmp_path, bundle=bundle), inflow, "discharge")
    river = started(tmp_path, bundle=bundle, assimilation=block(members=16))
    (flow,) = follow(river, inflow, gauged(true), "discharge")
    error, usual = ((np.sqrt(np.mean((x - true)[24:] ** 2, 0))) for x in (flow, alone))
    for name in ("wb-3", "wb-4", "wb-1", "wb-9"):
        assert error[IDS.index(name)] < 0.8 * usual[IDS.index(name)], name


@pytest.mark.parametrize("bundle", BUNDLES)
def test_no_water_is_lost_between_reaches_and_increments_are_counted(
    tmp_path: Path, bundle: str
) -> None:
    inflow = weather(60)
    river = started(tmp_path, bundle=bundle, assimilation=block())
    names = (
        "entering", "leaving", "volume__increment", "mass_assimilated",
        *(f"ngen::mass_{term}" for term in ("in", "out", "stored", "leaked")),
    )  # fmt: skip
    series = follow(river, inflow, gauged(1.5 * inflow.cumsum(1)), *names)
    entering, leaving, added, assimilated, came, outflow, stored, leaked = series
    tree = river.runner.space
    np.testing.assert_allclose(
        entering, np.array([tree.received(row) for row in leaving]), rtol=1e-12
    )
    np.testing.assert_allclose(added.cumsum(0), assimilated, rtol=1e-9, atol=1e-6)
    assert np.abs(assimilated[-1]).max() > 1000.0
    np.testing.assert_allclose(leaked[:, 0], -assimilated.sum(1), rtol=1e-9, atol=1e-6)
    assert np.abs(came - outflow - stored - leaked).max() < 1e-12 * came.max()


@pytest.mark.parametrize("bundle", BUNDLES)
def test_what_a_reach_holds_follows_its_flow(tmp_path: Path, bundle: str) -> None:
    """By as much as its physics says, or in proportion where water decides the flow."""
    inflow = weather(9) + 0.2
    observations = gauged(3.0 * inflow.cumsum(1), every=8)
    plain = {**INFLOW, "update": False}
    volumes, stored = {}, {}
    for kind in ("none", "letkf"):
        settings = block(
            filter={"name": kind}, localisation={"radius": 9000.0},
            perturbations={"forcing": {"lateral_inflow": plain}},
        )  # fmt: skip
        river = started(tmp_path, bundle=bundle, assimilation=settings)
        names = ("volume__ensemble", "stored__ensemble")
        volume, flux = follow(river, inflow, observations, *names)
        # A step tells what was stored at its start.
        volumes[kind], stored[kind] = volume[-2], flux[-1]
    assert np.all(stored["letkf"] != stored["none"])
    if bundle == "rivers-plain":
        change, expected = (x["letkf"] - x["none"] for x in (volumes, stored))
    else:
        change, expected = (x["letkf"] / x["none"] for x in (volumes, stored))
    np.testing.assert_allclose(change, expected, rtol=1e-6)


def test_the_analysis_is_that_of_dense_matrices_at_every_reach(tmp_path: Path) -> None:
    inflow = weather(5) + 0.2
    plain = {**INFLOW, "update": False}
    settings = {"perturbations": {"forcing": {"lateral_inflow": plain}}}
    rivers = [
        started(tmp_path, name=f"{kind}.yaml",
                assimilation=block(filter={"name": kind}, **settings))
        for kind in ("none", "letkf")
    ]  # fmt: skip
    observations = np.full((5, 5), np.nan)
    gauges = [IDS.index("wb-4"), IDS.index("wb-9")]
    observations[-1, gauges] = 3.0, 11.0
    forecast, analysis = (
        follow(river, inflow, observations, "discharge__ensemble")[0][-1].reshape(
            SIZE, 5
        )
        for river in rivers
    )
    tree, length = rivers[0].runner.space, np.array(COLUMNS["length"][0])
    ways = np.where(tree.downstream >= 0, length[tree.downstream], 0.0)
    near = taper(on_tree(tree, np.arange(5), np.array(gauges), ways), RADIUS)
    error = np.hypot(0.1 * observations[-1, gauges], 0.05)
    state = np.log1p(forecast)
    mean = state.mean(0)
    y = forecast[:, gauges]
    for place in range(5):
        inverse = np.diag(near[place] / error**2)
        a, s = state[:, place] - mean[place], y - y.mean(0)
        covariance = np.linalg.inv((SIZE - 1) * np.eye(SIZE) + s @ inverse @ s.T)
        weights = covariance @ s @ inverse @ (observations[-1, gauges] - y.mean(0))
        values, vectors = np.linalg.eigh((SIZE - 1) * covariance)
        root = vectors @ np.diag(np.sqrt(values)) @ vectors.T
        expected = np.expm1(mean[place] + a @ weights + root @ a)
        np.testing.assert_allclose(analysis[:, place], expected, rtol=1e-10)
    assert not np.allclose(analysis, forecast, rtol=0.01)


@pytest.mark.parametrize("flowing", [False, True])
def test_what_is_far_from_a_gauge_keeps_every_bit(
    tmp_path: Path, flowing: bool
) -> None:
    inflow = weather(8) + 0.2
    plain = {**INFLOW, "update": False}
    observations = gauged(2.0 * inflow.cumsum(1), at="wb-3", every=8)
    outputs = {}
    for kind in ("none", "etkf"):
        settings = block(
            filter={"name": kind},
            localisation={"radius": 2000.0, "flowing": flowing},
            inflation={"name": "multiplicative", "factor": 1.3},
            perturbations={"forcing": {"lateral_inflow": plain}},
        )
        river = started(tmp_path, assimilation=settings)
        names = ("discharge__ensemble", "volume__ensemble")
        series = follow(river, inflow, observations, *names)
        outputs[kind] = [x[-1].reshape(SIZE, 5) for x in series]
    # The support ends 7.3 km from wb-3: wb-1 is 5 km below, wb-4 as far up from there.
    near = {"wb-3", "wb-1"}
    for name in IDS:
        place = IDS.index(name)
        alike = np.array_equal(
            outputs["none"][0][:, place], outputs["etkf"][0][:, place]
        )
        assert alike == (name not in near), name
    # What leaves wb-1 enters wb-9, which holds more of it for that.
    for name in ("wb-4", "wb-5"):
        place = IDS.index(name)
        np.testing.assert_array_equal(
            outputs["none"][1][:, place], outputs["etkf"][1][:, place]
        )


def test_confluences_are_left_out_where_nearness_is_to_follow_the_water(
    tmp_path: Path,
) -> None:
    inflow = weather(8) + 0.2
    observations = gauged(2.0 * inflow.cumsum(1), at="wb-3", every=8)
    plain = {**INFLOW, "update": False}
    flow = {}
    for flowing in (False, True):
        settings = block(
            localisation={"radius": 9000.0, "flowing": flowing},
            perturbations={"forcing": {"lateral_inflow": plain}},
        )
        river = started(tmp_path, assimilation=settings)
        (series,) = follow(river, inflow, observations, "discharge__ensemble")
        flow[flowing] = series[-1].reshape(SIZE, 5)
    (free,) = follow(
        started(tmp_path, assimilation=block(
            filter={"name": "none"},
            perturbations={"forcing": {"lateral_inflow": plain}},
        )), inflow, observations, "discharge__ensemble",
    )  # fmt: skip
    beside = IDS.index("wb-4")
    forecast = free[-1].reshape(SIZE, 5)[:, beside]
    np.testing.assert_array_equal(flow[True][:, beside], forecast)
    assert not np.array_equal(flow[False][:, beside], forecast)


def test_means_of_several_steps_are_compared_with_such_means(tmp_path: Path) -> None:
    inflow = weather(9)
    observed = {"discharge": {"error": ERROR, "mean": "4 h", "gross_error": None}}
    river = started(
        tmp_path, assimilation=block(observed=observed, filter={"name": "none"})
    )
    observations = gauged(np.full(inflow.shape, 2.0), every=9)
    (members,) = follow(river, inflow, observations, "discharge__ensemble")
    log = river.ensemble.assimilation.innovations
    mean = members.reshape(9, SIZE, 5)[-4:, :, IDS.index("wb-1")].mean()
    np.testing.assert_allclose(log.column("predicted"), [mean], rtol=1e-12)
    np.testing.assert_allclose(
        river.get_value_ptr("discharge__expected"),
        members.reshape(9, SIZE, 5)[-4:].mean((0, 1)), rtol=1e-12,
    )  # fmt: skip


def test_a_mean_before_there_were_so_many_steps_is_late(tmp_path: Path) -> None:
    observed = {"discharge": {"error": ERROR, "mean": "4 h"}}
    river = started(tmp_path, assimilation=block(observed=observed))
    follow(river, weather(3), gauged(np.full((3, 5), 2.0)))
    assert "3 late" in river.ensemble.assimilation.innovations.report()


def test_what_a_host_of_longer_steps_tells_holds_at_the_end_of_them(
    tmp_path: Path,
) -> None:
    observed = {"discharge": {"error": ERROR, "mean": "4 h", "gross_error": None}}
    river = started(tmp_path, assimilation=block(observed=observed))
    river.set_value("ngen_dt", np.array([4 * 3600.0]))
    follow(river, weather(3), gauged(np.full((3, 5), 2.0)), "discharge")
    log = river.ensemble.assimilation.innovations
    # Of four hours each, from the start of the year 2000 on.
    start = 946684800.0
    expected = start + 4 * 3600.0 * np.array([1.0, 2.0, 3.0])
    used = log.column("status") == USED
    np.testing.assert_array_equal(log.column("time")[used], expected)
    np.testing.assert_array_equal(log.column("valid_time")[used], expected)


def test_derivatives_are_those_of_one_river(tmp_path: Path) -> None:
    river = started(tmp_path, assimilation={"members": 2})
    with pytest.raises(ConfigError, match=r"mark: .* ensemble"):
        river.mark()


def test_a_correction_of_the_inflow_lasts(tmp_path: Path) -> None:
    """The flow alone forgets what was seen within a day; the reason of it stays."""
    inflow = np.full((48, 5), 0.5)
    (true,) = run(started(tmp_path), 2.0 * inflow, "discharge")
    observations = gauged(true)
    observations[30:] = np.nan
    errors = {}
    for update in (False, True):
        noise = {**INFLOW, "correlation_time": "10 d", "update": update}
        settings = block(
            members=16, perturbations={"forcing": {"lateral_inflow": noise}}
        )
        river = started(tmp_path, assimilation=settings)
        (flow,) = follow(river, inflow, observations, "discharge")
        errors[update] = abs(flow[-1] - true[-1])[IDS.index("wb-1")]
    assert errors[True] < 0.5 * errors[False]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"update": ["volume"]}, "'volume' follows from other states"),
        ({"localisation": None}, "'letkf' cannot be used"),
        ({"localisation": {"radius": 0.0}}, "radius: found 0.0, expected a number"),
        (
            {"perturbations": {"forcing": {"lateral_inflow": {
                "std": 1, "update": True}}}},
            "update: nothing of it lasts",
        ),
        (
            {"perturbations": {"state": {
                "discharge": {**INFLOW, "kind": "additive"}}}},
            "state: discharge: update: of deviations of forcing alone",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, changes: dict[str, Any], match: str
) -> None:
    settings = {k: v for k, v in block(**changes).items() if v is not None}
    with pytest.raises(ConfigError, match=match):
        started(tmp_path, assimilation=settings)


def test_lengths_that_are_set_later_are_those_that_count(tmp_path: Path) -> None:
    inflow = weather(12) + 0.2
    seen = gauged(2.0 * inflow.cumsum(1), at="wb-3", every=6)
    length = np.array(COLUMNS["length"][0])
    river = started(tmp_path, assimilation=block())
    added = river.ensemble.assimilation.increments["discharge"]
    follow(river, inflow[:6], seen[:6])
    assert added[IDS.index("wb-1")] != 0.0
    river.set_value("length", 100.0 * length)
    follow(river, inflow[6:], seen[6:])
    assert [name for name in IDS if added[IDS.index(name)]] == ["wb-3"]


def test_disturbances_are_alike_along_lengths_as_they_are(tmp_path: Path) -> None:
    """Where all is twice as long, as at half the length of correlation."""
    inflow, found = weather(8), []
    for stretch in (1.0, 2.0):
        own = {**INFLOW, "correlation_length": 4500.0 * stretch, "update": False}
        settings = block(
            observed={}, perturbations={"forcing": {"lateral_inflow": own}}
        )
        river = started(tmp_path, name=f"{stretch}.yaml", assimilation=settings)
        follow(river, inflow[:1], None)
        river.set_value("length", stretch * np.array(COLUMNS["length"][0]))
        # Nothing is left of what was alike at first.
        follow(river, np.tile(inflow, (10, 1)), None)
        found.append(river.ensemble.assimilation.memory["forcing.lateral_inflow"])
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-4)
