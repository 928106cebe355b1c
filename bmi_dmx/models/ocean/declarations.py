"""What the primitive equations of an ocean declare."""

from __future__ import annotations

from ...process import Budget
from ...variables import At, Flux, Forcing, Parameter, State

__all__ = ["BUDGETS", "FLUXES", "FORCINGS", "PARAMETERS", "PREPARED", "STATES"]

_LEVEL = ("level",)

STATES = (
    State(
        name="u", units="m s-1", symbol="u", axes=_LEVEL, at="x_face",
        about="eastward velocity", bounds=(-5.0, 5.0),
        standard_name="sea_water_flowing__x_component_of_velocity",
    ),
    State(
        name="v", units="m s-1", symbol="v", axes=_LEVEL, at="y_face",
        about="northward velocity", bounds=(-5.0, 5.0),
        standard_name="sea_water_flowing__y_component_of_velocity",
    ),
    State(
        name="temperature", units="degC", symbol="T", axes=_LEVEL, initial=10.0,
        about="potential temperature", bounds=(-10.0, 45.0),
        standard_name="sea_water__potential_temperature",
    ),
    State(
        name="salinity", units="1e-3", symbol="S", axes=_LEVEL, initial=35.0,
        about="salinity", bounds=(0.0, 50.0),
        standard_name="sea_water__salinity",
    ),
    State(
        name="elevation", units="m", symbol="η", bounds=(-50.0, 50.0),
        about="height of the surface above its rest",
        standard_name="sea_surface__elevation",
    ),
)  # fmt: skip

FORCINGS = {
    "wind": (
        Forcing(
            name="stress_x", units="Pa", symbol="τx", at="x_face", bounds=(-10.0, 10.0),
            about="eastward stress of the wind on the water",
            standard_name="sea_surface_water__x_component_of_shear_stress",
        ),
        Forcing(
            name="stress_y", units="Pa", symbol="τy", at="y_face", bounds=(-10.0, 10.0),
            about="northward stress of the wind on the water",
            standard_name="sea_surface_water__y_component_of_shear_stress",
        ),
    ),
    "heat": (
        Forcing(
            name="heat", units="W m-2", symbol="Q", bounds=(-1500.0, 1500.0),
            about="net heat into the water, light included",
            standard_name="sea_surface_water__net_heat_energy_flux",
        ),
    ),
    "light": (
        Forcing(
            name="light", units="W m-2", symbol="I", bounds=(0.0, 1500.0),
            about="what of the heat is light that goes deeper",
            standard_name="sea_surface_radiation~incoming~shortwave__energy_flux",
        ),
    ),
    "water": (
        Forcing(
            name="fresh_water", units="kg m-2 s-1", symbol="P-E", bounds=(-0.1, 0.1),
            about="fresh water that is added, less what evaporates",
        ),
    ),
    "targets": (
        Forcing(
            name="target_temperature", units="degC", symbol="T*", bounds=(-10.0, 45.0),
            about="what the surface is drawn to",
        ),
        Forcing(
            name="target_salinity", units="1e-3", symbol="S*", bounds=(0.0, 50.0),
            about="what the surface is drawn to",
        ),
    ),
}  # fmt: skip
"""By the words with which a model says what it is forced by."""

_SPACE: tuple[tuple[str, str, At, tuple[str, ...], str, str, str], ...] = (
    ("cell_area", "area", "cell", (), "m2", "a", "area of a cell"),
    ("level_thickness", "thickness", "cell", _LEVEL, "m", "Δz", "thickness at rest"),
    ("level_depth", "depth", "cell", _LEVEL, "m", "d", "depth of the middle"),
    ("wet", "open", "cell", _LEVEL, "1", "m", "1 where there is sea"),
    ("wet_x", "open", "x_face", _LEVEL, "1", "m_U", "1 between cells of the sea"),
    ("wet_y", "open", "y_face", _LEVEL, "1", "m_V", "1 between cells of the sea"),
    ("length_x", "dx", "x_face", (), "m", "dx_U", "way from cell to cell in x"),
    ("breadth_x", "dy", "x_face", (), "m", "dy_U", "breadth of a face in x"),
    ("length_y", "dy", "y_face", (), "m", "dy_V", "way from cell to cell in y"),
    ("breadth_y", "dx", "y_face", (), "m", "dx_V", "breadth of a face in y"),
    ("corner_dx", "dx", "corner", (), "m", "dx_q", "way around a corner in x"),
    ("corner_dy", "dy", "corner", (), "m", "dy_q", "way around a corner in y"),
    ("corner_northing", "y", "corner", (), "1", "y_q", "m, or degrees on a sphere"),
    ("northing", "y", "cell", (), "1", "y", "m, or degrees on a sphere"),
)
"""Name, what of the grid it is, where it stands, axes, units, symbol, meaning."""

_STATIC = {
    "cell_area": "sea_water_grid_cell__area", "wet": "sea_water_grid_cell__mask",
}  # fmt: skip
"""Standard names of what the grid tells."""

PARAMETERS = (
    Parameter(
        name="viscosity", units="m2 s-1", symbol="A_h", axes=_LEVEL, per="place",
        bounds=(1.0, 1e7), default=1e5, spacing="log",
        about="lateral eddy viscosity; on a sphere times the cosine of the latitude",
        standard_name="sea_water__eddy_viscosity",
    ),
    Parameter(
        name="diffusivity", units="m2 s-1", symbol="K_h", axes=_LEVEL, per="place",
        bounds=(1.0, 1e5), default=1e3, spacing="log",
        about="lateral eddy diffusivity of heat and salt",
        standard_name="sea_water__horizontal_component_of_heat_diffusivity",
    ),
    Parameter(
        name="vertical_viscosity", units="m2 s-1", symbol="A_v", axes=_LEVEL,
        at="z_face", per="place", bounds=(1e-6, 1.0), default=1e-3, spacing="log",
        about="vertical eddy viscosity",
    ),
    Parameter(
        name="vertical_diffusivity", units="m2 s-1", symbol="K_v", axes=_LEVEL,
        at="z_face", per="place", bounds=(1e-7, 1.0), default=3e-5, spacing="log",
        about="vertical eddy diffusivity of heat and salt",
        standard_name="sea_water__vertical_component_of_heat_diffusivity",
    ),
    Parameter(
        name="convection", units="m2 s-1", symbol="K_c", per="place",
        bounds=(1e-3, 100.0), default=1.0, spacing="log",
        about="vertical diffusivity where water lies on lighter water",
    ),
    Parameter(
        name="drag", units="m s-1", symbol="r_b", per="place",
        bounds=(1e-6, 1e-1), default=1e-3, spacing="log",
        about="drag of the bottom by the velocity above it",
    ),
    Parameter(
        name="temperature_restoring", units="s-1", symbol="λ_T", per="place",
        bounds=(1e-10, 1e-4), default=1.929e-7, spacing="log",
        about="rate at which the surface is drawn to its target",
        standard_name="sea_surface_water__relaxation_rate_of_temperature",
    ),
    Parameter(
        name="salinity_restoring", units="s-1", symbol="λ_S", per="place",
        bounds=(1e-10, 1e-4), default=6.43e-8, spacing="log",
        about="rate at which the surface is drawn to its target",
    ),
    Parameter(
        name="cell_fraction", symbol="φ", axes=_LEVEL, per="place", default=1.0,
        bounds=(0.0, 1.0), source="attribute", spacing="free",
        about="share of a cell above the bottom",
    ),
    *(
        Parameter(
            name=name, units=units, axes=axes, at=at, per="place", source="space",
            measure=measure, symbol=symbol, about=about, bounds=(-1e15, 1e15),
            standard_name=_STATIC.get(name, ""),
        )
        for name, measure, at, axes, units, symbol, about in _SPACE
    ),
)  # fmt: skip


def _made(levels: bool, *names: str) -> tuple[Parameter, ...]:
    axes = _LEVEL if levels else ()
    bounds = (-1e30, 1e30)
    return tuple(
        Parameter(name=name, axes=axes, per="place", bounds=bounds) for name in names
    )


PREPARED = (
    *_made(
        True,
        "sea", "floor", "thickness", "per_volume", "gap", "centre",
        "thickness_x", "thickness_y",
        "open_x", "open_y", "open_corner", "per_corner", "duct_x", "duct_y",
        "per_volume_x", "per_volume_y", "half_x", "half_y",
        "per_rise", "lift_x", "lift_east", "lift_y", "lift_north",
        "shear_xx", "shear_xy", "shear_yx", "shear_yy", "wall_x", "wall_y",
        "spread_x", "spread_y", "per_gap", "mixing", "gap_x", "gap_y",
        "friction_x", "friction_y", "drag_x", "drag_y", "absorbed",
    ),
    *_made(
        False,
        "area", "per_area", "surface", "depth", "per_depth", "rotation",
        "per_length_x", "per_length_y", "circulation_x", "circulation_y",
        "per_corner_area", "per_depth_corner", "pull_x", "pull_y",
        "column_xx", "column_xy", "column_yx", "column_yy", "column_wall_x",
        "column_wall_y", "per_duct_x", "per_duct_y", "overturning",
        "restore_temperature", "restore_salinity",
    ),
)  # fmt: skip
"""What a step sees: all at cells, of faces and corners those after the cell."""

FLUXES = (
    *(
        Flux(name=f"{what}_{how}", units=units, per_step="amount", about=about,
             symbol=f"{sign}{letter}")
        for what, units, letter in (
            ("volume", "m3", "V"), ("heat", "J", "H"), ("salt", "kg", "M")
        )
        for how, sign, about in (
            ("entering", "+", "what enters the column through the surface"),
            ("gained", "Δ", "what the column holds more than before"),
        )
    ),
    Flux(
        name="courant", symbol="C",
        about="largest share of a cell that is replaced in a step",
    ),
)  # fmt: skip

BUDGETS = tuple(
    Budget((f"{what}_entering",), (f"{what}_gained",), (), name=what, units=units)
    for what, units in (("volume", "m3"), ("heat", "J"), ("salt", "kg"))
)
