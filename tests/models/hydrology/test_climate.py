"""Climate indices, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.models.hydrology.climate import (
    climate_indices,
    day_of_year,
    run_length,
    seasonality,
)

DAYS = np.arange(1, 366)


def indices(rain, temperature=None, evaporation=2.0):
    rain = np.array(rain, dtype=np.float32)[:, None]
    warm = np.full_like(rain, 10.0) if temperature is None else temperature
    warm = np.array(warm, dtype=np.float32).reshape(rain.shape)
    pet = np.full_like(rain, evaporation)
    climate = climate_indices(rain, warm, pet, DAYS[: rain.size])
    return {name: value.item() for name, value in climate.items()}


def test_indices_of_ten_days_counted_by_hand():
    # mean 2; high from 10; dry below 1: days 2-4, 6, 8-10 (runs of 3, 1 and 3).
    climate = indices(
        [7, 0, 0, 0.5, 10, 0, 1.5, 0, 0, 1], [2, 0, 0, 1, 1.5, 9, -3, 0, 0, 9]
    )
    assert climate["p_mean"] == pytest.approx(2.0)
    assert climate["aridity"] == pytest.approx(1.0)
    assert climate["high_prec_freq"] == pytest.approx(0.1 * 365.25)
    assert climate["high_prec_dur"] == 1.0
    assert climate["low_prec_freq"] == pytest.approx(0.6 * 365.25)
    assert climate["low_prec_dur"] == pytest.approx(6 / 3)
    assert climate["frac_snow"] == pytest.approx(
        1.5 / 20
    )  # a day of 1 degC is none of snow
    assert climate["t_mean"] == pytest.approx(1.95)


def test_years_begin_with_day_1_and_leap_years_have_366():
    dates = ["1999-12-31", "2000-01-01T23", "2000-12-31", "2001-03-01"]
    assert day_of_year(np.array(dates, "datetime64[h]")).tolist() == [365, 1, 366, 60]


def test_run_lengths_equal_a_loop():
    flags = np.random.default_rng(1).random((500, 7)) < 0.4
    for flag, length in zip(flags.T, run_length(flags), strict=True):
        runs, current = [], 0
        for day in [*flag, False]:
            if day:
                current += 1
            elif current:
                runs.append(current)
                current = 0
        assert length == pytest.approx(np.mean(runs))
    assert run_length(np.zeros((5, 1), dtype=bool)) == [0.0]


@pytest.mark.parametrize(
    ("phase", "expected"), [(0, 0.6), (182.625, -0.6), (91.3125, 0)]
)
def test_seasonality_is_the_amplitude_in_phase_with_temperature(phase, expected):
    day = np.arange(1461)
    temperature = 8 + 12 * np.sin(2 * np.pi * (day - 110) / 365.25)
    anomaly = 0.6 * np.sin(2 * np.pi * (day - 110 - phase) / 365.25)
    amplitude = seasonality(anomaly[:, None], temperature[:, None], day)
    assert amplitude == pytest.approx(expected, abs=1e-3)


def test_basin_without_rain_is_refused():
    with pytest.raises(
        DataError, match="precipitation is zero on all days in 1 basins"
    ):
        indices([0.0] * 10)
