"""Any component of BMI as an ensemble: instances side by side, and a filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ..errors import ConfigError, DataError, suggestion
from .filters import Filter
from .observation import Observation
from .transforms import Transform

__all__ = ["Instances", "Steppable"]

Array = np.ndarray[Any, np.dtype[np.float64]]


class Steppable(Protocol):
    """The functions of BMI that an ensemble of components calls."""

    def get_input_var_names(self) -> Sequence[str]:
        """Return names of what can be set."""

    def get_output_var_names(self) -> Sequence[str]:
        """Return names of what can be read."""

    def get_var_grid(self, name: str) -> int:
        """Return the grid of a variable."""

    def get_grid_size(self, grid: int) -> int:
        """Return how many values a grid has."""

    def get_var_type(self, name: str) -> str:
        """Return the type of the values of a variable."""

    def get_value(self, name: str, dest: Any) -> Any:
        """Read a variable."""

    def set_value(self, name: str, src: Any) -> None:
        """Set a variable."""

    def update(self) -> None:
        """Go on by one step."""


class Instances:
    """Instances of a component of BMI, whoever wrote it, as members of an ensemble.

    States are read and set by the functions of BMI alone. What makes the members
    differ, such as other forcing for each, is for the caller to do.

    Parameters
    ----------
    members : sequence
        Components, initialised, two or more for filters of ensembles.
    states : mapping of str to Transform
        Names of what is changed, with the scale on which it is (such as
        :class:`~.transforms.Log1p` for what is not negative).
    filter : Filter
        Changes them.

    Raises
    ------
    ConfigError
        When there are no members, or a state is none that can be read and set.

    Examples
    --------
    >>> ensemble = Instances(models, {"storage": Log1p()}, Etkf())  # doctest: +SKIP
    >>> ensemble.update()                                           # doctest: +SKIP
    >>> ensemble.analyse("outflow", [2.1], [0.2])                   # doctest: +SKIP
    """

    def __init__(
        self,
        members: Sequence[Steppable],
        states: Mapping[str, Transform],
        filter: Filter,
    ) -> None:
        if not members or not states:
            raise ConfigError("members, states: found none, expected one or more")
        self.members, self.states, self._filter = tuple(members), dict(states), filter
        first = self.members[0]
        both = set(first.get_output_var_names()) & set(first.get_input_var_names())
        for name in self.states:
            if name not in both:
                raise ConfigError(
                    f"states: {name!r} cannot be read and set in "
                    f"{type(first).__name__}{suggestion(name, both)}"
                )

    def update(self) -> None:
        """Step all members."""
        for member in self.members:
            member.update()

    def values(self, name: str) -> Array:
        """Return a variable of all members, (member, value).

        Raises
        ------
        ConfigError
            When they have no such output.
        """
        first = self.members[0]
        names = first.get_output_var_names()
        if name not in names:
            raise ConfigError(
                f"{type(first).__name__}: no output {name!r}{suggestion(name, names)}"
            )
        size = first.get_grid_size(first.get_var_grid(name))
        values = np.empty((len(self.members), size))
        buffer = np.empty(size, first.get_var_type(name))
        for row, member in zip(values, self.members, strict=True):
            member.get_value(name, buffer)
            row[:] = buffer
        return values

    def analyse(
        self,
        name: str,
        observed: Any,
        error: Any,
        *,
        generator: np.random.Generator | None = None,
    ) -> dict[str, Array]:
        """Correct the states of all members by what was observed of an output.

        Parameters
        ----------
        name : str
            The output.
        observed, error : array_like
            (value,) and standard deviations; NaN is missing.
        generator : numpy.random.Generator, optional
            For filters that draw numbers.

        Returns
        -------
        dict of str to ndarray
            (value,) what was added to the mean of each state.

        Raises
        ------
        DataError
            When a component does not hold what was set, or a state is no number.
        """
        predicted = self.values(name)
        before = {state: self.values(state) for state in self.states}
        scaled = [s.forward(before[n], None) for n, s in self.states.items()]
        value = np.broadcast_to(np.asarray(observed, float), predicted.shape[1:])
        std = np.broadcast_to(np.asarray(error, float), predicted.shape[1:])
        after = self._filter.analyse(
            np.concatenate(scaled, axis=1), predicted, Observation(value, std),
            generator=generator,
        )  # fmt: skip
        ends = np.cumsum([x.shape[1] for x in scaled])[:-1]
        added = {}
        for (state, scale), old, part, past in zip(
            self.states.items(), scaled, np.split(after, ends, axis=1),
            before.values(), strict=True,
        ):  # fmt: skip
            new = np.where(part == old, past, scale.backward(part, None))
            self._set(state, new)
            added[state] = (new - past).mean(axis=0)
        return added

    def _set(self, state: str, values: Array) -> None:
        kind = self.members[0].get_var_type(state)
        for row, member in zip(values, self.members, strict=True):
            member.set_value(state, row.astype(kind))
        actual = self.values(state)
        wrong = actual != values.astype(kind)
        if wrong.any():
            k, at = (int(i) for i in np.argwhere(wrong)[0])
            raise DataError(
                f"{type(self.members[k]).__name__}: {state!r} of member {k + 1} is "
                f"{actual[k, at]:g} after it was set to {values[k, at]:g}"
            )
