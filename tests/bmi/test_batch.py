"""Stepping a component gives the numbers of one batch run."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.bundle import load_bundle

from .untrained import (
    START,
    attributes,
    dynamic,
    exchanging,
    last_day,
    run,
    static,
    weather,
)

OUTPUTS = (
    "streamflow",
    "runoff",
    "evaporation",
    "soil_moisture",
    "snow_water_equivalent",
)
PRECISE = {"rtol": 1e-12, "atol": 1e-13}


def days_of_year(steps: int, per_day: int) -> np.ndarray:
    first = date.fromisoformat(START)
    days = [first + timedelta(days=k // per_day) for k in range(steps)]
    return np.array([float(day.strftime("%j")) for day in days])


def batch(bundle: Any, forcing: dict[str, np.ndarray], n: int, per_day: int) -> Any:
    steps = len(forcing["precipitation"])
    if per_day > 1:
        forcing = {**forcing, **last_day(forcing["air_temperature"])}
    series = {name: torch.from_numpy(x) for name, x in forcing.items()}
    days = np.repeat(days_of_year(steps, per_day)[:, None], n, axis=1)
    series["day_of_year"] = torch.from_numpy(days)
    places = {k: torch.tensor(x, dtype=torch.float64) for k, x in attributes(n).items()}
    with torch.no_grad():
        return (
            load_bundle(bundle)
            .model()
            .simulate(series, places, dt=1.0 / per_day, outputs=(*OUTPUTS, "k0"))
        )


MODELS = {
    "hbv10 static": static(process="hbv10"),
    "hbv11p static": static(),
    "hbv10 dynamic": dynamic(process="hbv10"),
    "hbv11p dynamic": dynamic(),
    "hbv20 with options": exchanging(
        process_options={"snow_transition": 1.0, "exchange": True}
    ),
    "without routing": static(routing="none"),
}

HOURLY = {
    "hbv11p": static(),
    "hbv20_hourly": exchanging("hbv20_hourly", time_step="hourly"),
    "hbv21_hourly": exchanging("hbv21_hourly", time_step="hourly"),
}


@pytest.mark.parametrize("spec", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("n", [1, 5])
def test_two_years_of_days(spec: Any, n: int, start: Any, bundle_of: Any) -> None:
    steps = 750
    forcing = weather(steps, n)
    expected = batch(bundle_of(spec), forcing, n, 1)
    component = start(n, bundle=str(bundle_of(spec)))
    outputs = run(component, forcing, range(steps), (*OUTPUTS, "k0"))
    for name, series in outputs.items():
        np.testing.assert_allclose(series, expected.outputs[name], **PRECISE)
    assert np.ptp(outputs["streamflow"]) > 1.0


@pytest.mark.parametrize("spec", HOURLY.values(), ids=HOURLY)
@pytest.mark.parametrize("n", [1, 5])
def test_forty_days_of_hours(spec: Any, n: int, start: Any, bundle_of: Any) -> None:
    steps = 40 * 24
    forcing = weather(steps, n, hours=1.0)
    bundle = bundle_of(spec)
    expected = batch(bundle, forcing, n, 24)
    component = start(n, bundle=str(bundle), time_step="hourly")
    outputs = run(component, forcing, range(steps), (*OUTPUTS, "k0"))
    for name, series in outputs.items():
        np.testing.assert_allclose(series, expected.outputs[name], **PRECISE)


@pytest.mark.parametrize("evaporation", ["oudin", "given"])
def test_other_sources_of_evaporation(
    evaporation: str, start: Any, bundle_of: Any
) -> None:
    n, steps = 3, 60
    path = bundle_of(static(evaporation=evaporation))
    forcing = weather(steps, n)
    expected = batch(path, forcing, n, 1)
    names: tuple[str, ...] = ("precipitation", "air_temperature")
    if evaporation == "given":
        names += ("potential_evaporation",)
    component = start(n, bundle=str(path))
    outputs = run(component, forcing, range(steps), OUTPUTS, names)
    for name, series in outputs.items():
        np.testing.assert_allclose(series, expected.outputs[name], **PRECISE)


def test_many_locations_and_members(start: Any, bundle_of: Any) -> None:
    # More cells than a kernel works on together, and more members.
    n, steps = 37, 40
    path = bundle_of(static(members=18))
    forcing = weather(steps, n)
    expected = batch(path, forcing, n, 1)
    outputs = run(start(n, bundle=str(path)), forcing, range(steps), OUTPUTS)
    for name, series in outputs.items():
        np.testing.assert_allclose(series, expected.outputs[name], **PRECISE)


def test_the_state_is_that_of_the_model(start: Any, bundle_of: Any) -> None:
    n, steps = 4, 30
    path = bundle_of(dynamic())
    forcing = weather(steps, n)
    component = start(n, bundle=str(path))
    run(component, forcing, range(steps), ())
    expected = batch(path, forcing, n, 1).state
    state = component.state()
    for name, values in expected.items():
        np.testing.assert_allclose(state[name], values, **PRECISE)


def test_runoff_depth_and_volume_are_the_streamflow(start: Any) -> None:
    n = 5
    area = np.array(attributes(n)["area_km2"])
    for time_step, seconds in {"daily": 86400.0, "hourly": 3600.0}.items():
        component = start(n, time_step=time_step, name=f"{time_step}.yaml")
        streamflow = run(component, weather(9, n), range(9), ("streamflow",))[
            "streamflow"
        ]
        depth = component.get_value_ptr("land_surface_water__runoff_depth")
        volume = component.get_value_ptr("land_surface_water__runoff_volume_flux")
        per_second = streamflow[-1] / 1000.0 / 86400.0
        np.testing.assert_allclose(depth, per_second * seconds, rtol=1e-14)
        np.testing.assert_allclose(volume, per_second * area * 1e6, rtol=1e-14)
        assert (volume > 0.0).all()
