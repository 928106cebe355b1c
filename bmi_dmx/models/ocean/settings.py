"""The configuration of a component of oceans."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...bmi.settings import COLD, OF_STATE, Settings
from ...errors import ConfigError

__all__ = ["OceanSettings"]


@dataclass(frozen=True, kw_only=True)
class OceanSettings(Settings):
    """What a component of oceans runs: the usual keys, and those of its coupling.

    Parameters
    ----------
    coupling_step : str or number, optional
        Length of one ``update()``, a multiple of ``time_step``, in the same words; what
        is set before holds through all of it. Default: one step.
    max_age : str or number, optional
        For how long a forcing that is not set again may be used; older ones are
        refused. Default: they hold until they are set again.
    initial_fields : path, optional
        CF NetCDF file of what the water is like at the start, with its levels from the
        surface down: fields (level, row, column), or profiles (level,), of temperature
        and salinity; relative to the configuration file. Of several times the first.
    """

    coupling_step: str | float | None = None
    max_age: str | float | None = None
    initial_fields: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        begun = self.state != COLD or self.start_time == OF_STATE
        if self.initial_fields is not None and begun:
            raise ConfigError(
                "initial_fields: a saved state is the start already; remove one of them"
            )
