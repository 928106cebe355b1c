"""Compiled kernels on disk: whole as they were written, and by nobody else."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from ..errors import ScanError
from ..files import atomic

__all__ = ["content_of", "intact", "refuse_of_others", "write_sealed"]


def _seal(content: bytes, name: str) -> bytes:
    """Return the hash of a library under its name, which is that of its source.

    A library of another kernel, whole as it may be, does not bear it.
    """
    return hashlib.sha256(name.encode() + b"\0" + content).digest()


def intact(path: Path) -> bool:
    """Return whether a kernel is on disk exactly as it was written.

    The system loads half a library without complaint, and then ends the process. So its
    hash is appended to it, which loaders ignore.
    """
    if not path.is_file():
        return False
    content = path.read_bytes()
    size = hashlib.sha256().digest_size
    return content[-size:] == _seal(content[:-size], path.name)


def refuse_of_others(path: Path) -> None:
    """Refuse a file or folder that other users may write: loading it runs it.

    Raises
    ------
    ScanError
        Naming the path and what to do.
    """
    if not hasattr(os, "geteuid"):
        return
    status = path.stat()
    cure = "name a folder of your own by BMI_DMX_CACHE"
    if status.st_uid not in (0, os.geteuid()):
        raise ScanError(f"{path} belongs to another user; {cure}")
    # Where the sticky bit is set, as in /tmp, others cannot replace what is there.
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        raise ScanError(f"anybody may write to {path}; take that right away, or {cure}")


def content_of(path: Path) -> bytes | None:
    """Return what :func:`write_sealed` wrote, or None unless it is intact."""
    size = hashlib.sha256().digest_size
    return path.read_bytes()[:-size] if intact(path) else None


def write_sealed(path: Path, content: bytes) -> None:
    """Write a kernel whose name is the hash of its source."""
    # Whatever the usual rights of new files are, others may not change these.
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with atomic(path) as temporary:
        temporary.write_bytes(content + _seal(content, path.name))
        temporary.chmod(0o644)
