"""The file of all that was scored in a twin experiment, CF NetCDF."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from ..assimilation.lead_errors import LeadErrors
from ..assimilation.truth import Truth
from ..files import NETCDF, atomic, writing
from .report import Row

__all__ = ["write_series"]

_CYCLES = ("setting", "series", "time")


def write_series(path: Path, truth: Truth, row: Row, ahead: LeadErrors) -> None:
    """Write scores and innovations of every cycle, and errors of forecasts by lead.

    Parameters
    ----------
    path : Path
        Where to.
    truth : Truth
        What was followed.
    row : Row
        How.
    ahead : LeadErrors
        Errors of forecasts from the analyses.
    """
    import netCDF4

    with (
        atomic(path) as temporary, writing(path), NETCDF,
        closing(netCDF4.Dataset(temporary, "w", format="NETCDF4")) as file,
    ):  # fmt: skip
        file.setncatts({"Conventions": "CF-1.10", "title": row.run.title})
        _axes(file, truth, row, len(ahead.forecast))
        for name, (values, about) in _scores(row).items():
            _put(file, name, _CYCLES, values, about)
        for name, (values, about) in _innovations(row).items():
            _put(file, name, (*_CYCLES, "observed"), values, about)
        for name, values in (
            ("rmse_by_lead", ahead.forecast),
            ("rmse_of_persistence_by_lead", ahead.persistence),
        ):
            about = "error of forecasts from the last analyses of the first setting"
            _put(file, name, ("lead", "series"), values, about)


def _scores(row: Row) -> dict[str, tuple[Any, str]]:
    track = row.followed
    return {
        "rmse_analysis": (track.error, "error of the mean analysis"),
        "rmse_forecast": (track.forecast_error, "error of the mean forecast"),
        "spread": (track.spread, "spread of the analysis"),
        "spread_forecast": (track.forecast_spread, "spread of the forecast"),
        "crps": (track.crps, "continuous ranked probability score of the analysis"),
        "consistency": (
            track.consistency,
            "squared innovations by what the forecast says of them, 1 on average",
        ),
    }


def _innovations(row: Row) -> dict[str, tuple[Any, str]]:
    track = row.followed
    return {
        "innovation": (track.innovation, "observed less mean forecast of it"),
        "innovation_standard_deviation": (
            track.expected, "what spread and errors of observation say of it",
        ),
    }  # fmt: skip


def _axes(file: Any, truth: Truth, row: Row, leads: int) -> None:
    """Write dimensions, and what stands along them."""
    experiment, settings = truth.experiment, np.array(row.run.settings)
    sizes = {
        "setting": len(settings), "series": experiment.seeds,
        "time": experiment.cycles, "observed": truth.operators.count, "lead": leads,
    }  # fmt: skip
    for name, size in sizes.items():
        file.createDimension(name, size)
    for name, count, about in (
        ("time", experiment.cycles, "time of the system"),
        ("lead", leads, "time ahead of the last observation"),
    ):
        _put(file, name, (name,), experiment.cycle * np.arange(1, count + 1), about)
    file["time"].axis = "T"
    for k, name in enumerate(("inflation", "radius")):
        _put(file, name, ("setting",), settings[:, k], name)
    seed = file.createVariable("seed", "i8", ("series",))
    seed.long_name = "seed of the truth"
    seed[:] = np.asarray(truth.seeds)


def _put(file: Any, name: str, along: tuple[str, ...], values: Any, about: str) -> None:
    variable = file.createVariable(name, values.dtype, along, zlib=True, complevel=1)
    variable.setncatts({"long_name": about, "units": "1"})
    variable[:] = values
