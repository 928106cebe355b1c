"""Errors that say where, what was found, what was expected, what was meant.

Every error the package raises on purpose derives from :class:`DmxError`, so a host can
catch one class; each also derives from the built-in error a Python user would expect.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BundleError",
    "ConfigError",
    "DataError",
    "DataProblems",
    "DmxError",
    "ModuleError",
    "ScanError",
    "SlowerWarning",
    "StateError",
    "TimeError",
    "TrainingError",
    "UnitsError",
    "VariableError",
    "suggestion",
]


class DmxError(Exception):
    """Base of all errors raised by bmi_dmx."""


class ConfigError(DmxError, ValueError):
    """A configuration file or key is wrong."""


class DataError(DmxError, ValueError):
    """Input data (forcing, attributes, observations) are missing or not usable."""


class DataProblems(DataError):
    """Several things are wrong with data, which are told together.

    Parameters
    ----------
    problems : iterable of str
        Each as an error of its own would say it.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{len(self.problems)} problems: {'; '.join(self.problems)}")


class UnitsError(DmxError, ValueError):
    """Units are unknown, or cannot be converted into the expected ones."""


class BundleError(DmxError, ValueError):
    """A bundle on disk is incomplete, altered, or of an unknown version."""


class TrainingError(DmxError, RuntimeError):
    """Training cannot go on."""


class StateError(DmxError, ValueError):
    """A saved state does not belong to this component or is damaged."""


class TimeError(DmxError, ValueError):
    """A time is asked for that the model cannot step to."""


class ScanError(DmxError, ValueError):
    """Arguments of a scan do not fit the process."""


class ModuleError(DmxError, RuntimeError):
    """A module of a coupled run does what its host cannot work with, or raises."""


class SlowerWarning(RuntimeWarning):
    """Something runs in a slower way than it could, with the same numbers."""


class VariableError(DmxError, KeyError):
    """A variable name is not known."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a sentence must stay readable.
        return str(self.args[0]) if self.args else ""


NEAR, WEAK = 0.75, 0.6
"""Likeness of a name that is meant, and of one that may be."""

LISTED = 25
"""Most names that are listed."""


def suggestion(unknown: str, choices: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for a near name, else the list of known names.

    Where the nearest name is little alike, both are given; of long lists only the
    number of names.

    Parameters
    ----------
    unknown : str
        The name that was not recognised.
    choices : iterable of str
        The valid names.

    Returns
    -------
    str
        Text to append to an error message.
    """
    names = [str(name) for name in choices]
    lowered = {name.lower(): name for name in names}
    near = difflib.get_close_matches(unknown.lower(), lowered, n=1, cutoff=WEAK)
    listed = ", ".join(sorted(names))
    if near:
        meant = f"; did you mean {lowered[near[0]]!r}?"
        sure = difflib.SequenceMatcher(None, near[0], unknown.lower()).ratio() >= NEAR
        return meant if sure or len(names) > LISTED else f"{meant} Known: {listed}"
    if not names:
        return "; none are known"
    if len(names) > LISTED:
        return f"; there are {len(names)}"
    return f"; known: {listed}"
