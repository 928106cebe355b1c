"""The ``model:`` block of a configuration: what a model is made of.

Plain dataclasses without PyTorch, shared by training configurations and bundles.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..errors import ConfigError, suggestion
from ..variables import Parameter
from .statistics import Transform

__all__ = [
    "HYDROGRAPH_DAYS",
    "ROUTING_PARAMETERS",
    "TIME_STEPS",
    "DynamicSpec",
    "ModelSpec",
    "StaticSpec",
    "TimeStep",
    "hydrograph_length",
]

TimeStep = Literal["daily", "hourly"]

TIME_STEPS: dict[str, float] = {"daily": 1.0, "hourly": 1.0 / 24.0}
"""Length in days of the time steps a model can be trained at."""

HYDROGRAPH_DAYS = 15
"""Days over which the unit hydrograph releases the runoff of a step."""

ROUTING_PARAMETERS = (
    Parameter(
        name="routing_a", symbol="a", bounds=(0.0, 2.9),
        about="shape of the gamma unit hydrograph, less 0.1",
    ),
    Parameter(
        name="routing_b", symbol="b", bounds=(0.0, 6.5), units="d",
        about="scale of the gamma unit hydrograph, less 0.5 days",
    ),
)  # fmt: skip
"""Learned parameters of the gamma unit hydrograph; one per location, not per member."""


@dataclass(frozen=True, kw_only=True)
class StaticSpec:
    """The network from attributes to constant parameters.

    Parameters
    ----------
    attributes : sequence of str
        What the network reads.
    network : str
        Registered network without memory.
    hidden : sequence of int
        Widths of its hidden layers.
    activation : str
        Activation of its hidden layers.
    dropout : float
        Share of hidden units silenced in training.
    parameters : "all" or sequence of str
        Process parameters to learn; the rest keep their declared defaults. ``all`` are
        those that are not dynamic.
    """

    attributes: tuple[str, ...]
    network: str = "mlp"
    hidden: tuple[int, ...] = (128, 128)
    activation: str = "relu"
    dropout: float = 0.0
    parameters: Literal["all"] | tuple[str, ...] = "all"


@dataclass(frozen=True, kw_only=True)
class DynamicSpec:
    """The network from forcings and attributes to parameters that change with time.

    Parameters
    ----------
    parameters : sequence of str
        Process parameters it supplies.
    forcings : sequence of str
        Forcings it reads, potential evaporation included if wanted.
    attributes : sequence of str
        Attributes it reads.
    network : str
        Registered network.
    hidden : int
        Its width.
    activation : str
        Its activation.
    dropout : float
        Share of its units silenced in training.
    """

    parameters: tuple[str, ...]
    forcings: tuple[str, ...]
    attributes: tuple[str, ...]
    network: str = "lstm"
    hidden: int = 64
    activation: str = "relu"
    dropout: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """What a model is made of.

    Parameters
    ----------
    process : str
        Registered process, such as ``hbv11p``.
    static : StaticSpec
        Network of the constant parameters.
    members : int
        Number of parallel parameter sets whose mean is the answer.
    evaporation : str
        Where potential evaporation comes from: a registered formula, such as
        ``hargreaves``, or ``given``, the data.
    routing : {"gamma", "none"}
        How runoff reaches the outlet.
    dynamic : DynamicSpec, optional
        Network of the parameters that change with time.
    time_step : {"daily", "hourly"}
        Step the model is trained at.
    transforms : mapping of str to {"none", "log", "sqrt"}
        Transforms of network inputs before they are standardised.

    Raises
    ------
    ConfigError
        When a value is out of range; the message names the key.
    """

    process: str
    static: StaticSpec
    members: int = 16
    evaporation: str = "given"
    routing: Literal["gamma", "none"] = "gamma"
    dynamic: DynamicSpec | None = None
    time_step: TimeStep = "daily"
    transforms: dict[str, Transform] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.members < 1:
            raise ConfigError(f"members: expected at least 1, found {self.members}")
        heads = {"static": self.static, "dynamic": self.dynamic}
        for key, head in heads.items():
            if head is not None:
                _check_head(key, head)
        for name in self.transforms:
            if name not in self.network_inputs:
                hint = suggestion(str(name), self.network_inputs)
                raise ConfigError(
                    f"transforms: {name!r} is no input of a network{hint}"
                )

    @property
    def network_attributes(self) -> tuple[str, ...]:
        """Names of the attributes the networks read, each once."""
        more = self.dynamic.attributes if self.dynamic is not None else ()
        return tuple(dict.fromkeys((*self.static.attributes, *more)))

    @property
    def network_inputs(self) -> tuple[str, ...]:
        """Names of the attributes and forcings the networks read, each once."""
        forcings = self.dynamic.forcings if self.dynamic is not None else ()
        return (*self.network_attributes, *forcings)

    @property
    def trained_step(self) -> float:
        """Length in days of the step the model is trained at."""
        return TIME_STEPS[self.time_step]

    @property
    def time_steps(self) -> dict[str, float]:
        """Time steps the physics can run at, in days by name.

        Parameters are per day and serve any step. A dynamic network has learned what
        its inputs do over one step, so its parameters hold for that long at least.
        """
        return {
            name: days
            for name, days in TIME_STEPS.items()
            if self.dynamic is None or days <= self.trained_step
        }

    def split(self, parameters: Sequence[Parameter]) -> tuple[list[str], list[str]]:
        """Return the names of the static and of the dynamic parameters.

        Parameters
        ----------
        parameters : sequence of Parameter
            All parameters of the process; their order is kept.

        Raises
        ------
        ConfigError
            When a configured name is unknown, named twice over, or a parameter without
            a default is left to neither network.
        """
        known = [p.name for p in parameters]
        dynamic = list(self.dynamic.parameters) if self.dynamic is not None else []
        for name in dynamic:
            _one_of("dynamic.parameters", name, known)
        listed = self.static.parameters
        static = (
            [n for n in known if n not in dynamic] if listed == "all" else list(listed)
        )
        for name in static:
            _one_of("static.parameters", name, known)
            if name in dynamic:
                raise ConfigError(f"static.parameters: {name!r} is dynamic already")
        for parameter in parameters:
            learned = parameter.name in static or parameter.name in dynamic
            if not learned and parameter.default is None:
                raise ConfigError(
                    f"static.parameters: {parameter.name!r} of {self.process!r} has "
                    "no default and must be learned"
                )
        return [n for n in known if n in static], [n for n in known if n in dynamic]


def hydrograph_length(dt: float) -> int:
    """Return the number of steps of ``dt`` days of the unit hydrograph.

    Raises
    ------
    ConfigError
        When the steps do not fill :data:`HYDROGRAPH_DAYS` days.
    """
    length = round(HYDROGRAPH_DAYS / dt) if dt > 0.0 and math.isfinite(dt) else 0
    if length < 2 or abs(length * dt - HYDROGRAPH_DAYS) > 1e-6:
        raise ConfigError(
            f"dt: steps of {dt} days do not fill the {HYDROGRAPH_DAYS} days of the "
            "unit hydrograph; choose a part of a day such as 1/24"
        )
    return length


def _one_of(key: str, found: str, known: Iterable[str]) -> None:
    known = list(known)
    if found not in known:
        raise ConfigError(f"{key}: unknown {found!r}{suggestion(str(found), known)}")


def _check_head(key: str, head: StaticSpec | DynamicSpec) -> None:
    if not 0.0 <= head.dropout < 1.0:
        raise ConfigError(f"{key}.dropout: expected 0 to below 1, found {head.dropout}")
    widths = [head.hidden] if isinstance(head.hidden, int) else head.hidden
    for width in widths:
        if width < 1:
            raise ConfigError(f"{key}.hidden: expected at least 1, found {width}")
    named = {"attributes": head.attributes, "parameters": head.parameters}
    if isinstance(head, DynamicSpec):
        named["forcings"] = head.forcings
    for attribute in head.attributes:
        if not attribute.isidentifier():
            raise ConfigError(
                f"{key}.attributes: found {attribute!r}, expected letters, digits and"
                " '_', as a bundle names its variables"
            )
    for name, values in named.items():
        if not values and (key, name) != ("static", "parameters"):
            raise ConfigError(f"{key}.{name}: expected at least one, found none")
        if values != "all" and len(set(values)) != len(values):
            twice = next(v for v in values if list(values).count(v) > 1)
            raise ConfigError(f"{key}.{name}: {twice!r} is listed twice")
