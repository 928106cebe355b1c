"""Conus Albers, against values of an independent implementation (PROJ 9)."""

from __future__ import annotations

import pytest

from bmi_dmx.ngen.projection import from_conus_albers, to_conus_albers

PLACES = [
    (40.0, -105.5, -802576.7421898711, 1927125.821957231),
    (23.0, -96.0, 0.0, 0.0),
]


@pytest.mark.parametrize(("latitude", "longitude", "x", "y"), PLACES)
def test_places_are_where_proj_puts_them(latitude, longitude, x, y):
    assert to_conus_albers(latitude, longitude) == pytest.approx((x, y), abs=1e-3)
    assert from_conus_albers(x, y) == pytest.approx((latitude, longitude), abs=1e-9)


@pytest.mark.parametrize("latitude", [24.5, 37.0, 49.4])
@pytest.mark.parametrize("longitude", [-124.7, -96.0, -67.0])
def test_there_and_back_is_nowhere_else(latitude, longitude):
    found = from_conus_albers(*to_conus_albers(latitude, longitude))
    assert found == pytest.approx((latitude, longitude), abs=1e-10)
