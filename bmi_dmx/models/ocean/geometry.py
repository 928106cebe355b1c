"""What a step sees of grid, bottom and coefficients, made once of what is declared."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from ...space import Grid
from ...variables import At
from .constants import GRAVITY, ROTATION
from .operators import (
    above,
    below,
    between_columns,
    between_rows,
    east,
    north,
    south,
    west,
)

__all__ = ["Faces", "prepared"]

Fields = dict[str, Tensor]

_BANDS = ((0.58, 0.35), (0.42, 23.0))
"""Shares of light, and the depths (m) at which of each a share of 1/e is left; clear
water of type I (Paulson and Simpson 1977,
doi:10.1175/1520-0485(1977)007<0952:IMITUO>2.0.CO;2)."""

_AT: dict[str, At] = {
    "length_x": "x_face", "breadth_x": "x_face", "wet_x": "x_face",
    "length_y": "y_face", "breadth_y": "y_face", "wet_y": "y_face",
    "corner_dx": "corner", "corner_dy": "corner", "corner_northing": "corner",
}  # fmt: skip


class Faces:
    """Faces of a grid, as fields of the shape of its cells and back.

    Parameters
    ----------
    grid : Grid
        Along an axis with walls, the face before the first cell is one.
    """

    def __init__(self, grid: Grid) -> None:
        self._walled = {
            at: tuple(-1 if a == "x" else -2 for a in axes if a not in grid.periodic)
            for at, axes in (("x_face", "x"), ("y_face", "y"), ("corner", "xy"))
        }

    def inner(self, x: Tensor, at: At) -> Tensor:
        """Return a field without the walls before its first cells."""
        for axis in self._walled[at]:
            if x.ndim >= -axis and x.shape[axis] > 1:
                x = x.narrow(axis, 1, x.shape[axis] - 1)
        return x

    def outer(self, x: Tensor, at: At) -> Tensor:
        """Return a field with walls, where it is 0."""
        for axis in self._walled[at]:
            wall = torch.zeros_like(x.narrow(axis, 0, 1))
            x = torch.cat((wall, x), axis)
        return x


def prepared(
    p: SimpleNamespace, grid: Grid, *, rotation: float, beta: float, no_slip: bool
) -> Fields:
    """Return what a step sees of the declared parameters.

    Parameters
    ----------
    p : namespace of Tensor
        As declared; numbers, or fields of the grid.
    grid : Grid
        Where it is.
    rotation, beta : float
        Coriolis parameter where y is 0, and its change with y, on a plane.
    no_slip : bool
        Whether water does not slip along walls.
    """
    inner = Faces(grid).inner
    g = SimpleNamespace(
        **{name: inner(getattr(p, name), at) for name, at in _AT.items()}
    )
    fields = _cells(p)
    fields |= _faces(fields, g)
    fields |= _columns(fields, g)
    if grid.radius is None:
        turning = rotation + beta * g.corner_northing
        narrowing = torch.ones_like(p.northing)
    else:
        turning = 2.0 * ROTATION * torch.sin(torch.deg2rad(g.corner_northing))
        narrowing = torch.cos(torch.deg2rad(p.northing))
    viscosity = p.viscosity * narrowing + 0.0 * fields["sea"]
    fields["rotation"] = turning + 0.0 * fields["area"]
    fields |= _shears(fields, g, viscosity, no_slip)
    fields |= _spreads(fields, g, p.diffusivity + 0.0 * fields["sea"])
    fields |= _vertical(fields, p)
    fields |= _surface(fields, p)
    return fields


def _cells(p: SimpleNamespace) -> Fields:
    sea = p.wet * torch.sign(p.cell_fraction)
    thickness = p.level_thickness * p.cell_fraction * sea
    depth = thickness.sum(-3)
    surface = sea[..., 0, :, :]
    floor = _lower(sea)
    between = 0.5 * (thickness + below(thickness)) * p.cell_area
    return {
        "sea": sea,
        "floor": floor,
        "per_volume": _reciprocal(thickness * p.cell_area),
        "per_rise": floor * _reciprocal(between),
        "thickness": thickness,
        # Land keeps a thickness in divisions, where nothing is ever in it.
        "gap": thickness + (1.0 - sea) * p.level_thickness,
        "centre": p.level_depth - 0.5 * p.level_thickness + 0.5 * thickness,
        "surface": surface,
        "area": p.cell_area,
        "per_area": surface / p.cell_area,
        "depth": depth,
        "per_depth": _reciprocal(depth),
    }


def _faces(c: Fields, g: SimpleNamespace) -> Fields:
    sea, thickness = c["sea"], c["thickness"]
    open_x = g.wet_x * sea * east(sea)
    open_y = g.wet_y * sea * north(sea)
    thickness_x = torch.minimum(thickness, east(thickness)) * open_x
    thickness_y = torch.minimum(thickness, north(thickness)) * open_y
    corner = between_rows(between_columns(thickness))
    return {
        "open_x": open_x,
        "open_y": open_y,
        "open_corner": open_x * north(open_x) * open_y * east(open_y),
        "thickness_x": thickness_x,
        "thickness_y": thickness_y,
        "per_corner": _reciprocal(corner),
        "duct_x": thickness_x * g.breadth_x,
        "duct_y": thickness_y * g.breadth_y,
        "per_volume_x": _reciprocal(thickness_x * g.breadth_x * g.length_x),
        "per_volume_y": _reciprocal(thickness_y * g.breadth_y * g.length_y),
        "half_x": (0.5 * GRAVITY) * thickness_x,
        "half_y": (0.5 * GRAVITY) * thickness_y,
        **_lifts("x", "east", thickness, thickness_x, east(thickness)),
        **_lifts("y", "north", thickness, thickness_y, north(thickness)),
    }


def _lifts(axis: str, side: str, cell: Tensor, face: Tensor, other: Tensor) -> Fields:
    """Return how far up density is taken from on both sides of a face.

    Half the way through the face is higher than half the way through a cell that
    reaches deeper; shares of the way to the middle of the cell above.
    """
    is_open = torch.sign(face)
    return {
        f"lift_{name}": is_open * (x - face) * _reciprocal(x + above(x))
        for name, x in ((axis, cell), (side, other))
    }


def _columns(c: Fields, g: SimpleNamespace) -> Fields:
    duct_x, duct_y = c["duct_x"].sum(-3), c["duct_y"].sum(-3)
    corner = g.corner_dx * g.corner_dy
    return {
        # Nothing pushes water through closed faces.
        "per_length_x": c["open_x"][..., 0, :, :] / g.length_x,
        "per_length_y": c["open_y"][..., 0, :, :] * _reciprocal(g.length_y),
        "circulation_x": g.length_x,
        "circulation_y": g.length_y,
        "per_corner_area": _reciprocal(corner),
        "per_depth_corner": _reciprocal(between_rows(between_columns(c["depth"]))),
        "pull_x": duct_x / g.length_x,
        "pull_y": duct_y / g.length_y,
        "per_duct_x": _reciprocal(duct_x),
        "per_duct_y": _reciprocal(duct_y),
    }


def _shears(c: Fields, g: SimpleNamespace, viscosity: Tensor, no_slip: bool) -> Fields:
    """Return coefficients of the stress, and of walls that hold water back (s-1)."""
    thickness, corner = c["thickness"], c["open_corner"]
    across = between_rows(between_columns(viscosity))
    level = torch.minimum(c["thickness_x"], north(c["thickness_x"])) * corner
    dx, dy = between_columns(west(g.length_x)), between_rows(south(g.length_y))
    fields = {
        "shear_xx": viscosity * thickness * dy / dx,
        "shear_yy": viscosity * thickness * dx * _reciprocal(dy),
        "shear_xy": across * level * g.corner_dx * _reciprocal(g.corner_dy),
        "shear_yx": across * level * g.corner_dy * _reciprocal(g.corner_dx),
    }
    closed_x = 2.0 - corner - south(corner)
    closed_y = 2.0 - corner - west(corner)
    factor = 2.0 * float(no_slip)
    fields["wall_x"] = (
        factor * between_columns(viscosity) * closed_x * c["open_x"] / g.breadth_x**2
    )
    fields["wall_y"] = (
        factor * between_rows(viscosity) * closed_y * c["open_y"]
        * _reciprocal(g.breadth_y**2)
    )  # fmt: skip
    columns = {
        f"column_{way}": fields[f"shear_{way}"].sum(-3)
        for way in ("xx", "xy", "yx", "yy")
    }
    columns |= {
        f"column_wall_{axis}": (c[f"duct_{axis}"] * fields[f"wall_{axis}"]).sum(-3)
        for axis in "xy"
    }
    return fields | columns


def _spreads(c: Fields, g: SimpleNamespace, diffusivity: Tensor) -> Fields:
    return {
        "spread_x": between_columns(diffusivity) * c["duct_x"] / g.length_x,
        "spread_y": between_rows(diffusivity) * c["duct_y"] * _reciprocal(g.length_y),
    }


def _vertical(c: Fields, p: SimpleNamespace) -> Fields:
    """Return what mixes between a level and the one below, and what bottoms hold."""

    def gaps(thickness: Tensor, is_open: Tensor) -> Tensor:
        return _lower(is_open) * _reciprocal(0.5 * (thickness + below(thickness)))

    diffusivity = _inside(p.vertical_diffusivity) * c["sea"]
    viscosity = _inside(p.vertical_viscosity) * c["sea"]
    fields = {
        "per_gap": gaps(c["thickness"], c["sea"]),
        "mixing": diffusivity,
        "gap_x": c["thickness_x"] + (1.0 - c["open_x"]),
        "gap_y": c["thickness_y"] + (1.0 - c["open_y"]),
        "friction_x": between_columns(viscosity) * gaps(c["thickness_x"], c["open_x"]),
        "friction_y": between_rows(viscosity) * gaps(c["thickness_y"], c["open_y"]),
    }
    drag = p.drag + 0.0 * c["area"]
    fields["drag_x"] = (c["open_x"] - _lower(c["open_x"])) * between_columns(drag)
    fields["drag_y"] = (c["open_y"] - _lower(c["open_y"])) * between_rows(drag)
    return fields


def _surface(c: Fields, p: SimpleNamespace) -> Fields:
    bottom = c["thickness"].cumsum(-3)
    bands = [
        share
        * (
            torch.exp(-(bottom - c["thickness"]) / scale)
            - torch.exp(-bottom / scale) * c["floor"]
        )
        for share, scale in _BANDS
    ]
    flat = 0.0 * c["area"]
    return {
        "absorbed": sum(bands[1:], bands[0]) * c["sea"],
        "overturning": p.convection + flat,
        "restore_temperature": p.temperature_restoring + flat,
        "restore_salinity": p.salinity_restoring + flat,
    }


def _lower(x: Tensor) -> Tensor:
    """Return what stands one level lower; 0 at the bottom."""
    return torch.cat((x[..., 1:, :, :], torch.zeros_like(x[..., :1, :, :])), -3)


def _inside(x: Tensor) -> Tensor:
    """Return a field of all faces between levels, but for the topmost."""
    return x[..., 1:, :, :] if x.ndim > 2 and x.shape[-3] > 1 else x


def _reciprocal(x: Tensor) -> Tensor:
    """Return 1 / x, and 0 where x is 0."""
    some = torch.sign(torch.abs(x))
    return some / (x + (1.0 - some))
