"""Old name of ``bmi_dmx.trainer.tasks.basins.data.read``, kept for one version."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

_PRESENT = "bmi_dmx.trainer.tasks.basins.data.read"


def __getattr__(name: str) -> Any:
    """Return what the module of the present name holds."""
    found = getattr(import_module(_PRESENT), name)
    warnings.warn(f"{__name__} is {_PRESENT} now", DeprecationWarning, stacklevel=2)
    return found
