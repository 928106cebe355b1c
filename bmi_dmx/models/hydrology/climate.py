"""Climate of a catchment: indices from daily series, for training and for operation.

The indices a model was trained with must be the ones it is given where it is used, so
both are computed here. The potential evaporation they need, by Hargreaves and Samani,
is the caller's: training has PyTorch for it, operation the program traced of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...variables import Attribute, Table

__all__ = [
    "AREA",
    "CLIMATE",
    "DAYS_PER_YEAR",
    "LATITUDE",
    "LONGITUDE",
    "TOPOGRAPHY",
    "climate_indices",
    "day_of_year",
    "run_length",
    "seasonality",
]

Array64 = NDArray[np.float64]
Series = NDArray[np.floating[Any]]

DAYS_PER_YEAR = 365.25
SNOW_BELOW = 1.0
HIGH_PRECIPITATION = 5.0
DRY_BELOW = 1.0

CLIMATE = Table(
    (
        Attribute(
            name="p_mean",
            bounds=(0.0, 50.0),
            units="mm d-1",
            about="mean precipitation",
        ),
        Attribute(
            name="pet_mean",
            bounds=(0.0, 50.0),
            units="mm d-1",
            about="mean potential evaporation (Hargreaves and Samani 1985)",
        ),
        Attribute(name="aridity", bounds=(0.0, 1e4), about="pet_mean / p_mean"),
        Attribute(
            name="p_seasonality",
            about="amplitude of the annual cycle of precipitation relative to its mean,"
            " positive when it peaks in summer (Woods 2009)",
        ),
        Attribute(
            name="frac_snow",
            bounds=(0.0, 1.0),
            about="share of precipitation on days with a mean below 1 degC",
        ),
        Attribute(
            name="high_prec_freq",
            bounds=(0.0, 366.0),
            units="d yr-1",
            about="days with at least 5 times the mean precipitation",
        ),
        Attribute(
            name="high_prec_dur",
            bounds=(0.0, 1e4),
            units="d",
            about="mean length of runs of such days; 0 where there are none",
        ),
        Attribute(
            name="low_prec_freq",
            bounds=(0.0, 366.0),
            units="d yr-1",
            about="days below 1 mm d-1",
        ),
        Attribute(
            name="low_prec_dur",
            bounds=(0.0, 1e4),
            units="d",
            about="mean length of runs of such days; 0 where there are none",
        ),
        Attribute(
            name="t_mean",
            bounds=(-60.0, 50.0),
            units="degC",
            about="mean air temperature",
        ),
    ),
    what="climate attribute",
)
"""Indices that :func:`climate_indices` computes.

Bounds are what occurs on Earth: rates for a year instead of a day, or centimetres
instead of metres, are seen by them.
"""

AREA = Attribute(
    name="area_km2", units="km2", bounds=(1e-9, 1e9), about="drainage area"
)
LATITUDE = Attribute(name="latitude", units="degrees_north", bounds=(-90.0, 90.0))
LONGITUDE = Attribute(name="longitude", units="degrees_east", bounds=(-180.0, 360.0))

TOPOGRAPHY = Table(
    (
        AREA,
        Attribute(
            name="elevation_mean",
            bounds=(-500.0, 9000.0),
            units="m",
            about="mean elevation",
        ),
        Attribute(
            name="slope_mean",
            bounds=(0.0, 1e4),
            units="m km-1",
            about="mean slope; depends on the resolution of the elevation model, which"
            " must be alike where a model is trained and where it is used",
        ),
    ),
    what="topographic attribute",
)
"""Attributes taken as the data set gives them."""


def day_of_year(dates: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return the day of the year, 1 to 366, of every date.

    Parameters
    ----------
    dates : array of datetime64
        Of any shape and precision.
    """
    days = dates.astype("datetime64[D]")
    since: NDArray[np.int64] = (days - days.astype("datetime64[Y]")).astype(np.int64)
    return since + 1


def climate_indices(
    precipitation: Series,
    temperature: Series,
    evaporation: Series,
    day_of_year: NDArray[np.int64],
) -> dict[str, Array64]:
    """Return the climate indices of Addor et al. (2017), and mean temperature.

    Parameters
    ----------
    precipitation, temperature, evaporation : (T, B) arrays
        Daily precipitation and potential evaporation (mm d-1), mean temperature (degC).
    day_of_year : (T,) array of int
        1 to 366.

    Returns
    -------
    dict of str to (B,) float64
        Indices by the names in :data:`CLIMATE`.

    Raises
    ------
    DataError
        A basin has no precipitation or no potential evaporation at all.

    Notes
    -----
    The paper calls snow what falls below 0 degC; the values published with it follow
    from a threshold of 1 degC, which is used here. Frequencies refer to a year of
    365.25 days.

    References
    ----------
    Addor, Newman, Mizukami and Clark (2017), Hydrol. Earth Syst. Sci. 21, 5293-5313,
    doi:10.5194/hess-21-5293-2017, table 2.
    """
    rain, warmth = precipitation.astype(np.float64), temperature.astype(np.float64)
    p_mean, pet_mean = rain.mean(axis=0), evaporation.mean(axis=0, dtype=np.float64)
    for name, mean in (("precipitation", p_mean), ("potential evaporation", pet_mean)):
        if not (mean > 0).all():
            raise DataError(
                f"{name} is zero on all days in {int((mean <= 0).sum())} basins;"
                " climate attributes are not defined there"
            )
    high, low = rain >= HIGH_PRECIPITATION * p_mean, rain < DRY_BELOW
    return {
        "p_mean": p_mean,
        "pet_mean": pet_mean,
        "aridity": pet_mean / p_mean,
        "p_seasonality": seasonality(rain / p_mean - 1.0, warmth, day_of_year),
        "frac_snow": np.where(warmth < SNOW_BELOW, rain, 0.0).mean(axis=0) / p_mean,
        "high_prec_freq": high.mean(axis=0) * DAYS_PER_YEAR,
        "high_prec_dur": run_length(high),
        "low_prec_freq": low.mean(axis=0) * DAYS_PER_YEAR,
        "low_prec_dur": run_length(low),
        "t_mean": warmth.mean(axis=0),
    }


def seasonality(
    anomaly: Array64, temperature: Array64, day_of_year: NDArray[np.int64]
) -> Array64:
    r"""Return the seasonality of precipitation relative to that of temperature.

    Sine curves with a period of a year are fitted to both by least squares, with their
    means held fixed. With the amplitudes :math:`\delta` and phases :math:`s` of Woods,
    the result :math:`\delta_P\,\mathrm{sgn}(\delta_T)\cos(2\pi(s_P - s_T)/365.25)` is
    the projection of one fitted vector (sine, cosine) on the direction of the other.

    Parameters
    ----------
    anomaly : (T, B) float64
        Precipitation relative to its mean, less 1.
    temperature : (T, B) float64
    day_of_year : (T,) array of int

    References
    ----------
    Woods (2009), Advances in Water Resources 32, 1465-1481,
    doi:10.1016/j.advwatres.2009.06.011, equation 13.
    """
    angle = 2.0 * np.pi * day_of_year / DAYS_PER_YEAR
    cycle = np.column_stack((np.sin(angle), np.cos(angle)))
    rain = np.linalg.lstsq(cycle, anomaly, rcond=None)[0]
    warm = np.linalg.lstsq(cycle, temperature - temperature.mean(axis=0), rcond=None)[0]
    size = np.hypot(warm[0], warm[1])
    # Without an annual cycle of temperature there is no summer to be in phase with.
    projected = (rain * warm).sum(axis=0)
    result: Array64 = np.divide(projected, size, out=0.0 * size, where=size > 0)
    return result


def run_length(flag: NDArray[np.bool_]) -> Array64:
    """Return the mean length of runs of True along the days; 0 where there is none."""
    starts = (flag[1:] & ~flag[:-1]).sum(axis=0) + flag[0]
    length: Array64 = flag.sum(axis=0) / np.maximum(starts, 1)
    return length
