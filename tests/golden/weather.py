"""Made weather: a formula of sums and products, which is the same on every machine.

No random library and no sine takes part, so that not even the last digit depends on a
version or a processor.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["PRECIPITATION", "weather", "write_series"]

Array = np.ndarray[Any, np.dtype[np.float64]]

PRECIPITATION = "atmosphere_water__liquid_equivalent_precipitation_rate"
POTENTIAL_EVAPORATION = "land_surface_water__potential_evaporation_volume_flux"
RATES = (PRECIPITATION, POTENTIAL_EVAPORATION)

_WORD = 2**32


def weather(steps: int, locations: int, hours: float) -> dict[str, Array]:
    """Return forcing, (step, location), by published name in units of the model.

    Frost, thaw, rain, snow and dry spells all occur; seasons are short, so that they do
    in few steps.

    Parameters
    ----------
    steps, locations : int
        How many.
    hours : float
        Length of a step.
    """
    days: Array = np.arange(float(steps))[:, None] * (hours / 24.0)
    place = np.arange(locations)[None, :]
    season = _triangle(days / (60.0 if hours == 24.0 else 8.0))
    sun = _triangle(days + 0.125) if hours < 24.0 else np.zeros_like(days)

    def noise(stream: int) -> Array:
        return _scatter(np.arange(steps)[:, None], place, stream)

    warmth = 3.0 + 11.0 * season + 4.0 * sun + 6.0 * (noise(1) - 0.5) - 1.5 * place
    spell = _scatter(np.arange(steps)[:, None] // 6, place, 2)
    rain = np.where(spell < 0.45, 60.0 * noise(3) * noise(4), 0.0)
    light = np.maximum(0.0, 120.0 + 60.0 * season + 150.0 * sun) * (0.5 + noise(5))
    return {
        PRECIPITATION: rain,
        "land_surface_air__temperature": warmth,
        "land_surface_air__daily_min_of_temperature": warmth - 1.0 - 7.0 * noise(6),
        "land_surface_air__daily_max_of_temperature": warmth + 1.0 + 7.0 * noise(7),
        POTENTIAL_EVAPORATION: (2.25 + 1.75 * season) * (0.5 + noise(8)),
        "land_surface_radiation~incoming~shortwave__energy_flux": light,
        "land_surface_radiation~incoming~longwave__energy_flux": (
            270.0 + 50.0 * season + 40.0 * noise(9)
        ),
        "land_surface_air__pressure": 96000.0 - 2000.0 * place + 1500.0 * noise(10),
        "atmosphere_air_water~vapor__relative_saturation": (
            0.005 + 0.003 * season + 0.001 * noise(11)
        ),
        "land_surface_wind__x_component_of_velocity": 8.0 * noise(12) - 3.0,
        "land_surface_wind__y_component_of_velocity": 6.0 * noise(13) - 4.0,
    }


def write_series(path: Path, steps: int, hours: float) -> None:
    """Write the weather of one location as a CSV file to begin a run with."""
    series = weather(steps, 1, hours)
    titles = [f"{name}[mm d-1]" if name in RATES else name for name in series]
    lines = [",".join(["time", *titles])]
    for step in range(steps):
        cells = (repr(float(values[step, 0])) for values in series.values())
        lines.append(",".join([str(step), *cells]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _triangle(x: Array) -> Array:
    """Return a wave of period 1: -1 at 0, 1 at a half, straight in between."""
    return 1.0 - 4.0 * np.abs(x - np.floor(x) - 0.5)


def _scatter(step: Any, place: Any, stream: int) -> Array:
    """Return numbers from 0 to below 1 that look as if drawn at random."""
    x = np.uint64(1) + np.asarray(step * 7919 + place * 104729, dtype=np.uint64)
    x = (x * np.uint64(2654435761) + np.uint64(stream * 40503)) % np.uint64(_WORD)
    for factor in (2246822519, 3266489917):
        x = ((x ^ (x >> np.uint64(15))) * np.uint64(factor)) % np.uint64(_WORD)
    return np.asarray((x ^ (x >> np.uint64(16))) / float(_WORD))
