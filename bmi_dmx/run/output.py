"""What a run leaves: pieces while it runs, and one CF NetCDF file in the end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError, StateError
from ..files import atomic
from ..space import GridDescription

__all__ = ["OutputVariable", "Pieces", "write_series"]

Array = np.ndarray[Any, np.dtype[Any]]

_PLAN, _STATE = "run.json", "state-{}.bin"


class Pieces:
    """The pieces of a run that is not over, in a folder beside its output.

    A piece is written whole or not at all, the state behind it before it counts: a run
    may be killed at any moment and goes on from the last piece that counts.

    Parameters
    ----------
    folder : Path
        Where they are.
    plan : mapping of str to str
        What decides the numbers of the run.

    Raises
    ------
    ConfigError
        When the folder holds the pieces of another run.
    """

    def __init__(self, folder: Path, plan: Mapping[str, str]) -> None:
        self.folder = folder
        file = folder / _PLAN
        if file.is_file():
            self._refuse_other(file, plan)
            return
        folder.mkdir(parents=True, exist_ok=True)
        with atomic(file) as temporary:
            temporary.write_text(json.dumps(plan, indent=2) + "\n", encoding="utf-8")

    def _refuse_other(self, file: Path, plan: Mapping[str, str]) -> None:
        try:
            known = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            known = {}
        for key, value in plan.items():
            found = known.get(key)
            if found != value:
                raise ConfigError(
                    f"{self.folder}: pieces of another run: {key} was {found!r}, now "
                    f"it is {value!r}; remove the folder to begin anew"
                )

    @property
    def done(self) -> int:
        """Number of pieces that count."""
        count = 0
        while self._piece(count).is_file() and self._state(count).is_file():
            count += 1
        return count

    def _piece(self, number: int) -> Path:
        return self.folder / f"piece-{number:06d}.npz"

    def _state(self, number: int) -> Path:
        return self.folder / _STATE.format(f"{number:06d}")

    def state(self) -> bytes:
        """Return the state behind the last piece that counts."""
        file = self._state(self.done - 1)
        try:
            return file.read_bytes()
        except OSError as error:
            raise StateError(f"{file}: cannot be read: {error.strerror}") from None

    def add(self, values: Mapping[str, Array], state: bytes) -> None:
        """Write a piece and the state behind it."""
        number = self.done
        with atomic(self._piece(number)) as temporary, open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, **values)
        with atomic(self._state(number)) as temporary:
            temporary.write_bytes(state)
        if number:
            # One state is enough, but for the present to be written whole.
            self._state(number - 1).write_bytes(b"")

    def __iter__(self) -> Iterator[dict[str, Array]]:
        for number in range(self.done):
            with np.load(self._piece(number)) as piece:
                yield {name: piece[name] for name in piece.files}

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class OutputVariable:
    """One series of an output file."""

    name: str
    units: str
    about: str
    grid: int


def write_series(
    path: Path,
    pieces: Pieces,
    variables: Sequence[OutputVariable],
    grids: Sequence[GridDescription],
    ids: Sequence[str],
    times: Array,
    seconds: float,
    source: str,
) -> None:
    """Write the pieces of a run as one file, whole or not at all.

    Parameters
    ----------
    path : Path
        The file.
    pieces : Pieces
        Of the whole run.
    variables : sequence of OutputVariable
        What is in the pieces, (time, place).
    grids : sequence of GridDescription
        By number; rows and columns become dimensions of their own.
    ids : sequence of str
        Names of the places.
    times : ndarray
        Beginning of each step, seconds since 1970.
    seconds : float
        Length of a step.
    source : str
        What made the numbers.
    """
    import netCDF4

    with (
        atomic(path) as temporary,
        netCDF4.Dataset(temporary, "w", format="NETCDF4") as file,
    ):
        file.setncatts({"Conventions": "CF-1.10", "source": source})
        _write_time(file, times, seconds)
        dims = {}
        for number in dict.fromkeys(v.grid for v in variables):
            dims[number] = _write_grid(file, number, grids[number], ids)
        for v in variables:
            made = file.createVariable(
                v.name, "f8", ("time", *dims[v.grid]), zlib=True, complevel=1
            )
            made.setncatts({"units": v.units, "long_name": v.about})
            if dims[v.grid] == ("place",):
                made.coordinates = "place_id"
        first = 0
        for piece in pieces:
            count = len(next(iter(piece.values())))
            for v in variables:
                shape = file[v.name].shape[1:]
                block = piece[v.name].reshape(count, *shape)
                file[v.name][first : first + count] = block
            first += count


def _write_time(file: Any, times: Array, seconds: float) -> None:
    file.createDimension("time", len(times))
    file.createDimension("bounds", 2)
    time = file.createVariable("time", "f8", ("time",))
    time.setncatts(
        {
            "standard_name": "time", "calendar": "standard", "axis": "T",
            "units": "seconds since 1970-01-01 00:00:00", "bounds": "time_bounds",
            "comment": "beginning of the step, UTC",
        }
    )  # fmt: skip
    time[:] = times
    bounds = file.createVariable("time_bounds", "f8", ("time", "bounds"))
    bounds[:] = np.column_stack((times, times + seconds))


def _write_grid(
    file: Any, number: int, grid: GridDescription, ids: Sequence[str]
) -> tuple[str, ...]:
    """Make the dimensions of a grid; return their names."""
    suffix = f"_{number}" if number else ""
    if grid.shape is None:
        file.createDimension("place", grid.size)
        names = file.createVariable("place_id", str, ("place",))
        names.cf_role = "timeseries_id"
        names[:] = np.array(list(ids), dtype=object)
        return ("place",)
    axes = ("z", "y", "x")[-len(grid.shape) :]
    for axis, size in zip(axes, grid.shape, strict=True):
        name = axis + suffix
        file.createDimension(name, size)
        coordinate = getattr(grid, axis, None)
        if coordinate is not None and len(coordinate) == size:
            file.createVariable(name, "f8", (name,))[:] = coordinate
    return tuple(axis + suffix for axis in axes)
