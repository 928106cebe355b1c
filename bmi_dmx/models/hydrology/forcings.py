"""The forcings that hydrological processes share, each declared once."""

from __future__ import annotations

from ...variables import Forcing

__all__ = [
    "AIR_TEMPERATURE",
    "AIR_TEMPERATURE_MAX",
    "AIR_TEMPERATURE_MIN",
    "DAY_OF_YEAR",
    "POTENTIAL_EVAPORATION",
    "PRECIPITATION",
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
    standard_name="land_surface_air__daily_min_of_temperature",
)  # fmt: skip
AIR_TEMPERATURE_MAX = Forcing(
    name="air_temperature_max", symbol="Tmax", units="degC", bounds=(-90.0, 60.0),
    about="highest air temperature of the day",
    standard_name="land_surface_air__daily_max_of_temperature",
)  # fmt: skip
POTENTIAL_EVAPORATION = Forcing(
    name="potential_evaporation", symbol="E", units="mm d-1", per_step="rate",
    about="potential evapotranspiration", bounds=(0.0, 100.0),
    standard_name="land_surface_water_evapotranspiration__potential_volume_flux",
)  # fmt: skip
DAY_OF_YEAR = Forcing(
    name="day_of_year", symbol="J", bounds=(1.0, 366.0),
    about="day of the year, from the clock",
)  # fmt: skip
