"""Units, pairs and gauges: what land yields arrives, in a series and step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.errors import DataError
from bmi_dmx.models.hydrology.gauges import Gauges
from bmi_dmx.models.hydrology.lagged_hydrograph import LaggedUnitHydrograph
from bmi_dmx.models.hydrology.unit_hydrograph import UnitHydrograph
from bmi_dmx.scan import scan
from bmi_dmx.space import Points

UNITS, GAUGES = Points(["u1", "u2", "u3", "u4"]), Points(["upper", "lower"])
LINKS = [("u1", "upper"), ("u2", "upper"), ("u1", "lower"), ("u2", "lower"),
         ("u3", "lower"), ("u4", "lower")]  # fmt: skip
AREA = np.array([40.0, 10.0, 30.0, 20.0])


@pytest.fixture
def gauges():
    return Gauges(UNITS, GAUGES, LINKS, AREA)


def test_a_depth_at_a_gauge_is_the_mean_over_its_area(gauges):
    depth = np.array([1.0, 2.0, 3.0, 4.0])
    assert gauges.area_km2.tolist() == [50.0, 100.0]
    upper, lower = (1 * 40 + 2 * 10) / 50, (1 * 40 + 2 * 10 + 3 * 30 + 4 * 20) / 100
    np.testing.assert_allclose(gauges.mean.apply(depth), [upper, lower])
    assert gauges.pairs.ids[:3] == ("upper/u1", "upper/u2", "lower/u1")
    assert gauges.to_pairs.apply(depth).tolist() == [1.0, 2.0, 1.0, 2.0, 3.0, 4.0]


@settings(max_examples=30)
@given(seed=st.integers(0, 9999))
def test_water_is_kept_from_units_by_way_of_pairs_to_gauges(seed):
    """Routed volumes and what is in transit are, at each gauge, what its units gave."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 6))
    units = Points([f"u{k}" for k in range(count)])
    area = rng.uniform(0.1, 500.0, count)
    links = [
        (f"u{u}", f"g{g}")
        for g in range(3)
        for u in rng.permutation(count)[: rng.integers(1, count + 1)]
    ]
    gauges = Gauges(units, Points(["g0", "g1", "g2"]), links, area)
    runoff = rng.exponential(1.0, (30, count))
    pairs = len(gauges.pairs)
    routing = {
        "routing_a": torch.from_numpy(rng.uniform(0.0, 5.0, pairs)),
        "routing_b": torch.from_numpy(rng.uniform(0.0, 12.0, pairs)),
        "routing_lag": torch.from_numpy(rng.uniform(0.0, 48.0, pairs)),
    }
    of_pairs = {"runoff": torch.from_numpy(gauges.to_pairs.apply(runoff))}
    ran = scan(LaggedUnitHydrograph(), None, of_pairs, routing, dt=1 / 24)
    flow = gauges.to_gauges.apply(ran.outputs["streamflow"][..., 0].numpy())
    waiting = gauges.to_gauges.apply(ran.state["in_transit"].sum(0)[:, 0].numpy())
    for g, name in enumerate(gauges.mean.target.ids):
        of = [int(u[1:]) for u, gauge in links if gauge == name]
        given_off = (runoff.sum(0) * area)[of].sum()
        arrived = (flow.sum(0) / 24.0 + waiting)[g] * gauges.area_km2[g]
        assert arrived == pytest.approx(given_off / 24.0, rel=1e-12)


def test_steps_give_the_series(gauges):
    runoff = np.random.default_rng(2).exponential(1.0, (20, 4))
    routing = {
        "routing_a": torch.linspace(0.5, 4.0, 6).double(),
        "routing_b": torch.linspace(9.0, 1.0, 6).double(),
        "routing_lag": torch.linspace(0.0, 30.0, 6).double(),
    }
    process = LaggedUnitHydrograph()

    def routed(rows, state):
        rows = torch.from_numpy(gauges.to_pairs.apply(rows))
        ran = scan(process, state, {"runoff": rows}, routing, dt=1 / 24)
        return gauges.to_gauges.apply(ran.outputs["streamflow"][..., 0].numpy()), ran

    whole, _ = routed(runoff, None)
    state, steps = None, []
    for row in runoff:
        flow, ran = routed(row[None], state)
        state = ran.state
        steps.append(flow[0])
    np.testing.assert_array_equal(np.array(steps), whole)


def test_a_daily_gauge_routes_the_mean_of_its_units_once(gauges):
    """Against a plain loop: runoff and routing parameters weighted by area."""
    rng = np.random.default_rng(3)
    runoff = rng.exponential(3.0, (40, 4))
    a, b = rng.uniform(0.0, 2.9, 4), rng.uniform(0.0, 6.5, 4)
    routing = {"routing_a": a, "routing_b": b}
    mean = {n: torch.from_numpy(gauges.mean.apply(x)) for n, x in routing.items()}
    forcing = {"runoff": torch.from_numpy(gauges.mean.apply(runoff))}
    flow = scan(UnitHydrograph(), None, forcing, mean).outputs["streamflow"][..., 0]
    for g, of in enumerate([[0, 1], [0, 1, 2, 3]]):
        share = AREA[of] / AREA[of].sum()
        shape, scale = share @ a[of] + 0.1, share @ b[of] + 0.5
        time = np.arange(15) + 0.5
        weight = time ** (shape - 1.0) * np.exp(-time / scale)
        expected = np.convolve(runoff[:, of] @ share, weight / weight.sum())[:40]
        np.testing.assert_allclose(flow[:, g], expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("links", "area", "message"),
    [
        (LINKS[2:], AREA, "no unit drains to gauge 'upper'"),
        ([*LINKS, LINKS[0]], AREA, "'upper/u1' is given twice"),
        ([*LINKS, ("u9", "upper")], AREA, "'u9'"),
        (LINKS, AREA[:3], r"expected one for each of 4 units, found shape \(3,\)"),
        (LINKS, AREA * [1, 1, 0, 1], "expected above 0, found 0 of 'u3'"),
        (LINKS, AREA * [1, np.nan, 1, 1], "expected above 0, found nan of 'u2'"),
    ],
)
def test_what_cannot_be_is_refused(links, area, message):
    with pytest.raises(DataError, match=message):
        Gauges(UNITS, GAUGES, links, area)
