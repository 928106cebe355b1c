"""Filters by the name of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...conversion import convert
from ...errors import ConfigError, DmxError
from ...registries import filters
from ..filters import Filter
from ..observation import Observation

__all__ = ["NO_FILTER", "filter_from"]

NO_FILTER = "none"
"""Name of what compares values and predictions, and changes nothing."""


def filter_from(
    block: Mapping[str, Any], members: int, *, local: bool = False
) -> Filter | None:
    """Return the filter of a configuration; None where nothing is to be changed.

    Parameters
    ----------
    block : mapping
        Its ``name`` and settings.
    members : int
        Of the ensemble.
    local : bool
        Whether observations count by their distance.

    Raises
    ------
    ConfigError
        When there is no such filter, it needs more than states at one time, or does not
        have a setting.
    """
    name = str(block["name"])
    settings = {key: value for key, value in block.items() if key != "name"}
    if name == NO_FILTER:
        if settings:
            raise ConfigError(f"filter: {NO_FILTER!r} has no {next(iter(settings))!r}")
        return None
    try:
        kind: Any = filters[name]
    except ConfigError as error:
        raise ConfigError(f"filter: name: {error}, or {NO_FILTER!r}") from None
    if not hasattr(kind, "analyse"):
        raise ConfigError(
            f"filter: name: {name!r} runs the model over a window, which a component "
            "cannot; choose a filter of one time"
        )
    method: Filter = convert(settings, kind, "filter")
    _try(name, method, members, local)
    return method


def _try(name: str, method: Filter, members: int, local: bool) -> None:
    """Refuse a filter that needs what a component cannot give, on a made-up problem."""
    states = np.random.default_rng(0).standard_normal((1, members, 3))
    observation = Observation(np.zeros((1, 1)), np.ones((1, 1)))
    try:
        generator = np.random.default_rng(0)
        weights = np.ones((3, 1)) if local else None
        method.analyse(
            states, states[..., :1], observation, taper=weights, generator=generator
        )
    except DmxError as error:
        raise ConfigError(
            f"filter: name: {name!r} cannot be used in a component of {members} "
            f"members: {error}"
        ) from None
