"""The runtime of a bundle: compiled programs over persistent buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import StateError
from ..kernels.stepper import Stepper
from ..program import Program
from .attributes import AREA, check_attribute
from .clock import Clock
from .day import Day
from .network import DynamicNetwork
from .operation import DAY_OF_YEAR
from .parameters import Parameters
from .programs import Plan
from .storage import Storage

__all__ = ["Runner"]

Array = np.ndarray[Any, np.dtype[np.float64]]


class Runner:
    """Steps a model at ``n`` locations.

    Every buffer is one float64 array for the life of the runner. Forcings, fluxes and
    stores are in units of the host; rates stay rates whatever the length of the step.

    Parameters
    ----------
    plan : Plan
        What to run.
    ids : sequence of str
        Name of each location, for messages.
    attributes : dict of str to ndarray
        (location,) values by name; NaN where one is to be set before the first step.
    clock : Clock
        Time of the host; keeps :attr:`day_of_year`, which is made here.

    Attributes
    ----------
    forcing, output : dict of str to ndarray
        (location,) by name. ``output`` holds fluxes and stores, the members' mean.
    parameters : Parameters
        What does not change with time.
    storage : Storage
        The stores and their balance.
    """

    def __init__(
        self,
        plan: Plan,
        ids: Sequence[str],
        attributes: dict[str, Array],
        clock: Clock,
    ) -> None:
        self.plan = plan
        self.ids = tuple(ids)
        self.clock = clock
        self._operation = plan.operation
        variables = plan.variables
        self.forcing = {f.name: self._new(np.nan) for f in plan.forcings}
        self.output: dict[str, Array] = {}
        self.day_of_year = self._new(np.nan)
        clock.keep(self.day_of_year)
        self._inside = {**self.forcing, DAY_OF_YEAR: self.day_of_year}
        self._day: Day | None = None
        if self._operation.daily_physics:
            wanted = [forcing.name for forcing in variables.forcings]
            self._day = self._make_day(wanted)
            self._inside = self._day.values
        self.parameters = Parameters(plan, self.ids, attributes)
        self._evaporation = self._make_evaporation()
        members = self._operation.bundle.spec.members
        self._process = self._stepper(plan.process, members)
        self._outlet = self._stepper(plan.outlet, 1)
        self._network = self._make_network()
        self.storage = Storage(plan, self.ids, self._process, self._outlet, self.output)
        self._steps = self._sequence()

    @property
    def place(self) -> str:
        """Name of the locations, for messages."""
        more = len(self.ids) - 1
        return self.ids[0] if not more else f"{self.ids[0]} and {more} more"

    def _new(self, value: float = 0.0) -> Array:
        return np.full(len(self.ids), value)

    def _stepper(self, program: Program, members: int) -> Stepper:
        """Return a stepper that reads and writes the buffers of the runner."""
        for name in program.fluxes:
            if name[2:] not in self.output:
                self.output[name[2:]] = self._new()
        known = {**self.output, **self._inside}
        return Stepper(
            program,
            len(self.ids),
            members,
            program.fluxes,
            forcing={n: known[n[2:]] for n in program.forcings},
            output={n: self.output[n[2:]] for n in program.fluxes},
        )

    def _make_evaporation(self) -> Stepper | None:
        program = self.plan.evaporation
        if program is None:
            return None
        return self._stepper(program, 1)

    def _make_day(self, wanted: Sequence[str]) -> Day:
        variables = self.plan.variables
        rates = [f.name for f in variables.process.forcings if f.per_step == "rate"]
        return Day({**self.output, **self._inside}, wanted, rates)

    def _make_network(self) -> DynamicNetwork | None:
        spec = self._operation.bundle.spec.dynamic
        if spec is None:
            return None
        sources: Mapping[str, Array] = {**self.output, **self._inside}
        if self._operation.daily_network:
            self._day = self._make_day(spec.forcings)
            sources = self._day.values
        return DynamicNetwork(
            self._operation,
            sources,
            self.parameters.attribute,
            self._process.parameter,
            self.parameters.mean,
        )

    def _sequence(self) -> tuple[Callable[[], object], ...]:
        """Return the calls of one step, in order; each answers if it went wrong."""
        evaporation = [self._evaporation.step] if self._evaporation else []
        network = [self._network.step] if self._network else []
        physics = [self._process.step, self._outlet.step]
        if self._day is None:
            return (*evaporation, *network, *physics)
        if self._operation.daily_network:
            return (*evaporation, self._overnight, self._day.add, *physics)
        self._whole_day = (*evaporation, *network, *physics)
        return (self._day.add, self._run_day)

    def _overnight(self) -> None:
        """Let the network see the day that is over, for the parameters of the new."""
        day, network = self._day, self._network
        if self.clock.begins_day and day and network and day.begun:
            day.close()
            network.step()

    def _run_day(self) -> bool:
        """Run the day that ends; what it answers is given out through the next."""
        if self.clock.ends_day and self._day:
            self._day.close()
            return any(step() for step in self._whole_day)
        return False

    def advance(self) -> None:
        """Run one step on the forcings in the buffers, which must be finite.

        Raises
        ------
        DataError
            When an attribute is still not set, or gives parameters that are no numbers.
        StateError
            When a store was not finite.
        """
        if self.parameters.pending:
            self.parameterize()
        for step in self._steps:
            if step():
                raise self._not_finite()

    def _not_finite(self) -> StateError:
        for name, array in self._process.state.items():
            # (location, member), where there are several entries they come first.
            axes = -1 if array.ndim == 2 else (0, -1)
            bad = ~np.isfinite(array).all(axis=axes)
            if bad.any():
                place = self.ids[int(np.argmax(bad))]
                return StateError(f"store {name[2:]!r} at {place!r} is not finite")
        return StateError("a number inside the model is not finite")

    def parameterize(self) -> None:
        """Compute the parameters where something was set since."""
        if not self.parameters.pending:
            return
        found, weights = self.parameters.compute()
        for name, values in found.items():
            self._process.parameter[name][...] = values
        if weights is not None:
            self._outlet.parameter["p.weight"][..., 0] = weights
        known = self.parameters.attribute
        area = known[AREA.name]
        # Without an area nobody is given a volume.
        self._outlet.parameter["p.area_km2"][:, 0] = np.nan_to_num(area)
        if self._evaporation is not None:
            for name, array in self._evaporation.parameter.items():
                array[:, 0] = known[name[2:]]
        if self._network is not None:
            self._network.read_attributes()
            if self._operation.daily_network and not self.storage.begun:
                self._network.step_without_past()
        self.storage.begun = True

    def adopt(self, other: Runner) -> None:
        """Take over what the same model has come to at daily steps.

        Water is on its way as after a long time of the runoff there is now, and a
        network that steps once a day has seen the last day.
        """
        self.parameterize()
        self.storage.copy_stores(other.storage)
        if self.plan.weights is not None:
            weights = self._outlet.parameter["p.weight"][..., 0]
            runoff = other.output["streamflow"] * self._operation.days
            self.storage.fill_transit(runoff, weights)
        if self._network is not None and other._network is not None:
            for name, array in self._network.memory.items():
                array[...] = other._network.memory[name]
            if self._operation.daily_network:
                self._network.step_as(other._network)
        self.storage.begin_balance()

    def outcome(self) -> dict[str, Array]:
        """Return all that :meth:`adopt` takes over, views with the location first."""
        stores = self.storage.memory()["process"]
        views = {name: np.moveaxis(array, -2, 0) for name, array in stores.items()}
        if "streamflow" in self.output:
            views["streamflow"] = self.output["streamflow"]
        return views | (self._network.memory if self._network is not None else {})

    def check_area(self) -> None:
        """Refuse to answer for a volume without the area."""
        check_attribute(AREA, self.parameters.attribute[AREA.name], self.ids)

    def state(self) -> dict[str, Array]:
        """Return all that a continuation needs, as new arrays.

        Names and shapes of stores and memories are those of the state of a
        :class:`~bmi_dmx.models.delta.DeltaModel`; the rest are buffers.
        """
        self.storage.close_balance()
        settings = self.parameters.memory()
        return {
            **{name: array.copy() for name, array in self._memory().items()},
            **{f"settings.{name}": array for name, array in settings.items()},
        }

    def restore(self, state: Mapping[str, Array]) -> list[str]:
        """Take over a state as :meth:`state` returns it; shapes must agree.

        Returns
        -------
        list of str
            Attributes and parameters that are other ones than they were.
        """
        names = self.parameters.memory()
        changed = self.parameters.restore({n: state[f"settings.{n}"] for n in names})
        for name, array in self._memory().items():
            array[...] = state[name]
        return changed

    def _memory(self) -> dict[str, Array]:
        """Return every buffer that is part of the state."""
        groups = self.storage.memory()
        groups |= {"forcing": self.forcing, "output": self.output}
        if self._evaporation is not None:
            states = self._evaporation.state.items()
            groups["evaporation"] = {name[2:]: array for name, array in states}
        if self._network is not None:
            names = self._network.parameters
            groups["network"] = self._network.memory
            groups["parameter"] = {n: self.parameters.mean[n] for n in names}
            if self._operation.daily_network:
                groups["dynamic"] = names
        if self._day is not None:
            groups["day"] = self._day.memory
        return {
            f"{group}.{name}": array
            for group, arrays in groups.items()
            for name, array in arrays.items()
        }
