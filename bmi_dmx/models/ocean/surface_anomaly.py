"""Anomalies of temperature at the surface of the sea, month by month."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ...conversion import refuse_outside
from ...errors import ConfigError
from ...process import Process, Stencil
from ...space import Grid, Space
from ...variables import Flux, Forcing, Parameter, State

__all__ = ["MONTHS", "SurfaceAnomaly"]

MONTHS = 12

_SECONDS = 2629800.0
"""Of a month, a twelfth of 365.25 days."""

_DAYS = 365.25

_DAY_OF_YEAR = Forcing(
    name="day_of_year", symbol="t", units="d", source="clock", bounds=(1.0, 366.0),
    about="day of the year on which the month that is stepped to begins",
)  # fmt: skip

_SEA = Parameter(
    name="sea", symbol="m", units="1", standard_name="sea_water_grid_cell__mask",
    bounds=(0.0, 1.0), spacing="free", per="place", about="1 in the sea, 0 on land",
)  # fmt: skip

_DAMPING = Parameter(
    name="damping", symbol="λ", units="month-1", per_step="fraction", per="place",
    standard_name="sea_surface_water__relaxation_rate_of_temperature",
    bounds=(0.0, 0.99), default=0.0, about="share of an anomaly lost in a month",
)  # fmt: skip

_LOCAL = (
    Parameter(
        name="eastward_flow", symbol="u", units="m s-1", bounds=(-0.1, 0.1),
        per="place", default=0.0, about="what carries anomalies eastward",
    ),
    Parameter(
        name="northward_flow", symbol="v", units="m s-1", bounds=(-0.1, 0.1),
        per="place", default=0.0, about="what carries anomalies northward",
    ),
    Parameter(
        name="diffusivity", symbol="ν", units="m2 s-1", bounds=(0.0, 5e3), per="place",
        standard_name="sea_water__horizontal_component_of_heat_diffusivity",
        default=0.0, about="what spreads anomalies",
    ),
)  # fmt: skip


def _numbered(
    name: str, symbol: str, count: int, units: str, bounds: tuple[float, float],
    about: str,
) -> tuple[Parameter, ...]:  # fmt: skip
    return tuple(
        Parameter(
            name=f"{name}_{k}", symbol=f"{symbol}{k}", units=units, bounds=bounds,
            spacing="free", per="place", default=0.0, about=f"{about} {k}",
        )
        for k in range(1, count + 1)
    )  # fmt: skip


class SurfaceAnomaly(Process):
    r"""Anomalies A of the temperature of the surface from one month to the next.

    .. math:: \dot A = -\lambda A - u \cdot \nabla A + \nabla\cdot(\nu\nabla A)
              + \sum_k R_k \langle Q_k, A\rangle .

    The sum is an operator of low rank between all cells, such as a linear inverse model
    has in its leading patterns (Penland and Sardeshmukh 1995,
    doi:10.1175/1520-0442(1995)008<1999:TOGOTS>2.0.CO;2): :math:`Q_k` weigh the cells,
    :math:`R_k` are what follows a month later. Months before the present one are
    remembered, for corrections to read. Flows and diffusion are taken in shorter steps,
    upwind and through faces between two cells of sea.

    Parameters
    ----------
    options : mapping or Options, optional
        Terms of the equation and the months remembered.
    """

    about = "anomalies of the temperature of the surface, by months"
    time = "month"
    coupling = Stencil()
    features = ("cosine_of_season", "sine_of_season", "latitude", "usual_temperature")

    @dataclass(frozen=True)
    class Options:
        """What the equation has, and how many months are remembered.

        Parameters
        ----------
        modes : int
            Rank of the operator between all cells; 0 for none.
        local : bool
            Whether there are flows and diffusion.
        history : int
            Months that are known, the present one included.
        substeps : int
            Steps of a month that flows and diffusion are taken in.
        """

        modes: int = 15
        local: bool = True
        history: int = 12
        substeps: int = 4

        def __post_init__(self) -> None:
            refuse_outside("modes", self.modes, 0, 100)
            refuse_outside("history", self.history, 2, 120)
            refuse_outside("substeps", self.substeps, 1, 1000)

    forcings = (_DAY_OF_YEAR,)

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        chosen = self.options
        self.states = (
            State(
                name="anomaly", symbol="A", units="K", bounds=(-40.0, 40.0),
                standard_name="sea_surface_water__anomaly_of_temperature",
                about="mean temperature of the month less that of the season",
            ),
            State(
                name="earlier", symbol="A⁻", units="K", size=chosen.history - 1,
                about="anomalies of the months before, the latest first",
            ),
        )  # fmt: skip
        self.parameters = (
            _SEA,
            _DAMPING,
            *(_LOCAL if chosen.local else ()),
            *_numbered("usual", "T", MONTHS, "degC", (-5.0, 45.0), "usual in month"),
            *_numbered(
                "weight", "Q", chosen.modes, "1", (-10.0, 10.0), "weights of pattern"
            ),
            *_numbered(
                "response",
                "R",
                chosen.modes,
                "1",
                (-10.0, 10.0),
                "what follows pattern",
            ),
        )
        self.fluxes = (
            Flux(
                name="temperature", symbol="T", units="degC",
                standard_name="sea_surface_water__temperature",
                about="mean temperature of the month that was stepped to",
            ),
        )  # fmt: skip

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
                "space: surface_anomaly lives on a grid of a sphere without levels, "
                "whose rows and columns are each of one width"
            )
        if self.options.local:
            self._refuse_long_steps(space)
        return placed

    def _refuse_long_steps(self, grid: Grid) -> None:
        """Refuse steps in which the strongest flows and diffusion leave a cell."""
        dx, dy = (float(x.min()) for x in grid.sizes())
        known = {p.name: p.limits[1] for p in _LOCAL}
        flow = known["eastward_flow"] / dx + known["northward_flow"] / dy
        spread = 2.0 * known["diffusivity"] * (1.0 / dx**2 + 1.0 / dy**2)
        needed = math.ceil(_SECONDS * (flow + spread))
        if self.options.substeps < needed:
            raise ConfigError(
                f"options.substeps: found {self.options.substeps}, expected at least "
                f"{needed} for cells of {dx / 1e3:.0f} by {dy / 1e3:.0f} km"
            )

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Go on by a month."""
        before = s.anomaly
        after = before - p.damping * before
        if self.options.modes:
            after = after + self._between_all(before, p)
        if self.options.local:
            after = after + self._between_neighbours(before, p) - before
        state = {
            "anomaly": after * p.sea,
            "earlier": (before, *s.earlier[:-1]),
        }
        return state, self.diagnosed(SimpleNamespace(**state), f, p)

    def diagnosed(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> Mapping[str, Any]:
        """Return the temperature that goes with the anomaly."""
        return {"temperature": s.anomaly + self._usual(f, p)}

    def featured(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> Mapping[str, Any]:
        """Return the season of the month that is stepped to, and where the cell is."""
        turn = 2.0 * math.pi * (_middle(f.day_of_year) / _DAYS)
        latitude = self._latitude(s.anomaly) * (math.pi / 180.0)
        return {
            "cosine_of_season": torch.cos(turn),
            "sine_of_season": torch.sin(turn),
            "latitude": torch.sin(latitude),
            "usual_temperature": (self._usual(f, p) - 15.0) * (p.sea / 10.0),
        }

    def _usual(self, f: SimpleNamespace, p: SimpleNamespace) -> Tensor:
        """Return the usual temperature of the month that is stepped to."""
        # All cells have one calendar.
        day = f.day_of_year[..., 0, 0]
        month = _middle(day.reshape(-1, 1)) * (MONTHS / _DAYS)
        # A step that begins on the last days of a year is that of January.
        month = torch.where(month < float(MONTHS), month, month - float(MONTHS))
        number = torch.arange(MONTHS, dtype=month.dtype, device=month.device)
        is_it = torch.where((month >= number) & (month < number + 1.0), 1.0, 0.0)
        whole = f.day_of_year.shape[-2:]
        found = is_it.to(month) @ _table(p, "usual", MONTHS)
        return found.reshape(*day.shape, *whole)

    def _between_all(self, a: Tensor, p: SimpleNamespace) -> Tensor:
        """Return what follows from the leading patterns of the whole field."""
        modes = self.options.modes
        strengths = a.reshape(-1, a.shape[-2] * a.shape[-1]) @ (
            _table(p, "weight", modes).transpose(0, 1)
        )
        return (strengths @ _table(p, "response", modes)).reshape(a.shape)

    def _between_neighbours(self, a: Tensor, p: SimpleNamespace) -> Tensor:
        """Return the field after flows and diffusion."""
        seconds = _SECONDS * self.dt / self.options.substeps
        dx, dy, faces, middles = self._metrics(a)
        east, north = self._open(p.sea)
        u, v = (p.eastward_flow * seconds / dx, p.northward_flow * seconds / dy)
        nu = p.diffusivity * seconds
        across = east * 0.5 * (nu + _east(nu)) / (dx * dx)
        along = north * faces * 0.5 * (nu + _north(nu)) / (dy * dy)
        for _ in range(self.options.substeps):
            to_east, to_north = east * (_east(a) - a), north * (_north(a) - a)
            from_west, from_south = _west(to_east), _south(to_north)
            carried = (
                torch.clamp(u, min=0.0) * from_west + torch.clamp(u, max=0.0) * to_east
                + torch.clamp(v, min=0.0) * from_south
                + torch.clamp(v, max=0.0) * to_north
            )  # fmt: skip
            flow_x, flow_y = across * to_east, along * to_north
            spread = flow_x - _west(flow_x) + (flow_y - _south(flow_y)) / middles
            a = a - carried + spread
        return a

    def _open(self, sea: Tensor) -> tuple[Tensor, Tensor]:
        """Return which faces in the east and north of cells lie between two of sea.

        Beyond the last row, and the last column unless they go around, lies nothing.
        """
        assert isinstance(self.space, Grid)
        east, north = sea * _east(sea), sea * _north(sea)
        rows, columns = self.space.field("cell", ())
        row = torch.arange(rows, dtype=sea.dtype, device=sea.device).unsqueeze(-1)
        north = torch.where(row < rows - 1.5, north, 0.0)
        if "x" not in self.space.periodic:
            column = torch.arange(columns, dtype=sea.dtype, device=sea.device)
            east = torch.where(column < columns - 1.5, east, 0.0)
        return east, north

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


def _middle(day: Tensor) -> Tensor:
    """Return how many days of the year lie before the middle of the month."""
    return day - 1.0 + 0.5 * _DAYS / MONTHS


def _table(p: SimpleNamespace, name: str, count: int) -> Tensor:
    """Return fields that are numbered from 1 on as rows of all cells."""
    fields = [getattr(p, f"{name}_{k}").reshape(1, -1) for k in range(1, count + 1)]
    return torch.cat(fields)


def _east(x: Tensor) -> Tensor:
    return torch.roll(x, -1, -1)


def _west(x: Tensor) -> Tensor:
    return torch.roll(x, 1, -1)


def _north(x: Tensor) -> Tensor:
    return torch.roll(x, -1, -2)


def _south(x: Tensor) -> Tensor:
    return torch.roll(x, 1, -2)
