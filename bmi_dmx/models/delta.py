"""The composed model: networks supply parameters, physics runs, runoff is routed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..errors import ConfigError, DataError, StateError, suggestion
from ..process import Process
from ..scan.engine import scan
from .hydrology.unit_hydrograph import UnitHydrograph, gamma_weights
from .inputs import (
    POTENTIAL_EVAPORATION,
    attribute_values,
    columns,
    evaporation_process,
    forcing_series,
    potential_evaporation,
)
from .parameterization import DynamicHead, StaticHead
from .registries import processes
from .spec import ROUTING_PARAMETERS, ModelSpec, hydrograph_length
from .statistics import Statistics

__all__ = ["DeltaModel", "Simulated", "unit_hydrograph"]

Tensors = Mapping[str, Tensor]


class Simulated(NamedTuple):
    """What a simulation returns.

    Parameters
    ----------
    outputs : dict of str to Tensor
        Recorded series, (time, location), members averaged; rates per day.
    state : dict of str to Tensor
        State after the last step, all that a continuation needs.
    """

    outputs: dict[str, Tensor]
    state: dict[str, Tensor]


class DeltaModel(nn.Module):
    """A differentiable model: parameterization, evaporation, process and routing.

    The time step, ``dt``, is given in days. Networks compute in the type of their
    weights, and everything given is brought to it.

    Parameters
    ----------
    spec : ModelSpec
        What the model is made of.
    statistics : Statistics
        Moments of everything its networks read; see :func:`~.inputs.fit_statistics`.

    Raises
    ------
    ConfigError
        When names in the specification are unknown or do not fit the process.

    Notes
    -----
    The state is one flat mapping: ``process.<store>`` (location, member),
    ``routing.in_transit`` (steps, location), and ``network.<memory>`` (location, width)
    of a dynamic network.
    """

    def __init__(self, spec: ModelSpec, statistics: Statistics) -> None:
        super().__init__()
        self.spec = spec
        self.statistics = statistics
        self.process: Process = processes[spec.process]()
        self.evaporation = evaporation_process(spec.evaporation)
        self._check_process()
        fixed, varying = spec.split(self.process.parameters)
        declared = {p.name: p for p in self.process.parameters}
        self.static = StaticHead(spec, statistics, [declared[n] for n in fixed])
        self.dynamic = (
            DynamicHead(spec, statistics, [declared[n] for n in varying])
            if spec.dynamic is not None
            else None
        )
        self._check_dynamic_forcings()

    def _check_process(self) -> None:
        fluxes = [flux.name for flux in self.process.fluxes]
        if "runoff" not in fluxes:
            raise ConfigError(
                f"process {self.spec.process!r} has no flux 'runoff', which a model "
                f"gives out as streamflow; found {', '.join(fluxes) or 'none'}"
            )
        forcings = [forcing.name for forcing in self.process.forcings]
        if self.evaporation is not None and POTENTIAL_EVAPORATION not in forcings:
            raise ConfigError(
                f"evaporation: process {self.spec.process!r} has no forcing "
                f"{POTENTIAL_EVAPORATION!r} for {self.spec.evaporation!r} to supply; "
                "expected 'given'"
            )

    def _check_dynamic_forcings(self) -> None:
        dynamic = self.spec.dynamic
        if dynamic is not None:
            known = {*(f.name for f in self.process.forcings), *self.forcings}
            for name in dynamic.forcings:
                if name not in known:
                    hint = suggestion(name, known)
                    raise ConfigError(f"dynamic.forcings: unknown {name!r}{hint}")

    @property
    def forcings(self) -> tuple[str, ...]:
        """Names of the forcings the model must be given."""
        names = [f.name for f in self.process.forcings]
        if self.evaporation is not None:
            names.remove(POTENTIAL_EVAPORATION)
            names += [f.name for f in self.evaporation.forcings]
        return tuple(dict.fromkeys(names))

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes the model must be given."""
        names = list(self.spec.static.attributes)
        if self.spec.dynamic is not None:
            names += self.spec.dynamic.attributes
        if self.evaporation is not None:
            names += [p.name for p in self.evaporation.parameters]
        return tuple(dict.fromkeys(names))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of everything :meth:`simulate` can record."""
        names = ["streamflow", *(flux.name for flux in self.process.fluxes)]
        names += [s.name for s in self.process.states if s.size == 1]
        names += [POTENTIAL_EVAPORATION, *(p.name for p in self.static.declared)]
        names += [p.name for p in self.static.routed]
        if self.dynamic is not None:
            names += [p.name for p in self.dynamic.declared]
        return tuple(names)

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the weights and so of all results."""
        return self.static.normalize.mean.dtype

    def initial_state(self, locations: int, dt: float = 1.0) -> dict[str, Tensor]:
        """Return the state of a cold start.

        Parameters
        ----------
        locations : int
            Number of locations.
        dt : float
            Length of a step in days; it sets how many steps water is in transit.
        """
        like = self.static.normalize.mean
        shape = (locations, self.spec.members)
        state = {
            f"process.{s.name}": like.new_full(
                shape if s.size == 1 else (s.size, *shape), s.initial
            )
            for s in self.process.states
        }
        if self.spec.routing == "gamma":
            length = hydrograph_length(dt)
            state["routing.in_transit"] = like.new_zeros(length - 1, locations)
        if self.dynamic is not None:
            memory = self.dynamic.network.blank(like, locations)
            state.update({f"network.{name}": x for name, x in memory.items()})
        return state

    def simulate(
        self,
        forcing: Tensors,
        attributes: Tensors,
        *,
        state: Tensors | None = None,
        warmup: int = 0,
        dt: float = 1.0,
        outputs: Sequence[str] = ("streamflow",),
    ) -> Simulated:
        """Run the model through a series.

        A series run in pieces, each started with the state the one before returned,
        gives the numbers of one run.

        Parameters
        ----------
        forcing : mapping of str to Tensor
            (time, location), in declared units; at least :attr:`forcings`.
        attributes : mapping of str to Tensor
            (location,); at least :attr:`attributes`.
        state : mapping of str to Tensor, optional
            State to start from; default :meth:`initial_state`.
        warmup : int
            Number of first steps, routing included, run without gradient and without
            recording.
        dt : float
            Length of a step in days.
        outputs : sequence of str
            What to record; names in :attr:`outputs`.

        Returns
        -------
        Simulated
            Series over the steps after the warm-up, and the final state.

        Raises
        ------
        DataError
            When a forcing or attribute is missing, misshapen or not finite.
        StateError
            When the state is not one of this model for these locations and ``dt``.
        ConfigError
            When an output is unknown, or ``dt`` does not suit the model.
        """
        self._check_step(dt)
        for name in outputs:
            if name not in self.outputs:
                hint = suggestion(name, self.outputs)
                raise ConfigError(f"outputs: unknown {name!r}{hint}")
        series = forcing_series(forcing, self.forcings, self.dtype)
        steps, locations = series[self.forcings[0]].shape
        if not 0 <= warmup < steps:
            raise DataError(
                f"warmup: expected 0 to below the {steps} steps of the forcing, "
                f"found {warmup}"
            )
        place = attribute_values(attributes, self.attributes, self.dtype, locations)
        if self.evaporation is not None:
            computed = potential_evaporation(self.evaporation, series, place)
            series[POTENTIAL_EVAPORATION] = computed
        constant: Tensors = self.static(columns(place, self.spec.static.attributes))
        current = self._state(state, locations, dt)
        if warmup:
            past = {name: x[:warmup] for name, x in series.items()}
            series = {name: x[warmup:] for name, x in series.items()}
            with torch.no_grad():
                current = self._advance(past, place, constant, current, dt, ()).state
        return self._advance(series, place, constant, current, dt, outputs)

    def step(
        self,
        forcing: Tensors,
        attributes: Tensors,
        state: Tensors | None = None,
        *,
        dt: float = 1.0,
        outputs: Sequence[str] = ("streamflow",),
    ) -> Simulated:
        """Run one step: :meth:`simulate` with forcings and outputs (location,)."""
        series = {name: x.unsqueeze(0) for name, x in forcing.items()}
        result = self.simulate(series, attributes, state=state, dt=dt, outputs=outputs)
        return Simulated({n: x[0] for n, x in result.outputs.items()}, result.state)

    def static_parameters(self, attributes: Tensors) -> dict[str, Tensor]:
        """Return the constant parameters as physical values (per day).

        Parameters
        ----------
        attributes : mapping of str to Tensor
            (location,).

        Returns
        -------
        dict of str to Tensor
            (location, member); routing parameters (location,).
        """
        names = self.spec.static.attributes
        values = attribute_values(attributes, names, self.dtype)
        parameters: dict[str, Tensor] = self.static(columns(values, names))
        return parameters

    def _advance(
        self,
        series: Tensors,
        place: Tensors,
        constant: Tensors,
        state: Tensors,
        dt: float,
        outputs: Sequence[str],
    ) -> Simulated:
        """Run networks, process and routing over a piece of the series."""
        varying, memory = self._varying(series, place, _part(state, "network"))
        learned = {**constant, **varying}
        known = {p.name for p in self.process.parameters}
        recordable = self._recorded_by_process()
        ran = scan(
            self.process,
            _part(state, "process"),
            {f.name: series[f.name] for f in self.process.forcings},
            {name: x for name, x in learned.items() if name in known},
            dt=dt,
            outputs=list(dict.fromkeys(["runoff", *(recordable & set(outputs))])),
            average=True,
        )
        streamflow, transit = self._route(ran.outputs["runoff"], constant, state, dt)
        found = {**ran.outputs, "streamflow": streamflow}
        found[POTENTIAL_EVAPORATION] = series[POTENTIAL_EVAPORATION]
        shape = streamflow.shape
        for name in set(outputs) & set(learned):
            x = learned[name]
            found[name] = (x if x.ndim == 1 else x.mean(-1)).expand(shape)
        stores = {f"process.{name}": x for name, x in ran.state.items()}
        return Simulated(
            {n: found[n] for n in outputs}, {**stores, **transit, **memory}
        )

    def _recorded_by_process(self) -> set[str]:
        stores = {s.name for s in self.process.states if s.size == 1}
        return stores | {flux.name for flux in self.process.fluxes}

    def _varying(
        self, series: Tensors, place: Tensors, memory: Tensors
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the dynamic parameters, (time, location, member), and the memory."""
        if self.dynamic is None or self.spec.dynamic is None:
            return {}, {}
        drivers = columns(series, self.spec.dynamic.forcings)
        fixed = columns(place, self.spec.dynamic.attributes)
        values, after = self.dynamic(drivers, fixed, memory)
        return values, {f"network.{name}": m for name, m in after.items()}

    def _route(
        self, runoff: Tensor, constant: Tensors, state: Tensors, dt: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the streamflow, (time, location), and the water left in transit."""
        if self.spec.routing == "none":
            return runoff, {}
        length = hydrograph_length(dt)
        a, b = (constant[p.name] for p in ROUTING_PARAMETERS)
        ran = scan(
            unit_hydrograph(length),
            {"in_transit": state["routing.in_transit"].unsqueeze(-1)},
            {"runoff": runoff},
            {"weight": gamma_weights(a, b, length, dt).unsqueeze(-1)},
            dt=dt,
            average=True,
        )
        transit = ran.state["in_transit"].squeeze(-1)
        return ran.outputs["streamflow"], {"routing.in_transit": transit}

    def _check_step(self, dt: float) -> None:
        if not dt > 0.0:
            raise ConfigError(f"dt: expected days above 0, found {dt}")
        trained = self.spec.trained_step
        if self.dynamic is not None and abs(dt / trained - 1.0) > 1e-9:
            raise ConfigError(
                f"dt: the dynamic network was trained at {self.spec.time_step} steps "
                f"({trained:g} days) and cannot run at steps of {dt:g} days"
            )

    def _state(self, given: Tensors | None, locations: int, dt: float) -> Tensors:
        cold = self.initial_state(locations, dt)
        if given is None:
            return cold
        for name in given:
            if name not in cold:
                raise StateError(f"unknown state {name!r}{suggestion(name, cold)}")
        for name, expected in cold.items():
            if name not in given:
                raise StateError(f"state {name!r} is missing")
            if given[name].shape != expected.shape:
                raise StateError(
                    f"state {name!r} has shape {tuple(given[name].shape)}, expected "
                    f"{tuple(expected.shape)} for {locations} locations and dt={dt:g}"
                )
        return {name: given[name].to(self.dtype) for name in cold}


@cache
def unit_hydrograph(length: int) -> UnitHydrograph:
    """Return the unit hydrograph of so many steps; one object, compiled once."""
    return UnitHydrograph(length)


def _part(state: Tensors, prefix: str) -> dict[str, Tensor]:
    """Return the entries of one part of the state under their own names."""
    start = f"{prefix}."
    return {n[len(start) :]: x for n, x in state.items() if n.startswith(start)}
