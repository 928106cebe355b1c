"""Networks of longer steps before others, which go on from their memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.compose import Model, ModelSpec, Moments, Statistics, fit_statistics
from bmi_dmx.compose.combination import combined
from bmi_dmx.compose.other_steps import after_longer_steps, in_longer_steps
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.transit import in_shorter_steps

PLACES, DAYS, HOURS = 3, 3, 8

DYNAMIC: dict[str, Any] = {
    "parameters": ["beta", "k0"],
    "forcings": ["precipitation", "air_temperature"],
    "attributes": ["a"],
    "hidden": 3,
    "daily": {
        "forcings": ["precipitation", "potential_evaporation"],
        "attributes": ["b"],
        "options": {"hidden": 5},
    },
}
LAND: dict[str, Any] = {
    "process": "hbv11p",
    "members": 2,
    "evaporation": "hargreaves",
    "routing": "none",
    "static": {"hidden": [4], "attributes": ["a"]},
    "dynamic": DYNAMIC,
    "time_step": "hourly",
}
FLOW: dict[str, Any] = {
    "recipe": "lstm",
    "forcings": ["precipitation", "air_temperature"],
    "attributes": ["a"],
    "options": {"hidden": 3},
    "daily": {"forcings": ["precipitation"], "options": {"hidden": 4}},
    "time_step": "hourly",
}
PLAIN: dict[str, Any] = {
    "seconds": 3600,
    "parts": {
        "days": {
            "network": "lstm", "options": {"hidden": 5}, "step": 86400,
            "before": "hours", "forcings": ["precipitation"],
        },
        "hours": {
            "network": "lstm", "options": {"hidden": 3}, "attributes": ["a"],
            "forcings": ["precipitation"], "gives": ["beta"],
        },
        "static": {"network": "mlp", "attributes": ["a"], "gives": "all"},
        "land": {"process": "hbv11p"},
    },
}  # fmt: skip


def made(settings: dict[str, Any], *, trained: bool = True) -> Model:
    """Return a model; ``trained``: something leads from days to hours."""
    torch.manual_seed(0)
    spec = convert(settings, ModelSpec, "model")
    names = {*spec.network_inputs, "streamflow"}
    model = Model(spec, Statistics({n: Moments(1.0, 2.0) for n in names})).double()
    if trained:
        for name, weight in model.named_parameters():
            if ".transfer." in name:
                torch.nn.init.normal_(weight, std=0.5)
    return model.eval()


def attributes(model: Model) -> dict[str, Tensor]:
    ranges = {"area_km2": (80.0, 90.0), "latitude": (40.0, 50.0)}
    return {
        n: torch.linspace(*ranges.get(n, (-1.0, 1.0)), PLACES, dtype=torch.float64)
        for n in model.attributes
    }


def weather(model: Model, steps: int = 24 * DAYS + HOURS) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(1)
    drawn = {
        n: 9.0 * torch.rand(steps, PLACES, generator=random, dtype=torch.float64)
        for n in ("precipitation", "air_temperature", "potential_evaporation")
    }
    days = (torch.arange(steps) // 24 + 100.0).double()
    drawn["day_of_year"] = days[:, None].expand(steps, PLACES)
    return {n: drawn[n] for n in model.forcings}


def handed(model: Model, forcing: dict[str, Tensor]) -> dict[str, Tensor]:
    past = {n: x[: 24 * DAYS] for n, x in forcing.items()}
    return after_longer_steps(model, past, attributes(model), 24, in_shorter_steps)


def flow(model: Model, forcing: dict[str, Tensor]) -> Tensor:
    """Return the flow of the hours after the days."""
    ahead = {n: x[24 * DAYS :] for n, x in forcing.items()}
    state = handed(model, forcing)
    ran = model.simulate(ahead, attributes(model), state=state)
    return ran.outputs["streamflow"]


def test_each_network_runs_at_its_own_steps() -> None:
    model = made(LAND)
    assert [p.name for p in model.plan.networks] == ["static", "dynamic"]
    assert [p.name for p in model.plan_at(1.0).networks] == ["static", "daily"]
    assert model.plan_at(1.0)["daily"].gives == model.plan["dynamic"].gives
    assert set(model.attributes) > {"a", "b"}
    assert model.spec.lengths == (3600.0, 86400.0)


def test_hours_go_on_from_what_leads_on_from_the_days() -> None:
    model = made(LAND)
    forcing = weather(model)
    with torch.no_grad():
        state = handed(model, forcing)
        past = {n: x[: 24 * DAYS] for n, x in forcing.items()}
        days = model.simulate(
            in_longer_steps(model, past, 24), attributes(model), dt=1.0
        ).state
    maps = model.network("daily").transfer.maps
    for name in ("hidden", "cell"):
        expected = (
            days[f"daily.{name}"] @ maps[name].weight.T + maps[name].bias
        )  # fmt: skip
        torch.testing.assert_close(state[f"dynamic.{name}"], expected)
        assert expected.abs().min() > 0.0
    torch.testing.assert_close(state["land.snowpack"], days["land.snowpack"])
    assert "daily.hidden" not in state


def test_hours_begin_from_nothing_until_something_is_learned() -> None:
    model = made(LAND, trained=False)
    state = handed(model, weather(model))
    assert not state["dynamic.hidden"].any()
    assert not state["dynamic.cell"].any()
    assert state["land.soil_moisture"].any()


@pytest.mark.parametrize(
    ("settings", "kind"),
    [(LAND, "linear"), (FLOW, "linear"), (FLOW, "mlp")],
    ids=["land", "flow", "mlp"],
)
def test_gradients_are_those_of_finite_differences(
    settings: dict[str, Any], kind: str
) -> None:
    """Each array of the days and of what leads on, along a direction of its own."""
    outer = settings.get("dynamic", settings)
    block = {**outer, "daily": {**outer["daily"], "transfer": kind}}
    model = made({**settings, "dynamic": block} if "dynamic" in settings else block)
    forcing = weather(model)
    flow(model, forcing).square().sum().backward()
    random = torch.Generator().manual_seed(2)
    reached = set()
    for name, weight in model.named_parameters():
        if not name.startswith("daily."):
            continue
        way = torch.randn(weight.shape, generator=random, dtype=torch.float64)
        ends = []
        for sign in (1.0, -1.0):
            with torch.no_grad():
                weight += sign * 1e-5 * way
                ends.append(flow(model, forcing).square().sum())
                weight -= sign * 1e-5 * way
        expected = (ends[0] - ends[1]) / 2e-5
        # Of days without stores the answer is lost; what they remember is not.
        slope = torch.zeros_like(weight) if weight.grad is None else weight.grad
        derivative = (slope * way).sum()
        torch.testing.assert_close(derivative, expected, rtol=1e-5, atol=1e-8)
        if abs(expected) > 1e-8:
            reached.add(name.split(".")[1])
    assert reached == {"network", "transfer"}


def test_flow_is_that_of_the_published_network_of_two_steps() -> None:
    """MTS-LSTM written out: two LSTMs of PyTorch with matrices between them."""
    model = made(FLOW)
    forcing = weather(model)
    attribute = attributes(model)["a"]

    def inputs(*series: Tensor) -> Tensor:
        columns = [x.double() for x in series] + [attribute.expand(len(series[0]), -1)]
        return (torch.stack(columns, -1) - 1.0) / 2.0

    with torch.no_grad():
        days, hours = (model.network(n) for n in ("daily", "dynamic"))
        rain = forcing["precipitation"]
        means = rain[: 24 * DAYS].reshape(DAYS, 24, PLACES).mean(1)
        _, (hidden, cell) = days.network.lstm(inputs(means))
        maps = days.transfer.maps
        begun = (maps["hidden"](hidden), maps["cell"](cell))
        ahead = (rain[24 * DAYS :], forcing["air_temperature"][24 * DAYS :])
        y, _ = hours.network.lstm(inputs(*ahead), begun)
        # In standard deviations of the flow; what is below zero is cut off.
        expected = (1.0 + 2.0 * hours.network.output(y)[..., 0]).clamp(min=0.0)
        streamflow = flow(model, forcing)
    torch.testing.assert_close(streamflow, expected)
    assert streamflow.std() > 0.0


def test_days_are_normalised_by_the_moments_of_days() -> None:
    spec = convert(LAND, ModelSpec, "model")
    model = made(LAND)
    steps = 24 * 20
    forcing = {n: x.numpy() for n, x in weather(model, steps).items()}
    properties = {n: x.numpy() for n, x in attributes(model).items()}
    statistics = fit_statistics(spec, forcing, properties)
    rain = forcing["precipitation"]
    days = rain.reshape(20, 24, PLACES).mean(1)
    assert statistics["precipitation"].std == pytest.approx(rain.std())
    assert statistics["daily.precipitation"].std == pytest.approx(days.std())
    assert statistics["daily.precipitation"].std < 0.5 * statistics["precipitation"].std
    # Computed by the evaporation of days, which sees their extremes.
    assert statistics["daily.potential_evaporation"].mean > 0.0
    assert np.isfinite(Model(spec, statistics).statistics["b"].std)


def changed(part: str, **keys: Any) -> dict[str, Any]:
    one = {k: v for k, v in {**PLAIN["parts"][part], **keys}.items() if v is not None}
    return {**PLAIN, "parts": {**PLAIN["parts"], part: one}}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (changed("days", before="hour"), r"days\.before: unknown 'hour'.*'hours'"),
        (changed("days", before="static"), "'static' is no network that reads forcing"),
        (changed("days", step=None), r"step: expected the length of the steps before"),
        (changed("days", step=3600), r"days\.step: found 3600, expected longer steps"),
        (changed("days", gives=["beta"]), "supplies what 'hours' does"),
        (changed("hours", transfer="mlp"), "leads to the network that 'before' names"),
        (changed("days", network="transformer", options={}), "are no numbers that a m"),
        (changed("days", network="mlp", options={}), "and the network before it nothi"),
        (changed("land", before="hours"), "before: a process has no such key"),
    ],
)  # fmt: skip
def test_what_cannot_run_before_another_is_refused(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        made(settings)


def test_every_network_that_varies_has_a_part_in_the_days() -> None:
    other = {"network": "lstm", "forcings": ["precipitation"], "gives": ["k0"]}
    parts = {"other": other, **PLAIN["parts"]}
    with pytest.raises(ConfigError, match=r"parts\.other: cannot see .* of 86400 s of"):
        made({**PLAIN, "parts": parts})
    parts["other"] = {**other, "step": 86400}
    model = made({**PLAIN, "parts": parts})
    assert [p.name for p in model.plan_at(1.0).networks] == ["other", "days", "static"]


def test_two_networks_cannot_run_before_one() -> None:
    parts = {"more": PLAIN["parts"]["days"], **PLAIN["parts"]}
    with pytest.raises(ConfigError, match="'more' runs before 'hours' already"):
        made({**PLAIN, "parts": parts})


def test_days_before_days_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"daily: is for time_step 'hourly', found"):
        convert({**LAND, "time_step": "daily"}, ModelSpec, "model")


def test_models_of_two_networks_are_not_combined() -> None:
    with pytest.raises(ConfigError, match="a: networks of longer steps run before th"):
        combined([made(FLOW), made(FLOW)], [1.0, 1.0])
