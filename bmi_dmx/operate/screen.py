"""Forcing is screened before it reaches a store: refused, held or filled, counted."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from ..errors import ConfigError, DataError, suggestion
from ..space import Space, place_name
from ..variables import Forcing
from .clock import DAY, Clock
from .repeated_warnings import warn_once

__all__ = [
    "AcceptedRange",
    "Policy",
    "Rule",
    "Screen",
    "rule_of",
    "slightly_below",
    "step_bounds",
]

Array = np.ndarray[Any, np.dtype[np.float64]]

Rule = Literal["raise", "hold"] | float
"""For a missing or absurd value: refuse it, keep the last good one, or a number."""

Policy = Literal["raise", "hold"] | dict[str, Literal["raise", "hold"] | float]
"""One rule for all forcings, or one by name; those not named are refused."""

_log = logging.getLogger(__name__)


class AcceptedRange(NamedTuple):
    """Values of a forcing that are accepted.

    Parameters
    ----------
    low, high : float
        Smallest and largest.
    rule : Rule
        What is done with others.
    slack : float
        How far below the smallest a value is still taken for it.
    """

    low: float
    high: float
    rule: Rule | None
    slack: float = 0.0


class Screen:
    """Looks at all forcings of a step before it is run.

    A value is absurd outside the bounds of its declaration; of a rate more may come in
    a shorter step. What lies but slightly below them is raised to the lowest value and
    counted, whatever the policy.

    Parameters
    ----------
    variables : sequence of Forcing
        What is looked at, in units of the host.
    buffers : mapping of str to ndarray
        (location,) by name.
    policy : Policy
        What to do with values that are missing or absurd.
    ids : sequence of str
        Names of the locations, for messages.
    clock : Clock
        For messages.
    shortening : float
        Exponent of a step's share of a day with which the largest amount falls that
        comes in it.
    slack : mapping of str to float, optional
        How far below the bounds a value is still no absurd one, by forcing.
    space : Space, optional
        Where forcings are fields.

    Attributes
    ----------
    repaired : dict of str to ndarray
        How often a value was replaced, (location,) by forcing.
    last : dict of str to ndarray
        The last good values of the forcings that are held; NaN before the first.

    Raises
    ------
    ConfigError
        When the policy names something else than the forcings, or puts an absurd number
        in their place.
    """

    def __init__(
        self,
        variables: Sequence[Forcing],
        buffers: Mapping[str, Array],
        policy: Policy,
        ids: Sequence[str],
        clock: Clock,
        shortening: float = 0.0,
        slack: Mapping[str, float] | None = None,
        space: Space | None = None,
    ) -> None:
        self._slack = slack or {}
        self._space = space
        self._variables = {v.name: v for v in variables}
        self._buffers = {name: buffers[name] for name in self._variables}
        self._rules = _rules(policy, tuple(self._variables))
        self._ids = ids
        self._clock = clock
        self._bounds = {
            v.name: step_bounds(v, clock.seconds, shortening) for v in variables
        }
        for name, rule in self._rules.items():
            low, high = self._bounds[name]
            if isinstance(rule, float) and not low <= rule <= high:
                raise ConfigError(
                    f"forcing_policy: {name}: found {rule:g}, expected {low:g} to "
                    f"{high:g} {self._variables[name].units}"
                )
        self.repaired = {n: np.zeros_like(x) for n, x in self._buffers.items()}
        # Of all forcings, so that a state does not depend on the rules.
        self.last = {n: np.full_like(x, np.nan) for n, x in self._buffers.items()}
        self._held = [
            (self.last[name], self._buffers[name])
            for name, rule in self._rules.items()
            if rule == "hold"
        ]
        alone = all(x.size == 1 for x in self._buffers.values())
        self.check = self._check_one if alone else self._check_many
        """Repair or refuse the forcings of the step that comes next."""
        self._one = [
            (*self._bounds[name], array.item)
            for name, array in self._buffers.items()
            if alone
        ]

    def _check_one(self) -> None:
        # A comparison with NaN is false.
        for low, high, value in self._one:
            if not low <= value() <= high:
                self._repair()
                break
        for last, array in self._held:
            last[:] = array

    def _check_many(self) -> None:
        for name, array in self._buffers.items():
            low, high = self._bounds[name]
            # The smallest of numbers among which one is NaN is NaN.
            smallest, largest = np.minimum.reduce(array), np.maximum.reduce(array)
            if not (low <= smallest and largest <= high):
                self._repair()
                break
        for last, array in self._held:
            last[:] = array

    def accepts(self, series: Mapping[str, Array]) -> bool:
        """Return whether there is nothing to repair or refuse in many steps.

        Parameters
        ----------
        series : mapping of str to ndarray
            (step, place) by forcing.
        """
        for name, values in series.items():
            low, high = self._bounds[name]
            # False as well where one of them is NaN.
            if not (low <= values.min() and values.max() <= high):
                return False
        return True

    def _repair(self) -> None:
        repairs = {}
        for name, array in self._buffers.items():
            low, high = self._bounds[name]
            bad = ~((array >= low) & (array <= high))
            if bad.any():
                repairs[name] = bad, self._good(name, array, bad)
        # Only once nothing is refused.
        for name, (bad, good) in repairs.items():
            self._replace(name, bad, good)

    def _good(self, name: str, array: Array, bad: Any) -> Array:
        """Return what to put in the place of bad values.

        Raises
        ------
        DataError
            When there is nothing to put there.
        """
        rule, low = self._rules[name], self._bounds[name][0]
        good: Array = self.last[name].copy()
        if rule != "hold":
            good.fill(np.nan if rule == "raise" else rule)
        good[slightly_below(array, low, self._slack.get(name, 0.0))] = low
        missing = bad & np.isnan(good)
        if missing.any():
            raise DataError(self._message(name, array, int(np.argmax(missing))))
        return good

    def _replace(self, name: str, bad: Any, good: Array) -> None:
        array = self._buffers[name]
        if not self.repaired[name].any():
            at = int(np.argmax(bad))
            message = self._message(name, array, at)
            warn_once(_log, name, "%s; %g is used", message, good[at])
        array[bad] = good[bad]
        self.repaired[name] += bad

    def _message(self, name: str, array: Array, at: int) -> str:
        low, high = self._bounds[name]
        clock = self._clock
        where = place_name(self._space, self._ids, self._variables[name], at)
        return (
            f"forcing {name!r} at {where} is {array[at]:g} "
            f"{self._variables[name].units} at {clock.now} (step {clock.step}); "
            f"expected {low:g} to {high:g}"
        )

    def accepted(self, name: str) -> AcceptedRange:
        """Return which values of a forcing are accepted, and the rule for others."""
        low, high = self._bounds[name]
        return AcceptedRange(low, high, self._rules[name], self._slack.get(name, 0.0))

    def report(self) -> str:
        """Return how many values were replaced, by forcing; empty if none were."""
        sums = {name: int(count.sum()) for name, count in self.repaired.items()}
        return ", ".join(f"{name} {count}" for name, count in sums.items() if count)


def step_bounds(
    variable: Forcing, seconds: float, shortening: float
) -> tuple[float, float]:
    """Return the smallest and largest value that is not absurd in a step.

    Parameters
    ----------
    variable : Forcing
        In any units.
    seconds : float
        Length of the step.
    shortening : float
        As for :class:`Screen`.
    """
    low, high = variable.limits
    if variable.per_step == "rate" and variable.bounds is not None:
        factor = min(1.0, seconds / DAY) ** (shortening - 1.0)
        return low * factor, float(f"{high * factor:.3g}")
    return low, high


def slightly_below(values: Any, low: float, slack: float) -> Any:
    """Return which values are below the lowest, but by no more than some slack.

    Parameters
    ----------
    values : ndarray
        Of any shape.
    low, slack : float
        In their units.
    """
    return (values < low) & (values >= low - slack)


def rule_of(policy: Policy, name: str) -> Rule:
    """Return what a policy says of a forcing."""
    return policy.get(name, "raise") if isinstance(policy, dict) else policy


def _rules(policy: Policy, names: Sequence[str]) -> dict[str, Rule]:
    for name in policy if isinstance(policy, dict) else ():
        if name not in names:
            hint = suggestion(name, names)
            raise ConfigError(f"forcing_policy: unknown forcing {name!r}{hint}")
    return {name: rule_of(policy, name) for name in names}
