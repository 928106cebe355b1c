"""Forecast and learned analysis in turn, on tensors, and what is lost on the way."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ....assimilation.ensemble_inputs import analysis_inputs, entries_of, joined
from ....compose import Model
from ....compose.analysis import Analysis
from ....errors import ConfigError
from ....program import entry_names
from ....program.trace import call_step
from .data import Series

__all__ = ["CycleResult", "FilterCycle", "fair_crps"]

Memory = Mapping[str, Tensor]


@dataclass(frozen=True)
class CycleResult:
    """One cycle: (stream, m, n) before and after the analysis, and the memory."""

    forecast: Tensor
    analysis: Tensor
    memory: dict[str, Tensor]


class FilterCycle:
    """The model of a filter and its analysis, which a network learns.

    Parameters
    ----------
    model : Model
        With the analysis.
    part : str
        Name of it.
    series : Series
        With the system.
    limit : float
        Standard deviations from the mean at which states are held.

    Raises
    ------
    ConfigError
        When the analysis is not of the states of the system, or of another ring.
    """

    def __init__(self, model: Model, part: str, series: Series, limit: float) -> None:
        process = model.processes[part]
        assert isinstance(process, Analysis)
        self.process, self.series = process, series
        self.names = [f.name for f in process.forcings]
        setup, dynamics = process.options, series.dynamics
        states = tuple(s.name for s in dynamics.states)
        if setup.states != states or any(s.size > 1 for s in dynamics.states):
            raise ConfigError(
                f"model.parts.{part}.options.states: found {', '.join(setup.states)}, "
                f"expected those of the system, {', '.join(states)}"
            )
        self.places = dynamics.size // len(states)
        if model.space is None or model.space.shape(process.states[0]) != (
            self.places,
        ):
            raise ConfigError(
                f"model.space: expected that of the system, a ring of {self.places}"
            )
        self.fields = entries_of(states, self.places)
        self.middle = torch.from_numpy(series.climate.mean).float()
        self.reach = limit * torch.from_numpy(series.climate.states.std(0)).float()

    def blank(self, streams: int, members: int) -> dict[str, Tensor]:
        """Return the memory of streams that have seen nothing."""
        shape = (streams, members, self.places)
        return {
            name: torch.full(shape, s.initial)
            for s in self.process.states
            for name in entry_names("s", s)
        }

    def run(
        self, ensemble: Tensor, memory: Memory, observed: Tensor, error: Tensor
    ) -> Iterator[CycleResult]:
        """Yield the cycles of a window.

        Parameters
        ----------
        ensemble : Tensor
            (stream, m, n) analyses before the first.
        memory : mapping of str to Tensor
            (stream, m, place).
        observed, error : Tensor
            (time, stream, n); NaN is missing.
        """
        for values, sizes in zip(observed, error, strict=True):
            forecast = self.held(self._propagated(ensemble))
            ensemble, memory = self._analysed(forecast, memory, values, sizes)
            yield CycleResult(forecast, ensemble, dict(memory))

    def _propagated(self, ensemble: Tensor) -> Tensor:
        """Return an ensemble a cycle later, stepped in double precision."""
        steps, dynamics = self.series.steps, self.series.dynamics
        return dynamics.differentiable(ensemble.double(), steps).to(ensemble.dtype)

    def held(self, ensemble: Tensor) -> Tensor:
        """Return states within what a system can be."""
        low, high = self.middle - self.reach, self.middle + self.reach
        return torch.maximum(torch.minimum(ensemble, high), low)

    def lost(self, ensemble: Tensor) -> Tensor:
        """Return which streams are held at a limit, or no numbers, (stream,)."""
        near = (ensemble - self.middle).abs() < 0.999 * self.reach
        return ~near.all(-1).all(-1)

    def _analysed(
        self, forecast: Tensor, memory: Memory, values: Tensor, sizes: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        values, sizes = values.unsqueeze(1), sizes.unsqueeze(1)
        observed = ~values.isnan()
        if self.process.options.perturbed:
            values = values + sizes * torch.randn_like(forecast)
        instead = forecast.detach()
        if self.process.options.form == "gain":
            instead = instead[:, torch.randperm(forecast.shape[1])]
        inputs = analysis_inputs(
            self.fields, self.names, forecast, torch.where(observed, values, instead),
            observed.to(forecast.dtype), sizes,
        )  # fmt: skip
        outputs = call_step(self.process, {**memory, **inputs})
        after = {name: outputs[name].expand_as(x) for name, x in memory.items()}
        return joined(self.fields, outputs, torch.cat), after


def fair_crps(members: Tensor, value: Tensor, error: float = 0.0) -> Tensor:
    """Return the fair continuous ranked probability score, (...).

    Ferro (2014), doi:10.1002/qj.2270: what it is expected to be of an ensemble of any
    size is what it is of the distribution that the members are drawn from. Errors of
    observation are not drawn but integrated over: each member stands for a normal
    distribution (Grimit et al. 2006, doi:10.1256/qj.05.235).

    Parameters
    ----------
    members : Tensor
        (..., m, p), at least two.
    value : Tensor
        (..., p) what was observed.
    error : float
        Standard deviation of its errors.
    """
    count = members.shape[-2]
    away = _distance(members - value.unsqueeze(-2), error).mean(-2)
    pairs = members.unsqueeze(-2) - members.unsqueeze(-3)
    both = error * math.sqrt(2.0)
    apart = _distance(pairs, both).sum((-3, -2)) - count * _distance(
        torch.zeros_like(value), both
    )
    return away - apart / (2.0 * count * (count - 1))


def _distance(x: Tensor, error: float) -> Tensor:
    """Return the mean of |x + e|, e being normal with a standard deviation."""
    if not error:
        return x.abs()
    z = x / error
    density = math.sqrt(2.0 / math.pi) * torch.exp(-0.5 * z**2)
    return error * (density + z * torch.erf(z / math.sqrt(2.0)))
