"""States that version 0.1 saved, which knew one kind of model and no parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...operate.runner import Runner
from ...operate.stages import LOST

__all__ = ["FORMAT", "from_state_1"]

Array = np.ndarray[Any, np.dtype[Any]]

FORMAT = "bmi_dmx state 1"
"""What such states are marked with."""

_RENAMED = {
    "process.": "land.",
    "routing.": "outlet.",
    "network.": "dynamic.",
    "dynamic.": "varying.",
    "day.hours": "period.steps",
    "day.": "period.",
}
"""Beginnings of the names of arrays, then and now."""

_STEPS = {"daily": "1 d", "hourly": "1 h"}


def from_state_1(
    runner: Runner, arrays: Mapping[str, Array], owner: Mapping[str, str]
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays and the owner of a state under their present names.

    Parameters
    ----------
    runner : Runner
        The model that is to go on from it.
    arrays : mapping of str to ndarray
        The state. Attributes have no names in it, and those that the model does not
        need came in any order: they stay as the runner has them.
    owner : mapping of str to str
        What the component that saved it was.
    """
    state = {_name(name): array for name, array in arrays.items()}
    for name in [name for name in state if name.startswith("evaporation.")]:
        state[name] = state[name][..., 0]  # had an axis of one member
    for name, array in runner.storage.lost.items():
        state[f"balance.{name}{LOST}"] = np.zeros_like(array)  # nobody kept it
    for name, array in runner.save().items():
        if name.startswith("varying."):
            state.setdefault(name, np.full_like(array, np.nan))  # nor this, by days
    settings = runner.parameters.memory()["attributes"]
    count = len(runner.operation.required)
    settings[:count] = state["settings.attributes"][:count]
    state["settings.attributes"] = settings
    mode, evaporation, *others = owner[
        "way of running (mode, evaporation, units)"
    ].split(", ")
    choices = [] if evaporation == "bundle" else [f"evaporation {evaporation}"]
    rest = [text.replace("days from", "periods from") for text in others]
    return state, {
        "bundle": owner["bundle"],
        "time step": owner["time step"],
        "way of running (steps, choices, units)": ", ".join(
            [_STEPS[mode], *choices, *rest]
        ),
        "set of places": owner["set of locations"],
        "set of attributes": ", ".join(runner.parameters.attribute),
    }


def _name(name: str) -> str:
    for old, new in _RENAMED.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name
