"""Archives of noisy observations: CF NetCDF; filters are learned and tried on them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..config import as_yaml, parse
from ..conversion import convert, plain
from ..data import netcdf
from ..errors import DataError
from ..files import NETCDF, atomic, writing
from ..process import SECONDS
from ..registries import processes
from .experiment import Experiment
from .truth import Truth

__all__ = ["Archive", "read_archive", "write_archive"]

Array = np.ndarray[Any, np.dtype[Any]]

_VALUES, _ERROR, _ENTRY = "observation", "observation_error", "observed_entry"
_PROJECTION, _TRUTH, _SEED, _EXPERIMENT = "projection", "truth", "seed", "experiment"

_EPOCH = "seconds since 2000-01-01 00:00:00"

_DIMENSIONS = {
    _VALUES: ("series", "time", "observed"),
    _ERROR: ("observed",),
    _ENTRY: ("time", "observed"),
    _SEED: ("series",),
}


@dataclass(frozen=True, eq=False)
class Archive:
    """What an archive holds.

    Parameters
    ----------
    experiment : Experiment
        The system, how it was observed, and when.
    seconds : ndarray
        (time,) since the first of them, a unit of time without dimension being one.
    seeds : ndarray
        (series,) of the truths.
    values : ndarray
        (series, time, observed); NaN is missing.
    error : ndarray
        (observed,) standard deviations.
    entries : ndarray
        (time, observed) which entry of the state was observed; -1 is a projection.
    projection : ndarray or None
        (observed, entry) what projections are of.
    truth : ndarray or None
        (series, time, entry), where the archive tells.
    """

    experiment: Experiment
    seconds: Array
    seeds: Array
    values: Array
    error: Array
    entries: Array
    projection: Array | None
    truth: Array | None


def write_archive(
    path: str | PathLike[str], truth: Truth, *, tell: bool = False
) -> None:
    """Write what was seen of truths, whole or not at all.

    Parameters
    ----------
    path : path-like
        The file.
    truth : Truth
        What was seen.
    tell : bool
        Whether the truths are written as well, for scores.
    """
    import netCDF4

    with (
        atomic(path) as temporary, writing(path), NETCDF,
        closing(netCDF4.Dataset(temporary, "w", format="NETCDF4")) as file,
    ):  # fmt: skip
        _describe(file, truth)
        _write_axes(file, truth)
        _write_seen(file, truth)
        if tell:
            states = np.moveaxis(truth.states[1:], 0, 1)
            variable = file.createVariable(
                _TRUTH, "f8", ("series", "time", "entry"), zlib=True, complevel=1
            )
            variable.setncatts({"long_name": "state at the time", "units": "1"})
            variable[:] = states


def _describe(file: Any, truth: Truth) -> None:
    experiment = truth.experiment
    file.setncatts(
        {
            "Conventions": "CF-1.10",
            "title": experiment.about or f"observations of {experiment.system.process}",
            "source": f"bmi_dmx {__version__}: twin experiment",
            "references": experiment.source,
            _EXPERIMENT: as_yaml(plain(experiment)),
        }
    )


def _write_axes(file: Any, truth: Truth) -> None:
    experiment = truth.experiment
    second = SECONDS[processes[experiment.system.process].time]
    times = experiment.cycle * second * np.arange(1, experiment.cycles + 1)
    sizes = {
        "series": experiment.seeds, "time": len(times),
        "observed": truth.operators.count, "entry": truth.model.size,
    }  # fmt: skip
    for name, size in sizes.items():
        file.createDimension(name, size)
    axis = file.createVariable("time", "f8", ("time",))
    axis.setncatts(
        {"standard_name": "time", "units": _EPOCH, "calendar": "standard", "axis": "T"}
    )
    axis.comment = f"time of the system; a unit of it is taken for {second:g} s"
    axis[:] = times
    seed = file.createVariable(_SEED, "i8", ("series",))
    seed.setncatts({"long_name": "seed of the series", "cf_role": "timeseries_id"})
    seed[:] = np.asarray(truth.seeds)
    place = file.createVariable("place", "i4", ("entry",))
    place.long_name = "place of the entry of the state"
    place[:] = truth.model.places


def _write_seen(file: Any, truth: Truth) -> None:
    operators, cycles = truth.operators, truth.experiment.cycles
    variable = file.createVariable(
        _VALUES, "f8", _DIMENSIONS[_VALUES], zlib=True, complevel=1, fill_value=np.nan
    )
    variable.setncatts(
        {
            "long_name": "observed value", "units": "1", "coordinates": _SEED,
            "ancillary_variables": f"{_ERROR} {_ENTRY}",
        }
    )  # fmt: skip
    variable[:] = np.moveaxis(truth.values, 0, 1)
    error = file.createVariable(_ERROR, "f8", _DIMENSIONS[_ERROR])
    error.setncatts({"long_name": "standard deviation of the error", "units": "1"})
    error[:] = truth.experiment.observe.error
    entry = file.createVariable(_ENTRY, "i4", _DIMENSIONS[_ENTRY], zlib=True)
    entry.long_name = "entry of the state that is observed; -1 is a projection"
    mixed = np.full(operators.count, -1)
    entries = [operators.entries(phase) for phase in range(operators.phases)]
    rows = np.stack([mixed if x is None else x for x in entries])
    entry[:] = rows[np.arange(cycles) % len(rows)]
    if operators.matrix is not None:
        matrix = file.createVariable(_PROJECTION, "f8", ("observed", "entry"))
        matrix.setncatts({"long_name": "what projections are of", "units": "1"})
        matrix[:] = operators.matrix


def read_archive(path: str | PathLike[str]) -> Archive:
    """Read an archive.

    Raises
    ------
    ConfigError
        When there is no such file, or what it says of the experiment is not valid.
    DataError
        When it is no archive, or not whole; names file and variable.
    """
    path = Path(path)
    with closing(netcdf.opened(path)) as file:
        if _EXPERIMENT not in file.ncattrs():
            raise DataError(
                f"{path}: no archive of a twin experiment: attribute {_EXPERIMENT!r} "
                "is missing"
            )
        variables = {name: _read(path, file, name) for name in _DIMENSIONS}
        more = {
            name: _read(path, file, name) if name in file.variables else None
            for name in (_PROJECTION, _TRUTH)
        }
        stamps = netcdf.stamps(path, file, netcdf.time_variable(path, file, ("time",)))
        where = f"{path}: {_EXPERIMENT}"
        text = file.getncattr(_EXPERIMENT)
        experiment = convert(parse(str(text), where), Experiment, where=where)
    entries = variables[_ENTRY].astype(np.int64)
    _refuse_unfit(path, variables, entries)
    if (entries < 0).any() and more[_PROJECTION] is None:
        raise DataError(f"{path}: variable {_PROJECTION!r} is missing")
    return Archive(
        experiment, stamps.moments.offsets, variables[_SEED].astype(np.int64),
        variables[_VALUES], variables[_ERROR], entries, more[_PROJECTION], more[_TRUTH],
    )  # fmt: skip


def _read(path: Path, file: Any, name: str) -> Array:
    if name not in file.variables:
        raise DataError(f"{path}: variable {name!r} is missing")
    variable = file.variables[name]
    expected = _DIMENSIONS.get(name)
    if expected is not None and variable.dimensions != expected:
        raise DataError(
            f"{path}: {name}: expected dimensions {', '.join(expected)}, found "
            f"{', '.join(variable.dimensions) or 'none'}"
        )
    return netcdf.numbers(path, variable)


def _refuse_unfit(path: Path, variables: dict[str, Array], entries: Array) -> None:
    """Refuse numbers that observations cannot have."""
    error = variables[_ERROR]
    if not (np.isfinite(error) & (error > 0.0)).all():
        bad = error[~(np.isfinite(error) & (error > 0.0))][0]
        raise DataError(f"{path}: {_ERROR}: found {bad}, expected a number above 0")
    if np.isinf(variables[_VALUES]).any():
        raise DataError(f"{path}: {_VALUES}: found infinity, expected numbers or NaN")
    if (entries < -1).any():
        raise DataError(
            f"{path}: {_ENTRY}: found {entries.min()}, expected an entry or -1"
        )
