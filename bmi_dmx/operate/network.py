"""Networks that supply parameters which change with time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..compose.part import Part
from ..program import evaluate
from ..variables import Flux, Forcing, PerStep, Variable, in_step
from .operation import Operation

__all__ = ["DynamicNetwork", "drivers_of"]

Array = np.ndarray[Any, np.dtype[np.float64]]


class DynamicNetwork:
    """Runs a network one step and writes what it answers into the processes.

    Parameters
    ----------
    operation : Operation
        What is run.
    part : Part
        The network.
    drivers : sequence of (Variable, ndarray)
        What it reads, and its (place,) buffer in units of the host, read at every step.
    attributes : mapping of str to ndarray
        (place,) values.
    parameter : mapping of (str, str) to ndarray
        (place, member) arrays of the processes by part and name, per step.
    mean : mapping of str to ndarray
        (place,) arrays to receive the members' mean, per unit of time.

    Attributes
    ----------
    memory : dict of str to ndarray
        What the network remembers, (place, width) by name.
    parameters : dict of str to ndarray
        The arrays of the processes that it writes to, by name.
    """

    def __init__(
        self,
        operation: Operation,
        part: Part,
        drivers: Sequence[tuple[Variable, Array]],
        attributes: Mapping[str, Array],
        parameter: Mapping[tuple[str, str], Array],
        mean: Mapping[str, Array],
    ) -> None:
        bundle, plan = operation.bundle, operation.plan
        self.part = part
        self._program = operation.program(part)
        self._forcing = [buffer for _, buffer in drivers]
        self._attributes = [attributes[name] for name in part.attributes]
        self._parameters = []
        self.parameters: dict[str, Array] = {}
        for owner, p in plan.given():
            link = plan.link(owner, p.name)
            if link.part == part.name:
                array = parameter[owner.name, p.name]
                dt = owner.dt(operation.inner)
                entry = (p.per_step, dt, f"p.{link.name}", array, mean[p.name])
                self._parameters.append(entry)
                self.parameters[p.name] = array
        self._factors = np.array([operation.factor(v) for v, _ in drivers])
        self._typical = [bundle.statistics[name].typical for name in part.inputs]
        places = len(next(iter(mean.values())))
        self._drivers = np.empty((places, len(part.inputs)))
        self._places = np.empty((places, len(part.attributes)))
        self.memory = {
            s.name: np.zeros((places, s.size)) for s in part.variables.states
        }
        self._inputs: dict[str, Array] = {
            "forcing": self._drivers,
            "attributes": self._places,
            **{f"s.{name}": array for name, array in self.memory.items()},
        }
        self._inputs.update(
            (n, x) for n, x in bundle.constants.items() if n in self._program.inputs
        )

    def read_attributes(self) -> None:
        """Take over the values the attributes have now."""
        if self._attributes:
            np.stack(self._attributes, axis=1, out=self._places)

    def step(self) -> None:
        """Advance the memory and set the parameters of the processes."""
        np.stack(self._forcing, axis=1, out=self._drivers)
        self._drivers /= self._factors
        self._answer()

    def step_without_past(self) -> None:
        """Step as after a period that is the mean of those it was trained on."""
        self._drivers[:] = self._typical
        self._answer()

    def step_as(self, other: DynamicNetwork) -> None:
        """Step as the network of another runner did last."""
        self._drivers[:] = other._drivers
        self._answer()

    def _answer(self) -> None:
        found = evaluate(self._program, self._inputs)
        for rule, dt, name, parameter, mean in self._parameters:
            values = found[name].reshape(len(self._drivers), -1)
            parameter[...] = in_step(values, rule, dt, np.expm1, np.log1p)
            np.mean(values, axis=1, out=mean)
        for name, array in self.memory.items():
            array[...] = found[f"s.{name}"]


def drivers_of(
    operation: Operation, part: Part, buffers: Mapping[tuple[str, str], str]
) -> dict[str, Forcing | Flux]:
    """Return what a network reads at every step, by the name of the buffer.

    Parameters
    ----------
    operation : Operation
        What is run.
    part : Part
        The network.
    buffers : mapping of (str, str) to str
        Name of the buffer of each output, by part and variable.
    """
    plan, inner = operation.plan, operation.inner
    given = {
        plan.link(owner, f.name).name: f
        for owner in plan.processes
        for f in owner.declared(inner).forcings
    }
    found: dict[str, Forcing | Flux] = {}
    for link in (plan.link(part, name) for name in part.inputs):
        if link.giver != "part":
            found[link.name] = given[link.name]
            continue
        fluxes = plan[link.part].declared(inner).fluxes
        flux = next(f for f in fluxes if f.name == link.name)
        buffer = buffers[link.part, link.name]
        if flux.per_step == "amount":
            found[buffer] = flux
            continue
        rate: PerStep = "rate" if flux.per_step == "rate" else "none"
        alone = Forcing(name=flux.name, units=flux.units, per_step=rate)
        # What it is to a process, if one reads it too.
        found[buffer] = given.get(link.name, alone)
    return found
