"""Stretches of days of a model on tensors, from changed stores with changed rain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..bundle import Bundle
from ..compose.simulation import Simulation
from ..errors import ConfigError, suggestion
from ..trainer.tasks.basins.data.basins import BasinData

__all__ = ["Stretches"]

Array = np.ndarray[Any, np.dtype[Any]]

_FLOW, _RAIN = "streamflow", "precipitation"


class Stretches:
    """Stretches of days of all basins, from changed stores with changed rain.

    Parameters
    ----------
    bundle : Bundle
        The model.
    data : BasinData
        Basins and their weather.
    stores : mapping of str to float
        Standard deviations of what is added to the logarithm of 1 and a store.
    precipitation : float
        Standard deviation of the logarithm by which that of a day is multiplied.
    days : int
        Of a window.

    Attributes
    ----------
    variances : ndarray
        (control,) of stores, then of the precipitation of each day of a window.

    Raises
    ------
    ConfigError
        When the model has no such store, or no precipitation.
    """

    def __init__(
        self,
        bundle: Bundle,
        data: BasinData,
        stores: Mapping[str, float],
        precipitation: float,
        days: int,
    ) -> None:
        self._model = bundle.model().double().eval()
        whole = data.dated_forcing()
        self._forcing = {
            name: torch.from_numpy(np.asarray(whole[name], dtype=np.float64))
            for name in self._model.forcings
        }
        names = [*self._model.attributes, "latitude"]
        self._attributes = {
            name: torch.from_numpy(np.asarray(data.attributes[name], dtype=np.float64))
            for name in dict.fromkeys(names)
        }
        if _RAIN not in self._forcing:
            raise ConfigError(f"variational: {bundle.name!r} reads no precipitation")
        # Of the places in states, which may have entries before and sets after them.
        one, two = (self._model.initial_state(places) for places in (1, 2))
        self._axes = {
            name: [a == b for a, b in zip(x.shape, two[name].shape, strict=True)].index(
                False
            )
            for name, x in one.items()
        }
        self._stores = self._named(stores)
        self.variances = np.square([*stores.values(), *[precipitation] * days])
        self._runs: dict[int, Simulation] = {}

    def _named(self, stores: Mapping[str, float]) -> list[str]:
        """Return the names of stores in a state of the model."""
        names = {name.partition(".")[2]: name for name in self._model.initial_state(1)}
        for name in stores:
            if name not in names:
                raise ConfigError(
                    f"variational: stores: no {name!r}{suggestion(name, names)}"
                )
        return [names[name] for name in stores]

    def reached(self, day: int) -> dict[str, Tensor]:
        """Return the state at the start of a day of the model alone."""
        with torch.no_grad():
            forcing = {name: x[:day] for name, x in self._forcing.items()}
            return self._model.simulate(forcing, self._attributes).state

    def run(
        self, controls: Tensor, state: Mapping[str, Tensor], first: int, end: int
    ) -> Tensor:
        """Return the flow of days from a first to before an end, (…, basin, 1, day)."""
        lead = controls.shape[:-3]
        flow, _ = self._ran(controls, state, first, end)
        return flow.reshape(-1, *lead, controls.shape[-3], 1).movedim(0, -1)

    def flow(
        self, controls: Array, state: Mapping[str, Tensor], first: int, end: int
    ) -> Array:
        """Return the flow of days from a first to before an end, (day, basin)."""
        with torch.no_grad():
            flow, _ = self._ran(torch.from_numpy(controls), state, first, end)
        return flow.numpy()

    def next_state(
        self, controls: Array, state: Mapping[str, Tensor], first: int
    ) -> dict[str, Tensor]:
        """Return the state a day later."""
        with torch.no_grad():
            _, after = self._ran(torch.from_numpy(controls), state, first, first + 1)
        return after

    def _ran(
        self, controls: Tensor, state: Mapping[str, Tensor], first: int, end: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return flow, (day, place), and the state after, of copies of the basins."""
        rows = controls.reshape(-1, controls.shape[-1])
        copies = len(rows) // len(next(iter(self._attributes.values())))
        run, stores = self._simulation(copies), len(self._stores)
        start = {
            name: _repeated(x, copies, self._axes[name]) for name, x in state.items()
        }
        for k, name in enumerate(self._stores):
            x = start[name]
            shape = [1] * x.ndim
            shape[self._axes[name]] = -1
            factor = rows[:, k].exp().reshape(shape)
            start[name] = ((1.0 + x) * factor - 1.0).clamp(min=0.0)
        forcing = {
            name: _repeated(x[first:end], copies, 1)
            for name, x in self._forcing.items()
        }
        rain = rows[:, stores:].T[: end - first].exp()
        series = forcing[_RAIN]
        changed = series[: len(rain)] * rain
        forcing[_RAIN] = torch.cat([changed, series[len(rain) :]])
        answers = run.advance(forcing, start, end - first, (_FLOW,))
        return answers.outputs[_FLOW], answers.state

    def _simulation(self, copies: int) -> Simulation:
        """Return a run of copies of the basins, whose parameters are computed once."""
        if copies not in self._runs:
            run = Simulation(self._model, self._model.plan, (_FLOW,))
            attributes = {n: x.repeat(copies) for n, x in self._attributes.items()}
            forcing = {n: x[:1].repeat(1, copies) for n, x in self._forcing.items()}
            with torch.no_grad():
                run.series(forcing, attributes, None, None)
                run.constants(attributes)
            self._runs[copies] = run
        return self._runs[copies]


def _repeated(x: Tensor, copies: int, axis: int) -> Tensor:
    times = [1] * x.ndim
    times[axis] = copies
    return x if copies == 1 else x.repeat(times)
