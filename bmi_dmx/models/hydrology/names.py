"""What files call the forcings of rainfall and runoff, and in which units."""

from __future__ import annotations

from ...data.plausibility import UsualMeans
from ...operate.system import FileName

__all__ = ["DENSITY", "FILES", "NEXTGEN", "USUAL", "usual_names"]

DENSITY = "1000 kg m-3"
"""Of water: fluxes of CF files are masses, and 1 kg m-2 is 1 mm."""

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
    FileName("potential_evaporation", ("pet", "PET", "evspsblpot"), "mm d-1"),
)  # fmt: skip
"""Names in files by forcing, and the units of files that give none (UDUNITS)."""

USUAL = {
    "precipitation": UsualMeans(
        0.02, 40.0, "mm d-1",
        ("m s-1", "mm s-1", "mm h-1", "mm d-1", "m h-1", "m d-1", "inch h-1"),
        30 * 86400.0, summed=True,
    ),
    "air_temperature": UsualMeans(-45.0, 40.0, "degC", ("degC", "degF", "K")),
    "air_temperature_min": UsualMeans(-50.0, 35.0, "degC", ("degC", "degF", "K")),
    "air_temperature_max": UsualMeans(-40.0, 50.0, "degC", ("degC", "degF", "K")),
    "potential_evaporation": UsualMeans(
        0.05, 15.0, "mm d-1", ("m s-1", "mm s-1", "m d-1")
    ),
    "specific_humidity": UsualMeans(1e-5, 0.03, "kg kg-1", ("g kg-1", "kg kg-1")),
    "longwave_radiation": UsualMeans(60.0, 500.0, "W m-2"),
    "shortwave_radiation": UsualMeans(5.0, 450.0, "W m-2"),
    "air_pressure": UsualMeans(4e4, 1.1e5, "Pa", ("hPa", "kPa", "Pa")),
}  # fmt: skip
"""What means over some time are on Earth, and in which other units files hold them."""


def usual_names(variable: str) -> tuple[str, ...]:
    """Return what files call a forcing, its own name first."""
    others = (entry.names for entry in FILES if entry.variable == variable)
    return (variable, *(name for names in others for name in names))
