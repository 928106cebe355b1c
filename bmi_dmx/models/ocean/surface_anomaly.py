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
from ...variables import Flux, Forcing, Parameter, State
from .drift import SEA, DriftingFields

__all__ = ["MONTHS", "WAVES", "SurfaceAnomaly"]

MONTHS = 12

WAVES = ("cosine", "sine")
"""What changes with the season goes with these of the time of the year."""

_DAYS = 365.25

_DAY_OF_YEAR = Forcing(
    name="day_of_year", symbol="t", units="d", source="clock", bounds=(1.0, 366.0),
    about="day of the year on which the month that is stepped to begins",
)  # fmt: skip

_DAMPING = Parameter(
    name="damping", symbol="λ", units="month-1", per_step="fraction", per="place",
    standard_name="sea_surface_water__relaxation_rate_of_temperature",
    bounds=(0.0, 0.99), default=0.0, about="share of an anomaly lost in a month",
)  # fmt: skip

_SEASONAL_DAMPING = tuple(
    Parameter(
        name=f"damping_{wave}", symbol=f"λ{wave[0]}", units="1", spacing="free",
        bounds=(-1.0, 1.0), per="place", default=0.0,
        about=f"share that is lost besides, by the {wave} of the season",
    )
    for wave in WAVES
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


class SurfaceAnomaly(DriftingFields):
    r"""Anomalies A of the temperature of the surface from one month to the next.

    .. math:: \dot A = -\lambda A - u \cdot \nabla A + \nabla\cdot(\nu\nabla A)
              + \sum_k R_k \langle Q_k, A\rangle .

    The sum is an operator of low rank between all cells, such as a linear inverse model
    has in its leading patterns (Penland and Sardeshmukh 1995,
    doi:10.1175/1520-0442(1995)008<1999:TOGOTS>2.0.CO;2): :math:`Q_k` weigh the cells,
    :math:`R_k` are what follows a month later. Months before the present one are
    remembered, for corrections to read. With ``seasonal``, :math:`\lambda` and
    :math:`R_k` are each a sum of three maps: a mean, and what goes with the cosine and
    the sine of the time of the year. Flows and diffusion are taken in shorter steps,
    upwind and through faces between two cells of sea.

    Parameters
    ----------
    options : mapping or Options, optional
        Terms of the equation and the months remembered.
    """

    about = "anomalies of the temperature of the surface, by months"
    time = "month"
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
        seasonal : bool
            Whether damping and the operator between all cells change with the season.
        """

        modes: int = 15
        local: bool = True
        history: int = 12
        substeps: int = 4
        seasonal: bool = False

        def __post_init__(self) -> None:
            refuse_outside("modes", self.modes, 0, 100)
            refuse_outside("history", self.history, 2, 120)
            refuse_outside("substeps", self.substeps, 1, 1000)

    forcings = (_DAY_OF_YEAR,)

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        choices = self.options
        self.states = (
            State(
                name="anomaly", symbol="A", units="K", bounds=(-40.0, 40.0),
                standard_name="sea_surface_water__anomaly_of_temperature",
                about="mean temperature of the month less that of the season",
            ),
            State(
                name="earlier", symbol="A⁻", units="K", size=choices.history - 1,
                about="anomalies of the months before, the latest first",
            ),
        )  # fmt: skip
        self.parameters = (
            SEA,
            _DAMPING,
            *(_SEASONAL_DAMPING if choices.seasonal else ()),
            *(_LOCAL if choices.local else ()),
            *_numbered("usual", "T", MONTHS, "degC", (-5.0, 45.0), "usual in month"),
            *_numbered(
                "weight", "Q", choices.modes, "1", (-10.0, 10.0), "weights of pattern"
            ),
            *_numbered(
                "response",
                "R",
                choices.modes,
                "1",
                (-10.0, 10.0),
                "what follows pattern",
            ),
            *(
                one
                for wave in (WAVES if choices.seasonal else ())
                for one in _numbered(
                    f"response_{wave}", f"R{wave[0]}", choices.modes, "1",
                    (-10.0, 10.0), f"by the {wave} of the season follows pattern",
                )
            ),
        )  # fmt: skip
        self.fluxes = (
            Flux(
                name="temperature", symbol="T", units="degC",
                standard_name="sea_surface_water__temperature",
                about="mean temperature of the month that was stepped to",
            ),
        )  # fmt: skip

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Go on by a month."""
        before = s.anomaly
        damping = p.damping
        if self.options.seasonal:
            for wave, size in zip(WAVES, self._season(f), strict=True):
                damping = damping + size * getattr(p, f"damping_{wave}")
        after = before - damping * before
        if self.options.modes:
            after = after + self._between_all(before, f, p)
        if self.options.local:
            after = after + self._drifted(before, p) - before
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
        cosine, sine = self._season(f)
        latitude = self._latitude(s.anomaly) * (math.pi / 180.0)
        return {
            "cosine_of_season": cosine,
            "sine_of_season": sine,
            "latitude": torch.sin(latitude),
            "usual_temperature": (self._usual(f, p) - 15.0) * (p.sea / 10.0),
        }

    def _season(self, f: SimpleNamespace) -> tuple[Tensor, Tensor]:
        """Return cosine and sine of the time of the year that is stepped to."""
        turn = 2.0 * math.pi * (_middle(f.day_of_year) / _DAYS)
        return torch.cos(turn), torch.sin(turn)

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
        temperature = is_it.to(month) @ _table(p, "usual", MONTHS)
        return temperature.reshape(*day.shape, *whole)

    def _between_all(self, a: Tensor, f: SimpleNamespace, p: SimpleNamespace) -> Tensor:
        """Return what follows from the leading patterns of the whole field."""
        modes = self.options.modes
        strengths = a.reshape(-1, a.shape[-2] * a.shape[-1]) @ (
            _table(p, "weight", modes).transpose(0, 1)
        )
        response = (strengths @ _table(p, "response", modes)).reshape(a.shape)
        if self.options.seasonal:
            for wave, size in zip(WAVES, self._season(f), strict=True):
                follows = strengths @ _table(p, f"response_{wave}", modes)
                response = response + size * follows.reshape(a.shape)
        return response


def _middle(day: Tensor) -> Tensor:
    """Return how many days of the year lie before the middle of the month."""
    return day - 1.0 + 0.5 * _DAYS / MONTHS


def _table(p: SimpleNamespace, name: str, count: int) -> Tensor:
    """Return fields that are numbered from 1 on as rows of all cells."""
    fields = [getattr(p, f"{name}_{k}").reshape(1, -1) for k in range(1, count + 1)]
    return torch.cat(fields)
