"""What is usual: leap days, ends of years, and whose years count."""

from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.trainer.tasks.fields.climatology import Climatology, day_of_year


def days(first: str, last: str) -> np.ndarray:
    return np.arange(np.datetime64(first), np.datetime64(last) + 1)


def test_days_of_march_have_one_number_in_all_years() -> None:
    leap = ("1996-02-28", "1996-02-29", "1996-03-01", "1996-12-31", "1900-03-01")
    numbers = day_of_year(np.array(leap, dtype="datetime64[D]"))
    assert numbers.tolist() == [59, 59, 60, 365, 60]
    year = day_of_year(days("1997-01-01", "1997-12-31"))
    assert year.tolist() == list(range(1, 366))


def test_harmonics_find_the_season_and_forget_the_weather() -> None:
    begins = days("1990-01-01", "1999-12-31")
    turn = 2.0 * np.pi * (day_of_year(begins) - 1) / 365.0
    season = 4.0 + 3.0 * np.cos(turn) - np.sin(2.0 * turn)
    noise = np.random.default_rng(0).normal(size=len(begins))
    usual = Climatology.fit((season + noise)[:, None], begins, "harmonics", 3)
    np.testing.assert_allclose(usual.at(begins)[:, 0], season, atol=0.12)
    new_year = usual.at(days("1995-12-31", "1996-01-01"))
    assert abs(float(new_year[1, 0] - new_year[0, 0])) < 0.1


def test_months_are_means_of_the_months() -> None:
    begins = np.arange("1990-01", "1992-01", dtype="datetime64[M]")
    values = np.arange(24.0).reshape(24, 1)
    usual = Climatology.fit(values, begins, "months")
    assert usual.at(begins)[:, 0].tolist() == [*range(6, 18), *range(6, 18)]
    with pytest.raises(DataError, match="month 12 is nowhere"):
        Climatology.fit(values[:11], begins[:11], "months")
    with pytest.raises(DataError, match="5 times are too few for 3 harmonics"):
        Climatology.fit(values[:5], begins[:5], "harmonics")
