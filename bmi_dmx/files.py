"""Files and folders that exist complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

__all__ = [
    "ADDRESS",
    "NETCDF",
    "atomic",
    "atomic_folder",
    "cache_folder",
    "folder_beside",
    "locked",
    "refuse_device",
    "wanted_from",
    "writing",
]

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/")
"""How what lies elsewhere begins, such as ``https://``, of which a path keeps one
stroke; one letter alone is a disk of Windows."""

NETCDF = threading.RLock()
"""To be held while a NetCDF file is open where several threads may have one: the
library crashes when two are inside."""


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes ``path`` when the block succeeds.

    The temporary file lies in the same folder, which is created if needed, and keeps
    the suffix. When the block fails the temporary file is removed and an older ``path``
    stays as it was. Where ``path`` is a symbolic link the file that it leads to is
    replaced. What killed writers left in the folder is removed.

    Parameters
    ----------
    path : path-like
        The file to be written.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    OSError
        When ``path`` is a folder, device or pipe, or cannot be written.
    """
    target = _target(path)
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder, expected a file", str(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.parent not in _looked_through:
        # Once, for there may be as many targets in a folder as it has files.
        _looked_through.add(target.parent)
        _remove_abandoned(target)
    temporary = _beside(target)
    try:
        with _naming(temporary, target):
            yield temporary
            _sync(temporary)
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def refuse_device(path: str | os.PathLike[str]) -> None:
    """Refuse a path at which a device or pipe is, such as ``/dev/null``.

    A file that is renamed to it takes its place, for all who use the machine.

    Raises
    ------
    OSError
        With the path.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return  # nothing is there, or writing will tell
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        reason = "is a device or pipe, whose place nothing may take"
        raise OSError(errno.EINVAL, reason, os.fspath(path))


def _target(path: str | os.PathLike[str]) -> Path:
    """Return what is to be replaced, which may not be there yet; refuse a device.

    That is where a symbolic link leads to: a link is how people put what is large on
    another disk, and it has to stay.
    """
    refuse_device(path)
    return Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)


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

    Raises
    ------
    OSError
        When ``path`` is a device or pipe, or cannot be written.
    """
    target = _target(path)
    with folder_beside(target) as temporary:
        yield temporary
        for file in temporary.rglob("*") if durable else ():
            if file.is_file():
                _sync(file)
        _put_in_place(temporary, target)


@contextmanager
def folder_beside(target: Path) -> Iterator[Path]:
    """Give a new hidden folder beside a target, to be filled and moved to its place.

    What is not moved when the block ends is removed; so is what killed writers left.

    Parameters
    ----------
    target : Path
        What it is to be; the folders above it are created if needed.

    Yields
    ------
    Path
        Where to write.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target)
    temporary = _beside(target)
    with _naming(temporary, target):
        temporary.mkdir()
    try:
        with _naming(temporary, target), locked(temporary):
            yield temporary
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
        file = next((name for name in names if name.startswith(str(temporary))), None)
        if file is not None:
            filename = str(target) + file[len(str(temporary)) :]
        elif not names and error.errno in _NO_ROOM:
            filename = str(target)
        else:
            raise
        raise OSError(error.errno, error.strerror, filename) from error


@contextmanager
def wanted_from(folder: Path, target: Path) -> Iterator[None]:
    """Name the file that is wanted where what is kept for it cannot be written.

    Parameters
    ----------
    folder : Path
        Where parts are kept until the file can be made of them.
    target : Path
        The file.

    Raises
    ------
    OSError
        With the file and the reason.
    """
    try:
        yield
    except OSError as error:
        filename = error.filename
        inside = isinstance(filename, str) and Path(filename).is_relative_to(folder)
        if not inside or error.errno in (errno.EEXIST, errno.ENOTDIR):
            raise
        raise OSError(error.errno, error.strerror, str(target)) from error


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
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _put_in_place(temporary: Path, target: Path) -> None:
    if not target.exists():
        os.replace(temporary, target)
        return
    if _exchanged(temporary, target):
        return
    old = target.with_name(f".{target.name}{_OLD}")
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


_OLD = ".bmi-dmx-old"
"""Ends the name of a folder whose place another is about to take."""

_ABANDONED = 60.0
"""Seconds after which a folder that nobody holds is taken for that of a killed writer,
and a file after a day, where it cannot be seen whether the writer lives."""

_DAY = 86400.0

_looked_through: set[Path] = set()


def _remove_abandoned(target: Path) -> None:
    """Delete what writers left in the folder of a target when they were killed.

    That is known of writers on this machine. Of others what is old is deleted, and of
    the same target alone.
    """
    _restore_old(target)
    pattern = rf"\.{re.escape(target.stem)}\.[0-9a-f]{{32}}{re.escape(target.suffix)}"
    for path in target.parent.iterdir():
        match = _TEMPORARY.fullmatch(path.name)
        if match is None:
            continue
        with contextlib.suppress(OSError):
            if match["machine"] == _machine():
                if not _lives(int(match["process"], 16)):
                    _delete(path)
            elif re.fullmatch(pattern, path.name):
                _delete_old(path)


def _delete_old(path: Path) -> None:
    age = time.time() - path.stat().st_mtime
    if not path.is_dir():
        if age > _DAY:
            path.unlink()
        return
    with locked(path):
        if age > _ABANDONED:
            shutil.rmtree(path)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _restore_old(target: Path) -> None:
    """Bring back a folder where a kill came before another was in its place."""
    old = target.with_name(f".{target.name}{_OLD}")
    if not old.is_dir():
        return
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.replace(old, target)


def _lives(process: int) -> bool:
    """Return whether there is a process of this number on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # of somebody else
    return True


@cache
def _machine() -> str:
    """Return 8 digits for where the numbers of processes are those of this one.

    Elsewhere than on Linux and its like nobody can be asked whether a process lives,
    and every process is a machine of its own.
    """
    try:
        parts = [
            Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"),
            os.readlink("/proc/self/ns/pid"),
        ]
    except OSError:
        return os.urandom(4).hex()
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:8]


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
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if isinstance(error, BlockingIOError):
                raise
        yield
    finally:
        os.close(descriptor)


def _beside(target: Path) -> Path:
    mark = f"{_machine()}{os.getpid():08x}{os.urandom(8).hex()}"
    return target.with_name(f".{target.stem}.{mark}{target.suffix}")


_TEMPORARY = re.compile(
    r"\..+\.(?P<machine>[0-9a-f]{8})(?P<process>[0-9a-f]{8})[0-9a-f]{16}(\.[^.]*)?"
)
"""Names of :func:`_beside`."""


def cache_folder() -> Path:
    """Return the folder of what can be made again: kernels and traced programs.

    ``BMI_DMX_CACHE`` names it; otherwise it is ``bmi_dmx`` in the user's cache folder.
    """
    folder = os.environ.get("BMI_DMX_CACHE")
    if folder:
        # No shell was there to do it where a file of settings names it.
        return Path(os.path.expanduser(folder))
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "bmi_dmx"
