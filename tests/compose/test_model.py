"""The composed model: a run is its pieces and steps, keeps its water, is causal."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.compose import Model, SimulationResult, Statistics, fit_statistics
from bmi_dmx.errors import ConfigError, DataError, StateError
from bmi_dmx.models.hydrology.recipe import DynamicSpec, StaticSpec
from bmi_dmx.process import Process
from bmi_dmx.registries import processes
from bmi_dmx.variables import Flux, Forcing

OUTPUTS = ("streamflow", "evaporation", "soil_moisture", "potential_evaporation")
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}

EVERY_MODEL = pytest.mark.parametrize("dynamic", [False, True], ids=["static", "lstm"])
EVERY_PROCESS = pytest.mark.parametrize("process", ["hbv10", "hbv11p", "hbv20"])


def part(series, start, stop):
    return {name: x[start:stop] for name, x in series.items()}


def assert_equal_runs(
    actual: SimulationResult, reference: SimulationResult, tolerance: float
) -> None:
    for group, expected in zip(actual, reference, strict=True):
        assert set(group) == set(expected)
        for name, x in expected.items():
            size = float(x.detach().abs().max())
            torch.testing.assert_close(
                group[name], x, rtol=tolerance, atol=tolerance * size, msg=name
            )


@EVERY_MODEL
@EVERY_PROCESS
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["f64", "f32"])
def test_steps_and_pieces_give_the_numbers_of_one_run(
    build, weather, places, process, dynamic, dtype
):
    model = build(process=process, dynamic=dynamic).to(dtype)
    steps, forcing, where = 740, weather(740), places()
    whole = model.simulate(forcing, where, outputs=OUTPUTS)

    state, pieces = None, []
    for start, stop in [(0, 1), (1, 31), (31, 400), (400, steps)]:
        now = part(forcing, start, stop)
        outputs, state = model.simulate(now, where, state=state, outputs=OUTPUTS)
        pieces.append(outputs)
    joined = {name: torch.cat([piece[name] for piece in pieces]) for name in OUTPUTS}
    assert_equal_runs(SimulationResult(joined, state), whole, TOLERANCE[dtype])

    state, series = None, []
    with torch.no_grad():
        for t in range(steps):
            now = {name: x[t] for name, x in forcing.items()}
            outputs, state = model.step(now, where, state, outputs=OUTPUTS)
            series.append(outputs)
    stacked = {name: torch.stack([now[name] for now in series]) for name in OUTPUTS}
    assert_equal_runs(SimulationResult(stacked, state), whole, TOLERANCE[dtype])


@EVERY_MODEL
def test_warm_up_is_a_run_whose_start_is_not_recorded(build, weather, places, dynamic):
    model, forcing = build(dynamic=dynamic), weather(120)
    whole = model.simulate(forcing, places(), outputs=OUTPUTS)
    warm = model.simulate(forcing, places(), warmup=50, outputs=OUTPUTS)
    rest = {name: x[50:] for name, x in whole.outputs.items()}
    assert_equal_runs(warm, SimulationResult(rest, whole.state), 1e-12)


def test_warm_up_passes_no_gradient(build, weather, places):
    model, forcing = build(), weather(60)
    rain = forcing["precipitation"].requires_grad_()
    model.simulate(forcing, places(), warmup=40).outputs["streamflow"].sum().backward()
    assert bool((rain.grad[:40] == 0.0).all())
    assert bool((rain.grad[40:] != 0.0).any())


@EVERY_MODEL
def test_the_gradient_reaches_back_through_the_warm_up_where_it_should(
    build, weather, places, dynamic
):
    """As by hand: all of it simulated, and the end looked at."""
    model, runs = build(dynamic=dynamic), []
    for gradient in (True, None):
        forcing = weather(60)
        rain = forcing["precipitation"].requires_grad_()
        keys = {"warmup": 40, "warmup_gradient": True} if gradient else {}
        ran = model.simulate(forcing, places(), **keys)
        flow = ran.outputs["streamflow"]
        flow = flow if gradient else flow[40:]
        assert flow.shape[0] == 20
        flow.square().sum().backward()
        runs.append((flow, rain.grad, ran.state["land.lower_zone"]))
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))
    assert bool((runs[0][1][:40] != 0.0).any())


@EVERY_MODEL
def test_every_weight_has_a_gradient(build, weather, places, dynamic):
    model = build(dynamic=dynamic)
    flow = model.simulate(weather(200), places(), warmup=50).outputs["streamflow"]
    flow.square().mean().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.isfinite().all()), name
        assert bool((weight.grad != 0.0).any()), name


@EVERY_MODEL
@given(day=st.integers(1, 59))
@settings(max_examples=8)
def test_the_past_does_not_depend_on_the_future(build, weather, places, dynamic, day):
    model, forcing = build(dynamic=dynamic), weather(60)
    other = weather(60, seed=1)
    mixed = {n: torch.cat([x[:day], other[n][day:]]) for n, x in forcing.items()}
    outputs = ("streamflow", "k0")
    first = model.simulate(forcing, places(), outputs=outputs).outputs
    second = model.simulate(mixed, places(), outputs=outputs).outputs
    for name in outputs:
        torch.testing.assert_close(
            second[name][:day], first[name][:day], rtol=0, atol=0
        )
    assert not torch.equal(second["streamflow"], first["streamflow"])


@EVERY_MODEL
@given(order=st.permutations(range(5)))
@settings(max_examples=8)
def test_places_do_not_know_of_each_other(build, weather, places, dynamic, order):
    model, forcing, where = build(dynamic=dynamic), weather(40, 5), places(5)
    straight = model.simulate(forcing, where, outputs=OUTPUTS)
    shuffled = model.simulate(
        {n: x[:, order] for n, x in forcing.items()},
        {n: x[order] for n, x in where.items()},
        outputs=OUTPUTS,
    )
    for name in OUTPUTS:
        torch.testing.assert_close(
            shuffled.outputs[name],
            straight.outputs[name][:, order],
            rtol=1e-12,
            atol=1e-12,
        )


@EVERY_MODEL
@EVERY_PROCESS
@given(seed=st.integers(0, 10_000))
@settings(max_examples=5)
def test_water_is_neither_made_nor_lost(build, weather, places, process, dynamic, seed):
    model = build(dynamic=dynamic, process=process, seed=seed)
    forcing = weather(150, seed=seed)
    before = model.initial_state(2)
    gained = tuple(n for n in ("exchange", "exchange_cut") if n in model.outputs)
    outputs = ("streamflow", "evaporation", *gained)
    ran = model.simulate(forcing, places(), outputs=outputs)
    entered = forcing["precipitation"].sum(0) + sum(
        ran.outputs[n].sum(0) for n in gained
    )
    outflow = sum(ran.outputs[n].sum(0) for n in ("streamflow", "evaporation"))
    stored = held(ran.state) - held(before)
    torch.testing.assert_close(entered - outflow, stored, rtol=0.0, atol=1e-9)


def held(state) -> torch.Tensor:
    """Return the water held by each place, mm, members averaged."""
    stores = sum(x.mean(-1) for n, x in state.items() if n.startswith("land."))
    return stores + state["outlet.in_transit"].sum(0)


@torch.no_grad()
def test_hourly_steps_of_a_daily_model_keep_the_water_and_nearly_the_flow(
    build, weather, places
):
    model, days = build(), weather(365)
    hours = {name: x.repeat_interleave(24, 0) for name, x in days.items()}
    outputs = ("streamflow", "evaporation")
    daily = model.simulate(days, places(), outputs=outputs).outputs
    hourly = model.simulate(hours, places(), dt=1.0 / 24.0, outputs=outputs)
    assert hourly.state["outlet.in_transit"].shape == (359, 2)
    entered = days["precipitation"].sum(0)
    outflow = sum(x.sum(0) / 24.0 for x in hourly.outputs.values())
    stored = held(hourly.state) - held(model.initial_state(2, dt=1.0 / 24.0))
    torch.testing.assert_close(entered - outflow, stored, rtol=0.0, atol=1e-8)
    for name in outputs:
        total = hourly.outputs[name].sum(0) / 24.0
        torch.testing.assert_close(total, daily[name].sum(0), rtol=0.03, atol=0.0)


def test_a_dynamic_network_runs_at_its_own_step_alone(build, weather, places):
    daily, hourly = build(dynamic=True), build(dynamic=True, time_step="hourly")
    message = r"^dt: network 'dynamic' was trained at steps of 1 d .*of 0\.0416667 d$"
    with pytest.raises(ConfigError, match=message):
        daily.simulate(weather(3), places(), dt=1.0 / 24.0)
    message = r"'dynamic' was trained at steps of 0\.0416667 d and .* steps of 1 d$"
    with pytest.raises(ConfigError, match=message):
        hourly.simulate(weather(3), places(), dt=1.0)
    assert (
        hourly.simulate(weather(3), places(), dt=1.0 / 24.0).outputs["streamflow"].shape
    )


def test_dropout_acts_in_training_alone(build, weather, places):
    model = build(static=StaticSpec(attributes=("aridity",), dropout=0.5))
    forcing, where = weather(30), places()

    def flow():
        return model.simulate(forcing, where).outputs["streamflow"]

    assert not torch.equal(flow(), flow())
    model.eval()
    assert torch.equal(flow(), flow())


def test_members_start_apart_and_inside_the_bounds(build, places):
    model = build(members=8)
    values = model.constant_parameters(places())
    for parameter in model.processes["land"].parameters:
        low, high = parameter.bounds
        share = ((values[parameter.name] - low) / (high - low)).detach()
        assert share.shape == (2, 8)
        assert float(share.min()) > 0.0
        assert float(share.max()) < 1.0
        assert float(share.std(-1).min()) > 0.1, parameter.name
        assert abs(float(share.mean()) - 0.5) < 0.15, parameter.name
    assert values["routing_a"].shape == (2,)


def test_without_routing_streamflow_is_runoff(build, weather, places):
    ran = build(routing="none").simulate(
        weather(30), places(), outputs=("streamflow", "runoff")
    )
    assert torch.equal(ran.outputs["streamflow"], ran.outputs["runoff"])
    assert not any(name.startswith("outlet") for name in ran.state)


def test_routing_is_the_convolution_with_the_gamma_hydrograph(build, weather, places):
    model = build()
    ran = model.simulate(weather(60), places(), outputs=("streamflow", "runoff"))
    values = model.constant_parameters(places())
    shape = values["routing_a"].detach().numpy() + 0.1
    scale = values["routing_b"].detach().numpy() + 0.5
    middle = np.arange(15)[:, None] + 0.5
    density = middle ** (shape - 1.0) * np.exp(-middle / scale)
    weight = density / density.sum(0)
    runoff = ran.outputs["runoff"].detach().numpy()
    for place in range(2):
        expected = np.convolve(runoff[:, place], weight[:, place])[:60]
        flow = ran.outputs["streamflow"][:, place].detach()
        np.testing.assert_allclose(flow, expected, rtol=1e-10)


def test_evaporation_may_be_given(build, weather, places):
    computing, taking = build(), build(evaporation="given")
    assert "day_of_year" not in taking.forcings
    assert "latitude" not in taking.attributes
    forcing = weather(30)
    first = computing.simulate(forcing, places(), outputs=OUTPUTS)
    # What is given is no output.
    forcing["potential_evaporation"] = first.outputs.pop("potential_evaporation")
    second = taking.simulate(forcing, places(), outputs=tuple(first.outputs))
    assert_equal_runs(second, first, 1e-12)


def test_parameters_are_outputs(build, weather, places):
    model = build(dynamic=True)
    names = ("beta", "fc", "routing_b")
    outputs = model.simulate(weather(30), places(), warmup=10, outputs=names).outputs
    assert all(outputs[name].shape == (20, 2) for name in names)
    fixed = model.constant_parameters(places())
    torch.testing.assert_close(outputs["fc"][7], fixed["fc"].mean(-1))
    torch.testing.assert_close(outputs["routing_b"][7], fixed["routing_b"])
    assert bool((outputs["beta"].std(0) > 0.0).all())
    assert set(names) <= set(model.outputs)


def test_parameters_left_to_their_default_are_not_learned(build, weather, places):
    model = build()
    names = tuple(n for n in model.outputs if n in model.constant_parameters(places()))
    learned = tuple(n for n in names if n != "betaet" and not n.startswith("routing"))
    fewer = build(static=StaticSpec(attributes=("aridity",), parameters=learned))
    assert "betaet" not in fewer.constant_parameters(places())
    assert fewer.simulate(weather(5), places()).outputs["streamflow"].shape == (5, 2)


def test_inputs_take_the_type_of_the_weights(build, weather, places):
    outputs, state = build().float().simulate(weather(5), places())
    assert {x.dtype for x in (*outputs.values(), *state.values())} == {torch.float32}


def test_statistics_cover_what_the_networks_read(spec, weather, places):
    forcing = {name: x.numpy() for name, x in weather(365).items()}
    where = {name: x.numpy() for name, x in places().items()}
    specification = spec(dynamic=True)
    statistics = fit_statistics(specification, forcing, where)
    assert set(statistics) == set(specification.network_inputs)
    model = Model(specification, statistics).double()
    computed = model.simulate(
        weather(365), places(), outputs=("potential_evaporation",)
    ).outputs["potential_evaporation"]
    moments = statistics["potential_evaporation"]
    assert moments.mean == pytest.approx(float(computed.mean()))
    assert moments.std == pytest.approx(float(computed.std(correction=0)))
    with pytest.raises(DataError, match="forcing 'precipitation' is missing"):
        fit_statistics(specification, {}, where)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, a: f.pop("precipitation"), "forcing 'precipitation' is missing"),
        (lambda f, a: a.pop("aridity"), "attribute 'aridity' is missing"),
        (
            lambda f, a: f["air_temperature"][3, 1].fill_(torch.nan),
            r"forcing 'air_temperature' is not finite at index \(3, 1\)",
        ),
        (
            lambda f, a: a["latitude"][0].fill_(torch.inf),
            r"attribute 'latitude' is not finite at index \(0,\)",
        ),
        (
            lambda f, a: f.update(air_temperature=f["air_temperature"][:4]),
            r"'air_temperature' has shape \(4, 2\), 'precipitation' has \(6, 2\)",
        ),
        (
            lambda f, a: f.update(precipitation=f["precipitation"][:, 0]),
            r"'precipitation' has shape \(6,\), expected \(time, place\)",
        ),
        (
            lambda f, a: a.update(aridity=a["aridity"][:1]),
            r"'aridity' has shape \(1,\), expected one value for each of 2 places",
        ),
    ],
)
def test_unusable_inputs_are_refused_by_name(build, weather, places, change, message):
    forcing, where = weather(6), places()
    change(forcing, where)
    with pytest.raises(DataError, match=message):
        build().simulate(forcing, where)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("land.snowpack"), "'land.snowpack' is missing"),
        (lambda s: s.update(snow=s["land.snowpack"]), "unknown state 'snow'"),
        (
            lambda s: s.update({"outlet.in_transit": s["outlet.in_transit"][:3]}),
            r"'outlet.in_transit' has shape \(3, 2\), expected \(14, 2\)",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused_by_name(
    build, weather, places, change, message
):
    model = build()
    state = model.initial_state(2)
    change(state)
    with pytest.raises(StateError, match=message):
        model.simulate(weather(3), places(), state=state)


def test_settings_that_do_not_fit_are_refused(build, weather, places):
    model, forcing, where = build(), weather(3), places()
    with pytest.raises(
        ConfigError, match=r"outputs: unknown 'streamflo'.*'streamflow'"
    ):
        model.simulate(forcing, where, outputs=("streamflo",))
    with pytest.raises(DataError, match="warmup: expected 0 to below the 3 steps"):
        model.simulate(forcing, where, warmup=3)
    with pytest.raises(ConfigError, match="dt: expected a time above 0, found 0"):
        model.simulate(forcing, where, dt=0.0)
    with pytest.raises(ConfigError, match=r"^process: unknown 'hbv11'.*'hbv1"):
        build(process="hbv11")
    with pytest.raises(ConfigError, match=r"evaporation: unknown 'odin'.*'oudin'"):
        build(evaporation="odin")
    with pytest.raises(ConfigError, match=r"static: unknown network 'mpl'.*'mlp'"):
        build(static=StaticSpec(attributes=("aridity",), network="mpl"))
    with pytest.raises(ConfigError, match=r"static\.network: 'lstm' has a memory"):
        build(static=StaticSpec(attributes=("aridity",), network="lstm"))


@pytest.mark.parametrize(
    ("flux", "message"),
    [
        ("flow", "process 'bare' has no flux 'runoff', which .*; found flow"),
        ("runoff", "process 'bare' has no forcing 'potential_evaporation' for 'oudin'"),
    ],
)
def test_a_process_must_have_what_a_model_needs(build, monkeypatch, flux, message):
    class Bare(Process):
        forcings = (Forcing(name="precipitation"),)
        fluxes = (Flux(name=flux),)

        def step(self, s, f, p):
            return {}, {flux: f.precipitation}

    monkeypatch.setitem(processes._entries, "bare", Bare)
    with pytest.raises(ConfigError, match=message):
        build(process="bare", evaporation="oudin")


def test_a_dynamic_forcing_must_be_one_of_the_model(spec):
    head = DynamicSpec(parameters=("k0",), forcings=("wind",), attributes=("aridity",))
    values = {"aridity": [0.5, 1.0], "slope_mean": [1.0, 3.0], "wind": [1.0, 2.0]}
    specification = spec(dynamic=head)
    with pytest.raises(ConfigError, match=r"dynamic\.forcings: unknown 'wind'; known"):
        Model(specification, Statistics.fit(values))
