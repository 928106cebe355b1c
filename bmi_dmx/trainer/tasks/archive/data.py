"""Archives as dense series on the entries of the state, and the system they are of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....assimilation.archive import read_archive
from ....assimilation.dynamics import Dynamics
from ....assimilation.experiment import Experiment as Twin
from ....assimilation.truth import Climate, climate_of, truth_of
from ....errors import DataError
from .experiment import DataSpec

__all__ = ["Series", "opened"]

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Series:
    """What there is to learn a filter from.

    Parameters
    ----------
    twin : Experiment
        The system, how it was observed, and when.
    dynamics : Dynamics
        The model of the filter.
    climate : Climate
        What that model does by itself.
    observed : ndarray
        (series, time, n) float32; NaN where nothing was observed.
    error : float
        Standard deviation of the errors.
    truth : ndarray or None
        (series, time, n), where it was asked for.
    """

    twin: Twin
    dynamics: Dynamics
    climate: Climate
    observed: Array
    error: float
    truth: Array | None

    @property
    def cycles(self) -> int:
        """How many times there are."""
        return int(self.observed.shape[1])

    @property
    def steps(self) -> int:
        """Steps of the model in a cycle."""
        return self.twin.system.steps(self.twin.cycle)

    def part(self, first: int, last: int) -> Series:
        """Return some of the times, the last not included."""
        truth = None if self.truth is None else self.truth[:, first:last]
        return replace(self, observed=self.observed[:, first:last], truth=truth)

    def fingerprint(self) -> str:
        """Return a hash of all that is learned from."""
        digest = hashlib.sha256(np.ascontiguousarray(self.observed).tobytes())
        if self.truth is not None:
            digest.update(np.ascontiguousarray(self.truth).tobytes())
        return digest.hexdigest()


def opened(spec: DataSpec, with_truth: bool) -> Series:
    """Return the series of an archive, or of observations that are made.

    Parameters
    ----------
    spec : DataSpec
        Where they come from.
    with_truth : bool
        Whether the truth is wanted; else it is not looked at.

    Raises
    ------
    ConfigError, DataError
        The archive cannot be used, or has not got what is wanted.
    """
    if spec.made is not None:
        synthetic = truth_of(spec.made)
        values = np.moveaxis(synthetic.values, 0, 1)
        entries = [
            synthetic.operators.entries(k) for k in range(synthetic.operators.phases)
        ]
        truth = np.moveaxis(synthetic.states[1:], 0, 1) if with_truth else None
        error = np.full(values.shape[-1], spec.made.observe.error)
        return _series("data.made", spec.made, values, entries, error, truth)
    assert spec.archive is not None
    archive = read_archive(spec.archive)
    if with_truth and archive.truth is None:
        raise DataError(
            f"{spec.archive}: variable 'truth' is missing, which the loss or data.noise"
            " ask for"
        )
    rows: list[Any] = [None if (row < 0).any() else row for row in archive.entries]
    truth = archive.truth if with_truth else None
    return _series(
        spec.archive, archive.experiment, archive.values, rows, archive.error, truth
    )


def _series(
    where: str,
    twin: Twin,
    values: NDArray[np.float64],
    entries: list[Any],
    error: NDArray[np.float64],
    truth: NDArray[np.float64] | None,
) -> Series:
    dynamics = twin.system.dynamics()
    if not np.all(error == error[0]):
        raise DataError(
            f"{where}: errors are {error.min():g} to {error.max():g}, expected one for "
            "all that is observed"
        )
    series, times, _ = values.shape
    observed = np.full((series, times, dynamics.size), np.nan, dtype=np.float32)
    for phase, at in enumerate(entries):
        # What is made of the whole state stands nowhere, and is not shown.
        if at is not None:
            every = slice(phase, None, len(entries))
            observed[:, every, at] = values[:, every]
    if np.isnan(observed).all():
        raise DataError(f"{where}: no value is of one entry of the state")
    states = None if truth is None else truth.astype(np.float32)
    climate = climate_of(twin, dynamics)
    return Series(twin, dynamics, climate, observed, float(error[0]), states)
