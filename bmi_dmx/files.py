"""Files and folders that exist complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["NETCDF", "atomic", "atomic_folder", "cache_folder", "locked", "writing"]

NETCDF = threading.RLock()
"""To be held while a NetCDF file is open where several threads may have one: the
library crashes when two are inside."""


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
        with _naming(temporary, target):
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
    is gone with all it held. On Linux the two change places at once, so that a kill at
    any moment leaves one of them; what killed writers left beside is removed.

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
    _remove_abandoned(target)
    temporary = _beside(target)
    with _naming(temporary, target):
        temporary.mkdir()
    try:
        with _naming(temporary, target), locked(temporary):
            yield temporary
            for written in temporary.rglob("*") if durable else ():
                if written.is_file():
                    _sync(written)
            _put_in_place(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def _naming(temporary: Path, target: Path) -> Iterator[None]:
    """Name the file that was wanted where the temporary one cannot be written."""
    try:
        yield
    except OSError as error:
        # Who copies names two files.
        names = [str(name) for name in (error.filename, error.filename2) if name]
        own = next((name for name in names if name.startswith(str(temporary))), None)
        if own is not None:
            wanted = str(target) + own[len(str(temporary)) :]
        elif not names and error.errno in _NO_ROOM:
            wanted = str(target)
        else:
            raise
        raise OSError(error.errno, error.strerror, wanted) from error


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file that is written where a library fails without a word of it.

    Raises
    ------
    OSError
        With the file and the reason, in place of one without the file and of what the
        NetCDF library says of a full disk.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    except RuntimeError as error:
        if not str(error).startswith("NetCDF"):
            raise
        reason = f"cannot be written, perhaps for lack of room ({error})"
        raise OSError(errno.EIO, reason, os.fspath(path)) from error


def _sync(path: Path) -> None:
    # A rename must not reach the disk before the data does.
    with open(path, "r+b") as written:
        os.fsync(written.fileno())


def _put_in_place(temporary: Path, target: Path) -> None:
    if not target.exists():
        os.replace(temporary, target)
        return
    if _exchanged(temporary, target):
        return
    old = _beside(target)
    os.replace(target, old)
    try:
        os.replace(temporary, target)
    except OSError:
        os.replace(old, target)
        raise
    shutil.rmtree(old)


def _exchanged(one: Path, other: Path) -> bool:
    """Let two folders change places at once, where system and disk can."""
    import ctypes

    exchange = getattr(ctypes.CDLL(None), "renameat2", None)
    if exchange is None:
        return False
    here = -100  # AT_FDCWD: paths start where the process is
    paths = os.fsencode(one), os.fsencode(other)
    return bool(exchange(here, paths[0], here, paths[1], 2) == 0)  # RENAME_EXCHANGE


_ABANDONED = 60.0
"""Seconds after which what nobody holds is taken for the rest of a killed writer."""


def _remove_abandoned(target: Path) -> None:
    """Delete folders that writers of this target left when they were killed."""
    name = rf"\.{re.escape(target.stem)}\.[0-9a-f]{{32}}{re.escape(target.suffix)}"
    for path in target.parent.iterdir():
        if not re.fullmatch(name, path.name):
            continue
        with contextlib.suppress(OSError), locked(path):
            if path.is_dir() and time.time() - path.stat().st_mtime > _ABANDONED:
                shutil.rmtree(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a folder or a file, which is made if needed, as long as the process lives.

    Where system or disk know no such locks nothing is held, and everybody may.

    Raises
    ------
    BlockingIOError
        When another process holds it.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    held = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if isinstance(error, BlockingIOError):
                raise
        yield
    finally:
        os.close(held)


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
