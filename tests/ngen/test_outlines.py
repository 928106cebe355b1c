"""Outlines say where catchments are, where nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.ngen.hydrofabric import read_hydrofabric
from bmi_dmx.ngen.outlines import centroids

SQUARE = [[-80.0, 35.0], [-78.0, 35.0], [-78.0, 36.0], [-80.0, 36.0], [-80.0, 35.0]]
HOLE = [[-79.9, 35.1], [-79.9, 35.9], [-79.1, 35.9], [-79.1, 35.1], [-79.9, 35.1]]


def places(*geometries: Any) -> dict[str, np.ndarray]:
    features = [
        {"type": "Feature", "id": f"cat-{k}", "geometry": geometry,
         "properties": {"areasqkm": 1.0, "toid": "nex-1"}}
        for k, geometry in enumerate(geometries)
    ]  # fmt: skip
    path = Path("c.geojson")
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return centroids(read_hydrofabric(path))


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": rings}


@pytest.mark.parametrize("around", [1, -1])
@pytest.mark.parametrize("inside", [1, -1])
def test_the_centroid_is_that_of_the_area(around, inside):
    outer, hole = SQUARE[::around], HOLE[::inside]
    both = [[outer, hole], [[[x + 10.0, y] for x, y in outer]]]
    centres = places(
        polygon(outer), polygon(outer, hole),
        {"type": "MultiPolygon", "coordinates": both},
    )  # fmt: skip
    # The hole is 0.8 by 0.8 degrees at -79.5.
    pierced = (2.0 * -79.0 - 0.64 * -79.5) / 1.36
    parts = (1.36 * pierced + 2.0 * -69.0) / 3.36
    np.testing.assert_allclose(centres["latitude"], 35.5, rtol=1e-12)
    np.testing.assert_allclose(
        centres["longitude"], [-79.0, pierced, parts], rtol=1e-12
    )


@pytest.mark.parametrize(
    "geometry",
    [None, {"type": "Point", "coordinates": [1.0, 2.0]}, polygon(SQUARE[:2]), polygon(),
     polygon([[x * 1e5, y * 1e5] for x, y in SQUARE])],
)  # fmt: skip
def test_what_is_no_outline_in_degrees_says_nothing(geometry):
    centres = places(polygon(SQUARE), geometry)
    np.testing.assert_array_equal(centres["latitude"], [35.5, np.nan])
    assert places(geometry) == {}


def test_a_geopackage_says_it_otherwise(sample):
    assert centroids(read_hydrofabric(sample[0])) == {}


def test_the_frameworks_own_example_lies_in_north_carolina(shared_data):
    path = shared_data / "ngen" / "catchment_data.geojson"
    centres = centroids(read_hydrofabric(path))
    assert (np.abs(centres["latitude"] - 35.2) < 0.5).all()
    assert (np.abs(centres["longitude"] + 80.8) < 0.5).all()
