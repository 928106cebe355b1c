"""What others call the quantities of rivers."""

from __future__ import annotations

from ...operate.system import FileName

__all__ = ["ALIASES", "FILES"]

ALIASES = {
    "dx": "length",
    "s0": "slope",
    "n": "manning",
    "ncc": "floodplain_manning",
    "bw": "bottom_width",
    "tw": "top_width",
    "twcc": "floodplain_width",
    "musx": "musk_x",
    "usgs_gage_observation__volume_flow_rate": "observed_discharge",
    "channel_water_surface__width": "width",
    "channel_water__volume": "volume",
}
"""Names that t-route and the CSDMS have for them, and the short ones here."""

FILES = (
    FileName("lateral_inflow", ("q_lateral", "Qr", "q_prime"), "m3 s-1"),
)  # fmt: skip
"""Names of lateral inflow in files, and the units of files that give none."""
