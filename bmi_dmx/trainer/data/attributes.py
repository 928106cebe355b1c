"""Portable attributes: computable for any catchment from forcing and topography.

A model whose parameters depend on these alone can be taken anywhere: they need daily
precipitation, minimum and maximum temperature, latitude, area, and an elevation model.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from numpy.typing import ArrayLike

from ...climate import CLIMATE, TOPOGRAPHY, climate_indices, day_of_year
from ...models.hydrology.pet import Hargreaves
from .basins import Array32, Array64, BasinData, Day

__all__ = ["PORTABLE_ATTRIBUTES", "hargreaves", "portable"]

PORTABLE_ATTRIBUTES = (*CLIMATE.names, *TOPOGRAPHY.names)
"""Names of all portable attributes."""

LOCATION = ("latitude", "longitude")


def portable(
    data: BasinData, period: tuple[Day, Day] | None = None
) -> dict[str, Array64]:
    """Return the portable attributes of all basins.

    Parameters
    ----------
    data : BasinData
        Needs precipitation, the three air temperatures and the attribute ``latitude``.
    period : (date, date), optional
        First and last day of the climate statistics; all days when absent. Whole years
        are advisable.

    Returns
    -------
    dict of str to (B,) float64
        Those of :data:`~bmi_dmx.climate.CLIMATE`, and of
        :data:`~bmi_dmx.climate.TOPOGRAPHY`, ``latitude`` and ``longitude`` the ones
        that the data hold.

    Raises
    ------
    DataError
        A series or the latitude is missing, or a basin has no precipitation at all.
    """
    data.require(
        ("precipitation", "air_temperature_min", "air_temperature_max"), ("latitude",)
    )
    span = data if period is None else data.period(*period)
    days, dates = span.forcing, day_of_year(span.time)
    evaporation = hargreaves(
        days["air_temperature_min"],
        days["air_temperature_max"],
        dates,
        span.attributes["latitude"],
    )
    indices = climate_indices(
        days["precipitation"], days["air_temperature"], evaporation, dates
    )
    kept = (*TOPOGRAPHY.names, *LOCATION)
    known = {n: data.attributes[n] for n in kept if n in data.attributes}
    return {**indices, **known}


def hargreaves(
    temperature_min: ArrayLike,
    temperature_max: ArrayLike,
    day_of_year: ArrayLike,
    latitude: ArrayLike,
) -> Array32:
    """Return the potential evaporation of Hargreaves and Samani.

    Parameters
    ----------
    temperature_min, temperature_max : (T, B) array_like
        Of the day, degC.
    day_of_year : (T,) array_like
        1 to 366.
    latitude : (B,) array_like
        Degrees north.

    Returns
    -------
    (T, B) float32
        mm d-1.
    """

    def tensor(values: ArrayLike) -> torch.Tensor:
        return torch.from_numpy(np.array(values, dtype=np.float32))

    forcing = SimpleNamespace(
        air_temperature_min=tensor(temperature_min),
        air_temperature_max=tensor(temperature_max),
        day_of_year=tensor(day_of_year)[:, None],
    )
    # A formula without state: its step holds for all days at once.
    place = SimpleNamespace(latitude=tensor(latitude))
    _, fluxes = Hargreaves().step(SimpleNamespace(), forcing, place)
    result: Array32 = fluxes["potential_evaporation"].numpy()
    return result
