"""The component in NextGen's seat: its calls, its units and its types."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest

from bmi_dmx import Component, DeltaHbv
from bmi_dmx.errors import DmxError

from .nextgen import EIGHT, HOURLY, RUNOFF, TWO, VALUES, step
from .untrained import attributes, dynamic, static


@pytest.mark.parametrize(
    ("evaporation", "inputs"), [("bundle", TWO), ("penman_monteith", EIGHT)]
)
def test_inputs_are_those_of_the_framework_in_its_units(
    evaporation: str, inputs: dict[str, str], start: Any
) -> None:
    model = start(1, evaporation=evaporation, **HOURLY)
    units = {name: model.get_var_units(name) for name in model.get_input_var_names()}
    assert units == inputs


def test_external_evaporation_is_an_input_only_when_asked_for(start: Any) -> None:
    name = "land_surface_water__potential_evaporation_volume_flux"
    model = start(1, evaporation="given", **HOURLY)
    assert {*model.get_input_var_names()} == {*TWO, name}
    assert model.get_var_units(name) == "mm h-1"


@pytest.mark.parametrize("evaporation", ["bundle", "penman_monteith"])
@pytest.mark.parametrize("spec", [static(), dynamic()], ids=["static", "dynamic"])
def test_a_run_by_the_calls_of_the_framework(
    spec: Any, evaporation: str, start: Any, bundle_of: Any
) -> None:
    model = start(1, bundle=str(bundle_of(spec)), evaporation=evaporation, **HOURLY)
    assert (model.get_time_units(), model.get_start_time()) == ("s", 0.0)
    assert model.get_end_time() == sys.float_info.max
    columns = (RUNOFF, "land_surface_water__runoff_volume_flux", "snowpack__leq_depth")
    rows = []
    for hour in range(24 * 60):
        assert model.get_current_time() == hour * 3600.0
        rows.append(step(model, VALUES, columns))
    depth, volume, _ = np.array(rows).T
    assert (depth > 0.0).all()
    assert depth[-1] < 1e-3
    area = attributes(1)["area_km2"][0] * 1e6
    np.testing.assert_allclose(volume, depth * area / 3600.0, rtol=1e-12)
    assert [model.get_var_units(name) for name in columns] == ["m", "m3 s-1", "m"]


def test_arrays_have_one_item_from_the_beginning(component: Component) -> None:
    for name in (*component.get_input_var_names(), *component.get_output_var_names()):
        assert component.get_var_type(name) == "float64"
        assert component.get_var_itemsize(name) == component.get_var_nbytes(name) == 8
        assert component.get_value_ptr(name).shape == (1,)


def test_sizes_and_units_are_right_before_initialize(bundle: Any) -> None:
    class WithBundle(DeltaHbv):
        default_bundle = str(bundle)

    model = WithBundle()
    for name in (*model.get_input_var_names(), *model.get_output_var_names()):
        assert model.get_var_type(name) == "float64"
        assert model.get_var_itemsize(name) == model.get_var_nbytes(name) == 8
        assert model.get_var_units(name)
    with pytest.raises(DmxError, match="initialize"):
        model.get_value_ptr(RUNOFF)
    with pytest.raises(DmxError, match="initialize"):
        model.get_var_units("nothing")


def test_update_until_over_several_steps(start: Any) -> None:
    one, other = (start(1, name=f"{k}.yaml", **HOURLY) for k in "ab")
    for model in (one, other):
        for name in TWO:
            model.set_value(name, np.array([VALUES[name]]))
    one.update_until(5 * 3600.0)
    for _ in range(5):
        other.update()
    assert one.state_bytes() == other.state_bytes()


def test_one_bad_hour_does_not_poison_the_model(start: Any) -> None:
    model = start(1, forcing_policy="hold", **HOURLY)
    bad = {**VALUES, "land_surface_air__temperature": math.nan}
    values = [VALUES, bad, VALUES, bad, bad, VALUES]
    rows = [step(model, each, (RUNOFF,)) for each in values * 20]
    assert np.isfinite(rows).all()
    assert model.get_value_ptr("repaired_air_temperature") == 60.0
