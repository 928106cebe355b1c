"""Attributes of catchments: the units of the hydrofabric, and the climate."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.models.hydrology.climate import climate_indices
from bmi_dmx.ngen.attributes import attributes_of, topography
from bmi_dmx.ngen.climate import Repair, climate
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.hydrofabric import read_hydrofabric
from bmi_dmx.trainer.tasks.basins.data.attributes import hargreaves


@pytest.fixture
def opened(sample):
    with open_domain(*sample) as domain:
        yield domain


def test_elevation_is_in_centimetres_and_slope_of_a_centimetre_grid(domain):
    row = {"mean.elevation": 246395.0, "mean.slope": 85.0}
    terrain, _ = topography(replace(domain, attributes={"cat-2": row}))
    assert terrain["elevation_mean"][1] == pytest.approx(2463.95)
    # tan(85 degrees) centimetres per metre.
    assert terrain["slope_mean"][1] == pytest.approx(114.3, abs=0.01)
    assert terrain["area_km2"].tolist() == [10.0, 20.0, 5.0]
    assert np.isnan(terrain["elevation_mean"][[0, 2]]).all()


def test_a_slope_that_is_no_angle_is_refused(domain):
    row = {"divide_id": "cat-2", "mean.slope": 120.0}
    with pytest.raises(DataError, match=r"mean\.slope of 'cat-2': found 120\.0"):
        topography(replace(domain, attributes={"cat-2": row}))


@pytest.mark.parametrize(
    ("name", "slope", "elevation"),
    [
        # Plausible mountains, in degrees and metres.
        ("ngen/logan_river_gage-10109001.gpkg", (3, 30), (1300, 3000)),
        ("ngen_clear_creek_06719505_hydrofabric_v2.2.gpkg", (3, 30), (1700, 4300)),
    ],
)
def test_real_mountains_are_mountains(shared_data, name, slope, elevation):
    terrain, _ = topography(read_hydrofabric(shared_data / name))
    degrees = np.degrees(np.arctan(terrain["slope_mean"] / 1000.0))
    for values, (low, high) in (
        (degrees, slope),
        (terrain["elevation_mean"], elevation),
    ):
        assert low < values.min() < values.max() < high
    assert (np.abs(terrain["latitude"] - 40.8) < 1.5).all()


def test_the_sample_keeps_its_terrain(opened):
    terrain, _ = topography(opened.hydrofabric)
    assert 500 < terrain["elevation_mean"].min() < terrain["elevation_mean"].max() < 800
    assert (np.abs(terrain["latitude"] - 41.9) < 0.2).all()
    assert (np.abs(terrain["longitude"] + 74.8) < 0.2).all()


def test_climate_is_that_of_whole_days(opened, operation):
    """Against the daily values that the hours were made of."""
    ids = opened.ids[:2]
    latitude = np.array([41.9, 42.0])
    indices, remarks = climate(opened.forcing, ids, latitude, Repair(operation))
    assert "731 days (2.0 years) of forcing" in remarks[0]
    rain = opened.forcing.block(
        ids, "atmosphere_water__liquid_equivalent_precipitation_rate", "mm d-1",
        opened.start, opened.steps,
    )[::24]  # fmt: skip
    warmth = opened.forcing.block(
        ids, "land_surface_air__temperature", "degC", opened.start, opened.steps
    ).reshape(-1, 24, 2)
    days = np.concatenate([np.arange(1, 366), np.arange(1, 367)])
    pet = hargreaves(warmth.min(axis=1), warmth.max(axis=1), days, latitude)
    expected = climate_indices(rain, warmth.mean(axis=1), pet, days)
    for name, values in expected.items():
        np.testing.assert_allclose(indices[name], values, rtol=2e-4, err_msg=name)


def test_forcing_of_less_than_a_day_is_no_climate(forcing, domain, operation):
    with (
        open_domain(Path("catchments.geojson"), forcing) as opened,
        pytest.raises(DataError, match="there is no whole day"),
    ):
        climate(opened.forcing, opened.ids, np.zeros(3), Repair(operation))


def test_a_table_goes_before_all_else(opened, operation):
    rows = [f"{name},0.5,12.0" for name in opened.ids]
    Path("a.csv").write_text("\n".join(["id,aridity,slope_mean", *rows]))
    attributes = attributes_of(
        operation, opened.hydrofabric, opened.forcing, Path("a.csv")
    )
    assert set(attributes.values["aridity"]) == {0.5}
    assert set(attributes.values["slope_mean"]) == {12.0}
    assert attributes.values["p_mean"].min() > 2.0
    assert any("'aridity' of 8 catchments" not in r for r in attributes.remarks)


def test_values_far_from_the_training_are_remarked_on(opened, operation):
    rows = [f"{name},9.0" for name in opened.ids]
    Path("a.csv").write_text("\n".join(["id,aridity", *rows]))
    attributes = attributes_of(
        operation, opened.hydrofabric, opened.forcing, Path("a.csv")
    )
    assert any(
        "'aridity' of 8 catchments is far from the training basins (typically 1)" in r
        for r in attributes.remarks
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,aridity", "expected a header and at least one catchment"),
        ("id,aridity\ncat-0,1", "no row for catchment 'cat-"),
    ],
)
def test_a_wrong_table_is_refused(opened, operation, text, message):
    Path("a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=rf"a\.csv: {message}"):
        attributes_of(operation, opened.hydrofabric, opened.forcing, Path("a.csv"))


def test_a_wrong_cell_of_a_table_is_named(opened, operation):
    rows = [f"{name},dry" for name in opened.ids]
    Path("a.csv").write_text("\n".join(["id,aridity", *rows]))
    with pytest.raises(DataError, match="row 2, column 'aridity': found 'dry'"):
        attributes_of(operation, opened.hydrofabric, opened.forcing, Path("a.csv"))
    with pytest.raises(ConfigError, match=r"b\.csv: no such file"):
        attributes_of(operation, opened.hydrofabric, opened.forcing, Path("b.csv"))


def test_what_cannot_be_had_is_named(opened, operation):
    bare = replace(opened.hydrofabric, attributes={})
    message = (
        "latitude of the catchments is not known, nor elevation_mean, slope_mean; give "
        "them in a table"
    )
    with pytest.raises(DataError, match=message):
        attributes_of(operation, bare, opened.forcing)
    first, *_ = opened.ids
    rows = {n: dict(r) for n, r in opened.hydrofabric.attributes.items()}
    rows[first]["mean.elevation"] = None
    holes = replace(opened.hydrofabric, attributes=rows)
    message = f"'elevation_mean' of the model is not known of '{first}'; give it in a"
    with pytest.raises(DataError, match=message):
        attributes_of(operation, holes, opened.forcing)


def test_slopes_of_the_sample_are_those_of_the_training_scale(opened):
    slope = topography(opened.hydrofabric)[0]["slope_mean"]
    assert (slope > 10).all()
    assert (slope < 1000 * math.tan(math.radians(10))).all()
