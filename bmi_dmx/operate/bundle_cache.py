"""One bundle in memory, however many components of a process run it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..bundle import Bundle, bundles, load_bundle
from ..config import expanded

__all__ = ["bundle_named", "name_from", "named_from", "shared_bundle"]

_Stamp = tuple[tuple[str, int, int], ...]
_loaded: dict[Path, tuple[_Stamp, Bundle]] = {}


def shared_bundle(path: Path) -> Bundle:
    """Return the bundle in a folder, read again only when its files have changed.

    Raises
    ------
    BundleError
        When it is not a whole bundle.
    """
    place = path.resolve()
    stamp = _stamp(place)
    entry = _loaded.get(place)
    if entry is None or entry[0] != stamp:
        entry = _loaded[place] = (stamp, load_bundle(place))
    return entry[1]


def _stamp(folder: Path) -> _Stamp:
    """Return what changes when a file of the folder does."""
    if not folder.is_dir():
        return ()
    stats = ((file.name, file.stat()) for file in sorted(folder.iterdir()))
    return tuple((name, s.st_mtime_ns, s.st_size) for name, s in stats)


def bundle_named(name: str, folder: Path) -> Bundle:
    """Return a bundle that comes with the package, or one on disk.

    Parameters
    ----------
    name : str
        A registered name, or a path.
    folder : Path
        What a relative path starts from.

    Raises
    ------
    BundleError
        When there is neither, or it is not a whole bundle.
    ConfigError
        When a variable of the environment in the path is not set.
    """
    if name in bundles:
        return shared_bundle(bundles[name])
    path = expanded(name, "bundle", folder)
    # Let a wrong name be answered by the names there are.
    return shared_bundle(path) if path.is_dir() else load_bundle(name)


def name_from(folder: Path, name: str) -> str:
    """Return what names a bundle of a file wherever the process runs.

    Parameters
    ----------
    folder : Path
        That of the file, from which a relative path starts.
    name : str
        A registered name, or a path.

    Returns
    -------
    str
        The name, or the whole path; what is neither there stays as it is, to be
        refused by who needs it.
    """
    path = expanded(name, "bundle", folder)
    return name if name in bundles or not path.is_dir() else str(path.resolve())


def named_from(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings whose ``bundle``, where there is one, is as :func:`name_from`.

    Parameters
    ----------
    folder : Path
        That of the file in which they stand.
    settings : mapping
        Of a filter, say.
    """
    copy, name = dict(settings), settings.get("bundle")
    if isinstance(name, str):
        copy["bundle"] = name_from(folder, name)
    return copy
