"""``dmx bench assimilation``: filters, alone and side by side, and whole rivers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from time import process_time
from typing import Any

import numpy as np

from ..assimilation.dynamics import Dynamics
from ..assimilation.filters.enkf import DEnkf, Enkf
from ..assimilation.filters.enkf_n import EnkfN
from ..assimilation.filters.etkf import Etkf, Letkf
from ..assimilation.filters.ienks import Ienks
from ..assimilation.filters.particles import ParticleFilter
from ..assimilation.filters.static import Interpolation
from ..assimilation.filters.var4d import Var4d
from ..assimilation.localisation import on_ring, taper
from ..assimilation.observation import Observation
from ..assimilation.window import Twin, Window
from ..registries import processes
from ..space import Ring
from . import loops, river_ensembles
from .measure import Effort, Record, seconds_of
from .report import RecordColumn, show
from .scan import threads

__all__ = ["run"]

Array = np.ndarray[Any, np.dtype[Any]]

ENTRIES = 40

_RADIUS = {5: 2.0, 10: 4.0, 20: 10.0, 40: 20.0}
"""Of the taper, by the number of members it suits; others take the largest."""

_TARGETS = {("letkf", 20, 1): 2e-3, ("letkf", 20, 12): 1e-3, ("letkf", 20, 35): 1e-3}
"""Seconds of a cycle of one problem, by filter, members and problems."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Ensembles on a ring, close to a truth that is seen with an error of 1.

    Parameters
    ----------
    ensemble : ndarray
        (problem, m, n).
    observation : Observation
        (problem, n) of all entries.
    """

    ensemble: Array
    observation: Observation

    @classmethod
    def of(cls, problems: int, members: int, entries: int = ENTRIES) -> Problem:
        """Return random problems with the spread of a filter that keeps track."""
        rng = np.random.default_rng(0)
        truth = 2.0 + 3.6 * rng.standard_normal((problems, entries))
        ensemble = truth[:, None] + 0.3 * rng.standard_normal(
            (problems, members, entries)
        )
        value = truth + rng.standard_normal(truth.shape)
        return cls(ensemble, Observation(value, np.ones(truth.shape)))

    @property
    def taper(self) -> Array:
        """(n, n) weights of the radius that suits so many members."""
        *_, members, entries = self.ensemble.shape
        points = np.arange(entries)
        radius = _RADIUS.get(members, max(_RADIUS.values()))
        return taper(on_ring(points, points, entries), radius)

    @property
    def window(self) -> Window:
        """A cycle of 0.1 of Lorenz (1996), two steps."""
        model = _model(self.ensemble.shape[-1])
        return Window(
            propagate=lambda x, _: model(x, 2),
            predict=lambda x, _: x,
            observations=(self.observation,),
            twin=Twin(
                propagate=lambda x, _: model.differentiable(x, 2),
                predict=lambda x, _: x,
                forward=True,
            ),
        )


@cache
def _model(entries: int) -> Dynamics:
    return Dynamics(processes["lorenz_96"](), Ring(entries), dt=0.05)


Analysis = Callable[[], object]


def _analyses(problem: Problem) -> dict[str, Analysis]:
    """Return the filters that are measured, each ready to analyse."""
    ensemble, observation = problem.ensemble, problem.observation
    rng, weights = np.random.default_rng(0), problem.taper
    entries = ensemble.shape[-1]
    once = partial(_analysed, ensemble, observation)
    static = Interpolation(np.eye(entries), np.eye(entries))
    return {
        "letkf": lambda: Letkf().analyse(
            ensemble, ensemble, observation, taper=weights
        ),
        "etkf": lambda: once(Etkf()),
        "enkf": lambda: Enkf().analyse(ensemble, ensemble, observation, generator=rng),
        "denkf": lambda: once(DEnkf()),
        "enkf_n": lambda: once(EnkfN()),
        "oi": lambda: once(static),
        "particle": lambda: ParticleFilter().analyse(
            ensemble, ensemble, observation, generator=rng
        ),
        "ienks, 1 cycle": lambda: Ienks().analyse_window(ensemble, problem.window),
        "var4d, 1 cycle": lambda: Var4d(0.2).analyse_window(
            ensemble[:, :1], problem.window
        ),
    }


def _analysed(ensemble: Array, observation: Observation, method: Any) -> object:
    return method.analyse(ensemble, ensemble, observation)


def _loops(problem: Problem) -> dict[str, Analysis]:
    """Return the same analyses as plain loops, where there is one."""
    ensemble = problem.ensemble
    value, error = problem.observation.value, problem.observation.error
    rng, weights = np.random.default_rng(0), problem.taper
    return {
        "letkf": lambda: loops.letkf(ensemble, ensemble, value, error, weights),
        "etkf": lambda: loops.etkf(ensemble, value, error),
        "enkf": lambda: loops.enkf(
            ensemble, value, error, np.asarray(rng.standard_normal(ensemble.shape))
        ),
    }


def run(
    members: Sequence[int] = (5, 10, 20, 40),
    problems: Sequence[int] = (1, 12, 35),
    rivers: Sequence[tuple[int, int]] = ((340, 16), (340, 64), (10_000, 16)),
) -> list[Record]:
    """Measure, print and return one analysis of every filter, and hours of rivers.

    Parameters
    ----------
    members : sequence of int
        Sizes of ensembles of the local filter; the last but one, and the only one of
        one, serves for the others.
    problems : sequence of int
        How many are side by side.
    rivers : sequence of (int, int)
        Reaches, and members of the ensemble.
    """
    records = []
    usual = members[-2:][0]
    with threads(1):
        for count in problems:
            for size in members:
                problem = Problem.of(count, size)
                for name in _analyses(problem):
                    if name == "letkf" or size == usual:
                        records += _measured(name, problem)
    show(
        records, f"One cycle of {ENTRIES} entries, all observed, float64, one thread",
        (
            RecordColumn("filter", "case"), RecordColumn("members", "members"),
            RecordColumn("problems", "problems"), RecordColumn("by", "implementation"),
            RecordColumn("ms of all", "forward_s", 1e3, ".3f"),
            RecordColumn("ms of each", "each_s", 1e3, ".3f"),
            RecordColumn("times loop", "faster", 1.0, ".1f", optional=True),
            RecordColumn("target, ms", "target_s", 1e3, ".1f", optional=True),
        ),
    )  # fmt: skip
    with threads(1):
        return records + river_ensembles.measured(rivers)


def _measured(name: str, problem: Problem) -> list[Record]:
    """Return a record of a filter, and of its loop measured in turns with it."""
    count, size, entries = problem.ensemble.shape
    ours, plain = _analyses(problem)[name], _loops(problem).get(name)
    seconds = _in_turns([ours, *([plain] if plain else [])], Effort())
    sizes = {"members": size, "problems": count, "entries": entries}
    faster = {"faster": seconds[1] / seconds[0]} if plain else {}
    target = _TARGETS.get((name, size, count))
    aims = {} if target is None else {"target_s": target}
    return [
        Record(
            case=name, implementation=by, sizes=sizes, forward_s=spent,
            more={"each_s": spent / count, **(extra if by == "filter" else {})},
        )
        for by, spent, extra in zip(
            ("filter", "NumPy loop"), seconds, ({**faster, **aims}, {}), strict=False
        )
    ]  # fmt: skip


def _in_turns(functions: Sequence[Analysis], effort: Effort) -> list[float]:
    """Return the CPU seconds of some functions, medians of samples taken in turns."""
    short = Effort(repeats=1, seconds=0.0)
    calls = [max(1, round(5e-3 / seconds_of(f, short))) for f in functions]
    samples: list[list[float]] = [[] for _ in functions]
    spent = 0.0
    while len(samples[0]) < effort.repeats or spent < effort.seconds:
        for function, repeats, times in zip(functions, calls, samples, strict=True):
            start = process_time()
            for _ in range(repeats):
                function()
            seconds = process_time() - start
            times.append(seconds / repeats)
            spent += seconds
        if spent > effort.limit:
            break
    return [statistics.median(x) for x in samples]
