"""Values of some places, and values that are no numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import DataError

from .untrained import give, weather


def test_places_are_whole_numbers_within_the_locations(start: Any) -> None:
    component = start(3)
    for indices in ([-1], [5], [0, 3]):
        at = np.array(indices)
        with pytest.raises(DataError, match="'streamflow': there is no place"):
            component.get_value_at_indices("streamflow", np.empty(at.size), at)
    with pytest.raises(DataError, match="expected numbers of places, found"):
        component.set_value_at_indices(
            "precipitation", np.array([True, False, True]), np.ones(2)
        )


def test_there_is_a_value_for_each_place(start: Any) -> None:
    component = start(3)
    at = np.array([0, 2])
    for values in (np.ones(1), np.ones(3)):
        with pytest.raises(DataError, match=r"found \d values for 2 locations"):
            component.set_value_at_indices("precipitation", at, values)
    with pytest.raises(DataError, match="expected numbers, found"):
        component.set_value_at_indices("precipitation", at, np.array(["a", "b"]))


def test_what_is_masked_is_missing(start: Any) -> None:
    component = start(2)
    masked = np.ma.masked_array([1.0, 999.0], [False, True])
    component.set_value("precipitation", masked)
    rain = component.get_value("precipitation", np.empty(2))
    np.testing.assert_array_equal(rain, [1.0, np.nan])


def test_what_is_set_at_some_places_changes_no_other(start: Any) -> None:
    """Of a parameter elsewhere the members still differ."""
    changed, other = (start(3, name=f"{k}.yaml") for k in "ab")
    series = weather(40, 3)
    for day in range(40):
        if day in (0, 20):
            changed.set_value_at_indices("k0", [1], [0.9])
            changed.set_value_at_indices("p_mean", [1], [4.9])
        if day == 20:
            changed.set_value_at_indices("soil_moisture", [1], [150.0])
        for component in (changed, other):
            give(component, series, day)
            component.update()
    for name in ("streamflow", "soil_moisture", "k0", "mass_out", "mass_adjusted"):
        actual, expected = (c.get_value(name, np.empty(3)) for c in (changed, other))
        assert actual[1] != expected[1]
        np.testing.assert_array_equal(actual[[0, 2]], expected[[0, 2]])
    resumed = start(3, name="c.yaml")
    resumed.set_state_bytes(changed.state_bytes())
    for component in (changed, resumed):
        component.update()
    assert resumed.state_bytes() == changed.state_bytes()


def test_a_parameter_of_one_place_is_looked_at_there(start: Any) -> None:
    component = start(3)
    component.set_value_at_indices("beta", [2], [np.nan])
    give(component, weather(1, 3), 0)
    with pytest.raises(DataError, match="parameter 'beta' at 'cat-2' cannot be nan"):
        component.update()


@pytest.mark.parametrize("n", [1, 3])
def test_places_and_room_for_their_values_must_fit(n: int, start: Any) -> None:
    component = start(n)
    for indices in ([0.5], np.array([0.0]), [True], ["0"]):
        with pytest.raises(DataError, match="expected numbers of places, found"):
            component.get_value_at_indices("precipitation", np.empty(1), indices)
    with pytest.raises(DataError, match="found room for 2 values of 1 places"):
        component.get_value_at_indices("precipitation", np.empty(2), np.array([0]))
    assert not component.get_value_at_indices("precipitation", np.empty(0), []).size


def test_coordinates_are_copied_as_all_values_are(start: Any) -> None:
    component = start(3)
    message = "get_grid_x: found room for 9 values, expected 3"
    with pytest.raises(DataError, match=message):
        component.get_grid_x(0, np.empty((3, 3)))
    with pytest.raises(DataError, match="get_grid_y': expected an array of floating"):
        component.get_grid_y(0, np.empty(3, int))
