"""The recipe δHBV: a network, evaporation, a process and a unit hydrograph.

As differentiable parameter learning (Tsai et al. 2021, doi:10.1038/s41467-021-26107-z)
was applied to HBV by Feng et al. (2022), doi:10.1029/2022WR032404.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ...compose.spec import ModelSpec, PartSpec
from ...compose.weighted_process import MEMBER_WEIGHT
from ...conversion import MOST, convert, refuse_outside
from ...errors import ConfigError, suggestion
from ...networks.statistics import Transform
from ...registries import networks, processes
from ...variables import Parameter
from .blend import share_of
from .daily_network import DailyNetwork, refuse_daily

__all__ = [
    "EVAPORATIONS",
    "TIME_STEPS",
    "Dhbv",
    "DynamicSpec",
    "StaticSpec",
    "TimeStep",
]

TimeStep = Literal["daily", "hourly"]

TIME_STEPS: dict[str, float] = {"daily": 86400.0, "hourly": 3600.0}
"""Length in seconds of the time steps that have a name."""

EVAPORATIONS = ("oudin", "hargreaves", "priestley_taylor", "penman_monteith")
"""Registered processes of this package that compute potential evaporation."""

_ROUTING = {
    "gamma": "unit_hydrograph",
    "lagged": "lagged_unit_hydrograph",
    "none": "direct_outlet",
}
"""Registered processes that bring runoff to the outlet."""


@dataclass(frozen=True, kw_only=True)
class StaticSpec:
    """The network from attributes to constant parameters.

    Parameters
    ----------
    attributes : sequence of str
        What the network reads.
    network : str
        Registered network without memory.
    hidden : int or sequence of int
        Width of its hidden layers, or of each of them. Defaults of this and what
        follows are those of ``mlp``; another network has its own.
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
    hidden: int | tuple[int, ...] = (128, 128)
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
    drop : float
        Share of basins and parameters for which, in training, the last value of a
        window holds through all of it.
    daily : DailyNetwork, optional
        In a model of hours, the network of the days before them, from whose memory
        this one goes on.
    """

    parameters: tuple[str, ...]
    forcings: tuple[str, ...]
    attributes: tuple[str, ...]
    network: str = "lstm"
    hidden: int = 64
    activation: str = "relu"
    dropout: float = 0.0
    drop: float = 0.0
    daily: DailyNetwork | None = None


@dataclass(frozen=True, kw_only=True)
class Dhbv:
    """HBV whose parameters a network learns.

    Parameters
    ----------
    process : str
        Registered process with a flux ``runoff``, such as ``hbv11p``.
    process_options : mapping of str to object
        What the process lets choose, such as ``snow_transition``.
    reads : mapping of str to str
        Other names under which inputs of the process are looked for, by the name in
        it, such as ``drainage_area_km2: area_km2`` of whole catchments.
    static : StaticSpec
        Network of the constant parameters.
    members : int
        Number of parallel parameter sets whose mean is the answer.
    member_weights : {"mean", "learned"}
        Whether members count alike, or have weights that the static network learns, the
        same for every flux and every store.
    evaporation : str
        Where potential evaporation comes from: a registered process, such as
        ``hargreaves``, or ``given``, the data.
    evaporation_coefficient : bool
        Whether the potential evaporation is multiplied by a coefficient of the place
        and the season, which the static network learns; see
        :class:`~.demand.EvaporativeDemand`.
    snow_correction : bool
        Whether the static network learns how much snow gauges miss; see
        :class:`~.undercatch.Undercatch`.
    products : list of str
        Products of precipitation that are blended by weights of the place, which the
        static network learns; see :class:`~.blend.PrecipitationBlend`.
    routing : {"gamma", "lagged", "none"}
        How runoff reaches the outlet: by a unit hydrograph of days, by one of hours
        after a learned lag, or at once.
    dynamic : DynamicSpec, optional
        Network of the parameters that change with time.
    time_step : {"daily", "hourly"}
        Step the model is trained at.
    transforms : mapping of str to {"none", "log", "sqrt", "log_sqrt"}
        Transforms of network inputs before they are standardised.

    Raises
    ------
    ConfigError
        When a value is out of range; the message names the key.
    """

    process: str
    process_options: dict[str, Any] = field(default_factory=dict)
    reads: dict[str, str] = field(default_factory=dict)
    static: StaticSpec
    members: int = 16
    member_weights: Literal["mean", "learned"] = "mean"
    evaporation: str = "given"
    evaporation_coefficient: bool = False
    snow_correction: bool = False
    products: tuple[str, ...] = ()
    routing: Literal["gamma", "lagged", "none"] = "gamma"
    dynamic: DynamicSpec | None = None
    time_step: TimeStep = "daily"
    transforms: dict[str, Transform] = field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse_outside("members", self.members, 1, MOST)
        heads = {"static": self.static, "dynamic": self.dynamic}
        for key, head in heads.items():
            if head is not None:
                _check_head(key, head)
        if self.dynamic is not None:
            refuse_daily("dynamic.daily", self.dynamic.daily, self.time_step)

    def model(self) -> ModelSpec:
        """Return the parts: networks, what corrects the weather, land, outlet, volume.

        Raises
        ------
        ConfigError
            When a name is unknown, or the process is not one of rainfall and runoff.
        """
        process = _made(self.process, "process", self.process_options)
        static, dynamic = self.split(process.parameters)
        self._check_fluxes(process)
        outlet = _ROUTING[self.routing]
        routed = tuple(p.name for p in processes[outlet]().parameters)
        corrections = [c for key, c in _CORRECTIONS.items() if getattr(self, key)]
        learned = [name for c in corrections for name in c.learned]
        parts = {}
        if self.member_weights == "learned":
            learned.append(MEMBER_WEIGHT.name)
        learned += map(share_of, self.products)
        if static or routed or learned:
            parts["static"] = _head(self.static, (*static, *routed, *learned))
        if self.products:
            options = {"products": self.products}
            parts["blend"] = PartSpec(process="precipitation_blend", options=options)
        if self.evaporation != "given":
            parts["evaporation"] = PartSpec(process=self.evaporation)
        for correction in corrections:
            parts[correction.part] = PartSpec(process=correction.process)
        if self.dynamic is not None:
            hours = _head(self.dynamic, tuple(dynamic))
            if self.dynamic.daily is not None:
                parts["daily"] = self.dynamic.daily.part("dynamic", hours)
            parts["dynamic"] = hours
        parts["land"] = PartSpec(
            process=self.process,
            options=self.process_options,
            members=self.members,
            member_weights=self.member_weights,
            reads={c.forcing: c.flux for c in corrections} | self.reads,
        )
        parts["outlet"] = PartSpec(process=outlet)
        parts["volume"] = PartSpec(process="depth_to_volume")
        return ModelSpec(
            parts=parts,
            seconds=TIME_STEPS[self.time_step],
            steps=tuple(self._steps()),
            transforms=self.transforms,
            system="hydrology",
            answers=("streamflow",),
        )

    def _steps(self) -> Iterable[float]:
        """Yield the steps the physics can run at, in seconds.

        Parameters are per day and serve any step. A dynamic network has learned what
        its inputs do over one step, so its parameters hold for that long at least.
        """
        trained = TIME_STEPS[self.time_step]
        for seconds in TIME_STEPS.values():
            if self.dynamic is None or seconds <= trained:
                yield seconds

    def _check_fluxes(self, process: Any) -> None:
        fluxes = [flux.name for flux in process.fluxes]
        if "runoff" not in fluxes:
            raise ConfigError(
                f"process {self.process!r} has no flux 'runoff', which a model gives "
                f"out as streamflow; found {', '.join(fluxes) or 'none'}"
            )
        forcings = [forcing.name for forcing in process.forcings]
        if self.products and "precipitation" not in forcings:
            raise ConfigError(
                f"products: process {self.process!r} has no forcing 'precipitation'"
            )
        for key, correction in _CORRECTIONS.items():
            if getattr(self, key) and correction.forcing not in forcings:
                raise ConfigError(
                    f"{key}: process {self.process!r} has no forcing "
                    f"{correction.forcing!r} to correct"
                )
        if self.evaporation == "given":
            return
        gives = [flux.name for flux in _made(self.evaporation, "evaporation").fluxes]
        if _EVAPORATION not in forcings:
            raise ConfigError(
                f"evaporation: process {self.process!r} has no forcing "
                f"{_EVAPORATION!r} for {self.evaporation!r} to supply; expected 'given'"
            )
        if _EVAPORATION not in gives:
            hint = suggestion(self.evaporation, ("given", *EVAPORATIONS))
            raise ConfigError(f"evaporation: unknown {self.evaporation!r}{hint}")

    def split(self, parameters: Sequence[Parameter]) -> tuple[list[str], list[str]]:
        """Return the names of the static and of the dynamic parameters.

        Parameters
        ----------
        parameters : sequence of Parameter
            All parameters of the process; their order is kept. Known properties of
            places are learned where they are named alone.

        Raises
        ------
        ConfigError
            When a configured name is unknown, named twice over, or a parameter without
            a default is left to neither network.
        """
        names = [p.name for p in parameters]
        dynamic = list(self.dynamic.parameters) if self.dynamic is not None else []
        for name in dynamic:
            _one_of("dynamic.parameters", name, names)
        listed = self.static.parameters
        learnable = [p.name for p in parameters if p.source == "network"]
        static = (
            [n for n in learnable if n not in dynamic]
            if listed == "all"
            else list(listed)
        )
        for name in static:
            _one_of("static.parameters", name, names)
            if name in dynamic:
                raise ConfigError(f"static.parameters: {name!r} is dynamic already")
        for parameter in parameters:
            learned = parameter.name in static or parameter.name in dynamic
            has_value = parameter.source == "attribute" or parameter.default is not None
            if not learned and not has_value:
                raise ConfigError(
                    f"static.parameters: {parameter.name!r} of {self.process!r} has "
                    "no default and must be learned"
                )
        return [n for n in names if n in static], [n for n in names if n in dynamic]


_EVAPORATION = "potential_evaporation"


class _Correction(NamedTuple):
    """A part that stands between the weather and the land.

    Parameters
    ----------
    part, process : str
        Its name, and the registered process.
    forcing, flux : str
        What it corrects, and what the land reads in its place.
    learned : tuple of str
        Its parameters that the static network supplies.
    """

    part: str
    process: str
    forcing: str
    flux: str
    learned: tuple[str, ...]


_CORRECTIONS = {
    "evaporation_coefficient": _Correction(
        "demand", "evaporative_demand", _EVAPORATION, "evaporative_demand",
        ("kc", "kc_sine", "kc_cosine"),
    ),
    "snow_correction": _Correction(
        "undercatch", "undercatch", "precipitation", "corrected_precipitation",
        ("sfcf",),
    ),
}  # fmt: skip
"""By the key that asks for it."""


def _made(name: str, key: str, options: dict[str, Any] | None = None) -> Any:
    """Return a registered process."""
    if name not in processes:
        names = ("given", *EVAPORATIONS) if key == "evaporation" else processes
        raise ConfigError(f"{key}: unknown {name!r}{suggestion(str(name), names)}")
    try:
        return processes[name](options or None)
    except ConfigError as error:
        raise ConfigError(f"{key}_options: {error}") from None


def _head(head: StaticSpec | DynamicSpec, gives: tuple[str, ...]) -> PartSpec:
    return PartSpec(
        network=head.network,
        options=_options_of(head),
        attributes=head.attributes,
        forcings=head.forcings if isinstance(head, DynamicSpec) else (),
        drop=head.drop if isinstance(head, DynamicSpec) else 0.0,
        gives=gives,
    )


def _options_of(head: StaticSpec | DynamicSpec) -> dict[str, Any]:
    """Return what is chosen of a network.

    A default that it knows nothing of, as it is that of another one, is left to it.
    """
    usual = type(head)
    options = {key: getattr(head, key) for key in ("hidden", "activation", "dropout")}
    if head.network == usual.network or head.network not in networks:
        return options
    offered = networks[head.network].Options
    return {
        key: value
        for key, value in options.items()
        if value != getattr(usual, key) or _takes(offered, key, value)
    }


def _takes(offered: type[Any], key: str, value: Any) -> bool:
    try:
        convert({key: value}, offered)
    except ConfigError:
        return False
    return True


def _one_of(key: str, name: str, names: Iterable[str]) -> None:
    names = list(names)
    if name not in names:
        raise ConfigError(f"{key}: unknown {name!r}{suggestion(str(name), names)}")


def _check_head(key: str, head: StaticSpec | DynamicSpec) -> None:
    if not 0.0 <= head.dropout < 1.0:
        raise ConfigError(f"{key}.dropout: expected 0 to below 1, found {head.dropout}")
    if isinstance(head, DynamicSpec) and not 0.0 <= head.drop <= 1.0:
        raise ConfigError(f"{key}.drop: expected 0 to 1, found {head.drop}")
    widths = [head.hidden] if isinstance(head.hidden, int) else head.hidden
    for width in widths:
        refuse_outside(f"{key}.hidden", width, 1, MOST)
    lists = {"attributes": head.attributes, "parameters": head.parameters}
    if isinstance(head, DynamicSpec):
        lists["forcings"] = head.forcings
    for attribute in head.attributes:
        if not attribute.isidentifier():
            raise ConfigError(
                f"{key}.attributes: found {attribute!r}, expected letters, digits and"
                " '_', as a bundle names its variables"
            )
    for name, values in lists.items():
        if not values and (key, name) != ("static", "parameters"):
            raise ConfigError(f"{key}.{name}: expected at least one, found none")
        if values != "all" and len(set(values)) != len(values):
            twice = next(v for v in values if list(values).count(v) > 1)
            raise ConfigError(f"{key}.{name}: {twice!r} is listed twice")
