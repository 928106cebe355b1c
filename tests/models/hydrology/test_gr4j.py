"""GR4J: against a plain restatement, and what its paper says of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.after_snow import Gr4jCemaNeige
from bmi_dmx.models.hydrology.gr4j import Gr4j, s_curve_weights

PLAIN = {"x1": 350.0, "x2": 0.0, "x3": 90.0, "x4": 1.7}


def sh1(t, x4):
    if t <= 0:
        return 0.0
    return (t / x4) ** 2.5 if t < x4 else 1.0


def sh2(t, x4):
    if t <= 0:
        return 0.0
    if t <= x4:
        return 0.5 * (t / x4) ** 2.5
    if t < 2 * x4:
        return 1 - 0.5 * (2 - t / x4) ** 2.5
    return 1.0


def restated(rain, demand, p, ordinates=40):
    """Return streamflow and exchange of a series of days, from empty stores.

    Effective rain waits in a list of what will be released on which day.
    """
    x1, x2, x3, x4 = p["x1"], p["x2"], p["x3"], p["x4"]
    days = len(rain)
    q9, q1 = np.zeros(days + ordinates), np.zeros(days + ordinates)
    s = r = 0.0
    flow, exchange = [], []
    for t in range(days):
        if rain[t] >= demand[t]:
            pn = rain[t] - demand[t]
            th = math.tanh(pn / x1)
            ps = x1 * (1 - (s / x1) ** 2) * th / (1 + s / x1 * th)
            es = 0.0
        else:
            pn = ps = 0.0
            th = math.tanh((demand[t] - rain[t]) / x1)
            es = s * (2 - s / x1) * th / (1 + (1 - s / x1) * th)
        s = s - es + ps
        perc = s * (1 - (1 + (4 / 9 * s / x1) ** 4) ** -0.25)
        s -= perc
        pr = perc + pn - ps
        for k in range(ordinates):
            q9[t + k] += 0.9 * pr * (sh1(k + 1, x4) - sh1(k, x4))
            q1[t + k] += 0.1 * pr * (sh2(k + 1, x4) - sh2(k, x4))
        f = x2 * (r / x3) ** 3.5
        r = max(0.0, r + q9[t] + f)
        qr = r * (1 - (1 + (r / x3) ** 4) ** -0.25)
        r -= qr
        flow.append(qr + max(0.0, q1[t] + f))
        exchange.append(f)
    return np.array(flow), np.array(exchange), s, r


@pytest.mark.parametrize("regime", ["humid", "storm", "drought"])
def test_two_years_of_weather(regime, run, parameters, weather):
    forcing = weather(regime, 1, 730, 6)
    del forcing["air_temperature"]
    drawn = parameters(Gr4j(), 2, 6, corners=0.1)
    result = run(Gr4j(), None, forcing, drawn, outputs=["runoff", "exchange"])
    for place in range(6):
        series = [forcing[n][:, place].tolist() for n in forcing]
        p = {n: x[place, 0].item() for n, x in drawn.items()}
        flow, exchange, s, r = restated(*series, p)
        fluxes = {n: x[:, place, 0] for n, x in result.outputs.items()}
        np.testing.assert_allclose(fluxes["runoff"], flow, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(
            fluxes["exchange"], 2 * exchange, rtol=1e-10, atol=1e-12
        )
        stores = [
            result.state[n][place, 0] for n in ("production_store", "routing_store")
        ]
        np.testing.assert_allclose(stores, [s, r], rtol=1e-10, atol=1e-12)


@given(
    base=st.floats(0.5, 10.0),
    per_day=st.sampled_from([1, 4, 24]),
    rising=st.booleans(),
)
def test_ordinates_sum_to_one_and_are_steps_of_the_curves(base, per_day, rising):
    length = (10 if rising else 20) * per_day
    x4 = torch.tensor([base], dtype=torch.float64)
    weights = s_curve_weights(x4, length, 1 / per_day, rising=rising)[:, 0]
    curve = sh1 if rising else sh2
    at = [curve(k / per_day, base) for k in range(length + 1)]
    np.testing.assert_allclose(weights, np.diff(at), rtol=1e-9, atol=1e-12)
    assert weights.sum().item() == pytest.approx(1.0, abs=1e-12)
    assert (weights >= 0.0).all()


def test_ordinates_of_the_published_time_base():
    """Of 1.7 days: 0.265 and 0.735; UH2 is symmetric around it."""
    x4 = torch.tensor(1.7, dtype=torch.float64)
    first = s_curve_weights(x4, 10, 1.0, rising=True)
    assert first[:3].tolist() == pytest.approx([1.7**-2.5, 1 - 1.7**-2.5, 0.0])
    hours = s_curve_weights(x4, 20 * 20, 0.05, rising=False)
    whole = round(2 * 1.7 / 0.05)
    torch.testing.assert_close(hours[:whole], hours[:whole].flip(0))


@pytest.mark.parametrize("rising", [True, False])
def test_ordinates_have_a_derivative_by_the_time_base(rising):
    bases = torch.tensor([0.6, 1.35, 3.8, 7.21], dtype=torch.float64).requires_grad_()

    def ordinates(x):
        return s_curve_weights(x, 20, 1.0, rising=rising)

    assert torch.autograd.gradcheck(ordinates, bases)


def steady(run, rain, demand, p, days=1500):
    forcing = {"precipitation": rain, "potential_evaporation": demand}
    forcing = {n: torch.full((days, 1), x).double() for n, x in forcing.items()}
    names = ["runoff", "evaporation", "percolation", "exchange", "exchange_cut"]
    result = run(Gr4j(), None, forcing, p, outputs=names)
    return result.state, {n: x[-1].item() for n, x in result.outputs.items()}


def test_in_steady_weather_what_comes_in_goes_out(run):
    _, flux = steady(run, 5.0, 2.0, PLAIN)
    assert flux["runoff"] == pytest.approx(3.0, rel=1e-9)
    assert flux["evaporation"] == 2.0
    assert flux["exchange"] == flux["exchange_cut"] == 0.0


def test_in_steady_drought_nothing_flows(run):
    state, flux = steady(run, 1.0, 4.0, PLAIN)
    assert flux["evaporation"] == pytest.approx(1.0, abs=1e-6)
    assert flux["runoff"] < 1e-4
    assert state["production_store"] < 1e-3


@pytest.mark.parametrize("x2", [-3.0, 2.0])
def test_a_steady_exchange_is_made_up_for_by_runoff(x2, run):
    _, flux = steady(run, 5.0, 2.0, {**PLAIN, "x2": x2})
    gained = flux["exchange"] + flux["exchange_cut"]
    assert gained * x2 > 0.0
    assert flux["runoff"] == pytest.approx(3.0 + gained, rel=1e-6)


def test_without_exchange_the_balance_closes_without_it(run, weather):
    forcing = weather("humid", 3, 400, 3)
    del forcing["air_temperature"]
    names = [q.name for q in Gr4j.fluxes]
    result = run(Gr4j(), None, forcing, PLAIN, outputs=names)
    flux = {n: x.sum(0)[:, 0] for n, x in result.outputs.items()}
    stored = sum(x if x.ndim == 2 else x.sum(0) for x in result.state.values())[:, 0]
    rain = forcing["precipitation"].sum(0)
    torch.testing.assert_close(rain - flux["runoff"] - flux["evaporation"], stored)
    assert (flux["exchange"] == 0.0).all()
    assert (flux["exchange_cut"] == 0.0).all()


def test_what_a_loss_cannot_take_is_counted(run):
    """A full routing store that gets nothing cannot give what is not there."""
    start = {n: torch.full((1, 1), x).double() for n, x in
             {"production_store": 0.0, "routing_store": 10.0}.items()}  # fmt: skip
    p = {**PLAIN, "x2": -5.0, "x3": 5.0}
    dry = {n: torch.zeros(1, 1).double() for n in
           ("precipitation", "potential_evaporation")}  # fmt: skip
    result = run(Gr4j(), start, dry, p, outputs=["exchange", "exchange_cut", "runoff"])
    exchange = -5.0 * 2.0**3.5
    assert result.outputs["exchange"].item() == pytest.approx(2 * exchange)
    assert result.outputs["exchange_cut"].item() == pytest.approx(-2 * exchange - 10.0)
    assert result.outputs["runoff"].item() == 0.0


def test_stores_recede_alike_at_any_step(run):
    """Without weather the production store empties as its differential equation."""
    start = {"production_store": torch.full((1, 1), 300.0).double()}

    def left(per_day):
        dry = {n: torch.zeros(10 * per_day, 1).double() for n in
               ("precipitation", "potential_evaporation")}  # fmt: skip
        return run(Gr4j(), start, dry, PLAIN, dt=1 / per_day).state["production_store"]

    s = 4 / 9 * 300.0 / 350.0
    expected = 300.0 * (1 + 10 * s**4) ** -0.25
    for per_day in (1, 4):
        assert left(per_day).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("process", [Gr4j(), Gr4jCemaNeige({"cold_width": 1.0})],
                         ids=lambda p: p.name)  # fmt: skip
def test_gradients_are_those_of_differences(process, run, parameters, weather):
    forcing = weather("humid", 5, 20, 2)
    forcing = {f.name: forcing[f.name] for f in process.forcings}
    drawn = parameters(process, 6, 2)
    names = list(drawn)

    def runoff(*values):
        parameters = dict(zip(names, values, strict=True))
        flow = run(process, None, forcing, parameters, outputs=["runoff"]).outputs[
            "runoff"
        ]
        return (flow * torch.linspace(0.5, 1.5, 20).double()[:, None, None]).sum(0)

    values = [x.requires_grad_() for x in drawn.values()]
    assert torch.autograd.gradcheck(runoff, values, atol=1e-6)


@pytest.mark.parametrize("days", [0.5, 101.0])
def test_absurd_time_bases_are_refused(days):
    with pytest.raises(ConfigError, match="days: expected 1 to 100, found"):
        Gr4j({"days": days})
