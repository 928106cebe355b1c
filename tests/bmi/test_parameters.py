"""Parameters and attributes that a realization sets, and defaults for what it lacks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bmi_dmx import Component
from bmi_dmx.errors import ConfigError, DataError, VariableError

from .nextgen import HOURLY, RUNOFF, VALUES, parameterized, step
from .untrained import attributes, dynamic


def test_model_params_take_effect_at_the_first_update(start: Any) -> None:
    properties = {**attributes(1), "aridity": [0.1]}
    del properties["area_km2"]
    model = start(1, locations={"ids": ["cat-0"], "attributes": properties}, **HOURLY)
    other = start(1, name="b.yaml", **HOURLY)
    parameters = {"aridity": attributes(1)["aridity"][0], "areasqkm": 12.5, "k0": 0.25}
    parameterized(model, parameters)
    parameterized(other, {"area_sqkm": 12.5, "k0": 0.25})
    for each in (model, other):
        for _ in range(48):
            step(each, VALUES, (RUNOFF,))
    for name in ("streamflow", "runoff_volume", "beta", "k0", "area_km2"):
        actual = model.get_value_ptr(name)
        np.testing.assert_array_equal(actual, other.get_value_ptr(name))
    assert model.get_value_ptr("k0") == 0.25


def test_parameters_of_the_hydrograph_can_be_set(start: Any) -> None:
    quick, slow = (start(1, name=f"{k}.yaml", **HOURLY) for k in "ab")
    parameterized(quick, {"routing_a": 0.0, "routing_b": 0.0})
    parameterized(slow, {"routing_a": 2.9, "routing_b": 6.5})
    for model in (quick, slow):
        for hour in range(100):
            rain = 20.0 if hour < 3 else 0.0
            name = "atmosphere_water__liquid_equivalent_precipitation_rate"
            step(model, {**VALUES, name: rain}, (RUNOFF,))
    flows = [model.get_value_ptr("mass_out")[0] for model in (quick, slow)]
    assert flows[0] > 2.0 * flows[1]


@pytest.mark.parametrize("value", [0.0, 17.0, math.nan, math.inf])
def test_a_parameter_out_of_bounds_stops_the_run(value: float, start: Any) -> None:
    # An error of set_value would make the framework skip the value.
    model = start(1, **HOURLY)
    model.set_value("beta", np.array([value]))
    message = rf"parameter 'beta' at 'cat-0' cannot be {value:g}; expected 1 to 6"
    with pytest.raises(DataError, match=message):
        step(model, VALUES, (RUNOFF,))


def test_a_parameter_of_the_network_cannot_be_set(start: Any, bundle_of: Any) -> None:
    model = start(1, bundle=str(bundle_of(dynamic())), **HOURLY)
    with pytest.raises(VariableError, match="'k0' is changed by the dynamic network"):
        model.set_value("k0", np.array([0.3]))


def test_an_unknown_model_param_names_the_nearest(component: Component) -> None:
    for function in (
        component.get_var_itemsize, component.get_var_nbytes, component.get_var_type,
    ):  # fmt: skip
        with pytest.raises(VariableError, match="'bata'; did you mean 'beta'"):
            function("bata")


def test_the_volume_needs_an_area(start: Any) -> None:
    properties = {k: v for k, v in attributes(1).items() if k != "area_km2"}
    model = start(1, locations={"ids": ["cat-0"], "attributes": properties}, **HOURLY)
    name = "land_surface_water__runoff_volume_flux"
    assert name not in model.get_output_var_names()
    step(model, VALUES, (RUNOFF,))
    with pytest.raises(DataError, match="attribute 'area_km2' at 'cat-0' is nan"):
        model.get_value_ptr(name)
    model.set_value("areasqkm", np.array([3.0]))
    step(model, VALUES, (RUNOFF,))
    assert model.get_value_ptr(name) > 0.0


def test_an_area_that_was_promised_must_come(start: Any) -> None:
    properties = {**attributes(1), "area_km2": None}
    model = start(1, locations={"ids": ["cat-0"], "attributes": properties}, **HOURLY)
    with pytest.raises(DataError, match="attribute 'area_km2' at 'cat-0' is nan"):
        step(model, VALUES, (RUNOFF,))


def test_a_default_is_taken_only_if_stated_and_said(
    start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    properties = {k: v for k, v in attributes(1).items() if k != "aridity"}
    places = {"ids": ["cat-0"], "attributes": properties}
    with pytest.raises(DataError, match=r"cat-0: attribute 'aridity' .* is missing"):
        start(1, locations=places, **HOURLY)
    defaults = {"aridity": 1.5, "p_mean": 9.0}
    model = start(1, locations=places, attribute_defaults=defaults, **HOURLY)
    assert model.get_value_ptr("aridity") == 1.5
    assert model.get_value_ptr("p_mean") == attributes(1)["p_mean"]
    messages = [r.getMessage() for r in caplog.records if "default" in r.getMessage()]
    assert messages == [
        "cat-0: attribute_defaults: aridity = 1.5; more of this is said at level DEBUG"
    ]
    with pytest.raises(ConfigError, match="attribute_defaults: unknown 'aridty'; did"):
        start(1, attribute_defaults={"aridty": 1.5}, **HOURLY)


def test_to_read_a_parameter_changes_nothing(start: Any, bundle_of: Any) -> None:
    """Though attributes that follow change what it was."""
    settings = {"bundle": str(bundle_of(dynamic())), **HOURLY}
    reader, other = (start(1, name=f"{k}.yaml", **settings) for k in "ab")
    assert reader.get_value_ptr("fc") > 0.0
    for model in (reader, other):
        model.set_value("aridity", np.array([0.4]))
        for _ in range(30):
            step(model, VALUES, (RUNOFF,))
    assert reader.state_bytes() == other.state_bytes()
