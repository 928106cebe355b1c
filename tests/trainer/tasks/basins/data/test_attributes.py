"""Portable attributes of data sets, against the published CAMELS-US values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.trainer.tasks.basins.data import (
    PORTABLE_ATTRIBUTES,
    DataSpec,
    portable,
    read,
)

DAYS = np.arange(1, 366)


def test_evaporation_is_that_of_hargreaves(make_data):
    data = make_data(basins=1, days=365)
    evaporation = portable(data)["pet_mean"].item()
    low, high = (data.forcing[f"air_temperature_{e}"][:, 0] for e in ("min", "max"))
    total = 0.0
    for day, tmin, tmax in zip(DAYS, low, high, strict=True):
        # FAO Irrigation and Drainage Paper 56, equations 21-25 and 52, at 30 degrees.
        angle = 2 * math.pi * day / 365
        declination = 0.409 * math.sin(angle - 1.39)
        phi = math.radians(30.0)
        sunset = math.acos(-math.tan(phi) * math.tan(declination))
        radiation = (
            37.586 * (1 + 0.033 * math.cos(angle))
            * (
                sunset * math.sin(phi) * math.sin(declination)
                + math.cos(phi) * math.cos(declination) * math.sin(sunset)
            )
        )  # fmt: skip
        warmth = max((tmin + tmax) / 2 + 17.8, 0.0)
        total += 0.0023 * 0.408 * radiation * warmth * math.sqrt(tmax - tmin)
    assert evaporation == pytest.approx(total / 365, rel=1e-3)


def test_period_is_that_of_the_statistics(make_data):
    data = make_data(days=1461)
    attributes = portable(data, ("2002-01-01", "2002-12-31"))
    year = data.forcing["precipitation"][365:730]
    np.testing.assert_allclose(attributes["p_mean"], year.mean(axis=0), rtol=1e-6)


def test_only_known_topography_is_returned(make_data):
    attributes = portable(make_data())
    assert attributes.keys() - set(PORTABLE_ATTRIBUTES) == {"latitude"}
    assert set(PORTABLE_ATTRIBUTES) - attributes.keys() == {"slope_mean"}


def test_missing_latitude_is_refused(make_data):
    with pytest.raises(DataError, match="no attribute 'latitude'"):
        portable(replace(make_data(), attributes={}))


@pytest.fixture(scope="module")
def camels(shared_data):
    path = shared_data / "camels_us_569_daymet_1980_2010.nc"
    if not path.is_file():
        pytest.skip(f"{path.name} is absent")
    spec = DataSpec(
        path=str(path), period=("1989-10-01", "2009-09-30"), attributes="file"
    )
    return read(spec)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("p_mean", 1e-6),
        ("p_seasonality", 1e-4),
        ("high_prec_freq", 0.06),
        ("high_prec_dur", 2e-3),
        ("low_prec_freq", 0.06),
        ("low_prec_dur", 2e-3),
        ("frac_snow", 4e-3),
    ],
)
def test_published_camels_indices_are_reproduced(camels, computed, name, tolerance):
    # Single precision moves a few days across a threshold: one in twenty years for a
    # frequency, and days of exactly 1 degC for the snow.
    np.testing.assert_allclose(
        computed[name], camels.attributes[name], rtol=1e-5, atol=tolerance
    )


@pytest.fixture(scope="module")
def computed(camels):
    return portable(camels)


def test_evaporation_resembles_that_of_camels(camels, computed):
    # CAMELS has Priestley-Taylor: other numbers, but the same geography.
    evaporation, published = computed["pet_mean"], camels.attributes["pet_mean"]
    assert np.corrcoef(evaporation, published)[0, 1] > 0.6
    assert np.median(evaporation / published) == pytest.approx(1.0, abs=0.15)
    assert np.corrcoef(computed["aridity"], camels.attributes["aridity"])[0, 1] > 0.9
