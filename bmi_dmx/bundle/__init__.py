"""Trained models on disk: saved whole or not at all, verified whole before use.

A bundle is a folder of three files: ``model.yaml`` (what the model is, where it comes
from, how well it does), ``weights.safetensors``, and ``programs.json``, the traced
arithmetic that lets it run without PyTorch. Nothing in it is ever executed as code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .load import Bundle, bundles, load_bundle

if TYPE_CHECKING:
    from .save import save_bundle

__all__ = ["Bundle", "bundles", "load_bundle", "save_bundle"]


def __getattr__(name: str) -> Any:
    # Saving needs PyTorch, loading does not.
    if name == "save_bundle":
        from .save import save_bundle

        return save_bundle
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
