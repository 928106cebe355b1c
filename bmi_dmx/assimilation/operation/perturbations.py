"""What makes the members of an ensemble differ: forcing, states and parameters.

Random numbers are those of a counter-based generator (Salmon et al. 2011,
doi:10.1145/2063384.2063405) whose counter is the number of the draw. So all that has to
be remembered of it is that number, and what is left of earlier draws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import ConfigError, suggestion
from ...operate.ensemble import EnsembleRunner
from ...operate.screen import step_bounds
from ...process import SECONDS
from ...space import Tree
from ...variables import in_step
from .settings import Disturbance, Perturbations, span_of
from .stores import Stores
from .tree_paths import TreeCorrelation, Ways

__all__ = ["Disturbances", "generator_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]


def generator_of(seed: int, draw: int, purpose: int) -> np.random.Generator:
    """Return the random numbers of one purpose at one step.

    Parameters
    ----------
    seed : int
        Of the run.
    draw : int
        Number of the step since the run began.
    purpose : int
        What they are for.
    """
    counter = np.array([0, purpose, draw, 0], np.uint64)
    return np.random.Generator(np.random.Philox(key=seed, counter=counter))


class Disturbances:
    """Changes the forcing and stores of members before a step, and parameters once.

    Deviations are centred over the members and keep their variance, so that the mean of
    the members is that of the host, but for what bounds cut off; one member alone is
    not disturbed.

    Parameters
    ----------
    runner : EnsembleRunner
        Whose members they are.
    settings : Perturbations
        What is done.
    stores : Stores
        The stores of the members.
    seed : int
        Of the random numbers.
    draws : ndarray
        (1,) number of the step since the run began.

    Attributes
    ----------
    memory : dict of str to ndarray
        (member, place) deviations that are remembered, by name.
    updated : tuple of ndarray
        Those of them that analyses change.

    Raises
    ------
    ConfigError
        When there is no such forcing, state or parameter.
    """

    def __init__(
        self,
        runner: EnsembleRunner,
        settings: Perturbations,
        stores: Stores,
        seed: int,
        draws: Array,
    ) -> None:
        self._runner, self._seed, self._draws = runner, seed, draws
        self._stores = stores
        self._forcing = settings.forcing
        self._state = {
            stores.store(name, "perturbations: state"): one
            for name, one in settings.state.items()
        }
        self._parameters = settings.parameters
        self._limits = _bounds(runner, settings.forcing)
        _refuse_parameters(runner, settings.parameters)
        shape = (runner.size, len(runner.ids))
        names = [f"forcing.{name}" for name in settings.forcing]
        names += [f"state.{name}" for name in settings.state]
        self.memory = {name: np.zeros(shape) for name in names}
        self.updated = tuple(
            self.memory[f"forcing.{name}"]
            for name, one in settings.forcing.items() if one.update
        )  # fmt: skip
        tree = runner.space
        self._ways = Ways(runner, tree) if isinstance(tree, Tree) else None
        self._likeness: dict[float, tuple[Array, TreeCorrelation]] = {}
        several = (settings.forcing, settings.state, settings.parameters)
        _refuse_lengths(runner, {n: one for some in several for n, one in some.items()})

    def parameterize(self) -> None:
        """Multiply or shift the parameters of the members, the same at any time."""
        members = self._runner.members
        for k, (name, one) in enumerate(self._parameters.items()):
            part, declared = self._runner.operation.published[name]
            rng = generator_of(self._seed, 0, _OF_PARAMETERS + k)
            drawn = self._centred(rng, one.correlation_length)
            array = self._runner.split(members.parameter(part.name, name), -2)
            dt = part.dt(self._runner.operation.inner)
            ends = np.array(declared.limits)
            if declared.bounds is not None:
                ends = in_step(ends, declared.per_step, dt, np.expm1, np.log1p)
            width = dt if declared.per_step == "rate" else 1.0
            changed = _disturbed(array, drawn[..., None], one, width)
            array[...] = np.clip(changed, *ends)

    def step(self) -> None:
        """Disturb forcing and stores before a step."""
        draw = int(self._draws[0])
        members, dt = self._runner.members, self._runner.operation.seconds
        for k, (name, one) in enumerate(self._forcing.items()):
            drawn = self._drawn(f"forcing.{name}", one, draw, _OF_FORCING + k, dt)
            values = self._runner.each(members.forcing[name])
            low, high = self._limits[name]
            values[:] = np.clip(_disturbed(values, drawn, one, 1.0), low, high)
        if self._state:
            self._disturb_stores(draw, dt)

    def _disturb_stores(self, draw: int, dt: float) -> None:
        at = slice(0, len(self._runner.ids))

        def change() -> None:
            for k, (store, one) in enumerate(self._state.items()):
                name = f"state.{store.name}"
                drawn = self._drawn(name, one, draw, _OF_STATE + k, dt)
                capacity = store.capacity(at)
                old = store.content(at)
                scaled = store.scale.forward(old, capacity)
                shift = one.std * math.sqrt(dt / SECONDS["d"]) * drawn[None, :, :, None]
                moved = store.scale.backward(scaled + shift, capacity)
                store.values[:, :, at] = np.where(shift != 0.0, moved, old)

        self._stores.booked(change, at)

    def _drawn(
        self, name: str, one: Disturbance, draw: int, purpose: int, dt: float
    ) -> Array:
        """Return the deviations of a step, (member, place), of variance 1."""
        deviations = self.memory[name]
        time = span_of("correlation_time", one.correlation_time)
        # At first nothing is left of an earlier one.
        share = math.exp(-dt / time) if time > 0.0 and draw > 0 else 0.0
        fresh = self._centred(
            generator_of(self._seed, draw, purpose), one.correlation_length
        )
        deviations[:] = share * deviations + math.sqrt(1.0 - share**2) * fresh
        return deviations

    def _alike(self, length: float, ways: Ways) -> TreeCorrelation:
        """Return who is alike over a distance, along ways as long as they are now."""
        now = ways.now()
        entry = self._likeness.get(length)
        if entry is None or entry[0] is not now:
            entry = self._likeness[length] = (
                now,
                TreeCorrelation(ways.tree, now, length),
            )
        return entry[1]

    def _centred(self, rng: np.random.Generator, length: float) -> Array:
        shape = (self._runner.size, len(self._runner.ids))
        drawn = rng.standard_normal(shape)
        if len(drawn) == 1:
            return np.zeros(shape)
        if length and self._ways is not None:
            drawn = self._alike(length, self._ways).of(drawn)
        wider = math.sqrt(len(drawn) / (len(drawn) - 1))
        centred: Array = (drawn - drawn.mean(axis=0)) * wider
        return centred


_OF_PARAMETERS, _OF_FORCING, _OF_STATE = 1000, 2000, 3000


def _disturbed(values: Array, drawn: Array, one: Disturbance, width: float) -> Array:
    """Return values of members with their deviations, in the units of the values."""
    if not one.std:
        return values
    if one.kind == "additive":
        return values + one.std * width * drawn
    log = math.sqrt(math.log1p(one.std**2))
    factor = np.exp(log * drawn)
    # Of mean 1, so that the members together get what the host gave; where analyses
    # move the deviations, that of those that none has moved.
    usual = math.exp(0.5 * log**2) if one.update else factor.mean(axis=0)
    multiplied: Array = values * (factor / usual)
    return multiplied


def _refuse_lengths(
    runner: EnsembleRunner, disturbances: Mapping[str, Disturbance]
) -> None:
    """Refuse lengths of correlation where there is no tree to measure them along."""
    for name, one in disturbances.items():
        if one.correlation_length and not isinstance(runner.space, Tree):
            raise ConfigError(
                f"perturbations: {name}: correlation_length: these places are on no "
                "tree; remove it"
            )


def _bounds(
    runner: EnsembleRunner, disturbances: Mapping[str, Disturbance]
) -> dict[str, tuple[float, float]]:
    operation = runner.operation
    forcings = {f.name: f for f in operation.forcings}
    for name in disturbances:
        if name not in forcings:
            raise ConfigError(
                f"perturbations: forcing: unknown {name!r}{suggestion(name, forcings)}"
            )
    short = operation.system.shortening
    return {n: step_bounds(forcings[n], operation.seconds, short) for n in disturbances}


def _refuse_parameters(
    runner: EnsembleRunner, disturbances: Mapping[str, Disturbance]
) -> None:
    """Refuse parameters that are none, or that the step does not see as they are."""
    operation = runner.operation
    for name, one in disturbances.items():
        if name not in operation.published:
            hint = suggestion(name, operation.published)
            raise ConfigError(f"perturbations: parameters: unknown {name!r}{hint}")
        part, declared = operation.published[name]
        if part.declared(operation.inner).prepared:
            raise ConfigError(
                f"perturbations: parameters: {name}: what part {part.name!r} makes of "
                "it is made once for all members; expected another parameter"
            )
        if declared.per_step == "fraction" and one.kind != "lognormal":
            raise ConfigError(
                f"perturbations: parameters: {name}: kind: found {one.kind!r}; shares "
                "of a store leave in a step, expected 'lognormal'"
            )
        link = operation.plan.link(part, declared.name)
        if link.giver == "part" and operation.plan[link.part].every != "once":
            raise ConfigError(
                f"perturbations: parameters: {name}: network {link.part!r} changes it "
                "with time; expected a parameter that is constant"
            )
