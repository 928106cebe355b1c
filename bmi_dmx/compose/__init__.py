"""Models composed of parts: what they are made of, who gives what, how they run.

Importing this package does not load PyTorch; the models themselves do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..networks.statistics import Moments, Statistics
from .part import Declarations, Part
from .plan import Plan, plan

if TYPE_CHECKING:
    from .ensemble import Ensemble
    from .inputs import check_spec, fit_statistics
    from .model import Model, SimulationResult
    from .spec import ModelSpec, PartSpec

__all__ = [
    "Declarations",
    "Ensemble",
    "Model",
    "ModelSpec",
    "Moments",
    "Part",
    "PartSpec",
    "Plan",
    "SimulationResult",
    "Statistics",
    "check_spec",
    "fit_statistics",
    "plan",
]

# Not loaded by who runs bundles, and most of it with PyTorch.
_LATER = {
    "Ensemble": "ensemble",
    "Model": "model",
    "ModelSpec": "spec",
    "PartSpec": "spec",
    "SimulationResult": "simulation",
    "check_spec": "inputs",
    "fit_statistics": "inputs",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
