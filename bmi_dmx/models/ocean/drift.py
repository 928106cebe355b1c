"""What fields at the surface have in common that drift, spread and fade."""

from __future__ import annotations

import math
from types import SimpleNamespace

import torch
from torch import Tensor

from ...errors import ConfigError
from ...process import SECONDS, Process, Stencil
from ...space import Grid, Space
from ...variables import Parameter
from .operators import east, north, south, west

__all__ = ["SEA", "DriftingFields"]

SEA = Parameter(
    name="sea", symbol="m", units="1", standard_name="sea_water_grid_cell__mask",
    bounds=(0.0, 1.0), spacing="free", per="place", about="1 in the sea, 0 on land",
)  # fmt: skip


class DriftingFields(Process):
    """Fields on a grid of a sphere that learned flows carry and diffusion spreads.

    Subclasses declare the maps ``sea`` and, where their option ``local`` is on,
    ``eastward_flow``, ``northward_flow`` (m s-1) and ``diffusivity`` (m2 s-1), whose
    bounds say how many ``substeps`` are needed.
    """

    coupling = Stencil()

    def on(self, space: Space | None) -> Process:
        """Return it on a grid of a sphere, whose cells are all of one width."""
        placed = super().on(space)
        if space is None:
            return placed
        if not (
            isinstance(space, Grid)
            and space.radius is not None
            and space.z_edges is None
            and space.grid().spacing is not None
        ):
            raise ConfigError(
                f"space: {self.name} lives on a grid of a sphere without levels, whose "
                "rows and columns are each of one width"
            )
        if self.options.local:
            self._refuse_long_steps(space)
        return placed

    def _refuse_long_steps(self, grid: Grid) -> None:
        """Refuse steps in which the strongest flows and diffusion leave a cell."""
        dx, dy = (float(x.min()) for x in grid.sizes())
        limits = {p.name: p.limits[1] for p in self.parameters}
        flow = limits["eastward_flow"] / dx + limits["northward_flow"] / dy
        spread = 2.0 * limits["diffusivity"] * (1.0 / dx**2 + 1.0 / dy**2)
        least = math.ceil(SECONDS[self.time] * (flow + spread))
        if self.options.substeps < least:
            raise ConfigError(
                f"options.substeps: found {self.options.substeps}, expected at least "
                f"{least} for cells of {dx / 1e3:.0f} by {dy / 1e3:.0f} km"
            )

    def _drifted(self, a: Tensor, p: SimpleNamespace) -> Tensor:
        """Return the field after flows and diffusion."""
        seconds = SECONDS[self.time] * self.dt / self.options.substeps
        dx, dy, faces, middles = self._metrics(a)
        open_x, open_y = self._open(p.sea)
        u, v = (p.eastward_flow * seconds / dx, p.northward_flow * seconds / dy)
        # One number for all cells becomes a field.
        nu = p.diffusivity * seconds + 0.0 * p.sea
        across = open_x * 0.5 * (nu + east(nu)) / (dx * dx)
        along = open_y * faces * 0.5 * (nu + north(nu)) / (dy * dy)
        for _ in range(self.options.substeps):
            to_east, to_north = open_x * (east(a) - a), open_y * (north(a) - a)
            from_west, from_south = west(to_east), south(to_north)
            carried = (
                torch.clamp(u, min=0.0) * from_west + torch.clamp(u, max=0.0) * to_east
                + torch.clamp(v, min=0.0) * from_south
                + torch.clamp(v, max=0.0) * to_north
            )  # fmt: skip
            flow_x, flow_y = across * to_east, along * to_north
            spread = flow_x - west(flow_x) + (flow_y - south(flow_y)) / middles
            a = a - carried + spread
        return a

    def _open(self, sea: Tensor) -> tuple[Tensor, Tensor]:
        """Return which faces in the east and north of cells lie between two of sea.

        Beyond the last row, and the last column unless they go around, lies nothing.
        """
        assert isinstance(self.space, Grid)
        to_east, to_north = sea * east(sea), sea * north(sea)
        rows, columns = self.space.field("cell", ())
        row = torch.arange(rows, dtype=sea.dtype, device=sea.device).unsqueeze(-1)
        to_north = torch.where(row < rows - 1.5, to_north, 0.0)
        if "x" not in self.space.periodic:
            column = torch.arange(columns, dtype=sea.dtype, device=sea.device)
            to_east = torch.where(column < columns - 1.5, to_east, 0.0)
        return to_east, to_north

    def _latitude(self, like: Tensor) -> Tensor:
        """Return the latitudes of the rows, degrees, (row, 1)."""
        assert isinstance(self.space, Grid)
        y = self.space.nodes("y")
        step = float(y[1] - y[0]) if y.size > 1 else 0.0
        rows = torch.arange(y.size, dtype=like.dtype, device=like.device)
        return (float(y[0]) + step * rows).unsqueeze(-1)

    def _metrics(self, like: Tensor) -> tuple[Tensor, float, Tensor, Tensor]:
        """Return widths of cells, m, and cosines of latitude.

        Returns
        -------
        dx, dy, faces, middles
            (row, 1) and a number; (row, 1) at the north faces of rows and their
            middles.
        """
        assert isinstance(self.space, Grid)
        degree = (self.space.radius or 0.0) * math.pi / 180.0
        dy, dx = (float(self.space.widths(axis)[0]) for axis in ("y", "x"))
        latitude = self._latitude(like)
        middles = torch.cos(latitude * (math.pi / 180.0))
        faces = torch.cos((latitude + 0.5 * dy) * (math.pi / 180.0))
        return degree * dx * middles, degree * dy, faces, middles
