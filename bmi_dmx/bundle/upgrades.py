"""Bundles of older formats, brought to the present one as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import ConfigError, DmxError
from ..registries import upgrades

if TYPE_CHECKING:
    from .manifest import Manifest

__all__ = ["FORMAT", "Upgrade", "upgraded", "upgraded_programs"]

FORMAT = 2
"""Version of the layout of a bundle."""

Check = Callable[[str, Mapping[str, Any], tuple[str, ...]], None]


class Upgrade(Protocol):
    """From one format to the next."""

    blocks: tuple[str, ...]
    """Keys of the manifest that carry a hash in the old format."""

    def manifest(self, data: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Return the content of ``model.yaml`` in the next format.

        Raises
        ------
        ConfigError
            When something is missing that the format has.
        """

    def programs(
        self, data: Mapping[str, Any], manifest: Manifest, where: str
    ) -> dict[str, Any]:
        """Return the content of ``programs.json`` in the next format."""


def upgraded(data: Mapping[str, Any], where: str, check: Check) -> dict[str, Any]:
    """Return a manifest in the present format; its own hashes are verified before.

    Parameters
    ----------
    data : mapping
        The content of ``model.yaml``, of a format that is known.
    where : str
        What messages begin with.
    check : callable
        Verifies the hashes of blocks.
    """
    from .manifest import HASHED_BLOCKS

    blocks: tuple[str, ...] = HASHED_BLOCKS
    if data["format"] < FORMAT:
        blocks = upgrades[str(data["format"])].blocks
    check(where, data, blocks)
    while data["format"] < FORMAT:
        with _whole(where, data["format"]):
            data = upgrades[str(data["format"])].manifest(data, where)
    return dict(data)


@contextmanager
def _whole(where: str, version: int) -> Iterator[None]:
    """Refuse data of an older format in which something is not what it should be."""
    try:
        yield
    except DmxError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"{where}: not a whole bundle of format {version}: {error!r:.100}"
        ) from None


def upgraded_programs(
    data: Mapping[str, Any], old_version: int, manifest: Manifest, where: str
) -> Mapping[str, Any]:
    """Return programs in the present format.

    Parameters
    ----------
    data : mapping
        The content of ``programs.json``.
    old_version : int
        Its format.
    manifest : Manifest
        That of the bundle, in the present format.
    where : str
        What messages begin with.
    """
    for version in range(old_version, FORMAT):
        with _whole(where, version):
            data = upgrades[str(version)].programs(data, manifest, where)
    return data
