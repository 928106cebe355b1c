"""The forcings that hydrological processes share, each declared once."""

from __future__ import annotations

from ...variables import Forcing, Table
from ..weather import (
    AIR_PRESSURE,
    AIR_TEMPERATURE,
    LONGWAVE_RADIATION,
    SHORTWAVE_RADIATION,
    SPECIFIC_HUMIDITY,
    WIND_X,
    WIND_Y,
)

__all__ = [
    "AIR_TEMPERATURE_MAX",
    "AIR_TEMPERATURE_MIN",
    "CALENDAR",
    "DAY_OF_YEAR",
    "EXTREMES",
    "FORCINGS",
    "POTENTIAL_EVAPORATION",
    "PRECIPITATION",
    "SHORTENING",
    "SLACK",
]

PRECIPITATION = Forcing(
    name="precipitation", symbol="P", units="mm d-1", per_step="rate",
    about="rain and snow", bounds=(0.0, 3000.0),
    standard_name="atmosphere_water__liquid_equivalent_precipitation_rate",
)  # fmt: skip
AIR_TEMPERATURE_MIN = Forcing(
    name="air_temperature_min", symbol="Tmin", units="degC", bounds=(-90.0, 60.0),
    about="lowest air temperature of the day",
    extreme=("min", "air_temperature"),
    standard_name="land_surface_air__daily_min_of_temperature",
)  # fmt: skip
AIR_TEMPERATURE_MAX = Forcing(
    name="air_temperature_max", symbol="Tmax", units="degC", bounds=(-90.0, 60.0),
    about="highest air temperature of the day",
    extreme=("max", "air_temperature"),
    standard_name="land_surface_air__daily_max_of_temperature",
)  # fmt: skip
POTENTIAL_EVAPORATION = Forcing(
    name="potential_evaporation", symbol="E", units="mm d-1", per_step="rate",
    about="potential evapotranspiration", bounds=(0.0, 100.0),
    standard_name="land_surface_water_evapotranspiration__potential_volume_flux",
)  # fmt: skip
DAY_OF_YEAR = Forcing(
    name="day_of_year", symbol="J", bounds=(1.0, 366.0),
    about="day of the year", source="clock",
)  # fmt: skip

FORCINGS = Table(
    (
        PRECIPITATION, AIR_TEMPERATURE, AIR_TEMPERATURE_MIN, AIR_TEMPERATURE_MAX,
        POTENTIAL_EVAPORATION, SPECIFIC_HUMIDITY, LONGWAVE_RADIATION,
        SHORTWAVE_RADIATION, AIR_PRESSURE, WIND_X, WIND_Y, DAY_OF_YEAR,
    ),
    what="forcing",
)  # fmt: skip
"""All of them, by name."""

SHORTENING = 0.475
"""Exponent of the most rain that falls in a time: a day's, times its share of the day
to this power (WMO 2009, Manual on Estimation of Probable Maximum Precipitation, WMO-No.
1045: the envelope of the world's records)."""

CALENDAR = frozenset({DAY_OF_YEAR.name})
"""Names of the forcings that the clock gives."""

SLACK = {POTENTIAL_EVAPORATION.name: 5.0}
"""Depths, mm d-1, below zero that count as zero: by convention dew is negative
evaporation, and what evaporates potentially is none of it."""

EXTREMES = {f.name: f.extreme for f in (AIR_TEMPERATURE_MIN, AIR_TEMPERATURE_MAX)}
"""Forcings that are the extremes of another within a day, and of which."""
