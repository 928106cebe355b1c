"""The projections of the hydrofabric, against published numbers and against PROJ."""

from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.data.projection import PROJECTIONS, from_conus_albers, to_conus_albers

# Latitudes and longitudes of what each is made for.
REGIONS = {
    5070: (22.0, 52.0, -128.0, -65.0),
    6350: (22.0, 52.0, -128.0, -65.0),
    3338: (51.0, 72.0, -179.0, -129.0),
    102007: (18.0, 23.0, -161.0, -154.0),
    32161: (17.5, 18.8, -68.0, -64.0),
    6566: (17.5, 18.8, -68.0, -64.0),
}


@pytest.mark.parametrize("number", sorted(PROJECTIONS))
def test_places_are_those_of_proj(number):
    pyproj = pytest.importorskip("pyproj")
    low, high, west, east = REGIONS[number]
    generator = np.random.default_rng(number)
    latitude, longitude = generator.uniform((low, west), (high, east), (200, 2)).T
    authority = "ESRI" if number > 100_000 else "EPSG"
    plane = pyproj.CRS.from_user_input(f"{authority}:{number}")
    # From the degrees of its own datum: no shift between realizations is meant.
    to = pyproj.Transformer.from_crs(plane.geodetic_crs, plane, always_xy=True)
    x, y = to.transform(longitude, latitude)
    projection = PROJECTIONS[number]
    forward = [projection.forward(*p) for p in zip(latitude, longitude, strict=True)]
    np.testing.assert_allclose(np.array(forward).T, [x, y], atol=1e-3)
    inverse = [projection.inverse(*p) for p in zip(x, y, strict=True)]
    np.testing.assert_allclose(np.array(inverse).T, [latitude, longitude], atol=1e-6)


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
    location = from_conus_albers(*to_conus_albers(latitude, longitude))
    assert location == pytest.approx((latitude, longitude), abs=1e-10)
