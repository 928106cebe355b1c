"""Names, units and ways of starting of models of rainfall and runoff."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...bundle import Bundle
from ...compose.part import Part
from ...errors import ConfigError
from ...operate.system import System
from ...program import Program
from ..weather import AIR_TEMPERATURE
from .climate import AREA, CLIMATE, LATITUDE, LONGITUDE, TOPOGRAPHY
from .equilibrium import equilibrium
from .forcings import (
    AIR_TEMPERATURE_MAX,
    AIR_TEMPERATURE_MIN,
    SHORTENING,
    SLACK,
)
from .names import DENSITY, FILES, USUAL
from .roles import EVAPORATION, players
from .shipped_processes import shipped
from .state_1 import FORMAT, from_state_1
from .transit import handover

__all__ = [
    "EVAPORATIONS",
    "HYDROLOGY",
    "PLACES",
    "STEPS",
    "evaporation_remark",
    "refuse_several",
    "trained_evaporation",
]

EVAPORATIONS = ("oudin", "hargreaves", "priestley_taylor", "penman_monteith", "given")
"""Where potential evaporation may come from, whatever a bundle was trained with."""

STEPS = {"daily": 86400.0, "hourly": 3600.0}
"""Words for lengths of steps, in seconds."""

PLACES = (AREA, LATITUDE, LONGITUDE)
"""Attributes that every component understands, whatever its model."""

_POSSIBLE = {(a.name, a.units): a.bounds for a in (*CLIMATE, *TOPOGRAPHY, *PLACES)}
"""What occurs on Earth, for models that say nothing of it."""


def trained_evaporation(bundle: Bundle) -> str:
    """Return the formula a bundle was trained with, ``given`` where it has none.

    Of several models that run as one, and differ in it, all are named.
    """
    names = players(bundle.parts, EVAPORATION)
    model = bundle.manifest.model
    if names and "parts" not in model:
        return str(model.get("evaporation"))
    formulas = [str(model["parts"][name].get("process")) for name in names]
    return " and ".join(dict.fromkeys(formulas)) or "given"


def evaporation_remark(bundle: Bundle, choice: str | None) -> str:
    """Return in words where potential evaporation comes from.

    Parameters
    ----------
    bundle : Bundle
        The model.
    choice : str, optional
        One of :data:`EVAPORATIONS`; None or ``bundle`` where nothing was chosen.
    """
    trained = trained_evaporation(bundle)
    if choice in (None, "bundle", trained):
        return f"potential evaporation is {trained!r}, as the bundle was trained"
    return (
        f"potential evaporation is {choice!r}, as was chosen; the bundle was trained"
        f" with {trained!r}, whose bias its parameters make up for"
    )


def _exchanged(
    bundle: Bundle, seconds: float, choices: Mapping[str, str]
) -> tuple[Sequence[Part], Mapping[str, Program]]:
    """Return the parts of a bundle with the evaporation that was chosen."""
    name = choices.get("evaporation", "bundle")
    if name == "bundle":
        return bundle.parts, {}
    refuse_several(bundle.parts)
    if name == trained_evaporation(bundle):
        return bundle.parts, {}
    others = [p for p in bundle.parts if p.name != EVAPORATION]
    if name == "given":
        return others, {}
    first = next(k for k, part in enumerate(others) if part.every != "once")
    formula = shipped(name)
    part = formula.part("evaporation", seconds)
    return [*others[:first], part, *others[first:]], formula.named("evaporation")


def refuse_several(parts: Iterable[Part]) -> None:
    """Refuse to choose where several models have evaporations of their own.

    Raises
    ------
    ConfigError
        They have.
    """
    several = [name for name in players(parts, EVAPORATION) if name != EVAPORATION]
    if several:
        raise ConfigError(
            f"{EVAPORATION}: cannot be chosen where models that run as one have their "
            f"own, {', '.join(several)}; expected 'bundle'"
        )


HYDROLOGY = System(
    name="hydrology",
    units={
        # As declared, and as hosts that step hours do.
        "model": {},
        "ngen": {"mm d-1": ("mm h-1", 1.0 / 24.0), "mm": ("m", 1e-3)},
    },
    fixed={"runoff_depth": ("m", 1e-3)},
    # Where hosts look for another name than the standard has.
    names={
        "potential_evaporation": (
            "land_surface_water__potential_evaporation_volume_flux"
        ),
        # Also where extremes of it are read alone, which are found in it.
        AIR_TEMPERATURE.name: AIR_TEMPERATURE.standard_name,
    },
    aliases={
        "areasqkm": "area_km2",
        "area_sqkm": "area_km2",
        "lat": "latitude",
        "lon": "longitude",
        "water_potential_evaporation_flux": "potential_evaporation",
    },
    files=FILES,
    extremes=(AIR_TEMPERATURE_MIN, AIR_TEMPERATURE_MAX),
    usual=USUAL,
    density=DENSITY,
    attributes=(*CLIMATE, *PLACES),
    possible=_POSSIBLE,
    conserved={"water": "mass"},
    capacities={"soil_moisture": ("fc",), "meltwater": ("cwh", "snowpack")},
    older_states={FORMAT: from_state_1},
    starts={"equilibrium": equilibrium},
    handover=handover,
    exchanged=_exchanged,
    choices={"evaporation": EVAPORATIONS},
    steps=STEPS,
    shortening=SHORTENING,
    slack=SLACK,
)
"""The system of bundles of rainfall and runoff."""
