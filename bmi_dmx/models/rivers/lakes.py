"""Lakes and reservoirs that stand in for reaches of a river."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import NamedTuple

import torch
from torch import Tensor

from ...variables import Flux, Parameter, State
from .lake_kinds import LEVEL_POOL, REACH, RESERVOIR
from .storage import Storage

__all__ = [
    "ELEVATION",
    "LAKE_PARAMETERS",
    "LAKE_STORAGE",
    "LakeStep",
    "Outlet",
    "elevation",
    "held",
    "initial_storage",
    "is_lake",
    "level_pool",
    "linear_reservoir",
    "outlet",
    "passed",
    "prescribed",
    "storage_at",
    "without_travel",
]

_GRAVITY = 9.81  # m s-2
_STILL = 1e-8  # m2 s-2, keeps the slope of the orifice's flow finite
_STEPS = 8
_LEAST = 1e-30
_KM2 = 1e6  # m2

LAKE_STORAGE = State(
    name="lake_storage", symbol="S", units="m3", bounds=(0.0, 1e13),
    about="water of a lake above its orifice, or of a linear reservoir",
)  # fmt: skip
ELEVATION = Flux(
    name="elevation", symbol="H", units="m", standard_name="lake_surface__elevation",
    about="elevation of the surface of a lake; of reaches, that of an empty one",
)  # fmt: skip


def _known(
    name: str, symbol: str, units: str, bounds: tuple[float, float], default: float,
    about: str,
) -> Parameter:  # fmt: skip
    return Parameter(
        name=name, symbol=symbol, units=units, bounds=bounds, default=default,
        per="place", source="attribute", about=about,
    )  # fmt: skip


LAKE_PARAMETERS = (
    _known("lake", "kind", "1", (0.0, 3.0), 0.0,
           "0 a reach, 1 a level pool, 2 a linear reservoir, 3 the inside of a lake"),
    _known("lake_area", "A", "km2", (1e-6, 1e6), 1.0, "area of the surface of a lake"),
    _known("orifice_elevation", "H_o", "m", (-500.0, 9000.0), 0.0,
           "elevation of the orifice of a lake"),
    _known("orifice_coefficient", "C_o", "1", (0.0, 1.0), 0.1,
           "coefficient of the orifice of a lake"),
    _known("orifice_area", "A_o", "m2", (0.0, 1e4), 1.0,
           "area of the orifice of a lake"),
    _known("weir_elevation", "H_w", "m", (-500.0, 9000.0), 0.0,
           "elevation of the weir of a lake"),
    _known("weir_coefficient", "C_w", "m0.5 s-1", (0.0, 4.0), 0.4,
           "coefficient of the weir of a lake"),
    _known("weir_length", "L_w", "m", (0.0, 1e5), 10.0, "length of the weir of a lake"),
    _known("dam_elevation", "H_d", "m", (-500.0, 1e4), 1e4,
           "elevation from which a lake flows over its dam"),
    _known("dam_length", "L_d", "1", (0.0, 1e3), 0.0,
           "length of the crest of a dam over that of the weir"),
    Parameter(
        name="residence_time", symbol="T", units="s", bounds=(3600.0, 1e9),
        spacing="log", default=432000.0, per="place",
        about="storage of a linear reservoir over its outflow",
    ),
)  # fmt: skip
"""What is known of a lake; of reaches that are none, anything within the bounds."""


class Outlet(NamedTuple):
    """How a level pool flows out.

    Parameters
    ----------
    area : Tensor
        Of the surface, m2.
    orifice : Tensor
        Coefficient times area, m2.
    weir, dam : Tensor
        Coefficient times length, m1.5 s-1.
    weir_height, dam_height : Tensor
        Above the orifice, m.
    """

    area: Tensor
    orifice: Tensor
    weir: Tensor
    weir_height: Tensor
    dam: Tensor
    dam_height: Tensor

    def flow(self, u: Tensor) -> Tensor:
        r"""Return the outflow, m3 s-1.

        .. math::

            Q = C_o A_o (u - \sqrt\epsilon) + C_w L_w [(h - h_w)_+^{3/2}
                + L_d (h - h_d)_+^{3/2}], \qquad u = \sqrt{2 g h + \epsilon}

        so that nothing flows where the water stands at the orifice.

        Parameters
        ----------
        u : Tensor
            Speed of the water in the orifice.
        """
        h = _height(u)
        flow = self.orifice * (u - math.sqrt(_STILL))
        flow = flow + self.weir * _over(h - self.weir_height)[0]
        return flow + self.dam * _over(h - self.dam_height)[0]

    def slope(self, u: Tensor) -> Tensor:
        """Return the derivative of the outflow by the speed in the orifice."""
        h = _height(u)
        over = self.weir * _over(h - self.weir_height)[1]
        over = over + self.dam * _over(h - self.dam_height)[1]
        return self.orifice + over * u / _GRAVITY


class LakeStep(NamedTuple):
    """What a lake does in a step.

    Parameters
    ----------
    outflow : Tensor
        m3 s-1, at the end of the step.
    storage : Tensor
        m3, at the end of the step.
    created : Tensor
        m3, water made where more was taken than there was.
    """

    outflow: Tensor
    storage: Tensor
    created: Tensor


def outlet(p: SimpleNamespace) -> Outlet:
    """Return how a level pool flows out, of the parameters of a lake."""
    weir = p.weir_coefficient * p.weir_length
    return Outlet(
        area=p.lake_area * _KM2,
        orifice=p.orifice_coefficient * p.orifice_area,
        weir=weir,
        weir_height=torch.clamp(p.weir_elevation - p.orifice_elevation, min=0.0),
        dam=weir * p.dam_length,
        dam_height=torch.clamp(p.dam_elevation - p.orifice_elevation, min=0.0),
    )


def level_pool(water: Tensor, lake: Outlet, dt: float) -> LakeStep:
    r"""Let water out of a lake with a level surface.

    .. math:: A (h_{t+1} - h_t) = \Delta t\,(I - Q(h_{t+1}))

    The outflow is that of the end of the step (implicit Euler): whatever the length of
    the step and the area, the height stays between nothing and what it would be without
    outflow, and small lakes pass on what enters them. The height is found by Newton's
    method in the speed of the water in the orifice, in which the equation is convex, a
    fixed number of steps from above; the last one has the derivative of the root.

    Parameters
    ----------
    water : Tensor
        What was in the lake above its orifice, and what entered in the step, m3.
    lake : Outlet
        How it flows out.
    dt : float
        Length of the step, s.

    References
    ----------
    Weir and orifice: Gochis et al. (2020), The WRF-Hydro modeling system technical
    description, version 5.1.1, section 3.7.
    """
    storage = torch.clamp(water, min=0.0)
    rise = storage / lake.area
    share = dt / lake.area

    def excess(u: Tensor) -> Tensor:
        return _height(u) + share * lake.flow(u) - rise

    def steepness(u: Tensor) -> Tensor:
        return u / _GRAVITY + share * lake.slope(u)

    with torch.no_grad():
        u = _highest(rise, share, lake)
        for _ in range(_STEPS):
            u = torch.clamp(u - excess(u) / steepness(u), min=math.sqrt(_STILL))
        slope = steepness(u)
    u = torch.clamp(u - excess(u) / slope, min=math.sqrt(_STILL))
    # Rounding must not let out more than there is.
    return _released(water, torch.minimum(lake.flow(u), storage / dt), dt)


def linear_reservoir(water: Tensor, residence: Tensor, dt: float) -> LakeStep:
    r"""Let water out of a reservoir in proportion to what it holds.

    :math:`S = T Q` at the end of the step (implicit Euler). T may change from step to
    step, as it does with the season where it is learned from forcing.

    Parameters
    ----------
    water : Tensor
        What was in the reservoir, and what entered in the step, m3.
    residence : Tensor
        T, s.
    dt : float
        Length of the step, s.
    """
    storage = torch.clamp(water, min=0.0)
    return _released(water, storage / (residence + dt), dt)


def passed(
    p: SimpleNamespace, storage: Tensor, entering: Tensor, dt: float
) -> LakeStep:
    """Let out of every reach what enters it, of lakes as they do.

    Parameters
    ----------
    p : namespace of Tensor
        The parameters of lakes.
    storage : Tensor
        Of lakes at the start of the step, m3.
    entering : Tensor
        Flow into a lake in the step, or out of a reach at its end, m3 s-1.
    dt : float
        Length of the step, s.
    """
    level, reservoir = p.lake == LEVEL_POOL, p.lake == RESERVOIR
    water = torch.where(_storing(p), storage + dt * entering, 0.0)
    pool = level_pool(water, outlet(p), dt)
    linear = linear_reservoir(water, p.residence_time, dt)
    no_lake = LakeStep(entering, storage, torch.zeros_like(entering))
    return LakeStep(
        *(
            torch.where(level, x, torch.where(reservoir, y, z))
            for x, y, z in zip(pool, linear, no_lake, strict=True)
        )
    )


def prescribed(
    p: SimpleNamespace, lake: LakeStep, more: Tensor, added: Tensor, dt: float
) -> tuple[LakeStep, Tensor]:
    """Let more out of lakes, or less, than they would.

    Parameters
    ----------
    p : namespace of Tensor
        The parameters of lakes.
    lake : LakeStep
        What lakes would do.
    more : Tensor
        By what the outflow is raised, m3 s-1.
    added : Tensor
        Water that reaches are given for it, m3.
    dt : float
        Length of the step, s.

    Returns
    -------
    lake : LakeStep
        With what it holds then.
    added : Tensor
        Water that reaches are given for it, and lakes that are empty, m3.
    """
    storing = _storing(p)
    rest = lake.storage - dt * more
    storage = torch.clamp(rest, min=0.0)
    return LakeStep(
        lake.outflow + more,
        torch.where(storing, storage, lake.storage),
        lake.created,
    ), torch.where(storing, storage - rest, added)


def held(p: SimpleNamespace, s: SimpleNamespace) -> Tensor:
    """Return what lakes hold, m3; nothing of reaches.

    Parameters
    ----------
    p, s : namespace of Tensor
        The parameters of lakes, and the state.
    """
    return torch.where(_storing(p), s.lake_storage, 0.0)


def _storing(p: SimpleNamespace) -> Tensor:
    """Return whether water stays in a place from step to step as in a lake."""
    storing: Tensor = (p.lake == LEVEL_POOL) | (p.lake == RESERVOIR)
    return storing


def is_lake(p: SimpleNamespace) -> Tensor:
    """Return whether a reach is a lake or the inside of one."""
    inside: Tensor = p.lake != REACH
    return inside


def without_travel(p: SimpleNamespace, reach: Storage, dt: float) -> Storage:
    """Return the storage that lets a lake see at once what enters it.

    With it K is 0, and what would leave a reach is what enters it at the end of the
    step from upstream and beside, none of it delayed.

    Parameters
    ----------
    p : namespace of Tensor
        The parameters of lakes.
    reach : Storage
        That of reaches.
    dt : float
        Length of the step, s.
    """
    lake = is_lake(p)
    return Storage(
        torch.where(lake, -0.5 * dt, reach.wedge),
        torch.where(lake, 0.5 * dt, reach.prism),
    )


def elevation(p: SimpleNamespace, storage: Tensor) -> Tensor:
    """Return the elevation of the surface of level pools, m; elsewhere the orifice's.

    Parameters
    ----------
    p : namespace of Tensor
        The parameters of lakes.
    storage : Tensor
        m3.
    """
    height = torch.where(p.lake == LEVEL_POOL, storage / (p.lake_area * _KM2), 0.0)
    surface: Tensor = p.orifice_elevation + height
    return surface


def initial_storage(p: SimpleNamespace, discharge: Tensor) -> Tensor:
    """Return what a lake holds that has long let out a flow, m3.

    A level pool stands where its orifice gives the flow, but no higher than its weir.

    Parameters
    ----------
    p : namespace of Tensor
        The parameters of lakes.
    discharge : Tensor
        m3 s-1.
    """
    lake = outlet(p)
    opened = torch.clamp(lake.orifice, min=_LEAST)
    height = torch.minimum(
        _height(discharge / opened + math.sqrt(_STILL)), lake.weir_height
    )
    level, reservoir = p.lake == LEVEL_POOL, p.lake == RESERVOIR
    stored = torch.where(reservoir, p.residence_time * discharge, 0.0)
    return torch.where(level, height * lake.area, stored)


def storage_at(p: SimpleNamespace, surface: Tensor) -> Tensor:
    """Return what level pools hold whose surface is known, m3; nothing of others.

    Parameters
    ----------
    p : namespace of Tensor
        The parameters of lakes.
    surface : Tensor
        Its elevation, m; a surface below the orifice holds nothing that could flow.
    """
    height = torch.clamp(surface - p.orifice_elevation, min=0.0)
    level = p.lake == LEVEL_POOL
    return torch.where(level, height * p.lake_area * _KM2, 0.0)


def _height(u: Tensor) -> Tensor:
    """Return the height above the orifice at a speed of the water in it, m."""
    return (u * u - _STILL) / (2.0 * _GRAVITY)


def _over(height: Tensor) -> tuple[Tensor, Tensor]:
    """Return the height above a crest to the power of 3/2, and its derivative."""
    above = torch.clamp(height, min=0.0)
    # Where nothing is above it, the root of something else has a finite slope.
    root = torch.sqrt(torch.where(above > 0.0, above, 1.0))
    return above * root, torch.where(above > 0.0, 1.5 * root, 0.0)


def _highest(rise: Tensor, share: Tensor, lake: Outlet) -> Tensor:
    """Return the least speed in the orifice that is known to be too high.

    No term of the balance of a step is more than the whole: neither the height, nor
    what flows through the orifice or over the weir.
    """
    through = rise / torch.clamp(share * lake.orifice, min=_LEAST) + math.sqrt(_STILL)
    over = torch.clamp(rise / torch.clamp(share * lake.weir, min=_LEAST), min=_LEAST)
    height = lake.weir_height + torch.exp(torch.log(over) * (2.0 / 3.0))
    speed = torch.sqrt(2.0 * _GRAVITY * torch.minimum(rise, height) + _STILL)
    return torch.minimum(speed, through)


def _released(water: Tensor, outflow: Tensor, dt: float) -> LakeStep:
    rest = water - dt * outflow
    storage = torch.clamp(rest, min=0.0)
    return LakeStep(outflow, storage, storage - rest)
