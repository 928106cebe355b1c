"""What trainings wrote down of themselves, read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import DataError

__all__ = ["read_record"]


def read_record(path: Path, *keys: str) -> dict[str, Any]:
    """Return what a file of JSON says that this package wrote.

    Such files appear whole or not at all; disks that were full elsewhere, copies that
    were cut short and editors are what damages them.

    Parameters
    ----------
    path : Path
        The file.
    keys : str
        What it has to say.

    Raises
    ------
    DataError
        The file cannot be read, is no mapping in JSON, or lacks a key.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: damaged or cut short, expected what bmi_dmx wrote as JSON:"
            f" {error}"
        ) from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: found {content!r:.40}, expected a mapping in JSON")
    for key in keys:
        if key not in content:
            raise DataError(f"{path}: has no {key!r}, expected what bmi_dmx wrote")
    return content
