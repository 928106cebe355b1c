"""Names, values and what is known about them: the variable functions of BMI."""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DataError, VariableError
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
    def _set_store(self, name: str, values: Array) -> None:
        """Set the members' mean of a store."""

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
        values = self.get_value_ptr(name)
        if dest.size != values.size:
            raise DataError(_misfit(name, dest.size, values.size))
        _refuse_whole_numbers(name, values, dest)
        dest[...] = values.reshape(dest.shape)
        return dest

    def get_value_at_indices(self, name: str, dest: Array, inds: Array) -> Array:
        """Copy the values at some locations into ``dest``, and return it.

        Raises
        ------
        VariableError
            When the name is not known.
        DataError
            When ``dest`` is not of floating point, or there is no such location.
        """
        values = self.get_value_ptr(name)
        _refuse_whole_numbers(name, values, dest)
        if dest.shape == (1,) and len(inds) == 1:
            # Hosts of one location ask for every value like this.
            if not 0 <= inds[0] < values.size:
                _within(name, inds, values.size)
            dest[0] = values[inds[0]]
        else:
            dest[...] = values[_within(name, inds, values.size)].reshape(dest.shape)
        return dest

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
            raise DataError(_misfit(name, values.size, quantity.buffer.size))
        if values.dtype.kind not in "fiub":
            raise DataError(f"{name!r}: expected numbers, found {src!r}")
        if quantity.role == "forcing":
            quantity.buffer[:] = values if values.ndim == 1 else values.reshape(-1)
        else:
            self._set(quantity, values.reshape(-1).astype(float))

    def set_value_at_indices(self, name: str, inds: Array, src: ArrayLike) -> None:
        """Set values at some locations; otherwise as :meth:`set_value`."""
        quantity = self._settable(name)
        if quantity is not None:
            values, given = quantity.buffer.copy(), _filled(src).reshape(-1)
            at = _within(name, inds, values.size)
            if given.size != at.size:
                raise DataError(
                    f"{name!r}: found {given.size} values for {at.size} locations"
                )
            if given.dtype.kind not in "fiub":
                raise DataError(f"{name!r}: expected numbers, found {src!r:.60}")
            values[at] = given
            self.set_value(name, values)

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

    def _set(self, quantity: Quantity, values: Array) -> None:
        model = self._model()
        if quantity.role in ("flux", "diagnostic"):
            raise VariableError(
                f"{quantity.short!r} is a {quantity.role} and cannot be set; forcings, "
                "states, parameters and attributes can"
            )
        if quantity.role == "state":
            self._set_store(quantity.short, values)
        elif quantity.role == "attribute":
            model.parameters.set_attribute(quantity.short, values)
        else:
            model.parameters.set_parameter(quantity.short, values)


def _filled(src: ArrayLike) -> Array:
    """Return values as an array, with NaN where they are masked."""
    if isinstance(src, np.ma.MaskedArray):
        return np.asarray(np.ma.filled(src.astype(float), np.nan))
    return np.asarray(src)


def _misfit(name: str, found: int, expected: int) -> str:
    return f"{name!r}: found {found} values, expected {expected}, one for each location"


def _refuse_whole_numbers(name: str, values: Array, dest: Array) -> None:
    if dest.dtype.kind != "f" and values.dtype.kind == "f":
        raise DataError(
            f"{name!r}: expected an array of floating point to copy into, found "
            f"{dest.dtype}, which would cut the values"
        )


def _within(name: str, inds: Array, size: int) -> Array:
    """Return indices of locations; refuse those that do not exist."""
    indices = np.asarray(inds).reshape(-1)
    if indices.dtype.kind not in "iu":
        raise DataError(f"{name!r}: expected numbers of locations, found {inds!r:.60}")
    bad = indices[(indices < 0) | (indices >= size)]
    if bad.size:
        raise DataError(
            f"{name!r}: there is no location {bad.flat[0]}, expected 0 to {size - 1}"
        )
    return indices
