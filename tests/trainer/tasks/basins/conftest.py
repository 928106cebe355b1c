"""Small synthetic basins shared by the tests of the data package."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bmi_dmx.trainer.tasks.basins.data import BasinData


@pytest.fixture
def make_data() -> Callable[..., BasinData]:
    """Build plausible weather and flow of ``basins`` for ``days`` from 2001-01-01."""

    def make(basins: int = 3, days: int = 730, seed: int = 0) -> BasinData:
        rng = np.random.default_rng(seed)
        time = np.datetime64("2001-01-01") + np.arange(days)
        wave = -10.0 * np.cos(2 * np.pi * np.arange(days) / 365.25)[:, None]
        mean = 8.0 + wave + rng.normal(0, 3, (days, basins))
        forcing = {
            "precipitation": rng.gamma(0.3, 10.0, (days, basins)),
            "air_temperature": mean,
            "air_temperature_min": mean - 5.0,
            "air_temperature_max": mean + 5.0,
        }
        return BasinData(
            ids=np.array([f"{number:08d}" for number in range(basins)]),
            time=time,
            forcing={n: v.astype(np.float32) for n, v in forcing.items()},
            attributes={
                "area_km2": rng.uniform(10, 1000, basins),
                "latitude": np.linspace(30.0, 50.0, basins),
                "elevation_mean": rng.uniform(0, 2000, basins),
            },
            target=rng.gamma(1.0, 1.0, (days, basins)).astype(np.float32),
        )

    return make
