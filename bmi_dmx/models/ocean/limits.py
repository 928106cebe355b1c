"""Steps, sub-steps and friction with which a run would not stay finite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ConfigError
from ...space import Grid
from .constants import GRAVITY, ROTATION

__all__ = [
    "friction_limit",
    "least_rounds",
    "refuse_friction",
    "refuse_step",
    "viscosity_limit",
]

Array = np.ndarray[Any, np.dtype[np.float64]]

_NEUTRAL = 0.7
"""Share of the longest sub-step of gravity waves up to which the alternating order of
sub-steps neither damps nor excites waves on a turning earth; beyond it, at a quarter of
a turn per sub-step, waves grow by resonance."""


def _inverse_squares(grid: Grid) -> Array:
    """Return 1/dx² + 1/dy² of every cell of the system, m-2."""
    dx, dy = grid.sizes()
    squares: Array = (dx**-2.0 + dy**-2.0)[grid.open_at()]
    return squares


def least_rounds(grid: Grid, dt: float) -> int:
    """Return how many sub-steps of the surface a step needs at least.

    Parameters
    ----------
    grid : Grid
        With the bottom by its mask.
    dt : float
        Length of the step, s.
    """
    dx, dy = grid.sizes()
    depth = (grid.widths("z")[:, None, None] * grid.open_at("cell", ("level",))).sum(0)
    speed = np.sqrt(GRAVITY * depth)
    rate = float((speed * np.sqrt(dx**-2.0 + dy**-2.0)).max())
    return max(1, math.ceil(dt * rate / _NEUTRAL))


def refuse_step(
    grid: Grid, dt: float, rotation: float, beta: float, internal: float, rounds: int
) -> None:
    """Refuse steps that are too long, and too few sub-steps.

    Parameters
    ----------
    grid : Grid
        Where.
    dt : float
        Length of the step, s.
    rotation, beta : float
        Coriolis parameter where y is 0, and its change with y, on a plane.
    internal : float
        Speed of the fastest internal wave, m s-1; 0: none.
    rounds : int
        Sub-steps asked for.

    Raises
    ------
    ConfigError
        With limit and value.
    """
    y = grid.nodes("y")
    if grid.radius is None:
        turning = np.abs(rotation + beta * y)
    else:
        turning = 2.0 * ROTATION * np.abs(np.sin(np.radians(y)))
    fastest = float(turning.max()) * dt
    if fastest > math.sqrt(3.0):
        raise ConfigError(
            f"dt: {dt:g} s turns currents by {fastest:.3g} a step, expected at most "
            f"{math.sqrt(3.0):.3g}"
        )
    longest = math.inf
    if internal > 0.0:
        waves = float(_inverse_squares(grid).max())
        longest = math.sqrt(3.0 / waves) / (2.0 * internal)
    if dt > longest:
        raise ConfigError(
            f"dt: found {dt:g} s, expected at most {longest:.4g} s for internal waves "
            f"of {internal:g} m/s"
        )
    least = least_rounds(grid, dt)
    if rounds < least:
        raise ConfigError(
            f"rounds: found {rounds} sub-steps of the surface, expected at least "
            f"{least} at a step of {dt:g} s"
        )


def friction_limit(grid: Grid, dt: float) -> Array:
    """Return the largest lateral viscosity or diffusivity that a step stands.

    Parameters
    ----------
    grid : Grid
        Where.
    dt : float
        Length of the step, s.

    Returns
    -------
    (row, column) ndarray
        m2 s-1.
    """
    dx, dy = grid.sizes()
    limit: Array = 1.0 / (2.0 * dt * (dx**-2.0 + dy**-2.0))
    return limit


def viscosity_limit(grid: Grid, dt: float, fraction: ArrayLike) -> Array:
    """Return the largest lateral viscosity that a step stands over a bottom.

    Beside partial cells faces are thin, and thicker water on both sides drags what is
    in them along: less is stable there than :func:`friction_limit` says. Eigenvalues of
    the friction are bounded by Gershgorin's circles of its symmetric form.

    Parameters
    ----------
    grid : Grid
        Where.
    dt : float
        Length of the step, s.
    fraction : array_like
        Share of each cell that is water, (level, row, column) or one number.

    Returns
    -------
    (row, column) ndarray
        m2 s-1.
    """
    sea = grid.open_at("cell", ("level",))
    cells = grid.widths("z")[:, None, None] * np.asarray(fraction) * sea
    limit = friction_limit(grid, dt)
    dx, dy = grid.sizes()
    per = {"x": dx**-2.0, "y": dy**-2.0}
    for axis, other in ("xy", "yx"):
        along, across = (_Neighbours(grid, name) for name in (axis, other))
        faces = np.minimum(cells, along.after(cells))
        pulls = {
            axis: _pulled(faces, along.after(cells), along.after(faces))
            + _pulled(faces, cells, along.before(faces)),
            other: _pulled(
                faces, np.minimum(faces, across.after(faces)), across.after(faces)
            )
            + _pulled(
                faces, np.minimum(faces, across.before(faces)), across.before(faces)
            ),
        }
        # A face is one of two cells, whose widths differ where rows get narrower.
        beside = {way: along.before(pull) for way, pull in pulls.items()}
        for side in (pulls, beside):
            rate = per["x"] * side["x"] + per["y"] * side["y"]
            with np.errstate(divide="ignore"):
                limit = np.minimum(limit, 2.0 / (dt * rate.max(0)))
    return limit


def _pulled(faces: Array, thick: Array, beside: Array) -> Array:
    """Return how friction by water that is so thick acts on faces; 0 where closed.

    Parameters
    ----------
    faces, beside : ndarray
        (level, row, column) thickness of faces, and of those that they are dragged by.
    thick : ndarray
        Of the water between both.
    """
    wet, moving = (np.where(x > 0.0, x, math.inf) for x in (faces, beside))
    pull: Array = thick / wet * (1.0 + np.sqrt(faces / moving))
    return pull


class _Neighbours:
    """Fields moved by one cell along an axis; 0 comes in through walls."""

    def __init__(self, grid: Grid, axis: str) -> None:
        self._axis = "zyx".index(axis) - 3
        self._walled = axis not in grid.periodic

    def after(self, x: Array) -> Array:
        """Return what stands after each cell."""
        return self._moved(x, -1)

    def before(self, x: Array) -> Array:
        """Return what stands before each cell."""
        return self._moved(x, 1)

    def _moved(self, x: Array, by: int) -> Array:
        neighbours = np.roll(x, by, self._axis)
        if self._walled:
            np.moveaxis(neighbours, self._axis, 0)[0 if by > 0 else -1] = 0.0
        return neighbours


def refuse_friction(
    grid: Grid, name: str, values: Array, limit: Array, dt: float
) -> None:
    """Refuse a lateral viscosity or diffusivity that overshoots in a step.

    Parameters
    ----------
    grid : Grid
        Where.
    name : str
        What is told of in messages.
    values, limit : ndarray
        (row, column) m2 s-1, the largest of a column and the largest that is stable.
    dt : float
        Length of the step, s.

    Raises
    ------
    ConfigError
        With limit and value.
    """
    over = np.where(grid.open_at(), values - limit, -math.inf)
    if over.max() > 0.0:
        row, column = np.unravel_index(int(over.argmax()), over.shape)
        raise ConfigError(
            f"{name}: found {values[row, column]:.4g} m2/s in row {row}, column "
            f"{column}, expected at most {limit[row, column]:.4g} at a step of {dt:g} s"
        )
