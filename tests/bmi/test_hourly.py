"""Models of days at the steps of an hourly host."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx import Component
from bmi_dmx.bundle import load_bundle
from bmi_dmx.errors import ConfigError

from .untrained import (
    START,
    attributes,
    dynamic,
    give,
    last_day,
    run,
    static,
    weather,
)

DAYS = 30
PRECISE = {"rtol": 1e-11, "atol": 1e-13}


def by_day(hourly: np.ndarray, first: int = 0) -> np.ndarray:
    """Return (day, hour, location) of whole days."""
    whole = hourly[first:]
    days = len(whole) // 24
    return whole[: days * 24].reshape(days, 24, -1)


def daily(forcing: dict[str, np.ndarray], first: int = 0) -> dict[str, np.ndarray]:
    """Return the days of hourly forcing."""
    temperature = by_day(forcing["air_temperature"], first)
    return {
        "precipitation": by_day(forcing["precipitation"], first).mean(axis=1),
        "potential_evaporation": by_day(forcing["potential_evaporation"], first).mean(
            axis=1
        ),
        "air_temperature": temperature.mean(axis=1),
        "air_temperature_min": temperature.min(axis=1),
        "air_temperature_max": temperature.max(axis=1),
    }


def batch(
    path: Any,
    forcing: dict[str, np.ndarray],
    n: int,
    dt: float = 1.0,
    outputs: tuple[str, ...] = ("streamflow", "soil_moisture", "k0"),
) -> Any:
    """Run the model at once, in days or in hours."""
    steps = len(forcing["precipitation"])
    first = date.fromisoformat(START)
    days = [first + timedelta(days=int(k * dt + 1e-9)) for k in range(steps)]
    numbers = np.array([[float(day.strftime("%j"))] * n for day in days])
    series = {name: torch.from_numpy(x) for name, x in forcing.items()}
    series["day_of_year"] = torch.from_numpy(numbers)
    places = {k: torch.tensor(x, dtype=torch.float64) for k, x in attributes(n).items()}
    model = load_bundle(path).model()
    with torch.no_grad():
        return model.simulate(series, places, dt=dt, outputs=outputs)


SOURCES = [static(), dynamic(), *(static(evaporation=e) for e in ("given", "oudin"))]


@pytest.mark.parametrize("spec", SOURCES, ids=["static", "dynamic", "given", "oudin"])
@pytest.mark.parametrize("n", [1, 3])
def test_days_at_hourly_steps_are_days_one_day_late(
    n: int, spec: Any, start: Any, bundle_of: Any
) -> None:
    path = bundle_of(spec)
    forcing = weather(DAYS * 24, n, hours=1.0)
    component = start(n, bundle=str(path), time_step="hourly", mode="daily")
    outputs = ("streamflow", "soil_moisture", "runoff_depth")
    series = run(component, forcing, range(DAYS * 24), outputs)
    expected = batch(path, daily(forcing), n).outputs
    assert (series["streamflow"][:23] == 0.0).all()
    for name in outputs[:2]:
        # Known with the last hour of the day, and kept until the next is whole.
        late = by_day(series[name], 23)
        for hour in range(24):
            np.testing.assert_allclose(late[:, hour], expected[name][:-1], **PRECISE)
    per_hour = series["streamflow"] / 1000.0 / 24.0
    np.testing.assert_allclose(series["runoff_depth"], per_hour, rtol=1e-13)


def test_a_day_begins_when_the_configuration_says(start: Any, bundle: Any) -> None:
    forcing = weather(20 * 24, 1, hours=1.0)
    component = start(
        1, time_step="hourly", mode="daily", day_start_hour=6,
        start_time=f"{START} 06:00:00",
    )  # fmt: skip
    series = run(component, forcing, range(20 * 24), ("streamflow",))
    expected = batch(bundle, daily(forcing), 1).outputs["streamflow"]
    np.testing.assert_allclose(series["streamflow"][23::24], expected, **PRECISE)


def test_the_hours_before_the_first_day_bring_their_own_water_only(start: Any) -> None:
    component = start(
        1, time_step="hourly", mode="daily", start_time=f"{START} 18:00:00"
    )
    forcing = weather(6 + 24, 1, hours=1.0)
    run(component, forcing, range(6), ())
    rain = forcing["precipitation"][:6].sum() / 24.0
    np.testing.assert_allclose(component.get_value_ptr("mass_in"), rain, rtol=1e-12)
    run(component, forcing, range(6, 30), ())
    rain = forcing["precipitation"].sum() / 24.0
    np.testing.assert_allclose(component.get_value_ptr("mass_in"), rain, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 3])
def test_a_network_of_days_steps_once_a_day_over_hourly_physics(
    n: int, start: Any, bundle_of: Any
) -> None:
    """The parameters of a day are those that the day before gives the daily model."""
    path = bundle_of(dynamic(evaporation="oudin"))
    component = start(n, bundle=str(path), time_step="hourly")
    forcing = weather(DAYS * 24, n, hours=1.0)
    outputs = ("k0", "streamflow", "potential_evaporation")
    hourly = run(component, forcing, range(DAYS * 24), outputs)
    by_hour = by_day(hourly["k0"])
    np.testing.assert_array_equal(by_hour.min(axis=1), by_hour.max(axis=1))
    # What the network saw: a day that is the mean of its training, then the days.
    bundle = load_bundle(path)
    days = daily({**forcing, "potential_evaporation": hourly["potential_evaporation"]})
    typical = {k: np.full((1, n), bundle.statistics[k].typical) for k in days
               if k in bundle.statistics}  # fmt: skip
    series = {k: np.concatenate([x, days[k]]) for k, x in typical.items()}
    model, part = bundle.model(), bundle.plan["dynamic"]
    head: Any = model.get_submodule("dynamic")
    drivers = np.stack([series[name] for name in part.inputs], axis=-1)
    places = np.stack([attributes(n)[name] for name in part.attributes], axis=-1)
    memory = {k: torch.zeros(n, w).double() for k, w in head.network.memory.items()}
    with torch.no_grad():
        values, _ = head(torch.from_numpy(drivers), torch.from_numpy(places), memory)
    expected = values["k0"].mean(-1)[:-1]
    np.testing.assert_allclose(by_hour[:, 0], expected, **PRECISE)
    assert np.ptp(by_hour[:, 0]) > 1e-4
    assert (hourly["streamflow"] >= 0.0).all()


def test_hourly_physics_with_parameters_that_stay_is_the_hourly_model(
    start: Any, bundle: Any
) -> None:
    forcing = weather(20 * 24, 2, hours=1.0)
    series = run(start(2, time_step="hourly"), forcing, range(20 * 24), ("streamflow",))
    with_extremes = {**forcing, **last_day(forcing["air_temperature"])}
    expected = batch(bundle, with_extremes, 2, 1 / 24).outputs["streamflow"]
    np.testing.assert_allclose(series["streamflow"], expected, **PRECISE)


@pytest.mark.parametrize("mode", ["hourly", "daily"])
@pytest.mark.parametrize("spec", [static(), dynamic()], ids=["static", "dynamic"])
def test_a_run_continues_bitwise_in_the_middle_of_a_day(
    spec: Any, mode: str, start: Any, bundle_of: Any
) -> None:
    settings = {"bundle": str(bundle_of(spec)), "time_step": "hourly", "mode": mode}
    whole, other = (start(3, name=f"{k}.yaml", **settings) for k in "ab")
    forcing = weather(200, 3, hours=1.0)
    run(whole, forcing, range(107), ())
    other.set_state_bytes(whole.state_bytes())
    for component in (whole, other):
        run(component, forcing, range(107, 200), ())
    assert whole.state_bytes() == other.state_bytes()


def test_units_of_hourly_hosts_are_those_of_the_model_converted(start: Any) -> None:
    settings = {"time_step": "hourly"}
    model, host = (
        start(2, name="a.yaml", **settings),
        start(2, name="b.yaml", units="ngen", **settings),
    )
    forcing = weather(24 * 40, 2, hours=1.0)
    forcing["air_temperature"][:480] -= 15.0
    converted = {**forcing, "precipitation": forcing["precipitation"] / 24.0}
    for step in range(24 * 40):
        give(model, forcing, step)
        give(host, converted, step)
        model.update()
        host.update()
    rates = ("streamflow", "evaporation", "baseflow", "potential_evaporation", "melt")
    depths = ("snow_water_equivalent", "soil_moisture", "lower_zone", "snowpack")
    same = ("runoff_depth", "runoff_volume", "mass_in", "mass_stored", "beta")
    for names, factor, units in (
        (rates, 1 / 24, "mm h-1"), (depths, 1e-3, "m"), (same, 1.0, None),
    ):  # fmt: skip
        for name in names:
            values = factor * model.get_value_ptr(name)
            np.testing.assert_allclose(host.get_value_ptr(name), values, rtol=1e-11)
            expected = model.get_var_units(name) if units is None else units
            assert host.get_var_units(name) == expected
    host.set_value("soil_moisture", np.array([0.05, 0.1]))
    np.testing.assert_allclose(
        host.state()["land.soil_moisture"].mean(axis=1), [50.0, 100.0], rtol=1e-13
    )


WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"mode": "hourly"},
        "mode: steps of 1 h of the physics are not made of steps of 1 d of the host",
    ),
    ({"mode": "weekly"}, "mode: unknown value 'weekly'; known: daily, hourly"),
    ({"day_start_hour": 24}, "day_start_hour: expected 0 to 23, found 24"),
    ({"units": "ngn"}, "units: unknown 'ngn'; did you mean 'ngen'"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_what_cannot_be_run_is_said(
    changes: dict[str, Any], message: str, configure: Any
) -> None:
    with pytest.raises(ConfigError, match=message):
        Component().initialize(str(configure(1, **changes)))


@pytest.mark.parametrize("spec", [static(), dynamic()], ids=["static", "dynamic"])
def test_hours_that_meet_no_day_are_refused(
    spec: Any, start: Any, bundle_of: Any
) -> None:
    mode = "hourly" if "dynamic" in spec.parts else "daily"
    settings = {"bundle": str(bundle_of(spec)), "time_step": "hourly", "mode": mode}
    with pytest.raises(ConfigError, match="start_time: found 1980-10-01 00:30:00; no"):
        start(1, start_time="1980-10-01 00:30:00", **settings)
    start(1, start_time="1980-10-01 07:00:00", day_start_hour=12, **settings)
