"""A series that is run in longer steps, and what goes on from its state."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bmi_dmx.compose import Model, ModelSpec, Moments, Statistics
from bmi_dmx.compose.other_steps import after_longer_steps, in_longer_steps
from bmi_dmx.compose.part import Part
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.models.hydrology.transit import in_shorter_steps

PLACES, DAYS = 3, 5

HOURS: dict[str, Any] = {
    "process": "hbv11p",
    "members": 2,
    "routing": "gamma",
    "evaporation": "hargreaves",
    "static": {"hidden": [4], "attributes": ["a"]},
    "time_step": "hourly",
}

DAILY_NETWORK: dict[str, Any] = {
    "system": "hydrology",
    "seconds": 3600,
    "answers": ["streamflow"],
    "parts": {
        "static": {"network": "mlp", "attributes": ["a"], "gives": "all"},
        "dynamic": {
            "network": "lstm", "options": {"hidden": 3}, "step": 86400,
            "forcings": ["precipitation", "air_temperature"], "gives": ["beta", "k0"],
        },
        "land": {"process": "hbv11p", "members": 2},
        "outlet": {"process": "direct_outlet"},
    },
}  # fmt: skip

UNITS = {"area_km2": 100.0, "latitude": 45.0}


def made(settings: dict[str, Any]) -> Model:
    torch.manual_seed(0)
    spec = convert(settings, ModelSpec, "model")
    names = set(spec.network_inputs)
    model = Model(spec, Statistics({n: Moments(1.0, 2.0) for n in names}))
    return model.double()


def attributes(model: Model) -> dict[str, Tensor]:
    return {
        n: torch.linspace(-1.0, 1.0, PLACES, dtype=torch.float64)
        if n == "a"
        else torch.full((PLACES,), UNITS[n], dtype=torch.float64)
        for n in model.attributes
    }


def weather(model: Model, hours: int, *, even: bool = False) -> dict[str, Tensor]:
    """Weather of hours; ``even``: the same in all hours of a day."""
    random = torch.Generator().manual_seed(1)
    length = hours // 24 if even else hours
    scales = {
        "precipitation": (0.0, 9.0), "air_temperature": (3.0, 9.0),
        "potential_evaporation": (0.0, 4.0),
    }  # fmt: skip
    forcing = {}
    for name in model.forcings:
        if name == "day_of_year":
            days = torch.arange(hours) // 24 + 1.0
            forcing[name] = days.double()[:, None].expand(hours, PLACES)
            continue
        low, range_ = scales[name]
        drawn = torch.rand(length, PLACES, generator=random, dtype=torch.float64)
        series = low + range_ * drawn
        forcing[name] = series.repeat_interleave(24, 0) if even else series
    return forcing


def handed(model: Model, forcing: dict[str, Tensor]) -> dict[str, Tensor]:
    with torch.no_grad():
        return after_longer_steps(
            model, forcing, attributes(model), 24, in_shorter_steps
        )


def test_days_are_means_extremes_and_the_first_of_the_calendar() -> None:
    model = made(HOURS)
    forcing = weather(model, 48)
    days = in_longer_steps(model, forcing, 24)
    # Hours have no extremes; the model of days reads them.
    assert set(days) - set(forcing) == {"air_temperature_min", "air_temperature_max"}
    warmth = forcing["air_temperature"][24:]
    for name, expected in {
        "precipitation": forcing["precipitation"][24:].mean(0),
        "air_temperature_min": warmth.min(0).values,
        "air_temperature_max": warmth.max(0).values,
        "day_of_year": torch.full((PLACES,), 2.0, dtype=torch.float64),
    }.items():
        torch.testing.assert_close(days[name][1], expected)


def test_a_series_of_broken_days_is_refused() -> None:
    model = made(HOURS)
    with pytest.raises(DataError, match=r"30 steps is no whole number .* of 24"):
        in_longer_steps(model, weather(model, 30), 24)


def test_stores_are_those_of_the_model_of_days_and_no_water_is_lost() -> None:
    """The days by a model that was made for days, with the same weights."""
    hours, days = made(HOURS), made({**HOURS, "time_step": "daily"})
    days.load_state_dict(hours.state_dict())
    forcing = weather(hours, 24 * DAYS)
    state = handed(hours, forcing)
    with torch.no_grad():
        daily = in_longer_steps(hours, forcing, 24)
        expected = days.simulate(daily, attributes(days)).state
    cold = hours.initial_state(PLACES)
    assert {n: x.shape for n, x in state.items()} == {
        n: x.shape for n, x in cold.items()
    }
    transit = "outlet.in_transit"
    assert len(cold[transit]) > 20 * len(expected[transit])
    for name, store in expected.items():
        if name == transit:
            torch.testing.assert_close(state[name].sum(0), store.sum(0))
            # What is to leave on the first day leaves through its hours.
            torch.testing.assert_close(state[name][:24].sum(0), store[0])
        else:
            torch.testing.assert_close(state[name], store)


def test_hydrographs_inside_a_process_are_handed_over_as_well() -> None:
    model = made({**HOURS, "process": "gr4j"})
    forcing = weather(model, 24 * DAYS)
    with torch.no_grad():
        days = in_longer_steps(model, forcing, 24)
        expected = model.simulate(days, attributes(model), dt=1.0, outputs=()).state
    state = handed(model, forcing)
    for name in ("land.routed_transit", "land.direct_transit"):
        assert len(state[name]) > 20 * len(expected[name])
        torch.testing.assert_close(state[name].sum(0), expected[name].sum(0))


def test_what_leaves_after_days_is_nearly_what_leaves_after_hours() -> None:
    model = made(HOURS)
    forcing = weather(model, 24 * 60)
    ahead = weather(model, 24 * 5)
    with torch.no_grad():
        fine = model.simulate(forcing, attributes(model)).state
        flows = [
            model.simulate(ahead, attributes(model), state=s).outputs["streamflow"]
            for s in (fine, handed(model, forcing), model.initial_state(PLACES))
        ]
    from_hours, from_days, from_nothing = (flow.sum() for flow in flows)
    assert abs(from_days - from_hours) < 0.1 * abs(from_nothing - from_hours)


def test_a_network_of_days_goes_on_as_if_the_hours_had_been_run() -> None:
    """All that it reads of hours that are alike is the same, and so is what it says."""
    model = made(DAILY_NETWORK)
    forcing = weather(model, 24 * DAYS, even=True)
    with torch.no_grad():
        expected = model.simulate(forcing, attributes(model)).state
    state = handed(model, forcing)
    names = [name for name in state if name.startswith("dynamic.")]
    assert {"dynamic.total", "dynamic.steps", "dynamic.answer"} < set(names)
    for name in names:
        torch.testing.assert_close(state[name], expected[name], rtol=1e-6, atol=1e-8)
    assert (state["dynamic.steps"] == 24).all()


def test_gradients_reach_back_through_the_days() -> None:
    model = made(HOURS)
    state = after_longer_steps(
        model, weather(model, 48), attributes(model), 24, in_shorter_steps
    )
    state["land.soil_moisture"].sum().backward()
    reached = [w.grad.abs().sum() for w in model.parameters() if w.grad is not None]
    assert sum(reached) > 0.0


def test_a_network_of_hours_cannot_see_days() -> None:
    hourly = {**DAILY_NETWORK["parts"]["dynamic"]}
    hourly.pop("step")
    parts = {**DAILY_NETWORK["parts"], "dynamic": hourly}
    model = made({**DAILY_NETWORK, "parts": parts})
    with pytest.raises(ConfigError, match="'dynamic' was trained at steps of"):
        handed(model, weather(model, 24))


def test_what_passes_a_store_on_sees_entries_first() -> None:
    model = made(HOURS)
    shapes: dict[str, tuple[int, ...]] = {}

    def passing(part: Part, name: str, store: Tensor, *sizes: int) -> Tensor:
        shapes[f"{part.name}.{name}"] = tuple(store.shape)
        entries, ratio = sizes
        assert ratio == 24
        return in_shorter_steps(part, name, store, entries, ratio)

    after_longer_steps(model, weather(model, 24), attributes(model), 24, passing)
    assert shapes["land.soil_moisture"] == (1, PLACES, 2)
    assert shapes["outlet.in_transit"][1:] == (PLACES,)
