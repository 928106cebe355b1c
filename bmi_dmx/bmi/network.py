"""The dynamic network of a model: parameters that change with time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..program import evaluate
from ..variables import in_step
from .operation import Operation

__all__ = ["DynamicNetwork"]

Array = np.ndarray[Any, np.dtype[np.float64]]


class DynamicNetwork:
    """Runs the network one step and writes what it answers into the process.

    Parameters
    ----------
    operation : Operation
        Of a model with a dynamic network.
    forcing : mapping of str to ndarray
        (location,) buffers in units of the host, read at every step.
    attributes : mapping of str to ndarray
        (location,) values.
    parameter : mapping of str to ndarray
        (location, member) arrays of the process by ``p.<name>``, per step.
    mean : mapping of str to ndarray
        (location,) arrays to receive the members' mean, per day.

    Attributes
    ----------
    memory : dict of str to ndarray
        What the network remembers, (location, width) by name.
    parameters : dict of str to ndarray
        The arrays of the process that it writes to.
    """

    def __init__(
        self,
        operation: Operation,
        forcing: Mapping[str, Array],
        attributes: Mapping[str, Array],
        parameter: Mapping[str, Array],
        mean: Mapping[str, Array],
    ) -> None:
        bundle = operation.bundle
        spec, part = bundle.spec.dynamic, bundle.variables.network
        assert spec is not None
        assert part is not None
        process = bundle.variables.process
        rules = {p.name: p.per_step for p in process.parameters}
        self._program = bundle.programs["dynamic"]
        self._forcing = [forcing[name] for name in spec.forcings]
        self._attributes = [attributes[name] for name in spec.attributes]
        self._parameters = [
            (rules[name], f"p.{name}", parameter[f"p.{name}"], mean[name])
            for name in spec.parameters
        ]
        self.parameters = {name: parameter[f"p.{name}"] for name in spec.parameters}
        # The host's units are those of all that has the same declared ones.
        declared = {f.name: f for f in (*process.forcings, *bundle.variables.forcings)}
        self._factors = np.array([operation.factor(declared[n]) for n in spec.forcings])
        self._typical = [bundle.statistics[name].typical for name in spec.forcings]
        self._days = operation.days
        locations = len(self._attributes[0])
        self._drivers = np.empty((locations, len(spec.forcings)))
        self._places = np.empty((locations, len(spec.attributes)))
        self.memory = {s.name: np.zeros((locations, s.size)) for s in part.states}
        self._inputs: dict[str, Array] = {
            "forcing": self._drivers,
            "attributes": self._places,
            **{f"network.{name}": array for name, array in self.memory.items()},
        }
        self._inputs.update(
            (n, x) for n, x in bundle.constants.items() if n in self._program.inputs
        )

    def read_attributes(self) -> None:
        """Take over the values the attributes have now."""
        np.stack(self._attributes, axis=1, out=self._places)

    def step(self) -> None:
        """Advance the memory and set the process's parameters."""
        np.stack(self._forcing, axis=1, out=self._drivers)
        self._drivers /= self._factors
        self._answer()

    def step_without_past(self) -> None:
        """Step as on a day that is the mean of those the network was trained on."""
        self._drivers[:] = self._typical
        self._answer()

    def step_as(self, other: DynamicNetwork) -> None:
        """Step as the network of another component did last."""
        self._drivers[:] = other._drivers
        self._answer()

    def _answer(self) -> None:
        found = evaluate(self._program, self._inputs)
        for rule, name, parameter, mean in self._parameters:
            values = found[name]
            parameter[...] = in_step(values, rule, self._days, np.expm1, np.log1p)
            np.mean(values, axis=1, out=mean)
        for name, array in self.memory.items():
            array[...] = found[f"network.{name}"]
