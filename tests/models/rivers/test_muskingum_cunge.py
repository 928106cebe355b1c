"""Muskingum-Cunge: the same numbers as loops over its definition, and no water lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.models.rivers.start import hot_start, received
from bmi_dmx.scan import scan
from bmi_dmx.space import Tree

from . import independent
from .independent import Physics, River
from .rivers import drawn, parameters, routed, tree_of

LIMITS = {
    "flow", "depth", "steep sides", "flat sides", "bottom", "slow", "fast", "slope",
    "no wedge", "half",
}  # fmt: skip

CASES: list[tuple[dict[str, Any], Physics]] = [
    ({}, Physics()),
    ({"celerity": "legacy", "x": "constant"}, Physics(legacy=True, x=0.3)),
    ({"celerity": "legacy"}, Physics(legacy=True)),
    ({"x": "constant", "constant_x": 0.1}, Physics(x=0.1)),
    ({"x": "given"}, Physics(x="given")),
    ({"x": "learned", "celerity": "legacy"}, Physics(legacy=True, x="given")),
    ({"admissible": True}, Physics(admissible=True)),
    ({"admissible": True, "x": "constant"}, Physics(x=0.3, admissible=True)),
]


@pytest.mark.parametrize(("options", "physics"), CASES, ids=str)
def test_it_is_the_loop_over_its_definition(options: Any, physics: Physics) -> None:
    river = drawn()
    start = independent.hot_start(river)
    expected = independent.route(river, physics, start)[1:]
    cunge = physics.x == "cunge"
    assert river.bound >= LIMITS - (set() if cunge else {"no wedge", "half"})
    size = np.abs(expected).max(axis=0)
    for kind, tolerance in ((torch.float64, 1e-12), (torch.float32, 2e-5)):
        ran = routed(
            MuskingumCunge(options), river, start, kind, ("solution", "discharge")
        ).outputs
        solution, discharge = (ran[n][..., 0].numpy() for n in ran)
        assert (np.abs(solution - expected) / size).max() < tolerance
        clamped = np.maximum(expected, 1e-4)
        assert (np.abs(discharge - clamped) / size).max() < tolerance


def test_negative_solutions_are_counted_and_none_is_left_where_admissible() -> None:
    river = drawn()
    start = independent.hot_start(river)
    for options, some in (({}, True), ({"admissible": True}, False)):
        ran = routed(
            MuskingumCunge(options), river, start, outputs=("solution", "negative")
        )
        negative = ran.outputs["solution"] < 0.0
        assert torch.equal(ran.outputs["negative"], negative.double())
        assert bool(negative.any()) is some


OPTIONS: list[dict[str, Any]] = [
    {}, {"celerity": "legacy", "x": "constant"}, {"admissible": True},
    {"assume_short_ts": True}, {"floors": {"discharge": 1e-2}},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_water_that_entered_has_left_or_is_there(options: Any) -> None:
    river = drawn()
    process = MuskingumCunge(options).on(tree_of(river))
    lateral = torch.from_numpy(river.lateral)
    coefficients = parameters(river)
    del coefficients["musk_x"]
    state = hot_start(process, lateral[0], coefficients, dt=river.dt)
    ran = scan(
        process, state, {"lateral_inflow": lateral}, coefficients, dt=river.dt,
        outputs=("leaving", "created", "discharge", "solution"), backend="reference",
    )  # fmt: skip
    outlets = torch.from_numpy(process.space.downstream < 0)
    outflow = ran.outputs["leaving"][:, outlets].sum() * river.dt
    creation = ran.outputs["created"].sum() * river.dt
    entered = lateral.sum() * river.dt
    change = (ran.state["volume"] - state["volume"]).sum()
    assert creation > 0.0
    assert abs(outflow + change - entered - creation) < 1e-12 * (entered + creation)
    if not process.options.assume_short_ts:
        # What leaves is the mean of both ends of a step.
        before = torch.cat([state["discharge"][None], ran.outputs["discharge"][:-1]])
        mean = 0.5 * (before + ran.outputs["solution"])
        torch.testing.assert_close(ran.outputs["leaving"], mean)


def test_the_volume_is_that_of_the_flow_where_travel_times_are_constant() -> None:
    """Also where water is made: the least flow is of a volume, too."""
    river = drawn()
    constant = {
        "celerity": "legacy", "x": "constant", "floors": {"velocity": 15.0}
    }  # fmt: skip
    process = MuskingumCunge(constant).on(tree_of(river))
    lateral = torch.from_numpy(river.lateral)
    coefficients = parameters(river)
    del coefficients["musk_x"]
    state = hot_start(process, lateral[0], coefficients, dt=river.dt)
    ran = scan(
        process, state, {"lateral_inflow": lateral}, coefficients, dt=river.dt,
        outputs=("created", "discharge", "volume"), backend="reference",
    )  # fmt: skip
    assert (ran.outputs["created"] > 0.0).any()
    travel = coefficients["length"] / 25.0
    for t, flow in enumerate(ran.outputs["discharge"]):
        arriving = received(process.space, flow)
        volume = travel * (0.3 * arriving + 0.7 * flow)
        torch.testing.assert_close(ran.outputs["volume"][t], volume)


def test_at_steady_inflow_all_that_enters_above_arrives() -> None:
    """Where waves take about a step to pass; shorter reaches swing around it."""
    river = drawn(steps=240)
    river.lateral[:] = np.maximum(river.lateral.max(axis=0), 0.1)
    river.slope[:], river.n[:], river.p[:] = 2e-3, 0.05, 20.0
    river.length[:] = 1000.0 * np.arange(4, 10, 0.25)
    ran = routed(MuskingumCunge(), river, np.zeros(24)).outputs["discharge"]
    expected = tree_of(river).accumulate(river.lateral[0])
    assert ran[0, 0, 0] < 0.9 * expected[0]
    np.testing.assert_allclose(ran[-1, :, 0].numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_steady_river_stays_as_it_is(options: Any) -> None:
    river = drawn()
    river.lateral[:] = np.maximum(river.lateral.max(axis=0), 0.01)
    expected = tree_of(river).accumulate(river.lateral[0])
    ran = routed(MuskingumCunge(options), river, expected).outputs["discharge"]
    np.testing.assert_allclose(ran[-1, :, 0].numpy(), expected, rtol=1e-9)


def test_the_order_of_reaches_does_not_matter() -> None:
    river = drawn()
    start = independent.hot_start(river)
    at = np.random.default_rng(4).permutation(24)
    place = np.argsort(at)
    other = River(
        [-1 if river.down[i] < 0 else int(place[river.down[i]]) for i in at],
        *(x[at] for x in (river.n, river.q, river.p, river.length, river.slope)),
        river.musk_x[at], river.lateral[:, at],
    )  # fmt: skip
    one = routed(MuskingumCunge(), river, start).outputs["discharge"]
    two = routed(MuskingumCunge(), other, start[at]).outputs["discharge"]
    torch.testing.assert_close(two, one[:, at], rtol=1e-12, atol=0.0)


HOSTILE = {
    "one": [-1],
    "forest": [-1] * 50,
    "star": [-1, *[0] * 999],
    "chain": [*range(1, 10000), -1],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_any_tree_will_do(kind: str) -> None:
    """Compiled, for ten thousand levels are much for a loop."""
    tree = Tree([f"r{i}" for i in range(len(HOSTILE[kind]))], HOSTILE[kind])
    process = MuskingumCunge().on(tree)
    lateral = torch.rand(3, len(tree), dtype=torch.float64)
    coefficients = {
        "manning": 0.05,
        "width_exponent": 0.5,
        "length": 2000.0,
        "slope": 1e-3,
    }
    state = hot_start(process, lateral[0], coefficients, dt=3600.0)
    flow = tree.accumulate(lateral[0].numpy())
    np.testing.assert_allclose(state["discharge"][:, 0].numpy(), flow)
    ran = scan(process, state, {"lateral_inflow": lateral}, coefficients, dt=3600.0,
               outputs=("leaving", "created"))  # fmt: skip
    outlets = torch.from_numpy(tree.downstream < 0)
    total = 3600.0 * (ran.outputs["leaving"][:, outlets].sum()
                      - ran.outputs["created"].sum() - lateral.sum())  # fmt: skip
    change = (ran.state["volume"] - state["volume"]).sum()
    assert abs(total + change) < 1e-9 * ran.state["volume"].sum()


@pytest.mark.parametrize("options", OPTIONS[:3], ids=str)
@pytest.mark.parametrize("kind", [torch.float32, torch.float64], ids=str)
def test_no_reach_is_too_extreme(options: Any, kind: torch.dtype) -> None:
    length, slope, flow = np.meshgrid([1.0, 6e4], [0.0, 10.0], 10.0 ** np.arange(-4, 5))
    reaches = length.size
    tree = Tree([f"r{i}" for i in range(reaches)], [-1] * reaches)
    process = MuskingumCunge(options).on(tree)
    lateral = torch.from_numpy(flow.reshape(-1)).repeat(6, 1).to(kind)
    lateral[3:] = 0.0
    channels = {
        name: torch.from_numpy(x.reshape(-1, 1)).to(kind)
        for name, x in (("length", length), ("slope", slope))
    }
    learned = {
        name: torch.full((reaches, 1), x, dtype=kind)
        for name, x in (
            ("manning", 0.03),
            ("width_exponent", 0.0),
            ("width_coefficient", 1.0),
        )
    }
    leaves = [x.requires_grad_() for x in (lateral, *learned.values())]
    for start in (
        None,
        hot_start(process, lateral[0], {**channels, **learned}, dt=3600.0),
    ):
        ran = scan(process, start, {"lateral_inflow": lateral}, {**channels, **learned},
                   dt=3600.0, backend="reference")  # fmt: skip
        assert all(bool(x.isfinite().all()) for x in ran.outputs.values())
        gradients = torch.autograd.grad(
            sum(x.sum() for x in ran.outputs.values()), leaves
        )
        assert all(bool(g.isfinite().all()) for g in gradients)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"constant_x": 0.6}, "constant_x: found 0.6, expected 0 to 0.5"),
        ({"celerity": "legacie"}, "celerity: unknown value 'legacie'.*'legacy'"),
        ({"geometry": "compound", "x": "given"}, "x: found 'given', expected 'cunge'"),
        ({"floors": {"slop": 1.0}}, "floors.slop: unknown key.*'slope'"),
        ({"floors": {"slope": 0.0}}, "slope: found 0, expected more than 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MuskingumCunge(options)
