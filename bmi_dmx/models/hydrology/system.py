"""Names, units and ways of starting of models of rainfall and runoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...bundle import Bundle
from ...compose.part import Part
from ...operate.system import System
from ...program import Program
from ...variables import Attribute
from .climate import CLIMATE
from .equilibrium import equilibrium
from .names import FILES
from .shipped import shipped

__all__ = ["AREA", "EVAPORATIONS", "HYDROLOGY", "PLACES", "STEPS"]

EVAPORATIONS = ("oudin", "hargreaves", "priestley_taylor", "penman_monteith", "given")
"""Where potential evaporation may come from, whatever a bundle was trained with."""

STEPS = {"daily": 86400.0, "hourly": 3600.0}
"""Words for lengths of steps, in seconds."""

AREA = Attribute(
    name="area_km2", units="km2", bounds=(1e-9, 1e9), about="area of the location"
)

PLACES = (
    AREA,
    Attribute(name="latitude", units="degrees_north", bounds=(-90, 90)),
    Attribute(name="longitude", units="degrees_east", bounds=(-360, 360)),
)
"""Attributes that every component understands, whatever its model."""

_POSSIBLE = {
    ("p_mean", "mm d-1"): (0.0, 50.0),
    ("pet_mean", "mm d-1"): (0.0, 50.0),
    ("aridity", "1"): (0.0, 1e4),
    ("frac_snow", "1"): (0.0, 1.0),
    ("high_prec_freq", "d yr-1"): (0.0, 366.0),
    ("low_prec_freq", "d yr-1"): (0.0, 366.0),
    ("high_prec_dur", "d"): (0.0, 1e4),
    ("low_prec_dur", "d"): (0.0, 1e4),
    ("t_mean", "degC"): (-60.0, 50.0),
    ("area_km2", "km2"): AREA.bounds,
    ("elevation_mean", "m"): (-500.0, 9000.0),
    ("slope_mean", "m km-1"): (0.0, 1e4),
}
"""What occurs on Earth, by name and units, where a model declares no bounds.

Rates for a year instead of a day, or centimetres instead of metres, are seen by it.
"""

_MOST_IN_SHORTER = 0.475
"""Exponent of the most rain that falls in a time: a day's, times its share of the day
to this power (WMO 2009, Manual on Estimation of Probable Maximum Precipitation, WMO-No.
1045: the envelope of the world's records)."""


def _exchanged(
    bundle: Bundle, seconds: float, choices: Mapping[str, str]
) -> tuple[Sequence[Part], Mapping[str, Program]]:
    """Return the parts of a bundle with the evaporation that was chosen."""
    name = choices.get("evaporation", "bundle")
    own = next((p for p in bundle.parts if p.name == "evaporation"), None)
    trained = str(bundle.manifest.model.get("evaporation", "given"))
    if name in ("bundle", trained if own is not None else "given"):
        return bundle.parts, {}
    others = [part for part in bundle.parts if part is not own]
    if name == "given":
        return others, {}
    first = next(k for k, part in enumerate(others) if part.every != "once")
    chosen = shipped(name)
    part = chosen.part("evaporation", seconds)
    return [*others[:first], part, *others[first:]], chosen.named("evaporation")


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
        )
    },
    aliases={
        "areasqkm": "area_km2",
        "area_sqkm": "area_km2",
        "lat": "latitude",
        "lon": "longitude",
        "water_potential_evaporation_flux": "potential_evaporation",
    },
    files=FILES,
    attributes=(*CLIMATE, *PLACES),
    possible=_POSSIBLE,
    conserved={"water": "mass"},
    starts={"equilibrium": equilibrium},
    exchanged=_exchanged,
    choices={"evaporation": EVAPORATIONS},
    steps=STEPS,
    shortening=_MOST_IN_SHORTER,
)
"""The system of bundles of rainfall and runoff."""
