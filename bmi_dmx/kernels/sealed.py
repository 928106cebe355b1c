"""Compiled kernels on disk: whole as they were written, and by nobody else."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from ..errors import ScanError
from ..files import atomic

__all__ = ["refuse_of_others", "unsealed", "whole", "write_sealed"]


def _seal(content: bytes, name: str) -> bytes:
    """Return the hash of a library under its name, which is that of its source.

    A library of another kernel, whole as it may be, does not bear it.
    """
    return hashlib.sha256(name.encode() + b"\0" + content).digest()


def whole(path: Path) -> bool:
    """Return whether a kernel is there as it was written.

    Half a library would not be refused by the system, but end the process. What stands
    behind the end of a library does not matter to who loads it: there is its hash.
    """
    if not path.is_file():
        return False
    content = path.read_bytes()
    size = hashlib.sha256().digest_size
    return content[-size:] == _seal(content[:-size], path.name)


def refuse_of_others(path: Path) -> None:
    """Refuse what others may put there: who loads a library runs it."""
    if not hasattr(os, "geteuid"):
        return
    status = path.stat()
    cure = "name a folder of your own by BMI_DMX_CACHE"
    if status.st_uid not in (0, os.geteuid()):
        raise ScanError(f"{path} belongs to another user; {cure}")
    # Where the sticky bit is set, as in /tmp, others cannot replace what is there.
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        raise ScanError(f"anybody may write to {path}; take that right away, or {cure}")


def unsealed(path: Path) -> bytes | None:
    """Return what :func:`write_sealed` wrote, or None where it is not there, whole."""
    size = hashlib.sha256().digest_size
    return path.read_bytes()[:-size] if whole(path) else None


def write_sealed(path: Path, content: bytes) -> None:
    """Write a kernel whose name is the hash of its source."""
    # Whatever the usual rights of new files are, others may not change these.
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with atomic(path) as temporary:
        temporary.write_bytes(content + _seal(content, path.name))
        temporary.chmod(0o644)
