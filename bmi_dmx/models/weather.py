"""What the weather gives to processes of any domain, each forcing declared once.

What is absurd in operation, and what betrays wrong units in data to train with, are
their bounds.
"""

from __future__ import annotations

from ..variables import Forcing

__all__ = [
    "AIR_PRESSURE",
    "AIR_TEMPERATURE",
    "LONGWAVE_RADIATION",
    "SHORTWAVE_RADIATION",
    "SPECIFIC_HUMIDITY",
    "WIND_X",
    "WIND_Y",
]

AIR_TEMPERATURE = Forcing(
    name="air_temperature", symbol="T", units="degC", bounds=(-90.0, 60.0),
    about="mean air temperature near the ground",
    standard_name="land_surface_air__temperature",
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
