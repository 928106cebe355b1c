"""What is observed of one quantity: what came, what was predicted, what is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigError
from ...operate.ensemble import mean_of
from ...operate.runner import Runner
from .learned_remainder import LearnedRemainder
from .remainder import Remainder
from .settings import ObservedQuantity, span_of

__all__ = ["STATUS", "USED", "DueValues", "Inbox"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.intp]]
Codes = np.ndarray[Any, np.dtype[np.int8]]

STATUS = ("none", "used", "late", "absurd", "duplicate", "early", "failed")
"""What became of a value: nothing came; it was used; it is older than the members
remember; it is no possible value, or too far from the prediction; one of its time was
there before; its time has not come and it waits; the filter gave no numbers for it."""

NONE, USED, LATE, ABSURD, DUPLICATE, EARLY, FAILED = range(7)

_SLACK = 1e-6
"""Share of a step by which a time is taken for the end of one."""


@dataclass(frozen=True, eq=False)
class DueValues:
    """The values that are looked at after a step, (place,) each.

    Parameters
    ----------
    value, error : ndarray
        On the scale of the quantity; NaN where there is nothing to use.
    raw : ndarray
        As they came; NaN where nothing did.
    valid : ndarray
        Their times, seconds since 1970.
    age : ndarray of int
        Steps since.
    status : ndarray of int
        Positions in :data:`STATUS`.
    """

    value: Array
    error: Array
    raw: Array
    valid: Array
    age: Indices
    status: Codes


class Inbox:
    """Values of one observed quantity on their way in, and what members predicted.

    Parameters
    ----------
    name : str
        The quantity.
    settings : ObservedQuantity
        How it is observed.
    size, places : int
        Members and places.
    seconds : float
        Length of a step.

    Attributes
    ----------
    value, error, valid : ndarray
        (place,) what the host sets: in its units, and seconds since 1970 at which a
        value holds; NaN is a value that is missing, an error that follows from the
        settings, and the end of the step that is made next. All are NaN again once they
        were looked at.
    window : ndarray
        (step, member, place) predictions on the scale, the latest first; NaN before
        there were enough steps for the mean that is observed.
    recent : ndarray
        (step, member, place) what the members gave in the steps of that mean, the
        latest first.
    memory : dict of str to ndarray
        All that has to be remembered, the places last.

    Raises
    ------
    ConfigError
        When a mean is not of whole steps.
    """

    def __init__(
        self,
        name: str,
        settings: ObservedQuantity,
        size: int,
        places: int,
        seconds: float,
    ) -> None:
        self.name, self.settings, self._seconds = name, settings, seconds
        self._most = span_of("max_age", settings.max_age)
        steps = int(self._most / seconds + _SLACK) + 1
        self.value, self.error, self.valid = (np.full(places, np.nan) for _ in range(3))
        self.window = np.full((steps, size, places), np.nan)
        span = _steps_of_mean(settings, seconds)
        self.recent = np.full((span, size, places), np.nan)
        self._used = np.zeros((steps, places))
        self.memory = {
            f"observed.{name}": self.value,
            f"error.{name}": self.error,
            f"valid.{name}": self.valid,
            f"window.{name}": self.window,
            f"used.{name}": self._used,
        }
        if span > 1:
            self.memory[f"recent.{name}"] = self.recent
        self.remainder: Remainder | LearnedRemainder | None = None

    def keep(self, remainder: Remainder | LearnedRemainder) -> None:
        """Let an error stand beside what the members predict."""
        self.remainder, memory = remainder, remainder.memory
        self.memory |= {f"remaining.{self.name}.{n}": x for n, x in memory.items()}

    @property
    def waiting(self) -> bool:
        """Whether any value is there."""
        return not np.isnan(self.value).all()

    def scaled(self, values: Array) -> Array:
        """Return values, or predictions, on the scale of the quantity."""
        if self.settings.scale == "linear":
            return values
        whole = np.maximum(values, 0.0) + self.settings.error.absolute
        return np.log(whole) if self.settings.scale == "log" else np.sqrt(whole)

    def unscaled(self, values: Array) -> Array:
        """Return values from the scale."""
        if self.settings.scale == "linear":
            return values
        logarithms = self.settings.scale == "log"
        whole = np.exp(values) if logarithms else np.maximum(values, 0.0) ** 2
        return np.maximum(whole - self.settings.error.absolute, 0.0)

    def predict(self, values: Array) -> Array:
        """Keep what the members predict at the end of a step, and return it.

        Parameters
        ----------
        values : ndarray
            (member, place) what they give in the step.

        Returns
        -------
        ndarray
            (member, place) the mean of the steps that are observed together.
        """
        if len(self.recent) > 1:
            self.recent[1:] = self.recent[:-1].copy()
            self.recent[0] = values
            values = self.recent.mean(axis=0)
        self.window[1:] = self.window[:-1].copy()
        self._used[1:] = self._used[:-1].copy()
        self.window[0] = self.scaled(values)
        self._used[0] = 0.0
        if self.remainder is not None:
            self.remainder.step(mean_of(values))
        return values

    def amend(self, at: Indices, window: Array) -> None:
        """Take over what an analysis made of the predictions of places.

        What was given in the steps of a mean is shifted by as much as the latest mean,
        for later ones that have steps in common with it; in proportion where a step
        would fall below 0, and none was.

        Parameters
        ----------
        at : ndarray of int
            The places.
        window : ndarray
            (step, member, place) on the scale.
        """
        before = self.window[:, :, at]
        after = np.where(~np.isnan(before), window, np.nan)
        if len(self.recent) > 1:
            moved = np.where(
                after[0] == before[0], 0.0,
                self.unscaled(after[0]) - self.unscaled(before[0]),
            )  # fmt: skip
            self.recent[:, :, at] = _shifted(self.recent[:, :, at], moved)
        self.window[:, :, at] = after

    def expected(self, values: Array) -> Array:
        """Return what is expected to be observed at the latest step.

        Parameters
        ----------
        values : ndarray
            (…, place) what is predicted.
        """
        if self.remainder is None:
            return values
        return self.unscaled(self.scaled(values) + self.remainder.mean)

    def ahead(self, runner: Runner) -> Callable[[], Array]:
        """Return what is expected of each step that a runner goes on from here.

        Parameters
        ----------
        runner : Runner
            The same model, of one state at the same places.

        Returns
        -------
        callable
            To be called after every step of the runner; gives (place,).
        """
        output = runner.output[self.name]
        if self.remainder is None:
            return output.copy
        remainder = self.remainder.ahead(runner)

        def expected() -> Array:
            return self.unscaled(self.scaled(output) + remainder())

        return expected

    def standing(self) -> tuple[Array, Array]:
        """Return mean and standard deviation of what is known of the latest step.

        On the scale, (place,) each; of members and what remains of the error together.
        """
        mean, variance = mean_of(self.window[0]), self.window[0].var(axis=0)
        if self.remainder is not None:
            mean, variance = (
                mean + self.remainder.mean, variance + self.remainder.variance,
            )  # fmt: skip
        return mean, np.sqrt(variance)

    def take(self, now: float) -> DueValues:
        """Look at what has come, and let go of all but what is early.

        Parameters
        ----------
        now : float
            End of the step, seconds since 1970.
        """
        raw = self.value.copy()
        valid = np.where(np.isnan(self.valid), now, self.valid)
        age = (now - valid) / self._seconds
        status = np.full(raw.shape, NONE, np.int8)
        there = ~np.isnan(raw)
        early = there & (age < -_SLACK)
        late = there & ((now - valid) > self._most + _SLACK * self._seconds)
        late |= there & (age > len(self.window))
        steps = np.where(there & ~early & ~late, np.ceil(age - _SLACK), 0.0)
        at = np.clip(steps, 0, len(self.window) - 1).astype(np.intp)
        places = np.arange(raw.size)
        late |= there & ~early & np.isnan(self.window[at, 0, places])
        error = self._error(raw)
        impossible = there & ~(np.isfinite(raw) & np.isfinite(error) & (error > 0.0))
        if self.settings.scale != "linear":
            impossible |= there & (raw < 0.0)
        status[there] = USED
        status[there & (self._used[at, places] > 0.0)] = DUPLICATE
        status[impossible] = ABSURD
        status[late] = LATE
        status[early] = EARLY
        usable = status == USED
        value = self.scaled(np.where(usable, raw, 0.0))
        error = self._scaled_error(raw, error)
        if self.remainder is not None:
            value = value - self.remainder.mean
            error = np.sqrt(error**2 + self.remainder.variance)
        batch = DueValues(
            np.where(usable, value, np.nan), np.where(usable, error, np.nan),
            raw, valid, at, status,
        )  # fmt: skip
        gone = there & ~early
        for array in (self.value, self.error, self.valid):
            array[gone | ~there] = np.nan
        return batch

    def mark(self, batch: DueValues) -> None:
        """Remember of which times values were used: of each there is one."""
        at = np.flatnonzero(batch.status == USED)
        self._used[batch.age[at], at] = 1.0

    def predicted(self, batch: DueValues, at: Indices) -> Array:
        """Return what members predicted for values taken at some places, (place, E)."""
        predictions: Array = self.window[batch.age[at], :, at]
        return predictions

    def _error(self, raw: Array) -> Array:
        error = self.settings.error
        usual = np.hypot(error.relative * raw, error.absolute)
        return np.where(np.isnan(self.error), usual, self.error)

    def _scaled_error(self, raw: Array, error: Array) -> Array:
        if self.settings.scale == "linear":
            return error
        whole = np.maximum(raw, 0.0) + self.settings.error.absolute
        return error / (whole if self.settings.scale == "log" else 2.0 * np.sqrt(whole))


def _shifted(steps: Array, by: Array) -> Array:
    """Return steps whose mean is another by some amount, none newly below 0.

    Parameters
    ----------
    steps : ndarray
        (step, member, place).
    by : ndarray
        (member, place); NaN is nothing.
    """
    by = np.nan_to_num(by)
    mean, shifted = steps.mean(axis=0), steps + by
    sinking = (shifted < 0.0).any(axis=0) & (steps >= 0.0).all(axis=0)
    sinking &= mean + by >= 0.0
    share = np.divide(mean + by, mean, out=np.ones_like(mean), where=sinking)
    return np.where(sinking, share * steps, shifted)


def _steps_of_mean(settings: ObservedQuantity, seconds: float) -> int:
    """Return the number of steps that are observed together."""
    length = span_of("mean", settings.mean)
    steps = length / seconds
    if length > 0.0 and (steps < 1.0 or abs(steps - round(steps)) > _SLACK):
        raise ConfigError(
            f"mean: found {settings.mean!r}, expected whole steps of {seconds:g} s"
        )
    return max(1, round(steps))
