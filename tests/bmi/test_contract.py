"""What BMI 2.0 promises and no other tester checks."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

import numpy as np
import pytest
from bmipy import Bmi

import bmi_dmx
from bmi_dmx import Component, DeltaHbv, units
from bmi_dmx.errors import DataError, StateError, TimeError, VariableError

from .untrained import INPUTS, attributes, give, static, weather

RUNOFF = "land_surface_water__runoff_depth"
SECONDS = {"daily": 86400.0, "hourly": 3600.0}


@pytest.fixture(params=[(1, "daily"), (1, "hourly"), (5, "daily"), (5, "hourly")])
def component(request: pytest.FixtureRequest, start: Any) -> Component:
    n, time_step = request.param
    component: Component = start(n, time_step=time_step)
    give(component, weather(1, n), 0)
    return component


def published(component: Component) -> tuple[str, ...]:
    return (*component.get_input_var_names(), *component.get_output_var_names())


def names(component: Component) -> list[str]:
    """Return every name there is, published or not, standard or short."""
    return [*component.names()]


@pytest.mark.parametrize("kind", [Component, DeltaHbv])
def test_every_function_of_bmi_is_there(kind: type[Component]) -> None:
    functions = [n for n, f in inspect.getmembers(Bmi, inspect.isfunction)]
    assert len([n for n in functions if not n.startswith("_")]) == 41
    assert not kind.__abstractmethods__
    assert isinstance(kind(), Bmi)


def test_names_are_tuples_and_counted(component: Component) -> None:
    inputs, outputs = component.get_input_var_names(), component.get_output_var_names()
    assert isinstance(inputs, tuple)
    assert isinstance(outputs, tuple)
    daily = component.get_time_step() == SECONDS["daily"]
    expected = len(INPUTS) if daily else 2
    assert component.get_input_item_count() == len(inputs) == expected
    assert component.get_output_item_count() == len(outputs) > 20
    assert len({*inputs, *outputs}) == len(inputs) + len(outputs)
    assert RUNOFF in outputs


def test_time_starts_at_zero_in_seconds(component: Component) -> None:
    assert component.get_start_time() == component.get_current_time() == 0.0
    assert component.get_end_time() == sys.float_info.max
    assert component.get_time_step() in SECONDS.values()
    assert component.get_time_units() == "s"
    for value in (component.get_current_time(), component.get_time_step()):
        assert type(value) is float


def test_every_variable_is_described_in_agreement_with_its_array(
    component: Component,
) -> None:
    for name in names(component):
        array = component.get_value_ptr(name)
        assert array.ndim == 1
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.dtype == component.get_var_type(name) == "float64"
        assert array.nbytes == component.get_var_nbytes(name)
        assert array.itemsize == component.get_var_itemsize(name) == 8
        grid = component.get_var_grid(name)
        assert array.size == component.get_grid_size(grid)
        assert component.get_var_location(name) == "node"
        units.check(component.get_var_units(name))


def test_standard_and_short_name_are_one_variable(component: Component) -> None:
    pairs = {
        "precipitation": "atmosphere_water__liquid_equivalent_precipitation_rate",
        "runoff_depth": RUNOFF,
        "snow_water_equivalent": "snowpack__leq_depth",
        "baseflow": "land_surface_water_baseflow__volume_flux",
    }
    for short, standard in pairs.items():
        assert component.get_value_ptr(short) is component.get_value_ptr(standard)
        assert standard in published(component)
        assert short not in published(component)


def test_published_names_follow_the_pattern_but_for_these(start: Any) -> None:
    pattern = re.compile(r"[a-z]+[a-z0-9_~-]*__[a-z0-9_~-]+")
    others = {n for n in published(start(1)) if not pattern.fullmatch(n)}
    assert others == {
        "streamflow", "quick_flow", "interflow", "snowfall", "refreezing",
        "infiltration", "percolation", "capillary_rise", "snowpack", "meltwater",
        "upper_zone", "lower_zone",
    }  # fmt: skip


def test_pointers_are_the_same_arrays_for_life(component: Component) -> None:
    component.update()
    before = {name: component.get_value_ptr(name) for name in names(component)}
    addresses = {name: array.ctypes.data for name, array in before.items()}
    n = component.get_grid_size(0)
    component.set_value("precipitation", np.full(n, 30.0))
    component.set_value("soil_moisture", np.full(n, 50.0))
    component.update()
    component.set_state_bytes(component.state_bytes())
    component.update()
    for name, array in before.items():
        assert component.get_value_ptr(name) is array
        assert array.ctypes.data == addresses[name]


def test_a_pointer_stays_current(component: Component) -> None:
    flow = component.get_value_ptr("streamflow")
    component.set_value("precipitation", np.full(flow.size, 40.0))
    component.update()
    first = flow.copy()
    component.update()
    assert (flow > first).all()
    assert (first > 0.0).all()


def test_get_value_fills_and_returns_what_it_is_given(component: Component) -> None:
    component.update()
    for name in published(component):
        expected = component.get_value_ptr(name)
        dest = np.full(expected.size, -1.0)
        assert component.get_value(name, dest) is dest
        np.testing.assert_array_equal(dest, expected)
        one = np.zeros(1)
        assert component.get_value_at_indices(name, one, np.array([0])) is one
        assert one[0] == expected[0]


def test_a_copy_does_not_reach_the_model(component: Component) -> None:
    rain = component.get_value_ptr("precipitation")
    array = np.full(rain.size, 7.0)
    component.set_value("precipitation", array)
    array[:] = 99.0
    assert (rain == 7.0).all()
    component.get_value("precipitation", np.empty(rain.size))[:] = 99.0
    assert (rain == 7.0).all()


def test_set_value_shows_through_the_pointer(component: Component) -> None:
    for name in (*component.get_input_var_names(), "soil_moisture", "elevation"):
        array = component.get_value_ptr(name)
        component.set_value(name, np.full(array.size, 11.0))
        assert (array == 11.0).all()
        component.set_value_at_indices(name, np.array([0]), np.array([12.0]))
        assert array[0] == 12.0
        assert (array[1:] == 11.0).all()


def test_numbers_of_another_count_are_refused(component: Component) -> None:
    n = component.get_grid_size(0)
    with pytest.raises(DataError, match=f"found {n + 1} values, expected {n}"):
        component.set_value("precipitation", np.zeros(n + 1))
    with pytest.raises(DataError, match=f"found {n + 1} values, expected {n}"):
        component.get_value("streamflow", np.zeros(n + 1))


def test_update_adds_one_step(component: Component) -> None:
    component.update()
    assert component.get_current_time() == component.get_time_step()


def test_update_until_goes_any_number_of_steps(component: Component) -> None:
    step = component.get_time_step()
    component.update_until(3 * step)
    assert component.get_current_time() == 3 * step
    component.update_until(3 * step)
    assert component.get_current_time() == 3 * step


def test_update_until_refuses_what_is_no_step(component: Component) -> None:
    step = component.get_time_step()
    component.update_until(2 * step)
    with pytest.raises(TimeError, match="partial steps are not possible"):
        component.update_until(2.5 * step)
    with pytest.raises(TimeError, match="cannot go back"):
        component.update_until(step)
    assert component.get_current_time() == 2 * step


def test_update_until_equals_updates(start: Any) -> None:
    one, other = start(2, name="a.yaml"), start(2, name="b.yaml")
    for component in (one, other):
        give(component, weather(1, 2), 0)
    one.update_until(4 * 86400.0)
    for _ in range(4):
        other.update()
    assert one.state_bytes() == other.state_bytes()


def test_grid_of_one_location_is_a_scalar(start: Any) -> None:
    component = start(1)
    assert component.get_grid_type(0) == "scalar"
    assert component.get_grid_rank(0) == 0
    assert component.get_grid_size(0) == 1
    with pytest.raises(NotImplementedError, match="get_grid_x does not apply"):
        component.get_grid_x(0, np.zeros(1))


def test_grid_of_many_locations_is_points_by_longitude_and_latitude(start: Any) -> None:
    component = start(5)
    assert component.get_grid_type(0) == "points"
    assert component.get_grid_rank(0) == 2
    assert component.get_grid_size(0) == component.get_grid_node_count(0) == 5
    for function, name in (
        (component.get_grid_x, "longitude"),
        (component.get_grid_y, "latitude"),
    ):
        dest = np.zeros(5)
        assert function(0, dest) is dest
        np.testing.assert_array_equal(dest, attributes(5)[name])


@pytest.mark.parametrize("n", [1, 5])
def test_functions_that_do_not_apply_say_so(n: int, start: Any) -> None:
    component = start(n)
    array = np.zeros(9)
    for function in ("z", "shape", "spacing", "origin", "edge_nodes", "face_edges",
                     "face_nodes", "nodes_per_face"):  # fmt: skip
        with pytest.raises(NotImplementedError, match=f"get_grid_{function} does not"):
            getattr(component, f"get_grid_{function}")(0, array)
    for function in ("edge_count", "face_count"):
        with pytest.raises(NotImplementedError, match="does not apply"):
            getattr(component, f"get_grid_{function}")(0)


def test_another_grid_is_unknown(start: Any) -> None:
    with pytest.raises(VariableError, match="unknown grid 3; known: 0"):
        start(1).get_grid_type(3)


def test_coordinates_that_were_not_given_are_missed(configure: Any, start: Any) -> None:
    properties = {k: v for k, v in attributes(2).items() if k != "longitude"}
    component = start(2, locations={"ids": ["a", "b"], "attributes": properties})
    with pytest.raises(DataError, match=r"attribute 'longitude' .* is not known"):
        component.get_grid_x(0, np.zeros(2))


def test_instances_share_neither_memory_nor_clock(start: Any) -> None:
    one, other = start(2, name="a.yaml"), start(2, name="b.yaml")
    for name in names(one):
        assert not np.shares_memory(one.get_value_ptr(name), other.get_value_ptr(name))
    before = other.state_bytes()
    give(one, weather(1, 2), 0)
    one.update()
    assert other.get_current_time() == 0.0
    assert other.state_bytes() == before


def test_instances_share_their_bundle(start: Any) -> None:
    one, other = start(1, name="a.yaml"), start(1, name="b.yaml")
    assert one.bundle is other.bundle


def test_nothing_works_before_initialize_or_after_finalize(start: Any) -> None:
    finished = start(1)
    finished.finalize()
    finished.finalize()
    for component in (Component(), finished):
        for call in (
            component.update,
            component.get_current_time,
            lambda c=component: c.update_until(86400.0),
            lambda c=component: c.set_value("precipitation", np.zeros(1)),
        ):
            with pytest.raises(StateError, match="initialize"):
                call()


def test_a_component_can_be_initialized_anew(configure: Any) -> None:
    component = Component()
    for n in (1, 5):
        component.initialize(str(configure(n)))
        assert component.get_grid_size(0) == n
        component.finalize()


def test_an_unknown_name_is_an_error_with_a_suggestion(start: Any) -> None:
    component = start(1)
    for call in (component.get_value_ptr, component.get_var_units):
        with pytest.raises(VariableError, match="did you mean 'soil_moisture'"):
            call("soil_moistur")


def test_an_unknown_name_to_be_set_is_ignored_with_one_warning(
    start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    component = start(1)
    for _ in range(3):
        component.set_value("wind", np.ones(1))
        component.set_value_at_indices("wind", np.array([0]), np.ones(1))
    warned = [r for r in caplog.records if r.name.startswith("bmi_dmx")]
    assert [r.getMessage() for r in warned] == [
        "cat-0: set_value: the model has no 'wind', which is ignored; more of this is "
        "said at level DEBUG"
    ]


@pytest.mark.parametrize(
    ("name", "role"),
    [("streamflow", "flux"), ("mass_in", "diagnostic")],
)
def test_what_follows_from_the_model_cannot_be_set(
    name: str, role: str, start: Any
) -> None:
    with pytest.raises(VariableError, match=f"'{name}' is a {role} and cannot be set"):
        start(1).set_value(name, np.ones(1))


def test_the_names_of_a_class_with_a_bundle_are_known_before_initialize(
    bundle: Any, configure: Any
) -> None:
    class WithBundle(Component):
        default_bundle = str(bundle)

    component = WithBundle()
    inputs, outputs = component.get_input_var_names(), component.get_output_var_names()
    component.initialize(str(configure(1, bundle=None)))
    assert component.get_input_var_names() == inputs
    volume = "land_surface_water__runoff_volume_flux"
    assert tuple(n for n in component.get_output_var_names() if n != volume) == outputs
    assert component.get_component_name() == "WithBundle (untrained)"
    assert Component().get_input_var_names() == ()


def test_outputs_are_published_as_configured_and_readable_anyway(start: Any) -> None:
    component = start(1, outputs=["streamflow", "snow_water_equivalent"])
    assert component.get_output_var_names() == ("streamflow", "snowpack__leq_depth")
    assert component.get_value_ptr("runoff").shape == (1,)


def test_potential_evaporation_is_input_or_output(start: Any, bundle_of: Any) -> None:
    output = "land_surface_water_evapotranspiration__potential_volume_flux"
    assert output in start(1, name="a.yaml").get_output_var_names()
    model = start(1, bundle=str(bundle_of(static(evaporation="given"))))
    # The name under which hosts have it.
    name = "land_surface_water__potential_evaporation_volume_flux"
    assert name in model.get_input_var_names()
    assert output not in model.get_output_var_names()
    model.set_value("water_potential_evaporation_flux", np.ones(1))
    assert model.get_value_ptr(name) == 1.0


def test_the_package_offers_its_components() -> None:
    assert bmi_dmx.Component is Component
    assert DeltaHbv.default_bundle == "dhbv-conus-daily"


def test_values_are_not_cut_into_whole_numbers(component: Component) -> None:
    n = component.get_grid_size(0)
    for ask in (
        lambda dest: component.get_value("runoff", dest),
        lambda dest: component.get_value_at_indices("runoff", dest, np.arange(n)),
    ):
        with pytest.raises(DataError, match="'runoff': expected an array of floating"):
            ask(np.zeros(n, dtype=np.int64))


def test_only_numbers_can_be_set(component: Component) -> None:
    words = ["much"] * component.get_grid_size(0)
    with pytest.raises(DataError, match="'precipitation': expected numbers, found"):
        component.set_value("precipitation", words)


def test_a_place_that_does_not_exist_is_named(component: Component) -> None:
    n = component.get_grid_size(0)
    message = f"there is no place {n + 2}, expected 0 to {n - 1}"
    places = np.array([0, n + 2])
    with pytest.raises(DataError, match=message):
        component.set_value_at_indices("precipitation", places, np.ones(2))
    with pytest.raises(DataError, match=message):
        component.get_value_at_indices("runoff", np.zeros(2), places)
