"""From settings to how a bundle is run: lengths of steps, choices and units."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from ..bundle import Bundle
from ..errors import ConfigError, suggestion
from ..operate.operation import Operation, step_text
from ..operate.repeated_warnings import warn_once
from ..operate.system import system_of
from ..process import SECONDS
from .settings import Settings

__all__ = ["operation_of", "step_length"]

_log = logging.getLogger(__name__)

_LENGTH = re.compile(r"\s*([0-9.eE+-]+)\s*([a-z]+)\s*")


_known: dict[tuple[object, ...], Operation] = {}
"""What follows from an operation is found once, however many components run it."""


def operation_of(settings: Settings, bundle: Bundle) -> Operation:
    """Return how a component runs a bundle.

    Raises
    ------
    ConfigError
        When the bundle cannot be run like that, naming the key.
    """
    words = system_of(bundle.manifest.system).steps
    seconds = bundle.manifest.seconds
    if settings.time_step is not None:
        seconds = step_length("time_step", settings.time_step, words)
    if settings.mode is not None:
        inner = step_length("mode", settings.mode, words)
    else:
        inner = _usual(seconds, bundle)
    choices = {part: name for part, name in settings.parts.items() if name != "bundle"}
    # The operation keeps its bundle, so that no other one gets this number.
    key = (id(bundle), seconds, inner, *sorted(choices.items()), settings.units)
    if key not in _known:
        _known[key] = Operation(bundle, seconds, inner, choices, settings.units)
    return _known[key]


def _usual(seconds: float, bundle: Bundle) -> float:
    """Return the step of the physics at steps of a host, where none was chosen.

    It is that of the host, or the shortest that is made of such steps.
    """
    longer = [x for x in bundle.manifest.steps if x > seconds and not x % seconds]
    if seconds in bundle.manifest.steps or not longer:
        return seconds
    inner = min(longer)
    warn_once(
        _log,
        f"steps of {bundle.name}",
        "model %r does not run at steps of %s: they are gathered for its steps of %s, "
        "and what it answers at the end of one is given out through the next, so that "
        "all is late by %s",
        bundle.name,
        step_text(seconds),
        step_text(inner),
        step_text(inner),
    )
    return inner


def step_length(key: str, text: str | float, words: Mapping[str, float]) -> float:
    """Return the length of a step in seconds.

    Parameters
    ----------
    key : str
        What messages begin with.
    text : str or float
        Seconds, a number with a unit of time such as ``3 h``, or one of the words.
    words : mapping of str to float
        Words for lengths, in seconds.

    Raises
    ------
    ConfigError
        When it is none of these.
    """
    if isinstance(text, str):
        if text in words:
            return words[text]
        match = _LENGTH.fullmatch(text)
        if match is None or match[2] not in SECONDS or match[2] == "1":
            hint = suggestion(text, words) if words else ""
            raise ConfigError(
                f"{key}: unknown value {text!r}{hint}; or a number of seconds, or with "
                "a unit such as '3 h'"
            )
        try:
            length = float(match[1]) * SECONDS[match[2]]
        except ValueError:
            raise ConfigError(
                f"{key}: found {text!r}, expected a number and a unit"
            ) from None
    else:
        length = float(text)
    if not 0.0 < length < float("inf"):
        raise ConfigError(f"{key}: found {text!r}, expected a time above 0")
    return length
