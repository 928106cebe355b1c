"""Names, values and what is known about them: the variable functions of BMI."""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DataError, VariableError
from .filling import fill, fill_at, misfit, within
from .grids import PointGrid
from .once import warn_once
from .quantities import Quantities, Quantity
from .runner import Runner
from .serialization import Signal

__all__ = ["ValueAccess"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)


class ValueAccess(PointGrid):
    """The variable functions of BMI over one table of quantities.

    Forcings, attributes, parameters and states can be set. What a state is set to is
    the mean of its members, which keep their proportions; the amount this adds is
    booked as ``mass_adjusted``. A parameter is the same for all members from then on.
    Values written through a pointer reach the model for forcings only. A name that is
    not known is an error when asked for, but is ignored, with one warning, when set:
    hosts offer all they have.
    """

    def __init__(self) -> None:
        self._table: Quantities
        self._known: Quantities
        self._ignored: set[str] = set()

    @abstractmethod
    def _model(self) -> Runner:
        """Return the runner, or raise when there is none."""

    @abstractmethod
    def _set_store(self, name: str, values: Array, at: Array) -> None:
        """Set the members' mean of a store at some locations."""

    @abstractmethod
    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the published inputs and outputs."""

    def names(self) -> tuple[str, ...]:
        """Return every name that is understood: published or not, standard or short."""
        return self._known.catalogue.names

    def get_input_item_count(self) -> int:
        """Return the number of published inputs."""
        return len(self._names()[0])

    def get_output_item_count(self) -> int:
        """Return the number of published outputs."""
        return len(self._names()[1])

    # The library's annotation says tuple[str]; its text says any number.
    def get_input_var_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Return the names of the forcings."""
        return self._names()[0]

    def get_output_var_names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Return the names of the published outputs."""
        return self._names()[1]

    def get_var_grid(self, name: str) -> int:
        """Return 0, the grid of every variable."""
        self._on_grid(name)
        return 0

    def get_var_type(self, name: str) -> str:
        """Return ``float64``, the type of every variable."""
        return self._known[name].type

    def get_var_units(self, name: str) -> str:
        """Return the units (UDUNITS)."""
        return self._known[name].units

    def get_var_itemsize(self, name: str) -> int:
        """Return the bytes of one value."""
        return self._known[name].itemsize

    def get_var_nbytes(self, name: str) -> int:
        """Return the bytes of all values."""
        return self._known[name].nbytes

    def get_var_location(self, name: str) -> str:
        """Return ``node``, where every variable is."""
        self._on_grid(name)
        return "node"

    def _on_grid(self, name: str) -> None:
        if self._known[name].role == "signal":
            raise VariableError(f"{name!r} is a signal of the host and on no grid")

    def get_value_ptr(self, name: str) -> Array:
        """Return the values themselves, (location,): the same array for life.

        Parameters
        ----------
        name : str
            Standard or short name.

        Raises
        ------
        VariableError
            When the name is not known.
        """
        quantity = self._table[name]
        if quantity.refresh is not None:
            quantity.refresh()
        return quantity.buffer

    def get_value(self, name: str, dest: Array) -> Array:
        """Copy the values into ``dest``, and return it.

        Raises
        ------
        VariableError
            When the name is not known.
        DataError
            When ``dest`` has another size, or is not of floating point.
        """
        return fill(name, self.get_value_ptr(name), dest)

    def get_value_at_indices(self, name: str, dest: Array, inds: Array) -> Array:
        """Copy the values at some locations into ``dest``, and return it.

        Raises
        ------
        VariableError
            When the name is not known.
        DataError
            When ``dest`` has another size or is not of floating point, or there is no
            such location.
        """
        return fill_at(name, self.get_value_ptr(name), dest, inds)

    def set_value(self, name: str, src: ArrayLike) -> None:
        """Set a forcing, attribute, parameter, or the members' mean of a state.

        Parameters
        ----------
        name : str
            Standard or short name.
        src : array_like
            One number for every location.

        Raises
        ------
        VariableError
            When the variable cannot be set.
        DataError
            When sizes differ, or a value is outside the bounds of a state.
        """
        # What is there is asked for once, and then found at once.
        quantity = self._table.get(name) or self._settable(name)
        if quantity is None:
            return
        values = _filled(src)
        if isinstance(quantity, Signal):
            quantity.receive(values)
            return
        if values.size != quantity.buffer.size:
            raise misfit(name, values.size, quantity.buffer.size)
        if values.dtype.kind not in "fiub":
            raise DataError(f"{name!r}: expected numbers, found {src!r}")
        if quantity.role == "forcing":
            quantity.buffer[:] = values if values.ndim == 1 else values.reshape(-1)
        else:
            self._set(quantity, values, np.arange(values.size))

    def set_value_at_indices(self, name: str, inds: Array, src: ArrayLike) -> None:
        """Set values at some locations; otherwise as :meth:`set_value`."""
        quantity = self._settable(name)
        if quantity is not None:
            given = _filled(src)
            at = within(name, inds, quantity.buffer.size)
            if given.size != at.size:
                raise DataError(
                    f"{name!r}: found {given.size} values for {at.size} locations"
                )
            if given.dtype.kind not in "fiub":
                raise DataError(f"{name!r}: expected numbers, found {src!r:.60}")
            if isinstance(quantity, Signal):
                values = quantity.buffer.copy()
                values[at] = given.reshape(-1)
                quantity.receive(values)
            else:
                self._set(quantity, given, at)

    def _settable(self, name: str) -> Quantity | Signal | None:
        """Return a quantity that can be set; None, with one warning, if unknown."""
        model = self._model()
        if not self._table.knows(name):
            if name not in self._ignored:
                self._ignored.add(name)
                warn_once(
                    _log, name, "%s: set_value: the model has no %r, which is ignored",
                    model.place, name,
                )  # fmt: skip
            return None
        return self._table[name]

    def _set(self, quantity: Quantity, given: Array, at: Array) -> None:
        """Set a quantity at some locations, and nothing elsewhere."""
        model, values = self._model(), given.reshape(-1).astype(float)
        if quantity.role in ("flux", "diagnostic"):
            raise VariableError(
                f"{quantity.short!r} is a {quantity.role} and cannot be set; forcings, "
                "states, parameters and attributes can"
            )
        if quantity.role == "forcing":
            quantity.buffer[at] = values
        elif quantity.role == "state":
            self._set_store(quantity.short, values, at)
        elif quantity.role == "attribute":
            model.parameters.set_attribute(quantity.short, values, at)
        else:
            model.parameters.set_parameter(quantity.short, values, at)


def _filled(src: ArrayLike) -> Array:
    """Return values as an array, with NaN where they are masked."""
    if isinstance(src, np.ma.MaskedArray):
        return np.asarray(np.ma.filled(src.astype(float), np.nan))
    return np.asarray(src)
