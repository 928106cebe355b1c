"""The dynamic network of a model: parameters that change with every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..bundle import Bundle
from ..scan.evaluate import evaluate
from ..variables import in_step

__all__ = ["DynamicNetwork"]

Array = np.ndarray[Any, np.dtype[np.float64]]


class DynamicNetwork:
    """Runs the network one step and writes what it answers into the process.

    Parameters
    ----------
    bundle : Bundle
        A model with a dynamic network.
    forcing : mapping of str to ndarray
        (location,) buffers, read at every step.
    attributes : mapping of str to ndarray
        (location,) values.
    parameter : mapping of str to ndarray
        (location, member) arrays of the process by ``p.<name>``, per step.
    mean : mapping of str to ndarray
        (location,) arrays to receive the members' mean, per day.
    days : float
        Length of a step.

    Attributes
    ----------
    memory : dict of str to ndarray
        What the network remembers, (location, width) by name.
    """

    def __init__(
        self,
        bundle: Bundle,
        forcing: Mapping[str, Array],
        attributes: Mapping[str, Array],
        parameter: Mapping[str, Array],
        mean: Mapping[str, Array],
        days: float,
    ) -> None:
        spec, part = bundle.spec.dynamic, bundle.variables.network
        assert spec is not None
        assert part is not None
        declared = {p.name: p for p in bundle.variables.process.parameters}
        self._program = bundle.programs["dynamic"]
        self._forcing = [forcing[name] for name in spec.forcings]
        self._attributes = [attributes[name] for name in spec.attributes]
        self._parameters = [
            (declared[name].per_step, f"p.{name}", parameter[f"p.{name}"], mean[name])
            for name in spec.parameters
        ]
        self._days = days
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
        """Advance the memory and set the process's parameters for this step."""
        np.stack(self._forcing, axis=1, out=self._drivers)
        found = evaluate(self._program, self._inputs)
        for rule, name, parameter, mean in self._parameters:
            values = found[name]
            parameter[...] = in_step(values, rule, self._days, np.expm1, np.log1p)
            np.mean(values, axis=1, out=mean)
        for name, array in self.memory.items():
            array[...] = found[f"network.{name}"]
