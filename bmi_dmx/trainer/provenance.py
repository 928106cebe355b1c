"""Which code made a result."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["commit"]


def commit() -> str | None:
    """Return the commit of this package's checkout, ``-dirty`` when it was changed.

    Returns None where the package is installed and not a checkout.
    """
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return None
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty"]
    try:
        options = ["--abbrev=40", "--exclude=*"]
        run = subprocess.run(
            [*command, *options], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout.strip() or None
