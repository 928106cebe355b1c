"""How fluxes of water are declared, the same in all processes of the land."""

from __future__ import annotations

from ...variables import Flux

__all__ = ["rate"]


def rate(name: str, symbol: str, about: str, standard_name: str = "") -> Flux:
    """Return a flux of water per day."""
    return Flux(
        name=name, symbol=symbol, units="mm d-1", about=about, per_step="rate",
        standard_name=standard_name,
    )  # fmt: skip
