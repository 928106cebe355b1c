"""What is left of an error, as a network expects it that learned from past ones."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...operate.bundle_cache import bundle_named
from ...operate.ensemble import EnsembleRunner
from ...operate.repeated_warnings import warn_once
from ...operate.runner import Runner
from .error_network import ErrorNetwork, readings
from .remainder import LEAST, PRIOR, Remainder
from .settings import ObservedQuantity, RemainderSettings, span_of

__all__ = ["LearnedRemainder"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.intp]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

_log = logging.getLogger(__name__)


class LearnedRemainder:
    """An error beside what the members predict, expected by a network with a memory.

    To who uses it it is a :class:`.Remainder`, of which one goes on beside it and
    serves at places whose inputs are far from those of the training. Its variance is
    what the network missed of late, less what spread and errors of observation explain.

    Parameters
    ----------
    settings : RemainderSettings
        The bundle, and what is thought of the error where that does not serve.
    runner : EnsembleRunner
        The model.
    name : str
        What is observed of it.
    observed : ObservedQuantity
        How.

    Attributes
    ----------
    mean, variance : ndarray
        (place,) on the scale of what is observed.
    memory : dict of str to ndarray
        All that has to be remembered, the places last.

    Raises
    ------
    BundleError
        When there is no such bundle.
    ConfigError
        When it does not suit the model, or how it is observed.
    """

    def __init__(
        self,
        settings: RemainderSettings,
        runner: EnsembleRunner,
        name: str,
        observed: ObservedQuantity,
    ) -> None:
        assert settings.bundle is not None
        places, seconds = len(runner.ids), runner.operation.seconds
        self._bundle = bundle_named(settings.bundle, Path())
        self._network = ErrorNetwork(self._bundle, runner)
        self._network.refuse_other_scale(name, _units(runner, name), observed)
        self._read = readings(runner, self._network.reads)
        self._name, self._model = name, runner
        self._forward: ErrorNetwork | None = None
        self._plain = Remainder(settings, places, seconds)
        span = span_of("memory", settings.memory)
        self._keep = float(np.exp(-seconds / span)) if span > 0.0 else 1.0
        self._learns = span > 0.0
        count = max(1.0, PRIOR * span / seconds)
        self.mean, self.variance = np.zeros(places), np.full(places, settings.std**2)
        self._missed, self._previous = (np.full(places, np.nan) for _ in range(2))
        self._count = np.full(places, count)
        self._power = np.full(places, count * settings.std**2)
        self._explained = np.zeros(places)
        self.memory = {
            "mean": self.mean,
            "variance": self.variance,
            "missed": self._missed,
            "previous": self._previous,
            "count": self._count,
            "power": self._power,
            "explained": self._explained,
            **self._network.memory,
            **{f"plain.{n}": x for n, x in self._plain.memory.items()},
        }

    def parameterize(self) -> None:
        """Take over the attributes of the places."""
        self._network.parameterize()
        self._forward = None

    def step(self, predicted: Array) -> None:
        """Go on to the next step, of which the inputs alone are known.

        Parameters
        ----------
        predicted : ndarray
            (place,) mean of what the members predict, in units of the host.
        """
        self._plain.step()
        error, usual = self._network.step(
            predicted, self._previous, self._missed, self._read()
        )
        self._previous[:] = predicted
        if not usual.all():
            self._say(usual)
        residual = np.maximum(self._power - self._explained, LEAST * self._power)
        self.mean[:] = np.where(usual, error, self._plain.mean)
        self.variance[:] = np.where(usual, residual / self._count, self._plain.variance)
        self._missed.fill(np.nan)

    def _say(self, usual: Mask) -> None:
        warn_once(
            _log, f"{self._bundle.name} {self._name}",
            "%s: what %r expects to remain is far from what was learned at %d of %d "
            "places; an error of first order serves there, whenever that happens",
            self._name, self._bundle.name, int((~usual).sum()), usual.size,
        )  # fmt: skip

    def update(
        self, at: Indices, innovation: Array, spread: Array, error: Array, used: Mask
    ) -> None:
        """Take over what was seen; as of :meth:`.Remainder.update`."""
        some = at[used]
        before, variance = self.mean[some], self.variance[some]
        difference = innovation[used] + before
        noise = np.maximum(error[used] ** 2 - variance, 0.0)
        plain = np.zeros_like(error)
        plain[used] = np.sqrt(noise + self._plain.variance[some])
        deviation = np.zeros_like(innovation)
        deviation[used] = difference - self._plain.mean[some]
        self._plain.update(at, deviation, spread, plain, used)
        gain = variance / (spread[used] ** 2 + error[used] ** 2)
        if self._learns:
            for total, new in (
                (self._count, np.ones_like(difference)),
                (self._power, innovation[used] ** 2),
                (self._explained, spread[used] ** 2 + noise),
            ):
                total[some] = self._keep * total[some] + new
        self.mean[some] = before + gain * innovation[used]
        self.variance[some] = (1.0 - gain) * variance
        self._missed[some] = difference

    def ahead(self, runner: Runner) -> Callable[[], Array]:
        """Return what is left after each step that a runner goes on from here.

        Parameters
        ----------
        runner : Runner
            The same model, of one state at the same places.
        """
        if self._forward is None:
            self._forward = ErrorNetwork(self._bundle, self._model)
        network = self._forward
        network.go_on_from(self._network)
        reader, plain = readings(runner, network.reads), self._plain.ahead(runner)
        missed, previous = self._missed.copy(), self._previous.copy()

        def left() -> Array:
            predicted = runner.output[self._name]
            error, usual = network.step(predicted, previous, missed, reader())
            previous[:] = predicted
            missed.fill(np.nan)
            remainder: Array = np.where(usual, error, plain())
            return remainder

        return left


def _units(runner: Runner, name: str) -> str:
    """Return the units of an output for the host."""
    for (part, short), buffer in runner.stages.buffers.items():
        if buffer == name:
            declared = runner.operation.plan[part].declared(runner.operation.inner)
            variable = next(v for v in declared.outputs if v.name == short)
            return runner.operation.exchange(variable)[0]
    return "1"
