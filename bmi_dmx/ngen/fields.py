"""The forcing variables that the framework knows: their names in files, and units."""

from __future__ import annotations

from dataclasses import dataclass

from ..csv_table import heading

__all__ = [
    "FIELDS",
    "PRECIPITATION",
    "RAINFALL",
    "TEMPERATURE",
    "Field",
    "canonical",
    "column",
    "usual_units",
]


@dataclass(frozen=True)
class Field:
    """One forcing variable.

    Parameters
    ----------
    name : str
        What files of the NextGen preprocessors call it.
    alias : str
        What the framework calls it; a module that asks for this needs no name map.
    units : str
        Units where the file gives none (UDUNITS).
    others : tuple of str
        What else files call it.
    """

    name: str
    alias: str
    units: str
    others: tuple[str, ...] = ()


PRECIPITATION = "atmosphere_water__liquid_equivalent_precipitation_rate"
RAINFALL = "atmosphere_water__rainfall_volume_flux"
TEMPERATURE = "land_surface_air__temperature"

FIELDS = (
    Field("precip_rate", PRECIPITATION, "mm s^-1", ("RAINRATE",)),
    Field("APCP_surface", RAINFALL, "kg m^-2"),
    Field("TMP_2maboveground", TEMPERATURE, "K", ("T2D",)),
    Field(
        "SPFH_2maboveground",
        "atmosphere_air_water~vapor__relative_saturation",
        "kg kg-1",
        ("Q2D",),
    ),
    Field(
        "DLWRF_surface",
        "land_surface_radiation~incoming~longwave__energy_flux",
        "W m-2",
        ("LWDOWN",),
    ),
    Field(
        "DSWRF_surface",
        "land_surface_radiation~incoming~shortwave__energy_flux",
        "W m-2",
        ("SWDOWN",),
    ),
    Field("PRES_surface", "land_surface_air__pressure", "Pa", ("PSFC",)),
    Field(
        "UGRD_10maboveground",
        "land_surface_wind__x_component_of_velocity",
        "m s-1",
        ("U2D",),
    ),
    Field(
        "VGRD_10maboveground",
        "land_surface_wind__y_component_of_velocity",
        "m s-1",
        ("V2D",),
    ),
)
"""The fields with names of their own; others are known by the name in the file."""

_BY_NAME = {name: field for field in FIELDS for name in (field.name, *field.others)}


def canonical(name: str) -> str:
    """Return the framework's name of a variable in a file; its own if it has none."""
    return _BY_NAME[name].alias if name in _BY_NAME else name


def usual_units(name: str) -> str:
    """Return the units of a variable in a file that gives none; empty if not known."""
    return _BY_NAME[name].units if name in _BY_NAME else ""


def column(header: str) -> tuple[str, str]:
    """Return the framework's name and the units of a column of a CSV file.

    Parameters
    ----------
    header : str
        ``name``, ``name[units]`` or ``name(units)``.

    Returns
    -------
    name, units : str
        Units as given, else those the field has, else none (an empty text).
    """
    name, given = heading(header)
    return canonical(name), given or usual_units(name)
