"""The forcings that hydrological processes share, each declared once.

What is absurd in operation, and what betrays wrong units in data to train with, are
their bounds.
"""

from __future__ import annotations

from ...variables import Forcing, Table

__all__ = [
    "AIR_PRESSURE",
    "AIR_TEMPERATURE",
    "AIR_TEMPERATURE_MAX",
    "AIR_TEMPERATURE_MIN",
    "CALENDAR",
    "DAY_OF_YEAR",
    "EXTREMES",
    "FORCINGS",
    "LONGWAVE_RADIATION",
    "POTENTIAL_EVAPORATION",
    "PRECIPITATION",
    "SHORTENING",
    "SHORTWAVE_RADIATION",
    "SPECIFIC_HUMIDITY",
    "WIND_X",
    "WIND_Y",
]

PRECIPITATION = Forcing(
    name="precipitation", symbol="P", units="mm d-1", per_step="rate",
    about="rain and snow", bounds=(0.0, 3000.0),
    standard_name="atmosphere_water__liquid_equivalent_precipitation_rate",
)  # fmt: skip
AIR_TEMPERATURE = Forcing(
    name="air_temperature", symbol="T", units="degC", bounds=(-90.0, 60.0),
    about="mean air temperature near the ground",
    standard_name="land_surface_air__temperature",
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
SPECIFIC_HUMIDITY = Forcing(
    name="specific_humidity", symbol="q", units="kg kg-1", bounds=(0.0, 0.1),
    about="water vapour in the air by mass",
    # What hosts hand over under this name is the specific humidity.
    standard_name="atmosphere_air_water~vapor__relative_saturation",
)  # fmt: skip
LONGWAVE_RADIATION = Forcing(
    name="longwave_radiation", symbol="L", units="W m-2", bounds=(0.0, 1000.0),
    about="longwave radiation from the sky",
    standard_name="land_surface_radiation~incoming~longwave__energy_flux",
)  # fmt: skip
SHORTWAVE_RADIATION = Forcing(
    name="shortwave_radiation", symbol="S", units="W m-2", bounds=(0.0, 1700.0),
    about="shortwave radiation from sun and sky",
    standard_name="land_surface_radiation~incoming~shortwave__energy_flux",
)  # fmt: skip
AIR_PRESSURE = Forcing(
    name="air_pressure", symbol="p", units="Pa", bounds=(20000.0, 115000.0),
    about="air pressure at the ground", standard_name="land_surface_air__pressure",
)  # fmt: skip
WIND_X = Forcing(
    name="wind_x", symbol="u", units="m s-1", bounds=(-150.0, 150.0),
    about="wind to the east at 10 m",
    standard_name="land_surface_wind__x_component_of_velocity",
)  # fmt: skip
WIND_Y = Forcing(
    name="wind_y", symbol="v", units="m s-1", bounds=(-150.0, 150.0),
    about="wind to the north at 10 m",
    standard_name="land_surface_wind__y_component_of_velocity",
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

EXTREMES = {f.name: f.extreme for f in (AIR_TEMPERATURE_MIN, AIR_TEMPERATURE_MAX)}
"""Forcings that are the extremes of another within a day, and of which."""
