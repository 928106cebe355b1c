"""How rates of photosynthesis depend on temperature, relative to their value at 25 °C.

Energies are in J mol-1, entropies in J mol-1 K-1, temperatures in degC.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "CARBOXYLATION_AFFINITY",
    "COMPENSATION_POINT",
    "OXYGENATION_AFFINITY",
    "acclimated_capacities",
    "arrhenius",
    "capacities",
    "doubling",
    "falling_above",
    "falling_below",
    "peaked",
]

_GAS = 8.314
_ZERO = 273.15
_REFERENCE = 25.0

CARBOXYLATION_AFFINITY = (404.9, 79430.0)
OXYGENATION_AFFINITY = (278.4, 36380.0)
COMPENSATION_POINT = (42.75, 37830.0)
"""Michaelis constants of Rubisco and compensation point without day respiration.

At 25 °C and 101325 Pa, in umol mol-1, mmol mol-1 and umol mol-1, with their energies of
activation: Bernacchi et al. (2001), doi:10.1111/j.1365-3040.2001.00668.x.
"""

# Bernacchi et al. (2001) for carboxylation, and (2003),
# doi:10.1046/j.0016-8025.2003.01050.x, for electron transport.
_CAPACITIES = (65330.0, 43900.0)
# Leuning (2002), doi:10.1046/j.1365-3040.2002.00898.x: activation, deactivation,
# entropy.
_PEAKED = ((73637.0, 149252.0, 486.0), (50300.0, 152044.0, 495.0))
# Kattge and Knorr (2007), doi:10.1111/j.1365-3040.2007.01690.x: activation, entropy at
# a growth temperature of 0 °C, and its change per degree.
_ACCLIMATED = ((71513.0, 668.39, -1.07), (49884.0, 659.70, -0.75))
_ACCLIMATED_DEACTIVATION = 200000.0


def arrhenius(temperature: Tensor, energy: float) -> Tensor:
    r"""Return :math:`\exp(E_a (T - T_{25}) / (R\, T\, T_{25}))`, T in kelvin.

    Parameters
    ----------
    temperature : Tensor
        degC.
    energy : float
        Energy of activation, J mol-1.
    """
    # Temperatures are subtracted before they are divided by: float32 keeps its digits.
    kelvin = temperature + _ZERO
    scale = energy / (_GAS * (_REFERENCE + _ZERO))
    return torch.exp(scale * (temperature - _REFERENCE) / kelvin)


def peaked(
    temperature: Tensor, energy: float, deactivation: float, entropy: Tensor | float
) -> Tensor:
    r"""Return an Arrhenius response that falls again where enzymes are deactivated.

    .. math::

        f = \exp\frac{E_a (T - T_{25})}{R\, T\, T_{25}} \;
            \frac{1 + \exp\frac{T_{25} \Delta S - H_d}{R\, T_{25}}}
                 {1 + \exp\frac{T \Delta S - H_d}{R\, T}}

    Parameters
    ----------
    temperature : Tensor
        degC.
    energy, deactivation : float
        Energies of activation and deactivation, J mol-1.
    entropy : Tensor or float
        J mol-1 K-1.

    References
    ----------
    Medlyn et al. (2002), equation 17, doi:10.1046/j.1365-3040.2002.00891.x.
    """

    def inactive(celsius: Tensor) -> Tensor:
        kelvin = celsius + _ZERO
        return 1.0 + torch.exp((kelvin * entropy - deactivation) / (_GAS * kelvin))

    falling = inactive(torch.full_like(temperature, _REFERENCE)) / inactive(temperature)
    return arrhenius(temperature, energy) * falling


def capacities(temperature: Tensor, *, peak: bool) -> tuple[Tensor, Tensor]:
    """Return the responses of carboxylation and electron transport.

    Parameters
    ----------
    temperature : Tensor
        degC.
    peak : bool
        Whether they fall again in the heat.
    """
    if peak:
        carboxylation, electrons = (peaked(temperature, *shape) for shape in _PEAKED)
    else:
        carboxylation, electrons = (arrhenius(temperature, e) for e in _CAPACITIES)
    return carboxylation, electrons


def acclimated_capacities(
    temperature: Tensor, growth_temperature: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return peaked responses of leaves grown at some temperature, and their Jmax.

    Parameters
    ----------
    temperature, growth_temperature : Tensor
        Of the leaf now, and the mean of the days it grew in, degC; the latter counts as
        11 to 35 °C, beyond which the relations are not known.

    Returns
    -------
    carboxylation, electrons : Tensor
        Responses relative to 25 °C.
    ratio : Tensor
        Electron transport over carboxylation at 25 °C.
    """
    growth = torch.clamp(growth_temperature, 11.0, 35.0)
    carboxylation, electrons = (
        peaked(temperature, energy, _ACCLIMATED_DEACTIVATION, cold + change * growth)
        for energy, cold, change in _ACCLIMATED
    )
    return carboxylation, electrons, 2.59 - 0.035 * growth


def doubling(temperature: Tensor) -> Tensor:
    """Return a response that doubles every 10 degrees."""
    return 2.0 ** ((temperature - _REFERENCE) / 10.0)


def falling_above(temperature: Tensor, half: float, steepness: float) -> Tensor:
    """Return a share that falls from 1 to 0 above a temperature, where it is a half."""
    return 1.0 / (1.0 + torch.exp(steepness * (temperature - half)))


def falling_below(temperature: Tensor, half: float, steepness: float) -> Tensor:
    """Return a share that falls from 1 to 0 below a temperature, where it is a half."""
    return 1.0 / (1.0 + torch.exp(steepness * (half - temperature)))
