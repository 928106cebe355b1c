"""Names, values and what is known about them: the variable functions of BMI."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DataError, VariableError
from .grids import PointGrid
from .quantities import Quantities, Quantity
from .runner import Runner

__all__ = ["ValueAccess"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)


class ValueAccess(PointGrid):
    """The variable functions of BMI over one table of quantities.

    Forcings, attributes and states can be set. What a state is set to is the mean of
    its members, which keep their proportions; the amount this adds is booked as
    ``mass_adjusted``. Values written through a pointer reach the model for forcings
    only. A name that is not known is an error when asked for, but is ignored, with one
    warning, when set: hosts offer all they have.
    """

    def __init__(self) -> None:
        self._table = Quantities(())
        self._ignored: set[str] = set()

    @abstractmethod
    def _model(self) -> Runner:
        """Return the runner, or raise when there is none."""

    @abstractmethod
    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the published inputs and outputs."""

    def names(self) -> tuple[str, ...]:
        """Return every name that is understood: published or not, standard or short."""
        return tuple(
            name for q in self._table for name in dict.fromkeys((q.name, q.short))
        )

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
        self._table[name]
        return 0

    def get_var_type(self, name: str) -> str:
        """Return ``float64``, the type of every variable."""
        self._table[name]
        return "float64"

    def get_var_units(self, name: str) -> str:
        """Return the units (UDUNITS)."""
        return self._table[name].units

    def get_var_itemsize(self, name: str) -> int:
        """Return the bytes of one value."""
        return self._table[name].buffer.itemsize

    def get_var_nbytes(self, name: str) -> int:
        """Return the bytes of all values."""
        return self._table[name].buffer.nbytes

    def get_var_location(self, name: str) -> str:
        """Return ``node``, where every variable is."""
        self._table[name]
        return "node"

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
            When ``dest`` has another size.
        """
        values = self.get_value_ptr(name)
        if dest.size != values.size:
            raise DataError(_misfit(name, dest.size, values.size))
        dest[...] = values.reshape(dest.shape)
        return dest

    def get_value_at_indices(self, name: str, dest: Array, inds: Array) -> Array:
        """Copy the values at some locations into ``dest``, and return it."""
        dest[...] = self.get_value_ptr(name)[inds].reshape(dest.shape)
        return dest

    def set_value(self, name: str, src: ArrayLike) -> None:
        """Set a forcing, an attribute, or the members' mean of a state.

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
        quantity = self._settable(name)
        if quantity is None:
            return
        values = np.asarray(src)
        if values.size != quantity.buffer.size:
            raise DataError(_misfit(name, values.size, quantity.buffer.size))
        if quantity.role == "forcing":
            quantity.buffer[:] = values.reshape(-1)
        else:
            self._setter(quantity)(quantity.short, values.reshape(-1).astype(float))

    def set_value_at_indices(self, name: str, inds: Array, src: ArrayLike) -> None:
        """Set values at some locations; otherwise as :meth:`set_value`."""
        quantity = self._settable(name)
        if quantity is not None:
            values = quantity.buffer.copy()
            values[inds] = np.asarray(src).reshape(-1)
            self.set_value(name, values)

    def _settable(self, name: str) -> Quantity | None:
        """Return a quantity that can be set; None, with one warning, if unknown."""
        self._model()
        if name not in self._table:
            if name not in self._ignored:
                self._ignored.add(name)
                _log.warning("set_value: the model has no %r, which is ignored", name)
            return None
        quantity = self._table[name]
        if quantity.role not in ("forcing", "attribute", "state"):
            raise VariableError(
                f"{name!r} is a {quantity.role} and cannot be set; forcings, states "
                "and attributes can"
            )
        return quantity

    def _setter(self, quantity: Quantity) -> Callable[[str, Array], None]:
        runner = self._model()
        return runner.set_store if quantity.role == "state" else runner.set_attribute


def _misfit(name: str, found: int, expected: int) -> str:
    return f"{name!r}: found {found} values, expected {expected}, one for each location"
