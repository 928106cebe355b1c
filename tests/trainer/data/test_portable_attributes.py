"""Portable attributes: by hand, and against the published CAMELS-US values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.trainer.data import PORTABLE_ATTRIBUTES, DataSpec, portable, read
from bmi_dmx.trainer.data.attributes import climate_indices, run_length, seasonality

DAYS = np.arange(1, 366)


def indices(rain, temperature=None, evaporation=2.0):
    rain = np.array(rain, dtype=np.float32)[:, None]
    warm = np.full_like(rain, 10.0) if temperature is None else temperature
    warm = np.array(warm, dtype=np.float32).reshape(rain.shape)
    pet = np.full_like(rain, evaporation)
    found = climate_indices(rain, warm, pet, DAYS[: rain.size])
    return {name: value.item() for name, value in found.items()}


def test_indices_of_ten_days_counted_by_hand():
    # mean 2; high from 10; dry below 1: days 2-4, 6, 8-10 (runs of 3, 1 and 3).
    found = indices(
        [7, 0, 0, 0.5, 10, 0, 1.5, 0, 0, 1], [2, 0, 0, 1, 1.5, 9, -3, 0, 0, 9]
    )
    assert found["p_mean"] == pytest.approx(2.0)
    assert found["aridity"] == pytest.approx(1.0)
    assert found["high_prec_freq"] == pytest.approx(0.1 * 365.25)
    assert found["high_prec_dur"] == 1.0
    assert found["low_prec_freq"] == pytest.approx(0.6 * 365.25)
    assert found["low_prec_dur"] == pytest.approx(6 / 3)
    assert found["frac_snow"] == pytest.approx(
        1.5 / 20
    )  # a day of 1 degC is none of snow
    assert found["t_mean"] == pytest.approx(1.95)


def test_run_lengths_equal_a_loop():
    flags = np.random.default_rng(1).random((500, 7)) < 0.4
    for flag, found in zip(flags.T, run_length(flags), strict=True):
        runs, current = [], 0
        for day in [*flag, False]:
            if day:
                current += 1
            elif current:
                runs.append(current)
                current = 0
        assert found == pytest.approx(np.mean(runs))
    assert run_length(np.zeros((5, 1), dtype=bool)) == [0.0]


@pytest.mark.parametrize(
    ("phase", "expected"), [(0, 0.6), (182.625, -0.6), (91.3125, 0)]
)
def test_seasonality_is_the_amplitude_in_phase_with_temperature(phase, expected):
    day = np.arange(1461)
    temperature = 8 + 12 * np.sin(2 * np.pi * (day - 110) / 365.25)
    anomaly = 0.6 * np.sin(2 * np.pi * (day - 110 - phase) / 365.25)
    found = seasonality(anomaly[:, None], temperature[:, None], day)
    assert found == pytest.approx(expected, abs=1e-3)


def test_basin_without_rain_is_refused():
    with pytest.raises(
        DataError, match="precipitation is zero on all days in 1 basins"
    ):
        indices([0.0] * 10)


def test_evaporation_is_that_of_hargreaves(make_data):
    data = make_data(basins=1, days=365)
    found = portable(data)["pet_mean"].item()
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
    assert found == pytest.approx(total / 365, rel=1e-3)


def test_period_is_that_of_the_statistics(make_data):
    data = make_data(days=1461)
    found = portable(data, ("2002-01-01", "2002-12-31"))
    year = data.forcing["precipitation"][365:730]
    np.testing.assert_allclose(found["p_mean"], year.mean(axis=0), rtol=1e-6)


def test_only_known_topography_is_returned(make_data):
    found = portable(make_data())
    assert found.keys() - set(PORTABLE_ATTRIBUTES) == {"latitude"}
    assert set(PORTABLE_ATTRIBUTES) - found.keys() == {"slope_mean"}


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
    found, published = computed["pet_mean"], camels.attributes["pet_mean"]
    assert np.corrcoef(found, published)[0, 1] > 0.6
    assert np.median(found / published) == pytest.approx(1.0, abs=0.15)
    assert np.corrcoef(computed["aridity"], camels.attributes["aridity"])[0, 1] > 0.9
