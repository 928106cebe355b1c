"""Blocks of settings of which methods change some keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["merged"]


def merged(block: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a block with changes, key by key where both are mappings."""
    result = dict(block)
    for key, value in changes.items():
        own = result.get(key)
        if isinstance(own, Mapping) and isinstance(value, Mapping):
            value = merged(own, value)
        result[key] = value
    return result
