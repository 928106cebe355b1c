"""Windows of states and forcing, read when they are asked for."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
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
from .field_statistics import FieldStatistics
from .model_fields import ModelFields
from .selection import Onto, onto
from .staggering import open_faces, placed

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
    model_fields : callable
        Brings fields of the files to the units and levels of the model.
    onto : callable
        Brings them to its grid.
    land : (level, row, column) array of bool
        Where fields of the files stand for no part of the system, by ``spec.land``.
    states : dict of str to State
        States that are read.
    earlier : dict of str to (str, int)
        States of earlier values, what these are of, and how many, by name.
    forcings : dict of str to Forcing
        What the model is forced by.
    parts : int
        Steps of the model in one of the data.
    sea : (level, row, column) array
        1 inside the system.
    usual : FieldStatistics
        Climatology and usual sizes, of the steps to learn from.
    """

    spec: LevelData
    store: StoredFields
    grid: Grid
    model_fields: ModelFields
    onto: Onto
    land: NDArray[np.bool_]
    states: dict[str, State]
    earlier: dict[str, tuple[str, int]]
    forcings: dict[str, Forcing]
    parts: int
    sea: Array
    usual: FieldStatistics

    @classmethod
    def open(
        cls,
        spec: LevelData,
        train: Dates,
        grid: Grid,
        states: dict[str, State],
        forcings: dict[str, Forcing],
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
        forcings : dict of str to Forcing
            Those of the model.
        seconds : float
            Length of its step.

        Raises
        ------
        ConfigError, DataError
            Files are not there, or do not suit the model.
        """
        store = opened(spec)
        file_states = {n: s for n, s in states.items() if n in spec.names}
        lacking = [n for n in forcings if n not in (*spec.names, *spec.usual)]
        lacking += [n for n in states if n not in (*spec.names, *spec.history)]
        if lacking:
            raise ConfigError(f"data: nothing is read for {lacking[0]!r} of the model")
        regridding = onto(spec.source, store.y, store.x, grid, regrid=spec.regrid)
        model_fields = ModelFields(
            spec.source, store, {**forcings, **file_states}, grid
        )
        learned = _within(store, train, 2)
        names = tuple(n for n in spec.names if n in (*file_states, *forcings))

        first = {n: x[0] for n, x in store.read(learned[:1], names).items()}
        land = _land(spec, [first[n] for n, state in file_states.items() if state.axes])

        def cells(step: int) -> dict[str, Array]:
            fields = store.read(np.array([step]), names)
            return {
                n: regridding(
                    model_fields(n, _without(x[0], land) if n in file_states else x[0])
                )
                for n, x in fields.items()
            }

        sea = _sea(spec, cells(int(learned[0])), file_states, grid)
        sample = learned[:: -(-learned.size // spec.looked_at)]
        usual = FieldStatistics.of(
            (cells(int(k)) for k in sample), store.begins[sample], sea,
            np.cos(np.radians(grid.nodes("y"))), tuple(file_states),
        )  # fmt: skip
        earlier = {n: (of, states[n].size) for n, of in spec.history.items()
                   if n in states}  # fmt: skip
        return cls(
            spec, store, grid, model_fields, regridding, land, file_states, earlier,
            forcings, _parts(spec, store, seconds), sea, usual,
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
        fields = {}
        for name, x in self.store.read(steps, names).items():
            if name not in self.states:
                field = self.onto(self.model_fields(name, x))
            else:
                field = self.onto(self.model_fields(name, _without(x, self.land)))
                field = np.where(self.sea[: field.shape[1]] > 0.0, field, 0.0)
            _refuse_gaps(f"{self.spec.source}: {name}", field, self.store.begins[steps])
            fields[name] = field
        return fields

    def fields(self, name: str, cells: Array) -> Array:
        """Return fields of cells where a state stands and with the axes that it has."""
        state = self.states[name]
        sea = self.sea[: cells.shape[1]]
        values = placed(cells, state.at, self.grid, sea)
        return values if state.axes else values[:, 0]

    def cut(self, start: Steps, length: int) -> Batch:
        """Return windows that begin with the state at some steps."""
        before = max((size for _, size in self.earlier.values()), default=0)
        offsets = np.arange(-before, length + 1)
        every = np.add.outer(offsets, start)
        outside = tuple(n for n in self.forcings if n in self.spec.names)
        cells = self.cells(every.reshape(-1), (*self.states, *outside))
        shaped = {n: x.reshape(*every.shape, *x.shape[1:]) for n, x in cells.items()}
        state, targets = {}, {}
        for name in self.states:
            x = np.stack([self.fields(name, one) for one in shaped[name]])
            state[name] = _tensor(x[before])
            targets[name] = _tensor(x[before + 1 :])
            for other, (of, size) in self.earlier.items():
                if of == name:
                    past = x[before - size : before][::-1]
                    state[other] = _tensor(past if size > 1 else past[0])
        fields = {n: shaped[n][before:, :, 0] for n in outside}
        return Batch(state=state, forcing=self._forced(fields, start, length),
                     targets=targets)  # fmt: skip

    def _forced(
        self, fields: dict[str, Array], start: Steps, length: int
    ) -> dict[str, Tensor]:
        """Return forcing at the steps of the model, between those of the data."""
        share = (np.arange(length * self.parts) + 0.5) / self.parts
        day, part = share.astype(int), (share % 1.0)[:, None, None, None]
        forcing = {}
        for name, x in fields.items():
            if self.spec.forcing == "persisted":
                x = np.broadcast_to(x[:1], x.shape)
            forcing[name] = _tensor((1.0 - part) * x[day] + part * x[day + 1])
        for name, of in self.spec.usual.items():
            if name in self.forcings:
                days = self.store.begins[np.add.outer(day, start)]
                first = self.usual.climatology[of].at(days.reshape(-1))[:, 0]
                forcing[name] = _tensor(first.reshape(*days.shape, *first.shape[1:]))
        return forcing

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
        shares: Array = weights / np.where(total > 0.0, total, 1.0)
        return shares if state.axes else shares[0]

    def spread(self, name: str) -> Array:
        """Return the usual size of anomalies of a state, by level if it has any."""
        spread = self.usual.spread[name]
        return spread[:, None, None] if self.states[name].axes else spread[0]

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


def opened(spec: LevelData) -> StoredFields:
    """Return the files of an experiment, opened as what they are."""
    path = expanded(spec.source, "data.source")
    if spec.channels:
        return YearFiles(path, spec.dataset, spec.channels, spec.rows, spec.columns)
    some = sorted(path.glob("*.nc")) if path.is_dir() else []
    return FieldFiles(some or [path], spec.variables)


def _within(store: StoredFields, period: Dates, least: int) -> Steps:
    """Return the positions of the steps of a period, which must be some."""
    steps: Steps = np.flatnonzero(between(store.begins, period))
    if steps.size < least:
        raise DataError(
            f"periods: {period[0]} to {period[1]}: the files have "
            f"{store.begins[0]!s:.10} to {store.begins[-1]!s:.10}"
        )
    return steps


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
    land: NDArray[np.bool_] = np.all([x == spec.land for x in levels], axis=0)
    return land


def _without(x: Array, land: NDArray[np.bool_]) -> Array:
    """Return fields that are missing on land."""
    return np.where(land[: x.shape[-3]], np.nan, x)


def _sea(
    spec: LevelData, first: dict[str, Array], states: dict[str, State], grid: Grid
) -> Array:
    """Return where the system is: below cells that are none, there is none."""
    inside = grid.open_at("cell", ("level",)).astype(bool)
    for name, state in states.items():
        x = first[name]
        if x.shape[0] != (inside.shape[0] if state.axes else 1):
            raise DataError(
                f"{spec.source}: {name}: found {x.shape[0]} levels, the model has "
                f"{inside.shape[0] if state.axes else 'one field'}"
            )
        inside = inside & np.isfinite(x)
    sea = np.cumprod(inside, axis=0).astype(np.float64)
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
