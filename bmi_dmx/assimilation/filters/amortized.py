"""A filter that was learned beforehand: one pass of a network, from a bundle."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ...bundle import Bundle, load_bundle
from ...compose.part import Part
from ...errors import BundleError, ConfigError, DataError, suggestion
from ...program import entry_names, evaluate
from ...registries import filters
from ...space.description import Array
from ..ensemble_inputs import analysis_inputs, entries_of, joined
from ..observation import Observation
from .filter import checked, drawing

__all__ = ["FAR", "Amortized", "Memory"]

_log = logging.getLogger(__name__)

_ANALYSIS = "analysis"
"""Name of the process that such a bundle holds."""

FAR = 6.0
"""Standard deviations of the system beyond which a network has not learned."""

_ERRORS = 1.25
"""Factor beyond the errors of its training up to which a network is trusted."""


@dataclass(eq=False)
class Memory:
    """What a learned filter hands from one analysis to the next.

    Attributes
    ----------
    states : dict of str to ndarray
        (problem and member, place) by the name the program has; empty before the first
        analysis.
    warned : bool
        Whether it was said that another filter served.
    """

    states: dict[str, Array] = field(default_factory=dict)
    warned: bool = False


@dataclass(frozen=True, eq=False)
class Amortized:
    """A learned analysis; McCabe and Brown (2021), doi:10.48550/arXiv.2111.01058.

    Members are analysed each by itself, and so one is enough. What the network
    remembers is state: copies made by :func:`dataclasses.replace` share it, as those
    that serve different observations of one system must. Problems whose forecast,
    observations or errors are far from those of the training are left to another
    filter, which is said once.

    Parameters
    ----------
    bundle : str
        Name or folder.
    operator : ndarray, optional
        (p, n) what is observed of a state: one entry by each observation. Default: all
        entries in their order.
    fallback : str
        Registered filter that serves instead.
    settings : mapping, optional
        Of that filter.
    memory : Memory
        What is remembered; default: nothing yet.

    Raises
    ------
    BundleError
        When the bundle is none of a learned analysis.
    ConfigError
        When there is no such filter to fall back to, or an observation is of several
        entries.
    """

    bundle: str
    operator: Array | None = None
    fallback: str = "nudging"
    settings: Mapping[str, Any] = field(default_factory=lambda: {"share": 0.12})
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        if self.fallback not in filters or self.fallback == "amortized":
            hint = suggestion(self.fallback, filters)
            raise ConfigError(f"fallback: found {self.fallback!r}{hint}")
        self._learned()
        if self.operator is not None:
            rows = np.asarray(self.operator)
            alone = (rows != 0).sum(-1) == 1
            if not (alone & (rows.max(-1) == 1.0)).all():
                at = int(np.argmin(alone & (rows.max(-1) == 1.0)))
                raise ConfigError(
                    f"operator: observation {at} is of {(rows[at] != 0).sum()} entries,"
                    " a learned analysis reads those of one entry each"
                )

    def analyse(
        self,
        ensemble: Array,
        predicted: Array,
        observation: Observation,
        *,
        taper: Array | None = None,
        generator: np.random.Generator | None = None,
    ) -> Array:
        """Return the analysed ensemble; see :class:`Filter`.

        The taper is for the filter that is fallen back to alone.

        Raises
        ------
        DataError
            When the state is not that of the bundle, or the number of problems and
            members changed while something is remembered.
        """
        checked("Amortized", ensemble, predicted, observation, least=1)
        learned = self._learned()
        if ensemble.shape[-1] != learned.size:
            raise DataError(
                f"Amortized: ensemble: found {ensemble.shape[-1]} entries, expected the"
                f" {learned.size} of {self.bundle}"
            )
        value, error = self._spread_out(ensemble.shape[-1], observation)
        rows = ensemble.reshape(-1, *ensemble.shape[-2:])
        value, error = (x.reshape(-1, 1, x.shape[-1]) for x in (value, error))
        usual = learned.usual(rows, value, error)
        before = self._remembered(learned, rows)
        analysis, after = learned.step(rows, value, error, before, generator)
        mask, fresh = usual[:, None, None], learned.fresh(rows)
        self.memory.states = {
            name: np.where(mask, after[name], fresh[name]) for name in before
        }
        result = np.asarray(analysis.reshape(ensemble.shape), ensemble.dtype)
        if usual.all():
            return result
        self._say(int((~usual).sum()), len(usual))
        other = self._instead(ensemble, predicted, observation, taper, generator)
        return np.where(usual.reshape(*ensemble.shape[:-2], 1, 1), result, other)

    def _learned(self) -> _LearnedAnalysis:
        path = Path(self.bundle) / "model.yaml"
        stamp = path.stat().st_mtime_ns if path.is_file() else 0
        return _loaded(str(self.bundle), stamp)

    def _spread_out(self, size: int, observation: Observation) -> tuple[Array, Array]:
        """Return (…, n) values, NaN where nothing is observed, and their errors."""
        y = observation.value
        if self.operator is None:
            if y.shape[-1] != size:
                raise DataError(
                    f"Amortized: observation: found {y.shape[-1]} values; without an"
                    f" operator they are the {size} entries"
                )
            return y, observation.error
        at = np.asarray(self.operator).argmax(-1)
        value = np.full((*y.shape[:-1], size), np.nan)
        error = np.ones_like(value)
        value[..., at], error[..., at] = y, observation.error
        return value, error

    def _remembered(self, learned: _LearnedAnalysis, rows: Array) -> dict[str, Array]:
        if not self.memory.states:
            return learned.fresh(rows)
        state = next(iter(self.memory.states.values()))
        if state.shape[:2] != rows.shape[:2]:
            raise DataError(
                f"Amortized: ensemble: found {rows.shape[0]} problems of "
                f"{rows.shape[1]} members, remembered are {state.shape[0]} of "
                f"{state.shape[1]}"
            )
        return self.memory.states

    def _say(self, count: int, total: int) -> None:
        if not self.memory.warned:
            self.memory.warned = True
            _log.warning(
                "%s: %d of %d problems are far from what was learned; %s serves there, "
                "now and whenever that happens again",
                self.bundle, count, total, self.fallback,
            )  # fmt: skip

    def _instead(
        self,
        ensemble: Array,
        predicted: Array,
        observation: Observation,
        taper: Array | None,
        generator: np.random.Generator | None,
    ) -> Array:
        kind: Any = filters[self.fallback]
        if taper is None and self.operator is not None:
            taper = np.asarray(self.operator, dtype=float).T
        analysis: Array = kind(**self.settings).analyse(
            ensemble, predicted, observation, taper=taper, generator=generator
        )
        return analysis


class _LearnedAnalysis:
    """The analysis of a bundle as arithmetic, and what is usual for it."""

    def __init__(self, bundle: Bundle) -> None:
        self.part, options = _analysis(bundle)
        self._program = bundle.programs[self.part.name]
        self._weights = bundle.constants
        self._places = int(bundle.manifest.space.get("size", 0))
        states = options.get("states", ["x"])
        self._fields = entries_of(states, self._places)
        self.size = self._places * len(states)
        self._perturbed = bool(options.get("perturbed", False))
        self._gain = options.get("form", "increment") == "gain"
        self._names = tuple(f.name for f in self.part.variables.forcings)

    def _usual(self, name: str) -> Array:
        """Return a number of each state as one of each entry, (n,)."""
        statistic = self._weights[f"w.{self.part.name}.{name}"]
        return np.repeat(statistic, self._places)

    def usual(self, rows: Array, value: Array, error: Array) -> Array:
        """Return for which problems all inputs are like those of the training."""
        mean, std = self._usual("mean"), self._usual("std")
        valid = ~np.isnan(value)
        near = (np.abs(rows - mean) <= FAR * std).all((-2, -1))
        low, high = self._usual("low") / _ERRORS, self._usual("high") * _ERRORS
        plausible = (error >= low) & (error <= high)
        with np.errstate(invalid="ignore"):
            close = np.abs(value - mean) <= FAR * (std + error)
        return np.asarray(near & ((plausible & close) | ~valid).all((-2, -1)))

    def fresh(self, rows: Array) -> dict[str, Array]:
        """Return the memory of who has seen nothing."""
        shape = (*rows.shape[:2], self._places)
        return {
            name: np.full(shape, s.initial)
            for s in self.part.variables.states
            for name in entry_names("s", s)
        }

    def step(
        self,
        rows: Array,
        value: Array,
        error: Array,
        memory: Mapping[str, Array],
        generator: np.random.Generator | None,
    ) -> tuple[Array, dict[str, Array]]:
        """Return the analysis, (problem, m, n), and the memory after it."""
        valid = ~np.isnan(value)
        instead = rows
        if self._gain and generator is not None:
            instead = rows[:, generator.permutation(rows.shape[1])]
        if self._perturbed:
            drawn = drawing("Amortized", generator).normal(size=rows.shape)
            value = value + error * drawn
        observed = np.where(valid, value, instead)
        error = np.where(valid, error, self._usual("error"))
        inputs = analysis_inputs(
            self._fields, self._names, rows, observed, valid.astype(rows.dtype), error
        )
        outputs = evaluate(self._program, {**self._weights, **inputs, **memory})
        analysis = joined(self._fields, outputs, np.concatenate)
        after = {
            name: np.broadcast_to(outputs[name], x.shape) for name, x in memory.items()
        }
        return analysis, after


def _analysis(bundle: Bundle) -> tuple[Part, Mapping[str, Any]]:
    """Return the part of a bundle that analyses, and its options."""
    parts = bundle.manifest.model.get("parts", {})
    for part in bundle.parts:
        entry = parts.get(part.name, {})
        if entry.get("process") == _ANALYSIS:
            if bundle.manifest.space.get("kind") != "ring":
                break
            return part, entry.get("options", {})
    raise BundleError(
        f"{bundle.path}: found no part of process {_ANALYSIS!r} on a ring, expected a "
        "learned filter"
    )


@lru_cache(maxsize=8)
def _loaded(bundle: str, stamp: int) -> _LearnedAnalysis:
    return _LearnedAnalysis(load_bundle(bundle))
