"""Files and folders that exist complete or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic", "atomic_folder", "cache_folder"]


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes ``path`` when the block succeeds.

    The temporary file lies in the same folder, which is created if needed, and keeps
    the suffix. When the block fails the temporary file is removed and an older ``path``
    stays as it was.

    Parameters
    ----------
    path : path-like
        The file to be written.

    Yields
    ------
    Path
        Where to write.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(target)
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(
    path: str | os.PathLike[str], *, durable: bool = True
) -> Iterator[Path]:
    """Give a new folder to fill; it becomes ``path`` when the block succeeds.

    An older folder stays as it was until then, and where the block fails; afterwards it
    is gone with all it held.

    Parameters
    ----------
    path : path-like
        The folder to be made; those above it are created if needed.
    durable : bool
        Also survive a power cut right afterwards; takes milliseconds for each file.

    Yields
    ------
    Path
        Where to write.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(target)
    temporary.mkdir()
    try:
        yield temporary
        for written in temporary.rglob("*") if durable else ():
            if written.is_file():
                _sync(written)
        _put_in_place(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync(path: Path) -> None:
    # A rename must not reach the disk before the data does.
    with open(path, "r+b") as written:
        os.fsync(written.fileno())


def _put_in_place(temporary: Path, target: Path) -> None:
    if not target.exists():
        os.replace(temporary, target)
        return
    old = _beside(target)
    os.replace(target, old)
    try:
        os.replace(temporary, target)
    except OSError:
        os.replace(old, target)
        raise
    shutil.rmtree(old)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.stem}.{uuid.uuid4().hex}{target.suffix}")


def cache_folder() -> Path:
    """Return the folder of what can be made again: kernels and traced programs.

    ``BMI_DMX_CACHE`` names it; otherwise it is ``bmi_dmx`` in the user's cache folder.
    """
    named = os.environ.get("BMI_DMX_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "bmi_dmx"
