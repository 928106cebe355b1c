"""Columns of the ocean as a component."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...bmi.component import Component
from ...bmi.settings import Settings
from ...config import expanded
from ...errors import ConfigError, DataError
from ...operate.runner import Runner
from .initial_fields import water_of
from .settings import OceanSettings

__all__ = ["OceanColumn"]


class OceanColumn(Component):
    """Temperature, salinity and currents of water of any number of places, by level.

    Weather goes in, and what the water gives back to the air comes out: its temperature
    at the surface, latent and sensible heat. Without a ``bundle`` in its configuration
    it runs ``column-usual``, which comes with the package: nothing in it is learned.
    """

    default_bundle = "column-usual"

    METADATA: ClassVar[str] = "data/OceanColumn"
    """Folder of what pymt and bmi-tester want to know, beside this module."""

    def _start(self, settings: Settings, folder: Path) -> None:
        super()._start(settings, folder)
        if not isinstance(settings, OceanSettings):
            return
        for key in ("coupling_step", "max_age"):
            if getattr(settings, key) is not None:
                raise ConfigError(
                    f"{key}: is of oceans of levels on a grid, found a column; "
                    "time_step and forcing_policy say what it does"
                )
        if settings.initial_fields is not None:
            middles = _middles(self.bundle.manifest.model)
            path = expanded(settings.initial_fields, "initial_fields", folder)
            begin_with_profiles(self._model(), path, middles)


def begin_with_profiles(
    runner: Runner, path: Path, depths: NDArray[np.float64] | None = None
) -> None:
    """Bring columns to the temperature and salinity of a file.

    Parameters
    ----------
    runner : Runner
        Columns.
    path : Path
        CF NetCDF file of temperature and salinity, (level,) or (level, place), on the
        levels of the model, or at depths that the file tells.
    depths : (level,) array, optional
        Middles of the levels of the model, m.

    Raises
    ------
    ConfigError, DataError
        There is no such file, or it does not suit the columns.
    """
    part = next((p for p, name in runner.stores() if name == "temperature_1"), None)
    if part is None:
        raise ConfigError("bundle: expected a column of the ocean")
    names = [name for p, name in runner.stores() if p == part]
    levels = sum(name.startswith("temperature_") for name in names)
    shape = levels, len(runner.ids)
    for name, where, values in water_of(path, shape, depths=depths):
        for k, level in enumerate(values, start=1):
            bad = np.flatnonzero(~np.isfinite(level))
            if bad.size:
                raise DataError(
                    f"{where}: is no number at level {k} of {runner.ids[bad[0]]!r}"
                )
            runner.set_store(f"{name}_{k}", level, np.arange(level.size))


def _middles(model: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """Return the middles of the levels of a column, m, as a bundle tells of it."""
    parts = [part.get("options", {}) for part in model.get("parts", {}).values()]
    declared = next((o["thickness"] for o in (*parts, model) if "thickness" in o), None)
    if declared is None:
        return None
    thickness = np.array(declared, np.float64)
    middles: NDArray[np.float64] = thickness.cumsum() - 0.5 * thickness
    return middles
