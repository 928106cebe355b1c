"""Portable attributes: computable for any catchment from forcing and topography.

A model whose parameters depend on these alone can be taken anywhere: they need daily
precipitation, minimum and maximum temperature, latitude, area, and an elevation model.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from numpy.typing import ArrayLike

from .....errors import DataError
from .....models.hydrology.climate import (
    CLIMATE,
    TOPOGRAPHY,
    climate_indices,
    day_of_year,
)
from .....registries import processes
from .basins import AT_ONCE, SECONDS_PER_DAY, Array32, Array64, BasinData, Day

__all__ = [
    "PORTABLE_ATTRIBUTES",
    "hargreaves",
    "has_extremes",
    "portable",
    "whole_days",
]

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
        Needs precipitation, the air temperatures of the day, or those within it, and
        the attribute ``latitude``. Indices are those of daily values in any case.
    period : (date, date), optional
        First and last day of the climate statistics; all days when absent. Whole years
        are advisable.

    Returns
    -------
    dict of str to (B,) float64
        Those of :data:`~bmi_dmx.models.hydrology.climate.CLIMATE`; of
        :data:`~bmi_dmx.models.hydrology.climate.TOPOGRAPHY`, ``latitude`` and
        ``longitude`` the ones that the data hold.

    Raises
    ------
    DataError
        A series or the latitude is missing, or a basin has no precipitation at all.
    """
    groups = np.split(data.ids, range(AT_ONCE, data.ids.size, AT_ONCE))
    if len(groups) > 1:
        parts = [portable(data.select(ids.tolist()), period) for ids in groups]
        return {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}
    span = whole_days(data if period is None else data.period(*period))
    span.require(
        ("precipitation", "air_temperature_min", "air_temperature_max"), ("latitude",)
    )
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
    names = (*TOPOGRAPHY.names, *LOCATION)
    constants = {n: data.attributes[n] for n in names if n in data.attributes}
    return {**indices, **constants}


def has_extremes(data: BasinData) -> bool:
    """Return whether the lowest and highest temperature of days are known."""
    if data.seconds < SECONDS_PER_DAY and "air_temperature" in data.forcing:
        return True
    return {"air_temperature_min", "air_temperature_max"} <= data.forcing.keys()


def whole_days(data: BasinData) -> BasinData:
    """Return daily data: means over days, and the extremes of temperature within them.

    Days of which the data hold a part are left out.

    Parameters
    ----------
    data : BasinData
        With time steps of a day or a part of it.
    """
    count = SECONDS_PER_DAY // data.seconds
    if count == 1:
        return data
    days = data.time.astype("datetime64[D]")
    first, last = days[0], days[-1]
    first = first if (days == first).sum() == count else first + 1
    last = last if (days == last).sum() == count else last - 1
    if first > last:
        raise DataError(f"no whole day from {data.time[0]} to {data.time[-1]}")
    part = data.period(str(first), str(last))

    def by_day(values: Array32) -> Array32:
        return values.reshape(-1, count, values.shape[1])

    forcing = {n: by_day(x).mean(axis=1) for n, x in part.forcing.items()}
    extremes = {"air_temperature_min": np.min, "air_temperature_max": np.max}
    for name, extreme in extremes.items():
        values = part.forcing.get(name, part.forcing.get("air_temperature"))
        if values is not None:
            forcing[name] = extreme(by_day(values), axis=1)
    return replace(
        part, time=part.time[::count], forcing=forcing,
        target=by_day(part.target).mean(axis=1),
    )  # fmt: skip


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
    import torch

    def tensor(values: ArrayLike) -> torch.Tensor:
        return torch.from_numpy(np.array(values, dtype=np.float32))

    forcing = SimpleNamespace(
        air_temperature_min=tensor(temperature_min),
        air_temperature_max=tensor(temperature_max),
        day_of_year=tensor(day_of_year)[:, None],
    )
    # A formula without state: its step holds for all days at once.
    place = SimpleNamespace(latitude=tensor(latitude))
    _, fluxes = processes["hargreaves"]().step(SimpleNamespace(), forcing, place)
    result: Array32 = fluxes["potential_evaporation"].numpy()
    return result
