"""Names and units of forcing columns."""

from __future__ import annotations

import pytest

from bmi_dmx.ngen.fields import FIELDS, canonical, column

RAIN = "atmosphere_water__liquid_equivalent_precipitation_rate"


@pytest.mark.parametrize(
    ("header", "name", "units"),
    [
        ("precip_rate", RAIN, "mm s^-1"),
        ("RAINRATE", RAIN, "mm s^-1"),
        ("precip_rate[mm h-1]", RAIN, "mm h-1"),
        ("precip_rate (kg m-2 s-1)", RAIN, "kg m-2 s-1"),
        ("APCP_surface", "atmosphere_water__rainfall_volume_flux", "kg m^-2"),
        ("T2D", "land_surface_air__temperature", "K"),
        ("TMP_2maboveground[degC]", "land_surface_air__temperature", "degC"),
        ("Q2D", "atmosphere_air_water~vapor__relative_saturation", "kg kg-1"),
        ("PSFC", "land_surface_air__pressure", "Pa"),
        ("V2D", "land_surface_wind__y_component_of_velocity", "m s-1"),
        ("own", "own", ""),
        ("own[m]", "own", "m"),
    ],
)
def test_a_heading_gives_name_and_units(header: str, name: str, units: str) -> None:
    assert column(header) == (name, units)


def test_every_field_is_known_by_its_names_in_files() -> None:
    for field in FIELDS:
        assert {canonical(n) for n in (field.name, *field.others)} == {field.alias}
