"""The forcings of ecosystem processes, each declared once."""

from __future__ import annotations

from ...variables import Forcing

__all__ = [
    "AIR_PRESSURE",
    "AIR_TEMPERATURE",
    "CARBON_DIOXIDE",
    "PHOTON_FLUX",
    "SPECIFIC_HUMIDITY",
    "VAPOUR_PRESSURE_DEFICIT",
    "WIND_SPEED",
]

PHOTON_FLUX = Forcing(
    name="photon_flux", symbol="Q", units="umol m-2 s-1", bounds=(0.0, 4000.0),
    about="photosynthetically active radiation that falls on the leaf",
)  # fmt: skip
AIR_TEMPERATURE = Forcing(
    name="air_temperature", symbol="T", units="degC", bounds=(-90.0, 60.0),
    about="temperature of the air, which the leaf has as well",
    standard_name="land_surface_air__temperature",
)  # fmt: skip
CARBON_DIOXIDE = Forcing(
    name="carbon_dioxide", symbol="Ca", units="umol mol-1", bounds=(10.0, 10000.0),
    about="mole fraction of carbon dioxide in the air",
)  # fmt: skip
VAPOUR_PRESSURE_DEFICIT = Forcing(
    name="vapour_pressure_deficit", symbol="D", units="Pa", bounds=(0.0, 20000.0),
    about="what the air's vapour pressure lacks to saturation at the leaf's "
    "temperature",
)  # fmt: skip
SPECIFIC_HUMIDITY = Forcing(
    name="specific_humidity", symbol="q", units="kg kg-1", bounds=(0.0, 0.1),
    about="water vapour in the air by mass",
    # What hosts hand over under this name is the specific humidity.
    standard_name="atmosphere_air_water~vapor__relative_saturation",
)  # fmt: skip
AIR_PRESSURE = Forcing(
    name="air_pressure", symbol="p", units="Pa", bounds=(20000.0, 115000.0),
    about="air pressure at the ground", standard_name="land_surface_air__pressure",
)  # fmt: skip
WIND_SPEED = Forcing(
    name="wind_speed", symbol="u", units="m s-1", bounds=(0.0, 150.0),
    about="wind speed at the leaf",
)  # fmt: skip
