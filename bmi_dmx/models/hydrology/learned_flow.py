"""Streamflow that a network gives itself, without physics: a yardstick for models.

Kratzert et al. (2018), doi:10.5194/hess-22-6005-2018, and with attributes of basins
Kratzert et al. (2019), doi:10.5194/hess-23-5089-2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from ...compose.spec import ModelSpec, PartSpec
from ...errors import ConfigError, suggestion
from ...networks.statistics import Transform
from ...process import NoOptions, Process
from ...registries import processes
from ...units import unknown
from ...variables import Forcing, Parameter
from .blend import of_product
from .daily_network import DailyNetwork, refuse_daily
from .forcings import FORCINGS, POTENTIAL_EVAPORATION, PRECIPITATION
from .outlet import STREAMFLOW
from .recipe import EVAPORATIONS, TIME_STEPS, TimeStep

__all__ = ["LearnedFlow", "NetworkFlow"]


class LearnedFlow(Process):
    """Streamflow as a network gives it; water is neither stored nor accounted for.

    The forcings it declares are those that the network reads: nothing else of the model
    says what they are.
    """

    about = "streamflow that a network gives itself, without physics"
    parameters = (
        Parameter(
            name="learned_flow", symbol="Q", units="mm d-1", per_step="rate",
            bounds=PRECIPITATION.bounds, per="place", target="streamflow",
            about="flow at the outlet, over the area, as a network gives it",
        ),
    )  # fmt: skip
    fluxes = (STREAMFLOW,)

    @dataclass(frozen=True)
    class Options:
        """The forcings that the network reads, and units of those nobody declares.

        Those of ``products`` are called as ``precipitation_daymet``.
        """

        forcings: tuple[str, ...] = (PRECIPITATION.name,)
        others: dict[str, str] = field(default_factory=dict)
        products: tuple[str, ...] = ()

        def __post_init__(self) -> None:
            _refuse_unknown(self.forcings, self.others, self.products)

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        others = self.options.others
        forcings = _declared(self.options.products)
        self.forcings = tuple(
            _other(name, others[name]) if name in others else forcings[name]
            for name in self.options.forcings
        )
        # They decide the declarations, and nothing else.
        self.options = NoOptions()

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return no state, and the flow."""
        return {}, {"streamflow": p.learned_flow}


def _declared(products: tuple[str, ...]) -> dict[str, Forcing]:
    """Return the forcings by name, those of products too; the calendar has none."""
    forcings = {forcing.name: forcing for forcing in FORCINGS}
    for product in products:
        for forcing in FORCINGS:
            if forcing.source == "host":
                one = of_product(forcing, product)
                forcings.setdefault(one.name, one)
    return forcings


def _refuse_unknown(
    forcings: tuple[str, ...], others: Mapping[str, str], products: tuple[str, ...]
) -> None:
    """Refuse forcings of which nothing is known, and units of others."""
    declared = _declared(products)
    names = (*declared, *others)
    for name in forcings:
        if name not in names:
            raise ConfigError(
                f"forcings: unknown {name!r}{suggestion(name, names)}; 'others' gives "
                "the units of what nobody declares"
            )
    for name, units in others.items():
        if name in declared:
            raise ConfigError(f"others: {name!r} is declared, with units of its own")
        if name not in forcings:
            raise ConfigError(f"others: {name!r} is not among the forcings")
        problem = unknown(units)
        if problem:
            raise ConfigError(f"others: {name}: {problem}")


def _other(name: str, units: str) -> Forcing:
    """Return a forcing of which the units alone are known."""
    return Forcing(name=name, symbol="x", units=units, about="read by a network")


@dataclass(frozen=True, kw_only=True)
class NetworkFlow:
    """Streamflow from weather and attributes by a network with a memory.

    Parameters
    ----------
    forcings : tuple of str
        What it reads at every step; ``potential_evaporation`` is that of
        ``evaporation``.
    products : list of str
        Products whose forcings it may read, as ``precipitation_daymet``.
    others : dict of str to str
        Units of forcings among these that no process of the package declares.
    attributes : tuple of str
        What it reads of places.
    network : str
        Registered network.
    options : mapping of str to object
        What the network lets choose; for ``lstm`` as published unless said otherwise:
        no layer before it, forget gates that begin open.
    evaporation : str
        Where potential evaporation comes from: a registered process, such as
        ``hargreaves``, or ``given``, the data.
    time_step : {"daily", "hourly"}
        Step the model is trained at.
    daily : DailyNetwork, optional
        In a model of hours, the network of the days before them, from whose memory
        that of hours goes on, as in the MTS-LSTM of Gauch et al. (2021),
        doi:10.5194/hess-25-2045-2021. It reads some of ``forcings``.
    transforms : mapping of str to {"none", "log", "sqrt", "log_sqrt"}
        Transforms of network inputs before they are standardised.

    Raises
    ------
    ConfigError
        When a name is unknown; the message names the key.
    """

    forcings: tuple[str, ...]
    products: tuple[str, ...] = ()
    others: dict[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    network: str = "lstm"
    options: dict[str, Any] = field(default_factory=dict)
    evaporation: str = "given"
    time_step: TimeStep = "daily"
    daily: DailyNetwork | None = None
    transforms: dict[str, Transform] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _refuse_unknown(self.forcings, self.others, self.products)
        refuse_daily("daily", self.daily, self.time_step)
        if self.evaporation != "given" and not self._computes:
            raise ConfigError(
                f"evaporation: {self.evaporation!r} computes what 'forcings' does not "
                f"list; expected 'given', or {POTENTIAL_EVAPORATION.name!r} among them"
            )

    @property
    def _computes(self) -> bool:
        return POTENTIAL_EVAPORATION.name in self.forcings

    def model(self) -> ModelSpec:
        """Return the parts: evaporation, network, outlet, volume.

        Raises
        ------
        ConfigError
            When a name is unknown.
        """
        parts = {}
        if self.evaporation != "given":
            if self.evaporation not in processes:
                names = ("given", *EVAPORATIONS)
                hint = suggestion(self.evaporation, names)
                raise ConfigError(f"evaporation: unknown {self.evaporation!r}{hint}")
            parts["evaporation"] = PartSpec(process=self.evaporation)
        usual = _AS_PUBLISHED if self.network == "lstm" else {}
        network = PartSpec(
            network=self.network,
            options={**usual, **self.options},
            attributes=self.attributes,
            forcings=self.forcings,
            gives=("learned_flow",),
        )
        if self.daily is not None:
            parts["daily"] = self.daily.part("dynamic", network)
        parts["dynamic"] = network
        parts["outlet"] = PartSpec(
            process="learned_flow",
            options={
                "forcings": self.forcings,
                "others": self.others,
                **({"products": self.products} if self.products else {}),
            },
        )
        parts["volume"] = PartSpec(process="depth_to_volume")
        return ModelSpec(
            parts=parts,
            # The network has learned what happens in steps of one length, and no other.
            seconds=TIME_STEPS[self.time_step],
            transforms=self.transforms,
            system="hydrology",
            answers=("streamflow",),
        )


_AS_PUBLISHED = {"embedded": False, "forget_bias": 3.0}
