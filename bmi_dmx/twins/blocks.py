"""What hindcasts of all kinds share: blocks that methods change, and a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["OPEN_LOOP", "merged"]

OPEN_LOOP = "open loop"
"""The row of the model by itself."""


def merged(block: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a block with changes, key by key where both are mappings."""
    result = dict(block)
    for key, value in changes.items():
        inner = result.get(key)
        if isinstance(inner, Mapping) and isinstance(value, Mapping):
            value = merged(inner, value)
        result[key] = value
    return result
