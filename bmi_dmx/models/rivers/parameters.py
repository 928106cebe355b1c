"""Parameters of reaches, for the geometries of their channels."""

from __future__ import annotations

from dataclasses import replace

from ...variables import Parameter

__all__ = ["LENGTH", "SLOPE", "X", "channel"]

LENGTH = Parameter(
    name="length", symbol="L", units="m", bounds=(0.1, 1e6), per="place",
    source="attribute", about="length of the reach",
)  # fmt: skip
SLOPE = Parameter(
    name="slope", symbol="S", bounds=(0.0, 10.0), per="place", source="attribute",
    about="slope of the bed",
)  # fmt: skip
_MANNING = Parameter(
    name="manning", symbol="n", units="s m-1/3", bounds=(0.015, 0.25),
    about="roughness by Manning",
)  # fmt: skip
_EXPONENT = Parameter(
    name="width_exponent", symbol="q", bounds=(0.0, 1.0),
    about="exponent of the width over depth: 0 of a rectangle, 1 of a triangle",
)  # fmt: skip
_COEFFICIENT = Parameter(
    name="width_coefficient", symbol="p", units="m", bounds=(1.0, 200.0),
    spacing="log", default=21.0, about="width where the depth is 1 m",
)  # fmt: skip
_TOP_WIDTH = Parameter(
    name="top_width", symbol="T", units="m", bounds=(1.0, 5000.0), spacing="log",
    about="width of the water surface",
)  # fmt: skip
_SIDE_SLOPE = Parameter(
    name="side_slope", symbol="z", bounds=(0.5, 50.0), spacing="log",
    about="side slope of the channel, horizontal per vertical",
)  # fmt: skip
_COMPOUND = (
    Parameter(
        name="manning", symbol="n", units="s m-1/3", bounds=(0.005, 1.0), per="place",
        source="attribute", about="roughness of the channel by Manning",
    ),
    Parameter(
        name="floodplain_manning", symbol="nCC", units="s m-1/3", bounds=(0.005, 1.0),
        per="place", source="attribute", about="roughness of the flood plain",
    ),
    Parameter(
        name="bottom_width", symbol="b", units="m", bounds=(0.01, 1e4), per="place",
        source="attribute", about="width of the bed",
    ),
    Parameter(
        name="top_width", symbol="TB", units="m", bounds=(0.01, 1e4), per="place",
        source="attribute", about="width of the channel at its banks",
    ),
    Parameter(
        name="floodplain_width", symbol="TCC", units="m", bounds=(0.01, 1e5),
        per="place", source="attribute", about="width of the flood plain",
    ),
    Parameter(
        name="side_slope", symbol="z", bounds=(0.01, 100.0), per="place",
        source="attribute", about="slope of the banks, horizontal per vertical",
    ),
)  # fmt: skip

_WEIGHT = Parameter(
    name="musk_x", symbol="X", bounds=(0.0, 0.5),
    about="weight of the inflow in what is stored",
)  # fmt: skip
X = {
    "given": replace(_WEIGHT, per="place", source="attribute"),
    "learned": _WEIGHT,
}
"""The weight of the inflow, where it is a parameter."""


def channel(geometry: str) -> tuple[Parameter, ...]:
    """Return the parameters of the channel of a reach.

    Parameters
    ----------
    geometry : {"power_law", "given", "compound"}
        As of the options.
    """
    if geometry == "compound":
        return (*_COMPOUND, LENGTH, SLOPE)
    section = (_TOP_WIDTH, _SIDE_SLOPE) if geometry == "given" else ()
    return (_MANNING, _EXPONENT, _COEFFICIENT, *section, LENGTH, SLOPE)
