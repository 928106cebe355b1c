"""Files of one catchment that NGIAB writes for other models, read as they are.

Attributes that mean the same as those of a bundle are taken over under the bundle's
names and in its units; all others keep their names, for bundles trained on those.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ... import config
from ...errors import ConfigError
from ...operate.system import Dialect
from .climate import DAYS_PER_YEAR

__all__ = ["COMMON", "NGIAB", "is_ngiab", "settings_of"]

COMMON = "bmi_dmx.yaml"
"""File beside those of the catchments with the settings they have in common."""

Rule = tuple[str, Callable[[float], float]]


def _same(value: float) -> float:
    return value


def _per_day(value: float) -> float:
    # Written as mm per year, whatever units the writer gives.
    return value / DAYS_PER_YEAR


def _metres_per_km(degrees: float) -> float:
    return 1000.0 * math.tan(math.radians(degrees))


_DHBV: dict[str, Rule] = {
    "meanP": ("p_mean", _per_day),
    "ETPOT_Hargr": ("pet_mean", _per_day),
    "meanTa": ("t_mean", _same),
    "snowfall_fraction": ("frac_snow", _same),
    "meanelevation": ("elevation_mean", _same),
    "meanslope": ("slope_mean", _metres_per_km),
    # Not uparea, which is all that lies upstream.
    "catchsize": ("area_km2", _same),
}
_LSTM: dict[str, Rule] = {
    "area_sqkm": ("area_km2", _same),
    "elev_mean": ("elevation_mean", _same),
    "slope_mean": ("slope_mean", _same),
    "lat": ("latitude", _same),
    "lon": ("longitude", _same),
}

_NO_ATTRIBUTES = {
    "catchment_id", "catchment_name", "basin_id", "basin_name", "start_hour",
    "time_step_size", "stepwise", "verbose",
}  # fmt: skip
_START = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})(?:[T ](\d{2})(?::(\d{2}))?.*)?")


def is_ngiab(data: Any) -> bool:
    """Return whether plain data are those of a dHBV or LSTM of NGIAB."""
    if not isinstance(data, Mapping) or "locations" in data:
        return False
    dhbv = "catchment_id" in data and any(key in data for key in _DHBV)
    return "train_cfg_file" in data or dhbv


def settings_of(data: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the settings of a component for one such file.

    Steps are hours, and so is the physics whatever the file says: the parameters of a
    model trained on days serve both. Units are those of NextGen. All else, and what the
    file does not know, is taken from the file :data:`COMMON` in its folder, if there is
    one.

    Parameters
    ----------
    data : mapping
        Content of the file.
    path : Path
        The file.

    Raises
    ------
    ConfigError
        When a value that is needed is missing or no number, naming file and key.
    """
    lstm = "train_cfg_file" in data
    common = _common(path.parent / COMMON)
    attributes = _attributes(data, _LSTM if lstm else _DHBV, path)
    rain, evaporation = attributes.get("p_mean"), attributes.get("pet_mean")
    if rain and evaporation is not None:
        # Others call the inverse by this name.
        attributes["aridity"] = evaporation / rain
    start = _start(data)
    settings: dict[str, Any] = {"time_step": "hourly", "units": "ngen"}
    if start is not None:
        settings["start_time"] = start
    settings.update(common)
    if "start_time" not in settings:
        raise ConfigError(
            f"{path}: start_time: missing; put it into {COMMON} in the same folder"
        )
    if "locations" in common:
        raise ConfigError(f"{path.parent / COMMON}: locations: belongs to no catchment")
    settings["locations"] = {"ids": [_name(data, path)], "attributes": attributes}
    return settings


def _attributes(
    data: Mapping[str, Any], rules: Mapping[str, Rule], path: Path
) -> dict[str, float]:
    attributes = {}
    for key, value in data.items():
        if key in rules:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ConfigError(f"{path}: {key}: found {value!r}, expected a number")
            name, converted = rules[key]
            attributes[name] = converted(float(value))
    for key, value in data.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and key not in _NO_ATTRIBUTES:
            attributes.setdefault(key, float(value))
    return attributes


def _name(data: Mapping[str, Any], path: Path) -> str:
    if re.fullmatch(r"cat-\d+", path.stem):
        return path.stem
    names = (data.get(key) for key in ("catchment_id", "catchment_name", "basin_id"))
    return str(next((name for name in names if name is not None), path.stem))


def _start(data: Mapping[str, Any]) -> str | None:
    """Return the first time in a form that all settings have."""
    text = data.get("start_time", data.get("start_date"))
    match = _START.fullmatch(str(text)) if text is not None else None
    if match is None:
        return None
    year, month, day, hour, minute = match.groups()
    if hour is None:
        hour = f"{int(data.get('start_hour', 0)):02d}"
    return f"{year}-{month}-{day} {hour}:{minute or '00'}:00"


def _common(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    stat = path.stat()
    return dict(_read(path, stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=16)
def _read(path: Path, changed: int, size: int) -> dict[str, Any]:
    """Read a file that many catchments share once, until it changes."""
    data = config.read(path)
    if not isinstance(data, Mapping):
        raise ConfigError(f"{path}: expected a mapping, found {data!r:.60}")
    return {str(key): value for key, value in data.items()}


NGIAB = Dialect(is_ngiab, settings_of, later=("area_km2",))
"""The dialect of these files; those of daily models lack the area, which hosts have."""
