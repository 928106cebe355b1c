"""What files call the forcings of rainfall and runoff, and in which units."""

from __future__ import annotations

from ...operate.system import FileName

__all__ = ["FILES", "MEANS", "MISTAKEN", "NEXTGEN", "usual_names"]

NEXTGEN = (
    FileName("precipitation", ("precip_rate", "RAINRATE"), "mm s^-1"),
    FileName("air_temperature", ("TMP_2maboveground", "T2D"), "K"),
    FileName("specific_humidity", ("SPFH_2maboveground", "Q2D"), "kg kg-1"),
    FileName("longwave_radiation", ("DLWRF_surface", "LWDOWN"), "W m-2"),
    FileName("shortwave_radiation", ("DSWRF_surface", "SWDOWN"), "W m-2"),
    FileName("air_pressure", ("PRES_surface", "PSFC"), "Pa"),
    FileName("wind_x", ("UGRD_10maboveground", "U2D"), "m s-1"),
    FileName("wind_y", ("VGRD_10maboveground", "V2D"), "m s-1"),
)
"""Names in files of the NextGen preprocessors, the usual one first."""

FILES = (
    *NEXTGEN,
    FileName("precipitation", ("prcp", "pr", "total_precipitation_sum"), "mm d-1"),
    FileName("air_temperature", ("tmean", "tavg", "tas", "temperature_2m_mean"),
             "degC"),
    FileName("air_temperature_min", ("tmin", "tasmin", "temperature_2m_min"), "degC"),
    FileName("air_temperature_max", ("tmax", "tasmax", "temperature_2m_max"), "degC"),
    FileName("potential_evaporation", ("pet", "PET"), "mm d-1"),
)  # fmt: skip
"""Names in files by forcing, and the units of files that give none (UDUNITS)."""

MEANS = {
    "precipitation": (0.02, 40.0),
    "air_temperature": (-45.0, 40.0),
    "specific_humidity": (1e-5, 0.03),
    "longwave_radiation": (60.0, 500.0),
    "shortwave_radiation": (5.0, 450.0),
    "air_pressure": (4e4, 1.1e5),
}
"""What means over some time are on Earth, in declared units."""

MISTAKEN = {
    "precipitation": ("m s-1", "mm h-1", "mm d-1", "m h-1", "m d-1", "inch h-1"),
    "air_temperature": ("degC", "degF", "K"),
    "specific_humidity": ("g kg-1", "kg kg-1"),
    "air_pressure": ("hPa", "kPa", "Pa"),
}
"""In which other units files hold a forcing (UDUNITS)."""


def usual_names(variable: str) -> tuple[str, ...]:
    """Return what files call a forcing, its own name first."""
    others = (known.names for known in FILES if known.variable == variable)
    return (variable, *(name for names in others for name in names))
