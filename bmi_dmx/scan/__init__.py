"""The engine that runs a process through time.

``scan`` is the one public function, documented as :func:`bmi_dmx.scan.engine.scan`;
the package itself can be called as that function. What runs it is a backend
(:mod:`.backends`): kernels generated from the time step (:mod:`.cells`), whole fields
(:mod:`.tensors`), or the readable loop (:mod:`.reference`). Importing this package does
not load PyTorch.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect import Signature

    from .engine import BACKENDS, ScanResult, scan

__all__ = ["BACKENDS", "ScanResult", "scan"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import engine

        return getattr(engine, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _CallablePackage(ModuleType):
    """The class of this package, which runs :func:`scan` when called.

    The name ``bmi_dmx.scan`` belongs to the function for those who use the library, and
    to this package by the rules of import. Python lets a module choose its class for
    such needs, which makes both true, whatever was imported before.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> ScanResult:
        from .engine import scan

        return scan(*args, **kwargs)

    @property
    def __signature__(self) -> Signature:
        """How it is called, for ``inspect.signature`` and ``help``."""
        from inspect import signature

        from .engine import scan

        return signature(scan)


sys.modules[__name__].__class__ = _CallablePackage
