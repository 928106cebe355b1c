"""Water vapour in the air, in Pa."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["saturation_pressure", "vapour_pressure"]


def saturation_pressure(temperature: Tensor) -> Tensor:
    """Return the vapour pressure over water at a temperature in degC.

    References
    ----------
    Buck (1981), doi:10.1175/1520-0450(1981)020<1527:NEFCVP>2.0.CO;2.
    """
    return 611.21 * torch.exp(17.502 * temperature / (temperature + 240.97))


def vapour_pressure(specific_humidity: Tensor, pressure: Tensor) -> Tensor:
    """Return the vapour pressure of air of some specific humidity in kg kg-1."""
    return specific_humidity * pressure / (0.622 + 0.378 * specific_humidity)
