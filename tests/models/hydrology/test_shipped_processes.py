"""Processes that come with the package without PyTorch are those of their classes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bmi_dmx import Component
from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.shipped_processes import FILE
from bmi_dmx.models.hydrology.system import EVAPORATIONS

from ...bmi.untrained import run, static, weather

SCRIPT = Path(__file__).parents[3] / "scripts" / "make_hydrology_programs.py"

RADIATION = {
    "shortwave_radiation": 200.0,
    "longwave_radiation": 320.0,
    "air_pressure": 95000.0,
}
WIND = {"specific_humidity": 0.006, "wind_x": 2.0, "wind_y": -1.0}
GIVEN: dict[str, dict[str, float]] = {
    "oudin": {},
    "hargreaves": {},
    "priestley_taylor": RADIATION,
    "penman_monteith": {**RADIATION, **WIND},
    "given": {"potential_evaporation": 2.5},
}
"""What each evaporation needs at hourly steps beside temperature."""


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_hydrology_programs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_programs_are_those_a_trace_gives_now() -> None:
    assert FILE.read_text(encoding="utf-8") == script().text()


@pytest.mark.parametrize("name", EVAPORATIONS)
def test_a_bundle_runs_with_any_evaporation(name: str, start: Any) -> None:
    component = start(2, evaporation=name, time_step="hourly")
    steps = 24 * 20
    forcing = {n: x + 5.0 for n, x in weather(steps, 2, hours=1.0).items()}
    for key, value in GIVEN[name].items():
        forcing[key] = np.full((steps, 2), value)
    names = ("precipitation", "air_temperature", *GIVEN[name])
    assert component.get_input_item_count() == len(names)
    series = run(component, forcing, range(steps), ("potential_evaporation",), names)
    mean = series["potential_evaporation"][24:].mean()
    assert 0.5 < mean < 8.0


def test_penman_over_hours_is_that_of_its_class(start: Any) -> None:
    import torch

    from bmi_dmx.models.hydrology.penman_monteith import PenmanMonteithHourly

    component = start(1, evaporation="penman_monteith", time_step="hourly")
    values = {"air_temperature": 21.0, **GIVEN["penman_monteith"]}
    for name, value in {"precipitation": 0.0, **values}.items():
        component.set_value(name, np.array([value]))
    component.update()
    forcing = {n: torch.tensor(x, dtype=torch.float64) for n, x in values.items()}
    space = type("Forcing", (), forcing)
    _, fluxes = PenmanMonteithHourly().step(None, space, None)  # type: ignore[arg-type]
    evaporation = component.get_value_ptr("potential_evaporation")
    np.testing.assert_allclose(evaporation, fluxes["potential_evaporation"], rtol=1e-12)


def test_another_evaporation_needs_no_attribute_but_its_own(
    configure: Any, bundle_of: Any
) -> None:
    bundle = str(bundle_of(static(evaporation="given")))
    attributes = {"p_mean": 3.0, "aridity": 1.0, "elevation": 300.0}
    places = {"ids": ["cat-1"], "attributes": attributes}
    Component().initialize(str(configure(1, bundle=bundle, locations=places)))
    path = configure(1, bundle=bundle, locations=places, evaporation="oudin")
    with pytest.raises(ValueError, match=r"attribute 'latitude' .* is missing"):
        Component().initialize(str(path))


def test_an_evaporation_that_does_not_exist_is_refused(configure: Any) -> None:
    path = configure(1, evaporation="hargreave")
    with pytest.raises(ConfigError, match=r"evaporation: .*did you mean 'hargreaves'"):
        Component().initialize(str(path))
