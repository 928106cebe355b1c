"""Windows of states and forcing, read when they are asked for."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .....config import expanded
from .....data.stored_fields import FieldFiles, StoredFields, YearFiles, evenly
from .....errors import ConfigError, DataError
from .....space import Grid
from .....variables import Forcing, State
from ..experiment import Dates
from ..samples import between
from .experiment import LevelData
from .onto import Onto, onto
from .placed import open_faces, placed
from .usual import Usual

__all__ = ["Batch", "LevelSamples"]

Array = NDArray[np.float64]
Steps = NDArray[np.intp]

_log = logging.getLogger(__name__)


class Batch(TypedDict):
    """Windows, float32; B of them, of L steps of the data with n of the model each.

    ``state``
        By name without part, (B, *field), or (entry, B, *field).
    ``forcing``
        By name, (L n, B, row, column).
    ``targets``
        By name of the state, (L, B, *field).
    """

    state: dict[str, Tensor]
    forcing: dict[str, Tensor]
    targets: dict[str, Tensor]


@dataclass(frozen=True)
class LevelSamples:
    """States and forcing of files on the grid of a model.

    Parameters
    ----------
    spec : LevelData
        Where they come from.
    store : StoredFields
        The files.
    grid : Grid
        Where the model lives.
    onto : callable
        Brings fields of the files to the grid.
    land : (level, row, column) array of bool
        Where fields of the files stand for no part of the system, by ``spec.land``.
    states : dict of str to State
        States that are read.
    earlier : dict of str to (str, int)
        States of earlier values, what these are of, and how many, by name.
    forcings : tuple of str
        What the model is forced by.
    parts : int
        Steps of the model in one of the data.
    sea : (level, row, column) array
        1 inside the system.
    usual : Usual
        Climatology and usual sizes, of the steps to learn from.
    """

    spec: LevelData
    store: StoredFields
    grid: Grid
    onto: Onto
    land: NDArray[np.bool_]
    states: dict[str, State]
    earlier: dict[str, tuple[str, int]]
    forcings: tuple[str, ...]
    parts: int
    sea: Array
    usual: Usual

    @classmethod
    def open(
        cls,
        spec: LevelData,
        train: Dates,
        grid: Grid,
        states: dict[str, State],
        forcings: tuple[Forcing, ...],
        seconds: float,
    ) -> LevelSamples:
        """Open files, and look at the steps to learn from.

        Parameters
        ----------
        spec : LevelData
            Where the fields are.
        train : (str, str)
            First and last step to learn from.
        grid : Grid
            Where the model lives.
        states : dict of str to State
            Those of the model.
        forcings : tuple of Forcing
            Those of the model.
        seconds : float
            Length of its step.

        Raises
        ------
        ConfigError, DataError, UnitsError
            Files are not there, or do not suit the model.
        """
        declared = (*states.values(), *forcings)
        store = opened(spec, {v.name: v.units for v in declared})
        forced = tuple(f.name for f in forcings)
        read = {n: s for n, s in states.items() if n in spec.names}
        lacking = [n for n in forced if n not in (*spec.names, *spec.usual)]
        lacking += [n for n in states if n not in (*spec.names, *spec.history)]
        if lacking:
            raise ConfigError(f"data: nothing is read for {lacking[0]!r} of the model")
        brought = onto(spec.source, store.y, store.x, grid, regrid=spec.regrid)
        learned = _within(store, train, 2)
        names = tuple(n for n in spec.names if n in (*read, *forced))

        first = {n: x[0] for n, x in store.read(learned[:1], names).items()}
        land = _land(spec, [first[n] for n, state in read.items() if state.axes])

        def cells(step: int) -> dict[str, Array]:
            found = store.read(np.array([step]), names)
            return {
                n: brought(_without(x[0], land) if n in read else x[0])
                for n, x in found.items()
            }

        sea = _sea(spec, cells(int(learned[0])), read, grid)
        chosen = learned[:: -(-learned.size // spec.looked_at)]
        usual = Usual.of(
            (cells(int(k)) for k in chosen), store.begins[chosen], sea,
            np.cos(np.radians(grid.nodes("y"))), tuple(read),
        )  # fmt: skip
        earlier = {n: (of, states[n].size) for n, of in spec.history.items()
                   if n in states}  # fmt: skip
        return cls(
            spec, store, grid, brought, land, read, earlier, forced,
            _parts(spec, store, seconds), sea, usual,
        )  # fmt: skip

    def starts(self, period: Dates, lead: int) -> Steps:
        """Return where windows begin that start and end in a period, without a gap."""
        begins = self.store.begins
        inside = np.flatnonzero(between(begins, period))
        if not inside.size:
            return inside
        step = begins[1] - begins[0]
        before = max((size for _, size in self.earlier.values()), default=0)
        first = evenly(begins, inside[inside >= before] - before, before, step) + before
        return evenly(begins[: inside[-1] + 1], first, lead, step)

    def cells(self, steps: Steps, names: tuple[str, ...]) -> dict[str, Array]:
        """Return fields at cells, (step, level, row, column), 0 outside the system.

        Raises
        ------
        DataError
            A number is missing inside.
        """
        found = {}
        for name, x in self.store.read(steps, names).items():
            if name not in self.states:
                own = self.onto(x)
            else:
                own = self.onto(_without(x, self.land))
                own = np.where(self.sea[: own.shape[1]] > 0.0, own, 0.0)
            _refuse_gaps(f"{self.spec.source}: {name}", own, self.store.begins[steps])
            found[name] = own
        return found

    def fields(self, name: str, cells: Array) -> Array:
        """Return fields of cells where a state stands and with the axes that it has."""
        state = self.states[name]
        sea = self.sea[: cells.shape[1]]
        found = placed(cells, state.at, self.grid, sea)
        return found if state.axes else found[:, 0]

    def cut(self, start: Steps, length: int) -> Batch:
        """Return windows that begin with the state at some steps."""
        before = max((size for _, size in self.earlier.values()), default=0)
        offsets = np.arange(-before, length + 1)
        every = np.add.outer(offsets, start)
        outside = tuple(n for n in self.forcings if n in self.spec.names)
        read = self.cells(every.reshape(-1), (*self.states, *outside))
        shaped = {n: x.reshape(*every.shape, *x.shape[1:]) for n, x in read.items()}
        state, targets = {}, {}
        for name in self.states:
            x = np.stack([self.fields(name, one) for one in shaped[name]])
            state[name] = _tensor(x[before])
            targets[name] = _tensor(x[before + 1 :])
            for other, (of, size) in self.earlier.items():
                if of == name:
                    past = x[before - size : before][::-1]
                    state[other] = _tensor(past if size > 1 else past[0])
        given = {n: shaped[n][before:, :, 0] for n in outside}
        return Batch(state=state, forcing=self._forced(given, start, length),
                     targets=targets)  # fmt: skip

    def _forced(
        self, given: dict[str, Array], start: Steps, length: int
    ) -> dict[str, Tensor]:
        """Return forcing at the steps of the model, between those of the data."""
        share = (np.arange(length * self.parts) + 0.5) / self.parts
        day, part = share.astype(int), (share % 1.0)[:, None, None, None]
        found = {}
        for name, x in given.items():
            if self.spec.forcing == "persisted":
                x = np.broadcast_to(x[:1], x.shape)
            found[name] = _tensor((1.0 - part) * x[day] + part * x[day + 1])
        for name, of in self.spec.usual.items():
            if name in self.forcings:
                days = self.store.begins[np.add.outer(day, start)]
                first = self.usual.climatology[of].at(days.reshape(-1))[:, 0]
                found[name] = _tensor(first.reshape(*days.shape, *first.shape[1:]))
        return found

    def weights(self, name: str) -> Array:
        """Return how much numbers of a state count, (level, row, column) or less.

        By cos y inside the system; the weights of a level have the sum one.
        """
        state = self.states[name]
        sea = self.sea if state.axes else self.sea[:1]
        is_open = open_faces(state.at, self.grid, sea)
        y = np.cos(np.radians(self.grid.nodes("y", state.at)))[:, None]
        weights = is_open * y
        total = weights.sum((-2, -1), keepdims=True)
        found: Array = weights / np.where(total > 0.0, total, 1.0)
        return found if state.axes else found[0]

    def spread(self, name: str) -> Array:
        """Return the usual size of anomalies of a state, by level if it has any."""
        found = self.usual.spread[name]
        return found[:, None, None] if self.states[name].axes else found[0]

    def fingerprint(self, period: Dates) -> str:
        """Return a hash of when steps of a period are, and of the first and last.

        Raises
        ------
        DataError
            There are none.
        """
        inside = _within(self.store, period, 1)
        digest = hashlib.sha256(self.store.begins[inside].tobytes())
        digest.update(self.sea.tobytes())
        for name, x in self.cells(inside[[0, -1]], tuple(self.states)).items():
            digest.update(name.encode() + np.ascontiguousarray(x).tobytes())
        return digest.hexdigest()


def opened(spec: LevelData, units: Mapping[str, str]) -> StoredFields:
    """Return the files of an experiment, opened as what they are, in some units."""
    path = expanded(spec.source, "data.source")
    if spec.channels:
        return YearFiles(path, spec.dataset, spec.channels, spec.rows, spec.columns)
    some = sorted(path.glob("*.nc")) if path.is_dir() else []
    return FieldFiles(some or [path], spec.variables, units)


def _within(store: StoredFields, period: Dates, least: int) -> Steps:
    """Return the positions of the steps of a period, which must be some."""
    found: Steps = np.flatnonzero(between(store.begins, period))
    if found.size < least:
        raise DataError(
            f"periods: {period[0]} to {period[1]}: the files have "
            f"{store.begins[0]!s:.10} to {store.begins[-1]!s:.10}"
        )
    return found


def _parts(spec: LevelData, store: StoredFields, seconds: float) -> int:
    """Return how many steps of a model are one of the data."""
    step = float((store.begins[1] - store.begins[0]) / np.timedelta64(1, "s"))
    if step % seconds:
        raise ConfigError(
            f"model.seconds: found {seconds:g}, expected a whole part of the {step:g} "
            f"s between two steps of {spec.source}"
        )
    return round(step / seconds)


def _land(spec: LevelData, levels: Sequence[Array]) -> NDArray[np.bool_]:
    """Return where all states on levels have the number that stands for land."""
    if spec.land is None or not levels:
        return np.zeros((1, 1, 1), bool)
    found: NDArray[np.bool_] = np.all([x == spec.land for x in levels], axis=0)
    return found


def _without(x: Array, land: NDArray[np.bool_]) -> Array:
    """Return fields that are missing on land."""
    return np.where(land[: x.shape[-3]], np.nan, x)


def _sea(
    spec: LevelData, first: dict[str, Array], states: dict[str, State], grid: Grid
) -> Array:
    """Return where the system is: below cells that are none, there is none."""
    known = grid.open_at("cell", ("level",)).astype(bool)
    for name, state in states.items():
        x = first[name]
        if x.shape[0] != (known.shape[0] if state.axes else 1):
            raise DataError(
                f"{spec.source}: {name}: found {x.shape[0]} levels, the model has "
                f"{known.shape[0] if state.axes else 'one field'}"
            )
        known = known & np.isfinite(x)
    sea = np.cumprod(known, axis=0).astype(np.float64)
    _log.info("%s: %d of %d cells belong to the system", spec.source,
              int(sea.sum()), sea.size)  # fmt: skip
    return sea


def _refuse_gaps(what: str, values: Array, begins: NDArray[np.datetime64]) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        step, *where = (int(k[0]) for k in np.nonzero(bad))
        raise DataError(
            f"{what}: is missing on {begins[step]!s:.10} at level, row, column "
            f"{tuple(where)}, inside the system"
        )


def _tensor(values: Any) -> Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))
