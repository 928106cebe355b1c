"""An ocean of levels with learned coefficients and a network that keeps its budgets."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ...compose.learned_process import LearnedProcess
from ...conversion import MOST, refuse_outside
from ...errors import ConfigError, suggestion
from ...process import Process, Stencil
from ...space import Grid, Space
from ...variables import Forcing, Parameter
from .constants import ROTATION, STRONGEST
from .corrector import Corrector
from .declarations import PARAMETERS
from .forms import FORMS, Form, added, channels, multiplied
from .geometry import Faces
from .operators import between_columns, between_rows
from .primitive_equations import PrimitiveEquations
from .wind_stress import wind_stress

__all__ = ["COEFFICIENTS", "WEATHER", "HybridOcean", "Kind"]

Kind = Literal["number", "map", "profile"]

WEATHER = (
    Forcing(
        name="eastward_wind", units="m s-1", symbol="U10", bounds=(-80.0, 80.0),
        about="wind 10 m above the surface",
        standard_name="sea_surface_air_flowing__x_component_of_velocity",
    ),
    Forcing(
        name="northward_wind", units="m s-1", symbol="V10", bounds=(-80.0, 80.0),
        about="wind 10 m above the surface",
        standard_name="sea_surface_air_flowing__y_component_of_velocity",
    ),
    Forcing(
        name="air_temperature", units="K", symbol="T2m", bounds=(180.0, 340.0),
        about="of the air 2 m above the surface",
        standard_name="sea_surface_air__temperature",
    ),
    Forcing(
        name="air_pressure", units="Pa", symbol="p0", bounds=(8e4, 1.1e5),
        about="at the level of the sea",
        standard_name="sea_surface_air__pressure",
    ),
)  # fmt: skip
"""What winds push the water by, and networks read."""

COEFFICIENTS = {p.name: p for p in PARAMETERS if p.source == "network"}
"""Coefficients of the physics that may be learned, by name."""

_OF_LEVELS = ("viscosity", "diffusivity", "vertical_viscosity", "vertical_diffusivity")

_BETWEEN = ("vertical_viscosity", "vertical_diffusivity")
"""Coefficients between levels, which have profiles."""


@dataclass(frozen=True)
class HybridOptions:
    """Levels, weather, what is learned of the physics, and what a network does.

    Parameters
    ----------
    levels : int
        Levels of the grid.
    weather : bool
        Whether winds push the water, and a network reads the weather.
    physics : mapping
        Options of the primitive equations; ``forced_by`` without the wind.
    coefficients : dict of str to float
        Coefficients of the physics that are not as usual.
    learned : dict of str to {"number", "map", "profile"}
        Those that are learned, as one number, a map, or one number between two levels.
    range : float
        Factor that learned ones may be smaller or larger by than they begin.
    network : str, optional
        Registered network over grids; none: physics alone.
    settings : mapping
        What the network lets choose.
    forms : tuple of str
        What it does.
    """

    levels: int = 1
    weather: bool = True
    physics: dict[str, Any] = field(default_factory=dict)
    coefficients: dict[str, float] = field(default_factory=dict)
    learned: dict[str, Kind] = field(default_factory=dict)
    range: float = 5.0
    network: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    forms: tuple[Form, ...] = ("mixing", "spreading", "flux")

    def __post_init__(self) -> None:
        refuse_outside("levels", self.levels, 1, MOST)
        if not 1.0 < self.range < 1e3:
            raise ConfigError(f"range: found {self.range:g}, expected above 1 to 1000")
        for key in ("coefficients", "learned"):
            for name in getattr(self, key):
                if name not in COEFFICIENTS:
                    hint = suggestion(name, COEFFICIENTS)
                    raise ConfigError(f"{key}: unknown coefficient {name!r}{hint}")
        for name, value in self.coefficients.items():
            low, high = COEFFICIENTS[name].limits
            if not low <= value <= high:
                raise ConfigError(
                    f"coefficients.{name}: found {value:g}, expected {low:g} to "
                    f"{high:g}"
                )
        for name, kind in self.learned.items():
            if kind == "profile" and (name not in _BETWEEN or self.levels < 2):
                raise ConfigError(
                    f"learned.{name}: found a profile, expected one of "
                    f"{' or '.join(_BETWEEN)} between at least two levels"
                )
        if self.network is not None and not self.forms:
            raise ConfigError(f"forms: found none, expected some of {', '.join(FORMS)}")


class HybridOcean(LearnedProcess):
    r"""The primitive equations with learned coefficients and learned terms.

    The network reads the state before a step, once a step, each field measured in what
    is usual. What it answers enters by forms that keep heat and salt: factors of
    coefficients before the step, fluxes and sources after it. Before it is trained the
    step is that of the physics, bit for bit.

    Parameters
    ----------
    options : mapping or Options
        What is learned, and by what.
    """

    about = "primitive equations with learned coefficients and terms"
    time = "s"
    coupling = Stencil()
    Options = HybridOptions
    options: HybridOptions

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        choices = self.options
        physics = dict(choices.physics)
        forced_by = tuple(physics.get("forced_by", ()))
        if choices.weather:
            if "wind" in forced_by:
                raise ConfigError(
                    "physics.forced_by: 'wind' follows from the weather, found both"
                )
            forced_by = ("wind", *forced_by)
        self.physics = PrimitiveEquations({**physics, "forced_by": forced_by})
        self.parameters = tuple(_parameters(choices))
        self.prepared, self.fluxes = self.physics.prepared, self.physics.fluxes
        self.states, self.budgets = self.physics.states, self.physics.budgets
        weather = WEATHER if choices.weather else ()
        pushed = ("stress_x", "stress_y") if choices.weather else ()
        self.forcings = (
            *weather, *(f for f in self.physics.forcings if f.name not in pushed)
        )  # fmt: skip
        self.network = nn.Module()
        if choices.network is not None:
            reads = {s.name: choices.levels if s.axes else 1 for s in self.states}
            reads |= {forcing.name: 1 for forcing in weather}
            self.network = Corrector(
                choices.network, choices.settings, reads, 2,
                channels(choices.forms, choices.levels),
            )  # fmt: skip

    def on(self, space: Space | None) -> Process:
        """Return it on a grid with its levels.

        Raises
        ------
        ConfigError
            When it is another space.
        """
        placed = copy(self)
        physics = self.physics.on(space)
        assert isinstance(physics, PrimitiveEquations)
        placed.physics, placed.space = physics, space
        if space is not None:
            count = space.shape(self.states[0])[0]
            if count != self.options.levels:
                raise ConfigError(
                    f"options.levels: found {self.options.levels}, the grid has {count}"
                )
        return placed

    def at(self, dt: float) -> Process:
        """Return it for steps of some seconds, with the same network."""
        timed = copy(self)
        physics = self.physics.at(dt)
        assert isinstance(physics, PrimitiveEquations)
        timed.physics, timed.dt = physics, dt
        return timed

    def refuse(self, p: SimpleNamespace) -> None:
        """Refuse coefficients with which a step would overshoot, factors included."""
        values = self._coefficients(p)
        strongest = torch.exp(torch.tensor(STRONGEST)).item()
        for form, name in (("spreading", "diffusivity"), ("friction", "viscosity")):
            if self.options.network is not None and form in self.options.forms:
                setattr(values, name, getattr(values, name) * strongest)
        self.physics.refuse(values)

    def prepare(self, p: SimpleNamespace) -> Mapping[str, Any]:
        """Return what a step of the physics sees of the parameters."""
        return self.physics.prepare(self._coefficients(p))

    def _coefficients(self, p: SimpleNamespace) -> SimpleNamespace:
        """Return the parameters as the physics declares them."""
        values = dict(vars(p))
        levels = self.options.levels
        for name, kind in self.options.learned.items():
            if kind == "profile":
                column = [values.pop(f"{name}_{k}") for k in range(1, levels)]
                # Nothing mixes through the surface and the bottom.
                profile = torch.stack([column[0], *column, column[-1]])
                whole = profile.numel() > levels + 1  # each number as a field
                values[name] = profile if whole else profile.reshape(levels + 1, 1, 1)
        for name in _OF_LEVELS:
            if self.options.learned.get(name) != "profile" and values[name].ndim > 1:
                values[name] = values[name].unsqueeze(-3)
        return SimpleNamespace(**values)

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Take a step of the physics, with what the network does."""
        assert isinstance(self.space, Grid)
        faces = Faces(self.space)
        forcing = dict(vars(f))
        if self.options.weather:
            forcing |= _pushed(f, faces)
        alone = self.options.network is None
        answers = {} if alone else self._answers(s, f, p, faces)
        state, fluxes = self.physics.step(
            s, SimpleNamespace(**forcing), multiplied(answers, p)
        )
        return added(answers, state, fluxes, self.dt, p, faces)

    def _answers(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace, faces: Faces
    ) -> dict[str, Tensor]:
        """Return what the network says of a state and the weather, by form."""
        fields = {
            "u": faces.inner(s.u, "x_face"),
            "v": faces.inner(s.v, "y_face"),
            "temperature": s.temperature,
            "salinity": s.salinity,
            "elevation": s.elevation.unsqueeze(-3),
        }
        if self.options.weather:
            fields |= {w.name: getattr(f, w.name).unsqueeze(-3) for w in WEATHER}
        turning = p.rotation * (0.5 / ROTATION)
        others = (p.surface.unsqueeze(-3), turning.unsqueeze(-3))
        answers: dict[str, Tensor] = self.network(fields, p.sea, others)
        return answers


def _pushed(f: SimpleNamespace, faces: Faces) -> dict[str, Tensor]:
    """Return the stress of the wind at faces."""
    x, y = wind_stress(f.eastward_wind, f.northward_wind)
    return {
        "stress_x": faces.outer(between_columns(x), "x_face"),
        "stress_y": faces.outer(between_rows(y), "y_face"),
    }


def _parameters(options: HybridOptions) -> list[Parameter]:
    """Return the parameters of the physics, coefficients as they are learned."""
    parameters = []
    for p in PARAMETERS:
        if p.name not in COEFFICIENTS:
            parameters.append(p)
            continue
        value = options.coefficients.get(p.name, p.default)
        assert value is not None
        kind = options.learned.get(p.name)
        low, high = p.limits
        if kind is not None:
            # In the middle of what is learned lies what it begins with.
            low, high = value / options.range, value * options.range
        one = replace(p, axes=(), at="cell", default=value, bounds=(low, high))
        if kind != "profile":
            parameters.append(one)
            continue
        parameters += [
            replace(one, name=f"{p.name}_{k}", symbol=f"{p.symbol}{k}",
                    standard_name="", about=f"{p.about}, below level {k}")
            for k in range(1, options.levels)
        ]  # fmt: skip
    return parameters
