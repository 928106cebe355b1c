"""Fields as tensors: anomalies, what is usual, and windows of what follows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....config import expanded
from ....data.fields import read_fields, read_mask, refuse_uneven
from ....errors import DataError
from ...sampler import Positions
from .climatology import Climatology, day_of_year
from .experiment import DataSpec, Dates, Experiment
from .rollouts import RollOuts

__all__ = ["Batch", "FieldSamples", "RollOutSampler", "between"]

Array = NDArray[np.float64]

CLOCK = "day_of_year"

_YEAR = 365.25
"""Days."""


class Batch(TypedDict):
    """Windows, float32; B of them, of L steps.

    ``state``
        By name without part: ``(B, row, column)``, or ``(entry, B, row, column)``.
    ``forcing``
        ``day_of_year``, ``(L, B, row, column)``, of the steps that are to come.
    ``targets``
        By name of the state, ``(L, B, row, column)``.
    """

    state: dict[str, Tensor]
    forcing: dict[str, Tensor]
    targets: dict[str, Tensor]


@dataclass(frozen=True)
class FieldSamples:
    """Anomalies of fields over all time.

    Parameters
    ----------
    begins : (T,) datetime64
        When steps begin.
    y, x : (row,), (column,) array
        Where rows and columns are.
    mask : (row, column) array of bool
        Cells that belong to the system.
    anomalies : dict of str to (T, row, column) array
        By state, 0 outside the mask.
    climatology : dict of str to Climatology
        By state; none where nothing is taken off.
    history : dict of str to (str, int)
        State that entries are of, and their number, by name.
    """

    begins: NDArray[np.datetime64]
    y: Array
    x: Array
    mask: NDArray[np.bool_]
    anomalies: dict[str, Array]
    climatology: dict[str, Climatology]
    history: dict[str, tuple[str, int]]

    @classmethod
    def read(cls, spec: DataSpec, train: Dates, sizes: dict[str, int]) -> FieldSamples:
        """Return the fields of a file.

        Parameters
        ----------
        spec : DataSpec
            Where they are.
        train : (str, str)
            First and last step of those that the climatology is of.
        sizes : dict of str to int
            Entries of the states of the model.

        Raises
        ------
        ConfigError, DataError
            The file is not there or does not suit, or numbers are missing inside the
            mask.
        """
        path = expanded(spec.source, "data.source")
        fields = read_fields(path, list(spec.variables.values()))
        refuse_uneven(fields.begins, str(path))
        finite = {n: np.isfinite(fields.values[v]) for n, v in spec.variables.items()}
        mask = (
            np.logical_and.reduce([x.all(0) for x in finite.values()])
            if spec.mask is None
            else read_mask(path, spec.mask)
        )
        learned = between(fields.begins, train)
        anomalies, climatology = {}, {}
        for name, variable in spec.variables.items():
            x = np.where(mask, fields.values[variable], 0.0)
            _refuse_gaps(f"{path}: {variable}", x, fields.begins)
            if spec.climatology != "none":
                usual = Climatology.fit(
                    x[learned], fields.begins[learned], spec.climatology
                )
                climatology[name] = usual
                x = x - usual.at(fields.begins)
            anomalies[name] = x
        history = {name: (of, sizes[name]) for name, of in spec.history.items()}
        return cls(
            fields.begins, fields.y, fields.x, mask, anomalies, climatology, history
        )

    @property
    def weights(self) -> Array:
        """(row, column) share of each cell, by cos y; 0 outside the mask."""
        weights = np.cos(np.radians(self.y))[:, None] * self.mask
        shares: Array = weights / weights.sum()
        return shares

    @property
    def reach(self) -> int:
        """Steps before the present that a state knows of."""
        return max((size for _, size in self.history.values()), default=0)

    def steps(self, period: Dates) -> range:
        """Return the positions of the steps of a period.

        Raises
        ------
        DataError
            The file does not have all of it.
        """
        at = np.flatnonzero(between(self.begins, period))
        ends = [str(self.begins[k]) for k in at[[0, -1]]] if at.size else ["", ""]
        if not all(e.startswith(p) for e, p in zip(ends, period, strict=True)):
            raise DataError(
                f"periods: {period[0]} to {period[1]}: the file has "
                f"{self.begins[0]!s:.10} to {self.begins[-1]!s:.10}"
            )
        return range(int(at[0]), int(at[-1]) + 1)

    def starts(self, period: Dates, lead: int) -> NDArray[np.intp]:
        """Return where forecasts begin whose start and last step are in a period."""
        steps = self.steps(period)
        first = max(steps.start, self.reach)
        return np.arange(first, steps.stop - lead, dtype=np.intp)

    def cells(self, name: str, at: Any = slice(None)) -> Array:
        """Return anomalies of the cells that belong to the system, (time, cell)."""
        anomalies: Array = self.anomalies[name][at][:, self.mask]
        return anomalies

    def cut(self, start: Positions, length: int) -> Batch:
        """Return windows that begin with the state at some steps."""
        ahead = start + 1 + np.arange(length)[:, None]
        state = {n: _tensor(x[start]) for n, x in self.anomalies.items()}
        for name, (of, size) in self.history.items():
            before = start - 1 - np.arange(size)[:, None]
            state[name] = _tensor(self.anomalies[of][before])
        targets = {n: _tensor(x[ahead]) for n, x in self.anomalies.items()}
        return Batch(state=state, forcing=self.clock(ahead), targets=targets)

    def clock(self, steps: NDArray[np.intp]) -> dict[str, Tensor]:
        """Return the day of the year on which steps begin, also beyond the file.

        Parameters
        ----------
        steps : (L, B) array of int
            Positions.

        Returns
        -------
        dict of str to Tensor
            ``day_of_year``, (L, B, row, column).
        """
        clock = _tensor(self._days(steps))[..., None, None]
        return {CLOCK: clock.expand(*steps.shape, *self.mask.shape)}

    def turns(self, steps: NDArray[np.intp]) -> Array:
        """Return the angle of the year in the middle of steps, as models have it."""
        length = float(np.diff(self.begins).mean() / np.timedelta64(1, "D"))
        middle = self._days(steps) - 1.0 + 0.5 * length
        angle: Array = 2.0 * np.pi * middle / _YEAR
        return angle

    def _days(self, steps: NDArray[np.intp]) -> Array:
        if self.by_months:
            # Were all years alike and months of one length.
            months = self.begins[0].astype("datetime64[M]").astype(int) + steps
            first: Array = 1.0 + _YEAR / 12.0 * (months % 12)
            return first
        length = self.begins[1] - self.begins[0]
        return day_of_year(self.begins[0] + steps * length).astype(np.float64)

    @property
    def by_months(self) -> bool:
        """Whether steps are months, whose lengths differ."""
        return len({*np.diff(self.begins).tolist()}) > 1

    def fingerprint(self, period: Dates) -> str:
        """Return a hash of the anomalies of a period."""
        digest = hashlib.sha256()
        steps = self.steps(period)
        for name, x in self.anomalies.items():
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(x[steps.start : steps.stop]).data)
        return digest.hexdigest()


class RollOutSampler(RollOuts[Batch]):
    """Windows of growing length, some with the opposite sign, and disturbed.

    Parameters
    ----------
    samples : FieldSamples
        What windows are cut from.
    experiment : Experiment
        Its periods, roll-outs and signs.
    steps, total : int
        Batches in a pass, and in all.
    """

    def __init__(
        self, samples: FieldSamples, experiment: Experiment, steps: int, total: int
    ) -> None:
        self.samples = samples
        self.mirrored, self.noise = experiment.mirrored, experiment.noise
        rollout = experiment.rollout
        super().__init__(
            samples.starts(experiment.periods.train, max(rollout.steps)), rollout,
            size=experiment.training.batch, steps=steps, total=total,
            seed=experiment.seed,
        )  # fmt: skip

    def window(self, begin: NDArray[np.intp], length: int) -> Batch:
        """Return windows of a length."""
        batch = self.samples.cut(begin, length)
        if self.mirrored:
            signs = self.generator.choice((-1.0, 1.0), size=len(begin))
            sign = _tensor(signs)[:, None, None]
            for part in (batch["state"], batch["targets"]):
                part.update({n: x * sign for n, x in part.items()})
        if self.noise:
            inside = _tensor(self.samples.mask.astype(np.float64)) * self.noise
            for name, x in batch["state"].items():
                drawn = self.generator.standard_normal(x.shape, dtype=np.float32)
                batch["state"][name] = x + torch.from_numpy(drawn) * inside
        return batch


def batches(starts: NDArray[np.intp], at_once: int) -> Iterator[NDArray[np.intp]]:
    """Yield some starts after the others."""
    for first in range(0, len(starts), at_once):
        yield starts[first : first + at_once]


def between(begins: NDArray[np.datetime64], period: Dates) -> NDArray[np.bool_]:
    """Return which steps begin in a period."""
    first, last = (np.datetime64(text) for text in period)
    after = begins.astype(first.dtype) >= first
    inside: NDArray[np.bool_] = after & (begins.astype(last.dtype) <= last)
    return inside


def _refuse_gaps(what: str, values: Array, begins: NDArray[np.datetime64]) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        step, row, column = (int(k[0]) for k in np.nonzero(bad))
        raise DataError(
            f"{what}: is missing in {begins[step]!s:.10} at row {row}, column "
            f"{column}, inside the mask"
        )


def _tensor(values: Array) -> Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))
