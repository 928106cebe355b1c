"""The forcing variables that the framework knows: their names in files, and units."""

from __future__ import annotations

from dataclasses import dataclass

from ..data.quantity import converts
from ..data.table import heading
from ..models.hydrology.forcings import FORCINGS
from ..models.hydrology.names import DENSITY, NEXTGEN
from ..operate.system import FileName

__all__ = [
    "FIELDS",
    "PRECIPITATION",
    "RAINFALL",
    "TEMPERATURE",
    "Field",
    "canonical",
    "column",
    "of_mass",
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


PRECIPITATION = FORCINGS["precipitation"].standard_name
RAINFALL = "atmosphere_water__rainfall_volume_flux"
TEMPERATURE = FORCINGS["air_temperature"].standard_name


def _field(entry: FileName) -> Field:
    name, *others = entry.names
    alias = FORCINGS[entry.variable].standard_name
    return Field(name, alias, entry.units, tuple(others))


FIELDS = (*map(_field, NEXTGEN), Field("APCP_surface", RAINFALL, "kg m^-2"))
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
    name, units = heading(header)
    return canonical(name), units or usual_units(name)


def of_mass(units: str, target: str) -> str:
    """Return what to do about a mass where a depth is wanted; nothing if it is none.

    UDUNITS converts no mass of water into a depth, and so the framework does not: it
    would pass the number on as it is.

    Parameters
    ----------
    units : str
        Of a file.
    target : str
        Of a module.
    """
    if converts(units, target) or not converts(units, f"({target}) ({DENSITY})"):
        return ""
    return (
        "a mass of water, which the framework does not convert: 1 kg m-2 is 1 mm, so "
        "write mm for kg m-2 in the units of the file, and leave the numbers as they "
        "are"
    )
