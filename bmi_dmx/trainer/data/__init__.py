"""Old names of ``bmi_dmx.trainer.tasks.basins.data``, kept for one version."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["moved"]

_PRESENT = "bmi_dmx.trainer.tasks.basins.data"


def moved(module: str) -> Callable[[str], Any]:
    """Return what finds the names of a module where they are now, with a warning."""
    present = f"{_PRESENT}.{module}"

    def item(name: str) -> Any:
        value = getattr(import_module(present), name)
        told = f"{__name__}.{module} is {present} now"
        warnings.warn(told, DeprecationWarning, stacklevel=2)
        return value

    return item
