"""What processes of snow give to those of rainfall and runoff, declared once."""

from __future__ import annotations

from ...variables import Flux

__all__ = ["MELT", "OUTFLOW", "SNOWFALL", "SNOW_WATER_EQUIVALENT"]

OUTFLOW = Flux(
    name="snow_outflow", symbol="INF", units="mm d-1", per_step="rate",
    about="rain and melt water that reach the ground",
)  # fmt: skip
SNOWFALL = Flux(
    name="snowfall", symbol="PS", units="mm d-1", per_step="rate",
    about="precipitation falling as snow",
)  # fmt: skip
MELT = Flux(
    name="melt", symbol="M", units="mm d-1", per_step="rate",
    about="melting of the snow pack", standard_name="snowpack_meltwater__volume_flux",
)  # fmt: skip
SNOW_WATER_EQUIVALENT = Flux(
    name="snow_water_equivalent", symbol="SWE", units="mm",
    about="frozen and liquid water of the snow pack",
    standard_name="snowpack__leq_depth",
)  # fmt: skip
