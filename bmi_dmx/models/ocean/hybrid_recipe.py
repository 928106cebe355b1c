"""Recipes of oceans of levels that are learned: hybrids, and networks alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ...compose.spec import ModelSpec, PartSpec
from ...conversion import MOST, refuse_outside
from ...errors import ConfigError
from ...process import SECONDS
from ...space import Grid
from .forms import Form
from .hybrid import HybridOptions, Kind
from .ocean_recipe import bottom_of

__all__ = ["HybridOceanModel", "LevelGrid", "NetworkOceanModel"]

_RADIUS = 6.371e6
"""Of the Earth, m."""


@dataclass(frozen=True, kw_only=True)
class LevelGrid:
    """Cells of one width on the sphere with levels, rows from south to north.

    Parameters
    ----------
    rows, columns : int
        Numbers of cells.
    degrees : float
        Width of a cell in both directions.
    south, west : float
        Where the first row and column begin.
    depths : list of float
        Middles of the levels, m; levels meet halfway between them, the first begins at
        the surface, and the last reaches as far below its middle as above.
    """

    rows: int
    columns: int
    degrees: float
    south: float
    west: float = 0.0
    depths: tuple[float, ...]

    def __post_init__(self) -> None:
        refuse_outside("rows", self.rows, 2, MOST)
        refuse_outside("columns", self.columns, 2, MOST)
        if list(self.depths) != sorted({*self.depths}) or not self.depths[0] > 0.0:
            raise ConfigError(
                f"depths: found {list(self.depths)}, expected them to rise from above 0"
            )

    def space(self) -> dict[str, Any]:
        """Return the grid as plain data; columns go around where they close."""
        around = abs(self.columns * self.degrees - 360.0) < 1e-9
        return Grid.uniform(
            (self.rows, self.columns), (self.degrees, self.degrees),
            (self.south, self.west), z_edges=[-z for z in faces(self.depths)],
            periodic=("x",) if around else (), radius=_RADIUS,
        ).to_dict()  # fmt: skip

    def bottom(self) -> PartSpec:
        """Return what tells the share of each cell above the bottom, from the data."""
        cells = self.rows * self.columns * len(self.depths)
        return bottom_of(cells)


def faces(depths: Sequence[float]) -> list[float]:
    """Return the depths between levels, from the surface to the bottom."""
    between = [0.5 * (a + b) for a, b in pairwise(depths)]
    last = between[-1] if between else 0.0
    return [0.0, *between, 2.0 * depths[-1] - last]


@dataclass(frozen=True, kw_only=True)
class HybridOceanModel:
    """The primitive equations with learned coefficients and a network.

    Parameters
    ----------
    grid : LevelGrid
        Where the cells are.
    seconds : float
        Length of a step.
    targets : bool
        Whether the surface is drawn to what is usual on the day.
    weather : bool
        Whether winds push the water, and a network reads the weather.
    physics : mapping
        Options of the primitive equations.
    coefficients : dict of str to float
        Coefficients of the physics that are not as usual.
    learned : dict of str to {"number", "map", "profile"}
        Those that are learned, as one number, a map, or one number between two levels.
    range : float
        Factor that learned ones may be smaller or larger by than they begin.
    network : str, optional
        Registered network over grids; none: physics alone.
    options : mapping of str to object
        What the network lets choose.
    forms : tuple of str
        What it does.
    """

    grid: LevelGrid
    seconds: float = 3600.0
    targets: bool = True
    weather: bool = True
    physics: dict[str, Any] = field(default_factory=dict)
    coefficients: dict[str, float] = field(default_factory=dict)
    learned: dict[str, Kind] = field(default_factory=dict)
    range: float = 5.0
    network: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    forms: tuple[Form, ...] = ("mixing", "spreading", "flux")

    def model(self) -> ModelSpec:
        """Return the bottom, learned coefficients, and the ocean with its network."""
        forced_by = tuple(self.physics.get("forced_by", ()))
        options = HybridOptions(
            levels=len(self.grid.depths), weather=self.weather,
            physics={
                **self.physics,
                "forced_by": [*forced_by, *(["targets"] if self.targets else [])],
            },
            coefficients=self.coefficients, learned=self.learned, range=self.range,
            network=self.network, settings=self.options, forms=self.forms,
        )  # fmt: skip
        parts = {"bottom": self.grid.bottom()}
        maps = [name for name, kind in self.learned.items() if kind == "map"]
        if maps:
            places = self.grid.rows * self.grid.columns
            parts["maps"] = PartSpec(
                network="maps", options={"places": places}, gives=tuple(maps)
            )
        numbers = [
            one
            for name, kind in self.learned.items() if kind != "map"
            for one in ([name] if kind == "number" else
                        [f"{name}_{k}" for k in range(1, options.levels)])
        ]  # fmt: skip
        if numbers:
            parts["numbers"] = PartSpec(network="constant", gives=tuple(numbers))
        parts["ocean"] = PartSpec(process="hybrid_ocean", options=vars(options))
        return ModelSpec(
            parts=parts, seconds=self.seconds, space=self.grid.space(), system="ocean"
        )


@dataclass(frozen=True, kw_only=True)
class NetworkOceanModel:
    """An ocean of levels by a network alone, by days.

    Parameters
    ----------
    grid : LevelGrid
        Where the cells are.
    history : int
        Days that are read, the present one included.
    weather : bool
        Whether the weather is read.
    network : str
        Registered network over grids.
    options : mapping of str to object
        What the network lets choose.
    """

    grid: LevelGrid
    history: int = 1
    weather: bool = True
    network: str = "unet"
    options: dict[str, Any] = field(default_factory=dict)

    def model(self) -> ModelSpec:
        """Return the bottom and the network."""
        options = {
            "levels": len(self.grid.depths), "history": self.history,
            "weather": self.weather, "network": self.network, "settings": self.options,
        }  # fmt: skip
        return ModelSpec(
            parts={
                "bottom": self.grid.bottom(),
                "ocean": PartSpec(process="network_ocean", options=options),
            },
            seconds=SECONDS["d"], space=self.grid.space(), system="ocean",
        )  # fmt: skip
