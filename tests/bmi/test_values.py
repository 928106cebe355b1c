"""Values of some places, and values that are no numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bmi_dmx.errors import DataError


def test_places_are_whole_numbers_within_the_locations(start: Any) -> None:
    component = start(3)
    for indices in ([-1], [5], [0, 3]):
        at = np.array(indices)
        with pytest.raises(DataError, match="'streamflow': there is no location"):
            component.get_value_at_indices("streamflow", np.empty(at.size), at)
    with pytest.raises(DataError, match="expected numbers of locations, found"):
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
    found = component.get_value("precipitation", np.empty(2))
    np.testing.assert_array_equal(found, [1.0, np.nan])
