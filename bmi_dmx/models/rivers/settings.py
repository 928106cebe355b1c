"""The configuration of a component of rivers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...bmi.settings import Settings
from ...errors import ConfigError

if TYPE_CHECKING:
    from ...bmi.locations import Locations
    from ...operate.operation import Operation
    from ...space import Space

__all__ = ["MISSING", "OF_TREE", "REACHES", "RiverSettings"]

MISSING = "tree: missing; expected a file of reaches, or a space of kind tree"
"""What to say where nothing says which reaches there are."""

REACHES = "reaches"
"""Lateral inflow that comes by reach, in their order."""

OF_TREE = "tree"
"""Parameters that are those of the file of the tree."""


@dataclass(frozen=True, kw_only=True)
class RiverSettings(Settings):
    """What a component of rivers runs: the usual keys, and those of a tree of reaches.

    Parameters
    ----------
    tree : path, optional
        File of the reaches, what is known of them, and which drains into which;
        relative to the configuration file. In place of ``space``.
    format : str, optional
        What kind of file that is; default: as its content says.
    lakes : path, optional
        File of lakes, where it is another.
    outlets : sequence of str
        Reaches or gauges; only what drains through them is run. Default: all.
    parameters : str, optional
        Channel parameters that hold in place of what networks answer: ``tree``, those
        of the file of the tree; or a table whose first column names reaches, empty
        where the networks are to answer.
    sources : str or sequence of str
        Under which names lateral inflow comes, and in which order: ``reaches``; names
        of reaches, nexuses or units of land, as the file of the tree has them; or the
        beginning of such names, as ``nex-``, for all that begin so. What comes to a
        nexus is shared out by area among the reaches that enter it.
    """

    tree: Path | None = None
    format: str | None = None
    lakes: Path | None = None
    outlets: tuple[str | int, ...] = ()
    parameters: str | None = None
    sources: str | tuple[str | int, ...] = REACHES

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tree is None:
            for key in ("format", "lakes", "outlets", "parameters"):
                if getattr(self, key):
                    raise ConfigError(
                        f"{key}: says more of a tree, but 'tree' is not there"
                    )
            if self.sources != REACHES:
                raise ConfigError(
                    "sources: other names than those of the reaches stand in the file "
                    "of a tree, but 'tree' is not there"
                )
        elif self.space is not None:
            raise ConfigError(
                "space: the reaches are those of 'tree'; remove one of them"
            )

    def placed(
        self, operation: Operation, folder: Path
    ) -> tuple[Locations, Space | None] | None:
        """Return the reaches of the tree, if there is one."""
        if self.tree is None:
            if self.locations is None and (self.space or operation.space) is None:
                raise ConfigError(MISSING)
            return None
        # What reads files is for those who have one.
        from .reaches import reaches_of

        reaches = reaches_of(self, operation, folder)
        return reaches, reaches.origin.tree
