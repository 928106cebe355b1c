"""Temperatures of a sea that is made, not measured: for demonstrations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...files import atomic

__all__ = ["COLUMNS", "DEGREES", "ROWS", "made_sea"]

ROWS, COLUMNS, DEGREES = 12, 36, 10.0
"""Cells from 60 degrees south to 60 north."""

_MONTHS, _FIRST = 480, np.datetime64("1960-01", "M")

_LEFT, _PERIOD, _FADING = 0.8, 44.0, 0.97
"""Share of anomalies left after a month; months of an oscillation, and what is left
of it after one."""

_SEED = 20


def made_sea(path: Path) -> Path:
    """Write monthly means of 40 years of a made sea as CF NetCDF.

    Anomalies fade, are carried east a little, and follow an oscillation between two
    patterns along the equator, all of it disturbed at random; two continents are land.

    Parameters
    ----------
    path : path
        The file.
    """
    import netCDF4

    y = -60.0 + DEGREES * (np.arange(ROWS) + 0.5)
    x = DEGREES * (np.arange(COLUMNS) + 0.5)
    land = _land(y[:, None], x)
    sst = np.where(land, np.nan, _usual(y) + _anomalies(y[:, None], x, ~land))
    begins = (_FIRST + np.arange(_MONTHS)).astype("datetime64[D]")
    with atomic(path) as temporary, netCDF4.Dataset(temporary, "w") as file:
        file.setncatts({
            "Conventions": "CF-1.10", "title": "A made sea: no measurement",
            "source": "bmi_dmx.models.ocean.made_sea",
        })  # fmt: skip
        for name, values in (("time", begins.astype(float)), ("lat", y), ("lon", x)):
            file.createDimension(name, len(values))
            file.createVariable(name, "f8", (name,))[:] = values
        file["time"].units = "days since 1970-01-01"
        field = file.createVariable(
            "sst", "f4", ("time", "lat", "lon"), fill_value=-99.0
        )
        field.setncatts({"units": "degC", "standard_name": "sea_surface_temperature"})
        field[:] = np.ma.masked_invalid(sst)
    return path


def _land(y: Any, x: Any) -> Any:
    """Return where two continents are, (row, column)."""
    one = (np.abs(y - 10.0) < 45.0) & (np.abs(x - 20.0) < 25.0)
    other = (np.abs(y) < 50.0) & (np.abs(x - 285.0) < 22.0 - 0.2 * np.abs(y))
    return one | other


def _usual(y: Any) -> Any:
    """Return what is usual by month, (time, row, 1), degC."""
    turn = 2.0 * np.pi * (np.arange(_MONTHS)[:, None] % 12 - 1) / 12.0
    season = -4.0 * np.sin(np.radians(y)) * np.cos(turn)
    usual: Any = (28.0 * np.cos(np.radians(y)) ** 2 + season)[..., None]
    return usual


def _anomalies(y: Any, x: Any, sea: Any) -> Any:
    """Return anomalies, (time, row, column), K."""
    rng = np.random.default_rng(_SEED)
    warm = np.exp(-((y / 12.0) ** 2) - ((x - 230.0) / 45.0) ** 2)
    before = np.exp(-((y / 18.0) ** 2) - ((x - 150.0) / 35.0) ** 2)
    angle = 2.0 * np.pi / _PERIOD
    turn = _FADING * np.array(
        [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    )
    a, c = np.zeros(sea.shape), np.zeros(2)
    anomalies = np.empty((_MONTHS, *sea.shape))
    for month in range(_MONTHS):
        c = turn @ c + rng.normal(0.0, 0.25, 2)
        drawn = rng.normal(0.0, 0.35, sea.shape)
        smooth = (drawn + np.roll(drawn, 1, 0) + np.roll(drawn, 1, 1)) / 3.0**0.5
        a = _LEFT * (0.8 * a + 0.2 * np.roll(a, 1, 1)) + smooth
        anomalies[month] = np.where(sea, a + c[0] * warm + 0.5 * c[1] * before, 0.0)
    return anomalies
