"""The forcings that ecosystem processes alone have, each declared once."""

from __future__ import annotations

from ...variables import Forcing

__all__ = [
    "CARBON_DIOXIDE",
    "PHOTON_FLUX",
    "VAPOUR_PRESSURE_DEFICIT",
    "WIND_SPEED",
]

PHOTON_FLUX = Forcing(
    name="photon_flux", symbol="Q", units="umol m-2 s-1", bounds=(0.0, 4000.0),
    about="photosynthetically active radiation that falls on the leaf",
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
WIND_SPEED = Forcing(
    name="wind_speed", symbol="u", units="m s-1", bounds=(0.0, 150.0),
    about="wind speed at the leaf",
)  # fmt: skip
