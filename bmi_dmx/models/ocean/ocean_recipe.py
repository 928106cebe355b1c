"""The recipe of an ocean of levels: its bottom, maps of coefficients, the process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...compose.spec import ModelSpec, PartSpec
from ...errors import ConfigError, suggestion
from ...space import Grid, space_from
from .declarations import PARAMETERS

__all__ = ["COEFFICIENTS", "PrimitiveOceanModel", "bottom_of"]

COEFFICIENTS = tuple(p.name for p in PARAMETERS if p.source == "network")
"""What can be a map of an ocean: viscosities, diffusivities, drag, restoring."""


@dataclass(frozen=True, kw_only=True)
class PrimitiveOceanModel:
    """An ocean of levels.

    Parameters
    ----------
    space : mapping
        A grid with levels, as :func:`~bmi_dmx.space.space_from` reads it.
    seconds : float
        Length of a step.
    maps : tuple of str
        Coefficients that are maps, one number for every column; others are the numbers
        that they are declared with, unless a host sets them.
    options : mapping of str to object
        What the process lets choose; see
        :class:`~.primitive_equations.OceanOptions`.
    """

    space: dict[str, Any]
    seconds: float = 3600.0
    maps: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.maps:
            if name not in COEFFICIENTS:
                hint = suggestion(name, COEFFICIENTS)
                raise ConfigError(f"maps: unknown coefficient {name!r}{hint}")

    def model(self) -> ModelSpec:
        """Return the bottom, the maps and the process."""
        grid = space_from(self.space)
        if not isinstance(grid, Grid) or grid.z_edges is None:
            raise ConfigError("space: expected a grid with levels (z_edges)")
        columns = len(grid)
        cells = columns * (grid.z_edges.size - 1)
        parts = {"bottom": bottom_of(cells)}
        if self.maps:
            parts["coefficients"] = _maps(columns, self.maps, learned=True)
        parts["ocean"] = PartSpec(
            process="primitive_equations", options=dict(self.options)
        )
        return ModelSpec(
            parts=parts, seconds=self.seconds, space=self.space, system="ocean",
            answers=("temperature", "salinity", "u", "v", "elevation"),
        )  # fmt: skip


def bottom_of(cells: int) -> PartSpec:
    """Return the part that tells the share of each cell above the bottom.

    Parameters
    ----------
    cells : int
        Number of cells of all levels.
    """
    return _maps(cells, ("cell_fraction",), learned=False)


def _maps(places: int, gives: tuple[str, ...], *, learned: bool) -> PartSpec:
    options = {"places": places, "learned": learned}
    return PartSpec(network="maps", options=options, gives=gives)
