"""bmi_dmx: trained differentiable models, stepped through time behind BMI.

The public names below are imported when they are first used, so that ``import bmi_dmx``
costs nothing to the many processes of a coupled run.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bmi import Component
    from .bundle import load_bundle, save_bundle
    from .models.ecosystem.component import Leaf
    from .models.hydrology.component import DeltaHbv
    from .models.ocean.column_component import OceanColumn
    from .models.ocean.component import HybridOcean
    from .models.rivers.component import MuskingumCunge
    from .registries import networks, processes
    from .scan import scan

__all__ = [
    "Component",
    "DeltaHbv",
    "HybridOcean",
    "Leaf",
    "MuskingumCunge",
    "OceanColumn",
    "__version__",
    "load_bundle",
    "networks",
    "processes",
    "save_bundle",
    "scan",
]

__version__ = "0.2.0.dev0"

_PLACES = {
    "Component": "bmi",
    "DeltaHbv": "models.hydrology.component",
    "HybridOcean": "models.ocean.component",
    "Leaf": "models.ecosystem.component",
    "MuskingumCunge": "models.rivers.component",
    "OceanColumn": "models.ocean.column_component",
    "load_bundle": "bundle",
    "networks": "registries",
    "processes": "registries",
    "save_bundle": "bundle",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "scan":
        # Importing a subpackage puts it into this namespace, as `bmi_dmx.scan`, at the
        # very place of the function of that name. Hence the subpackage can be called as
        # the function it is named after, and it never matters what was imported before.
        return import_module(".scan", __name__)
    if name in _PLACES:
        value = getattr(import_module(f".{_PLACES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """The class of this package.

    Hosts such as bmi-tester take a BMI class out of a module's ``__dict__``, without
    the help of ``__getattr__``: these classes are in it once it is looked into.
    """

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        for name, place in _PLACES.items():
            if place.endswith("component") or place == "bmi":
                getattr(self, name)
        names: dict[str, Any] = super().__dict__
        return names


sys.modules[__name__].__class__ = _Package
