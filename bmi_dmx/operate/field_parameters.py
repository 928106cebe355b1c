"""Parameters of whole fields: numbers, maps, profiles, and what the space tells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..compose.part import Part
from ..compose.plan import Link
from ..errors import DataError
from ..program import Program, evaluate
from ..space import Grid, Space, field_shape, place_name
from ..variables import Parameter, Variable
from .operation import Operation
from .parameters import Array, Indices, Key, Parameters

__all__ = ["FieldParameters", "parameters_of"]


class FieldParameters(Parameters):
    """The parameters of a model whose processes live on fields.

    Each has the shape of its field: with levels where it is declared with them, on
    faces where it stands there. What supplies it may answer with fewer numbers; see
    :func:`~bmi_dmx.space.field_shape`.

    Parameters
    ----------
    operation : Operation
        What is run.
    ids : sequence of str
        Name of each place, for messages.
    attribute : dict of str to ndarray
        (place,) by name; NaN where one is to be set before the first step.
    space : Space
        Where the fields are.
    """

    def __init__(
        self,
        operation: Operation,
        ids: Sequence[str],
        attribute: dict[str, Array],
        space: Space,
    ) -> None:
        self._space = space
        super().__init__(operation, ids, attribute)

    def size(self, variable: Variable) -> int:
        """Return how many numbers the field of a parameter has."""
        return math.prod(self._space.shape(variable))

    def name_of(self, variable: Variable, index: int) -> str:
        """Return where the number at an index of a flat field stands, for messages."""
        return place_name(self._space, self._ids, variable, index)

    def told(self, parameter: Parameter) -> Array:
        """Return what the space tells of itself, as a field.

        Raises
        ------
        DataError
            When it is no grid.
        """
        if not isinstance(self._space, Grid):
            raise DataError(
                f"parameter {parameter.name!r}: only a grid tells its "
                f"{parameter.measure!r}, found {self._space!r:.60}"
            )
        return self._space.measure(parameter.measure, parameter.at, parameter.axes)

    def _field(
        self, link: Link, p: Parameter, answered: Mapping[Key, Array], some: slice
    ) -> Array:
        """Return what supplies a parameter, in the shape of its field."""
        if link.giver == "space":
            return self.told(p)
        values = self._value(link, p, answered, some)
        shape = field_shape(self._space, p, values.size)
        field: Array = np.broadcast_to(values.reshape(shape), self._space.shape(p))
        return field

    def _entries(self, p: Parameter, some: slice) -> slice:
        """Return all numbers of a parameter: those of a field belong together."""
        return slice(0, self.size(p))

    def _with_given(self, values: Array, numbers: Array, is_set: Indices) -> Array:
        shape = values.shape
        return np.where(is_set.reshape(shape), numbers.reshape(shape), values)

    def _mean(self, values: Array) -> Array:
        """Return the field as a row of numbers: it has no members."""
        return values.reshape(-1)

    def _prepared(
        self, part: Part, program: Program, parameters: dict[str, Array], n: int
    ) -> dict[str, Array]:
        """Return what a process prepares of its parameters, as fields."""
        inputs = {
            f"p.{name}": np.ascontiguousarray(x) for name, x in parameters.items()
        }
        outputs: dict[str, Array] = evaluate(program, inputs)
        return outputs

    def _for_places(self, answer: Array, n: int) -> Array:
        """Return an answer as it is: which field it is depends on the parameter."""
        return answer


def parameters_of(
    operation: Operation,
    ids: Sequence[str],
    attribute: dict[str, Array],
    space: Space | None,
) -> Parameters:
    """Return the parameters of a model: of fields in a space, or of single places.

    Parameters
    ----------
    operation, ids, attribute
        As of :class:`FieldParameters`.
    space : Space or None
        Where fields are; None where places are stepped one by one.
    """
    if space is None:
        return Parameters(operation, ids, attribute)
    return FieldParameters(operation, ids, attribute, space)
