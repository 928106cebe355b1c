"""Many steps on forcing that is known beforehand, with few calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..kernels.stepper import Stepper
from .runner import Runner

__all__ = ["Stretch"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_NUMBERS = 1 << 19
"""Recorded at once: 4 MB."""

_FEW = 16
"""Places above which a call costs less than looking at each member in a second run."""


class Stretch:
    """Steps of a runner that can be run again and again.

    Where kernels run all stages, each stage makes many steps in one call; the numbers
    are those of :meth:`~.runner.Runner.advance`, step by step.

    Parameters
    ----------
    runner : Runner
        The model; its host takes part in nothing of this, and its clock stands still.
    forcing : mapping of str to ndarray
        (step, place): all the forcings, and what the calendar gives, by name.
    watched : sequence of str
        Stores whose lowest values are wanted; none is ever negative.

    Attributes
    ----------
    in_kernels : bool
        Whether steps are made many at a time. Networks that step as well, steps that
        are gathered, many places, or a missing kernel do not permit it.
    """

    def __init__(
        self, runner: Runner, forcing: Mapping[str, Array], watched: Sequence[str]
    ) -> None:
        self._runner, self._given = runner, forcing
        self.in_kernels = len(runner.ids) <= _FEW and _in_kernels(runner)
        shown = runner.stages.shown
        self._watched = [name for name in watched if name in shown]
        self.stores = runner.storage.stores(self._watched)
        self._pieces: list[_Piece] = []
        if self.in_kernels:
            steps, places = next(iter(forcing.values())).shape
            most = max(1, _NUMBERS // (places * max(1, len(runner.output))))
            self._pieces = [
                _Piece(runner, _rows(forcing, first, most), self._watched)
                for first in range(0, steps, most)
            ]

    def run(self) -> list[Array]:
        """Make the steps; return the lowest of each watched store, (place, member).

        Raises
        ------
        DataError, StateError
            As :meth:`~.runner.Runner.advance`.
        """
        least = [np.full_like(store, np.inf) for store in self.stores]
        if not self._pieces:
            self._one_by_one(least)
        else:
            self._runner.parameterize()
        for piece in self._pieces:
            piece.run(least)
        return least

    def _one_by_one(self, least: Sequence[Array]) -> None:
        runner = self._runner
        arrays = {**runner.forcing, **runner.dates}
        for step in range(len(next(iter(self._given.values())))):
            for name, series in self._given.items():
                arrays[name][:] = series[step]
            runner.advance()
            for lowest, store in zip(least, self.stores, strict=True):
                np.minimum(lowest, store, out=lowest)


def _in_kernels(runner: Runner) -> bool:
    """Return whether kernels make all of a step, and nothing is gathered in between."""
    operation = runner.operation
    return not (operation.waits or operation.lags) and all(
        isinstance(stepper := runner.steppers.get(k), Stepper) and stepper.compiled
        for k in range(len(runner.stages.sequence))
    )


def _rows(arrays: Mapping[str, Array], first: int, count: int) -> dict[str, Array]:
    return {name: series[first : first + count] for name, series in arrays.items()}


class _Piece:
    """Successive steps of which all is recorded at once."""

    def __init__(
        self, runner: Runner, forcing: Mapping[str, Array], watched: Sequence[str]
    ) -> None:
        self._runner, self._watched = runner, watched
        steps, places = next(iter(forcing.values())).shape
        self._recorded = {name: np.empty((steps, places)) for name in runner.output}
        self._series = {**forcing, **self._recorded}
        self._calls = [
            stepper.stretch(
                {name: self._series[name[2:]] for name in stepper.layout.forcings},
                {name: self._recorded[name[2:]] for name in stepper.layout.outputs},
            )
            for stepper in self._steppers()
        ]

    def _steppers(self) -> Iterator[Stepper]:
        for stepper in self._runner.steppers.values():
            assert isinstance(stepper, Stepper)
            yield stepper

    def run(self, least: Sequence[Array]) -> None:
        """Make the steps, and bring the lowest values of watched stores up to date."""
        before = [
            {name: array.copy() for name, array in stepper.state.items()}
            for stepper in self._steppers()
        ]
        for call in self._calls:
            if call():
                raise self._runner.not_finite()
        for name, series in self._recorded.items():
            self._runner.output[name][:] = series[-1]
        minima = {}
        for name, lowest in zip(self._watched, least, strict=True):
            # Where the mean of the members is nothing, each of them is.
            empty = (self._recorded[name] == 0.0).any(axis=0)
            lowest[empty] = 0.0
            if lowest.any():
                minima[f"q.{name}"] = lowest
        for stepper, state in zip(self._steppers(), before, strict=True):
            some = {n: x for n, x in minima.items() if n in stepper.layout.outputs}
            if some:
                for name, array in stepper.state.items():
                    array[...] = state[name]
                self._seek(stepper, some)

    def _seek(self, stepper: Stepper, minima: Mapping[str, Array]) -> None:
        """Make the steps of a stage once more, and look at the stores of each member.

        Parameters
        ----------
        stepper : Stepper
            The stage, in the state from which the steps begin.
        minima : mapping of str to ndarray
            (place, member) by output name, brought up to date.
        """
        steps, places = next(iter(self._series.values())).shape
        members = next(iter(minima.values())).shape[1]
        most = max(1, _NUMBERS // (places * members))
        nobody = np.empty((1, places, members))
        for first in range(0, steps, most):
            count = min(most, steps - first)
            shape = count, places, members
            # What is not looked at is written again and again to one place.
            output = dict.fromkeys(
                stepper.layout.outputs, np.broadcast_to(nobody, shape)
            )
            output |= {name: np.empty(shape) for name in minima}
            part = _rows(self._series, first, count)
            forcing = {name: part[name[2:]] for name in stepper.layout.forcings}
            stepper.stretch(forcing, output)()
            for name, lowest in minima.items():
                _, store = self._runner.stages.shown[name[2:]]
                factor = self._runner.operation.factor(store)
                np.minimum(lowest, output[name].min(axis=0) / factor, out=lowest)
