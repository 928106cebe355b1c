"""What a column of the ocean declares, which depends on its levels and its surface."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ...process import Budget
from ...variables import Flux, Forcing, Parameter, State
from .column_correction import correction_parameters
from .declarations import FORCINGS

__all__ = [
    "BUDGETS",
    "FLUXES",
    "Surface",
    "column_forcings",
    "column_parameters",
    "column_physics",
    "column_states",
    "numbered",
]

Surface = Literal["fluxes", "weather"]

_DAY_OF_YEAR = Forcing(
    name="day_of_year", symbol="t", units="d", source="clock", bounds=(1.0, 366.0),
    about="day of the year",
)  # fmt: skip

_WEATHER = (
    Forcing(
        name="wind_x", symbol="u10", units="m s-1", bounds=(-100.0, 100.0),
        standard_name="sea_surface_air_flowing__x_component_of_velocity",
        about="wind to the east at 10 m",
    ),
    Forcing(
        name="wind_y", symbol="v10", units="m s-1", bounds=(-100.0, 100.0),
        standard_name="sea_surface_air_flowing__y_component_of_velocity",
        about="wind to the north at 10 m",
    ),
    Forcing(
        name="air_temperature", symbol="Ta", units="K", bounds=(180.0, 330.0),
        standard_name="sea_surface_air__temperature",
        about="air temperature above the water",
    ),
    Forcing(
        name="dew_point", symbol="Td", units="K", bounds=(180.0, 310.0),
        standard_name="sea_surface_air__dew_point_temperature",
        about="temperature at which the air would be saturated",
    ),
    Forcing(
        name="air_pressure", symbol="p", units="Pa", bounds=(85000.0, 110000.0),
        standard_name="sea_surface_air__pressure", about="air pressure at the surface",
    ),
    Forcing(
        name="cloud_cover", symbol="C", units="1", bounds=(0.0, 1.0),
        about="share of the sky that is clouded",
    ),
    _DAY_OF_YEAR,
)  # fmt: skip

_FLUXES = tuple(
    replace(forcing, at="cell")
    for name in ("wind", "heat", "light")
    for forcing in FORCINGS[name]
)


def column_forcings(
    surface: Surface, drawn: bool = False, carried: bool = False
) -> tuple[Forcing, ...]:
    """Return what works on the surface, what it is drawn to, and the season."""
    target = FORCINGS["targets"][:1] if drawn else ()
    if surface == "weather":
        return (*_WEATHER, *target)
    return (*_FLUXES, *target, *((_DAY_OF_YEAR,) if carried else ()))


def numbered(name: str, levels: int) -> tuple[str, ...]:
    """Return the names of a quantity by level, from the surface down."""
    return tuple(f"{name}_{k}" for k in range(1, levels + 1))


_PROFILES = (
    ("temperature", "T", "degC", (-10.0, 45.0), 10.0, "potential temperature"),
    ("salinity", "S", "1e-3", (0.0, 50.0), 35.0, "salinity"),
    ("x_velocity", "u", "m s-1", (-5.0, 5.0), 0.0, "eastward velocity"),
    ("y_velocity", "v", "m s-1", (-5.0, 5.0), 0.0, "northward velocity"),
)


def column_states(thickness: tuple[float, ...]) -> tuple[State, ...]:
    """Return temperature, salinity and currents, one of each for every level."""
    return tuple(
        State(
            name=f"{name}_{k}", symbol=f"{symbol}{k}", units=units, bounds=bounds,
            initial=initial,
            about=f"{about} at {sum(thickness[:k]) - 0.5 * thickness[k - 1]:g} m",
        )
        for name, symbol, units, bounds, initial, about in _PROFILES
        for k in range(1, len(thickness) + 1)
    )  # fmt: skip


MIXING = (
    Parameter(
        name="shear_viscosity", symbol="ν0", units="m2 s-1", bounds=(5e-4, 5e-2),
        default=5e-3, spacing="log",
        about="eddy viscosity by shear where nothing is stratified",
    ),
    Parameter(
        name="wind_mixing", symbol="c", units="1", bounds=(4e-3, 0.4), default=0.04,
        spacing="log", about="eddy viscosity by u* times depth near the surface",
    ),
    Parameter(
        name="wind_reach", symbol="b", units="1", bounds=(0.1, 1.6), default=0.4,
        spacing="log", about="depth by u*/f to which wind stirs",
    ),
    Parameter(
        name="damping_by_stability", symbol="α", units="1", bounds=(0.5, 50.0),
        default=5.0, spacing="log", about="how fast mixing fades with Ri",
    ),
    Parameter(
        name="background_diffusivity", symbol="κb", units="m2 s-1",
        bounds=(1e-7, 1e-4), default=3e-6, spacing="log",
        about="diffusivity of heat and salt wherever nothing else mixes",
    ),
    Parameter(
        name="background_viscosity", symbol="νb", units="m2 s-1", bounds=(1e-6, 1e-1),
        default=1e-4, spacing="log",
        about="viscosity wherever nothing else mixes",
    ),
    Parameter(
        name="convection", symbol="Kc", units="m2 s-1", bounds=(1e-2, 1.0),
        default=0.1, spacing="log",
        about="diffusivity where water lies on lighter water",
    ),
    Parameter(
        name="red_share", symbol="R", units="1", bounds=(0.3, 0.85), default=0.58,
        about="share of light that is taken up near the surface",
    ),
    Parameter(
        name="red_depth", symbol="ζ1", units="m", bounds=(0.2, 3.0), default=0.8,
        spacing="log", about="depth in which that share fades to 1/e",
    ),
    Parameter(
        name="blue_depth", symbol="ζ2", units="m", bounds=(5.0, 40.0), default=14.0,
        spacing="log", about="depth in which the rest of light fades to 1/e",
    ),
    Parameter(
        name="current_loss", symbol="r", units="s-1", bounds=(1e-7, 1e-4),
        default=3e-6, spacing="log",
        about="rate at which currents fade, as waves carry them away",
    ),
    Parameter(
        name="heat_from_aside", symbol="Qa", units="W m-2", bounds=(-60.0, 60.0),
        default=0.0, about="heat that currents bring to the uppermost level",
    ),
)  # fmt: skip
"""Of the water."""

BULK = (
    Parameter(
        name="heat_transfer", symbol="Ce", units="1", bounds=(6e-4, 2.4e-3),
        default=1.2e-3, spacing="log",
        about="transfer coefficient of heat and vapour",
    ),
    Parameter(
        name="wind_factor", symbol="w", units="1", bounds=(0.7, 1.3), default=1.0,
        about="wind over the water by wind as given",
    ),
    Parameter(
        name="clear_light", symbol="A", units="1", bounds=(0.5, 0.9), default=0.7,
        about="share of light from the sun that a clear sky lets through",
    ),
    Parameter(
        name="cloud_shade", symbol="a", units="1", bounds=(0.3, 0.9), default=0.6,
        about="share of light that a clouded sky holds back",
    ),
    Parameter(
        name="cloud_warmth", symbol="b", units="1", bounds=(0.3, 0.9), default=0.6,
        about="share of what a clear sky lets escape of heat that clouds hold back",
    ),
)  # fmt: skip
"""Of the air above it."""

FEEDBACK = (
    Parameter(
        name="heat_feedback", symbol="λ", units="W m-2 K-1", bounds=(0.0, 60.0),
        default=20.0,
        about="heat that comes from around by each kelvin that the surface is too cold",
    ),
)  # fmt: skip
"""Of what is around, where the surface is drawn to a temperature."""


def _seasons(
    name: str, symbol: str, units: str, most: float, about: str, waves: tuple[str, ...]
) -> tuple[Parameter, ...]:
    """Return amplitudes of waves of the year, as many as are named."""
    return tuple(
        Parameter(
            name=f"{name}_{wave}" if wave else name,
            symbol=f"{symbol}{wave}", units=units, bounds=(-most, most), default=0.0,
            about=f"{about}: {_WAVES[wave]}",
        )
        for wave in waves
    )  # fmt: skip


_WAVES = {
    "": "mean of the year",
    "cos": "cosine of the year, largest on 1 January",
    "sin": "sine of the year",
    "cos2": "cosine of half a year",
    "sin2": "sine of half a year",
}

AROUND = (
    *_seasons(
        "gradient_x", "Tx", "K m-1", 1e-5,
        "by what the water around is warmer to the east", ("", "cos", "sin"),
    ),
    *_seasons(
        "gradient_y", "Ty", "K m-1", 1e-5,
        "by what the water around is warmer to the north", ("", "cos", "sin"),
    ),
    *_seasons(
        "heat_from_aside", "Qa", "W m-2", 60.0,
        "heat that currents bring to the uppermost level",
        ("cos", "sin", "cos2", "sin2"),
    ),
)  # fmt: skip
"""Of what is around, where wind carries water in from there."""

SETTINGS = (
    Parameter(
        name="latitude", symbol="φ", units="degree", bounds=(-90.0, 90.0),
        per="place", source="attribute", about="latitude",
    ),
)  # fmt: skip
"""Known of a place."""


def column_physics(
    surface: Surface, drawn: bool, carried: bool
) -> tuple[Parameter, ...]:
    """Return the constants of physics."""
    bulk = BULK if surface == "weather" else ()
    around = (*(FEEDBACK if drawn else ()), *(AROUND if carried else ()))
    return (*MIXING, *bulk, *around)


def column_parameters(
    surface: Surface, drawn: bool, carried: bool, hidden: int
) -> tuple[Parameter, ...]:
    """Return physics, the weights of the correction, and what is known of a place."""
    weights = correction_parameters(hidden) if hidden else ()
    return (*column_physics(surface, drawn, carried), *weights, *SETTINGS)


FLUXES = (
    Flux(
        name="heat_entering", symbol="+H", units="J m-2", per_step="amount",
        about="heat that enters through the surface, light included",
    ),
    Flux(
        name="heat_brought", symbol="+A", units="J m-2", per_step="amount",
        about="heat that comes from around",
    ),
    Flux(
        name="heat_gained", symbol="ΔH", units="J m-2", per_step="amount",
        about="heat that the column holds more than before",
    ),
    Flux(
        name="salt_gained", symbol="ΔM", units="kg m-2", per_step="amount",
        about="salt that the column holds more than before; none but for rounding",
    ),
    Flux(
        name="surface_temperature", symbol="T1", units="degC",
        standard_name="sea_surface_water__temperature",
        about="temperature of the uppermost level",
    ),
    Flux(
        name="latent_heat", symbol="Ql", units="W m-2",
        standard_name="sea_surface_water__net_latent_heat_energy_flux",
        about="latent heat into the water; 0 where fluxes are given",
    ),
    Flux(
        name="sensible_heat", symbol="Qs", units="W m-2",
        standard_name="sea_surface_water__net_sensible_heat_energy_flux",
        about="sensible heat into the water; 0 where fluxes are given",
    ),
    Flux(
        name="mixed_depth", symbol="h", units="m",
        about="depth to which water is no colder than the surface by 0.2 K",
    ),
)  # fmt: skip

BUDGETS = (
    Budget(
        ("heat_entering", "heat_brought"), ("heat_gained",), (),
        name="heat", units="J m-2",
    ),
)  # fmt: skip
"""Nothing passes the bottom."""
